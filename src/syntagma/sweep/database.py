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
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from syntagma.atomic_file import temporary_directory
from syntagma.errors import InputError, check_kind
from syntagma.sweep.database_errors import BUSY_SECONDS, TROUBLES, explained, name_of, one_line
from syntagma.sweep.database_errors import troubles_explained as troubles_explained

FILE_NAME = "results.sqlite"
APPLICATION_ID = int.from_bytes(b"SYNT", "big")
SCHEMA_VERSION = 2
_CHECK_SECONDS, _CHECK_STEPS = 1.0, 100_000
"""Longest time to look for damage before writing: a file of some gigabytes takes many."""

TABLES = {
    "environments": """CREATE TABLE environments (hash TEXT PRIMARY KEY, description TEXT NOT NULL)""",
    "runs": """CREATE TABLE runs (
        id TEXT PRIMARY KEY, config TEXT NOT NULL, result TEXT NOT NULL, finished_at TEXT NOT NULL,
        environment TEXT NOT NULL REFERENCES environments (hash), checksum TEXT NOT NULL)""",
    "histories": """CREATE TABLE histories (id TEXT PRIMARY KEY, history TEXT NOT NULL, checksum TEXT NOT NULL)""",
    "facts": """CREATE TABLE facts (
        study TEXT NOT NULL, hash TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, recorded_at TEXT NOT NULL,
        checksum TEXT NOT NULL, PRIMARY KEY (study, hash))""",
    "commands": """CREATE TABLE commands (
        number INTEGER PRIMARY KEY, study TEXT NOT NULL, preset TEXT, settings TEXT NOT NULL, argv TEXT NOT NULL,
        started_at TEXT NOT NULL, seconds REAL, environment TEXT NOT NULL REFERENCES environments (hash),
        checksum TEXT NOT NULL)""",
}
"""Histories have a table of their own, so that reading all metrics does not read them."""


def results_file(path: str | Path) -> Path:
    """The file that `path` means: itself where it ends in `.sqlite`, else `results.sqlite` in the directory `path`."""
    check_kind("path", path, (str, os.PathLike), "a path")
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
                connection.executescript(
                    f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; "
                    f"PRAGMA journal_mode = WAL; {'; '.join(TABLES.values())};"
                )
            _link(new, file)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{file} cannot be made: a file is in the place of its directory. Choose another.") from error
    except OSError as error:
        raise InputError(f"{file} cannot be made: {_lower(error)}. Choose a directory that can be written.") from error
    except sqlite3.Error as error:
        raise explained(file, error) from error


def connect(file: Path, read_only: bool, versions: Collection[int] = (SCHEMA_VERSION,)) -> sqlite3.Connection:
    """A connection to the results in `file`, checked to be ours, whole, and writable unless `read_only`.

    Raises:
        InputError: missing, foreign, damaged, of none of the `versions`, or not to be opened as asked.
    """
    with _checked(file, read_only) as connection:
        found = version_of(connection)
        if found not in versions:
            which = "newer" if found > SCHEMA_VERSION else "older"
            raise InputError(
                f"{file} cannot be used: its layout is version {found}, this syntagma reads version {SCHEMA_VERSION}. "
                f"Use the {which} syntagma that made it, or another directory."
            )
        if read_only:
            connection.execute("SELECT rowid FROM runs LIMIT 1").fetchall()
        else:
            _check_for_writing(connection, file)
            connection.executescript("BEGIN IMMEDIATE; ROLLBACK;")  # SQLite opens what it cannot write without a word
        return connection


def temporary() -> sqlite3.Connection:
    """A connection to a new database that is nowhere once it is closed; where large, it is on the disk meanwhile."""
    connection = sqlite3.connect("", isolation_level=None)
    connection.text_factory = _text
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def version_of_file(file: Path) -> int:
    """The version of the layout of our file `file`.

    Raises:
        InputError: missing, foreign, or not to be read.
    """
    with _checked(file, read_only=True) as connection, closing(connection):
        return version_of(connection)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the layout that the file says it has."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _checked(file: Path, read_only: bool) -> Iterator[sqlite3.Connection]:
    """A connection to a file of ours, closed where anything is raised with it."""
    if not _is_file(file):
        raise InputError(f"{file} does not exist: no results are there. Check the directory, or run a study into it.")
    connection = None
    try:
        connection = _readable(file) if read_only else _opened(file, "mode=rw")
        if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
            raise InputError(
                f"{file} cannot be used: another program made it. Give another directory, or move it away."
            )
        yield connection
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, TROUBLES):
            raise explained(file, error) from error
        raise


def _opened(file: Path, mode: str) -> sqlite3.Connection:
    uri = f"{file.absolute().as_uri()}?{mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    connection.text_factory = _text
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _text(content: bytes) -> str | bytes:
    """A stored text; bytes where it is none, so that one damaged row does not end a query."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


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
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            if not isinstance(error, sqlite3.OperationalError):
                raise
    raise InputError(
        f"{file} cannot be read: its log {log.name} has entries that only a writer can restore. "
        "Copy both files into a directory that can be written, and read them there."
    )


def unusable_tables(connection: sqlite3.Connection) -> dict[str, str]:
    """What is wrong with each table that is not as this version made it: missing or altered, so it is not read."""
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall())
    out = {}
    for name, sql in TABLES.items():
        if name not in found:
            out[name] = "missing"
        elif str(found[name]).split() != sql.split():
            out[name] = "altered"
    return out


def _check_for_writing(connection: sqlite3.Connection, file: Path) -> None:
    """Nothing is written into what is broken, nor where something of a stranger's acts on what is written."""
    mend = f"What is left of it can be read; `syntagma merge {file.parent} --out NEW` saves that in another directory"
    if version_of(connection) == SCHEMA_VERSION and (unusable := unusable_tables(connection)):
        name, what = next(iter(unusable.items()))
        raise InputError(f"{file} cannot be written: its table {name} is {what}. {mend}.")
    others = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'index', 'view') AND sql IS NOT NULL"
    for kind, name in connection.execute(others).fetchall():
        if (kind, name) != ("index", "runs_by_study"):  # of layout 1
            raise InputError(f"{file} cannot be written: it has a foreign {kind} {name!a}. Drop it, or copy the rest.")
    deadline = time.monotonic() + _CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _CHECK_STEPS)
    try:
        (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if name_of(error) != "SQLITE_INTERRUPT":
            raise
        state = "ok"  # so far; what is read later is checked row by row
    finally:
        connection.set_progress_handler(None, 0)
    if state != "ok":
        raise InputError(f"{file} cannot be written: it is damaged ({one_line(state)}). {mend}.")


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
