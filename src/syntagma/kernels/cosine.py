"""Covariance of the cosine with a phase, and of its derivative, for jointly Gaussian (u, w).

    E[cos(u + a) cos(w + a)] = (e^(k - m) + cos(2a) e^(-k - m)) / 2,   m = (l + r) / 2
    E[sin(u + a) sin(w + a)] = (e^(k - m) - cos(2a) e^(-k - m)) / 2,   which is the derivative's

u and w of variances l and r and covariance k. A frequency b, as in cos(b u + a), is a weight variance of b^2. Neither
exponents nor exponentials are subtracted: for d the variance of |u -+ w|,

    d = (sqrt(l) - sqrt(r))^2 + 2 sqrt(l r) (1 - |c|) = l + r - 2 |k|
    E[cos cos] = e^(-d/2) (cos(a)^2 (1 + e^(-2|k|)) / 2 +- sin(a)^2 (1 - e^(-2|k|)) / 2),   + for k >= 0

and the other with cos(a) and sin(a) exchanged; 1 - |c| as in `correlation`.

Precision: relative errors below (4 + d) 1e-15 for k >= 0, and for k < 0 where a is 0; else relative to the larger of
the two terms, which can cancel (tested against 50 digits). At variance 0 they are cos(a)^2 and sin(a)^2. Source: the
characteristic functions of u - w and u + w.

    cosine_covariance(0.5, correlate(k, roots(left), roots(right)))        # [n, m] of k [n, m], left [n, 1], right [1, m]
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from syntagma.kernels.correlation import Correlation


def cosine_covariance(phase: float, c: Correlation) -> Float[Array, "*n"]:
    """E[cos(u + phase) cos(w + phase)], from the correlation of u and w."""
    return _sum(math.cos(phase) ** 2, math.sin(phase) ** 2, c)


def cosine_derivative_covariance(phase: float, c: Correlation) -> Float[Array, "*n"]:
    """E[sin(u + phase) sin(w + phase)], from the correlation of u and w."""
    return _sum(math.sin(phase) ** 2, math.cos(phase) ** 2, c)


def _sum(even: float, odd: float, c: Correlation) -> Array:
    """e^(-m) (even cosh k + odd sinh k)."""
    difference = c.left.root - c.right.root + (c.left.tail - c.right.tail)
    damping = jnp.exp(-(difference**2) / 2 - c.scale * c.defect)
    sinh = -jnp.expm1(-2 * c.scale * c.size) / 2
    return damping * (even * (1 - sinh) + odd * jnp.where(c.positive, sinh, -sinh))
