"""Zipf rules beside equal ones: how the class error falls, and the thresholds of the last token."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from syntagma.report import panels, style
from syntagma.studies.study import Analysis

_COLOURS = ("#E69F00", "#D55E00", "#8E3B8E", "#2B2D6E")
"""Of the Zipf exponents, ascending; equal rules are ink."""


def zipf_rules(analysis: Analysis) -> Figure:
    """Left, the class error against P; right, the last token's thresholds against the level."""
    with style.applied():
        figure, (left, right) = panels.panelled(2, share=False)
        figure.suptitle(f"{analysis.title}: unequal rules at level 1", x=0.01, ha="left")
        exponents = _exponents(analysis)
        _draw_classes(left, analysis, exponents)
        _draw_tokens(right, analysis, exponents)
        handles = [
            Line2D([], [], color=_colour(exponents, a), marker="o", markersize=4.5, linewidth=1.5, label=_name(a))
            for a in exponents
        ]
        handles.append(Line2D([], [], color=style.SOFT_INK, linestyle=(0, (4, 2)), label="predicted"))
        panels.legend_below(figure, [[handle] for handle in handles])
        panels.settle(figure)
        return figure


def _exponents(analysis: Analysis) -> list[float]:
    tables = analysis.tables
    tokens = panels.where(tables["thresholds"], part="zipf tokens")
    return sorted({0.0, *map(float, tables["zipf_curves"]["zipf"]), *map(float, tokens["zipf"])})


def _colour(exponents: list[float], a: float) -> str:
    return style.INK if a == 0 else _COLOURS[(exponents.index(a) - 1) % len(_COLOURS)]


def _name(a: float) -> str:
    return "equal rules" if a == 0 else f"Zipf, a = {a:g}"


def _draw_classes(axes: Axes, analysis: Analysis, exponents: list[float]) -> None:
    curves, falls = analysis.tables["zipf_curves"], analysis.tables["zipf_falls"]
    shown = curves.loc[(curves["error"] > 0).to_numpy(bool)]
    axes.set_title("class at the root")
    axes.set(xscale="log", yscale="log", xlabel="training examples P", ylabel="test error over chance's")
    for a in exponents:
        curve, colour = panels.where(shown, zipf=a).sort_values("num_examples"), _colour(exponents, a)
        if curve.empty:
            continue
        band = curve["num_examples"], curve["low"].clip(lower=curve["error"].min() / 3), curve["high"]
        axes.fill_between(*band, color=colour, alpha=0.12, linewidth=0)
        axes.plot(curve["num_examples"], curve["error"], color=colour, marker="o", markersize=4.5)
    if shown.empty:
        return
    axes.set_ylim(*panels.limits([*shown["error"], 1.0], 1.3))
    panels.examples_axis(axes, "x")
    for row in panels.each_row(panels.finite(falls, "first")):
        if row.zipf != row.compared_with:
            continue
        _draw_law(axes, panels.where(shown, zipf=row.zipf), row, _colour(exponents, row.zipf))


def _draw_law(axes: Axes, curve: pd.DataFrame, row: Any, colour: str) -> None:
    """The predicted power through the first fitted point, a little above the curve, named at its end."""
    start = float(panels.where(curve, num_examples=row.first)["error"].iloc[0]) * 1.35
    end = start * (row.last / row.first) ** -row.predicted_exponent
    axes.plot([row.first, row.last], [start, end], color=colour, linestyle=(0, (4, 2)), linewidth=1.3)
    text = f"$P^{{-{row.predicted_exponent:.2f}}}$"
    axes.annotate(
        text, xy=(row.last, end), xytext=(4, 2), textcoords="offset points", color=colour, fontsize=8.5, va="bottom"
    )


def _draw_tokens(axes: Axes, analysis: Analysis, exponents: list[float]) -> None:
    table = panels.finite(panels.where(analysis.tables["thresholds"], part="zipf tokens"), "measured")
    axes.set_title("last token")
    axes.set(yscale="log", xlabel="level l", ylabel="measured threshold $P_l$ (examples)")
    for place, a in enumerate(exponents):
        mine, colour = panels.where(table, zipf=a).sort_values("level"), _colour(exponents, a)
        aside = 0.03 * (place - (len(exponents) - 1) / 2)
        axes.plot(mine["level"] + aside, mine["measured"], color=colour, marker="o", markersize=5)
        for row in panels.each_row(mine):
            end = row.high if math.isfinite(row.high) else 1.9 * row.measured
            axes.plot([row.level + aside] * 2, [row.low, end], color=colour, linewidth=1.1)
        _draw_prediction(axes, analysis, a, panels.where(table, zipf=0.0), colour)
    levels = sorted({int(level) for level in table["level"]}) or [1]
    axes.set_xticks(levels)
    axes.set_xlim(levels[0] - 0.3, levels[-1] + 0.3)
    if len(table):
        axes.set_ylim(*panels.limits([*table["measured"], *table["low"], *table["high"]], 1.4))
        panels.examples_axis(axes, "y")


def _draw_prediction(axes: Axes, analysis: Analysis, a: float, equal: pd.DataFrame, colour: str) -> None:
    """The thresholds measured with equal rules times what Zipf rules should change them by."""
    expected = panels.where(analysis.tables["zipf_tokens"], zipf=a)[["level", "over_equal"]]
    equal = equal.merge(expected, on="level").sort_values("level")
    numbers = equal["measured"] * equal["over_equal"]
    axes.plot(equal["level"], numbers, color=colour, linestyle=(0, (4, 2)), linewidth=1.3)
