"""What the report of the scaling-laws study shows: its figures, its tables, its interactive figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from syntagma.report.interactive_curves import interactive_learning_curves
from syntagma.report.learning_curves import learning_curves
from syntagma.report.study_report import StudyReport, TableText
from syntagma.report.tables import Column
from syntagma.report.thresholds import measured_against_predicted, thresholds_against_rules
from syntagma.studies.study import Analysis

FIGURES: Mapping[str, Callable[[Analysis], Figure]] = {
    "learning-curves": learning_curves,
    "thresholds": thresholds_against_rules,
    "measured-against-predicted": measured_against_predicted,
}
"""By file name; the first is the main one."""

_CAPTIONS = {
    "learning-curves": (
        "Test loss of the last token against the number of training examples P. Horizontal lines: the exact losses L_l "
        "of a reader who knows the grammar and uses the s^l - 1 tokens before the last, averaged over the grammars "
        "drawn; the lowest is the oracle. Dashes: where each law puts the threshold P_l, from signal = sampling noise. "
        "Diamonds: where the curve crosses half-way between two plateaus. Losses far above L_0 are left out."
    ),
    "thresholds": (
        "Measured thresholds against the number of rules m, level by level, with the power k fitted to each learner, "
        "P_l (1 - f) ~ m^k, and its interval. Dashed: the predicted laws. A law says how a threshold grows, not its "
        "prefactor, so compare slopes."
    ),
    "measured-against-predicted": (
        "Every threshold that has both a measurement and a prediction of the paper's own for that learner. On the line "
        "the two are equal; parallel to it, they are proportional."
    ),
}

_TABLES = (
    TableText(
        name="thresholds",
        title="Thresholds: measured against predicted",
        caption="Number of training examples at which the mean loss crosses half-way between L_(l-1) and L_l, with its "
        "bootstrap interval over seeds. A dash: no prediction, or not measured (see the note).",
        columns=(
            Column("label", "learner"),
            Column("rules", "rules m"),
            Column("level", "level l"),
            Column("predicted", "predicted P_l", "count"),
            Column("measured", "measured P_l", "count"),
            Column("low", "from", "count"),
            Column("high", "to", "count"),
            Column("ratio", "measured / predicted", "ratio"),
            Column("note", "note"),
        ),
    ),
    TableText(
        name="growth",
        title="Growth of the thresholds with m",
        caption="Exponent k of the fit P_l (1 - f) ~ m^k, with its interval, beside the exponent of the "
        "paper's law: the law's factor 1 / (1 - f), which depends on m too, is divided out.",
        columns=(
            Column("label", "learner"),
            Column("level", "level l"),
            Column("predicted_exponent", "predicted k", "exponent"),
            Column("exponent", "measured k", "exponent"),
            Column("low", "from", "exponent"),
            Column("high", "to", "exponent"),
            Column("num_points", "values of m"),
        ),
    ),
)

REPORT = StudyReport(figures=FIGURES, captions=_CAPTIONS, tables=_TABLES, interactive=interactive_learning_curves)
