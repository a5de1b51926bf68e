"""Whether one law holds for all languages: measured over predicted, language by language, and the curves behind it.

Were the law exact up to one constant, all prefactors were equal, and all curves fell together where P is divided by
the predicted threshold. The dot plot says it with intervals and stands first; the curves are its backup, drawn only
where they mean something: while between 1 and 0 of the step is left to learn, with a margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.plot.content import Panel
from syntagma.plot.figure import Figure
from syntagma.plot.intervals import Measured
from syntagma.plot.marks import Axis, Level, Line, Mark, Numbers, numbers
from syntagma.plot.ratios import dot_panel

SHOWN = (-0.15, 1.15)
"""Of the share of the step that is left."""


@checked
def collapse(
    prefactors: Mapping[str, Mapping[str, Mapping[str, Measured]]],
    curves: Mapping[str, Sequence[Mark]] | None = None,
    *,
    title: str,
    name: str = "collapse",
    caption: str = "",
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """Prefactors by step, language and learner (`{"level 1": {"m = 2": {"cnn": interval}}}`); below, curves by step."""
    above = [
        dot_panel(rows, title=f"{step}: measured / predicted examples", x="examples to half the error / predicted",
                  labels=labels)
        for step, rows in prefactors.items()
    ]  # fmt: skip
    below = [rescaled_panel(marks, title=f"{step}: the curves") for step, marks in (curves or {}).items()]
    return Figure(name, title, above + below, caption, columns=max(1, len(above)))


@checked(not_finite=("num_examples", "left"))
def rescaled(
    key: str,
    num_examples: Numbers,
    left: Numbers,
    predicted: float,
    *,
    label: str = "",
    marker: str = "o",
) -> Line:
    """One curve: the share of the step that is `left` against P / predicted, NaN outside what is shown."""
    share, x = np.asarray(numbers(left)), np.asarray(numbers(num_examples))
    if len(x) != len(share):
        raise invalid("left", len(share), f"there are {len(x)} numbers of examples", "Give one for each")
    inside = (share >= SHOWN[0]) & (share <= SHOWN[1])
    near = inside.copy()  # with the points next to them, so that a curve leaves the panel where its line does
    near[1:] |= inside[:-1]
    near[:-1] |= inside[1:]
    hover = {"P": [f"{size:,.0f}" for size in x]}
    x, y = (np.where(near, values, np.nan) for values in (x / predicted, share))
    return Line(x, y, key=key, label=label, marker=marker, hover=hover)


@checked
def rescaled_panel(curves: Sequence[Mark], *, title: str = "") -> Panel:
    """Curves of `rescaled` over the band between 1 (nothing of the step learned) and 0 (all)."""
    guides: list[Mark] = [Level(1.0, "none", key="plateau"), Level(0.0, "all learned", key="plateau")]
    half = Level(0.5, "half", key="plateau", dash="dashed")
    return Panel(title, Axis("examples P / predicted $P_l$", "log"), Axis("share of the step left", limits=SHOWN),
                 [*guides, half, *curves])  # fmt: skip
