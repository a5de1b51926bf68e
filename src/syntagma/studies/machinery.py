"""What is done with every study: predict, plan, run or resume, analyse. Studies say what; this is how."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from syntagma.checked_call import flags_checked
from syntagma.checked_model import first_problem
from syntagma.curves import Verdict, judge
from syntagma.errors import InputError
from syntagma.studies.resting import open_where_diverged
from syntagma.studies.schemas import RUNS, Table
from syntagma.studies.study import Cell, Fact, FactMissing, Facts, Results, Settings, Study
from syntagma.sweep.execution import Summary, execute
from syntagma.sweep.failures import Failure, damaged_failures, failures
from syntagma.sweep.identity import canonical_text

if TYPE_CHECKING:
    from syntagma.plot import Figure
    from syntagma.sweep.runs import Run
    from syntagma.sweep.shards import Shard
    from syntagma.sweep.store import Store

Progress = Callable[[str, float], None]
"""Called with a line of text and the fraction done, in [0, 1]."""

_AHEAD = 256
"""Runs offered at a time: more than are ever under way, few enough that asking for them costs nothing."""
_FEW, _REST = 64, 50.0
"""Cells that depend on results are asked for again where fewer are missing, or after so many times what asking took."""
_FACTS_SHARE, _RUNS_SHARE = 0.05, 0.9
"""Of the progress shown; the rest is for facts that need the runs."""


class NothingFinished(InputError):
    """There are no results to analyse yet."""


@dataclass(frozen=True)
class Analysis:
    """A study's stored results, reduced to what is drawn and said.

    Attributes:
        notes: what a reader must know before believing any of it: diverged runs, mixed machines, damaged records.
        provenance: command, settings, machine and versions.
    """

    study: str
    title: str
    paper: str
    tables: Mapping[str, Table]
    verdicts: tuple[Verdict, ...]
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)


def facts_of(study: Study[Any, Any], settings: Settings, progress: Progress | None = None) -> Facts:
    """The facts that are known before any training, computed now and not stored."""
    facts = Facts()
    _settle(study.facts(settings, Results()), facts, lambda fact, value: None, progress)
    return facts


def predict(
    study: Study[Any, Any], settings: Settings, progress: Progress | None = None, facts: Facts | None = None
) -> Mapping[str, Table]:
    """What theory says of the study before any training, tables by name; nothing is stored.

    Args:
        facts: as `facts_of` computes them, where that has been done.
    """
    known = facts_of(study, settings, progress) if facts is None else facts
    return {table.name: table for table in study.predictions(settings, known)}


def plan(study: Study[Any, Any], settings: Settings, facts: Facts | None = None) -> list[Cell]:
    """The cells that will be run if predictions hold, each run once.

    Raises:
        InputError: there is none: the settings leave nothing to run.
    """
    facts = facts_of(study, settings) if facts is None else facts
    cells = study.expected(settings, facts) if study.expected else study.cells(settings, facts, Results())
    distinct = {cell.run.id(): cell for cell in cells}
    if not distinct:
        raise InputError(f"these settings of {study.name} leave nothing to run: the grid is empty. Widen its sizes.")
    return list(distinct.values())


def check(study: Study[Any, Any], settings: Settings) -> list[Cell]:
    """What there is to run, before a directory is made.

    Facts are computed only for a study that needs them for the cells it expects, and not kept.

    Returns:
        As `plan`; nothing where cells need facts, which take their time: `run` sees to those.

    Raises:
        InputError: the grid is empty, or something that it needs, as a text, is not there.
    """
    try:
        return plan(study, settings, Facts())
    except FactMissing:
        return plan(study, settings) if study.expected is not None else []


@flags_checked
def run(
    study: Study[Any, Any],
    settings: Settings,
    store: Store,
    workers: int,
    progress: Progress,
    *,
    shard: Shard | None = None,
    retry_failed: bool = False,
    **how: Any,
) -> Summary:
    """Compute the facts and do the runs that `store` does not hold yet; each is stored at once.

    Args:
        shard: do only the runs of this shard.
        retry_failed: try again what is recorded as failed.
        how: passed on to `sweep.execution.execute`.

    Raises:
        InputError: the settings leave nothing to run, or a run cannot be done.
    """
    facts, results = Facts(store.facts(study.name)), Results.stored(store)
    anything = False

    def tell(text: str, share: float) -> None:
        nonlocal anything
        anything = True
        progress(text, share)

    def keep(fact: Fact, value: Mapping[str, Any]) -> None:
        store.record_fact(study.name, fact.key, value)

    _settle(study.facts(settings, results), facts, keep, lambda text, share: tell(text, _FACTS_SHARE * share))
    failed_before = {} if retry_failed else {failure.id: failure for failure in failures(store)}
    grid = _Grid(study, settings, facts, results, shard, failed_before)
    planned = {cell.run.id(): cell.run for cell in plan(study, settings, facts)}
    expected = {name: cost(run) for name, run in planned.items() if shard is None or shard.has(name)}
    finished_cost = sum(cost(cell.run) for cell in grid.finished())
    furthest = 0.0

    def finished(done: Run, metrics: dict[str, Any]) -> None:
        nonlocal furthest, finished_cost
        finished_cost += cost(done)
        names = grid.take(done, metrics)
        everything = max(sum(expected.values()), finished_cost + grid.cost_left())
        furthest = max(furthest, finished_cost / everything)
        tell(_sentence(done, names, metrics), _FACTS_SHARE + _RUNS_SHARE * furthest)

    def failed(given_up: Run, failure: Failure) -> None:
        grid.give_up(given_up)
        if tell_failed is not None:
            tell_failed(given_up, failure)

    from syntagma.sweep.plan import Costs

    tell_failed = how.pop("failed", None)
    how = {"cost": Costs()} | how
    summary = execute(grid.wanted, store, workers, finished, failed=failed, retry_failed=retry_failed, **how)
    left_out = tuple(failure for name, failure in failed_before.items() if grid.has(name))
    summary = replace(summary, left_out=left_out)
    done, left = _FACTS_SHARE + _RUNS_SHARE, 1 - _FACTS_SHARE - _RUNS_SHARE
    _settle(study.facts(settings, results), facts, keep, lambda text, share: tell(text, done + left * share))
    if anything and not summary.failed and not summary.left_out:
        progress("all is done", 1.0)
    return summary


class _Grid:
    """The cells of a study as they are asked for: once, or again and again where they depend on results."""

    def __init__(
        self,
        study: Study[Any, Any],
        settings: Settings,
        facts: Facts,
        results: Results,
        shard: Shard | None = None,
        given_up: Iterable[str] = (),
    ) -> None:
        self._study, self._settings, self._facts, self._results = study, settings, facts, results
        self._shard, self._given_up = shard, set(given_up)
        self._cells: dict[str, Cell] = {}
        self._missing: dict[str, Cell] = {}
        self._ask()

    def wanted(self) -> list[Run]:
        """The most urgent of the runs that are missing."""
        asked_ago = time.monotonic() - self._asked_at
        if self._study.expected is not None and (len(self._missing) < _FEW or asked_ago > _REST * self._took):
            self._ask()
        return [cell.run for cell in itertools.islice(self._missing.values(), _AHEAD)]

    def take(self, run: Run, metrics: Mapping[str, Any]) -> Mapping[str, Any]:
        """Note that a run is finished; its names."""
        identity = run.id()
        self._results.add(identity, metrics)
        self._missing.pop(identity, None)
        return self._cells[identity].names

    def give_up(self, run: Run) -> None:
        """Ask for a run no more."""
        self._given_up.add(run.id())
        self._missing.pop(run.id(), None)

    def has(self, identity: str) -> bool:
        """Whether a run of that id is part of the grid, and of the shard."""
        return identity in self._cells and (self._shard is None or self._shard.has(identity))

    def ids(self) -> Collection[str]:
        """Of all its runs, finished or not."""
        return self._cells.keys()

    def finished(self) -> list[Cell]:
        """The cells that need not be run any more."""
        return [cell for identity, cell in self._cells.items() if self._results.has(identity)]

    def cost_left(self) -> float:
        """Of the runs that are known to be missing."""
        return sum(cost(cell.run) for cell in self._missing.values())

    def _ask(self) -> None:
        began = time.monotonic()
        cells = self._study.cells(self._settings, self._facts, self._results)
        self._cells = {cell.run.id(): cell for cell in cells}
        self._results.read(self._cells)
        self._missing = {
            name: cell
            for name, cell in self._cells.items()
            if not self._results.has(name) and name not in self._given_up and self.has(name)
        }
        self._asked_at = time.monotonic()
        self._took = self._asked_at - began


def analyse(study: Study[Any, Any], store: Store) -> Analysis:
    """Tables, verdicts and figures from what is stored, for the settings of the last command of this study.

    Raises:
        InputError: the store holds no command of this study, or none of its runs is finished.
    """
    settings, provenance = last_command(store, study)
    facts = Facts(store.facts(study.name))
    results = Results.stored(store)
    grid = _Grid(study, settings, facts, results)
    if not grid.finished():
        raise NothingFinished(
            f"no run of these settings is finished yet in {store.path}: give the command again, it resumes."
        )
    runs = results.table(grid.finished())
    measured = study.measure(settings, facts, results)
    tables = {table.name: table for table in (*study.tables(measured), RUNS.table(runs))}
    claims = open_where_diverged(study, settings, facts, results, tuple(study.claims(measured)), runs)
    verdicts = judge(claims)
    figures = tuple(study.figures(measured))
    notes = tuple(_notes(runs, grid.ids(), store))
    return Analysis(study.name, study.title, study.paper, tables, verdicts, figures, notes, provenance)


def finished_ids(study: Study[Any, Any], settings: Settings, store: Store) -> set[str]:
    """The ids of the stored runs that these settings want, as far as facts and results say which those are."""
    try:
        grid = _Grid(study, settings, Facts(store.facts(study.name)), Results.stored(store))
    except FactMissing:
        return set()
    return {cell.run.id() for cell in grid.finished()}


def last_command(store: Store, study: Study[Any, Any]) -> tuple[Settings, dict[str, Any]]:
    """The settings of the last command given for `study`, and the provenance of what it made: what the page prints.

    Raises:
        InputError: the store holds no command of this study, or one whose settings this version does not know.
    """
    commands = store.commands()
    commands = commands[commands["study"] == study.name]
    if not len(commands):
        raise InputError(
            f"{store.path} holds no results of {study.name}: run `syntagma run {study.name}` into it first."
        )
    command = commands.iloc[-1]
    try:
        settings = study.settings.model_validate(command["settings"])
    except ValidationError as error:
        raise InputError(_unknown_settings(store.path, error, command["settings"])) from None
    made = store.environments().get(command["environment"], {})
    provenance = {
        **{name: made.get(name, {}) for name in ("machine", "versions")},
        **{name: made[name] for name in ("code", "commits") if name in made},
        "jax": made.get("settings", {}),
        "settings": settings.model_dump(mode="json"),
        "preset": command["preset"],
        "command": " ".join(map(str, command["argv"])),
        "seconds": float(np.nansum(np.asarray(commands["seconds"], float))),
    }
    return settings, provenance


def _unknown_settings(path: Path, error: ValidationError, settings: Mapping[str, Any]) -> str:
    """What to say of stored settings that cannot be read: a kind that is not known may be of a file of the user's."""
    problem = first_problem(error, settings)
    if any(one["type"] == "kind_unknown" for one in error.errors(include_url=False)):
        kind = problem.partition(": there are")[0]
        return f"{path} was made with a file of your own, which has to be named by --with FILE: {kind}."
    return f"{path} has settings that this version does not know: run the study again into a new place. {problem}"


def _settle(
    facts: Iterable[Fact], known: Facts, keep: Callable[[Fact, Mapping[str, Any]], None], progress: Progress | None
) -> None:
    """Compute the facts that are not known yet."""
    missing = list({canonical_text(fact.key): fact for fact in facts if fact.key not in known}.values())
    for place, fact in enumerate(missing):
        if progress is not None:
            progress(fact.text or "exact statistics", place / len(missing))
        value = fact.compute()
        known.add(fact.key, value)
        keep(fact, value)


def cost(run: Run) -> float:
    """Steps of a run, or its examples where it is not trained: what its time grows with, at one shape of network."""
    return float(run.training.length(run.num_examples) if run.training else run.num_examples)


def _sentence(run: Run, names: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """One line about a finished run."""
    told = [run.learner.kind] if "learner" not in names else [str(names["learner"])]
    told += [f"{name}={value}" for name, value in names.items() if name not in ("learner", "label", "seed")]
    if "num_examples" not in names:
        told.append(f"num_examples={run.num_examples}")
    loss = metrics.get("test_loss")
    said = "" if loss is None else f": {loss:.3f}"
    flag = " (diverged)" if metrics.get("stopped") == "diverged" else " (cut short)" if metrics.get("cut_short") else ""
    return " ".join(told) + said + flag


def _notes(runs: Any, wanted: Collection[str], store: Store) -> Iterable[str]:
    """What must be known before believing the results, which are those of the runs `wanted`."""
    if len(runs) < len(wanted):
        missing = len(wanted) - len(runs)
        yield f"{missing} of {len(wanted)} runs are not finished: curves lack points, and the same command resumes."
    number = int(runs["diverged"].sum())
    if number:
        yield f"{number} of {len(runs)} runs diverged in training; claims that rest on one are open."
    cut = int((runs["cut_short"] == True).sum()) if "cut_short" in runs else 0  # noqa: E712 (NaN is not True)
    if cut:
        still = "were still improving on validation sentences when training ended"
        yield f"{cut} of {len(runs)} runs {still}; claims that rest on one are open."
    yield from store.damage(wanted)
    yield from damaged_failures(store)
    mixed = store.mixed_environments(list(runs["id"]))
    if mixed:
        yield mixed
