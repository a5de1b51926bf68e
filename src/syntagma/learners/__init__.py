"""Learners: recipes that learn from examples. Adding one is one module with its class, and one line here."""

from typing import Annotated

from pydantic import Field

from syntagma.learners.attention_only import MultiLayerAttention
from syntagma.learners.convolution import HierarchicalCNN, LocallyConnected
from syntagma.learners.engine import Engine, Fit, fit
from syntagma.learners.learner import Learner, Network
from syntagma.learners.perceptron import EqualityPerceptron, Perceptron
from syntagma.learners.recurrent import LSTM, Elman
from syntagma.learners.training import Training
from syntagma.learners.transformer import Transformer

AnyLearner = Annotated[
    HierarchicalCNN
    | LocallyConnected
    | MultiLayerAttention
    | Transformer
    | Perceptron
    | EqualityPerceptron
    | Elman
    | LSTM,
    Field(discriminator="kind"),
]
"""Any learner, told apart by its `kind` in TOML and JSON."""

__all__ = [
    "LSTM",
    "AnyLearner",
    "Elman",
    "Engine",
    "EqualityPerceptron",
    "Fit",
    "HierarchicalCNN",
    "Learner",
    "LocallyConnected",
    "MultiLayerAttention",
    "Network",
    "Perceptron",
    "Training",
    "Transformer",
    "fit",
]
