"""A sweep of one's own: one learner at every point of a grid of settings, several seeds each, the best by validation.

    --sweep training.learning_rate=1e-3,3e-3,1e-2      these values
    --sweep training.learning_rate=1e-4..1e-1:7        7 values from 1e-4 to 1e-1, evenly spaced in their logarithm
    --sweep learner.width=[64,128]                     a JSON list; each of its values

Several of them make the grid of all combinations. The point with the smallest mean validation loss is the best; what
its test loss is, test sentences say, which chose nothing.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from syntagma.cli.settings import read_value
from syntagma.errors import invalid

if TYPE_CHECKING:
    import pandas as pd

    from syntagma.sweep.runs import Run

MOST_POINTS = 10_000
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_SIZES = {"examples": "num_examples", "test_examples": "test_examples", "validation_examples": "validation_examples"}
"""Sizes of a run that can be swept like its settings."""


@dataclass(frozen=True)
class Point:
    """One combination of the swept settings, and its runs, one a seed."""

    values: Mapping[str, Any]
    runs: tuple[Run, ...]


def swept(given: Sequence[str]) -> dict[str, list[Any]]:
    """The values of every swept key: `swept(["training.learning_rate=1e-3,1e-2"])`.

    Raises:
        InputError: no `=`, no values, a range that is none, or a key twice.
    """
    found: dict[str, list[Any]] = {}
    for text in given:
        key, equals, values = (part.strip() for part in text.partition("="))
        if not equals or not key:
            raise invalid("sweep", text, "it must be KEY=VALUES", "As --sweep training.learning_rate=1e-3,1e-2")
        if key in found:
            raise invalid("sweep", text, f"{key} is swept twice", "Give all its values at once")
        found[key] = list(dict.fromkeys(_values(text, values)))
    if (number := math.prod(map(len, found.values()))) > MOST_POINTS:
        raise invalid("sweep", " ".join(given), f"it makes {number:,} points", f"Give at most {MOST_POINTS:,}")
    return found


def refuse_fixed(swept_keys: Iterable[str], changes: Iterable[str], fixed_sizes: Collection[str] = ()) -> None:
    """Refuse a setting that is swept and set as well: one of the two would be overruled without a word.

        refuse_fixed(["learner.width"], ["learner.width=3"])  # InputError: sweep='learner.width' cannot be used ...

    Args:
        swept_keys: what is swept or searched.
        changes: each `key=value`, a whole group of settings (`learner={"width": 3}`) among them.
        fixed_sizes: sizes that were given by an option of their own, as `examples`.

    Raises:
        InputError: such a setting, which is named.
    """
    fixed = {key: f"--set {key}=..." for change in changes for key in _set_by(change)}
    fixed |= {name: f"--{name.replace('_', '-')}" for name in fixed_sizes}
    for key in map(_without_spaces, swept_keys):
        if key in fixed:
            raise invalid("sweep", key, f"{fixed[key]} gives it one value", "Leave out one of the two")


def _set_by(change: str) -> Iterator[str]:
    """The keys to which `key=value` gives a value; of a mapping those inside, too."""
    key, _, text = change.partition("=")
    inside = [(_without_spaces(key), read_value(text))]
    while inside:
        key, value = inside.pop()
        yield key
        inside += [(f"{key}.{name}", one) for name, one in value.items()] if isinstance(value, dict) else []


def _without_spaces(key: str) -> str:
    return ".".join(part.strip() for part in key.split("."))


ResultsOf = Callable[[Collection[str]], Mapping[str, Mapping[str, Any]]]
"""Ids of runs to the results of those that are done."""


class Wanted(Protocol):
    """Points, and the runs of them that are to be done next."""

    @property
    def points(self) -> list[Point]:
        """All that are wanted so far."""
        ...

    def missing(self, results_of: ResultsOf, given_up: Collection[str]) -> list[Run]:
        """The runs that are neither done nor given up; none at the end."""
        ...


@dataclass(frozen=True)
class Grid:
    """Points that are wanted from the start."""

    points: list[Point]

    def missing(self, results_of: ResultsOf, given_up: Collection[str]) -> list[Run]:
        runs = {run.id(): run for point in self.points for run in point.runs if run.id() not in given_up}
        done = results_of(runs.keys())
        return [run for name, run in runs.items() if name not in done]


@dataclass(frozen=True)
class Fitted:
    """What is the same at every point of a sweep.

    Attributes:
        kinds: of language, task and learner.
        sizes: as `single.run_of` takes them; seeds count from its `seed`.
        changes: settings.
        seeds: runs of each point.
    """

    kinds: tuple[str, str, str]
    sizes: Mapping[str, Any]
    changes: Sequence[str]
    seeds: int

    def point(self, values: Mapping[str, Any]) -> Point:
        """The point with these values of the swept settings.

        Raises:
            InputError: a key or value that no run takes.
        """
        from syntagma.cli.single import run_of

        given = {_SIZES[key]: value for key, value in values.items() if key in _SIZES}
        more = [f"{key}={_text(value)}" for key, value in values.items() if key not in _SIZES]
        first = run_of(*self.kinds, {**self.sizes, **given}, [*self.changes, *more])
        runs = [type(first).model_validate({**first.model_dump(), "seed": first.seed + n}) for n in range(self.seeds)]
        return Point(values, tuple(runs))


def settings_named(given: Sequence[str]) -> list[str]:
    """The settings of a run that `--set` and `--sweep` named: `settings_named(["examples=64,128"])`."""
    keys = (text.partition("=")[0].strip() for text in given)
    return list(dict.fromkeys(_SIZES.get(key, key) for key in keys))


def points(fitted: Fitted, grid: Mapping[str, Sequence[Any]]) -> list[Point]:
    """Every point of the grid with its runs.

    Raises:
        InputError: a key or value that no run takes, or too many of them.
    """
    check_number(fitted.seeds, math.prod(map(len, grid.values())))
    return [fitted.point(dict(zip(grid, values, strict=True))) for values in itertools.product(*grid.values())]


def check_number(seeds: int, points: int) -> None:
    """Refuse more runs than anyone wants.

    Raises:
        InputError: there are.
    """
    if (number := seeds * points) > MOST_POINTS:
        raise invalid("seeds", seeds, f"it makes {number:,} runs, and at most {MOST_POINTS:,} are taken", "Lower it")


def validation_loss(point: Point, results: Mapping[str, Mapping[str, Any]]) -> float:
    """The mean over seeds; NaN where a run is missing or diverged."""
    done = [results[run.id()] for run in point.runs if run.id() in results]
    if len(done) < len(point.runs) or any(one.get("stopped") == "diverged" for one in done):
        return math.nan
    return sum(float(one["validation_loss"]) for one in done) / len(done)


def compared(points: Sequence[Point], results: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row a point, in the order of the grid: its values, how many runs are there, and their losses.

    `validation` and `test` are the mean losses over seeds with their 95 % intervals (Student's t); `best` is true for
    the smallest mean validation loss, among points of which every run is there and none diverged.
    """
    import pandas as pd

    from syntagma.curves.interval import format_interval, mean

    rows: list[dict[str, Any]] = []
    for point in points:
        done = [results[run.id()] for run in point.runs if run.id() in results]
        row: dict[str, Any] = {**point.values, "runs": len(done)}
        for name in ("validation", "test"):
            losses = [float(one[f"{name}_loss"]) for one in done]
            finite = bool(losses) and all(map(math.isfinite, losses))
            row[f"{name}_loss"] = sum(losses) / len(losses) if finite else math.nan
            row[name] = format_interval(mean(losses)) if finite else "not measured"
        row["diverged"] = sum(one.get("stopped") == "diverged" for one in done)
        whole = len(done) == len(point.runs) and not row["diverged"]
        rows.append(row | {"best": False, "whole": whole and math.isfinite(row["validation_loss"])})
    candidates = [row for row in rows if row["whole"]]
    if candidates:
        min(candidates, key=lambda row: row["validation_loss"])["best"] = True
    return pd.DataFrame(rows).drop(columns="whole")


def best_at_an_end(table: pd.DataFrame, grid: Mapping[str, Sequence[Any]]) -> list[str]:
    """The swept numbers whose best value is the smallest or the largest tried: there may be a better one beyond."""
    best = table.loc[table["best"]]
    if not len(best):
        return []
    ends = []
    for key, values in grid.items():
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        if len(numbers) == len(values) > 2 and best[key].iloc[0] in (min(numbers), max(numbers)):
            ends.append(key)
    return ends


def _values(given: str, text: str) -> list[Any]:
    if match := re.fullmatch(rf"({NUMBER})\.\.({NUMBER}):(\d{{1,5}})", text):
        first, last, count = float(match[1]), float(match[2]), int(match[3])
        if not (0 < first < last < math.inf) or count < 2:
            raise invalid("sweep", given, "a range goes from one number above 0 to a larger one, in 2 steps or more")
        steps = [first * (last / first) ** (place / (count - 1)) for place in range(count)]
        whole = re.fullmatch(r"\d+", match[1]) and re.fullmatch(r"\d+", match[2])
        return [round(value) if whole else float(f"{value:.6g}") for value in steps]
    if ".." in text:
        raise invalid("sweep", given, "a range is FIRST..LAST:NUMBER", "As --sweep training.learning_rate=1e-4..1e-1:7")
    listed = read_value(text)
    values = listed if isinstance(listed, list) else [read_value(one) for one in text.split(",")]
    if not values or any(value == "" or isinstance(value, list | dict) for value in values):
        raise invalid("sweep", given, "it has a value that is none", "Give values with commas, as 1e-3,1e-2")
    return values


def _text(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)
