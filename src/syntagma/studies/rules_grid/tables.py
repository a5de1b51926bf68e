"""Tables of the grid: predictions, plateaus, thresholds beside the law, growth with m."""

from __future__ import annotations

import math
from collections.abc import Iterator

from syntagma.learners import Counter
from syntagma.studies import grammar
from syntagma.studies.rules_grid.measured import Measured
from syntagma.studies.rules_grid.settings import RulesGrid
from syntagma.studies.schemas import GROWTH, PLATEAUS, PREDICTIONS, THRESHOLDS, Column, Schema, Table, interval_columns
from syntagma.studies.study import Facts
from syntagma.theory import hierarchy as theory
from syntagma.theory.prediction import Prediction

_EXPONENTS = Schema(
    "exponents",
    "Predicted exponents",
    "alpha of loss ~ P^(-alpha) in the limit of many levels.",
    (Column("rules", "rules m", "whole"), Column("law", "law", "text"), Column("exponent", "alpha", "exponent")),
)


_LAW = Column("law", "asymptotic law", "count")


_THRESHOLDS = Schema(
    THRESHOLDS.name,
    THRESHOLDS.title,
    f"{THRESHOLDS.caption} {grammar.EXACTLY} The counter's: where half of the blocks that tell the level were seen.",
    (*THRESHOLDS.columns[:4], _LAW, *THRESHOLDS.columns[4:]),
)


_GROWTH = Schema(
    GROWTH.name,
    GROWTH.title,
    f"{GROWTH.caption} Predicted: that of the exact sizes of these very grammars (the counter's: of its blocks).",
    (*GROWTH.columns[:3], Column("law", "asymptotic law", "exponent"), *GROWTH.columns[3:]),
)


def predictions(settings: RulesGrid, facts: Facts) -> Iterator[Table]:
    sizes = settings.vocab, settings.branching
    yield PREDICTIONS.table(
        row
        for m in settings.rules
        for row in grammar.prediction_rows({"rules": m}, all_predictions(settings, facts, m))
    )
    yield _plateaus_table(settings, facts)
    alphas = [
        (m, shared, theory.scaling_exponent(sizes[0], m, sizes[1], shared))
        for m in settings.rules
        for shared in (True, False)
    ]
    yield _EXPONENTS.table(
        {"rules": m, "law": theory.law_name(shared), "exponent": math.nan if alpha is None else alpha}
        for m, shared, alpha in alphas
    )


def all_predictions(settings: RulesGrid, facts: Facts, m: int) -> list[Prediction]:
    """By the exact correlations of the grammars of one m, by counting where there is a counter, and by the laws."""
    heights = grammar.plateaus_of(facts, settings.languages(m)).mean(0)
    laws = grammar.law_predictions(settings.vocab, m, settings.branching, settings.levels, heights)
    exactly = grammar.exact_predictions(facts, settings.languages(m), settings.levels, heights)
    if any(isinstance(entrant.learner, Counter) for entrant in settings.learners.values()):
        exactly.append(grammar.counting_prediction(facts, settings.languages(m), settings.levels, heights))
    return [*exactly, *laws]


def _plateaus_table(settings: RulesGrid, facts: Facts) -> Table:
    rows = []
    for m in settings.rules:
        values = grammar.plateaus_of(facts, (settings.language(m, seed) for seed in range(settings.seeds)))
        rows += grammar.plateaus_rows({"rules": m}, values)
    return PLATEAUS.table(rows)


def tables(measured: Measured) -> Iterator[Table]:
    settings = measured.settings
    yield _THRESHOLDS.table(
        grammar.threshold_row(
            {"learner": name, "label": measured.label(name), "rules": m, "law": settings.law(m, name, level)},
            level,
            interval,
            measured.exact(m, name, level),
        )
        for (name, m, level), interval in measured.thresholds.items()
    )
    rows = []
    for name in settings.learners:
        shared = grammar.law_sharing(settings.learners[name].learner)
        for level in range(1, settings.levels + 1):
            law = math.nan if shared is None else float(theory.threshold_exponent(level, shared))
            known = {"learner": name, "label": measured.label(name), "level": level, "law": law}
            predicted = measured.exact_growth(name, level)
            points = sum(
                measured.thresholds[key].measured for key in measured.thresholds if key[0] == name and key[2] == level
            )
            exponent = measured.growth(name, level)
            rows.append(known | {"predicted": predicted, **interval_columns(exponent), "num_points": points})
    yield _GROWTH.table(rows)
