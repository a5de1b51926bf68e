"""The scaling exponent of a text from two statistics of it.

Correlations of tokens t apart fall as t^(-beta); the entropy H_n of a token given n before it falls to its limit as
n^(-gamma). A training text of P tokens resolves correlations above its sampling noise, which falls as P^(-1/2): up to
the distance n*(P) ~ P^(1/(2 beta)). A network that makes use of all contexts up to n* loses

    L(P) - H_inf ~ n*(P)^(-gamma) ~ P^(-alpha),     alpha = gamma / (2 beta)

and its loss with n tokens of context, L_n(P), is a function of P / n^(2 beta) once measured in units of n^(-gamma).
Regime: asymptotic, in P and n: both decays are powers over the distances that P resolves, n* is shorter than the
network's context, and the network is not limited by anything but data. H_inf is extrapolated, which is the largest
uncertainty: fit only above the sampling floor (`statistics.lagged`). Source: arXiv 2602.07488; the argument is that of
arXiv 2406.00048. The fit of a decay to an unknown limit is derived here: it is least squares, nothing else.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt
from jaxtyping import Float
from pydantic import PositiveFloat
from scipy.optimize import minimize_scalar, nnls

from syntagma.checked_call import checked
from syntagma.errors import invalid

SOURCE = "arXiv 2602.07488"
_APART = 1e-9
"""Logarithms nearer than this are of one size."""
_EXPONENTS = (0.02, 8.0)
"""Where a decay to an unknown limit is looked for."""


@checked
def power_exponent(x: Float[np.ndarray, " k"], y: Float[np.ndarray, " k"]) -> float:
    """b of y ~ x^(-b), least squares in logarithms; NaN with fewer than two different x, or one value that is not
    positive.

    `power_exponent(np.array([1.0, 4.0]), np.array([1.0, 0.5]))` is 0.5.
    """
    if len(x) < 2 or not ((x > 0) & (y > 0)).all() or np.ptp(np.log(x)) < _APART:
        return float("nan")
    return -float(np.polyfit(np.log(x), np.log(y), 1)[0])


@checked
def decay_to_limit(
    x: Annotated[Float[np.ndarray, " k"], Gt(0)], y: Float[np.ndarray, " k"]
) -> tuple[float, float, float]:
    """(limit, amplitude, exponent) of y = limit + amplitude x^(-exponent), least squares with limit and amplitude >= 0.

    `decay_to_limit(np.arange(1.0, 9.0), 2 + np.arange(1.0, 9.0) ** -0.5)` is (2, 1, 0.5) to six digits or so.

    For a given exponent the other two are linear, so that only the exponent is searched for. NaN with fewer than four
    points, or where the best exponent lies at an end of the search: the data do not bend as a power does. An amplitude
    beyond 1.8e308 is infinite.
    """
    unknown = float("nan"), float("nan"), float("nan")
    largest = float(np.abs(y).max(initial=0.0))
    if len(x) < 4 or not largest:
        return unknown
    logs, values = np.log(x), y / largest
    first = float(logs.min())  # powers are in units of the largest, so that none is beyond float64

    def solved(exponent: float) -> tuple[np.ndarray, float]:
        return nnls(np.stack([np.ones_like(logs), np.exp(-exponent * (logs - first))], axis=1), values)

    grid = np.geomspace(*_EXPONENTS, 41)
    best = int(np.argmin([solved(value)[1] for value in grid]))
    if best in (0, len(grid) - 1):
        return unknown
    found: Any = minimize_scalar(
        lambda value: solved(value)[1],
        bounds=(grid[best - 1], grid[best + 1]),
        method="bounded",
        options={"xatol": 1e-6},
    )
    (limit, amplitude), _ = solved(float(found.x))
    with np.errstate(over="ignore", under="ignore"):
        amplitude = (
            float(np.exp(float(found.x) * first + math.log(amplitude) + math.log(largest))) if amplitude else 0.0
        )
    return float(limit) * largest, amplitude, float(found.x)


@checked
def forecast(gamma: float, beta: PositiveFloat) -> float:
    """alpha = gamma / (2 beta) of loss - limit ~ P^(-alpha): `forecast(gamma=0.34, beta=0.88)` is 0.19.

    Raises:
        InputError: alpha is beyond float64.
    """
    alpha = gamma / 2 / beta
    if not math.isfinite(alpha):
        raise invalid("beta", beta, f"with gamma={gamma} alpha is beyond 1.8e308", "Raise it")
    return alpha


@checked
def collapse(
    num_tokens: Float[np.ndarray, " k"],
    context: Annotated[Float[np.ndarray, " k"], Gt(0)],
    gamma: float,
    beta: float,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """P / n^(2 beta), and n^gamma by which L_n(P) - H_inf is to be multiplied: on these axes all L_n are one curve.

    `x, factor = collapse(num_tokens, context, gamma, beta)`, to be drawn as `x, factor * (losses - limit)`.

    Raises:
        InputError: numbers beyond float64.
    """
    with np.errstate(all="ignore"):
        power, factor = context ** (2 * beta), context**gamma
        by_logarithms = np.exp(np.log(num_tokens) - 2 * beta * np.log(context))
        x = np.where(np.isfinite(power) & (power > 0), num_tokens / power, by_logarithms)
    for name, given, values in (("beta", beta, x), ("gamma", gamma, factor)):
        if not np.isfinite(values).all():
            raise invalid(name, given, "a power of the context is beyond 1.8e308", "Choose a smaller exponent")
    return x, factor


@checked
def scatter(x: Float[np.ndarray, " k"], y: Float[np.ndarray, " k"]) -> float:
    """Standard deviation of ln y about a cubic in ln x, or what the number of sizes allows: how far from one curve.

    Raises:
        InputError: no points, or numbers that are not above 0.
    """
    for name, values in (("x", x), ("y", y)):
        if not len(values) or values.min() <= 0:
            raise invalid(name, values, "logarithms are taken of at least one number", "Give numbers above 0")
    logs = np.log(x)
    degree = min(3, len(set(np.round(logs, 9).tolist())) - 1)
    return float(np.std(np.log(y) - np.polyval(np.polyfit(logs, np.log(y), degree), logs)))
