"""The SQLite file of results: its schema, how it comes into being, how it is opened, and what can be wrong with it.

The file is ours if its `application_id` says so, and of a version that this code reads if its `user_version` does. It
is made beside its final place and linked there whole, so that a crash leaves none half made and of several processes
that start together one makes it. It is in write-ahead mode: readers and one writer at a time do not disturb each other.
Write-ahead mode needs shared memory, so all processes that write must run on one machine.

Nothing in the file is executed: it holds text and numbers, and SQLite is told not to trust its schema.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from syntagma.errors import InputError
from syntagma.sweep import migration
from syntagma.sweep.atomic_file import temporary_directory

FILE_NAME = "results.sqlite"
APPLICATION_ID = int.from_bytes(b"SYNT", "big")
SCHEMA_VERSION = 2
BUSY_SECONDS = 30.0
_MOST_CHECKED = 1 << 28
"""Bytes of a file whose pages are all checked when it is opened."""

_SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
PRAGMA journal_mode = WAL;
CREATE TABLE environments (hash TEXT PRIMARY KEY, machine TEXT NOT NULL, versions TEXT NOT NULL);
{migration.RUNS}
CREATE TABLE facts (
    study TEXT NOT NULL, hash TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, recorded_at TEXT NOT NULL,
    PRIMARY KEY (study, hash));
CREATE TABLE commands (
    number INTEGER PRIMARY KEY, study TEXT NOT NULL, preset TEXT, settings TEXT NOT NULL, argv TEXT NOT NULL,
    started_at TEXT NOT NULL, seconds REAL, environment TEXT NOT NULL REFERENCES environments (hash));
"""

_TROUBLES = {
    "SQLITE_NOTADB": ("it is not a file of results", "Give another directory, or move that file away"),
    "SQLITE_CORRUPT": ("it is damaged", "Restore a copy of it, or move it away and run the study again"),
    "SQLITE_READONLY": ("it or its directory cannot be written", "Change its permissions, or choose another directory"),
    "SQLITE_CANTOPEN": ("it or its directory cannot be opened", "Change its permissions, or copy the directory"),
    "SQLITE_BUSY": (f"another process held it for {BUSY_SECONDS:.0f} s", "Wait for that process, or end it"),
    "SQLITE_FULL": ("the disk is full", "Make room and repeat the command; finished runs are kept"),
    "SQLITE_IOERR": ("the disk reports an error", "Check the disk; finished runs are kept"),
    "SQLITE_ERROR": ("a table of it is missing or altered", "Restore a copy of it, or move it away"),
}


def results_file(path: str | Path) -> Path:
    """The file that `path` means: itself where it ends in `.sqlite`, else `results.sqlite` in the directory `path`."""
    path = Path(path)
    return path if path.suffix == ".sqlite" else path / FILE_NAME


def create(file: Path) -> None:
    """Make `file`, and its directory where missing; an existing file is left as it is.

    Raises:
        InputError: the directory cannot be made or written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            return
        with temporary_directory(file.parent) as nearby:
            new = nearby / FILE_NAME
            with closing(sqlite3.connect(new)) as connection:
                connection.executescript(_SCHEMA)
            _link(new, file)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{file} cannot be made: a file is in the place of its directory. Choose another.") from error
    except OSError as error:
        raise InputError(f"{file} cannot be made: {_lower(error)}. Choose a directory that can be written.") from error
    except sqlite3.Error as error:
        raise explained(file, error) from error


def connect(file: Path, read_only: bool) -> sqlite3.Connection:
    """A connection to the results in `file`, checked to be ours, whole, and writable unless `read_only`.

    Raises:
        InputError: missing, foreign, damaged, of a newer version, or not to be opened as asked.
    """
    if not _is_file(file):
        raise InputError(f"{file} does not exist: no results are there. Check the directory, or run a study into it.")
    connection = None
    try:
        connection = _readable(file) if read_only else _opened(file, "mode=rw")
        if _version(connection) == (APPLICATION_ID, 1):
            connection = _of_version_1(file, connection, read_only)
        _check(connection, file)
        if not read_only:
            connection.executescript("BEGIN IMMEDIATE; ROLLBACK;")  # SQLite opens what it cannot write without a word
        return connection
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if connection is not None:
            connection.close()
        raise explained(file, error) from error
    except InputError:
        if connection is not None:
            connection.close()
        raise


@contextmanager
def troubles_explained(file: Path) -> Iterator[None]:
    """Turns what SQLite raises inside into the one-line error."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise explained(file, error) from error


def explained(file: Path, error: sqlite3.Error | UnicodeDecodeError) -> InputError:
    """The one-line error for what SQLite raised about `file`; its own words may be what a damaged file made of them."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if isinstance(error, UnicodeDecodeError):
        name, error = "SQLITE_CORRUPT", sqlite3.DatabaseError("text that is not UTF-8")
    for start, (trouble, mend) in _TROUBLES.items():
        if name.startswith(start):
            return InputError(f"{file} cannot be used: {trouble} ({_one_line(error)}). {mend}.")
    return InputError(f"{file} cannot be used: {_one_line(error)}. Choose another directory.")


def _one_line(error: Exception) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())


def _opened(file: Path, mode: str) -> sqlite3.Connection:
    uri = f"{file.absolute().as_uri()}?{mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")  # such text has no right checksum
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _readable(file: Path) -> sqlite3.Connection:
    """A connection that only reads, by the first of three ways that works.

    Plain `mode=ro` leaves two side files behind, so a writable place is opened writable and told only to query. On a
    read-only place `mode=ro` works while a writer is at it; where there is no writer there is no log, and `immutable`
    reads the file alone.
    """
    log = file.with_name(file.name + "-wal")
    for mode in ("mode=rw", "mode=ro", "mode=ro&immutable=1"):
        if "immutable" in mode and log.exists() and log.stat().st_size:
            break
        connection = None
        try:
            connection = _opened(file, mode)
            connection.execute("PRAGMA query_only = ON")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return connection
        except sqlite3.OperationalError:
            if connection is not None:
                connection.close()
    raise InputError(
        f"{file} cannot be read: its log {log.name} has entries that only a writer can restore. "
        "Copy both files into a directory that can be written, and read them there."
    )


def _version(connection: sqlite3.Connection) -> tuple[int, int]:
    """Whose the file is, and of which version."""
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return owner, version


def _of_version_1(file: Path, connection: sqlite3.Connection, read_only: bool) -> sqlite3.Connection:
    """A connection to the content in today's layout: of the file itself, or of a copy in memory where it is only read."""
    if read_only:
        with closing(connection):
            return migration.migrated_copy(connection)
    connection.close()
    try:
        print(migration.migrate_file(file), file=sys.stderr)
    except (OSError, InputError, TypeError) as error:
        raise InputError(
            f"{file} cannot be used: it is of an earlier layout and damaged ({error}). Restore a copy."
        ) from error
    return _opened(file, "mode=rw")


def _check(connection: sqlite3.Connection, file: Path) -> None:
    owner, version = _version(connection)
    if owner != APPLICATION_ID:
        raise InputError(f"{file} cannot be used: another program made it. Give another directory, or move it away.")
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{file} cannot be used: its layout is version {version}, this syntagma reads version {SCHEMA_VERSION}. "
            f"Use the {'newer' if version > SCHEMA_VERSION else 'older'} syntagma that made it, or another directory."
        )
    state = _state(connection, file)
    if state != "ok":
        trouble, mend = _TROUBLES["SQLITE_CORRUPT"]
        raise InputError(f"{file} cannot be used: {trouble} ({' '.join(str(state).split())}). {mend}.")


def _state(connection: sqlite3.Connection, file: Path) -> str:
    """What SQLite's own check says; of large files it is left out, since it reads all of them: rows are checked anyway."""
    if file.stat().st_size > _MOST_CHECKED:
        return "ok"
    (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    return str(state)


def _link(new: Path, file: Path) -> None:
    """Put `new` in the place of `file` unless another process was quicker."""
    try:
        os.link(new, file)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not file.exists():
            os.replace(new, file)


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError as error:
        raise InputError(
            f"{file} cannot be opened: {_lower(error)}. Change the permissions of its directory."
        ) from error


def _lower(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
