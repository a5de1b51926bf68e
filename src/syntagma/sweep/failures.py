"""Runs that could not be done, kept beside the results: what they were, why, and after how many attempts.

A table of its own in the results file, made when the first run fails. A failed run is left out when the command is
repeated, until it is asked for again; once it has a result it is no failure any more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from syntagma.sweep import database
from syntagma.sweep.identity import canonical_text, run_id

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

_TABLE = """
CREATE TABLE IF NOT EXISTS failures (
    id TEXT PRIMARY KEY, config TEXT NOT NULL, reason TEXT NOT NULL, details TEXT NOT NULL, attempts INTEGER NOT NULL,
    failed_at TEXT NOT NULL)
"""


@dataclass(frozen=True)
class Failure:
    """A run that could not be done.

    Attributes:
        config: the run's configuration.
        reason: one line.
        details: the traceback of the last attempt, where there was one.
        failed_at: UTC.
    """

    id: str
    config: Mapping[str, Any]
    reason: str
    details: str
    attempts: int
    failed_at: str


def record_failure(store: Store, config: Mapping[str, Any], reason: str, attempts: int, details: str = "") -> Failure:
    """Store that the run of `config` failed; an earlier failure of it is replaced.

    Raises:
        InputError: the store cannot be written.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    failure = Failure(run_id(config), dict(config), reason, details, attempts, now)
    with store._transaction() as connection:
        connection.execute(_TABLE)
        connection.execute(
            "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?)",
            (failure.id, canonical_text(config), reason, details, attempts, now),
        )
    return failure


def failures(store: Store) -> list[Failure]:
    """The runs that failed and have no result, in the order they failed.

    for failure in failures(store): print(failure.id, failure.reason)
    """
    columns = "id, config, reason, details, attempts, failed_at"
    with database.troubles_explained(store.path):
        ask = store._connection.execute
        if not ask("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'failures'").fetchall():
            return []
        rows = ask(f"SELECT {columns} FROM failures WHERE id NOT IN (SELECT id FROM runs) ORDER BY rowid").fetchall()
    return [failure for row in rows if (failure := _read(row)) is not None]


def _read(row: tuple[Any, ...]) -> Failure | None:
    """A row of the file, which a stranger may have written; None if it is none of ours."""
    identity, text, reason, details, attempts, failed_at = row
    try:
        config = json.loads(text)
    except (TypeError, ValueError):
        return None
    if not isinstance(config, dict) or not isinstance(attempts, int):
        return None
    return Failure(str(identity), config, " ".join(str(reason).split()), str(details), attempts, str(failed_at))
