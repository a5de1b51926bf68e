"""A kernel diagonalised over all v^T sequences: the brute force beside which symmetry is checked, and shifted tests.

Under uniform independent tokens the operator of a kernel is its Gram matrix over all sequences, over their number; its
eigenvectors times the square root of that number are the orthonormal functions phi. Degenerate eigenvalues are one
level. Regime: exact, float64; the matrix has v^(2T) entries, so a few thousand sequences at the most. Source: Mercer's
decomposition; the moments under other test sequences are those of arXiv 2106.02261.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import PositiveInt

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.theory.spectrum import Spectrum

_MOST_BITS = 24
_SAME = 1e-9
"""Eigenvalues within this share of the largest are equal."""


@checked
def all_sequences(vocab: PositiveInt, length: PositiveInt) -> UInt8[np.ndarray, "n T"]:
    """Every sequence, in lexicographic order: `all_sequences(2, 2)` is [[0, 0], [0, 1], [1, 0], [1, 1]].

    Raises:
        InputError: there are more than 2^24.
    """
    if vocab > 256 or length * math.log2(vocab) > _MOST_BITS or length > 2**_MOST_BITS:
        reason = f"there are more than 2^{_MOST_BITS} sequences of {vocab} symbols, or symbols than 256"
        raise invalid("length", length, reason, "Lower it, or vocab")
    return np.array(list(itertools.product(range(vocab), repeat=length)), np.uint8)


def counted_levels(spectrum: Spectrum, gram: Float[np.ndarray, "n n"]) -> list[list[float]]:
    """(eigenvalue, predicted multiplicity, how many eigenvalues of `gram` over n are there) of each level not zero.

    Levels of one eigenvalue are added up. Example: `counted_levels(decompose(kernel, 3, 6).spectrum(), gram)`.
    """
    plain = np.linalg.eigvalsh(gram / len(gram))
    tolerance = _SAME * plain[-1]
    predicted: dict[float, float] = {}
    for value, number in sorted(zip(spectrum.eigenvalues, spectrum.multiplicities, strict=True), reverse=True):
        near = next((one for one in predicted if abs(one - value) <= tolerance), float(value))
        predicted[near] = predicted.get(near, 0.0) + float(number)
    return [
        [value, number, float(np.sum(np.abs(plain - value) <= tolerance))]
        for value, number in predicted.items()
        if value > tolerance
    ]


def shifted_moments(
    gram: Float[np.ndarray, "n n"],
    probabilities: Float[np.ndarray, " n"],
    targets: Mapping[str, Float[np.ndarray, " n"]],
) -> dict[str, Any]:
    """What `Learnability.shifted_error` needs of every level, as plain numbers, for test sequences of `probabilities`.

    Returns:
        `eigenvalues`, `multiplicities` and `traces` by level, the trace E'[sum of phi^2] under the new probabilities;
        `targets`, by name: the `levels` in which the target has a part, the `norms` of these parts, and their second
        `moments` E'[f_k f_l].
    """
    number = len(gram)
    values, vectors = np.linalg.eigh(gram / number)
    values, functions = np.maximum(values[::-1], 0), vectors[:, ::-1] * np.sqrt(number)
    level = np.concatenate([[0], np.cumsum(values[:-1] - values[1:] > _SAME * values[0])])
    counts = np.bincount(level)
    out: dict[str, Any] = {
        "eigenvalues": (np.bincount(level, values) / counts).tolist(),
        "multiplicities": counts.tolist(),
        "traces": np.bincount(level, probabilities @ functions**2).tolist(),
        "targets": {},
    }
    for name, target in targets.items():
        parts = np.zeros((len(counts), number))
        np.add.at(parts, level, (functions * (functions.T @ target / number)).T)
        norms = (parts**2).mean(1)
        kept = np.flatnonzero(norms > 1e-12)
        moments = (parts[kept] * probabilities) @ parts[kept].T
        out["targets"][name] = {"levels": kept.tolist(), "norms": norms[kept].tolist(), "moments": moments.tolist()}
    return out
