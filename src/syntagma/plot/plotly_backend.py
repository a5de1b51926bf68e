"""Figures for Plotly, for pages: plain JSON values, no Plotly import needed; the same marks as on paper, and numbers.

Every trace or annotation that stands for a mark says which: `meta.mark` or `name` is `<panel>-<mark>`; `meta.key` is its
colour key and `meta.seed` its seed, by which a page can filter. A click in the legend hides a learner in all panels;
buttons change logarithmic axes to linear and back. `layout.meta.stacked` is a relayout that puts panels below each
other, for phones; `config` names the PNG that a reader downloads.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from syntagma.plot import geometry, palette
from syntagma.plot.figure import Figure, Panel
from syntagma.plot.geometry import Frame
from syntagma.plot.marks import (
    Band,
    Bars,
    Dots,
    Empty,
    Heat,
    Law,
    Level,
    Line,
    Mark,
    Points,
    Text,
    Tree,
    VerticalLine,
)  # fmt: skip

_WEIGHTS = {"thin": 1.0, "normal": 2.0, "thick": 2.4}
_DASHES = {"solid": "solid", "dashed": "dash", "dotted": "dot", "dashdot": "dashdot"}
_SYMBOLS = {
    "o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross", "X": "x",
    "*": "star", "<": "triangle-left", ">": "triangle-right", "p": "pentagon", "h": "hexagon", "d": "diamond-tall",
    "_": "line-ew", "|": "line-ns", "": "circle",
}  # fmt: skip
_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "Delta": "Δ", "infty": "∞", "times": "×", "sigma": "σ",
          "lambda": "λ", "kappa": "κ", "ell": "ℓ", ",": "\u2009", "min": "min", "ln": "ln", "log": "log"}  # fmt: skip


def spec(figure: Figure, *, dark: bool = False, title: bool = True) -> dict[str, Any]:
    """`{"data": traces, "layout": layout}`, JSON values only (None for NaN)."""
    colours = figure.colours(dark=dark)
    frames = geometry.frames(figure)
    ink, soft, back = (palette.assigned([key], dark=dark)[key] for key in ("ink", "soft", "faint"))
    columns = min(figure.columns, len(figure.panels))
    layout: dict[str, Any] = {
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": ink},
        "paper_bgcolor": palette.BACKGROUND[dark],
        "plot_bgcolor": palette.BACKGROUND[dark],
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "bgcolor": palette.BACKGROUND[dark], "font": {"color": ink}},
        "barmode": "overlay",
        "annotations": [],
        "meta": {"name": figure.name, "stacked": _places(figure, 1)},
        "updatemenus": _scale_buttons(figure, frames, soft),
    }
    if title:
        layout["title"] = {
            "text": f"<b>{html_text(figure.title)}</b>",
            "x": 0,
            "xref": "paper",
            "y": 0.985,
            "yref": "container",
            "yanchor": "top",
            "font": {"size": 15},
        }
    data: list[dict[str, Any]] = []
    for place, (panel, frame) in enumerate(zip(figure.panels, frames, strict=True)):
        pen = _Pen(panel, frame, colours, place, dark, soft)
        for side in "xy":
            layout[f"{side}axis{_end(place)}"] = pen.axis(side, back, geometry.axis_label(figure, place, side, columns))
        data += pen.traces()
        layout["annotations"] += pen.annotations()
        layout |= pen.colour_axes
    for path, value in _places(figure, columns).items():  # as "xaxis.domain"
        *outer, last = path.split(".")
        inner = layout
        for name in outer:
            inner = inner.setdefault(name, {})
        inner[last] = value
    data += _legend(figure, colours, dark)
    return _json({"data": data, "layout": layout})


def config(figure: Figure) -> dict[str, Any]:
    """Plotly's settings for it: no logo, as wide as its place, a PNG named as the figure at three times the size."""
    image = {"filename": figure.name, "format": "png", "scale": 3}
    return {"responsive": True, "displaylogo": False, "toImageButtonOptions": image}


def html_text(text: str) -> str:
    """A text with formulas as HTML: `$m^{2}$` becomes `<i>m</i><sup>2</sup>`."""
    parts = text.split("$")
    return "".join(_formula(part) if i % 2 else html.escape(part, quote=False) for i, part in enumerate(parts))


def _formula(text: str) -> str:
    text = html.escape(text, quote=False)
    text = re.sub(r"\\(?:mathrm|text)\{([^}]*)\}", r"\1", text)
    text = re.sub(r"\\([A-Za-z]+|,)", lambda match: _GREEK.get(match[1], match[1]), text)
    for sign, tag in (("_", "sub"), ("\\^", "sup")):
        text = re.sub(sign + r"(?:\{([^}]*)\}|(\S))", rf"<{tag}>\1\2</{tag}>", text)
    return re.sub(r"(?<![A-Za-z<>/&])([A-Za-z])(?![A-Za-z>;])", r"<i>\1</i>", text)


class _Pen:
    """Makes the traces of one panel."""

    def __init__(self, panel: Panel, frame: Frame, colours: dict[str, str], place: int, dark: bool, soft: str) -> None:
        self.panel, self.frame, self.colours, self.place = panel, frame, colours, place
        self.dark, self.soft, self.colour_axes = dark, soft, dict[str, Any]()
        self.on = {"xaxis": f"x{_end(place)}", "yaxis": f"y{_end(place)}"}

    def axis(self, side: str, grid: str, label: str) -> dict[str, Any]:
        axis, frame = getattr(self.panel, side), self.frame
        ends, log = getattr(frame, side), axis.scale == "log"
        ticks = geometry.ticks(axis, ends)
        return {
            "type": "log" if log else "linear", "range": _range(ends, log), "anchor": f"{'xy'[side == 'x']}{_end(self.place)}",
            "title": {"text": html_text(label), "font": {"size": 12}, "standoff": 6}, "gridcolor": grid,
            "tickmode": "array", "tickvals": [at for at, _ in ticks], "ticktext": [html_text(text) for _, text in ticks],
            "zeroline": False, "showgrid": axis.scale != "category", "visible": not geometry.is_bare(self.panel),
            "linecolor": self.soft, "automargin": True,
        }  # fmt: skip

    def traces(self) -> Iterator[dict[str, Any]]:
        for number, mark in enumerate(self.panel.marks):
            seeds = set(dict(mark.hover).get("seed", ()))
            meta = {"mark": f"{self.place}-{number}", "key": mark.key}
            meta |= {"seed": next(iter(seeds))} if len(seeds) == 1 else {}
            common = {"meta": meta, "legendgroup": _group(mark), "showlegend": False, **self.on}
            for trace in self._traces_of(mark, self.colours[mark.key]):
                yield {"type": "scatter", "name": html_text(mark.label), **common, **trace}
        names = [(i, name, self._across(0.999), self._up(at), "middle right")
                 for i, name, _, at in geometry.margin_names(self.panel, self.frame)]  # fmt: skip
        for i, name, x, y in geometry.line_names(self.panel, self.frame):
            names.append((i, name, self._across(x), self._up(y), "bottom center"))
        for i, name, x, y, side in names:
            mark = self.panel.marks[i]
            yield {"type": "scatter", "legendgroup": _group(mark), **self._words(x, y, name, side, mark.key), **self.on}

    def annotations(self) -> Iterator[dict[str, Any]]:
        """The panel's title, its notes, and words that are placed by fractions of the panel."""
        yield self._fixed(0, 1, f"<b>{html_text(self.panel.title)}</b>", "left", "bottom") | {"yshift": 6}
        corner, _ = geometry.free_corner(self.panel, self.frame)
        side, end = corner.split()
        for row, note in enumerate(self.panel.notes if end == "top" else self.panel.notes[::-1]):
            x, y = (0.02 if side == "left" else 0.98), (0.99 if end == "top" else 0.02)
            words = self._fixed(x, y, html_text(note.text), side, end) | {
                "yshift": -17 * row * (1 if end == "top" else -1)
            }
            yield words | {"font": {"size": 12, "color": palette.text(self.colours[note.key], dark=self.dark)}}
        for number, mark in enumerate(self.panel.marks):
            name = {"name": f"{self.place}-{number}"}
            if isinstance(mark, Empty):  # its trace, without data, makes Plotly keep the axes that it refers to
                text = "<br>".join(re.findall(r".{1,36}(?:\s|$)", html_text(mark.reason)))
                yield self._fixed(0.5, 0.5, text, "center", "middle") | name | {"font": {"color": self.soft}}
            elif isinstance(mark, Text) and mark.of == "panel":
                side, _, up = mark.anchor.partition(" ")
                yield self._fixed(mark.x, mark.y, html_text(mark.text), side, up or "middle") | name

    def _fixed(self, x: float, y: float, text: str, side: str, up: str) -> dict[str, Any]:
        refs = {"xref": f"{self.on['xaxis']} domain", "yref": f"{self.on['yaxis']} domain", "showarrow": False}
        return {"x": x, "y": y, "text": text, "xanchor": side, "yanchor": up, "align": side, **refs}

    def _traces_of(self, mark: Mark, colour: str) -> Iterator[dict[str, Any]]:
        if isinstance(mark, Dots):
            mark = mark.as_points()
        if isinstance(mark, Line):
            line = {"color": colour, "width": _WEIGHTS[mark.weight], "dash": _DASHES[mark.dash]}
            shape = {"mode": "lines+markers", "marker": {"symbol": _SYMBOLS[mark.marker], "size": 6, "color": colour}}
            faint = {"opacity": 0.6} if mark.weight == "thin" else {}
            yield {"mode": "lines", "x": mark.x, "y": mark.y, "line": line, **faint, **(shape if mark.marker else {}),
                   **self._hover(mark, mark.x)}  # fmt: skip
        elif isinstance(mark, Band):
            low, high = ([self.frame.inside(end, "y") for end in _column(ends)] for ends in (mark.low, mark.high))
            x = [self.frame.inside(place, "x") for place in mark.x]
            yield {"mode": "lines", "x": [*x, *x[::-1]], "y": [*low, *high[::-1]], "fill": "toself", "hoverinfo": "skip",
                   "fillcolor": _translucent(colour), "line": {"width": 0}}  # fmt: skip
        elif isinstance(mark, Points):
            yield from self._points(mark, colour)
        elif isinstance(mark, Law | VerticalLine):
            yield from self._guide(mark, colour)
        elif isinstance(mark, Level):
            x = [self._across(i / 40) for i in range(41)]  # points to point at, all along the line
            line = {"color": colour, "width": _WEIGHTS[mark.weight], "dash": _DASHES[mark.dash]}
            name = html_text(mark.name or mark.label)
            text = f"<b>{name}</b> {mark.height:.4g}<extra></extra>"
            yield {"mode": "lines", "x": x, "y": [mark.height] * 41, "line": line, "hovertemplate": text}
        elif isinstance(mark, Text) and mark.of == "data":
            side, _, up = mark.anchor.partition(" ")
            turned = {"left": "right", "right": "left", "bottom": "top", "top": "bottom"}  # of the point, not the words
            place = f"{turned.get(up, 'middle')} {turned.get(side, 'center')}"
            yield self._words(mark.x, mark.y, mark.text, place, mark.key)
        elif isinstance(mark, Heat):
            yield from self._heat(mark)
        elif isinstance(mark, Bars):
            fill = colour if mark.filled else palette.BACKGROUND[self.dark]
            edge = {"color": palette.BACKGROUND[self.dark] if mark.filled else colour, "width": 1}
            yield {"type": "bar", "x": mark.x, "y": mark.height, "base": mark.bottom, "width": mark.width,
                   "marker": {"color": fill, "line": edge}, **self._hover(mark, mark.x)}  # fmt: skip
            ends = zip(mark.x, mark.height, _column(mark.low), _column(mark.high), strict=True)
            yield from self._intervals([(x, top, low, high, "y") for x, top, low, high in ends], self.soft)
        elif isinstance(mark, Empty):
            yield {"mode": "markers", "x": [None], "y": [None]}
        elif isinstance(mark, Tree):
            x, y = ([end for a, b in mark.edges for end in (of[a], of[b], None)] for of in (mark.x, mark.y))
            yield {"mode": "lines", "x": x, "y": y, "line": {"color": self.soft, "width": 1}, "hoverinfo": "skip"}
            inks = [palette.text(self.colours[key], dark=self.dark) for key in mark.keys]
            yield {"mode": "markers+text", "x": mark.x, "y": mark.y, "text": [html_text(text) for text in mark.text],
                   "marker": {"size": 20, "color": palette.BACKGROUND[self.dark]}, "textfont": {"color": inks},
                   **self._hover(mark, mark.x)}  # fmt: skip

    def _points(self, mark: Points, colour: str) -> Iterator[dict[str, Any]]:
        places = list(zip(mark.x, mark.y, strict=True))
        ends = [
            (x, y, low, high, "y")
            for (x, y), low, high in zip(places, _column(mark.low), _column(mark.high), strict=True)
        ]
        ends += [
            (x, y, low, high, "x")
            for (x, y), low, high in zip(places, _column(mark.x_low), _column(mark.x_high), strict=True)
        ]
        yield from self._intervals(ends, colour)
        usual, upright = mark.marker or palette.marker(mark.key), mark.along == "y"
        bounds = {"at least": "^" if upright else ">", "at most": "v" if upright else "<"}
        symbols = [_SYMBOLS[bounds.get(bound, usual)] + ("" if mark.filled else "-open") for bound in mark.bound]
        flat = usual in "_|"
        edge = {
            "color": colour if flat or not mark.filled else palette.BACKGROUND[self.dark],
            "width": 2 if flat else 1,
        }
        text = {"text": [html_text(one) for one in mark.text], "textposition": "top center", "mode": "markers+text"}
        yield {"mode": "markers", "x": mark.x, "y": mark.y, **(text if mark.text else {}), **self._hover(mark, mark.x),
               "marker": {"symbol": symbols, "size": 9 * mark.size, "color": colour, "line": edge}}  # fmt: skip

    def _intervals(
        self, ends: Sequence[tuple[float, float, float, float, str]], colour: str
    ) -> Iterator[dict[str, Any]]:
        lines: list[tuple[float | None, float | None]] = []
        arrows: list[tuple[float, float, str]] = []
        for x, y, low, high, side in ends:
            if not math.isfinite(x + y) or (math.isnan(low) and math.isnan(high)):
                continue
            at, log = (y, self.frame.y_log) if side == "y" else (x, self.frame.x_log)
            for i, end in enumerate((low, high)):
                is_open = math.isinf(end) or (i == 0 and log and end <= 0)
                far = self.frame.moved(at, side, geometry.ARROW * (2 * i - 1)) if is_open else end
                if not math.isnan(far):
                    tip = (x, far) if side == "y" else (far, y)
                    lines += [(x, y), tip, (None, None)]
                    if is_open:
                        arrows.append((*tip, _SYMBOLS[("v^" if side == "y" else "<>")[i]]))
        if lines:
            yield {"mode": "lines", "x": [x for x, _ in lines], "y": [y for _, y in lines], "hoverinfo": "skip",
                   "line": {"color": colour, "width": 1.5}}  # fmt: skip
        if arrows:
            yield {"mode": "markers", "x": [x for x, _, _ in arrows], "y": [y for _, y, _ in arrows],
                   "hoverinfo": "skip", "marker": {"symbol": [one for _, _, one in arrows], "size": 7, "color": colour}}  # fmt: skip

    def _guide(self, mark: Law | VerticalLine, colour: str) -> Iterator[dict[str, Any]]:
        if isinstance(mark, Law):
            x, y, name = list(mark.x), list(mark.y), mark.name or mark.label
        else:
            low, high = (self.frame.inside(end, "y") for end in (mark.low, mark.high))
            shares = [self.frame.fraction(mark.place, end)[1] for end in (low, high)]
            y = [self._up(shares[0] + (shares[1] - shares[0]) * i / 12) for i in range(13)]
            x, name = [mark.place] * 13, mark.name or mark.label
        which, many = mark.turn
        dash = _DASHES[mark.dash]
        if many > 1 and len(x) > 2:  # Plotly's dashes cannot be shifted, so that pieces take turns
            pieces = range(which, len(x) - 1, many)
            x, y = ([one for i in pieces for one in (of[i], of[i + 1], None)] for of in (x, y))
            dash = "solid"
        text = f"<b>{html_text(name)}</b><br>{self._numbers()}{self._extras(mark)}<extra></extra>"
        yield {"mode": "lines", "x": x, "y": y, "line": {"color": colour, "width": 1.6, "dash": dash},
               "hovertemplate": text}  # fmt: skip
        if isinstance(mark, Law) and mark.name and mark.x:
            yield self._words(mark.x[-1], mark.y[-1], mark.name, "top right", mark.key)

    def _heat(self, mark: Heat) -> Iterator[dict[str, Any]]:
        finite = [value for row in mark.values for value in row if math.isfinite(value)] or [0.0, 1.0]
        anchors = palette.DIVERGING if mark.diverging else palette.SEQUENTIAL
        scale = [[i / 16, palette.graded(i / 16, anchors)] for i in range(17)]
        name = f"coloraxis{_end(self.place)}"
        self.colour_axes[name] = {
            "colorscale": scale, "cmin": min(finite) if mark.low is None else mark.low, "showscale": not mark.write,
            "cmax": max(finite) if mark.high is None else mark.high,
            "colorbar": {"title": {"text": html_text(mark.unit), "side": "right"}, "thickness": 10},
        }  # fmt: skip
        text = f"{html_text(self.panel.x.label) or 'x'} %{{x}}<br>{html_text(self.panel.y.label) or 'y'} %{{y}}<br>%{{z:.4g}}"
        yield {"type": "heatmap", "z": mark.values, "coloraxis": name, "hovertemplate": f"{text}<extra></extra>",
               "texttemplate": f"%{{z:{mark.write}}}" if mark.write else ""}  # fmt: skip

    def _hover(self, mark: Any, points: Sequence[float]) -> dict[str, Any]:
        """What pointing says: the name, both numbers, the interval, the run, the seed and other columns."""
        columns = dict(mark.hover)
        for low, high in (("low", "high"), ("x_low", "x_high")):
            ends = zip(_column(getattr(mark, low, ())), _column(getattr(mark, high, ())), strict=True)
            written = ["" if math.isnan(a) and math.isnan(b) else f"[{_written(a)}, {_written(b)}]" for a, b in ends]
            if any(written):
                columns.setdefault("interval", tuple(written))
        names = "".join(f"<br>{html.escape(name)} %{{customdata[{i}]}}" for i, name in enumerate(columns))
        head = f"<b>{html_text(mark.label)}</b><br>" if mark.label else ""
        rows = [list(row) for row in zip(*columns.values(), strict=True)] if columns else [[] for _ in points]
        return {"customdata": rows, "hovertemplate": f"{head}{self._numbers()}{names}<extra></extra>"}

    def _numbers(self) -> str:
        """Both coordinates, each with its axis's name and in its form."""
        parts = []
        for side in ("x", "y"):
            axis = getattr(self.panel, side)
            form = "" if axis.scale == "category" else ":.4~g" if side == "y" else ":,.5~g"
            parts.append(f"{html_text(axis.label)} %{{{side}{form}}}".strip())
        return "<br>".join(parts)

    @staticmethod
    def _extras(mark: Mark) -> str:
        return "".join(
            f"<br>{html.escape(name)} {html.escape(str(column[0]))}" for name, column in mark.hover if column
        )

    def _words(self, x: float, y: float, text: str, place: str, key: str) -> dict[str, Any]:
        tone = palette.text(self.colours[key], dark=self.dark)
        return {"mode": "text", "x": [x], "y": [y], "text": [html_text(text)], "textposition": place, "showlegend": False,
                "textfont": {"size": 12, "color": tone}, "cliponaxis": False, "hoverinfo": "skip"}  # fmt: skip

    def _up(self, share: float) -> float:
        return _at(share, self.frame.y, self.frame.y_log)

    def _across(self, share: float) -> float:
        return _at(share, self.frame.x, self.frame.x_log)


def _legend(figure: Figure, colours: dict[str, str], dark: bool) -> Iterator[dict[str, Any]]:
    """Entries without data: clicking one hides or shows its group in every panel."""
    for mark in figure.legend_entries():
        colour = colours[mark.key]
        look: dict[str, Any] = {"mode": "lines", "line": {"color": colour, "width": 2}}
        if isinstance(mark, Band | Bars):
            fill = _translucent(colour) if isinstance(mark, Band) else colour
            hollow = isinstance(mark, Bars) and not mark.filled
            edge = {"color": colour, "width": 1 if hollow else 0}
            shape = {
                "symbol": "square",
                "size": 13,
                "color": palette.BACKGROUND[dark] if hollow else fill,
                "line": edge,
            }
            look = {"mode": "markers", "marker": shape}
        elif isinstance(mark, Points | Dots):
            symbol = _SYMBOLS[mark.marker or palette.marker(mark.key)] + ("" if mark.filled else "-open")
            look = {"mode": "markers", "marker": {"symbol": symbol, "size": 9, "color": colour}}
        elif isinstance(mark, Line | Law | Level | VerticalLine):
            look["line"] |= {"dash": _DASHES[mark.dash]}
            if isinstance(mark, Line) and mark.marker:
                look |= {
                    "mode": "lines+markers",
                    "marker": {"symbol": _SYMBOLS[mark.marker], "size": 6, "color": colour},
                }
        yield {"type": "scatter", "x": [None], "y": [None], "name": html_text(mark.label), "legendgroup": _group(mark),
               "showlegend": True, "hoverinfo": "skip", "meta": {"key": mark.key}, **look}  # fmt: skip


def _group(mark: Mark) -> str:
    """What one click in the legend hides: all of a learner, its laws apart; of other things, those of one label."""
    if mark.key in ("ink", "soft", "plateau", "faint"):
        return f"{mark.key} {mark.label or type(mark).__name__}"
    return f"law {mark.key}" if isinstance(mark, Law | VerticalLine) else mark.key


def _places(figure: Figure, columns: int) -> dict[str, Any]:
    """A relayout: where panels, legend and colour bars are, with that many columns."""
    rows = math.ceil(len(figure.panels) / columns)
    plotted = rows * 330 - 60 if columns > 1 else rows * 380 - 60
    below = 75 + 22 * math.ceil(len(figure.legend_entries()) / (3 if columns > 1 else 2))
    across, down = 0.09 if columns > 1 else 0.0, 80 / plotted if rows > 1 else 0.0
    found: dict[str, Any] = {
        "height": plotted + 105 + below, "margin": {"l": 60, "r": 60, "t": 105, "b": below},
        "legend": {"orientation": "h", "x": 0, "y": -58 / plotted, "yanchor": "top", "groupclick": "togglegroup"},
    }  # fmt: skip
    for place, panel in enumerate(figure.panels):
        row, column = divmod(place, columns)
        x, y = _part(column, columns, across), _part(rows - 1 - row, rows, down)
        found |= {f"xaxis{_end(place)}.domain": x, f"yaxis{_end(place)}.domain": y}
        if any(isinstance(mark, Heat) for mark in panel.marks):
            bar = f"coloraxis{_end(place)}.colorbar"
            found |= {f"{bar}.x": x[1], f"{bar}.y": sum(y) / 2, f"{bar}.len": y[1] - y[0]}
    return found


def _part(index: int, number: int, gap: float) -> list[float]:
    size = (1 - gap * (number - 1)) / number
    return [max(0.0, index * (size + gap)), min(1.0, index * (size + gap) + size)]


def _scale_buttons(figure: Figure, frames: list[Frame], colour: str) -> list[dict[str, Any]]:
    """For x and y where any panel has a logarithmic axis: a pair of buttons."""
    menus = []
    for side in ("x", "y"):
        logs = [i for i, panel in enumerate(figure.panels) if getattr(panel, side).scale == "log"]
        if not logs:
            continue
        buttons = []
        for log, mode in ((True, "array"), (False, "auto")):
            change: dict[str, Any] = {}
            for i in logs:
                name = f"{side}axis{_end(i)}"
                ends = getattr(frames[i], side)
                change |= {f"{name}.type": "log" if log else "linear", f"{name}.tickmode": mode}
                change[f"{name}.range"] = _range(ends, log)
            label = f"{side}: {'log' if log else 'linear'}"
            buttons.append({"label": label, "method": "relayout", "args": [change]})
        menus.append({
            "type": "buttons", "direction": "right", "buttons": buttons, "x": 1, "xanchor": "right", "yanchor": "bottom", "y": 1, "pad": {"b": 28, "t": 0, "l": 0, "r": 150 if side == "x" else 0}, "font": {"size": 11, "color": colour},
            "showactive": True, "name": f"scale-{side}",
        })  # fmt: skip
    return menus


def _range(ends: tuple[float, float], log: bool) -> list[float]:
    return [math.log10(end) for end in ends] if log else list(ends)


def _at(share: float, ends: tuple[float, float], log: bool) -> float:
    low, high = ends
    return low * (high / low) ** share if log else low + share * (high - low)


def _end(place: int) -> str:
    """Plotly numbers its axes x, x2, x3, ..."""
    return "" if place == 0 else str(place + 1)


def _column(values: Any) -> Sequence[float]:
    return values


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
