"""Tables as CSV and Parquet files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from syntagma.errors import invalid
from syntagma.sweep.atomic_file import atomic_file

if TYPE_CHECKING:
    import pandas as pd


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write `table` to `path` without its index, as CSV or Parquet by its ending, whole or not at all.

    Raises:
        InputError: another ending, or `path` cannot be written.
    """
    suffix = Path(path).suffix
    if suffix not in (".csv", ".parquet"):
        raise invalid("path", str(path), "its ending must be .csv or .parquet", "Give one of them")
    simple = table.apply(_simple)
    with atomic_file(path) as temporary:
        if suffix == ".csv":
            simple.to_csv(temporary, index=False, lineterminator="\n")
        else:
            simple.to_parquet(temporary, index=False, engine="pyarrow")


def _simple(column: pd.Series) -> pd.Series:
    """`column` itself if its values are of one type that both formats know, else their JSON text."""
    if column.dtype != object:
        return column
    values = column[column.notna()]
    kinds = set(map(type, values))
    if kinds <= {bool} or kinds <= {str} or kinds <= {int, float}:
        return column
    return column.map(json.dumps, na_action="ignore")
