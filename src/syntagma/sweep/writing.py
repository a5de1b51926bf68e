"""Writing rows of a results file: each transaction at once or not at all, and only into the file that was opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from syntagma.errors import InputError
from syntagma.sweep.database_errors import troubles_explained


class Writer:
    """Writes the rows of an open file.

    Args:
        path: of the file.
        connection: to it.
        read_only: whether writing is refused.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, read_only: bool) -> None:
        self._path, self._connection, self._read_only = path, connection, read_only
        self._file = _file_identity(path)
        self._latest = ""

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """What is written inside is written at the end, or not at all; waits for other writers.

        Raises:
            InputError: the file is read-only, held by another process or broken, the disk is full, or another file, or
                none, is in its place.
        """
        if self._read_only:
            raise InputError(f"{self._path} was opened read-only: open it for writing to record results.")
        with troubles_explained(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                if _file_identity(self._path) != self._file:  # SQLite would go on writing into the file without a name
                    raise InputError(
                        f"{self._path} was removed or replaced while it was in use: what has finished since is not "
                        "stored. Give the command again."
                    )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def insert(self, table: str, row: Sequence[Any]) -> None:
        """Write a row, in the place of a damaged one of its name. Inside a transaction."""
        self._connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    def now(self) -> str:
        """The time (UTC), never before one that was given already: a clock may be set back."""
        self._latest = max(self._latest, datetime.now(UTC).isoformat(timespec="seconds"))
        return self._latest


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
