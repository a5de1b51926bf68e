"""One colour and one marker for one learner, in every figure, and what colour-blind readers see of them.

The colours were chosen by a search that keeps each near its hue of Okabe & Ito ("Color Universal Design", 2008) under
three conditions that the tests compute again: simulated for deuteranopes (Machado, Oliveira & Fernandes 2009, severity
1, in linear RGB), any two are at least 15 apart in CIELAB (CIE76, D65); on the background each has a contrast (WCAG 2)
of at least 3, and as text of at least 4.5, for which `text` darkens it. Greens and oranges of equal lightness fail the
first: that is why the learners differ so much in lightness. Measured curves are full lines; dashes are for theory.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

BACKGROUND = {False: "#FFFFFF", True: "#15181C"}
"""By `dark`."""
LEARNERS = {
    "cnn": ("#006AA9", "#009DFF", "o"),
    "attention": ("#E56A0A", "#FB894A", "s"),
    "transformer": ("#129B69", "#57E2AC", "^"),
    "locally-connected": ("#C17ABB", "#EDA7DE", "D"),
    "perceptron": ("#9B6A00", "#DDA70C", "v"),
    "transformer-identities": ("#3B2E9E", "#B193FB", "P"),
    "elman": ("#059BDE", "#81D5FF", "<"),
    "lstm": ("#8E3B8E", "#CB74D3", ">"),
    "counter": ("#004856", "#44A7AF", "X"),
    "clusterer": ("#9F163F", "#F15F7F", "*"),
    "equality-perceptron": ("#6B4A10", "#B08D56", "h"),
    "perceptron-kernel": ("#5B646F", "#A7A8A9", "p"),
    "kernel": ("#1F2328", "#E6EAEE", "d"),
}
"""Colour on white, colour on dark, marker; the order is that in which further names choose."""
STRUCTURE = {
    "ink": ("#1F2328", "#E6EAEE"),
    "plateau": ("#8E9397", "#6D757C"),
    "soft": ("#59636E", "#A9B1BA"),
    "faint": ("#D8DDE3", "#343A41"),
}
"""Text and exact things; plateaus and other guides; lesser text; grids, never a line that says something."""
_SAME = {
    "weight sharing": "cnn",
    "no weight sharing": "attention",
    "tuples": "cnn",
    "tokens": "attention",
    "last-token": "elman",
    "shared": "clusterer",
    "neighbours": "transformer-identities",
    "next-token": "perceptron",
    "tuned-cnn": "perceptron-kernel",
    "tuned-attention": "kernel",
    "convolutional": "cnn",
    "attention-only": "attention",
    "locally connected": "locally-connected",
    "lcn": "locally-connected",
    "transformer with a, b": "transformer-identities",
    "perceptron with equalities": "equality-perceptron",
    "recurrent": "elman",
    "LSTM": "lstm",
    "transformer kernel": "kernel",
    "perceptron kernel": "perceptron-kernel",
}
"""A law has the colour of the learner that it was derived for, a learner's label that of its name, and what stands
for learners in one study a place of its own."""
_LEVELS = (
    ("#8C959E", "#C68500", "#B94800", "#8D3B8E", "#2B2D6E", "#101010"),
    ("#8B8572", "#8859C9", "#F063A8", "#FF8A5C", "#FFC94D", "#FFF6D8"),
)
"""Levels 0 to 5 on white, from light to dark, and on dark, from dark to light; level 0, the tokens, is grey.
They may stand beside "cnn", "transformer" and "clusterer", whose colours are far from theirs, too."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h", "d")
SEQUENTIAL = ("#F7FAFC", "#9CC4E4", "#3A8AC4", "#0B4F8A", "#0A1F44")
DIVERGING = ("#0B4F8A", "#7FB2DA", "#FFFFFF", "#F2A765", "#A63C00")
"""Of matrices, from low to high."""


def assigned(keys: Iterable[str], *, dark: bool = False) -> dict[str, str]:
    """The colour of each key where these stand in one figure: those with a place of their own, and then the others.

    `series 0`, `series 1`, ... are for things that are no learners, `grade 0.25` for a place between light and dark.
    Any other name takes the colour that its letters choose, or the next that no other key of the figure has.
    """
    keys = list(dict.fromkeys(keys))
    colours = {key: _own(key, dark) for key in keys}
    free = [pair[dark] for pair in LEARNERS.values()]
    for key in (key for key, colour in colours.items() if colour is None):
        first = sum(key.encode()) % len(free)
        turns = [*free[first:], *free[:first]]
        colours[key] = next((one for one in turns if one not in colours.values()), turns[0])
    return {key: str(colours[key]) for key in keys}


def same(first: str, second: str) -> bool:
    """Whether two keys have one colour by name, as a learner and the law that was derived for it."""
    return _SAME.get(first, first) == _SAME.get(second, second)


def marker(key: str) -> str:
    """The marker of that key; a level and a series have theirs by number."""
    key = _SAME.get(key, key)
    if key in LEARNERS:
        return LEARNERS[key][2]
    number = _number(key, "level ") or _number(key, "series ")
    return MARKERS[int(number or 0) % len(MARKERS)]


def glyph(key: str, shape: str = "") -> str:
    """That marker, by default the key's own, as a character, to begin a note with."""
    return "●■▲◆▼✚✖★◀▶⬟⬢♦"[MARKERS.index(shape or marker(key))]


def text(colour: str, *, dark: bool = False) -> str:
    """The same hue, as much darker (on dark: lighter) as text needs for a contrast of 4.5."""
    end = np.ones(3) if dark else np.zeros(3)
    for share in np.linspace(0, 1, 41):
        mixed = _hex((1 - share) * linear(colour) + share * end)
        if contrast(mixed, BACKGROUND[dark]) >= 4.5:
            return mixed
    return colour


def graded(place: float, anchors: Iterable[str]) -> str:
    """The colour at `place` in [0, 1] between the anchors, mixed as light is."""
    ends = np.stack([linear(colour) for colour in anchors])
    at = np.clip(place, 0, 1) * (len(ends) - 1)
    below = min(int(at), len(ends) - 2)
    return _hex(ends[below] + (at - below) * (ends[below + 1] - ends[below]))


def contrast(first: str, second: str) -> float:
    """Of WCAG 2: (lighter + 0.05) / (darker + 0.05) of relative luminances, from 1 to 21."""
    low, high = sorted(float(linear(colour) @ _LUMINANCE) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def _own(key: str, dark: bool) -> str | None:
    key = _SAME.get(key, key)
    if key in LEARNERS:
        return LEARNERS[key][dark]
    if key in STRUCTURE:
        return STRUCTURE[key][dark]
    level, series, grade = (_number(key, start) for start in ("level ", "series ", "grade "))
    if level is not None:
        return _LEVELS[dark][min(int(level), len(_LEVELS[dark]) - 1)]
    if series is not None:
        return list(LEARNERS.values())[int(series) % len(LEARNERS)][dark]
    return None if grade is None else graded(grade, _LEVELS[dark][1:5])


def _number(key: str, start: str) -> float | None:
    try:
        return float(key.removeprefix(start)) if key.startswith(start) else None
    except ValueError:
        return None


_LUMINANCE = np.array([0.2126729, 0.7151522, 0.0721750])
"""Of linear red, green and blue."""


def linear(colour: str) -> np.ndarray:
    """Red, green and blue light of an sRGB colour, `[3]` from 0 to 1."""
    coded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def _hex(linear: np.ndarray) -> str:
    light = np.clip(linear, 0, 1)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(float(part) * 255):02X}" for part in coded)
