"""A search by Optuna: what it may choose, and, where it is installed, that it finds, repeats itself and resumes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from syntagma.cli import search, sweeps
from syntagma.cli.search import Range
from syntagma.sweep.store import Store
from test_sweeps import KINDS, SIZES, SMALL, done, line

FITTED = sweeps.Fitted(KINDS, SIZES, SMALL, 2)
SPACE = {"training.learning_rate": Range(1e-4, 1e-1, whole=False), "learner.width": [4, 8]}


def test_ranges_and_values() -> None:
    assert search.space(["a.b=1e-4..1e-1", "c=4..64", "d=16,32", "e=1..100:3"]) == {
        "a.b": Range(1e-4, 1e-1, whole=False),
        "c": Range(4, 64, whole=True),
        "d": [16, 32],
        "e": [1, 10, 100],
    }
    assert search.first_values(search.space(["a=4..64", "b=0.5..1", "c=x,y"])) == {"a": 4, "b": 0.5, "c": "x"}


def bowl(runs: Sequence[Any]) -> Mapping[str, Mapping[str, Any]]:
    """As if each run's loss had its smallest value at the rate 1e-2 and width 8; the largest rates diverge."""
    results = {}
    for run in runs:
        rate = run.training.learning_rate
        loss = (math.log10(rate) + 2) ** 2 + (run.learner.width != 8) + 0.01 * run.seed
        results[run.id()] = {"validation_loss": loss, "stopped": "diverged" if rate > 0.05 else "steps"}
    return results


def done_by(one: search.Search, results: dict[str, Mapping[str, Any]]) -> list[int]:
    """How many runs were asked for, each time; they are done by `bowl`."""
    asked = []
    while runs := one.missing(lambda ids: {name: results[name] for name in ids if name in results}, ()):
        asked.append(len(runs))
        results.update(bowl(runs))
    return asked


@pytest.mark.filterwarnings("ignore")
def test_it_finds_the_smallest_validation_loss_and_asks_the_same_again() -> None:
    pytest.importorskip("optuna")
    results: dict[str, Mapping[str, Any]] = {}
    first = search.Search(FITTED, SPACE, 30)
    assert set(done_by(first, results)) == {2}
    table = sweeps.compared(first.points, {name: {**one, "test_loss": 0.0} for name, one in results.items()})
    (best,) = table[table["best"]].to_dict("records")
    assert best["learner.width"] == 8
    assert 3e-3 < best["training.learning_rate"] < 3e-2
    assert (table["diverged"] > 0).any()  # such points are told as failed
    longer = search.Search(FITTED, SPACE, 32)
    assert len(done_by(longer, results)) <= 2  # the others are there
    assert [point.values for point in longer.points][:30] == [point.values for point in first.points]


@pytest.mark.filterwarnings("ignore")
def test_a_point_of_which_a_run_is_given_up_is_told_as_failed() -> None:
    pytest.importorskip("optuna")
    one = search.Search(FITTED, SPACE, 2)
    first = one.missing(lambda ids: {}, ())
    assert one.missing(lambda ids: {}, ()) == first
    second = one.missing(lambda ids: {}, {run.id() for run in first})
    assert {run.id() for run in second}.isdisjoint(run.id() for run in first)
    assert one.missing(lambda ids: bowl(second), {first[0].id()}) == []
    assert len(one.points) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_command_searches_keeps_and_resumes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    some = ["--sweep", "training.learning_rate=1e-3..1e-1", "--sweep", "learner.width=4..8", "--workers", "1"]
    out = str(tmp_path / "out")
    first = json.loads(done(capsys, *line(*some, "--optuna", "2", "--out", out, "--tag", "searched", "--json")))
    assert len(first["points"]) == 2
    assert all(4 <= point["learner.width"] <= 8 for point in first["points"])
    with Store.open(out, read_only=True) as store:
        before = store.runs()
        assert set(store.tags()) == store.ids()
    more = json.loads(done(capsys, *line(*some, "--optuna", "3", "--out", out, "--json")))
    assert [point["test_loss"] for point in more["points"][:2]] == [point["test_loss"] for point in first["points"]]
    with Store.open(out, read_only=True) as store:
        assert store.runs()["id"].tolist()[:2] == before["id"].tolist()
        assert len(store.runs()) == 3
    table = done(capsys, *line(*some, "--optuna", "3", "--out", out))
    assert "chosen by validation" in " ".join(table.split())  # its title is broken into lines as narrow as the table
