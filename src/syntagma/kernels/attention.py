"""Attention with infinitely many heads, of untied queries and keys.

    G_ij = q_i . k_j d_k^(-1/2),    A = zeta(G),    h'_i = sum over heads of sum_j A_ij v_j W_O (H d_v)^(-1/2)

For many heads of large size the scores of a head are Gaussian, Cov(G_ij(X), G_kl(Y)) = K(X_i, Y_k) K(X_j, Y_l), and

    K'(X_i, Y_k) = E[ sum_jl A_ij(X) A_kl(Y) ] K(X_j, Y_l).

With the number m_ij of attention a position pays when all are equal (1/T, or causal 1/(i + 1) for j <= i):

    uniform, fixed  A = m             K'_ik = (m K m^T)_ik                     Theta'_ik = 2 K'_ik + (m Theta m^T)_ik
    linear          A_ij = b m_ij G_ij
                    K'_ik = b^2 K_ik (m K*K m^T)_ik
                    Theta'_ik = 4 K'_ik + b^2 (2 K_ik (m K*Theta m^T)_ik + Theta_ik (m K*K m^T)_ik)
    softmax         A = softmax(b G) over the keys that are seen: no closed form, see `softmax`

where * is the product entry by entry. In Theta', each weight matrix (output, value, query, key) contributes K' in the
linear case; the rest is the tangent kernel arriving through the values, keys and queries. In general

    Theta'_ik = 2 K'_ik + E[sum_jl A_ij A_kl] Theta_jl + sum_jl B_jl ((2 K_ik + Theta_ik) K_jl + K_ik Theta_jl),
    B_jl = E[ sum_j'l' (dA_ij'/dG_ij) (dA_kl'/dG_kl) K_j'l' ].

Derivation: with r_j = v_j . w_O Gaussian of covariance K_jl given the scores, df/dG_ij = sum_j' r_j' dA_ij'/dG_ij;
and the tangent kernel of the scores is 2 K_ik K_jl (queries' and keys' weights) + Theta_ik K_jl + K_ik Theta_jl. Terms
between different heads, and between the paths through values and through scores, have mean zero.

Source: Hron, Bahri, Sohl-Dickstein, Novak, arXiv 2006.10540, with scores scaled by d^(-1/2) (their untied, finite-
variance limit; scaled by 1/d the scores would vanish) and the linear attention of section 3 divided by T. Regime:
infinitely many heads, each of infinite size (with linear scores of any size); exact but for softmax, which is sampled.
"""

from __future__ import annotations

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from pydantic import Field, model_validator

from syntagma.errors import invalid
from syntagma.kernels import fields, softmax
from syntagma.kernels.draws import Draws
from syntagma.kernels.finite import FiniteSizes, Forward, HiddenUnits
from syntagma.kernels.joint import Joint
from syntagma.kernels.layer import WideLayer
from syntagma.kernels.pairs import Pairs, Reads
from syntagma.kernels.scores import SoftmaxScores
from syntagma.randomness import normal


class Attention(WideLayer):
    """Attention of all positions to all token positions, or where `causal` to those up to their own.

    `Attention(scores="softmax", causal=True, temperature=1.5)`

    Attributes:
        scores: how scores become attention.
        causal: whether a position sees only itself and those before it.
        temperature: b; the inverse temperature of the softmax, a factor of the linear scores.
        pattern: the attention itself where it is fixed, T rows of T numbers.
    """

    kind: Literal["attention"] = "attention"
    scores: Literal["linear", "softmax", "uniform", "fixed"] = "softmax"
    causal: bool = False
    temperature: float = Field(default=1.0, gt=0)
    pattern: tuple[tuple[float, ...], ...] | None = None

    @model_validator(mode="after")
    def _pattern_where_fixed(self) -> Attention:
        if (self.scores == "fixed") != (self.pattern is not None):
            raise invalid("pattern", self.pattern, "scores='fixed' needs one, and no other scores take one")
        if self.pattern is not None and {*map(len, self.pattern)} != {len(self.pattern)}:
            raise invalid(
                "pattern", [len(row) for row in self.pattern], "it must have as many numbers in each row as rows"
            )
        return self

    @property
    def mixes(self) -> bool:
        return True

    @property
    def fresh(self) -> bool:
        return True

    def centred(self, centred_input: bool) -> bool:
        return True

    def equal_attention(self, length: int) -> Float[np.ndarray, "T T"]:
        """m: the attention of each position to each when all scores are equal, or the fixed one.

        `Attention(scores="uniform", causal=True).equal_attention(2)` is [[1, 0], [1/2, 1/2]], float64.

        Raises:
            InputError: a fixed pattern of another length.
        """
        if self.pattern is not None:
            if len(self.pattern) != length:
                raise invalid("pattern", f"{len(self.pattern)} rows", f"the attention meets {length} positions")
            seen = np.array(self.pattern)
            return np.tril(seen) if self.causal else seen
        seen = np.tri(length) if self.causal else np.ones((length, length))
        return seen / seen.sum(1, keepdims=True)

    def kernel(self, joint: Joint, reads: Reads, draws: Draws) -> Joint:
        if self.scores == "linear":
            return joint.map(lambda pairs, left, right: self._linear(pairs, reads))
        if self.scores == "softmax":
            on_embedding = fields.affordable(joint, reads, tangent=draws.tangent)
            scores = SoftmaxScores(self.temperature, self.causal)
            return (fields.on_embedding if on_embedding else softmax.pairwise)(scores, joint, reads, draws)
        return joint.map(lambda pairs, left, right: self._fixed(pairs, reads))

    def _linear(self, pairs: Pairs, reads: Reads) -> Pairs:
        pattern = self.equal_attention(pairs.layout.length)
        query, keys = pairs.at(reads), self.temperature * pairs.nngp
        values = pairs.mixed(keys * keys, pattern, reads)
        tangent = pairs.mixed(keys * (self.temperature * pairs.ntk), pattern, reads)
        nngp = query.nngp * values
        return query.replace(nngp, 4 * nngp + 2 * query.nngp * tangent + query.ntk * values)

    def _fixed(self, pairs: Pairs, reads: Reads) -> Pairs:
        pattern = self.equal_attention(pairs.layout.length)
        query = pairs.at(reads)
        nngp = jnp.broadcast_to(pairs.mixed(pairs.nngp, pattern, reads), query.nngp.shape)
        return query.replace(nngp, 2 * nngp + pairs.mixed(pairs.ntk, pattern, reads))

    def network(self, key: Key[Array, ""], sizes: FiniteSizes) -> tuple[Forward, FiniteSizes]:
        inner = sizes.heads * sizes.head_size
        asks = self.scores in ("linear", "softmax")
        maps = [(sizes.inputs, sizes.heads, sizes.head_size)] * (3 if asks else 1)
        output, value, *scores = normal(key, (inner, sizes.width), *maps)
        query, key_ = scores if asks else (None, None)
        return _AttentionNetwork(query, key_, value, output, self, sizes.class_token), sizes.after(sizes.width)


class _AttentionNetwork(eqx.Module):
    """H heads; the last of P = T + 1 positions, where there is one, is the class token: it asks and is not asked."""

    query: Float[Array, "d H d_k"] | None
    key: Float[Array, "d H d_k"] | None
    value: Float[Array, "d H d_k"]
    output: Float[Array, "H*d_k w"]
    layer: Attention = eqx.field(static=True)
    class_token: bool = eqx.field(static=True)

    def __call__(self, x: HiddenUnits) -> HiddenUnits:
        scale = x.shape[-1] ** -0.5
        tokens = x[:, :-1] if self.class_token else x
        if self.layer.scores == "linear" and not self.layer.causal:
            mixed = self._linear(x, tokens, scale)
        else:
            values = jnp.einsum("bjd,dhe->bhje", tokens, self.value * scale)
            mixed = jnp.einsum("bhij,bhje->bihe", self._attention(x, tokens, scale), values)
        mixed = mixed.reshape(*x.shape[:2], -1)
        return mixed @ self.output * mixed.shape[-1] ** -0.5

    def _linear(self, x: Array, tokens: Array, scale: float) -> Float[Array, "B P H d_k"]:
        """b sum_j (q_i . k_j) v_j / T as q_i . (mean over j of k_j v_j^T), without scores.

        As sums of products: products of many small matrices take several times as long on a CPU.
        """
        assert self.query is not None
        assert self.key is not None
        queries, keys, values = (
            jnp.einsum("bid,dhe->bihe", at, weights * scale)
            for at, weights in ((x, self.query), (tokens, self.key), (tokens, self.value))
        )
        memory = (keys[..., :, None] * values[..., None, :]).mean(1, keepdims=True)
        factor = self.layer.temperature * keys.shape[-1] ** -0.5
        return factor * (queries[..., None] * memory).sum(-2)

    def _attention(self, x: Array, tokens: Array, scale: float) -> Float[Array, "B H P T"]:
        length = tokens.shape[1]
        pattern = self.layer.equal_attention(length)
        if self.class_token:
            pattern = np.concatenate([pattern, np.full((1, length), 1 / length)])
        if self.query is None or self.key is None:
            return jnp.broadcast_to(pattern, (len(x), self.value.shape[1], *pattern.shape))
        queries = jnp.einsum("bid,dhe->bhie", x, self.query * scale)
        keys = jnp.einsum("bjd,dhe->bhje", tokens, self.key * scale)
        scores = self.layer.temperature * jnp.einsum("bhie,bhje->bhij", queries, keys) * keys.shape[-1] ** -0.5
        if self.layer.scores == "linear":
            return scores * pattern
        return jax.nn.softmax(jnp.where(pattern > 0, scores, -jnp.inf), axis=-1)
