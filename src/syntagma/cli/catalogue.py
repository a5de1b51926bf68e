"""What `syntagma list` shows: what can be typed after `run` and `fit`, each name with a description."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pandas as pd

_TYPED = {
    "studies": "syntagma run NAME",
    "languages": "syntagma fit --language NAME",
    "tasks": "syntagma fit --task NAME",
    "learners": "syntagma fit --learner NAME",
    "architectures": "syntagma fit --learner kernel --set learner.architecture=NAME",
}


def contents() -> dict[str, list[dict[str, Any]]]:
    """Studies with paper and presets; languages, tasks and learners by `kind`; architectures of kernels by name.

    What a language `needs` has no default: give it with `--set language.NAME=VALUE`.
    """
    from syntagma.cli.single import LANGUAGES, kinds
    from syntagma.kernels import ARCHITECTURES
    from syntagma.languages.settings import LANGUAGES as KINDS_OF_LANGUAGES
    from syntagma.learners import LEARNERS
    from syntagma.studies import load, names
    from syntagma.tasks import AnyTask

    studies = [load(name) for name in names()]
    return {
        "studies": [
            {"name": study.name, "title": study.title, "paper": study.paper, "presets": list(study.presets)}
            for study in studies
        ],
        "languages": [
            {"name": kind, "description": _first_line(found), "needs": _needed(found, LANGUAGES.get(kind, {}))}
            for kind, found in KINDS_OF_LANGUAGES.all().items()
        ],
        "tasks": [{"name": kind, "description": _first_line(found)} for kind, found in kinds(AnyTask).items()],
        "learners": [{"name": kind, "description": _first_line(found)} for kind, found in LEARNERS.all().items()],
        "architectures": [{"name": name, "description": _composition(name)} for name in ARCHITECTURES],
    }


def tables(found: Mapping[str, list[dict[str, Any]]]) -> dict[str, pd.DataFrame]:
    """`contents` as tables, under where their names are typed."""
    return {
        f"{section}: {_TYPED[section]}": pd.DataFrame(
            [{key: _text(value) for key, value in row.items()} for row in rows]
        )
        for section, rows in found.items()
    }


def _needed(language: Any, given: Mapping[str, Any]) -> list[str]:
    """The fields that must be set by hand."""
    return [name for name, field in language.model_fields.items() if field.is_required() and name not in given]


def _composition(name: str) -> str:
    """The layers from the embedding up, and where they are read."""
    from syntagma.kernels import named

    architecture = named(name, vocab=2, length=8, branching=2)
    return f"{', '.join(map(_layer, architecture.layers))}; read-out: {architecture.readout}"


def _layer(layer: Any) -> str:
    if layer.kind == "residual":
        return f"x + ({', '.join(map(_layer, layer.of))})"
    detail = next((getattr(layer, field) for field in ("scores", "activation") if hasattr(layer, field)), "")
    apart = "" if getattr(layer, "shared", True) else " without weight sharing"
    return f"{detail} {layer.kind}".strip() + apart


def _first_line(found: type) -> str:
    return (inspect.getdoc(found) or "").partition("\n")[0]


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
