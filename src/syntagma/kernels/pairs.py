"""How the covariance between the positions of two sequences is stored: once for each value that can differ.

A layer of a wide network maps K(X_i, Y_k), the covariance of position i of X with position k of Y, to that of the next
layer. Three layouts hold it for batches of sequences; the first axis of every array runs over their columns:

- exchangeable, 4 columns: with i.i.d. positions, equally many of each kind, and no mask, K(X_i, Y_k) depends on (i, k)
  only through [x_i = y_k] and [i = k] (neither, token, position, both). Proof: it holds for the embedding; attention's
  law at (i, k) depends on K(X_i, X_i), K(X_i, Y_k), K(Y_k, Y_k) and on sums over all keys; the other layers act on one
  (i, k) at a time. So a pair of sequences costs 4 numbers instead of T^2, at any length T; sums over positions are
  sums over the 4 kinds, times how often each occurs.
- grid, T^2 columns: every (i, k), for masks, fixed attention and embeddings of unequal norms.
- aligned, T columns: (i, i) alone, for networks in which position i never meets another one's covariance (trees).

A class token, a further position that attends and is never attended to, is one more, last, column.

Regime: what is said of columns holds where layers commute with the permutations named; exact. Derived here.

    Embedding(vocab=3).pairs(Layout("grid", length=4), x.T, x.T).matrix(...)        # [4, 4, n] of tokens x [n, 4]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer

NEITHER, TOKEN, POSITION, BOTH = range(4)
"""Columns of the exchangeable layout: what x_i at i and y_k at k have in common."""

Reads = Literal["all", "last", "class"]
"""Which positions the layers above still need."""


@dataclass(frozen=True)
class Layout:
    """Which pairs of positions the columns are: `Layout("exchangeable", length=8)`, see the module."""

    kind: Literal["exchangeable", "grid", "aligned"]
    length: int
    class_token: bool = False

    @property
    def token_columns(self) -> int:
        """Number of columns, apart from the class token's."""
        return {"exchangeable": 4, "grid": self.length**2, "aligned": self.length}[self.kind]

    @property
    def columns(self) -> int:
        return self.token_columns + self.class_token

    @cached_property
    def row_variance(self) -> list[int]:
        """For each column (i, k), the column of a sequence's covariance with itself that holds K(X_i, X_i)."""
        return self._variance(axis=0)

    @cached_property
    def column_variance(self) -> list[int]:
        """For each column (i, k), that of K(Y_k, Y_k)."""
        return self._variance(axis=1)

    def _variance(self, axis: int) -> list[int]:
        if self.kind == "exchangeable":
            found = [BOTH] * 4
        elif self.kind == "aligned":
            found = list(range(self.length))
        else:
            found = (np.indices((self.length, self.length))[axis] * (self.length + 1)).ravel().tolist()
        return found + [self.columns - 1] * self.class_token


class Pairs(eqx.Module):
    """Covariances of all pairs of positions, for a batch of pairs of sequences.

    Attributes:
        layout: what the columns are.
        nngp: covariance of the layer's outputs.
        ntk: inner product of their gradients with respect to all weights so far.
        counts: exchangeable layout: how many (i, k) are of each of the four kinds.
        same_last: exchangeable layout: whether the last tokens are the same.
        kinds: exchangeable layout: the kind of each (i, k).
    """

    layout: Layout = eqx.field(static=True)
    nngp: Float[Array, "C *n"]
    ntk: Float[Array, "C *n"]
    counts: Float[Array, "4 *n"] | None = None
    same_last: Bool[Array, "*n"] | None = None
    kinds: Integer[Array, "T T *n"] | None = None

    def replace(self, nngp: Array, ntk: Array, layout: Layout | None = None) -> Pairs:
        """The same pairs of sequences with other covariances: `pairs.replace(2 * pairs.nngp, pairs.ntk)`."""
        return Pairs(layout or self.layout, nngp, ntk, self.counts, self.same_last, self.kinds)

    def row_variances(self) -> Float[Array, "#C *n"]:
        """Of sequences with themselves: the variance of the row position of each column (one row where all agree)."""
        return _take(self.nngp, self.layout.row_variance)

    def column_variances(self) -> Float[Array, "#C *n"]:
        """Of sequences with themselves: the variance of the column position of each column."""
        return _take(self.nngp, self.layout.column_variance)

    def at(self, reads: Reads) -> Pairs:
        """Only the pair of positions that is read, both last or both class tokens: `pairs.at("last")`."""
        if reads == "all":
            return self
        single = Layout("aligned", 1)
        if reads == "class":
            nngp, ntk = self.nngp[-1:], self.ntk[-1:]
        elif self.layout.kind == "exchangeable":
            same = _given(self.same_last)
            nngp, ntk = (jnp.where(same, v[BOTH], v[POSITION])[None] for v in (self.nngp, self.ntk))
        else:
            end = self.layout.token_columns
            nngp, ntk = self.nngp[end - 1 : end], self.ntk[end - 1 : end]
        return self.replace(nngp, ntk, single)

    def mixed(
        self, values: Float[Array, "C *n"], pattern: Float[np.ndarray, "T T"], reads: Reads
    ) -> Float[Array, "#C *n"]:
        """sum_jl pattern_ij pattern_kl values_jl for the columns (i, k) that are read, one row where all agree.

        `pairs.mixed(pairs.nngp, np.full((T, T), 1 / T), "all")` is what uniform attention makes.

        In the exchangeable layout, and for a class token, `pattern` must be the uniform one.
        """
        length = self.layout.length
        keys = values[: self.layout.token_columns]
        if self.layout.kind == "exchangeable":
            products = [count * key for count, key in zip(_given(self.counts), keys, strict=True)]
            return (products[0] + products[1] + products[2] + products[3])[None] / length**2
        if self.layout.kind == "aligned":
            raise AssertionError("attention needs every pair of positions")
        parts = []
        if reads == "all":
            parts.append(_mix(pattern, keys.reshape(length, length, -1)).reshape(keys.shape))
        elif reads == "last":
            parts.append(jnp.tensordot(np.outer(pattern[-1], pattern[-1]).reshape(1, -1), keys, 1))
        if reads == "class" or (reads == "all" and self.layout.class_token):
            parts.append(keys.mean(0, keepdims=True))
        return jnp.concatenate(parts)

    def matrix(self, values: Float[Array, "C *n"]) -> Float[Array, "T T *n"]:
        """`values` of every pair of token positions: `pairs.matrix(pairs.nngp)`."""
        if self.layout.kind == "exchangeable":
            kinds = _given(self.kinds)
            return sum((jnp.where(kinds == c, values[c], 0.0) for c in range(4)), jnp.zeros(()))  # pyright: ignore
        return values[: self.layout.token_columns].reshape(self.layout.length, self.layout.length, *values.shape[1:])


def _mix(pattern: Float[np.ndarray, "T T"], values: Float[Array, "T T n"]) -> Float[Array, "T T n"]:
    """pattern values pattern^T. The causal pattern's are means over what comes before: prefix sums, not products."""
    length = len(pattern)
    seen = np.arange(1, length + 1)
    if not np.array_equal(pattern, np.tri(length) / seen[:, None]):
        rows = (jnp.array(pattern) @ values.reshape(length, -1)).reshape(values.shape)
        return jax.lax.map(lambda row: jnp.array(pattern) @ row, rows)

    def prefix(values: Array) -> Array:
        def add(total: Array, row: Array) -> tuple[Array, Array]:
            return total + row, total + row

        return jax.lax.scan(add, jnp.zeros(values.shape[1:]), values)[1]

    return jax.lax.map(prefix, prefix(values)) / jnp.asarray(np.outer(seen, seen)[..., None], values.dtype)


def _take(values: Array, columns: list[int]) -> Array:
    if len(set(columns)) == 1:
        return values[columns[0] : columns[0] + 1]
    return values[np.array(columns)]


def _given(array: Array | None) -> Array:
    assert array is not None, "only the exchangeable layout holds it"
    return array
