"""What a shell completes: studies, presets, kinds and keys, from a list that ships with the package.

To ask the studies themselves would import JAX at every press of the tab key. The list is made anew, after settings of
the package change, by

    python -m syntagma.cli.completion

and a test says where it is not that of the package. A study of a user's own, a file, has no keys here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

FILE = Path(__file__).with_name("completion.json")
_NOUNS = ("language", "task", "learner")


def studies(incomplete: str) -> Iterator[tuple[str, str]]:
    """Names of studies that begin so, with their titles; those of installed packages have none."""
    from importlib.metadata import entry_points

    own = {name: study["title"] for name, study in _all()["studies"].items()}
    others = {point.name: "" for point in entry_points(group="syntagma.studies")}
    return _beginning(incomplete, (others | own).items())


def presets(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Presets of the study that the command line names."""
    known = _study(ctx).get("presets", ("quick", "laptop", "full"))
    return _beginning(incomplete, ((name, "") for name in known))


def kinds_of(noun: str) -> Any:
    """What completes kinds of `language`, `task` or `learner`."""

    def kinds(incomplete: str) -> Iterator[tuple[str, str]]:
        found = _all()["kinds"][noun]
        return _beginning(incomplete, ((kind, entry["description"]) for kind, entry in found.items()))

    return kinds


def keys(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Keys of `--set`, ending in `=`: of the study that the command line names, or of the kinds given to `fit`."""
    if "study" in ctx.params:
        return _beginning(incomplete, ((f"{key}=", "") for key in _study(ctx).get("keys", ())))
    found = _all()
    given = {noun: found["kinds"][noun].get(ctx.params.get(noun) or "", {}).get("keys", ()) for noun in _NOUNS}
    given["training"] = found["training"]
    return _beginning(incomplete, ((f"{noun}.{name}=", "") for noun, names in given.items() for name in names))


def tokens(incomplete: str) -> Iterator[tuple[str, str]]:
    """What `forecast` can make tokens of."""
    kinds = {"char": "each character", "word": "each word between white space", "bpe:8192": "byte pairs, learned"}
    kinds |= {"uint16": "a ready file of numbers", "uint32": "a ready file of numbers"}
    return _beginning(incomplete, kinds.items())


def collected() -> dict[str, Any]:
    """The list, made from the package. Imports all of it."""
    import inspect

    from syntagma.cli.meanings import described
    from syntagma.cli.single import kinds
    from syntagma.languages.settings import LANGUAGES
    from syntagma.learners import LEARNERS, Training
    from syntagma.studies import BUILT_IN, load
    from syntagma.tasks import AnyTask

    def entry(model: Any) -> dict[str, Any]:
        description = (inspect.getdoc(model) or "").partition("\n")[0]
        return {"description": description, "keys": [name for name in model.model_fields if name != "kind"]}

    classes = {"language": LANGUAGES.all(), "task": kinds(AnyTask), "learner": LEARNERS.all()}
    of_package = {
        noun: {kind: model for kind, model in found.items() if model.__module__.startswith("syntagma.")}
        for noun, found in classes.items()
    }
    named = {}
    for name in BUILT_IN:
        study = load(name)
        found = dict.fromkeys(
            one.key for preset in study.presets.values() for one in described(preset) if not one.is_table
        )
        named[name] = {"title": study.title, "presets": list(study.presets), "keys": list(found)}
    return {
        "studies": named,
        "kinds": {noun: {kind: entry(model) for kind, model in found.items()} for noun, found in of_package.items()},
        "training": list(Training.model_fields),
    }


def _all() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def _study(ctx: typer.Context) -> dict[str, Any]:
    name = ctx.params.get("study") or next(iter(ctx.args), "")  # an option without its value leaves arguments there
    return _all()["studies"].get(name, {})


def _beginning(incomplete: str, found: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((name, text) for name, text in found if name.startswith(incomplete))


if __name__ == "__main__":
    FILE.write_text(json.dumps(collected(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
