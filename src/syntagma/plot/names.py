"""Where words stand: names at the right margin, below vertical lines, beside axes; notes in rows above a panel."""

from __future__ import annotations

import math
from collections.abc import Sequence

from syntagma.plot.content import Content, Panel
from syntagma.plot.geometry import Frame, is_bare, plain
from syntagma.plot.marks import Level, Line, VerticalLine


def axis_label(figure: Content, place: int, side: str, columns: int) -> str:
    """The label of a panel's axis; that of y is said once in a row, at its left; bare panels have none."""
    if is_bare(figure.panels[place]):
        return ""
    axis = getattr(figure.panels[place], side)
    left = figure.panels[place - 1] if side == "y" and place % columns else None
    return "" if left is not None and left.y.label == axis.label and not is_bare(left) else axis.label


def note_grid(panel: Panel, room: int) -> tuple[int, int]:
    """Rows and columns of the notes above a panel that is `room` characters wide: where two fit, beside each other."""
    widest = max((len(plain(note.text)) for note in panel.notes), default=room) + 2
    columns = max(1, min(len(panel.notes), room // widest))
    return math.ceil(len(panel.notes) / columns), columns


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """The nearest heights to `heights`, in the same order, at least `gap` apart (least squares).

    Neighbours that are too close form a block, centred on the mean of its members' wishes; blocks that touch merge.
    """
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    blocks: list[tuple[float, list[int]]] = []
    for i in order:
        members, centre = [i], heights[i]
        while (
            blocks and blocks[-1][0] + gap * (len(blocks[-1][1]) - 1) / 2 + gap > centre - gap * (len(members) - 1) / 2
        ):
            members = [*blocks.pop()[1], *members]
            centre = sum(heights[k] for k in members) / len(members)
        blocks.append((centre, members))
    placed = {k: c + gap * (n - (len(ms) - 1) / 2) for c, ms in blocks for n, k in enumerate(ms)}
    return [placed[i] for i in range(len(heights))]


def margin_names(panel: Panel, frame: Frame) -> list[tuple[int, str, tuple[float, float], float]]:
    """(mark, name, where its line ends, height of the name) at the right margin, as fractions of the panel."""
    wished = []
    for i, mark in enumerate(panel.marks):
        if isinstance(mark, Level) and mark.name:
            wished.append((i, mark.name, frame.fraction(frame.x[1], mark.height)))
        elif isinstance(mark, Line) and mark.name:
            known = [(x, y) for x, y in zip(mark.x, mark.y, strict=True) if math.isfinite(x + y)]
            wished += [(i, mark.name, frame.fraction(*max(known)))] if known else []
    wished = [(i, name, (x, min(y, 1.0))) for i, name, (x, y) in wished if y > -0.01]
    placed = spread([y for _, _, (_, y) in wished], frame.line)
    return [(i, name, end, place) for (i, name, end), place in zip(wished, placed, strict=True)]


def line_names(panel: Panel, frame: Frame) -> list[tuple[int, str, float, float]]:
    """(mark, name, x, y) of the names below vertical lines, as fractions of the panel, each clear of those before."""
    placed: list[tuple[int, str, float, float]] = []
    wide = max(1.1 * frame.line, 0.085)
    for i, mark in enumerate(panel.marks):
        if isinstance(mark, VerticalLine) and mark.name:
            x, y = frame.fraction(mark.place, mark.low)
            y = max(y, 1.3 * frame.line)  # of a line that reaches the lower edge, beside it
            free = [
                (x + right * wide, y - down * frame.line)
                for down in (0, 1, 2, 3) for right in (0, -1, 1)
                if y - down * frame.line > frame.line or not down
            ]  # fmt: skip
            taken = [(x2, y2) for _, _, x2, y2 in placed]
            x, y = next((at for at in free if not any(_touch(at, other, wide, frame.line) for other in taken)), free[0])
            placed.append((i, mark.name, x, y))
    return placed


def _touch(first: tuple[float, float], second: tuple[float, float], wide: float, high: float) -> bool:
    return abs(first[0] - second[0]) < 0.99 * wide and abs(first[1] - second[1]) < 0.99 * high
