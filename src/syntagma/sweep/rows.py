"""The rows of a results file: how each is written, and how it is read when a stranger may have written it.

Each table has a dataclass. `written` gives the row that is stored; `read` makes the dataclass of a stored row, or raises
`Damaged` with the reason. A row carries a checksum of all its texts, and a run's id and an environment's hash are
computed anew. So what was altered by accident or by hand is not taken for a result; the checksum is no signature, so
whatever it says, a row that is read has the types that are promised here.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from syntagma.errors import InputError
from syntagma.sweep.identity import canonical_text, digest, encodable, id_of_text, json_text, run_id

_DEEPEST = 50
"""Mappings and lists inside each other that a JSON text may have."""


class Damaged(Exception):
    """A stored row that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A finished run: its configuration, its metrics, when it finished (UTC), the hash of its environment."""

    COLUMNS: ClassVar[str] = "id, config, result, finished_at, environment, checksum"

    id: str
    config: dict[str, Any]
    result: dict[str, Any]
    finished_at: str
    environment: str

    @staticmethod
    def written(
        config: Mapping[str, Any], result: Mapping[str, Any], finished_at: str, environment: str
    ) -> tuple[Any, ...]:
        """The row of a run.

        Raises:
            InputError: the configuration or the result is not what `identity` takes.
        """
        texts = (run_id(config), canonical_text(config), json_text(result), finished_at, environment)
        return (*texts, _checksum(*texts))

    @classmethod
    def read(cls, row: Sequence[Any]) -> StoredRun:
        """The run in a row of `COLUMNS`."""
        identity, config_text, result_text, finished_at, environment = _verified(row)
        config = mapping_of(config_text, "configuration")
        if id_of_text(config_text) != identity and _id(config) != identity:
            raise Damaged("its configuration is not that of its id")
        return cls(identity, config, mapping_of(result_text, "result"), finished_at, environment)


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """The history of a run: one mapping a checkpoint."""

    COLUMNS: ClassVar[str] = "id, history, checksum"

    id: str
    history: list[dict[str, Any]]

    @staticmethod
    def written(identity: str, history: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
        """The row of a history."""
        texts = (identity, json_text(list(history)))
        return (*texts, _checksum(*texts))

    @classmethod
    def read(cls, row: Sequence[Any]) -> StoredHistory:
        """The history in a row of `COLUMNS`."""
        identity, text = _verified(row)
        history = value_of(text, "history")
        if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
            raise Damaged("its history is no list of mappings")
        return cls(identity, history)


@dataclass(frozen=True, slots=True)
class StoredFact:
    """What a study knows without a run: a value under a key."""

    COLUMNS: ClassVar[str] = "study, hash, key, value, recorded_at, checksum"

    study: str
    key: dict[str, Any]
    value: dict[str, Any]
    recorded_at: str

    @staticmethod
    def written(study: str, key: Mapping[str, Any], value: Mapping[str, Any], recorded_at: str) -> tuple[Any, ...]:
        """The row of a fact."""
        text = canonical_text(key)
        texts = (study, digest(text), text, json_text(value), recorded_at)
        return (*texts, _checksum(*texts))

    @classmethod
    def read(cls, row: Sequence[Any]) -> StoredFact:
        """The fact in a row of `COLUMNS`."""
        study, name, key, value, recorded_at = _verified(row)
        if digest(key) != name:
            raise Damaged("its key is not that of its hash")
        return cls(study, mapping_of(key, "key"), mapping_of(value, "value"), recorded_at)


@dataclass(frozen=True, slots=True)
class StoredCommand:
    """A command that was given; `seconds` is None where it was interrupted or still runs."""

    COLUMNS: ClassVar[str] = "number, study, preset, settings, argv, started_at, seconds, environment, checksum"

    number: int
    study: str
    preset: str | None
    settings: dict[str, Any]
    argv: list[str]
    started_at: str
    seconds: float | None
    environment: str

    def written(self) -> tuple[Any, ...]:
        """The row of this command."""
        row = (self.number, self.study, self.preset, json_text(self.settings), json_text(self.argv), self.started_at)
        row += (self.seconds, self.environment)
        return (*row, _checksum(*map(repr, row)))

    @classmethod
    def read(cls, row: Sequence[Any]) -> StoredCommand:
        """The command in a row of `COLUMNS`."""
        *values, checksum = row
        number, study, preset, settings, argv, started_at, seconds, environment = values
        texts = (study, settings, argv, started_at, environment) + (() if preset is None else (preset,))
        if not all(isinstance(text, str) for text in texts) or not isinstance(number, int):
            raise Damaged("it holds another type than belongs there")
        if seconds is not None and not (isinstance(seconds, float) and math.isfinite(seconds)):
            raise Damaged("its seconds are no number")
        if checksum != _checksum(*map(repr, values)):
            raise Damaged("its checksum does not fit")
        words = value_of(argv, "argv")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise Damaged("its argv is no list of texts")
        return cls(number, study, preset, mapping_of(settings, "settings"), words, started_at, seconds, environment)


@dataclass(frozen=True, slots=True)
class StoredEnvironment:
    """Machine, versions and settings that results were made with, as `environment` describes them."""

    COLUMNS: ClassVar[str] = "hash, description"

    hash: str
    description: dict[str, dict[str, Any]]

    @staticmethod
    def written(description: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
        """The row of an environment."""
        text = canonical_text(description)
        return digest(text)[:12], text

    @classmethod
    def read(cls, row: Sequence[Any]) -> StoredEnvironment:
        """The environment in a row of `COLUMNS`."""
        name, text = row
        if not isinstance(text, str) or digest(text)[:12] != name:
            raise Damaged("its description is not that of its hash")
        description = mapping_of(text, "description")
        if not all(isinstance(part, dict) for part in description.values()):
            raise Damaged("its description is no mapping of mappings")
        return cls(name, description)


Row = TypeVar("Row", StoredRun, StoredHistory, StoredFact, StoredCommand, StoredEnvironment)
"""A row of one of the tables."""


def mapping_of(text: Any, name: str) -> dict[str, Any]:
    """The mapping that a stored JSON text holds.

    Raises:
        Damaged: it holds none, as `value_of`.
    """
    value = value_of(text, name)
    if not isinstance(value, dict):
        raise Damaged(f"its {name} is a {type(value).__name__}, not a mapping")
    return value


def value_of(text: Any, name: str) -> Any:
    """What a stored JSON text holds.

    Raises:
        Damaged: it is no JSON, is nested too deep, or holds a whole number of over 64 bits or half a character.
    """
    try:
        value = _DECODER.decode(text)
        if "\\ud" in text.lower() and not encodable(json.dumps(value, ensure_ascii=False)):
            raise Damaged(f"its {name} holds text that is not Unicode")
        if text.count("[") + text.count("{") > _DEEPEST and _depth(value) > _DEEPEST:
            raise Damaged(f"its {name} is nested more than {_DEEPEST} deep")
    except RecursionError as error:
        raise Damaged(f"its {name} is nested more than {_DEEPEST} deep") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise Damaged(f"its {name} is not JSON with numbers of 64 bits") from error
    return value


def _verified(row: Sequence[Any]) -> Sequence[str]:
    """The texts of a row without its checksum, which must be theirs."""
    *texts, checksum = row
    try:
        fits = _checksum(*texts) == checksum
    except (TypeError, UnicodeEncodeError):
        raise Damaged("it holds another type than belongs there") from None
    if not fits:
        raise Damaged("its checksum does not fit")
    return texts


def _checksum(*texts: str) -> str:
    """80 bits of SHA-256. JSON escapes the line ends inside a text, so the parts cannot run into each other."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:20]


def _id(config: Mapping[str, Any]) -> str | None:
    try:
        return run_id(config)
    except InputError:
        return None


def _whole(text: str) -> int:
    if len(text) < 19:
        return int(text)
    if len(text) > 20 or not -(2**63) <= (number := int(text)) < 2**63:
        raise ValueError("more than 64 bits")
    return number


_DECODER = json.JSONDecoder(parse_int=_whole)


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(_depth, children), default=0)
