"""Reading rows of a results file: those that are undamaged, and what is said of the others.

Rows are fetched some hundreds at a time. Where SQLite cannot read one of them, they are fetched one by one, so that a
page that is lost takes only its own rows along. What is damaged is left out; nothing that is read stops for it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from syntagma.errors import invalid
from syntagma.sweep import database, tags
from syntagma.sweep.database_errors import TROUBLES, is_damage, one_line, troubles_explained
from syntagma.sweep.identity import encodable
from syntagma.sweep.rows import Kind, Row, StoredCommand, StoredEnvironment, StoredFact, StoredHistory
from syntagma.sweep.run_rows import StoredId, StoredRun
from syntagma.sweep.soundness import SoundHistories, SoundRuns
from syntagma.sweep.stored_json import Damaged

_OTHERS: tuple[Kind[Any], ...] = (StoredFact, StoredCommand, StoredEnvironment)
_ALL: tuple[Kind[Any], ...] = (SoundRuns(), SoundHistories(), *_OTHERS)
_ALL_READ: tuple[Kind[Any], ...] = (StoredRun, StoredHistory, *_OTHERS)
"""With the two large tables read whole, where this SQLite was built without JSON."""
_TOGETHER = 500
"""Rows fetched at a time: fewer than the parameters that any SQLite allows a query."""
_NAMED = 3
"""Names of damaged rows in a message."""

_Note = Callable[[object, str], None]


class Reader:
    """Reads the rows of an open file.

    Args:
        path: of the file, for messages.
        connection: to it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection = path, connection
        with troubles_explained(path):
            self._unusable: Mapping[str, str] = database.unusable_tables(connection)

    def all(
        self, kind: Kind[Row], ids: Collection[str] | None = None, limit: int | None = None, offset: int = 0
    ) -> Iterator[Row]:
        """The undamaged rows of a table in the order they were stored: all, or those named in `ids`; of them a page."""
        wanted = None if ids is None else set(self.checked_ids(ids))
        if limit is not None and wanted is None:
            return self._read(kind, self._page(kind, limit, offset))
        places = sorted(self._names(kind) if wanted is None else self._places(kind, wanted))
        return self._read(kind, places[offset : None if limit is None else offset + limit])

    @staticmethod
    def checked_ids(ids: Collection[str]) -> Collection[str]:
        """`ids`, where they are texts.

        Raises:
            InputError: they are not.
        """
        if isinstance(ids, str):
            raise invalid("ids", ids, "it is one text", f"Give a list, as [{ids!r}]")
        if not (isinstance(ids, Collection) and all(issubclass(kind, str) for kind in set(map(type, ids)))):
            raise invalid("ids", ids, "it must be a list of texts", "Give the column id of runs()")
        return ids

    def one(self, kind: Kind[Row], **key: str | int) -> Row | None:
        """The row with those values in those columns, if it is there and undamaged."""
        if kind.TABLE in self._unusable:
            return None
        where = " AND ".join(f"{column} = ?" for column in key)
        rows = self._tried(f"SELECT rowid FROM {kind.TABLE} WHERE {where}", tuple(key.values())) or []
        return next(self._read(kind, [place for (place,) in rows]), None)

    def names(self, kind: Kind[Row]) -> list[object]:
        """The names of a table's rows, damaged ones among them; fast."""
        return list(self._names(kind).values())

    def number(self, kind: Kind[Row]) -> int:
        """How many rows a table has, damaged ones among them, by SQLite's own count."""
        rows = None if kind.TABLE in self._unusable else self._tried(f"SELECT count(*) FROM {kind.TABLE}")
        return len(self._names(kind)) if rows is None else int(rows[0][0])

    def environments(self) -> set[str]:
        """The hashes of environments that undamaged runs and commands name."""
        runs, commands = self.all(StoredId), self.all(StoredCommand)
        return {run.environment for run in runs} | {command.environment for command in commands}

    def environments_named(self) -> set[object]:
        """What runs and commands, damaged ones among them, name as their environment; found by SQLite alone."""
        found: set[object] = set()
        for table in ("runs", "commands"):
            if table not in self._unusable:
                rows = self._tried(f"SELECT DISTINCT environment FROM {table}")
                found |= {None, ""} if rows is None else {name for (name,) in rows}  # what is broken may hide any
        return found

    def names_where(self, table: str, column: str, where: str, *values: object) -> list[object]:
        """A column of the rows that a condition holds for, damaged ones among them, as far as the file is whole."""
        if table in self._unusable:
            return []
        return [name for (name,) in self._tried(f"SELECT {column} FROM {table} WHERE {where}", values) or []]

    def tags(self) -> dict[str, tuple[str, ...]]:
        """The tags of each run that has some, as far as the file is whole."""
        if (self._tried(tags.STORED) or []) != [(tags.SCHEMA,)]:
            return {}
        return tags.read(self._tried(tags.ALL) or [])

    def next_command(self) -> int:
        """The number of the next command."""
        rows = self._tried("SELECT max(number) FROM commands") or [(None,)]
        return int(rows[0][0] or 0) + 1

    def damage(self, ids: Collection[str] | None = None) -> list[str]:
        """A line for each table and each kind of damage in it, with what is left; reads all of the file.

        Args:
            ids: of the runs that are looked at, for a large file; of the others only whether SQLite can read them.
        """
        lines = [f"table {table} is {what}: nothing in it can be used" for table, what in self._unusable.items()]
        check = "integrity_check" if ids is None else "quick_check"
        (state,) = (self._tried(f"PRAGMA {check}(1)") or [("it cannot be checked",)])[0]
        if state != "ok":
            lines.append(f"the file is broken in places ({one_line(state)}): rows that stood there are lost")
        environments: Counter[str] = Counter()
        described: set[str] = set()
        for kind in _ALL if self._knows_json() else _ALL_READ:
            some = None if ids is None or kind in _OTHERS else set(self.checked_ids(ids))
            places = sorted(self._names(kind) if some is None else self._places(kind, some))
            bad: dict[str, list[object]] = {}
            for row in self._read(kind, places, lambda name, reason, bad=bad: bad.setdefault(reason, []).append(name)):
                if isinstance(row, str):
                    environments[row] += 1
                elif isinstance(row, StoredRun):
                    environments[row.environment] += 1
                elif isinstance(row, StoredEnvironment):
                    described.add(row.hash)
            intact = len(places) - sum(map(len, bad.values()))
            lines += [_line(kind, reason, names, intact, len(places)) for reason, names in bad.items()]
        for name, number in environments.items():
            if name not in described:
                lines.append(f"machine and versions of {number} runs are not known: environment {shown(name)} is lost")
        return lines

    def _knows_json(self) -> bool:
        try:
            return self._connection.execute("SELECT json_valid('{}')").fetchone() == (1,)
        except sqlite3.OperationalError:
            return False

    def _names(self, kind: Kind[Row]) -> dict[int, object]:
        """The name of each row, by its place. Where the index is broken, all that three scans of the table find."""
        if kind.TABLE in self._unusable:
            return {}
        found: dict[int, object] = {}
        select = f"SELECT rowid, {kind.NAME} FROM {kind.TABLE}"
        rows = self._fast(select, ())
        if rows is not None:
            return dict(rows)
        for query in (select, f"{select} NOT INDEXED", f"{select} NOT INDEXED ORDER BY rowid DESC"):
            with troubles_explained(self._path):
                try:
                    found.update(self._connection.execute(query))  # as far as it comes
                    return found
                except TROUBLES as error:
                    if not is_damage(error):
                        raise
        return found

    def _places(self, kind: Kind[Row], names: Collection[str]) -> Iterable[int]:
        """Where the rows of those names are: looked up in the index of the table."""
        if kind.TABLE in self._unusable:
            return []
        places: list[int] = []
        ordered = sorted(filter(encodable, names))  # no others can be stored
        for first in range(0, len(ordered), _TOGETHER):
            some = ordered[first : first + _TOGETHER]
            marks = ", ".join("?" * len(some))
            rows = self._tried(f"SELECT rowid FROM {kind.TABLE} WHERE {kind.NAME} IN ({marks})", some)
            if rows is None:  # the index is broken
                return [place for place, name in self._names(kind).items() if name in names]
            places += [place for (place,) in rows]
        return places

    def _page(self, kind: Kind[Row], limit: int, offset: int) -> Sequence[int]:
        """Where the rows of a page are, without the places of all others."""
        if kind.TABLE in self._unusable:
            return []
        rows = self._tried(f"SELECT rowid FROM {kind.TABLE} ORDER BY rowid LIMIT ? OFFSET ?", (limit, offset))
        if rows is None:
            return sorted(self._names(kind))[offset : offset + limit]
        return [place for (place,) in rows]

    def _read(self, kind: Kind[Row], places: Sequence[int], note: _Note | None = None) -> Iterator[Row]:
        """The undamaged rows in `places`; `note` is told the name of each other one and what is wrong with it."""
        note = note or (lambda name, reason: None)
        select = f"SELECT {kind.COLUMNS} FROM {kind.TABLE} WHERE rowid"
        for first in range(0, len(places), _TOGETHER):
            some = places[first : first + _TOGETHER]
            rows = self._tried_fast(f"{select} IN ({', '.join('?' * len(some))}) ORDER BY rowid", some)
            for row in self._one_by_one(select, some, note) if rows is None else rows:
                try:
                    yield kind.read(row)
                except Damaged as error:
                    note(row[0], str(error))

    def _one_by_one(self, select: str, places: Sequence[int], note: _Note) -> Iterator[Sequence[Any]]:
        for place in places:
            rows = self._tried(f"{select} = ?", (place,))
            if rows:
                yield rows[0]
            else:
                note(f"in row {place}", "the file is broken there")

    def _tried_fast(self, query: str, parameters: Sequence[object]) -> list[tuple[Any, ...]] | None:
        """As `_tried`, in half the time where all that it finds is text that can be decoded."""
        rows = self._fast(query, parameters)
        return self._tried(query, parameters) if rows is None else rows

    def _fast(self, query: str, parameters: Sequence[object]) -> list[tuple[Any, ...]] | None:
        """The rows that a query finds; None where the file is broken there, or a text cannot be decoded."""
        careful, self._connection.text_factory = self._connection.text_factory, str
        try:
            return self._connection.execute(query, parameters).fetchall()
        except TROUBLES:
            return None
        finally:
            self._connection.text_factory = careful

    def _tried(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]] | None:
        """The rows that a query finds; None where the file is broken there."""
        with troubles_explained(self._path):
            try:
                return self._connection.execute(query, parameters).fetchall()
            except TROUBLES as error:
                if is_damage(error):
                    return None
                raise


def shown(name: object) -> str:
    """A name out of the file, which may be anything, as it can stand in a line."""
    text = name if isinstance(name, str) and name.isascii() and name.isprintable() else ascii(name)
    return text if len(text) <= 100 else text[:97] + "..."


def _line(kind: Kind[Any], reason: str, names: Sequence[object], intact: int, total: int) -> str:
    some = ", ".join(map(shown, names[:_NAMED])) + (", ..." if len(names) > _NAMED else "")
    others = f"{intact} of {total} can be used"
    if len(names) == 1:
        return f"{kind.CALLED} {some} is damaged: {reason}; {others}"
    return f"{len(names)} rows of {kind.TABLE} are damaged ({some}): {reason}; {others}"
