"""A study is a value: settings, facts, cells, what is measured on them, claims and figures.

One machinery (`studies.machinery`) predicts, runs, resumes, analyses and reports every study. A study says what, never
how:

    facts      exact statistics and predictions, each computed once and stored
    cells      the runs wanted, asked for again as runs finish, so that a grid may depend on what was found
    measure    everything that tables, claims and figures need, from the runs finished so far
    tables, claims, figures   what is shown

A new study is one file with a `STUDY`, in the package or anywhere: see examples/ and docs/extending.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pandas as pd
from pydantic import ValidationInfo, field_validator

from syntagma.checked_model import CheckedModel
from syntagma.curves import Claim
from syntagma.errors import InputError, invalid
from syntagma.studies.schemas import Table
from syntagma.sweep.identity import canonical_text, identity_text

if TYPE_CHECKING:
    from syntagma.plot import Figure
    from syntagma.sweep.runs import Run
    from syntagma.sweep.store import Store

_MOST_SEEDS = 10_000


class Settings(CheckedModel):
    """All that determines a study's results; one to one with TOML and `--set key=value`."""

    @field_validator("seeds", "network_seeds", check_fields=False)
    @classmethod
    def _seeds_end(cls, number: int, field: ValidationInfo) -> int:
        """A grid is computed before anything is made, and that takes forever where there is no end of seeds."""
        if number > _MOST_SEEDS:
            raise invalid(str(field.field_name), number, f"a study has at most {_MOST_SEEDS} seeds", "Lower it")
        return number


SettingsT = TypeVar("SettingsT", bound=Settings)
MeasuredT = TypeVar("MeasuredT")


@dataclass(frozen=True)
class Fact:
    """An exact statistic or a prediction, computed once and kept in the store.

    Attributes:
        key: what it is of, as JSON values.
        compute: its value, as JSON values.
        text: what is computed, for the progress display.
    """

    key: Mapping[str, Any]
    compute: Callable[[], Mapping[str, Any]]
    text: str = ""


@dataclass(frozen=True)
class Cell:
    """One run and its `names`: the columns that tell it from the others of its study, its seed among them."""

    names: Mapping[str, Any]
    run: Run


class FactMissing(InputError):
    """A fact that a study asks for is not computed yet."""


class Facts:
    """The facts known so far, each by what determines it: where a text lies is no part of that."""

    def __init__(self, known: Iterable[tuple[Mapping[str, Any], dict[str, Any]]] = ()) -> None:
        self._known = {identity_text(key): value for key, value in known}

    def __contains__(self, key: Mapping[str, Any]) -> bool:
        return identity_text(key) in self._known

    def __getitem__(self, key: Mapping[str, Any]) -> dict[str, Any]:
        """The fact of that key.

        Raises:
            FactMissing: it is not computed yet.
        """
        try:
            return self._known[identity_text(key)]
        except KeyError:
            what = f"the results lack a fact, {canonical_text(key)[:120]}"
            raise FactMissing(f"{what}: give the command again, it goes on where it stopped.") from None

    def get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """The fact of that key, None where it is not computed yet."""
        return self._known.get(identity_text(key))

    def add(self, key: Mapping[str, Any], value: Mapping[str, Any]) -> None:
        """Keep a fact."""
        self._known[identity_text(key)] = dict(value)


class Results:
    """The results of the runs finished so far, by the run's id; of a store, those that are asked for are read.

    Attributes:
        store: where networks that runs kept are found; None where nothing was run.
    """

    def __init__(self, known: Mapping[str, Mapping[str, Any]] | None = None, store: Store | None = None) -> None:
        self._known, self.store = dict(known or {}), store
        self._unread: set[str] = set()

    @classmethod
    def stored(cls, store: Store) -> Results:
        """Those in a store, which is read as they are asked for: it may hold those of many studies."""
        results = cls(store=store)
        results._unread = store.names()
        return results

    def read(self, identities: Iterable[str]) -> None:
        """Read those runs from the store, which is quicker together than one by one."""
        if wanted := self._unread.intersection(identities):
            assert self.store is not None
            self._unread -= wanted
            self._known |= self.store.results(wanted)

    def __contains__(self, run: Run) -> bool:
        return self.has(run.id())

    def __getitem__(self, run: Run) -> Mapping[str, Any]:
        """The metrics of a finished run."""
        identity = run.id()
        self.read([identity])
        return self._known[identity]

    def get(self, run: Run) -> Mapping[str, Any] | None:
        """The metrics of a run, None where it is not finished."""
        identity = run.id()
        return self._known[identity] if self.has(identity) else None

    def __len__(self) -> int:
        self.read(list(self._unread))
        return len(self._known)

    def has(self, identity: str) -> bool:
        """Whether the run of that id is finished."""
        self.read([identity])
        return identity in self._known

    def add(self, identity: str, metrics: Mapping[str, Any]) -> None:
        """Keep the metrics of a finished run."""
        self._known[identity] = metrics

    def history(self, run: Run) -> list[dict[str, Any]]:
        """The course of a finished run: one row an evaluation."""
        if "history" in (metrics := self[run]):
            return metrics["history"]
        assert self.store is not None
        return self.store.history(run.id()).to_dict("records")  # pyright: ignore[reportReturnType]

    def without(self, identities: Collection[str]) -> Results:
        """Those of all other runs, as far as they have been read."""
        return Results({name: metrics for name, metrics in self._known.items() if name not in identities}, self.store)

    def table(self, cells: Iterable[Cell], columns: Sequence[str] = ()) -> pd.DataFrame:
        """One row for each cell whose run is finished: its names, its run's `id`, its metrics, `diverged`.

        Args:
            columns: those the table has even if no run is finished.
        """
        rows = []
        named = [(cell.run.id(), cell) for cell in cells]
        self.read(identity for identity, _ in named)
        for identity, cell in named:
            if (metrics := self._known.get(identity)) is not None:
                flags = {"diverged": metrics.get("stopped") == "diverged"}
                rows.append({**cell.names, "id": identity, **metrics, **flags})
        table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(columns))
        return table.drop(columns="history", errors="ignore")


Tables = tuple[Table, ...]


def _no_facts(settings: Any, results: Results) -> Iterable[Fact]:
    return ()


@dataclass(frozen=True)
class Study(Generic[SettingsT, MeasuredT]):
    """A declared experiment; `machinery.predict`, `machinery.run` and `machinery.analyse` do the rest.

    Attributes:
        name: as typed after `syntagma run`.
        title: of the page.
        paper: what it reproduces, as "arXiv 2505.07070"; empty for a study of one's own.
        settings: the class of its settings.
        presets: settings by name; "quick" is the default.
        cells: the runs wanted given what has finished, the most urgent first; finished ones may be among them.
        measure: everything that tables, claims and figures need. Asked for when at least one run is finished.
        tables: of what was measured; the runs themselves are added by the machinery.
        claims: of what was measured; their outcomes are decided together.
        figures: of what was measured; the first is the main one.
        predictions: what theory says before anything is trained, as tables.
        facts: what is to be computed before `cells`, and again after all runs, when results are known.
        expected: the cells that will be run if predictions hold, for planning; given by a study whose cells depend on
            results, which are then asked for again after every run.

    Example: `machinery.run(STUDY, STUDY.presets["quick"], store, workers=2, progress=print)`.
    """

    name: str
    title: str
    paper: str
    settings: type[SettingsT]
    presets: Mapping[str, SettingsT]
    cells: Callable[[SettingsT, Facts, Results], Iterable[Cell]]
    measure: Callable[[SettingsT, Facts, Results], MeasuredT]
    tables: Callable[[MeasuredT], Iterable[Table]]
    claims: Callable[[MeasuredT], Iterable[Claim]]
    figures: Callable[[MeasuredT], Iterable[Figure]]
    predictions: Callable[[SettingsT, Facts], Iterable[Table]]
    facts: Callable[[SettingsT, Results], Iterable[Fact]] = _no_facts
    expected: Callable[[SettingsT, Facts], Iterable[Cell]] | None = None
