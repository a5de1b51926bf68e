"""Figures drawn by matplotlib, for papers: 7 to 8 point text at the width it is printed, legends outside the panels.

Every artist that stands for a mark has the gid `mark-<panel>-<mark>`.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure as Drawing
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from syntagma.errors import invalid
from syntagma.plot import geometry, palette
from syntagma.plot.figure import Figure, Panel
from syntagma.plot.geometry import Frame
from syntagma.plot.marks import (
    Axis,
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

_WEIGHTS = {"thin": 0.7, "normal": 1.2, "thick": 1.6}
_DASHES: dict[str, Any] = {"solid": "-", "dashed": (0, (4, 2)), "dotted": (0, (1, 1.6)), "dashdot": (0, (5, 2, 1, 2))}
_INK, _SOFT, _PLATEAU = (palette.assigned([key])[key] for key in ("ink", "soft", "plateau"))
_SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that every machine draws the same
    "font.size": 7.5,
    "mathtext.fontset": "dejavusans",
    "text.color": _INK,
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _INK,
    "axes.labelsize": 7.5,
    "axes.labelpad": 2.5,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.titlepad": 4,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "legend.handlelength": 1.8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",  # text stays text: it can be searched and copied, and is a third of the size of outlines
    "svg.hashsalt": "syntagma",  # the same figure gives the same file
    "pdf.fonttype": 42,  # fonts are embedded whole, as journals ask
}


@contextmanager
def look() -> Iterator[None]:
    """The project's look, for whatever is drawn or saved inside; matplotlib's settings are as before afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast("Any", _SETTINGS))
        yield


def draw(figure: Figure, width: float = 6.8, *, title: bool = True) -> tuple[Drawing, list[Axes]]:
    """`figure` as a matplotlib figure, `width` inches wide, with the axes of its panels."""
    if not 2 <= width <= 40:
        raise invalid("width", width, "it is in inches, from 2 to 40", "Give 3.3 for a column, 6.8 for a page")
    with look():
        columns = max(1, min(figure.columns, len(figure.panels), int(width / figure.panel_width)))
        rows = math.ceil(len(figure.panels) / columns)
        entries = figure.legend_entries()
        legend_columns, legend_rows = _legend_shape(entries, width)
        head = _wrapped(figure.title, width, 8) if title else ""
        outside = 0.14 * (head.count("\n") + 1 if head else 0) + 0.16 * legend_rows + 0.1
        panel = min(width / columns, 4.2)
        height = rows * (max(panel - 0.35, 1.5) * figure.panel_height + 0.42) + outside
        drawing = Drawing(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03))
        FigureCanvasAgg(drawing)
        grid = drawing.subplots(rows, columns, squeeze=False)
        all_axes = list(grid.flat[: len(figure.panels)])
        for spare in grid.flat[len(figure.panels) :]:
            spare.remove()
        if head:
            drawing.suptitle(head, x=0.01, ha="left", fontsize=8, fontweight="bold", linespacing=1.15)
        colours = figure.colours()
        for place, (axes, frame) in enumerate(zip(all_axes, geometry.frames(figure), strict=True)):
            labels = {side: geometry.axis_label(figure, place, side, columns) for side in "xy"}
            _Pen(axes, figure.panels[place], frame, colours, place).draw(width / columns, labels)
        if entries:
            drawing.legend(
                handles=[_handle(mark, colours) for mark in entries], labels=[mark.label for mark in entries],
                loc="outside lower center", ncols=legend_columns, columnspacing=1.4, handletextpad=0.5,
            )  # fmt: skip
        _settle(drawing)
        return drawing, all_axes


def _settle(drawing: Drawing) -> None:
    """Compute the layout once and keep it, so that it is the same in every format, and quicker to save."""
    engine = drawing.get_layout_engine()
    if engine is not None:
        engine.execute(drawing)
        drawing.set_layout_engine("none")


class _Pen:
    """Draws the marks of one panel."""

    def __init__(self, axes: Axes, panel: Panel, frame: Frame, colours: dict[str, str], place: int) -> None:
        self.axes, self.panel, self.frame, self.colours, self.place = axes, panel, frame, colours, place

    def draw(self, inches: float, labels: dict[str, str]) -> None:
        axes, panel = self.axes, self.panel
        bare = geometry.is_bare(panel)
        axes.set_title(_wrapped(panel.title, inches - 0.35, 8), linespacing=1.1)
        if bare:
            axes.set_axis_off()
        self._axis("x", panel.x, inches, labels["x"])
        self._axis("y", panel.y, inches, labels["y"])
        axes.set_xlim(*self.frame.x)
        axes.set_ylim(*self.frame.y)
        for number, mark in enumerate(panel.marks):
            colour = self.colours[mark.key]
            for artist in _DRAWERS[type(mark)](self, mark, colour):
                artist.set_gid(f"mark-{self.place}-{number}")
        self._names()
        self._notes()

    def _axis(self, side: str, axis: Axis, inches: float, label: str) -> None:
        name = self.axes.xaxis if side == "x" else self.axes.yaxis
        if axis.scale == "log":
            (self.axes.set_xscale if side == "x" else self.axes.set_yscale)("log")
        ticks = geometry.ticks(axis, getattr(self.frame, side))
        name.set_major_locator(FixedLocator([at for at, _ in ticks]))
        name.set_major_formatter(FixedFormatter([text for _, text in ticks]))
        name.set_minor_locator(NullLocator())
        name.set_label_text(_wrapped(label, self._plotted(inches) if side == "x" else 0.7 * inches, 7.5))
        if axis.scale == "category":
            name.set_tick_params(length=0)
            if (
                side == "x"
                and ticks
                and max(len(text) for _, text in ticks) * 0.056 + 0.04 > (inches - 0.75) / len(ticks)
            ):
                self.axes.tick_params(axis="x", labelrotation=30)
                for text in self.axes.get_xticklabels():
                    text.set(ha="right", rotation_mode="anchor")

    def _plotted(self, inches: float) -> float:
        """About how wide the axes will be, between the numbers at the left and the names at the right."""
        left = [_inches(text, 7) for _, text in geometry.ticks(self.panel.y, self.frame.y)]
        right = [_inches(name, 7) + 0.1 for _, name, _, _ in geometry.margin_names(self.panel, self.frame)]
        return inches - 0.25 - max(left, default=0.0) - max(right, default=0.0)

    def _names(self) -> None:
        for number, name, end, place in geometry.margin_names(self.panel, self.frame):
            mark = self.panel.marks[number]
            exact = isinstance(mark, Level) and mark.weight == "thick"
            self.axes.annotate(
                name, xy=end, xycoords="axes fraction", xytext=(1.05, place), textcoords="axes fraction",
                va="center", ha="left", fontsize=7, annotation_clip=False, fontweight="bold" if exact else "normal",
                color=palette.text(self.colours[mark.key]),
                arrowprops={"arrowstyle": "-", "color": _PLATEAU, "linewidth": 0.5, "shrinkA": 0.5,
                            "shrinkB": 0},
            )  # fmt: skip
        for number, name, x, y in geometry.line_names(self.panel, self.frame):
            self.axes.annotate(
                name, (x, y), (0, -1.5), xycoords="axes fraction", textcoords="offset points", ha="center", va="top",
                fontsize=7, color=palette.text(self.colours[self.panel.marks[number].key]), zorder=6,
                bbox={"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
            )  # fmt: skip

    def _notes(self) -> None:
        notes = self.panel.notes
        corner, _ = geometry.free_corner(self.panel, self.frame)
        side, end = corner.split()
        for row, note in enumerate(notes if end == "top" else notes[::-1]):
            down = (-2 - 9.2 * row) if end == "top" else (3 + 9.2 * row)
            words = self.axes.annotate(
                note.text, (0.0 if side == "left" else 1.0, 1.0 if end == "top" else 0.0), xycoords="axes fraction",
                xytext=(4 if side == "left" else -2, down), textcoords="offset points", ha=side, va=end, fontsize=7,
                color=palette.text(self.colours[note.key]), zorder=7,
            )  # fmt: skip
            words.set_in_layout(False)

    def line(self, mark: Line, colour: str) -> list[Artist]:
        return self.axes.plot(
            mark.x, mark.y, color=colour, linestyle=_DASHES[mark.dash], linewidth=_WEIGHTS[mark.weight],
            marker=mark.marker or None, markersize=3, markeredgewidth=0, alpha=0.55 if mark.weight == "thin" else 1,
            zorder=4,
        )  # fmt: skip

    def band(self, mark: Band, colour: str) -> list[Artist]:
        low, high = ([self.frame.inside(end, "y") for end in ends] for ends in (_tuple(mark.low), _tuple(mark.high)))
        x = [self.frame.inside(place, "x") for place in mark.x]
        return [self.axes.fill_between(x, low, high, color=colour, alpha=0.17, linewidth=0, zorder=2)]

    def points(self, mark: Points, colour: str) -> list[Artist]:
        artists: list[Artist] = []
        for i, (x, y) in enumerate(zip(mark.x, mark.y, strict=True)):
            if math.isfinite(x + y):
                artists += self._interval(x, y, _tuple(mark.low)[i], _tuple(mark.high)[i], "y", colour)
                artists += self._interval(x, y, _tuple(mark.x_low)[i], _tuple(mark.x_high)[i], "x", colour)
        usual = mark.marker or palette.marker(mark.key)
        face = colour if mark.filled else "white"
        groups: dict[str, list[int]] = {}
        for i, bound in enumerate(mark.bound):
            groups.setdefault(_triangle(bound, mark.along) or usual, []).append(i)
        edge = "white" if mark.filled and usual not in "_|" else colour
        for shape, members in groups.items():
            artists += self.axes.plot(
                [mark.x[i] for i in members], [mark.y[i] for i in members], linestyle="none", marker=shape, zorder=5,
                markersize=(4.8 if shape not in "_|" else 8) * mark.size, color=colour, markerfacecolor=face,
                markeredgecolor=edge, markeredgewidth=0.4 if mark.filled and usual not in "_|" else 1.0,
            )  # fmt: skip
        for x, y, text in zip(mark.x, mark.y, mark.text or ("",) * len(mark.x), strict=True):
            if text and math.isfinite(x + y):
                self.axes.annotate(
                    text, (x, y), (0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=7,
                    color=palette.text(colour), zorder=6,
                )  # fmt: skip
        return artists or self.axes.plot([], [])

    def _interval(self, x: float, y: float, low: float, high: float, side: str, colour: str) -> list[Artist]:
        """From low to high through (x, y), with a small triangle at an end that is open."""
        if math.isnan(low) and math.isnan(high):
            return []
        at, log = (y, self.frame.y_log) if side == "y" else (x, self.frame.x_log)
        ends, artists = [at, at], cast("list[Artist]", [])
        for i, end in enumerate((low, high)):
            is_open = math.isinf(end) or (i == 0 and log and end <= 0)
            if not math.isnan(end):
                far = at if is_open and math.isnan((low, high)[1 - i]) else end
                ends[i] = self.frame.moved(at, side, geometry.ARROW * (2 * i - 1)) if is_open else far
            if is_open:
                shape = ("v^" if side == "y" else "<>")[i]
                place = ([x], [ends[i]]) if side == "y" else ([ends[i]], [y])
                artists += self.axes.plot(*place, marker=shape, color=colour, markersize=3, linestyle="none", zorder=4)
        pair = ([x, x], ends) if side == "y" else (ends, [y, y])
        return artists + self.axes.plot(*pair, color=colour, linewidth=0.9, solid_capstyle="butt", zorder=3)

    def dots(self, mark: Dots, colour: str) -> list[Artist]:
        return self.points(mark.as_points(), colour)

    def law(self, mark: Law, colour: str) -> list[Artist]:
        lines = self.axes.plot(
            mark.x, mark.y, color=colour, linestyle=_turned(mark.dash, mark.turn), linewidth=1.0, zorder=2.5,
            dash_capstyle="butt",
        )  # fmt: skip
        if mark.name and mark.x:
            self.axes.annotate(
                mark.name, (mark.x[-1], mark.y[-1]), (2, 3), textcoords="offset points", fontsize=7, va="bottom",
                ha="left" if self.frame.fraction(mark.x[-1], mark.y[-1])[0] < 0.8 else "right",
                color=palette.text(colour), annotation_clip=False,
            )  # fmt: skip
        return cast("list[Artist]", lines)

    def level(self, mark: Level, colour: str) -> list[Artist]:
        width = {"thin": 0.7, "normal": 1.0, "thick": 1.4}[mark.weight]
        return [self.axes.axhline(mark.height, color=colour, linewidth=width, linestyle=_DASHES[mark.dash], zorder=1)]

    def vertical_line(self, mark: VerticalLine, colour: str) -> list[Artist]:
        ends = [self.frame.inside(end, "y") for end in (mark.low, mark.high)]
        return cast("list[Artist]", self.axes.plot(
            [mark.place] * 2, ends, color=colour, linewidth=1.0, linestyle=_turned(mark.dash, mark.turn), zorder=2,
            dash_capstyle="butt",
        ))  # fmt: skip

    def text(self, mark: Text, colour: str) -> list[Artist]:
        side, _, up = mark.anchor.partition(" ")
        up = {"middle": "center", "": "center"}.get(up, up)
        where = self.axes.transData if mark.of == "data" else self.axes.transAxes
        words = self.axes.text(mark.x, mark.y, mark.text, transform=where, ha=side, va=up, fontsize=7, zorder=6)
        words.set_color(palette.text(colour))
        return [words]

    def heat(self, mark: Heat, colour: str) -> list[Artist]:
        low, high = heat_limits(mark)
        anchors = palette.DIVERGING if mark.diverging else palette.SEQUENTIAL
        shades = ListedColormap([palette.graded(i / 255, anchors) for i in range(256)])
        edges = [[i - 0.5 for i in range(size + 1)] for size in (len(mark.values[0]), len(mark.values))]
        mesh = self.axes.pcolormesh(*edges, mark.values, cmap=shades, vmin=low, vmax=high, rasterized=False)
        if mark.write:
            for row, values in enumerate(mark.values):
                for column, value in enumerate(values):
                    back = palette.graded((value - low) / ((high - low) or 1), anchors)
                    tone = max(("#FFFFFF", _INK), key=lambda one: palette.contrast(one, back))
                    text = format(value, mark.write) if math.isfinite(value) else "–"
                    self.axes.text(column, row, text, ha="center", va="center", fontsize=7, color=tone)
        else:
            bar = self.axes.figure.colorbar(mesh, ax=self.axes, fraction=0.05, pad=0.02)
            bar.set_label(mark.unit)
            bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
        return [mesh]

    def bars(self, mark: Bars, colour: str) -> list[Artist]:
        drawn = self.axes.bar(
            mark.x, mark.height, mark.width, _tuple(mark.bottom), color=colour if mark.filled else "white", zorder=3,
            edgecolor="white" if mark.filled else colour, linewidth=0.6,
        )  # fmt: skip
        artists: list[Artist] = list(drawn.patches)
        for x, top, low, high in zip(mark.x, mark.height, _tuple(mark.low), _tuple(mark.high), strict=True):
            artists += self._interval(x, top, low, high, "y", _INK)
        return artists

    def tree(self, mark: Tree, colour: str) -> list[Artist]:
        artists: list[Artist] = []
        for above, below in mark.edges:
            x, y = ([values[above], values[below]] for values in (mark.x, mark.y))
            artists += self.axes.plot(x, y, color=_PLATEAU, linewidth=0.7, zorder=1)
        for x, y, text, key in zip(mark.x, mark.y, mark.text, mark.keys, strict=True):
            box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none"}
            tone = palette.text(self.colours[key])
            artists.append(self.axes.text(x, y, text, ha="center", va="center", fontsize=7, color=tone, bbox=box))
        return artists

    def empty(self, mark: Empty, colour: str) -> list[Artist]:
        inches = self.axes.get_window_extent().width / self.axes.figure.dpi
        text = _wrapped(mark.reason, inches, 7.5)
        words = self.axes.text(0.5, 0.5, text, transform=self.axes.transAxes, ha="center", va="center", color=_SOFT)
        words.set_in_layout(False)
        return [words]


_DRAWERS: dict[type[Mark], Callable[[_Pen, Any, str], list[Artist]]] = {
    Line: _Pen.line, Band: _Pen.band, Points: _Pen.points, Dots: _Pen.dots, Law: _Pen.law, Level: _Pen.level,
    VerticalLine: _Pen.vertical_line, Text: _Pen.text, Heat: _Pen.heat, Bars: _Pen.bars, Tree: _Pen.tree,
    Empty: _Pen.empty,
}  # fmt: skip


def heat_limits(mark: Heat) -> tuple[float, float]:
    """The numbers at both ends of a matrix's colours."""
    finite = [value for row in mark.values for value in row if math.isfinite(value)] or [0.0, 1.0]
    return min(finite) if mark.low is None else mark.low, max(finite) if mark.high is None else mark.high


def _handle(mark: Mark, colours: dict[str, str]) -> Artist:
    colour = colours[mark.key]
    if isinstance(mark, Band | Bars):
        bare = isinstance(mark, Bars) and not mark.filled
        alpha = 0.25 if isinstance(mark, Band) else 1
        return Patch(facecolor="white" if bare else colour, alpha=alpha, edgecolor=colour if bare else "none")
    if isinstance(mark, Points | Dots):
        shape = mark.marker or palette.marker(mark.key)
        face = colour if mark.filled else "white"
        return Line2D([], [], color=colour, marker=shape, linestyle="none", markersize=4.4, markerfacecolor=face)
    dash = _DASHES.get(getattr(mark, "dash", "solid"), "-")
    weight = 1.0 if isinstance(mark, Law | VerticalLine) else _WEIGHTS[getattr(mark, "weight", "normal")]
    marker = getattr(mark, "marker", "") or None
    return Line2D([], [], color=colour, linestyle=dash, linewidth=weight, marker=marker, markersize=3)


def _legend_shape(entries: list[Mark], width: float) -> tuple[int, int]:
    if not entries:
        return 1, 0
    widest = max(_inches(mark.label, 7) for mark in entries) + 0.5
    columns = max(1, min(len(entries), int((width - 0.1) / widest)))
    rows = math.ceil(len(entries) / columns)
    return math.ceil(len(entries) / rows), rows


def _turned(dash: str, turn: tuple[int, int]) -> Any:
    which, many = turn
    return (-4.0 * which, (4.0, 4.0 * (many - 1))) if many > 1 else _DASHES[dash]


def _triangle(bound: str, along: str) -> str:
    return {"": "", "at least": "^" if along == "y" else ">", "at most": "v" if along == "y" else "<"}[bound]


def _inches(text: str, points: float) -> float:
    """Width of a text, of formulas roughly."""
    return len(geometry.plain(text)) * 0.57 * points / 72


def _wrapped(text: str, inches: float, points: float) -> str:
    if "$" in text and _inches(text, points) < inches:
        return text
    return "\n".join(textwrap.wrap(text, max(8, int(inches * 72 / (0.57 * points))), break_long_words=False))


def _tuple(column: Any) -> tuple[float, ...]:
    return cast("tuple[float, ...]", column)
