"""The forecast of any corpus without any training: what `syntagma forecast` prints.

    reading = read(Corpus.read("books/", "bpe:8192"), EFFORTS["quick"])
    print(reading.forecast.alpha, reading.forecast.belief, reading.gain(10))

The statistics, the forecast and the verdict on it are those of the study `corpus-forecast`, which `syntagma predict`
prints; beside them stand what ten times the text would gain, and how far the text is from what theory assumes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from syntagma.curves import Interval
from syntagma.errors import InputError
from syntagma.languages.corpora import PARTS, Corpus
from syntagma.statistics.entropy_decay import EntropyDecay, fit_entropy_decay
from syntagma.statistics.power_law import fit_decay
from syntagma.studies.corpus_forecast.assumptions import Assumptions, assumptions
from syntagma.studies.corpus_forecast.facts import Statistics, counts_of, floor_of, lags_of, strengths_of
from syntagma.studies.corpus_forecast.forecast import Forecast, forecast_from
from syntagma.studies.corpus_forecast.outlook import best_counted, gain, horizon
from syntagma.studies.corpus_forecast.settings import TextStatistics
from syntagma.studies.corpus_forecast.tables import forecast_tables
from syntagma.studies.schemas import Table

EFFORTS: Mapping[str, TextStatistics] = {
    "quick": TextStatistics(largest_lag=100_000),
    "night": TextStatistics(largest_lag=100_000, lags_per_doubling=6, shuffles=20, blocks=40, longest=16),
}
"""How closely a corpus is looked at: minutes for 10 MB, or longer."""
_TENFOLD = 10
_ANY_CONTEXT = 1 << 30
"""Tokens: whoever trains may choose as long contexts as the law goes."""
VERDICTS = {"yes": "believe it", "with care": "believe it with care", "no": "do not believe it"}
_FEWEST = 8192
"""Tokens of the training part, below which nothing can be said."""


@dataclass(frozen=True)
class Reading:
    """A corpus, its statistics, and what they forecast.

    Attributes:
        corpus: the tokens.
        looked: how closely it was looked at.
        text: correlations and bounds of the entropy.
        entropy: how the bounds fall.
        forecast: exponents, and whether to believe them.
        assumptions: how far the text is from what theory takes for granted.
    """

    corpus: Corpus
    looked: TextStatistics
    text: Statistics
    entropy: EntropyDecay
    forecast: Forecast
    assumptions: Assumptions

    def gain(self, factor: float) -> Interval:
        """Nats by which `factor` times the text lowers the loss of the best of the counts."""
        return gain(best_counted(self.text.counts), self.forecast.beta, self.entropy, factor)

    def horizon(self, factor: float = 1.0) -> Interval:
        """Tokens of context that `factor` times the text resolves."""
        return horizon(self.text, factor * self.text.tokens)

    def tables(self) -> Iterator[Table]:
        """Those of `syntagma predict corpus-forecast`, and what theory assumes of the text."""
        yield from forecast_tables(self.text, self.entropy, self.forecast)
        yield self.assumptions.table()

    def lines(self) -> Iterator[tuple[str, str]]:
        """What came out, a name and a sentence each, the verdict last."""
        decay, forecast = self.text.decay, self.forecast
        where = "" if decay.law is None else f" for t = {decay.law.first} to {decay.law.last} tokens"
        fit = "" if decay.law is None else f", p-value {decay.law.p_value:.2g}"
        breaks = f"; it breaks at {', '.join(f'{place:.3g}' for place in decay.breaks)}" if decay.breaks else ""
        yield "beta", _said(forecast.beta, f"correlations fall as t^-beta{where}{fit}{breaks}")
        n = f" for n = {self.entropy.first} to {self.entropy.last}" if self.entropy.last else ""
        yield "gamma", _said(forecast.gamma, f"the entropy falls as n^-gamma{n}")
        yield "H_inf", _said(forecast.limit, "nats a token, its limit: the lowest and highest allowed")
        said = (forecast.beta.reason, forecast.gamma.reason)
        yield "alpha", _said(forecast.alpha, "the forecast: loss - H_inf ~ tokens^-alpha", said)
        yield "tenfold", _said(self.gain(_TENFOLD), "nats a token, by which ten times the data lowers the loss", said)
        tenfold = f"tokens of context are resolved; by ten times the data, {_short(self.horizon(_TENFOLD))}"
        yield "horizon", _said(self.horizon(), tenfold, said)
        for name, row in zip(("Zipf", "Heaps", "symmetry"), self.assumptions.rows(), strict=True):
            value = "not known" if math.isnan(row["value"]) else "{value:.2f} [{low:.2f}, {high:.2f}]".format(**row)
            yield name, f"{value}  {row['name']}" + (f", {row['note']}" if row["note"] else "")
        yield "verdict", self.verdict

    @property
    def verdict(self) -> str:
        """Whether to believe the forecast, and why not."""
        return "; ".join((VERDICTS[self.forecast.belief], *self.forecast.reasons))

    def record(self) -> dict[str, Any]:
        """The numbers of the forecast, for programs."""
        of = self.forecast
        named = {"beta": of.beta, "gamma": of.gamma, "H_inf": of.limit, "alpha": of.alpha}
        named |= {"gain": self.gain(_TENFOLD), "horizon": self.horizon(), "tenfold_horizon": self.horizon(_TENFOLD)}
        parts = {
            name: {"tokens": len(part), "documents": len(part.documents)} for name, part in self.corpus.parts.items()
        }
        corpus = {"parts": parts, "vocab": self.corpus.vocab, "digest": self.corpus.digest}
        return {
            "corpus": corpus | {"notes": list(self.corpus.notes)},
            "forecast": {name: _numbers(one) for name, one in named.items()},
            "believe": of.belief,
            "reasons": list(of.reasons),
            "breaks": list(self.text.decay.breaks),
        }


def check(corpus: Corpus, settings: TextStatistics) -> None:
    """Refuse, before any work, a corpus that is too short to say anything of.

    Raises:
        InputError: its training part has fewer than 8,192 tokens, or another part too few.
    """
    few = 2 * settings.blocks + settings.longest
    for name, least in (("train", _FEWEST), ("validation", few), ("test", few)):
        if len(corpus[name]) < least:
            raise InputError(
                f"source has {len(corpus[name]):,} tokens in its part '{name}', and a forecast needs {least:,} there. "
                "Give a longer text, or shorter tokens."
            )


def read(
    corpus: Corpus,
    effort: TextStatistics,
    *,
    threads: int = 1,
    tell: Callable[[str, float], None] = lambda text, share: None,
) -> Reading:
    """Measure a corpus, forecast, and judge the forecast.

    Args:
        corpus: the tokens.
        effort: one of `EFFORTS`, or other settings.
        threads: distances that are measured at the same time.
        tell: told what is measured and the share of the work that is done.

    Raises:
        InputError: as `check`.
    """
    check(corpus, effort)
    tokens = len(corpus["train"])
    tell("the sampling floor of shuffled text", 0.0)
    floor = floor_of(corpus, effort)
    lags = lags_of(corpus, effort)

    def say(lag: int, share: float) -> None:
        tell(f"correlations of tokens {lag} apart", 0.05 + 0.45 * share)

    strengths = strengths_of(corpus, effort, lags, threads, say)
    tell("losses of n-gram counts", 0.5)
    text = Statistics(
        tokens, floor, strengths, fit_decay(strengths, first_lag=effort.first_lag), counts_of(corpus, effort)
    )
    entropy = fit_entropy_decay(text.counts)
    forecast = forecast_from(text, entropy, (tokens, _TENFOLD * tokens), _ANY_CONTEXT)
    tell("frequencies and permutation symmetry", 0.9)
    beside = assumptions(corpus)
    tell("all is measured", 1.0)
    return Reading(corpus, effort, text, entropy, forecast, beside)


def described(corpus: Corpus) -> Iterator[tuple[str, str]]:
    """What a corpus is: its parts, its vocabulary, and what was done as it was read."""
    parts = [f"{name} {len(corpus[name]):,} in {_many(len(corpus[name].documents), 'document')}" for name in PARTS]
    yield "tokens", ", ".join(parts) + f"; vocabulary {corpus.vocab:,}"
    for note in corpus.notes:
        yield "note", note


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _said(interval: Interval, what: str, said: tuple[str, ...] = ()) -> str:
    if not math.isnan(interval.value):
        return f"{_short(interval)}  {what}"
    return "not known, for the same reason" if interval.reason in said else f"not known: {interval.reason}"


def _short(interval: Interval) -> str:
    """With few digits, however large: a horizon may have forty."""
    return f"{interval.value:.3g} [{interval.low:.3g}, {interval.high:.3g}]"


def _numbers(interval: Interval) -> dict[str, Any]:
    return {"value": interval.value, "low": interval.low, "high": interval.high, "reason": interval.reason}
