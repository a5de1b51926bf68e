"""What the studies of random hierarchies share: sizes, exact facts, predictions, curves, rows, claims, a panel."""

from syntagma.studies.grammar.claims import (
    INTEGER_EXPONENT,
    READERS_SOURCE,
    growth_claim,
    oracle_claim,
    order_claim,
    ratio_claim,
)
from syntagma.studies.grammar.curves import GrammarCurve, grammar_curves, growth, over, threshold
from syntagma.studies.grammar.facts import (
    counting_fact,
    exact_fact,
    exact_growth,
    exact_power,
    exact_thresholds,
    fact_key,
    is_reader,
    language_facts,
    law_of,
    law_sharing,
    nats_fact,
    nats_of,
    plateaus_fact,
    plateaus_key,
    plateaus_of,
    predicted_thresholds,
    prediction_source,
)
from syntagma.studies.grammar.panels import level_panel
from syntagma.studies.grammar.predictions import counting_prediction, exact_predictions, law_predictions, staircase
from syntagma.studies.grammar.rows import EXACTLY, plateaus_rows, prediction_rows, threshold_row, threshold_rows
from syntagma.studies.grammar.sizes import Grammar, cells_of
from syntagma.studies.grammar.titles import who_needs_most

__all__ = [
    "EXACTLY",
    "INTEGER_EXPONENT",
    "READERS_SOURCE",
    "Grammar",
    "GrammarCurve",
    "cells_of",
    "counting_fact",
    "counting_prediction",
    "exact_fact",
    "exact_growth",
    "exact_power",
    "exact_predictions",
    "exact_thresholds",
    "fact_key",
    "grammar_curves",
    "growth",
    "growth_claim",
    "is_reader",
    "language_facts",
    "law_of",
    "law_predictions",
    "law_sharing",
    "level_panel",
    "nats_fact",
    "nats_of",
    "oracle_claim",
    "order_claim",
    "over",
    "plateaus_fact",
    "plateaus_key",
    "plateaus_of",
    "plateaus_rows",
    "predicted_thresholds",
    "prediction_rows",
    "prediction_source",
    "ratio_claim",
    "staircase",
    "threshold",
    "threshold_row",
    "threshold_rows",
    "who_needs_most",
]
