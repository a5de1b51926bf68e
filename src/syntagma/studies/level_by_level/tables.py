"""Tables of the study: thresholds of the loss beside those of the layers, classes, correlations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from syntagma.curves import Interval, unmeasured
from syntagma.studies import grammar
from syntagma.studies.level_by_level.measured import Measured, correlation_rows, half_invariant, predicted_class
from syntagma.studies.level_by_level.settings import ClassGrid, LevelByLevel
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
from syntagma.theory import root_class

_N_CLASSES = Column("classes", "classes n_c", "whole")
_OF_CLASS = Column("rules_of_class", "rules of a class", "whole")
_CLASSES = Schema(
    "classes",
    "Predicted sample complexity of the class",
    "Examples at which the correlations of tuples with the class stand out of the sampling noise, exact for these "
    "grammars, beside the asymptotic law n_c m^L, of whose m factors one is the number of rules of a class.",
    (RULES, _N_CLASSES, _OF_CLASS, Column("num_examples", "P*", "count"), Column("law", "n_c m^L", "count"), SOURCE),
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
    caption=f"{THRESHOLDS.caption} {grammar.EXACTLY} Beside it, the size at which the last layer is half-way to "
    "ignoring synonyms of level l - 1.",
    columns=(*THRESHOLDS.columns[:-1], *_IGNORED, NOTE),
)
_CLASS_THRESHOLDS = Schema(
    "class-thresholds",
    "Sample complexity of the class",
    "Number of examples at which the test error has fallen to a tenth of chance, beside where exact correlations with "
    "the class stand out of the noise; and at which the last layer is half-way to ignoring level-1 synonyms. Intervals "
    "of 95 %.",
    (RULES, _N_CLASSES, _OF_CLASS, *THRESHOLDS.columns[3:-1], *_IGNORED, NOTE),
)


def predictions(settings: LevelByLevel, facts: Facts) -> Iterator[Table]:
    """Thresholds, sizes for classes, and the correlations that they come from."""
    grid, depth = settings.root_class, settings.depth
    yield PREDICTIONS.table(
        row
        for m in settings.rules
        for row in grammar.prediction_rows(
            {"rules": m}, settings.grammar_of(m).predictions(facts, settings.seeds, depth)
        )
    )
    tasks = [(m, n, m, settings.languages(m, n)) for m in grid.rules for n in grid.classes]
    tasks += [(grid.rules[-1], n, own, settings.fixed_root_languages(n)) for n, own in _fewer(grid).items()]
    yield _CLASSES.table(
        {
            "rules": m,
            "classes": n,
            "rules_of_class": own,
            "num_examples": predicted_class(facts, languages),
            "law": float(theory.class_sample_complexity(n, m, depth)) * own / m,
            "source": root_class.SOURCE,
        }
        for m, n, own, languages in tasks
    )
    yield _CORRELATIONS.table(correlation_rows(settings))


def tables(measured: Measured) -> Iterator[Table]:
    """What the page shows besides figures."""
    settings = measured.settings
    rows = []
    for (name, m), curve in measured.curves.items():
        learner = settings.learners[name].learner
        for level in range(1, settings.depth + 1):
            names = {"learner": name, "label": learner.label, "rules": m}
            inside = half_invariant(measured.left_inside(name, m, level - 1))
            row = grammar.threshold_row(names, level, curve.threshold(level), measured.predicted(name, m, level))
            rows.append(row | interval_columns(inside, "ignored_"))
    yield _THRESHOLDS.table(rows)
    rows = []
    for m, n in measured.classes:
        inside = half_invariant(measured.left_inside_class(m, n, 1))
        row = _class_row((m, n, m), measured.class_threshold(m, n), measured.predicted_class(m, n))
        rows.append(row | interval_columns(inside, "ignored_"))
    for n, own in _fewer(settings.root_class).items():
        sizes = settings.root_class.rules[-1], n, own
        row = _class_row(sizes, measured.fixed_root_threshold(n), measured.predicted_fixed_root(n))
        rows.append(row | interval_columns(unmeasured("not probed"), "ignored_"))
    yield _CLASS_THRESHOLDS.table(rows)


def _fewer(grid: ClassGrid) -> dict[int, int]:
    """By n_c the rules of a class, where those of the root are held fixed and a class has fewer than m."""
    return {n: own for n, own in grid.rules_of_class().items() if own < grid.rules[-1]}


def _class_row(sizes: tuple[int, int, int], threshold: Interval, predicted: float) -> dict[str, Any]:
    names = dict(zip(("rules", "classes", "rules_of_class"), sizes, strict=True))
    share = threshold.value / predicted if threshold.measured else math.nan
    return names | {"predicted": predicted, "ratio": share} | interval_columns(threshold)
