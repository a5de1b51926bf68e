"""What the report of the level-by-level study shows: its figures, its tables, its interactive figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from syntagma.report.class_curves import class_curves
from syntagma.report.correlations import correlations_and_floors
from syntagma.report.interactive_curves import interactive_learning_curves
from syntagma.report.invariance_curves import invariance_curves, observer_curves
from syntagma.report.learning_curves import learning_curves, rescaled_curves
from syntagma.report.study_report import StudyReport, TableText
from syntagma.report.tables import Column
from syntagma.studies.study import Analysis

FIGURES: Mapping[str, Callable[[Analysis], Figure]] = {
    "learning-curves": learning_curves,
    "invariance": invariance_curves,
    "observers": observer_curves,
    "rescaled-curves": rescaled_curves,
    "class-curves": class_curves,
    "correlations": correlations_and_floors,
}
"""By file name; the first is the main one."""

_CAPTIONS = {
    "learning-curves": (
        "Test loss of the last token against the number of training examples P, with weight sharing and without. "
        "Horizontal lines: the exact losses L_l of a reader who knows the grammar and uses the s^l - 1 tokens before "
        "the last; the lowest is the oracle. Dashes: where each law puts the threshold P_l. Diamonds: where the curve "
        "crosses half-way between two plateaus."
    ),
    "invariance": (
        "How far the last layer is on the way from reacting to a synonym as to another symbol (0) to ignoring it (1): "
        "(c_rule - c_symbol) / (1 - c_symbol), c the cosine of whitened activations before and after the change of the "
        "node beside the last one of its level. Left: the best network of every P; vertical dashes: the measured "
        "P_(l+1), from which level l must be known. Right: along training at the largest P. Bands: all seeds."
    ),
    "observers": (
        "Distance of the network's prediction of the last token to the exact posterior of an observer who knows the "
        "grammar up to level l and sees the s^l - 1 tokens before it: the lowest line says which level is learned. "
        "Mean over seeds. Left: the best network of every P. Right: along training at the largest P."
    ),
    "rescaled-curves": (
        "All curves on rescaled axes, level by level: the share of the step from L_(l-1) to L_l that is left, against "
        "P over the predicted threshold of that learner and m. Where the law holds, up to a prefactor, curves of one "
        "learner fall on one another."
    ),
    "class-curves": (
        "Test error of the class at the root, over that of chance, against P, and against P over the predicted "
        "n_c m^L. The line is the tenth of chance that defines the measured P*."
    ),
    "correlations": (
        "Squared covariances of the last token with tokens, symbols and tuples that it meets at level l: exact for "
        "each grammar drawn (dots) and on average over grammars (dashes). Horizontal lines: what P sentences of "
        "independent variables show. Correlations above a line are resolved by that P."
    ),
}

_THRESHOLD_COLUMNS = (
    Column("predicted", "predicted P", "count"),
    Column("measured", "measured P", "count"),
    Column("low", "from", "count"),
    Column("high", "to", "count"),
    Column("ratio", "measured / predicted", "ratio"),
)
_IGNORED_COLUMNS = (Column("ignored_low", "from", "count"), Column("ignored_high", "to", "count"))

_TABLES = (
    TableText(
        name="thresholds",
        title="Thresholds of the last token, and of its layers",
        caption="Number of examples at which the mean loss crosses half-way between L_(l-1) and L_l, with its "
        "bootstrap interval over seeds; and at which the last layer is half-way to ignoring synonyms of level l - 1.",
        columns=(
            Column("label", "learner"),
            Column("rules", "rules m"),
            Column("level", "level l"),
            *_THRESHOLD_COLUMNS,
            Column("ignored", "synonyms of l - 1 ignored", "count"),
            *_IGNORED_COLUMNS,
            Column("note", "note"),
        ),
    ),
    TableText(
        name="class_thresholds",
        title="Sample complexity of the class",
        caption="Number of examples at which the test error has fallen to a tenth of chance, beside n_c m^L; and at "
        "which the last layer is half-way to ignoring level-1 synonyms.",
        columns=(
            Column("rules", "rules m"),
            Column("classes", "classes n_c"),
            *_THRESHOLD_COLUMNS,
            Column("ignored", "level-1 synonyms ignored", "count"),
            *_IGNORED_COLUMNS,
            Column("note", "note"),
        ),
    ),
)

REPORT = StudyReport(figures=FIGURES, captions=_CAPTIONS, tables=_TABLES, interactive=interactive_learning_curves)
