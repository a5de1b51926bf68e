"""Two stores beside each other: the runs that both have, the settings in which they differ, and what that changed.

Runs are paired where they agree in all settings but those whose values the two stores do not share: a width of 64 here
and 128 there is what is compared, a seed that both have is what pairs. The difference of a group of pairs is the mean
over its seeds, with the 95 % interval of Student's t.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from syntagma.curves.interval import format_interval, mean
from syntagma.errors import InputError, invalid
from syntagma.sweep.identity import flatten
from syntagma.sweep.selection import named_columns, settings_columns, short_names, telling_columns

if TYPE_CHECKING:
    import pandas as pd

    from syntagma.sweep.store import Store

_VALUES_SHOWN = 6


def compare(first: Store, second: Store, metric: str = "test_loss") -> Mapping[str, pd.DataFrame]:
    """Tables by name: `runs`, `settings`, `results` (of the same runs, where not the same) and `pairs`.

        tables = compare(Store.open("results/narrow"), Store.open("results/wide"))

    Args:
        metric: what is compared in pairs.

    Raises:
        InputError: a store without runs, or a metric that no run has.
    """
    import pandas as pd

    tables = [store.runs() for store in (first, second)]
    for store, runs in zip((first, second), tables, strict=True):
        if not len(runs):
            raise InputError(f"{store.path} holds no finished runs yet.")
    names = [named_columns(runs, [metric])[0] for runs in tables]
    for runs, name in zip(tables, names, strict=True):
        if wrong := [value for value in _cells(runs, name) if isinstance(value, bool | str | tuple | list)]:
            raise invalid("metric", metric, f"its values are no numbers, as {str(wrong[0])!r}", "As test_loss")
    ids = [set(runs["id"]) for runs in tables]
    differing = _differing(first, second, ids[0] & ids[1])
    counts = [
        {"runs": "in the first", "number": len(ids[0])},
        {"runs": "in the second", "number": len(ids[1])},
        {"runs": "in both", "number": len(ids[0] & ids[1])},
        {"runs": "in both, with other results", "number": len({row["id"] for row in differing})},
    ]
    settings = _settings(tables[0], tables[1])
    other = [row["setting"] for row in settings if row["shared"] == 0]
    found = {
        "runs": pd.DataFrame(counts),
        "settings": pd.DataFrame(settings).drop(columns="shared", errors="ignore"),
        "results": pd.DataFrame(differing),
        "pairs": _pairs(tables[0], tables[1], names[0], names[1], other),
    }
    return {name: table for name, table in found.items() if len(table)}


def _differing(first: Store, second: Store, ids: set[str]) -> list[dict[str, Any]]:
    """The metrics that differ between results of the same run, but for times, which no repetition gives again."""
    ours, theirs = first.results(ids), second.results(ids)
    rows: list[dict[str, Any]] = []
    for identity, result in ours.items():
        one, other = flatten(result), flatten(theirs[identity])
        rows.extend(
            {"id": identity, "metric": name, "first": one.get(name), "second": other.get(name)}
            for name in dict.fromkeys([*one, *other])
            if not name.startswith("seconds") and repr(one.get(name)) != repr(other.get(name))
        )
    return rows


def _settings(first: pd.DataFrame, second: pd.DataFrame) -> list[dict[str, Any]]:
    """The settings whose values are not the same, the number of values that both have beside them."""
    rows = []
    for name in dict.fromkeys([*settings_columns(first), *settings_columns(second)]):
        ours, theirs = _values(first, name), _values(second, name)
        if set(ours) != set(theirs):
            shared = len(set(ours) & set(theirs))
            rows.append({"setting": name, "first": _listed(ours), "second": _listed(theirs), "shared": shared})
    return rows


def _values(runs: pd.DataFrame, name: str) -> dict[str, Any]:
    """The different values of a column, by their text."""
    return {repr(value): value for value in _cells(runs, name)}


def _cells(runs: pd.DataFrame, name: str) -> list[Any]:
    """The values of a column, None where a run has none; a column that is not there is unset everywhere."""
    values = runs[name].tolist() if name in runs else [None] * len(runs)
    return [None if value != value else value for value in values]


def _listed(values: Mapping[str, Any]) -> str:
    shown = ["unset" if value is None else str(value) for value in values.values()]
    return ", ".join(shown[:_VALUES_SHOWN]) + (", ..." if len(shown) > _VALUES_SHOWN else "")


def _pairs(first: pd.DataFrame, second: pd.DataFrame, ours: str, theirs: str, other: Iterable[str]) -> pd.DataFrame:
    """One row for each group of pairs that differ in their seeds only."""
    import pandas as pd

    left_out = set(other)
    names = dict.fromkeys([*settings_columns(first), *settings_columns(second)])
    alike = [name for name in names if name not in left_out]
    left, right = _keyed(first, alike, ours), _keyed(second, alike, theirs)
    paired = [key for key in left if key in right]
    if not paired:
        return pd.DataFrame()
    groups: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    seeds = [place for place, name in enumerate(alike) if name.endswith("seed")]
    for key in paired:
        groups.setdefault(tuple(one for place, one in enumerate(key) if place not in seeds), []).append(key)
    one_of_each = first.loc[[left[keys[0]][0] for keys in groups.values()]]
    telling = [name for name in telling_columns(one_of_each) if name in alike and not name.endswith("seed")]
    short = short_names(telling, list(names))
    rows = []
    for keys, (_, run) in zip(groups.values(), one_of_each.iterrows(), strict=True):
        one, two = [left[key][1] for key in keys], [right[key][1] for key in keys]
        difference = mean([b - a for a, b in zip(one, two, strict=True)])
        told = {short[name]: run[name] for name in telling}
        averages = {"first": sum(one) / len(one), "second": sum(two) / len(two)}
        rows.append({**told, "pairs": len(keys), **averages, "second - first": format_interval(difference)})
    return pd.DataFrame(rows)


def _keyed(runs: pd.DataFrame, names: Iterable[str], metric: str) -> dict[tuple[str, ...], tuple[Any, float]]:
    """Each run's place and metric by the texts of its settings; runs that these do not tell apart are left out."""
    columns = [list(map(repr, _cells(runs, name))) for name in names]
    found: dict[tuple[str, ...], tuple[Any, float]] = {}
    twice = set()
    for place, value, *key in zip(runs.index, runs[metric].tolist(), *columns, strict=True):
        name = tuple(key)
        if name in found:
            twice.add(name)
        if value is not None:
            found[name] = place, float(value)
    return {key: run for key, run in found.items() if key not in twice}
