"""What the finite networks of layers have in common: hidden units `[B, P, d]`, and the sizes that weights are drawn in.

B sequences, P positions, d units. All weights are N(0, 1) and every product is scaled by fan-in^(-1/2) (NTK
parametrisation), as in `syntagma.learners`.

    module, sizes = Dense().network(key, FiniteSizes(width=64, heads=8, head_size=8, inputs=3, length=5))
    module(hidden)                                   # [B, 5, 3] to [B, 5, 64]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from jaxtyping import Array, Float

HiddenUnits = Float[Array, "B _P _d"]
"""A layer may change the numbers of positions and units."""
Forward = Callable[[HiddenUnits], HiddenUnits]
"""A layer's network: an Equinox module that maps hidden units to hidden units."""


@dataclass(frozen=True)
class FiniteSizes:
    """What a finite layer must know to be drawn: `FiniteSizes(64, heads=8, head_size=8, inputs=3, length=5)`.

    Attributes:
        width: units that the layer puts out.
        heads: heads of attention, each of size `head_size`.
        head_size: size of queries, keys and values.
        inputs: units that come in.
        length: token positions that come in.
        class_token: whether a class token follows them.
    """

    width: int
    heads: int
    head_size: int
    inputs: int
    length: int
    class_token: bool = False

    def after(self, inputs: int, length: int | None = None) -> FiniteSizes:
        """The sizes that the next layer meets: `sizes.after(64)` where this one puts out 64 units."""
        return replace(self, inputs=inputs, length=self.length if length is None else length)
