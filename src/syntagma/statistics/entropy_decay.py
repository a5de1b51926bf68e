"""How the entropy of a token falls with the length of its context: gamma and the limit, each with what is known of it.

    H_n - H_inf = a n^(-gamma),     n = 1, 2, ...

For a given limit H_inf, ln(H_n - H_inf) is linear in ln n, and gamma its slope: the larger the limit, the larger gamma.
So the limit is neither set to 0 nor hidden in a fit of three numbers. It is scanned from the lowest that it can be, 0
for an entropy rate, to the lowest bound measured, which it cannot exceed; at each limit the weighted squared residuals
Q of the logarithms are measured against what a doubling of the text still changes and a tolerance for what is no exact
power. How unlikely a limit is, is

    D = Q + 2 (k - 3) / k sum ln s_n,     s_n the standard deviation of H_n

(H_n - H_inf times the tolerance, and what a doubling changes), the sum over the k lengths of context: the nearer the
limit, the more a deviation of H_n moves its logarithm, so that the likelihood of H_n has the sum beside Q, of which the
three numbers that are fitted use up their share. Limits whose D is within 3.84 of the best are allowed; the value is
that of the smallest D, with Q in units of its smallest value per free number where that is below 1: an exact power is
found exactly, and its limit is always allowed. The interval runs over all limits allowed, and adds the sampling error
of the slope. Simulated, 3 percent off a power at each n, it holds gamma in 95 to 98 percent; one by Q alone in 86 to
97, too low where it fails, one by the whole sum in 89 to 95, too high there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.statistics.blocks import jackknife_error, student_reach
from syntagma.statistics.entropies import EntropyBounds

_FEWEST = 4
_SCANNED = 2000
_NEAREST = 1e-6
"""How near the limit may be to the lowest bound, as a share of it."""
_NOTHING = 1e-6
"""Nats; an entropy this small is none."""
_EXACT = 0.05
"""A text whose Q per free number is below this is closer to a power than the tolerance takes it to be."""
_ALLOWED = 3.84
"""95 percent of a chi square with one degree of freedom."""


@dataclass(frozen=True)
class EntropyDecay:
    """gamma and the limit of the entropy; NaN where `reason` says that there are none.

    Attributes:
        gamma, gamma_low, gamma_high: the exponent and its 95 percent interval, over all limits that are allowed.
        limit, limit_low, limit_high: H_inf in nats, and which limits are allowed.
        amplitude: a, nats.
        first, last: the lengths of context that count.
        reason: why there is no exponent, or what speaks for care with it.
        limits: `[s]`, the limits that were scanned,
        gammas: `[s]`, the exponent at each,
        misfits: `[s]`, and Q: the sensitivity of gamma to the limit.
    """

    gamma: float
    gamma_low: float
    gamma_high: float
    limit: float
    limit_low: float
    limit_high: float
    amplitude: float
    first: int
    last: int
    reason: str
    limits: Float[np.ndarray, " s"]
    gammas: Float[np.ndarray, " s"]
    misfits: Float[np.ndarray, " s"]

    def misfit_at(self, limit: float) -> float:
        """Q at a limit."""
        return float(np.interp(limit, self.limits, self.misfits))

    def at(self, limit: float, blocks: int) -> tuple[float, float]:
        """gamma for a given limit, and its standard error.

        The error lies between those at both ends of what is allowed, which are known from so many blocks of text.
        """
        reach, ends = student_reach(blocks - 1), (self.limit_low, self.limit_high)
        value, low, high = np.interp((limit, *ends), self.limits, self.gammas).tolist()
        errors = (low - self.gamma_low) / reach, (self.gamma_high - high) / reach
        return value, float(np.interp(limit, ends, errors))


@checked
def fit_entropy_decay(bounds: EntropyBounds, *, lowest: float = 0.0, tolerance: float = 0.03) -> EntropyDecay:
    """The exponent with which the tight bounds fall: `fit_entropy_decay(entropy_bounds(...)).gamma`.

    Args:
        bounds: of n = 0 or 1 on, in ascending order.
        lowest: nats that the limit is not below.
        tolerance: relative deviations of H_n - H_inf from a power that are no reason to refuse a limit.

    Raises:
        InputError: a tolerance that is not between 0 and 1; a limit below 0.
    """
    if not 0 < tolerance < 1:
        raise invalid("tolerance", tolerance, "it is between 0 and 1", "For example 0.03")
    if lowest < 0:
        raise invalid("lowest", lowest, "no conditional entropy is below 0", "Give nats, 0 or more")
    chosen = np.flatnonzero(bounds.tight & (bounds.contexts >= 1))
    if len(chosen) < _FEWEST:
        last = int(bounds.contexts[chosen[-1]]) if len(chosen) else 0
        end = _why_it_ends(bounds, last)
        return _nothing(f"bounds are tight up to n = {last}, {end}, and {_FEWEST} lengths of context are needed")
    data = _Points.of(bounds, chosen, tolerance)
    top = float(data.values.min())
    if top < _NOTHING:
        return _nothing("counts predict the text without loss, as where it repeats itself: nothing is left to fall")
    if top <= lowest:
        return _nothing(f"the lowest bound, {top:.3g} nats, is not above the lowest limit, {lowest:.3g} nats")
    limits = lowest + (top - lowest) * (1 - np.geomspace(1, _NEAREST, _SCANNED))
    amplitudes, gammas, misfits = data.fits(limits)
    nearness = 2 * (1 - 3 / len(chosen)) * data.log_spread(limits)
    closest, unlikely = int(np.argmin(misfits)), misfits + nearness
    smoother = min(max(float(misfits[closest]) / (len(chosen) - 3), 1e-6), 1.0)
    exact = [closest] if smoother < _EXACT else []
    best = int(np.argmin(misfits / smoother + nearness))
    allowed = np.union1d(np.flatnonzero(unlikely <= unlikely.min() + _ALLOWED), exact).astype(int)
    ends = max(int(allowed[0]) - 1, 0), min(int(allowed[-1]) + 1, _SCANNED - 1)  # as far as the scan is fine
    errors = [data.slope_error(limits[end]) for end in ends]
    reach = student_reach(len(bounds.by_block) - 1)
    return EntropyDecay(
        gamma=float(gammas[best]),
        gamma_low=float(gammas[ends[0]] - reach * errors[0]),
        gamma_high=float(gammas[ends[1]] + reach * errors[1]),
        limit=float(limits[best]),
        limit_low=float(limits[ends[0]]),
        limit_high=float(limits[ends[1]]),
        amplitude=float(np.exp(amplitudes[best])),
        first=int(data.contexts[0]),
        last=int(data.contexts[-1]),
        reason=_care(misfits[best], len(chosen), ends, bounds, data),
        limits=limits,
        gammas=gammas,
        misfits=misfits,
    )


@dataclass(frozen=True)
class _Points:
    contexts: Float[np.ndarray, " k"]
    values: Float[np.ndarray, " k"]
    errors: Float[np.ndarray, " k"]
    by_block: Float[np.ndarray, "B k"]
    tolerance: float

    @classmethod
    def of(cls, bounds: EntropyBounds, chosen: np.ndarray, tolerance: float) -> _Points:
        doubling = np.abs(np.nan_to_num(bounds.doubling[chosen]))
        contexts, values = bounds.contexts[chosen].astype(float), bounds.values[chosen]
        return cls(contexts, values, doubling, bounds.by_block[:, chosen], tolerance)

    def log_excess(self, limits: np.ndarray, values: np.ndarray | None = None) -> Float[np.ndarray, "s k"]:
        """ln(H_n - H_inf) at each limit, of these values or of others, `[k]` or a row for each limit."""
        above = (self.values if values is None else values) - limits[:, None]
        return np.log(np.maximum(above, 1e-12))

    def log_spread(self, limits: np.ndarray) -> Float[np.ndarray, " s"]:
        """Sum over n of the logarithm of how far H_n may be off at each limit, in units of the tolerance."""
        off = np.hypot(np.exp(self.log_excess(limits)), self.errors / self.tolerance)
        return np.log(off).sum(axis=1)

    def fits(self, limits: np.ndarray, values: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`[s]`, `[s]`, `[s]`: ln a, gamma and Q at each limit."""
        x, y = np.log(self.contexts), self.log_excess(limits, values)
        weights = 1 / (self.tolerance**2 + (self.errors / (self.values - limits[:, None])) ** 2)
        total = weights.sum(axis=1)
        mean_x, mean_y = (weights * x).sum(axis=1) / total, (weights * y).sum(axis=1) / total
        off = x - mean_x[:, None]
        slopes = (weights * off * y).sum(axis=1) / (weights * off**2).sum(axis=1)
        residuals = y - mean_y[:, None] - slopes[:, None] * off
        return mean_y - slopes * mean_x, -slopes, (weights * residuals**2).sum(axis=1)

    def slope_error(self, limit: float) -> float:
        """Standard error of gamma at a limit: jack-knife over the blocks of test text."""
        blocks = len(self.by_block)
        without = (self.by_block.sum(axis=0) - self.by_block) / (blocks - 1)
        if (without.min(axis=1) <= limit).any():
            return 0.0
        return jackknife_error(self.fits(np.full(blocks, limit), without)[1])


def _care(misfit: float, points: int, ends: tuple[int, int], bounds: EntropyBounds, data: _Points) -> str:
    from scipy.stats import chi2

    if points > 3 and chi2.sf(misfit, points - 3) < 0.05:
        return "the entropies do not fall as a power of n to any limit"
    last = int(data.contexts[-1])
    if ends[0] == 0 and ends[1] == _SCANNED - 1:
        return f"any limit up to the lowest bound is allowed: {_why_it_ends(bounds, last)}"
    return "" if last == bounds.contexts[-1] else _why_it_ends(bounds, last)


def _why_it_ends(bounds: EntropyBounds, last: int) -> str:
    """What happens to the bounds beyond n = `last`."""
    if last == bounds.contexts[-1]:
        return "the longest context measured"
    place = int(np.searchsorted(bounds.contexts, last + 1))
    if bounds.values[place] >= bounds.values[place - 1]:
        return f"more context lowers no bound beyond n = {last}"
    return f"the text is too short for tight bounds beyond n = {last}"


def _nothing(reason: str) -> EntropyDecay:
    nan, empty = float("nan"), np.zeros(0)
    return EntropyDecay(nan, nan, nan, nan, nan, nan, nan, 0, 0, reason, empty, empty, empty)
