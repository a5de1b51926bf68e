"""Reading rows of a results file, those that are undamaged, and saying which are not.

Rows are fetched some hundreds at a time. Where SQLite cannot read one of them, they are fetched one by one, so that a
page that is lost takes only its own rows along.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from syntagma.errors import InputError, invalid
from syntagma.sweep import database
from syntagma.sweep.rows import Damaged, Row, StoredCommand, StoredEnvironment, StoredFact, StoredHistory, StoredRun

_TABLES: dict[type, tuple[str, str, str]] = {
    StoredEnvironment: ("environments", "hash", "environment"),
    StoredRun: ("runs", "id", "run"),
    StoredHistory: ("histories", "id", "history of run"),
    StoredFact: ("facts", "study", "fact of"),
    StoredCommand: ("commands", "number", "command"),
}
"""The table of each kind of row, the column that names a row, and what a row is called."""
_TOGETHER = 500
"""Rows fetched at a time: fewer than the parameters that any SQLite allows a query."""


class Reader:
    """Reads the rows of an open file.

    Args:
        path: of the file, for messages.
        connection: to it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection = path, connection

    def all(
        self, kind: type[Row], ids: Collection[str] | None = None, limit: int | None = None, offset: int = 0
    ) -> Iterator[Row]:
        """The undamaged rows of a table in the order they were stored: all, or those among `ids`; of them a page."""
        table, name, _ = _TABLES[kind]
        places = self._places(table, name, ids)[offset : None if limit is None else offset + limit]
        yield from self._read(kind, places, _ignore)

    def one(self, kind: type[Row], **key: str | int) -> Row | None:
        """The row with those values in those columns, if it is there and undamaged."""
        table = _TABLES[kind][0]
        where = " AND ".join(f"{column} = ?" for column in key)
        places = self._query(f"SELECT rowid FROM {table} WHERE {where}", tuple(key.values()))
        return next(self._read(kind, [place for (place,) in places], _ignore), None)

    def damage(self) -> list[str]:
        """A line for each damaged row; reads all of the file."""
        lines: list[str] = []
        runs: set[str] = set()
        environments: dict[str, int] = {}
        for kind, (table, _, word) in _TABLES.items():
            try:
                places = self._places(table, *_TABLES[kind][1:2])
            except InputError as error:
                lines.append(str(error))
                continue

            def note(name: object, reason: str, word: str = word) -> None:
                lines.append(f"{word} {name} is damaged: {reason}")

            for row in self._read(kind, places, note):
                if isinstance(row, StoredRun):
                    runs.add(row.id)
                    environments[row.environment] = environments.get(row.environment, 0) + 1
        return lines

    def _places(self, table: str, name: str, ids: Collection[str] | None = None) -> list[int]:
        """The rows of a table, those of the names `ids` or all, in the order they were stored."""
        if isinstance(ids, str):
            raise invalid("ids", ids, "it is one text", f"Give a list, as [{ids!r}]")
        wanted = None if ids is None else set(ids)
        found = self._query(f"SELECT rowid, {name} FROM {table}")
        return sorted(place for place, called in found if wanted is None or called in wanted)

    def _read(self, kind: type[Row], places: Sequence[int], damaged: Callable[[object, str], None]) -> Iterator[Row]:
        """The undamaged rows in `places`; `damaged` is told the name of each other one and what is wrong with it."""
        table, name, _ = _TABLES[kind]
        start = f"SELECT {name}, {kind.COLUMNS} FROM {table} WHERE rowid"
        for first in range(0, len(places), _TOGETHER):
            some = places[first : first + _TOGETHER]
            marks = ", ".join("?" * len(some))
            try:
                rows = self._query(f"{start} IN ({marks}) ORDER BY rowid", some)
            except InputError:
                rows = self._one_by_one(start, some, damaged)
            for called, *row in rows:
                try:
                    yield kind.read(row)
                except Damaged as error:
                    damaged(called, str(error))

    def _one_by_one(
        self, start: str, places: Sequence[int], damaged: Callable[[object, str], None]
    ) -> Iterator[Sequence[Any]]:
        for place in places:
            try:
                yield from self._query(f"{start} = ?", (place,))
            except InputError:
                damaged(f"in row {place}", "the file is broken there")

    def _query(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with database.troubles_explained(self._path):
            return self._connection.execute(query, parameters).fetchall()


def _ignore(name: object, reason: str) -> None:
    pass
