"""The exponents of a text with their intervals, the exponent that they forecast, and whether to believe it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from syntagma.curves import Interval, LearningCurve, combined, unmeasured
from syntagma.curves.tail import Tail
from syntagma.statistics.entropy_decay import EntropyDecay
from syntagma.studies.corpus_forecast.facts import Statistics
from syntagma.studies.corpus_forecast.outlook import allowed, envelope, gamma_at, horizon
from syntagma.studies.corpus_forecast.settings import CorpusForecast

_WIDE = 1.5
"""A forecast whose interval reaches farther than this factor from its middle is to be used with care,"""
_USELESS = 10.0
"""and one that reaches farther than this says nothing."""


Belief = Literal["yes", "with care", "no"]


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
    belief: Belief
    reasons: tuple[str, ...]


def forecast_of(settings: CorpusForecast, text: Statistics, entropy: EntropyDecay) -> Forecast:
    """The exponents with their intervals, those of blocks of text, and what they forecast for the study's networks."""
    return forecast_from(text, entropy, settings.sizes, settings.length - 1)


def forecast_from(text: Statistics, entropy: EntropyDecay, sizes: Sequence[int], longest: int) -> Forecast:
    """The same for training on `sizes` tokens of text with at most `longest` tokens of context."""
    law, blocks = text.decay.law, len(text.strengths.by_block)
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
    return Forecast(beta, gamma, limit, alpha, *_belief(text, entropy, alpha, sizes, longest))


def _belief(
    text: Statistics, entropy: EntropyDecay, alpha: Interval, sizes: Sequence[int], longest: int
) -> tuple[Belief, tuple[str, ...]]:
    """Whether a forecast is to be believed, and what speaks against it."""
    law = text.decay.law
    against = [text.decay.reason] if law is None else []
    no_power = math.isnan(entropy.gamma) or "do not fall as a power" in entropy.reason
    against += [entropy.reason] if no_power else []
    first_reached = horizon(text, min(sizes)).value
    if law is not None and first_reached > law.last < text.decay.pieces[-1].last:
        where = f"the power law ends at {law.last}, where the text has another"
        against.append(
            f"{min(sizes)} tokens of text resolve correlations up to {first_reached:.3g} tokens, and {where}"
        )
    if law is None or against:
        return "no", tuple(against)
    low, high = alpha.low, alpha.high
    each_way = math.sqrt(high / low) if low > 0 else math.inf
    if each_way > _USELESS:
        return "no", (f"the forecast is {low:.2g} to {high:.2g}, wider than a factor of {_USELESS:g} each way",)
    care = [reason for reason in (text.decay.reason, entropy.reason) if reason]
    for size in sorted({min(sizes), max(sizes)}):
        reached, known = horizon(text, size).value, min(law.last, longest)
        if not law.first <= reached <= known:
            where = f"the power law and the contexts are known from {law.first} to {known}"
            care.append(f"{size} tokens of text resolve correlations up to {reached:.3g} tokens, and {where}")
    if each_way > _WIDE:
        care.append(f"the forecast is {alpha}, wider than a factor of {_WIDE:g} each way")
    return ("with care" if care else "yes"), tuple(care)


def with_learning(forecast: Forecast, fast: Interval) -> Forecast:
    """The same forecast, to be used with care where learning within the horizon was measured to be slow.

    Args:
        forecast: from the statistics alone.
        fast: delta / alpha, as `fast_learning` gives it.
    """
    if forecast.belief == "no" or math.isnan(fast.value) or not fast.high < 1:
        return forecast
    reason = f"learning within the horizon sets the pace: delta is {fast} of the forecast, and had to be above it"
    return replace(forecast, belief="with care", reasons=(*forecast.reasons, reason))


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
