"""Settings of a study from the command line: a preset, a file laid over it, and `--set key=value` for single ones.

A key is a field's name, with dots into nested settings and list places (`learners.0.width`). A value is read as JSON
where it is JSON (`3`, `0.5`, `[1, 2]`, `null`, `true`), as a list where it is numbers with commas and a list is there
(`rules=3,4`), and as text where it is neither. Fields that are mappings, as the learners of a study, take new names:
`learners.kernel={"learner": {"kind": "kernel"}}`, or `learners.wide.kind=perceptron`, which is trained as the first of
the others is.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from syntagma.cli.configuration import read
from syntagma.cli.keys import unknown_key
from syntagma.cli.meanings import allowed, described
from syntagma.errors import InputError, invalid, unknown
from syntagma.regular_file import shown

if TYPE_CHECKING:
    from syntagma.studies.study import Settings, Study


def settings_for(study: Study[Any, Any], preset: str, changes: Iterable[str], config: str | None = None) -> Settings:
    """The settings of `preset`, under those of the file `config`, with each `key=value` of `changes` applied in turn.

    Kinds are changed first, since their other settings are theirs. They are checked as a whole, when all is applied.

    Raises:
        InputError: unknown preset or key, a file that is none of settings, a change without `=`, or a value that its
            field does not take.
    """
    if preset not in study.presets:
        raise unknown("preset", preset, study.presets)
    start = study.presets[preset]
    tree = start.model_dump()
    changes = sorted(changes, key=lambda change: not change.partition("=")[0].strip().endswith(".kind"))
    if config is None:
        for change in changes:
            apply_change(tree, change, start)
        return _checked(start, tree, "--set ")
    try:
        lay_over(tree, read(config), start, _keys(start, tree))
    except InputError as error:
        raise _of_file(config, error) from None
    of_file = copy.deepcopy(tree)
    for change in changes:
        apply_change(tree, change, start)
    try:
        return _checked(start, tree, "")
    except InputError as error:
        if tree == of_file or str(error) == _problem(start, of_file):
            raise _of_file(config, error) from None
    return _checked(start, tree, "--set ")


def _checked(start: Settings, tree: Mapping[str, Any], option: str) -> Settings:
    """The settings of the kind of `start` that `tree` is the form of; `option` stands in messages before a value."""
    from pydantic import ValidationError

    from syntagma.checked_model import first_problem
    from syntagma.sweep.identity import plain

    try:
        settings = type(start).model_validate(tree)
    except ValidationError as error:
        raise InputError(first_problem(error, tree, option)) from None
    plain(settings.model_dump(mode="json"), "settings")  # results hold numbers of 64 bits, and text in UTF-8
    return settings


def _problem(start: Settings, tree: Mapping[str, Any]) -> str:
    """What is wrong with settings, in one line; empty where nothing is."""
    try:
        _checked(start, tree, "")
    except InputError as error:
        return str(error)
    return ""


def _of_file(config: str, error: InputError) -> InputError:
    """The error, with the name of the file that it is about."""
    return InputError(str(error) if config in str(error) else f"{shown(config)}: {error}")


def lay_over(
    tree: dict[str, Any], given: Mapping[str, Any], settings: Any, keys: Iterable[str] = (), path: str = ""
) -> None:
    """Put the values of `given` into `tree`, the form of `settings`: see `configuration` for what is left out.

    Args:
        keys: all that there are, of which a wrong one's message proposes one.
        path: of `tree` in the whole.

    Raises:
        InputError: a key that is not there.
    """
    takes_names = isinstance(settings, Mapping)
    if takes_names:
        others = dict(tree)
        for name in set(tree) - set(given):
            del tree[name]
    if "kind" in given and tree.get("kind") not in (None, given["kind"]):
        tree.clear()
        settings = None
    for name, value in given.items():
        if settings is not None and not takes_names and name not in tree and name not in _unset(settings, tree):
            raise unknown_key(path, name, {*map(str, tree), *_unset(settings, tree)}, keys)
        inner = _inside(settings, name)
        if not isinstance(value, Mapping) or not isinstance(tree.get(name, {}), dict | None):
            tree[name] = value
            continue
        if takes_names and name not in tree and (kind := _kind_of_contender(others, value, path + name)) is not None:
            tree[name] = _new_contender(name, others, kind)
            value = {"learner": {}, **{k: v for k, v in value.items() if k != "kind"}}
            value["learner"] = {**value["learner"], "kind": kind}
            inner = None
        if not isinstance(tree.get(name), dict):
            tree[name] = {}
        lay_over(tree[name], value, inner, keys, f"{path}{name}.")


def read_value(text: str) -> Any:
    """What `text` means as JSON, or the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def apply_change(tree: dict[str, Any], change: str, settings: Any = None) -> None:
    """Put the value of `key=value` where `key` says; another `kind` has nothing of what stood there.

    `settings` is what `tree` is the form of: there the mappings that take new names are told from fixed fields, and
    fields that are unset, which `tree` may lack, are known. Without it every name is taken.

    Raises:
        InputError: no `=`, or a key that is not there.
    """
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        raise invalid("set", change, "it must be key=value", "For example --set seeds=3")
    if not key.isprintable():  # a learner's name stands in results, which are text, and in tables
        raise invalid("key", key, "names are printable text in UTF-8", "Choose another")
    value = read_value(text)
    *parents, last = [part.strip() for part in key.split(".")]
    if last == "kind" and parents and _is_new_contender(settings, tree, parents):
        parents, last = [*parents, "learner"], "kind"
    branch: Any = tree
    path = ""
    keys = _keys(settings, tree)
    free = settings is None
    for place, part in enumerate(parents):
        if isinstance(branch, dict) and part not in branch:
            if free or part in _unset(settings, branch):
                branch[part] = {}
            elif isinstance(settings, Mapping) and part and [*parents[place + 1 :], last] == ["learner", "kind"]:
                branch[part] = _new_contender(part, branch, value)
        step, path = _place(branch, part, path, keys, settings)
        if isinstance(branch[step], tuple):
            branch[step] = list(branch[step])
        if branch[step] is None:
            branch[step] = {}
        settings = _inside(settings, step)
        branch = branch[step]
        if isinstance(branch, dict) and getattr(settings, "kind", None) != branch.get("kind"):
            settings = None
        free = free or settings is None
    if (
        isinstance(branch, dict)
        and last
        and (free or isinstance(settings, Mapping) or last in _unset(settings, branch))
    ):
        branch.setdefault(last, None)
    step, _ = _place(branch, last, path, keys, settings)
    if step == "kind" and settings is not None and branch[step] not in (None, value):
        branch.clear()
        branch[step] = None
    lists = settings is None or _is_list(branch[step], settings, step)  # None: what stands here is not known
    branch[step] = _as_list(value) if lists else value


def _is_list(value: Any, settings: Any, step: str | int) -> bool:
    """Whether a list stands at `step` of these settings, or would if it were set."""
    field = getattr(type(settings), "model_fields", {}).get(step)
    return isinstance(value, list | tuple) or (field is not None and allowed(field).startswith("a list"))


def _as_list(value: Any) -> Any:
    """Numbers with commas between them as a list; anything else as it is."""
    if not isinstance(value, str) or "," not in value:
        return value
    items = [read_value(item) for item in value.removesuffix(",").split(",")]
    return value if any(isinstance(item, str) for item in items) else items


def _is_new_contender(settings: Any, tree: Any, parents: list[str]) -> bool:
    """Whether `parents` lead to a name that a mapping of contenders does not have yet."""
    for part in parents[:-1]:
        settings, tree = _inside(settings, part), tree.get(part) if isinstance(tree, dict) else None
    return isinstance(settings, Mapping) and isinstance(tree, dict) and parents[-1] not in tree and _contend(tree)


def _contend(others: Mapping[str, Any]) -> bool:
    """Whether the entries of a mapping are learners beside their training."""
    return any(isinstance(one, Mapping) and "learner" in one for one in others.values())


def _kind_of_contender(others: Mapping[str, Any], given: Mapping[str, Any], path: str) -> Any:
    """The kind of learner that a new entry at `path` names, in short or in full; None where it names none.

    Raises:
        InputError: it names two kinds.
    """
    learner = given.get("learner", {})
    if not _contend(others) or not isinstance(learner, Mapping):
        return None
    kind = given.get("kind", learner.get("kind"))
    if learner.get("kind", kind) != kind:
        reason = f"{path}.learner.kind is {learner['kind']!r}, and a learner has one kind"
        raise invalid(f"{path}.kind", kind, reason, "Leave out one of the two")
    return kind


def _new_contender(name: str, others: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """A learner that a study did not have: all but the learner as the first of the others that is trained has it.

    Of one that is solved and not trained, nothing is taken over.
    """
    from syntagma.learners import LEARNERS, NetworkLearner

    try:
        trained = isinstance(kind, str) and issubclass(LEARNERS.named(kind), NetworkLearner)
    except InputError:  # said of the whole settings
        trained = False
    examples = [one for one in others.values() if isinstance(one, dict) and one.get("training")]
    rest = copy.deepcopy(examples[0]) if trained and examples else {"training": None}
    label = {"label": name} if any("label" in one for one in others.values()) else {}
    return {**rest, **label, "learner": {}}


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


def _place(branch: Any, part: str, path: str, keys: Iterable[str], settings: Any) -> tuple[str | int, str]:
    """The key or index of `part` in `branch`, and the path so far with `part` added."""
    if isinstance(branch, dict):
        if part not in branch:
            raise unknown_key(path, part, {*map(str, branch), *_unset(settings, branch)}, keys if part else ())
        return part, f"{path}{part}."
    if isinstance(branch, list):
        if not (part.isascii() and part.isdecimal() and len(part) < 10) or int(part) >= len(branch):
            places = f"{path.rstrip('.')} has the places 0 to {len(branch) - 1}" if branch else "the list is empty"
            raise invalid("key", path + part, places, "Choose one of them, or set the whole list")
        return int(part), f"{path}{part}."
    raise invalid("key", path + part, f"{path.rstrip('.')} is one value, with nothing inside", "Set it as a whole")


def _keys(settings: Any, tree: Mapping[str, Any]) -> list[str]:
    """Every key there is, with dots, those that are unset among them."""
    from pydantic import BaseModel

    known = [one.key for one in described(settings)] if isinstance(settings, BaseModel) else []
    return list(dict.fromkeys([*known, *_names(tree)]))


def _names(tree: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Every key below, with dots."""
    for name, inner in tree.items():
        yield f"{path}{name}"
        if isinstance(inner, dict):
            yield from _names(inner, f"{path}{name}.")
