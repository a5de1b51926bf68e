"""Learners: recipes that learn from examples. Adding one is one module with its class, and one line here."""

from typing import Annotated

from pydantic import Field

from syntagma.learners.attention_only import MultiLayerAttention
from syntagma.learners.convolution import HierarchicalCNN, LocallyConnected
from syntagma.learners.engine import Engine, Fit, fit
from syntagma.learners.learner import Activations, Layer, Learner, Network
from syntagma.learners.perceptron import Perceptron
from syntagma.learners.training import Training
from syntagma.learners.transformer import Transformer

AnyLearner = Annotated[
    HierarchicalCNN | LocallyConnected | MultiLayerAttention | Transformer | Perceptron, Field(discriminator="kind")
]
"""Any learner, told apart by its `kind` in TOML and JSON."""

__all__ = [
    "Activations",
    "AnyLearner",
    "Engine",
    "Fit",
    "HierarchicalCNN",
    "Layer",
    "Learner",
    "LocallyConnected",
    "MultiLayerAttention",
    "Network",
    "Perceptron",
    "Training",
    "Transformer",
    "fit",
]
