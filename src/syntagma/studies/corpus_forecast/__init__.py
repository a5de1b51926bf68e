"""The scaling exponent of a text, forecast from two statistics of it and then measured by training.

How fast the correlations of tokens fall with their distance (beta), and how fast the entropy of the next token falls
with the length of context (gamma), say how the loss falls with the amount P of training text: P^(-gamma / (2 beta)).
beta is taken only where a power law of the distance is not rejected, over distances that the text resolves; gamma with
its interval over all limits H_inf that the entropies allow. A forecast says of itself whether it is to be believed.
Source: arXiv 2602.07488; see `theory.corpus`, `statistics.power_law` and `statistics.entropy_decay`.
"""

from __future__ import annotations

from syntagma.studies.corpus_forecast.facts import facts
from syntagma.studies.corpus_forecast.figures import figures
from syntagma.studies.corpus_forecast.measured import cells, claims, measure
from syntagma.studies.corpus_forecast.settings import PRESETS, CorpusForecast
from syntagma.studies.corpus_forecast.tables import predictions, tables
from syntagma.studies.study import Study

__all__ = ["PRESETS", "STUDY", "CorpusForecast"]

STUDY = Study(
    name="corpus-forecast",
    title="Forecasting the scaling exponent of a text",
    paper="arXiv 2602.07488",
    settings=CorpusForecast,
    presets=PRESETS,
    facts=facts,
    cells=cells,
    predictions=predictions,
    measure=measure,
    tables=tables,
    claims=claims,
    figures=figures,
)
