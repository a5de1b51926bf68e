"""Settings of a study from the command line: a preset, changed by `--set key=value`.

A key is a field's name, with dots into nested settings and list places (`learners.0.width`). A value is read as JSON
where it is JSON (`3`, `0.5`, `[1, 2]`, `null`, `true`), and as text where it is not. Fields that are
mappings, as the learners of a study, take new names: `learners.kernel={"learner": {"kind": "kernel"}}`, or
`learners.wide.learner.kind=perceptron`, which is trained as the first of the others is.
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from syntagma.errors import InputError, invalid, unknown

if TYPE_CHECKING:
    from syntagma.studies.study import Settings, Study

_LONGEST_LIST_SHOWN = 40


def settings_for(study: Study[Any, Any], preset: str, changes: Iterable[str]) -> Settings:
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
        raise InputError(first_problem(error, tree, "--set ")) from None


def read_value(text: str) -> Any:
    """What `text` means as JSON, or the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def apply_change(tree: dict[str, Any], change: str, settings: Any = None) -> None:
    """Put the value of `key=value` where `key` says.

    `settings` is what `tree` is the form of: there the mappings that take new names are told from fixed fields, and
    fields that are unset, which `tree` may lack, are known. Without it every name is taken.

    Raises:
        InputError: no `=`, or a key that is not there.
    """
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        raise invalid("set", change, "it must be key=value", "For example --set seeds=3")
    value = read_value(text)
    *parents, last = [part.strip() for part in key.split(".")]
    branch: Any = tree
    path = ""
    free = settings is None
    for place, part in enumerate(parents):
        if isinstance(branch, dict) and part not in branch:
            if free or part in _unset(settings, branch):
                branch[part] = {}
            elif isinstance(settings, Mapping) and part and [*parents[place + 1 :], last] == ["learner", "kind"]:
                branch[part] = _new_contender(branch, value)
        step, path = _place(branch, part, path, tree, settings)
        if isinstance(branch[step], tuple):
            branch[step] = list(branch[step])
        if branch[step] is None:
            branch[step] = {}
        settings = _inside(settings, step)
        branch = branch[step]
        free = free or settings is None
    if (
        isinstance(branch, dict)
        and last
        and (free or isinstance(settings, Mapping) or last in _unset(settings, branch))
    ):
        branch.setdefault(last, None)
    step, _ = _place(branch, last, path, tree, settings)
    branch[step] = value


def unknown_key(path: str, part: str, names: Iterable[str], elsewhere: Iterable[str] = ()) -> InputError:
    """The error for a key whose last part is none of `names`, which stand below `path`: the nearest is proposed.

    Args:
        elsewhere: whole keys that end in `part`, proposed where nothing near is among `names`.
    """
    names, elsewhere = sorted(names), list(elsewhere)
    close = [path + name for name in difflib.get_close_matches(part, names, n=1, cutoff=0.8)]
    near = close or elsewhere[:1] or [path + name for name in difflib.get_close_matches(part, names, n=1)]
    hint = f"Did you mean {near[0]!r}?" if near else "Choose one of them."
    shown = ", ".join(path + name for name in names[:_LONGEST_LIST_SHOWN]) or "none"
    return InputError(f"key={path + part!r} is unknown: there are {shown}. {hint}")


def _new_contender(others: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """A learner that a study did not have: trained as the first of the others is, if it is trained at all."""
    from syntagma.learners import LEARNERS, NetworkLearner

    try:
        trained = isinstance(kind, str) and issubclass(LEARNERS.named(kind), NetworkLearner)
    except InputError:  # said of the whole settings
        trained = False
    trainings = [one["training"] for one in others.values() if isinstance(one, dict) and one.get("training")]
    training = copy.deepcopy(trainings[0]) if trained and trainings else None
    return {"learner": {}, "training": training}


def _unset(settings: Any, branch: Mapping[str, Any]) -> set[str]:
    """The fields of these settings that their form in `branch` lacks, because they are unset."""
    fields: Mapping[str, Any] = getattr(type(settings), "model_fields", {})
    return set(fields) - set(branch)


def _inside(settings: Any, step: str | int) -> Any:
    """What a field, mapping or list of settings has at `step`; None where it is not known."""
    if isinstance(settings, Mapping):
        return settings.get(step)
    if isinstance(step, int):
        return settings[step] if isinstance(settings, list | tuple) and step < len(settings) else None
    return getattr(settings, step, None)


def _place(branch: Any, part: str, path: str, tree: Any, settings: Any) -> tuple[str | int, str]:
    """The key or index of `part` in `branch`, and the path so far with `part` added."""
    if isinstance(branch, dict):
        if part not in branch:
            elsewhere = [key for key in _keys(tree) if key.endswith(f".{part}")] if part else []
            raise unknown_key(path, part, {*map(str, branch), *_unset(settings, branch)}, elsewhere)
        return part, f"{path}{part}."
    if isinstance(branch, list):
        if not (part.isascii() and part.isdecimal() and len(part) < 10) or int(part) >= len(branch):
            places = f"{path.rstrip('.')} has the places 0 to {len(branch) - 1}" if branch else "the list is empty"
            raise invalid("key", path + part, places, "Choose one of them, or set the whole list")
        return int(part), f"{path}{part}."
    raise invalid("key", path + part, f"{path.rstrip('.')} is one value, with nothing inside", "Set it as a whole")


def _keys(tree: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Every key below, with dots."""
    for name, inner in tree.items():
        yield f"{path}{name}"
        if isinstance(inner, dict):
            yield from _keys(inner, f"{path}{name}.")
