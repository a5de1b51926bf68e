"""Syntagma: which structure does a sequence model learn, and from how much data? Predict it, measure it, compare.

Names are loaded when first used, so that `import syntagma` brings in neither JAX nor pandas nor a plotting library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Estimate": "syntagma.estimate",
    "InputError": "syntagma.errors",
    "RandomHierarchy": "syntagma.languages.hierarchy",
    "Sample": "syntagma.languages.language",
    "Store": "syntagma.sweep.store",
}

__all__ = ["Estimate", "InputError", "RandomHierarchy", "Sample", "Store", "__version__"]

if TYPE_CHECKING:
    from syntagma.errors import InputError
    from syntagma.estimate import Estimate
    from syntagma.languages.hierarchy import RandomHierarchy
    from syntagma.languages.language import Sample
    from syntagma.sweep.store import Store


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'syntagma' has no attribute {name!r}: it has {', '.join(sorted(__all__))}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
