"""A sentence's tree: hidden symbols over the tokens they produce, coloured by level."""

from __future__ import annotations

from collections.abc import Sequence

from syntagma.checked_call import checked
from syntagma.plot.content import Panel
from syntagma.plot.marks import Mark, Text, Tree


@checked
def tree_panel(
    levels: Sequence[Sequence[object]], *, title: str = "", highlight: Sequence[tuple[int, int]] = ()
) -> Panel:
    """`levels` are the symbols from the root down to the tokens, each level s times as long as the one above.

    `highlight` are (level, position) of symbols to draw in the colour of "cnn", as those that a change resampled.
    """
    depth, width = len(levels) - 1, len(levels[-1])
    x: list[float] = []
    y: list[float] = []
    texts: list[str] = []
    keys: list[str] = []
    edges: list[tuple[int, int]] = []
    for row, symbols in enumerate(levels):
        level, first_above = depth - row, len(x) - len(levels[row - 1])
        branching = len(symbols) // len(levels[row - 1]) if row else 1
        for place, symbol in enumerate(symbols):
            if row:
                edges.append((first_above + place // branching, len(x)))
            x.append((place + 0.5) * width / len(symbols))
            y.append(float(level))
            texts.append(str(symbol))
            keys.append("cnn" if (level, place) in highlight else f"level {level}")
    names: list[Mark] = [
        Text(-0.3, float(level), "tokens" if level == 0 else f"level {level}", "right middle", key="soft")
        for level in range(depth + 1)
    ]
    return Panel(title, marks=(Tree(x, y, texts, edges, keys), *names))
