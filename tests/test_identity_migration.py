"""Results of layout 1 are read and brought to today's layout whole, whatever interrupts it; see data/make_results_v1.py."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syntagma.errors import InputError
from syntagma.sweep import database, migration
from syntagma.sweep.identity import run_id
from syntagma.sweep.store import Store

OLD = Path(__file__).parent / "data" / "results-v1.sqlite"


def rows(file: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


OLD_RUNS = {
    identity: json.loads(config) for identity, config in rows(OLD, "SELECT id, config FROM runs ORDER BY rowid")
}


def without_study(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "study"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A results directory of layout 1, with networks of all three runs."""
    shutil.copy(OLD, tmp_path / "results.sqlite")
    for number, identity in enumerate(OLD_RUNS):
        (tmp_path / "weights" / identity).mkdir(parents=True)
        (tmp_path / "weights" / identity / f"{number}.safetensors").write_text(f"{number}")
        (tmp_path / "weights" / identity / "8.safetensors").write_text("best" if number < 2 else "other")
    return tmp_path


def check_content(store: Store) -> None:
    """All of the old file, with the run that two studies asked for once, and found by its id."""
    both, _, kept = OLD_RUNS.values()
    assert store.damage() == []
    assert store.ids() == {run_id(without_study(config)) for config in OLD_RUNS.values()}
    assert list(store.runs()["id"]) == [run_id(without_study(both)), run_id(without_study(kept))]
    old = rows(OLD, "SELECT id, result, history, finished_at, environment FROM runs ORDER BY rowid")
    for number, (identity, result, history, finished_at, environment) in enumerate(old):
        config = without_study(OLD_RUNS[identity])
        new = run_id(config)
        assert store.config(new) == config
        assert store.history(new).to_dict("records") == json.loads(history) or number == 1
        if number != 1:  # the first of the two that became one stays
            assert store.results([new]) == {new: json.loads(result)}
            row = store.runs([new]).iloc[0]
            assert (row["finished_at"], row["environment"]) == (finished_at, environment)
    plateaus = ({"of": "plateaus", "vocab": 4}, {"loss_nats": [1.0, 0.5]})
    assert store.facts("scaling-laws") == [plateaus]
    probes = ({"of": "probes", "run": run_id(without_study(both)), "step": 8}, {"cosine": 0.25})
    assert store.facts("level-by-level") == [plateaus, probes]
    commands = store.commands()
    assert commands["argv"].tolist() == [["syntagma", "run", study] for study in ("scaling-laws", "level-by-level")]
    assert commands["seconds"].tolist() == [seconds for (seconds,) in rows(OLD, "SELECT seconds FROM commands")]
    assert commands["settings"].tolist() == [{"seeds": 2}] * 2
    assert store.studies() == ["level-by-level", "scaling-laws"]
    ((name, machine, versions),) = rows(OLD, "SELECT * FROM environments")
    assert store.environments() == {name: {"machine": json.loads(machine), "versions": json.loads(versions)}}


def networks(store: Store) -> list[dict[int, str]]:
    both, _, kept = (run_id(without_study(config)) for config in OLD_RUNS.values())
    return [{step: file.read_text() for step, file in store.checkpoints(name).items()} for name in (both, kept)]


def test_the_old_file_holds_one_run_twice():
    first, second, kept = OLD_RUNS.values()
    assert first != second
    assert without_study(first) == without_study(second) != without_study(kept)


def test_opening_for_writing_changes_the_file_and_keeps_a_copy(place: Path, capsys: pytest.CaptureFixture[str]):
    with Store.open(place) as store:
        check_content(store)
        assert networks(store) == [{0: "0", 1: "1", 8: "best"}, {2: "2", 8: "other"}]
        assert {entry.name for entry in (place / "weights").iterdir()} == store.ids()
        config = without_study(next(iter(OLD_RUNS.values())))
        store.record_run(config, {"test_loss": 0.0})  # it is stored already
        store.record_run(config | {"seed": 5}, {"test_loss": 0.5})
        assert len(store.runs()) == 3
    assert capsys.readouterr().err == (
        f"{place / 'results.sqlite'} was brought to layout 2; as it was: results.v1.sqlite\n"
    )
    for query in ("SELECT * FROM runs", "SELECT * FROM facts", "SELECT * FROM commands", "PRAGMA user_version"):
        assert rows(place / "results.v1.sqlite", query) == rows(OLD, query)
    assert {entry.name for entry in place.iterdir()} == {"results.sqlite", "results.v1.sqlite", "weights"}
    with Store.create(place) as store:
        assert len(store.runs()) == 3
    assert capsys.readouterr().err == ""


def test_reading_leaves_the_old_file_as_it_is(place: Path, capsys: pytest.CaptureFixture[str]):
    before = {file: file.read_bytes() for file in place.rglob("*") if file.is_file()}
    with Store.open(place, read_only=True) as store:
        check_content(store)
        assert networks(store) == [{0: "0", 8: "best"}, {2: "2", 8: "other"}]
        with pytest.raises(InputError, match="read-only"):
            store.record_run({"seed": 1}, {})
    assert {file: file.read_bytes() for file in place.rglob("*") if file.is_file()} == before
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("crash_at", ["_copy", "_change", "_rename_networks"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_leaves_one_layout_and_the_next_attempt_ends_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, crash_at: str, moment: str
):
    whole = getattr(migration, crash_at)

    def crash(*arguments: Any) -> None:
        if moment == "after":
            whole(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migration, crash_at, crash)
        with pytest.raises(KeyboardInterrupt):
            Store.open(place)
    assert rows(place / "results.sqlite", "PRAGMA user_version") == [(1,)]
    assert rows(place / "results.sqlite", "SELECT * FROM runs") == rows(OLD, "SELECT * FROM runs")
    with Store.open(place) as store:
        check_content(store)
        assert networks(store) == [{0: "0", 1: "1", 8: "best"}, {2: "2", 8: "other"}]


def test_networks_that_differ_under_one_name_are_not_lost(place: Path):
    second = list(OLD_RUNS)[1]
    (place / "weights" / second / "8.safetensors").write_text("another best")
    with Store.open(place) as store:
        assert networks(store)[0][8] == "best"
    assert (place / "weights" / second / "8.safetensors").read_text() == "another best"


def test_of_several_processes_one_changes_the_file(place: Path):
    script = "import sys; from syntagma.sweep.store import Store; Store.open(sys.argv[1]).close()"
    command = [sys.executable, "-c", script, str(place)]
    openers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [opener.communicate()[1] for opener in openers]
    assert [opener.returncode for opener in openers] == [0] * 3
    assert sorted(map(bool, said)) == [False, False, True]
    with Store.open(place) as store:
        check_content(store)
    assert migration.migrate(place / "results.sqlite").ids == {}  # as the one that came second finds it


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE runs SET config = replace(config, '\"seed\":1', '\"seed\":7') WHERE rowid = 3", "not that of its id"),
        ("UPDATE runs SET result = 'x' WHERE rowid = 3", "result is not JSON"),
        ("UPDATE runs SET history = '[1]' WHERE rowid = 3", "no list of mappings"),
        ("UPDATE runs SET study = 'other' WHERE rowid = 3", "not that of its id"),
        ("UPDATE runs SET finished_at = x'ff' WHERE rowid = 3", "another type"),
    ],
)
def test_damaged_rows_are_left_out_and_said(place: Path, change: str, says: str, capsys: pytest.CaptureFixture[str]):
    with closing(sqlite3.connect(place / "results.sqlite")) as connection, connection:
        connection.execute(change)
    with Store.open(place) as store:
        assert len(store.runs()) == 1
    assert "; 1 damaged rows are in the copy only" in capsys.readouterr().err
    with closing(database.connect(place / "results.v1.sqlite", read_only=True, versions=(1,))) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (3,)
    shutil.copy(place / "results.v1.sqlite", place / "results.sqlite")
    (line,) = migration.migrate(place / "results.sqlite").left_out
    assert line.startswith(f"run {list(OLD_RUNS)[2]}: ")
    assert says in line
