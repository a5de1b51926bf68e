"""Activations: the function, and the covariances of it and of its derivative for jointly Gaussian inputs.

For (u, w) Gaussian of variances l, r and covariance k,

    linear        E[u w] = k, and 1 of the derivative
    max(u, 0)^n   `arc_cosine`: step (n = 0), relu (n = 1), requ (n = 2, the square of ReLU), relu^3 and so on
    erf           `error_function`
    cos(u + a)    `cosine`; a frequency b, as in cos(b u + a), is a weight variance of b^2

    covariance("relu", 0.0, k, left, right)           # [n, m] float64 of k [n, m], left [n, 1] and right [1, m]

Regime: any covariance of Gaussian variables with variances 0, or between 1e-300 and 1e300. Precision: relative errors
of some 1e-15, given in each module, for exact l, r and k. In a stack of layers these are rounded at every layer; 100
layers of ReLU, erf or cosine add up to 1e-14 in the NNGP kernel and 2e-13 in the NTK (tested), but for the NTK where
correlations go to 1: there the slope depends on the angle, an error of 1e-15 over the angle. At variance 0, what a
finite network gives: phi(0)^2, with a step and slopes of ReLU's powers that are 0 at 0. Sources are in the modules
named.
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


def activate(name: ActivationName, phase: float, u: Float[Array, "*#n"]) -> Float[Array, "*#n"]:
    """The activation itself, as finite networks apply it: `activate("cos", 0.5, u)` is cos(u + 0.5)."""
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
    name: ActivationName, phase: float, k: Float[Array, "*#n"], left: Float[Array, "*#n"], right: Float[Array, "*#n"]
) -> Float[Array, "*#n"]:
    """E[phi(u) phi(w)] for Cov(u, w) = k, Var u = left, Var w = right: `covariance("erf", 0.0, k, left, right)`."""
    return closed_forms(name, phase, k, roots(left), roots(right))[0]


def derivative_covariance(
    name: ActivationName, phase: float, k: Float[Array, "*#n"], left: Float[Array, "*#n"], right: Float[Array, "*#n"]
) -> Float[Array, "*#n"]:
    """E[phi'(u) phi'(w)], a factor of tangent kernels: `derivative_covariance("erf", 0.0, k, left, right)`."""
    return closed_forms(name, phase, k, roots(left), roots(right))[1]


def closed_forms(
    name: ActivationName, phase: float, k: Float[Array, "*#n"], left: Roots, right: Roots, rounding: float = 0.0
) -> tuple[Float[Array, "*#n"], Float[Array, "*#n"]]:
    """Both, from the square roots of the variances: `closed_forms("erf", 0.0, k, roots(left), roots(right))`.

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
