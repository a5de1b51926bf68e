"""One look for every figure: a palette that colour-blind readers can tell apart, and the sizes of type and lines.

Colours are those of Okabe & Ito, "Color Universal Design" (2008). A learner has the same colour in every figure, and
the colour of a law is that of the paper's learner that it was derived for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import matplotlib

INK = "#1f2328"
SOFT_INK = "#59636e"
FAINT = "#d8dde3"
PLATEAU = "#9aa4af"

_LEARNER_COLOURS = {
    "cnn": "#0072B2",
    "attention": "#D55E00",
    "transformer": "#009E73",
    "locally-connected": "#CC79A7",
    "perceptron": "#E69F00",
    "transformer-identities": "#0072B2",
    "equality-perceptron": "#8C6D31",
    "elman": "#56B4E9",
    "lstm": "#CC79A7",
    "kernel": "#1f2328",
    "perceptron-kernel": "#9aa4af",
}
_FURTHER_COLOURS = ("#56B4E9", "#8C6D31", "#7A5195", "#666666")
LAW_COLOURS = {
    "weight sharing": _LEARNER_COLOURS["cnn"],
    "no weight sharing": _LEARNER_COLOURS["attention"],
}
_LEVEL_COLOURS = ("#B4BCC4", "#E69F00", "#D55E00", "#8E3B8E", "#2B2D6E", "#000000")
"""From light to dark; level 0, the tokens, is grey."""
LEVEL_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

_SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that every machine draws the same
    "font.size": 9,
    "mathtext.fontset": "dejavusans",
    "text.color": INK,
    "axes.edgecolor": SOFT_INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlepad": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "xtick.color": SOFT_INK,
    "ytick.color": SOFT_INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "xtick.minor.size": 2,
    "ytick.minor.size": 2,
    "lines.solid_capstyle": "round",
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",  # text stays text: it can be searched and copied, and is a third of the size of outlines
    "svg.hashsalt": "syntagma",  # the same figure gives the same file
    "pdf.fonttype": 42,
}


@contextmanager
def applied() -> Iterator[None]:
    """The project's look, for whatever is drawn inside; matplotlib's settings are as before afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast("Any", _SETTINGS))
        yield


def learner_colour(learner: str) -> str:
    """The colour of that learner; for one that is not listed, a colour that depends on its name alone."""
    return _LEARNER_COLOURS.get(learner) or _FURTHER_COLOURS[sum(learner.encode()) % len(_FURTHER_COLOURS)]


def law_colour(law: str) -> str:
    """The colour of that law; grey where it is not listed."""
    return LAW_COLOURS.get(law, SOFT_INK)


def level_colour(level: int) -> str:
    """The colour of level 0, 1, 2, ..., where levels and not learners are told apart."""
    return _LEVEL_COLOURS[min(level, len(_LEVEL_COLOURS) - 1)]


def level_marker(level: int) -> str:
    """The marker of level 1, 2, ..."""
    return LEVEL_MARKERS[(level - 1) % len(LEVEL_MARKERS)]
