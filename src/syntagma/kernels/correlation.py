"""The correlation of two Gaussian variables, and how far it is from 1 and -1 to full relative precision.

    c = k / sqrt(l r),        1 - |c| = (sqrt(l r) - |k|) / sqrt(l r)

u and w of variances l and r and covariance k. What a layer makes of nearly equal (or opposite) inputs depends on the
angle between them, about sqrt(2 (1 - |c|)), and the rounding of sqrt(l r) alone would change that by 1e-8. So square
roots are carried as sums of three numbers, sqrt(l) = 2^e (h + t + q), h of 26 bits, so that h h' and h t' are exact
products, and

    sqrt(l r) - |k|  ~  h h' - |k| + h t' + t h' + t t' + (h + t) q' + q (h' + t'),

where every sum but the last is exact for |k| near sqrt(l r). No step of it changes if a compiler contracts a product
and a sum into one instruction. The roots cost nothing: they are taken once a sequence, not once a pair.

Regime: variances 0 and 1e-300 to 1e300. For the k, l and r given, the error of 1 - |c| is below 1e-15 of it, or below
6e-32 where it is smaller than 1e-16. No product under a root is formed, so nothing overflows. Where a variance is 0, c
counts as 0. Derived here; exact products of halves are Dekker's (Numerische Mathematik 18, 1971).

    correlate(k, roots(left), roots(right)).defect      # 1 - |c|, [n, m], of k [n, m], left [n, 1] and right [1, m]
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

ROUNDING = 4 * 2.0**-52
"""Four units in the last place of 1: what rounding in a layer's covariances may add to 1 - |c|."""

_FLOOR = 2.0**-104
"""What rounding leaves of 1 - |c| where it is 0, for exact k, l and r."""


class Roots(NamedTuple):
    """Square roots of variances, `root + tail` to 106 bits, and their parts; of 0 the parts are those of 1.

    Every part ends in a division or a root: the compiler for CPUs keeps such results, and works out all others once
    more for every pair that they are broadcast to, with all that they depend on.
    """

    root: Float[Array, "*n"]
    tail: Float[Array, "*n"]
    unit: Float[Array, "*n"]
    high: Float[Array, "*n"]
    low: Float[Array, "*n"]
    rest: Float[Array, "*n"]
    inverse: Float[Array, "*n"]


class Correlation(NamedTuple):
    """What closed forms need of `(k, l, r)`.

    Attributes:
        left: square roots of l.
        right: of r.
        scale: sqrt(l r).
        size: |c|, between 0 and 1; 0 where a variance is 0.
        defect: 1 - |c|, to its own relative precision.
        positive: whether k >= 0.
    """

    left: Roots
    right: Roots
    scale: Float[Array, "*#n"]
    size: Float[Array, "*#n"]
    defect: Float[Array, "*#n"]
    positive: Bool[Array, "*#n"]


def roots(variance: Float[Array, "*n"]) -> Roots:
    """Square roots of variances, `roots(left)` for `correlate`; negative ones, made by rounding, count as 0."""
    root = jnp.sqrt(jnp.maximum(variance, 0.0))
    safe = jnp.where(root > 0, root, 1.0)
    power = jax.lax.reduce_precision(safe, exponent_bits=11, mantissa_bits=0)
    leading = jax.lax.reduce_precision(safe, exponent_bits=11, mantissa_bits=25)
    unit, high, low = safe / power, leading / power, (safe - leading) / power
    square = jnp.where(root > 0, variance, 1.0) / power / power
    missing = ((square - high * high) - 2 * high * low) - low * low
    tail = jnp.where(root > 0, missing, 0.0) * power / (2 * unit)
    return Roots(root, tail, unit, high, low, missing / (2 * unit), 1 / power)


def correlate(k: Float[Array, "*#n"], left: Roots, right: Roots, rounding: float = 0.0) -> Correlation:
    """The correlation of covariances `k` with variances whose roots broadcast against it.

    `correlate(k, roots(left), roots(right)).size` is |c|, `[n, m]` of k `[n, m]`, left `[n, 1]` and right `[1, m]`.

    Args:
        rounding: 1 - |c| up to this counts as 0. Layers pass `ROUNDING`, so that equal sequences, whose covariance is
            their variance but for the last digit, have the angle 0 exactly.
    """
    scaled = jnp.abs(k) * left.inverse * right.inverse
    gap = left.high * right.high - scaled
    gap = gap + left.high * right.low
    gap = gap + left.low * right.high
    gap = gap + left.low * right.low
    gap = jnp.maximum(gap + (left.unit * right.rest + left.rest * right.unit), 0.0)
    product = left.unit * right.unit
    signed = gap / jnp.where(k >= 0, product, -product)  # k is used in this quotient alone, for the reason in `Roots`
    scale = left.root * right.root
    defect = jnp.minimum(jnp.abs(signed), 1.0)
    defect = jnp.where(defect > max(rounding, _FLOOR), defect, 0.0)
    size = jnp.minimum(scaled / product, 1.0)
    empty = scale == 0
    return Correlation(
        left, right, scale, jnp.where(empty, 0.0, size), jnp.where(empty, 1.0, defect), ~jnp.signbit(signed)
    )
