"""What interactive figures share: panels side by side, one look of axes and legends, and plain JSON values."""

from __future__ import annotations

import math
from typing import Any

from syntagma.report import style

COLUMN_GAP = 0.08
"""Of the figure's width."""
ROW_PIXELS = 340
ROW_GAP_PIXELS = 90
AXIS_TITLE = {"standoff": 8, "font": {"size": 13}}
AXIS_LOOK: dict[str, Any] = {
    "showgrid": False,
    "zeroline": False,
    "showline": True,
    "linecolor": style.SOFT_INK,
    "ticks": "outside",
    "tickcolor": style.SOFT_INK,
    "tickfont": {"size": 12},
}


def suffix(place: int) -> str:
    """What Plotly calls the axes of panel number `place`: "", "2", "3" .."""
    return "" if place == 0 else str(place + 1)


def domains(place: int, rows: int, columns: int) -> tuple[list[float], list[float]]:
    """The horizontal and the vertical share of the figure that panel number `place` takes."""
    row, column = divmod(place, columns)
    row_gap = ROW_GAP_PIXELS / plotted_pixels(rows)
    return _share(column, columns, COLUMN_GAP), _share(rows - 1 - row, rows, row_gap)


def plotted_pixels(rows: int) -> int:
    """Height of all panels with the gaps between them."""
    return ROW_PIXELS * rows + ROW_GAP_PIXELS * (rows - 1)


def empty_layout(rows: int) -> dict[str, Any]:
    """A figure of so many rows of panels, with its legend below."""
    plotted = plotted_pixels(rows)
    return {
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


def panel_title(text: str, place: int) -> dict[str, Any]:
    """The title of a panel as an annotation; `text` is HTML."""
    return {
        "text": text,
        "xref": f"x{suffix(place)} domain",
        "yref": f"y{suffix(place)} domain",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 8,
        "showarrow": False,
    }


def translucent(colour: str) -> str:
    """`#rrggbb` as the colour of a band."""
    return f"rgba({int(colour[1:3], 16)},{int(colour[3:5], 16)},{int(colour[5:7], 16)},0.18)"


def json_values(value: Any) -> Any:
    """`value` as JSON values: six digits are more than a screen shows, and NaN becomes None."""
    if isinstance(value, dict):
        return {name: json_values(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [json_values(inner) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def _share(index: int, number: int, gap: float) -> list[float]:
    width = (1 - gap * (number - 1)) / number
    return [index * (width + gap), min(1.0, index * (width + gap) + width)]
