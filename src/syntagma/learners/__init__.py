"""Learners: recipes that learn from examples. Adding one is one module with its class, and one line here."""

from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from syntagma.extensions import Kinds
from syntagma.learners.engine import Engine
from syntagma.learners.foreign import ForeignLearner, Validation
from syntagma.learners.kernel_regression import KernelRegression
from syntagma.learners.langevin import LangevinPosterior
from syntagma.learners.learner import Activations, Layer, Learner, Network, NetworkLearner, Replace, unchanged
from syntagma.learners.networks.attention_only import MultiLayerAttention
from syntagma.learners.networks.convolution import HierarchicalCNN, LocallyConnected
from syntagma.learners.networks.perceptron import EqualityPerceptron, Perceptron
from syntagma.learners.networks.recurrent import LSTM, Elman
from syntagma.learners.networks.transformer import Transformer
from syntagma.learners.readers import Clusterer, Counter
from syntagma.learners.scores import Scores
from syntagma.learners.trainer import ExampleSets, Fit, SeedBySeed, Trainer, checked_sets, fit, solved_fit, trainer_of
from syntagma.learners.training import Training

LEARNERS: Kinds[Learner] = Kinds(
    "learner",
    "syntagma.learners",
    [
        HierarchicalCNN,
        LocallyConnected,
        MultiLayerAttention,
        Transformer,
        Perceptron,
        EqualityPerceptron,
        Elman,
        LSTM,
        KernelRegression,
        LangevinPosterior,
        Counter,
        Clusterer,
    ],
)
"""Every kind of learner; a user's own is added by the decorator `LEARNERS.add`."""

AnyLearner = Annotated[SerializeAsAny[Learner], BeforeValidator(LEARNERS.parse)]
"""Any learner, told apart by its `kind` in TOML and JSON."""

__all__ = [
    "LEARNERS",
    "LSTM",
    "Activations",
    "AnyLearner",
    "Clusterer",
    "Counter",
    "Elman",
    "Engine",
    "EqualityPerceptron",
    "ExampleSets",
    "Fit",
    "ForeignLearner",
    "HierarchicalCNN",
    "KernelRegression",
    "LangevinPosterior",
    "Layer",
    "Learner",
    "LocallyConnected",
    "MultiLayerAttention",
    "Network",
    "NetworkLearner",
    "Perceptron",
    "Replace",
    "Scores",
    "SeedBySeed",
    "Trainer",
    "Training",
    "Transformer",
    "Validation",
    "checked_sets",
    "fit",
    "solved_fit",
    "trainer_of",
    "unchanged",
]
