"""Where results are kept: one SQLite file, `results.sqlite`, in a results directory.

A run is known by the hash of its configuration, and what is stored first stays: a repeated or interrupted command asks
`has`, and does what is missing. Beside the runs stand facts (exact statistics and predictions that the figures need,
e.g. the plateaus of one grammar) and the commands that were given. Each is written in one short transaction, so several
processes may write at once, each with a `Store` of its own; nothing is ever unpickled.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syntagma.errors import InputError, invalid
from syntagma.sweep import database
from syntagma.sweep.environment import environment
from syntagma.sweep.identity import canonical_text, digest, flatten, json_text, plain, run_id
from syntagma.sweep.records import Damage, RunRecord, checksum, number_or_nan, read_json, run_records

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Store", "environment", "run_id"]

_OWN_COLUMNS = ("id", "finished_at", "environment")


class Store:
    """Results in one file. Use `Store.create` or `Store.open`, best as a context manager.

    One `Store` belongs to the thread that opened it; another process or thread opens its own on `store.path`.

    Attributes:
        path: the SQLite file.
        read_only: whether recording is refused.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._connection = connection
        self._environment: str | None = None
        self._started: dict[int, float] = {}

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
        """The store in directory `path` (or the file, if it ends in `.sqlite`). Checks the file: linear in its size.

        With `read_only`, a file or file system without write permission will do.

        Raises:
            InputError: missing, foreign, damaged, of another version, or not writable without `read_only`.
        """
        file = database.results_file(path)
        return cls(file, database.connect(file, read_only), read_only)

    def close(self) -> None:
        """Release the file. What was recorded is already in it."""
        with database.troubles_explained(self.path):
            self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record_run(self, run: Mapping[str, Any], result: Mapping[str, Any]) -> str:
        """Store a finished run and return its id; a run that is stored already is left as it is.

        Args:
            run: the configuration, all that determines the result: JSON values, nested as wanted. Its `run_id` is the
                id.
            result: the metrics, numbers or text, nested as wanted; NaN and infinity are kept. `result["history"]`, if
                there, is a list of mappings, one per checkpoint.

        Raises:
            InputError: NaN in the configuration; a value that is no JSON value; a metric named as a
                configuration value or an own column (id, finished_at, environment); the store is read-only.
        """
        config, metrics = canonical_text(run), dict(result)
        history = plain(metrics.pop("history", []), "history")
        if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
            raise invalid("history", history, "it must be a list of mappings", "Give one mapping per checkpoint")
        clash = set(flatten(plain(metrics, "result"))) & ({*flatten(run)} | {*_OWN_COLUMNS})
        if clash:
            raise invalid("result", sorted(clash), "a column of the run has that name", "Rename it in the result")
        identity, text = run_id(run), json_text(metrics)
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)",
                (identity, config, text, json_text(history), checksum(text), _now(), self._here(connection)),
            )
            self._remove_damaged(connection, identity, (config, text, json_text(history)))
        return identity

    def _remove_damaged(self, connection: sqlite3.Connection, identity: str, texts: tuple[str, str, str]) -> None:
        """Where a damaged run stands in the place of the new one, put the new one there."""
        if not list(run_records(connection, Damage(), [identity])):
            config, result, history = texts
            connection.execute(
                "UPDATE runs SET config = ?, result = ?, history = ?, checksum = ? WHERE id = ?",
                (config, result, history, checksum(result), identity),
            )

    def has(self, run_id: str) -> bool:
        """Whether that run is stored, undamaged."""
        return bool(self._records([run_id]))

    def ids(self) -> set[str]:
        """The ids of all stored runs that can be believed."""
        return {record.id for record in self._records()}

    def results(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The metrics of these runs, as far as they are stored."""
        return {record.id: record.result for record in self._records(list(ids))}

    def runs(self, ids: Iterable[str] | None = None) -> pd.DataFrame:
        """One row per stored run, of all or of those asked for, in the order they finished.

        Columns: id, the configuration with dotted names (`language.vocab`), the metrics, finished_at (UTC), environment
        (a key of `environments`). What a run does not have is missing (NaN or None); lists are tuples.
        """
        import pandas as pd

        columns: dict[str, list[Any]] = {"id": []}
        number = 0
        for record in self._records(None if ids is None else list(ids)):
            row = {"id": record.id} | flatten(record.config) | flatten(record.result)
            row |= {"finished_at": record.finished_at, "environment": record.environment}
            for name in (name for name in row if name not in columns):
                columns[name] = [None] * number
            number += 1
            for name, values in columns.items():
                values.append(row.get(name))
        table = pd.DataFrame(columns, columns=None if number else list(_OWN_COLUMNS)).infer_objects()
        return table.reindex(columns=[*table.columns.drop(last := list(_OWN_COLUMNS[1:])), *last])

    def damage(self) -> list[str]:
        """What is damaged, one line each: such runs are left out wherever runs are read."""
        known = Damage()
        with database.troubles_explained(self.path):
            for _ in run_records(self._connection, known):
                pass
        return known.lines

    def mixed_environments(self, ids: Iterable[str]) -> str:
        """One line that names what differs between the environments of these runs; empty where nothing does."""
        used = {record.environment for record in self._records(list(ids))}
        known = self.environments()
        flat = [flatten(known[name]) for name in sorted(used) if name in known]
        names = sorted({name for one in flat for name in one if len({str(other.get(name)) for other in flat}) > 1})
        if not names:
            return ""
        said = (f"{name} ({', '.join(sorted({str(one.get(name)) for one in flat}))})" for name in names)
        return (
            f"these runs were done in {len(flat)} environments, which may change their last digits: {'; '.join(said)}."
        )

    def config(self, run_id: str) -> dict[str, Any]:
        """The configuration of that run.

        Raises:
            InputError: there is no such run.
        """
        return self._record(run_id).config

    def history(self, run_id: str) -> pd.DataFrame:
        """One row per checkpoint of that run.

        Raises:
            InputError: there is no such run, or its history is damaged.
        """
        import pandas as pd

        self._record(run_id)
        ((text,),) = self._rows("SELECT history FROM runs WHERE id = ?", run_id)
        return pd.DataFrame(read_json(text, list))

    def _records(self, ids: list[str] | None = None) -> list[RunRecord]:
        with database.troubles_explained(self.path):
            return list(run_records(self._connection, Damage(), ids))

    def _record(self, run_id: str) -> RunRecord:
        records = self._records([run_id])
        if not records:
            raise invalid("run_id", run_id, "no stored run has that id", "The column id of the runs lists them")
        return records[0]

    def record_fact(self, study: str, key: Mapping[str, Any], value: Mapping[str, Any]) -> None:
        """Store what is known without a run under `key`; a fact that is stored already is left as it is.

        Raises:
            InputError: as `record_run` for the key (as configuration) and the value (as result).
        """
        text = canonical_text(key)
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO facts VALUES (?, ?, ?, ?, ?)",
                (study, digest(text), text, json_text(value), _now()),
            )

    def facts(self, study: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """All facts of `study` as (key, value), in the order of recording."""
        rows = self._rows("SELECT key, value FROM facts WHERE study = ? ORDER BY rowid", study)
        return [(read_json(key, dict), read_json(value, dict)) for key, value in rows]

    def record_command(self, study: str, preset: str | None, settings: Mapping[str, Any], argv: Sequence[str]) -> int:
        """Store that a command starts and return its number, for `finish_command`.

        Of the program's own path only the name is kept.
        """
        words = [Path(word).name if place == 0 else word for place, word in enumerate(argv)]
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO commands (study, preset, settings, argv, started_at, environment)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (study, preset, json_text(settings), json_text(words), _now(), self._here(connection)),
            )
        number = int(cursor.lastrowid or 0)
        self._started[number] = time.monotonic()
        return number

    def finish_command(self, number: int) -> None:
        """Store how long the command took that this `Store` recorded under `number`; without it, it was interrupted."""
        seconds = time.monotonic() - self._started.pop(number)
        with self._transaction() as connection:
            connection.execute("UPDATE commands SET seconds = ? WHERE number = ?", (seconds, number))

    def commands(self) -> pd.DataFrame:
        """What was asked: number, study, preset, settings (dict), argv (list), started_at (UTC), seconds, environment.

        `seconds` is NaN where the command was interrupted or still runs.
        """
        import pandas as pd

        names = ["number", "study", "preset", "settings", "argv", "started_at", "seconds", "environment"]
        table = pd.DataFrame(self._rows(f"SELECT {', '.join(names)} FROM commands ORDER BY number"), columns=names)
        table["settings"] = [read_json(text, dict) for text in table["settings"]]
        table["argv"] = [read_json(text, list) for text in table["argv"]]
        return table.assign(seconds=[number_or_nan(value) for value in table["seconds"]])

    def environments(self) -> dict[str, dict[str, Any]]:
        """Machine and versions of every result, as `environment()` gives them, by their hash."""
        rows = self._rows("SELECT hash, machine, versions FROM environments ORDER BY rowid")
        return {
            name: {"machine": read_json(there, dict), "versions": read_json(with_, dict)} for name, there, with_ in rows
        }

    def export(self, path: str | Path) -> None:
        """Write all runs, with machine and versions, to `path`: CSV or Parquet by its ending, whole or not at all.

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
            here = environment()
            name = digest(canonical_text(here))[:12]
            connection.execute(
                "INSERT OR IGNORE INTO environments VALUES (?, ?, ?)",
                (name, json_text(here["machine"]), json_text(here["versions"])),
            )
            self._environment = name
        return self._environment

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
                self._connection.execute("COMMIT")
            except BaseException:
                self._environment = known
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with database.troubles_explained(self.path):
            return self._connection.execute(query, parameters).fetchall()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
