"""Figures drawn by matplotlib, for papers: 7 to 8 point text at the width it is printed, legends outside the panels.

Every artist that stands for a mark has the gid `mark-<panel>-<mark>`.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
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
from matplotlib.transforms import Bbox, offset_copy

from syntagma.errors import invalid
from syntagma.plot import geometry, names, palette
from syntagma.plot.content import Content, Panel
from syntagma.plot.marks import Bars, Heat, Mark
from syntagma.plot.shapes import NOTE, Area, Shape, Spots, Stroke, Words, sample, shapes

_DASHES: dict[str, Any] = {"solid": "-", "dashed": (0, (4, 2)), "dotted": (0, (1, 1.6)), "dashdot": (0, (5, 2, 1, 2))}
_COLOURS = palette.assigned(["ink", "soft", "plateau"])
_INK, _SOFT = _COLOURS["ink"], _COLOURS["soft"]
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
    **{f"{side}tick.{name}": value for side in "xy" for name, value in {
        "color": _SOFT, "labelcolor": _INK, "labelsize": 7, "major.width": 0.5, "major.size": 2.5, "major.pad": 2,
    }.items()},
    "legend.frameon": False,
    "legend.fontsize": 7,
    "legend.handlelength": 1.8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",  # text stays text: it can be searched and copied, and is a third of the size of outlines
    "svg.hashsalt": "syntagma",  # the same figure gives the same file
    "pdf.fonttype": 42,  # fonts are embedded whole, as journals ask
}  # fmt: skip


@contextmanager
def look() -> Iterator[None]:
    """The project's look, for whatever is drawn or saved inside; matplotlib's settings are as before afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast("Any", _SETTINGS))
        yield


def draw(figure: Content, width: float = 6.8, *, title: bool = True) -> tuple[Drawing, list[Axes]]:
    """`figure` as a matplotlib figure, `width` inches wide, with the axes of its panels."""
    if not 2 <= width <= 40:
        raise invalid("width", width, "it is in inches, from 2 to 40", "Give 3.3 for a column, 6.8 for a page")
    with look():
        columns = max(1, min(figure.columns, len(figure.panels), int(width / figure.panel_width)))
        rows = math.ceil(len(figure.panels) / columns)
        entries = figure.legend_entries()
        legend_columns, legend_rows = _legend_shape(entries, width)
        head = _wrapped(figure.title, width, 9.2) if title else ""  # of 8 points, but bold is wider
        outside = 0.14 * (head.count("\n") + 1 if head else 0) + 0.16 * legend_rows + 0.1
        panel = min(width / columns, 4.2)
        shape = 0.25 if all(geometry.is_empty(panel) for panel in figure.panels) else figure.panel_height
        frames = geometry.frames(figure)
        rooms = [_room(panel, frame, width / columns) for panel, frame in zip(figure.panels, frames, strict=True)]
        notes = [names.note_grid(panel, room)[0] for panel, room in zip(figure.panels, rooms, strict=True)]
        noted = [max(notes[first : first + columns]) for first in range(0, len(notes), columns)]  # row by row
        height = rows * (max(panel - 0.35, 1.5) * shape + 0.42) + sum(noted) * NOTE / 72 + outside
        drawing = Drawing(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03))
        FigureCanvasAgg(drawing)
        grid = drawing.subplots(rows, columns, squeeze=False)
        all_axes = list(grid.flat[: len(figure.panels)])
        for spare in grid.flat[len(figure.panels) :]:
            spare.remove()
        if head:
            drawing.suptitle(head, x=0.01, ha="left", fontsize=8, fontweight="bold", linespacing=1.15)
        colours = figure.colours() | _COLOURS
        for place, (axes, frame) in enumerate(zip(all_axes, frames, strict=True)):
            labels = [names.axis_label(figure, place, side, columns) for side in "xy"]
            _dress(axes, figure.panels[place], frame, width / columns, labels, 4 + NOTE * noted[place // columns])
            if "y" in figure.share and place % columns:
                axes.tick_params(labelleft=False)
            for number, shape in shapes(figure.panels[place], frame, rooms[place]):
                for artist in _drawn(axes, shape, colours, width / columns):
                    artist.set_gid(f"mark-{place}-{number}" if number >= 0 else None)
        if entries:
            drawing.legend(
                handles=[_handle(mark, colours) for mark in entries], labels=[mark.label for mark in entries],
                loc="outside lower center", ncols=legend_columns, columnspacing=1.4, handletextpad=0.5,
            )  # fmt: skip
        engine = drawing.get_layout_engine()
        if engine is not None:  # computed once and kept: the same in every format
            engine.execute(drawing)
            drawing.set_layout_engine(None)  # with any engine, "none" too, matplotlib draws twice to save once
        return drawing, all_axes


@contextmanager
def plain_fonts() -> Iterator[None]:
    """Fonts in PDFs without tables of how scripts are laid out: half of the time, and nothing that is drawn."""
    from fontTools.subset import Options

    usual = Options._drop_tables_default
    Options._drop_tables_default = [*usual, "GDEF", "GPOS", "GSUB"]
    try:
        yield
    finally:
        Options._drop_tables_default = usual


@contextmanager
def without_title(drawing: Drawing) -> Iterator[Bbox]:
    """What of a drawing is below its title, in inches, which is not shown inside."""
    words = cast("Any", drawing)._suptitle
    width, height = drawing.get_size_inches()
    if words is None:
        yield Bbox.from_extents(0, 0, width, height)
        return
    below = words.get_window_extent().y0 / drawing.dpi
    words.set_visible(False)
    yield Bbox.from_extents(0, 0, width, below)
    words.set_visible(True)


def _room(panel: Panel, frame: geometry.Frame, inches: float) -> int:
    """How many characters fit above a panel, which is `inches` wide with its names and numbers."""
    numbers = max((_inches(text, 7) for _, text in geometry.ticks(panel.y, frame.y)), default=0.0)
    return int((inches - 0.3 - numbers) / _inches("x", 7))


def _dress(axes: Axes, panel: Panel, frame: geometry.Frame, inches: float, labels: list[str], pad: float) -> None:
    """Title, so far above the axes, scales, limits and ticks of one panel; `inches` as in `_room`."""
    axes.set_title(_wrapped(panel.title, inches - 0.35, 8), linespacing=1.1, pad=pad)
    if geometry.is_bare(panel):
        axes.set_axis_off()
    left = [_inches(text, 7) for _, text in geometry.ticks(panel.y, frame.y)]
    right = [_inches(name, 7) + 0.1 for _, name, _, _ in names.margin_names(panel, frame)]
    plotted = inches - 0.25 - max(left, default=0.0) - max(right, default=0.0)
    sides = ((panel.x, axes.xaxis, frame.x, plotted), (panel.y, axes.yaxis, frame.y, 0.7 * inches))
    for (axis, drawn, limits, room), label in zip(sides, labels, strict=True):
        if axis.scale == "log":
            (axes.set_xscale if drawn is axes.xaxis else axes.set_yscale)("log")
        ticks = [] if geometry.is_bare(panel) else geometry.ticks(axis, limits)
        if drawn is axes.xaxis and axis.scale != "category":  # as many as have room
            ticks = ticks[:: math.ceil(sum(_inches(text, 7) + 0.1 for _, text in ticks) / room) or 1]
        drawn.set_major_locator(FixedLocator([at for at, _ in ticks]))
        drawn.set_major_formatter(FixedFormatter([text for _, text in ticks]))
        drawn.set_minor_locator(NullLocator())
        drawn.set_label_text(_wrapped(label, room, 7.5))
        if axis.scale == "category":
            drawn.set_tick_params(length=0)
            if drawn is axes.xaxis and max((_inches(text, 7) for _, text in ticks), default=0.0) + 0.04 > room / (
                len(ticks) or 1
            ):
                axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks], rotation=30, ha="right",
                                rotation_mode="anchor")  # fmt: skip
    axes.set_xlim(*frame.x)
    axes.set_ylim(*frame.y)


def _drawn(axes: Axes, shape: Shape, colours: dict[str, str], inches: float) -> list[Artist]:
    """The artists of one shape."""
    colour = colours[shape.key]
    if isinstance(shape, Stroke):
        return cast("list[Artist]", axes.plot(
            shape.x, shape.y, color=colour, linestyle=_DASHES[shape.dash], linewidth=shape.width, zorder=shape.front,
            marker=shape.marker or None, markersize=3, markeredgewidth=0, alpha=0.55 if shape.faint else 1,
            solid_capstyle="butt", dash_capstyle="butt",
        ))  # fmt: skip
    if isinstance(shape, Spots):
        artists: list[Artist] = []
        for marker in dict.fromkeys(shape.markers):
            own = [i for i, one in enumerate(shape.markers) if one == marker]
            look = _spot_look(marker, colour, shape.filled)
            size = (8 if marker in "_|" else 4.8) * shape.size
            x, y = ([of[i] for i in own] for of in (shape.x, shape.y))
            artists += axes.plot(x, y, linestyle="none", zorder=shape.front, markersize=size, **look)
        return artists or cast("list[Artist]", axes.plot([], []))
    if isinstance(shape, Area):
        return [axes.fill_between(shape.x, shape.low, shape.high, color=colour, alpha=0.17, linewidth=0, zorder=2)]
    if isinstance(shape, Words):
        return [_words(axes, shape, colour, inches)]
    if isinstance(shape, Bars):
        bars = axes.bar(
            shape.x, shape.height, shape.width, cast("Any", shape.bottom), color=colour if shape.filled else "white",
            edgecolor="white" if shape.filled else colour, linewidth=0.6, zorder=3,
        )  # fmt: skip
        return list(bars.patches)
    return _heat(axes, shape)


def _words(axes: Axes, shape: Words, colour: str, inches: float) -> Artist:
    text = _wrapped(shape.text, inches - 0.4, 7.5) if shape.panel and shape.side == "center" else shape.text
    words = axes.annotate(
        text, (shape.x, shape.y), shape.shift, xycoords="axes fraction" if shape.panel else "data",
        textcoords="offset points", ha=shape.side, va=shape.up, fontsize=7, color=palette.text(colour), zorder=6,
        annotation_clip=False, fontweight="bold" if shape.bold else "normal",
        bbox={"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}
        if shape.backing else None,
    )  # fmt: skip
    words.set_in_layout(not shape.panel or shape.up == "bottom")
    if shape.leader is not None:
        beside = offset_copy(axes.transData, axes.get_figure(root=True), *shape.shift, units="points")
        line = {"arrowstyle": "-", "color": _COLOURS["plateau"], "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0}
        axes.annotate(
            "", shape.leader, (shape.x, shape.y), textcoords=beside, annotation_clip=False, arrowprops=line, zorder=1
        ).set_in_layout(False)
    return words


def _heat(axes: Axes, mark: Heat) -> list[Artist]:
    (low, high), anchors = mark.ends(), palette.DIVERGING if mark.diverging else palette.SEQUENTIAL
    shades = ListedColormap([palette.graded(i / 255, anchors) for i in range(256)])
    edges = [[i - 0.5 for i in range(size + 1)] for size in (len(mark.values[0]), len(mark.values))]
    mesh = axes.pcolormesh(*edges, mark.values, cmap=shades, vmin=low, vmax=high)
    if not mark.write:
        bar = axes.figure.colorbar(mesh, ax=axes, fraction=0.05, pad=0.02)
        bar.set_label(mark.unit)
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
        return [mesh]
    for row, values in enumerate(mark.values):
        for column, value in enumerate(values):
            share = (value - low) / ((high - low) or 1)
            back = palette.graded(share, anchors) if math.isfinite(value) else "#FFFFFF"
            tone = max(("#FFFFFF", _INK), key=lambda one: palette.contrast(one, back))
            text = format(value, mark.write) if math.isfinite(value) else "–"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=tone)
    return [mesh]


def _handle(mark: Mark, colours: dict[str, str]) -> Artist:
    shape, colour = sample(mark), colours[mark.key]
    if isinstance(shape, Stroke):
        marker, dash = shape.marker or None, _DASHES[shape.dash]
        return Line2D([], [], color=colour, linestyle=dash, linewidth=shape.width, marker=marker, markersize=3)
    if isinstance(shape, Spots):
        marker = shape.markers[0]
        return Line2D([], [], linestyle="none", markersize=4.8, **_spot_look(marker, colour, shape.filled))
    bare = isinstance(shape, Bars) and not shape.filled
    alpha = 0.25 if isinstance(shape, Area) else 1
    return Patch(facecolor="white" if bare else colour, alpha=alpha, edgecolor=colour if bare else "none")


def _spot_look(marker: str, colour: str, filled: bool) -> dict[str, Any]:
    edged = marker not in "_|" and filled
    face, edge = (colour if filled else "white"), ("white" if edged else colour)
    width = 0.4 if edged else 1.0
    return {
        "marker": marker,
        "color": colour,
        "markerfacecolor": face,
        "markeredgecolor": edge,
        "markeredgewidth": width,
    }


def _legend_shape(entries: list[Mark], width: float) -> tuple[int, int]:
    """Columns and rows of the legend."""
    if not entries:
        return 1, 0
    widest = max(_inches(mark.label, 7) for mark in entries) + 0.42
    columns = max(1, min(len(entries), int((width - 0.1) / widest)))
    rows = math.ceil(len(entries) / columns)
    return math.ceil(len(entries) / rows), rows


def _inches(text: str, points: float) -> float:
    """Width of a text, of formulas roughly."""
    return len(geometry.plain(text)) * 0.57 * points / 72


def _wrapped(text: str, inches: float, points: float) -> str:
    if "$" in text and _inches(text, points) < inches:
        return text
    return "\n".join(textwrap.wrap(text, max(8, int(inches * 72 / (0.57 * points))), break_long_words=False))
