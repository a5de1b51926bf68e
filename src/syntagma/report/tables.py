"""Tables of numbers as HTML: rounded for the eye, whole in `data-value` for whoever wants the number itself."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from syntagma.curves import Verdict
from syntagma.report.formulas import rich
from syntagma.studies.schemas import Column, Kind, Table

MISSING = "–"
_LONG_TEXT = 60


def table_html(table: Table) -> str:
    """`table` as HTML; a column that has only empty text or nothing is left out."""
    columns = [column for column in table.columns if not _is_empty(table.data, column)]
    rows = table.data[[column.name for column in columns]].itertuples(index=False, name=None)
    cells = ([_cell(value, column) for value, column in zip(row, columns, strict=True)] for row in rows)
    return cells_html(table.name, table.title, [(column.heading, _align(column)) for column in columns], cells)


def claims_table(verdicts: Sequence[Verdict]) -> str:
    """What was predicted, what was measured, and what came of it."""
    heads = [(head, "") for head in ("outcome", "claim", "predicted", "measured", "source")]
    rows = (
        [f'<td><span class="badge {v.outcome}">{v.outcome}</span></td>']
        + [text_cell(text) for text in (v.claim.text, v.claim.predicted, v.measured, v.claim.source)]
        for v in verdicts
    )
    return cells_html("claims", "All claims", heads, rows)


def cells_html(name: str, title: str, heads: Iterable[tuple[str, str]], rows: Iterable[Iterable[str]]) -> str:
    """A table of finished cells under headings (and their attributes), which a reader can scroll, sort and download."""
    head = "".join(f'<th scope="col"{more}>{rich(text)}</th>' for text, more in heads)
    body = "".join(f"<tr>{''.join(row)}</tr>\n" for row in rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="Table: {html.escape(title)}">'
        f'<table data-name="{html.escape(name)}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody>\n</table></div>"
    )


def text_cell(text: str) -> str:
    """A cell of words."""
    long = ' class="long"' if len(text) > _LONG_TEXT else ""
    return f"<td{long}>{rich(text)}</td>"


def number_text(value: float, kind: Kind = "number") -> str:
    """`value` rounded: counts to whole numbers, thousands apart; ratios to three digits; exponents to two places."""
    if math.isnan(value):
        return MISSING
    if kind == "count" and abs(value) >= 10:
        return f"{value:,.0f}"
    if kind == "ratio":
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")
    return {"exponent": f"{value:.2f}", "nats": f"{value:.3f}"}.get(kind, f"{value:g}")


def _is_empty(data: pd.DataFrame, column: Column) -> bool:
    values = data[column.name]
    return not len(values) or bool(values.isna().all()) or (column.kind == "text" and not any(values))


def _cell(value: Any, column: Column) -> str:
    if column.kind == "text":
        return text_cell(str(value))
    number = math.nan if value is None else float(value)
    return f'<td class="number" data-value="{html.escape(repr(number))}">{number_text(number, column.kind)}</td>'


def _align(column: Column) -> str:
    return "" if column.kind == "text" else ' class="number"'
