"""Hierarchical networks: filters and strides of s, so that depth L reads s^L tokens, as the grammar's tree does.

    h_0 = one-hot tokens;  h_l(i) = ReLU( (s w_(l-1))^(-1/2) sum_j W_l^j h_(l-1)(s i + j) );  logits = A h_L / w

with weights N(0, 1) and the mean-field read-out 1/w, for which gradient descent takes its learning rate times w. The
convolutional network uses the same W_l at every position i, its locally connected twin a different one. Source: arXiv
2505.07070, section II; arXiv 2307.02129.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, Key
from pydantic import Field

from syntagma.checked_call import checked
from syntagma.errors import InputError, invalid
from syntagma.learners.layers.embedding import rows, with_mask_row
from syntagma.learners.layers.product import product
from syntagma.learners.learner import Activations, Layer, Network, NetworkLearner, Replace, checked_inputs, unchanged
from syntagma.randomness import normal
from syntagma.tasks import Shape


class _HierarchicalNetwork(Network):
    """Both twins: weights `[positions or 1, s * w_in, w]`, one array a layer, the first as rows for one-hot tokens."""

    shape: Shape = eqx.field(static=True)
    first: Float[Array, "p s v w"]
    hidden: tuple[Float[Array, "_p s*w w"], ...]
    readout: Float[Array, "w outputs"]

    @checked_inputs
    def __call__(self, inputs: Integer[Array, "B T"]) -> Float[Array, "B outputs"]:
        activations = self.layers(inputs)[-1]
        return activations[:, 0] @ self.readout / self.readout.shape[0]

    @checked_inputs
    def activations(self, inputs: Integer[Array, "B T"], replace: Replace = unchanged) -> Activations:
        layers = []
        for level, values in enumerate(self.layers(inputs, replace), start=1):
            node = np.arange(inputs.shape[1]) * values.shape[1] // inputs.shape[1]  # of each input
            layers.append(Layer(f"layer {level}", values, np.arange(values.shape[1])[:, None] == node))
        return Activations(tuple(layers), layers[-1].values[:, 0] @ self.readout / self.readout.shape[0])

    def layers(
        self, inputs: Integer[Array, "B T"], replace: Replace = unchanged
    ) -> tuple[Float[Array, "B _positions w"], ...]:
        """Activations of every layer, the first to the last."""
        batch = inputs.shape[0]  # not len(...): it may be a symbol, as where the network is written as ONNX
        copies, size, vocab, width = self.first.shape
        table = with_mask_row(self.first.reshape(copies * size, vocab, width))
        summed = rows(table, inputs.reshape(-1, copies * size)).reshape(batch, -1, size, width).sum(2)
        activations = [replace("layer 1", jax.nn.relu(summed * (size * vocab) ** -0.5))]
        for level, weights in enumerate(self.hidden, start=2):
            patches = activations[-1].reshape(batch, -1, weights.shape[1])
            summed = product(patches, weights[0]) if len(weights) == 1 else jnp.einsum("bpi,pio->bpo", patches, weights)
            activations.append(replace(f"layer {level}", jax.nn.relu(summed * weights.shape[1] ** -0.5)))
        return tuple(activations)


class HierarchicalCNN(NetworkLearner):
    """Convolutional network whose structure is the grammar's, weights shared across positions.

    Example: `HierarchicalCNN(width=64)`.
    """

    label: ClassVar[str] = "convolutional"
    weight_sharing: ClassVar[bool | None] = True
    kind: Literal["cnn"] = "cnn"
    width: int = Field(default=128, ge=1)

    @checked
    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        return _network(key, shape, self.width, shared=True, kind=self.kind)

    def gradient_scale(self) -> float:
        return float(self.width)

    @checked
    def forward_flops(self, shape: Shape) -> int:
        return _forward_flops(shape, self.width)


class LocallyConnected(NetworkLearner):
    """The convolutional network without weight sharing: each position has filters of its own.

    Example: `LocallyConnected(width=64)`.
    """

    label: ClassVar[str] = "locally connected"
    weight_sharing: ClassVar[bool | None] = False
    kind: Literal["locally-connected"] = "locally-connected"
    width: int = Field(default=128, ge=1)

    @checked
    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        return _network(key, shape, self.width, shared=False, kind=self.kind)

    def gradient_scale(self) -> float:
        return float(self.width)

    @checked
    def forward_flops(self, shape: Shape) -> int:
        return _forward_flops(shape, self.width)


def _network(key: Key[Array, ""], shape: Shape, width: int, *, shared: bool, kind: str) -> Network:
    size, depth = shape.branching, _depth(shape, kind)
    positions = [1 if shared else size ** (depth - level) for level in range(1, depth + 1)]
    first, *hidden, readout = normal(
        key,
        (positions[0], size, shape.vocab, width),
        *[(positions[level], size * width, width) for level in range(1, depth)],
        (width, shape.outputs),
    )
    return _HierarchicalNetwork(shape, first, tuple(hidden), readout)


def _depth(shape: Shape, kind: str) -> int:
    """The L with s^L = T."""
    if shape.reads != "once":
        raise InputError(f"learner='{kind}' cannot be used: it gives one answer a sentence, not one at each position.")
    if shape.branching < 2:
        raise InputError(f"learner='{kind}' cannot be used: the language has no tree of constant branching.")
    depth = 1
    while shape.branching**depth < shape.length:
        depth += 1
    if shape.branching**depth != shape.length:
        raise invalid("length", shape.length, f"learner '{kind}' needs a power of the branching {shape.branching}")
    return depth


def _forward_flops(shape: Shape, width: int) -> int:
    nodes = shape.length // shape.branching
    hidden = 0
    while nodes >= shape.branching:
        nodes //= shape.branching
        hidden += 2 * nodes * shape.branching * width * width
    return hidden + 2 * width * shape.outputs
