"""Tables as CSV and Parquet files: every value as it is, in forms that other programs read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syntagma.atomic_file import atomic_file
from syntagma.errors import invalid
from syntagma.sweep.identity import flatten

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula."""


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write `table` to `path` without its index, as CSV or Parquet by its ending, whole or not at all.

    Whole numbers stay whole where some are missing. Lists, and columns of mixed type, are written as JSON text, in
    which NaN is null and infinity 1e999. In CSV a text that a spreadsheet would take for a formula has a ' before it.

    Raises:
        InputError: another ending, or `path` cannot be written.
    """
    suffix = Path(path).suffix
    if suffix not in (".csv", ".parquet"):
        raise invalid("path", str(path), "its ending must be .csv or .parquet", "Give one of them")
    simple = table.apply(_simple)
    with atomic_file(path) as temporary:
        if suffix == ".csv":
            harmless = simple.apply(_without_formulas)
            harmless.columns = [_harmless(name) for name in harmless.columns]
            harmless.to_csv(temporary, index=False, lineterminator="\n")
        else:
            simple.to_parquet(temporary, index=False, engine="pyarrow")


def with_environments(runs: pd.DataFrame, environments: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The table of runs with what each was made with, in columns as `versions.jax`, for the hash of it."""
    import pandas as pd

    flat = {name: flatten(description) for name, description in environments.items()}
    table = pd.DataFrame(list(flat.values()), index=list(flat), dtype=object)
    details = table.loc[list(runs["environment"])].set_index(runs.index)
    return pd.concat([runs.drop(columns="environment"), details], axis=1)


def json_cell(value: Any) -> str:
    """JSON text of `value`; NaN is null, infinity is 1e999, which reads back as infinity."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json_cell(str(name))}: {json_cell(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(json_cell, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return "null" if math.isnan(value) else "1e999" if value > 0 else "-1e999"
    return json.dumps(value)


def _simple(column: pd.Series) -> pd.Series:
    """`column` with a type that both formats know, or with the JSON text of its values."""
    if column.dtype != object:
        return column
    values = column[column.notna()]
    kinds = set(map(type, values))
    if kinds == {int}:
        return column.astype("Int64")
    if kinds == {int, float} and all(abs(value) <= 2**53 for value in values if type(value) is int):
        return column.astype(float)
    if kinds <= {bool} or kinds <= {str}:
        return column
    return column.map(json_cell, na_action="ignore")


def _without_formulas(column: pd.Series) -> pd.Series:
    import pandas as pd

    if not (column.dtype == object or isinstance(column.dtype, pd.StringDtype)):
        return column
    return column.map(_harmless, na_action="ignore")


def _harmless(cell: Any) -> Any:
    """A cell of text that a spreadsheet takes for text. Ends of lines are one character, the one that is quoted."""
    if not isinstance(cell, str):
        return cell
    harmless = f"'{cell}" if cell.startswith(_FORMULA) else cell
    return harmless.replace("\r\n", "\n").replace("\r", "\n")
