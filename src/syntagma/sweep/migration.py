"""Results of an older layout, brought to today's.

In layout 1 a run's configuration held the name of the study that asked for it, so that the same run of two studies had
two ids. Layout 2 knows runs by what determines their results; ids change, and with them the names of the directories in
which networks are kept. A file that is opened for writing is changed in place, after a whole copy of it was put beside
it; for reading, a temporary copy is changed, and the networks keep their names.

A crash at any moment leaves a file of one layout or the other: everything in it changes in one transaction. Networks
are renamed before that, and a renamed one is left as it is by the next attempt.
"""

from __future__ import annotations

import filecmp
import os
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syntagma.atomic_file import temporary_directory
from syntagma.errors import InputError
from syntagma.sweep import database
from syntagma.sweep.database_errors import explained, troubles_explained
from syntagma.sweep.identity import canonical_text, id_of_text
from syntagma.sweep.reading import shown
from syntagma.sweep.rows import StoredCommand, StoredEnvironment, StoredFact, StoredHistory
from syntagma.sweep.run_rows import StoredRun
from syntagma.sweep.stored_json import Damaged, mapping_of, value_of

OLD_VERSION = 1


@dataclass(frozen=True)
class Migrated:
    """What became of a file of layout 1.

    Attributes:
        ids: the new id of each old one, in the order in which the runs finished; two old ones may have the same.
        left_out: a line for each row that was damaged already, and is in the copy only.
    """

    ids: Mapping[str, str]
    left_out: list[str]

    def first_old_ids(self) -> dict[str, str]:
        """For each new id the first old one, whose result was kept."""
        return {new: old for old, new in reversed(list(self.ids.items()))}


def migrate(file: Path) -> Migrated:
    """Bring the results in `file`, of layout 1, to today's layout, in place; nothing where another process did.

    A copy of it as it was is put beside it, as `results.v1.sqlite`, and a line on the standard error says so.

    Raises:
        InputError: it cannot be read or written, or the copy cannot.
    """
    with closing(_connection(file)) as connection, troubles_explained(file):
        connection.execute("BEGIN IMMEDIATE")
        if database.version_of(connection) != OLD_VERSION:
            return Migrated({}, [])
        copy = file.with_name(f"{file.stem}.v{OLD_VERSION}{file.suffix}")
        _copy(file, copy)
        migrated = _change(connection)
        _rename_networks(file.parent / "weights", migrated.ids)
        connection.execute("COMMIT")
        with suppress(sqlite3.OperationalError):  # no room, or a reader: the file stays larger than it must be
            connection.execute("VACUUM")
    lost = f"; {len(migrated.left_out)} damaged rows are in the copy only" if migrated.left_out else ""
    print(f"{file} was brought to layout {database.SCHEMA_VERSION}; as it was: {copy.name}{lost}", file=sys.stderr)
    return migrated


def migrated_copy(file: Path) -> tuple[sqlite3.Connection, Migrated]:
    """A temporary copy of the results in `file`, brought to today's layout; `file` stays as it is.

    Raises:
        InputError: `file` cannot be read, or there is no room for the copy.
    """
    with closing(database.connect(file, read_only=True, versions=(OLD_VERSION,))) as source:
        connection = database.temporary()
        try:
            with troubles_explained(file):
                source.backup(connection)
                connection.execute("BEGIN")
                migrated = _change(connection)
                connection.execute("COMMIT")
                connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
    return connection, migrated


def _connection(file: Path) -> sqlite3.Connection:
    connection = database.connect(file, read_only=False, versions=(OLD_VERSION, database.SCHEMA_VERSION))
    connection.execute("PRAGMA foreign_keys = OFF")  # tables that refer to each other are replaced
    return connection


def _copy(file: Path, copy: Path) -> None:
    """A whole copy of the database `file`, its log included; it is there whole or not at all."""
    try:
        with temporary_directory(copy.parent) as nearby:
            new = nearby / copy.name
            source = database.connect(file, read_only=True, versions=(OLD_VERSION,))
            with closing(source), closing(sqlite3.connect(new)) as target:
                source.backup(target)
            os.replace(new, copy)
    except OSError as error:
        raise InputError(
            f"{copy} cannot be made: {(error.strerror or str(error)).lower()}. Make room for it."
        ) from error
    except sqlite3.Error as error:
        raise explained(copy, error) from error


def _change(connection: sqlite3.Connection) -> Migrated:
    """Rewrite all tables, inside a transaction."""
    ids: dict[str, str] = {}
    left_out: list[str] = []
    old = {name: connection.execute(query).fetchall() for name, query in _OLD_ROWS.items()}
    for name in _OLD_ROWS:
        connection.execute(f"DROP TABLE {name}")
    for statement in database.TABLES.values():
        connection.execute(statement)
    for name, rows in old.items():
        for row in rows:
            try:
                for table, new in _WAYS[name](row, ids):
                    places = ", ".join("?" * len(new))
                    connection.execute(f"INSERT OR IGNORE INTO {table} VALUES ({places})", new)
            except (Damaged, InputError) as error:
                left_out.append(f"{name[:-1]} {shown(row[0])} is damaged: {error}")
    connection.execute(f"PRAGMA user_version = {database.SCHEMA_VERSION}")
    return Migrated(ids, left_out)


_OLD_ROWS = {
    "environments": "SELECT hash, machine, versions FROM environments ORDER BY rowid",
    "runs": "SELECT id, study, config, result, history, finished_at, environment FROM runs ORDER BY rowid",
    "facts": "SELECT study, hash, key, value, recorded_at FROM facts ORDER BY rowid",
    "commands": "SELECT number, study, preset, settings, argv, started_at, seconds, environment FROM commands",
}
"""In the order in which they are changed: facts may speak of runs, by their ids."""

_Rows = Iterable[tuple[str, tuple[Any, ...]]]


def _environment(row: tuple[Any, ...], ids: dict[str, str]) -> _Rows:
    name, machine, versions = row
    new = StoredEnvironment.written(
        {"machine": mapping_of(machine, "machine"), "versions": mapping_of(versions, "versions")}
    )
    if new[0] != name:
        raise Damaged("its description is not that of its hash")
    yield "environments", new


def _run(row: tuple[Any, ...], ids: dict[str, str]) -> _Rows:
    identity, study, config, result, history, finished_at, environment = row
    settings = mapping_of(config, "configuration")
    if id_of_text(canonical_text(settings)) != identity or settings.pop("study", None) != study:
        raise Damaged("its configuration is not that of its id")
    new = StoredRun.written(settings, mapping_of(result, "result"), _text(finished_at), _text(environment))
    checkpoints = StoredHistory.written(new[0], value_of(history, "history"))
    StoredHistory.read(checkpoints)
    ids[identity] = new[0]
    yield "runs", new
    yield "histories", checkpoints


def _fact(row: tuple[Any, ...], ids: dict[str, str]) -> _Rows:
    study, _, key, value, recorded_at = row
    key = _renamed(mapping_of(key, "key"), ids)
    yield "facts", StoredFact.written(_text(study), key, mapping_of(value, "value"), _text(recorded_at))


def _command(row: tuple[Any, ...], ids: dict[str, str]) -> _Rows:
    number, study, preset, settings, argv, started_at, seconds, environment = row
    words = value_of(argv, "argv")
    command = StoredCommand(
        number, study, preset, mapping_of(settings, "settings"), words, started_at, seconds, environment
    )
    new = command.written()
    StoredCommand.read(new)
    yield "commands", new


_WAYS = {"environments": _environment, "runs": _run, "facts": _fact, "commands": _command}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Damaged("it holds another type than belongs there")
    return value


def _renamed(value: Any, ids: Mapping[str, str]) -> Any:
    """`value` with the new id for each old one."""
    if isinstance(value, dict):
        return {name: _renamed(inner, ids) for name, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, ids) for inner in value]
    return ids.get(value, value) if isinstance(value, str) else value


def _rename_networks(weights: Path, ids: Mapping[str, str]) -> None:
    """Give the directories of networks the new ids; of two runs that became one, the first one's files stay."""
    try:
        for old, new in ids.items():
            source, target = weights / old, weights / new
            if not source.is_dir():
                continue
            if not target.exists():
                source.rename(target)
                continue
            for file in source.iterdir():
                if not (target / file.name).exists():
                    file.rename(target / file.name)
                elif filecmp.cmp(file, target / file.name, shallow=False):
                    file.unlink()
            if not any(source.iterdir()):
                source.rmdir()
    except OSError as error:
        raise InputError(
            f"{weights} cannot be renamed: {(error.strerror or str(error)).lower()}. Change its permissions."
        ) from error
