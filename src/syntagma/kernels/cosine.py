"""Covariance of the cosine with a phase, and of its derivative, for jointly Gaussian (u, w).

    E[cos(u + a) cos(w + a)] = (e^(k - m) + cos(2a) e^(-k - m)) / 2,   m = (l + r) / 2
    E[sin(u + a) sin(w + a)] = (e^(k - m) - cos(2a) e^(-k - m)) / 2,   which is the derivative's

u and w of variances l and r and covariance k. A frequency b, as in cos(b u + a), is a weight variance of b^2. Neither
exponents nor exponentials are subtracted: with d the smaller of the variances of u - w and u + w, and 1 - |c| from
`correlation`,

    d = (sqrt(l) - sqrt(r))^2 + 2 sqrt(l r) (1 - |c|) = l + r - 2 |k|
    E[cos(u + a) cos(w + a)] = e^(-d/2) (cos(a)^2 + sin(a)^2 tanh k) / (1 + tanh |k|)

and the other with cos(a) and sin(a) exchanged. At variance 0 they are cos(a)^2 and sin(a)^2.

Precision: relative errors below (4 + d) 1e-15 for the numbers k, l and r given, variances 0 and 1e-300 to 1e300 (tested
against 50 digits). For k < 0 and a phase, the two terms may cancel, and the error is relative to the larger. Source:
the characteristic functions of u - w and u + w; their product form is derived here.

Regime: jointly Gaussian u and w of mean 0; exact.

    cosine_covariance(0.5, correlate(k, roots(left), roots(right)))     # [n, m] of k [n, m], left [n, 1], right [1, m]
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from syntagma.kernels.correlation import Correlation


def cosine_covariance(phase: float, c: Correlation) -> Float[Array, "*n"]:
    """E[cos(u + phase) cos(w + phase)]: `cosine_covariance(0.5, correlate(k, roots(left), roots(right)))`."""
    return _sum(math.cos(phase) ** 2, math.sin(phase) ** 2, c)


def cosine_derivative_covariance(phase: float, c: Correlation) -> Float[Array, "*n"]:
    """E[sin(u + phase) sin(w + phase)], the derivative's covariance: `cosine_derivative_covariance(0.5, c)`."""
    return _sum(math.sin(phase) ** 2, math.cos(phase) ** 2, c)


def _sum(even: float, odd: float, c: Correlation) -> Array:
    """e^(-m) (even cosh k + odd sinh k)."""
    difference = c.left.root - c.right.root + (c.left.tail - c.right.tail)
    damping = jnp.exp(-(difference**2) / 2 - c.scale * c.defect)
    tanh = jnp.tanh(c.scale * c.size)
    return damping * (even + odd * jnp.where(c.positive, tanh, -tanh)) / (1 + tanh)
