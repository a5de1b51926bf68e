"""Stored runs as a table: one row a run, one column a value of its configuration or a metric."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from syntagma.sweep.identity import flatten

if TYPE_CHECKING:
    import pandas as pd

    from syntagma.sweep.rows import StoredRun

_FIRST, _LAST = ("id",), ("finished_at", "environment")


def table_of_runs(runs: Iterable[StoredRun]) -> pd.DataFrame:
    """One row per run: id, the configuration with dotted names, the metrics, finished_at, environment.

    Values are collected column by column: a mapping a row would take ten times the memory.
    """
    import pandas as pd

    columns: dict[str, list[Any]] = {name: [] for name in (*_FIRST, *_LAST)}
    number = 0
    for run in runs:
        values = {"id": run.id} | flatten(run.config) | flatten(run.result)
        values |= {"finished_at": run.finished_at, "environment": run.environment}
        for name, value in values.items():
            column = columns.setdefault(name, [])
            if len(column) < number:
                column.extend([None] * (number - len(column)))
            column.append(value)
        number += 1
    order = [*_FIRST, *(name for name in columns if name not in (*_FIRST, *_LAST)), *_LAST]
    return pd.DataFrame({name: _column(columns.pop(name), number) for name in order})


def _column(values: list[Any], number: int) -> Any:
    """The values, None where missing, with the type that keeps them: whole numbers stay whole."""
    import numpy as np
    import pandas as pd

    values.extend([None] * (number - len(values)))
    kinds = set(map(type, values))
    if kinds == {int}:
        return np.array(values, np.int64)
    if kinds == {int, type(None)}:
        return pd.Series(values, dtype=object)
    if kinds == {float} or kinds == {float, type(None)}:
        return np.array(values, np.float64)
    if kinds == {bool}:
        return np.array(values, bool)
    if kinds in ({str}, {str, type(None)}):
        return pd.Series(values)
    return pd.Series(values, dtype=object)
