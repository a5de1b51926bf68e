"""The figure of a forecast without training: both statistics, what more text buys, and how frequent tokens are."""

from __future__ import annotations

import math

import numpy as np

from syntagma.plot import Axis, Band, Empty, Figure, Line, Mark, Panel
from syntagma.studies.corpus_forecast.figures import decay_panel, entropy_panel
from syntagma.studies.corpus_forecast.of_corpus import Reading

_TIMES = 1 + np.geomspace(0.01, 99.0, 25)
"""Of the text that there is."""


def reading_figure(reading: Reading) -> Figure:
    """Four panels: correlations, entropies, the fall of the loss, frequencies by rank."""
    return Figure(
        "forecast",
        _message(reading),
        (
            decay_panel(reading.text, reading.forecast),
            entropy_panel(reading.text, reading.entropy, reading.forecast),
            _outlook_panel(reading),
            _frequency_panel(reading),
        ),
        "Top left: strength of the correlation of tokens t apart, with intervals of 95 % over blocks of text; full "
        "points count for the forecast. Lines are power laws over the pieces that the resolved distances are cut "
        "into, dotted where rejected. Top right: upper bounds of the entropy of a token given n before it; levels are "
        "the lowest and the highest limit H_inf that the entropies allow. Bottom left: by how much the loss changes "
        "with more text, from what it is with all there is; the band is all that both statistics allow. Bottom right: "
        "frequency of tokens by rank.",
        columns=2,
        panel_width=2.6,
    )


def _message(reading: Reading) -> str:
    """What ten times the text is worth, where both statistics say it."""
    tenfold = reading.gain(10.0)
    if not tenfold.measured or None in (tenfold.lower, tenfold.upper):
        return "Two statistics of this text do not forecast how its loss will fall"
    return f"Ten times the text lowers the loss by {tenfold.value:.2g} nats, two statistics forecast"


def _outlook_panel(reading: Reading) -> Panel:
    x, y = Axis("training text (tokens)", "log"), Axis("change of the loss (nats)")
    tenfold = reading.gain(10.0)
    if not tenfold.measured or None in (tenfold.lower, tenfold.upper):
        return Panel("what more text buys", x, y, (Empty("There is no forecast."),))
    gains = [reading.gain(float(times)) for times in _TIMES]
    tokens = _TIMES * reading.text.tokens
    low, middle, high = (np.array([-getattr(one, end) for one in gains]) for end in ("high", "value", "low"))
    marks: list[Mark] = [
        Band(tokens, low, high, key="theory"),
        Line(tokens, middle, key="theory", label="forecast"),
    ]
    return Panel(f"ten times the text: {-tenfold.value:.2g} nats", x, y, marks)


def _frequency_panel(reading: Reading) -> Panel:
    x, y, found = Axis("rank", "log"), Axis("frequency", "log"), reading.assumptions.frequencies
    if found is None or len(found.ranks) < 3:
        return Panel("frequencies", x, y, (Empty("Too few tokens are frequent."),))
    title = "frequencies" if math.isnan(found.zipf.value) else f"frequencies: Zipf's exponent {found.zipf.value:.2f}"
    return Panel(title, x, y, (Line(found.ranks, found.frequencies, key="counter", marker="o"),))
