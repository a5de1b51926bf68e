"""What more text brings: how far a text of P tokens sees, and how many nats ten times as much would lower the loss by.

The horizon n*(P) is where the power law of the correlations meets the sampling noise of P tokens,

    exp(a) n*^(-beta) = floor (N / P)^(1/2),     n* ~ P^(1 / (2 beta))

the floor being that of the N tokens measured. The gain from a loss L by `factor` times the text is

    (L - H_inf) (1 - factor^(-alpha)),     alpha = gamma / (2 beta)

gamma and H_inf are taken together: at each limit that the entropies allow, gamma for that limit. The excess L - H_inf
falls with the limit where alpha rises, so that the gain is known much better than either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from syntagma.curves import Interval, combined, unmeasured
from syntagma.curves.tail import Tail, welch
from syntagma.errors import invalid
from syntagma.statistics.entropies import EntropyBounds
from syntagma.statistics.entropy_decay import EntropyDecay
from syntagma.statistics.power_law import Law
from syntagma.studies.corpus_forecast.facts import Statistics

_TOLERANCE = 0.03
"""Relative deviations that `fit_decay` weighs distances by."""
_LIMITS = 9
"""How many of the limits that are allowed are looked at, from the lowest to the highest."""

_FARTHEST = 69.0
"""Logarithm of the farthest horizon, 10^30 tokens: correlations that hardly fall have one beyond all numbers."""


def horizon(text: Statistics, num_tokens: float) -> Interval:
    """n*(P), tokens, with the interval of the law's exponent and of its height in the middle of its distances.

    `horizon(text, 10 * text.tokens)` is how far ten times the text would see.
    """
    law = text.decay.law
    if law is None:
        return unmeasured(text.decay.reason)
    noise = float(text.floor.mean()) * math.sqrt(text.tokens / num_tokens)
    if not noise > 0:
        return unmeasured("shuffled text has no correlations at all, so nothing limits the horizon")
    reached = min((law.log_amplitude - math.log(noise)) / law.exponent, _FARTHEST)
    middle, of_height = _centre(text, law)
    of_exponent = (reached - middle) * law.standard_error
    blocks = len(law.by_block)
    tail = Tail(reached, math.hypot(of_exponent, of_height) / law.exponent, blocks - 1)
    return Interval(math.exp(reached), tail, tail, log=True, num_seeds=blocks)


def _centre(text: Statistics, law: Law) -> tuple[float, float]:
    """ln of the distance at which the law's height does not depend on its exponent, and that ln height's error."""
    fitted = (text.strengths.lags >= law.first) & (text.strengths.lags <= law.last)
    relative = text.strengths.errors[fitted] / text.strengths.values[fitted]
    weights = 1 / (relative**2 + _TOLERANCE**2)
    weights /= weights.sum()
    error = math.sqrt(float((weights**2 * np.maximum(relative, law.scatter) ** 2).sum()))
    return float(weights @ np.log(text.strengths.lags[fitted])), error


def gain(loss: Interval, beta: Interval, entropy: EntropyDecay, factor: float = 10.0) -> Interval:
    """Nats by which `factor` times the text lowers a loss: `gain(best_counted(text.counts), forecast.beta, entropy)`.

    Args:
        loss: nats a token at the present amount of text.
        beta: of correlations.
        entropy: how the entropies fall.
        factor: how many times the text.

    Raises:
        InputError: a factor that is not above 1.
    """
    if not factor > 1:
        raise invalid("factor", factor, "it says how many times more text there is", "Give a number above 1")
    for one in (loss, beta):
        if math.isnan(one.value):
            return unmeasured(one.reason)
    if math.isnan(entropy.limit):
        return unmeasured(entropy.reason)
    best = gain_at(entropy.limit, loss, beta, entropy, factor)
    return envelope([gain_at(float(at), loss, beta, entropy, factor) for at in allowed(entropy)], best.value)


def gain_at(limit: float, loss: Interval, beta: Interval, entropy: EntropyDecay, factor: float = 10.0) -> Interval:
    """The gain for one limit; its error to first order in those of the loss and of ln alpha."""
    excess, alpha = loss.value - limit, alpha_at(entropy, limit, beta)
    if math.isnan(alpha.value):
        return alpha
    if not excess > 0:
        return unmeasured(f"the loss is {loss.value:.3g} nats, at the limit of the entropy or below")
    left = factor**-alpha.value
    value, slopes = excess * (1 - left), (1 - left, excess * left * math.log(factor) * alpha.value)
    lower = _first_order(value, slopes, loss.lower, alpha.lower)
    upper = _first_order(value, slopes, loss.upper, alpha.upper)
    reason = loss.reason or alpha.reason if None in (lower, upper) else ""
    return Interval(value, lower, upper, num_seeds=alpha.num_seeds, reason=reason)


def _first_order(value: float, slopes: tuple[float, float], *parts: Tail | None) -> Tail | None:
    """The end of a quantity of two independent parts, by its slopes against them; open where one of theirs is."""
    errors = [
        (part.error * abs(slope), part.freedom) for part, slope in zip(parts, slopes, strict=True) if part is not None
    ]
    return Tail(value, *welch(errors)) if len(errors) == len(parts) else None


def best_counted(counts: EntropyBounds) -> Interval:
    """The loss of the best of the counts, nats a token, with its error over blocks of test text: what to start from
    where nothing was trained.
    """
    best = int(np.argmin(counts.values))
    tail = Tail(float(counts.values[best]), float(counts.errors[best]), len(counts.by_block) - 1)
    return Interval(tail.centre, tail, tail, num_seeds=len(counts.by_block))


def alpha_at(entropy: EntropyDecay, limit: float, beta: Interval) -> Interval:
    """alpha for a given limit of the entropy."""
    return combined([1.0, -1.0], [gamma_at(entropy, limit, beta.num_seeds), beta], log=True).scaled(0.5)


def allowed(entropy: EntropyDecay) -> Float[np.ndarray, " k"]:
    """Limits from the lowest to the highest that the entropies allow."""
    return np.linspace(entropy.limit_low, entropy.limit_high, _LIMITS)


def gamma_at(entropy: EntropyDecay, limit: float, blocks: int) -> Interval:
    """gamma for a given limit; its error lies between those at both ends of what is allowed, which are known."""
    value, error = entropy.at(limit, blocks)
    if value <= 0:
        return unmeasured("the entropies do not fall with context")
    tail = Tail(math.log(value), error / value, blocks - 1)
    return Interval(value, tail, tail, log=True, num_seeds=blocks)


def envelope(intervals: Sequence[Interval], value: float) -> Interval:
    """The interval from the lowest to the highest end of several, all scales or none, around `value`.

    An end is open where one of theirs is.
    """
    first = intervals[0]
    unknown = next((one for one in intervals if math.isnan(one.value)), None)
    if math.isnan(value):
        return unmeasured(unknown.reason if unknown else "nothing was measured")
    open_end = unknown or next((one for one in intervals if None in (one.lower, one.upper)), None)
    if open_end is not None:
        return Interval(value, log=first.log, num_seeds=first.num_seeds, reason=open_end.reason, caveat=first.caveat)
    lower = min(intervals, key=lambda one: one.low).lower
    upper = max(intervals, key=lambda one: one.high).upper
    return Interval(value, lower, upper, first.log, first.num_seeds, caveat=first.caveat)
