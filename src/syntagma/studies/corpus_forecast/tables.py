"""Statistics and exponents as tables: what predict prints and the report shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from syntagma.curves import Interval
from syntagma.studies.corpus_forecast.forecasts import Entropies, Statistics
from syntagma.theory import corpus as theory

NGRAMS, NETWORK = "n-gram counts", "network, most text"


def correlations_table(found: Statistics) -> pd.DataFrame:
    """Strength by distance, with its interval, the sampling floor, and whether it counts for beta."""
    low, high = np.percentile(found.resampled, [2.5, 97.5], axis=0)
    return pd.DataFrame(
        {
            "lag": found.lags.astype(int),
            "strength": found.strengths,
            "low": low,
            "high": high,
            "floor": found.floor.mean(),
            "floor_error": found.floor.std(ddof=1),
            "fitted": found.fitted,
        }
    )


def entropies_table(found: Statistics, networks: np.ndarray | None, bounds: Entropies) -> pd.DataFrame:
    """Loss by tokens of context n: of n-gram counts, and of the networks with most text; whether n counts for gamma."""
    low, high = np.percentile(found.ngram_resamples(), [2.5, 97.5], axis=0)
    rows = [(NGRAMS, n, value, low[n], high[n]) for n, value in enumerate(found.ngrams.mean(axis=1))]
    if networks is not None:
        rows += [(NETWORK, n, row.mean(), row.min(), row.max()) for n, row in enumerate(networks.T)]
    table = pd.DataFrame(rows, columns=pd.Index(["estimator", "context", "loss_nats", "low", "high"]))
    table["fitted"] = table["context"].between(1, bounds.fitted)
    return table


def exponents_table(rows: Mapping[str, tuple[str, Interval]]) -> pd.DataFrame:
    """Each exponent with its interval, by name: a formula, and the interval."""
    return pd.DataFrame(_exponent(name, symbol, found) for name, (symbol, found) in rows.items())


def _exponent(name: str, symbol: str, found: Interval) -> dict[str, Any]:
    known = math.isfinite(found.value)
    return {
        "name": name,
        "symbol": symbol,
        "value": found.value,
        "low": found.low if known else math.nan,
        "high": found.high if known else math.nan,
        "note": found.reason,
        "source": theory.SOURCE,
    }
