"""Runs that could not be done, kept beside the results: what they were, why, and after how many attempts.

A table of its own in the results file, made when the first run fails. A failed run is left out when the command is
repeated, until it is asked for again; once it has a result it is no failure any more. A row carries a checksum, as rows
of results do; those of before have none, and their id alone says whether their configuration is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from syntagma.sweep import database
from syntagma.sweep.identity import canonical_text, is_id_of, run_id
from syntagma.sweep.reading import shown
from syntagma.sweep.rows import checksum_of
from syntagma.sweep.stored_json import Damaged, mapping_of

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

_TABLE = """
CREATE TABLE IF NOT EXISTS failures (
    id TEXT PRIMARY KEY, config TEXT NOT NULL, reason TEXT NOT NULL, details TEXT NOT NULL, attempts INTEGER NOT NULL,
    failed_at TEXT NOT NULL, checksum TEXT)
"""
_COLUMNS = "id, config, reason, details, attempts, failed_at"


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
    reason, details = (text.encode("utf-8", "backslashreplace").decode() for text in (reason, details))
    failure = Failure(run_id(config), dict(config), reason, details, attempts, now)
    row = (failure.id, canonical_text(config), reason, details, attempts, now)
    with store._transaction() as connection:
        connection.execute(_TABLE)
        if not _has_checksums(connection.execute):
            connection.execute("ALTER TABLE failures ADD COLUMN checksum TEXT")
        values = (*row, checksum_of(*map(repr, row)))
        connection.execute(
            f"INSERT OR REPLACE INTO failures ({_COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)", values
        )
    return failure


def failures(store: Store) -> list[Failure]:
    """The runs that failed and have no result, in the order they failed.

    for failure in failures(store): print(failure.id, failure.reason)
    """
    return [row for row in _rows(store) if isinstance(row, Failure)]


def damaged_failures(store: Store) -> list[str]:
    """A line for what is damaged among the failures, and so left out: such a run is tried as if it had not failed."""
    bad = [row for row in _rows(store) if not isinstance(row, Failure)]
    lines = []
    for reason in dict.fromkeys(reason for _, reason in bad):
        names = [name for name, other in bad if other == reason]
        which = f"failed run {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        lines.append(f"{which} cannot be read: {reason}; everything else can, and it is tried again")
    return lines


def _rows(store: Store) -> Iterator[Failure | tuple[str, str]]:
    """Each row of a run without a result: what failed, or its name and what is wrong with it."""
    with database.troubles_explained(store.path):
        ask = store._connection.execute
        if not ask("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'failures'").fetchall():
            return
        checksum = "checksum" if _has_checksums(ask) else "NULL"
        select = f"SELECT {_COLUMNS}, {checksum} FROM failures WHERE id NOT IN (SELECT id FROM runs) ORDER BY rowid"
        rows = ask(select).fetchall()
    for *row, said in rows:
        try:
            yield _read(row, said)
        except Damaged as error:
            yield shown(row[0]), str(error)


def _has_checksums(ask: Callable[[str], Any]) -> bool:
    return any(name == "checksum" for _, name, *_ in ask("PRAGMA table_info(failures)").fetchall())


def _read(row: Sequence[Any], said: object) -> Failure:
    """A row of the file, which a stranger may have written.

    Raises:
        Damaged: it is none of ours.
    """
    identity, text, reason, details, attempts, failed_at = row
    if not all(isinstance(one, str) for one in (identity, text, reason, details, failed_at)):
        raise Damaged("it holds another type than belongs there")
    if not isinstance(attempts, int):
        raise Damaged("its attempts are no number")
    if said is not None and said != checksum_of(*map(repr, row)):
        raise Damaged("its checksum does not fit")
    config = mapping_of(text, "configuration")
    if not is_id_of(identity, config):
        raise Damaged("its configuration is not that of its id")
    return Failure(identity, config, " ".join(reason.split()), details, attempts, failed_at)
