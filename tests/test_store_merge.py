"""Results brought together: everything once, what differs is said, and what is damaged is left out."""

from __future__ import annotations

import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from syntagma.errors import InputError
from syntagma.sweep.identity import run_id
from syntagma.sweep.merge import MergeReport, merge
from syntagma.sweep.store import Store

HISTORY = [{"step": 0, "test_loss": 2.0}]
OTHER_MACHINE = {"machine": {"processor": "other"}, "versions": {"jax": "1.0"}, "settings": {}}


def result(seed: int) -> dict[str, object]:
    return {"test_loss": math.nan if seed == 1 else seed / 3, "seconds": 1.0, "history": HISTORY}


def shard(place: Path, seeds: range) -> Path:
    with Store.create(place) as store:
        store.finish_command(store.record_command("study", None, {"shard": str(seeds)}, ["syntagma"]))
        for seed in seeds:
            identity = store.record_run({"seed": seed}, result(seed), OTHER_MACHINE if seed > 3 else None)
            if seed % 2 == 0:
                (place / "weights" / identity).mkdir(parents=True)
                (place / "weights" / identity / "8.safetensors").write_text(f"{seed}")
        store.record_fact("study", {"of": "plateaus"}, {"loss_nats": [1.0]})
        store.record_fact("study", {"of": str(seeds)}, {"loss_nats": [2.0]})
    return place


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    return [shard(tmp_path / "a", range(4)), shard(tmp_path / "b", range(2, 6))]


def merged(into: Path, sources: list[Path]) -> MergeReport:
    with Store.create(into) as store:
        opened = [Store.open(source, read_only=True) for source in sources]
        report = merge(store, opened)
        for source in opened:
            source.close()
    return report


def test_everything_is_there_once(tmp_path: Path, shards: list[Path]):
    report = merged(tmp_path / "all", shards)
    assert report == MergeReport(runs=6, repeated=2, facts=3, networks=3)
    with Store.open(tmp_path / "all", read_only=True) as store, Store.open(shards[1], read_only=True) as second:
        assert store.damage() == []
        assert store.ids() == {run_id({"seed": seed}) for seed in range(6)}
        wanted = {run_id({"seed": s}): {n: v for n, v in result(s).items() if n != "history"} for s in range(6)}
        assert repr(store.results()) == repr(wanted)
        for identity in store.ids():
            assert store.history(identity).to_dict("records") == HISTORY
        last = run_id({"seed": 5})
        assert store.runs([last]).equals(second.runs([last]))
        assert store.environments()[store.runs([last])["environment"].iloc[0]] == OTHER_MACHINE
        assert {store.config(name)["seed"] for name in store.ids_with_networks()} == {0, 2, 4}
        assert store.checkpoints(run_id({"seed": 4}))[8].read_text() == "4"
        assert [settings["shard"] for settings in store.commands()["settings"]] == ["range(0, 4)", "range(2, 6)"]
        assert len(store.facts("study")) == 3


def test_merging_again_changes_nothing(tmp_path: Path, shards: list[Path]):
    merged(tmp_path / "all", shards)
    before = {file: file.read_bytes() for file in (tmp_path / "all").rglob("*") if file.is_file()}
    assert merged(tmp_path / "all", shards) == MergeReport(repeated=8)
    with Store.open(tmp_path / "all", read_only=True) as store:
        assert len(store.runs()) == 6
        assert len(store.commands()) == 2
    assert {f: f.read_bytes() for f in before if f.suffix != ".sqlite"} == {
        f: raw for f, raw in before.items() if f.suffix != ".sqlite"
    }


def test_a_run_of_another_result_is_a_conflict_and_the_first_stays(tmp_path: Path):
    for name, loss, seconds in (("a", 0.5, 1.0), ("b", 0.5, 2.0), ("c", math.nextafter(0.5, 1), 1.0)):
        with Store.create(tmp_path / name) as store:
            store.record_run({"seed": 0}, {"test_loss": loss, "steps": 8, "seconds": seconds, "noise": math.nan})
            store.record_fact("study", {"of": "x"}, {"value": loss, "seconds": seconds})
    report = merged(tmp_path / "all", [tmp_path / name for name in "abc"])
    into, third = tmp_path / "all" / "results.sqlite", tmp_path / "c" / "results.sqlite"
    identity = run_id({"seed": 0})
    assert (report.runs, report.repeated, report.facts) == (1, 1, 1)
    assert f"run {identity} has another test_loss in {third}; that of {into} is kept" in report.conflicts
    assert len(report.conflicts) == 2
    assert any(line.startswith("fact ") and "of study is another in" in line for line in report.conflicts)
    with Store.open(into, read_only=True) as store:
        assert store.results()[identity]["test_loss"] == 0.5


def test_what_is_left_of_a_damaged_file_is_saved(tmp_path: Path, shards: list[Path]):
    with closing(sqlite3.connect(shards[0] / "results.sqlite")) as connection, connection:
        connection.execute("UPDATE runs SET result = '{}' WHERE rowid = 1")
        connection.execute("UPDATE histories SET history = '[]' WHERE rowid = 2")
        connection.execute("DROP TABLE facts")
    report = merged(tmp_path / "all", shards[:1])
    assert report.runs == 3
    assert len(report.damage) == 3
    assert all(line.startswith(f"{shards[0] / 'results.sqlite'}: ") for line in report.damage)
    with Store.open(tmp_path / "all") as store:
        assert store.ids() == {run_id({"seed": seed}) for seed in (1, 2, 3)}
        with pytest.raises(InputError, match=r"the history of run .* is damaged"):
            store.history(run_id({"seed": 1}))
        assert store.record_run({"seed": 0}, result(0)) in store.ids()


def test_a_store_of_layout_1_is_merged_with_its_networks(tmp_path: Path):
    (tmp_path / "old").mkdir()
    shutil.copy(Path(__file__).parent / "data" / "results-v1.sqlite", tmp_path / "old" / "results.sqlite")
    with closing(sqlite3.connect(tmp_path / "old" / "results.sqlite")) as connection:
        old = [identity for (identity,) in connection.execute("SELECT id FROM runs ORDER BY rowid")]
    for identity in old:
        (tmp_path / "old" / "weights" / identity).mkdir(parents=True)
        (tmp_path / "old" / "weights" / identity / "8.safetensors").write_text(identity)
    report = merged(tmp_path / "all", [tmp_path / "old"])
    assert (report.runs, report.networks, report.conflicts, report.damage) == (2, 2, [], [])
    with Store.open(tmp_path / "all", read_only=True) as store:
        assert [store.checkpoints(name)[8].read_text() for name in store.results()] == [old[0], old[2]]


def test_a_directory_is_not_merged_into_itself(shards: list[Path]):
    with (
        Store.open(shards[0]) as store,
        Store.open(shards[0], read_only=True) as same,
        pytest.raises(InputError, match="cannot be merged into itself"),
    ):
        merge(store, [same])
