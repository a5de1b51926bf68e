"""Sample complexities: the measured thresholds against the number of rules m, and against the predicted ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from syntagma.report import panels, style
from syntagma.studies.study import Analysis

_SIDESTEP = 0.02
"""Points of different learners at one m stand this far apart (in ln m), so that their error bars can be told apart."""


def thresholds_against_rules(analysis: Analysis) -> Figure:
    """Threshold P_l against m, one panel per level l: points are measured, thin lines the laws, thick ones the fits."""
    with style.applied():
        table = analysis.tables["thresholds"]
        levels = sorted(int(level) for level in table["level"].unique())
        figure, all_axes = panels.panelled(len(levels), share=False)
        figure.suptitle(f"{analysis.title}: thresholds against the number of rules", x=0.01, ha="left")
        for axes, level in zip(all_axes, levels, strict=True):
            _draw_level(axes, analysis, level)
        panels.name_axes(all_axes, "rules per symbol m", "threshold $P_l$ (training examples)")
        panels.legend_below(figure, [[handle] for handle in _laws_legend(analysis)])
        panels.settle(figure)
        return figure


def measured_against_predicted(analysis: Analysis) -> Figure:
    """Every threshold that has both a prediction and a measurement, with the diagonal."""
    with style.applied():
        table = panels.finite(analysis.tables["thresholds"], "predicted", "measured")
        figure, (axes,) = panels.panelled(1, share=False)
        figure.suptitle(f"{analysis.title}: measured against predicted", x=0.01, ha="left")
        x_limits = panels.limits(table["predicted"], 1.6)
        y_limits = panels.limits([*table["predicted"], *table["measured"], *table["high"]], 1.6)
        axes.set(xscale="log", yscale="log", xlim=x_limits, ylim=y_limits)
        panels.examples_axis(axes, "x")
        panels.examples_axis(axes, "y")
        _draw_diagonals(axes, (table["measured"] / table["predicted"]).to_numpy())
        for row in panels.each_row(table):
            look = {"color": style.learner_colour(row.learner), "marker": style.level_marker(row.level)}
            _draw_point(axes, row.predicted, row, look)
        axes.set_xlabel("predicted threshold $P_l$ (training examples)")
        axes.set_ylabel("measured threshold (training examples)")
        if table.empty:
            _say(axes, "no threshold has both a prediction and a measurement")
        figure.legend(handles=_scatter_legend(analysis, table), loc="outside right center")
        panels.settle(figure)
        return figure


def _draw_level(axes: Axes, analysis: Analysis, level: int) -> None:
    measured_at = panels.rules(analysis)
    table = panels.finite(panels.where(analysis.tables["thresholds"], level=level), "measured")
    predictions = panels.finite(panels.where(analysis.tables["predictions"], level=level), "num_examples")
    axes.set_title(f"level {level}")
    panels.plain_log_axis(axes, "x", measured_at)
    axes.set_xlim(measured_at[0] / 1.18, measured_at[-1] * 1.18)
    axes.set_yscale("log")
    _draw_laws(axes, predictions)
    handles = []
    present = panels.learners(analysis)
    for place, (learner, label) in enumerate(present.items()):
        mine = panels.where(table, learner=learner)
        if mine.empty:
            continue
        growth = _growth(analysis, learner, level)
        colour = style.learner_colour(learner)
        _draw_fit(axes, mine, growth, colour)
        for row in panels.each_row(mine):
            sidestep = math.exp(_SIDESTEP * (place - (len(present) - 1) / 2))
            _draw_point(axes, row.rules * sidestep, row, {"color": colour, "marker": "o"})
        text = label if growth is None else f"{label}: {_power(growth)}"
        handles.append(Line2D([], [], color=colour, linewidth=1.8, marker="o", markersize=5, label=text))
    low, high = panels.limits([*table["measured"], *table["low"], *table["high"], *predictions["num_examples"]], 1.5)
    axes.set_ylim(low, high * (high / low) ** (0.11 * len(handles) + 0.02))  # room for the legend above the points
    panels.examples_axis(axes, "y")
    if handles:
        axes.legend(handles=handles, loc="upper left", borderaxespad=0.1, handlelength=1.6)
    else:
        _say(axes, "not reached by any learner")


def _growth(analysis: Analysis, learner: str, level: int) -> Any | None:
    """The row of the fitted growth, or None where it could not be fitted."""
    fits = panels.finite(panels.where(analysis.tables["growth"], learner=learner, level=level), "exponent")
    return next(panels.each_row(fits), None)


def _power(growth: Any) -> str:
    """`m^2.9 [2.6, 3.2], law m^3` as mathematical text."""
    interval = f" [{growth.low:.1f}, {growth.high:.1f}]" if math.isfinite(growth.low + growth.high) else ""
    law = f", law $m^{{{growth.predicted_exponent:g}}}$" if math.isfinite(growth.predicted_exponent) else ""
    return f"$m^{{{growth.exponent:.1f}}}$" + interval + law


def _draw_fit(axes: Axes, table: pd.DataFrame, growth: Any | None, colour: str) -> None:
    """The power law with the fitted exponent through the logarithmic mean of the points."""
    if growth is None or len(table) < 2:
        return
    m = table["rules"].to_numpy(dtype=float)
    slope = growth.exponent_with_factor  # of P_l as drawn; the legend's exponent is of P_l (1 - f)
    log_factor = np.mean(np.log(table["measured"].to_numpy(dtype=float)) - slope * np.log(m))
    ends = np.array([m.min(), m.max()])
    axes.plot(ends, np.exp(log_factor) * ends**slope, color=colour, linewidth=1.8, alpha=0.55, zorder=3)


def _draw_laws(axes: Axes, predictions: pd.DataFrame) -> None:
    """The predicted laws; dashes alternate where two of them agree at every m."""
    lines: dict[tuple[tuple[float, float], ...], list[str]] = {}
    for law in predictions["law"].unique():
        rows = panels.each_row(panels.where(predictions, law=law).sort_values("rules"))
        points = tuple((float(row.rules), round(float(row.num_examples), 6)) for row in rows)
        lines.setdefault(points, []).append(law)
    for points, laws in lines.items():
        ends = points if len(points) > 1 else [(m * factor, x) for m, x in points for factor in (0.95, 1.05)]
        for turn, law in enumerate(laws):
            axes.plot(
                *zip(*ends, strict=True), color=style.law_colour(law), linewidth=1.5, zorder=2,
                linestyle=panels.taking_turns(turn, len(laws)), dash_capstyle="butt",
            )  # fmt: skip


def _draw_point(axes: Axes, x: float, row: Any, look: dict[str, Any]) -> None:
    """A measured threshold at `x` with its interval, where it has one; an arrow where the interval is open above."""
    if math.isfinite(row.low):
        end = row.high if math.isfinite(row.high) else 1.9 * row.measured
        axes.plot([x, x], [row.low, end], color=look["color"], linewidth=1.1, zorder=4, solid_capstyle="butt")
        if row.high == math.inf:
            axes.plot([x], [end], marker="^", color=look["color"], markersize=4, linestyle="none", zorder=4)
    axes.plot([x], [row.measured], markersize=6.5, markeredgecolor="white", markeredgewidth=0.8, zorder=5, **look)


def _draw_diagonals(axes: Axes, ratios: np.ndarray) -> None:
    """Measured = predicted, and the powers of ten times it that enclose the points, named at the line's end."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    least, most = (math.floor(np.log10(ratios.min())), math.ceil(np.log10(ratios.max()))) if len(ratios) else (0, 0)
    for power in range(min(0, least), max(0, most) + 1):
        factor = 10.0**power
        begin, end = max(left, bottom / factor), min(right, top / factor)
        if begin * 1.5 > end:
            continue
        look = {"color": style.INK, "linewidth": 1.2} if power == 0 else {"color": style.FAINT, "linewidth": 0.9}
        axes.plot([begin, end], [begin * factor, end * factor], zorder=1, **look)
        name = "measured = predicted" if power == 0 else f"{factor:g} × predicted"
        at_top = end * factor > top * 0.999
        axes.annotate(
            name, xy=(end, end * factor), xytext=(0, 3) if at_top else (3, 0), textcoords="offset points",
            ha="center" if at_top else "left", va="bottom" if at_top else "center", fontsize=8,
            color=style.INK if power == 0 else style.SOFT_INK, annotation_clip=False,
        )  # fmt: skip


def _laws_legend(analysis: Analysis) -> list[Artist]:
    handles: list[Artist] = [
        Line2D([], [], color=style.law_colour(law), linestyle=(0, (4, 2)), linewidth=1.4, label=f"predicted, {law}")
        for law in analysis.tables["predictions"]["law"].unique()
    ]
    handles.append(Line2D([], [], color=style.SOFT_INK, linewidth=1.8, alpha=0.55, label="fitted power of m"))
    handles.append(Line2D([], [], color=style.SOFT_INK, marker="o", linestyle="none", label="measured, with interval"))
    return handles


def _scatter_legend(analysis: Analysis, table: pd.DataFrame) -> list[Artist]:
    shown = {learner: label for learner, label in panels.learners(analysis).items() if learner in set(table["learner"])}
    handles: list[Artist] = [
        Line2D([], [], color=style.learner_colour(learner), linewidth=5, label=label)
        for learner, label in shown.items()
    ]
    for level in sorted(int(level) for level in table["level"].unique()):
        marker = style.level_marker(level)
        handles.append(Line2D([], [], color=style.SOFT_INK, marker=marker, linestyle="none", label=f"level {level}"))
    return handles


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=style.SOFT_INK)
