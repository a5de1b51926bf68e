"""The exponent alpha of the excess loss over several levels: one estimator for measured and for predicted curves.

A curve crosses the line half-way between plateaus L_(l-1) and L_l at P_l; its excess there is

    E_l = (L_(l-1) + L_l) / 2 - L_L,

L_L the loss of exact inference. alpha is the slope, with its sign changed, of the least-squares line of ln E_l against
ln P_l for levels first..last. Nothing else of the curve enters, so the estimate does not depend on which sizes between
crossings were measured, and an interval of the crossings is an interval of alpha.

Why: where thresholds grow by a factor g a level and the excess of plateaus falls by f, as at great depth, E_l does too,
and the estimate is ln(1/f) / ln g exactly: the asymptotic law with g = m (weight sharing) or m^2 (without). At finite
depth the same estimator on the exact plateaus and thresholds of the grammars is what a measured alpha is to be compared
with: L_L stands for the limit of many levels, f differs from level to level, and P_2 / P_1 is m^2 in both laws, so that
with weight sharing the first level does not lie on the others' line. Exact values, mean of four grammars:

                       weight sharing: law   levels 1..L   2..L    without: law   levels 1..L   2..L
    v = 16, m = 4, L = 3               1.00      0.50      1.03            0.50      0.40       0.52
                   L = 4                         0.64      1.04                      0.45       0.53
                   L = 8                         0.89      1.04                      0.49       0.51
    v = 32, m = 8, L = 4               0.67      0.37      0.62            0.33      0.26       0.31
    v = 16, m = 3, L = 4               1.52      0.91      1.44            0.76      0.64       0.75
    v = 16, m = 2, L = 4               3.00      1.28      1.81            1.50      0.93       1.07
    v = 8,  m = 2, L = 4               2.00      0.99      1.47            1.00      0.71       0.83

So over levels 2..L the law is met within 12 percent from L = 3 on, for v = 16 and 32 and m = 3 to 8; with weight
sharing it is not over levels 1..4, nor at m = 2 or v = 8 at all.

Regime: any curve that falls from plateau to plateau; derived here. Source of the asymptotic law: arXiv 2505.07070.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from pydantic import PositiveFloat

from syntagma.checked_call import checked
from syntagma.errors import invalid, whole_number
from syntagma.theory.prediction import PredictedCurve

SOURCE = "derived here (theory.excess), from exact plateaus and thresholds"

_SIZES_A_DOUBLING = 64


@checked
def half_way_lines(plateaus: Annotated[ArrayLike, "levels"]) -> Float[np.ndarray, " L"]:
    """(L_(l-1) + L_l) / 2 for l = 1..L: `half_way_lines([2.0, 1.0, 0.5])` is [1.5, 0.75]."""
    values = np.asarray(plateaus, np.float64)
    return 0.5 * values[:-1] + 0.5 * values[1:]


@checked(not_finite=("losses",))
def crossings(
    num_examples: ArrayLike, losses: ArrayLike, plateaus: Annotated[ArrayLike, "levels"]
) -> Float[np.ndarray, " L"]:
    """Where a curve first falls to each half-way line, linear in ln P between the two sizes on either side.

    `crossings([10, 1000], [2.0, 1.0], [2.0, 1.0])` is [100]. Infinite where the curve never does, 0 where it is below
    from its first size on; NaN among the losses makes all NaN.

    Raises:
        InputError: sizes and losses of different lengths, no size, or sizes that do not increase.
    """
    sizes, values = np.asarray(num_examples, np.float64), np.asarray(losses, np.float64)
    if sizes.shape != values.shape or sizes.ndim != 1 or len(sizes) == 0:
        raise invalid("losses", f"shape {values.shape}", f"num_examples has shape {sizes.shape}", "Give one for each")
    if not (np.diff(sizes) > 0).all() or not sizes[0] > 0:
        raise invalid("num_examples", num_examples, "sizes are above 0 and increase", "Sort them")
    lines = half_way_lines(plateaus)
    if np.isnan(values).any():
        return np.full(len(lines), np.nan)
    return np.array([_first_below(np.log(sizes), values, line) for line in lines])


@checked(not_finite=("thresholds",))
def excess_exponent(
    thresholds: Annotated[ArrayLike, "n"],
    plateaus: Annotated[ArrayLike, "levels"],
    first: int = 1,
    last: int | None = None,
) -> float:
    """alpha from half-way crossings P_1..P_n and plateaus L_0..L_L: `excess_exponent([20, 80, 160], plateaus, 1, 3)`.

    NaN where a level has no excess above 0, or one of the crossings was not reached (infinite) or came before the curve
    began (0): none is left out silently.

    Args:
        thresholds: `[n]`, of levels 1..n.
        plateaus: `[L + 1]` nats.
        first: the lowest level that counts.
        last: the highest; by default L.

    Raises:
        InputError: fewer than two levels from `first` to `last`, or a level without plateau or threshold.
    """
    lines = half_way_lines(plateaus)
    if not len(lines):
        raise invalid("plateaus", plateaus, "there are two at the least, before a level and after", "Give L + 1")
    floor = float(np.asarray(plateaus)[-1])
    points = np.asarray(thresholds, np.float64)
    chosen = _checked_levels(first, len(lines) if last is None else last, min(len(lines), len(points)))
    points, excess = points[chosen], lines[chosen] - floor
    if not (np.isfinite(points) & (points > 0) & (excess > 0)).all() or np.ptp(points) == 0:
        return float("nan")
    return -float(np.polyfit(np.log(points), np.log(excess), 1)[0])


@checked
def curve_exponent(
    curve: PredictedCurve,
    plateaus: Annotated[ArrayLike, "levels"],
    smallest: PositiveFloat,
    largest: PositiveFloat,
    first: int = 1,
    last: int | None = None,
) -> float:
    """alpha of a predicted curve, its crossings looked for between two sizes.

    `curve_exponent(prediction.curve, prediction.plateaus.values, 1, 1e9, 2, 4)` is that over levels 2 to 4.

    Raises:
        InputError: as `excess_exponent`.
    """
    if largest <= smallest:
        raise invalid("largest", largest, f"it is above smallest={smallest}", "Raise largest")
    number = int(np.ceil(_SIZES_A_DOUBLING * (np.log2(largest) - np.log2(smallest)))) + 1
    sizes = np.geomspace(smallest, largest, number)
    return excess_exponent(crossings(sizes, curve(sizes), plateaus), plateaus, first, last)


def _checked_levels(first: int, last: int, available: int) -> slice:
    first, last = whole_number("first", first), whole_number("last", last)
    if last > available:
        raise invalid("last", last, f"there are plateaus and thresholds up to level {available}", "Lower last")
    if last <= first:
        raise invalid("first", first, f"a slope takes two levels, and last={last}", "Lower first, or raise last")
    return slice(first - 1, last)


def _first_below(where: np.ndarray, values: np.ndarray, line: float) -> float:
    below = np.flatnonzero(values <= line)
    if not len(below):
        return float("inf")
    first = int(below[0])
    if first == 0:
        return 0.0
    fall = values[first - 1] - values[first]
    share = (values[first - 1] - line) / fall if np.isfinite(fall) else 1.0  # as for a very large one
    return float(np.exp(where[first - 1] + share * (where[first] - where[first - 1])))
