"""Tables of the study: thresholds of the loss beside those of the layers, classes, correlations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from syntagma.studies import grammar
from syntagma.studies.level_by_level.measured import Measured, correlation_rows, half_invariant
from syntagma.studies.level_by_level.settings import LevelByLevel
from syntagma.studies.schemas import (
    LEVEL,
    NOTE,
    PREDICTIONS,
    RULES,
    SOURCE,
    THRESHOLDS,
    Column,
    Schema,
    Table,
    interval_columns,
)
from syntagma.studies.study import Facts
from syntagma.theory import hierarchy as theory

_PREDICTIONS = replace(
    PREDICTIONS, title="Predicted thresholds of the last token", columns=(RULES, *PREDICTIONS.columns, SOURCE)
)
_N_CLASSES = Column("classes", "classes n_c", "whole")
_CLASSES = Schema(
    "classes",
    "Predicted sample complexity of the class",
    "P* = n_c m^L of every class task.",
    (RULES, _N_CLASSES, Column("num_examples", "P*", "count"), SOURCE),
)
_CORRELATIONS = Schema(
    "correlations",
    "Correlations of the last token",
    "Squared covariances with tokens, symbols and tuples, exact for each grammar and on average over grammars.",
    (
        RULES,
        Column("grammar_seed", "grammar", "whole"),
        Column("kind", "with a", "text"),
        LEVEL,
        Column("squared_covariance", "squared covariance"),
        Column("ensemble", "average"),
        Column("floor", "floor of one sentence"),
        Column("examples_needed", "resolved from", "count"),
    ),
)
_IGNORED = (
    Column("ignored_measured", "synonyms ignored from", "count"),
    Column("ignored_low", "from", "count"),
    Column("ignored_high", "to", "count"),
)
_THRESHOLDS = replace(
    THRESHOLDS,
    title="Thresholds of the last token, and of its layers",
    caption=THRESHOLDS.caption
    + " Beside it, the size at which the last layer is half-way to ignoring synonyms of level l - 1.",
    columns=(*THRESHOLDS.columns[:-1], *_IGNORED, NOTE),
)
_CLASS_THRESHOLDS = Schema(
    "class-thresholds",
    "Sample complexity of the class",
    "Number of examples at which the test error has fallen to a tenth of chance, beside n_c m^L; and at which the last "
    "layer is half-way to ignoring level-1 synonyms. Intervals of 95 %.",
    (RULES, _N_CLASSES, *THRESHOLDS.columns[3:-1], *_IGNORED, NOTE),
)


def predictions(settings: LevelByLevel, facts: Facts) -> Iterator[Table]:
    """Thresholds, sizes for classes, and the correlations that they come from."""
    grid, depth = settings.root_class, settings.depth
    yield _PREDICTIONS.table(
        row | {"source": theory.SOURCE}
        for m in settings.rules
        for row in grammar.law_rows({"rules": m}, settings.vocab, m, settings.branching, depth)
    )
    complexities = {(m, n): theory.class_sample_complexity(n, m, depth) for m in grid.rules for n in grid.classes}
    yield _CLASSES.table(
        {"rules": m, "classes": n, "num_examples": size, "source": theory.CLASS_SOURCE}
        for (m, n), size in complexities.items()
    )
    yield _CORRELATIONS.table(correlation_rows(settings))


def tables(measured: Measured) -> Iterator[Table]:
    """What the page shows besides figures."""
    settings = measured.settings
    rows = []
    for (name, m), curve in measured.curves.items():
        law, learner = settings.grammar_of(m).law, settings.learners[name].learner
        for level in range(1, settings.depth + 1):
            names = {"learner": name, "label": learner.label, "rules": m}
            inside = half_invariant(measured.left_inside(name, m, level - 1))
            row = grammar.threshold_row(names, level, curve.threshold(level), law(learner, level))
            rows.append(row | interval_columns(inside, "ignored_"))
    yield _THRESHOLDS.table(rows)
    rows = []
    for m, n in measured.classes:
        threshold, predicted = measured.class_threshold(m, n), theory.class_sample_complexity(n, m, settings.depth)
        inside = half_invariant(measured.left_inside_class(m, n, 1))
        share = threshold.value / predicted if threshold.measured else math.nan
        known = {"rules": m, "classes": n, "predicted": float(predicted), "ratio": share}
        rows.append(known | interval_columns(threshold) | interval_columns(inside, "ignored_"))
    yield _CLASS_THRESHOLDS.table(rows)
