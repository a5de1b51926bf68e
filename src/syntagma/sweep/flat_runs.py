"""Stored runs with dotted names, read fast: configurations that differ in whole numbers only are parsed once.

Of a large sweep, most configurations are one text with other seeds and sizes in it. What such texts share is a `Shape`:
a pattern that finds the numbers in which they differ, and the names and values that all of them have. Of each further
text only those numbers are read (0.1 million runs: see docs/decisions.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from syntagma.sweep.identity import flatten
from syntagma.sweep.run_rows import StoredRun, verified_run
from syntagma.sweep.stored_json import mapping_of

_NUMBER = re.compile(r'(?<=":)(0|[1-9][0-9]{0,17})(?=[,}])')
"""A whole number that is the value of a name; it fits in 64 bits."""
_MARK = 10**17
_MOST_SHAPES, _MOST_ALIKE = 1000, 8
"""Patterns are kept for so many texts without digits, and for each of them."""
_DIGITS = b"0123456789"


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Names of configurations, and the values that all of them share: those at `places` are each run's own."""

    names: tuple[str, ...]
    values: tuple[Any, ...]
    places: tuple[int, ...]


class FlatRun(NamedTuple):
    """A finished run: what its configuration shares with others, its own values, its metrics with dotted names."""

    id: str
    shape: Shape
    own: Sequence[Any]
    result: Mapping[str, Any]
    finished_at: str
    environment: str

    @property
    def config(self) -> dict[str, Any]:
        """The configuration with dotted names."""
        values = list(self.shape.values)
        for place, value in zip(self.shape.places, self.own, strict=True):
            values[place] = value
        return dict(zip(self.shape.names, values, strict=True))


class FlatRuns:
    """Reads rows of the table of runs, as the classes of `rows` do; keeps what it learns from row to row."""

    TABLE: str = StoredRun.TABLE
    NAME: str = StoredRun.NAME
    CALLED: str = StoredRun.CALLED
    COLUMNS: str = StoredRun.COLUMNS

    def __init__(self) -> None:
        self._patterns: dict[bytes, list[_Pattern]] = {}
        self._loose: dict[tuple[str, ...], Shape] = {}

    def read(self, row: Sequence[Any]) -> FlatRun:
        """The run in a row of `COLUMNS`.

        Raises:
            Damaged: as `StoredRun.read`.
        """
        identity, config, result, finished_at, environment = verified_run(row)
        shape, own = self._flat(config)
        metrics = mapping_of(result, "result")
        if not {dict, list}.isdisjoint(map(type, metrics.values())):
            metrics = flatten(metrics)
        return FlatRun(identity, shape, own, metrics, finished_at, environment)

    def _flat(self, text: str) -> tuple[Shape, Sequence[Any]]:
        rest = text.encode().translate(None, _DIGITS)
        patterns = self._patterns.get(rest, ())
        for pattern in patterns:
            if match := pattern.match(text):
                return pattern.shape, [*map(int, match.groups())]
        flat = flatten(mapping_of(text, "configuration"))
        names, values = tuple(flat), tuple(flat.values())
        for pattern in patterns:
            if pattern.learn(text, names, values):
                return pattern.shape, [values[place] for place in pattern.shape.places]
        if len(patterns) < _MOST_ALIKE and len(self._patterns) < _MOST_SHAPES:
            self._patterns.setdefault(rest, []).append(pattern := _Pattern(text, names, values))
            return pattern.shape, []
        return self._loose.setdefault(names, Shape(names, (None,) * len(names), tuple(range(len(names))))), values


class _Pattern:
    """Finds the numbers in which texts differ that are otherwise the same, as far as they were seen to differ.

    Attributes:
        match: of a text that differs in those numbers only, else None.
        shape: what such texts share; their own values are the numbers, in the order of the text.
    """

    def __init__(self, text: str, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
        self._parts = _NUMBER.split(text)
        self._places = _places(self._parts)
        self._differing: set[int] = set()
        self._set(names, values)

    def learn(self, text: str, names: tuple[str, ...], values: tuple[Any, ...]) -> bool:
        """Take in another text; whether it differs in whole numbers only."""
        parts = _NUMBER.split(text)
        if not self._places or parts[::2] != self._parts[::2]:
            return False
        pairs = enumerate(zip(parts[1::2], self._parts[1::2], strict=True))
        self._differing |= {number for number, (one, first) in pairs if one != first}
        self._set(names, values)
        return True

    def _set(self, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
        pieces = [re.escape(part) for part in self._parts]
        for number in self._differing:
            pieces[2 * number + 1] = _NUMBER.pattern
        self.match = re.compile("".join(pieces)).fullmatch
        self.shape = Shape(names, values, tuple(self._places[number] for number in sorted(self._differing)))


def _places(parts: Sequence[str]) -> tuple[int, ...]:
    """Where, among the values of a text that was split at its numbers, each number stands; nothing where one does not
    come back as a value of its own, as in a list of mappings.
    """
    marks = [_MARK + place for place in range(len(parts) // 2)]
    marked = parts[0] + "".join(f"{mark}{part}" for mark, part in zip(marks, parts[2::2], strict=True))
    flat = flatten(mapping_of(marked, "configuration"))
    places = {value: place for place, value in enumerate(flat.values()) if type(value) is int}
    return tuple(places[mark] for mark in marks) if sorted(places) == marks else ()
