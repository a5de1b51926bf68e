"""Stored runs as a table: one row a run, one column a value of its configuration or a metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from syntagma.sweep.flat_runs import FlatRun

OWN_COLUMNS = ("id", "finished_at", "environment")


def table_of_runs(runs: Iterable[FlatRun]) -> pd.DataFrame:
    """One row per run: id, the configuration with dotted names, the metrics, finished_at, environment.

    Whole numbers are whole, as Python's where some are missing; lists are tuples; what a run does not have is None, in
    a column of numbers NaN. Rows with the same names are kept as lists and turned into columns together: a mapping a
    row takes ten times the memory.
    """
    import pandas as pd

    own: list[tuple[str, str, str]] = []
    groups: dict[tuple[object, ...], _Group] = {}
    for number, run in enumerate(runs):
        own.append((run.id, run.finished_at, run.environment))
        names = (run.names, tuple(run.result))
        group = groups.get(names)
        if group is None:
            group = groups[names] = _Group((*run.names, *run.result))
        group.places.append(number)
        group.rows.append((*run.values, *run.result.values()))
    ids, *last = (list(column) for column in zip(*own, strict=True)) if own else ([], [], [])
    columns = {"id": ids} | _columns(list(groups.values()), len(own)) | dict(zip(OWN_COLUMNS[1:], last, strict=True))
    return pd.DataFrame({name: _column(values) for name, values in columns.items()})


class _Group:
    """Rows that have the same names, and their places in the table."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.places: list[int] = []
        self.rows: list[tuple[Any, ...]] = []


def _columns(groups: list[_Group], number: int) -> dict[str, list[Any]]:
    """The values of all names, None where a row has no such name."""
    columns: dict[str, list[Any]] = {}
    while groups:
        group = groups.pop(0)
        for name, values in zip(group.names, zip(*group.rows, strict=True), strict=True):
            if len(values) == number:
                columns.setdefault(name, list(values))
            elif name not in OWN_COLUMNS:
                column = columns.setdefault(name, [None] * number)
                for place, value in zip(group.places, values, strict=True):
                    column[place] = value
    return {name: column for name, column in columns.items() if name not in OWN_COLUMNS}


def _column(values: list[Any]) -> Any:
    """The values, None where missing, with the type that keeps them."""
    import numpy as np
    import pandas as pd

    kinds = set(map(type, values)) - {type(None)}
    whole = None not in values if kinds in ({int}, {bool}) else False
    if kinds == {int} and whole:
        return np.array(values, np.int64)
    if kinds == {bool} and whole:
        return np.array(values, bool)
    if kinds == {float}:
        return np.array(values, np.float64)
    return pd.Series(values, dtype=None if kinds == {str} else object)
