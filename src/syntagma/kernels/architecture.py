"""An architecture: embedding, layers and read-out; its kernels at infinite width, and its networks at finite width.

    f(X) = w . h(X) d^(-1/2),  h(X) the last layer's activations at the position that is read, or their mean:
    NNGP(X, Y) = K(X, Y),      NTK(X, Y) = Theta(X, Y) + K(X, Y)        (K, Theta: mean over pairs of positions)

    architecture = Architecture(embedding=Embedding(vocab=3), layers=(Attention(scores="linear"), Dense()))
    architecture.gram(x).matrix                          # covariance of f over random weights, [n, n] of tokens [n, T]
    architecture.gram(x, kind="ntk").matrix              # inner products of its gradients
    architecture.network(key, width=64, length=T)(x)     # f of one draw at finite width, [n]

The weights are N(0, 1), products are scaled by fan-in^(-1/2), every weight is trained. Regime: infinite width of every
layer and infinitely many heads; NNGP, weights as drawn or the last layer alone trained; NTK, gradient descent of
infinitely small steps. Source: Lee et al., arXiv 1711.00165 (NNGP); Jacot et al., arXiv 1806.07572 (NTK).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Integer, Key
from pydantic import Field, model_validator

from syntagma.checked_call import checked
from syntagma.checked_model import CheckedModel
from syntagma.errors import invalid, whole_number
from syntagma.kernels.attention import Attention
from syntagma.kernels.convolution import Convolution
from syntagma.kernels.embedding import Embedding, EmbeddingNetwork
from syntagma.kernels.finite import FiniteSizes, Forward, HiddenUnits
from syntagma.kernels.gram import Gram, Kind, Limit, Progress
from syntagma.kernels.layers import AnyLayer, Residual
from syntagma.kernels.pairs import Layout

Readout = Literal["last", "mean", "class"]


class Architecture(CheckedModel):
    """Settings of a composition, one to one with TOML and JSON: `Architecture(embedding=Embedding(vocab=3))`.

    Attributes:
        embedding: tokens and positions.
        layers: from the embedding up.
        readout: where the linear read-out reads: the last position, the mean of all, or the class token.
    """

    embedding: Embedding
    layers: tuple[AnyLayer, ...] = ()
    readout: Readout = Field(default="mean")

    @model_validator(mode="after")
    def _has_a_limit(self) -> Architecture:
        centred = self.embedding.trained
        for layer in self.layers:
            layer.check(centred_input=centred)
            centred = layer.centred(centred)
        if self.readout == "class" and any(isinstance(layer, Convolution) for layer in self.layers):
            raise invalid("readout", "class", "convolutions have no class token", "Read the last position or the mean")
        return self

    def on(self, vocab: int) -> Architecture:
        """The same architecture over a vocabulary of `vocab` tokens: `architecture.on(16)`.

        Raises:
            InputError: a token kernel of another size.
        """
        embedding = Embedding.model_validate(self.embedding.model_dump() | {"vocab": vocab})
        return self.model_copy(update={"embedding": embedding})

    def gram(
        self,
        x: Integer[np.ndarray, "n T"],
        y: Integer[np.ndarray, "m T"] | None = None,
        *,
        kind: Kind = "nngp",
        block_size: int | None = None,
        samples: int = 1024,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Gram:
        """The kernel between all sequences of `x` and of `y`, or of `x` with themselves (computed once a pair).

        `architecture.gram(train, test, kind="ntk").matrix` is `[n, m]`, float64.

        Args:
            block_size: sequences on either side of the blocks that are computed at a time; memory beside the result
                grows with its square. By default as many as make arrays of 2 MB.
            samples: quasi-Monte-Carlo points in all, where an attention is softmax; no meaning elsewhere.
            seed: of those points; the same seed makes `gram(x)` and `gram(x, y)` one consistent kernel.
            progress: told what is done and the fraction of it, block by block.

        Raises:
            InputError: sequences that are no `[n, T]` tokens of the vocabulary, or too many for memory; or a kernel
                beyond the largest float64.
        """
        x = self.tokens("x", x)
        y = None if y is None else self.tokens("y", y, length=x.shape[1])
        return self._limit(x.shape[1], kind).gram(x, y, block_size, samples, seed, progress)

    def diagonal(
        self, x: Integer[np.ndarray, "n T"], *, kind: Kind = "nngp", samples: int = 1024, seed: int = 0
    ) -> Float[np.ndarray, " n"]:
        """The kernel of each sequence with itself: `architecture.diagonal(x)`, float64.

        Raises:
            InputError: as `gram`.
        """
        x = self.tokens("x", x)
        return self._limit(x.shape[1], kind).diagonal(x, samples, seed)

    @checked
    def network(
        self,
        key: Key[Array, ""],
        width: int,
        length: int,
        *,
        heads: int | None = None,
        head_size: int | None = None,
        outputs: int | None = None,
    ) -> Network:
        """A freshly drawn finite network for sequences of `length` tokens: `architecture.network(key, 64, 8)(tokens)`.

        Args:
            width: units of every layer.
            heads: heads of each attention, `width` by default: the limit needs many.
            head_size: size of their queries, keys and values, `width` by default.
            outputs: number of outputs; None for one without an axis of its own.

        Raises:
            InputError: sizes that do not fit together.
        """
        width = whole_number("width", width)
        chosen = [whole_number(n, width if v is None else v) for n, v in (("heads", heads), ("head_size", head_size))]
        keys = jax.random.split(key, len(self.layers) + 2)
        sizes = FiniteSizes(width, *chosen, inputs=0, length=length, class_token=self.readout == "class")
        embedding, sizes = self.embedding.network(keys[0], sizes)
        layers = []
        for layer, layer_key in zip(self.layers, keys[1:-1], strict=True):
            module, sizes = layer.network(layer_key, sizes)
            layers.append(module)
        weights = jax.random.normal(keys[-1], (sizes.inputs, *([] if outputs is None else [outputs])))
        return Network(embedding, tuple(layers), weights, self.readout)

    def tokens(self, field: str, given: Any, length: int | None = None) -> Integer[np.ndarray, "n T"]:
        """`given` as sequences of tokens, `architecture.tokens("x", [[0, 1], [2, 0]])`, int32.

        Raises:
            InputError: not a rectangle of whole numbers within the vocabulary, or not of `length`.
        """
        try:
            tokens = np.asarray(given)
        except ValueError:
            lengths = sorted({len(sequence) for sequence in given})
            raise invalid(field, lengths, "its sequences must have one length", "Pad or cut them") from None
        if tokens.ndim != 2:
            raise invalid(
                field, tokens.shape, "it must be an array of n sequences of T tokens", "Give a row a sequence"
            )
        if 0 in tokens.shape:
            raise invalid(field, tokens.shape, "at least one sequence of at least one token is needed")
        if tokens.dtype.kind not in "iu":
            raise invalid(field, tokens.dtype.name, "tokens are whole numbers", "Give an array of integers")
        low, high, vocab = int(tokens.min()), int(tokens.max()), self.embedding.vocab
        if low < 0 or high >= vocab:
            worst = low if low < 0 else high
            raise invalid(field, worst, f"tokens go from 0 to vocab-1 = {vocab - 1}", "Raise vocab or mend the token")
        if length is not None and tokens.shape[1] != length:
            allowed = f"the other sequences have {length} tokens"
            raise invalid(field, f"sequences of {tokens.shape[1]} tokens", allowed, "Pad or cut them")
        return tokens.astype(np.int32)

    def _limit(self, length: int, kind: Kind) -> Limit:
        """What the compiled program needs to know; layers that cannot be told from simpler ones are replaced."""
        if kind not in ("nngp", "ntk"):
            raise invalid("kind", kind, "it must be 'nngp' or 'ntk'")
        layers = self.layers
        if self.readout != "mean":
            layers = _last_attention_sees_all(layers)
        return Limit(self.embedding, layers, self.readout, kind, self._layout(layers, length))

    def _layout(self, layers: Sequence[AnyLayer], length: int) -> Layout:
        """The smallest layout that holds what the layers need.

        Raises:
            InputError: a convolution or a fixed pattern does not fit the positions that it meets.
        """
        everything = list(_all_layers(layers))
        convolutions = [layer for layer in everything if isinstance(layer, Convolution)]
        attentions = [layer for layer in everything if isinstance(layer, Attention)]
        left = length
        for layer in everything:
            if isinstance(layer, Convolution):
                left = layer.length_after(left)
            elif isinstance(layer, Attention):
                layer.equal_attention(left)
        if convolutions:
            alone = not attentions and (self.readout == "last" or left == 1)
            return Layout("aligned" if alone else "grid", length)
        plain = self.embedding.token_kernel is None and not any(a.causal or a.pattern for a in attentions)
        return Layout("exchangeable" if plain else "grid", length, self.readout == "class")


class Network(eqx.Module):
    """A finite network: `[B, T]` tokens to `[B]` or `[B, outputs]`, float32, as `Architecture.network` draws it."""

    embedding: EmbeddingNetwork
    layers: tuple[Forward, ...]
    readout: Float[Array, "d *outputs"]
    reads: Readout = eqx.field(static=True)

    def __call__(self, inputs: Integer[Array, "B T"]) -> Float[Array, "B *outputs"]:
        return self.features(inputs) @ self.readout * len(self.readout) ** -0.5

    def features(self, inputs: Integer[Array, "B T"]) -> Float[Array, "B d"]:
        """What the read-out reads; features @ features.T / d approaches the NNGP kernel."""
        x: HiddenUnits = self.embedding(inputs)
        for layer in self.layers:
            x = layer(x)
        return x.mean(1) if self.reads == "mean" else x[:, -1]


def _all_layers(layers: Sequence[AnyLayer]) -> Any:
    """Layers, those in residual branches included, from the embedding up."""
    for layer in layers:
        if isinstance(layer, Residual):
            yield from _all_layers(layer.of)
        else:
            yield layer


def _last_attention_sees_all(layers: tuple[AnyLayer, ...]) -> tuple[AnyLayer, ...]:
    """Where one position is read that sees every token, the mask of the last mixing layer changes nothing."""
    for i in reversed(range(len(layers))):
        layer = layers[i]
        if not layer.mixes:
            continue
        if isinstance(layer, Attention) and layer.scores != "fixed":
            layer = layer.model_copy(update={"causal": False})
        elif isinstance(layer, Residual):
            layer = layer.model_copy(update={"of": _last_attention_sees_all(layer.of)})
        return (*layers[:i], layer, *layers[i + 1 :])
    return layers
