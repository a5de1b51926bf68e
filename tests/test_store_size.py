"""What users wait for does not grow with others' runs in the same file: SQLite's steps are counted, not seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syntagma.sweep.identity import run_id
from syntagma.sweep.rows import StoredHistory
from syntagma.sweep.run_rows import StoredRun
from syntagma.sweep.store import Store

SMALL, LARGE = 400, 4000
OWN = {run_id({"seed": seed}) for seed in range(20)}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Stores of so many runs, of which the first 20 are `OWN`."""
    places = {number: tmp_path_factory.mktemp(str(number)) for number in (SMALL, LARGE)}
    for number, place in places.items():
        with Store.create(place) as store, store._transaction():
            environment = store._environment_of(None)
            for seed in range(number):
                row = StoredRun.written({"seed": seed}, {"loss": 1 / (seed + 1)}, "2026-01-01", environment)
                store._writer.insert("runs", row)
                store._writer.insert("histories", StoredHistory.written(row[0], [{"step": 0}]))
    return places


def read_one_by_one(store: Store) -> Any:
    """As a study whose grid grows with its results asks for them: a few at a time."""
    return [store.results([name]) for name in sorted(OWN)]


ACTS: dict[str, Callable[[Store], Any]] = {
    "first page": lambda store: store.runs(limit=20),
    "which of a study's runs are there": lambda store: store.ids(OWN),
    "their results together": lambda store: store.results(OWN),
    "their results one by one": read_one_by_one,
    "their histories": lambda store: store.histories(OWN),
}


def steps(place: Path, act: Callable[[Store], Any]) -> int:
    """Of SQLite's machine, in tens."""
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    with Store.open(place, read_only=True) as store:
        store._connection.set_progress_handler(count, 10)
        assert len(act(store)) == len(OWN)
    return counted


@pytest.mark.parametrize("name", ACTS)
def test_the_runs_of_others_cost_nothing(stores: dict[int, Path], name: str):
    few, many = (steps(stores[number], ACTS[name]) for number in (SMALL, LARGE))
    assert 0 < many <= 1.2 * few + 5


def test_the_measure_sees_what_reads_everything(stores: dict[int, Path]):
    few, many = (steps(stores[number], lambda store: store.ids() & OWN) for number in (SMALL, LARGE))
    assert many > 5 * few


def test_damage_among_some_runs_is_looked_for_there_only(stores: dict[int, Path], tmp_path: Path):
    with Store.create(tmp_path) as store:
        for seed in range(40):
            store.record_run({"seed": seed}, {"loss": 0.5, "history": [{"step": 0}]})
        own, other = run_id({"seed": 3}), run_id({"seed": 33})
        store._connection.execute("UPDATE runs SET result = '{}' WHERE id IN (?, ?)", (own, other))
        store._connection.execute("UPDATE histories SET history = '[]' WHERE id IN (?, ?)", (own, other))
        lines = store.damage(OWN)
        assert [line.split(" is damaged")[0] for line in lines] == [f"run {own}", f"history of run {own}"]
        assert all(line.endswith("19 of 20 can be used") for line in lines)
        assert len(store.damage()) == 2
        assert all("38 of 40" in line for line in store.damage())
        assert store.ids(OWN) == OWN - {own}
