"""How often each answer followed each context, for contexts of several lengths.

Contexts are numbered, one order after the other: a context of n + 1 symbols is a pair (number of its n nearest symbols,
next symbol), so that nothing is hashed and memory goes by distinct contexts. A context seen once says the same however
far it is continued: its only item stands for all that continue it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from syntagma.learners.readers.nearby import Nearby


@dataclass
class Table:
    """Counts of one order. Contexts seen at least twice have numbers; pairs are sorted by context and answer.

    Attributes:
        start: where each context's pairs begin, and where the last one's end.
        answer: of each pair.
        count: how often the answer follows the context.
        extensions: in how many different contexts of the next longer counted order it does; `count` where a sentence's
            end leaves nothing to extend by, or no longer order is counted.
        once: number of contexts of this order that were seen once.
    """

    start: Int[np.ndarray, " bounds"]
    answer: Integer[np.ndarray, " pairs"]
    count: Integer[np.ndarray, " pairs"]
    extensions: Integer[np.ndarray, " pairs"]
    once: int


@dataclass(frozen=True)
class Step:
    """From contexts to those that are one symbol longer.

    Attributes:
        symbols: how many there are.
        code: sorted, number of the shorter context * symbols + symbol.
        child: number of the longer context; -1 - i where it was seen once, by item i.
    """

    symbols: int
    code: Int[np.ndarray, " contexts"]
    child: Int[np.ndarray, " contexts"]


@dataclass(frozen=True)
class Counts:
    """All that was counted: `count_contexts(nearby(inputs, shape, True), targets, 8, 9, [0, 1, 3]).tables[1].count`.

    Attributes:
        orders: those counted, ascending, the first 0.
        tables: one for each of them.
        steps: to the contexts of 0 tokens, of 1 token, and so on while there are contexts seen more than once.
        items: what was counted, for contexts seen once.
        targets: answers of the items.
        answers: how many answers there are to choose from.
    """

    orders: tuple[int, ...]
    tables: tuple[Table, ...]
    steps: tuple[Step, ...]
    items: Nearby
    targets: Integer[np.ndarray, " items"]
    answers: int

    def walk(self, asked: Nearby) -> Iterator[tuple[Int[np.ndarray, " asked"], Int[np.ndarray, " asked"]]]:
        """For each counted order, the context of each of `asked`: its number, or -1, and its only item, or -1.

        Both are -1 where the context was never seen.
        """
        number = np.zeros(len(asked), np.int64)
        only = np.full(len(asked), -1)
        for place in range(self.orders[-1] + 1):
            symbols = asked.symbols(None, place)
            alone = np.flatnonzero(only >= 0)
            differs = self.items.symbols(only[alone], place) != symbols[alone]
            only[alone[differs]] = -1
            if place < len(self.steps):
                number = _child(self.steps[place], number, symbols)
                now_alone = number < -1
                only[now_alone] = -2 - number[now_alone]
                number[now_alone] = -1
            else:
                number[:] = -1
            if place in self.orders:
                yield number.copy(), only.copy()

    def num_contexts(self) -> int:
        """Distinct contexts of all orders; one that was seen once counts at its shortest."""
        return sum(len(step.code) for step in self.steps)


def _child(step: Step, number: Int[np.ndarray, " asked"], symbols: Integer[np.ndarray, " asked"]) -> np.ndarray:
    """Number of the longer context; -1 where there is none, -2 - i where item i is its only one."""
    code = number * step.symbols + symbols
    at = np.minimum(np.searchsorted(step.code, code), len(step.code) - 1)
    child = step.child[at]
    seen = (number >= 0) & (step.code[at] == code)
    return np.where(seen, np.where(child < 0, child - 1, child), -1)
