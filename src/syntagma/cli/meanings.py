"""What every setting means, what it may be and what it is where nothing is said: read off the classes of settings.

A meaning stands in the docstring of the setting's class, under `Attributes`. Names that mean the same wherever they
occur, as `vocab`, are explained once, in `WORDS`.
"""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from syntagma.extensions import Kinds

WORDS: Mapping[str, str] = {
    "across_documents": "whether a window may run over the end of a document",
    "activation": "between the layers of an MLP",
    "attention": "which positions each position sees",
    "base": "the language that others differ from",
    "batch_size": "sentences of each step",
    "branching": "symbols on the right of a rule, s",
    "checkpoints": "networks kept along training",
    "contender": "what learns, and how it is trained",
    "depth": "levels above the tokens, L",
    "digest": "hash of the corpus, as `Corpus.save` wrote it",
    "copying": "the task of naming the symbol that stood in a place, learned at several widths",
    "directory": "where the corpus lies",
    "distinct": "whether no sentence occurs twice",
    "diversity": "training strings from ever more substitutions of each template",
    "fixed": "training on P sentences, pass after pass",
    "grammar": "sizes of the random hierarchy language",
    "head_size": "size of each head's queries, keys and values",
    "heads": "attention heads of each layer",
    "kind": "which of the kinds this is",
    "length": "tokens of a window, T",
    "label": "what figures call it",
    "language": "where sentences come from",
    "language_model": "a decoder on windows of a text, without and with identities",
    "layers": "how many layers",
    "learner": "what learns",
    "learners": "what learns, by names of your own",
    "levels": "the highest level whose threshold is asked for",
    "max_bytes": "the largest file that is read, bytes",
    "max_examples": "sentences at which it gives up",
    "models": "start, transition and emission probabilities of each model",
    "num_classes": "symbols at the root; as many as `vocab` where unset",
    "num_examples": "training sentences, P",
    "parameters": "sizes of the grammar against which its thresholds are measured",
    "part": "which part of the text",
    "path": "of the file",
    "root_class": "the class at the root, asked of grammars of its own",
    "rule_probabilities": "of the rules of a symbol: a Zipf exponent or a list; equal where unset",
    "rules": "rules of each symbol, m",
    "samples": "quasi-Monte-Carlo points of each estimate of a kernel",
    "seed": "fixes what is drawn at random",
    "seeds": "how many; each has sentences, initial weights and an order of its own",
    "sentence_length": "tokens of a sentence, T",
    "sha256": "hash of the file, so that results depend on what it holds and not on its path",
    "sizes": "numbers of training sentences, P",
    "stride": "tokens from the start of one window to the next; a window's length where unset",
    "substitutions": "numbers of distinct substitutions of each template",
    "test_examples": "test sentences, and as many validation sentences",
    "test_share": "last part of the text, kept for tests",
    "test_windows": "test windows, and as many validation windows",
    "training": "how it is trained; unset for what is solved and not trained",
    "unit": "what a token is",
    "validation_share": "part of the text before the test part, kept to choose the step that is reported",
    "vocab": "symbols of each level, v",
    "widths": "sizes of the learner",
    "width": "units of each layer",
}
"""Names that mean the same wherever they occur."""

NOTHING = object()
"""Stands for the default of a setting that has none."""
_LARGEST_DEFAULT_SHOWN = 60
_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_BOUNDS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))


@dataclass(frozen=True)
class Setting:
    """One setting and what there is to know of it.

    Attributes:
        key: with dots, as `--set` takes it.
        value: as JSON values; None where it is unset. Of a table, its number of entries says nothing: None.
        meaning: empty where nobody wrote one.
        default: `NOTHING` where the setting must be given.
        allowed: in words.
        is_table: whether it holds settings of its own, which follow it.
        takes_names: whether those settings go by names that a person may choose.
    """

    key: str
    value: Any
    meaning: str
    default: Any
    allowed: str
    is_table: bool = False
    takes_names: bool = False

    def comment(self) -> str:
        """Meaning, what is allowed, and the default, in one line: `sentences of each step; a whole number, ...`."""
        meaning = re.sub(r"\bNone\b", "unset", self.meaning)
        parts = [part for part in (meaning, self.allowed) if part]
        if self.default is not NOTHING and not self.is_table:
            default = plain(self.default)
            shown = "unset" if default is None else json.dumps(default) if isinstance(default, bool) else str(default)
            if len(shown) <= _LARGEST_DEFAULT_SHOWN:
                parts.append(f"by default {shown}")
        return "; ".join(parts)

    def record(self) -> dict[str, Any]:
        """What there is to know, as JSON values; a setting that must be given has no default."""
        default = {} if self.default is NOTHING else {"default": plain(self.default)}
        return {"key": self.key, "value": self.value, "meaning": self.meaning, "allowed": self.allowed, **default}


def described(settings: BaseModel, path: str = "") -> Iterator[Setting]:
    """Every setting of `settings`, and of what it holds, a table before what stands in it.

    keys = [one.key for one in described(load("scaling-laws").presets["quick"])]
    """
    yield from _inside(settings, path, {})


def _inside(settings: BaseModel, path: str, classes: dict[type, dict[str, tuple[Any, ...]]]) -> Iterator[Setting]:
    """As `described`; `classes` holds what is known of each class."""
    model = type(settings)
    if model not in classes:
        meanings = attributes(model)
        classes[model] = {
            name: ((meanings.get(name) or WORDS.get(name, "")).rstrip("."), _default(field), allowed(field))
            for name, field in model.model_fields.items()
        }
    for name, about in classes[model].items():
        yield from _described(f"{path}{name}", getattr(settings, name), about, classes)


def _default(field: FieldInfo) -> Any:
    return NOTHING if field.is_required() or field.default_factory is not None else field.default


def _described(key: str, value: Any, about: tuple[Any, ...], classes: dict[type, Any]) -> Iterator[Setting]:
    meaning, default, may_be = about
    if isinstance(value, BaseModel):
        yield Setting(key, None, meaning, default, "", is_table=True)
        for one in _inside(value, f"{key}.", classes):
            yield replace(one, allowed=may_be) if one.key == f"{key}.kind" and may_be else one
    elif isinstance(value, Mapping):
        yield Setting(key, None, meaning, default, may_be, is_table=True, takes_names=True)
        for name, inner in value.items():
            yield from _described(f"{key}.{name}", inner, ("", NOTHING, ""), classes)
    else:
        yield Setting(key, plain(value), meaning, default, may_be)


def attributes(model: type) -> dict[str, str]:
    """What the docstrings of a class and its bases say under `Attributes`, by name."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        text = inspect.cleandoc(one.__doc__ or "") if one.__module__ != "builtins" else ""
        _, _, listed = text.partition("Attributes:\n")
        section = re.split(r"\n\S", listed)[0]
        for entry in re.split(r"\n(?=    \w+:)", section):
            name, colon, meaning = entry.strip().partition(":")
            if colon and name.isidentifier():
                found[name] = " ".join(meaning.split())
    return found


def plain(value: Any) -> Any:
    """`value` as JSON values."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    return value


def allowed(field: FieldInfo) -> str:
    """What a field takes, in words: `a whole number, at least 1`."""
    kinds = kinds_of(field.annotation, field.metadata)
    if kinds:
        return f"of the kinds {', '.join(sorted(kinds))}"
    words, bounds = _words(field.annotation), _bounds(field.metadata)
    lengths = [f"{one.min_length} or more of them" for one in field.metadata if _has(one, "min_length")]
    return ", ".join(part for part in (words, bounds, *lengths[:1]) if part)


def kinds_of(annotation: Any, metadata: Collection[Any] = ()) -> list[str]:
    """The kinds that a field may be of, where it holds one of several kinds of settings."""
    for one in metadata:
        registry = getattr(getattr(one, "func", None), "__self__", None)
        if isinstance(registry, Kinds):
            return list(registry.all())
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return kinds_of(inner, more)
    if get_origin(annotation) in (Union, types.UnionType):
        members = [one for one in get_args(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
        names = [one.model_fields["kind"].default for one in members if "kind" in one.model_fields]
        return [name for name in names if isinstance(name, str)] if len(names) > 1 else []
    return []


def _words(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in _NAMES:
        return _NAMES[annotation]
    if origin is Literal:
        return " or ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in inner)
    if origin is Annotated:
        constraints = [one for more in inner[1:] for one in (more.metadata if isinstance(more, FieldInfo) else (more,))]
        return ", ".join(part for part in (_words(inner[0]), _bounds(constraints)) if part)
    if origin in (Union, types.UnionType):
        parts = dict.fromkeys(_words(one) for one in inner if one is not types.NoneType)
        return " or ".join(part for part in parts if part)
    if origin in (tuple, list):
        item = _words(inner[0]) if inner else ""
        return f"a list, each {item}" if item else "a list"
    return ""


def _bounds(constraints: Collection[Any]) -> str:
    """`at least 0 and below 1`."""
    given = ((text, getattr(one, name)) for name, text in _BOUNDS for one in constraints if _has(one, name))
    return " and ".join(f"{text} {bound:g}" for text, bound in given)


def _has(constraint: Any, name: str) -> bool:
    return isinstance(constraint, annotated_types.BaseMetadata) and getattr(constraint, name, None) is not None
