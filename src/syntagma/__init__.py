"""Syntagma: which structure does a sequence model learn, and from how much data? Predict it, measure it, compare.

Names are loaded when first used, so that `import syntagma` brings in neither JAX nor pandas nor a plotting library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Engine": "syntagma.learners",
    "Estimate": "syntagma.estimate",
    "HierarchicalCNN": "syntagma.learners",
    "InputError": "syntagma.errors",
    "LastToken": "syntagma.tasks",
    "LocallyConnected": "syntagma.learners",
    "MaskedToken": "syntagma.tasks",
    "MultiLayerAttention": "syntagma.learners",
    "NextToken": "syntagma.tasks",
    "Perceptron": "syntagma.learners",
    "RandomHierarchy": "syntagma.languages",
    "RootClass": "syntagma.tasks",
    "Sample": "syntagma.languages",
    "Store": "syntagma.sweep.store",
    "Training": "syntagma.learners",
    "Transformer": "syntagma.learners",
    "TreeOracle": "syntagma.oracles",
    "fit": "syntagma.learners",
}

__all__ = [
    "Engine",
    "Estimate",
    "HierarchicalCNN",
    "InputError",
    "LastToken",
    "LocallyConnected",
    "MaskedToken",
    "MultiLayerAttention",
    "NextToken",
    "Perceptron",
    "RandomHierarchy",
    "RootClass",
    "Sample",
    "Store",
    "Training",
    "Transformer",
    "TreeOracle",
    "__version__",
    "fit",
]

if TYPE_CHECKING:
    from syntagma.errors import InputError
    from syntagma.estimate import Estimate
    from syntagma.languages import RandomHierarchy, Sample
    from syntagma.learners import (
        Engine,
        HierarchicalCNN,
        LocallyConnected,
        MultiLayerAttention,
        Perceptron,
        Training,
        Transformer,
        fit,
    )
    from syntagma.oracles import TreeOracle
    from syntagma.sweep.store import Store
    from syntagma.tasks import LastToken, MaskedToken, NextToken, RootClass


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'syntagma' has no attribute {name!r}: it has {', '.join(sorted(__all__))}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
