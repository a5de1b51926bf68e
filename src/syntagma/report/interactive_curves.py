"""The learning curves as a Plotly figure: plain data that the page hands to plotly.js, no Plotly import needed.

Panels, colours and lines are those of `learning_curves`; pointing at anything says its numbers.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from typing import Any

from syntagma.report import panels, style
from syntagma.report.interactive_layout import (
    AXIS_LOOK,
    AXIS_TITLE,
    domains,
    empty_layout,
    json_values,
    panel_title,
    suffix,
)
from syntagma.report.interactive_traces import panel_traces
from syntagma.studies.study import Analysis


def interactive_learning_curves(analysis: Analysis) -> dict[str, Any]:
    """`{"data": traces, "layout": layout}` of JSON values (None for NaN)."""
    measured_at = panels.rules(analysis)
    rows, columns = panels.grid_shape(len(measured_at))
    layout = empty_layout(rows)
    data: list[dict[str, Any]] = []
    for place, m in enumerate(measured_at):
        layout |= _axes(place, rows, columns, analysis)
        title = panel_title(f"<b>m = {m}</b> rules per symbol", place)
        layout["annotations"] += [title, *_names(analysis, m, suffix(place))]
        layout["annotations"] += _prediction_names(analysis, m, suffix(place))
        place_in = {"xaxis": f"x{suffix(place)}", "yaxis": f"y{suffix(place)}"}
        data += [{"showlegend": False, **trace, **place_in} for trace in panel_traces(analysis, m)]
    data += _legend(analysis)
    return json_values({"data": data, "layout": layout})


def _axes(place: int, rows: int, columns: int, analysis: Analysis) -> dict[str, Any]:
    """Both axes of the panel; all panels zoom together."""
    x_limits, y_limits = panels.curve_limits(analysis)
    ticks = panels.round_ticks(y_limits)
    x_domain, y_domain = domains(place, rows, columns)
    x_axis = {
        **AXIS_LOOK,
        "type": "log",
        "domain": x_domain,
        "anchor": f"y{suffix(place)}",
        "range": [math.log10(x) for x in x_limits],
        "title": {"text": "training examples P", **AXIS_TITLE},
        "exponentformat": "power",
        "dtick": 1,
    }
    y_axis = {
        **AXIS_LOOK,
        "type": "log",
        "domain": y_domain,
        "anchor": f"x{suffix(place)}",
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
        "range": [math.log10(y) for y in y_limits],
    }
    if place % columns == 0:
        y_axis["title"] = {"text": "test loss of the last token (nats)", **AXIS_TITLE}
    if place:
        x_axis["matches"], y_axis["matches"] = "x", "y"
    return {f"xaxis{suffix(place)}": x_axis, f"yaxis{suffix(place)}": y_axis}


def _names(analysis: Analysis, m: int, axis: str) -> Iterator[dict[str, Any]]:
    """The plateaus' names at the panel's right margin."""
    x_domain, y_domain = f"x{axis} domain", f"y{axis} domain"
    plateaus = panels.plateaus(analysis, m)
    low, high = map(math.log10, panels.curve_limits(analysis)[1])
    wished = [(math.log10(height) - low) / (high - low) for height in plateaus.values()]
    for level, at in zip(plateaus, panels.spread(wished, gap=0.055), strict=True):
        oracle = level == max(plateaus)
        yield {
            "text": f"<b>L<sub>{level}</sub></b>" if oracle else f"L<sub>{level}</sub>",
            "xref": x_domain,
            "yref": y_domain,
            "x": 1,
            "y": at,
            "xanchor": "left",
            "yanchor": "middle",
            "xshift": 4,
            "showarrow": False,
            "font": {"size": 12, "color": style.INK if oracle else style.SOFT_INK},
        }


def _prediction_names(analysis: Analysis, m: int, axis: str) -> Iterator[dict[str, Any]]:
    heights = panels.plateaus(analysis, m)
    steps = panels.predicted_steps(analysis, m)
    (left, right), (low, high) = panels.curve_limits(analysis)
    taken: list[tuple[float, float]] = []
    for level, examples, same in steps:
        x = math.log(examples / left) / math.log(right / left)
        y = math.log(heights[level] / low) / math.log(high / low)
        down = 0
        while any(abs(x - other) < 0.05 and abs(y - down * 0.055 - top) < 0.055 for other, top in taken):
            down += 1  # a line further down, where it covers no other name
        taken.append((x, y - down * 0.055))
        yield {
            "text": f"P<sub>{level}</sub>",
            "xref": f"x{axis}",
            "yref": f"y{axis}",
            "x": math.log10(examples),
            "y": math.log10(heights[level]),
            "yanchor": "top",
            "showarrow": False,
            "bgcolor": "rgba(255,255,255,0.7)",
            "borderpad": 0,
            "yshift": -2 - 17 * down,
            "font": {"size": 12, "color": style.law_colour(same["law"].iloc[0]) if len(same) == 1 else style.SOFT_INK},
        }


def _legend(analysis: Analysis) -> Iterator[dict[str, Any]]:
    """Entries without data: clicking a learner or a law hides it in every panel."""
    for learner, label in panels.learners(analysis).items():
        colour = style.learner_colour(learner)
        yield {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [None],
            "y": [None],
            "name": html.escape(label),
            "line": {"color": colour, "width": 2.2},
            "marker": {"size": 6},
            "legendgroup": learner,
        }
    for law in analysis.tables["predictions"]["law"].unique():
        yield {
            "type": "scatter",
            "mode": "lines",
            "x": [None],
            "y": [None],
            "name": f"predicted, {html.escape(law)}",
            "line": {"color": style.law_colour(law), "width": 2, "dash": "dash"},
            "legendgroup": f"law {law}",
        }
    diamond = {"symbol": "diamond", "size": 11, "color": style.SOFT_INK}
    yield {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "name": "measured threshold",
        "marker": diamond,
    }
