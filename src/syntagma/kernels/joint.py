"""Two batches of sequences on their way through the layers: each sequence with itself, and all pairs across.

    joint = joint.map(lambda pairs, left, right: layer_on(pairs))

Layers need K(X_i, X_i) and K(Y_k, Y_k) beside K(X_i, Y_k), so sequences with themselves go along.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jaxtyping import Array

from syntagma.kernels.embedding import Embedding
from syntagma.kernels.pairs import Pairs


class Joint(NamedTuple):
    """Two batches of sequences, a and b of them: each sequence with itself, `[C, a + b]`, and all across, `[C, a, b]`.

    `across` is None where only the sequences with themselves are asked for. `embedded` is there as long as the
    covariances are an embedding's: it, and the tokens `[a + b, T]`.
    """

    selves: Pairs
    across: Pairs | None = None
    embedded: tuple[Embedding, Array] | None = None

    def map(self, layer: Callable[[Pairs, Pairs, Pairs], Pairs]) -> Joint:
        """`layer(pairs, left, right)` on both, where left and right are the sequences with themselves."""
        selves = layer(self.selves, self.selves, self.selves)
        return Joint(selves, self.across and layer(self.across, *self.sides(self.selves)))

    def sides(self, selves: Any) -> tuple[Any, Any]:
        """Arrays `[..., a + b]` of the sequences as `[..., a, 1]` and `[..., 1, b]`, to stand beside `[..., a, b]`."""
        assert self.across is not None
        rows = self.across.nngp.shape[-2]
        left = jax.tree.map(lambda values: values[..., :rows, None], selves)
        return left, jax.tree.map(lambda values: values[..., None, rows:], selves)
