"""Matrices as colours: attention between positions, accuracy by layer and level, correlations."""

from __future__ import annotations

from collections.abc import Sequence

from syntagma.checked_call import checked
from syntagma.plot.content import Panel
from syntagma.plot.marks import Axis, Heat

MOST_WRITTEN = 60
"""Entries up to which numbers are written into their fields, in place of a bar of colours."""


@checked(not_finite=("values",))
def heat_panel(
    values: Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str = "",
    x: str = "",
    y: str = "",
    unit: str = "",
    limits: tuple[float | None, float | None] = (None, None),
    diverging: bool = False,
    write: str = ".2f",
) -> Panel:
    """A matrix with named rows, from the top, and columns; `diverging` makes 0 white and needs limits on both sides."""
    number = len(rows) * len(columns)
    heat = Heat(values, unit, *limits, diverging=diverging, write=write if number <= MOST_WRITTEN else "")
    return Panel(title, Axis(x, "category", categories=columns), Axis(y, "category", categories=rows), (heat,))
