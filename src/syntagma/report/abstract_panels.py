"""The further experiments with unseen symbols: data saved by identities, substitutions, copying, language modelling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from syntagma.report import panels, style
from syntagma.report.unseen_symbols import say
from syntagma.studies.study import Analysis

_PLAIN, _REPAIRED = "transformer", "transformer-identities"


def data_saved(analysis: Analysis) -> Figure:
    """How many times more strings the transformer needs without a, b, task by task."""
    with style.applied():
        table = analysis.tables["saved"]
        figure, axes = _one(analysis, "data saved by a, b", height=1.9 + 0.55 * max(len(table), 2))
        known = [row for row in panels.each_row(table) if not math.isnan(row.value)]
        if not known:
            say(axes, "not measured: " + ("; ".join(sorted(set(table["note"]) - {""})) or "no such learners"))
            panels.settle(figure)
            return figure
        finite = [x for row in known for x in (row.value, row.low, row.high) if math.isfinite(x) and x > 0]
        low, high = panels.limits([*finite, 1.0], 1.5)
        axes.set_xscale("log")
        axes.set_xlim(low, high * (2 if any(math.isinf(row.value) for row in known) else 1))
        axes.axvline(1, color=style.PLATEAU, linewidth=0.8, zorder=1)
        for place, row in enumerate(reversed(known)):
            _ratio(axes, place, row)
        axes.set_yticks(range(len(known)), [row.family for row in reversed(known)])
        axes.set_ylim(-0.6, len(known) - 0.4)
        axes.tick_params(axis="y", length=0)
        panels.plain_log_axis(axes, "x", panels.round_ticks(axes.get_xlim()))
        axes.set_xlabel("training strings needed without a, b, over those needed with them")
        panels.settle(figure)
        return figure


def substitutions(analysis: Analysis) -> Figure:
    """Accuracy on unseen symbols against the number of distinct substitutions a template."""
    with style.applied():
        table = analysis.tables["substitutions"]
        figure, axes = _one(analysis, "distinct substitutions")
        if not len(table):
            say(axes, "not run: the settings have diversity = null")
            panels.settle(figure)
            return figure
        handles = []
        for learner, curve in table.groupby("learner", sort=False):
            colour = style.learner_colour(str(learner))
            line = _line(axes, curve, "substitutions", colour, str(curve["label"].iloc[0]))
            handles.append(line)
        _counts_axis(axes, sorted(set(table["substitutions"])))
        axes.set_title(f"{table['family'].iloc[0]}, number of training strings fixed")
        axes.set_xlabel("distinct substitutions of each template in training")
        axes.set_ylabel("accuracy on unseen symbols")
        panels.legend_below(figure, [[handle] for handle in handles])
        panels.settle(figure)
        return figure


def copying_by_width(analysis: Analysis) -> Figure:
    """Accuracy of copying unseen symbols against the width, without and with b."""
    with style.applied():
        table = analysis.tables["copying"]
        figure, axes = _one(analysis, "copying against width")
        if not len(table):
            say(axes, "not run: the settings have copying = null")
            panels.settle(figure)
            return figure
        handles = []
        for identity, learner, label in ((False, _PLAIN, "without b"), (True, _REPAIRED, "with b")):
            curve, colour = panels.where(table, identity=identity), style.learner_colour(learner)
            handles.append(_line(axes, curve, "width", colour, f"{label}, unseen symbols"))
            seen = {"color": colour, "linewidth": 1.0, "linestyle": (0, (4, 2))}
            axes.plot(curve["width"], curve["seen"], zorder=3, **seen)
            handles.append(Line2D([], [], label=f"{label}, seen symbols", **seen))
        _counts_axis(axes, sorted(set(table["width"])))
        axes.set_xlabel("width of the embedding")
        axes.set_ylabel("accuracy")
        panels.legend_below(figure, [handles[:2], handles[2:]])
        panels.settle(figure)
        return figure


def language_model(analysis: Analysis) -> Figure:
    """Test loss of a character model, seed by seed, without and with a, b."""
    with style.applied():
        table = analysis.tables["text"]
        figure, axes = _one(analysis, "language modelling")
        if not len(table):
            say(axes, "left out: no text was given. Add --set text=FILE to the command.")
            panels.settle(figure)
            return figure
        for place, (identity, learner) in enumerate(((False, _PLAIN), (True, _REPAIRED))):
            mine = panels.where(table, identity=identity)
            colour = style.learner_colour(learner)
            axes.plot([place] * len(mine), mine["loss_nats"], "o", color=colour, alpha=0.55, markeredgewidth=0)
            mean = float(np.mean(mine["loss_nats"]))
            axes.plot([place - 0.14, place + 0.14], [mean] * 2, color=colour, linewidth=2)
            text = f"{mean:.3f} nats, perplexity {math.exp(mean):.2f}"
            axes.annotate(text, (place + 0.18, mean), va="center", fontsize=8.5, color=style.INK)
        axes.set_xticks([0, 1], ["without a, b", "with a, b"])
        axes.set_xlim(-0.5, 1.9)
        axes.set_ylabel("test loss (nats a character)")
        panels.settle(figure)
        return figure


def _one(analysis: Analysis, what: str, height: float = 4.2) -> tuple[Figure, Axes]:
    figure, (axes,) = panels.panelled(1, share=False)
    figure.set_size_inches(7.0, height)
    figure.suptitle(f"{analysis.title}: {what}", x=0.01, ha="left")
    return figure, axes


def _ratio(axes: Axes, place: int, row: Any) -> None:
    """A point with whiskers; an arrow where only a bound is known."""
    colour = style.learner_colour(_REPAIRED)
    right = axes.get_xlim()[1]
    if math.isinf(row.value):
        axes.annotate(
            "", xy=(right, place), xytext=(row.low, place),
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.6},
        )  # fmt: skip
        axes.annotate(row.note, (row.low, place), (0, 6), textcoords="offset points", fontsize=8.5)
        return
    axes.plot([row.low, min(row.high, right)], [place] * 2, color=colour, linewidth=1.6, solid_capstyle="butt")
    axes.plot([row.value], [place], marker="o", color=colour, markersize=6, markeredgecolor="white")
    axes.annotate(f"{row.value:.2g}", (row.value, place), (0, 7), textcoords="offset points", ha="center", fontsize=8.5)


def _line(axes: Axes, curve: Any, column: str, colour: str, label: str) -> Line2D:
    look = {"color": colour, "linewidth": 1.6, "marker": "o", "markersize": 4, "markeredgewidth": 0}
    axes.fill_between(curve[column], curve["low"], curve["high"], color=colour, alpha=0.16, linewidth=0)
    axes.plot(curve[column], curve["accuracy"], **look)
    return Line2D([], [], label=label, **look)


def _counts_axis(axes: Axes, values: list[float]) -> None:
    panels.plain_log_axis(axes, "x", values)
    axes.set_xlim(values[0] / 1.3, values[-1] * 1.3)
    axes.set_ylim(-0.03, 1.05)
