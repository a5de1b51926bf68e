"""Spectra: eigenvalues by group beside the bounds on them, and what decays with a distance, above its floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from syntagma.checked_call import checked
from syntagma.plot.content import Panel
from syntagma.plot.marks import Axis, Law, Level, Line, Mark, Points, Text


@checked(not_finite=("eigenvalues", "errors", "bounds", "floor"))
def spectrum_panel(
    eigenvalues: Mapping[str, Sequence[float]],
    *,
    errors: Mapping[str, Sequence[float]] | None = None,
    bounds: Mapping[str, float] | None = None,
    floor: float | None = None,
    title: str = "",
    y: str = "eigenvalue",
    keys: Mapping[str, str] | None = None,
) -> Panel:
    """A column for each group, say a representation: its eigenvalues side by side, a bar for the bound on them.

    Values not above `floor`, what rounding or sampling leaves, are not drawn; a group without any says "none".
    """
    marks: list[Mark] = []
    least = 0.0 if floor is None else floor
    for place, (name, values) in enumerate(eigenvalues.items()):
        shown = np.asarray(values, float)
        error = np.asarray((errors or {}).get(name, np.full(len(shown), np.nan)), float)
        keep = shown > least
        shown, error = shown[keep], error[keep]
        x = place + (0.3 * np.linspace(-1, 1, len(shown)) if len(shown) > 1 else np.zeros(len(shown)))
        key = (keys or {}).get(name, f"series {place}")
        if len(shown):
            hover = {"rank": list(range(1, len(shown) + 1))}
            marks.append(Points(x, shown, shown - error, shown + error, key=key, size=0.7, hover=hover, marker="o"))
        else:
            marks.append(Text((place + 0.5) / len(eigenvalues), 0.04, "none", "center bottom", of="panel"))
        if bounds and name in bounds:
            ends = np.array([place - 0.4, place + 0.4])
            marks.append(Line(ends, [bounds[name]] * 2, weight="thick", label="bound: trace / dimension"))
    return Panel(title, Axis("", "category", categories=list(eigenvalues)), Axis(y, "log", (floor, None)), marks)


@checked(not_finite=("distance", "strength", "low", "high", "exponent", "floor"))
def decay_panel(
    distance: Sequence[float],
    strength: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    *,
    fitted: Sequence[bool],
    exponent: float | None = None,
    floor: float | None = None,
    key: str = "counter",
    title: str = "",
    x: str = "distance t (tokens)",
    y: str = "top singular value of $C_t$",
) -> Panel:
    """Strength against distance: full points are fitted by t^-exponent (dashed), hollow ones are too near the floor."""
    use, marks = np.asarray(fitted, bool), list[Mark]()
    columns = [np.asarray(column, float) for column in (distance, strength, low, high)]
    for keep, filled, label in ((use, True, "counted in the fit"), (~use, False, "not clear of the floor")):
        if keep.any():
            t, s, least, most = (column[keep] for column in columns)
            marks.append(Points(t, s, least, most, filled=filled, key=key, label=label, marker="o"))
    if floor is not None:
        marks.append(Level(floor, "floor", key="plateau", label="sampling floor (shuffled text)"))
    if exponent is not None and use.sum() > 1:
        t, s = columns[0][use], columns[1][use]
        middle = float(np.exp(np.log(t).mean())), float(np.exp(np.log(s).mean()))
        name = f"$t^{{-{exponent:.2f}}}$"
        marks.append(Law.power(middle, -exponent, (float(t.min()), float(t.max())), name=name, label="fitted power"))
    return Panel(title, Axis(x, "log"), Axis(y, "log"), marks)
