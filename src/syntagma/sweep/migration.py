"""Results files of earlier layouts, made into today's.

Version 1 kept with each run the study that asked for it, as part of the run's identity; version 2 does not, so that a run
that two studies ask for is done once, and keeps a checksum with each result. Ids change with that: facts that name runs
and the directories of weights change with them.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from syntagma.errors import InputError
from syntagma.sweep.identity import canonical_text, digest, run_id
from syntagma.sweep.records import checksum

RUNS = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, config TEXT NOT NULL, result TEXT NOT NULL, history TEXT NOT NULL, checksum TEXT NOT NULL,
    finished_at TEXT NOT NULL, environment TEXT NOT NULL REFERENCES environments (hash));
"""


def migrate_file(file: Path) -> str:
    """Bring a results file of version 1 to version 2, in one transaction, a copy of it kept beside it; says so in a line.

    Weights are linked under their new names before the file changes, and lose the old ones after: interrupted at any
    point, the next opening does it again.

    Raises:
        InputError: the file holds what no version 1 holds.
    """
    backup = file.with_name(f"{file.stem}.v1{file.suffix}")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        if not backup.exists():
            with closing(sqlite3.connect(backup)) as copy:
                connection.backup(copy)
        names = _names(connection)
        weights = file.parent / "weights"
        for old, new in names.items():
            if (weights / old).is_dir() and not (weights / new).exists():
                shutil.copytree(weights / old, weights / new, copy_function=os.link)
        _migrate(connection, names)
        for old in names:
            with suppress(OSError):
                shutil.rmtree(weights / old)
    return f"{file} was of an earlier layout: its {len(names)} runs are kept in the new one, and the old file as {backup.name}."


def migrated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The content of a version-1 file in memory, as version 2: for reading where nothing may be written."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(copy)
    _migrate(copy, _names(copy))
    return copy


def _names(connection: sqlite3.Connection) -> dict[str, str]:
    """New ids of the runs by their old ones."""
    return {old: run_id(config) for old, config in _configs(connection)}


def _configs(connection: sqlite3.Connection, table: str = "runs") -> Iterator[tuple[str, dict[str, Any]]]:
    """Old id and new configuration of each run; what is damaged cannot be named anew: the old file keeps it."""
    for identity, text in connection.execute(f"SELECT id, config FROM {table} ORDER BY rowid"):
        with suppress(TypeError, ValueError, KeyError, RecursionError):
            config = json.loads(text)
            del config["study"]
            yield identity, config


def _migrate(connection: sqlite3.Connection, names: Mapping[str, str]) -> None:
    try:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ALTER TABLE runs RENAME TO runs_of_version_1")
        connection.execute("DROP INDEX IF EXISTS runs_by_study")
        connection.execute(RUNS)
        for identity, config in list(_configs(connection, "runs_of_version_1")):
            row = connection.execute(
                "SELECT result, history, finished_at, environment FROM runs_of_version_1 WHERE id = ?", (identity,)
            ).fetchone()
            result, history, finished_at, environment = row
            connection.execute(
                "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    names[identity],
                    canonical_text(config),
                    result,
                    history,
                    checksum(str(result)),
                    finished_at,
                    environment,
                ),
            )
        _rename_in_facts(connection, names)
        connection.execute("DROP TABLE runs_of_version_1")
        connection.execute("PRAGMA user_version = 2")
        connection.execute("COMMIT")
    except (sqlite3.Error, InputError, TypeError):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _rename_in_facts(connection: sqlite3.Connection, names: Mapping[str, str]) -> None:
    """Facts of a run, such as what its network knows, name the run in their key."""
    for rowid, text in connection.execute("SELECT rowid, key FROM facts").fetchall():
        with suppress(TypeError, ValueError, RecursionError):
            key = json.loads(text)
            if isinstance(key, dict) and key.get("run") in names:
                new = canonical_text(key | {"run": names[key["run"]]})
                connection.execute(
                    "UPDATE OR IGNORE facts SET key = ?, hash = ? WHERE rowid = ?", (new, digest(new), rowid)
                )
