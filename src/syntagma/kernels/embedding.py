"""What sequences are before the first layer: tokens and positions, as Gaussian tables or as one-hot vectors.

    x_i = sw E[token i] + sp P[i],        k0(x_i, y_k) = sw^2 [x_i = y_k] + sp^2 [i = k]

with tables drawn from N(0, 1) and trained (then the tangent kernel starts as k0), or with fixed one-hot vectors, for
which k0 is exact at any width (and the tangent kernel starts as 0). Instead of [x_i = y_k], any positive
semidefinite matrix over the tokens. A class token, where one is read, has variance sc^2 and shares nothing with them.

    Embedding(vocab=3, token_variance=1.0, position_variance=0.5)

The one-hot inputs of `syntagma.learners` have token variance 1 / vocab. A mask symbol is a token like the others here:
count it in `vocab`. Regime: infinite width of the tables, any width of one-hot vectors; exact. Derived here: inner
products of independent N(0, 1) vectors over their length tend to [the same vector].
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, Key
from pydantic import Field, field_validator, model_validator

from syntagma.checked_model import CheckedModel
from syntagma.errors import invalid
from syntagma.kernels.finite import FiniteSizes, HiddenUnits
from syntagma.kernels.pairs import Layout, Pairs


class Embedding(CheckedModel):
    """Settings of the embedding: `Embedding(vocab=2, token_kernel=((1.0, 0.5), (0.5, 1.0)))`.

    Attributes:
        vocab: number of tokens.
        token_variance: sw^2.
        position_variance: sp^2, for i.i.d. positions.
        class_variance: sc^2, of the class token (used where the read-out is "class").
        token_kernel: covariance of the tokens' embeddings, `vocab` rows of `vocab` numbers, to be multiplied by sw^2;
            None for the identity.
        trained: Gaussian tables that are trained, or fixed one-hot vectors.
    """

    vocab: int = Field(ge=1)
    token_variance: float = Field(default=1.0, ge=0)
    position_variance: float = Field(default=0.0, ge=0)
    class_variance: float = Field(default=1.0, gt=0)
    token_kernel: tuple[tuple[float, ...], ...] | None = None
    trained: bool = True

    @field_validator("token_kernel", mode="before")
    @classmethod
    def _as_tuples(cls, given: Any) -> Any:
        return tuple(map(tuple, given.tolist())) if isinstance(given, np.ndarray) and given.ndim == 2 else given

    @model_validator(mode="after")
    def _sound(self) -> Embedding:
        if self.token_variance == self.position_variance == 0:
            raise invalid("token_variance", 0, "tokens and positions cannot both have variance 0", "Raise one of them")
        if self.token_kernel is None:
            return self
        if {len(self.token_kernel), *map(len, self.token_kernel)} != {self.vocab}:
            rows = [len(row) for row in self.token_kernel]
            raise invalid("token_kernel", rows, f"it must have vocab={self.vocab} rows of {self.vocab} numbers")
        matrix = np.array(self.token_kernel)
        if not np.allclose(matrix, matrix.T):
            raise invalid("token_kernel", "a matrix", "it must be symmetric", "Average it with its transpose")
        smallest = float(np.linalg.eigvalsh(matrix)[0])
        if smallest < -1e-10 * np.abs(matrix).max():
            raise invalid("token_kernel", "a matrix", f"its smallest eigenvalue is {smallest:.3g}, not 0 or more")
        return self

    def pairs(self, layout: Layout, x: Integer[Array, "T *#n"], y: Integer[Array, "T *#n"]) -> Pairs:
        """k0 between batches of sequences, positions first, that broadcast against each other.

        `embedding.pairs(layout, x.T[..., None], y.T[:, None, :])` of tokens `[n, T]` and `[m, T]`.
        """
        same = x[:, None] == y[None, :]
        if layout.kind == "exchangeable":
            columns = [self.token_variance * (c & 1) + self.position_variance * (c >> 1) for c in range(4)]
            nngp = jnp.array(columns).reshape(4, *[1] * (same.ndim - 2))
            nngp = jnp.broadcast_to(nngp, (4, *same.shape[2:]))
        elif layout.kind == "grid":
            positions = jnp.eye(layout.length).reshape(layout.length, layout.length, *[1] * (same.ndim - 2))
            nngp = self._tokens(x[:, None], y[None, :]) + self.position_variance * positions
            nngp = nngp.reshape(layout.token_columns, *same.shape[2:])
        else:
            nngp = jnp.stack([self._tokens(*at) for at in zip(x, y, strict=True)]) + self.position_variance
        if layout.class_token:
            nngp = jnp.concatenate([nngp, jnp.full((1, *same.shape[2:]), self.class_variance)])
        counts = same_last = kinds = None
        if layout.kind == "exchangeable":
            counts, same_last = self._counts(x, y), x[-1] == y[-1]
            positions = jnp.eye(layout.length, dtype=int).reshape(*same.shape[:2], *[1] * (same.ndim - 2))
            kinds = same.astype(int) + 2 * positions
        return Pairs(layout, nngp, nngp if self.trained else jnp.zeros_like(nngp), counts, same_last, kinds)

    def _tokens(self, x: Array, y: Array) -> Array:
        if self.token_kernel is None:
            return jnp.where(x == y, self.token_variance, 0.0)
        return self.token_variance * jnp.array(self.token_kernel)[x, y]

    def _counts(self, x: Array, y: Array) -> Float[Array, "4 *n"]:
        """How many (i, k) share neither, only the token, only the position, both.

        Pairs with equal tokens, wherever they stand, come from the two histograms: one product of matrices. Positions
        are compared one by one: as one three-dimensional comparison and sum they take 25 times as long on a CPU.
        """
        length = len(x)
        start = jnp.zeros(jnp.broadcast_shapes(x.shape[1:], y.shape[1:]), jnp.int32)

        def add(count: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
            return count + (at[0] == at[1]).astype(count.dtype), None

        both = jax.lax.scan(add, start, (x, y))[0].astype(float)
        histograms = [jax.nn.one_hot(t, self.vocab, axis=0).sum(1) for t in (x, y)]
        if x.shape[1:] == y.shape[1:]:
            anywhere = (histograms[0] * histograms[1]).sum(0)
        else:
            anywhere = histograms[0][..., 0].T @ histograms[1][:, 0, :]
        return jnp.stack([length**2 - length - anywhere + both, anywhere - both, length - both, both])

    def features(self, length: int) -> Float[Array, "{self.vocab}+{length} F"]:
        """A row for each token, and below them one for each position: k0 is the product of their sums.

        `table = embedding.features(T)`: token a at position i is `table[a] + table[vocab + i]`.
        """
        mix = np.eye(self.vocab) if self.token_kernel is None else _square_root(np.array(self.token_kernel))
        tokens, positions = self.token_variance**0.5 * mix, self.position_variance**0.5 * np.eye(length)
        return jnp.array(
            np.block([[tokens, np.zeros((self.vocab, length))], [np.zeros((length, self.vocab)), positions]])
        )

    def normalised(self) -> Embedding:
        """The embedding over its standard deviation, where all tokens have the same: `embedding.normalised()`."""
        assert self.token_kernel is None
        scaled = self.divided(max(self.token_variance, self.position_variance))  # whose sum, unlike ours, is finite
        return scaled.divided(scaled.token_variance + scaled.position_variance)

    def divided(self, variance: float) -> Embedding:
        """With tokens' and positions' variances over `variance`, and a class token's of 1: `embedding.divided(4.0)`."""
        shares = {
            "token_variance": self.token_variance / variance,
            "position_variance": self.position_variance / variance,
        }
        return self.model_copy(update={**shares, "class_variance": 1.0})

    @property
    def largest_variance(self) -> float:
        """That of any token, or of a position."""
        largest = 1.0 if self.token_kernel is None else max(row[i] for i, row in enumerate(self.token_kernel))
        return max(self.token_variance * largest, self.position_variance)

    def network(self, key: Key[Array, ""], sizes: FiniteSizes) -> tuple[EmbeddingNetwork, FiniteSizes]:
        """The embedding of finite width, `[B, T]` tokens to `[B, P, d]`: `embedding.network(key, sizes)`."""
        tokens = positions = extra = None
        width = self.vocab + sizes.length + 1
        if self.trained:
            drawn = jax.random.normal(key, (width, sizes.width))
            tokens, positions, extra = jnp.split(drawn, [self.vocab, self.vocab + sizes.length])
            extra, width = extra[0] if sizes.class_token else None, sizes.width
        network = EmbeddingNetwork(tokens, positions, extra, sizes.class_token, self)
        return network, sizes.after(width)


class EmbeddingNetwork(eqx.Module):
    """Tables of token, position and class vectors, from `Embedding.network`; None where they are one-hot and fixed."""

    tokens: Float[Array, "v d"] | None
    positions: Float[Array, "T d"] | None
    class_vector: Float[Array, " d"] | None
    class_token: bool = eqx.field(static=True)
    embedding: Embedding = eqx.field(static=True)

    def __call__(self, inputs: Integer[Array, "B T"]) -> HiddenUnits:
        tokens, positions, extra = self.tokens, self.positions, self.class_vector
        if tokens is None:
            vocab, width = self.embedding.vocab, self.embedding.vocab + inputs.shape[1] + 1
            tokens, positions, extra = jnp.split(jnp.eye(width) * width**0.5, [vocab, width - 1])
            extra = extra[0]
        if self.embedding.token_kernel is not None:
            tokens = jnp.array(_square_root(np.array(self.embedding.token_kernel))) @ tokens
        scales = (self.embedding.token_variance**0.5, self.embedding.position_variance**0.5)
        x = scales[0] * tokens[inputs] + scales[1] * positions
        if not self.class_token:
            return x
        extra = self.embedding.class_variance**0.5 * extra
        return jnp.concatenate([x, jnp.broadcast_to(extra, (len(x), 1, x.shape[-1]))], axis=1)


def _square_root(matrix: Float[np.ndarray, "v v"]) -> Float[np.ndarray, "v v"]:
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0))
