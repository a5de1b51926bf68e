"""Replacing wildcards by distinct symbols, and finding out from a string which of its symbols are equal.

A substitution is a row of distinct symbols, one for each wildcard. `draw_injections` draws them uniformly without
trial and error: d_j uniform on 0 .. N - 1 - j is the rank of the j-th symbol among those that the symbols before it
leave, and ranks become symbols by shifting: for i from the last to the first, x_j + 1 for every j > i with x_j >= x_i
(the decoding of a Lehmer code). That is w(w - 1)/2 comparisons of whole columns, exact and of fixed cost.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Int, Integer, UInt

from syntagma.languages._draws import uniform_below
from syntagma.languages._tuples import TupleIndex
from syntagma.randomness import stream

_DRAWN_AT_ONCE = 2**10


def draw_injections(
    rng: np.random.Generator, alphabet: int, columns: UInt[np.ndarray, "w n"]
) -> UInt[np.ndarray, "w n"]:
    """Fill each of the n columns with w distinct numbers below `alphabet`, every ordered choice equally probable."""
    width, count = columns.shape
    for j in range(width):
        columns[j] = uniform_below(rng, alphabet - j, count)
    for i in range(width - 2, -1, -1):
        for j in range(i + 1, width):
            columns[j] += columns[j] >= columns[i]
    return columns


def count_injections(alphabet: int, width: int) -> int:
    """N (N - 1) .. (N - w + 1)."""
    return math.perm(alphabet, width)


def draw_pool(
    seed: int, template: int, alphabet: int, width: int, size: int, dtype: np.dtype
) -> UInt[np.ndarray, "size w"]:
    """`size` different substitutions, or all if there are not so many; the first k are the same for every size >= k."""
    size = min(size, count_injections(alphabet, width))
    if width == 0:
        return np.empty((size, 0), dtype)
    pool = np.empty((0, width), dtype)
    block = 0
    while len(pool) < size:
        rng = stream(seed, "substitutions", template, block)
        drawn = draw_injections(rng, alphabet, np.empty((width, _DRAWN_AT_ONCE << min(block, 10)), dtype))
        both = np.concatenate([pool, drawn.T])
        pool = both[np.sort(np.unique(both, axis=0, return_index=True)[1])]
        block += 1
    return pool[:size]


def substitute(
    patterns: Integer[np.ndarray, "*n k"], substitution: Integer[np.ndarray, "*n w"], num_regular: int
) -> Int[np.ndarray, "*n k"]:
    """Strings: regular tokens stay, the j-th wildcard becomes the j-th symbol of its substitution."""
    wildcard = np.maximum(patterns.astype(np.int64) - num_regular, 0)
    if substitution.shape[-1] == 0:
        return patterns.astype(np.int64)
    replaced = np.take_along_axis(substitution.astype(np.int64), wildcard, axis=-1)
    return np.where(patterns < num_regular, patterns, replaced)


def canonical(tokens: Integer[np.ndarray, "n k"], num_regular: int) -> Int[np.ndarray, "n k"]:
    """Each string with its symbols renamed R, R + 1, .. in order of first appearance: its template's pattern.

    Two strings have the same canonical form exactly if a one-to-one renaming of symbols makes one the other. Sorting
    each string brings equal tokens together: O(k log k) a string.
    """
    tokens = np.asarray(tokens, dtype=np.int64)
    if tokens.size == 0:
        return tokens
    order = np.argsort(tokens, axis=1, kind="stable")
    in_order = np.take_along_axis(tokens, order, axis=1)
    starts = np.ones(tokens.shape, dtype=bool)
    starts[:, 1:] = in_order[:, 1:] != in_order[:, :-1]
    leader = np.maximum.accumulate(np.where(starts, np.arange(tokens.shape[1]), 0), axis=1)
    first = np.empty_like(order)  # the first place that holds the same token
    np.put_along_axis(first, order, np.take_along_axis(order, leader, axis=1), axis=1)
    is_symbol = tokens >= num_regular
    is_new = is_symbol & (first == np.arange(tokens.shape[1]))
    rank = np.cumsum(is_new, axis=1) - 1
    return np.where(is_symbol, num_regular + np.take_along_axis(rank, first, axis=1), tokens)


class Matcher:
    """Finds each string's template among `patterns`, all different."""

    def __init__(self, patterns: Int[np.ndarray, "r k"], num_regular: int) -> None:
        self._num_regular = num_regular
        self._index = TupleIndex(patterns, num_regular + patterns.shape[1])

    def find(self, tokens: Integer[np.ndarray, "n k"]) -> Int[np.ndarray, " n"]:
        """Number of the template of each string; r where it has none."""
        return self._index.find(canonical(tokens, self._num_regular))
