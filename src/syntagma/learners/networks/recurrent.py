"""Recurrent networks that read a sentence symbol by symbol: Elman's, and the one with gates and a memory cell (LSTM).

    Elman:  h_t = ReLU(z_t)
    LSTM:   (i, f, g, o) = z_t;   c_t = sigmoid(f) c_(t-1) + sigmoid(i) tanh(g);   h_t = sigmoid(o) tanh(c_t)

with z_t = (2 w)^(-1/2) (x_t W + h_(t-1) U), x_t the embedding of symbol t, h_0 = c_0 = 0 and logits = h_t R w^(-1/2) at
the last position or at each. All weights N(0, 1), no biases. Sources: Elman 1990 with the ReLU of the public script of
arXiv 2310.09753; Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000.

The loop over positions is unrolled by a compiled scan. What symbols contribute, x_t W, is computed before it, for the
v + 1 symbols or for the positions of the batch, whichever are fewer.
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
from syntagma.learners.layers.product import product
from syntagma.learners.learner import Activations, Layer, Network, NetworkLearner, Replace, checked_inputs, unchanged
from syntagma.randomness import normal
from syntagma.tasks import Shape


class _RecurrentNetwork(Network):
    shape: Shape = eqx.field(static=True)
    tokens: Float[Array, "symbols w"]
    from_input: Float[Array, "w gates_w"]
    from_state: Float[Array, "w gates_w"]
    readout: Float[Array, "w outputs"]
    gated: bool = eqx.field(static=True)

    @checked_inputs
    def __call__(self, inputs: Integer[Array, "B T"]) -> Float[Array, "B *answers"]:
        places = inputs.T
        from_input = self.from_input * self._scale
        if len(self.tokens) < inputs.size:
            contributions = product(self.tokens, from_input)[places]
        else:
            contributions = product(self.tokens[places], from_input)
        last, states = self._states(contributions)
        return self._answers(last if self.shape.reads == "once" else states.swapaxes(0, 1))

    @checked_inputs
    def activations(self, inputs: Integer[Array, "B T"], replace: Replace = unchanged) -> Activations:
        length = inputs.shape[1]
        embedded = replace("embedding", self.tokens[inputs])
        _, states = self._states(embedded.swapaxes(0, 1) @ self.from_input * self._scale)
        states = replace("state", states.swapaxes(0, 1))  # as it is read: the recurrence has its own
        layers = Layer("embedding", embedded, np.eye(length, dtype=bool)), Layer("state", states, np.tri(length) > 0)
        return Activations(layers, self._answers(states[:, -1] if self.shape.reads == "once" else states))

    @property
    def _scale(self) -> float:
        return (2 * len(self.readout)) ** -0.5

    def _states(self, contributions: Float[Array, "T B gates_w"]) -> tuple[Float[Array, "B w"], Float[Array, "T B w"]]:
        """The last state and all of them, from what the symbols contribute."""
        recurrent = self.from_state * self._scale

        def step(state: tuple[Array, ...], contribution: Array) -> tuple[tuple[Array, ...], Array]:
            summed = contribution + product(state[0], recurrent)
            state = _gates(summed, state[1]) if self.gated else (jax.nn.relu(summed),)
            return state, state[0]

        start = (jnp.zeros((contributions.shape[1], len(self.readout))),) * (2 if self.gated else 1)
        state, states = jax.lax.scan(step, start, contributions)
        return state[0], states

    def _answers(self, states: Float[Array, "B *T w"]) -> Float[Array, "B *answers"]:
        return product(states, self.readout * len(self.readout) ** -0.5)


def _gates(
    summed: Float[Array, "B gates_w"], cell: Float[Array, "B w"]
) -> tuple[Float[Array, "B w"], Float[Array, "B w"]]:
    """The next state and cell."""
    enter, keep, new, leave = jnp.split(summed, 4, axis=1)
    cell = jax.nn.sigmoid(keep) * cell + jax.nn.sigmoid(enter) * jnp.tanh(new)
    return jax.nn.sigmoid(leave) * jnp.tanh(cell), cell


class Elman(NetworkLearner):
    """Recurrent network whose state is its hidden layer.

    Example: `Elman(width=64)`.
    """

    label: ClassVar[str] = "recurrent"
    weight_sharing: ClassVar[bool | None] = None
    kind: Literal["elman"] = "elman"
    width: int = Field(default=128, ge=1)

    @checked
    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        return _network(key, shape, self.width, gated=False)

    @checked
    def forward_flops(self, shape: Shape) -> int:
        return _forward_flops(shape, self.width, 1)


class LSTM(NetworkLearner):
    """Recurrent network with a memory cell behind gates.

    Example: `LSTM(width=64)`.
    """

    label: ClassVar[str] = "LSTM"
    weight_sharing: ClassVar[bool | None] = None
    kind: Literal["lstm"] = "lstm"
    width: int = Field(default=128, ge=1)

    @checked
    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        return _network(key, shape, self.width, gated=True)

    @checked
    def forward_flops(self, shape: Shape) -> int:
        return _forward_flops(shape, self.width, 4)


def _network(key: Key[Array, ""], shape: Shape, width: int, *, gated: bool) -> Network:
    maps = (width, (4 if gated else 1) * width)
    tokens, *both, readout = normal(key, (shape.vocab + 1, width), maps, maps, (width, shape.outputs))
    return _RecurrentNetwork(shape, tokens, both[0], both[1], readout, gated)


def _forward_flops(shape: Shape, width: int, gates: int) -> int:
    rows = min(shape.vocab + 1, 128 * shape.length)  # the symbols', for a batch of 128
    answers = 1 if shape.reads == "once" else shape.length
    return 2 * gates * width**2 * (128 * shape.length + rows) // 128 + 2 * answers * width * shape.outputs
