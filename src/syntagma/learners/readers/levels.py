"""A sentence read level by level: tuples that are taken for synonyms are replaced by one symbol, again and again.

At every level the sentence is a row of symbols, at first its tokens. Each s-tuple of them (but the one above the hidden
token) is replaced by the symbol that stands for it and its synonyms. Synonyms are the tuples with which the same is
seen in the training sentences (`synonyms.py`). What is looked at is

- the target, from each place of the sentence: P(place, target | tuple);
- or the neighbours, the symbols of the other tuples under the same grandparent, which are known when the level is:
  P(which of them, symbol | tuple). Where there is no grandparent, the target again.

With sharing one table serves all places of a level; without it every place has tuples and symbols of its own.

Sources: arXiv 2307.02129 and 2406.00048 (synonyms by their correlation with the target), 2605.27734 (by neighbours).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Int, Integer

from syntagma.languages._tuples import TupleIndex
from syntagma.learners.readers.synonyms import synonyms

Statistic = Literal["target", "neighbour"]
_DENSE_CODES = 2**22


@dataclass(frozen=True)
class Reading:
    """How sentences are read.

    Attributes:
        branching: s.
        depth: L; sentences have s^L tokens.
        vocab: number of tokens; the mask symbol is one more.
        symbols: how many are told apart at each level above the tokens; a tuple never seen is one more.
        hidden: place of the hidden token; None where there is none.
        answers: number of targets.
        statistic: what tells synonyms.
        sharing: whether one table serves all places.
    """

    branching: int
    depth: int
    vocab: int
    symbols: int
    hidden: int | None
    answers: int
    statistic: Statistic
    sharing: bool

    @property
    def levels(self) -> int:
        """How many levels are made: below the root where a token is hidden, the root's too where none is."""
        return self.depth - (self.hidden is not None)

    def symbols_at(self, level: int) -> int:
        """How many symbols a level has. The number itself stands for what is hidden or unknown."""
        if level == 0:
            return self.vocab
        return self.answers if level == self.depth else self.symbols

    def open_place(self, level: int) -> int | None:
        """Which symbol of a level is above the hidden token."""
        return None if self.hidden is None else self.hidden // self.branching**level

    def closed_places(self, level: int) -> list[int]:
        """The symbols of a level that can be known."""
        open_place = self.open_place(level)
        return [place for place in range(self.branching ** (self.depth - level)) if place != open_place]


@dataclass(frozen=True)
class Dictionary:
    """The symbols that stand for tuples of one level, at some places: `symbol[index.find(tuples)]`."""

    places: tuple[int, ...]
    index: TupleIndex
    symbol: Int[np.ndarray, " numbers"]


@dataclass(frozen=True)
class Levels:
    """What was learned: for each level, from the tokens up, the dictionaries that make the next one."""

    reading: Reading
    dictionaries: list[list[Dictionary]] = field(default_factory=list)

    def read(self, inputs: Integer[np.ndarray, "n T"]) -> list[Integer[np.ndarray, "n _places"]]:
        """The symbols of all levels. Those above the hidden token are the number of symbols, like unknown ones."""
        rows = [inputs]
        for level in range(len(self.dictionaries)):
            rows.append(self.raised(rows[-1], level))
        return rows

    def raised(self, symbols: Integer[np.ndarray, "n places"], level: int) -> Integer[np.ndarray, "n above"]:
        """The symbols of `level` + 1, given those of `level`."""
        tuples = symbols.reshape(len(symbols), -1, self.reading.branching)
        unknown = self.reading.symbols_at(level + 1)
        above = np.full(tuples.shape[:2], unknown, np.min_scalar_type(unknown))
        for dictionary in self.dictionaries[level]:
            for place in dictionary.places:
                above[:, place] = dictionary.symbol[dictionary.index.find(tuples[:, place])]
        return above

    def num_tuples(self) -> int:
        """Tuples in all dictionaries."""
        return sum(len(dictionary.symbol) - 1 for level in self.dictionaries for dictionary in level)


def learn_levels(reading: Reading, inputs: Integer[np.ndarray, "n T"], targets: Integer[np.ndarray, " n"]) -> Levels:
    """Learn all dictionaries, the lowest level first: `learn_levels(reading, examples.inputs, examples.targets)`."""
    learned, symbols = Levels(reading), inputs
    for level in range(reading.levels):
        places = reading.closed_places(level + 1)
        groups = [places] if reading.sharing else [[place] for place in places]
        learned.dictionaries.append([_dictionary(reading, symbols, targets, level, group) for group in groups])
        symbols = learned.raised(symbols, level)
    return learned


def _dictionary(
    reading: Reading, symbols: np.ndarray, targets: np.ndarray, level: int, places: list[int]
) -> Dictionary:
    """The dictionary of the tuples of `level` at `places` of the level above."""
    tuples = symbols.reshape(len(symbols), -1, reading.branching)
    size = reading.symbols_at(level) + 1
    rows = _distinct_tuples(tuples, places, size)
    index = TupleIndex(rows, size)
    columns: dict[tuple[int, ...], np.ndarray] = {}
    for place in places:
        found = index.find(tuples[:, place])
        for kind, values, different in _seen_with(reading, tuples, targets, level, place):
            often = np.bincount(found * different + values, minlength=len(rows) * different)
            columns[kind] = columns.get(kind, 0) + often.reshape(len(rows), different)
    counts = np.concatenate([columns[kind] for kind in sorted(columns)], axis=1)
    above = reading.symbols_at(level + 1)
    return Dictionary(tuple(places), index, np.append(synonyms(counts, above), above))


def _seen_with(
    reading: Reading, tuples: np.ndarray, targets: np.ndarray, level: int, place: int
) -> Iterator[tuple[tuple[int, ...], np.ndarray, int]]:
    """What the tuple at `place` is seen with: what it is, its value in each sentence, how many values it has."""
    if reading.statistic == "target" or level + 2 > reading.depth:
        yield (place,), targets, reading.answers
        return
    parents, place_in_parent = divmod(place, reading.branching)
    for other in range(reading.branching):
        for child in range(reading.branching):
            where = parents * reading.branching + other
            is_open = where * reading.branching + child == reading.open_place(level)
            if other != place_in_parent and not is_open:
                yield (place_in_parent, other, child), tuples[:, where, child], reading.symbols_at(level) + 1


def _distinct_tuples(tuples: Integer[np.ndarray, "n places s"], places: list[int], size: int) -> np.ndarray:
    """The different tuples at some places, sorted: int64 `[tuples, s]`."""
    length = tuples.shape[2]
    if size**length > _DENSE_CODES:
        each = [np.unique(tuples[:, place], axis=0) for place in places]
        return np.unique(np.concatenate(each), axis=0).astype(np.int64)
    powers = size ** np.arange(length - 1, -1, -1)
    present = np.zeros(size**length, bool)
    for place in places:
        present[tuples[:, place].astype(np.int64) @ powers] = True
    return np.flatnonzero(present)[:, None] // powers % size
