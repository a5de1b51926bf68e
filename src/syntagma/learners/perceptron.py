"""Multi-layer perceptron on concatenated one-hot tokens, in the parametrisation of the convolutional network.

    h_1 = ReLU((T v)^(-1/2) sum_i W_1^i x_i);  h_l = ReLU(w^(-1/2) W_l h_(l-1));  logits = A h_depth / w

Source: arXiv 2307.02129, fully connected networks.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import jax
import numpy as np
from jaxtyping import Array, Float, Integer, Key
from pydantic import Field

from syntagma.errors import InputError
from syntagma.learners.embedding import rows, with_mask_row
from syntagma.learners.learner import Activations, Layer, Learner, Network, normal
from syntagma.learners.product import product
from syntagma.tasks import Shape


class _PerceptronNetwork(Network):
    first: Float[Array, "T v w"]
    hidden: tuple[Float[Array, "w w"], ...]
    readout: Float[Array, "w outputs"]

    def __call__(self, inputs: Integer[Array, "B T"]) -> Float[Array, "B outputs"]:
        return self.layers(inputs)[-1] @ self.readout / self.readout.shape[0]

    def activations(self, inputs: Integer[Array, "B T"]) -> Activations:
        everything = np.ones((1, len(self.first)), bool)
        layers = [Layer(f"layer {i}", h[:, None], everything) for i, h in enumerate(self.layers(inputs), start=1)]
        return Activations(tuple(layers), layers[-1].values[:, 0] @ self.readout / self.readout.shape[0])

    def layers(self, inputs: Integer[Array, "B T"]) -> tuple[Float[Array, "B w"], ...]:
        """Activations of every layer, the first to the last."""
        length, vocab, width = self.first.shape
        summed = rows(with_mask_row(self.first), inputs).sum(1)
        activations = [jax.nn.relu(summed * (length * vocab) ** -0.5)]
        for weights in self.hidden:
            activations.append(jax.nn.relu(product(activations[-1], weights) * width**-0.5))
        return tuple(activations)


class Perceptron(Learner):
    """Fully connected network: knows neither locality nor weight sharing."""

    label: ClassVar[str] = "perceptron"
    weight_sharing: ClassVar[bool | None] = None
    kind: Literal["perceptron"] = "perceptron"
    width: int = Field(default=256, ge=1)
    layers: int = Field(default=3, ge=1)

    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        if shape.reads != "once":
            raise InputError("learner='perceptron' cannot be used: it gives one answer a sentence, not one at each.")
        width, hidden = self.width, [(self.width, self.width)] * (self.layers - 1)
        first, *squares, readout = normal(key, (shape.length, shape.vocab, width), *hidden, (width, shape.outputs))
        return _PerceptronNetwork(first, tuple(squares), readout)

    def gradient_scale(self) -> float:
        return float(self.width)

    def forward_flops(self, shape: Shape) -> int:
        return 2 * self.width * (self.width * (self.layers - 1) + shape.outputs)
