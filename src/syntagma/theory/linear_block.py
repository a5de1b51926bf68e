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

The trace is E[(a |n|^2 + s T) (a^2 |n|^2 + 2 a s T + s^2 T)] / T^4, where |n|^2 = T + 2 E, E the number of equal pairs
among M = T (T - 1) / 2, which are pairwise independent: mean M / v, variance M (v - 1) / v^2.

So at large T the largest eigenvalue is 2 a^2 s / (v T)^2, the trace a^3 / v^2, and the bound trace / (T - 1) exceeds
the eigenvalue by a factor that grows as a T / (2 s): the bound is tight at no T, and ever less so.

Regime: infinite width, NNGP; exact for every T and v; matrices of size v (v - 1), whatever T. Source: the kernel of
arXiv 2402.05173 with the mean as read-out; eigenvalues and slack are derived here.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from pydantic import PositiveFloat, PositiveInt

from syntagma.checked_call import checked
from syntagma.errors import invalid


@checked
def standard_eigenvalues(
    vocab: PositiveInt, length: PositiveInt, token: PositiveFloat = 1.0, position: PositiveFloat = 1.0
) -> Float[np.ndarray, " modes"]:
    """Eigenvalues on (T-1,1), the largest first, each T - 1 times: `standard_eigenvalues(3, 1000)`.

    Args:
        token: a.
        position: s.

    Raises:
        InputError: fewer than two symbols or positions.
    """
    _check(vocab, length)
    p = 2 * token * position * (token * length**2 / vocab + position * length) / (vocab * length**4)
    q = 2 * token**2 * position / (vocab**2 * length**4)
    letters = _orthonormal(vocab)  # [c, letter]
    c = vocab - 1
    thirds = np.einsum("ax,bx,cx->abc", letters, letters, letters).reshape(c, c * c) / vocab
    fourths = np.einsum("ax,bx,cx,dx->abcd", letters, letters, letters, letters).reshape(c * c, c * c) / vocab
    same = np.eye(c)
    pairs = np.einsum("ac,bd->abcd", same, same).reshape(c * c, c * c)
    swapped = np.einsum("ad,bc->abcd", same, same).reshape(c * c, c * c)
    seconds = fourths + (length - 1) * pairs - np.outer(same, same) - swapped
    cross = np.sqrt(p * q) * thirds
    return np.linalg.eigvalsh(np.block([[p * same, cross], [cross.T, q * seconds]]))[::-1]


@checked
def trace(vocab: PositiveInt, length: PositiveInt, token: PositiveFloat = 1.0, position: PositiveFloat = 1.0) -> float:
    """E[K(x, x)]: `trace(3, 1000)`."""
    _check(vocab, length)
    pairs = length * (length - 1) / 2
    mean = length + 2 * pairs / vocab
    square = mean**2 + 4 * pairs * (vocab - 1) / vocab**2
    of_positions = 2 * token * position * length + position**2 * length
    cross = token * of_positions + position * length * token**2
    return (token**3 * square + cross * mean + position * length * of_positions) / length**4


@checked
def slack(vocab: PositiveInt, length: PositiveInt, token: PositiveFloat = 1.0, position: PositiveFloat = 1.0) -> float:
    """trace / (T - 1) over the largest eigenvalue of (T-1,1): by how much the bound is too high; `slack(3, 1000)`."""
    largest = float(standard_eigenvalues(vocab, length, token, position)[0])
    return trace(vocab, length, token, position) / (length - 1) / largest


def _orthonormal(vocab: int) -> Float[np.ndarray, "c v"]:
    """v - 1 functions of a uniform symbol with mean 0, orthonormal."""
    helmert = np.array([[1.0] * k + [-float(k)] + [0.0] * (vocab - k - 1) for k in range(1, vocab)])
    return helmert / np.sqrt((helmert**2).mean(1, keepdims=True))


def _check(vocab: int, length: int) -> None:
    for name, given in (("vocab", vocab), ("length", length)):
        if given < 2:
            raise invalid(name, given, "the representation needs two symbols and two positions", "Choose 2 or more")
