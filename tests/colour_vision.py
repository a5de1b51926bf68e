"""How far apart two colours are for a deuteranope, and for others."""

from __future__ import annotations

import numpy as np

from syntagma.plot.palette import linear

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_DEUTERANOPE = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
"""Machado et al. 2009, table for deuteranomaly of severity 1, on linear RGB."""


def distance(first: str, second: str, *, deuteranope: bool = True) -> float:
    """CIE76: the distance in CIELAB, as a deuteranope sees it."""
    one, two = (_lab(colour, deuteranope=deuteranope) for colour in (first, second))
    return float(np.linalg.norm(one - two))


def _lab(colour: str, *, deuteranope: bool) -> np.ndarray:
    light = linear(colour)
    seen = np.clip(_DEUTERANOPE @ light, 0, 1) if deuteranope else light
    part = (_TO_XYZ @ seen) / _TO_XYZ.sum(axis=1)
    x, y, z = np.where(part > (6 / 29) ** 3, np.cbrt(part), part / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
