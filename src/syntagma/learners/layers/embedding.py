"""Linear layers on one-hot inputs: rows of a table are gathered, never multiplied.

A one-hot token times a weight matrix is a row of that matrix. The gather costs nothing against the product. Its
gradient is a sum of rows by token; as a scatter that is serial on a CPU, so it is written as the product with the
one-hot matrix.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer


def with_mask_row(table: Float[Array, "*p v w"]) -> Float[Array, "*p v+1 w"]:
    """The table with a last row for the mask symbol, whose one-hot form has all entries v^(-1/2)."""
    return jnp.concatenate([table, table.sum(-2, keepdims=True) * table.shape[-2] ** -0.5], axis=-2)


@jax.custom_vjp
def rows(table: Float[Array, "p v w"], tokens: Integer[Array, "n p"]) -> Float[Array, "n p w"]:
    """`table[j, tokens[:, j]]` for each of p places j: the one-hot token at place j times that place's weights."""
    return table[jnp.arange(len(table)), tokens]


def _rows_forward(table: Array, tokens: Array) -> tuple[Array, tuple[Array, Array]]:
    return rows(table, tokens), (tokens, jnp.arange(table.shape[1], dtype=tokens.dtype))


def _rows_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, None]:
    tokens, symbols = saved
    one_hot = (symbols[:, None] == tokens.T[:, None, :]).astype(gradient.dtype)
    return one_hot @ gradient.swapaxes(0, 1), None


rows.defvjp(_rows_forward, _rows_backward)
