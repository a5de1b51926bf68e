"""Thresholds against each size of the grammar, and all curves on one pair of axes."""

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

SIZES = {"vocab": "v", "rules": "m", "branching": "s", "depth": "L"}
WORDS = {
    "vocab": "symbols a level v",
    "rules": "rules a symbol m",
    "branching": "branching s",
    "depth": "depth L",
}
_PARAMETER_COLOURS = {"vocab": "#0072B2", "rules": "#D55E00", "branching": "#009E73", "depth": "#8E3B8E"}
SHARES = (-0.4, 1.5)
"""The shares of a step that are shown: above, a network has memorised; below, it is at the next level."""
_SIDESTEP = 0.03
"""Points of different learners at one size stand this far apart (in its logarithm)."""


def thresholds_against_sizes(analysis: Analysis) -> Figure:
    """P_l against v, m, s and L, the others as in the base: a row a level, a column a parameter."""
    with style.applied():
        shown, levels = parameters(analysis), growth_levels(analysis)
        figure, grid = panels.gridded(len(levels), len(shown))
        figure.suptitle(f"{analysis.title}: thresholds against its sizes", x=0.01, ha="left")
        for row, level in zip(grid, levels, strict=True):
            ends = _row_limits(analysis, level, shown)
            for axes, parameter in zip(row, shown, strict=True):
                axes.set(yscale="log", ylim=ends)
                panels.examples_axis(axes, "y")
                _draw_panel(axes, analysis, parameter, level)
            row[0].set_ylabel(f"threshold $P_{level}$ (examples)")
        for axes, parameter in zip(grid[-1], shown, strict=True):
            axes.set_xlabel(WORDS[parameter])
        panels.legend_below(figure, [[handle] for handle in _growth_legend(analysis)])
        panels.settle(figure)
        return figure


def collapsed_curves(analysis: Analysis) -> Figure:
    """What is left of the step from L_(l-1) to L_l against P over the predicted threshold, one panel a level."""
    thresholds = panels.where(analysis.tables["thresholds"], part="growth")
    with style.applied():
        levels = growth_levels(analysis)
        figure, all_axes = panels.panelled(len(levels), share=False)
        figure.suptitle(f"{analysis.title}: all curves on rescaled axes", x=0.01, ha="left")
        for axes, level in zip(all_axes, levels, strict=True):
            axes.axhspan(0, 1, color=style.FAINT, alpha=0.35, linewidth=0, zorder=0)
            axes.axhline(0.5, color=style.PLATEAU, linewidth=0.8, zorder=1)
            axes.axvline(1, color=style.PLATEAU, linewidth=0.8, zorder=1)
            places = [1.0]
            for row in panels.each_row(panels.finite(panels.where(thresholds, level=level), "predicted")):
                curve = rescaled(analysis, row)
                axes.plot(curve["x"], curve["left"], **_curve_look(analysis, row))
                places += list(curve["x"][curve["left"].between(*SHARES)])
            axes.set(xscale="log", ylim=SHARES, xlim=panels.limits(places, 1.3))
            panels.examples_axis(axes, "x")
            axes.set_title(_spread_title(analysis, level))
        panels.name_axes(all_axes, "P / predicted $P_l$", "share of the step left")
        panels.legend_below(figure, _collapse_legend(analysis))
        panels.settle(figure)
        return figure


def base_sizes(analysis: Analysis) -> dict[str, int]:
    """The sizes of the base language, which the predictions begin with."""
    first = analysis.tables["predictions"].iloc[0]
    return {name: int(first[name]) for name in SIZES}


def language_rows(table: pd.DataFrame, sizes: dict[str, int], **more: object) -> pd.DataFrame:
    """The rows of one language."""
    return panels.where(table, **sizes, **more)


def parameters(analysis: Analysis) -> list[str]:
    """The parameters that were varied."""
    table, base = analysis.tables["predictions"], base_sizes(analysis)
    return [name for name in SIZES if set(table[name]) != {base[name]}] or ["rules"]


def growth_levels(analysis: Analysis) -> list[int]:
    """The levels whose thresholds were asked for."""
    return sorted(int(level) for level in analysis.tables["predictions"]["level"].unique())


def along(table: pd.DataFrame, analysis: Analysis, parameter: str) -> pd.DataFrame:
    """The rows of languages that differ from the base in `parameter` alone, ascending in it."""
    rest = {name: value for name, value in base_sizes(analysis).items() if name != parameter}
    return language_rows(table, rest).sort_values(parameter)


def varied(analysis: Analysis, row: Any) -> str:
    """Which parameter of a row's language is not the base's; "" for the base."""
    return next((name for name, value in base_sizes(analysis).items() if getattr(row, name) != value), "")


def growth_learners(analysis: Analysis) -> dict[str, str]:
    """The label of each learner whose growth was measured."""
    table = panels.where(analysis.tables["thresholds"], part="growth")
    return dict(zip(table["learner"], table["label"], strict=True))


def rescaled(analysis: Analysis, row: Any) -> pd.DataFrame:
    """The curve that belongs to a row of the thresholds: x = P / P_l predicted, the share `left` of the step, P."""
    sizes = {name: getattr(row, name) for name in SIZES}
    curve = language_rows(analysis.tables["curves"], sizes, part="growth", learner=row.learner)
    plateaus = language_rows(analysis.tables["plateaus"], sizes, zipf=0.0)
    above, below = (float(panels.where(plateaus, level=k)["loss_nats"].iloc[0]) for k in (row.level - 1, row.level))
    curve = curve.sort_values("num_examples")
    left = (curve["loss_nats"] - below) / (above - below)
    return pd.DataFrame(
        {"x": curve["num_examples"] / row.predicted, "left": left, "num_examples": curve["num_examples"]}
    )


def language_name(analysis: Analysis, row: Any) -> str:
    """`base`, or what differs from it, as `m = 4`."""
    parameter = varied(analysis, row)
    return f"{SIZES[parameter]} = {getattr(row, parameter)}" if parameter else "base"


def parameter_colour(parameter: str) -> str:
    """The colour of languages that differ from the base in that parameter; ink for the base itself."""
    return _PARAMETER_COLOURS.get(parameter, style.INK)


def _row_limits(analysis: Analysis, level: int, shown: list[str]) -> tuple[float, float]:
    table = panels.where(analysis.tables["thresholds"], part="growth", level=level)
    predicted = panels.where(analysis.tables["predictions"], level=level)["num_examples"]
    low, high = panels.limits([*table["measured"], *table["low"], *table["high"], *predicted], 1.5)
    lines = max(len(growth_learners(analysis)), 1)
    return low, high * (high / low) ** (0.12 * lines + 0.04)  # room for the exponents


def _draw_panel(axes: Axes, analysis: Analysis, parameter: str, level: int) -> None:
    predictions = along(panels.where(analysis.tables["predictions"], level=level), analysis, parameter)
    values = sorted({*_others(analysis, parameter), base_sizes(analysis)[parameter]})  # the same in all rows
    panels.plain_log_axis(axes, "x", values)
    spread = max(values[-1] / values[0], 1.3) ** 0.12
    axes.set_xlim(values[0] / spread, values[-1] * spread)
    for law, rows in predictions.groupby("law", sort=False):
        shared = sum(
            np.allclose(rows["num_examples"], other["num_examples"]) for _, other in predictions.groupby("law")
        )
        turn = 0 if law == "weight sharing" else 1
        axes.plot(
            rows[parameter], rows["num_examples"], color=style.law_colour(str(law)), linewidth=1.5, zorder=2,
            linestyle=panels.taking_turns(turn if shared > 1 else 0, shared), dash_capstyle="butt",
        )  # fmt: skip
    measured = panels.finite(panels.where(analysis.tables["thresholds"], part="growth", level=level), "measured")
    fits = panels.where(analysis.tables["growth"], parameter=parameter, level=level)
    names = list(fits["learner"].unique())
    for place, learner in enumerate(names):
        mine = along(panels.where(measured, learner=learner), analysis, parameter)
        fit = next(panels.each_row(panels.where(fits, learner=learner)))
        aside = math.exp(_SIDESTEP * (place - (len(names) - 1) / 2))
        colour = style.learner_colour(learner)
        axes.plot(mine[parameter] * aside, mine["measured"], color=colour, linewidth=1.2, alpha=0.6, zorder=3)
        for row in panels.each_row(mine):
            _draw_point(axes, getattr(row, parameter) * aside, row, colour)
        axes.annotate(
            _exponent_text(fit), xy=(0, 1), xycoords="axes fraction", va="top", fontsize=8,
            xytext=(4, -3 - 12 * place), textcoords="offset points", color=colour,
        )  # fmt: skip


def _exponent_text(fit: Any) -> str:
    if not math.isfinite(fit.exponent):
        return "not measured"
    value, low, high = (round(number, 1) + 0.0 for number in (fit.exponent, fit.low, fit.high))  # no -0.0
    interval = f" [{low:.1f}, {high:.1f}]" if math.isfinite(low + high) else ""
    return f"k = {value:.1f}{interval}, law {fit.predicted_exponent}"


def _draw_point(axes: Axes, x: float, row: Any, colour: str) -> None:
    if math.isfinite(row.low):
        end = row.high if math.isfinite(row.high) else 1.9 * row.measured
        axes.plot([x, x], [row.low, end], color=colour, linewidth=1.1, zorder=4, solid_capstyle="butt")
        if row.high == math.inf:
            axes.plot([x], [end], marker="^", color=colour, markersize=4, linestyle="none", zorder=4)
    axes.plot(
        [x], [row.measured], "o", color=colour, markersize=6, markeredgecolor="white", markeredgewidth=0.8, zorder=5
    )


def _growth_legend(analysis: Analysis) -> list[Artist]:
    handles: list[Artist] = [
        Line2D([], [], color=style.learner_colour(name), marker="o", markersize=5, linewidth=1.2, label=label)
        for name, label in growth_learners(analysis).items()
    ]
    for law in analysis.tables["predictions"]["law"].unique():
        look = {"color": style.law_colour(law), "linewidth": 1.5, "linestyle": (0, (4, 2))}
        handles.append(Line2D([], [], label=f"predicted, {law}", **look))
    return handles


def _curve_look(analysis: Analysis, row: Any) -> dict[str, Any]:
    parameter = varied(analysis, row)
    look = {"color": parameter_colour(parameter), "markersize": 4, "linewidth": 1.1}
    look["linestyle"] = "-" if row.learner == next(iter(growth_learners(analysis))) else "--"
    return look | {"marker": _marker(analysis, parameter, getattr(row, parameter) if parameter else 0)}


def _marker(analysis: Analysis, parameter: str, value: int) -> str:
    return style.level_marker(1 + _others(analysis, parameter).index(value)) if parameter else "o"


def _others(analysis: Analysis, parameter: str) -> list[int]:
    """The values of a parameter that are not the base's."""
    values = along(analysis.tables["predictions"], analysis, parameter)[parameter].unique()
    return [int(value) for value in values if value != base_sizes(analysis)[parameter]]


def _spread_title(analysis: Analysis, level: int) -> str:
    """`level 2: spread 1.8 [1.5, 2.2]`, of the first learner."""
    rows = panels.finite(panels.where(analysis.tables["collapse"], level=level), "spread")
    first = next(panels.each_row(rows), None)
    if first is None:
        return f"level {level}"
    return f"level {level}: spread {first.spread:.1f} [{first.low:.1f}, {first.high:.1f}]"


def _collapse_legend(analysis: Analysis) -> list[list[Artist]]:
    base = ", ".join(f"{SIZES[name]} = {value}" for name, value in base_sizes(analysis).items())
    look = {"linewidth": 1.1, "markersize": 4}
    columns: list[list[Artist]] = [[Line2D([], [], color=style.INK, marker="o", label=f"base: {base}", **look)]]
    for place, label in enumerate(growth_learners(analysis).values()):
        line = "-" if place == 0 else "--"
        columns[0].append(Line2D([], [], color=style.SOFT_INK, linestyle=line, linewidth=1.1, label=label))
    for parameter in parameters(analysis):
        column: list[Artist] = []
        for value in _others(analysis, parameter):
            marker = _marker(analysis, parameter, value)
            name = f"{SIZES[parameter]} = {value}"
            column.append(Line2D([], [], color=parameter_colour(parameter), marker=marker, label=name, **look))
        columns.append(column)
    return columns
