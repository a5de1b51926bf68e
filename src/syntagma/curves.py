"""Learning curves: thresholds measured on them, and laws fitted to thresholds, with bootstrap intervals over seeds.

The measured threshold of level l is the number of examples P at which the seed-averaged test loss crosses half-way
between the plateaus L_(l-1) and L_l, interpolated linearly in ln P. Seeds vary both grammar and training; an interval
comes from drawing as many seeds again with replacement, averaging their losses and plateaus, and measuring again
(percentiles).
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
    """A measured value with its confidence interval and the resamples it came from.

    A threshold that the curve does not reach is infinite, one that came before its first point is 0; `bound` is then
    the size that it lies beyond, and `reason` says so. What could not be measured at all is NaN.
    """

    value: float
    low: float
    high: float
    reason: str = ""
    resamples: Float[np.ndarray, " R"] | None = None
    bound: float = float("nan")

    @property
    def measured(self) -> bool:
        """Whether the value itself is known, not only a bound."""
        return bool(np.isfinite(self.value)) and self.value > 0

    def times(self, factor: float) -> Interval:
        """The value in another unit."""
        resamples = None if self.resamples is None else self.resamples * factor
        low, high, bound = self.low * factor, self.high * factor, self.bound * factor
        return Interval(self.value * factor, low, high, self.reason, resamples, bound)

    def holds(self, number: float) -> bool:
        """Whether the interval contains `number`."""
        return bool(self.low <= number <= self.high)


def threshold(curve: LearningCurve, level: int, seed: int = 0) -> Interval:
    """The measured threshold of `level` with its bootstrap interval; the reason where the curve does not show it.

    A resample in which the curve does not cross counts as infinite, one that begins below the line as 0.
    """
    num_seeds = len(curve.losses)
    sizes = curve.num_examples[~np.isnan(curve.losses).any(axis=0)]
    value = _crossing(curve, np.arange(num_seeds), level)
    drawn = stream(seed, "bootstrap").integers(num_seeds, size=(RESAMPLES, num_seeds))
    resamples = np.array([_crossing(curve, seeds, level) for seeds in drawn])
    low, high = _percentiles(resamples)
    if np.isinf(value):
        bound = float(sizes[-1]) if len(sizes) else 0.0
        return Interval(value, min(low, bound), value, f"more than {bound:.0f}", resamples, bound)
    if value == 0:
        bound = float(sizes[0])
        return Interval(value, value, max(high, bound), f"less than {bound:.0f}", resamples, bound)
    return Interval(value, low, high, "" if num_seeds > 1 else "one seed: no interval", resamples)


def crossed(curve: LearningCurve, level: int) -> bool:
    """Whether the seed-averaged loss has come below the half-way line of `level`."""
    return _crossing(curve, np.arange(len(curve.losses)), level) < np.inf


def ratio(above: Interval, below: Interval) -> Interval:
    """above / below with its interval; both come from resamples of the same seeds, in the same order.

    Where `above` was not reached the ratio is infinite, with the lower end that its largest size gives.
    """
    if not below.measured or np.isnan(above.value) or above.value == 0:
        reason = below.reason if not below.measured else above.reason
        return Interval(float("nan"), float("nan"), float("nan"), reason or "not measured")
    assert above.resamples is not None
    assert below.resamples is not None
    at_least = np.where(np.isinf(above.resamples), above.bound, above.resamples) if above.bound > 0 else above.resamples
    usable = np.isfinite(below.resamples) & (below.resamples > 0)
    low, _ = _percentiles(at_least[usable] / below.resamples[usable])
    _, high = _percentiles(above.resamples[usable] / below.resamples[usable])
    if np.isinf(above.value):
        bound = above.bound / below.value
        return Interval(float("inf"), min(low, bound), float("inf"), f"more than {bound:.2f}", None, bound)
    return Interval(above.value / below.value, low, high, above.reason or below.reason)


def mean_over_seeds(values: Float[np.ndarray, " seeds"]) -> Interval:
    """The mean with Student's interval; without ends where there is one seed."""
    from scipy.stats import t

    values = np.asarray(values, float)
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, -float("inf"), float("inf"), "one seed: no interval")
    width = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - width, mean + width)


def power_law(sizes: Float[np.ndarray, " k"], values: list[Interval]) -> Interval:
    """The exponent a of value ~ size^a, least squares in logarithms, with the interval that the values' resamples give.

    Needs two sizes with measured values. With exactly two the interval has the seeds' spread but no test of the law.
    Where more than a fortieth of the resamples miss a threshold, the interval is open at that end.
    """
    usable = [i for i, value in enumerate(values) if value.measured and value.resamples is not None]
    if len(usable) < 2:
        return Interval(float("nan"), float("nan"), float("nan"), "fewer than two measured thresholds")
    x = np.log(np.asarray(sizes, float)[usable])
    x = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    resamples = np.stack([np.asarray(values[i].resamples) for i in usable])
    with np.errstate(divide="ignore", invalid="ignore"):  # unreached thresholds are infinite: so is the slope's end
        slopes = x @ np.log(resamples)
    slopes = slopes[~np.isnan(slopes)]
    return Interval(float(x @ np.log([values[i].value for i in usable])), *_percentiles(slopes), "", slopes)


def _crossing(curve: LearningCurve, seeds: np.ndarray, level: int) -> float:
    """P of the half-way crossing of the average over `seeds`; infinite if it is not reached, 0 if it came before."""
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
        return 0.0
    share = (loss[first - 1] - half) / (loss[first - 1] - loss[first])
    return float(np.exp(np.log(size[first - 1]) + share * np.log(size[first] / size[first - 1])))


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    if not len(values):
        return float("nan"), float("nan")
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values, [tail, 100 - tail], method="nearest")
    return float(low), float(high)
