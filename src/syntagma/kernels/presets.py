"""Architectures of the papers and of `syntagma.learners`, by name.

The kernels are of the NTK parametrisation: read-out weights N(0, 1) times fan-in^(-1/2). `syntagma.learners` gives the
convolutional networks and the perceptron a mean-field read-out 1/w instead; the hidden layers are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

from syntagma.checked_call import checked
from syntagma.errors import invalid, unknown, whole_number
from syntagma.kernels.activations import ActivationName
from syntagma.kernels.architecture import Architecture, Readout
from syntagma.kernels.attention import Attention
from syntagma.kernels.convolution import Convolution
from syntagma.kernels.dense import Dense, LayerNorm
from syntagma.kernels.embedding import Embedding
from syntagma.kernels.layers import Residual


@checked
def template_transformer(
    vocab: int,
    beta: float = 1.0,
    gamma: float = 0.0,
    activation: ActivationName = "relu",
    *,
    frequency: float = 1.0,
    phase: float = 0.0,
    trained: bool = True,
) -> Architecture:
    """The depth-one transformer of arXiv 2310.09753, whose NNGP kernel is K_trans there.

        template_transformer(16, beta=1.0, gamma=0.5).gram(strings, samples=4096)

        K_attn(X, Y) = E[ smax(beta m(X))^T (X Y^T + gamma^2 I) smax(beta m(Y)) ],
        m(X), m(Y) Gaussian with covariances X X^T + gamma^2 I and X Y^T + gamma^2 I,
        K_trans(X, Y) = E[ phi(frequency u + phase) phi(frequency w + phase) ],  (u, w) of covariance K_attn

    That is softmax attention with one query, the class token of variance 1, over one-hot tokens with positions of
    variance gamma^2. `phase` is for the cosine.
    """
    dense = Dense(activation=activation, phase=phase, weight_variance=frequency * frequency)
    embedding = Embedding(vocab=vocab, position_variance=gamma * gamma, trained=trained)
    return Architecture(embedding=embedding, layers=(Attention(temperature=beta), dense), readout="class")


@checked
def transformer(
    vocab: int,
    blocks: int = 1,
    *,
    scores: Literal["linear", "softmax", "uniform"] = "softmax",
    activation: ActivationName = "relu",
    causal: bool = False,
    norm: bool = False,
    readout: Readout = "last",
    position_variance: float = 1.0,
) -> Architecture:
    """Residual blocks x + attention(x), x + MLP(x); with `norm`, layer norm before each branch.

    `transformer(16, blocks=2, scores="linear", norm=True)`
    """
    before = (LayerNorm(),) if norm else ()
    attention = Residual(of=(*before, Attention(scores=scores, causal=causal)))
    mlp = Residual(of=(*before, Dense(activation=activation), Dense(activation="linear")))
    embedding = Embedding(vocab=vocab, position_variance=position_variance)
    layers = (attention, mlp) * whole_number("blocks", blocks)
    return Architecture(embedding=embedding, layers=layers, readout=readout)


def perceptron(vocab: int, layers: int = 3, activation: ActivationName = "relu") -> Architecture:
    """`learners.Perceptron`, dense layers on concatenated one-hot tokens: `perceptron(16, layers=3)`."""
    rest = (Dense(activation=activation),) * (whole_number("layers", layers) - 1)
    return Architecture(embedding=_one_hot(vocab), layers=(Convolution(activation=activation), *rest))


@checked
def hierarchical_cnn(vocab: int, branching: int, depth: int, *, shared: bool = True) -> Architecture:
    """`learners.HierarchicalCNN`, or `LocallyConnected` where not `shared`, on sequences of branching^depth tokens.

    `hierarchical_cnn(vocab=8, branching=2, depth=3)`
    """
    size, levels = whole_number("branching", branching, minimum=2), whole_number("depth", depth)
    return Architecture(embedding=_one_hot(vocab), layers=(Convolution(size=size, shared=shared),) * levels)


def named(name: str, vocab: int, length: int, branching: int = 1) -> Architecture:
    """The architecture of that name for sequences of `length` tokens: `named("transformer", vocab=8, length=16)`.

    It is read at the last position; a tree has only one.

    Raises:
        InputError: there is none, or the tree does not fit the length.
    """
    if name not in ARCHITECTURES:
        raise unknown("architecture", name, ARCHITECTURES)
    return ARCHITECTURES[name](vocab, length, branching)


def _tree(vocab: int, length: int, branching: int, *, shared: bool) -> Architecture:
    depth = round(math.log(length) / math.log(branching)) if branching > 1 and length > 1 else 0
    if depth < 1 or branching**depth != length:
        allowed = f"a convolutional network needs a tree, and {length} tokens are no power of branching={branching}"
        raise invalid("architecture", "hierarchical-cnn", allowed, "Choose 'transformer' or 'perceptron'")
    return hierarchical_cnn(vocab, branching, depth, shared=shared)


ARCHITECTURES: Mapping[str, Callable[[int, int, int], Architecture]] = {
    "linear-attention": lambda vocab, length, branching: Architecture(
        embedding=Embedding(vocab=vocab, position_variance=1.0), layers=(Attention(scores="linear"),), readout="mean"
    ),
    "transformer": lambda vocab, length, branching: transformer(vocab, scores="linear"),
    "two-block-transformer": lambda vocab, length, branching: transformer(vocab, 2, scores="linear"),
    "softmax-transformer": lambda vocab, length, branching: transformer(vocab),
    "template-transformer": lambda vocab, length, branching: template_transformer(vocab),
    "perceptron": lambda vocab, length, branching: perceptron(vocab),
    "hierarchical-cnn": lambda vocab, length, branching: _tree(vocab, length, branching, shared=True),
    "locally-connected": lambda vocab, length, branching: _tree(vocab, length, branching, shared=False),
}
"""By the name that settings and the command line take, from vocabulary, length and branching."""


def _one_hot(vocab: int) -> Embedding:
    """One-hot tokens whose first product is scaled by (s v)^(-1/2), as the learners do."""
    return Embedding(vocab=vocab, token_variance=1 / whole_number("vocab", vocab), trained=False)
