"""One block of linear attention on exchangeable positions: the standard representation's eigenvalues in closed form.

Tokens are independent and uniform over v symbols, the token kernel is a [x_i = y_j], the position kernel s [i = j], and
the read-out is the mean of T positions. With the counts' overlap c = n(x).n(y) and o = sum_i [x_i = y_i]

    K(x, y) = (a c + s T) (a^2 c + 2 a s o + s^2 T) / T^4.

Let phi_1 .. phi_(v-1) be orthonormal functions of a token with mean 0: [x = y] - 1/v = sum_c phi_c(x) phi_c(y) / v.
With N_c = sum_i phi_c(x_i), and A_c = sum_i u_i phi_c(x_i) for one of T - 1 orthonormal vectors u of sum 0, c(x, y) =
T^2 / v + sum_d N_d N_d / v. Only o is no function of the counts, and of it only sum_c A_c(x) A_c(y) / v, summed over u,
is in (T-1,1):

    K on (T-1,1) = sum over u of  p sum_c A_c A_c + q sum_cd (A_c N_d) (A_c N_d),
    p = 2 a s (a T^2 / v + s T) / (v T^4),      q = 2 a^2 s / (v^2 T^4).

Its eigenvalues other than 0, each T - 1 times, are those of the second moments of the features sqrt(p) A_c and
sqrt(q) A_c N_d, which follow from sum_i u_i = 0, sum_i u_i^2 = 1 and independence:

    E[A_c A_c'] = [c = c'],     E[A_c A_c' N_d] = E[phi_c phi_c' phi_d],
    E[A_c N_d A_c' N_d'] = E[phi_c phi_d phi_c' phi_d'] + (T - 1) [cd = c'd'] - [c = d] [c' = d'] - [c = d'] [d = c'].

By symmetry of the v letters these moments are numbers on each irreducible part of the pairs c, d. The products
phi_c phi_d map pairs to functions of a letter, and the square of that map is v - 1 on constants, v - 2 on the others.
So the second moments of A_c N_d are T - 2 on the trivial part and on (v-2,2), T on antisymmetric pairs, T + v - 4 on
the standard part, which alone is coupled to A_c, by (v - 2)^(1/2). The eigenvalues are therefore

    q T          (v - 1) (v - 2) / 2 times
    q (T - 2)    1 + v (v - 3) / 2 times
    those of [[p, (p q (v - 2))^(1/2)], [., q (T + v - 4)]], whose determinant is p q (T - 2), each v - 1 times.

The trace is E[(a |n|^2 + s T) (a^2 |n|^2 + 2 a s T + s^2 T)] / T^4, where |n|^2 = T + 2 E, E the number of equal pairs
among M = T (T - 1) / 2, which are pairwise independent: mean M / v, variance M (v - 1) / v^2.

So at large T the largest eigenvalue is 2 a^2 s / (v T)^2, the trace a^3 / v^2, and the bound trace / (T - 1) exceeds
the eigenvalue by a factor that grows as a T / (2 s): the bound is tight at no T, and ever less so.

Regime: infinite width, NNGP; exact for every T and v, to 1e-14 of each eigenvalue. Source: the kernel of
arXiv 2402.05173 with the mean as read-out; eigenvalues and slack are derived here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import PositiveFloat, PositiveInt

from syntagma.checked_call import checked
from syntagma.errors import invalid

_MOST_SYMBOLS = 4096


@checked
def standard_eigenvalues(
    vocab: PositiveInt, length: PositiveInt, token: PositiveFloat = 1.0, position: PositiveFloat = 1.0
) -> Float[np.ndarray, " modes"]:
    """Eigenvalues on (T-1,1), the largest first, each T - 1 times: `standard_eigenvalues(3, 1000)`.

    Args:
        token: a.
        position: s.

    Raises:
        InputError: fewer than two symbols or positions; more symbols than 4096; eigenvalues beyond float64.
    """
    _check(vocab, length)
    if vocab > _MOST_SYMBOLS:
        raise invalid("vocab", vocab, f"there are v (v - 1) eigenvalues, and so at most {_MOST_SYMBOLS}", "Lower it")
    scale = max(token, position)
    return _cubed(scale, _eigenvalues(vocab, float(length), token / scale, position / scale))


def _eigenvalues(vocab: int, length: float, token: float, position: float) -> Float[np.ndarray, " modes"]:
    p = 2 * token * position * (token * length / vocab + position) / (vocab * length**3)
    q = 2 * token**2 * position / (vocab**2 * length**4)
    own = q * (length + vocab - 4)
    larger = (p + own + np.hypot(p - own, 2 * np.sqrt(p * q * (vocab - 2)))) / 2
    smaller = p * (q * (length - 2) / larger) if larger else 0.0
    values = [larger, smaller, q * length, q * (length - 2)]
    times = [vocab - 1, vocab - 1, (vocab - 1) * (vocab - 2) // 2, 1 + vocab * (vocab - 3) // 2]
    return np.sort(np.repeat(values, times))[::-1]


@checked
def trace(vocab: PositiveInt, length: PositiveInt, token: PositiveFloat = 1.0, position: PositiveFloat = 1.0) -> float:
    """E[K(x, x)]: `trace(3, 1000)`.

    Raises:
        InputError: as `standard_eigenvalues`; a trace beyond float64.
    """
    _check(vocab, length)
    scale = max(token, position)
    return float(_cubed(scale, _trace(vocab, float(length), token / scale, position / scale)))


def _trace(vocab: int, length: float, token: float, position: float) -> float:
    """Its terms over T^4, so that T may be any number."""
    pairs = (1 - 1 / length) / 2
    mean = 1 / length + 2 * pairs / vocab
    square = mean**2 + 4 * pairs * (vocab - 1) / (vocab * length) ** 2
    of_positions = (2 * token * position + position**2) / length
    cross = token * of_positions + position * token**2 / length
    return token**3 * square + cross * mean + position * of_positions / length


@checked
def slack(vocab: PositiveInt, length: PositiveInt, token: PositiveFloat = 1.0, position: PositiveFloat = 1.0) -> float:
    """trace / (T - 1) over the largest eigenvalue of (T-1,1): by how much the bound is too high; `slack(3, 1000)`."""
    _check(vocab, length)
    scale = max(token, position)
    sizes = vocab, float(length), token / scale, position / scale
    largest = float(_eigenvalues(*sizes)[0])
    if not largest:
        raise invalid("token", token, f"beside position={position} the kernel is 0", "Choose numbers nearer")
    return _trace(*sizes) / (length - 1) / largest


def _cubed(scale: float, values: Any) -> Any:
    """`values` of a kernel whose variances were divided by `scale`."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.float64(scale) ** 2 * (scale * values)
    if not np.isfinite(found).all():
        raise invalid("token or position", scale, "the kernel is beyond 1.8e308, the largest float64", "Lower it")
    return found


def _check(vocab: int, length: int) -> None:
    for name, given in (("vocab", vocab), ("length", length)):
        if given < 2:
            raise invalid(name, given, "the representation needs two symbols and two positions", "Choose 2 or more")
