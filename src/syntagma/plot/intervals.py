"""How measured values with intervals become points, dots and words: open ends as arrows, bounds as triangles."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from syntagma.plot.marks import Points


@runtime_checkable
class Measured(Protocol):
    """A value with both ends of its interval, as `curves.Interval`; open ends are infinite, or 0 of a scale."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def bounded(self) -> bool: ...


def columns(intervals: Iterable[Measured]) -> dict[str, Any]:
    """`low`, `high` and `bound` of `Points` and `Dots`; an interval with no end at all is left out (NaN).

    A value that only bounds are known of is drawn as one: "at least" where the upper end is open.
    """
    lows, highs, bounds = [], [], []
    for one in intervals:
        open_below, open_above = (not one.low > 0 and math.isinf(one.low)) or one.low == 0, one.high == math.inf
        lone = open_below and open_above and not one.bounded
        lows.append(math.nan if lone else one.low)
        highs.append(math.nan if lone else one.high)
        bounds.append("" if not one.bounded else "at least" if open_above else "at most" if open_below else "")
    return {"low": lows, "high": highs, "bound": bounds}


def interval_points(measured: Iterable[tuple[float, Measured]], **look: Any) -> Points:
    """A point at each x with its interval; what was not measured is left out.

    Example: `interval_points(zip([2, 3], thresholds, strict=True), key="cnn", label="CNN")`.
    """
    shown = [(x, one) for x, one in measured if math.isfinite(one.value)]
    values = [one.value for _, one in shown]
    return Points([x for x, _ in shown], values, **columns(one for _, one in shown), **look)


def written(one: Measured, form: str = ".2g") -> str:
    """`3.4 [2, 4.1]`, "at least 36", "not measured"."""
    if not math.isfinite(one.value):
        return "not measured"
    low, high = (_number(end, form) for end in (one.low, one.high))
    if one.high == math.inf:
        return (
            f"at least {low}" if math.isfinite(one.low) and one.low > 0 else f"{_number(one.value, form)}, no interval"
        )
    if one.low == 0 or one.low == -math.inf:
        return f"at most {high}"
    return f"{_number(one.value, form)} [{low}, {high}]"


def _number(value: float, form: str) -> str:
    return format(value, form) if not math.isfinite(value) or abs(value) < 100 else f"{value:,.0f}"
