"""The exponents of a text with their intervals, the exponent that they forecast, and whether to believe it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from syntagma.curves import Interval, LearningCurve, combined, unmeasured
from syntagma.curves.tail import Tail
from syntagma.statistics.entropy_decay import EntropyDecay
from syntagma.studies.corpus_forecast.facts import Statistics
from syntagma.studies.corpus_forecast.settings import CorpusForecast

_WIDE = 1.5
"""A forecast whose interval reaches farther than this factor from its middle is to be used with care."""
_LIMITS = 9
"""How many of the limits that are allowed are looked at, from the lowest to the highest."""


@dataclass(frozen=True)
class Forecast:
    """The exponents of a text, the exponent that they forecast, and whether to believe it.

    Attributes:
        beta: of correlations.
        gamma: of the entropy.
        limit: H_inf, nats: from the lowest to the highest that the entropies allow.
        alpha: gamma / (2 beta).
        belief: "yes", "with care" or "no".
        reasons: why not, or why with care.
    """

    beta: Interval
    gamma: Interval
    limit: Interval
    alpha: Interval
    belief: Literal["yes", "with care", "no"]
    reasons: tuple[str, ...]


def forecast_of(settings: CorpusForecast, text: Statistics, entropy: EntropyDecay) -> Forecast:
    """The exponents with their intervals, those of blocks of text, and what they forecast."""
    law, blocks = text.decay.law, settings.blocks
    if law is None:
        beta = unmeasured(text.decay.reason)
    else:
        tail = Tail(math.log(law.exponent), law.standard_error / law.exponent, blocks - 1)
        beta = Interval(law.exponent, tail, tail, log=True, num_seeds=blocks)
    if math.isnan(entropy.gamma):
        gamma = limit = unmeasured(entropy.reason)
    else:
        gamma = envelope([gamma_at(entropy, at, blocks) for at in allowed(entropy)], entropy.gamma)
        low, high = Tail(entropy.limit_low, 0.0, math.inf), Tail(entropy.limit_high, 0.0, math.inf)
        limit = Interval(entropy.limit, low, high, num_seeds=blocks)
    alpha = combined([1.0, -1.0], [gamma, beta], log=True).scaled(0.5)
    return Forecast(beta, gamma, limit, alpha, *_belief(settings, text, entropy, alpha))


def _belief(
    settings: CorpusForecast, text: Statistics, entropy: EntropyDecay, alpha: Interval
) -> tuple[Literal["yes", "with care", "no"], tuple[str, ...]]:
    """Whether a forecast is to be believed, and what speaks against it."""
    law = text.decay.law
    against = [text.decay.reason] if law is None else []
    no_power = math.isnan(entropy.gamma) or "do not fall as a power" in entropy.reason
    against += [entropy.reason] if no_power else []
    if law is None or against:
        return "no", tuple(against)
    care = [reason for reason in (text.decay.reason, entropy.reason) if reason]
    for size in settings.sizes[:: len(settings.sizes) - 1]:
        noise = text.floor.mean() * math.sqrt(text.tokens / size)
        horizon = math.exp((law.log_amplitude - math.log(noise)) / law.exponent)
        known = min(law.last, settings.length - 1)
        if not law.first <= horizon <= known:
            where = f"the power law and the contexts are known from {law.first} to {known}"
            care.append(f"{size} tokens of text resolve correlations up to {horizon:.3g} tokens, and {where}")
    low, high = alpha.low, alpha.high
    if not low > 0 or math.sqrt(high / low) > _WIDE:
        care.append(f"the forecast is {alpha}, wider than a factor of {_WIDE:g} each way")
    return ("with care" if care else "yes"), tuple(care)


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
    """The interval from the lowest to the highest end of several, all scales, around `value`.

    An end is open where one of theirs is.
    """
    first = intervals[0]
    unknown = next((one for one in intervals if math.isnan(one.value)), None)
    if math.isnan(value):
        return unmeasured(unknown.reason if unknown else "nothing was measured")
    open_end = unknown or next((one for one in intervals if None in (one.lower, one.upper)), None)
    if open_end is not None:
        return Interval(value, log=True, num_seeds=first.num_seeds, reason=open_end.reason, caveat=first.caveat)
    lower = min(intervals, key=lambda one: one.low).lower
    upper = max(intervals, key=lambda one: one.high).upper
    return Interval(value, lower, upper, True, first.num_seeds, caveat=first.caveat)


def measured_alpha(curve: LearningCurve, limit: float) -> Interval:
    """alpha of loss - limit ~ P^-alpha as a scale, the mean over seeds of the slopes of all sizes measured."""
    slope = curve.slope(limit)
    if math.isnan(slope.value) or slope.value > 0:
        return _as_scale(slope)
    return unmeasured(f"the loss does not fall with the text: alpha = {slope}")


def _as_scale(interval: Interval) -> Interval:
    """The same with tails of the logarithm, to first order in the relative error."""
    if math.isnan(interval.value):
        return interval
    value = interval.value
    lower, upper = (
        None if tail is None else Tail(math.log(value), tail.error / value, tail.freedom)
        for tail in (interval.lower, interval.upper)
    )
    return replace(interval, lower=lower, upper=upper, log=True)
