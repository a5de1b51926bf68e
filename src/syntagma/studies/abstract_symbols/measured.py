"""From finished runs to curves on symbols never seen, the data needed, tables and claims.

The data a learner needs is the number of training strings at which a seed's accuracy on symbols never seen comes
half-way from chance to 1. Copying the first symbol, or answering the majority's, is above chance on some tasks; their
accuracies are not subtracted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from syntagma.curves import Claim, Interval, LearningCurve, PerSeed, mean, ratio, unmeasured
from syntagma.languages.templates import Templates
from syntagma.learners import KernelRegression
from syntagma.studies.abstract_symbols.predictions import (
    activations_rows,
    certificates,
    certificates_rows,
    predicted_curves,
    renamings_rows,
    ridge_of,
)
from syntagma.studies.abstract_symbols.settings import PLAIN, REPAIRED, AbstractSymbols
from syntagma.studies.schemas import LEARNER, SOURCE, Column, Schema, Table, interval_columns, measured_as
from syntagma.studies.study import Facts, Results
from syntagma.theory.templates import Certificate

LOSS_LEFT = 0.25
"""Share of the labels' mean square that is left where a direction is half learned: (1 - 1/2)^2."""
FINITE_ALPHABET = 0.1
"""What the certificate's curve, of an unlimited alphabet, may be off by with the alphabets of the presets."""


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        wrong: 1 - accuracy on symbols never seen, by family and learner, against the number of strings.
        losses: the squared error there.
        substitutions, copying: the runs of these experiments, one row each.
        text: the runs of the language model.
    """

    settings: AbstractSymbols
    facts: Facts
    found: Mapping[tuple[str, str], Certificate]
    runs: pd.DataFrame
    wrong: Mapping[tuple[str, str], LearningCurve]
    losses: Mapping[tuple[str, str], LearningCurve]

    def part(self, name: str) -> pd.DataFrame:
        """The runs of one experiment."""
        return self.runs.loc[(self.runs["part"] == name).to_numpy()] if len(self.runs) else self.runs

    def needed(self, family: str, learner: str) -> Interval:
        """Training strings for an accuracy half-way between chance and 1."""
        curve = self.wrong.get((family, learner))
        if curve is None:
            return unmeasured("not trained yet")
        return curve.crossing((1 - chance(self.settings.families[family])) / 2)

    def saved(self, family: str) -> Interval:
        """How many times more strings the transformer needs without identities than with them."""
        plain, repaired = self.wrong.get((family, PLAIN)), self.wrong.get((family, REPAIRED))
        if plain is None or repaired is None:
            return unmeasured("not trained yet")
        line = (1 - chance(self.settings.families[family])) / 2
        return ratio(plain, line, repaired, line)

    def three_quarters(self, family: str, learner: str) -> tuple[Interval, float]:
        """Strings at which three quarters of the squared error are gone, measured; and predicted, for kernels.

        Exactly where half of the label is learned, if it lies in one direction, as `Certificate.strings_needed` says of
        the direction that takes longest. The predicted curve is read at the sizes measured, in the same way.
        """
        curve, templates = self.losses.get((family, learner)), self.settings.families[family]
        if curve is None:
            return unmeasured("not trained yet"), math.nan
        line = LOSS_LEFT * float(templates.weights @ templates.labels**2)
        predicted, chosen = math.nan, self.settings.learners[learner].learner
        if isinstance(chosen, KernelRegression):
            sizes = curve.num_examples.astype(int).tolist()
            losses, _ = self.found[family, learner].predicted(sizes, ridge_of(chosen))
            low, high = (float(end[0]) for end in _ends(LearningCurve(curve.num_examples, losses[None]), line))
            predicted = math.exp(low) if low == high else 0.0 if low == -math.inf else math.inf
        return curve.crossing(line), predicted

    def kernels(self) -> Iterator[tuple[str, str]]:
        """Families and learners whose squared error is measured."""
        for family, templates in self.settings.families.items():
            yield from ((family, learner) for learner in (() if templates.symbolic else self.settings.known(family)))


def _ends(curve: LearningCurve, line: float) -> tuple[np.ndarray, np.ndarray]:
    crossings = curve.crossings(line)
    return crossings.low, crossings.high


def chance(templates: Templates) -> float:
    """Accuracy on symbols never seen of the best answer that does not depend on the string."""
    if not templates.symbolic:
        signs = np.sign(templates.labels)
        return float(max(templates.weights[signs == sign].sum() for sign in np.unique(signs)))
    kept = templates.labels < templates.num_regular
    shares = [templates.weights[templates.labels == label].sum() for label in np.unique(templates.labels[kept])]
    return float(max([*shares, templates.weights[~kept].sum() / templates.test_symbols]))


def measure(settings: AbstractSymbols, facts: Facts, results: Results) -> Measured:
    """Everything that tables, claims and figures need."""
    runs = results.table(settings.cells(), ["part"])
    strings = runs.loc[(runs["part"] == "strings").to_numpy()]
    by, curves = ["family", "learner"], []
    if len(strings):
        strings = strings.assign(wrong=1 - strings["unseen_accuracy"])
        curves = [LearningCurve.from_runs(strings, by, metric) for metric in ("wrong", "unseen_loss")]
    wrong, losses = curves or ({}, {})
    return Measured(settings, facts, certificates(settings, facts), runs, wrong, losses)  # pyright: ignore


_TASK = Column("family", "task", "text")
_NUMBERS = (
    Column("smallest", "s_min of N", "ratio"),
    Column("smallest_low", "from", "ratio"),
    Column("smallest_high", "to", "ratio"),
    Column("strings", "strings", "count"),
)
_CERTIFICATES = Schema(
    "certificates",
    "Certificates: what theory predicts",
    "For each task and learner: whether strings of unseen symbols are to be answered, why, the smallest singular "
    "value of the template matrix N with its 95 percent interval, and the strings it takes to learn the slowest "
    "direction half. A dash: no kernel stands for this learner.",
    (
        _TASK,
        LEARNER,
        Column("predicted", "unseen symbols", "text"),
        Column("reason", "because", "text"),
        *_NUMBERS,
        SOURCE,
    ),
)
_ACTIVATIONS = Schema(
    "activations",
    "The same kernel with other activations",
    "K_trans with each phi after the attention: the smallest eigenvalue of N with its 95 percent interval, and the "
    "strings it takes, without ridge, to learn the slowest direction half. Where labels are symbols, whether the "
    "templates can be told apart, which is not all that naming a symbol takes.",
    (_TASK, Column("activation", "phi", "text"), Column("predicted", "predicted", "text"), *_NUMBERS),
)
_RENAMINGS = Schema(
    "renamed",
    "Symbols renamed position by position",
    "How much each learner's kernel changes then: 0 for a perceptron, which cannot tell such strings apart.",
    (_TASK, LEARNER, Column("change", "relative change", "ratio")),
)
_PREDICTED = Schema(
    "predicted",
    "Predicted learning curves of kernel regression",
    "On symbols never seen, from the certificate alone.",
    (
        _TASK,
        LEARNER,
        Column("num_examples", "strings", "count"),
        Column("loss", "squared error", "ratio"),
        Column("accuracy", "accuracy", "ratio"),
    ),
)
_NEEDED = Schema(
    "needed",
    "Data needed",
    "Training strings at which the accuracy on unseen symbols comes half-way from chance to 1, with its interval of "
    "95 %.",
    (_TASK, LEARNER, Column("chance", "chance", "ratio"), *measured_as("strings", "count")),
)
_KERNELS = Schema(
    "kernels",
    "Theory against measurement",
    "Training strings at which three quarters of the squared error on unseen symbols are gone: predicted for kernel "
    "regression by the certificate, and measured, with its interval of 95 %.",
    (_TASK, LEARNER, Column("predicted", "predicted", "count"), *measured_as("measured", "count")),
)


def predictions(settings: AbstractSymbols, facts: Facts) -> Iterator[Table]:
    """The certificate of each task and learner, the curves it predicts, and the invariance of perceptrons."""
    found = certificates(settings, facts)
    yield _CERTIFICATES.table(certificates_rows(settings, found))
    yield _ACTIVATIONS.table(activations_rows(settings, facts))
    rows = []
    for (family, learner), (sizes, losses, accuracies) in predicted_curves(settings, found).items():
        names = {"family": family, "label": settings.learners[learner].label}
        numbers = zip(sizes, losses.tolist(), accuracies.tolist(), strict=True)
        rows += [names | {"num_examples": n, "loss": loss, "accuracy": right} for n, loss, right in numbers]
    yield _PREDICTED.table(rows)
    yield _RENAMINGS.table(renamings_rows(settings))


def tables(measured: Measured) -> Iterator[Table]:
    """What the page shows besides figures."""
    settings = measured.settings
    yield _CERTIFICATES.table(certificates_rows(settings, measured.found))
    yield _ACTIVATIONS.table(activations_rows(settings, measured.facts))
    yield _NEEDED.table(
        {"family": family, "learner": learner, "label": settings.learners[learner].label, "chance": chance(templates)}
        | interval_columns(measured.needed(family, learner))
        for family, templates in settings.families.items()
        for learner in settings.known(family)
    )
    rows = []
    for family, learner in measured.kernels():
        strings, predicted = measured.three_quarters(family, learner)
        known = {"family": family, "learner": learner, "label": settings.learners[learner].label}
        rows.append(
            known | {"predicted": predicted if math.isfinite(predicted) else math.nan, **interval_columns(strings)}
        )
    yield _KERNELS.table(rows)


def claims(measured: Measured) -> Iterator[Claim]:
    """All claims, in the order in which they are read."""
    yield from _answers(measured)
    yield from _kernel_claims(measured)
    source = "arXiv 2310.09753, section 6"
    for family in measured.settings.families:
        if {PLAIN, REPAIRED} <= set(measured.settings.known(family)):
            text = f"{family}: the transformer needs more strings without a, b than with them"
            yield Claim(text, "factor > 1", measured.saved(family), "above", 1.0, source)
    yield from _diversity_claims(measured)
    yield from _copying_claims(measured)
    yield _text_claim(measured)


def _answers(measured: Measured) -> Iterator[Claim]:
    """Each learner at its largest number of strings: above half-way from chance to 1, or not."""
    settings = measured.settings
    for row in certificates_rows(settings, measured.found):
        curve = measured.wrong.get((row["family"], row["learner"]))
        if curve is None:
            continue
        right = PerSeed.exact(1 - curve.losses[:, -1][~np.isnan(curve.losses[:, -1])]).interval()
        half = (1 + chance(settings.families[row["family"]])) / 2
        rule = {"generalises": "above", "does not": "below"}.get(row["predicted"], "finding")
        shown = f"accuracy {right} after {curve.num_examples[-1]:.0f} strings (half-way from chance: {half:.2f})"
        text = f"{row['family']}: the {row['label']} answers strings of symbols never seen"
        yield Claim(text, row["predicted"], right, rule, half, row["source"], shown=shown)  # pyright: ignore


def _kernel_claims(measured: Measured) -> Iterator[Claim]:
    """Where kernel regression learns, against the certificate's curve."""
    for family, learner in measured.kernels():
        strings, predicted = measured.three_quarters(family, learner)
        if math.isnan(predicted):
            continue
        label = measured.settings.learners[learner].label
        text = f"{family}: strings at which {label} has lost three quarters of its squared error on unseen symbols"
        source = "theory.templates, f at finite n"
        if math.isinf(predicted):
            last = measured.losses[family, learner].num_examples[-1]
            yield Claim(text, f"more than {last:.0f}", strings, "above", float(last), source)
        elif predicted == 0:
            yield Claim(text, "fewer than the smallest size", strings, source=source)
        else:
            near = strings.near(predicted, FINITE_ALPHABET)
            yield Claim(text, f"{predicted:.0f}, give or take a tenth", strings, "equals", near, source, resolution=4.0)


def _diversity_claims(measured: Measured) -> Iterator[Claim]:
    """More distinct substitutions, better answers on symbols never seen."""
    table: Any = measured.part("substitutions")
    for learner in (PLAIN, REPAIRED):
        rows = table[table["learner"] == learner] if len(table) else table
        if not len(rows):
            continue
        few, many = rows["substitutions"].min(), rows["substitutions"].max()
        gain = difference(rows, "substitutions", many, few, "unseen_accuracy")
        text = f"{rows['family'].iloc[0]}: the {rows['label'].iloc[0]} gains accuracy on unseen symbols from "
        text += f"{int(many)} instead of {int(few)} substitutions a template"
        yield Claim(text, "difference > 0", gain, "above", 0.0, "arXiv 2310.09753, section 3")


def _copying_claims(measured: Measured) -> Iterator[Claim]:
    """Inverse scaling without b, and its repair."""
    table: Any = measured.part("copying")
    if not len(table):
        return
    source, metric = "arXiv 2310.09753, section 4", "unseen_accuracy"
    narrow, wide = int(table["width"].min()), int(table["width"].max())
    plain, repaired = (table[table["identity"] == identity] for identity in (False, True))
    text = f"copying without b: accuracy on unseen symbols falls from width {narrow} to {wide}"
    yield Claim(text, "difference > 0", difference(plain, "width", narrow, wide, metric), "above", 0.0, source)
    best: Any = int(plain.groupby("width")[metric].mean().idxmax()) if len(plain) else narrow
    if best not in (narrow, wide):
        text = f"copying without b: accuracy on unseen symbols falls from its best, at width {best}, to width {wide}"
        yield Claim(text, "chosen after seeing it", difference(plain, "width", best, wide, metric), source=source)
    text = f"copying at width {wide}: accuracy on unseen symbols is larger with b than without"
    gain = difference(table[table["width"] == wide], "identity", True, False, metric)
    yield Claim(text, "difference > 0", gain, "above", 0.0, source)
    text = f"copying with b: accuracy on unseen symbols at width {wide} less that at {narrow}"
    yield Claim(text, "no prediction", difference(repaired, "width", wide, narrow, metric), source=source)


def _text_claim(measured: Measured) -> Claim:
    """Language modelling at equal compute."""
    text = "characters of a text: the decoder's loss is lower with a, b than without, at equal compute"
    table, source = measured.part("text"), "arXiv 2310.09753, section 6"
    if not len(table):
        gain, shown = unmeasured("no text was given: add --set text=FILE"), ""
    else:
        gain = difference(table, "identity", False, True, "test_loss")
        shown = f"{gain} nats a character"
    return Claim(text, "difference > 0", gain, "above", 0.0, source, shown=shown)


def difference(table: Any, column: str, more: Any, less: Any, metric: str) -> Interval:
    """Mean over seeds of the difference of `metric` between two values of `column`, paired by seed."""
    if not len(table):
        return unmeasured("not run")
    by_seed = table.pivot(index="seed", columns=column, values=metric)
    if more not in by_seed or less not in by_seed:
        return unmeasured("not run")
    values = (by_seed[more] - by_seed[less]).dropna().to_numpy(float)
    return mean(values) if len(values) else unmeasured("not run")
