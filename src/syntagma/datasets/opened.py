"""A folder that `export` wrote, opened again: its language, and where its sentences came from."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from syntagma.checked_model import first_problem
from syntagma.datasets import checksums
from syntagma.datasets.export import METADATA_FORMAT, VERSION
from syntagma.errors import InputError
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Language
from syntagma.languages.settings import AnyLanguage
from syntagma.languages.splits import SPLITS, Split
from syntagma.regular_file import UnreadableFile, read_regular, shown

_LARGEST = 2**24
_READABLE = (1, VERSION)


@dataclass(frozen=True)
class OpenedExport:
    """What `metadata.json` says, checked.

    Attributes:
        language: made anew.
        seed: of the sentences.
        sizes: of each split: its sentences are the first so many of `language.splits(...)`.
        metadata: all of it.
    """

    language: Language
    seed: int
    sizes: dict[Split, int]
    metadata: dict[str, Any]


def open_export(folder: str | os.PathLike[str]) -> OpenedExport:
    """The export in `folder`: `open_export("data").language.sample(1, 10)`.

    Raises:
        InputError: there is none, one of its files is damaged, or it is of another version.
    """
    place = Path(folder)
    file = place / "metadata.json"
    name = shown(file)
    try:
        content = json.loads(read_regular(file, _LARGEST, "Give a folder that `syntagma export` wrote"))
    except UnreadableFile:
        raise
    except (ValueError, RecursionError):
        raise InputError(f"{name} is no JSON: it may have been cut short. Export the sentences again.") from None
    if not isinstance(content, dict) or content.get("format") != METADATA_FORMAT:
        raise InputError(
            f'{name}: its "format" is not {METADATA_FORMAT!r}. Give a folder that `syntagma export` wrote.'
        )
    if content.get("version") not in _READABLE:
        raise InputError(f"{name} has version {content.get('version')!r:.40}, and this program reads {VERSION}.")
    try:
        splits = content["splits"]
        sizes: dict[Split, int] = {one: _whole(splits[one]["sentences"]) for one in SPLITS if one in splits}
        seed, digest = _whole(content["seed"]), content["grammar"] and content["grammar"]["digest"]
        settings = content["language"]
        kept = {
            str(file): str(checksum)
            for one in (*splits.values(), content.get("oracle_losses") or {})
            for file, checksum in one.get("sha256", {}).items()
        }
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{name} lacks what an export says of itself. Export the sentences again.") from None
    checksums.check(place, kept)
    return OpenedExport(_language(place, digest, settings), seed, sizes, content)


def _language(place: Path, digest: Any, settings: Any) -> Any:
    """The language in the grammar's file, which has to have that digest, or made anew from its settings."""
    if digest is not None:
        language = RandomHierarchy.load(place / "grammar.json")
        if language.digest() != digest:
            file = shown(place / "grammar.json")
            raise InputError(f"{file} is not the grammar that metadata.json names. Export the sentences again.")
        return language
    try:
        return TypeAdapter(dict[str, AnyLanguage]).validate_python({"language": settings})["language"].language()
    except ValidationError as error:
        own = " A language of your own is named by --with FILE." if _is_unknown_kind(error) else ""
        raise InputError(
            f"{shown(place / 'metadata.json')}: {first_problem(error, {'language': settings})}{own}"
        ) from None


def _is_unknown_kind(error: ValidationError) -> bool:
    return error.errors(include_url=False)[0]["type"] == "kind_unknown"


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value
