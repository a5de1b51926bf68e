"""Multi-layer perceptron on concatenated one-hot tokens, in the parametrisation of the convolutional network.

    h_1 = ReLU((T v)^(-1/2) sum_i W_1^i x_i);  h_l = ReLU(w^(-1/2) W_l h_(l-1));  logits = A h_depth / w

Source: arXiv 2307.02129, fully connected networks. A second learner has the T^2 numbers [x_i = x_j], the matrix X X^T
of one-hot tokens, among its inputs:

    h_1 = ReLU((T v + T^2)^(-1/2) (sum_i W_1^i x_i + sum_ij W_2^ij [x_i = x_j]))

Source: arXiv 2310.09753, the perceptron that is given the comparisons. Without them no training on other symbols can
tell the network what a symbol never seen means: the weights that read it stay as they were drawn.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Integer, Key
from pydantic import Field

from syntagma.checked_call import checked
from syntagma.errors import InputError
from syntagma.learners.layers.embedding import rows, with_mask_row
from syntagma.learners.layers.product import product
from syntagma.learners.learner import Activations, Layer, Network, NetworkLearner, Replace, checked_inputs, unchanged
from syntagma.randomness import normal
from syntagma.tasks import Shape


class PerceptronNetwork(Network):
    """Weights of every layer, the first as rows for one-hot tokens."""

    shape: Shape = eqx.field(static=True)
    first: Float[Array, "T v w"]
    equalities: Float[Array, "T*T w"] | None
    hidden: tuple[Float[Array, "w w"], ...]
    readout: Float[Array, "w outputs"]

    @checked_inputs
    def __call__(self, inputs: Integer[Array, "B T"]) -> Float[Array, "B outputs"]:
        return self.layers(inputs)[-1] @ self.readout / self.readout.shape[0]

    @checked_inputs
    def activations(self, inputs: Integer[Array, "B T"], replace: Replace = unchanged) -> Activations:
        everything = np.ones((1, len(self.first)), bool)
        values = self.layers(inputs, replace)
        layers = [Layer(f"layer {i}", h[:, None], everything) for i, h in enumerate(values, start=1)]
        return Activations(tuple(layers), layers[-1].values[:, 0] @ self.readout / self.readout.shape[0])

    def layers(self, inputs: Integer[Array, "B T"], replace: Replace = unchanged) -> tuple[Float[Array, "B w"], ...]:
        """Activations of every layer, the first to the last."""
        length, vocab, width = self.first.shape
        summed = rows(with_mask_row(self.first), inputs).sum(1)
        fan_in = length * vocab
        if self.equalities is not None:
            equal = (inputs[:, :, None] == inputs[:, None, :]).reshape(inputs.shape[0], -1)
            summed, fan_in = summed + product(equal.astype(summed.dtype), self.equalities), fan_in + length**2

        def shown(number: int, values: Float[Array, "B w"]) -> Float[Array, "B w"]:
            return values if replace is unchanged else replace(f"layer {number}", values[:, None])[:, 0]

        activations = [shown(1, jax.nn.relu(summed * fan_in**-0.5))]
        for number, weights in enumerate(self.hidden, start=2):
            activations.append(shown(number, jax.nn.relu(product(activations[-1], weights) * width**-0.5)))
        return tuple(activations)


class Perceptron(NetworkLearner):
    """Fully connected network: knows neither locality nor weight sharing.

    Example: `Perceptron(width=64, layers=2)`.
    """

    label: ClassVar[str] = "perceptron"
    weight_sharing: ClassVar[bool | None] = None
    kind: Literal["perceptron"] = "perceptron"
    width: int = Field(default=256, ge=1)
    layers: int = Field(default=3, ge=1)

    @checked
    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        return _network(key, shape, self.kind, self.width, self.layers, equalities=False)

    def gradient_scale(self) -> float:
        return float(self.width)

    @checked
    def forward_flops(self, shape: Shape) -> int:
        return 2 * self.width * (self.width * (self.layers - 1) + shape.outputs)


class EqualityPerceptron(NetworkLearner):
    """Fully connected network that is told which of its tokens are equal.

    Example: `EqualityPerceptron(width=64)`.
    """

    label: ClassVar[str] = "perceptron with equalities"
    weight_sharing: ClassVar[bool | None] = None
    kind: Literal["equality-perceptron"] = "equality-perceptron"
    width: int = Field(default=256, ge=1)
    layers: int = Field(default=3, ge=1)

    @checked
    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        return _network(key, shape, self.kind, self.width, self.layers, equalities=True)

    def gradient_scale(self) -> float:
        return float(self.width)

    @checked
    def forward_flops(self, shape: Shape) -> int:
        return 2 * self.width * (shape.length**2 + self.width * (self.layers - 1) + shape.outputs)


def _network(key: Key[Array, ""], shape: Shape, kind: str, width: int, layers: int, *, equalities: bool) -> Network:
    if shape.reads != "once":
        raise InputError(f"learner='{kind}' cannot be used: it gives one answer a sentence, not one at each.")
    hidden, squares = [(width, width)] * (layers - 1), [(shape.length**2, width)] * equalities
    first, *weights, readout = normal(
        key, (shape.length, shape.vocab, width), *squares, *hidden, (width, shape.outputs)
    )
    told = weights.pop(0) if equalities else None
    return PerceptronNetwork(shape, first, told, tuple(weights), readout)
