"""Some of the stored runs and some of their columns, by what a person says of them: `kind=cnn`, `num_examples>=256`.

A column goes by its whole name, `language.rules`, or by the end of it, `rules`, where one column alone ends so.
`tag=NAME` holds for the runs that have that tag.
"""

from __future__ import annotations

import difflib
import json
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from syntagma.errors import InputError, invalid
from syntagma.sweep.tables import OWN_COLUMNS
from syntagma.sweep.tags import COLUMN

if TYPE_CHECKING:
    import pandas as pd

MEASURED = (
    "test_loss",
    "excess_loss",
    "test_accuracy",
    "stopped",
    "test_loss_error",
    "oracle_loss",
    "validation_loss",
    "best_step",
    "steps",
    "seconds",
)
"""Metrics that most people look at, the first first."""
PARTS = (
    "language",
    "validation_language",
    "test_language",
    "tests",
    "task",
    "learner",
    "training",
    "num_examples",
    "test_examples",
    "validation_examples",
    "seed",
    "checkpoints",
    "revision",
)
"""The parts of a run's configuration, as `sweep.runs.Run` has them; all other columns are metrics or the run's own."""
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_KINDS = ("learner.kind", "language.kind", "task.kind")


def where(runs: pd.DataFrame, conditions: Iterable[str], field: str = "where") -> pd.DataFrame:
    """The runs for which every condition holds: `where(store.runs(), ["kind=cnn", "num_examples>=256"])`.

    Of several columns that a name with `=` may mean, it means the one that has that value.

    Args:
        field: what the conditions are given as, for messages.

    Raises:
        InputError: a condition that is none, or a name that no column has or several have.
    """
    for condition in conditions:
        match = re.fullmatch(r"\s*([^<>=!]+?)\s*(<=|>=|!=|==|=|<|>)(.*)", condition, re.DOTALL)
        if match is None:
            raise invalid(field, condition, "it must be NAME=VALUE, or have !=, <, <=, > or >= between them")
        name, sign, text = match.groups()
        runs = runs.loc[_holding(runs, name, sign.replace("==", "="), text.strip(), field)]
    return runs


def named_columns(runs: pd.DataFrame, names: Iterable[str]) -> list[str]:
    """The whole names of columns: `named_columns(runs, ["rules", "test_loss"])`.

    Raises:
        InputError: a name that no column has or several have.
    """
    found = []
    for name in names:
        columns = _columns(runs, name, "column", name)
        if len(columns) > 1:
            raise invalid("column", name, f"it could be {' or '.join(columns)}", "Give the whole name")
        found.append(columns[0])
    return list(dict.fromkeys(found))


def ordered(runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """The runs by the values of a column, ascending; of `-NAME` descending. Runs without a value come last.

    Raises:
        InputError: a name that no column has or several have.
    """
    column = named_columns(runs, [name.removeprefix("-")])[0]
    values = runs[column].tolist()
    told = [place for place, value in enumerate(values) if value is not None and value == value]
    if len({isinstance(values[place], str) for place in told}) > 1 or any(isinstance(values[p], tuple) for p in told):
        told.sort(key=lambda place: str(values[place]), reverse=name.startswith("-"))
    else:
        told.sort(key=lambda place: values[place], reverse=name.startswith("-"))
    others = sorted(set(range(len(values))) - set(told))
    return runs.iloc[[*told, *others]]


def settings_columns(runs: pd.DataFrame) -> list[str]:
    """The columns of the runs' configuration."""
    return [name for name in map(str, runs.columns) if name.partition(".")[0] in PARTS]


def changed_columns(runs: pd.DataFrame, commands: pd.DataFrame) -> list[str]:
    """The settings that commands of `syntagma fit` named, by `--set` or `--sweep`: somebody chose them."""
    told = [settings.get("changed") for settings in commands["settings"] if isinstance(settings, Mapping)]
    keys = {key for some in told if isinstance(some, list | tuple) for key in some if isinstance(key, str)}
    return [name for name in settings_columns(runs) if any(name == key or name.startswith(f"{key}.") for key in keys)]


def telling_columns(runs: pd.DataFrame, changed: Collection[str] = ()) -> list[str]:
    """The columns that tell the runs apart, then what was measured, the most telling first.

    Of settings that vary, one is left out where it says no more than those before it, as a seed of the grammar that
    goes with the seed of the run does; but none of `changed`, since a search may give every point values of its own.
    """
    given = settings_columns(runs)
    given.sort(key=lambda name: (name not in _KINDS, name.endswith("seed"), name != "num_examples", name.count(".")))
    chosen: list[str] = []
    told, groups = 1, [()] * len(runs)
    for name in given:
        finer = list(zip(groups, runs[name].tolist(), strict=True))
        if (number := len(set(map(repr, finer)))) > told or (name in changed and _varies(runs[name].tolist())):
            labels: dict[str, int] = {}
            chosen, told = [*chosen, name], number
            groups = [(labels.setdefault(repr(one), len(labels)),) for one in finer]
    last = [name for name in ("num_examples", "seed") if name in chosen]
    chosen = [name for name in chosen if name not in last] + last
    metrics = [name for name in map(str, runs.columns) if name not in given and name not in OWN_COLUMNS]
    measured = [name for name in MEASURED if name in metrics]
    measured = [name for name in measured if name != "stopped" or len(set(runs[name].tolist())) > 1]
    tagged = [COLUMN] if COLUMN in metrics else []
    others = [name for name in metrics if name not in (*MEASURED, COLUMN) and _varies(runs[name].tolist())]
    return chosen + tagged + measured + others


def short_names(columns: Sequence[str], among: Sequence[str]) -> dict[str, str]:
    """Each column by the shortest end of its name that no other of `among` has: `language.rules` is `rules`."""
    ends: dict[str, int] = {}
    for name in among:
        parts = name.split(".")
        for start in range(len(parts)):
            end = ".".join(parts[start:])
            ends[end] = ends.get(end, 0) + 1
    short = {}
    for name in columns:
        parts = name.split(".")
        choices = [".".join(parts[start:]) for start in reversed(range(len(parts)))]
        short[name] = next((end for end in choices if ends.get(end, 0) <= 1), name)
    return short


def _varies(values: list[Any]) -> bool:
    return len(set(map(repr, values))) > 1


def _holding(runs: pd.DataFrame, name: str, sign: str, text: str, field: str) -> list[bool]:
    """For each run whether `name` has, or has not, that value; a tag is one of several."""
    if name in ("tag", COLUMN) and sign in ("=", "!="):
        cells = runs[COLUMN].tolist() if COLUMN in runs else [None] * len(runs)
        return [(text in (one or ())) == (sign == "=") for one in cells]
    columns, value, given = _columns(runs, name, field, f"{name}{sign}{text}"), _value(text), f"{name}{sign}{text}"
    if len(columns) > 1 and sign == "=":
        columns = [column for column in columns if value in runs[column].tolist()] or columns[:1]
    if len(columns) > 1:
        raise invalid(field, given, f"it could be {' or '.join(columns)}", "Give the whole name")
    compare = _OPERATORS[sign]
    cells = [None if cell != cell else cell for cell in runs[columns[0]].tolist()]  # NaN stands for None in numbers
    if isinstance(value, str) and {type(cell) for cell in cells if cell is not None} <= {int, float} != set():
        raise invalid(field, given, f"values of {columns[0]} are numbers", "Give one")
    if sign in ("=", "!="):
        same = [(type(cell) is bool) == (type(value) is bool) and cell == value for cell in cells]
        return same if sign == "=" else [not one for one in same]
    try:
        return [cell is not None and compare(cell, value) for cell in cells]
    except TypeError:
        reason = f"values of {columns[0]} are not larger or smaller than that"
        raise invalid(field, given, reason, "Give = or !=, or a value of their type") from None


def _columns(runs: pd.DataFrame, name: str, field: str, given: str) -> list[str]:
    """The column of that name, or all that end in it.

    Raises:
        InputError: there is none; the nearest name is given.
    """
    names = list(map(str, runs.columns))
    columns = [name] if name in names else [one for one in names if one.endswith(f".{name}")]
    if columns:
        return columns
    near = difflib.get_close_matches(name, sorted(set(short_names(names, names).values())), n=1)
    mend = f"Did you mean {near[0]!r}?" if near else "`syntagma results DIR --json` names them."
    raise InputError(f"{field}={given!r} cannot be used: runs have no such column. {mend}")


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return tuple(value) if isinstance(value, list) else value
