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


def weights(
    factor: Float[Array, "*#n"], scores: Float[Array, "*#n"], seen: Bool[Array, "*#n"] | None = None, *, axis: int
) -> Float[Array, "*#n"]:
    """softmax(factor scores) over the keys along `axis` that are seen: `weights(factor, scores, seen, axis=-2)`.

    Of a factor of 0 or more. The largest score is subtracted before the product is formed: afterwards, a compiler that
    contracts product and difference leaves the product's rounding, which for large factors is no small number.
    """
    kept = scores if seen is None else jnp.where(seen, scores, -jnp.inf)
    powers = jnp.exp(factor * jnp.minimum(scores - kept.max(axis, keepdims=True), 0.0))
    powers = powers if seen is None else jnp.where(seen, powers, 0.0)
    return powers / powers.sum(axis, keepdims=True)


@dataclass(frozen=True)
class SoftmaxScores:
    """Settings of softmax attention: `SoftmaxScores(temperature=1.5, causal=True)`.

    Attributes:
        temperature: b, the inverse temperature.
        causal: whether a position sees only itself and those before it.
    """

    temperature: float
    causal: bool

    def seen(self, length: int) -> Bool[np.ndarray, "T T"]:
        """Which keys (columns) each position (row) sees: `scores.seen(8)`."""
        return np.tri(length, dtype=bool) if self.causal else np.ones((length, length), bool)

    def factor(self, *deviations: Float[Array, "*#n"]) -> Float[Array, "*#n"]:
        """b times the standard deviations, no more than 1e300: `scores.factor(deviations_x, deviations_y)`."""
        total = jnp.asarray(self.temperature)
        for deviation in deviations:
            total = jnp.minimum(total * deviation, _LARGEST)
        return total
