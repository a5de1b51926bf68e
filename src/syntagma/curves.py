"""Learning curves: thresholds measured on them, and laws fitted to thresholds, with bootstrap intervals over seeds.

The measured threshold of level l is the number of examples P at which the seed-averaged test loss crosses half-way between
the plateaus L_(l-1) and L_l, interpolated linearly in ln P. Seeds vary both grammar and training; an interval comes from
drawing as many seeds again with replacement, averaging their losses and plateaus, and measuring again (percentiles).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from syntagma.randomness import stream

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class LearningCurve:
    """Test losses of one learner on one kind of language.

    Attributes:
        num_examples: `[P]`, increasing.
        losses: `[seeds, P]` in nats, NaN where a seed was not run at that size.
        plateaus: `[seeds, L + 1]`, each seed's own exact plateaus in nats.
    """

    num_examples: Float[np.ndarray, " P"]
    losses: Float[np.ndarray, "seeds P"]
    plateaus: Float[np.ndarray, "seeds levels"]


@dataclass(frozen=True)
class Interval:
    """A measured value with its confidence interval and the resamples it came from; NaN and a reason where there is none."""

    value: float
    low: float
    high: float
    reason: str = ""
    resamples: Float[np.ndarray, " R"] | None = None

    def times(self, factor: float) -> Interval:
        """The value in another unit."""
        resamples = None if self.resamples is None else self.resamples * factor
        return Interval(self.value * factor, self.low * factor, self.high * factor, self.reason, resamples)

    def holds(self, number: float) -> bool:
        """Whether the interval contains `number`."""
        return bool(self.low <= number <= self.high)


def threshold(curve: LearningCurve, level: int, seed: int = 0) -> Interval:
    """The measured threshold of `level` with its bootstrap interval; the reason where the curve does not show it.

    Resamples in which the curve does not cross are counted as beyond the largest (or below the smallest) size measured.
    """
    num_seeds = len(curve.losses)
    value = _crossing(curve, np.arange(num_seeds), level)
    drawn = stream(seed, "bootstrap").integers(num_seeds, size=(RESAMPLES, num_seeds))
    resamples = np.array([_crossing(curve, seeds, level) for seeds in drawn])
    if np.isinf(value):
        reason = "not reached" if value > 0 else "below the smallest size"
        return Interval(float("nan"), float("nan"), float("nan"), reason, resamples)
    low, high = _percentiles(resamples)
    return Interval(value, low, high, "" if num_seeds > 1 else "one seed: no interval", resamples)


def crossed(curve: LearningCurve, level: int) -> bool:
    """Whether the seed-averaged loss has come below the half-way line of `level`."""
    return bool(np.isfinite(_crossing(curve, np.arange(len(curve.losses)), level)))


def ratio(above: Interval, below: Interval) -> Interval:
    """above / below with its interval; both come from resamples of the same seeds, in the same order."""
    if not (np.isfinite(above.value) and np.isfinite(below.value)):
        return Interval(float("nan"), float("nan"), float("nan"), above.reason or below.reason)
    assert above.resamples is not None
    assert below.resamples is not None
    resamples = _positive(above.resamples) / _positive(below.resamples)
    low, high = _percentiles(resamples[~np.isnan(resamples)])
    return Interval(above.value / below.value, low, high, "", resamples)


def power_law(sizes: Float[np.ndarray, " k"], values: list[Interval]) -> Interval:
    """The exponent a of value ~ size^a, least squares in logarithms, with the interval that the values' resamples give.

    Needs two sizes with measured values. With exactly two the interval has the seeds' spread but no test of the law.
    """
    usable = [i for i, value in enumerate(values) if np.isfinite(value.value) and value.resamples is not None]
    if len(usable) < 2:
        return Interval(float("nan"), float("nan"), float("nan"), "fewer than two measured thresholds")
    x = np.log(np.asarray(sizes, float)[usable])
    x = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    resamples = np.stack([values[i].resamples for i in usable])
    slopes = x @ np.log(np.where(np.isfinite(resamples), resamples, np.nan))
    slopes = slopes[np.isfinite(slopes)]
    return Interval(float(x @ np.log([values[i].value for i in usable])), *_percentiles(slopes), "", slopes)


def _positive(values: np.ndarray) -> np.ndarray:
    """Crossings as positive numbers: what came before the smallest size counts as 0."""
    return np.where(values == -np.inf, 0.0, values)


def _crossing(curve: LearningCurve, seeds: np.ndarray, level: int) -> float:
    """P of the half-way crossing of the average over `seeds`; +inf where it is not reached, -inf where it came before."""
    chosen = curve.losses[seeds]
    complete = ~np.isnan(chosen).any(axis=0)
    loss, size = chosen[:, complete].mean(axis=0), curve.num_examples[complete]
    plateaus = curve.plateaus[seeds].mean(axis=0)
    half = 0.5 * (plateaus[level - 1] + plateaus[level])
    below = np.flatnonzero(loss <= half)
    if not len(below):
        return float("inf")
    first = below[0]
    if first == 0:
        return float("-inf")
    share = (loss[first - 1] - half) / (loss[first - 1] - loss[first])
    return float(np.exp(np.log(size[first - 1]) + share * np.log(size[first] / size[first - 1])))


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    if not len(values):
        return float("nan"), float("nan")
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values, [tail, 100 - tail], method="nearest")
    return float(low), float(high)
