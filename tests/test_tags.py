"""Tags: names of runs that change nothing else of them, in files of any layout, merged, and on the command line."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syntagma import load
from syntagma.cli import main
from syntagma.errors import InputError
from syntagma.sweep import tags
from syntagma.sweep.merge import merge
from syntagma.sweep.store import Store

OLD = Path(__file__).parent / "data" / "results-v1.sqlite"
SMALL = [
    "fit", "--learner", "perceptron", "--examples", "32", "--test-examples", "16", "--set", "learner.width=4",
    "--set", "language.depth=2", "--set", "training.max_steps=2", "--set", "training.min_steps=1", "--workers", "1",
    "--checkpoints", "1", "--out",
]  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.create(tmp_path / "results") as made:
        for seed in range(3):
            made.record_run({"seed": seed, "learner": {"kind": "cnn"}}, {"test_loss": 1.0 + seed})
        yield made


def seeds(table: Any) -> list[int]:
    return [int(seed) for seed in table["seed"]]


def test_a_tag_changes_nothing_else_of_a_run(store: Store) -> None:
    before = store.runs()
    assert "tags" not in before
    first, second, _ = before["id"]
    store.tag([first, second], "baseline")
    store.tag([first], "wide", "baseline")
    assert store.tags() == {first: ("baseline", "wide"), second: ("baseline",)}
    after = store.runs()
    assert after["tags"].tolist() == [("baseline", "wide"), ("baseline",), None]
    assert after.drop(columns="tags").equals(before)
    assert store.damage() == []
    assert store.runs([second])["tags"].tolist() == [("baseline",)]
    store.untag([first, second], "baseline", "never")
    assert store.tags() == {first: ("wide",)}
    with Store.open(store.path, read_only=True) as reader:
        assert reader.tags() == {first: ("wide",)}
        with pytest.raises(InputError, match="read-only"):
            reader.tag([first], "more")


@pytest.mark.parametrize("name", ["", "a b", "seed=0", "x,y", "-x", "a" * 65, "ü\n", "a<b", 3])
def test_what_is_no_tag_is_refused(store: Store, name: Any) -> None:
    with pytest.raises(InputError, match="cannot be used: a tag is 1 to 64 letters") as refused:
        store.tag(store.ids(), name)
    assert "\n" not in str(refused.value)
    assert store.tags() == {}


def test_only_stored_runs_are_tagged(store: Store) -> None:
    with pytest.raises(InputError, match="run_id='nothing' cannot be used: no stored run has that id"):
        store.tag(["nothing"], "baseline")


def test_a_file_of_before_there_were_tags_gets_them_with_the_first(tmp_path: Path) -> None:
    """A file of layout 1, brought to today's; what its tables held stays, and it is of today's version without tags."""
    shutil.copy(OLD, tmp_path / "results.sqlite")
    with Store.open(tmp_path, read_only=True) as reader:
        assert reader.tags() == {}
    with Store.open(tmp_path) as opened:
        before = opened.runs()
        with closing(sqlite3.connect(opened.path)) as file:
            assert file.execute(tags.STORED).fetchall() == []
        identity = str(before["id"].iloc[0])
        opened.tag([identity], "old")
    with Store.open(tmp_path) as again:
        assert again.tags() == {identity: ("old",)}
        assert again.runs().drop(columns="tags").equals(before)
        assert again.damage() == []


def test_a_table_of_a_stranger_and_rows_that_are_none_are_passed_over(store: Store) -> None:
    first = str(store.runs()["id"].iloc[0])
    store.tag([first], "mine")
    with closing(sqlite3.connect(store.path)) as file:
        file.executemany("INSERT INTO tags VALUES (?, ?)", [(first, "a=b"), (first, "\x1b[2J"), (b"\xff", "x")])
        file.commit()
    assert store.tags() == {first: ("mine",)}
    with closing(sqlite3.connect(store.path)) as file:
        file.executescript("DROP TABLE tags; CREATE TABLE tags (other TEXT)")
    assert store.tags() == {}
    assert len(store.runs()) == 3


def test_merged_runs_keep_their_tags(store: Store, tmp_path: Path) -> None:
    first = str(store.runs()["id"].iloc[0])
    store.tag([first], "mine")
    with Store.create(tmp_path / "all") as into:
        merge(into, [store])
        into.tag([first], "more")
        merge(into, [store])
        assert into.tags() == {first: ("mine", "more")}


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def go(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as leaving:
            main(arguments)
        said = capsys.readouterr()
        return int(leaving.value.code or 0), said.out + said.err

    return go


def test_fit_tags_results_filter_and_a_tag_serves_as_a_run(
    command: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    code, said = command(*SMALL, out, "--seeds", "2", "--tag", "pair")
    assert code == 0, said
    assert command(*SMALL, out, "--tag", "first", "--tag", "best.yet")[0] == 0  # stored already

    def shown(where: str) -> list[dict[str, Any]]:
        printed, _, _ = command("results", out, "--where", where, "--json")[1].partition(
            "note    "
        )  # on standard error
        return json.loads(printed)

    rows = shown("tag=pair")
    assert [(row["seed"], row["tags"]) for row in rows] == [(0, ["pair", "first", "best.yet"]), (1, ["pair"])]
    assert [row["seed"] for row in shown("tag!=first")] == [1]
    assert "holds for none of 2 runs" in command("results", out, "--where", "tag=nothing")[1]
    assert "pair, first" in command("results", out, "--columns", "id,tags")[1].replace("(", "").replace("'", "")
    assert load(out, "first").run.seed == 0
    assert load(out, "pair", "seed=1").run.seed == 1
    with pytest.raises(InputError, match="run='pair' cannot be used: 2 runs are meant"):
        load(out, "pair")
    assert command("fit", "--tag", "x") == (
        2, "error: tag='x' cannot be used: there is no place for results. Give one, as --out results/mine.\n"
    )  # fmt: skip
    assert "a tag is 1 to 64 letters" in command("fit", "--tag", "a b", "--out", out)[1]


@pytest.mark.slow
def test_a_study_tags_the_runs_it_has(command: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    out, small = str(tmp_path / "study"), ["--set", "sizes=[32]", "--set", "seeds=1", "--set", "test_examples=16"]
    for name in ("perceptron", "transformer"):
        small += [f"--set=learners.{name}.training.{end}" for end in ("max_steps=2", "min_steps=1")]
    code, said = command("run", str(OLD.parents[2] / "examples/copying_study.py"), "--out", out, "--tag", "t", *small)
    assert code == 0, said
    with Store.open(out, read_only=True) as stored:
        assert stored.tags() == dict.fromkeys(stored.ids(), ("t",))
