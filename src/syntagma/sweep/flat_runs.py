"""Stored runs with dotted names, read fast: configurations that differ in whole numbers only are parsed once.

Of a large sweep, most configurations are one text with other seeds and sizes in it. Cutting the whole numbers out of
such a text and looking up the rest takes a third of the time of parsing it (0.1 million runs: see docs/decisions.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from syntagma.sweep.identity import flatten
from syntagma.sweep.run_rows import StoredRun, verified_run
from syntagma.sweep.stored_json import mapping_of

_NUMBER = re.compile(r'":(0|[1-9][0-9]{0,17})(?=[,}])')
"""A whole number that is the value of a name; it fits in 64 bits."""
_MARK = 10**17
_MOST_SHAPES = 1000


class FlatRun(NamedTuple):
    """A finished run: the dotted names of its configuration and their values, its metrics with dotted names."""

    id: str
    names: Sequence[str]
    values: Sequence[Any]
    result: Mapping[str, Any]
    finished_at: str
    environment: str


@dataclass(frozen=True, slots=True)
class _Shape:
    """What configurations share that differ in whole numbers only, and where each number belongs."""

    names: tuple[str, ...]
    values: tuple[Any, ...]
    places: tuple[int, ...]


class FlatRuns:
    """Reads rows of the table of runs, as the classes of `rows` do; keeps what it learns from row to row."""

    TABLE: str = StoredRun.TABLE
    NAME: str = StoredRun.NAME
    CALLED: str = StoredRun.CALLED
    COLUMNS: str = StoredRun.COLUMNS

    def __init__(self) -> None:
        self._shapes: dict[str, _Shape | None] = {}

    def read(self, row: Sequence[Any]) -> FlatRun:
        """The run in a row of `COLUMNS`.

        Raises:
            Damaged: as `StoredRun.read`.
        """
        identity, config, result, finished_at, environment = verified_run(row)
        names, values = self._flat(config)
        metrics = mapping_of(result, "result")
        if not {dict, list}.isdisjoint(map(type, metrics.values())):
            metrics = flatten(metrics)
        return FlatRun(identity, names, values, metrics, finished_at, environment)

    def _flat(self, text: str) -> tuple[Sequence[str], Sequence[Any]]:
        parts = _NUMBER.split(text)
        numbers, rest = parts[1::2], "\0".join(parts[::2])
        shape = self._shapes.get(rest)
        if shape is None or len(shape.places) != len(numbers):
            flat = flatten(mapping_of(text, "configuration"))
            if rest not in self._shapes and len(self._shapes) < _MOST_SHAPES:
                self._shapes[rest] = _shape(parts)
            return tuple(flat), tuple(flat.values())
        values = list(shape.values)
        for place, number in zip(shape.places, numbers, strict=True):
            values[place] = int(number)
        return shape.names, values


def _shape(parts: Sequence[str]) -> _Shape | None:
    """The shape of a text that was split at its numbers; None where a number does not come back as a value of its own,
    as in a list of mappings.
    """
    marks = [_MARK + place for place in range(len(parts) // 2)]
    marked = parts[0] + "".join(f'":{mark}{part}' for mark, part in zip(marks, parts[2::2], strict=True))
    flat = flatten(mapping_of(marked, "configuration"))
    places = {value: place for place, value in enumerate(flat.values()) if type(value) is int}
    if sorted(places) != marks:
        return None
    return _Shape(tuple(flat), tuple(flat.values()), tuple(places[mark] for mark in marks))
