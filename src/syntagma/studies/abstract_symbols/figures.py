"""Figures of the study: answers on symbols never seen, theory beside networks, and the further experiments."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

from syntagma.curves import LearningCurve
from syntagma.languages.templates.baselines import chance, without_comparing
from syntagma.plot import Axis, Band, Empty, Figure, Law, Level, Line, Mark, Panel, Points, VerticalLine, dot_panel
from syntagma.studies.abstract_symbols import titles
from syntagma.studies.abstract_symbols.contenders import PLAIN, REPAIRED
from syntagma.studies.abstract_symbols.further_figures import further_figures
from syntagma.studies.abstract_symbols.measured import Measured
from syntagma.studies.abstract_symbols.predictions import certificates_rows, predicted_curves

_TITLE_CHARACTERS = 40
_STRINGS = "training strings"


def figures(measured: Measured) -> Iterator[Figure]:
    """All figures; the first is the main one."""
    yield _accuracies(measured)
    yield _losses(measured)
    yield _saved(measured)
    yield _substitutions(measured)
    yield _copying(measured)
    yield from further_figures(measured)
    yield _text(measured)


def _accuracies(measured: Measured) -> Figure:
    settings, panels = measured.settings, []
    predicted = predicted_curves(settings, measured.found)
    for family, templates in settings.families.items():
        low = min(chance(templates) - 0.1, 0.0) if chance(templates) < 0.4 else 0.35
        marks: list[Mark] = [Level(chance(templates), "chance", key="plateau")]
        if (without := without_comparing(templates)) > chance(templates) + 1e-9:
            marks.append(Level(without, "copying", key="plateau"))
        drawn = list(_curves_of(measured, family, predicted, "accuracy"))
        marks = [*marks, *drawn] if drawn else [Empty("No learner has been trained on this task yet.")]
        y = Axis("accuracy on unseen symbols", limits=(low, 1.04))
        panels.append(Panel(_heading(measured, family), Axis(_STRINGS, "log", ticks=settings.sizes), y, marks))
    caption = (
        "Accuracy on strings made of symbols that training never shows, against the number of training strings; one "
        "panel a task, in the title its templates and labels. Where labels are numbers the sign is judged. Grey "
        "lines: chance, the best answer that ignores the string, and the best one that compares no symbols but may "
        "copy that of a fixed place (copying). Where labels are symbols, networks that cannot name one never seen are "
        "left out. Dashed: what the certificate of the templates predicts for kernel regression, with nothing fitted; "
        "where N is as good as singular, the error of the sampled kernel exceeds the ridge, and the regression done "
        "(its points) leaves the prediction. Networks stop training by their loss on symbols seen. Bands: the smallest "
        "to the largest of the seeds."
    )
    return Figure("unseen-symbols", titles.accuracies_title(measured), panels, caption)


def _losses(measured: Measured) -> Figure:
    """Squared error on symbols never seen: theory, kernel regression done, networks."""
    settings, panels = measured.settings, []
    predicted = predicted_curves(settings, measured.found)
    needed = {(row["family"], row["learner"]): row["strings"] for row in certificates_rows(settings, measured.found)}
    for family, templates in settings.families.items():
        if templates.symbolic:
            continue
        marks: list[Mark] = []
        strings = needed.get((family, "kernel"), math.nan)
        if settings.sizes[0] < strings < settings.sizes[-1]:
            marks.append(VerticalLine(strings, key="plateau", name="$r \\Delta / s_{min}$", dash="dotted"))
        marks += _curves_of(measured, family, predicted, "loss")
        y = Axis("squared error on unseen symbols", "log")
        panels.append(Panel(_heading(measured, family), Axis(_STRINGS, "log", ticks=settings.sizes), y, marks))
    caption = (
        "Squared error on strings of symbols never seen. Dashed: the certificate's prediction for regression with "
        "each kernel; points without a line: that regression, done; lines: networks on the same strings. Dotted: r "
        "(K_self - N_tt) / s_min, the strings after which the slowest direction of the transformer kernel is half "
        "learned. Where N is as good as singular, the error of the sampled kernel, times the number of strings, "
        "exceeds the ridge: points leave the prediction."
    )
    panels = panels or [Panel("", marks=(Empty("No task has labels that are numbers."),))]
    columns = 2 if len(panels) in (2, 4) else 3
    return Figure("theory-and-networks", titles.losses_title(measured), panels, caption, columns)


def _curves_of(measured: Measured, family: str, predicted: Any, what: Literal["accuracy", "loss"]) -> Iterator[Mark]:
    """What each learner reaches on a task, and what its certificate predicts."""
    curves = measured.wrong if what == "accuracy" else measured.losses
    for learner in measured.settings.known(family):
        curve = curves.get((family, learner))
        if curve is not None:
            yield from _measured_marks(measured, learner, curve, what)
        if (family, learner) in predicted:
            sizes, losses, right = predicted[family, learner]
            height = right if what == "accuracy" else losses
            label = f"predicted, {measured.settings.learners[learner].label}"
            yield Law(sizes, height, key=learner, label=label)


def _measured_marks(measured: Measured, learner: str, curve: LearningCurve, what: str) -> Iterator[Mark]:
    """A network as a line over its band, a kernel regression as points with the range of its seeds."""
    band, label = curve.band(), measured.settings.learners[learner].label
    low, middle, high = band.low, band.mean, band.high
    if what == "accuracy":  # the curve is of what is wrong
        low, middle, high = 1 - high, 1 - middle, 1 - low
    if "kernel" in learner:
        yield Points(band.num_examples, middle, low, high, key=learner, label=label, filled=False)
        return
    if len(curve.losses) > 1:
        yield Band(band.num_examples, low, high, key=learner)
    yield Line(band.num_examples, middle, marker="o", key=learner, label=label)


def _heading(measured: Measured, family: str) -> str:
    """The task and its templates, as many as a title has room for."""
    written = [text.replace("->", "→") for text in measured.settings.families[family].templates]
    text = written[0]
    for place, more in enumerate(written[1:], start=2):
        if len(text) + len(more) + len(family) > _TITLE_CHARACTERS:
            return f"{family}: {text}, and {len(written) - place + 1} more"
        text = f"{text}, {more}"
    return f"{family}: {text}"


def _saved(measured: Measured) -> Figure:
    saved = {family: measured.saved(family) for family in measured.settings.families}
    x = "strings needed without a, b, over those with them"
    caption = (
        "How many times more training strings the transformer needs without trainable identities than with them, for "
        "an accuracy on unseen symbols half-way to 1 from the best answer that compares no symbols, with intervals of "
        "95 % over seeds; arrows and triangles: bounds, where a curve does not come half-way within the sizes "
        "measured."
    )
    panel = dot_panel(saved, x=x, key=REPAIRED)
    return Figure("data-saved", titles.saved_title(measured), (panel,), caption)


def _substitutions(measured: Measured) -> Figure:
    table: Any = measured.part("substitutions")
    marks: list[Mark] = []
    for learner in table["learner"].unique() if len(table) else ():
        rows = table[table["learner"] == learner]
        rows = rows.rename(columns={"num_examples": "strings", "substitutions": "num_examples"})
        marks += _spread(rows, learner, measured.settings.learners[learner].label)
    values, heights = (sorted(set(table["substitutions"])), table["unseen_accuracy"]) if len(table) else (None, ())
    x = Axis("distinct substitutions of each template", "log", ticks=values)
    caption = (
        "Accuracy on unseen symbols when training strings, their number fixed, come from so many distinct "
        "substitutions of each template. Bands: smallest to largest of the seeds."
    )
    y, nothing = (
        Axis("accuracy on unseen symbols", limits=(min(0.35, *heights) if len(heights) else 0, 1.05)),
        Empty("Not run: diversity is null."),
    )
    panel = Panel("", x, y, marks or [nothing])
    return Figure("substitutions", titles.substitutions_title(measured), (panel,), caption)


def _spread(rows: Any, key: str, label: str, metric: str = "unseen_accuracy", dash: str = "solid") -> Iterator[Mark]:
    curve = next(iter(LearningCurve.from_runs(rows, ["part"], metric).values()))
    band = curve.band()
    if dash == "solid" and len(curve.losses) > 1:
        yield Band(band.num_examples, band.low, band.high, key=key)
    yield Line(band.num_examples, band.mean, marker="o" if dash == "solid" else "", dash=dash, key=key, label=label)


def _copying(measured: Measured) -> Figure:
    table: Any = measured.part("copying")
    marks: list[Mark] = []
    for identity, key, label in ((False, PLAIN, "without b"), (True, REPAIRED, "with b")) if len(table) else ():
        rows = table[table["identity"] == identity]
        if len(rows):
            rows = rows.drop(columns="num_examples", errors="ignore").rename(columns={"width": "num_examples"})
            marks += _spread(rows, key, f"{label}, unseen symbols")
            marks += _spread(rows, key, f"{label}, seen symbols", "test_accuracy", "dashed")
    x = Axis("width of the embedding", "log", ticks=sorted(set(table["width"])) if len(table) else None)
    caption = (
        "Copying one symbol, read out by the symbols' embeddings: accuracy on symbols never seen against the width of "
        "the embedding, without and with a trainable multiple b of the identity in each head's W_V W_O^T. Dashed: "
        "accuracy on symbols seen. Bands: the smallest to the largest of the seeds."
    )
    panel = Panel("", x, Axis("accuracy", limits=(-0.03, 1.05)), marks or [Empty("Not run: copying is null.")])
    return Figure("copying", titles.copying_title(measured), (panel,), caption)


def _text(measured: Measured) -> Figure:
    panels = [_language_panel(measured, "text", "characters", "nats a character")]
    if measured.settings.words is not None:
        panels.append(_language_panel(measured, "words", "words", "nats a word"))
    caption = (
        "Next-token prediction by a causal decoder with and without a, b, after equal numbers of operations: test "
        "loss, a dot a seed, and the mean."
    )
    return Figure("language-model", titles.text_title(measured), tuple(panels), caption)


def _language_panel(measured: Measured, part: str, title: str, unit: str) -> Panel:
    table: Any = measured.part(part)
    marks: list[Mark] = []
    for place, (identity, key) in enumerate(((False, PLAIN), (True, REPAIRED))):
        rows = table[table["identity"] == identity] if len(table) else table
        if len(rows):
            losses = rows["test_loss"].to_numpy(float)
            marks.append(Points([place] * len(losses), losses, key=key, size=0.7, hover={"seed": list(rows["seed"])}))
            centre = float(losses.mean())
            marks.append(Line([place - 0.2, place + 0.2], [centre, centre], key=key, name=f"{centre:.3f} nats"))
    if not marks:
        marks = [Empty("Left out: no text was given. Add --set text=FILE to the command.")]
    x = Axis("", "category", categories=("without a, b", "with a, b"))
    return Panel(title, x, Axis(f"test loss ({unit})"), marks)
