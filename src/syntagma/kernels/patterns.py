"""Gram matrices of kernels that only see which tokens are equal: one entry for each way in which two strings match.

Without a token kernel an embedding treats all tokens alike, so K(x, y) does not change when one renaming is applied to
both strings: it depends on the pattern of (x, y), which of the 2T tokens are equal. Template tasks have few patterns,
however many strings and symbols: 2,000 strings of `aabb` and `abab` make four million pairs and 28 patterns. So

    K(x, y) = K(x*, y*),    x* = x renamed 0, 1, .. in order of appearance, y* = y by the same names, then new ones

is computed once a pattern, over a vocabulary of 2T, and looked up for every pair: with softmax attention many more
points can be afforded, and their error is the same for equal patterns instead of independent from pair to pair. The
matrix is positive semidefinite up to that error only. Cost: n m T^2 comparisons, and a sort of n m numbers; memory 50 n
m bytes, most of it for the sort, and about 4 T^2 bytes a pattern. Regime: embeddings that treat all tokens alike; exact
up to the kernel's own error. Derived here: a renaming permutes independent, equally distributed vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int, Integer

from syntagma.errors import invalid
from syntagma.kernels.gram import Gram, Kind, check_memory
from syntagma.languages.templates.substitution import canonical

if TYPE_CHECKING:
    from syntagma.kernels.architecture import Architecture

_LARGEST_CODE = 2**62
_BYTES_PER_PAIR = 50
"""Numbers of a pair while patterns are counted, measured."""


def gram_by_pattern(
    architecture: Architecture,
    x: Integer[np.ndarray, "n T"],
    y: Integer[np.ndarray, "m T"] | None = None,
    *,
    kind: Kind = "nngp",
    samples: int = 1024,
    seed: int = 0,
) -> Gram:
    """As `Architecture.gram`, with `samples` points for each pattern: `gram_by_pattern(architecture, x)`.

    Raises:
        InputError: the embedding has a token kernel, which tells tokens apart; or too many sequences for memory.
    """
    if architecture.embedding.token_kernel is not None:
        raise invalid("token_kernel", "a matrix", "patterns serve embeddings that treat all tokens alike", "Use gram")
    other = x if y is None else y
    check_memory(len(x), len(other), _BYTES_PER_PAIR, "matrix of patterns")
    pattern, rows, columns = _patterns(np.asarray(x, np.int64), np.asarray(other, np.int64))
    left, left_of = np.unique(rows, axis=0, return_inverse=True)
    right, right_of = np.unique(columns, axis=0, return_inverse=True)
    small = architecture.on(2 * x.shape[1]).gram(left, right, kind=kind, samples=samples, seed=seed)

    def every_pair(values: np.ndarray) -> np.ndarray:
        full = values[left_of.reshape(-1), right_of.reshape(-1)][pattern]
        return (full + full.T) / 2 if y is None else full

    error = None if small.standard_error is None else every_pair(small.standard_error)
    return Gram(every_pair(small.matrix), error, kind)


def _patterns(
    x: Int[np.ndarray, "n T"], y: Int[np.ndarray, "m T"]
) -> tuple[Int[np.ndarray, "n m"], Int[np.ndarray, "P T"], Int[np.ndarray, "P T"]]:
    """Number of each pair's pattern, and x* and y* of each pattern."""
    length = x.shape[1]
    x_names, x_kind, x_kinds = _kinds(x)
    y_names, y_kind, y_kinds = _kinds(y)
    code = x_kind[:, None] * y_kinds + y_kind[None, :]
    largest = x_kinds * y_kinds
    for j in range(length):  # where in x the j-th token of y stands first, or T: with the kinds, that is the pattern
        place = np.full(code.shape, length, np.int8 if length < 127 else np.int32)
        for i in reversed(range(length)):
            place[x[:, i, None] == y[None, :, j]] = i
        if largest * (length + 1) > _LARGEST_CODE:
            code = _numbered(code)
            largest = int(code.max()) + 1
        code = code * (length + 1) + place
        largest *= length + 1
    _, first, pattern = np.unique(code, return_index=True, return_inverse=True)
    rows, columns = np.unravel_index(first, code.shape)
    left, right = x_names[rows], _renamed(x[rows], x_names[rows], y[columns], y_names[columns])
    return pattern.reshape(code.shape), left, right


def _kinds(x: Int[np.ndarray, "n T"]) -> tuple[Int[np.ndarray, "n T"], Int[np.ndarray, " n"], int]:
    """Strings renamed in order of appearance, which of the distinct ones each is, and how many there are."""
    names = canonical(x, 0)
    distinct, kind = np.unique(names, axis=0, return_inverse=True)
    return names, kind.reshape(-1), len(distinct)


def _numbered(code: Int[np.ndarray, "n m"]) -> Int[np.ndarray, "n m"]:
    return np.unique(code, return_inverse=True)[1].reshape(code.shape)


def _renamed(x: Any, x_names: Any, y: Any, y_names: Any) -> Int[np.ndarray, "P T"]:
    """y*, row by row: x's names where x has the token, and names from T on elsewhere."""
    same = y[:, :, None] == x[:, None, :]
    from_x = np.take_along_axis(x_names, same.argmax(2), axis=1)
    return canonical(np.where(same.any(2), from_x, x.shape[1] + y_names), x.shape[1])
