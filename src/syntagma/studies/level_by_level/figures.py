"""Figures of the study: curves, what layers ignore, whom networks predict like, classes, correlations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from syntagma.plot import (
    Axis,
    Band,
    Empty,
    Figure,
    Law,
    Level,
    Line,
    Mark,
    Panel,
    Points,
    VerticalLine,
    learning_curves,
)
from syntagma.plot.intervals import interval_points
from syntagma.studies import grammar
from syntagma.studies.level_by_level import titles
from syntagma.studies.level_by_level.measured import ERROR_LEFT, Measured, where


def figures(measured: Measured) -> Iterator[Figure]:
    """All figures; the first is the main one."""
    settings, panels = measured.settings, []
    for m in settings.rules:
        curves = {name: curve for (name, rules), curve in measured.curves.items() if rules == m}
        if curves:
            heights = next(iter(curves.values())).plateaus.mean(0)
            exactly = grammar.exact_predictions(measured.facts, settings.languages(m), settings.depth, heights)
            panels.append(grammar.level_panel(curves, settings.depth, exactly, title=f"m = {m} rules per symbol"))
    caption = (
        "Test loss of the last token against the number of training examples P, with weight sharing and without. "
        "Horizontal lines: the exact losses L_l of a reader who knows the grammar and uses the s^l - 1 tokens before "
        "the last; the lowest is the oracle. Dash-dotted: where signal = sampling noise puts the threshold P_l, by the "
        "exact correlations of these grammars; dotted: the same times the one factor that fits the learner it was "
        "derived for, written above the panel. Diamonds: where the seeds come "
        "half-way between two plateaus, with the interval of 95 %."
    )
    panels = panels or [Panel(marks=(Empty("No run of the last token is finished."),))]
    yield learning_curves(panels, title=titles.curves_title(measured), caption=caption)
    yield _inside_figure(measured)
    yield _observer_figure(measured)
    yield _class_figure(measured)
    yield _correlation_figure(measured)


def _by_network(measured: Measured, table: pd.DataFrame, y: Axis, marks: Any) -> list[Panel]:
    """A row of two panels a learner, at the smallest m: against P the best networks, against steps the largest P."""
    m, panels = measured.settings.rules[0], []
    for name in measured.settings.learners:
        rows = where(table, learner=name, rules=m)
        largest = measured.settings.sizes[-1]
        for part, x, axis in (
            (where(rows, kept="best"), "num_examples", "training examples P"),
            (where(rows, num_examples=largest), "step", f"training step at P = {largest:,}, plus 1"),
        ):
            drawn = list(marks(part, name, m, x)) if len(part) else [Empty("No network was probed.")]
            panels.append(Panel(measured.label(name), Axis(axis, "log"), y, drawn))
    return panels


def _inside_figure(measured: Measured) -> Figure:
    def marks(part: pd.DataFrame, name: str, m: int, x: str) -> Iterator[Mark]:
        for level in sorted(part["level"].unique()):
            spread: Any = where(part, level=level).groupby(x)["ignored"].agg(["mean", "min", "max"])
            places, key = spread.index.to_numpy(float) + (x == "step"), f"level {level}"
            yield Band(places, spread["min"], spread["max"], key=key)
            yield Line(places, spread["mean"], marker="o", key=key, label=key)
            line = measured.threshold(name, m, int(level) + 1)
            if x == "num_examples" and line.measured:
                yield VerticalLine(line.value, key=key, label="measured $P_{l+1}$" if level == 1 else "")

    y = Axis("synonyms ignored (0 to 1)", limits=(-0.12, 1.02))
    caption = (
        "How far the last layer is on the way from reacting to a synonym as to another symbol (0) to ignoring it (1): "
        "(c_rule - c_symbol) / (1 - c_symbol), c the cosine of whitened activations before and after the change of "
        "the node beside the last one of its level. Left: the best network of every P; dashes: the measured P_(l+1), "
        "from which level l must be known. Right: along training at the largest P. Bands: the smallest to the largest "
        f"of the seeds. m = {measured.settings.rules[0]}; the others are in the tables."
    )
    panels = _by_network(measured, measured.inside, y, marks)
    return Figure("invariance", titles.invariance_title(measured), panels, caption, columns=2, share="y")


def _observer_figure(measured: Measured) -> Figure:
    def marks(part: pd.DataFrame, name: str, m: int, x: str) -> Iterator[Mark]:
        for level in sorted(part["level"].unique()):
            rows: Any = where(part, level=level).groupby(x)["nats"].mean()
            places = rows.index.to_numpy(float) + (x == "step")
            yield Line(places, rows, marker="o", key=f"level {level}", label=f"observer of level {level}")

    caption = (
        "Distance of the network's prediction of the last token to the exact posterior of an observer who knows the "
        "grammar up to level l and sees the s^l - 1 tokens before it: the lowest line says which level is learned. "
        f"Mean over seeds. Left: the best network of every P. Right: along training. m = {measured.settings.rules[0]}."
    )
    panels = _by_network(measured, measured.observers, Axis("distance to observer (nats)", "log"), marks)
    return Figure("observers", titles.observers_title(measured), panels, caption, columns=2, share="y")


def _class_figure(measured: Measured) -> Figure:
    """Class errors with seed dots, and P* over the predicted one."""
    settings, left, right = measured.settings, list[Mark](), list[Mark]()
    left.append(Level(ERROR_LEFT, "a tenth of chance"))
    for place, m in enumerate(settings.root_class.rules):
        values = []
        for turn, n in enumerate(settings.root_class.classes):
            curve = measured.classes.get((m, n))
            if curve is None:
                continue
            key, band = f"series {place}", curve.band()
            floor = 0.5 / settings.test_examples
            shown = np.maximum(band.mean, floor)
            left.append(Line(band.num_examples, shown, marker="os^D"[turn % 4], key=key, label=f"m = {m}, $n_c$ = {n}"))
            dots = np.maximum(curve.losses, floor)
            left += [
                Points(curve.num_examples, row, key=key, size=0.4, marker="os^D"[turn % 4], hover={"seed": seed})
                for seed, row in zip(curve.seeds, dots, strict=True)
            ]
            star = measured.class_threshold(m, n)
            if math.isfinite(star.value):
                values.append((n * 1.03**place, star.scaled(1 / measured.predicted_class(m, n))))
        if values:
            right.append(interval_points(values, key=f"series {place}", label=f"m = {m}"))
    grid = settings.root_class
    stars = {n: star for n in grid.rules_of_class() if (star := measured.fixed_root_threshold(n)).measured}
    if stars:
        fixed = [(n / 1.03, star.scaled(1 / measured.predicted_fixed_root(n))) for n, star in stars.items()]
        label = f"m = {grid.rules[-1]}, {grid.root_rules} rules at the root"
        right.append(interval_points(fixed, key=f"series {len(grid.rules)}", label=label))
    if measured.classes:
        few = f"< 1/{settings.test_examples:,}"
        left.append(Level(0.5 / settings.test_examples, few, key="plateau", dash="dashed"))
    classes = settings.root_class.classes
    points = [mark for mark in right if isinstance(mark, Points)]
    ends = [end for mark in points for end, bound in zip(mark.high, mark.bound, strict=True) if not bound]
    most = max((end for end in ends if math.isfinite(end)), default=5.0)  # that of a bound would squeeze the others
    if right:
        right.append(Law(classes, [1.0] * len(classes), label="measured = predicted"))
    else:
        right.append(Empty("No class has come to a tenth of chance's error."))
    panels = (
        Panel("error against P", Axis("training examples P", "log"), Axis("test error over chance's", "log"), left),
        Panel(
            "P* over the predicted",
            Axis("classes $n_c$", "log", ticks=classes),
            Axis("measured / predicted $P^*$", "log", limits=(None, 2 * most)),
            right,
        ),
    )
    caption = (
        "Left: test error of the class at the root over that of chance, against P: mean over seeds with a dot for "
        f"each; an error of zero in {settings.test_examples} sentences is drawn as half of one. The line is the tenth "
        "of chance that defines P*. Right: P* over where exact correlations with the class stand out of the noise, "
        "with the interval of 95 %, triangles where only a bound is known; one height for all is predicted."
        + (" In one series all classes together have a fixed number of rules, however many they are." if stars else "")
    )
    return Figure("class-curves", titles.classes_title(measured), panels, caption, columns=2)


def _correlation_figure(measured: Measured) -> Figure:
    table, panels = measured.correlations, []
    keys = {"token": "attention", "symbol": "transformer", "tuple": "cnn"}
    for m in measured.settings.rules:
        marks: list[Mark] = []
        rows = where(table, rules=m)
        for place, (kind, key) in enumerate(keys.items(), start=-1):
            one = where(rows, kind=kind)
            covariances = one["squared_covariance"] / one["floor"]
            marks.append(Points(one["level"] + 0.1 * place, covariances, key=key, label=f"last token with a {kind}"))
            means: Any = one.groupby("level")[["ensemble", "floor"]].mean()
            marks.append(Law(means.index + 0.1 * place, means["ensemble"] / means["floor"], key=key))
        signal: Any = rows["squared_covariance"] / rows["floor"]
        marks += [
            Level(10.0**-power, f"P = $10^{power}$", key="plateau")
            for power in range(1, 10)
            if signal.min() / 2 < 10.0**-power < 2 * signal.max()
        ]
        x = Axis("level l at which the two meet", ticks=sorted(set(rows["level"])))
        y = Axis("squared covariance / floor of one sentence", "log")
        panels.append(Panel(f"m = {m} rules per symbol", x, y, marks))
    caption = (
        "Squared covariances of the last token with tokens, symbols and tuples that it meets at level l: exact for "
        "each grammar drawn (points) and on average over grammars (dashes). Horizontal lines: what P sentences of "
        "independent variables show. Correlations above a line are resolved by that P."
    )
    return Figure("correlations", titles.correlations_title(measured), panels, caption)
