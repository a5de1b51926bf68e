"""What is predicted before anything is trained, each number with its source and the regime where it holds.

`theory.predict(language, learner)` is the entry point for the random hierarchy model. Names are loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Prediction": "syntagma.theory.prediction",
    "Stated": "syntagma.theory.prediction",
    "average": "syntagma.theory.prediction",
    "covers": "syntagma.theory.last_token",
    "measured_by_reader": "syntagma.theory.last_token",
    "predict": "syntagma.theory.last_token",
}

__all__ = ["Prediction", "Stated", "average", "covers", "measured_by_reader", "predict"]

if TYPE_CHECKING:
    from syntagma.theory.last_token import covers, measured_by_reader, predict
    from syntagma.theory.prediction import Prediction, Stated, average


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'syntagma.theory' has no attribute {name!r}: it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
