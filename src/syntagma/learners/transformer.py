"""Pre-norm decoder: x + attention(norm(x)), x + MLP(norm(x)), ReLU, learned positions.

    logits = norm(x_L) R d^(-1/2);   MLP(x) = ReLU(x W_in d^(-1/2)) W_out (4 d)^(-1/2)

Weights N(0, 1), causal. Where one answer a sentence is read, the last layer works at the last position alone; and the
first layer's queries, keys and values, which depend on token and position only, are computed once for each pair of
them.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, Key
from pydantic import Field

from syntagma.learners.attention import attend, attend_from_last, attend_with_maps, check_heads
from syntagma.learners.embedding import rows
from syntagma.learners.learner import Activations, Layer, Learner, Network, normal
from syntagma.learners.product import product
from syntagma.tasks import Shape


class _Norm(eqx.Module):
    """Layer normalisation with gain and bias."""

    gain: Float[Array, " d"]
    bias: Float[Array, " d"]

    def __call__(self, x: Float[Array, "*n d"]) -> Float[Array, "*n d"]:
        centred = x - x.mean(-1, keepdims=True)
        return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * self.gain + self.bias


class _Block(eqx.Module):
    norm_attention: _Norm
    query_key_value: Float[Array, "d 3*d"]
    projection: Float[Array, "d d"]
    norm_mlp: _Norm
    mlp_in: Float[Array, "d h"]
    mlp_out: Float[Array, "h d"]

    def mlp(self, x: Float[Array, "*n d"]) -> Float[Array, "*n d"]:
        hidden = jax.nn.relu(product(self.norm_mlp(x), self.mlp_in * len(self.mlp_in) ** -0.5))
        return x + product(hidden, self.mlp_out * len(self.mlp_out) ** -0.5)


class _TransformerNetwork(Network):
    tokens: Float[Array, "v+1 d"]
    positions: Float[Array, "T d"]
    blocks: tuple[_Block, ...]
    norm: _Norm
    readout: Float[Array, "d outputs"]
    heads: int = eqx.field(static=True)
    reads_once: bool = eqx.field(static=True)

    def __call__(self, inputs: Integer[Array, "B T"]) -> Float[Array, "B *answers"]:
        scale = self.positions.shape[1] ** -0.5
        everywhere = self.blocks[:-1] if self.reads_once else self.blocks
        pairs = self.positions[:, None] + self.tokens
        x = rows(pairs, inputs)
        for block in everywhere:
            weights = block.query_key_value * scale
            if block is self.blocks[0]:
                projected = rows(product(block.norm_attention(pairs), weights), inputs)
            else:
                projected = product(block.norm_attention(x), weights)
            heads = attend(projected, self.heads, True)
            x = block.mlp(x + product(heads, block.projection * scale))
        if self.reads_once:
            block = self.blocks[-1]
            weights = jnp.split(block.query_key_value * scale, 3, axis=1)
            answer = attend_from_last(block.norm_attention(x), *weights, heads=self.heads)
            x = block.mlp(x[:, -1] + product(answer, block.projection * scale))
        return product(self.norm(x), self.readout * scale)

    def activations(self, inputs: Integer[Array, "B T"]) -> Activations:
        length, width = self.positions.shape
        x = self.tokens[inputs] + self.positions
        seen = np.tri(length, dtype=bool)
        layers = [Layer("embedding", x, np.eye(length, dtype=bool))]
        for number, block in enumerate(self.blocks, start=1):
            projected = block.norm_attention(x) @ block.query_key_value * width**-0.5
            heads, weights = attend_with_maps(projected, self.heads, True)
            x = x + heads @ block.projection * width**-0.5
            layers.append(Layer(f"layer {number} attention", x, seen, weights))
            x = block.mlp(x)
            layers.append(Layer(f"layer {number}", x, seen))
        logits = self.norm(x) @ self.readout * width**-0.5
        return Activations(tuple(layers), logits[:, -1] if self.reads_once else logits)


class Transformer(Learner):
    """Pre-norm decoder with residual branches, normalisation and MLPs."""

    label: ClassVar[str] = "transformer"
    weight_sharing: ClassVar[bool | None] = None
    kind: Literal["transformer"] = "transformer"
    width: int = Field(default=128, ge=1)
    heads: int = Field(default=8, ge=1)
    layers: int = Field(default=3, ge=1)
    mlp_ratio: int = Field(default=4, ge=1)

    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        check_heads(self.width, self.heads)
        width, hidden = self.width, self.mlp_ratio * self.width
        embeddings = (shape.vocab + 1, width), (shape.length, width), (width, shape.outputs)
        block = (width, 3 * width), (width, width), (width, hidden), (hidden, width)
        tokens, positions, readout, *weights = normal(key, *embeddings, *block * self.layers)
        quads = zip(*[iter(weights)] * 4, strict=True)
        blocks = tuple(_Block(_norm(width), a, b, _norm(width), c, d) for a, b, c, d in quads)
        once = shape.reads == "once"
        return _TransformerNetwork(tokens, positions, blocks, _norm(width), readout, self.heads, once)

    def forward_flops(self, shape: Shape) -> int:
        square, length = self.width**2, shape.length
        block = length * (2 * (4 + 2 * self.mlp_ratio) * square + 4 * length * self.width)
        first = 2 * length * 3 * square - 2 * (shape.vocab + 1) * length * 3 * square // 128
        if shape.reads == "every":
            return self.layers * block - first + 2 * length * self.width * shape.outputs
        last = 2 * (4 + 2 * self.mlp_ratio) * square + 4 * self.heads * length * self.width
        return max(self.layers - 1, 0) * block - first * (self.layers > 1) + last + 2 * self.width * shape.outputs


def _norm(width: int) -> _Norm:
    return _Norm(jnp.ones(width), jnp.zeros(width))
