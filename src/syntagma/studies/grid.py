"""A fixed grid of runs: each run with the names by which tables and figures know it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from syntagma.errors import InputError
from syntagma.studies.study import Progress
from syntagma.sweep.execution import execute
from syntagma.sweep.runs import Run

if TYPE_CHECKING:
    from syntagma.sweep.store import Store


_AHEAD = 256
"""Runs offered at a time: more than are ever under way, few enough that asking for them costs nothing."""


@dataclass(frozen=True)
class Cell:
    """One run and its `names`: the columns that tell it from the others of its grid."""

    names: Mapping[str, Any]
    run: Run


def run_missing(
    cells: Sequence[Cell], store: Store, workers: int, progress: Progress, say: Callable[[Cell, Mapping[str, Any]], str]
) -> None:
    """Do the runs that `store` does not hold yet, in the order given; a run that stands in two cells is done once.

    Args:
        say: one line about a finished cell and its result, for the progress display.
    """
    by_id = {cell.run.id(): cell for cell in cells}
    missing = {identity: cell for identity, cell in by_id.items() if not store.has(identity)}
    total = len(by_id)

    def finished(run: Run, result: dict[str, Any]) -> None:
        cell = missing.pop(run.id())
        progress(say(cell, result), 1 - len(missing) / total)

    if missing:
        execute(lambda: [cell.run for cell in itertools.islice(missing.values(), _AHEAD)], store, workers, finished)


def table_of(cells: Sequence[Cell], stored: pd.DataFrame) -> pd.DataFrame:
    """One row for each cell whose run is stored: its names, its run's id and metrics.

    Raises:
        InputError: none is stored.
    """
    known = stored.set_index("id") if len(stored) else stored
    rows = [
        dict(cell.names) | {"id": identity} | _metrics(known.loc[identity])
        for cell in cells
        if (identity := cell.run.id()) in known.index
    ]
    if not rows:
        raise InputError(
            "no run of these settings is finished yet: give the command again, it goes on where it stopped."
        )
    return pd.DataFrame(rows)


def _metrics(row: pd.Series) -> dict[str, Any]:
    """The metrics of a stored run: what is neither configuration nor bookkeeping."""
    config = ("language", "test_language", "tests", "task", "learner", "training")
    other = {"num_examples", "test_examples", "seed", "revision", "finished_at", "environment"}
    return {
        str(name): value
        for name, value in row.items()
        if str(name).partition(".")[0] not in config and name not in other and not _missing(value)
    }


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)
