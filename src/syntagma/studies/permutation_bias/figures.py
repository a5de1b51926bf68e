"""Figures of the study: learning curves, spectra, examples needed, networks' kernels, sources."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from syntagma.curves import LearningCurve, mean
from syntagma.plot import Axis, Empty, Figure, Law, Level, Line, Mark, Panel, Points, spectrum_panel
from syntagma.plot.intervals import interval_points
from syntagma.studies.permutation_bias import titles
from syntagma.studies.permutation_bias.further_figures import further_figures
from syntagma.studies.permutation_bias.measured import NAMES, Measured
from syntagma.studies.permutation_bias.tables import (
    complexity_rows,
    spectra_of_blocks,
    spectrum_rows,
    symmetry_rows,
)

_FINE = 96
"""Points of a theory curve."""


def figures(measured: Measured) -> Iterator[Figure]:
    """All figures; the first is the main one."""
    yield _curve_figure(measured, shifted=False)
    yield _spectrum_figure(measured)
    yield _complexity_figure(measured)
    yield _width_figure(measured)
    yield _curve_figure(measured, shifted=True)
    yield from further_figures(measured)
    yield _symmetry_figure(measured)


def _curve_figure(measured: Measured, shifted: bool) -> Figure:
    """Test error against training examples, one panel a representation: theory, kernel regression, networks."""
    settings, curves = measured.settings, measured.shifted if shifted else measured.errors
    fine = np.geomspace(min(settings.sizes) / 1.5, max(settings.sizes) * 1.5, _FINE)
    panels = []
    for name in NAMES:
        marks: list[Mark] = [Level(1.0, "the mean", key="plateau")]
        expected = measured.predicted(name, fine, shifted)
        if expected is not None:
            marks.append(Line(fine, expected, key="ink", label="theory"))
        for place, learner in enumerate(("kernel", *(f"width {width}" for width in settings.networks))):
            curve = curves.get((learner, name))
            if curve is not None:
                marks.append(
                    _mean_points(curve, place, "kernel regression" if learner == "kernel" else f"networks, {learner}")
                )
        y = Axis("test error / variance" + (", shifted tokens" if shifted else ""), "log")
        panels.append(Panel(name, Axis("training examples n", "log"), y, marks))
    caption = (
        "Test error of targets in four representations of the permutations of positions, over their variance, against "
        "the number n of training examples. Lines: theory, from the exact spectrum of the kernel. Points: kernel "
        "regression, and the mean of finite networks drawn from their posterior, less what finite chains add, of "
        "targets scaled down (networks adapt to strong ones): means with intervals of 95 % over training sets. The "
        "grey line at 1 is what predicting the mean gives."
    )
    if shifted:
        caption = (
            "The same regressions, tested on tokens with other probabilities. Lines: theory, with the second moments "
            "of every mode under the new distribution, by enumerating all sequences. Points: means with intervals of "
            "95 % over training sets."
        )
        return Figure("shifted", titles.curves_title(measured, True), panels, caption, columns=2, share="xy")
    return Figure("learning-curves", titles.curves_title(measured, False), panels, caption, columns=2, share="xy")


def _mean_points(curve: LearningCurve, place: int, label: str) -> Points:
    means = [mean(column[~np.isnan(column)]) for column in curve.losses.T]
    low, high = [max(one.low, 0.0) for one in means], [one.high for one in means]
    key = "cnn" if place == 0 else f"series {place}"
    return Points(curve.num_examples, [one.value for one in means], low, high, key=key, label=label)


def _spectrum_figure(measured: Measured) -> Figure:
    """Eigenvalues by representation beside their trace bounds, one panel a block."""
    spectra, panels = spectra_of_blocks(measured.settings, measured.facts), []
    rows = list(spectrum_rows(spectra))
    floor = 1e-7 * max((row["bound"] for row in rows), default=1.0)
    for block in spectra:
        own = {name: [row for row in rows if (row["block"], row["representation"]) == (block, name)] for name in NAMES}
        values, errors = (
            {name: [row[column] for row in own[name]] for name in NAMES} for column in ("eigenvalue", "error")
        )
        bounds = {name: own[name][0]["bound"] for name in NAMES}
        panels.append(spectrum_panel(values, errors=errors, bounds=bounds, floor=floor, title=block))
    caption = (
        "Eigenvalues of the kernel of each block, by representation, each repeated as often as the representation's "
        "dimension. Black bars: the bound trace / dimension. A block that has no eigenvalue in a representation "
        "cannot learn such targets from any number of examples. Softmax attention has no closed form: its kernel is "
        "sampled, bars are standard errors, and levels below theirs are left out."
    )
    panels = panels or [Panel("", marks=(Empty("No spectrum is computed yet."),))]
    return Figure("spectrum", titles.spectrum_title(measured), panels, caption, share="y")


def _complexity_figure(measured: Measured) -> Figure:
    """Examples for half of the target's variance, against context length: measured, exact theory, trace bound."""
    panels, growth = [], list(complexity_rows(measured.settings, measured.facts))
    for place, (name, lengths) in enumerate(measured.settings.lengths.items()):
        own = [row for row in growth if row["representation"] == name]
        x = [row["length"] for row in own]
        halves = [(n, half) for n in lengths if (half := measured.halves.get((name, n))) and half.measured]
        marks: list[Mark] = [
            Line(x, [row["half_error"] for row in own], key="ink", label="theory, exact spectrum"),
            Law(x, [row["trace_bound"] for row in own], key="ink", label="least that the trace bound allows"),
            interval_points(halves, key=f"series {place + 1}", label="measured" if place == 0 else ""),
        ]
        exponent = measured.exponent(name)
        told = f"measured $T^{{{exponent.value:.1f}}}$" if exponent.measured else "no exponent measured"
        title = f"{name}: {told if len(halves) > 2 else 'too few lengths for an exponent'}"
        x_axis = Axis("context length T", "log", ticks=lengths)
        y_axis = Axis("examples to half of the variance", "log")
        panels.append(Panel(title, x_axis, y_axis, marks))
    caption = (
        "Training examples at which the test error is half of the target's variance, against the context length T: "
        "measured with intervals of 95 % over training sets, and from the exact spectrum. Dashed: fewer cannot do, "
        "since no eigenvalue exceeds trace / dimension."
    )
    return Figure("sample-complexity", titles.complexity_title(measured), panels, caption, share="y")


def _width_figure(measured: Measured) -> Figure:
    """Squared relative deviation of random networks' kernels from their limit, against width."""
    widths, values = measured.settings.widths, measured.deviations()
    complete = ~np.isnan(values).any(axis=0)
    if not complete.any():
        return Figure("width", "Approach to the limit", (Panel("", marks=(Empty("No network is drawn yet."),)),))
    x, values = np.asarray(widths, float)[complete], values[:, complete]
    means = [mean(column) for column in values.T]
    middle = float(np.exp(np.log([one.value for one in means]).mean() + np.log(x).mean()))
    low, high = [max(one.low, 0.0) for one in means], [one.high for one in means]
    marks = (
        Points(np.tile(x, len(values)), values.ravel(), key="series 1", size=0.4, label="one network"),
        Points(x, [one.value for one in means], low, high, key="cnn", label="mean, interval of 95 %"),
        Law(x, middle / x, label="slope -1"),
    )
    slope = measured.width_slope()
    x_axis, y_axis = Axis("width (units and heads)", "log", ticks=widths), Axis("squared relative deviation", "log")
    told = f"fitted slope {slope}" if len(x) > 2 else f"{len(x)} widths: no slope"
    panel = Panel(told, x_axis, y_axis, marks)
    caption = (
        "Squared relative distance (Frobenius norm) between the kernel of the last layer's features of one random "
        "network and its infinite-width limit, over 64 random sequences; heads, of size 4, are as many as units."
    )
    return Figure("width", titles.width_title(measured), (panel,), caption)


def _symmetry_figure(measured: Measured) -> Figure:
    """Permutation symmetry of a source in windows, and the splitting of its largest multiplet."""
    rows = list(symmetry_rows(measured))
    sources = list(dict.fromkeys(row["source"] for row in rows))
    panels = []
    for title, value, low, high in (
        ("symmetric share of |C|$^2$", "fraction", "fraction_low", "fraction_high"),
        ("the same, between positions", "between", "low", "high"),
    ):
        marks: list[Mark] = []
        for place, source in enumerate(sources):
            own = [row for row in rows if row["source"] == source]
            if value == "between" and source == "shuffled":
                own = [row for row in own if row["high"] - row["low"] < 1.0]  # nothing is left there to be shared
            windows, shares, lows, highs = ([row[column] for row in own] for column in ("window", value, low, high))
            marks.append(Points(windows, shares, lows, highs, key=f"series {place}", label=source))
        x = Axis("window T (tokens)", "log", ticks=sorted({row["window"] for row in rows}))
        panels.append(Panel(title, x, Axis("", limits=(-0.05, 1.12)), marks))
    largest = max((row["window"] for row in rows), default=0)
    split: list[Mark] = [Level(1.0, key="plateau")]
    for place, source in enumerate(sources):
        for row in (row for row in rows if row["source"] == source and row["window"] == largest):
            shown = np.maximum(np.asarray(row["multiplet"], float) / max(row["eigenvalue"], 1e-12), 1e-4)
            split.append(Points([place] * len(shown), shown, marker="_", key=f"series {place}"))
    names = [source.replace(" language", "") for source in sources]
    title = f"one (T-1,1) multiplet / its mean, T = {largest}"
    panels.append(Panel(title, Axis("", "category", categories=names), Axis("", "log"), split))
    caption = (
        "Share of the squared norm of the covariance of one-hot tokens that is symmetric under permutations of "
        "positions, the sampling floor removed, in all and between different positions only, with intervals of 95 %; "
        "and the eigenvalues of the largest multiplet of (T-1,1), which are equal for a symmetric source. Shuffled "
        "and sorted tokens are extremes. Between shuffled tokens almost no dependence is left to be shared, so its "
        "interval may be too wide to show."
    )
    return Figure("source-symmetry", titles.symmetry_title(measured), panels, caption)
