"""What more text buys, by the forecast: how far a text resolves correlations, and what ten times as much would gain.

    n*(P) = t_0 (s_0 / noise(P))^(1/beta),  noise(P) ~ P^(-1/2)      horizon: where correlations meet their floor
    L(P) - L(k P) = (H_n - H_inf at n = n*(P)) (1 - k^-alpha),       alpha = gamma / (2 beta)

The strength s_0 is that of the power law at t_0, the middle of the distances where it holds, so that errors of beta
and of the strength are not correlated; likewise H_n - H_inf is known best in the middle of the contexts that count, and
goes on from there with gamma. Theory has exponents, no prefactors: that networks use contexts up to n* is taken to be
right to a factor of two each way, which moves a fall by 2^gamma. The interval runs from the lowest to the highest that
beta's interval, all limits H_inf allowed, gamma's error at each, and that factor leave, all at once: it is no narrower
than 95 %. Source: arXiv 2602.07488 for the exponents; prefactors and intervals are derived here.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from syntagma.curves import Interval, unmeasured
from syntagma.curves.tail import Tail
from syntagma.statistics.blocks import student_reach
from syntagma.statistics.entropy_decay import EntropyDecay
from syntagma.statistics.power_law import Law
from syntagma.studies.corpus_forecast.facts import Statistics
from syntagma.studies.corpus_forecast.forecast import Forecast, allowed

_PREFACTORS = (0.5, 1.0, 2.0)
"""Of the horizon."""


@dataclass(frozen=True)
class Outlook:
    """What is forecast of more text of the same kind.

    Attributes:
        horizon: n*(N), tokens, of the training part as it is,
        tenfold_horizon: and of ten times as much.
        fall: nats a token by which ten times the text lowers the loss.
    """

    horizon: Interval
    tenfold_horizon: Interval
    fall: Interval


def outlook(text: Statistics, entropy: EntropyDecay, forecast: Forecast) -> Outlook:
    """The horizon and the fall of the loss: `outlook(text, entropy, forecast).fall`.

    Where there is no power law or no gamma, nothing is known, and the intervals say why.
    """
    law = text.decay.law
    if law is None:
        nothing = unmeasured(text.decay.reason)
        return Outlook(nothing, nothing, nothing)
    now, tenfold = (_over([horizon(text, law, beta, more) for beta in _ends(law)]) for more in (1.0, 10.0))
    if math.isnan(forecast.alpha.value):
        return Outlook(now, tenfold, unmeasured(forecast.alpha.reason))
    return Outlook(now, tenfold, fall(text, entropy, 10.0))


def horizon(text: Statistics, law: Law, beta: float, more: float = 1.0) -> float:
    """n* of `more` times the text: where the law, with this exponent, meets the sampling floor."""
    middle = math.sqrt(law.first * law.last)
    strength = math.exp(law.log_amplitude - law.exponent * math.log(middle))
    return middle * (strength / (float(text.floor.mean()) / math.sqrt(more))) ** (1 / beta)


def fall(text: Statistics, entropy: EntropyDecay, more: float) -> Interval:
    """By how much `more` times the text lowers the loss, nats a token; below 0 for `more` below 1: a part of it."""
    law, blocks = text.decay.law, len(text.strengths.by_block)
    assert law is not None
    reach = student_reach(blocks - 1)
    middle = math.sqrt(entropy.first * entropy.last)
    above = entropy.amplitude * middle**-entropy.gamma

    def nats(limit: float, gamma: float, beta: float, prefactor: float) -> float:
        contexts = prefactor * horizon(text, law, beta)
        left = (above + entropy.limit - limit) * (contexts / middle) ** -gamma
        return left * (1 - more ** (-gamma / (2 * beta)))

    values = [nats(entropy.limit, entropy.gamma, law.exponent, 1.0)]
    for limit in map(float, allowed(entropy)):
        gamma, error = entropy.at(limit, blocks)
        gammas = [max(gamma + side * reach * error, 0.0) for side in (-1, 0, 1)]
        values += [nats(limit, *one) for one in itertools.product(gammas, _ends(law), _PREFACTORS)]
    return _over(values)


def _ends(law: Law) -> tuple[float, float, float]:
    return law.exponent, law.low, law.high


def _over(values: list[float]) -> Interval:
    """From the lowest to the highest, around the first."""
    low, high = float(np.min(values)), float(np.max(values))
    return Interval(values[0], Tail(low, 0.0, math.inf), Tail(high, 0.0, math.inf))
