"""Figures for Plotly, for pages: plain JSON values, no Plotly import needed; the same shapes as on paper, and numbers.

Every trace or annotation that stands for a mark says which: `meta.mark` or `name` is `<panel>-<mark>`; `meta.key` is
its colour key, `meta.seed` its seed and `meta.seeds` what it would show of each seed, by which a page can filter. A
click in the legend hides a learner in all panels; buttons change logarithmic axes to linear and back.
`layout.meta.stacked` is a relayout that puts panels below each other, for phones; `config` names the PNG that a reader
downloads.
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from syntagma.plot import geometry, names, palette
from syntagma.plot.content import Content, Panel
from syntagma.plot.geometry import Frame
from syntagma.plot.html_text import html_text
from syntagma.plot.marks import Band, Bars, Empty, Heat, Law, Level, Line, Mark, VerticalLine
from syntagma.plot.shapes import NOTE, Area, Shape, Spots, Stroke, Words, sample, shapes

_DASHES = {"solid": "solid", "dashed": "dash", "dotted": "dot", "dashdot": "dashdot"}
_SYMBOLS = {
    "o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross", "X": "x",
    "*": "star", "<": "triangle-left", ">": "triangle-right", "p": "pentagon", "h": "hexagon", "d": "diamond-tall",
    "_": "line-ew", "|": "line-ns",
}  # fmt: skip
_PIXELS = 1.6
"""Pixels of a line on a page for a point on paper."""
_NOTE = 17.5
"""Pixels of a line of notes."""


def spec(figure: Content, *, dark: bool = False, title: bool = True) -> dict[str, Any]:
    """`{"data": traces, "layout": layout}`, JSON values only (None for NaN)."""
    colours = palette.assigned([*figure.keys(), "ink", "soft", "plateau", "faint"], dark=dark)
    back, ink = palette.BACKGROUND[dark], colours["ink"]
    columns = min(figure.columns, len(figure.panels))
    frames = geometry.frames(figure)
    layout: dict[str, Any] = {
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": ink},
        "paper_bgcolor": back,
        "plot_bgcolor": back,
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "bgcolor": back, "font": {"color": ink}},
        "barmode": "overlay",
        "annotations": [],
        "meta": {"name": figure.name, "title": html_text(figure.title), "stacked": _places(figure, 1)},
        "updatemenus": [
            menu | {"bgcolor": back, "bordercolor": colours["soft"], "font": {"size": 11, "color": ink}}
            for menu in _scale_buttons(figure, frames)
        ],
    }
    if title:
        place = {"x": 0, "xref": "paper", "y": 0.985, "yref": "container", "yanchor": "top"}
        layout["title"] = {"text": f"<b>{html_text(figure.title)}</b>", "font": {"size": 15}, **place}
    data: list[dict[str, Any]] = []
    for place, (panel, frame) in enumerate(zip(figure.panels, frames, strict=True)):
        for side in "xy":
            axis = _axis(panel, frame, side, place, names.axis_label(figure, place, side, columns))
            layout[f"{side}axis{_end(place)}"] = axis | {"gridcolor": colours["faint"], "linecolor": colours["soft"]}
        above = 6 + _NOTE * _noted(figure, columns)
        words = _fixed(place, 0, 1, f"<b>{html_text(panel.title)}</b>", "left", "bottom", (0, above))
        layout["annotations"].append(words)
        for number, shape in shapes(panel, frame, _room(columns)):
            mark = panel.marks[number] if number >= 0 else None
            name = {} if mark is None else {"name": f"{place}-{number}"}
            if isinstance(shape, Words) and shape.panel:
                text = textwrap.fill(shape.text, 36) if isinstance(mark, Empty) else shape.text
                up, shift = shape.up.replace("center", "middle"), (shape.shift[0], _NOTE / NOTE * shape.shift[1])
                words = _fixed(place, shape.x, shape.y, html_text(text).replace("\n", "<br>"), shape.side, up, shift)
                tone = {"size": 12, "color": palette.text(colours[shape.key], dark=dark)}
                layout["annotations"].append(words | name | {"font": tone})
            if (
                mark is not None
            ):  # words that are fixed have an empty trace, so that Plotly keeps the axes they refer to
                trace = _trace(shape, mark, panel, colours, dark, f"coloraxis{_end(place)}")
                data.append(trace | _belongs(mark, f"{place}-{number}", place))
            if isinstance(shape, Heat):
                layout[f"coloraxis{_end(place)}"] = _colour_axis(shape)
    for path, value in _places(figure, columns).items():  # as "xaxis.domain"
        *outer, last = path.split(".")
        inner = layout
        for name in outer:
            inner = inner.setdefault(name, {})
        inner[last] = value
    data += [_entry(mark, colours, dark) for mark in figure.legend_entries()]
    return _json({"data": data, "layout": layout})


def config(figure: Content) -> dict[str, Any]:
    """Plotly's settings for it: no logo, as wide as its place, a PNG named as the figure at three times the size."""
    image = {"filename": figure.name, "format": "png", "scale": 3}
    return {"responsive": True, "displaylogo": False, "toImageButtonOptions": image}


def _trace(
    shape: Shape, mark: Mark, panel: Panel, colours: dict[str, str], dark: bool, colour_axis: str
) -> dict[str, Any]:
    colour, back = colours[shape.key], palette.BACKGROUND[dark]
    if isinstance(shape, Words):
        if shape.panel:
            return {"mode": "markers", "x": [None], "y": [None]}
        turned = {"left": "right", "right": "left", "bottom": "top", "top": "bottom"}  # of the point, not the words
        place = f"{turned.get(shape.up, 'middle')} {turned.get(shape.side, 'center')}"
        tone = {"size": 12, "color": palette.text(colour, dark=dark)}
        text = f"<b>{html_text(shape.text)}</b>" if shape.bold else html_text(shape.text)
        hides = shape.backing and shape.up == "center"  # lines end at the words; else a clear spot keeps them apart
        spot = {"size": 20 if hides else 8, "color": back, "opacity": float(hides)}
        return {"mode": "markers+text", "x": [shape.x], "y": [shape.y], "text": [text], "textposition": place,
                "textfont": tone, "marker": spot, "cliponaxis": False, "hoverinfo": "skip"}  # fmt: skip
    if isinstance(shape, Area):
        x, y = [*shape.x, *shape.x[::-1]], [*shape.low, *shape.high[::-1]]
        look = {"fillcolor": _translucent(colour), "line": {"width": 0}, "hoverinfo": "skip"}
        return {"mode": "lines", "x": x, "y": y, "fill": "toself", **look}
    if isinstance(shape, Heat):
        lines = [f"{html_text(axis.label) or side} %{{{side}}}" for side, axis in (("x", panel.x), ("y", panel.y))]
        text = "<br>".join([*lines, "%{z:.4g}<extra></extra>"])
        return {"type": "heatmap", "z": shape.values, "coloraxis": colour_axis, "hovertemplate": text,
                "texttemplate": f"%{{z:{shape.write}}}" if shape.write else ""}  # fmt: skip
    if isinstance(shape, Bars):
        look = {
            "color": colour if shape.filled else back,
            "line": {"color": back if shape.filled else colour, "width": 1},
        }
        return {"type": "bar", "x": shape.x, "y": shape.height, "base": shape.bottom, "width": shape.width,
                "marker": look, **_hover(mark, panel, len(shape.x))}  # fmt: skip
    common = {"x": shape.x, "y": shape.y}
    common |= _hover(mark, panel, len(shape.x)) if shape.hover else {"hoverinfo": "skip"}
    return common | (_stroke(shape, colour) if isinstance(shape, Stroke) else _spots(shape, colour, back))


def _stroke(shape: Stroke, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": _PIXELS * shape.width, "dash": _DASHES[shape.dash]}
    marked = {"marker": {"symbol": _SYMBOLS[shape.marker], "size": 6, "color": colour}} if shape.marker else {}
    return {
        "mode": "lines+markers" if marked else "lines",
        "line": line,
        "opacity": 0.6 if shape.faint else 1,
        **marked,
    }


def _spots(shape: Spots, colour: str, back: str) -> dict[str, Any]:
    symbols = [_SYMBOLS[marker] + ("" if shape.filled else "-open") for marker in shape.markers]
    flat = set(shape.markers) <= {"_", "|"}
    edge = {"color": colour if flat or not shape.filled else back, "width": 2 if flat else 1}
    return {"mode": "markers", "marker": {"symbol": symbols, "size": 9 * shape.size, "color": colour, "line": edge}}


def _belongs(mark: Mark, number: str, place: int) -> dict[str, Any]:
    """What says whose a trace is, and where."""
    seeds = set(dict(mark.hover).get("seed", ()))
    meta = {"mark": number, "key": mark.key} | ({"seed": next(iter(seeds))} if len(seeds) == 1 else {})
    each = {name.removeprefix("seed "): column for name, column in mark.hover if name.startswith("seed ")}
    meta |= ({"seeds": each} if each else {}) | ({"band": True} if isinstance(mark, Band) else {})
    axes = {"xaxis": f"x{_end(place)}", "yaxis": f"y{_end(place)}"}
    return {"meta": meta, "legendgroup": _group(mark), "showlegend": False, "name": html_text(mark.label), **axes}


def _hover(mark: Mark, panel: Panel, size: int) -> dict[str, Any]:
    """What pointing says: the name, both numbers, the interval, the run, the seed and other columns."""
    columns: dict[str, Sequence[Any]] = {}
    for name, column in mark.hover:
        columns[name] = column if len(column) == size else [column[0] if column else ""] * size
    for low, high in (("low", "high"), ("x_low", "x_high")):
        ends = list(zip(getattr(mark, low), getattr(mark, high), strict=True)) if low in mark.vectors else []
        if any(math.isfinite(end) for pair in ends for end in pair):
            columns.setdefault("interval", [f"[{_written(a)}, {_written(b)}]" for a, b in ends])
    name = getattr(mark, "name", "") or mark.label
    lines = [f"<b>{html_text(name)}</b>"] if name else []
    for side, axis, form in (("x", panel.x, ":,.5~g"), ("y", panel.y, ":.4~g")):
        lines.append(f"{html_text(axis.label)} %{{{side}{'' if axis.scale == 'category' else form}}}".strip())
    lines += [f"{html.escape(name)} %{{customdata[{i}]}}" for i, name in enumerate(columns)]
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return {"hovertemplate": "<br>".join(lines) + "<extra></extra>"} | ({"customdata": rows} if rows else {})


def _entry(mark: Mark, colours: dict[str, str], dark: bool) -> dict[str, Any]:
    """An entry of the legend, without data: a click hides or shows its group in every panel."""
    shape, colour, back = sample(mark), colours[mark.key], palette.BACKGROUND[dark]
    if isinstance(shape, Stroke | Spots):
        look = _stroke(shape, colour) if isinstance(shape, Stroke) else _spots(shape, colour, back)
    else:
        hollow = isinstance(shape, Bars) and not shape.filled
        fill = _translucent(colour) if isinstance(shape, Area) else back if hollow else colour
        edge = {"color": colour, "width": 1 if hollow else 0}
        look = {"mode": "markers", "marker": {"symbol": "square", "size": 13, "color": fill, "line": edge}}
    return {"x": [None], "y": [None], "name": html_text(mark.label), "legendgroup": _group(mark), "showlegend": True,
            "hoverinfo": "skip", "meta": {"key": mark.key}, **look}  # fmt: skip


def _group(mark: Mark) -> str:
    """What one click in the legend hides: all of a learner, its laws apart; of other things, those of one label."""
    if mark.key in palette.STRUCTURE or isinstance(mark, Level):
        return f"{mark.key} {mark.label or type(mark).__name__}"
    return f"law {mark.key}" if isinstance(mark, Law | VerticalLine) else mark.key


def _axis(panel: Panel, frame: Frame, side: str, place: int, label: str) -> dict[str, Any]:
    axis, ends = getattr(panel, side), getattr(frame, side)
    ticks, log = geometry.ticks(axis, ends), axis.scale == "log"
    return {
        "type": "log" if log else "linear", "range": _range(ends, log), "anchor": f"{'xy'[side == 'x']}{_end(place)}",
        "title": {"text": html_text(label), "font": {"size": 12}, "standoff": 6}, "tickmode": "array",
        "tickvals": [at for at, _ in ticks], "ticktext": [html_text(text) for _, text in ticks], "zeroline": False,
        "showgrid": axis.scale != "category", "visible": not geometry.is_bare(panel), "automargin": True,
    }  # fmt: skip


def _colour_axis(mark: Heat) -> dict[str, Any]:
    anchors = palette.DIVERGING if mark.diverging else palette.SEQUENTIAL
    scale = [[i / 16, palette.graded(i / 16, anchors)] for i in range(17)]
    bar = {"title": {"text": html_text(mark.unit), "side": "right"}, "thickness": 10}
    low, high = mark.ends()
    return {"colorscale": scale, "cmin": low, "cmax": high, "showscale": not mark.write, "colorbar": bar}


def _fixed(place: int, x: float, y: float, text: str, side: str, up: str, shift: tuple[float, float]) -> dict[str, Any]:
    """Words at fractions of a panel."""
    refs = {"xref": f"x{_end(place)} domain", "yref": f"y{_end(place)} domain", "showarrow": False}
    moved = {"xshift": shift[0], "yshift": shift[1]}
    return {"x": x, "y": y, "text": text, "xanchor": side, "yanchor": up, "align": side, **refs, **moved}


def _room(columns: int) -> int:
    """How many characters fit above a panel, on phones too."""
    return min(120 // columns - 6, 48)


def _noted(figure: Content, columns: int) -> int:
    """Rows of notes above the panels."""
    return max(names.note_grid(panel, _room(columns))[0] for panel in figure.panels)


def _places(figure: Content, columns: int) -> dict[str, Any]:
    """A relayout: where panels, legend and colour bars are, with that many columns."""
    rows = math.ceil(len(figure.panels) / columns)
    empty = all(geometry.is_empty(panel) for panel in figure.panels)
    plotted = rows * (170 if empty else 330 if columns > 1 else 420) - 60
    below = 75 + 22 * math.ceil(len(figure.legend_entries()) / (3 if columns > 1 else 2))
    notes = _NOTE * _noted(figure, min(figure.columns, len(figure.panels)))
    plotted, top = plotted + (rows - 1) * notes, 112 + notes
    across, down = 0.12 if columns > 1 else 0.0, ((80 if columns > 1 else 120) + notes) / plotted if rows > 1 else 0.0
    named = [mark.name for panel in figure.panels for mark in panel.marks if isinstance(mark, Level | Line)]
    right = 24 + 8 * max((len(geometry.plain(name)) for name in named), default=0)
    found: dict[str, Any] = {
        "height": plotted + top + below, "margin": {"l": 60, "r": right, "t": top, "b": below},
        "legend": {"orientation": "h", "x": 0, "y": -58 / plotted, "yanchor": "top", "groupclick": "togglegroup"},
    }  # fmt: skip
    for place, panel in enumerate(figure.panels):
        row, column = divmod(place, columns)
        x, y = _part(column, columns, across), _part(rows - 1 - row, rows, down)
        found |= {f"xaxis{_end(place)}.domain": x, f"yaxis{_end(place)}.domain": y}
        if panel.x.scale == "category":  # names turned, and small numbers, where there is no room
            letters = sum(len(geometry.plain(name)) + 1 for name in panel.x.categories)
            found[f"xaxis{_end(place)}.tickangle"] = -40 if letters * columns > (110 if columns > 1 else 34) else 0
            small = len(panel.x.categories) * columns > (40 if columns > 1 else 12)
            found |= {f"{side}axis{_end(place)}.tickfont.size": 8 if small else 12 for side in "xy"}
        if any(isinstance(mark, Heat) for mark in panel.marks):
            bar = f"coloraxis{_end(place)}.colorbar"
            found |= {f"{bar}.x": x[1], f"{bar}.y": sum(y) / 2, f"{bar}.len": y[1] - y[0]}
    return found


def _part(index: int, number: int, gap: float) -> list[float]:
    size = (1 - gap * (number - 1)) / number
    return [max(0.0, index * (size + gap)), min(1.0, index * (size + gap) + size)]


def _scale_buttons(figure: Content, frames: Sequence[Frame]) -> Iterator[dict[str, Any]]:
    """A pair of buttons for x, and one for y, where any panel has a logarithmic axis."""
    for side in ("x", "y"):
        logs = [i for i, panel in enumerate(figure.panels) if getattr(panel, side).scale == "log"]
        buttons = []
        for log, mode in ((True, "array"), (False, "auto")):
            change: dict[str, Any] = {}
            for i in logs:
                axis = f"{side}axis{_end(i)}"
                ends = _range(getattr(frames[i], side), log)
                change |= {f"{axis}.type": "log" if log else "linear", f"{axis}.tickmode": mode, f"{axis}.range": ends}
            name = f"{side}: {'log' if log else 'linear'}"
            buttons.append({"label": name, "method": "relayout", "args": [change]})
        if logs:
            place = {"x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "direction": "right", "type": "buttons"}
            notes = _NOTE * _noted(figure, min(figure.columns, len(figure.panels)))
            pad = {"b": 34 + notes, "t": 0, "l": 0, "r": 150 if side == "x" else 0}
            yield {"buttons": buttons, "pad": pad, "showactive": True, "name": f"scale-{side}", **place}


def _range(ends: tuple[float, float], log: bool) -> list[float]:
    return [math.log10(end) for end in ends] if log else list(ends)


def _end(place: int) -> str:
    """Plotly numbers its axes x, x2, x3, ..."""
    return "" if place == 0 else str(place + 1)


def _written(end: float) -> str:
    return f"{end:,.4g}" if math.isfinite(end) else "not known"


def _translucent(colour: str) -> str:
    return f"rgba({int(colour[1:3], 16)},{int(colour[3:5], 16)},{int(colour[5:7], 16)},0.18)"


def _json(value: Any) -> Any:
    """Six digits are more than a screen shows; what is not finite becomes None."""
    if isinstance(value, dict):
        return {name: _json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
