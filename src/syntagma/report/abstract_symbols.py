"""What the report of the abstract-symbols study shows: its figures, its tables, its interactive figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from syntagma.report.abstract_panels import copying_by_width, data_saved, language_model, substitutions
from syntagma.report.study_report import StudyReport, TableText
from syntagma.report.tables import Column
from syntagma.report.unseen_symbols import accuracy_curves, interactive_accuracy, loss_curves
from syntagma.studies.study import Analysis

FIGURES: Mapping[str, Callable[[Analysis], Figure]] = {
    "unseen-symbols": accuracy_curves,
    "theory-and-networks": loss_curves,
    "data-saved": data_saved,
    "substitutions": substitutions,
    "copying": copying_by_width,
    "language-model": language_model,
}
"""By file name; the first is the main one."""

_CAPTIONS = {
    "unseen-symbols": (
        "Accuracy on strings made of symbols that training never shows, against the number of training strings; one "
        "panel a task, in the title its templates and labels. Where labels are numbers the sign is judged. Grey line: "
        "chance, the best answer that ignores the string. Dashed: what the certificate of the templates predicts for "
        "kernel regression, with nothing fitted. Networks stop training by their loss on symbols seen."
    ),
    "theory-and-networks": (
        "Squared error on strings of symbols never seen. Dashed: the certificate's prediction for regression with each "
        "kernel; squares: that regression, done; lines: networks on the same strings. Grey: r (K_self - N_tt) / s_min, "
        "the strings after which the slowest direction of the transformer kernel is half learned. Where N is as good "
        "as singular, the error of the sampled kernel, times the number of strings, exceeds the ridge: squares leave "
        "the prediction."
    ),
    "data-saved": (
        "How many times more training strings the transformer needs without trainable identities than with them, for "
        "an accuracy on unseen symbols half-way between chance and 1. Whiskers: bootstrap over seeds; arrows: bounds, "
        "where a curve does not cross half-way within the sizes measured."
    ),
    "substitutions": (
        "Accuracy on unseen symbols when training strings, their number fixed, come from so many distinct "
        "substitutions of each template. Bands: smallest to largest of the seeds."
    ),
    "copying": (
        "Copying one symbol, read out by the symbols' embeddings: accuracy on symbols never seen against the width of "
        "the embedding, without and with a trainable multiple b of the identity in each head's W_V W_O^T. Dashed: "
        "accuracy on symbols seen."
    ),
    "language-model": (
        "Next-character prediction by a causal decoder with and without a, b, after equal numbers of operations: test "
        "loss, a dot a seed, and the mean."
    ),
}

_TABLES = (
    TableText(
        name="certificates",
        title="Certificates: what theory predicts",
        caption="For each task and learner: whether strings of unseen symbols are to be answered, why, the smallest "
        "singular value of the template matrix N with its 95 percent interval, and the strings it takes to learn the "
        "slowest direction half. A dash: no kernel stands for this learner.",
        columns=(
            Column("family", "task"),
            Column("label", "learner"),
            Column("predicted", "unseen symbols"),
            Column("reason", "because"),
            Column("smallest", "s_min of N", "ratio"),
            Column("smallest_low", "from", "ratio"),
            Column("smallest_high", "to", "ratio"),
            Column("strings", "strings", "count"),
            Column("source", "source"),
        ),
    ),
    TableText(
        name="activations",
        title="The same kernel with other activations",
        caption="K_trans with each phi after the attention: the smallest eigenvalue of N with its 95 percent interval, "
        "and the strings it takes, without ridge, to learn the slowest direction half. Where labels are symbols, "
        "whether the templates can be told apart, which is not all that naming a symbol takes.",
        columns=(
            Column("family", "task"),
            Column("activation", "phi"),
            Column("outcome", "predicted"),
            Column("smallest", "s_min of N", "ratio"),
            Column("smallest_low", "from", "ratio"),
            Column("smallest_high", "to", "ratio"),
            Column("strings", "strings", "count"),
        ),
    ),
    TableText(
        name="needed",
        title="Data needed",
        caption="Training strings at which the accuracy on unseen symbols crosses half-way between chance and 1.",
        columns=(
            Column("family", "task"),
            Column("label", "learner"),
            Column("value", "strings", "count"),
            Column("low", "from", "count"),
            Column("high", "to", "count"),
            Column("note", "note"),
        ),
    ),
    TableText(
        name="kernels",
        title="Theory against measurement",
        caption="Training strings at which three quarters of the squared error on unseen symbols are gone: predicted "
        "for kernel regression by the certificate, and measured.",
        columns=(
            Column("family", "task"),
            Column("label", "learner"),
            Column("predicted", "predicted", "count"),
            Column("value", "measured", "count"),
            Column("low", "from", "count"),
            Column("high", "to", "count"),
            Column("note", "note"),
        ),
    ),
)

REPORT = StudyReport(figures=FIGURES, captions=_CAPTIONS, tables=_TABLES, interactive=interactive_accuracy)
