"""Studies: declared grids with theory and verdicts. Adding one is one module, and one line here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from syntagma.errors import unknown
from syntagma.studies.study import Analysis, Settings, Study, Verdict

STUDIES: Mapping[str, str] = {
    "scaling-laws": "syntagma.studies.scaling_laws:STUDY",
    "permutation-bias": "syntagma.studies.permutation_bias:STUDY",
    "abstract-symbols": "syntagma.studies.abstract_symbols:STUDY",
    "level-by-level": "syntagma.studies.level_by_level:STUDY",
    "variations": "syntagma.studies.variations:STUDY",
    "corpus-forecast": "syntagma.studies.corpus_forecast:STUDY",
}
"""Name to `module:object`, imported when asked for."""

__all__ = ["STUDIES", "Analysis", "Settings", "Study", "Verdict", "load"]


def load(name: str) -> Study[Any]:
    """The study of that name.

    Raises:
        InputError: there is none; the nearest name is given.
    """
    if name not in STUDIES:
        raise unknown("study", name, STUDIES)
    module, _, attribute = STUDIES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
