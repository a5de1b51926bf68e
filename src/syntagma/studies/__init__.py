"""Studies: experiments declared as values. Adding one is one file with a `STUDY`: here with one line, or anywhere.

A study outside the package is known by its path (`syntagma run my_study.py`), or by its name once its package declares
it:

    [project.entry-points."syntagma.studies"]
    my-study = "my_package.my_study:STUDY"
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Mapping
from typing import Any

from syntagma.errors import InputError, invalid, unknown
from syntagma.extensions import module_of_file
from syntagma.studies.study import Cell, Fact, Facts, Results, Settings, Study

BUILT_IN: Mapping[str, str] = {
    "scaling-laws": "syntagma.studies.scaling_laws",
    "weight-sharing": "syntagma.studies.weight_sharing",
    "permutation-bias": "syntagma.studies.permutation_bias",
    "abstract-symbols": "syntagma.studies.abstract_symbols",
    "level-by-level": "syntagma.studies.level_by_level",
    "grammar-sizes": "syntagma.studies.grammar_sizes",
    "one-pass": "syntagma.studies.one_pass",
    "zipf-rules": "syntagma.studies.zipf_rules",
    "all-positions": "syntagma.studies.all_positions",
    "masked-token": "syntagma.studies.masked_token",
    "corpus-forecast": "syntagma.studies.corpus_forecast",
}
"""Name to the module whose `STUDY` it is, imported when asked for."""
ENTRY_POINTS = "syntagma.studies"

__all__ = ["BUILT_IN", "Cell", "Fact", "Facts", "Results", "Settings", "Study", "load", "names"]


def names() -> list[str]:
    """All studies that can be named: those of the package, then those that installed packages declare."""
    return [*BUILT_IN, *sorted(set(_declared()) - set(BUILT_IN))]


def load(name: str) -> Study[Any, Any]:
    """The study of that name, or the `STUDY` of the file of that path: `load("scaling-laws")`, `load("my_study.py")`.

    Raises:
        InputError: there is none; the nearest name is given.
    """
    if name.endswith(".py"):
        module = module_of_file(name, "study")
        study = getattr(module, "STUDY", None)
        if not isinstance(study, Study):
            raise invalid("study", name, "the file has no STUDY that is a Study", "See docs/extending.md")
        return study
    if name in BUILT_IN:
        return importlib.import_module(BUILT_IN[name]).STUDY
    declared = _declared()
    if name not in declared:
        raise unknown("study", name, names())
    study = declared[name].load()
    if not isinstance(study, Study):
        raise InputError(f"study={name!r} cannot be used: {declared[name].value} is no Study. Mend its package.")
    return study


def _declared() -> dict[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}
