"""Functions of a sentence that lie in one representation of the symmetric group of its T positions.

    (T):        f(x) = sum_i phi(x_i)
    (T-1, 1):   f(x) = sum_i c_i phi(x_i),   sum_i c_i = 0

phi has mean 0 over the vocabulary, and f is scaled to unit variance under independent uniform tokens, which is
sum_i c_i^2 times the mean of phi^2.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer

from syntagma.errors import invalid
from syntagma.randomness import stream


def representation_target(
    tokens: Integer[np.ndarray, "n T"], partition: tuple[int, ...], vocab: int, seed: int
) -> Float[np.ndarray, " n"]:
    """A function in the representation `partition`, drawn from `seed`, at each sentence.

    Raises:
        InputError: another partition than (T) and (T - 1, 1).
    """
    length = tokens.shape[1]
    if partition not in ((length,), (length - 1, 1)) or length < 2:
        raise invalid(
            "partition", partition, f"sentences have {length} tokens, and it is ({length},) or {length - 1, 1}"
        )
    rng = stream(seed, "representation-target")
    phi = rng.standard_normal(vocab)
    phi -= phi.mean()
    phi /= np.sqrt(np.mean(phi**2))
    if len(partition) == 1:
        return phi[tokens].sum(axis=1) / np.sqrt(length)
    coefficients = rng.standard_normal(length)
    coefficients -= coefficients.mean()
    return phi[tokens] @ (coefficients / np.linalg.norm(coefficients))
