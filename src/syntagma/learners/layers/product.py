"""The product of activations with weights, its gradient written by hand, and the barrier that keeps products plain.

On a CPU the compiler would compute the sum of residual branches that a gradient comes from once more, out of order, for
each of its two products: a third of a transformer's step. Here each gradient is formed once, and both take it as it is.
"""

from __future__ import annotations

import jax
from jaxtyping import Array, Float

settle = jax.lax.optimization_barrier
"""Holds an array as it is: the compiler may not fold its transposition or its arithmetic into the next product."""


@jax.custom_vjp
def product(x: Float[Array, "*n d"], weights: Float[Array, "d w"]) -> Float[Array, "*n w"]:
    """`x @ weights`."""
    return x @ weights


def _product_forward(x: Array, weights: Array) -> tuple[Array, tuple[Array, Array]]:
    return x @ weights, (x, weights)


def _product_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, weights = saved
    gradient = settle(gradient)
    return gradient @ weights.T, settle(_summed(x.reshape(-1, x.shape[-1]), gradient.reshape(-1, gradient.shape[-1])))


def _summed(x: Float[Array, "n d"], y: Float[Array, "n w"]) -> Float[Array, "d w"]:
    """`x^T @ y`, a sum over rows. A product is quickest with fewer rows than columns: up to 2.5 times on a CPU."""
    if x.shape[1] > y.shape[1]:
        return settle(_summed(y, x)).T
    return jax.lax.dot_general(x, y, (((0,), (0,)), ((), ())))


product.defvjp(_product_forward, _product_backward)


@jax.custom_vjp
def _batched(x: Float[Array, "h n d"], weights: Float[Array, "h d w"]) -> Float[Array, "h n w"]:
    return x @ weights


def _batched_forward(x: Array, weights: Array) -> tuple[Array, tuple[Array, Array]]:
    return x @ weights, (x, weights)


def _batched_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, weights = saved
    gradient = settle(gradient)
    return gradient @ settle(weights.swapaxes(1, 2)), settle(x.swapaxes(1, 2)) @ gradient


_batched.defvjp(_batched_forward, _batched_backward)


def by_head(x: Float[Array, "n h d"], weights: Float[Array, "h d w"]) -> Float[Array, "n h w"]:
    """`x[:, h] @ weights[h]` for each head h."""
    return settle(_batched(settle(x.swapaxes(0, 1)), weights).swapaxes(0, 1))


@jax.custom_vjp
def between(x: Float[Array, "b n d"], y: Float[Array, "b m d"]) -> Float[Array, "b n m"]:
    """`x @ y^T`: the scalar products of rows."""
    return x @ settle(y.swapaxes(1, 2))


def _between_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, y = saved
    gradient = settle(gradient)
    return gradient @ y, settle(gradient.swapaxes(1, 2)) @ x


between.defvjp(lambda x, y: (between(x, y), (x, y)), _between_backward)


@jax.custom_vjp
def combine(weights: Float[Array, "b n m"], x: Float[Array, "b m d"]) -> Float[Array, "b n d"]:
    """`weights @ x`: weighted sums of rows."""
    return settle(weights) @ x


def _combine_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    weights, x = saved
    gradient = settle(gradient)
    if weights.shape[1] < weights.shape[2]:  # transpose the smaller of the two
        slope = (x @ settle(gradient.swapaxes(1, 2))).swapaxes(1, 2)
    else:
        slope = gradient @ settle(x.swapaxes(1, 2))
    return slope, settle(weights.swapaxes(1, 2)) @ gradient


combine.defvjp(lambda weights, x: (combine(weights, x), (weights, x)), _combine_backward)
