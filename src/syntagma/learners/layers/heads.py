"""Attention heads as maps of the width onto itself, with trainable multiples of the identity.

    scores_ij = x_i (W_Q W_K^T / sqrt(d^2 e) + a m_a I) x_j^T
    answer_i  = sum_j softmax(scores)_ij x_j (W_V W_O^T / sqrt(d H e) + b m_b I)          summed over H heads of size e

Weights N(0, 1), d the width, x the normalised inputs; one a and one b a head start at 0, multiplied by m_a and m_b. The
identities let a head compare symbols, and copy them, in directions that no training example has moved the weights in:
x_i x_j^T tells equal symbols from others whatever they are. Source: arXiv 2310.09753, sections 1 and 6.

The formula has three readings, and each place takes the cheapest. Every position of a batch: queries, keys and values
as usual. One query: the weights act on it instead of on every position, B (H T + d) d products in place of B T d^2. And
heads of half the width or more, applied to fewer symbols than a batch has positions: the two d x d maps of each head
act on the symbols, and attention itself costs next to nothing.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from syntagma.learners.layers.attention import attend_with
from syntagma.learners.layers.product import between, by_head, combine, product, settle
from syntagma.learners.layers.symbols import Symbols


class Heads(eqx.Module):
    """One layer's attention. Queries, keys and values lie side by side in one array of weights."""

    query_key_value: Float[Array, "d qkv"]
    projection: Float[Array, "qkv//3 d"]
    score_identity: Float[Array, " h"] | None
    answer_identity: Float[Array, " h"] | None
    heads: int = eqx.field(static=True)
    multipliers: tuple[float, float] = eqx.field(static=True)

    @property
    def wide(self) -> bool:
        """Whether the two maps of a head take no more operations than its queries, keys, values and projection."""
        inner, width = self.projection.shape
        return 2 * inner >= self.heads * width

    def projected(self, x: Float[Array, "*n d"]) -> Float[Array, "*n qkv"]:
        """Queries, keys and values."""
        return product(x, self.query_key_value * x.shape[-1] ** -0.5)

    def everywhere(
        self, x: Float[Array, "B T d"], projected: Float[Array, "B T qkv"], causal: bool
    ) -> Float[Array, "B T d"]:
        """Answers at all positions."""
        return self.with_weights(x, projected, causal)[0]

    def with_weights(
        self, x: Float[Array, "B T d"], projected: Float[Array, "B T qkv"], causal: bool
    ) -> tuple[Float[Array, "B T d"], Float[Array, "B h T T"]]:
        """Answers at all positions, and the weights they mix the values with: `[sentence, head, query, key]`."""
        bias = None
        if self.score_identity is not None:
            alike = between(x, x)
            bias = (self.score_identity * self.multipliers[0])[:, None, None] * alike[:, None]
        both: Any = attend_with(projected, bias, self.heads, causal)
        mixed, weights = both
        answer = product(mixed, self.projection * len(self.projection) ** -0.5)
        if self.answer_identity is not None:
            answer = answer + jnp.einsum("h,bhts->bts", self.answer_identity * self.multipliers[1], weights) @ x
        return answer, weights

    def from_last(self, x: Float[Array, "B T d"]) -> Float[Array, "B d"]:
        """Answers at the last position."""
        weights = jax.nn.softmax(between(self.questions(x[:, -1]), x), axis=-1)
        mixed = combine(weights, x)
        _, _, value = self._by_head()
        values = by_head(mixed, settle(value.swapaxes(0, 1)) * x.shape[-1] ** -0.5).reshape(len(x), -1)
        answer = product(values, self.projection * len(self.projection) ** -0.5)
        if self.answer_identity is None:
            return answer
        return answer + jnp.einsum("h,bhd->bd", self.answer_identity * self.multipliers[1], mixed)

    def questions(self, x: Float[Array, "n d"]) -> Float[Array, "n h d"]:
        """What each head multiplies all inputs with to have its scores: x (W_Q W_K^T + a I)."""
        number, width = x.shape
        query, key, _ = self._by_head()
        queries = product(x, query.reshape(width, -1) * width**-0.5).reshape(number, self.heads, -1)
        scale = (width * key.shape[-1]) ** -0.5
        questions = by_head(queries, settle(key.transpose(1, 2, 0)) * scale)
        if self.score_identity is None:
            return questions
        return questions + (self.score_identity * self.multipliers[0])[:, None] * x[:, None]

    def answers(self, x: Float[Array, "n d"]) -> Float[Array, "n h d"]:
        """What each head answers where it attends to one input alone: x (W_V W_O^T + b I)."""
        number, width = x.shape
        _, _, value = self._by_head()
        values = product(x, value.reshape(width, -1) * width**-0.5).reshape(number, self.heads, -1)
        projection = self.projection.reshape(self.heads, -1, width) * len(self.projection) ** -0.5
        answers = by_head(values, projection)
        if self.answer_identity is None:
            return answers
        return answers + (self.answer_identity * self.multipliers[1])[:, None] * x[:, None]

    def _by_head(self) -> list[Float[Array, "d h e"]]:
        parts = jnp.split(self.query_key_value, 3, axis=1)
        return [part.reshape(len(part), self.heads, -1) for part in parts]


def mix(
    symbols: Symbols, questions: Float[Array, "n h d"], answers: Float[Array, "n h d"], causal: bool
) -> Float[Array, "B T d"]:
    """Answers at all positions, from the questions and answers of the rows of few symbols.

    What both maps owe to the deviation of symbol and place, and to the bias of the normalisation, is made up for in the
    scores and weights, which are few numbers beside questions and answers.
    """
    x, (_, heads, width) = symbols.normalised, questions.shape
    batch, length, _ = x.shape
    asked = symbols.summed(questions.reshape(len(questions), -1)).reshape(batch, length * heads, width)
    given = symbols.summed(answers.reshape(len(answers), -1)).reshape(batch, length * heads, width)
    scores = between(asked, x).reshape(batch, length, heads, length) * symbols.inverse_deviation[..., None]
    scores = scores + product(x, questions[-1].T).swapaxes(1, 2)[:, None]
    if causal:
        scores = jnp.where(jnp.tri(length, dtype=bool)[:, None], scores, -jnp.inf)
    weights = jax.nn.softmax(scores, axis=-1).swapaxes(2, 3) * symbols.inverse_deviation[:, None]
    return combine(weights.reshape(batch, length, length * heads), given) + answers[-1].sum(0)
