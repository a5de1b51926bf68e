"""The learning curves as a Plotly figure: plain data that the page hands to plotly.js, no Plotly import needed.

Panels, colours and lines are those of `learning_curves`; pointing at anything says its numbers.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from syntagma.report import panels, style
from syntagma.report.learning_curves import half_way
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
        for trace in _panel(analysis, m):
            data.append({"showlegend": False, **trace, "xaxis": f"x{suffix}", "yaxis": f"y{suffix}"})
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
        "type": "log", "showgrid": False, "zeroline": False, "showline": True, "linecolor": style.SOFT_INK, "ticks": "outside",
        "tickcolor": style.SOFT_INK, "tickfont": {"size": 12},
    }  # fmt: skip
    row_gap = _ROW_GAP_PIXELS / (_ROW_PIXELS * rows + _ROW_GAP_PIXELS * (rows - 1))
    x_axis = {
        **shared, "domain": _domain(column, columns, _COLUMN_GAP), "anchor": f"y{suffix}", "range": [math.log10(x) for x in x_limits],
        "title": {"text": "training examples P", **_AXIS_TITLE}, "exponentformat": "power", "dtick": 1,
    }  # fmt: skip
    y_axis = {
        **shared, "domain": _domain(rows - 1 - row, rows, row_gap), "anchor": f"x{suffix}", "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks], "range": [math.log10(y) for y in y_limits],
    }  # fmt: skip
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
        "text": f"<b>m = {m}</b> rules per symbol", "xref": x_domain, "yref": y_domain, "x": 0, "y": 1, "xanchor": "left",
        "yanchor": "bottom", "yshift": 8, "showarrow": False,
    }  # fmt: skip
    plateaus = panels.plateaus(analysis, m)
    low, high = map(math.log10, panels.curve_limits(analysis)[1])
    wished = [(math.log10(height) - low) / (high - low) for height in plateaus.values()]
    for level, at in zip(plateaus, panels.spread(wished, gap=0.055), strict=True):
        oracle = level == max(plateaus)
        yield {
            "text": f"<b>L<sub>{level}</sub></b>" if oracle else f"L<sub>{level}</sub>", "xref": x_domain,
            "yref": y_domain, "x": 1, "y": at, "xanchor": "left", "yanchor": "middle", "xshift": 4, "showarrow": False,
            "font": {"size": 12, "color": style.INK if oracle else style.SOFT_INK},
        }  # fmt: skip


def _prediction_names(analysis: Analysis, m: int, suffix: str) -> Iterator[dict[str, Any]]:
    heights = panels.plateaus(analysis, m)
    steps = panels.predicted_steps(analysis, m)
    (left, right), (low, high) = panels.curve_limits(analysis)
    places = [
        (math.log(x / left) / math.log(right / left), math.log(heights[level] / low) / math.log(high / low), "center")
        for level, x, _ in steps
    ]
    downs = panels.names_below(places, width=0.08, line=0.055)
    for (level, examples, same), down in zip(steps, downs, strict=True):
        yield {
            "text": f"P<sub>{level}</sub>", "xref": f"x{suffix}", "yref": f"y{suffix}", "x": math.log10(examples),
            "y": math.log10(heights[level]), "yanchor": "top", "showarrow": False, "bgcolor": "rgba(255,255,255,0.7)",
            "borderpad": 0, "yshift": -2 - 17 * down,
            "font": {"size": 12, "color": style.law_colour(same["law"].iloc[0]) if len(same) == 1 else style.SOFT_INK},
        }  # fmt: skip


def _panel(analysis: Analysis, m: int) -> Iterator[dict[str, Any]]:
    heights = panels.plateaus(analysis, m)
    yield from _plateau_traces(analysis, m)
    yield from _prediction_traces(analysis, m, heights)
    for learner, curve in panels.rows_of(analysis, "curves", m).groupby("learner", sort=False):
        yield from _curve_traces(str(learner), curve.sort_values("num_examples"))
    yield from _threshold_traces(panels.rows_of(analysis, "thresholds", m), heights)


def _plateau_traces(analysis: Analysis, m: int) -> Iterator[dict[str, Any]]:
    (left, right), _ = panels.curve_limits(analysis)
    table = panels.rows_of(analysis, "plateaus", m)
    for row in table.itertuples():
        oracle = row.level == table["level"].max()
        width = {"color": style.INK, "width": 2.2} if oracle else {"color": style.PLATEAU, "width": 1}
        steps = [left * (right / left) ** (i / 40) for i in range(41)]  # points to point at, all along the line
        text = f"<b>L<sub>{row.level}</sub></b>{' (oracle)' if oracle else ''} = {row.loss_nats:.4f} nats"
        text += f"<br>standard error over grammars {_number(row.standard_error, '.2g')}<extra></extra>"
        yield {"type": "scatter", "mode": "lines", "x": steps, "y": [row.loss_nats] * 41, "line": width, "hovertemplate": text}


def _prediction_traces(analysis: Analysis, m: int, heights: dict[int, float]) -> Iterator[dict[str, Any]]:
    for level, examples, same in panels.predicted_steps(analysis, m):
        laws = [f"<br>{html.escape(str(row.law))}: {html.escape(str(row.source))}" for row in same.itertuples()]
        text = f"<b>P<sub>{level}</sub> predicted: {examples:,.0f}</b>{''.join(laws)}<extra></extra>"
        for turn, law in enumerate(same["law"]):
            y = _dashes(heights[level - 1], heights[level], turn, len(same))
            yield {
                "type": "scatter", "mode": "lines", "x": [examples] * len(y), "y": y, "legendgroup": f"law {law}",
                "line": {"color": style.law_colour(law), "width": 2}, "hovertemplate": text,
            }  # fmt: skip


def _dashes(top: float, bottom: float, turn: int, number: int) -> list[float | None]:
    """Ends of the dashes, None after each, of line `turn` of `number` lines in one place that take turns."""
    ends = [top * (bottom / top) ** (i / 12) for i in range(13)]
    return [y for i in range(turn, 12, max(number, 2)) for y in (ends[i], ends[i + 1], None)]


def _curve_traces(learner: str, curve: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The band, then the curve over it."""
    colour = style.learner_colour(learner)
    band = panels.finite(curve, "low", "high")
    yield {
        "type": "scatter", "mode": "lines", "x": [*band["num_examples"], *band["num_examples"][::-1]],
        "y": [*band["low"], *band["high"][::-1]], "fill": "toself", "fillcolor": _translucent(colour), "line": {"width": 0},
        "hoverinfo": "skip", "legendgroup": learner,
    }  # fmt: skip
    seen = [[_number(r.low), _number(r.high), r.num_seeds, _number(r.accuracy, ".3f")] for r in curve.itertuples()]
    yield {
        "type": "scatter", "mode": "lines+markers", "x": list(curve["num_examples"]), "y": list(curve["loss_nats"]),
        "name": html.escape(str(curve["label"].iloc[0])), "line": {"color": colour, "width": 2.2}, "marker": {"size": 6},
        "legendgroup": learner, "customdata": seen,
        "hovertemplate": "<b>%{fullData.name}</b><br>P = %{x:,d}<br>loss %{y:.4f} nats [%{customdata[0]}, %{customdata[1]}]"
        "<br>accuracy %{customdata[3]}<br>seeds: %{customdata[2]}<extra></extra>",
    }  # fmt: skip


def _threshold_traces(thresholds: pd.DataFrame, heights: dict[int, float]) -> Iterator[dict[str, Any]]:
    for row in panels.finite(thresholds, "measured").itertuples():
        if row.level not in heights or row.level - 1 not in heights:
            continue
        colour = style.learner_colour(row.learner)
        text = f"<b>P<sub>{row.level}</sub> measured: {row.measured:,.0f}</b> [{_number(row.low, ',.0f')}, {_number(row.high, ',.0f')}]"
        text += f"<br>{html.escape(row.label)}<br>predicted: {_number(row.predicted, ',.0f')}<extra></extra>"
        trace = {
            "type": "scatter", "mode": "markers", "x": [row.measured], "y": [half_way(heights, row.level)],
            "marker": {"symbol": "diamond", "size": 12, "color": colour, "line": {"color": "white", "width": 1.5}},
            "hovertemplate": text, "legendgroup": row.learner,
        }  # fmt: skip
        if math.isfinite(row.low) and math.isfinite(row.high):
            trace["error_x"] = {
                "type": "data", "symmetric": False, "array": [row.high - row.measured], "width": 0, "thickness": 1.6,
                "arrayminus": [row.measured - row.low], "color": colour,
            }  # fmt: skip
        yield trace


def _legend(analysis: Analysis) -> Iterator[dict[str, Any]]:
    """Entries without data: clicking a learner or a law hides it in every panel."""
    for learner, label in panels.learners(analysis).items():
        colour = style.learner_colour(learner)
        yield {
            "type": "scatter", "mode": "lines+markers", "x": [None], "y": [None], "name": html.escape(label),
            "line": {"color": colour, "width": 2.2}, "marker": {"size": 6}, "legendgroup": learner,
        }  # fmt: skip
    for law in analysis.tables["predictions"]["law"].unique():
        yield {
            "type": "scatter", "mode": "lines", "x": [None], "y": [None], "name": f"predicted, {html.escape(law)}",
            "line": {"color": style.law_colour(law), "width": 2, "dash": "dash"}, "legendgroup": f"law {law}",
        }  # fmt: skip
    diamond = {"symbol": "diamond", "size": 11, "color": style.SOFT_INK}
    yield {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": "measured threshold", "marker": diamond}


def _translucent(colour: str) -> str:
    return f"rgba({int(colour[1:3], 16)},{int(colour[3:5], 16)},{int(colour[5:7], 16)},0.18)"


def _number(value: float, form: str = ".4f") -> str:
    return format(value, form) if math.isfinite(value) else "–"


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
