"""Figures of the further experiments: other trainings, random sets of templates, the grid, heads, and words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from syntagma.plot import Axis, Band, Empty, Figure, Law, Level, Line, Mark, Panel, Points, heat_panel
from syntagma.plot.intervals import interval_points
from syntagma.studies.abstract_symbols import titles
from syntagma.studies.abstract_symbols.contenders import PLAIN, REPAIRED
from syntagma.studies.abstract_symbols.measured import Measured
from syntagma.studies.abstract_symbols.predictions import random_needed
from syntagma.studies.abstract_symbols.tables import HEAD_NAMES, words_rows


def further_figures(measured: Measured) -> Iterator[Figure]:
    """Those of the experiments that the settings ask for."""
    settings = measured.settings
    if settings.ablations is not None:
        yield _ablations(measured)
    if settings.random_sets is not None:
        yield _random(measured)
    if settings.grid is not None:
        yield _grid(measured)
    if settings.inside is not None:
        yield _heads(measured)
    if settings.words is not None:
        yield _words(measured)


def _ablations(measured: Measured) -> Figure:
    chosen, panels = measured.settings.ablations, []
    assert chosen is not None
    for family in chosen.families:
        marks: list[Mark] = [Level(measured.half_way(family), "half-way", key="plateau")]
        learners = {PLAIN: measured.settings.plain().label, **{n: one.label for n, one in chosen.learners.items()}}
        for place, (name, label) in enumerate(learners.items()):
            curve = measured.wrong.get((family, name))
            if curve is not None:
                band, key = curve.band(), PLAIN if name == PLAIN else f"series {place}"
                if len(curve.losses) > 1:
                    marks.append(Band(band.num_examples, 1 - band.high, 1 - band.low, key=key))
                marks.append(Line(band.num_examples, 1 - band.mean, marker="o", key=key, label=label))
        if len(marks) == 1:
            marks = [Empty("No learner has been trained on this task yet.")]
        x = Axis("training strings", "log", ticks=measured.settings.sizes)
        panels.append(Panel(family, x, Axis("accuracy on unseen symbols", limits=(-0.03, 1.05)), marks))
    caption = (
        "Accuracy on symbols never seen of the plain transformer, of the same network with its read-out alone trained "
        "(the kernel at finite width), and started from mimetic weights. Bands: the smallest to the largest of the "
        "seeds."
    )
    return Figure("other-trainings", titles.trainings_title(measured), tuple(panels), caption)


def _random(measured: Measured) -> Figure:
    chosen = measured.settings.random_sets
    assert chosen is not None
    needed = random_needed(measured.settings, measured.facts)
    means = [np.exp(np.mean([np.log(needed[count, d]) for d in range(chosen.draws)])) for count in chosen.counts]
    marks: list[Mark] = [Law(chosen.counts, means, key="kernel", label="K_trans, slowest direction half learned")]
    for name in chosen.learners:
        curves = [(count, measured.random.get((count, name))) for count in chosen.counts]
        points = [(count, curve.crossing(0.25)) for count, curve in curves if curve is not None]
        points = [(count, one) for count, one in points if np.isfinite(one.value)]
        if points:
            marks.append(interval_points(points, key=name, label=measured.settings.learners[name].label))
    x = Axis("templates of a set", "log", ticks=chosen.counts)
    caption = (
        "Training strings for an accuracy of 3/4 on symbols never seen, of random sets of templates with random "
        "labels, against the number of templates: means over sets with intervals of 95 %, bounds where a curve does "
        "not come there. Dashed: strings after which the slowest direction of the transformer kernel is half learned."
    )
    panel = Panel("", x, Axis("training strings", "log"), marks)
    return Figure("random-templates", "Random sets of templates", (panel,), caption)


def _grid(measured: Measured) -> Figure:
    chosen, table = measured.settings.grid, measured.part("grid")
    assert chosen is not None
    panels = []
    rows = [f"depth {layers}, {heads} heads" for layers in chosen.layers for heads in chosen.heads]
    for width in chosen.widths if len(table) else ():
        values = [
            [_accuracy(table, rate, layers, heads, width) for rate in chosen.rates]
            for layers in chosen.layers
            for heads in chosen.heads
        ]
        rates = [f"{rate:g}" for rate in chosen.rates]
        panels.append(
            heat_panel(values, rows, rates, title=f"width {width}", x="learning rate", unit="accuracy", limits=(0, 1))
        )
    caption = (
        f"Accuracy on symbols never seen after {chosen.num_examples} strings of {chosen.family}, the mean over seeds, "
        "of the plain transformer at every point of the grid."
    )
    empty = Panel("", marks=(Empty("Not run yet."),))
    return Figure("grid", "Learning rate, depth, heads and width", tuple(panels) or (empty,), caption)


def _accuracy(table: Any, rate: float, layers: int, heads: int, width: int) -> float:
    same = (table["rate"] == rate) & (table["layers"] == layers) & (table["heads"] == heads) & (table["width"] == width)
    return float(table.loc[same, "unseen_accuracy"].mean())


def _heads(measured: Measured) -> Figure:
    """The head nearest to a multiple of the identity after training, before and after; one scale for both."""
    panels = []
    for (family, _), shown in measured.shown.items():
        for name, head in shown.items():
            size = len(head["maps"]["after"])
            places = [str(i) for i in range(size)]
            for when in ("before", "after"):
                title = f"{family}: {HEAD_NAMES[name]} {when}, cos {head[when]:.2f}"
                panels.append(
                    heat_panel(head["maps"][when], places, places, title=title, limits=(-1, 1), diverging=True)
                )
    caption = (
        "The maps of a head as they act on normalised inputs, each over its largest entry: of the scores, W_K^T W_Q, "
        "and of the answers, W_O W_V, in the first network of each task, of the head that is nearest to a multiple of "
        "the identity after training; cos is the cosine of the angle between the matrix and the identity."
    )
    empty = Panel("", marks=(Empty("No network was kept yet."),))
    return Figure("heads", titles.heads_title(measured), tuple(panels) or (empty,), caption, columns=2)


def _words(measured: Measured) -> Figure:
    rows = list(words_rows(measured))
    marks: list[Mark] = []
    places = list(range(len(rows)))
    for column, key, label in (("plain", PLAIN, "without a, b"), ("repaired", REPAIRED, "with a, b")):
        if rows:
            marks.append(Points(places, [row[column] for row in rows], key=key, label=label))
    x = Axis("frequency rank of the word", "category", categories=tuple(row["band"] for row in rows))
    caption = (
        "Test loss on the words of a text by how often they occur in its training part, of the decoder without and "
        "with a, b at equal compute: means over seeds. The differences with their intervals are in the table."
    )
    if not rows:
        return Figure("words", "Words by frequency", (Panel("", marks=(Empty("Not run yet."),)),), caption)
    panel = Panel("", x, Axis("test loss (nats a word)"), marks)
    return Figure("words", "Words by frequency", (panel,), caption)
