"""The certificate of the depth-one transformer K_trans, integrated in an order that keeps small eigenvalues of N apart.

Between strings that share no symbol, given the positions and regular tokens common to both, their attentions are
independent (`theory.template_rank`), so the covariance after attention is a Gram matrix of conditional means

    C_ij = E[ gamma^2 F_i . F_j + sum_r (sum over a with z_ia = r of F_i,a) (the same of j) ],
    F_i = E_g[softmax(beta (gamma p + tokens))],

and N_ij = E[phi(u) phi(w)] for (u, w) Gaussian with variances kappa_i, kappa_j and covariance C_ij. Each outer point
(p, G) has the mean over two independent sets of inner points g; the product of the two is an unbiased estimate. All
templates are given the same points, the one of a symbol being that of the first position where it stands: what they
have in common then cancels point by point in every direction of N, instead of up to the errors of N's entries. Measured
at beta = 4, gamma = 1 for relational-match: s_min = 1.14e-5 [1.09e-5, 1.18e-5], where `certificate(templates,
infinite(architecture, 2**14))` has 1.4e-4 [-0.6e-4, 3.4e-4], an interval 400 times as wide, in a third of the time.

kappa_i = E[softmax^T (X X^T + gamma^2 1) softmax] is the mean over the same points; an error of it moves N along its
largest eigenvectors, so a small eigenvalue by its square.

Regime: strings of an unlimited alphabet; infinite width, last layer trained (NNGP). Precision: eight independent
scramblings of Sobol points give the interval. Source: K_trans as in arXiv 2310.09753, section 3; the conditional form
is derived here, from the independence of g between strings that share no symbol.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from pydantic import PositiveInt
from scipy.special import ndtr

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.kernels import Architecture, Attention, Dense
from syntagma.kernels.activations import covariance
from syntagma.kernels.draws import REPLICATES, Request
from syntagma.languages.templates import Templates
from syntagma.randomness import stream
from syntagma.theory.templates import Certificate, certificate_of

_INNER = 256
"""Points g in each of the two sets of an outer point."""


def is_depth_one(architecture: Architecture) -> bool:
    """Whether it is K_trans: softmax attention read by a class token, a dense layer, and tokens that are all alike."""
    match architecture.layers:
        case (Attention(scores="softmax"), Dense()):
            return architecture.readout == "class" and architecture.embedding.token_kernel is None
    return False


@checked
def integrated(templates: Templates, architecture: Architecture, points: PositiveInt = 2**12) -> Certificate:
    """The certificate for K_trans: `integrated(family("relational-match"), template_transformer(1, 4.0, 1.0))`.

    Args:
        points: outer points of all eight estimates together.

    Raises:
        InputError: another architecture.
    """
    if not is_depth_one(architecture):
        raise invalid("architecture", architecture, "it is no softmax attention read by a class token, then dense")
    attention, dense = architecture.layers
    assert isinstance(attention, Attention)
    assert isinstance(dense, Dense)
    embedding = architecture.embedding
    scale = attention.temperature * math.sqrt(embedding.class_variance)
    sizes = (scale, embedding.token_variance, embedding.position_variance, points)
    across, own = _attended(templates, *sizes)  # pyright: ignore[reportArgumentType]  # settings are frozen, so hashable
    variances, covariances = (dense.weight_variance * values + dense.bias_variance for values in (own, across))
    with jax.enable_x64(True):
        estimates, selves = map(np.asarray, _after(dense.activation, dense.phase, covariances, variances))
    return certificate_of(templates, estimates, selves.mean(0))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _after(activation: str, phase: float, covariances: Array, variances: Array) -> tuple[Array, Array]:
    """N `[S, r, r]` and K_i `[S, r]` after phi, from the covariances of its inputs; one program for all of it."""
    left, right = variances[:, :, None], variances[:, None, :]
    across = covariance(activation, phase, covariances, left, right)
    return across, covariance(activation, phase, variances, variances, variances)


@functools.lru_cache(maxsize=16)
def _attended(
    templates: Templates, scale: float, token: float, position: float, points: int
) -> tuple[Float[np.ndarray, "S r r"], Float[np.ndarray, "S r"]]:
    """Independent estimates of C and of kappa, which do not depend on phi."""
    estimate, length = _estimate(templates, scale, token, position), templates.sentence_length
    across, own = [], []
    with jax.enable_x64(True):
        for replicate in range(REPLICATES):
            outer = Request(length + templates.num_regular, 1, (0, 0)).points(points, 0, replicate, 0)
            inner = ndtr(Request(2 * length, 1, (0, 0)).points(REPLICATES * _INNER, 0, replicate, 1))
            outer, inner = outer.reshape(-1, outer.shape[-1]), inner.reshape(-1, 2, length)
            shifts = stream(0, "template-integral", replicate).random((len(outer), 2, length))
            block, itself = estimate(outer, shifts, inner)
            across.append(np.asarray(block))
            own.append(np.asarray(itself))
    return np.array(across), np.array(own)


def _estimate(templates: Templates, scale: float, token: float, position: float) -> Callable[..., tuple[Array, Array]]:
    """A program for one estimate of C, `[r, r]`, and of kappa, `[r]`.

    From outer points `[P, T + R]`, a shift of each, `[P, 2, T]`, and inner points `[G, 2, T]` on the unit cube: an
    outer point's own are these, shifted, so that errors of the inner means are independent between outer points.
    """
    patterns, regular, length = templates.patterns, templates.num_regular, templates.sentence_length
    first = (patterns[:, :, None] == patterns[:, None, :]).argmax(-1)  # where each symbol stands first
    is_regular = patterns < regular
    at_token = (patterns[:, None] == np.arange(regular)[:, None]).astype(float)  # [r, R, T]
    same = (patterns[:, :, None] == patterns[:, None, :]) * token + position * np.eye(length)

    def conditional(p: Array, common: Array, g: Array) -> tuple[Array, Array]:
        """F of every template, `[r, T]`, and kappa, `[r]`, from inner points `[G, T]`."""
        tokens = g[:, first]
        if regular:
            tokens = jnp.where(is_regular, common[np.where(is_regular, patterns, 0)], tokens)
        attention = jax.nn.softmax(scale * (math.sqrt(position) * p + math.sqrt(token) * tokens), axis=-1)
        return attention.mean(0), (jnp.einsum("gra,rab->grb", attention, same) * attention).sum(-1).mean(0)

    def at(outer: Array, shift: Array, inner: Array) -> tuple[Array, Array]:
        p, common = outer[:length], outer[length:]
        g = jax.scipy.special.ndtri(jnp.clip((inner + shift) % 1.0, 2.0**-33, 1 - 2.0**-33))
        (left, kappa), (right, again) = (conditional(p, common, g[:, i]) for i in range(2))
        regular_parts = [jnp.einsum("rRa,ra->rR", at_token, f) for f in (left, right)]
        c = position * left @ right.T + token * regular_parts[0] @ regular_parts[1].T
        return (c + c.T) / 2, (kappa + again) / 2

    @jax.jit
    def estimate(outer: Array, shifts: Array, inner: Array) -> tuple[Array, Array]:
        c, kappa = jax.lax.map(lambda point: at(point[0], point[1], inner), (outer, shifts))
        return c.mean(0), kappa.mean(0)

    return estimate
