"""Covariance of the error function, and of its derivative, for jointly Gaussian (u, w).

    E[erf(u) erf(w)]   = (2/pi) asin x,    x = 2 k / sqrt((1 + 2 l)(1 + 2 r))
    E[erf'(u) erf'(w)] = (4/pi) / sqrt((1 + 2 l)(1 + 2 r) - 4 k^2)

u and w of variances l and r and covariance k. For large variances x is near 1 or -1, and both want 1 - x^2, the
difference of nearly equal terms. With L = 2 l / (1 + 2 l), R likewise, and c the correlation, x = c sqrt(L R) and

    1 - x^2 = (1 - L R) + L R (1 - c^2) = 1 / (1 + 2 l) + L / (1 + 2 r) + L R (1 - |c|)(1 + |c|)

is a sum of terms that are not negative, with 1 - |c| as `correlation` has it. The angle is taken from the smaller of
|x| and sqrt(1 - x^2).

Precision: relative errors below 2e-15 for the numbers k, l and r given, at any correlation and variances 0 and 1e-300
to 1e300 (tested against 50 digits). Source: Williams, "Computing with infinite networks", NeurIPS 1996. The sum is
derived here.

Regime: jointly Gaussian u and w of mean 0; exact.

    erf_covariance(correlate(k, roots(left), roots(right)))        # [n, m] of k [n, m], left [n, 1], right [1, m]
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from syntagma.kernels.arc_cosine import small_angle
from syntagma.kernels.correlation import Correlation, Roots


def erf_covariance(c: Correlation) -> Float[Array, "*n"]:
    """E[erf(u) erf(w)]: `erf_covariance(correlate(k, roots(left), roots(right)))`."""
    cosine = _cosine(c)
    sine = c.size * jnp.sqrt(_share(c.left)) * jnp.sqrt(_share(c.right))
    angle = small_angle(jnp.minimum(sine, cosine), jnp.maximum(sine, cosine))
    angle = jnp.where(sine <= cosine, angle, jnp.pi / 2 - angle)
    return jnp.where(c.positive, 2 / jnp.pi, -2 / jnp.pi) * angle


def erf_derivative_covariance(c: Correlation) -> Float[Array, "*n"]:
    """E[erf'(u) erf'(w)]: `erf_derivative_covariance(correlate(k, roots(left), roots(right)))`."""
    return 4 / jnp.pi * jnp.sqrt(_rest(c.left)) * jnp.sqrt(_rest(c.right)) / _cosine(c)


def _cosine(c: Correlation) -> Array:
    """sqrt(1 - x^2)."""
    left, right = _share(c.left), _share(c.right)
    return jnp.sqrt(_rest(c.left) + left * _rest(c.right) + left * right * c.defect * (2 - c.defect))


def _rest(of: Roots) -> Array:
    """1 / (1 + 2 variance)."""
    return 1 / (1 + 2 * of.root**2)


def _share(of: Roots) -> Array:
    """2 variance / (1 + 2 variance)."""
    return 2 * of.root**2 / (1 + 2 * of.root**2)
