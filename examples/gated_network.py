"""A network of one's own: a gated multi-layer perceptron on one-hot tokens, in the project's parametrisation.

    h_l = (w^(-1/2) A_l h_(l-1)) * sigmoid(w^(-1/2) B_l h_(l-1)),      logits = C h_L / w

Use it from the command line, in any study, or from Python:

    syntagma fit --learner examples/gated_network.py --set learner.width=64 --examples 1024
    syntagma run scaling-laws --set learners.gated.kind=examples/gated_network.py \
        --set learners.gated.training.learning_rate=0.01
"""

from typing import ClassVar, Literal

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Integer, Key
from pydantic import Field

from syntagma.learners import LEARNERS, Activations, Layer, Network, NetworkLearner, Replace, unchanged
from syntagma.randomness import normal
from syntagma.tasks import Shape


class _Gated(Network):
    shape: Shape = eqx.field(static=True)
    first: Float[Array, "T v+1 w"]
    values: tuple[Float[Array, "w w"], ...]
    gates: tuple[Float[Array, "w w"], ...]
    readout: Float[Array, "w outputs"]

    def __call__(self, inputs: Integer[Array, "B T"]) -> Float[Array, "B outputs"]:
        return self.activations(inputs).logits

    def activations(self, inputs: Integer[Array, "B T"], replace: Replace = unchanged) -> Activations:
        length, symbols, width = self.first.shape
        hidden = self.first[np.arange(length), inputs].sum(1) * (length * symbols) ** -0.5
        everything, layers = np.ones((1, length), bool), []
        for number, (value, gate) in enumerate(zip(self.values, self.gates, strict=True), start=1):
            hidden = hidden @ value * width**-0.5 * jax.nn.sigmoid(hidden @ gate * width**-0.5)
            values = replace(f"layer {number}", hidden[:, None])
            layers.append(Layer(f"layer {number}", values, everything))
            hidden = values[:, 0]
        return Activations(tuple(layers), hidden @ self.readout / width)


@LEARNERS.add
class GatedPerceptron(NetworkLearner):
    """A perceptron whose units are gated by each other: knows neither locality nor weight sharing."""

    label: ClassVar[str] = "gated perceptron"
    weight_sharing: ClassVar[bool | None] = None  # no law of the theory covers it
    kind: Literal["gated-perceptron"] = "gated-perceptron"
    width: int = Field(default=128, ge=1)
    layers: int = Field(default=2, ge=1)

    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        if shape.reads == "every":
            raise ValueError("learner='gated-perceptron' cannot be used: it reads a sentence once.")
        w, between = self.width, [(self.width, self.width)] * self.layers
        first, readout, *rest = normal(key, (shape.length, shape.vocab + 1, w), (w, shape.outputs), *between, *between)
        return _Gated(shape, first, tuple(rest[: self.layers]), tuple(rest[self.layers :]), readout)

    def gradient_scale(self) -> float:
        """The read-out is scaled by 1 / w, so plain descent needs w times the rate."""
        return float(self.width)

    def forward_flops(self, shape: Shape) -> int:
        return 2 * self.width * (2 * self.layers * self.width + shape.outputs)
