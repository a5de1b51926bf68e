"""Arc-cosine kernels: covariance of max(u, 0)^n for jointly Gaussian (u, w).

    E[u^n w^n ; u, w > 0] = (l r)^(n/2) J_n(t) / (2 pi),    cos t = k / sqrt(l r),
    J_n(t) = p_n(cos t) sin t + q_n(cos t) (pi - t),

u and w of variances l and r and covariance k. Order 0 is the step, 1 ReLU, 2 its square. The definition
J_n = (-1)^n (sin t)^(2n+1) ((1 / sin t) d/dt)^n ((pi - t) / sin t) gives the polynomials by recursion, from p_0 = 0 and
q_0 = 1:

    p_(n+1) = 2 n c p_n + (1 - c^2) p_n' + q_n,        q_(n+1) = (1 - c^2) q_n' + (2 n + 1) c q_n.

The derivative of max(u, 0)^n is n max(u, 0)^(n-1), so its covariance is n^2 times the kernel of order n - 1.

The angle comes from 1 - cos t, computed as (sqrt(l r) - k) / sqrt(l r), where the difference of neighbouring numbers is
exact: t has an absolute error of about 1e-8 near 0 only because k, l and r themselves are rounded. A cosine within four
units in the last place of 1 counts as 1, so that equal sequences have t = 0 exactly. Orders 1 and above are insensitive
to t near 0 (error t^2 dt). Elsewhere the relative error is 1e-15.

Source: Cho & Saul, "Kernel Methods for Deep Learning", NeurIPS 2009, equations 1 to 7. The recursion is derived here.
"""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial import Polynomial

_P = (1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01,
      -4.00555345006794114027e-02, 7.91534994289814532176e-04, 3.47933107596021167570e-05)  # fmt: skip
_Q = (1.0, -2.40339491173441421878e00, 2.02094576023350569471e00,
      -6.88283971605453293030e-01, 7.70381505559019352791e-02)  # fmt: skip
"""asin(s) = s + s^3 P(s^2) / Q(s^2) for |s| <= 1/2, to 2^-58 (fdlibm, e_asin.c)."""


def arc_cosine(
    order: int, k: Float[Array, "*n"], left: Float[Array, "*n"], right: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    """E[max(u, 0)^order max(w, 0)^order] for Cov(u, w) = k, Var u = left, Var w = right; order 0 is the step."""
    scale = jnp.sqrt(left * right)
    cosine, sine, angle = _angle(k, scale)
    p, q = _polynomials(order)
    shape = _horner(p, cosine) * sine + _horner(q, cosine) * (jnp.pi - angle)
    return scale**order * shape / (2 * jnp.pi)


def arc_cosine_derivative(
    order: int, k: Float[Array, "*n"], left: Float[Array, "*n"], right: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    """Covariance of the derivatives of max(., 0)^order; 0 for the step, whose gradient vanishes almost everywhere."""
    if order == 0:
        return jnp.zeros_like(k)
    return order**2 * arc_cosine(order - 1, k, left, right)


def _angle(k: Array, scale: Array) -> tuple[Array, Array, Array]:
    """cos t, sin t and t in [0, pi] of cos t = k / scale.

    The compiler's own arccos takes seven times as long: it goes through atan2, which is not vectorised.
    """
    safe = jnp.where(scale > 0, scale, 1.0)
    near = jnp.maximum((safe - jnp.abs(k)) / safe, 0.0)  # 1 - |cos t|
    near = jnp.where(near > 4 * np.finfo(np.float64).eps, near, 0.0)
    size = 1 - near
    small = size <= 0.5
    square = jnp.where(small, size * size, near / 2)
    root = jnp.sqrt(square)
    arcsine = root + root * square * _horner(_P, square) / _horner(_Q, square)
    acute = jnp.where(small, jnp.pi / 2 - arcsine, 2 * arcsine)
    positive = k >= 0
    return jnp.where(positive, size, -size), jnp.sqrt(near * (1 + size)), jnp.where(positive, acute, jnp.pi - acute)


@functools.cache
def _polynomials(order: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Coefficients of p_n and q_n, the constant one first."""
    cosine, sine_square = Polynomial([0, 1]), Polynomial([1, 0, -1])
    p, q = Polynomial([0]), Polynomial([1])
    for n in range(order):
        p, q = 2 * n * cosine * p + sine_square * p.deriv() + q, sine_square * q.deriv() + (2 * n + 1) * cosine * q
    return tuple(map(float, p.trim().coef)), tuple(map(float, q.trim().coef))


def _horner(coefficients: tuple[float, ...], x: Array) -> Array:
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total
