"""Where results are kept: one SQLite file, `results.sqlite`, in a results directory.

A run is known by the hash of its configuration, whichever study asks for it, and what is stored first stays: a repeated
or interrupted command asks which ids are there, and does what is missing. Beside the runs stand facts (exact statistics
and predictions that the figures need, e.g. the plateaus of one grammar) and the commands that were given. Each is
written in one short transaction, so several processes may write at once, each with a `Store` of its own; nothing is
ever unpickled.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from syntagma.errors import InputError, check_kind, invalid, whole_number
from syntagma.sweep import database, migration, tags
from syntagma.sweep.database_errors import troubles_explained
from syntagma.sweep.environment import environment, mixed
from syntagma.sweep.flat_runs import FlatRuns
from syntagma.sweep.identity import flatten, plain, run_id
from syntagma.sweep.reading import Reader
from syntagma.sweep.rows import Kind, StoredCommand, StoredEnvironment, StoredFact, StoredHistory
from syntagma.sweep.run_rows import StoredId, StoredResult, StoredRun
from syntagma.sweep.tables import OWN_COLUMNS, table_of_runs
from syntagma.sweep.writing import Writer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Store", "environment", "run_id"]

_OfRun = TypeVar("_OfRun")


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
        self,
        path: Path,
        connection: sqlite3.Connection,
        read_only: bool,
        migrated: migration.Migrated | None = None,
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._connection = connection
        self._reader, self._writer = Reader(path, connection), Writer(path, connection, read_only)
        self._old_ids = migrated.first_old_ids() if migrated else {}
        self._left_out = migrated.left_out if migrated else []
        self._here: tuple[str, str] | None = None
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
        """The store in directory `path` (or the file, if it ends in `.sqlite`).

        With `read_only`, a file or file system without write permission will do, and what is left of a damaged file is
        read. A file of an older layout is brought to today's: in place, with a copy of it beside it, or with
        `read_only` in a temporary copy (see `migration`).

        Raises:
            InputError: missing, foreign, of a newer layout, not readable, or without `read_only` damaged or not
                writable.
        """
        check_kind("read_only", read_only, bool, "True or False")
        file = database.results_file(path)
        if database.version_of_file(file) == migration.OLD_VERSION:
            if read_only:
                connection, migrated = migration.migrated_copy(file)
                return cls(file, connection, read_only, migrated)
            migration.migrate(file)
        return cls(file, database.connect(file, read_only), read_only)

    def close(self) -> None:
        """Release the file. What was recorded is already in it."""
        with troubles_explained(self.path):
            self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record_run(
        self,
        config: Mapping[str, Any],
        result: Mapping[str, Any],
        made_with: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> str:
        """Store a finished run and return its id; a run that is stored already, undamaged, is left as it is.

        Args:
            config: the configuration, all that determines the result: JSON values, nested as wanted. Its `run_id` is
                the id.
            result: the metrics, numbers or text, nested as wanted; NaN and infinity are kept. `result["history"]`, if
                there, is a list of mappings, one per checkpoint.
            made_with: what `environment()` gave in the process that did the run; by default that of this one.

        Raises:
            InputError: NaN in the configuration; a value that is no JSON value; a metric named as a configuration value
                or an own column (id, finished_at, environment); the store is read-only, or its file was removed.
        """
        check_kind("config", config, Mapping, "a dictionary")
        check_kind("result", result, Mapping, "a dictionary")
        check_kind("made_with", made_with, (Mapping, type(None)), "a dictionary")
        metrics = dict(result)
        history = plain(metrics.pop("history", []), "history")
        if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
            raise invalid("history", history, "it must be a list of mappings", "Give one mapping per checkpoint")
        clash = set(flatten(plain(metrics, "result"))) & {*flatten(config), *OWN_COLUMNS}
        if clash:
            raise invalid("result", sorted(clash), "a column of the run has that name", "Rename it in the result")
        with self._transaction():
            row = StoredRun.written(config, metrics, self._writer.now(), self._environment_of(made_with))
            if self._reader.one(StoredRun, id=row[0]) is None:
                self._writer.insert("runs", row)
                self._writer.insert("histories", StoredHistory.written(row[0], history))
        return row[0]

    def has(self, run_id: str) -> bool:
        """Whether that run is stored, undamaged."""
        check_kind("run_id", run_id, str, "text")
        return self._reader.one(StoredId, id=run_id) is not None

    def ids(self, among: Collection[str] | None = None) -> set[str]:
        """The ids of the stored runs that are undamaged, all or those among some; linear in what is looked at."""
        return {run.id for run in self._reader.all(StoredId, among)}

    def names(self) -> set[str]:
        """What the file gives as the ids of its runs, damaged ones among them: ten times as fast as `ids`."""
        return {name for name in self._reader.names(StoredId) if isinstance(name, str)}

    def number_of_runs(self) -> int:
        """How many runs are stored, damaged ones among them."""
        return self._reader.number(StoredId)

    def ids_finished_since(self, when: str) -> set[str]:
        """The ids of runs that finished at that time (UTC, as in the column `finished_at`) or later; not checked."""
        check_kind("when", when, str, "text")
        return {str(name) for name in self._reader.names_where("runs", "id", "finished_at >= ?", when)}

    def runs(self, ids: Collection[str] | None = None, *, limit: int | None = None, offset: int = 0) -> pd.DataFrame:
        """One row per stored run, all or those among `ids`, in the order they finished.

        Columns: id, the configuration with dotted names (`language.vocab`), the metrics, finished_at (UTC), environment
        (a key of `environments`), and tags where any run has one. What a run does not have is None, or NaN in a column
        of floats; lists are tuples.

        Args:
            ids: of the runs that are wanted; those that are not stored have no row.
            limit: at most so many rows, after the first `offset`: a page of a long table.
        """
        most = None if limit is None else whole_number("limit", limit, minimum=0)
        rows = self._reader.all(FlatRuns(), ids, most, whole_number("offset", offset, minimum=0))
        return tags.with_column(table_of_runs(rows), self.tags())

    def results(self, ids: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
        """The metrics of each stored run, all or those among `ids`, by its id, in the order they finished."""
        return {run.id: run.result for run in self._reader.all(StoredResult, ids)}

    def config(self, run_id: str) -> dict[str, Any]:
        """The configuration of that run.

        Raises:
            InputError: there is no such run.
        """
        return self._row_of(StoredRun, run_id).config

    def history(self, run_id: str) -> pd.DataFrame:
        """One row per checkpoint of that run.

        Raises:
            InputError: there is no such run, or its history is damaged.
        """
        import pandas as pd

        return pd.DataFrame(self._row_of(StoredHistory, run_id).history)

    def histories(self, ids: Collection[str] | None = None) -> pd.DataFrame:
        """One row per checkpoint of every stored run, all or those among `ids`: the run's id, then as `history`."""
        import pandas as pd

        stored = self._reader.all(StoredHistory, ids)
        rows = [{"id": one.id, **row} for one in stored for row in one.history]
        return pd.DataFrame(rows) if rows else pd.DataFrame(columns=pd.Index(["id", "step"]))

    def ids_with_networks(self) -> set[str]:
        """The ids of the stored runs of which networks were kept."""
        places = {place.name for place in (self.path.parent / "weights").glob("*/")}
        if not self._old_ids:
            return self.ids(places)
        return {identity for identity in self.ids() if self._old_ids.get(identity, identity) in places}

    def checkpoints(self, run_id: str) -> dict[int, Path]:
        """The files of the networks that were kept of that run by their step, ascending; empty where none was."""
        check_kind("run_id", run_id, str, "text")
        directory = self.path.parent / "weights" / self._old_ids.get(run_id, run_id)
        files = [file for file in directory.glob("*.safetensors") if file.stem.isdecimal()]
        return dict(sorted((int(file.stem), file) for file in files))

    def tag(self, ids: Collection[str], *names: str) -> None:
        """Give tags to stored runs: `store.tag(store.ids(), "baseline")`. They change nothing else of a run.

        Raises:
            InputError: a tag that is none, an id that no stored run has; the store is read-only.
        """
        given = self._tagged(ids, names)
        if names and given:
            with self._transaction() as connection:
                tags.write(connection, given)

    def untag(self, ids: Collection[str], *names: str) -> None:
        """Take tags away from stored runs; those that a run does not have are passed over.

        Raises:
            InputError: as `tag`.
        """
        given = self._tagged(ids, names)
        with self._transaction() as connection:
            tags.remove(connection, given, names)

    def tags(self) -> dict[str, tuple[str, ...]]:
        """The tags of each run that has some, by its id."""
        return self._reader.tags()

    def _tagged(self, ids: Collection[str], names: Sequence[str]) -> dict[str, list[str]]:
        checked = tags.checked(names)
        wanted = [ids] if isinstance(ids, str) else list(ids)
        for identity in sorted(set(wanted) - self.names()):
            raise invalid("run_id", identity, "no stored run has that id", "The column id of the runs lists them")
        return dict.fromkeys(wanted, checked)

    def record_fact(self, study: str, key: Mapping[str, Any], value: Mapping[str, Any]) -> None:
        """Store what is known without a run under `key`; a fact that is stored already is left as it is.

        Raises:
            InputError: as `record_run` for the key (as configuration) and the value (as result).
        """
        check_kind("study", study, str, "text")
        check_kind("key", key, Mapping, "a dictionary")
        check_kind("value", value, Mapping, "a dictionary")
        row = StoredFact.written(study, key, value, self._writer.now())
        with self._transaction():
            if self._reader.one(StoredFact, study=study, hash=row[1]) is None:
                self._writer.insert("facts", row)

    def facts(self, study: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """All facts of `study` as (key, value), in the order of recording."""
        check_kind("study", study, str, "text")
        return [(fact.key, fact.value) for fact in self._reader.all(StoredFact) if fact.study == study]

    def record_command(self, study: str, preset: str | None, settings: Mapping[str, Any], argv: Sequence[str]) -> int:
        """Store that a command starts and return its number, for `finish_command`.

        Of the program's own path only the name is kept.
        """
        check_kind("study", study, str, "text")
        check_kind("preset", preset, (str, type(None)), "text")
        check_kind("settings", settings, Mapping, "a dictionary")
        if isinstance(argv, str) or not (isinstance(argv, Sequence) and all(isinstance(word, str) for word in argv)):
            raise invalid("argv", argv, "it must be a list of texts", "Give sys.argv")
        words = [Path(word).name if place == 0 else word for place, word in enumerate(argv)]
        words = [word.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for word in words]
        with self._transaction():
            number, here = self._reader.next_command(), self._environment_of(None)
            command = StoredCommand(number, study, preset, dict(settings), words, self._writer.now(), None, here)
            self._writer.insert("commands", command.written())
        self._started[number] = time.monotonic()
        return number

    def finish_command(self, number: int) -> None:
        """Store how long the command took that this `Store` recorded under `number`; without it, it was interrupted."""
        if whole_number("number", number, minimum=0) not in self._started:
            raise invalid("number", number, "no command is under way here", "Give what record_command returned")
        seconds = time.monotonic() - self._started.pop(number)
        with self._transaction():
            command = self._reader.one(StoredCommand, number=number)
            if command is not None:
                self._writer.insert("commands", replace(command, seconds=seconds).written())

    def commands(self) -> pd.DataFrame:
        """What was asked: number, study, preset, settings (dict), argv (list), started_at (UTC), seconds, environment.

        `seconds` is NaN where the command was interrupted or still runs.
        """
        import pandas as pd

        commands = list(self._reader.all(StoredCommand))
        names = [field.name for field in fields(StoredCommand)]
        columns = {name: [getattr(command, name) for command in commands] for name in names}
        table = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
        return table.astype({"number": int, "seconds": float})

    def studies(self) -> list[str]:
        """The studies of the commands that were given, and of the facts, by name."""
        commands, facts = self._reader.all(StoredCommand), self._reader.all(StoredFact)
        return sorted({command.study for command in commands} | {fact.study for fact in facts})

    def environments(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What every result was made with, as `environment()` describes it, by its hash.

        Results of before settings were recorded have none; a description that is damaged has empty parts.
        """
        descriptions = {row.hash: row.description for row in self._reader.all(StoredEnvironment)}
        if self._reader.environments_named() - set(descriptions):
            for name in self._reader.environments():
                descriptions.setdefault(name, {"machine": {}, "versions": {}})
        return descriptions

    def mixed_environments(self, ids: Collection[str] | None = None, *, here: bool = False) -> str:
        """A line that says in what the environments of results differ that may change bits; empty where they do not.

        Args:
            ids: of the runs that stand in one table; by default all.
            here: whether this process's environment, in which further runs would be done, counts too.
        """
        check_kind("here", here, bool, "True or False")
        if ids is not None:
            ids = self._reader.checked_ids(ids)
        if not here and len(self._reader.environments_named()) < 2:
            return ""
        descriptions = self.environments_of(ids)
        return mixed([*descriptions, environment()] if here and descriptions else descriptions)

    def environments_of(self, ids: Collection[str] | None = None) -> list[dict[str, dict[str, Any]]]:
        """What those runs, or all, were made with: `environments` of which some run is."""
        used = {run.environment for run in self._reader.all(StoredId, ids)}
        return [description for name, description in self.environments().items() if name in used]

    def damage(self, ids: Collection[str] | None = None) -> list[str]:
        """A line for what is damaged in the file, and so left out of all that is read; linear in its size.

        Args:
            ids: of the runs that are wanted, where not all are looked at: of a large file that takes a third.
        """
        return [*self._left_out, *self._reader.damage(ids)]

    def export(self, path: str | Path, runs: pd.DataFrame | None = None) -> None:
        """Write runs, with machine, versions and settings, to `path`: CSV or Parquet by its ending, whole or not.

        Lists, and columns of mixed type, are written as JSON text. Histories stay in the database: see `histories`.

        Args:
            runs: some of the rows and columns of `runs`, where not all are wanted.

        Raises:
            InputError: another ending, or `path` cannot be written.
        """
        import pandas as pd

        from syntagma.sweep.export import with_environments, write_table

        check_kind("path", path, (str, PathLike), "a path")
        check_kind("runs", runs, (pd.DataFrame, type(None)), "a table of runs")
        table = self.runs() if runs is None else runs
        write_table(with_environments(table, self.environments()) if "environment" in table else table, path)

    def _transaction(self) -> Any:
        return self._writer.transaction()

    def _environment_of(self, description: Mapping[str, Mapping[str, Any]] | None) -> str:
        """The hash of an environment, this process's by default, stored on first use. Inside a transaction."""
        if description is None:
            self._here = self._here or StoredEnvironment.written(environment())
        row = self._here if description is None else StoredEnvironment.written(description)
        assert row is not None
        if self._reader.one(StoredEnvironment, hash=row[0]) is None:
            self._writer.insert("environments", row)
        return row[0]

    def _row_of(self, kind: Kind[_OfRun], run_id: str) -> _OfRun:
        check_kind("run_id", run_id, str, "text")
        row = self._reader.one(kind, id=run_id)
        if row is None and not self.has(run_id):
            raise invalid("run_id", run_id, "no stored run has that id", "The column id of the runs lists them")
        if row is None:
            raise InputError(f"the {kind.CALLED} {run_id} in {self.path} is damaged. Restore a copy of it.")
        return row
