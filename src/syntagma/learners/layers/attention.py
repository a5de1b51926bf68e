"""Softmax attention, H heads of size d/H, and the case of a single query.

    A = softmax(Q K^T (d/H)^(-1/2));  heads = A V

The gradient is written by hand: on a CPU the compiler's batched product of a transposed left
side is 5 times slower than of a plain one (2.0 against 0.4 ms for B = 128, H = 8, T = d/H = 16), and it folds
transpositions into products wherever it may. So each product is given plain operands that it must take as they are.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from syntagma.errors import invalid
from syntagma.learners.layers.product import settle


def attend(projected: Float[Array, "B T qkv"], heads: int, causal: bool) -> Float[Array, "B T qkv//3"]:
    """Attention of every position to every position, or where `causal` to those up to its own.

    Args:
        projected: queries, keys and values side by side, each of H heads of size d/H.
    """
    mixed: Any = attend_with(projected, None, heads, causal)
    return mixed[0]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def attend_with(
    projected: Float[Array, "B T qkv"], bias: Float[Array, "B H T T"] | None, heads: int, causal: bool
) -> tuple[Float[Array, "B T qkv//3"], Float[Array, "B H T T"]]:
    """`attend` with a bias added to the scores; the attention weights too, `[sentence, head, query, key]`."""
    return _attend_forward(projected, bias, heads, causal)[0]


def _attend_forward(
    projected: Array, bias: Array | None, heads: int, causal: bool
) -> tuple[tuple[Array, Array], tuple[Any, ...]]:
    batch, length, width = projected.shape
    split = settle(projected.reshape(batch, length, 3, heads, -1).transpose(2, 0, 3, 1, 4))
    query, key, value = split
    scores = jnp.einsum("bhte,bhse->bhts", query, key) * query.shape[-1] ** -0.5
    if bias is not None:
        scores = scores + bias
    if causal:
        scores = jnp.where(jnp.tri(length, dtype=bool), scores, -jnp.inf)
    weights = settle(jax.nn.softmax(scores, axis=-1))
    mixed = settle(weights @ value).swapaxes(1, 2)
    return (mixed.reshape(batch, length, width // 3), weights), (split, weights, None if bias is None else ())


def _attend_backward(
    heads: int, causal: bool, saved: tuple[Any, ...], gradients: tuple[Array, Array]
) -> tuple[Array, Array | None]:
    del causal  # masked weights are 0, and so are their gradients
    (query, key, value), weights, biased = saved
    gradient, also_weights = gradients
    batch, length, width = gradient.shape
    gradient = settle(gradient.reshape(batch, length, heads, -1).swapaxes(1, 2))
    d_value = settle(weights.swapaxes(2, 3)) @ gradient
    d_weights = settle(jnp.einsum("bhte,bhse->bhts", gradient, value)) + also_weights
    d_biased = weights * (d_weights - (d_weights * weights).sum(-1, keepdims=True))
    d_scores = settle(d_biased * query.shape[-1] ** -0.5)
    d_query = d_scores @ key
    d_key = settle(d_scores.swapaxes(2, 3)) @ query
    d_split = settle(jnp.stack([d_query, d_key, d_value]))
    d_projected = d_split.transpose(1, 3, 0, 2, 4).reshape(batch, length, 3 * width)
    return d_projected, None if biased is None else d_biased


attend_with.defvjp(_attend_forward, _attend_backward)


def attend_from_last(
    inputs: Float[Array, "B T d"],
    query: Float[Array, "d d"],
    key: Float[Array, "d d"],
    value: Float[Array, "d d"],
    heads: int,
) -> Float[Array, "B d"]:
    """Attention of the last position alone, from its inputs and the three weight matrices.

    With one query, the weights act on it instead of on every position: Q (X W_K)^T = (Q W_K^T) X^T and
    A (X W_V) = (A X) W_V. That is B (H T + d) d products in place of B T d^2.
    """
    batch, _, width = inputs.shape
    query, key, value = (w.reshape(width, heads, -1) for w in (query, key, value))
    questions = jnp.einsum("bd,dhe->bhe", inputs[:, -1], query)
    questions = jnp.einsum("bhe,dhe->bhd", questions, key) * key.shape[-1] ** -0.5
    weights = jax.nn.softmax(questions @ inputs.swapaxes(1, 2), axis=-1)
    return jnp.einsum("bhd,dhe->bhe", weights @ inputs, value).reshape(batch, width)


def check_heads(width: int, heads: int) -> None:
    """Refuse widths that do not divide into heads.

    Raises:
        InputError: `heads` does not divide `width`.
    """
    if width % heads:
        raise invalid("heads", heads, f"it must divide width={width}", f"Choose one of {_divisors(width)}")


def _divisors(number: int) -> str:
    return ", ".join(str(d) for d in range(1, min(number, 64) + 1) if number % d == 0)
