"""Tables of numbers as HTML: rounded for the eye, whole in `data-value` for whoever wants the number itself."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

MISSING = "–"
Kind = Literal["plain", "count", "ratio", "exponent"]


@dataclass(frozen=True)
class Column:
    """A column `name` of an analysis table, its heading, and how its numbers are rounded."""

    name: str
    heading: str
    kind: Kind = "plain"


def table_html(table: pd.DataFrame, columns: Iterable[Column]) -> str:
    """`table` as HTML; a column that it lacks, or that has only empty text, is left out."""
    columns = [column for column in columns if column.name in table and set(table[column.name]) != {""}]
    heads = "".join(f'<th scope="col"{_align(table, column)}>{typeset(column.heading)}</th>' for column in columns)
    rows = "".join(
        "<tr>" + "".join(_cell(value, column) for value, column in zip(row, columns, strict=True)) + "</tr>\n"
        for row in table[[column.name for column in columns]].itertuples(index=False, name=None)
    )
    return f'<div class="scroll"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>'


def typeset(text: str) -> str:
    """`text` as HTML, escaped, with `P_l` and `L_(l-1)` set low and `m^4` and `m^(2l-1)` set high."""
    escaped = html.escape(text)
    for sign, element in (("_", "sub"), (r"\^", "sup")):
        pattern = rf"\b([A-Za-z]){sign}(?:\(([^()]*)\)|(-?\w+(?:\.\d+)?))"
        escaped = re.sub(pattern, lambda m, e=element: f"{m[1]}<{e}>{m[2] or m[3]}</{e}>", escaped)
    return escaped


def number_text(value: float, kind: Kind = "plain") -> str:
    """`value` rounded: counts to whole numbers, thousands apart; ratios to three digits; exponents to two places."""
    if math.isnan(value):
        return MISSING
    if kind == "count" and abs(value) >= 10:
        return f"{value:,.0f}"
    if kind == "ratio":
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")
    return f"{value:.2f}" if kind == "exponent" else f"{value:g}"


def _cell(value: Any, column: Column) -> str:
    if _is_number(value):
        return (
            f'<td class="number" data-value="{html.escape(repr(float(value)))}">{number_text(value, column.kind)}</td>'
        )
    text = "" if value is None else str(value)
    return f"<td>{typeset(text)}</td>"


def _align(table: pd.DataFrame, column: Column) -> str:
    return ' class="number"' if pd.api.types.is_numeric_dtype(table[column.name]) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
