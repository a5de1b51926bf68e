"""What can be drawn in a panel, as frozen data: curves, bands, points with open ends, laws, levels, matrices, trees.

Data become tuples of floats, so that marks can be compared, hashed and written as JSON.

An interval whose end is not known has that end at `math.inf` (above), `-math.inf` or, on a logarithmic axis, 0 (below):
it is drawn as an arrow. A band or line with an infinite end reaches the edge of the panel. NaN means: no such number.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from syntagma.checked_call import checked
from syntagma.errors import invalid, unknown

Scale = Literal["linear", "log", "category"]
Numbers = Any
"""Numbers, one a point: a list, an array or a column of a table; once a mark is made, a tuple of floats."""
Hover = tuple[tuple[str, tuple[Any, ...]], ...]
_SCALES = ("linear", "log", "category")


def freeze(value: Any, name: str, new: object) -> None:
    """Set a field of a frozen value while it is made."""
    object.__setattr__(value, name, new)


def numbers(values: Iterable[Any]) -> tuple[float, ...]:
    """As floats; every NaN is the same object, so that equal figures compare equal."""
    try:
        numbers = [math.nan if value is None else _number(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        raise invalid("numbers", values, "a mark has numbers, one a point", "Give a list of numbers") from None
    return tuple(math.nan if math.isnan(number) else number for number in numbers)


def _number(value: Any) -> float:
    if isinstance(value, str | bytes | complex | np.complexfloating):  # which float takes, with a warning or without
        raise TypeError
    return float(value)


def hover_column(values: Any, size: int) -> tuple[Any, ...]:
    """Plain values (int, float, str; None for NaN), one for all repeated."""
    many: list[Any] = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else [values] * size
    plain = (value.item() if hasattr(value, "item") else value for value in many)
    return tuple(None if isinstance(value, float) and math.isnan(value) else value for value in plain)


@checked(not_finite=("ticks",))
@dataclasses.dataclass(frozen=True)
class Axis:
    """What one side of a panel counts.

    On a "category" axis, place i (0, 1, ...) is called `categories[i]`; place 0 of y is at the top. `limits` are
    chosen from the marks where either end is None. `ticks` are written as plain numbers; None: round numbers.
    """

    label: str = ""
    scale: Scale = "linear"
    limits: tuple[float | None, float | None] = (None, None)
    ticks: Numbers | None = None
    categories: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.scale not in _SCALES:
            raise unknown("scale", str(self.scale), _SCALES)
        if self.scale == "log" and any(end is not None and end <= 0 for end in self.limits):
            raise invalid("limits", self.limits, "a logarithmic axis begins above 0", "Give positive limits or None")
        freeze(self, "limits", tuple(None if end is None else float(end) for end in self.limits))
        freeze(self, "ticks", None if self.ticks is None else numbers(self.ticks))
        freeze(self, "categories", tuple(map(str, self.categories)))


@dataclasses.dataclass(frozen=True)
class Mark:
    """Something drawn in a panel.

    `label` is its entry in the legend ("" for none; marks of one label and key share one entry). `key` says whose it is
    and so which colour it has (`palette`): a learner's name, "level 2", "ink", ... `hover` has columns that a page
    shows on pointing, one value a point or one for all: `{"run": ids, "seed": seeds}`; by a `seed` it can filter.
    """

    label: str = dataclasses.field(default="", kw_only=True)
    key: str = dataclasses.field(default="ink", kw_only=True)
    hover: Hover | Mapping[str, Any] = dataclasses.field(default=(), kw_only=True)

    vectors: ClassVar[tuple[str, ...]] = ()
    """The fields that hold one number a point; a single number is repeated for all."""

    def __post_init__(self) -> None:
        for name, words in (("label", self.label), ("key", self.key)):
            if not isinstance(words, str):
                raise invalid(name, words, "it must be text", "Give text")
        for field in dataclasses.fields(self):
            given = getattr(self, field.name)
            if isinstance(given, list):
                freeze(self, field.name, tuple(given))
            elif isinstance(given, np.generic):
                freeze(self, field.name, given.item())
        size = 0
        for name in self.vectors:
            given = getattr(self, name)
            if isinstance(given, Iterable):
                size = max(size, len(numbers(given)))
        for name in self.vectors:
            given = getattr(self, name)
            values = numbers(given) if isinstance(given, Iterable) else numbers([given]) * size
            if len(values) != size:
                raise invalid(name, given, f"the mark has {size} points", f"Give {size} numbers")
            freeze(self, name, values)
        pairs = self.hover.items() if isinstance(self.hover, Mapping) else self.hover
        columns = []
        for name, column in pairs:
            values = hover_column(column, size)
            if len(values) != size:
                raise invalid("hover", name, f"the mark has {size} points", f"Give {size} values, or one for all")
            columns.append((str(name), values))
        freeze(self, "hover", tuple(columns))


@dataclasses.dataclass(frozen=True)
class Line(Mark):
    """A curve through its points; `dash` is "solid", "dashed", "dotted" or "dashdot", `marker` as of `Points` or "".

    `weight` is "thin" (one seed among many), "normal" or "thick" (exact); `name` is written at its right end.
    """

    x: Numbers
    y: Numbers
    dash: str = "solid"
    marker: str = ""
    weight: str = "normal"
    name: str = ""
    vectors: ClassVar[tuple[str, ...]] = ("x", "y")


@dataclasses.dataclass(frozen=True)
class Band(Mark):
    """What lies between `low` and `high`; its `label` says what it is, as "smallest to largest of 3 seeds"."""

    x: Numbers
    low: Numbers
    high: Numbers
    vectors: ClassVar[tuple[str, ...]] = ("x", "low", "high")


@dataclasses.dataclass(frozen=True)
class Points(Mark):
    """Points with intervals from `low` to `high` in y, and from `x_low` to `x_high` in x; NaN for no interval.

    `bound` says which points are only bounds, "at least" or "at most" (drawn as triangles), one for all or one a point.
    A bound is one of y, or of x where `along` is "x". `marker` is one of o s ^ D v P X * _ |; "" takes the key's own.
    `text` is written beside a point.
    """

    x: Numbers
    y: Numbers
    low: Numbers = math.nan
    high: Numbers = math.nan
    x_low: Numbers = math.nan
    x_high: Numbers = math.nan
    bound: Sequence[str] | str = ""
    along: Literal["x", "y"] = "y"
    marker: str = ""
    filled: bool = True
    size: float = 1.0
    text: Sequence[str] = ()
    vectors: ClassVar[tuple[str, ...]] = ("x", "y", "low", "high", "x_low", "x_high")

    def __post_init__(self) -> None:
        super().__post_init__()
        bounds = (self.bound,) * len(self.x) if isinstance(self.bound, str) else tuple(self.bound)
        for bound in bounds:
            if bound not in ("", "at least", "at most"):
                raise unknown("bound", str(bound), ("at least", "at most"))
        if len(bounds) != len(self.x) or len(self.text) not in (0, len(self.x)):
            raise invalid("bound or text", len(bounds), f"there are {len(self.x)} points", "Give one for each")
        freeze(self, "bound", bounds)
        freeze(self, "text", tuple(map(str, self.text)))


@dataclasses.dataclass(frozen=True)
class Dots(Mark):
    """A dot plot: values along x with intervals, one in each row `place` of a category axis y.

    `note` is written over each dot. As `Points`, ends that are not known are infinite, and bounds are said by `bound`.
    """

    place: Numbers
    value: Numbers
    low: Numbers = math.nan
    high: Numbers = math.nan
    bound: Sequence[str] | str = ""
    marker: str = ""
    filled: bool = True
    note: Sequence[str] = ()
    vectors: ClassVar[tuple[str, ...]] = ("place", "value", "low", "high")

    def as_points(self) -> Points:
        """The same as points, which the backends draw."""
        return Points(
            self.value, self.place, x_low=self.low, x_high=self.high, bound=self.bound, along="x", marker=self.marker,
            filled=self.filled, text=self.note, label=self.label, key=self.key, hover=self.hover,
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Law(Mark):
    """A dashed guide, what a theory says; `name` is written at its end, as "$m^3$". `turn` as of `VerticalLine`."""

    x: Numbers
    y: Numbers
    name: str = ""
    dash: str = "dashed"
    turn: tuple[int, int] = (0, 1)
    vectors: ClassVar[tuple[str, ...]] = ("x", "y")

    @classmethod
    def power(cls, through: tuple[float, float], exponent: float, ends: tuple[float, float], **more: Any) -> Law:
        """y = y0 (x / x0)^exponent between the two `ends` of x, through the point (x0, y0)."""
        x0, y0 = through
        return cls(ends, tuple(y0 * (x / x0) ** exponent for x in ends), **more)


@dataclasses.dataclass(frozen=True)
class Level(Mark):
    """A horizontal line across the panel, with its `name` at the right margin; `weight` as of `Line`."""

    height: float
    name: str = ""
    weight: str = "thin"
    dash: str = "solid"


@dataclasses.dataclass(frozen=True)
class VerticalLine(Mark):
    """A vertical line at `place`, from `low` to `high` (the panel's edges where infinite), `name` at its lower end.

    `turn` is (which, of how many) lines in one place: their dashes alternate, so that each shows between the others'.
    """

    place: float
    low: float = -math.inf
    high: float = math.inf
    name: str = ""
    dash: str = "dashed"
    turn: tuple[int, int] = (0, 1)


@dataclasses.dataclass(frozen=True)
class Text(Mark):
    """Words at (x, y), in the panel's numbers; with `of="panel"`, in fractions of the panel from its lower left.

    `anchor` says which part of the words is there: "left", "center" or "right", a blank, "bottom", "middle" or "top".
    """

    x: float
    y: float
    text: str
    anchor: str = "left middle"
    of: Literal["data", "panel"] = "data"


@dataclasses.dataclass(frozen=True)
class Heat(Mark):
    """A matrix as colours, row 0 at the top where `y` is a category axis; `write` prints each number by that format.

    `low` and `high` are the ends of the colours; with `diverging`, the middle is white and means `(low + high) / 2`.
    """

    values: Numbers
    unit: str = ""
    low: float | None = None
    high: float | None = None
    diverging: bool = False
    write: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        rows = tuple(numbers(row) for row in self.values)
        if len({len(row) for row in rows}) > 1:
            raise invalid("values", [len(row) for row in rows], "all rows must be equally long")
        freeze(self, "values", rows)

    def ends(self) -> tuple[float, float]:
        """The numbers at both ends of the colours."""
        finite = [value for row in self.values for value in row if math.isfinite(value)] or [0.0, 1.0]
        return min(finite) if self.low is None else self.low, max(finite) if self.high is None else self.high


@dataclasses.dataclass(frozen=True)
class Bars(Mark):
    """Bars of that height over `x`, from `bottom`, `width` wide, with intervals; `filled=False` draws the outline."""

    x: Numbers
    height: Numbers
    bottom: Numbers = 0.0
    low: Numbers = math.nan
    high: Numbers = math.nan
    width: float = 0.66
    filled: bool = True
    vectors: ClassVar[tuple[str, ...]] = ("x", "height", "bottom", "low", "high")


@dataclasses.dataclass(frozen=True)
class Tree(Mark):
    """Nodes at places with texts, and edges (from node, to node) below them; `keys` are the nodes' colours."""

    x: Numbers
    y: Numbers
    text: Sequence[str]
    edges: Sequence[tuple[int, int]] = ()
    keys: Sequence[str] = ()
    vectors: ClassVar[tuple[str, ...]] = ("x", "y")

    def __post_init__(self) -> None:
        super().__post_init__()
        freeze(self, "text", tuple(map(str, self.text)))
        freeze(self, "edges", tuple((int(a), int(b)) for a, b in self.edges))
        freeze(self, "keys", tuple(self.keys) or (self.key,) * len(self.x))
        if len(self.text) != len(self.x) or len(self.keys) != len(self.x):
            raise invalid("text or keys", len(self.text), f"there are {len(self.x)} nodes", "Give one for each")


@dataclasses.dataclass(frozen=True)
class Empty(Mark):
    """Why a panel shows nothing, as a sentence."""

    reason: str


MARKS = (Line, Band, Points, Dots, Law, Level, VerticalLine, Text, Heat, Bars, Tree, Empty)
"""Every kind; both backends draw each."""
