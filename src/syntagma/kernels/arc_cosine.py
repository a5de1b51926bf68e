"""Arc-cosine kernels: covariance of max(u, 0)^n for jointly Gaussian (u, w).

    E[u^n w^n ; u, w > 0] = (l r)^(n/2) J_n(t) / (2 pi),    cos t = c = k / sqrt(l r),
    J_n(t) = p_n(c) sin t + q_n(c) (pi - t),

u and w of variances l and r and covariance k. Order 0 is the step, 1 ReLU, 2 its square. The derivative of max(u, 0)^n
is n max(u, 0)^(n-1), so its covariance is n^2 times the kernel of order n - 1. Where a variance is 0 both are 0, as in
a finite network: the step, and the gradient of ReLU, are 0 at 0.

The two terms of J_n cancel for c < 0: near -1, all but a part (1 + c)^n of them. There the integral that they come from
is used, in polar coordinates, with t = pi - a and z = sin(a/2)^2 = (1 + c) / 2:

    J_n(pi - a) = n! int (cos 2b - cos a)^n db,  |b| <= a/2
                = 2 (4^n n!^2 / (2n + 1)!!) z^n sqrt(z) F_n(z),       F_n = 2F1(1/2, 1/2; n + 3/2; z),

the second line by sin b = sqrt(z) y. F_n is a sum of positive terms, and to a relative 2e-16 a polynomial of degree 11
in (1 - cos(a/2)) / 2, which for a <= pi/2 is between 0 and 0.147. For c >= 0, J_n(t) = pi q_n(c) - (-1)^n J_n(pi - t),
because p_n and q_n have the parities of n - 1 and n; there the second term is added to the first, or at most half of
it. From q_0 = 1, the definition J_n = (-1)^n (sin t)^(2n+1) ((1 / sin t) d/dt)^n ((pi - t) / sin t) gives

    q_(n+1) = (1 - c^2) q_n' + (2n + 1) c q_n,

with coefficients that are whole and not negative.

Precision: never negative, and relative errors below (n + 2) 7e-16 for the numbers k, l and r given, at any correlation,
order 0 to 16 and variances 0 and 1e-300 to 1e300, wherever the value is between 1e-300 and 1e300 (tested against 50
digits). The errors of 1 - |c| below 1e-16, see `correlation`, come on top. Numbers below 2e-308 count as 0.

Source: Cho & Saul, "Kernel Methods for Deep Learning", NeurIPS 2009, equations 1 to 7. The recursion and the integral's
two forms are derived here.

Regime: jointly Gaussian u and w of mean 0; exact.

    arc_cosine(1, k, left, right)         # ReLU: [n, m] of k [n, m], left [n, 1] and right [1, m], float64
"""

from __future__ import annotations

import decimal
import functools
import math
from decimal import Decimal

import jax.numpy as jnp
from jaxtyping import Array, Float
from numpy.polynomial import Polynomial

from syntagma.kernels.correlation import Correlation, correlate, roots

_LARGEST = (1 - math.sqrt(0.5)) / 2
"""(1 - cos(a/2)) / 2 at a = pi/2."""
_DEGREE = 11


def arc_cosine(
    order: int, k: Float[Array, "*#n"], left: Float[Array, "*#n"], right: Float[Array, "*#n"]
) -> Float[Array, "*#n"]:
    """E[max(u, 0)^order max(w, 0)^order] for Cov(u, w) = k, Var u = left, Var w = right; order 0 is the step.

    `arc_cosine(1, jnp.array(0.5), jnp.array(1.0), jnp.array(1.0))` is 0.3044989; the arrays broadcast, in float64.
    """
    return rectified(order, correlate(k, roots(left), roots(right)))


def rectified(order: int, c: Correlation) -> Float[Array, "*#n"]:
    """As `arc_cosine`, from the correlation: `rectified(1, correlate(k, roots(left), roots(right)))`."""
    half = c.defect / 2
    sine, cosine = jnp.sqrt(half), jnp.sqrt(1 - half)
    tail = sine * horner(_tail(order), (1 - cosine) / 2)
    body = horner(_body(order), 1 - c.defect)
    reflected = tail * half**order
    value = jnp.where(c.positive, body + reflected if order % 2 else body - reflected, tail)
    factor = jnp.where(c.positive, c.scale, half * c.scale)
    for _ in range(order):  # one at a time: no number on the way is larger or smaller than those at both ends
        value = value * factor
    return value if order else jnp.where(c.scale > 0, value, 0.0)


def rectified_derivative(order: int, c: Correlation) -> Float[Array, "*#n"]:
    """The covariance of the derivatives, order^2 times `rectified` of the order below: `rectified_derivative(1, c)`.

    0 for the step, whose gradient vanishes almost everywhere.
    """
    return order**2 * rectified(order - 1, c) if order else jnp.zeros_like(c.defect)


def small_angle(sine: Float[Array, "*#n"], cosine: Float[Array, "*#n"]) -> Float[Array, "*#n"]:
    """The angle, from 0 to pi/4, of this sine and cosine, to a relative 4e-16: `small_angle(0.6, 0.8)` is 0.6435.

    The compiler's own arccos takes seven times as long: it goes through atan2, which is not vectorised.
    """
    return sine * horner(_angle(), (1 - cosine) / 2)


def horner(coefficients: tuple[float, ...], x: Float[Array, "*#n"]) -> Float[Array, "*#n"]:
    """The polynomial with these coefficients, the constant one first: `horner((1.0, 2.0), x)` is 1 + 2 x."""
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


@functools.cache
def _tail(order: int) -> tuple[float, ...]:
    """J_n(pi - a) / (2 pi z^(n + 1/2)) as a polynomial in (1 - cos(a/2)) / 2."""
    factor = 4**order * math.factorial(order) ** 2 / math.prod(range(1, 2 * order + 2, 2)) / math.pi
    return tuple(factor * c for c in _series(order))


@functools.cache
def _angle() -> tuple[float, ...]:
    """asin(s) / s as a polynomial in (1 - sqrt(1 - s^2)) / 2."""
    return _series(0)


def _series(order: int) -> tuple[float, ...]:
    """F_n as a polynomial in y = (1 - cos(a/2)) / 2, where z = 4 y (1 - y): Newton's, at Chebyshev's points.

    In 50 digits: in float64 the coefficients' rounding makes the polynomial ten times less accurate.
    """
    with decimal.localcontext(prec=50):
        angles = [math.pi * (i + 0.5) / (_DEGREE + 1) for i in range(_DEGREE + 1)]
        points = [Decimal(_LARGEST / 2 * (1 + math.cos(angle))) for angle in angles]
        slopes = [_hypergeometric(order, 4 * y * (1 - y)) for y in points]
        for j in range(1, len(points)):
            for i in reversed(range(j, len(points))):
                slopes[i] = (slopes[i] - slopes[i - 1]) / (points[i] - points[i - j])
        coefficients: list[Decimal] = []
        for slope, y in zip(reversed(slopes), reversed(points), strict=True):
            shifted = [Decimal(0), *coefficients]
            coefficients = [a - y * b for a, b in zip(shifted, [*coefficients, Decimal(0)], strict=True)]
            coefficients[0] += slope
        return tuple(map(float, coefficients))


def _hypergeometric(order: int, z: Decimal) -> Decimal:
    total, term, j = Decimal(0), Decimal(1), 0
    while term > Decimal("1e-40"):
        total += term
        term *= z * (2 * j + 1) ** 2 / (2 * (2 * order + 3 + 2 * j) * (j + 1))
        j += 1
    return total


@functools.cache
def _body(order: int) -> tuple[float, ...]:
    """q_n / 2."""
    cosine, sine_square = Polynomial([0, 1]), Polynomial([1, 0, -1])
    q = Polynomial([1])
    for n in range(order):
        q = sine_square * q.deriv() + (2 * n + 1) * cosine * q
    return tuple(float(c) / 2 for c in q.trim().coef)
