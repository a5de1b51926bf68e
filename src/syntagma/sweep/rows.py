"""The rows of a results file: how each is written, and how it is read when a stranger may have written it.

Each table has a dataclass (that of the runs has two more, which read less). `written` gives the row that is stored;
`read` makes the dataclass of a stored row, or raises `Damaged` with the reason. A row carries a checksum of all its
texts, and a run's id and an environment's hash are computed anew. So what was altered by accident or by hand is not
taken for a result; the checksum is no signature, so whatever it says, a row that is read has the types promised here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from syntagma.sweep.identity import canonical_text, digest, json_text
from syntagma.sweep.stored_json import Damaged, mapping_of, value_of

Row = TypeVar("Row", covariant=True)
"""What a row says."""


class Kind(Protocol[Row]):
    """What reads the rows of a table, as the classes below do."""

    @property
    def TABLE(self) -> str:
        """Its name."""
        ...

    @property
    def NAME(self) -> str:
        """The column that names a row, the first of `COLUMNS`."""
        ...

    @property
    def CALLED(self) -> str:
        """What a row is called in a message."""
        ...

    @property
    def COLUMNS(self) -> str:
        """The columns that are read."""
        ...

    def read(self, row: Sequence[Any], /) -> Row:
        """What a row of `COLUMNS` says.

        Raises:
            Damaged: it cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """The history of a run: one mapping a checkpoint."""

    TABLE: ClassVar[str] = "histories"
    NAME: ClassVar[str] = "id"
    CALLED: ClassVar[str] = "history of run"
    COLUMNS: ClassVar[str] = "id, history, checksum"

    id: str
    history: list[dict[str, Any]]

    @staticmethod
    def written(identity: str, history: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
        """The row of a history."""
        texts = (identity, json_text(list(history)))
        return (*texts, checksum_of(*texts))

    @classmethod
    def read(cls, row: Sequence[Any]) -> StoredHistory:
        """The history in a row of `COLUMNS`."""
        identity, text = verified(row)
        history = value_of(text, "history")
        if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
            raise Damaged("its history is no list of mappings")
        return cls(identity, history)


@dataclass(frozen=True, slots=True)
class StoredFact:
    """What a study knows without a run: a value under a key."""

    TABLE: ClassVar[str] = "facts"
    NAME: ClassVar[str] = "study"
    CALLED: ClassVar[str] = "fact of"
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
        return (*texts, checksum_of(*texts))

    @classmethod
    def read(cls, row: Sequence[Any]) -> StoredFact:
        """The fact in a row of `COLUMNS`."""
        study, name, key, value, recorded_at = verified(row)
        if digest(key) != name:
            raise Damaged("its key is not that of its hash")
        return cls(study, mapping_of(key, "key"), mapping_of(value, "value"), recorded_at)


@dataclass(frozen=True, slots=True)
class StoredCommand:
    """A command that was given; `seconds` is None where it was interrupted or still runs."""

    TABLE: ClassVar[str] = "commands"
    NAME: ClassVar[str] = "number"
    CALLED: ClassVar[str] = "command"
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
        return (*row, checksum_of(*map(repr, row)))

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
        if checksum != checksum_of(*map(repr, values)):
            raise Damaged("its checksum does not fit")
        words = value_of(argv, "argv")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise Damaged("its argv is no list of texts")
        return cls(number, study, preset, mapping_of(settings, "settings"), words, started_at, seconds, environment)


@dataclass(frozen=True, slots=True)
class StoredEnvironment:
    """Machine, versions and settings that results were made with, as `environment` describes them."""

    TABLE: ClassVar[str] = "environments"
    NAME: ClassVar[str] = "hash"
    CALLED: ClassVar[str] = "environment"
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
        if not {"machine", "versions"} <= set(description) or not all(map(_is_mapping, description.values())):
            raise Damaged("its description has no machine and versions")
        return cls(name, description)


def verified(row: Sequence[Any]) -> Sequence[str]:
    """The texts of a row without its checksum.

    Raises:
        Damaged: it is not theirs.
    """
    verified_content(row)
    return row[:-1]


def verified_content(row: Sequence[Any]) -> bytes:
    """The texts of a row without its checksum, one after the other.

    Raises:
        Damaged: it is not theirs.
    """
    try:
        content = "\n".join(row[:-1]).encode()
    except (TypeError, UnicodeEncodeError):
        raise Damaged("it holds another type than belongs there") from None
    if hashlib.sha256(content).hexdigest()[:_CHECKSUM_LENGTH] != row[-1]:
        raise Damaged("its checksum does not fit")
    return content


def checksum_of(*texts: str) -> str:
    """80 bits of SHA-256. JSON escapes the line ends inside a text, so the parts cannot run into each other."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:_CHECKSUM_LENGTH]


_CHECKSUM_LENGTH = 20


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)
