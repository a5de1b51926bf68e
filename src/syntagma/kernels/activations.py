"""Activations: the function, and the covariances of it and of its derivative for jointly Gaussian inputs.

For (u, w) Gaussian of variances l, r and covariance k,

    linear        E[u w] = k                                        derivative 1
    arc-cosine n  see `arc_cosine`: step (n = 0), relu (n = 1), requ (n = 2, the square of ReLU), relu^3 and so on
    erf           (2/pi) asin(2 k / sqrt((1 + 2 l)(1 + 2 r)))       derivative (4/pi) / sqrt((1 + 2 l)(1 + 2 r) - 4 k^2)
    cos(u + a)    (e^(k - m) + cos(2a) e^(-k - m)) / 2,  m = (l + r) / 2;   derivative: the same with minus

A frequency b, as in cos(b u + a), is a weight variance of b^2. Sources: Williams, "Computing with infinite networks",
NeurIPS 1996 (erf); the cosine from the characteristic function of u - w and u + w.
"""

from __future__ import annotations

from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import AfterValidator

from syntagma.errors import invalid, unknown
from syntagma.kernels.arc_cosine import rectified, rectified_derivative
from syntagma.kernels.correlation import Roots, correlate, roots
from syntagma.kernels.cosine import cosine_covariance, cosine_derivative_covariance
from syntagma.kernels.error_function import erf_covariance, erf_derivative_covariance

_ORDERS = {"step": 0, "relu": 1, "requ": 2, **{f"relu^{n}": n for n in range(3, 17)}}
"""Powers of ReLU by name; E[u^(2n)] grows as (2n)!, so the sixteenth is far beyond use."""


def _known(given: str) -> str:
    if given.startswith("relu^") and given not in _ORDERS:
        raise invalid("activation", given, "powers of ReLU are 'step', 'relu', 'requ', and 'relu^3' to 'relu^16'")
    if given not in ("linear", "erf", "cos", *_ORDERS):
        raise unknown("activation", given, ("linear", "step", "relu", "requ", "relu^3", "erf", "cos"))
    return given


ActivationName = Annotated[str, AfterValidator(_known)]
"""linear, step, relu, requ, relu^3 to relu^16, erf or cos."""


def activate(name: ActivationName, phase: float, u: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The activation itself, as finite networks apply it."""
    if name == "linear":
        return u
    if name == "erf":
        return jax.scipy.special.erf(u)
    if name == "cos":
        return jnp.cos(u + phase)
    if name == "step":
        return (u > 0).astype(u.dtype)
    return jax.nn.relu(u) ** _ORDERS[name]


def covariance(
    name: ActivationName, phase: float, k: Float[Array, "*n"], left: Float[Array, "*n"], right: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    """E[phi(u) phi(w)] for Cov(u, w) = k, Var u = left, Var w = right."""
    return closed_forms(name, phase, k, roots(left), roots(right))[0]


def derivative_covariance(
    name: ActivationName, phase: float, k: Float[Array, "*n"], left: Float[Array, "*n"], right: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    """E[phi'(u) phi'(w)], which a tangent kernel is multiplied by."""
    return closed_forms(name, phase, k, roots(left), roots(right))[1]


def closed_forms(
    name: ActivationName, phase: float, k: Float[Array, "*n"], left: Roots, right: Roots, rounding: float = 0.0
) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
    """`covariance` and `derivative_covariance`, from the square roots of the variances.

    Args:
        rounding: see `correlate`.
    """
    if name == "linear":
        return k, jnp.ones_like(k)
    c = correlate(k, left, right, rounding)
    if name == "erf":
        return erf_covariance(c), erf_derivative_covariance(c)
    if name == "cos":
        return cosine_covariance(phase, c), cosine_derivative_covariance(phase, c)
    return rectified(_ORDERS[name], c), rectified_derivative(_ORDERS[name], c)
