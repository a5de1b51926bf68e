"""Exact plateaus of a study's grammars: as the fact that is stored, and averaged over grammars for its table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.languages.settings import HierarchySettings
from syntagma.oracles import TreeOracle


def plateaus_fact(language: HierarchySettings) -> dict[str, list[float]]:
    """L_0..L_L of one grammar in nats, with their standard errors."""
    found = TreeOracle(language.language()).plateaus()
    return {"loss_nats": [e.value for e in found], "standard_error": [e.standard_error for e in found]}


def mean_plateaus(values: Float[np.ndarray, "seeds levels"]) -> list[dict[str, Any]]:
    """A row for each level: the average over grammars, and its standard error where there are two or more."""
    error = values.std(0, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else np.full(values.shape[1], np.nan)
    return [
        {"level": level, "loss_nats": mean, "standard_error": one}
        for level, (mean, one) in enumerate(zip(values.mean(0), error, strict=True))
    ]
