"""How the number of examples grows with a size of the language, such as the number m of rules per symbol.

Drawn is P_l (1 - f), whose law is a plain power of m, so that the slope of a line is the exponent written beside it;
P_l itself has 1 / (1 - f) as a factor, which steepens it. An exponent needs three sizes: two points have no error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from syntagma.checked_call import checked
from syntagma.plot import palette
from syntagma.plot.content import Note, Panel
from syntagma.plot.figure import Figure
from syntagma.plot.intervals import Measured, columns, written
from syntagma.plot.marks import Axis, Empty, Law, Line, Mark, Numbers, Points

SIDESTEP = 0.02
"""Points of different learners at one size stand this far apart (in its logarithm), so that their intervals show."""


@checked
def growth(panels: Sequence[Panel], *, name: str = "growth", title: str, caption: str = "", columns: int = 3) -> Figure:
    """The figure of panels of `growth_panel`."""
    return Figure(name, title, panels, caption, columns, panel_width=1.75)


@checked(not_finite=("factor", "laws", "law_exponents"))
def growth_panel(
    sizes: Sequence[float],
    measured: Mapping[str, Sequence[Measured]],
    *,
    factor: Sequence[float] | None = None,
    laws: Mapping[str, Sequence[float]] | None = None,
    exponents: Mapping[str, Measured] | None = None,
    law_exponents: Mapping[str, float] | None = None,
    labels: Mapping[str, str] | None = None,
    laws_are: str = "law",
    symbol: str = "m",
    title: str = "",
    x: str = "rules per symbol m",
    y: str = "",
) -> Panel:
    """One panel: crossings against a size, on logarithmic axes.

    Args:
        sizes: of the language, `[n]`.
        measured: by learner, the number of examples to half the error at each size; NaN where not run.
        factor: what each is multiplied by, `1 - f`; `exponents` are of the product.
        laws: by key, predicted numbers at each size (before `factor`), dashed.
        laws_are: what the legend calls them.
        exponents: by learner, fitted exponents with intervals, written above the panel.
        law_exponents: by law, the exponent that theory gives it, written at its end.
    """
    scale = np.ones(len(sizes)) if factor is None else np.asarray(factor, float)
    y = y or "examples to half the error" + ("" if factor is None else ", times\u00a01\u00a0−\u00a0f")
    powers = {key: f"${symbol}^{{{power:g}}}$" for key, power in (law_exponents or {}).items()}
    marks, notes = list(_laws(sizes, scale, laws or {}, powers, laws_are)), list[Note]()
    for place, (key, intervals) in enumerate(measured.items()):
        own = [i for i, one in enumerate(intervals) if math.isfinite(one.value)]
        aside = math.exp(SIDESTEP * (place - (len(measured) - 1) / 2))
        at = np.array([sizes[i] * aside for i in own])
        values = np.array([intervals[i].value * scale[i] for i in own])
        ends = columns([intervals[i] for i in own])
        low, high = (np.array(ends[name]) * scale[own] for name in ("low", "high"))
        known = [i for i, bound in enumerate(ends["bound"]) if not bound]
        note, slope = _exponent(symbol, len(own), len(known), (exponents or {}).get(key))
        if len(sizes) > 2 or not own:  # else the caption of every learner would be that there is no exponent
            notes.append(Note(f"{palette.glyph(key)} {note}", key))
        if slope is not None:
            marks.append(fitted_line(at[known], values[known], slope, key))
        label = (labels or {}).get(key, key)
        hover = {"learner": label, "measured": [written(intervals[i]) for i in own]}
        marks.append(Points(at, values, low, high, bound=ends["bound"], label=label, key=key, hover=hover))
    if any(isinstance(mark, Line) for mark in marks):
        marks.append(Line((), (), label="line: fitted power", key="plateau"))
    if not any(isinstance(mark, Points) and mark.x for mark in marks):
        reason = f"No learner came to half the error of this step at any {x}."
        return Panel(title, marks=(Empty(reason),))
    spread = max(max(sizes) / min(sizes), 1.3) ** 0.12 * math.exp(SIDESTEP * len(measured) / 2)
    return Panel(title, Axis(x, "log", (min(sizes) / spread, max(sizes) * spread), sizes), Axis(y, "log"), marks, notes)


def _laws(
    sizes: Sequence[float], scale: Any, laws: Mapping[str, Sequence[float]], powers: Mapping[str, str], called: str
) -> Iterator[Mark]:
    """Dashed lines through the predicted numbers, taking turns where two laws agree at every size."""
    heights = {key: np.asarray(values, float) * scale for key, values in laws.items()}
    for key, values in heights.items():
        same = [other for other, theirs in heights.items() if np.allclose(values, theirs)]
        ends = (sizes[0], sizes[-1]) if len(sizes) > 1 else (sizes[0] / 1.03, sizes[0] * 1.03)  # one size: a dash
        x = np.geomspace(*ends, 13)
        y = np.exp(np.interp(np.log(x), np.log(sizes), np.log(values)))
        name = powers.get(key, "") if same.index(key) == 0 else ""
        yield Law(x, y, name=name, label=f"{called}, {key}", key=key, turn=(same.index(key), len(same)))


def _exponent(symbol: str, drawn: int, known: int, fitted: Measured | None) -> tuple[str, float | None]:
    """What is written of a learner, and the slope of its line."""
    if drawn == 0:
        return "not reached", None
    if known < 3:
        return f"{known} size{'s' * (known != 1)}: no exponent", None
    if fitted is None or not math.isfinite(fitted.value):
        return "no exponent fitted", None
    if fitted.bounded:
        return f"exponent {written(fitted, '.1f')}", None
    ends = f" [{fitted.low:.1f}, {fitted.high:.1f}]" if math.isfinite(fitted.low + fitted.high) else ""
    return f"${symbol}^{{{fitted.value:.1f}}}${ends}", fitted.value


def fitted_line(x: Numbers, y: Numbers, slope: float, key: str) -> Line:
    """The power with that slope through the logarithmic mean of the points."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    height = np.mean(np.log(y) - slope * np.log(x))
    ends = np.array([x.min(), x.max()])
    return Line(ends, np.exp(height) * ends**slope, key=key)
