"""What networks know inside, against P and against the training step: synonyms ignored, and the nearest observer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from syntagma.report import panels, style
from syntagma.studies.study import Analysis

_Draw = Callable[[Axes, Analysis, str, int, pd.DataFrame, str], None]


def invariance_curves(analysis: Analysis) -> Figure:
    """How far the last layer ignores each level's synonyms; a row a learner, P on the left and steps on the right."""
    return _figure(
        analysis, "invariance", "synonyms ignored (0 to 1)", "which synonyms the last layer ignores", _ignored
    )


def observer_curves(analysis: Analysis) -> Figure:
    """Distances to the observers of each level; a row a learner, P on the left and steps on the right."""
    return _figure(analysis, "observers", "distance to observer (nats)", "whom the networks predict like", _distances)


def _figure(analysis: Analysis, name: str, quantity: str, title: str, draw: _Draw) -> Figure:
    """The smallest m alone is drawn: the others are in the tables."""
    table, m = analysis.tables[name], min(panels.rules(analysis))
    shown = panels.learners(analysis)
    with style.applied():
        figure, all_axes = panels.gridded(max(len(shown), 1), 2)
        figure.suptitle(f"{analysis.title}: {title}, m = {m}", x=0.01, ha="left")
        for row, (learner, label) in enumerate(shown.items()):
            mine = panels.where(table, learner=learner, rules=m)
            best = panels.where(mine, kept="best")
            along = mine.loc[(mine["num_examples"] == mine["num_examples"].max()).to_numpy()]
            for axes, part, x in zip(all_axes[row], (best, along), ("num_examples", "step"), strict=True):
                axes.set_title(label if x == "num_examples" else f"{label}, P = {_largest(along)}")
                if len(part):
                    draw(axes, analysis, learner, m, part, x)
                else:
                    axes.text(0.5, 0.5, "no network was probed", transform=axes.transAxes, ha="center")
                axes.set_ylabel(quantity if x == "num_examples" else "")
                axes.set_xlabel(
                    ("training examples P" if x == "num_examples" else "training step") * (row == len(shown) - 1)
                )
        panels.legend_below(figure, [[handle] for handle in _legend(table, name)])
        panels.settle(figure)
        return figure


def _ignored(axes: Axes, analysis: Analysis, learner: str, m: int, part: pd.DataFrame, x: str) -> None:
    for level in sorted(part["level"].unique()):
        rows = panels.where(part, level=level).groupby(x).agg({"ignored": "mean", "low": "min", "high": "max"})
        colour = style.level_colour(int(level))
        places = rows.index.to_numpy(float) + (x == "step")  # step 0 has a place on a logarithmic axis
        axes.fill_between(places, rows["low"], rows["high"], color=colour, alpha=0.18, linewidth=0)
        axes.plot(places, rows["ignored"], color=colour, marker="o", markersize=4)
        thresholds = panels.where(analysis.tables["thresholds"], learner=learner, rules=m, level=level + 1)
        for row in panels.each_row(panels.finite(thresholds, "measured")):
            if x == "num_examples":
                axes.axvline(row.measured, color=colour, linestyle=(0, (4, 2)), linewidth=1.2, zorder=1)
    axes.axhline(0.5, color=style.FAINT, linewidth=0.8, zorder=0)
    axes.set_ylim(-0.12, 1.02)
    _finish(axes, x)


def _distances(axes: Axes, analysis: Analysis, learner: str, m: int, part: pd.DataFrame, x: str) -> None:
    for level in sorted(part["level"].unique()):
        rows: Any = panels.where(part, level=level).groupby(x)["nats"].mean()
        colour = style.level_colour(int(level))
        axes.plot(rows.index.to_numpy(float) + (x == "step"), rows, color=colour, marker="o", markersize=4)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    panels.plain_log_axis(axes, "y", panels.round_ticks((low, high)))
    axes.set_ylim(low, high)
    _finish(axes, x)


def _finish(axes: Axes, x: str) -> None:
    axes.set_xscale("log")
    if x == "num_examples":
        panels.examples_axis(axes, "x")
        return
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value - 1:g}" if value < 2 else f"{value:g}"))


def _largest(along: pd.DataFrame) -> str:
    return f"{max(along['num_examples']):,}" if len(along) else "–"


def _legend(table: pd.DataFrame, name: str) -> list[Line2D]:
    levels = sorted(int(level) for level in table["level"].unique())
    text = "level {}" if name == "invariance" else "observer of level {}"
    look: dict[str, Any] = {"marker": "o", "markersize": 4}
    handles = [Line2D([], [], color=style.level_colour(level), label=text.format(level), **look) for level in levels]
    if name == "invariance":
        handles.append(Line2D([], [], color=style.SOFT_INK, linestyle=(0, (4, 2)), label="measured $P_{l+1}$"))
    return handles or [Line2D([], [], label="nothing probed", linestyle="none")]
