"""Tables of numbers as HTML: rounded for the eye, whole in `data-value` for whoever wants the number itself."""

from __future__ import annotations

import html
import math
import re
from typing import Any

import pandas as pd

from syntagma.studies.schemas import Column, Kind, Table

MISSING = "–"


def table_html(table: Table) -> str:
    """`table` as HTML; a column that has only empty text or nothing is left out."""
    columns = [column for column in table.columns if not _is_empty(table.data, column)]
    heads = "".join(f'<th scope="col"{_align(column)}>{typeset(column.heading)}</th>' for column in columns)
    rows = "".join(
        "<tr>" + "".join(_cell(value, column) for value, column in zip(row, columns, strict=True)) + "</tr>\n"
        for row in table.data[[column.name for column in columns]].itertuples(index=False, name=None)
    )
    return f'<div class="scroll"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>'


def _is_empty(data: pd.DataFrame, column: Column) -> bool:
    values = data[column.name]
    return not len(values) or bool(values.isna().all()) or (column.kind == "text" and not any(values))


def typeset(text: str) -> str:
    """`text` as HTML, escaped, with `P_l` and `L_(l-1)` set low and `m^4` and `m^(2l-1)` set high."""
    escaped = html.escape(text)
    for sign, element in (("_", "sub"), (r"\^", "sup")):
        pattern = rf"\b([A-Za-z]){sign}(?:\(([^()]*)\)|(-?\w+(?:\.\d+)?))"
        escaped = re.sub(pattern, lambda m, e=element: f"{m[1]}<{e}>{m[2] or m[3]}</{e}>", escaped)
    return escaped


def number_text(value: float, kind: Kind = "number") -> str:
    """`value` rounded: counts to whole numbers, thousands apart; ratios to three digits; exponents to two places."""
    if math.isnan(value):
        return MISSING
    if kind == "count" and abs(value) >= 10:
        return f"{value:,.0f}"
    if kind == "ratio":
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")
    return {"exponent": f"{value:.2f}", "nats": f"{value:.3f}"}.get(kind, f"{value:g}")


def _cell(value: Any, column: Column) -> str:
    if column.kind == "text":
        return f"<td>{typeset(str(value))}</td>"
    number = math.nan if value is None else float(value)
    return f'<td class="number" data-value="{html.escape(repr(number))}">{number_text(number, column.kind)}</td>'


def _align(column: Column) -> str:
    return "" if column.kind == "text" else ' class="number"'
