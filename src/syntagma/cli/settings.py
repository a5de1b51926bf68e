"""Settings of a study from the command line: a preset, changed by `--set key=value`.

A key is a field's name, with dots into nested settings and list places (`learners.0.width`). A value is read as JSON
where it is JSON (`3`, `0.5`, `[1, 2]`, `null`, `true`), and as text where it is not. Fields that are
mappings, as the learners of a study, take new names: `learners.kernel={"learner": {"kind": "kernel"}}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from syntagma.errors import InputError, invalid, unknown

if TYPE_CHECKING:
    from syntagma.studies.study import Settings, Study


def settings_for(study: Study[Any], preset: str, changes: Iterable[str]) -> Settings:
    """The settings of `preset`, with each `key=value` of `changes` applied in turn, and checked as a whole.

    Raises:
        InputError: unknown preset or key, a change without `=`, or a value that its field does not take.
    """
    from pydantic import ValidationError

    from syntagma.checked_model import first_problem

    if preset not in study.presets:
        raise unknown("preset", preset, study.presets)
    start = study.presets[preset]
    tree = start.model_dump()
    for change in changes:
        apply_change(tree, change, start)
    try:
        return type(start).model_validate(tree)
    except ValidationError as error:
        raise InputError(first_problem(error, tree)) from None


def read_value(text: str) -> Any:
    """What `text` means as JSON, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


def apply_change(tree: dict[str, Any], change: str, settings: Any = None) -> None:
    """Put the value of `key=value` where `key` says.

    `settings` is what `tree` is the form of: there the mappings that take new names are told from fixed fields. Without
    it every name is taken.

    Raises:
        InputError: no `=`, or a key that is not there.
    """
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        raise invalid("set", change, "it must be key=value", "For example --set seeds=3")
    *parents, last = [part.strip() for part in key.split(".")]
    branch: Any = tree
    path = ""
    free = settings is None
    for part in parents:
        if free and isinstance(branch, dict):
            branch.setdefault(part, {})
        step, path = _place(branch, part, path)
        if isinstance(branch[step], tuple):
            branch[step] = list(branch[step])
        branch = branch[step]
        settings = _inside(settings, step)
    if isinstance(branch, dict) and (free or isinstance(settings, Mapping)):
        branch.setdefault(last, None)
    step, _ = _place(branch, last, path)
    branch[step] = read_value(text)


def _inside(settings: Any, step: str | int) -> Any:
    """What a field, mapping or list of settings has at `step`; None where it is not known."""
    if isinstance(settings, Mapping):
        return settings.get(step)
    if isinstance(step, int):
        return settings[step] if isinstance(settings, list | tuple) and step < len(settings) else None
    return getattr(settings, step, None)


def _place(branch: Any, part: str, path: str) -> tuple[str | int, str]:
    """The key or index of `part` in `branch`, and the path so far with `part` added."""
    if isinstance(branch, dict):
        if part not in branch:
            raise unknown("key", path + part, [path + str(name) for name in branch])
        return part, f"{path}{part}."
    if isinstance(branch, list):
        if not part.isdecimal() or int(part) >= len(branch):
            places = f"{path.rstrip('.')} has the places 0 to {len(branch) - 1}" if branch else "the list is empty"
            raise invalid("key", path + part, places)
        return int(part), f"{path}{part}."
    raise invalid("key", path + part, f"{path.rstrip('.')} is one value, with nothing inside")
