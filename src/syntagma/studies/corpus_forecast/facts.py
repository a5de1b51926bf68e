"""What is measured on the text before any training: correlations by distance, and losses of n-gram counts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.languages.corpora import PARTS, Corpus, Tokens
from syntagma.statistics.entropies import EntropyBounds, entropy_bounds
from syntagma.statistics.lagged import geometric_lags, sampling_floor
from syntagma.statistics.power_law import Decay, fit_decay
from syntagma.statistics.strengths import Strengths, correlation_strengths
from syntagma.studies.corpus_forecast.settings import CorpusForecast, TextStatistics
from syntagma.studies.study import Fact, Facts, Results

_PREDICTED = 10
"""Tokens of each block that must have a context before the losses of its length say anything."""


@dataclass(frozen=True)
class Statistics:
    """A text's statistics.

    Attributes:
        tokens: N of the training part.
        floor: `[shuffles]`, strengths of shuffled copies.
        strengths: of correlations, by distance.
        decay: the power laws that they follow.
        counts: bounds of the entropy by n-gram counts.
    """

    tokens: int
    floor: Float[np.ndarray, " shuffles"]
    strengths: Strengths
    decay: Decay
    counts: EntropyBounds


def facts(settings: CorpusForecast, results: Results) -> Iterator[Fact]:
    """The sampling floor, the strength of correlations at each distance, the losses of n-gram counts."""
    corpus, windows = settings.corpus(), settings.windows()
    lags = lags_of(corpus, settings)

    def about() -> dict[str, Any]:
        sizes = {"tokens": len(corpus["train"]), "vocab": corpus.vocab, "windows": windows}
        return sizes | {"lags": lags, "floor": floor_of(corpus, settings).tolist()}

    def strength(lag: int) -> dict[str, Any]:
        found = strengths_of(corpus, settings, [lag])
        return {name: np.asarray(value)[..., 0].tolist() for name, value in vars(found).items()}

    def entropies() -> dict[str, Any]:
        return {name: np.asarray(value).tolist() for name, value in vars(counts_of(corpus, settings)).items()}

    yield Fact(about_key(settings), about, "sampling floor")
    for lag in lags:
        compute = functools.partial(strength, lag)
        yield Fact(_strength_key(settings, lag), compute, f"correlations of tokens {lag} apart")
    yield Fact(_entropies_key(settings), entropies, "losses of n-gram counts")


def lags_of(corpus: Corpus, settings: TextStatistics) -> list[int]:
    """The distances at which correlations are measured: within the longest document, and up to a quarter of the
    training part.
    """
    longest = int(_lengths(corpus["train"]).max())
    largest = min(settings.largest_lag, len(corpus["train"]) // 4, longest - 1)
    return geometric_lags(max(largest, 1), settings.lags_per_doubling)


def floor_of(corpus: Corpus, settings: TextStatistics) -> Float[np.ndarray, " shuffles"]:
    """Strengths of shuffled copies of the training part."""
    return sampling_floor(corpus["train"].tokens, corpus.vocab, settings.shuffles)


def strengths_of(
    corpus: Corpus,
    settings: TextStatistics,
    lags: Sequence[int],
    threads: int = 1,
    say: Callable[[int, float], None] = lambda lag, share: None,
) -> Strengths:
    """Strengths of correlations within the documents of the training part."""
    train = corpus["train"]
    how: dict[str, Any] = {"documents": _beginnings(train), "threads": threads, "say": say}
    return correlation_strengths(train.tokens, corpus.vocab, lags, blocks=settings.blocks, **how)


def counts_of(corpus: Corpus, settings: TextStatistics) -> EntropyBounds:
    """Bounds of the entropy by n-gram counts of the training part, read on the test part, up to contexts that enough
    tokens of its documents have before them.
    """
    parts = [corpus[name] for name in PARTS]
    train, validation, test = (part.tokens for part in parts)
    train_begins, validation_begins, test_begins = map(_beginnings, parts)
    documents = train_begins, validation_begins, test_begins
    longest = min(_longest_context(part, settings.longest, settings.blocks) for part in parts[1:])
    return entropy_bounds(train, validation, test, corpus.vocab, longest, blocks=settings.blocks, documents=documents)


def _longest_context(part: Tokens, most: int, blocks: int) -> int:
    """How many tokens of context, of at most `most`, ten tokens a block have before them in their own document."""
    lengths = _lengths(part)
    enough = (n for n in range(most, 1, -1) if np.maximum(lengths - n, 0).sum() >= _PREDICTED * blocks)
    return next(enough, 1)


def _lengths(part: Tokens) -> np.ndarray:
    """How many tokens each document has."""
    return np.diff(np.append(part.documents if len(part.documents) else [0], len(part)))


def _beginnings(part: Tokens) -> np.ndarray | None:
    """Where documents begin, None where there is one at the most."""
    return part.documents if len(part.documents) > 1 else None


def about_key(settings: CorpusForecast) -> dict[str, Any]:
    """The key of the fact that has the numbers of tokens and windows, the distances and the sampling floor."""
    lags = {"largest_lag": settings.largest_lag, "lags_per_doubling": settings.lags_per_doubling}
    return settings.key("text", shuffles=settings.shuffles, **lags)


def _strength_key(settings: CorpusForecast, lag: int) -> dict[str, Any]:
    return settings.key("strength", lag=lag, blocks=settings.blocks)


def _entropies_key(settings: CorpusForecast) -> dict[str, Any]:
    return settings.key("entropies", longest=settings.longest, blocks=settings.blocks)


def statistics(settings: CorpusForecast, facts: Facts) -> Statistics:
    """What the facts say together."""
    about = facts[about_key(settings)]
    by_lag = [facts[_strength_key(settings, lag)] for lag in about["lags"]]
    names = [name for name in by_lag[0] if all(name in one for one in by_lag)]  # levels are not in older results
    strengths = Strengths(**{name: np.stack([np.asarray(one[name]) for one in by_lag], axis=-1) for name in names})
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in facts[_entropies_key(settings)].items()}
    arrays["estimators"] = tuple(arrays["estimators"].tolist())
    counts = EntropyBounds(**arrays)
    decay = fit_decay(strengths, first_lag=settings.first_lag)
    return Statistics(about["tokens"], np.asarray(about["floor"]), strengths, decay, counts)


def counted_lags(text: Statistics) -> np.ndarray:
    """`[k]`, which distances count for beta."""
    lags, law = text.strengths.lags, text.decay.law
    return np.zeros(len(lags), bool) if law is None else (lags >= law.first) & (lags <= law.last)
