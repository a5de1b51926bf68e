"""What `syntagma run` would do: the grid, what of it is missing, how long it takes, whether the machine can hold it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from syntagma.studies import Cell
    from syntagma.studies.study import Study
    from syntagma.sweep.forecast import Forecast
    from syntagma.sweep.runs import Run
    from syntagma.sweep.shards import Shard

_OF_A_ROW = ("num_examples", "seed")
"""The names that the grid lists in one cell."""


def lines(
    study: Study[Any, Any], cells: Sequence[Cell], directory: Path, workers: int, shard: Shard | None
) -> str:  # fmt: skip
    """A few lines about what a command would do; a few steps are trained for it, and nothing is made.

    Args:
        cells: the planned ones.
        directory: where its results are or would be: runs that are stored there are left out.
        workers: 0 for one a core.
    """
    from syntagma.cli.progress import waiting
    from syntagma.sweep.forecast import forecast
    from syntagma.sweep.machine import usable_cores

    runs = _of(shard, [cell.run for cell in cells])
    stored = _stored(directory, {run.id() for run in runs})
    missing = [run for run in runs if run.id() not in stored]
    if not missing:
        return f"nothing to run: all {len(runs)} runs are in {directory}"
    check_fits(missing, workers)
    with waiting(f"timing a few steps of {study.name}"):
        expected = forecast(missing, workers or usable_cores())
    kept = f", {len(runs) - len(missing)} more are stored" if len(runs) > len(missing) else ""
    return _said(expected, kept)


def grid(cells: Iterable[Cell]) -> pd.DataFrame:
    """The planned runs, one row for those that differ in size and seed only: `P` and `seeds` list these.

    What was not planned but depends on results may be added to it as they come.
    """
    import pandas as pd

    groups: dict[str, dict[str, Any]] = {}
    sizes: dict[str, dict[int, set[Any]]] = {}
    for cell in cells:
        names = {name: value for name, value in cell.names.items() if name not in _OF_A_ROW}
        row = repr(names)
        groups.setdefault(row, names)
        size = cell.names.get("num_examples", getattr(cell.run, "num_examples", None))
        sizes.setdefault(row, {}).setdefault(size, set()).add(cell.names.get("seed"))
    rows = []
    for row, names in groups.items():
        seeds = {len(of_size) for of_size in sizes[row].values()}
        number = min(seeds) if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)}"
        told = {name: value for name, value in names.items() if name != "label" or "learner" not in names}
        rows.append({**told, "P": sorted(sizes[row]), "seeds": number})
    return pd.DataFrame(rows)


def check_fits(runs: Sequence[Run], workers: int, shard: Shard | None = None) -> None:
    """Refuse runs that this machine cannot hold, before anything is made.

    Raises:
        InputError: the largest run does not fit, or so many workers do not.
    """
    from syntagma.sweep.machine import usable_cores
    from syntagma.sweep.plan import check_fits

    number = workers or usable_cores()
    check_fits(_largest(_of(shard, runs), number), number)


def _largest(runs: Sequence[Run], number: int) -> list[Run]:
    """The `number` runs of most examples of each learner: no other takes more memory."""
    by_learner: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: -run.num_examples):
        same = by_learner.setdefault(f"{run.learner!r} {run.task!r} {_without_seed(run.language)}", [])
        if len(same) < number:
            same.append(run)
    return [run for same in by_learner.values() for run in same]


def _without_seed(language: Any) -> str:
    return language.model_dump_json(exclude={"seed"})


def _of(shard: Shard | None, runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if shard is None or shard.has(run.id())]


def _stored(directory: Path, ids: set[str]) -> set[str]:
    from syntagma.sweep.store import Store

    if not (directory / "results.sqlite").is_file():
        return set()
    with Store.open(directory, read_only=True) as store:
        return store.ids(ids)


def _said(expected: Forecast, kept: str) -> str:
    many = f"{expected.runs} in {_many(expected.programs, 'program')}, {_many(expected.workers, 'worker')}"
    if expected.timed and expected.timed < expected.programs:
        kept += f"; {expected.timed} of the programs were timed"
    times = f"{_duration(expected.least_seconds)} to {_duration(expected.most_seconds)}"
    longest = f"give or take {expected.relative_error:.0%}; the longest run {_duration(expected.longest_seconds)}"
    memory = f"{expected.worker_bytes / 1e9:.1f} GB a worker"
    return f"runs    {many}{kept}\ntime    {times}, {longest}\nmemory  {memory}"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
