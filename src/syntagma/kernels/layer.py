"""What a layer is: its infinite-width limit and its finite network, from one declaration.

The limit maps covariances of positions to covariances; the network maps activations `[B, P, d]` to activations. All
weights are N(0, 1) and every product is scaled by fan-in^(-1/2) (NTK parametrisation), as in `syntagma.learners`.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence

from jaxtyping import Array, Key

from syntagma.checked_model import CheckedModel
from syntagma.kernels.draws import Draws
from syntagma.kernels.finite import FiniteSizes, Forward
from syntagma.kernels.joint import Joint
from syntagma.kernels.pairs import Reads


class WideLayer(CheckedModel, abc.ABC):
    """A layer's settings, one to one with TOML and JSON."""

    kind: str

    @property
    def mixes(self) -> bool:
        """Whether it moves information between positions."""
        return False

    def centred(self, centred_input: bool) -> bool:
        """Whether its outputs have mean zero over weights, given whether its inputs have."""
        return centred_input

    @property
    def fresh(self) -> bool:
        """Whether it ends in linear weights of its own, so that its output is uncorrelated with its input."""
        return False

    def check(self, *, centred_input: bool) -> None:
        """Refuse a place where the layer has no limit, or none that is implemented.

        Raises:
            InputError: it has none there.
        """

    @abc.abstractmethod
    def kernel(self, joint: Joint, reads: Reads, draws: Draws) -> Joint:
        """The covariances after the layer, of the positions that are read (`reads`; only mixing layers may narrow).

        Args:
            draws: where layers that integrate numerically take their points.
        """

    @abc.abstractmethod
    def network(self, key: Key[Array, ""], sizes: FiniteSizes) -> tuple[Forward, FiniteSizes]:
        """Freshly drawn weights as a module on `[B, P, d]`, and the sizes of what comes out."""


def propagate(layers: Sequence[WideLayer], joint: Joint, reads: Reads, draws: Draws) -> Joint:
    """The covariances after all `layers`; past the last mixing layer only of the positions that are read."""
    last_mixing = max((i for i, layer in enumerate(layers) if layer.mixes), default=None)
    if last_mixing is None:
        joint = narrow(joint, reads)
    for i, layer in enumerate(layers):
        joint = layer.kernel(joint, reads if i == last_mixing else "all", draws)
    return joint


def narrow(joint: Joint, reads: Reads) -> Joint:
    """Only the positions that are read."""
    if reads == "all":
        return joint
    return joint.map(lambda pairs, left, right: pairs.at(reads))
