"""What is measured on the text before any training: correlations by distance, and losses of n-gram counts."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.statistics.entropies import EntropyBounds, entropy_bounds
from syntagma.statistics.lagged import geometric_lags, sampling_floor
from syntagma.statistics.power_law import Decay, fit_decay
from syntagma.statistics.strengths import Strengths, correlation_strengths
from syntagma.studies.corpus_forecast.settings import CorpusForecast
from syntagma.studies.study import Fact, Facts, Results


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
    train = settings.part("train").language()
    lags = geometric_lags(min(settings.largest_lag, len(train.tokens) // 4), settings.lags_per_doubling)

    def about() -> dict[str, Any]:
        floor = sampling_floor(train.tokens, train.vocab, settings.shuffles)
        sizes = {"tokens": len(train.tokens), "vocab": train.vocab, "windows": len(train.windows)}
        return sizes | {"lags": lags, "floor": floor.tolist()}

    def strength(lag: int) -> dict[str, Any]:
        found = correlation_strengths(train.tokens, train.vocab, [lag], blocks=settings.blocks)
        return {name: np.asarray(value)[..., 0].tolist() for name, value in vars(found).items()}

    def entropies() -> dict[str, Any]:
        validation, test = (settings.part(name).language().tokens for name in ("validation", "test"))
        bounds = entropy_bounds(train.tokens, validation, test, train.vocab, settings.longest, blocks=settings.blocks)
        return {name: np.asarray(value).tolist() for name, value in vars(bounds).items()}

    yield Fact(about_key(settings), about, "sampling floor")
    for lag in lags:
        compute = functools.partial(strength, lag)
        yield Fact(_strength_key(settings, lag), compute, f"correlations of tokens {lag} apart")
    yield Fact(_entropies_key(settings), entropies, "losses of n-gram counts")


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
    strengths = Strengths(**{name: np.stack([np.asarray(one[name]) for one in by_lag], axis=-1) for name in by_lag[0]})
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in facts[_entropies_key(settings)].items()}
    arrays["estimators"] = tuple(arrays["estimators"].tolist())
    counts = EntropyBounds(**arrays)
    decay = fit_decay(strengths, first_lag=settings.first_lag)
    return Statistics(about["tokens"], np.asarray(about["floor"]), strengths, decay, counts)


def counted_lags(text: Statistics) -> np.ndarray:
    """`[k]`, which distances count for beta."""
    lags, law = text.strengths.lags, text.decay.law
    return np.zeros(len(lags), bool) if law is None else (lags >= law.first) & (lags <= law.last)
