"""Dot plots: one value with its interval in each row, around the line that means "no difference"."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from syntagma.checked_call import checked
from syntagma.plot.content import Panel
from syntagma.plot.figure import Figure
from syntagma.plot.intervals import Measured, columns, written
from syntagma.plot.marks import Axis, Dots, Empty, Mark, Text, VerticalLine


@checked
def dot_panel(
    rows: Mapping[str, Measured] | Mapping[str, Mapping[str, Measured]],
    *,
    title: str = "",
    x: str = "",
    reference: float | None = 1.0,
    scale: str = "log",
    labels: Mapping[str, str] | None = None,
    key: str = "ink",
    numbers: bool = True,
) -> Panel:
    """Rows from top to bottom: `{"m = 2": interval}`, or `{"m = 2": {"cnn": interval, "attention": other}}`.

    Values that were not measured are said in words. `numbers` are written over the dots where a row has one.
    """
    several = {name: row if isinstance(row, Mapping) else {key: row} for name, row in rows.items()}
    keys = list(dict.fromkeys(one for row in several.values() for one in row))
    marks: list[Mark] = []
    if reference is not None:
        marks.append(VerticalLine(reference, dash="solid", key="plateau"))
    for turn, one in enumerate(keys):
        aside = 0.0 if len(keys) == 1 else 0.36 * (turn / (len(keys) - 1) - 0.5)
        own = [(i + aside, row[one]) for i, row in enumerate(several.values()) if one in row]
        own = [(place, measured) for place, measured in own if math.isfinite(measured.value)]
        if own:
            places, values = zip(*own, strict=True)
            notes = [written(value) for value in values] if numbers and len(keys) == 1 else []
            label = (labels or {}).get(one, one if len(keys) > 1 else "")
            marks.append(Dots(
                places, [value.value for value in values], **columns(values), note=notes, label=label, key=one,
                hover={"interval": [written(value) for value in values]},
            ))  # fmt: skip
    silent = [i for i, row in enumerate(several.values()) if not any(math.isfinite(one.value) for one in row.values())]
    if len(silent) == len(several):
        return Panel(title, marks=(Empty("None of these was measured."),))
    for place in silent:
        height = 1 - (place + 0.5) / len(several)
        marks.append(Text(0.02, height, "not measured", of="panel", key="soft"))
    return Panel(title, Axis(x, scale), Axis("", "category", categories=list(several)), marks)  # pyright: ignore[reportArgumentType]


@checked
def ratios(panels: Sequence[Panel], *, name: str = "ratios", title: str, caption: str = "") -> Figure:
    """The figure of panels of `dot_panel`."""
    return Figure(name, title, panels, caption, columns=2, panel_width=2.6, panel_height=0.6)
