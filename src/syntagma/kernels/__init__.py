"""Infinite-width limits (NNGP and NTK) of sequence networks, beside the finite networks they are limits of."""

from syntagma.kernels.architecture import Architecture, Network
from syntagma.kernels.attention import Attention
from syntagma.kernels.convolution import Convolution
from syntagma.kernels.dense import Dense, LayerNorm
from syntagma.kernels.embedding import Embedding
from syntagma.kernels.gram import Gram
from syntagma.kernels.layers import AnyLayer, Residual
from syntagma.kernels.presets import (
    ARCHITECTURES,
    hierarchical_cnn,
    named,
    perceptron,
    template_transformer,
    transformer,
)

__all__ = [
    "ARCHITECTURES",
    "AnyLayer",
    "Architecture",
    "Attention",
    "Convolution",
    "Dense",
    "Embedding",
    "Gram",
    "LayerNorm",
    "Network",
    "Residual",
    "hierarchical_cnn",
    "named",
    "perceptron",
    "template_transformer",
    "transformer",
]
