"""How well one law puts all languages on one curve: the spread of measured over predicted thresholds.

Were the law exact up to one prefactor, P_l / P_l(predicted) would be one number for all languages, and largest over
smallest would be 1 but for the seeds' noise. A largest ratio is never below 1, so its interval cannot hold 1; it is
compared with what the noise alone gives: the same ratio of each language's resamples over their own measured value.
Below that it agrees, with its whole interval above that it disagrees.
Seeds of different languages are independent, so their resamples are taken in independent orders.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from syntagma.curves import CONFIDENCE, Interval
from syntagma.randomness import stream
from syntagma.studies.variations.grids import Grammar
from syntagma.studies.variations.predictions import law_of
from syntagma.studies.variations.settings import Variations


@dataclass(frozen=True)
class Collapse:
    """Of one learner and level.

    Attributes:
        spread: largest over smallest P_l / P_l(predicted), with its interval.
        seeds_alone: what it stays below in 97.5 percent of the cases where seeds alone differ.
        languages: number of languages whose threshold was measured.
    """

    spread: Interval
    seeds_alone: float
    languages: int


def collapse(
    settings: Variations, measured: Mapping[tuple[str, Grammar, int], Interval], learner: str, level: int
) -> Collapse:
    """The spread over all languages of the growth grid; NaN where fewer than two thresholds were measured."""
    recipe = settings.growth.learners[learner].learner
    units, known = [], []
    for (name, grammar, at), found in measured.items():
        if name == learner and at == level and found.measured and found.resamples is not None:
            units.append(law_of(grammar, recipe, level))
            known.append(found)
    if len(known) < 2:
        none = Interval(math.nan, math.nan, math.nan, "fewer than two measured thresholds")
        return Collapse(none, math.nan, len(known))
    order = stream(0, "collapse", learner, level)
    resamples = np.array([order.permutation(found.resamples) for found in known])  # [languages, R]
    usable = np.isfinite(resamples).all(axis=0) & (resamples > 0).all(axis=0)
    values = np.array([found.value for found in known])
    again, alone = (_spreads(resamples[:, usable] / np.array(unit)[:, None]) for unit in (units, values))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(again, [tail, 100 - tail], method="nearest") if usable.any() else (math.nan, math.nan)
    noise = float(np.percentile(alone, 100 - tail, method="nearest")) if usable.any() else math.nan
    value = float(_spreads((values / np.array(units))[:, None])[0])
    return Collapse(Interval(value, float(low), float(high)), noise, len(known))


def _spreads(ratios: np.ndarray) -> np.ndarray:
    """Largest over smallest in each column."""
    return ratios.max(axis=0) / ratios.min(axis=0)
