"""What the figures share: how panels are laid out, how logarithmic axes are labelled, how labels keep apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogFormatterSciNotation,
    LogLocator,
    NullFormatter,
    NullLocator,
)
from matplotlib.transforms import Bbox

from syntagma.studies.study import Analysis

PANEL_HEIGHT = 3.3
_WIDTHS = {1: 8.0, 2: 9.8, 3: 11.8, 4: 13.6}
"""Inches of figure width for so many columns."""


def grid_shape(number: int) -> tuple[int, int]:
    """Rows and columns for that many panels: at most three columns, and two by two for four."""
    columns = number if number <= 3 else 2 if number == 4 else 3
    return math.ceil(number / columns), columns


def panelled(number: int, *, share: bool) -> tuple[Figure, list[Axes]]:
    """A figure with `number` empty panels.

    `share` is for both axes.
    """
    rows, columns = grid_shape(number)
    height = PANEL_HEIGHT * rows + 1.4 if number > 1 else 5.2
    figure = Figure(figsize=(_WIDTHS[columns], height), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    grid = figure.subplots(rows, columns, sharex=share, sharey=share, squeeze=False)
    for spare in grid.flat[number:]:
        spare.set_visible(False)
    for above in grid.flat[number - columns : (rows - 1) * columns]:
        above.tick_params(labelbottom=True)  # the panel below it is missing
    return figure, list(grid.flat[:number])


def gridded(rows: int, columns: int) -> tuple[Figure, list[list[Axes]]]:
    """A figure with rows of empty panels, each column with one axis x and each row with one axis y."""
    size = (_WIDTHS[columns], 2.5 * rows + 1.2)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    grid = figure.subplots(rows, columns, sharex="col", sharey="row", squeeze=False)
    return figure, [list(row) for row in grid]


def name_axes(all_axes: Sequence[Axes], x: str, y: str) -> None:
    """Write the name of x under every panel that has none below it, of y beside the first of each row."""
    for axes in all_axes:
        place = axes.get_subplotspec()
        if place is not None and place.is_first_col():
            axes.set_ylabel(y)
        if axes.xaxis.get_tick_params()["labelbottom"]:
            axes.set_xlabel(x)


def legend_below(figure: Figure, columns: Sequence[Sequence[Artist]]) -> None:
    """One legend under all panels, of columns that keep together what belongs together."""
    columns = [column for column in columns if column]
    rows = max(map(len, columns))
    blank = Line2D([], [], linestyle="none", label=" ")
    handles = [handle for column in columns for handle in [*column, *[blank] * (rows - len(column))]]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(columns), columnspacing=2.2)


def settle(figure: Figure) -> None:
    """Compute the layout once and keep it, so that it is the same in every format, and quicker to save."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def learners(analysis: Analysis) -> dict[str, str]:
    """The label of each learner, in the order of the curves."""
    curves = analysis.tables["curves"]
    return dict(zip(curves["learner"], curves["label"], strict=True))


def rules(analysis: Analysis) -> list[int]:
    """The numbers of rules m that were measured, ascending."""
    return sorted(int(m) for m in analysis.tables["curves"]["rules"].unique())


def rows_of(analysis: Analysis, name: str, m: int) -> pd.DataFrame:
    """The rows of table `name` for m rules."""
    return where(analysis.tables[name], rules=m)


def plateaus(analysis: Analysis, m: int) -> dict[int, float]:
    """The plateau of each level, in nats, for m rules."""
    table = rows_of(analysis, "plateaus", m).sort_values("level")
    return dict(zip(table["level"].astype(int), table["loss_nats"].astype(float), strict=True))


def predicted_steps(analysis: Analysis, m: int) -> list[tuple[int, float, pd.DataFrame]]:
    """(level, P, the laws that put the threshold of that level there), ascending, where both plateaus are known."""
    return steps_between(plateaus(analysis, m), rows_of(analysis, "predictions", m))


def steps_between(heights: dict[int, float], predictions: pd.DataFrame) -> list[tuple[int, float, pd.DataFrame]]:
    """As `predicted_steps`, of the plateaus and the rows of predictions of one language."""
    known = finite(predictions, "num_examples")
    rounded = known.assign(place=known["num_examples"].astype(float).round(6))
    places = sorted({(int(row.level), float(row.place)) for row in each_row(rounded)})
    steps = [(level, place, where(rounded, level=level, place=place)) for level, place in places]
    return [step for step in steps if {step[0], step[0] - 1} <= heights.keys()]


def curve_limits(analysis: Analysis) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of P and of the loss, the same for all m: every plateau, predicted and measured threshold is inside.

    A curve may leave at the top: far above the highest plateau, where a network has only memorised, nothing is to be
    read, and the levels would be squeezed.
    """
    tables = analysis.tables
    shown = tables["predictions"][tables["predictions"]["rules"].isin(rules(analysis))]
    examples = [*tables["curves"]["num_examples"], *shown["num_examples"], *tables["thresholds"]["measured"]]
    levels = tables["plateaus"]["loss_nats"]
    losses = [*tables["curves"]["loss_nats"], *tables["curves"]["high"], *levels]
    low, high = limits([loss for loss in losses if not loss > 1.5 * max(levels)], 1.05)
    return limits(examples, 1.6), (low / (high / low) ** 0.08, high)  # room below for the names of P_l


def finite(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The rows where each of `columns` has a finite number."""
    return table.loc[np.isfinite(table[list(columns)].to_numpy(dtype=float)).all(axis=1)]


def where(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows where each named column has that value."""
    keep = np.ones(len(table), dtype=bool)
    for name, value in values.items():
        keep &= (table[name] == value).to_numpy()
    return table.loc[keep]


def each_row(table: pd.DataFrame) -> Iterator[Any]:
    """The rows, with their columns as attributes."""
    return iter(table.itertuples(index=False))


def limits(values: Iterable[float], margin: float) -> tuple[float, float]:
    """Smallest and largest of the finite, positive `values`, moved apart by the factor `margin`."""
    kept = [value for value in values if math.isfinite(value) and value > 0]
    return (min(kept) / margin, max(kept) * margin) if kept else (1.0 / margin, margin)


def round_ticks(axis_limits: tuple[float, float], wanted: int = 4) -> list[float]:
    """Round numbers inside the limits of a logarithmic axis: the coarsest series that has at least `wanted` of them."""
    low, high = axis_limits
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside: list[float] = []
    coarse = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.4, 1.6, 1.8, *np.arange(2, 10, 0.5)))
    for series in (*coarse, np.arange(1, 10, 0.25), np.arange(1, 10, 0.1)):
        ticks = [float(f"{m * 10.0**d:.6g}") for d in decades for m in series]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) >= wanted:
            break
    return inside


def plain_log_axis(axes: Axes, which: str, ticks: Sequence[float]) -> None:
    """Make axis "x" or "y" logarithmic with these ticks, written as plain numbers."""
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(list(ticks)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def examples_axis(axes: Axes, which: str) -> None:
    """Label a logarithmic axis of example counts by powers of ten, and by 2 and 5 times them where it is short."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    decades = math.log10(high / low)
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 2 else (1.0,)))
    if decades > 4:
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(math.inf, math.inf)))
    axis.set_minor_formatter(NullFormatter())


def taking_turns(turn: int, number: int) -> tuple[float, tuple[float, float]]:
    """The dashes of line `turn` of `number` lines in one place, such that each shows in the gaps of the others."""
    dash = 4.0
    return (-dash * turn, (dash, dash * (number - 1) or dash / 2))


def move_apart(names: Iterable[Annotation]) -> None:
    """Move down, point by point, each of `names` that covers one before it. The figure's layout must be settled."""
    taken: list[Bbox] = []
    for name in names:
        figure = name.get_figure(root=True)
        assert figure is not None
        renderer = FigureCanvasAgg(figure).get_renderer()
        while Bbox.count_overlaps(name.get_window_extent(renderer), taken):
            right, up = name.xyann
            name.xyann = (right, up - 1)
        taken.append(name.get_window_extent(renderer))


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """The nearest heights to `heights`, in the same order, that are at least `gap` apart (least squares).

    Neighbours that are too close form a block, centred on the mean of its members' wishes; blocks that touch merge.
    """
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    blocks: list[list[int]] = []
    bottoms: list[float] = []
    for i in order:
        blocks.append([i])
        bottoms.append(heights[i])
        while len(blocks) > 1 and bottoms[-2] + gap * len(blocks[-2]) > bottoms[-1]:
            blocks[-2:] = [blocks[-2] + blocks[-1]]
            wishes = [heights[j] - gap * place for place, j in enumerate(blocks[-1])]
            bottoms[-2:] = [sum(wishes) / len(wishes)]
    placed = [0.0] * len(heights)
    for block, bottom in zip(blocks, bottoms, strict=True):
        for place, i in enumerate(block):
            placed[i] = bottom + gap * place
    return placed
