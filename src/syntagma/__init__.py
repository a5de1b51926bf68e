"""Syntagma: which structure does a sequence model learn, and from how much data? Predict it, measure it, compare.

Names are loaded when first used, so that `import syntagma` brings in neither JAX nor pandas nor a plotting library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Architecture": "syntagma.kernels",
    "Attention": "syntagma.kernels",
    "CategoricalMixture": "syntagma.languages",
    "Clusterer": "syntagma.learners",
    "Counter": "syntagma.learners",
    "Corpus": "syntagma.languages",
    "Dense": "syntagma.kernels",
    "DirichletMultinomial": "syntagma.languages",
    "Elman": "syntagma.learners",
    "Embedding": "syntagma.kernels",
    "Engine": "syntagma.learners",
    "EqualityPerceptron": "syntagma.learners",
    "Estimate": "syntagma.estimate",
    "HiddenMarkov": "syntagma.languages",
    "HierarchicalCNN": "syntagma.learners",
    "HierarchySettings": "syntagma.languages.settings",
    "InputError": "syntagma.errors",
    "KernelRegression": "syntagma.learners",
    "LSTM": "syntagma.learners",
    "Label": "syntagma.tasks",
    "LabelledStrings": "syntagma.languages",
    "LangevinPosterior": "syntagma.learners",
    "LastToken": "syntagma.tasks",
    "LearningCurve": "syntagma.curves",
    "LocallyConnected": "syntagma.learners",
    "MaskedToken": "syntagma.tasks",
    "MultiLayerAttention": "syntagma.learners",
    "NextToken": "syntagma.tasks",
    "Perceptron": "syntagma.learners",
    "RandomHiddenMarkov": "syntagma.languages",
    "RandomHierarchy": "syntagma.languages",
    "RootClass": "syntagma.tasks",
    "Sample": "syntagma.languages",
    "Score": "syntagma.scoring",
    "Store": "syntagma.sweep.store",
    "SymmetryTarget": "syntagma.tasks",
    "Templates": "syntagma.languages",
    "Text": "syntagma.languages",
    "Training": "syntagma.learners",
    "Transformer": "syntagma.learners",
    "TreeOracle": "syntagma.oracles",
    "certificate": "syntagma.theory.templates",
    "correlations": "syntagma.statistics.correlations",
    "curve_of": "syntagma.scoring",
    "decompose": "syntagma.theory.symmetric_group",
    "export": "syntagma.datasets",
    "family": "syntagma.languages",
    "fit": "syntagma.learners",
    "learning_curve": "syntagma.sweep.learning_curve",
    "oracle_of": "syntagma.oracles",
    "probe": "syntagma.probes",
    "score": "syntagma.scoring",
    "threshold": "syntagma.theory.exact",
}

__all__ = [
    "LSTM",
    "Architecture",
    "Attention",
    "CategoricalMixture",
    "Clusterer",
    "Corpus",
    "Counter",
    "Dense",
    "DirichletMultinomial",
    "Elman",
    "Embedding",
    "Engine",
    "EqualityPerceptron",
    "Estimate",
    "HiddenMarkov",
    "HierarchicalCNN",
    "HierarchySettings",
    "InputError",
    "KernelRegression",
    "Label",
    "LabelledStrings",
    "LangevinPosterior",
    "LastToken",
    "LearningCurve",
    "LocallyConnected",
    "MaskedToken",
    "MultiLayerAttention",
    "NextToken",
    "Perceptron",
    "RandomHiddenMarkov",
    "RandomHierarchy",
    "RootClass",
    "Sample",
    "Score",
    "Store",
    "SymmetryTarget",
    "Templates",
    "Text",
    "Training",
    "Transformer",
    "TreeOracle",
    "__version__",
    "certificate",
    "correlations",
    "curve_of",
    "decompose",
    "export",
    "family",
    "fit",
    "learning_curve",
    "oracle_of",
    "plot",
    "probe",
    "score",
    "threshold",
]

if TYPE_CHECKING:
    from syntagma import plot
    from syntagma.curves import LearningCurve
    from syntagma.datasets import export
    from syntagma.errors import InputError
    from syntagma.estimate import Estimate
    from syntagma.kernels import Architecture, Attention, Dense, Embedding
    from syntagma.languages import (
        CategoricalMixture,
        Corpus,
        DirichletMultinomial,
        HiddenMarkov,
        LabelledStrings,
        RandomHiddenMarkov,
        RandomHierarchy,
        Sample,
        Templates,
        Text,
        family,
    )
    from syntagma.languages.settings import HierarchySettings
    from syntagma.learners import (
        LSTM,
        Clusterer,
        Counter,
        Elman,
        Engine,
        EqualityPerceptron,
        HierarchicalCNN,
        KernelRegression,
        LangevinPosterior,
        LocallyConnected,
        MultiLayerAttention,
        Perceptron,
        Training,
        Transformer,
        fit,
    )
    from syntagma.oracles import TreeOracle, oracle_of
    from syntagma.probes import probe
    from syntagma.scoring import Score, curve_of, score
    from syntagma.statistics.correlations import correlations
    from syntagma.sweep.learning_curve import learning_curve
    from syntagma.sweep.store import Store
    from syntagma.tasks import Label, LastToken, MaskedToken, NextToken, RootClass, SymmetryTarget
    from syntagma.theory.exact import threshold
    from syntagma.theory.symmetric_group import decompose
    from syntagma.theory.templates import certificate


def __getattr__(name: str) -> Any:
    if name == "plot":
        return importlib.import_module("syntagma.plot")
    if name not in _HOMES:
        raise AttributeError(f"module 'syntagma' has no attribute {name!r}: it has {', '.join(sorted(__all__))}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
