"""Pre-norm transformer: x + attention(norm(x)), x + MLP(norm(x)), learned positions.

    logits = norm(x_L) R d^(-1/2);   MLP(x) = phi(x W_in d^(-1/2)) W_out (r d)^(-1/2)

Weights N(0, 1). As it stands a causal decoder with phi = ReLU, read at its last position or at all. With full
attention, a class token after the sentence, heads of a size of their own, GELU and the two trainable identities of
`layers.heads` it is the transformer of arXiv 2310.09753 and its public script, but for the biases of the MLPs and the
read-out, which it does not have, and the gain and bias of the last normalisation, which it has. A tied read-out takes
the symbols' embeddings as R.

With `trained="readout"` only R is trained: regression on the features of a random network, the kernel of arXiv
2310.09753 at finite width. With `initial="mimetic"` each head's W_Q W_K^T starts near the identity, and a layer's
W_V W_O^T near minus the identity, see `layers.mimetic`.

Symbols that no training example contains keep the embedding that they were drawn with (weight decay aside). Where one
answer a sentence is read, the last layer works at the last position alone; and the first layer's linear maps act on
symbols, not on positions, see `learners.layers.symbols`.
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
from syntagma.errors import invalid
from syntagma.learners.layers.attention import check_heads
from syntagma.learners.layers.heads import Heads, mix
from syntagma.learners.layers.mimetic import mimetic
from syntagma.learners.layers.product import product
from syntagma.learners.layers.symbols import Norm, Symbols
from syntagma.learners.learner import Activations, Layer, Network, NetworkLearner, Replace, checked_inputs, unchanged
from syntagma.randomness import normal
from syntagma.tasks import Shape

_ACTIVATIONS = {"relu": jax.nn.relu, "gelu": lambda x: jax.nn.gelu(x, approximate=False)}


class _Block(eqx.Module):
    norm_attention: Norm
    attention: Heads
    norm_mlp: Norm
    mlp_in: Float[Array, "d h"]
    mlp_out: Float[Array, "h d"]
    activation: Literal["relu", "gelu"] = eqx.field(static=True)

    def mlp(self, x: Float[Array, "*n d"]) -> Float[Array, "*n d"]:
        hidden = _ACTIVATIONS[self.activation](product(self.norm_mlp(x), self.mlp_in * len(self.mlp_in) ** -0.5))
        return x + product(hidden, self.mlp_out * len(self.mlp_out) ** -0.5)

    def first(self, symbols: Symbols, causal: bool) -> Float[Array, "B T d"]:
        """The block on embedded symbols."""
        if self.attention.wide and symbols.few:
            maps = self.attention.questions(symbols.rows), self.attention.answers(symbols.rows)
            return self.mlp(symbols.plain + mix(symbols, *maps, causal))
        projected = symbols.everywhere(self.attention.projected(symbols.rows))
        return self.mlp(symbols.plain + self.attention.everywhere(symbols.normalised, projected, causal))

    def everywhere(self, x: Float[Array, "B T d"], causal: bool) -> Float[Array, "B T d"]:
        normalised = self.norm_attention(x)
        projected = self.attention.projected(normalised)
        return self.mlp(x + self.attention.everywhere(normalised, projected, causal))

    def last(self, x: Float[Array, "B T d"]) -> Float[Array, "B d"]:
        """The block at the last position."""
        return self.mlp(x[:, -1] + self.attention.from_last(self.norm_attention(x)))


class _TransformerNetwork(Network):
    shape: Shape = eqx.field(static=True)
    tokens: Float[Array, "symbols d"]
    positions: Float[Array, "places d"]
    blocks: tuple[_Block, ...]
    norm: Norm
    readout: Float[Array, "d outputs"] | None
    causal: bool = eqx.field(static=True)
    class_token: bool = eqx.field(static=True)
    readout_alone: bool = eqx.field(static=True, default=False)

    @checked_inputs
    def __call__(self, inputs: Integer[Array, "B T"]) -> Float[Array, "B *answers"]:
        inputs = self._with_class_token(inputs)
        symbols = Symbols(self.tokens, self.positions, inputs, self.blocks[0].norm_attention)
        x = symbols.plain
        once = self.shape.reads == "once"
        everywhere = self.blocks[:-1] if once else self.blocks
        for i, block in enumerate(everywhere):
            x = block.everywhere(x, self.causal) if i else block.first(symbols, self.causal)
        if self.shape.reads == "once":
            x = self.blocks[-1].last(x)
        return self._answers(x)

    @checked_inputs
    def activations(self, inputs: Integer[Array, "B T"], replace: Replace = unchanged) -> Activations:
        length, places = inputs.shape[1], len(self.positions)
        x = replace("embedding", self.tokens[self._with_class_token(inputs)] + self.positions)
        seen = (np.tri(places) if self.causal else np.ones((places, places)))[:, :length].astype(bool)
        layers = [Layer("embedding", x, np.eye(places, length, dtype=bool))]
        for number, block in enumerate(self.blocks, start=1):
            normalised = block.norm_attention(x)
            projected = block.attention.projected(normalised)
            answer, weights = block.attention.with_weights(normalised, projected, self.causal)
            x = replace(f"layer {number} attention", x + answer)
            layers.append(Layer(f"layer {number} attention", x, seen, weights))
            x = replace(f"layer {number}", block.mlp(x))
            layers.append(Layer(f"layer {number}", x, seen))
        return Activations(tuple(layers), self._answers(x[:, -1] if self.shape.reads == "once" else x))

    def _with_class_token(self, inputs: Integer[Array, "B T"]) -> Integer[Array, "B places"]:
        if not self.class_token:
            return inputs
        return jnp.pad(inputs.astype(jnp.int32), ((0, 0), (0, 1)), constant_values=len(self.tokens) - 1)

    def _answers(self, x: Float[Array, "B *T d"]) -> Float[Array, "B *answers"]:
        readout = self.tokens[: self.shape.outputs].T if self.readout is None else self.readout
        features = self.norm(x)
        if self.readout_alone:  # gradients of all other weights are 0, and so are Adam's steps
            features = jax.lax.stop_gradient(features)
        return product(features, readout * len(readout) ** -0.5)


class Transformer(NetworkLearner):
    """Pre-norm transformer with residual branches, normalisation and MLPs.

    Example: `Transformer(width=64, heads=4, layers=2)`.

    Attributes:
        width: size d of embeddings.
        heads: number of heads; `head_size` their size each, width / heads where it is not given.
        mlp_ratio: size of an MLP's hidden layer over the width.
        attention: "causal", each position sees those up to its own, or "full".
        read_out: "last", at the last position, or "class-token", at a symbol of its own after the sentence.
        tied: the read-out is the symbols' embedding.
        score_identity: multiplier of each head's trainable a in W_Q W_K^T + a I; 0: there is none.
        answer_identity: multiplier of each head's trainable b in W_V W_O^T + b I; 0: there is none.
        trained: which weights are, where not all: the "readout" alone, the others stay as drawn (weight decay aside).
        initial: how weights are drawn, where not from N(0, 1): "mimetic" ones in the heads.
    """

    label: ClassVar[str] = "transformer"
    weight_sharing: ClassVar[bool | None] = None
    kind: Literal["transformer"] = "transformer"
    width: int = Field(default=128, ge=1)
    heads: int = Field(default=8, ge=1)
    head_size: int | None = Field(default=None, ge=1)
    layers: int = Field(default=3, ge=1)
    mlp_ratio: int = Field(default=4, ge=1)
    activation: Literal["relu", "gelu"] = "relu"
    attention: Literal["causal", "full"] = "causal"
    read_out: Literal["last", "class-token"] = "last"
    tied: bool = False
    score_identity: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    answer_identity: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    trained: Literal["readout"] | None = Field(default=None, exclude_if=lambda which: which is None)
    initial: Literal["mimetic"] | None = Field(default=None, exclude_if=lambda how: how is None)

    @checked
    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        self._check(shape)
        width, hidden, inner = self.width, self.mlp_ratio * self.width, self.heads * self._head_size
        extra = self.read_out == "class-token"
        embeddings = (shape.vocab + 1 + extra, width), (shape.length + extra, width)
        readouts = [] if self.tied else [(width, shape.outputs)]
        block = (width, 3 * inner), (inner, width), (width, hidden), (hidden, width)
        tokens, positions, *weights = normal(key, *embeddings, *readouts, *block * self.layers)
        readout = None if self.tied else weights.pop(0)
        quads = list(zip(*[iter(weights)] * 4, strict=True))
        if self.initial == "mimetic":
            keys = jax.random.split(jax.random.fold_in(key, 1), self.layers)
            quads = [
                (*mimetic(k, width, self.heads, self._head_size), *rest[2:])
                for k, rest in zip(keys, quads, strict=True)
            ]
        blocks = tuple(self._block(*quad) for quad in quads)
        causal, alone = self.attention == "causal", self.trained == "readout"
        return _TransformerNetwork(shape, tokens, positions, blocks, _norm(width), readout, causal, extra, alone)

    @property
    def _head_size(self) -> int:
        return self.head_size or self.width // self.heads

    def _block(self, query_key_value: Array, projection: Array, mlp_in: Array, mlp_out: Array) -> _Block:
        multipliers = self.score_identity, self.answer_identity
        a, b = (jnp.zeros(self.heads) if m else None for m in multipliers)
        attention = Heads(query_key_value, projection, a, b, self.heads, multipliers)
        return _Block(_norm(self.width), attention, _norm(self.width), mlp_in, mlp_out, self.activation)

    def _check(self, shape: Shape) -> None:
        if self.head_size is None:
            check_heads(self.width, self.heads)
        if shape.reads == "every" and self.read_out == "class-token":
            mend = "Choose read_out='last'"
            raise invalid("read_out", self.read_out, "the task reads every position, there is no class token", mend)
        if shape.reads == "every" and self.attention == "full":
            allowed = "the task reads every position, from those up to it"
            raise invalid("attention", self.attention, allowed, "Choose attention='causal'")
        if self.tied and self.trained == "readout":
            reason = "the read-out is the symbols' embedding, which would be trained with it"
            raise invalid("trained", self.trained, reason, "Choose tied=false, or leave trained out")
        if self.tied and shape.outputs != shape.vocab:
            allowed = f"the task has {shape.outputs} outputs for {shape.vocab} symbols"
            raise invalid("tied", self.tied, allowed, "Set it to false")

    @checked
    def forward_flops(self, shape: Shape) -> int:
        width, inner = self.width, self.heads * self._head_size
        length = shape.length + (self.read_out == "class-token")
        rows = min(shape.vocab + 2 + length, 128 * length)  # the first layer's, for a batch of 128
        linear, mlp = 8 * width * inner, 4 * self.mlp_ratio * width**2
        identities = 2 * length * width * (bool(self.score_identity) + bool(self.answer_identity))  # where all attend
        block = length * (linear + mlp + 4 * length * inner + identities)
        if 2 * inner >= self.heads * width:
            first = rows * linear // 128 + length * (mlp + 4 * length * self.heads * width)
        else:
            first = block - 6 * width * inner * (length - rows / 128)
        answers = (1 if shape.reads == "once" else length) * 2 * width * shape.outputs
        if shape.reads == "every":
            return int(first + (self.layers - 1) * block + answers)
        last = linear + mlp + 4 * self.heads * length * width
        return int((first + max(self.layers - 2, 0) * block) * (self.layers > 1) + last + answers)


def _norm(width: int) -> Norm:
    return Norm(jnp.ones(width), jnp.zeros(width))


def heads_of(network: Network) -> list[tuple[Float[np.ndarray, "h d d"], Float[np.ndarray, "h d d"]]]:
    """Each layer's W_Q W_K^T + a I and W_V W_O^T + b I of every head, as they act on normalised inputs from the left.

    `heads_of(Transformer().network(key, shape))[0][0].shape` is [heads, width, width].

    Raises:
        InputError: the network is no transformer.
    """
    if not isinstance(network, _TransformerNetwork):
        raise invalid("network", type(network).__name__, "it is no transformer", "Give one that Transformer built")
    ones = jnp.eye(len(network.norm.gain))
    maps = [(block.attention.questions(ones), block.attention.answers(ones)) for block in network.blocks]
    return [(np.asarray(a).swapaxes(0, 1), np.asarray(b).swapaxes(0, 1)) for a, b in maps]
