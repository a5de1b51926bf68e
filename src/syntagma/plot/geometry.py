"""Where things are in a panel: limits and ticks. Both backends ask here, and so agree."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator

import numpy as np

from syntagma.plot.content import Content, Panel
from syntagma.plot.marks import (
    Axis,
    Band,
    Bars,
    Dots,
    Empty,
    Heat,
    Law,
    Level,
    Line,
    Mark,
    Points,
    Text,
    Tree,
    VerticalLine,
)  # fmt: skip

MOST_NAMES = 32
"""With more categories than these their names would cover one another, and some are left out."""
ARROW = 0.07
"""Length of an open end, in fractions of the panel."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """The limits of a panel; the first of a pair is at the left or at the bottom."""

    x: tuple[float, float]
    y: tuple[float, float]
    x_log: bool
    y_log: bool
    line: float
    """Height of a line of text."""

    def fraction(self, x: float, y: float) -> tuple[float, float]:
        """How far (x, y) is from the lower left corner."""
        return _share(x, self.x, self.x_log), _share(y, self.y, self.y_log)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """The numbers at these fractions of the panel, the inverse of `fraction`."""
        return _at(x, self.x, self.x_log), _at(y, self.y, self.y_log)

    def inside(self, value: float, side: str) -> float:
        """`value`, or the nearest end of axis "x" or "y"."""
        low, high = sorted(getattr(self, side))
        return min(max(value, low), high)

    def moved(self, value: float, side: str, share: float) -> float:
        """`value` moved by a fraction of axis "x" or "y"; upwards in number, whichever end is at the top."""
        ends, log = getattr(self, side), getattr(self, f"{side}_log")
        low, high = sorted(ends)
        return value * (high / low) ** share if log else value + share * (high - low)


def frames(figure: Content) -> list[Frame]:
    """The frame of every panel; with more than two columns a line of text is a larger part of it."""
    line = 0.065 if min(figure.columns, len(figure.panels)) < 3 else 0.085
    found = [frame(panel, line) for panel in figure.panels]
    shown = [i for i, panel in enumerate(figure.panels) if not is_bare(panel)]
    for side in figure.share:
        ends = [getattr(found[i], side) for i in shown]
        if ends:
            both = (min(low for low, _ in ends), max(high for _, high in ends))
            if ends[0][0] > ends[0][1]:
                both = (max(low for low, _ in ends), min(high for _, high in ends))
            found = [dataclasses.replace(frame, **{side: both}) for frame in found]
    return found


def is_empty(panel: Panel) -> bool:
    """Whether it only says why there is nothing."""
    return any(isinstance(mark, Empty) for mark in panel.marks)


def is_bare(panel: Panel) -> bool:
    """Whether it shows no axes: a tree, or words that say why there is nothing."""
    return any(isinstance(mark, Tree | Empty) for mark in panel.marks)


def ticks(axis: Axis, limits: tuple[float, float]) -> list[tuple[float, str]]:
    """Places and texts: the given ones, else categories (of very many some), else at most seven round numbers."""
    if axis.scale == "category":
        number = len(axis.categories)
        every = 1 if number <= MOST_NAMES else math.ceil(number / 8)
        return [(float(i), axis.categories[i]) for i in range(0, number, every)]
    low, high = sorted(limits)
    if axis.ticks is not None:
        return [(tick, _number(tick)) for tick in axis.ticks if low <= tick <= high]
    if axis.scale == "linear":
        step = next(s for s in _steps(high - low) if (high - low) / s <= 5.5)
        first = math.ceil(low / step - 1e-9)
        return [(i * step, _number(round(i * step, 12))) for i in range(first, math.floor(high / step + 1e-9) + 1)]
    decades = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    if len(decades) >= 3:
        shown = decades[:: math.ceil(len(decades) / 6)]
        plain = all(-2 <= decade <= 3 for decade in shown)
        return [(10.0**d, _number(10.0**d) if plain else f"$10^{{{d}}}$") for d in shown]
    return [(tick, _number(tick)) for tick in _round(low, high)]


def frame(panel: Panel, line: float = 0.065) -> Frame:
    """The frame of a panel alone."""
    logs = panel.x.scale == "log", panel.y.scale == "log"
    x_ends, y_ends = (
        _limits(axis, _extent(panel.marks, side), _open_ends(panel.marks, side, logs[side]))
        for side, axis in enumerate((panel.x, panel.y))
    )
    if panel.y.scale == "category":
        y_ends = (y_ends[1], y_ends[0])
    return Frame(x_ends, y_ends, *logs, line)


def _limits(axis: Axis, values: Iterable[float], arrows: tuple[bool, bool]) -> tuple[float, float]:
    """Around the values, with room for the arrows of open ends below and above."""
    if axis.scale == "category":
        return -0.5, len(axis.categories) - 0.5
    log = axis.scale == "log"
    kept = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    kept += [tick for tick in axis.ticks or () if not kept]
    low, high = (min(kept), max(kept)) if kept else (1.0, 10.0) if log else (0.0, 1.0)
    if log:
        margin = max((high / low) ** 0.05, 1.06)
        low, high = low / margin ** (1 + 2 * arrows[0]), high * margin ** (1 + 2 * arrows[1])
    else:
        margin = 0.05 * (high - low) or abs(high) * 0.05 or 0.5
        low, high = (0.0 if low == 0 else low - margin * (1 + 2 * arrows[0])), high + margin * (1 + 2 * arrows[1])
    given_low, given_high = axis.limits
    return low if given_low is None else given_low, high if given_high is None else given_high


_COLUMNS: dict[type[Mark], tuple[tuple[str, ...], tuple[str, ...]]] = {
    Line: (("x",), ("y",)),
    Law: (("x",), ("y",)),
    Band: (("x",), ("low", "high")),
    Points: (("x", "x_low", "x_high"), ("y", "low", "high")),
    Bars: ((), ("bottom", "low", "high")),
}
"""Fields of numbers along x and along y."""


def _extent(marks: Iterable[Mark], side: int) -> Iterator[float]:
    """All numbers of the marks along x (0) or y (1)."""
    for mark in (mark.as_points() if isinstance(mark, Dots) else mark for mark in marks):
        for name in _COLUMNS.get(type(mark), ((), ()))[side]:
            yield from getattr(mark, name)
        if isinstance(mark, Tree):
            own = (mark.x, mark.y)[side]
            yield from (min(own) - 0.3, max(own) + 0.3)
        elif isinstance(mark, Bars):
            tops = [low + height for low, height in zip(mark.bottom, mark.height, strict=True)]
            yield from tops if side else [x + half for x in mark.x for half in (-mark.width / 2, mark.width / 2)]
        elif isinstance(mark, Heat):
            yield from (-0.5, len(mark.values if side else mark.values[0]) - 0.5)
        elif isinstance(mark, Level) and side == 1:
            yield mark.height
        elif isinstance(mark, VerticalLine):
            yield from (mark.low, mark.high) if side else (mark.place,)
        elif isinstance(mark, Text) and mark.of == "data":
            yield (mark.x, mark.y)[side]


def _open_ends(marks: Iterable[Mark], side: int, log: bool) -> tuple[bool, bool]:
    """Whether any interval along x (0) or y (1) is open below, and above."""
    points = [mark.as_points() if isinstance(mark, Dots) else mark for mark in marks if isinstance(mark, Points | Dots)]
    lows = [low for mark in points for low in (mark.x_low, mark.low)[side]]
    highs = [high for mark in points for high in (mark.x_high, mark.high)[side]]
    return any(low == -math.inf or (log and low <= 0) for low in lows), math.inf in highs


def _share(value: float, ends: tuple[float, float], log: bool) -> float:
    low, high = ends
    if not log:
        return (value - low) / (high - low)
    return math.log(value / low) / math.log(high / low) if value > 0 else -math.inf


def _at(share: float, ends: tuple[float, float], log: bool) -> float:
    low, high = ends
    return low * (high / low) ** share if log else low + share * (high - low)


def _steps(span: float) -> Iterator[float]:
    decade = 10.0 ** math.floor(math.log10(span / 10))
    return (decade * 10**i * step for i in range(4) for step in (1, 2, 5))


def _round(low: float, high: float) -> list[float]:
    """The coarsest series of round numbers of which three are between the ends, thinned to six."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside: list[float] = []
    for series in (
        (1,),
        (1, 3),
        (1, 2, 5),
        (1, 1.5, 2, 3, 5, 7),
        (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8),
        np.arange(1, 10, 0.5),
        np.arange(1, 10, 0.1),
    ):
        every = (float(f"{m * 10.0**d:.6g}") for d in decades for m in series)
        inside = [tick for tick in every if low <= tick <= high]
        if len(inside) >= 3:
            break
    return inside[:: math.ceil(len(inside) / 6)] if inside else [low, high]


def plain(text: str) -> str:
    """A text without the marks of formulas, for its length."""
    return re.sub(r"\\(?:[a-z]+|.)", "x", text).translate(str.maketrans("", "", "${}_^"))


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 and value == round(value) else f"{value:g}".replace("-", "−")
