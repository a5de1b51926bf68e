"""The two statistics of the text, measured once and kept: plain numbers, with what their intervals are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from syntagma.curves import RESAMPLES
from syntagma.randomness import stream
from syntagma.statistics.lagged import geometric_lags, lagged_correlation, resampled_strengths, sampling_floor
from syntagma.statistics.ngrams import ngram_losses
from syntagma.studies.corpus_forecast.settings import CorpusForecast

_CLEAR = 2.0
"""Correlations count for beta while they are above so many times the sampling floor."""


def measured_key(settings: CorpusForecast) -> dict[str, Any]:
    """What the statistics depend on."""
    fields = {"largest_lag", "lags_per_doubling", "first_lag", "shuffles", "blocks", "longest"}
    text = settings.part("train").model_dump(mode="json", exclude={"sentence_length", "stride", "distinct", "path"})
    return {"of": "statistics", "text": text} | settings.model_dump(mode="json", include=fields)


def measure(settings: CorpusForecast, say: Callable[[str, float], None]) -> dict[str, Any]:
    """`{"tokens", "vocab", "lags", "strengths", "resampled", "floor", "fitted", "ngrams"}`.

    `strengths` at `lags` and the same for resampled texts, `[R, lags]`; `floor`, one for each shuffled text; `fitted`,
    the number of `lags` from the first that counts to the last before one is not clear of the floor; `ngrams`,
    `[longest + 1, blocks]`, nats a token of each stretch of the test part.
    """
    train, test = settings.part("train").language(), settings.part("test").language()
    lags = geometric_lags(min(settings.largest_lag, len(train.tokens) // 4), settings.lags_per_doubling)
    found = []
    for done, lag in enumerate(lags):
        say(f"correlations of tokens {lag} apart", done / (len(lags) + 2))
        found.append(lagged_correlation(train.tokens, train.vocab, lag))
    say("sampling floor", len(lags) / (len(lags) + 2))
    floor = sampling_floor(train.tokens, train.vocab, settings.shuffles)
    drawn = stream(0, "blocks").integers(settings.blocks, size=(RESAMPLES, settings.blocks))
    strengths = np.array([each.strength for each in found])
    counted = [lag for lag in lags if lag >= settings.first_lag]
    clear = strengths[len(lags) - len(counted) :] > _CLEAR * floor.mean()
    say("losses of n-gram counts", (len(lags) + 1) / (len(lags) + 2))
    losses = ngram_losses(train.tokens, test.tokens, train.vocab, settings.longest)
    length = losses.shape[1] // settings.blocks * settings.blocks
    return {
        "tokens": len(train.tokens),
        "vocab": train.vocab,
        "lags": lags,
        "strengths": strengths.tolist(),
        "resampled": np.round(resampled_strengths(found, train.tokens, settings.blocks, drawn), 8).tolist(),
        "floor": floor.tolist(),
        "fitted": int(np.argmin(clear)) if not clear.all() else len(clear),
        "ngrams": losses[:, :length].reshape(len(losses), settings.blocks, -1).mean(axis=2).tolist(),
    }
