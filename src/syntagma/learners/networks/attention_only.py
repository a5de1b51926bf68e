"""Attention layers and nothing else: no residual branch, no normalisation, no MLP.

    x_0(i) = v^(-1/2) E_(token i) + p_i;   x_l = heads_l(x_(l-1)) O_l d^(-1/2);   logits = d^(-1/2) R x_L(T)

with queries, keys and values x W d^(-1/2), all weights N(0, 1), read at the last position.
Source: the multi-layer attention of arXiv 2505.07070, section II.

Everything between two softmaxes is linear, so it is one product: a layer's output projection is multiplied into the
next layer's query, key and value weights (d rows, not B T); the first layer's are applied to the v + T embeddings,
not to the B T positions; and the last layer attends from the last position alone. Same function, half of the
operations.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, Key
from pydantic import Field

from syntagma.checked_call import checked
from syntagma.errors import InputError
from syntagma.learners.layers.attention import attend, attend_from_last, attend_with, check_heads
from syntagma.learners.layers.embedding import rows, with_mask_row
from syntagma.learners.layers.product import product
from syntagma.learners.learner import Activations, Layer, Network, NetworkLearner, Replace, checked_inputs, unchanged
from syntagma.randomness import normal
from syntagma.tasks import Shape


class _AttentionLayer(eqx.Module):
    query_key_value: Float[Array, "d 3*d"]
    projection: Float[Array, "d d"]


class _AttentionNetwork(Network):
    shape: Shape = eqx.field(static=True)
    tokens: Float[Array, "v d"]
    positions: Float[Array, "T d"]
    layers: tuple[_AttentionLayer, ...]
    readout: Float[Array, "d outputs"]
    heads: int = eqx.field(static=True)

    @checked_inputs
    def __call__(self, inputs: Integer[Array, "B T"]) -> Float[Array, "B outputs"]:
        scale = self.positions.shape[1] ** -0.5
        *inner, last = self.layers
        heads: Any = None
        projection: Any = None
        for layer in inner:
            if heads is None:
                projected = self._embed(inputs, layer.query_key_value * scale)
            else:
                projected = product(heads, projection @ layer.query_key_value * scale)
            heads = attend(projected, self.heads, False)
            projection = layer.projection * scale
        if heads is None:
            heads, weights = self._embed(inputs, jnp.eye(self.positions.shape[1])), last.query_key_value * scale
        else:
            weights = projection @ last.query_key_value * scale
        answer = attend_from_last(heads, *jnp.split(weights, 3, axis=1), heads=self.heads)
        return answer @ (last.projection * scale) @ (self.readout * scale)

    @checked_inputs
    def activations(self, inputs: Integer[Array, "B T"], replace: Replace = unchanged) -> Activations:
        length, width = self.positions.shape
        x = replace("embedding", self._embed(inputs, jnp.eye(width)))
        layers = [Layer("embedding", x, np.eye(length, dtype=bool))]
        for number, layer in enumerate(self.layers, start=1):
            both: Any = attend_with(x @ layer.query_key_value * width**-0.5, None, self.heads, False)
            heads, weights = both
            x = replace(f"layer {number}", heads @ layer.projection * width**-0.5)
            layers.append(Layer(f"layer {number}", x, np.ones((length, length), bool), weights))
        return Activations(tuple(layers), x[:, -1] @ self.readout * width**-0.5)

    def _embed(self, inputs: Integer[Array, "B T"], weights: Float[Array, "d w"]) -> Float[Array, "B T w"]:
        """x_0 times `weights`, without forming x_0."""
        table = with_mask_row(self.tokens) * len(self.tokens) ** -0.5 @ weights
        return rows(table[None], inputs.reshape(-1, 1)).reshape(*inputs.shape, -1) + self.positions @ weights


class MultiLayerAttention(NetworkLearner):
    """The attention-only transformer of the paper.

    Example: `MultiLayerAttention(width=64, heads=4, layers=3)`.
    """

    label: ClassVar[str] = "attention-only"
    weight_sharing: ClassVar[bool | None] = False
    kind: Literal["attention"] = "attention"
    width: int = Field(default=128, ge=1)
    heads: int = Field(default=8, ge=1)
    layers: int = Field(default=3, ge=1)

    @checked
    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        check_heads(self.width, self.heads)
        if shape.reads != "once":
            raise InputError("learner='attention' cannot be used: it gives one answer a sentence, not one at each.")
        width = self.width
        embeddings = (shape.vocab, width), (shape.length, width), (width, shape.outputs)
        layers = [(width, 3 * width), (width, width)] * self.layers
        tokens, positions, readout, *weights = normal(key, *embeddings, *layers)
        pairs = zip(weights[::2], weights[1::2], strict=True)
        stack = tuple(_AttentionLayer(*pair) for pair in pairs)
        return _AttentionNetwork(shape, tokens, positions, stack, readout, self.heads)

    @checked
    def forward_flops(self, shape: Shape) -> int:
        square, length = self.width**2, shape.length
        inner = 3 * 2 * length * square * max(self.layers - 2, 0) + 4 * length**2 * self.width * (self.layers - 1)
        return inner + 2 * (4 * square + 2 * self.heads * length * self.width + self.width * shape.outputs)
