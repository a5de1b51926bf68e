"""Whether correlations fall as a power of the distance, over which distances, and where that breaks.

    ln s_t = a - beta ln t + error,     weights 1 / (relative error^2 + tolerance^2)

is fitted by least squares to strengths that are correlated with one another: all come from the same blocks of text,
whose spread gives their covariance S. The weighted sum of squared residuals Q is then no chi square but a sum of
squares with weights, of mean tr A and variance 2 tr A^2, A = W^(1/2) M S' M^T W^(1/2), M the residual projection,
S' = S + tolerance^2 I; Q / tr A is compared with an F distribution of d = (tr A)^2 / tr A^2 degrees of freedom above,
and d (B - 1) below for B blocks (both by Satterthwaite's match of two moments, 1946). A law that is off by less than
the tolerance is not rejected, however long the text is: no text follows a power exactly, and what a forecast needs is a
law to a few percent.

Where a single power is rejected, the distances are cut in pieces, so that the sum of Q and of a price for each piece
(3 ln k for k distances, the Bayesian criterion for its three numbers) is smallest, exactly, over all cuts. A decay that
an exponential describes and a power does not is no power law; one that both describe is said to be undecided.

The interval of an exponent holds the sampling error, what residuals show beyond it, and what slow correlations add to
both, never less (`long_memory.py`): blocks that depend on one another, and strengths that are too low because the means
are the text's own. By how much depends on whether the law goes on to the ends of the text, which nothing shows, so the
exponent is half-way between those with and without that correction, and half their difference is part of its error.
Derived here but for what is named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from syntagma.checked_call import checked
from syntagma.errors import invalid, whole_number
from syntagma.statistics.blocks import student_reach
from syntagma.statistics.long_memory import mean_covariance, variance_factor
from syntagma.statistics.strengths import Strengths

_FEWEST = 5
"""Distances that a law is believed over at the least,"""
_LEAST_SPAN = 8.0
"""the least ratio of the last to the first,"""
_LEAST_FALL = 2.0
"""and the least by which the correlations fall over them: what falls by less may as well be what never falls, as where
stretches of a text differ in how frequent their tokens are."""
_LEVEL = 0.05
"""A law with a smaller p-value is rejected."""
_SHORTEST_PIECE = 3
_MOST_NAMED = 4
"""Pieces whose exponents a sentence lists."""
_REFINED = 4
"""How often the bias by the text's own means is worked out anew from the law without it."""
_NOISIEST = 0.2
"""Strengths with a larger relative error are left out: their logarithms are too low on average."""


@dataclass(frozen=True)
class Law:
    """A power (or exponential) law fitted to strengths at some distances.

    Attributes:
        first, last: the shortest and the longest distance.
        points: how many distances.
        exponent: beta of t^(-beta); for an exponential, 1 / tokens, of exp(-exponent t).
        standard_error: of the exponent.
        low, high: its 95 percent interval.
        log_amplitude: a, the logarithm of the strength at distance 1 (exponential: 0).
        p_value: how probable residuals as large are where the law holds to within the tolerance; NaN for two points.
        scatter: root mean square of the residuals of ln s.
        by_block: `[B]`, what each block says of the exponent, which is their mean with equal weights.
    """

    first: int
    last: int
    points: int
    exponent: float
    standard_error: float
    low: float
    high: float
    log_amplitude: float
    p_value: float
    scatter: float
    by_block: Float[np.ndarray, " B"]

    @property
    def rejected(self) -> bool:
        """Whether the strengths are not as the law says."""
        return self.p_value < _LEVEL

    @property
    def span(self) -> float:
        """The longest distance over the shortest."""
        return self.last / self.first


@dataclass(frozen=True)
class Decay:
    """How correlations fall with distance.

    Attributes:
        law: the power law to forecast with; None where there is none, and `reason` says why.
        reason: in words, why there is no law, or what speaks for care with it; empty where nothing does.
        whole: a power law over all distances that are resolved; None with fewer than three.
        exponential: an exponential over the same distances.
        pieces: power laws over the pieces that the distances are cut into, in order; one where nothing is cut.
    """

    law: Law | None
    reason: str
    whole: Law | None
    exponential: Law | None
    pieces: tuple[Law, ...]

    @property
    def breaks(self) -> tuple[float, ...]:
        """Distances at which one power gives way to the next: half-way, in logarithms, between two pieces."""
        pairs = zip(self.pieces[:-1], self.pieces[1:], strict=True)
        return tuple(math.sqrt(before.last * after.first) for before, after in pairs)


@checked
def fit_decay(strengths: Strengths, *, first_lag: int = 1, tolerance: float = 0.03) -> Decay:
    """The power law that the strengths follow, if they do: `fit_decay(correlation_strengths(tokens, 50, lags)).law`.

    Args:
        strengths: at increasing distances.
        first_lag: shorter distances do not count.
        tolerance: relative deviations of this size are no reason to reject a law.

    Raises:
        InputError: a tolerance that is negative or 1 or more; distances that do not increase.
    """
    if not 0 <= tolerance < 1:
        raise invalid("tolerance", tolerance, "it is from 0 up to, but not, 1", "For example 0.03")
    if (np.diff(strengths.lags) <= 0).any():
        raise invalid("lags", strengths.lags.tolist(), "they must increase", "Sort them, each once")
    start = int(np.searchsorted(strengths.lags, whole_number("first_lag", first_lag)))
    number = _clear(strengths, start, tolerance)
    data = _Data.of(strengths, slice(start, start + number), tolerance)
    if number < _SHORTEST_PIECE:
        return Decay(None, f"{_counted(number)} clear of the sampling noise, and {_FEWEST} are needed", None, None, ())
    whole, exponential = data.law(0, number), data.law(0, number, exponential=True)
    pieces = tuple(data.law(i, j) for i, j in data.cuts())
    law, reason = _judged(whole, exponential, pieces)
    return Decay(law, reason, whole, exponential, pieces)


def _clear(strengths: Strengths, start: int, tolerance: float) -> int:
    """How many distances from `start` on are clear of the sampling noise.

    Judged by the strength that the pieces' laws say, not by the measured one, which would count those that came out too
    large by chance: that moves exponents by half a standard error, this by a fifth.
    """
    values, errors = strengths.values[start:], strengths.errors[start:]
    with np.errstate(invalid="ignore", divide="ignore"):
        number = _first_false(strengths.resolved[start:] & (errors < _NOISIEST * values))
        seen = (strengths.crossed[start:] > 2 * strengths.crossed_errors[start:]) & (values > 0)
        seen &= strengths.unturned[start:]
        for _ in range(3):
            if number < _SHORTEST_PIECE:
                break
            expected = _Data.of(strengths, slice(start, start + number), tolerance).fitted(strengths.lags[start:])
            before, number = number, _first_false(seen & (errors < _NOISIEST * expected))
            if number == before:
                break
    return number


def _first_false(holds: Bool[np.ndarray, " k"]) -> int:
    return len(holds) if holds.all() else int(np.argmin(holds))


def _judged(whole: Law, exponential: Law, pieces: tuple[Law, ...]) -> tuple[Law | None, str]:
    if whole.rejected and not exponential.rejected:
        length = 1 / exponential.exponent if exponential.exponent > 0 else math.inf
        return None, f"correlations fall exponentially, by e in {length:.3g} tokens, and not as a power of the distance"
    candidates = [law for law in (whole, *pieces) if not law.rejected and _long_enough(law) and law.low > 0]
    falling = [law for law in candidates if law.span**law.exponent >= _LEAST_FALL]
    if candidates and not falling:
        law = max(candidates, key=lambda one: one.span)
        return None, (
            f"correlations hardly fall with distance: by a factor of {law.span**law.exponent:.3g} from {law.first} to "
            f"{law.last} tokens, and a law needs {_LEAST_FALL:g}; {_described(pieces)}"
        )
    candidates = falling
    if not candidates:
        if not whole.rejected and whole.high < 0:
            return None, "correlations grow with distance"
        if not whole.rejected:
            return None, (
                f"correlations are clear of the sampling noise from {whole.first} to {whole.last} tokens only: a law "
                f"needs {_FEWEST} distances, the last {_LEAST_SPAN:g} times the first, and an exponent above 0"
            )
        return None, (
            f"correlations are clear of the sampling noise from {whole.first} to {whole.last} tokens, and no power law "
            f"holds over a factor of {_LEAST_SPAN:g} there: {_described(pieces)}"
        )
    law = max(candidates, key=lambda one: (one.span, one.last))
    if law is not whole:
        return law, f"no single power law holds: {_described(pieces)}"
    if not exponential.rejected:
        return law, "an exponential describes the same correlations as well"
    return law, ""


def _described(pieces: tuple[Law, ...]) -> str:
    if len(pieces) > _MOST_NAMED:
        low, high = (function(law.exponent for law in pieces) for function in (min, max))
        grows = ", and correlations grow with distance in places, as where lines are equally long" if low < -0.1 else ""
        return f"exponents change {len(pieces) - 1} times and are from {low:.2f} to {high:.2f}{grows}"
    parts = [f"{law.exponent:.2f} from {law.first} to {law.last}" for law in pieces]
    return "exponents are " + ", ".join(parts) + " tokens"


def _long_enough(law: Law) -> bool:
    return law.points >= _FEWEST and law.span >= _LEAST_SPAN


def _counted(number: int) -> str:
    return f"{number} distance is" if number == 1 else f"{number} distances are"


@dataclass(frozen=True)
class _Data:
    """Logarithms of strengths, what each block says of them, and the weights of a fit."""

    lags: Float[np.ndarray, " k"]
    logs: Float[np.ndarray, " k"]
    by_block: Float[np.ndarray, "B k"]
    weights: Float[np.ndarray, " k"]
    tolerance: float
    pairs: Integer[np.ndarray, " k"]
    levels: Float[np.ndarray, "B k"] | None

    @classmethod
    def of(cls, strengths: Strengths, chosen: slice, tolerance: float) -> _Data:
        values, shares = strengths.values[chosen], strengths.weights[:, chosen]
        blocks = len(shares)
        by_block = blocks * shares * (strengths.by_block[:, chosen] - values) / values
        relative = strengths.errors[chosen] / values
        weights = 1 / (relative**2 + tolerance**2 + 1e-24)
        levels = None if strengths.levels is None else strengths.levels[:, chosen]
        lags, pairs = strengths.lags[chosen].astype(float), strengths.pairs[chosen]
        return cls(lags, np.log(values), by_block, weights, tolerance, pairs, levels)

    def law(self, i: int, j: int, exponential: bool = False) -> Law:
        """The law over distances i to j - 1."""
        x = self.lags[i:j] if exponential else np.log(self.lags[i:j])
        y, w, blocks = self.logs[i:j], self.weights[i:j], self.by_block[:, i:j]
        design = np.stack([np.ones_like(x), -x], axis=1)
        solve = np.linalg.solve(design.T @ (w[:, None] * design), (w[:, None] * design).T)
        (amplitude, exponent), residuals = solve @ y, y - design @ (solve @ y)
        project = np.sqrt(w)[:, None] * (np.eye(len(x)) - design @ solve)
        sampled = blocks @ project.T
        q, freedom = float((w * residuals**2).sum()), len(blocks) - 1
        p_value, beyond = _compared(q, sampled, project, self.tolerance)
        said = blocks @ solve[1]
        sampling = float(said.var(ddof=1) / len(said))
        scatter = float(np.sqrt((residuals**2).mean()))
        off = 0.0
        if self.levels is not None and not exponential and exponent > 0:
            sampling *= variance_factor(exponent, said, self.levels[:, i])
            shifted = self._without_own_means(y, solve, amplitude, exponent)
            off = (exponent - shifted[1]) / 2
            amplitude, exponent = (amplitude + shifted[0]) / 2, (exponent + shifted[1]) / 2
        error = math.sqrt(sampling + beyond * float((solve[1] ** 2).sum()) + off**2)
        reach = student_reach(freedom) * error
        ends = int(self.lags[i]), int(self.lags[j - 1])
        law = (exponent, error, exponent - reach, exponent + reach, amplitude, p_value, scatter)
        return Law(*ends, j - i, *map(float, law), by_block=exponent + said)

    def _without_own_means(
        self, y: Float[np.ndarray, " n"], solve: Float[np.ndarray, "2 n"], amplitude: float, exponent: float
    ) -> tuple[float, float]:
        """The law if it goes on to the ends of the text, whose means then took some of the strengths away."""
        if len(self.lags) < 2:
            return amplitude, exponent
        for _ in range(_REFINED):
            removed = math.exp(amplitude) * mean_covariance(exponent, self.lags.astype(int), self.pairs)
            amplitude, exponent = solve @ np.log(np.exp(y) + removed)
        return float(amplitude), float(exponent)

    def cuts(self) -> list[tuple[int, int]]:
        """The pieces of the cheapest cut."""
        number = len(self.lags)
        price = 3 * math.log(number)
        costs, before = np.full(number + 1, np.inf), np.zeros(number + 1, int)
        costs[0] = 0.0
        for end in range(_SHORTEST_PIECE, number + 1):
            for start in range(end - _SHORTEST_PIECE + 1):
                cost = costs[start] + price + self._misfit(start, end)
                if cost < costs[end]:
                    costs[end], before[end] = cost, start
        pieces, end = [], number
        while end:
            pieces.append((int(before[end]), end))
            end = int(before[end])
        return pieces[::-1]

    def fitted(self, lags: Integer[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Strengths by the laws of the pieces, the last of which goes on beyond."""
        out = np.zeros(len(lags))
        for i, j in self.cuts():
            law = self.law(i, j)
            beyond = lags >= law.first
            out[beyond] = np.exp(law.log_amplitude - law.exponent * np.log(lags[beyond]))
        return out

    def _misfit(self, i: int, j: int) -> float:
        x, y, w = np.log(self.lags[i:j]), self.logs[i:j], self.weights[i:j]
        x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
        return float((w * (y - x * (w * x * y).sum() / (w * x * x).sum()) ** 2).sum())


def _compared(
    q: float, sampled: Float[np.ndarray, "B k"], project: Float[np.ndarray, "k k"], tolerance: float
) -> tuple[float, float]:
    """p-value of Q, and the variance of each ln s, beyond sampling, that would make Q what it is (0 or more).

    Args:
        q: weighted sum of squared residuals.
        sampled: what each block says of the weighted residuals.
        project: from ln s to weighted residuals.
        tolerance: relative deviations that do not count.
    """
    from scipy.stats import f

    blocks, points = sampled.shape
    freedom = blocks - 1
    covariance = sampled.T @ sampled / (blocks * freedom)
    mean = float(np.trace(covariance))
    spread = (float((covariance**2).sum()) - mean**2 / freedom) * freedom**2 / ((freedom - 1) * (freedom + 2))
    square = max(spread, mean**2 / points)
    gram = project @ project.T
    unit = float(np.trace(gram))
    beyond = max(q - mean, 0.0) / unit
    square += 2 * tolerance**2 * float((covariance * gram).sum()) + tolerance**4 * float((gram**2).sum())
    mean += tolerance**2 * unit
    if mean <= 0:
        return math.nan, beyond
    degrees = mean**2 / square
    return float(f.sf(q / mean, degrees, degrees * freedom)), beyond
