"""From stored statistics and runs to exponents, their comparison, and what is drawn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from syntagma.curves import Interval
from syntagma.errors import InputError
from syntagma.studies.corpus_forecast import forecasts
from syntagma.studies.corpus_forecast.forecasts import Statistics
from syntagma.studies.corpus_forecast.measured import measured_key
from syntagma.studies.corpus_forecast.settings import NAME, CorpusForecast
from syntagma.studies.corpus_forecast.tables import correlations_table, entropies_table, exponents_table
from syntagma.studies.corpus_forecast.verdicts import verdicts
from syntagma.studies.grid import table_of
from syntagma.studies.stored import Facts, last_command
from syntagma.studies.study import Analysis
from syntagma.theory import corpus as theory

if TYPE_CHECKING:
    from syntagma.sweep.store import Store


def analyse(title: str, store: Store) -> Analysis:
    """Everything the report shows, for the settings of the last command given for this study.

    Raises:
        InputError: nothing of it is stored.
    """
    settings, provenance = last_command(store, NAME, CorpusForecast)
    fact = Facts(store, NAME).get(measured_key(settings))
    if fact is None:
        raise InputError("the statistics are not measured yet: give the command again, it goes on where it stopped.")
    found = Statistics.of(fact, settings.first_lag)
    runs = table_of(list(settings.cells()), store.runs())
    sizes, losses = _losses(runs, settings)
    networks = losses[:, -1] if len(sizes) else None
    bounds = forecasts.entropies(found, networks)
    beta = forecasts.beta(found)
    gamma, limit = forecasts.gamma_and_limit(bounds)
    counted = slice(settings.length // 2, None)
    measured = forecasts.measured_alpha(sizes.astype(float), losses[:, :, counted].mean(axis=2), limit)
    exponents = {
        "decay of correlations": ("beta", beta),
        "decay of the entropy": ("gamma", gamma),
        "forecast": ("gamma / (2 beta)", forecasts.alpha(gamma, beta)),
        "measured": ("alpha", measured),
        "limit of the entropy": ("H_inf", limit),
    }
    tables = {
        "correlations": correlations_table(found),
        "entropies": entropies_table(found, networks, bounds),
        "exponents": exponents_table(exponents),
        "curves": _curves_table(sizes, losses, settings),
        "collapse": _collapse_table(sizes, losses, beta, gamma, limit),
        "scaling": _scaling_table(sizes, losses[:, :, counted].mean(axis=2), limit),
        "runs": runs.drop(columns="test_position_losses"),
    }
    return Analysis(NAME, title, tables, verdicts(settings, exponents, tables), provenance)


def _losses(runs: pd.DataFrame, settings: CorpusForecast) -> tuple[np.ndarray, np.ndarray]:
    """The sizes whose every seed is done, and `[seeds, sizes, T]`, nats at n = 0, ..., T - 1 tokens of context."""
    grouped: Any = runs.groupby("num_tokens")
    sizes = [size for size in settings.sizes if len(runs[runs["num_tokens"] == size]) == settings.seeds]
    if not sizes:
        raise InputError("no size has all its seeds yet: give the command again, it goes on where it stopped.")
    by_size = [
        np.stack([np.array(x, float) for x in grouped.get_group(size).sort_values("seed")["test_position_losses"]])
        for size in sizes
    ]
    return np.array(sizes), np.stack(by_size, axis=1)


def _curves_table(sizes: np.ndarray, losses: np.ndarray, settings: CorpusForecast) -> pd.DataFrame:
    """Mean over seeds and their band, for each P and number of tokens of context."""
    kind, label = settings.learner.kind, settings.learner.label
    return pd.DataFrame(
        {
            "learner": kind,
            "label": label,
            "num_tokens": int(size),
            "context": n,
            "loss_nats": losses[:, i, n].mean(),
            "low": losses[:, i, n].min(),
            "high": losses[:, i, n].max(),
        }
        for n in range(losses.shape[2])
        for i, size in enumerate(sizes)
    )


def _scaling_table(sizes: np.ndarray, losses: np.ndarray, limit: Interval) -> pd.DataFrame:
    """Loss of the longer contexts against P, and how far it is above the limit."""
    end = limit.value if math.isfinite(limit.value) else math.nan
    return pd.DataFrame(
        {"num_tokens": sizes, "loss_nats": losses.mean(axis=0), "low": losses.min(axis=0), "high": losses.max(axis=0)}
    ).assign(excess=lambda table: table["loss_nats"] - end)


def _collapse_table(
    sizes: np.ndarray, losses: np.ndarray, beta: Interval, gamma: Interval, limit: Interval
) -> pd.DataFrame:
    """L_n(P) on axes on which theory has one curve."""
    columns = pd.Index(["num_tokens", "context", "excess", "scaled_tokens", "scaled_loss"])
    if any(math.isnan(x.value) for x in (beta, gamma, limit)):
        return pd.DataFrame(columns=columns)
    contexts = np.arange(1, losses.shape[2])
    size, context = (x.ravel() for x in np.meshgrid(sizes, contexts, indexing="ij"))
    excess = (losses.mean(axis=0)[:, 1:] - limit.value).ravel()
    scaled, unit = theory.collapse(size.astype(float), context.astype(float), gamma.value, beta.value)
    return pd.DataFrame(dict(zip(columns, (size, context, excess, scaled, excess * unit), strict=True)))
