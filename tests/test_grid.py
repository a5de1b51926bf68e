"""A fixed grid of runs, facts, and the last command's settings: what every study shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from syntagma.studies.grid import Cell, run_missing, table_of
from syntagma.studies.stored import Facts, last_command

from syntagma.errors import InputError
from syntagma.kernels import Architecture, Dense, Embedding
from syntagma.languages import CategoricalMixture
from syntagma.learners import KernelRegression
from syntagma.studies import Settings, grid
from syntagma.sweep.runs import Run
from syntagma.sweep.store import Store
from syntagma.tasks import SymmetryTarget

LEARNER = KernelRegression(architecture=Architecture(embedding=Embedding(vocab=1), layers=(Dense(),)), ridge=0.1)


class Tiny(Settings):
    """Settings of a study that does not exist."""

    size: int = 3


def uniform(probabilities: tuple[float, ...]) -> CategoricalMixture:
    return CategoricalMixture(vocab=2, sentence_length=3, probabilities=(probabilities,))


def cell(size: int, seed: int = 0) -> Cell:
    run = Run(
        language=uniform((0.5, 0.5)),
        tests={"shifted": uniform((0.9, 0.1))},
        task=SymmetryTarget(partition=(2, 1)),
        learner=LEARNER,
        training=None,
        num_examples=size,
        test_examples=16,
        seed=seed,
    )
    return Cell({"size": size, "draw": seed}, run)


def test_a_grid_does_what_is_missing_and_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def execute(next_runs: Any, store: Store, workers: int, finished: Any) -> None:
        while runs := list(next_runs()):
            asked.append([run.id() for run in runs])
            store.record_run(runs[0].config(), {"test_loss": float(runs[0].num_examples)})
            finished(runs[0], {"test_loss": 1.0})

    monkeypatch.setattr(grid, "execute", execute)
    said: list[tuple[str, float]] = []
    cells = [cell(4), cell(8), cell(4)]  # the same run stands in two cells
    with Store.create(tmp_path) as store:
        run_missing(cells, store, 1, lambda text, share: said.append((text, share)), lambda c, r: f"{c.names['size']}")
        assert said == [("4", 0.5), ("8", 1.0)]
        run_missing([*cells, cell(16)], store, 1, lambda text, share: said.append((text, share)), lambda c, r: "more")
        assert asked[-1] == [cell(16).run.id()]
        assert said[-1] == ("more", 1.0)
        table = table_of([*cells, cell(32)], store.runs())
    assert table[["size", "test_loss"]].to_numpy().tolist() == [[4, 4.0], [8, 8.0], [4, 4.0]]
    assert set(table.columns) == {"size", "draw", "id", "test_loss"}


def test_a_grid_of_kernels_runs_in_worker_processes_with_further_test_sets(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        run_missing([cell(6, 0), cell(6, 1)], store, 2, lambda *_: None, lambda c, r: "")
        table = table_of([cell(6, 0), cell(6, 1)], store.runs())
    assert table["stopped"].tolist() == ["solved", "solved"]
    assert (table["shifted_loss"] > 0).all()
    assert (table["oracle_loss"] == 0).all()  # the target without noise
    assert table["test_loss"][0] != table["test_loss"][1]


def test_an_empty_grid_says_how_to_go_on(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store, pytest.raises(InputError, match="give the command again"):
        table_of([cell(4)], store.runs())


def test_facts_are_computed_once_and_kept(tmp_path: Path) -> None:
    calls: list[int] = []

    def compute() -> dict[str, float]:
        calls.append(1)
        return {"value": 2.5}

    with Store.create(tmp_path) as store:
        facts = Facts(store, "tiny")
        assert facts.get({"of": "x", "n": 1}) is None
        assert facts.settle({"of": "x", "n": 1}, compute) == {"value": 2.5}
        assert facts.settle({"n": 1, "of": "x"}, compute) == {"value": 2.5}  # the order of names means nothing
        assert Facts(store, "tiny").settle({"of": "x", "n": 1}, compute) == {"value": 2.5}
        assert Facts(store, "other").get({"of": "x", "n": 1}) is None
    assert len(calls) == 1


def test_the_last_command_s_settings_come_back(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        with pytest.raises(InputError, match="holds no results of tiny: run `syntagma run tiny`"):
            last_command(store, "tiny", Tiny)
        for size in (5, 7):
            store.record_command("tiny", "quick", Tiny(size=size).model_dump(), ["syntagma", "run"])
        store.record_command("other", "quick", {"size": 9}, ["syntagma", "run"])
        settings, provenance = last_command(store, "tiny", Tiny)
        assert settings == Tiny(size=7)
        assert provenance["command"] == "syntagma run"
        assert provenance["settings"] == {"size": 7}
        store.record_command("tiny", "quick", {"sizes": 1}, ["syntagma", "run"])
        with pytest.raises(InputError, match="settings that this version does not know"):
            last_command(store, "tiny", Tiny)
