"""Forecasts made from the first part of a text, compared with the losses measured on all of it.

What is forecast is the loss of modified Kneser-Ney counts of all N training tokens, their order chosen by validation
text, or that of decoders (`decoders.py`), from the first `share` of them alone; held-out text, which scores the start
and the end alike, is the same. Beside the two exponents stand what anybody does without a theory, and a rival theory:

    two exponents          L(P) - gain: `outlook.gain` with factor N / P from the statistics of the first P tokens
    power law              L ~ P^-a through the small runs, whose sizes halve from P downward
    power law with limit   L = E + A P^-a through the same runs
    intrinsic dimension    L(P) (N / P)^(-4 / d): arXiv 2004.10802, see `statistics.intrinsic_dimension`
    no change              L(P)

A verdict of "no" is a forecast of its own: that nothing is known. What the two exponents would have said nevertheless,
from laws that the text rejects or bounds that more text moves, is kept apart and called "two exponents, not believed".
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from syntagma.checked_call import checked
from syntagma.curves import Interval, mean, unmeasured
from syntagma.errors import InputError, invalid
from syntagma.statistics.entropies import EntropyBounds, entropy_bounds
from syntagma.statistics.entropy_decay import fit_entropy_decay
from syntagma.statistics.intrinsic_dimension import two_nearest_dimension, window_vectors
from syntagma.statistics.lagged import geometric_lags, sampling_floor
from syntagma.statistics.ngrams import losses_of_all
from syntagma.statistics.power_law import Decay, fit_decay
from syntagma.statistics.strengths import correlation_strengths
from syntagma.studies.corpus_forecast.facts import Statistics
from syntagma.studies.corpus_forecast.forecast import Belief, forecast_from
from syntagma.studies.corpus_forecast.outlook import gain
from syntagma.theory import corpus as theory

_HALVINGS = 5
_SMALLEST_RUN = 200
_CONTEXTS = 512
"""Tokens of context that a forecast is asked for: those of the paper's networks."""


@dataclass(frozen=True)
class Held:
    """A text in three parts, of which the first is never read beyond the share that a forecast is made from.

    Attributes:
        train, validation, test: tokens.
        vocab: v.
        documents: where documents begin in each; None where there is one.
    """

    train: Integer[np.ndarray, " N"]
    validation: Integer[np.ndarray, " M"]
    test: Integer[np.ndarray, " K"]
    vocab: int
    documents: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None] = (None, None, None)

    def first(self, number: int) -> Held:
        """The same with the first so many training tokens alone."""
        starts = self.documents[0]
        kept = None if starts is None else starts[starts < number]
        return dataclasses.replace(self, train=self.train[:number], documents=(kept, *self.documents[1:]))


Measure = Callable[[Held], tuple[float, Float[np.ndarray, " m"]]]
"""The loss of what is learned from a text's training part, and numbers of that mean whose spread is its error."""


@dataclass(frozen=True)
class Row:
    """One forecast of the loss with all of a text.

    Attributes:
        method: by what, see above.
        share: of the text that it was made from.
        start: nats, the loss with that share.
        forecast: nats, of all; NaN where nothing is forecast.
        low, high: its interval; NaN where the method gives none.
        measured: nats, the loss with all.
        belief: of the two exponents in themselves; empty of other methods.
        reason: for it.
    """

    method: str
    share: float
    start: float
    forecast: float
    low: float
    high: float
    measured: float
    belief: Belief | str = ""
    reason: str = ""

    @property
    def error(self) -> float:
        """Nats that the forecast is too high."""
        return self.forecast - self.measured


@checked
def counted_loss(text: Held, longest: int) -> tuple[float, Float[np.ndarray, " m"]]:
    """Nats a test token by modified Kneser-Ney counts of the order that validation text chooses, and each token's."""
    parts = (text.validation, text.documents[1], "validation"), (text.test, text.documents[2], "test")
    found = losses_of_all(text.train, parts, text.vocab, longest, ("kneser-ney",), text.documents[0])["kneser-ney"]
    order = int(found[0].mean(axis=1).argmin())
    return float(found[1][order].mean()), found[1][order]


def measured_statistics(
    text: Held, longest: int, *, largest_lag: int = 512, blocks: int = 20, most_in_trees: int = 1 << 20
) -> Statistics:
    """All that a forecast rests on: `measured_statistics(text.first(10_000), 6)`."""
    train = text.train
    lags = geometric_lags(min(largest_lag, len(train) // 8), 3)
    strengths = correlation_strengths(train, text.vocab, lags, blocks=blocks, documents=text.documents[0])
    how = {"blocks": blocks, "documents": text.documents, "most_in_trees": most_in_trees}
    bounds = entropy_bounds(train, text.validation, text.test, text.vocab, longest, **how)
    floor = sampling_floor(train, text.vocab, 5)
    return Statistics(len(train), floor, strengths, fit_decay(strengths, first_lag=2), bounds)


def backtest(
    text: Held,
    *,
    shares: Sequence[float] = (0.01, 0.1),
    longest: int = 6,
    measure: Measure | None = None,
    halvings: int = _HALVINGS,
) -> Iterator[Row]:
    """Every method's forecast from each share: `list(backtest(Held(train, validation, test, 50)))`.

    Args:
        text: in three parts.
        shares: of the training part, each above 0 and below 1.
        longest: most tokens of context of the counts.
        measure: the loss that is forecast, of a text's training part; None for that of counts.
        halvings: how often the share is halved for the runs that power laws go through.

    Raises:
        InputError: a share that is not between 0 and 1, or of a text so short that it leaves too few tokens.
    """
    for share in shares:
        if not 0 < share < 1:
            raise invalid("shares", share, "each is above 0 and below 1", "For example 0.01 and 0.1")
        if (number := round(share * len(text.train))) < 5 * _SMALLEST_RUN:
            least = f"{share:g} of the text has {number} tokens, and {5 * _SMALLEST_RUN} are needed"
            raise invalid("shares", share, least, "Choose a larger share, or a longer text")
    loss_of = measure or functools.partial(counted_loss, longest=longest)
    measured = loss_of(text)[0]
    for share in shares:
        yield from _from_share(text, share, longest, measured, loss_of, halvings)


def _from_share(
    text: Held, share: float, longest: int, measured: float, loss_of: Measure, halvings: int
) -> Iterator[Row]:
    number = round(share * len(text.train))
    sizes = [number >> k for k in reversed(range(halvings + 1)) if number >> k >= _SMALLEST_RUN]
    runs = [loss_of(text.first(size)) for size in sizes]
    losses, factor = np.array([loss for loss, _ in runs]), len(text.train) / number
    start = float(losses[-1])
    statistics = measured_statistics(text.first(number), longest)
    for name, said, belief, reason in _two_exponents(statistics, _with_error(runs[-1][1]), factor, longest):
        ends = (start - said.high, start - said.low) if not math.isnan(said.value) else (math.nan, math.nan)
        yield Row(name, share, start, start - said.value, *ends, measured, belief, reason)
    points = {
        "power law": straight_line(sizes, losses, len(text.train)),
        "power law with limit": line_to_limit(sizes, losses, len(text.train)),
        "intrinsic dimension": start * factor ** -(4 / _dimension(text.first(number))),
        "no change": start,
    }
    for name, point in points.items():
        yield Row(name, share, start, point, math.nan, math.nan, measured)


def _two_exponents(
    statistics: Statistics, loss: Interval, factor: float, longest: int
) -> Iterator[tuple[str, Interval, Belief, str]]:
    """The gain that is forecast; and where none is, the one that was not believed."""
    entropy = fit_entropy_decay(statistics.counts)
    sizes = (statistics.tokens, int(factor * statistics.tokens))
    forecast = forecast_from(statistics, entropy, sizes, _CONTEXTS)
    said, reasons = gain(loss, forecast.beta, entropy, factor), "; ".join(forecast.reasons)
    if forecast.belief != "no":
        yield "two exponents", said, forecast.belief, reasons
        return
    yield "two exponents", unmeasured(reasons), forecast.belief, reasons
    forced = dataclasses.replace(statistics, decay=_anyhow(statistics.decay), counts=_taken_as_tight(statistics.counts))
    entropy = fit_entropy_decay(forced.counts)
    forecast = forecast_from(forced, entropy, sizes, _CONTEXTS)
    said = gain(loss, forecast.beta, entropy, factor)
    yield "two exponents, not believed", said, "no", said.reason if math.isnan(said.value) else ""


def _anyhow(decay: Decay) -> Decay:
    """With the law over all distances, rejected or not, where there is none to believe and that one falls."""
    if decay.law is not None or decay.whole is None or not decay.whole.exponent > 0:
        return decay
    return dataclasses.replace(decay, law=decay.whole)


def _taken_as_tight(bounds: EntropyBounds) -> EntropyBounds:
    """As though more text moved no bound."""
    return dataclasses.replace(bounds, doubling=np.zeros(len(bounds.values)))


def _with_error(losses: Float[np.ndarray, " m"], blocks: int = 20) -> Interval:
    """The mean over test tokens, with the interval of as many equal stretches."""
    return mean([float(part.mean()) for part in np.array_split(losses, blocks)])


def straight_line(sizes: Sequence[int], losses: Float[np.ndarray, " k"], size: float) -> float:
    """The loss at another size by L ~ P^-a: what small runs say without any limit."""
    exponent = theory.power_exponent(np.asarray(sizes, float), losses)
    middle = float(np.log(losses).mean() + exponent * np.log(sizes).mean())
    return math.exp(middle - exponent * math.log(size))


def line_to_limit(sizes: Sequence[int], losses: Float[np.ndarray, " k"], size: float) -> float:
    """The same by L = E + A P^-a, E >= 0; NaN where the losses do not bend as a power does."""
    limit, amplitude, exponent = theory.decay_to_limit(np.asarray(sizes, float), losses)
    return limit + amplitude * size**-exponent


def _dimension(text: Held) -> float:
    try:
        return two_nearest_dimension(window_vectors(text.train, text.vocab)).value
    except InputError:
        return math.nan
