"""The learning curves as a Plotly figure: plain data that the page hands to plotly.js, no Plotly import needed.

Panels, colours and lines are those of `learning_curves`; pointing at anything says its numbers.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from typing import Any

from syntagma.report import panels, style
from syntagma.report.interactive_traces import panel_traces
from syntagma.studies.study import Analysis

_COLUMN_GAP = 0.08
"""Of the figure's width."""
_ROW_PIXELS = 340
_ROW_GAP_PIXELS = 90
_AXIS_TITLE = {"standoff": 8, "font": {"size": 13}}


def interactive_learning_curves(analysis: Analysis) -> dict[str, Any]:
    """`{"data": traces, "layout": layout}` of JSON values (None for NaN)."""
    measured_at = panels.rules(analysis)
    rows, columns = panels.grid_shape(len(measured_at))
    plotted = _ROW_PIXELS * rows + _ROW_GAP_PIXELS * (rows - 1)
    layout: dict[str, Any] = {
        "height": plotted + 170,
        "margin": {"l": 62, "r": 36, "t": 62, "b": 108},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": style.INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "bgcolor": "white", "font": {"color": style.INK}},
        "legend": {"orientation": "h", "x": 0, "y": -52 / plotted, "yanchor": "top", "groupclick": "togglegroup"},
        "annotations": [],
    }
    data: list[dict[str, Any]] = []
    for place, m in enumerate(measured_at):
        row, column = divmod(place, columns)
        layout |= _axes(place, row, column, rows, columns, analysis)
        suffix = _suffix(place)
        layout["annotations"] += [*_names(analysis, m, suffix), *_prediction_names(analysis, m, suffix)]
        place_in = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        data += [{"showlegend": False, **trace, **place_in} for trace in panel_traces(analysis, m)]
    data += _legend(analysis)
    return _json({"data": data, "layout": layout})


def _suffix(place: int) -> str:
    return "" if place == 0 else str(place + 1)


def _axes(place: int, row: int, column: int, rows: int, columns: int, analysis: Analysis) -> dict[str, Any]:
    """Both axes of the panel; all panels zoom together."""
    suffix = _suffix(place)
    x_limits, y_limits = panels.curve_limits(analysis)
    ticks = panels.round_ticks(y_limits)
    shared = {
        "type": "log",
        "showgrid": False,
        "zeroline": False,
        "showline": True,
        "linecolor": style.SOFT_INK,
        "ticks": "outside",
        "tickcolor": style.SOFT_INK,
        "tickfont": {"size": 12},
    }
    row_gap = _ROW_GAP_PIXELS / (_ROW_PIXELS * rows + _ROW_GAP_PIXELS * (rows - 1))
    x_axis = {
        **shared,
        "domain": _domain(column, columns, _COLUMN_GAP),
        "anchor": f"y{suffix}",
        "range": [math.log10(x) for x in x_limits],
        "title": {"text": "training examples P", **_AXIS_TITLE},
        "exponentformat": "power",
        "dtick": 1,
    }
    y_axis = {
        **shared,
        "domain": _domain(rows - 1 - row, rows, row_gap),
        "anchor": f"x{suffix}",
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
        "range": [math.log10(y) for y in y_limits],
    }
    if column == 0:
        y_axis["title"] = {"text": "test loss of the last token (nats)", **_AXIS_TITLE}
    if place:
        x_axis["matches"], y_axis["matches"] = "x", "y"
    return {f"xaxis{suffix}": x_axis, f"yaxis{suffix}": y_axis}


def _domain(index: int, number: int, gap: float) -> list[float]:
    width = (1 - gap * (number - 1)) / number
    return [index * (width + gap), min(1.0, index * (width + gap) + width)]


def _names(analysis: Analysis, m: int, suffix: str) -> Iterator[dict[str, Any]]:
    """The panel's title and the plateaus' names at its right margin."""
    x_domain, y_domain = f"x{suffix} domain", f"y{suffix} domain"
    yield {
        "text": f"<b>m = {m}</b> rules per symbol",
        "xref": x_domain,
        "yref": y_domain,
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 8,
        "showarrow": False,
    }
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


def _prediction_names(analysis: Analysis, m: int, suffix: str) -> Iterator[dict[str, Any]]:
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
            "xref": f"x{suffix}",
            "yref": f"y{suffix}",
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


def _json(value: Any) -> Any:
    """`value` as JSON values: six digits are more than a screen shows, and NaN becomes None."""
    if isinstance(value, dict):
        return {name: _json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json(inner) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
