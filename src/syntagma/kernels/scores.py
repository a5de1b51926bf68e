"""What the integrals over softmax attention need of its settings: the inverse temperature, and who sees whom.

    SoftmaxScores(temperature=1.5, causal=True).seen(3)      # [[1, 0, 0], [1, 1, 0], [1, 1, 1]]

The scores of a query are b sqrt(K_ii K_jj) g_j with g_j of variance 1. Their factor is held below 1e300: beyond it the
softmax is one key at either value, and the scores stay finite.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

_LARGEST = 1e300


@dataclass(frozen=True)
class SoftmaxScores:
    """Settings of softmax attention.

    Attributes:
        temperature: b, the inverse temperature.
        causal: whether a position sees only itself and those before it.
    """

    temperature: float
    causal: bool

    def seen(self, length: int) -> Bool[np.ndarray, "T T"]:
        """Which keys (columns) each position (row) sees."""
        return np.tri(length, dtype=bool) if self.causal else np.ones((length, length), bool)

    def factor(self, *deviations: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """b times the standard deviations, no more than 1e300."""
        total = jnp.asarray(self.temperature)
        for deviation in deviations:
            total = jnp.minimum(total * deviation, _LARGEST)
        return total
