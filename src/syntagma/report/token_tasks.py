"""Other ways to ask for tokens: all positions at once, and one hidden anywhere; beside their exact losses."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from syntagma.report import panels, style
from syntagma.report.learning_curves import draw_plateaus, half_way, threshold_look
from syntagma.studies.study import Analysis
from syntagma.studies.variations.verdicts import NEAR

_TASKS = {"next-token": ("trained on all positions", "#009E73"), "last-token": ("trained on the last", "#CC79A7")}


def all_positions(analysis: Analysis) -> Figure:
    """Left, the loss at the last position; right, the mean loss over all, with the exact mean entropy."""
    with style.applied():
        figure, (left, right) = panels.panelled(2, share=False)
        figure.suptitle(f"{analysis.title}: asked at all positions", x=0.01, ha="left")
        _draw_last(left, analysis)
        _draw_mean(right, analysis)
        handles = [
            Line2D([], [], color=colour, marker="o", markersize=3.6, linewidth=1.6, label=label)
            for label, colour in _TASKS.values()
        ]
        handles.append(Line2D([], [], label="measured threshold", **threshold_look(style.SOFT_INK)))
        exact = [
            Line2D([], [], color=style.PLATEAU, linewidth=0.8, label="exact plateau $L_l$"),
            Line2D([], [], color=style.INK, linewidth=1.5, label="exact posterior"),
            Patch(color="#d0d5da", label="band over seeds"),
        ]
        panels.legend_below(figure, [handles, exact])
        panels.settle(figure)
        return figure


def masked_token(analysis: Analysis) -> Figure:
    """Left, the loss of a hidden token between chance and the floor; right, what is left above the floor."""
    table = analysis.tables["masked"]
    with style.applied():
        figure, (left, right) = panels.panelled(2, share=False)
        figure.suptitle(f"{analysis.title}: a masked token", x=0.01, ha="left")
        for learner, curve in table.groupby("learner", sort=False):
            colour = style.learner_colour(str(learner))
            look = {"color": colour, "marker": "o", "markersize": 3.6, "linewidth": 1.6}
            for axes, columns in (
                (left, ("loss_nats", "low", "high")),
                (right, ("excess", "excess_low", "excess_high")),
            ):
                mean, low, high = (curve[name].astype(float) for name in columns)
                axes.fill_between(curve["num_examples"], low, high, color=colour, alpha=0.18, linewidth=0)
                axes.plot(curve["num_examples"], mean, **look)
        for axes in (left, right):
            axes.set(xscale="log", xlabel="training examples P")
        left.set_ylabel("test loss of the masked token (nats)")
        right.set(ylabel="loss above the exact posterior's (nats)", yscale="log")
        if len(table):
            _draw_bounds(left, right, float(table["chance"].iloc[0]), float(np.mean(table["floor"])))
        labels = dict(zip(table["learner"], table["label"], strict=True))
        handles = [
            Line2D([], [], color=style.learner_colour(name), marker="o", markersize=3.6, label=label)
            for name, label in labels.items()
        ]
        handles.append(Line2D([], [], color=style.PLATEAU, linewidth=0.9, label="nothing known"))
        handles.append(Line2D([], [], color=style.INK, linewidth=1.5, label="exact posterior"))
        near = Line2D(
            [], [], color=style.INK, linewidth=0.9, linestyle=(0, (4, 2)), label=f"near: {NEAR:.0%} of the gap"
        )
        panels.legend_below(figure, [[handle] for handle in [*handles, near]])
        panels.settle(figure)
        return figure


def _draw_last(axes: Axes, analysis: Analysis) -> None:
    curves = panels.where(analysis.tables["curves"], part="positions")
    thresholds = panels.where(analysis.tables["thresholds"], part="positions")
    axes.set_xscale("log")
    axes.set(xlabel="training examples P (sentences)", ylabel="test loss of the last token (nats)")
    axes.set_title("the last token")
    if curves.empty:
        return
    first = next(panels.each_row(curves))
    sizes = {name: getattr(first, name) for name in ("vocab", "rules", "branching", "depth")}
    plateaus = panels.where(analysis.tables["plateaus"], **sizes, zipf=0.0).sort_values("level")
    heights = dict(zip(plateaus["level"].astype(int), plateaus["loss_nats"].astype(float), strict=True))
    y_limits = panels.limits([*heights.values(), *curves["low"], 1.3 * max(heights.values())], 1.05)
    axes.set_xlim(*panels.limits(curves["num_examples"], 1.3))
    panels.examples_axis(axes, "x")
    panels.plain_log_axis(axes, "y", panels.round_ticks(y_limits))
    axes.set_ylim(*y_limits)
    draw_plateaus(axes, heights)
    for task, (_, colour) in _TASKS.items():
        curve = panels.where(curves, learner=task).sort_values("num_examples")
        axes.fill_between(curve["num_examples"], curve["low"], curve["high"], color=colour, alpha=0.18, linewidth=0)
        axes.plot(curve["num_examples"], curve["loss_nats"], color=colour, marker="o", markersize=3.6)
        for row in panels.each_row(panels.finite(panels.where(thresholds, learner=task), "measured")):
            height = half_way(heights, row.level)
            end = row.high if math.isfinite(row.high) else 1.9 * row.measured
            axes.plot([row.low, end], [height] * 2, color=colour, linewidth=1.4, zorder=5)
            axes.plot([row.measured], [height], zorder=6, **threshold_look(colour))


def _draw_mean(axes: Axes, analysis: Analysis) -> None:
    table, colour = analysis.tables["positions"], _TASKS["next-token"][1]
    axes.set(xscale="log", xlabel="training examples P (sentences)", ylabel="mean test loss of all positions (nats)")
    axes.set_title("all positions")
    if table.empty:
        return
    exact = float(table["mean_entropy"].iloc[0])
    axes.axhline(exact, color=style.INK, linewidth=1.5, zorder=1)
    axes.fill_between(table["num_examples"], table["low"], table["high"], color=colour, alpha=0.18, linewidth=0)
    axes.plot(table["num_examples"], table["loss_nats"], color=colour, marker="o", markersize=3.6)
    y_limits = panels.limits([exact, *table["low"], *table["high"]], 1.05)
    axes.set_xlim(*panels.limits(table["num_examples"], 1.3))
    panels.examples_axis(axes, "x")
    panels.plain_log_axis(axes, "y", panels.round_ticks(y_limits))
    axes.set_ylim(*y_limits)


def _draw_bounds(left: Axes, right: Axes, chance: float, floor: float) -> None:
    left.axhline(chance, color=style.PLATEAU, linewidth=0.9, zorder=1)
    left.axhline(floor, color=style.INK, linewidth=1.5, zorder=1)
    right.axhline(chance - floor, color=style.PLATEAU, linewidth=0.9, zorder=1)
    right.axhline(NEAR * (chance - floor), color=style.INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    for axes in (left, right):
        panels.examples_axis(axes, "x")
