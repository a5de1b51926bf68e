"""Patches of neighbouring positions under one filter: trees of convolutions, with and without weight sharing.

    h'(i) = phi( sw (s d)^(-1/2) sum_j W^j h(s i + j) + sb b )        filters and strides of size s
    K_pre(X_i, Y_k) = sw^2 / s sum_j K(X_(s i + j), Y_(s k + j)) + sb^2

With weights of its own at every place (`shared=False`), K_pre(X_i, Y_k) = 0 for i != k. Where one unit at the top sees
the whole sequence, as in the networks of `syntagma.learners`, only i = k is ever asked for: the convolutional network
and its locally connected twin have the SAME kernels, NNGP and NTK, at infinite width without pooling. What weight
sharing gains there is a finite-width effect (arXiv 1810.05148). With a mean read-out over several places they differ.
`size=None` is one patch of the whole sequence: the first layer of a perceptron on concatenated vectors.

The read-out is linear with weights N(0, 1) and fan-in^(-1/2), the NTK parametrisation; the learners read out by 1/w
(mean field), which trains differently: these kernels are the limit of the former. Regime: infinitely many channels;
exact. Source: Novak et al., arXiv 1810.05148; without pooling, as here, derived here for trees.
"""

from __future__ import annotations

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from pydantic import Field

from syntagma.errors import invalid
from syntagma.kernels.activations import activate
from syntagma.kernels.dense import Neurons
from syntagma.kernels.draws import Draws
from syntagma.kernels.finite import FiniteSizes, Forward, HiddenUnits
from syntagma.kernels.joint import Joint
from syntagma.kernels.layer import narrow
from syntagma.kernels.pairs import Layout, Pairs, Reads
from syntagma.randomness import normal


class Convolution(Neurons):
    """Filters and strides of `size` positions, then the activation: `Convolution(size=2, shared=False)`."""

    kind: Literal["convolution"] = "convolution"
    size: int | None = Field(default=None, ge=1)
    shared: bool = True

    @property
    def mixes(self) -> bool:
        return True

    def length_after(self, length: int) -> int:
        """Number of positions that it leaves: `Convolution(size=2).length_after(8)` is 4.

        Raises:
            InputError: the positions do not divide into patches.
        """
        size = self.size or length
        if length % size:
            raise invalid("length", length, f"a convolution of size {size} needs a multiple of it")
        return length // size

    def kernel(self, joint: Joint, reads: Reads, draws: Draws) -> Joint:
        return narrow(self.fire(joint.map(lambda pairs, left, right: self.weigh(self._patches(pairs)))), reads)

    def weigh(self, pairs: Pairs) -> Pairs:
        weighed = super().weigh(pairs)
        if self.shared or pairs.layout.kind == "aligned":
            return weighed
        places = jnp.eye(pairs.layout.length).reshape(-1, *[1] * (pairs.nngp.ndim - 1))
        return pairs.replace(weighed.nngp * places, weighed.ntk * places)

    def _patches(self, pairs: Pairs) -> Pairs:
        """Mean over the members of each pair of patches."""
        places = self.length_after(pairs.layout.length)

        def patches(values: Array) -> Array:
            batch = values.shape[1:]
            if pairs.layout.kind == "aligned":
                size = len(values) // places
                return (
                    sum((values[j::size] for j in range(1, size)), values[::size]) / size
                )  # .mean() is no vector code
            members = values.reshape(places, pairs.layout.length // places, places, -1, *batch)
            return jnp.einsum("isks...->ik...", members).reshape(places**2, *batch) / members.shape[1]

        return pairs.replace(patches(pairs.nngp), patches(pairs.ntk), Layout(pairs.layout.kind, places))

    def network(self, key: Key[Array, ""], sizes: FiniteSizes) -> tuple[Forward, FiniteSizes]:
        places = self.length_after(sizes.length)
        copies = 1 if self.shared else places
        shape = copies, sizes.length // places * sizes.inputs, sizes.width
        weights, *bias = normal(key, shape, *[(copies, sizes.width)] * (self.bias_variance > 0))
        return _ConvolutionNetwork(weights, bias[0] if bias else None, self), sizes.after(sizes.width, places)


class _ConvolutionNetwork(eqx.Module):
    weights: Float[Array, "copies patch w"]
    bias: Float[Array, "copies w"] | None
    layer: Convolution = eqx.field(static=True)

    def __call__(self, x: HiddenUnits) -> HiddenUnits:
        patches = x.reshape(len(x), self.layer.length_after(x.shape[1]), -1)
        weights = self.weights * (self.layer.weight_variance / self.weights.shape[1]) ** 0.5
        u = patches @ weights[0] if self.layer.shared else jnp.einsum("bpi,pio->bpo", patches, weights)
        if self.bias is not None:
            u = u + self.layer.bias_variance**0.5 * self.bias
        return activate(self.layer.activation, self.layer.phase, u)
