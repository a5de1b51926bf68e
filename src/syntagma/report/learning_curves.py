"""The main figure: test loss against training examples, over what the grammar and the theory say beforehand.

One panel per number of rules m. Horizontal lines are the exact plateaus L_l of the grammars that were drawn (mean over
them), the lowest the oracle. Vertical dashes between L_(l-1) and L_l stand where a law puts the threshold P_l. A
diamond is a measured threshold: where the mean over seeds crosses half-way between L_(l-1) and L_l.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Annotation

from syntagma.report import panels, style
from syntagma.studies.study import Analysis

_BACKING = {"boxstyle": "square,pad=0.08", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}


def learning_curves(analysis: Analysis) -> Figure:
    """Test loss (nats) against the number of training examples P, one panel per m."""
    with style.applied():
        measured_at = panels.rules(analysis)
        figure, all_axes = panels.panelled(len(measured_at), share=True)
        figure.suptitle(f"{analysis.title}: learning curves", x=0.01, ha="left")
        names: list[Annotation] = []
        x_limits, y_limits = panels.curve_limits(analysis)
        for axes, m in zip(all_axes, measured_at, strict=True):
            axes.set_xscale("log")
            axes.set_xlim(*x_limits)
            panels.examples_axis(axes, "x")
            panels.plain_log_axis(axes, "y", panels.round_ticks(y_limits))
            axes.set_ylim(*y_limits)
            axes.set_title(f"m = {m} rules per symbol")
            heights = panels.plateaus(analysis, m)
            draw_plateaus(axes, heights)
            names += draw_predictions(axes, panels.predicted_steps(analysis, m), heights)
            draw_curves(axes, panels.rows_of(analysis, "curves", m))
            draw_thresholds(axes, panels.rows_of(analysis, "thresholds", m), heights)
        panels.name_axes(all_axes, "training examples P (sentences)", "test loss of the last token (nats)")
        panels.legend_below(figure, _legend_columns(analysis))
        panels.settle(figure)
        panels.move_apart(names)
        return figure


def rescaled_curves(analysis: Analysis) -> Figure:
    """What is left of the step from L_(l-1) to L_l against P over the predicted threshold, one panel per level."""
    curves, thresholds = analysis.tables["curves"], analysis.tables["thresholds"]
    with style.applied():
        levels = sorted(int(level) for level in thresholds["level"].unique()) or [1]
        figure, all_axes = panels.panelled(len(levels), share=False)
        figure.suptitle(f"{analysis.title}: rescaled curves", x=0.01, ha="left")
        for axes, level in zip(all_axes, levels, strict=True):
            for row in panels.each_row(panels.finite(panels.where(thresholds, level=level), "predicted")):
                heights = panels.plateaus(analysis, row.rules)
                curve = panels.where(curves, learner=row.learner, rules=row.rules).sort_values("num_examples")
                left = (curve["loss_nats"] - heights[level]) / (heights[level - 1] - heights[level])
                marker = style.level_marker(1 + panels.rules(analysis).index(row.rules))
                look = {"color": style.learner_colour(row.learner), "marker": marker, "markersize": 4}
                axes.plot(curve["num_examples"] / row.predicted, left, linewidth=1.1, **look)
            axes.axhspan(0, 1, color=style.FAINT, alpha=0.35, linewidth=0, zorder=0)
            axes.axhline(0.5, color=style.PLATEAU, linewidth=0.8, zorder=1)
            axes.set(xscale="log", ylim=(-0.6, 1.6))
            panels.examples_axis(axes, "x")
            axes.set_title(f"level {level}")
        panels.name_axes(all_axes, "P / predicted $P_l$", "share of the step left")
        who: list[Artist] = [
            Line2D([], [], color=style.learner_colour(learner), linewidth=4, label=label)
            for learner, label in panels.learners(analysis).items()
        ]
        at: list[Artist] = [
            Line2D([], [], color=style.SOFT_INK, linestyle="none", marker=style.level_marker(1 + i), label=f"m = {m}")
            for i, m in enumerate(panels.rules(analysis))
        ]
        panels.legend_below(figure, [[handle] for handle in [*who, *at]])
        panels.settle(figure)
        return figure


def half_way(heights: dict[int, float], level: int) -> float:
    """The loss that defines the measured threshold of `level`, in nats."""
    return (heights[level - 1] + heights[level]) / 2


def draw_plateaus(axes: Axes, heights: dict[int, float]) -> None:
    """The lines, and their names at the right margin, moved apart where lines are close."""
    oracle = max(heights, default=0)
    for level, height in heights.items():
        heavy = (
            {"color": style.INK, "linewidth": 1.5} if level == oracle else {"color": style.PLATEAU, "linewidth": 0.8}
        )
        axes.axhline(height, zorder=1, **heavy)
    low, high = axes.get_ylim()
    to_fraction = axes.transAxes.inverted()
    wished = [to_fraction.transform(axes.transData.transform((axes.get_xlim()[1], h)))[1] for h in heights.values()]
    placed = panels.spread(wished, gap=0.056)
    for (level, height), at in zip(heights.items(), placed, strict=True):
        if not low <= height <= high:
            continue
        name = f"$L_{{{level}}}$" + (" oracle" if level == oracle else "")
        axes.annotate(
            name, xy=(1, height), xycoords=("axes fraction", "data"), xytext=(1.03, at), textcoords="axes fraction",
            va="center", ha="left", fontsize=8.5, annotation_clip=False,
            fontweight="bold" if level == oracle else "normal", color=style.INK if level == oracle else style.SOFT_INK,
            arrowprops={"arrowstyle": "-", "color": style.PLATEAU, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 0},
        )  # fmt: skip


def draw_predictions(
    axes: Axes, steps: list[tuple[int, float, pd.DataFrame]], heights: dict[int, float]
) -> list[Annotation]:
    """Each predicted threshold as the step it predicts; where two laws agree, their dashes alternate. Their names."""
    names = []
    for (level, examples, laws), side in zip(steps, _sides([level for level, _, _ in steps]), strict=True):
        colours = [style.law_colour(law) for law in laws["law"]]
        for turn, colour in enumerate(colours):
            axes.plot(
                [examples] * 2, [heights[level - 1], heights[level]], color=colour, linewidth=1.5, zorder=2,
                linestyle=panels.taking_turns(turn, len(colours)), dash_capstyle="butt",
            )  # fmt: skip
        shift = {"center": 0, "right": 3, "left": -3}[side]
        name = axes.annotate(
            f"$P_{{{level}}}$", xy=(examples, heights[level]), xytext=(shift, -3.5), ha=side, va="top", zorder=6,
            textcoords="offset points", fontsize=8.5, bbox=_BACKING,
            color=colours[0] if len(colours) == 1 else style.SOFT_INK,
        )  # fmt: skip
        names.append(name)
    return names


def _sides(levels: list[int]) -> list[str]:
    """Which side of its name stands at each step: two names of one level stand on their outer sides."""
    after = [*levels[1:], None]
    before = [None, *levels[:-1]]
    return [
        "right" if level == following else "left" if level == preceding else "center"
        for level, following, preceding in zip(levels, after, before, strict=True)
    ]


def draw_curves(axes: Axes, curves: pd.DataFrame) -> None:
    """The mean over seeds of each learner, over the band of its seeds."""
    for learner, curve in curves.groupby("learner", sort=False):
        curve = panels.finite(curve, "num_examples", "loss_nats").sort_values("num_examples")
        colour = style.learner_colour(str(learner))
        band = panels.finite(curve, "low", "high")
        axes.fill_between(
            band["num_examples"], band["low"], band["high"], color=colour, alpha=0.18, linewidth=0, zorder=3
        )
        axes.plot(curve["num_examples"], curve["loss_nats"], zorder=4, **curve_look(colour))


def draw_thresholds(axes: Axes, thresholds: pd.DataFrame, heights: dict[int, float]) -> None:
    """Each measured threshold half-way between its plateaus, with its interval."""
    for row in panels.each_row(panels.finite(thresholds, "measured")):
        if row.level not in heights or row.level - 1 not in heights:
            continue
        colour = style.learner_colour(row.learner)
        height = half_way(heights, row.level)
        if math.isfinite(row.low):
            end = row.high if math.isfinite(row.high) else 1.9 * row.measured
            axes.plot([row.low, end], [height] * 2, color=colour, linewidth=1.4, solid_capstyle="butt", zorder=5)
            if row.high == math.inf:  # open above
                axes.plot([end], [height], marker=">", color=colour, markersize=4, linestyle="none", zorder=5)
        axes.plot([row.measured], [height], zorder=6, **threshold_look(colour))


def curve_look(colour: str) -> dict[str, Any]:
    """How a learning curve is drawn."""
    return {"color": colour, "linewidth": 1.6, "marker": "o", "markersize": 3.6, "markeredgewidth": 0}


def threshold_look(colour: str) -> dict[str, Any]:
    """How a measured threshold is drawn."""
    look = {"markersize": 7.5, "markeredgecolor": "white", "markeredgewidth": 1.0}
    return {"color": colour, "marker": "D", "linestyle": "none", **look}


def _legend_columns(analysis: Analysis) -> list[list[Artist]]:
    """Who is drawn; how it was measured; the laws; what is exact."""
    who: list[Artist] = [
        Line2D([], [], label=label, **curve_look(style.learner_colour(learner)))
        for learner, label in panels.learners(analysis).items()
    ]
    seeds = sorted({int(n) for n in analysis.tables["curves"]["num_seeds"]})
    number = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else "".join(map(str, seeds))
    measured: list[Artist] = [] if seeds == [1] else [Patch(color="#d0d5da", label=f"band over {number} seeds")]
    measured.append(Line2D([], [], label="measured threshold", **threshold_look(style.SOFT_INK)))
    laws: list[Artist] = [
        Line2D([], [], color=style.law_colour(law), linewidth=1.5, linestyle=(0, (4, 2)), label=f"predicted, {law}")
        for law in analysis.tables["predictions"]["law"].unique()
    ]
    exact: list[Artist] = [
        Line2D([], [], color=style.PLATEAU, linewidth=0.8, label="exact plateau $L_l$"),
        Line2D([], [], color=style.INK, linewidth=1.5, label="oracle"),
    ]
    return [who, measured, laws, exact]
