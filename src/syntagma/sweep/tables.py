"""Stored runs as a table: one row a run, one column a value of its configuration or a metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from syntagma.sweep.flat_runs import FlatRun, Shape

OWN_COLUMNS = ("id", "finished_at", "environment")


def table_of_runs(runs: Iterable[FlatRun]) -> pd.DataFrame:
    """One row per run: id, the configuration with dotted names, the metrics, finished_at, environment.

    Whole numbers are whole, as Python's where some are missing; lists are tuples; what a run does not have is None, in
    a column of numbers NaN. Rows of one shape and with the same metrics are kept as lists of what differs and turned
    into columns together: a mapping a row takes ten times the memory.
    """
    import pandas as pd

    own: list[tuple[str, str, str]] = []
    groups: dict[tuple[object, ...], _Group] = {}
    for number, run in enumerate(runs):
        own.append((run.id, run.finished_at, run.environment))
        names = (run.shape, *run.result)
        group = groups.get(names)
        if group is None:
            group = groups[names] = _Group(run.shape, tuple(run.result))
        group.places.append(number)
        group.rows.append((*run.own, *run.result.values()))
    ids, *last = (list(column) for column in zip(*own, strict=True)) if own else ([], [], [])
    columns = {"id": ids} | _columns(list(groups.values()), len(own)) | dict(zip(OWN_COLUMNS[1:], last, strict=True))
    return pd.DataFrame({name: _column(values) for name, values in columns.items()})


class _Group:
    """Rows that have the same shape and names of metrics, their places in the table, and the values that differ."""

    def __init__(self, shape: Shape, metrics: Sequence[str]) -> None:
        self.shape, self.metrics = shape, metrics
        self.places: list[int] = []
        self.rows: list[tuple[Any, ...]] = []

    def columns(self) -> Iterator[tuple[str, Sequence[Any]]]:
        """Each name and its values, row by row."""
        differing = list(zip(*self.rows, strict=True))
        by_place = dict(zip(self.shape.places, differing, strict=False))
        for place, (name, value) in enumerate(zip(self.shape.names, self.shape.values, strict=True)):
            yield name, by_place.get(place) or [value] * len(self.places)
        yield from zip(self.metrics, differing[len(self.shape.places) :], strict=True)


def _columns(groups: list[_Group], number: int) -> dict[str, list[Any]]:
    """The values of all names, None where a row has no such name."""
    columns: dict[str, list[Any]] = {}
    while groups:
        group = groups.pop(0)
        for name, values in group.columns():
            if name in OWN_COLUMNS:
                continue
            if len(values) == number:
                columns.setdefault(name, list(values))
                continue
            column = columns.setdefault(name, [None] * number)
            first, last = group.places[0], group.places[-1]
            if last - first == len(values) - 1:
                column[first : last + 1] = values
                continue
            for place, value in zip(group.places, values, strict=True):
                column[place] = value
    return columns


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
