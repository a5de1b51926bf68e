"""What a results file says, read as input from a stranger: every row is checked before anything of it is believed.

A run's id must be the hash of its configuration, and its checksum that of its result: what was changed by hand or by a
failing disk is damage, said in one line and left out, while all else stays readable.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from syntagma.errors import InputError
from syntagma.sweep.identity import ID_LENGTH, digest

_LONGEST_NUMBER = 300
"""Digits of a whole number; Python itself refuses to read numbers beyond some thousands."""
_AT_ONCE = 500


@dataclass
class RunRecord:
    """A stored run whose id and checksum are right."""

    id: str
    config_text: str
    result_text: str
    finished_at: str
    environment: str

    @property
    def config(self) -> dict[str, Any]:
        """All that determines the result."""
        return read_json(self.config_text, dict)

    @property
    def result(self) -> dict[str, Any]:
        """The metrics."""
        return read_json(self.result_text, dict)


@dataclass
class Damage:
    """What is wrong with a results file, one line each."""

    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Note a line, once."""
        if line not in self.lines:
            self.lines.append(line)


def checksum(result_text: str) -> str:
    """Of a result, as it is stored beside it."""
    return digest(result_text)[:ID_LENGTH]


def run_records(
    connection: sqlite3.Connection, damage: Damage, ids: Sequence[str] | None = None
) -> Iterator[RunRecord]:
    """The runs that can be believed, in the order in which they finished; the others are noted as damage.

    Args:
        ids: only these, where given.
    """
    columns = "id, config, result, checksum, finished_at, environment"
    if ids is None:
        rows: Iterable[Any] = connection.execute(f"SELECT {columns} FROM runs ORDER BY rowid")
        yield from _believed(rows, damage)
        return
    for start in range(0, len(ids), _AT_ONCE):
        some = list(ids[start : start + _AT_ONCE])
        places = ", ".join("?" * len(some))
        rows = connection.execute(f"SELECT {columns} FROM runs WHERE id IN ({places}) ORDER BY rowid", some)
        yield from _believed(rows, damage)


def _believed(rows: Iterable[Any], damage: Damage) -> Iterator[RunRecord]:
    for identity, config, result, check, finished_at, environment in rows:
        name = identity if isinstance(identity, str) else "without an id"
        trouble = _trouble(identity, config, result, check, finished_at, environment)
        if trouble:
            damage.add(
                f"run {name[:ID_LENGTH]!r} is damaged, {trouble}: it is left out, and the same command does it again."
            )
        else:
            yield RunRecord(identity, config, result, finished_at, environment)


def _trouble(identity: Any, config: Any, result: Any, check: Any, finished_at: Any, environment: Any) -> str:
    """Why a row cannot be believed; empty where it can."""
    if not all(isinstance(value, str) for value in (identity, config, result, check, finished_at, environment)):
        return "a text of it is missing"
    if digest(config)[:ID_LENGTH] != identity:
        return "its configuration is not the one that its id is the hash of"
    if checksum(result) != check:
        return "its result was changed"
    return ""


def read_json(text: Any, kind: type) -> Any:
    """A JSON value of a results file.

    Raises:
        InputError: it is no JSON, of another kind, nested too deeply, or has a number that no program writes.
    """
    try:
        value = json.loads(text, parse_int=_whole)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the results hold text that is not JSON ({type(error).__name__}). Restore a copy.") from None
    if not isinstance(value, kind):
        raise InputError(f"the results hold a {type(value).__name__} for a {kind.__name__}. Restore a copy.")
    return value


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def number_or_nan(value: Any) -> float:
    """A number of a column that may hold anything."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
