"""Softmax attention directly on an embedding: each sequence worked on once, not each pair.

There the covariance has a factor, k0(x_j, y_l) = f(x_j) . f(y_l), with f the token's features (sw one-hot) beside the
position's (sp one-hot): F = V + T numbers. So Gaussian scores are linear functionals of the features, drawn once for
all sequences, and with A the attention of one draw

    o(X) = sum_j A_j f(x_j),         K'  = E[ o(X) . o(Y) ],
    M(X) = sum_j A_j f_j f_j^T - o o^T,   W_K = b^2 E[ <M(X), M(Y)> ],
    Theta' = (2 + z) K' + (2 + 2 z) K_ik W_K,     z = 1 where the embedding is trained, 0 where it is one-hot,

which are products of matrices: n softmaxes a draw in place of n^2. Three ways to draw the query's functional:

- class token: one functional sc u for all, u in R^F.
- query by query, where a mask tells positions apart: f(x_i)^T Z, Z a Gaussian F x F matrix.
- by kind (`pairs`) otherwise: functionals sw g + sp g', g for the token and g' for the position. From R tokens' g and
  R' positions' g' (R' = 1 where the last position alone is read), the four kinds are the four ways in which two of the
  R R' functionals share g, g', both or neither (U-statistics: unbiased, the average over all ways to assign the drawn
  functionals to tokens and positions).

Gram matrices are positive semidefinite to rounding, but for the last way where there are more than R tokens or R'
positions (R = 64 where the last position is read, else R = R' = 8): then up to the standard error. Regime: infinitely
many heads, softmax scores directly on an embedding; sampled, with an error from replicates. Derived here from
`attention`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Integer

from syntagma.kernels.draws import Draws
from syntagma.kernels.embedding import Embedding
from syntagma.kernels.joint import Joint
from syntagma.kernels.pairs import Layout, Pairs, Reads
from syntagma.kernels.scores import SoftmaxScores, weights

_MOST_FUNCTIONALS = 64
_MOST_TABLE = 2**24
_MOST_GAUSSIANS = 2**14
_MOST_SECOND_MOMENTS = 2**13
"""Most entries F^2 of the table of features, of the Gaussian matrix, and of the second moments of a draw."""


@dataclass(frozen=True)
class _Scheme:
    """One of the three ways to draw.

    Attributes:
        dimensions: Gaussian numbers a draw.
        queries: queries or functionals Q that a draw serves.
        factor: what the softmax multiplies the scores by.
        scores: scores `[n, Q, T, c]` of tokens `[n, T]` for points `[c, dimensions]`.
        products: sums over draws of products of features `[a, Q, D, c]` with `[b, Q, D, c]`: `[columns, a, b]`; or
            `[columns, a]` of each sequence with itself, where there is no second argument.
        seen: the keys that each query sees, where not all.
    """

    dimensions: int
    queries: int
    factor: Float[Array, ""]
    scores: Callable[[Array, Array], Float[Array, "n Q T c"]]
    products: Callable[[Array, Array | None], Array]
    seen: Bool[Array, "Q T 1"] | None = None


def affordable(joint: Joint, reads: Reads, *, tangent: bool) -> bool:
    """Whether attention acts on an embedding of few enough features; otherwise it takes pairs of sequences.

    `affordable(joint, "last", tangent=False)`
    """
    if joint.embedded is None:
        return False
    square = (joint.embedded[0].vocab + joint.selves.layout.length) ** 2
    draws_matrix = joint.selves.layout.kind == "grid" and reads != "class"
    limits = [_MOST_TABLE] + [_MOST_SECOND_MOMENTS] * tangent + [_MOST_GAUSSIANS] * draws_matrix
    return square <= min(limits)


def on_embedding(attention: SoftmaxScores, joint: Joint, reads: Reads, draws: Draws) -> Joint:
    """Covariances after softmax attention on the embedding itself: `on_embedding(scores, joint, "last", draws)`.

    The embedding is divided by its standard deviation while it is worked with, so that no product overflows.
    """
    assert joint.embedded is not None
    embedding, tokens = joint.embedded
    unit = embedding.largest_variance or 1.0
    factor = attention.factor(jnp.asarray(unit))
    class_factor = attention.factor(jnp.sqrt(unit), jnp.sqrt(embedding.class_variance))
    embedding = embedding.divided(unit)
    layout = joint.selves.layout
    schemes = []
    if reads != "class":
        by_kind = layout.kind == "exchangeable"
        schemes.append((_by_kind if by_kind else _by_query)(attention, factor, embedding, layout, reads))
    if reads == "class" or (reads == "all" and layout.class_token):
        schemes.append(_by_class_token(class_factor, embedding, layout))
    rows = None if joint.across is None else joint.across.nngp.shape[-2]
    moments = [_moments(scheme, embedding, tokens, rows, draws) for scheme in schemes]
    trained = float(embedding.trained)

    def finished(pairs: Pairs, *parts: tuple[Array, Array]) -> Pairs:
        nngp, w = (jnp.concatenate(columns) for columns in zip(*parts, strict=True))
        query = pairs.at(reads)
        if len(nngp) > len(query.nngp):  # by kind, of which one is read
            chosen = pairs.replace(nngp, w).at(reads)
            nngp, w = chosen.nngp, chosen.ntk
        nngp, w = unit * nngp, factor * (factor * w)
        return query.replace(nngp, (2 + trained) * nngp + (2 + 2 * trained) * query.nngp * w)

    selves, across = zip(*moments, strict=True)
    return Joint(finished(joint.selves, *selves), joint.across and finished(joint.across, *across))


def _moments(
    scheme: _Scheme, embedding: Embedding, tokens: Array, rows: int | None, draws: Draws
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """E[o . o] and E[<M, M>] of the sequences with themselves, and of the first `rows` with the others."""
    length = tokens.shape[1]
    table = embedding.features(length)
    keys = table[tokens] + table[embedding.vocab + jnp.arange(length)]
    size = keys.shape[-1]
    per_sequence = size**2 if draws.tangent else size + length
    points: Array = draws.take(scheme.dimensions, scheme.queries, per_sequence=per_sequence)

    def features(chunk: Array) -> list[Array]:
        attention = weights(scheme.factor, scheme.scores(chunk, tokens), scheme.seen, axis=2)
        mean = jnp.einsum("nqtc,ntf->nqfc", attention, keys)
        if not draws.tangent:
            return [mean]
        second = jnp.einsum("nqtc,ntf,ntg->nqfgc", attention, keys, keys) - mean[:, :, :, None] * mean[:, :, None]
        return [mean, second.reshape(*mean.shape[:2], size**2, -1)]

    def sums(chunk: Array) -> tuple[list[Array], list[Array]]:
        drawn = features(chunk)
        selves = [scheme.products(of_all, None) for of_all in drawn]
        return selves, selves if rows is None else [scheme.products(f[:rows], f[rows:]) for f in drawn]

    zeros = jax.tree.map(lambda a: jnp.zeros(a.shape), jax.eval_shape(sums, points[0]))
    total, _ = jax.lax.scan(lambda t, chunk: (jax.tree.map(jnp.add, t, sums(chunk)), None), zeros, points)
    selves, across = jax.tree.map(lambda t: t / (points.shape[0] * points.shape[1]), total)
    return (selves[0], selves[-1]), (across[0], across[-1])


def _by_class_token(factor: Array, embedding: Embedding, layout: Layout) -> _Scheme:
    table = embedding.features(layout.length)

    def scores(points: Array, tokens: Array) -> Array:
        return _by_key(table @ points.T, embedding, tokens)[:, None]

    return _Scheme(table.shape[1], 1, factor, scores, _products)


def _by_query(attention: SoftmaxScores, factor: Array, embedding: Embedding, layout: Layout, reads: Reads) -> _Scheme:
    table = embedding.features(layout.length)
    size = table.shape[1]
    places = jnp.arange(layout.length)[-1:] if reads == "last" else jnp.arange(layout.length)
    seen = attention.seen(layout.length)[-len(places) :]

    def scores(points: Array, tokens: Array) -> Array:
        matrix = jnp.einsum("vf,cfg,wg->vwc", table, points.reshape(-1, size, size), table)
        by_query = matrix[tokens[:, places]] + matrix[embedding.vocab + places]  # [n, Q, V + T, c]
        at_keys = jnp.take_along_axis(by_query, tokens[:, None, :, None], axis=2)
        return at_keys + by_query[:, :, embedding.vocab :]

    return _Scheme(size**2, len(places), factor, scores, _products, jnp.array(seen)[:, :, None])


def _by_kind(attention: SoftmaxScores, factor: Array, embedding: Embedding, layout: Layout, reads: Reads) -> _Scheme:
    assert not attention.causal, "a mask tells positions apart"
    table = embedding.features(layout.length)
    size = table.shape[1]
    of_positions = 1 if reads == "last" else min(layout.length, round(_MOST_FUNCTIONALS**0.5))
    of_tokens = min(embedding.vocab, _MOST_FUNCTIONALS // of_positions)
    scales = [embedding.token_variance**0.5] * of_tokens + [embedding.position_variance**0.5] * of_positions

    def scores(points: Array, tokens: Array) -> Array:
        drawn = points.reshape(len(points), of_tokens + of_positions, size) * jnp.array(scales)[:, None]
        by_key = _by_key(jnp.einsum("vf,crf->vrc", table, drawn), embedding, tokens).swapaxes(1, 2)
        token, position = by_key[:, :of_tokens, None], by_key[:, None, of_tokens:]
        return (token + position).reshape(len(tokens), -1, *by_key.shape[2:])

    def products(of_x: Array, of_y: Array | None) -> Array:
        def grid(features: Array) -> Array:
            return features.reshape(len(features), of_tokens, of_positions, *features.shape[2:])

        x, y = grid(of_x), None if of_y is None else grid(of_y)

        def shared(*axes: int) -> Array:
            """Products of the sums over the functionals of these axes."""
            return _inner(x.sum(axes), None if y is None else y.sum(axes))

        both, token, position, any_ = shared(), shared(2), shared(1), shared(1, 2)
        pairs = of_tokens * of_positions
        other_tokens, other_positions = max(of_tokens - 1, 1), max(of_positions - 1, 1)
        neither = (any_ - token - position + both) / (pairs * other_tokens * other_positions)
        return jnp.stack(
            [
                neither,
                (token - both) / (pairs * other_positions),
                (position - both) / (pairs * other_tokens),
                both / pairs,
            ]
        )

    return _Scheme((of_tokens + of_positions) * size, of_tokens * of_positions, factor, scores, products)


def _by_key(functionals: Float[Array, "w *c"], embedding: Embedding, tokens: Integer[Array, "n T"]) -> Array:
    """Functionals of tokens and of positions, at each key: `[n, T, *c]`."""
    return functionals[tokens] + functionals[embedding.vocab :]


def _products(of_x: Array, of_y: Array | None) -> Array:
    """Every query of x with every query of y: `[Q^2, a, b]`, or `[Q^2, a]`."""
    equation = "aidc,akdc->ika" if of_y is None else "aidc,bkdc->ikab"
    products = jnp.einsum(equation, of_x, of_x if of_y is None else of_y)
    return products.reshape(-1, *products.shape[2:])


def _inner(of_x: Array, of_y: Array | None) -> Array:
    of_x = of_x.reshape(len(of_x), -1)
    return (of_x**2).sum(1) if of_y is None else of_x @ of_y.reshape(len(of_y), -1).T
