"""Where results are kept: one SQLite file, `results.sqlite`, in a results directory.

A run is known by the hash of its configuration, whichever study asks for it, and what is stored first stays: a repeated
or interrupted command asks which ids are there, and does what is missing. Beside the runs stand facts (exact statistics
and predictions that the figures need, e.g. the plateaus of one grammar) and the commands that were given. Each is
written in one short transaction, so several processes may write at once, each with a `Store` of its own; nothing is ever
unpickled.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syntagma.errors import InputError, invalid
from syntagma.sweep import database, migration
from syntagma.sweep.environment import environment
from syntagma.sweep.identity import flatten, plain, run_id
from syntagma.sweep.reading import Reader
from syntagma.sweep.rows import Row, StoredCommand, StoredEnvironment, StoredFact, StoredHistory, StoredRun

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Store", "environment", "run_id"]

_OWN_COLUMNS = ("id", "finished_at", "environment")


class Store:
    """Results in one file. Use `Store.create` or `Store.open`, best as a context manager.

        with Store.open("results/scaling-laws-quick", read_only=True) as store:
            table = store.runs()

    One `Store` belongs to the thread that opened it; another process or thread opens its own on `store.path`. Rows of
    the file that are damaged are left out of all that is read; `damage` names them.

    Attributes:
        path: the SQLite file.
        read_only: whether recording is refused.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, read_only: bool, former: Mapping[str, str] | None = None
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._connection = connection
        self._reader = Reader(path, connection)
        self._former = dict(former or {})
        self._file = _file_identity(path)
        self._environment: str | None = None
        self._started: dict[int, float] = {}
        self._latest = ""

    @classmethod
    def create(cls, path: str | Path) -> Store:
        """The store in directory `path` (or the file, if it ends in `.sqlite`), made if it is not there yet.

        The directory is made where missing.

        Raises:
            InputError: it cannot be made or written, or a foreign or damaged file is in its place.
        """
        database.create(database.results_file(path))
        return cls.open(path)

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False) -> Store:
        """The store in directory `path` (or the file, if it ends in `.sqlite`).

        With `read_only`, a file or file system without write permission will do. A file of an older layout is brought
        to today's: in place and with a copy of it beside it, or with `read_only` in memory alone (see `migration`).

        Raises:
            InputError: missing, foreign, damaged, of a newer layout, or not writable without `read_only`.
        """
        file = database.results_file(path)
        if database.version_of_file(file) == migration.OLD_VERSION:
            if read_only:
                connection, migrated = migration.migrated_copy(file)
                return cls(file, connection, read_only, {new: old for old, new in reversed(migrated.ids.items())})
            migration.migrate(file)
        return cls(file, database.connect(file, read_only), read_only)

    def close(self) -> None:
        """Release the file. What was recorded is already in it."""
        with database.troubles_explained(self.path):
            self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record_run(self, config: Mapping[str, Any], result: Mapping[str, Any]) -> str:
        """Store a finished run and return its id; a run that is stored already, undamaged, is left as it is.

        Args:
            config: the configuration, all that determines the result: JSON values, nested as wanted. Its `run_id` is
                the id.
            result: the metrics, numbers or text, nested as wanted; NaN and infinity are kept. `result["history"]`, if
                there, is a list of mappings, one per checkpoint.

        Raises:
            InputError: NaN in the configuration; a value that is no JSON value; a metric named as a configuration value
                or an own column (id, finished_at, environment); the store is read-only, or its file was removed.
        """
        metrics = dict(result)
        history = plain(metrics.pop("history", []), "history")
        if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
            raise invalid("history", history, "it must be a list of mappings", "Give one mapping per checkpoint")
        clash = set(flatten(plain(metrics, "result"))) & ({*flatten(config)} | {*_OWN_COLUMNS})
        if clash:
            raise invalid("result", sorted(clash), "a column of the run has that name", "Rename it in the result")
        with self._transaction() as connection:
            row = StoredRun.written(config, metrics, self._now(), self._here(connection))
            identity = row[0]
            if self._reader.one(StoredRun, id=identity) is None:
                connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)", row)
                checkpoints = StoredHistory.written(identity, history)
                connection.execute("INSERT OR REPLACE INTO histories VALUES (?, ?, ?)", checkpoints)
        return identity

    def has(self, run_id: str) -> bool:
        """Whether that run is stored, undamaged."""
        return self._reader.one(StoredRun, id=run_id) is not None

    def ids(self) -> set[str]:
        """The ids of all stored runs that are undamaged; linear in the size of the file."""
        return {run.id for run in self._reader.all(StoredRun)}

    def runs(self, ids: Collection[str] | None = None, *, limit: int | None = None, offset: int = 0) -> pd.DataFrame:
        """One row per stored run, all or those among `ids`, in the order they finished.

        Columns: id, the configuration with dotted names (`language.vocab`), the metrics, finished_at (UTC), environment
        (a key of `environments`). What a run does not have is missing (None, NaN or NA); lists are tuples; whole numbers
        are whole, of dtype Int64 where some are missing.

        Args:
            ids: of the runs that are wanted; those that are not stored have no row.
            limit: at most so many rows, after the first `offset`: a page of a long table.
        """
        from syntagma.sweep.tables import table_of_runs

        return table_of_runs(self._reader.all(StoredRun, ids, limit, offset))

    def results(self, ids: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
        """The metrics of each stored run, all or those among `ids`, by its id, in the order they finished."""
        return {run.id: run.result for run in self._reader.all(StoredRun, ids)}

    def config(self, run_id: str) -> dict[str, Any]:
        """The configuration of that run.

        Raises:
            InputError: there is no such run.
        """
        return self._found(StoredRun, run_id).config

    def history(self, run_id: str) -> pd.DataFrame:
        """One row per checkpoint of that run.

        Raises:
            InputError: there is no such run, or its history is damaged.
        """
        import pandas as pd

        return pd.DataFrame(self._found(StoredHistory, run_id).history)

    def checkpoints(self, run_id: str) -> dict[int, Path]:
        """The files of the networks that were kept of that run by their step, ascending; empty where none was."""
        directory = self.path.parent / "weights" / self._former.get(run_id, run_id)
        files = [file for file in directory.glob("*.safetensors") if file.stem.isdecimal()]
        return dict(sorted((int(file.stem), file) for file in files))

    def record_fact(self, study: str, key: Mapping[str, Any], value: Mapping[str, Any]) -> None:
        """Store what is known without a run under `key`; a fact that is stored already is left as it is.

        Raises:
            InputError: as `record_run` for the key (as configuration) and the value (as result).
        """
        row = StoredFact.written(study, key, value, self._now())
        with self._transaction() as connection:
            if self._reader.one(StoredFact, study=study, hash=row[1]) is None:
                connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?)", row)

    def facts(self, study: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """All facts of `study` as (key, value), in the order of recording."""
        return [(fact.key, fact.value) for fact in self._reader.all(StoredFact) if fact.study == study]

    def record_command(self, study: str, preset: str | None, settings: Mapping[str, Any], argv: Sequence[str]) -> int:
        """Store that a command starts and return its number, for `finish_command`.

        Of the program's own path only the name is kept.
        """
        words = [Path(word).name if place == 0 else word for place, word in enumerate(argv)]
        with self._transaction() as connection:
            (last,) = connection.execute("SELECT max(number) FROM commands").fetchone()
            command = StoredCommand(
                int(last or 0) + 1, study, preset, dict(settings), words, self._now(), None, self._here(connection)
            )
            connection.execute("INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", command.written())
        self._started[command.number] = time.monotonic()
        return command.number

    def finish_command(self, number: int) -> None:
        """Store how long the command took that this `Store` recorded under `number`; without it, it was interrupted."""
        seconds = time.monotonic() - self._started.pop(number)
        with self._transaction() as connection:
            command = self._reader.one(StoredCommand, number=number)
            if command is not None:
                command = replace(command, seconds=seconds)
                connection.execute(
                    "INSERT OR REPLACE INTO commands VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", command.written()
                )

    def commands(self) -> pd.DataFrame:
        """What was asked: number, study, preset, settings (dict), argv (list), started_at (UTC), seconds, environment.

        `seconds` is NaN where the command was interrupted or still runs.
        """
        import pandas as pd

        names = [field.name for field in fields(StoredCommand)]
        table = pd.DataFrame([asdict(command) for command in self._reader.all(StoredCommand)], columns=names)
        return table.astype({"seconds": float})

    def studies(self) -> list[str]:
        """The studies of the commands that were given, and of the facts, by name."""
        commands, facts = self._reader.all(StoredCommand), self._reader.all(StoredFact)
        return sorted({command.study for command in commands} | {fact.study for fact in facts})

    def environments(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What every result was made with, as `environment()` describes it, by its hash."""
        return {found.hash: found.description for found in self._reader.all(StoredEnvironment)}

    def damage(self) -> list[str]:
        """A line for each damaged row of the file, which is left out of all that is read; linear in its size."""
        return self._reader.damage()

    def mixed_environments(self, ids: Collection[str]) -> str:
        """One line that names what differs between the environments of these runs; empty where nothing does."""
        used = {run.environment for run in self._reader.all(StoredRun, ids)}
        flat = [flatten(one) for name, one in self.environments().items() if name in used]
        names = sorted({name for one in flat for name in one if len({str(other.get(name)) for other in flat}) > 1})
        if not names:
            return ""
        said = (f"{name} ({', '.join(sorted({str(one.get(name)) for one in flat}))})" for name in names)
        return (
            f"These runs were done in {len(flat)} environments, which may differ in the last digits: {'; '.join(said)}."
        )

    def export(self, path: str | Path) -> None:
        """Write all runs, with machine, versions and settings, to `path`: CSV or Parquet by its ending, whole or not.

        Lists, and columns of mixed type, are written as JSON text. Histories stay in the database.

        Raises:
            InputError: another ending, or `path` cannot be written.
        """
        from syntagma.sweep.export import write_table

        write_table(self._with_environments(), path)

    def _with_environments(self) -> pd.DataFrame:
        import pandas as pd

        runs = self.runs()
        flat = {name: flatten(there) for name, there in self.environments().items()}
        details = pd.DataFrame([flat.get(name, {}) for name in runs["environment"]], index=runs.index)
        return pd.concat([runs.drop(columns="environment"), details], axis=1)

    def _here(self, connection: sqlite3.Connection) -> str:
        """The hash of this process's environment, stored on first use. Inside a transaction."""
        if self._environment is None:
            row = StoredEnvironment.written(environment())
            connection.execute("INSERT OR REPLACE INTO environments VALUES (?, ?)", row)
            self._environment = row[0]
        return self._environment

    def _now(self) -> str:
        """The time (UTC), never before one that this `Store` has given: a clock may be set back."""
        self._latest = max(self._latest, datetime.now(UTC).isoformat(timespec="seconds"))
        return self._latest

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Write at once or not at all; waits for other writers."""
        if self.read_only:
            raise InputError(f"{self.path} was opened read-only: open it for writing to record results.")
        known = self._environment
        with database.troubles_explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                if _file_identity(self.path) != self._file:  # SQLite would go on writing to the file without a name
                    raise InputError(
                        f"{self.path} was removed or replaced while it was in use: what has finished since is not "
                        "stored. Give the command again."
                    )
                self._connection.execute("COMMIT")
            except BaseException:
                self._environment = known
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _found(self, kind: type[Row], run_id: str) -> Row:
        row = self._reader.one(kind, id=run_id)
        if row is None:
            raise invalid("run_id", run_id, "no stored run has that id", "The column id of the runs lists them")
        return row


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
