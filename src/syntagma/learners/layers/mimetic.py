"""Mimetic initialisation: heads that start as trained ones are, near multiples of the identity.

    W_Q W_K^T ~ alpha_1 Z_1 + beta_1 I    of each head;    W_V W_O^T ~ alpha_2 Z_2 - beta_2 I    of all heads together

as they act on normalised inputs in `layers.heads`, d the width, Z with independent entries N(0, 1/d) and
alpha_1 = beta_1 = 0.7, alpha_2 = beta_2 = 0.4. With the singular value decomposition U S V^T of the right side the
factors are U S^(1/2) and V S^(1/2); a head of size e keeps its e largest directions. Those of W_V W_O^T are dealt out
to the heads one after the other, and shared where the heads have more sizes than there are directions.

Regime: a choice of starting weights, no prediction. Source: Trockman & Kolter, arXiv 2305.09828, section 4, for vision;
their sinusoidal positions are not taken over: positions start as `Transformer` draws them.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

_SCORES = (0.7, 0.7)
"""alpha_1 and beta_1."""
_ANSWERS = (0.4, -0.4)
"""alpha_2 and minus beta_2."""


def mimetic(
    key: Key[Array, ""], width: int, heads: int, head_size: int
) -> tuple[Float[Array, "d qkv"], Float[Array, "qkv//3 d"]]:
    """Weights of queries, keys and values, and of the projection, of `heads.Heads`: `mimetic(key, 64, 4, 16)`."""
    inner = heads * head_size
    *of_heads, last = jax.random.split(key, heads + 1)
    factors = [_factors(one, width, *_SCORES, head_size) for one in of_heads]
    query, to_query = (jnp.concatenate(parts, axis=1) * width**0.5 for parts in zip(*factors, strict=True))
    value, projection = (part * (width * inner) ** 0.25 for part in _factors(last, width, *_ANSWERS, inner))
    return jnp.concatenate([query, to_query, value], axis=1), projection.T


def _factors(key: Array, width: int, alpha: float, beta: float, size: int) -> tuple[Float[Array, "d n"], ...]:
    """Two matrices of `size` columns with alpha Z + beta I as their product, or its largest directions.

    What occurs c times counts 1/c each time.
    """
    target = alpha * width**-0.5 * jax.random.normal(key, (width, width)) + beta * jnp.eye(width)
    left, values, right = jnp.linalg.svd(target)
    directions = np.arange(size) % width
    often = np.bincount(directions, minlength=width)[directions].astype(np.float32)
    scale = jnp.sqrt(values[directions] / often)
    return left[:, directions] * scale, right.T[:, directions] * scale
