"""Learning the class at the root: test error against P, and against P over the predicted n_c m^L."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from syntagma.report import panels, style
from syntagma.studies.level_by_level.analysis import ERROR_LEFT
from syntagma.studies.study import Analysis

_MARKERS = ("o", "s", "^", "D")


def class_curves(analysis: Analysis) -> Figure:
    """Colours are the numbers of rules m, markers the numbers of classes n_c."""
    table, predicted = analysis.tables["class_curves"], analysis.tables["class_predictions"]
    with style.applied():
        figure, (left, right) = panels.panelled(2, share=False)
        figure.suptitle(f"{analysis.title}: the class at the root", x=0.01, ha="left")
        for axes in (left, right):
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_ylim(3e-3, 1.3)
            axes.axhline(ERROR_LEFT, color=style.PLATEAU, linewidth=0.9, zorder=1)
            panels.plain_log_axis(axes, "y", [0.01, 0.03, 0.1, 0.3, 1])
        rules, classes = (sorted(int(n) for n in predicted[name].unique()) for name in ("rules", "classes"))
        for row in panels.each_row(predicted):
            curve = panels.where(table, rules=row.rules, classes=row.classes).sort_values("num_examples")
            look = {
                "color": style.level_colour(1 + rules.index(row.rules)),
                "marker": _MARKERS[classes.index(row.classes) % len(_MARKERS)],
                "markersize": 4.5,
            }
            _draw(left, curve, 1.0, look)
            _draw(right, curve, float(row.num_examples), look)
        for axes in (left, right):
            if len(table):
                panels.examples_axis(axes, "x")
        left.set_xlabel("training examples P")
        right.set_xlabel("P / ($n_c m^L$)")
        left.set_ylabel("test error over chance's")
        colours = [
            Line2D([], [], color=style.level_colour(1 + i), linewidth=4, label=f"m = {m}") for i, m in enumerate(rules)
        ]
        markers = [
            Line2D([], [], color=style.SOFT_INK, linestyle="none", marker=_MARKERS[i % 4], label=f"$n_c$ = {number}")
            for i, number in enumerate(classes)
        ]
        panels.legend_below(figure, [[handle] for handle in [*colours, *markers]])
        panels.settle(figure)
        return figure


def _draw(axes: Axes, curve: pd.DataFrame, unit: float, look: dict) -> None:
    shown = curve.loc[(curve["error"] > 0).to_numpy(bool)]
    if shown.empty:
        return
    axes.fill_between(
        shown["num_examples"] / unit,
        shown["low"].clip(1e-4),
        shown["high"],
        color=look["color"],
        alpha=0.12,
        linewidth=0,
    )
    axes.plot(shown["num_examples"] / unit, shown["error"], **look)
