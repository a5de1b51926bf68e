"""The collapsed curves as a Plotly figure: pointing at a curve says its language, P and loss; clicking hides it."""

from __future__ import annotations

import html
import math
from typing import Any

from syntagma.report import panels, style
from syntagma.report.growth import (
    SHARES,
    growth_learners,
    growth_levels,
    language_name,
    parameter_colour,
    rescaled,
    varied,
)
from syntagma.report.interactive_layout import (
    AXIS_LOOK,
    AXIS_TITLE,
    domains,
    empty_layout,
    json_values,
    panel_title,
    suffix,
)
from syntagma.studies.study import Analysis

_TEXT = (
    "<b>%{fullData.name}</b><br>P = %{customdata[0]:,d}<br>P / predicted P<sub>l</sub> = %{x:.3g}"
    "<br>share of the step left %{y:.2f}<br>measured / predicted: %{customdata[1]}<extra></extra>"
)


def interactive_collapse(analysis: Analysis) -> dict[str, Any]:
    """`{"data": traces, "layout": layout}` of JSON values (None for NaN): panels and lines of `collapsed_curves`."""
    levels = growth_levels(analysis)
    rows, columns = panels.grid_shape(len(levels))
    layout = empty_layout(rows)
    data: list[dict[str, Any]] = []
    named: set[str] = set()
    for place, level in enumerate(levels):
        layout |= _axes(place, rows, columns)
        layout["annotations"].append(panel_title(f"<b>level {level}</b>", place))
        thresholds = panels.where(analysis.tables["thresholds"], part="growth", level=level)
        for row in panels.each_row(panels.finite(thresholds, "predicted")):
            trace = _trace(analysis, row)
            trace |= {"xaxis": f"x{suffix(place)}", "yaxis": f"y{suffix(place)}"}
            data.append(trace | {"showlegend": trace["name"] not in named})
            named.add(trace["name"])
    return json_values({"data": data, "layout": layout})


def _trace(analysis: Analysis, row: Any) -> dict[str, Any]:
    curve = rescaled(analysis, row)
    learners = growth_learners(analysis)
    name = language_name(analysis, row) + (f", {row.label}" if len(learners) > 1 else "")
    ratio = f"{row.ratio:.2f}" if math.isfinite(row.ratio) else html.escape(str(row.note))
    line = {"color": parameter_colour(varied(analysis, row)), "width": 1.8}
    line["dash"] = "solid" if row.learner == next(iter(learners)) else "dash"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(curve["x"]),
        "y": list(curve["left"]),
        "customdata": [[int(number), ratio] for number in curve["num_examples"]],
        "name": name,
        "legendgroup": name,
        "line": line,
        "marker": {"size": 6},
        "hovertemplate": _TEXT,
    }


def _axes(place: int, rows: int, columns: int) -> dict[str, Any]:
    x_domain, y_domain = domains(place, rows, columns)
    x_axis = {**AXIS_LOOK, "type": "log", "domain": x_domain, "anchor": f"y{suffix(place)}", "dtick": 1}
    x_axis |= {"title": {"text": "P / predicted P<sub>l</sub>", **AXIS_TITLE}, "exponentformat": "power"}
    y_axis = {**AXIS_LOOK, "domain": y_domain, "anchor": f"x{suffix(place)}", "range": list(SHARES)}
    y_axis |= {"zeroline": True, "zerolinecolor": style.PLATEAU}
    if place % columns == 0:
        y_axis["title"] = {"text": "share of the step left", **AXIS_TITLE}
    if place:
        y_axis["matches"] = "y"
    return {f"xaxis{suffix(place)}": x_axis, f"yaxis{suffix(place)}": y_axis}
