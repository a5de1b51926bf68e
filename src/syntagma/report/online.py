"""One pass over fresh data: the test loss along the way, with plateaus and thresholds."""

from __future__ import annotations

from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from syntagma.report import panels, style
from syntagma.report.growth import base_sizes, language_rows
from syntagma.report.learning_curves import (
    draw_plateaus,
    draw_predictions,
    draw_thresholds,
    half_way,
    threshold_look,
)
from syntagma.studies.study import Analysis


def online_curves(analysis: Analysis) -> Figure:
    """Test loss of the last token against the number of examples seen, each seen once."""
    tables = analysis.tables
    base = base_sizes(analysis)
    plateaus = language_rows(tables["plateaus"], base, zipf=0.0).sort_values("level")
    heights = dict(zip(plateaus["level"].astype(int), plateaus["loss_nats"].astype(float), strict=True))
    thresholds, curves = tables["online_thresholds"], tables["online"]
    with style.applied():
        figure, (axes,) = panels.panelled(1, share=False)
        figure.suptitle(f"{analysis.title}: one pass over fresh data", x=0.01, ha="left")
        steps = panels.steps_between(heights, language_rows(tables["predictions"], base))
        y_limits = panels.limits([*heights.values(), *curves["low"], 1.15 * max(heights.values())], 1.05)
        axes.set_xscale("log")
        axes.set_xlim(*panels.limits([*curves["num_examples"], *(step[1] for step in steps)], 1.3))
        panels.examples_axis(axes, "x")
        panels.plain_log_axis(axes, "y", panels.round_ticks(y_limits))
        axes.set_ylim(y_limits[0] / 1.08, y_limits[1])
        draw_plateaus(axes, heights)
        names = draw_predictions(axes, steps, heights)
        for learner, curve in curves.groupby("learner", sort=False):
            colour = style.learner_colour(str(learner))
            band = curve["num_examples"], curve["low"], curve["high"]
            axes.fill_between(*band, color=colour, alpha=0.18, linewidth=0, zorder=3)
            axes.plot(curve["num_examples"], curve["loss_nats"], color=colour, linewidth=1.6, zorder=4)
        draw_thresholds(axes, thresholds, heights)
        for row in panels.each_row(panels.finite(thresholds, "fixed")):
            look = _hollow(style.learner_colour(row.learner))
            axes.plot([row.fixed], [half_way(heights, row.level)], zorder=7, **look)
        axes.set_xlabel("examples seen, each once (sentences)")
        axes.set_ylabel("test loss of the last token (nats)")
        panels.legend_below(figure, _legend(analysis))
        panels.settle(figure)
        panels.move_apart(names)
        return figure


def _hollow(colour: str) -> dict[str, Any]:
    return threshold_look(colour) | {"markerfacecolor": "white", "markeredgecolor": colour, "markeredgewidth": 1.4}


def _legend(analysis: Analysis) -> list[list[Artist]]:
    curves = analysis.tables["online"]
    who: list[Artist] = [
        Line2D([], [], color=style.learner_colour(name), linewidth=1.6, label=label)
        for name, label in dict(zip(curves["learner"], curves["label"], strict=True)).items()
    ]
    measured: list[Artist] = [Patch(color="#d0d5da", label="band over seeds")]
    measured += [
        Line2D([], [], label="half-way, in one pass", **threshold_look(style.SOFT_INK)),
        Line2D([], [], label="half-way, P of fixed sets", **_hollow(style.SOFT_INK)),
    ]
    laws: list[Artist] = [
        Line2D([], [], color=style.law_colour(law), linewidth=1.5, linestyle=(0, (4, 2)), label=f"predicted, {law}")
        for law in analysis.tables["predictions"]["law"].unique()
    ]
    laws.append(Line2D([], [], color=style.PLATEAU, linewidth=0.8, label="exact plateau $L_l$"))
    return [who, measured, laws]
