"""What `syntagma list` shows: the registered studies, and every learner and language that its package exports."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pandas as pd


def contents() -> dict[str, list[dict[str, Any]]]:
    """Studies with paper and presets, learners by their `kind`, languages by their class, each with a description."""
    from syntagma import languages, learners
    from syntagma.languages.language import Language
    from syntagma.learners.learner import Learner
    from syntagma.studies import STUDIES, load

    studies = [load(name) for name in STUDIES]
    return {
        "studies": [
            {"name": study.name, "title": study.title, "paper": study.paper, "presets": list(study.presets)}
            for study in studies
        ],
        "learners": [
            {"name": found.model_fields["kind"].default, "description": _first_line(found)}
            for found in _exported(learners, Learner)
        ],
        "languages": [
            {"name": found.__name__, "description": _first_line(found)} for found in _exported(languages, Language)
        ],
    }


def tables(found: Mapping[str, list[dict[str, Any]]]) -> dict[str, pd.DataFrame]:
    """`contents` as tables."""
    return {
        name: pd.DataFrame([{key: _text(value) for key, value in row.items()} for row in rows])
        for name, rows in found.items()
    }


def _exported(package: ModuleType, base: type) -> list[Any]:
    """The concrete subclasses of `base` among the names that `package` exports."""
    members = [getattr(package, name) for name in package.__all__]
    return [found for found in members if inspect.isclass(found) and issubclass(found, base) and not _abstract(found)]


def _abstract(found: type) -> bool:
    """Whether a class is there for others to build on: settings without a `kind`, languages with abstract methods."""
    return inspect.isabstract(found) or "kind" not in getattr(found, "model_fields", {"kind": None})


def _first_line(found: type) -> str:
    return (inspect.getdoc(found) or "").partition("\n")[0]


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
