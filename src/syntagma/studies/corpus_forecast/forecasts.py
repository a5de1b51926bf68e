"""From the statistics to the exponents: beta, gamma and alpha = gamma / (2 beta), each with resamples.

beta: over the distances at which correlations are clear of the sampling floor. gamma: of the entropy H_n, bounded from
above by what smoothed n-gram counts lose and, once networks are trained, by what the one with most text loses at n
tokens of context; the lower of the two counts, for n from 1 to where more context helps neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.curves import RESAMPLES, Interval
from syntagma.randomness import stream
from syntagma.theory import corpus as theory

_FEWEST = 4
"""Points that a decay to an unknown limit is fitted to at the least."""


@dataclass(frozen=True)
class Statistics:
    """A text's statistics as arrays; see `measured.measure`."""

    lags: Float[np.ndarray, " k"]
    strengths: Float[np.ndarray, " k"]
    resampled: Float[np.ndarray, "R k"]
    floor: Float[np.ndarray, " shuffles"]
    fitted: Float[np.ndarray, " k"]
    ngrams: Float[np.ndarray, "n B"]
    tokens: int

    @classmethod
    def of(cls, fact: Mapping[str, Any], first_lag: int) -> Statistics:
        """From the stored fact."""
        lags = np.array(fact["lags"], float)
        start = int((lags < first_lag).sum())
        fitted = np.zeros(len(lags), bool)
        fitted[start : start + fact["fitted"]] = True
        strengths, resampled, floor = (np.array(fact[name], float) for name in ("strengths", "resampled", "floor"))
        return cls(lags, strengths, resampled, floor, fitted, np.array(fact["ngrams"], float), fact["tokens"])

    def ngram_resamples(self) -> Float[np.ndarray, "R n"]:
        """Mean losses of texts made of other stretches."""
        blocks = self.ngrams.shape[1]
        drawn = stream(1, "blocks").integers(blocks, size=(RESAMPLES, blocks))
        return self.ngrams[:, drawn].mean(axis=2).T


@dataclass(frozen=True)
class Entropies:
    """Upper bounds of H_n, n = 0, 1, ...: values, resamples, how many of them from n = 1 on count for gamma."""

    values: Float[np.ndarray, " n"]
    resamples: Float[np.ndarray, "R n"]

    @property
    def fitted(self) -> int:
        """The last n that counts: where more context no longer helps."""
        return int(np.argmin(self.values))


def beta(found: Statistics) -> Interval:
    """beta of strength ~ t^(-beta)."""
    x = found.lags[found.fitted]
    if len(x) < 2:
        return _unknown("fewer than two distances are clear of the sampling floor")
    resamples = np.array([theory.power_exponent(x, row) for row in found.resampled[:, found.fitted]])
    return _interval(theory.power_exponent(x, found.strengths[found.fitted]), resamples)


def entropies(found: Statistics, networks: Float[np.ndarray, "seeds T"] | None = None) -> Entropies:
    """From n-gram counts, and from networks of several seeds where given: the lower of the two at each n."""
    values, resamples = found.ngrams.mean(axis=1), found.ngram_resamples()
    if networks is None:
        return Entropies(values, resamples)
    seeds, longest = networks.shape
    drawn = stream(0, "bootstrap").integers(seeds, size=(RESAMPLES, seeds))
    theirs, theirs_again = networks.mean(axis=0), networks[drawn].mean(axis=1)
    shared = min(longest, len(values))
    theirs[:shared] = np.minimum(theirs[:shared], values[:shared])
    theirs_again[:, :shared] = np.minimum(theirs_again[:, :shared], resamples[:, :shared])
    return Entropies(theirs, theirs_again)


def gamma_and_limit(bounds: Entropies) -> tuple[Interval, Interval]:
    """gamma and H_inf of H_n - H_inf ~ n^(-gamma)."""
    last = bounds.fitted
    if last < _FEWEST:
        reason = f"context helps up to n = {last} only, and {_FEWEST} points are needed"
        return _unknown(reason), _unknown(reason)
    n = np.arange(1, last + 1, dtype=float)
    limit, _, exponent = theory.decay_to_limit(n, bounds.values[1 : last + 1])
    if np.isnan(exponent):
        reason = "the entropies do not bend as a power of n does"
        return _unknown(reason), _unknown(reason)
    again = np.array([theory.decay_to_limit(n, row[1 : last + 1]) for row in bounds.resamples[:400]])
    return _interval(exponent, again[:, 2]), _interval(limit, again[:, 0])


def alpha(gamma: Interval, decay: Interval) -> Interval:
    """The forecast gamma / (2 beta)."""
    if np.isnan(gamma.value) or np.isnan(decay.value):
        return _unknown(gamma.reason or decay.reason)
    assert gamma.resamples is not None
    assert decay.resamples is not None
    number = min(len(gamma.resamples), len(decay.resamples))
    again = gamma.resamples[:number] / (2 * decay.resamples[:number])
    return _interval(theory.forecast(gamma.value, decay.value), again)


def measured_alpha(sizes: Float[np.ndarray, " P"], losses: Float[np.ndarray, "seeds P"], limit: Interval) -> Interval:
    """alpha of L(P) - H_inf ~ P^(-alpha), over the sizes measured, with the limit that the entropies have."""
    if np.isnan(limit.value):
        return _unknown(limit.reason)
    assert limit.resamples is not None
    seeds = len(losses)
    drawn = stream(2, "bootstrap").integers(seeds, size=(len(limit.resamples), seeds))
    again = np.array(
        [
            theory.power_exponent(sizes, losses[chosen].mean(axis=0) - end)
            for chosen, end in zip(drawn, limit.resamples, strict=True)
        ]
    )
    return _interval(theory.power_exponent(sizes, losses.mean(axis=0) - limit.value), again)


def _interval(value: float, resamples: Float[np.ndarray, " R"]) -> Interval:
    known = resamples[~np.isnan(resamples)]
    if len(known) < 0.9 * len(resamples):
        return Interval(value, float("-inf"), float("inf"), "more than a tenth of the resamples have no fit", resamples)
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(value, float(low), float(high), "", resamples)


def _unknown(reason: str) -> Interval:
    return Interval(float("nan"), float("nan"), float("nan"), reason)
