"""Tables as notebooks show them: what a value's `_repr_html_` returns, numbers to four digits, what is missing blank.

    html_table("CNN", ("examples", "loss"), [(64, 1.0625), (256, None)])

Whatever a person named, as a curve, is shown as it is: nothing in it is taken for HTML.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any


def html_table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of rows under `heads`: `html_table("loss", ("seed", "nats"), [(0, 0.4)])`."""
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell_html(one)}</td>" for one in row) + "</tr>" for row in rows)
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def cell_html(value: Any) -> str:
    """A value as it stands in a cell: `cell_html(0.123456)` is "0.1235", None and NaN are blank."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(cell_html, value))
    return html.escape(str(value))
