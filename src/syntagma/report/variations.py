"""What the report of the variations study shows: its figures, its tables, its interactive figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from syntagma.report.growth import collapsed_curves, thresholds_against_sizes
from syntagma.report.interactive_collapse import interactive_collapse
from syntagma.report.online import online_curves
from syntagma.report.study_report import StudyReport, TableText
from syntagma.report.tables import Column
from syntagma.report.token_tasks import all_positions, masked_token
from syntagma.report.zipf_rules import zipf_rules
from syntagma.studies.study import Analysis

FIGURES: Mapping[str, Callable[[Analysis], Figure]] = {
    "collapse": collapsed_curves,
    "growth": thresholds_against_sizes,
    "online": online_curves,
    "zipf": zipf_rules,
    "positions": all_positions,
    "masked": masked_token,
}
"""By file name; the first is the main one."""

_CAPTIONS = {
    "collapse": (
        "All curves on rescaled axes, level by level: the share of the step from L_(l-1) to L_l that is left, against "
        "P over the predicted threshold. Each curve is one language and the mean over seeds; colours say which size "
        "differs from the base, markers its value, dashes a second learner. In a perfect collapse all curves cross "
        "one half (line) at the same place, and the spread, the ratio of the largest to the smallest prefactor of the "
        "first learner, is 1."
    ),
    "growth": (
        "Measured thresholds (points, with bootstrap intervals over seeds; an arrow is an open end) against each size "
        "of the grammar, the others as in the base. Dashes: the predicted thresholds, alternating where both laws "
        "agree. k is the fitted exponent of P_l (1 - f) in that size, beside the law's. The convolutional network is "
        "as deep as the tree."
    ),
    "online": (
        "Test loss of the last token against the number of sentences seen in one pass over fresh data; bands: all "
        "seeds. Full diamonds: where the mean crosses half-way between two plateaus, with its interval; hollow ones: "
        "the size P of fixed training sets at which that happens. Dashes: predicted thresholds. Horizontal: exact "
        "plateaus."
    ),
    "zipf": (
        "Rules of level 1 with probabilities k^-(1+a), beside equal ones. Left: test error of the class over chance's, "
        "mean and band of all seeds; dashes: the predicted power, over the sizes where it is fitted (drawn a little "
        "above). Right: measured thresholds of the last token by level, with intervals; dashes: those of equal rules "
        "times the factor that the exact correlations of the same grammars give. Predicted is the slope of the dashes "
        "beside that of equal rules; prefactors are measurements."
    ),
    "positions": (
        "One decoder trained on the last token alone, and on all positions. Left: its loss at the last position; "
        "horizontal lines are the exact plateaus, diamonds the measured thresholds. Right: mean loss of all "
        "positions, above the exact entropy of a sentence over its length. Bands: all seeds."
    ),
    "masked": (
        "A token hidden at a position drawn for each sentence, predicted from all others. Left: the loss, between the "
        "entropy of a token of which nothing is known and the loss of the exact posterior on the same sentences. "
        "Right: what is left above that; below the dashes a network counts as near. Bands: all seeds."
    ),
}

_LANGUAGE = (
    Column("vocab", "v"),
    Column("rules", "m"),
    Column("branching", "s"),
    Column("depth", "L"),
)
_MEASURED = (
    Column("predicted", "predicted P_l", "count"),
    Column("measured", "measured", "count"),
    Column("low", "from", "count"),
    Column("high", "to", "count"),
    Column("ratio", "measured / predicted", "ratio"),
)

_TABLES = (
    TableText(
        name="thresholds",
        title="Thresholds: measured against predicted",
        caption="Number of examples at which the mean loss of the last token crosses half-way between L_(l-1) and L_l, "
        "with its bootstrap interval over seeds. A dash: no prediction, or not measured (see the note).",
        columns=(
            Column("part", "part"),
            Column("label", "learner"),
            *_LANGUAGE,
            Column("zipf", "Zipf a"),
            Column("level", "level l"),
            *_MEASURED,
            Column("note", "note"),
        ),
    ),
    TableText(
        name="growth",
        title="Growth of the thresholds with each size",
        caption="Exponent k of the fit P_l (1 - f) ~ size^k, with its interval, beside that of the law. Branching "
        "enters the law through f alone, depth not at all.",
        columns=(
            Column("label", "learner"),
            Column("symbol", "size"),
            Column("level", "level l"),
            Column("predicted_exponent", "predicted k", "exponent"),
            Column("exponent", "measured k", "exponent"),
            Column("low", "from", "exponent"),
            Column("high", "to", "exponent"),
            Column("num_points", "values"),
            Column("note", "note"),
        ),
    ),
    TableText(
        name="collapse",
        title="Spread of the prefactors",
        caption="Largest over smallest measured / predicted threshold of all languages, with its interval, and what "
        "the noise of the seeds alone stays below in 97.5 percent of cases. A perfect collapse: 1.",
        columns=(
            Column("label", "learner"),
            Column("level", "level l"),
            Column("languages", "languages"),
            Column("spread", "largest / smallest", "ratio"),
            Column("low", "from", "ratio"),
            Column("high", "to", "ratio"),
            Column("seeds_alone", "seeds alone", "ratio"),
            Column("note", "note"),
        ),
    ),
    TableText(
        name="online_thresholds",
        title="One pass over fresh data",
        caption="Examples seen when the loss crosses half-way to level l, and over the size of fixed sets at which it "
        "does so.",
        columns=(
            Column("label", "learner"),
            Column("level", "level l"),
            *_MEASURED,
            Column("fixed", "P of fixed sets", "count"),
            Column("over_fixed", "seen / P", "ratio"),
            Column("over_low", "from", "ratio"),
            Column("over_high", "to", "ratio"),
            Column("note", "note"),
        ),
    ),
    TableText(
        name="zipf_tokens",
        title="What Zipf rules change for the last token",
        caption="Examples after which the correlations that reveal each level come out of the sampling noise, exact "
        "for the study's grammars and averaged over them (geometric mean), with Zipf rules at level 1 and with equal "
        "ones. Derived here: one path or two pass these rules, so that each threshold moves by another factor.",
        columns=(
            Column("zipf", "Zipf a"),
            Column("level", "level l"),
            Column("num_examples", "Zipf rules", "count"),
            Column("equal_rules", "equal rules", "count"),
            Column("over_equal", "Zipf / equal", "ratio"),
            Column("step_over_equal", "P_l / P_(l-1), Zipf / equal", "ratio"),
        ),
    ),
    TableText(
        name="zipf_falls",
        title="How the class error falls",
        caption="Exponent k of error ~ P^-k from where the error is below half of chance's to where only the rarer "
        "half of the rules is unknown; a = 0 are equal rules, fitted over the same errors. Beside the law a / (1 + a) "
        "stands the exponent that the law with its finite number of rules has at the same sizes.",
        columns=(
            Column("zipf", "rules' a"),
            Column("compared_with", "law's a"),
            Column("predicted_exponent", "a / (1 + a)", "exponent"),
            Column("finite_exponent", "with m rules", "exponent"),
            Column("exponent", "measured k", "exponent"),
            Column("low", "from", "exponent"),
            Column("high", "to", "exponent"),
            Column("first", "from P", "count"),
            Column("last", "to P", "count"),
            Column("note", "note"),
        ),
    ),
)

REPORT = StudyReport(figures=FIGURES, captions=_CAPTIONS, tables=_TABLES, interactive=interactive_collapse)
