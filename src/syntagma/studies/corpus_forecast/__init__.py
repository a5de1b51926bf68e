"""The scaling exponent of a text, forecast from two statistics of it and then measured by training.

How fast the correlations of tokens fall with their distance, and how fast the entropy of the next token falls with the
length of context, say how the loss falls with the amount of training text. Source: arXiv 2602.07488.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from syntagma.studies.corpus_forecast import forecasts
from syntagma.studies.corpus_forecast.analysis import analyse
from syntagma.studies.corpus_forecast.measured import measure, measured_key
from syntagma.studies.corpus_forecast.settings import NAME, PRESETS, CorpusForecast
from syntagma.studies.corpus_forecast.tables import correlations_table, entropies_table, exponents_table
from syntagma.studies.grid import Cell, run_missing
from syntagma.studies.stored import Facts
from syntagma.studies.study import Analysis, Progress, Study

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

__all__ = ["PRESETS", "STUDY", "CorpusForecast"]

_SHARE_OF_STATISTICS = 0.1


class _CorpusForecastStudy(Study[CorpusForecast]):
    name = NAME
    title = "Forecasting the scaling exponent of a text"
    paper = "arXiv 2602.07488"

    @property
    def presets(self) -> Mapping[str, CorpusForecast]:
        """Sizes: quick, under three minutes; laptop, under 45; full, for an accelerator. Each needs a text."""
        return PRESETS

    def predict(self, settings: CorpusForecast) -> Mapping[str, pd.DataFrame]:
        """Both statistics and the exponent that they forecast, of counts alone; nothing is trained."""
        found = forecasts.Statistics.of(measure(settings, lambda *_: None), settings.first_lag)
        bounds = forecasts.entropies(found)
        beta, (gamma, limit) = forecasts.beta(found), forecasts.gamma_and_limit(bounds)
        exponents = {
            "decay of correlations": ("beta", beta),
            "decay of the entropy": ("gamma", gamma),
            "forecast": ("gamma / (2 beta)", forecasts.alpha(gamma, beta)),
            "limit of the entropy": ("H_inf", limit),
        }
        return {
            "exponents": exponents_table(exponents),
            "correlations": correlations_table(found),
            "entropies": entropies_table(found, None, bounds),
        }

    def run(self, settings: CorpusForecast, store: Store, workers: int, progress: Progress) -> None:
        """The statistics, then all runs of the grid."""
        Facts(store, NAME).settle(
            measured_key(settings),
            lambda: measure(settings, lambda text, share: progress(text, _SHARE_OF_STATISTICS * share)),
        )

        def shown(text: str, share: float) -> None:
            progress(text, _SHARE_OF_STATISTICS + (1 - _SHARE_OF_STATISTICS) * share)

        def say(cell: Cell, result: Mapping[str, Any]) -> str:
            return f"P={cell.names['num_tokens']}: {result['test_loss']:.3f} nats a token"

        run_missing(list(settings.cells()), store, workers, shown, say)

    def analyse(self, store: Store) -> Analysis:
        """Exponents, curves and verdicts from what is stored, for the settings of the last command."""
        return analyse(self.title, store)


STUDY = _CorpusForecastStudy()
