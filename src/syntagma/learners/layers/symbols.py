"""Linear maps of normalised symbols: a table for the vocabulary and one for the places, or every position by itself.

The first layer's inputs are E_t + p_i, symbol and place. Their normalisation with gain g and bias c is linear but for
one number, the deviation s_ti, so a linear map W after it needs v + T + 1 rows in place of B T:

    norm(E_t + p_i) W = [ (E_t - mean E_t) g W + (p_i - mean p_i) g W ] / s_ti + c W

Where the batch has fewer positions than that, its positions are the rows.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from syntagma.learners.layers.product import settle


class Norm(eqx.Module):
    """Layer normalisation with gain and bias."""

    gain: Float[Array, " d"]
    bias: Float[Array, " d"]

    def __call__(self, x: Float[Array, "*n d"]) -> Float[Array, "*n d"]:
        centred = _centred(x)
        return centred * _inverse_deviation(centred) * self.gain + self.bias


class Symbols:
    """A batch's symbols at their places.

    Attributes:
        plain: `[B, T, d]`, embeddings of symbol and place.
        inverse_deviation: `[B, T, 1]`, 1 / s of each.
        normalised: their normalised form.
        few: whether the vocabulary and the places are fewer than the batch's positions.
        rows: `[n, d]`, what a linear map of the normalised form is to be applied to.
    """

    def __init__(
        self, tokens: Float[Array, "v d"], places: Float[Array, "T d"], inputs: Integer[Array, "B T"], norm: Norm
    ) -> None:
        self._inputs, self._sizes = inputs, (len(tokens), len(places))
        self.plain = tokens[inputs] + places
        centred = _centred(self.plain)
        self.inverse_deviation = _inverse_deviation(centred)
        self.normalised = centred * self.inverse_deviation * norm.gain + norm.bias
        self.few = sum(self._sizes) + 1 < inputs.size
        if self.few:
            self.rows = jnp.concatenate([_centred(tokens) * norm.gain, _centred(places) * norm.gain, norm.bias[None]])
        else:
            self.rows = self.normalised.reshape(-1, tokens.shape[1])

    def everywhere(self, mapped: Float[Array, "n w"]) -> Float[Array, "B T w"]:
        """The map of the normalised symbols from the map of `rows`."""
        if not self.few:
            return mapped.reshape(*self._inputs.shape, -1)
        return settle(self.summed(mapped) * self.inverse_deviation + mapped[-1])

    def summed(self, mapped: Float[Array, "n w"]) -> Float[Array, "B T w"]:
        """Where symbols are few: the same before it is divided by the deviation and the bias's row, the last, added."""
        vocab, length = self._sizes
        mapped = settle(mapped)
        return settle(mapped[self._inputs] + mapped[vocab : vocab + length])


def _centred(x: Float[Array, "*n d"]) -> Float[Array, "*n d"]:
    return x - x.mean(-1, keepdims=True)


def _inverse_deviation(centred: Float[Array, "*n d"]) -> Float[Array, "*n 1"]:
    return jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
