"""Random choices among C values with given probabilities, and random probabilities, from raw words alone.

As in `_draws.py`, nothing here depends on what NumPy makes of a generator's words. Probabilities are met to about
C 2^-32 (columns by multiply-shift without rejection, thresholds of 32 bits).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Integer, UInt

from syntagma.errors import invalid
from syntagma.languages._draws import random_bits
from syntagma.languages._sampling import _alias_tables

_ROUNDING = 1e-6  # how far from 1 the sum of probabilities that a person writes down may be


class Categorical:
    """Draws from R distributions over C values, each in constant time: Walker's alias tables."""

    def __init__(self, probabilities: Float[np.ndarray, "R C"]) -> None:
        thresholds, aliases = _alias_tables(probabilities)
        self._choices = probabilities.shape[1]
        self._thresholds, self._aliases = thresholds.reshape(-1), aliases.reshape(-1)

    def draw(self, rows: Integer[np.ndarray, "*#n"], words: UInt[np.ndarray, "*#n"]) -> Integer[np.ndarray, "*#n"]:
        """One value from the distribution of each row; `words` are 64 random bits each."""
        column = ((words >> np.uint64(32)) * np.uint64(self._choices) >> np.uint64(32)).astype(np.intp)
        cell = rows * self._choices + column
        stays = (words & np.uint64(0xFFFF_FFFF)) < self._thresholds[cell]
        return np.where(stays, column, self._aliases[cell])


def uniforms(rng: np.random.Generator, count: int) -> Float[np.ndarray, " count"]:
    """`count` independent uniforms at the midpoints of 2**52 cells of (0, 1)."""
    return ((random_bits(rng, count, np.uint64) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def dirichlet(rng: np.random.Generator, concentration: float, rows: int, choices: int) -> Float[np.ndarray, "R C"]:
    """Rows from the symmetric Dirichlet distribution: gamma variables over their sum, in logarithms.

    With small concentrations nearly all the weight is on one choice, and others may underflow to 0.
    """
    logs = _log_gammas(rng, concentration, rows * choices).reshape(rows, choices)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def probability_rows(field: str, given: Any, choices: int) -> Float[np.ndarray, "R C"]:
    """`given` as rows of `choices` probabilities, each row scaled to sum to 1 exactly.

    Raises:
        InputError: another shape, something negative, or a row whose sum is not 1 within 1e-6.
    """
    try:
        rows = np.array(given, dtype=np.float64)
    except ValueError:
        raise invalid(field, given, "its rows differ in length", f"Give rows of {choices} probabilities") from None
    if rows.ndim != 2 or rows.shape[1] != choices or len(rows) == 0:
        raise invalid(f"{field}.shape", rows.shape, f"it must be rows of {choices} probabilities")
    sums = rows.sum(axis=1)
    if rows.min() < 0 or np.abs(sums - 1).max() > _ROUNDING:
        row = int(np.argmax((rows < 0).any(axis=1) | (np.abs(sums - 1) > _ROUNDING)))
        raise invalid(f"{field}[{row}]", rows[row].tolist(), "probabilities are not negative and sum to 1")
    return rows / sums[:, None]


def _log_gammas(rng: np.random.Generator, shape: float, count: int) -> Float[np.ndarray, " count"]:
    """Logarithms of gamma variables: Marsaglia & Tsang 2000 for shape + 1, times U^(1 / shape)."""
    d = shape + 2 / 3
    logs, missing = np.empty(count), np.arange(count)
    while missing.size:
        radius, angle, level = uniforms(rng, 3 * missing.size).reshape(3, -1)
        normal = np.sqrt(-2 * np.log(radius)) * np.cos(2 * np.pi * angle)
        cube = np.maximum(1 + normal / np.sqrt(9 * d), 1e-9) ** 3  # the bound is never accepted
        accepted = np.log(level) < normal**2 / 2 + d * (1 - cube + np.log(cube))
        logs[missing[accepted]] = np.log(d * cube[accepted])
        missing = missing[~accepted]
    return logs + np.log(uniforms(rng, count)) / shape
