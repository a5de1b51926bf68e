"""Softmax attention with infinitely many heads: quasi-Monte-Carlo over the Gaussian scores of pairs of sequences.

The scores of the query at position i of X are sqrt(K_ii) u_X, those of the query at k of Y sqrt(K_kk) (c u_Y +
sqrt(1 - c^2) u'_Y), with c = K_ik / sqrt(K_ii K_kk) and u, u' independent Gaussian over the keys of both sequences, of
covariances K_XX, K_XY, K_YY. So one Cholesky factor of 2T x 2T for a pair of sequences serves all its (i, k), and 3T
dimensions are integrated over. With A, A' the two softmax vectors of a point, and K, Theta the keys' across the pair,

    K'_ik     = E[ A K A' ]
    Theta'_ik = 2 K'_ik + E[A Theta A'] + (2 K_ik + Theta_ik) W_K + K_ik W_Theta
    W_K       = b^2 E[ A (K*K) A' - A (K A')^2 - A' (K^T A)^2 + (A K A')^2 ]
    W_Theta   = b^2 E[ A (K*Theta) A' - A (K A')*(Theta A') - A' (K^T A)*(Theta^T A) + (A K A') (A Theta A') ]

which is `attention`'s formula with dA_j'/dG_j = b A_j' ([j = j'] - A_j). Directly on an embedding the same law has a
cheaper form, in which each sequence is worked on once instead of each pair: see `fields`.

Everything is worked out for keys divided by the largest standard deviation of a sequence's, so that no product of
covariances overflows; a key of variance 0 has the score 0, and a sequence of such keys is attended to equally.

Cost a pair and point: 4 T^2 + O(T) operations, times the columns of the layout. The estimates of a pair do not know of
the others': a Gram matrix is positive semidefinite up to its standard error only. Regime: infinitely many heads;
sampled, with an error from replicates. Derived here from `attention`, whose source is arXiv 2006.10540.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from syntagma.kernels.draws import Draws
from syntagma.kernels.joint import Joint
from syntagma.kernels.pairs import Pairs, Reads
from syntagma.kernels.scores import SoftmaxScores, weights

_JITTER = 1e-10
"""Added to the diagonal of correlations: equal sequences make them singular."""

Matrix = Float[Array, "*n T T"]
Points = Float[Array, "*#n T c"]
_KeysOf = Callable[[tuple[Array, Array]], tuple[Points, Points, Points]]
"""From a chunk of points, u at the keys of X and of Y, and u' at those of Y, over their largest deviations."""


class _Deviations(NamedTuple):
    """Standard deviations of a sequence's keys: the largest, `[*n]`, all over it, `[*n, T]`, and 1 over each, or 0."""

    largest: Array
    relative: Array
    inverse: Array


def pairwise(scores: SoftmaxScores, joint: Joint, reads: Reads, draws: Draws) -> Joint:
    """Covariances after softmax attention on any layer: `pairwise(SoftmaxScores(1.0, False), joint, "all", draws)`."""
    length = joint.selves.layout.length
    points = draws.take(3 * length, evaluations=1, per_pair=(12 if draws.tangent else 6) * length)
    chunks = points[..., : 2 * length], points[..., 2 * length :]
    own = _leading(joint.selves.matrix(joint.selves.nngp))
    keys = _deviations(own)
    factors = _factor(own, keys)

    def integral(pairs: Pairs, left: Pairs, right: Pairs, largest: tuple[Array, Array], of: _KeysOf) -> Pairs:
        return _integral(scores, pairs, left, right, reads, chunks, largest, of, tangent=draws.tangent)

    def alone(chunk: tuple[Array, Array]) -> tuple[Points, Points, Points]:
        u = factors @ chunk[0][:, :length].T
        return u, u, factors @ chunk[1].T

    selves = integral(joint.selves, joint.selves, joint.selves, (keys.largest, keys.largest), alone)
    if joint.across is None:
        return Joint(selves)
    k = _leading(joint.across.matrix(joint.across.nngp))
    rows = k.shape[0]
    k_x, k_y = jnp.broadcast_to(own[:rows, None], k.shape), jnp.broadcast_to(own[None, rows:], k.shape)
    sides = (_Deviations(*(a[:rows, None] for a in keys)), _Deviations(*(a[None, rows:] for a in keys)))
    every = [
        jnp.concatenate([jnp.broadcast_to(a, k.shape[:-1]) for a in parts], axis=-1)
        for parts in zip(*[(side.relative, side.inverse) for side in sides], strict=True)
    ]
    both = _factor(jnp.block([[k_x, k], [k.mT, k_y]]), _Deviations(keys.largest, *every))

    def together(chunk: tuple[Array, Array]) -> tuple[Points, Points, Points]:
        u = both @ chunk[0].T
        return u[..., :length, :], u[..., length:, :], (factors[rows:] @ chunk[1].T)[None]

    largest = sides[0].largest, sides[1].largest
    return Joint(selves, integral(joint.across, *joint.sides(joint.selves), largest, together))


def _integral(
    scores: SoftmaxScores,
    pairs: Pairs,
    left: Pairs,
    right: Pairs,
    reads: Reads,
    points: tuple[Array, Array],
    largest: tuple[Array, Array],
    keys_of: _KeysOf,
    *,
    tangent: bool,
) -> Pairs:
    """Mean over the points, for every column that is read."""
    query, rows, columns = pairs.at(reads), left.at(reads).row_variances(), right.at(reads).column_variances()
    unit_x, unit_y = (jnp.where(deviation > 0, deviation, 1.0) for deviation in largest)
    k, theta = (
        _leading(pairs.matrix(v)) / unit_x[..., None, None] / unit_y[..., None, None] for v in (pairs.nngp, pairs.ntk)
    )
    seen = _seen(scores, pairs, reads)
    square = scores.factor(unit_x, unit_y)

    def column(c: Array) -> tuple[Array, Array]:
        def deviation(variances: Array) -> Array:
            return jnp.sqrt(jnp.maximum(variances[jnp.minimum(c, len(variances) - 1)], 0.0))

        query_x, query_y, k_ik, theta_ik = deviation(rows), deviation(columns), query.nngp[c], query.ntk[c]
        cosine = jnp.clip(k_ik * _inverse(query_x) * _inverse(query_y), -1, 1)[..., None, None]
        factor_x, factor_y = scores.factor(query_x, unit_x), scores.factor(query_y, unit_y)

        def chunk(total: Array, points: tuple[Array, Array]) -> tuple[Array, None]:
            u_x, u_y, other = keys_of(points)
            a = weights(factor_x[..., None, None], u_x, seen[0][c][:, None], axis=-2)
            scores_y = cosine * u_y + jnp.sqrt(1 - cosine**2) * other
            b = weights(factor_y[..., None, None], scores_y, seen[1][c][:, None], axis=-2)
            products = _moments(a, b, k, theta) if tangent else (a * (k @ b)).sum(-2)[None]
            return total + products.sum(-1), None

        zeros = jnp.zeros((4 if tangent else 1, *query.nngp.shape[1:]))
        sums, _ = jax.lax.scan(chunk, zeros, points)
        means = sums / (points[0].shape[0] * points[0].shape[1])
        nngp = unit_x * unit_y * means[0]
        if not tangent:
            return nngp, nngp
        w_k, w_theta = (square * (square * w) for w in means[2:])
        through_values = unit_x * unit_y * means[1]
        return nngp, 2 * nngp + through_values + (2 * k_ik + theta_ik) * w_k + k_ik * w_theta

    nngp, ntk = jax.lax.map(column, jnp.arange(len(query.nngp)))
    return query.replace(nngp, ntk)


def _moments(a: Points, b: Points, k: Matrix, theta: Matrix) -> Float[Array, "4 *n c"]:
    """A K A', A Theta A', and the integrands of W_K / b^2 and W_Theta / b^2."""
    k_b, theta_b, k_a, theta_a = k @ b, theta @ b, k.mT @ a, theta.mT @ a
    value, tangent = (a * k_b).sum(-2), (a * theta_b).sum(-2)
    w_k = (a * ((k * k) @ b - k_b**2)).sum(-2) - (b * k_a**2).sum(-2) + value**2
    w_theta = (a * ((k * theta) @ b - k_b * theta_b)).sum(-2) - (b * k_a * theta_a).sum(-2) + value * tangent
    return jnp.stack([value, tangent, w_k, w_theta])


def _seen(scores: SoftmaxScores, pairs: Pairs, reads: Reads) -> tuple[Array, Array]:
    """For each column (i, k) that is read, the keys that i sees and those that k sees: `[C, T]`."""
    length = pairs.layout.length
    everything = np.ones((pairs.at(reads).layout.columns, length), bool)
    if not scores.causal or reads == "class":
        return jnp.array(everything), jnp.array(everything)
    mask = scores.seen(length)
    if reads == "last":
        return jnp.array(mask[-1:]), jnp.array(mask[-1:])
    i, k = np.indices((length, length)).reshape(2, -1)
    extra = everything[length**2 :]
    return jnp.array(np.concatenate([mask[i], extra])), jnp.array(np.concatenate([mask[k], extra]))


def _leading(matrices: Float[Array, "T T *n"]) -> Matrix:
    return jnp.moveaxis(matrices, (0, 1), (-2, -1))


def _deviations(covariances: Matrix) -> _Deviations:
    deviations = jnp.sqrt(jnp.maximum(jnp.diagonal(covariances, axis1=-2, axis2=-1), 0.0))
    largest = deviations.max(-1)
    return _Deviations(largest, deviations * _inverse(largest)[..., None], _inverse(deviations))


def _inverse(deviations: Array) -> Array:
    return jnp.where(deviations > 0, 1 / jnp.where(deviations > 0, deviations, 1.0), 0.0)


def _factor(covariances: Matrix, keys: _Deviations) -> Matrix:
    """A Cholesky factor of the covariances over the largest deviations: of their correlations, then scaled."""
    correlations = covariances * keys.inverse[..., :, None] * keys.inverse[..., None, :]
    jitter = _JITTER * jnp.eye(covariances.shape[-1])
    return keys.relative[..., :, None] * jnp.linalg.cholesky(correlations + jitter)
