"""Examples at which half of a target's variance is learned, and the least that a bound on its eigenvalues allows.

    half_error:      n with sum_k (1 - L_k(n))^2 f_k^2 E0(n) = 1/2,  f_k^2 the target's parts, of sum 1
    least_for_half:  n with L(n) = 1 - 2^(-1/2) for a level at the bound

Regime: as `theory.learnability`: many modes, taken for independent Gaussian variables. Source: test error of arXiv
2110.03922; the bound trace / D on an eigenvalue of multiplicity D that of arXiv 2402.05173. That half the error needs
L >= 1 - 2^(-1/2) is derived here: E0 >= 1, so the error is at least (1 - L)^2 for the largest L of the target's parts.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from pydantic import NonNegativeFloat, PositiveFloat

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.theory.learnability import sample_complexity, solve
from syntagma.theory.spectrum import Spectrum

_SIZES = np.geomspace(0.5, 1e7, 4001)


@checked
def half_error(spectrum: Spectrum, target: Float[np.ndarray, " K"], ridge: NonNegativeFloat) -> float:
    """The number of examples at which the predicted test error is half of the target's variance.

    Interpolated in ln n; NaN where it is below half from the start, or nowhere up to 1e7 examples.
    Example: `half_error(Spectrum([1.0, 0.1], [1, 63]), np.array([0.0, 1.0]), ridge=0.02)`.

    Raises:
        InputError: a target that is 0.
    """
    if not target.any():
        raise invalid("target", target, "all its parts are 0", "Give a target with variance")
    errors = solve(spectrum, _SIZES, ridge).errors(target)
    error = errors.bias + errors.variance
    half = 0.5 * float(target.sum())
    below = np.flatnonzero(error <= half)
    if not len(below) or below[0] == 0:
        return float("nan")
    i = below[0]
    share = (error[i - 1] - half) / (error[i - 1] - error[i])
    return float(np.exp(np.log(_SIZES[i - 1]) + share * np.log(_SIZES[i] / _SIZES[i - 1])))


@checked
def least_for_half(spectrum: Spectrum, largest: PositiveFloat, ridge: NonNegativeFloat) -> float:
    """Fewer examples than these cannot halve the error of a target none of whose eigenvalues exceeds `largest`.

    Then no learnability L exceeds that of a level there, and the error is at least (1 - L)^2 of the target's variance:
    half of it needs L >= 1 - 2^(-1/2). For an irreducible representation of dimension D `largest` is trace / D.
    """
    return float(sample_complexity(spectrum, 1 - 0.5**0.5, ridge, eigenvalues=[largest])[0])
