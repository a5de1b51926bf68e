"""The largest singular value of a large sparse covariance, and its vectors, by Lanczos steps from a random vector.

    C = counts / n - p q^T,     C v_k = alpha_k u_k + beta_(k-1) u_(k-1),     C^T u_k = alpha_k v_k + beta_k v_(k+1)

(Golub & Kahan 1965), each new vector made orthogonal to all before. The random start makes it a randomised method: the
largest singular value of the small bidiagonal matrix converges to that of C from below, and a step costs two products
with the counts. Against ten random vectors at a time, as in the usual randomised decomposition, it takes a fifth of the
products. A constant text has C = 0, and value 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.randomness import stream

SMALL = 200
"""Up to this vocabulary all singular values are computed."""
_STEPS = 200
_TOLERANCE = 1e-12


def largest_singular(
    counts: Any, before: Float[np.ndarray, " v"], after: Float[np.ndarray, " v"], total: float
) -> tuple[float, Float[np.ndarray, " v"], Float[np.ndarray, " v"]]:
    """Value, left and right vector of counts / total - before after^T; `counts` is sparse or full, `[v, v]`.

    The sign is such that the left vector's largest entry is positive.
    """
    vocab = len(before)
    if vocab <= SMALL:
        full = counts if isinstance(counts, np.ndarray) else counts.toarray()
        left, values, right = np.linalg.svd(full / total - np.outer(before, after))
        value, first, second = float(values[0]), left[:, 0], right[0]
    else:
        value, first, second = _lanczos(counts, before, after, total)
    sign = 1.0 if first[np.argmax(np.abs(first))] >= 0 else -1.0
    return value, sign * first, sign * second


def _lanczos(
    counts: Any, before: np.ndarray, after: np.ndarray, total: float
) -> tuple[float, Float[np.ndarray, " v"], Float[np.ndarray, " v"]]:
    transposed = counts.T if isinstance(counts, np.ndarray) else counts.T.tocsr()
    rounding = 1e-15 * max(float(before.max()), float(after.max()))
    steps = min(_STEPS, len(before))
    left, right = np.zeros((2, steps, len(before)))
    alpha, beta = np.zeros((2, steps))
    right[0] = stream(0, "singular vector").normal(size=len(after))
    right[0] /= np.linalg.norm(right[0])
    value, done, columns = 0.0, 0, 0
    for k in range(steps):
        u = counts @ right[k] / total - before * (after @ right[k])
        u = _orthogonal(u, left[:k])
        alpha[k] = np.linalg.norm(u)
        if alpha[k] <= rounding:  # C is exhausted, but for what the last right vector still adds
            columns = k + 1
            break
        left[k], done, columns = u / alpha[k], k + 1, k + 1
        v = transposed @ left[k] / total - after * (before @ left[k])
        v = _orthogonal(v, right[:done])
        beta[k] = np.linalg.norm(v)
        if beta[k] <= rounding or done == steps:
            break
        if k % 5 == 4:
            previous, value = value, float(np.linalg.norm(_bidiagonal(alpha, beta, done, done), 2))
            if value - previous <= _TOLERANCE * value:
                break
        right[done] = v / beta[k]
    if not done:  # C = 0: any pair of vectors is a pair of singular vectors
        return 0.0, right[0], right[0]
    small_left, values, small_right = np.linalg.svd(_bidiagonal(alpha, beta, done, columns))
    first, second = small_left[:, 0] @ left[:done], small_right[0] @ right[:columns]
    return float(values[0]), first / np.linalg.norm(first), second / np.linalg.norm(second)


def _bidiagonal(alpha: np.ndarray, beta: np.ndarray, rows: int, columns: int) -> Float[np.ndarray, "rows columns"]:
    out = np.zeros((rows, columns))
    np.fill_diagonal(out, alpha[:rows])
    np.fill_diagonal(out[:, 1:], beta[: columns - 1])
    return out


def _orthogonal(vector: np.ndarray, basis: Float[np.ndarray, "k v"]) -> Float[np.ndarray, " v"]:
    """What is left of it; twice, because once leaves rounding of the size of what was taken away."""
    for _ in range(2):
        vector = vector - basis.T @ (basis @ vector)
    return vector
