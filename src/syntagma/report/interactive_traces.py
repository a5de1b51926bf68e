"""What the interactive learning curves draw in one panel, as Plotly traces; pointing at anything says its numbers."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from syntagma.report import panels, style
from syntagma.report.interactive_layout import translucent
from syntagma.report.learning_curves import half_way
from syntagma.studies.study import Analysis

_CURVE_TEXT = (
    "<b>%{fullData.name}</b><br>P = %{x:,d}<br>loss %{y:.4f} nats [%{customdata[0]}, %{customdata[1]}]"
    "<br>accuracy %{customdata[3]}<br>seeds: %{customdata[2]}<extra></extra>"
)


def panel_traces(analysis: Analysis, m: int) -> Iterator[dict[str, Any]]:
    """All that is drawn in the panel for m rules, from back to front."""
    heights = panels.plateaus(analysis, m)
    yield from _plateau_traces(analysis, m)
    yield from _prediction_traces(analysis, m, heights)
    for learner, curve in panels.rows_of(analysis, "curves", m).groupby("learner", sort=False):
        yield from _curve_traces(str(learner), curve.sort_values("num_examples"))
    yield from _threshold_traces(panels.rows_of(analysis, "thresholds", m), heights)


def _plateau_traces(analysis: Analysis, m: int) -> Iterator[dict[str, Any]]:
    (left, right), _ = panels.curve_limits(analysis)
    table = panels.rows_of(analysis, "plateaus", m)
    for row in panels.each_row(table):
        oracle = row.level == table["level"].max()
        width = {"color": style.INK, "width": 2.2} if oracle else {"color": style.PLATEAU, "width": 1}
        steps = [left * (right / left) ** (i / 40) for i in range(41)]  # points to point at, all along the line
        text = f"<b>L<sub>{row.level}</sub></b>{' (oracle)' if oracle else ''} = {row.loss_nats:.4f} nats"
        text += f"<br>standard error over grammars {_number(row.standard_error, '.2g')}<extra></extra>"
        yield {
            "type": "scatter",
            "mode": "lines",
            "x": steps,
            "y": [row.loss_nats] * 41,
            "line": width,
            "hovertemplate": text,
        }


def _prediction_traces(analysis: Analysis, m: int, heights: dict[int, float]) -> Iterator[dict[str, Any]]:
    for level, examples, same in panels.predicted_steps(analysis, m):
        laws = [f"<br>{html.escape(str(row.law))}: {html.escape(str(row.source))}" for row in panels.each_row(same)]
        text = f"<b>P<sub>{level}</sub> predicted: {examples:,.0f}</b>{''.join(laws)}<extra></extra>"
        for turn, law in enumerate(same["law"]):
            y = _dashes(heights[level - 1], heights[level], turn, len(same))
            yield {
                "type": "scatter",
                "mode": "lines",
                "x": [examples] * len(y),
                "y": y,
                "legendgroup": f"law {law}",
                "line": {"color": style.law_colour(law), "width": 2},
                "hovertemplate": text,
            }


def _dashes(top: float, bottom: float, turn: int, number: int) -> list[float | None]:
    """Ends of the dashes, None after each, of line `turn` of `number` lines in one place that take turns."""
    ends = [top * (bottom / top) ** (i / 12) for i in range(13)]
    return [y for i in range(turn, 12, max(number, 2)) for y in (ends[i], ends[i + 1], None)]


def _curve_traces(learner: str, curve: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The band, then the curve over it."""
    colour = style.learner_colour(learner)
    band = panels.finite(curve, "low", "high")
    yield {
        "type": "scatter",
        "mode": "lines",
        "x": [*band["num_examples"], *band["num_examples"][::-1]],
        "y": [*band["low"], *band["high"][::-1]],
        "fill": "toself",
        "fillcolor": translucent(colour),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "legendgroup": learner,
    }
    seen = [[_number(r.low), _number(r.high), r.num_seeds, _number(r.accuracy, ".3f")] for r in panels.each_row(curve)]
    yield {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(curve["num_examples"]),
        "y": list(curve["loss_nats"]),
        "name": html.escape(str(curve["label"].iloc[0])),
        "line": {"color": colour, "width": 2.2},
        "marker": {"size": 6},
        "legendgroup": learner,
        "customdata": seen,
        "hovertemplate": _CURVE_TEXT,
    }


def _threshold_traces(thresholds: pd.DataFrame, heights: dict[int, float]) -> Iterator[dict[str, Any]]:
    for row in panels.each_row(panels.finite(thresholds, "measured")):
        if row.level not in heights or row.level - 1 not in heights:
            continue
        colour = style.learner_colour(row.learner)
        low, high, predicted = (_number(value, ",.0f") for value in (row.low, row.high, row.predicted))
        text = f"<b>P<sub>{row.level}</sub> measured: {row.measured:,.0f}</b> [{low}, {high}]"
        text += f"<br>{html.escape(row.label)}<br>predicted: {predicted}<extra></extra>"
        trace = {
            "type": "scatter",
            "mode": "markers",
            "x": [row.measured],
            "y": [half_way(heights, row.level)],
            "marker": {"symbol": "diamond", "size": 12, "color": colour, "line": {"color": "white", "width": 1.5}},
            "hovertemplate": text,
            "legendgroup": row.learner,
        }
        if math.isfinite(row.low):
            trace["error_x"] = {
                "type": "data",
                "symmetric": False,
                "array": [row.high - row.measured if math.isfinite(row.high) else 0.9 * row.measured],
                "width": 0,
                "thickness": 1.6,
                "arrayminus": [row.measured - row.low],
                "color": colour,
            }
        yield trace


def _number(value: float, form: str = ".4f") -> str:
    return format(value, form) if math.isfinite(value) else "–"
