"""What marks are made of: strokes, spots, areas and words, of which both backends draw every kind; and bars and heat.

An interval is a stroke with small triangles at open ends, a law is a stroke with a word at its end, a dot plot is spots
on rows. That both backends show the same follows from here, and a new kind of mark is a few lines here alone.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from syntagma.plot import names, palette
from syntagma.plot.content import Panel
from syntagma.plot.geometry import ARROW, Frame
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

_WIDTHS = {"thin": 0.7, "normal": 1.2, "thick": 1.6}
"""Points on paper, by weight."""


@dataclasses.dataclass(frozen=True)
class Stroke:
    """A line through points, broken at NaN, `width` points thick on paper; `front` orders it among the others.

    `hover` says whether pointing at it tells the mark's numbers.
    """

    x: Sequence[float]
    y: Sequence[float]
    key: str
    width: float = 1.0
    dash: str = "solid"
    marker: str = ""
    faint: bool = False
    front: float = 2.0
    hover: bool = False


@dataclasses.dataclass(frozen=True)
class Spots:
    """Markers, one a point; `size` 1 is the usual one."""

    x: Sequence[float]
    y: Sequence[float]
    key: str
    markers: Sequence[str]
    filled: bool = True
    size: float = 1.0
    front: float = 5.0
    hover: bool = False


@dataclasses.dataclass(frozen=True)
class Area:
    """What is between two lines."""

    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    key: str


@dataclasses.dataclass(frozen=True)
class Words:
    """A text, of which `side` and `up` are at (x, y); `shift` moves it by points on paper.

    With `panel`, x and y are fractions of the panel, and the words do not claim room. `leader` is where a thin line to
    them begins.
    """

    x: float
    y: float
    text: str
    key: str
    side: str = "center"
    up: str = "center"
    shift: tuple[float, float] = (0.0, 0.0)
    panel: bool = False
    bold: bool = False
    backing: bool = False
    leader: tuple[float, float] | None = None


Shape = Stroke | Spots | Area | Words | Bars | Heat


NOTE = 9.2
"""Height of a line of notes, in points on paper."""


def shapes(panel: Panel, frame: Frame, room: int) -> Iterator[tuple[int, Shape]]:
    """All that is drawn in a panel but its axes, with the number of the mark that each belongs to (-1: to none).

    Notes stand above it, between panel and title, where they cover no data; `room` characters are one beside another.
    """
    for number, mark in enumerate(panel.marks):
        for shape in _shapes_of(mark, frame):
            yield number, shape
    for number, name, end, place in names.margin_names(panel, frame):
        mark = panel.marks[number]
        exact = isinstance(mark, Level) and mark.weight == "thick"
        at = frame.place(0.999, place)  # Plotly leaves out what is beyond its axes
        yield number, Words(*at, name, mark.key, "left", shift=(7, 0), bold=exact, leader=frame.place(*end))
    for number, name, x, y in names.line_names(panel, frame):
        at = frame.place(x, y)
        yield number, Words(*at, name, panel.marks[number].key, up="top", shift=(0, -1.5), backing=True)
    rows, columns = names.note_grid(panel, room)
    for number, note in enumerate(panel.notes):
        row, column = divmod(number, columns)
        above = (0.0, 3 + NOTE * (rows - 1 - row))
        yield -1, Words(column / columns, 1.0, note.text, note.key, "left", "bottom", above, panel=True)


def sample(mark: Mark) -> Stroke | Spots | Area | Bars:
    """What stands for the mark in a legend, without data."""
    if isinstance(mark, Band):
        return Area((), (), (), mark.key)
    if isinstance(mark, Bars):
        return mark
    if isinstance(mark, Points | Dots):
        return Spots((), (), mark.key, (mark.marker or palette.marker(mark.key),), mark.filled)
    width = _WIDTHS[getattr(mark, "weight", "normal")]
    return Stroke((), (), mark.key, width, getattr(mark, "dash", "solid"), getattr(mark, "marker", ""))


def _shapes_of(mark: Mark, frame: Frame) -> Iterator[Shape]:
    if isinstance(mark, Line):
        thin = mark.weight == "thin"
        yield Stroke(mark.x, mark.y, mark.key, _WIDTHS[mark.weight], mark.dash, mark.marker, thin, 4.0, hover=True)
    elif isinstance(mark, Band):
        low, high = ([frame.inside(end, "y") for end in _many(ends)] for ends in (mark.low, mark.high))
        yield Area([frame.inside(at, "x") for at in mark.x], low, high, mark.key)
    elif isinstance(mark, Points):
        yield from _points(mark, frame)
    elif isinstance(mark, Dots):
        yield from _points(mark.as_points(), frame)
    elif isinstance(mark, Law):
        yield _guide(mark, mark.x, mark.y)
        if mark.name and mark.x:
            near = frame.fraction(mark.x[-1], mark.y[-1])[0] < 0.8
            yield Words(mark.x[-1], mark.y[-1], mark.name, mark.key, "left" if near else "right", "bottom", (2, 3))
    elif isinstance(mark, VerticalLine):
        ends = [frame.fraction(mark.place, frame.inside(end, "y"))[1] for end in (mark.low, mark.high)]
        shares = [ends[0] + (ends[1] - ends[0]) * i / 12 for i in range(13)]
        yield _guide(mark, [mark.place] * 13, [frame.place(0, share)[1] for share in shares])
    elif isinstance(mark, Level):
        x = [frame.place(i / 40, 0)[0] for i in range(41)]  # points to point at, all along the line
        yield Stroke(x, [mark.height] * 41, mark.key, _WIDTHS[mark.weight], mark.dash, front=1.0, hover=True)
    elif isinstance(mark, Text):
        side, _, up = mark.anchor.partition(" ")
        up = up if up in ("bottom", "top") else "center"
        yield Words(mark.x, mark.y, mark.text, mark.key, side, up, panel=mark.of == "panel")
    elif isinstance(mark, Tree):
        x, y = ([end for a, b in mark.edges for end in (of[a], of[b], math.nan)] for of in (mark.x, mark.y))
        yield Stroke(x, y, "plateau", 0.7, front=1.0)
        for at, height, text, key in zip(mark.x, mark.y, mark.text, mark.keys, strict=True):
            yield Words(at, height, text, key, backing=True)
    elif isinstance(mark, Empty):
        yield Words(0.5, 0.5, mark.reason, "soft", panel=True)
    elif isinstance(mark, Bars | Heat):
        yield mark
        if isinstance(mark, Bars):
            yield from _intervals(mark.x, mark.height, mark.low, mark.high, "y", "ink", frame)


def _points(mark: Points, frame: Frame) -> Iterator[Shape]:
    yield from _intervals(mark.x, mark.y, mark.low, mark.high, "y", mark.key, frame)
    yield from _intervals(mark.x, mark.y, mark.x_low, mark.x_high, "x", mark.key, frame)
    usual, upright = mark.marker or palette.marker(mark.key), mark.along == "y"
    triangles = {"": usual, "at least": "^" if upright else ">", "at most": "v" if upright else "<"}
    markers = [triangles[bound] for bound in mark.bound]
    yield Spots(mark.x, mark.y, mark.key, markers, mark.filled, mark.size, hover=True)
    for x, y, text in zip(mark.x, mark.y, mark.text, strict=False):
        if text and math.isfinite(x + y):
            yield Words(x, y, text, mark.key, up="bottom", shift=(0, 3))


def _intervals(
    x: Sequence[float], y: Sequence[float], low: Any, high: Any, side: str, key: str, frame: Frame
) -> Iterator[Shape]:
    """Strokes from low to high through the points, with a small triangle at an end that is open."""
    ends: list[tuple[float, float]] = []
    arrows: list[Any] = []
    log = frame.y_log if side == "y" else frame.x_log
    for at_x, at_y, *both in zip(x, y, low, high, strict=True):
        at = at_y if side == "y" else at_x
        for i, end in enumerate(both):
            is_open = math.isinf(end) or (i == 0 and log and end <= 0)
            far = frame.moved(at, side, ARROW * (2 * i - 1)) if is_open else end
            if math.isfinite(at_x + at_y + far):
                tip = (at_x, far) if side == "y" else (far, at_y)
                ends += [(at_x, at_y), tip, (math.nan, math.nan)]
                arrows += [(*tip, ("v^" if side == "y" else "<>")[i])] if is_open else []
    if ends:
        yield Stroke([x for x, _ in ends], [y for _, y in ends], key, 0.9, front=3.0)
    if arrows:
        across, up, markers = ([arrow[i] for arrow in arrows] for i in range(3))
        yield Spots(across, up, key, markers, size=0.65, front=4.0)


def _guide(mark: Law | VerticalLine, x: Sequence[float], y: Sequence[float]) -> Stroke:
    """Dashed, or as every n-th piece where n lines take turns in one place."""
    which, many = mark.turn
    if many == 1 or len(x) < 3:
        return Stroke(x, y, mark.key, dash=mark.dash, hover=True)
    pieces = itertools.islice(itertools.pairwise(zip(x, y, strict=True)), which, None, many)
    ends = [end for first, second in pieces for end in (first, second, (math.nan, math.nan))]
    return Stroke([x for x, _ in ends], [y for _, y in ends], mark.key, hover=True)


def _many(column: Any) -> Iterable[float]:
    return column
