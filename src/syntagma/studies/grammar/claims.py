"""Claims that studies of hierarchies share: order of levels, growth, ratios, and the oracle's bound."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

from syntagma.curves import Claim, Interval, certain, unmeasured
from syntagma.studies.grammar.curves import GrammarCurve

READERS_SOURCE = "beside a reader (learners.readers)"


INTEGER_EXPONENT = 1.0
"""Half-width within which an interval must lie to tell an exponent from its neighbours two away."""


def order_claim(who: str, curves: Mapping[str, GrammarCurve], levels: int, source: str) -> Claim:
    """Levels are learned one after the other: the least certain of all steps P_l / P_(l-1) is above 1.

    All steps are above 1 when each is, so the claim is tested by the one whose interval reaches lowest.
    """
    steps = [(key, level, curve.step(level)) for key, curve in curves.items() for level in range(2, levels + 1)]
    text, predicted = f"{who} learns one level after the other", "P_l > P_(l-1)"
    seen = [entry for entry in steps if entry[2].lower is not None]
    if not seen:
        return Claim(text, predicted, unmeasured("fewer than two levels measured"), "above", 1.0, source)
    key, level, least = min(seen, key=lambda entry: entry[2].low)
    shown = f"smallest step: P_{level} / P_{level - 1} = {least} at {key}"
    return Claim(text, predicted, least, "above", 1.0, source, shown=shown)


def growth_claim(
    text: str, exponent: Interval, predicted: float, source: str, symbol: str = "m", form: str = "g"
) -> Claim:
    """The exponent of a threshold beside the predicted one; NaN where there is no prediction."""
    known = not math.isnan(predicted)
    law, rule = (f"{symbol}^{predicted:{form}}", "equals") if known else ("no prediction", "finding")
    shown = f"{symbol}^k, k = {exponent}" if not math.isnan(exponent.value) else ""
    return Claim(text, law, exponent, rule, predicted, source, resolution=INTEGER_EXPONENT, shown=shown)


def ratio_claim(text: str, factor: float, interval: Interval, source: str, law: str = "") -> Claim:
    """How many times the examples of another learner one needs, beside the factor predicted; NaN where none is."""
    known = not math.isnan(factor)
    predicted = (law or f"{factor:g}") if known else "no prediction"
    return Claim(text, predicted, interval, "equals" if known else "finding", factor, source, resolution=2.0)


def oracle_claim(excess: Sequence[float], errors: Sequence[float]) -> Claim:
    """No loss is below the exact oracle's on the same sentences by more than its error allows.

    The smallest of n standardised differences is about -sqrt(2 ln n): it is compared with the normal quantile of
    0.01 / n, whose distance is reported.
    """
    scaled = [x / e for x, e in zip(excess, errors, strict=True) if e > 0]
    text, predicted = "no network's loss is below the exact oracle's", "loss - oracle loss >= 0"
    distance, shown = unmeasured("one run is no outcome" if scaled else "no oracle"), ""
    if len(scaled) > 1:
        bound, least = NormalDist().inv_cdf(0.01 / len(scaled)), min(scaled)
        distance = certain(least - bound)
        shown = f"smallest of {len(scaled)}: {least:+.1f} standard errors (bound {bound:.1f})"
    return Claim(text, predicted, distance, "above", 0.0, "exact posterior", shown=shown)
