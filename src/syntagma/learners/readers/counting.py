"""Counting contexts of growing length by sorting.

As many symbols at once as fit a 64-bit code,

    number of the context | next symbols | which item,

are sorted together; equal contexts of each length then stand together, and are numbered by passing over them. Items
whose context was seen once are taken out, so that the work ends when all contexts are that rare. Codes are sorted as
plain numbers, which is three times faster than finding an order of items (measured: 10^7 in 0.5 to 0.9 s, not 2.8 s).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int, Integer

from syntagma.learners.readers.counts import Counts, Step, Table
from syntagma.learners.readers.nearby import Nearby

_CODE_BITS = 64


def count_contexts(
    items: Nearby, targets: Integer[np.ndarray, " items"], answers: int, orders: Sequence[int]
) -> Counts:
    """Count every answer in its contexts.

    Args:
        items: what stands around each answer.
        targets: the answers.
        answers: how many there are to choose from.
        orders: lengths of the contexts to count, ascending, the first 0, the last at most the depth of `items`.
    """
    sizes = [items.places] + [items.alphabet] * orders[-1]
    left = _Left(items, targets, answers)
    tables: list[Table] = []
    steps: list[Step] = []
    while len(steps) < len(sizes) and left.number.size:
        for _ in range(left.sort(sizes, len(steps))):
            order = len(steps)
            first, code = left.lengthen(sizes[order])
            once = np.diff(first, append=left.number.size) == 1
            if order in orders:
                tables.append(left.count(first, once, tables[-1] if tables else None))
                left.ended = (code % items.alphabet == items.edge)[~once] if order and items.edge is not None else None
            steps.append(Step(sizes[order], code, left.take_out(first, once, order in orders)))
            if not left.number.size:
                break
    if left.gone:
        left.extend(tables[-1], np.zeros(0, np.uint32), np.zeros(0, targets.dtype))
    nothing = np.zeros(0, np.int64)
    tables += [Table(np.zeros(1, np.int64), nothing, nothing, nothing, len(targets)) for _ in orders[len(tables) :]]
    return Counts(tuple(orders), tuple(tables), tuple(steps), items, targets, answers)


class _Left:
    """The items whose contexts were seen more than once, sorted by context.

    Attributes:
        rows: which items.
        answer: theirs.
        number: of the context of each, from 0 without gaps.
        counted: number of its context of the last counted order.
        gone: `counted` and `answer` of the items taken out since then.
        ended: for each context of that order, whether the sentence ended with it.
        once: how many were taken out, ever.
    """

    def __init__(self, items: Nearby, targets: np.ndarray, answers: int) -> None:
        self._items, self._answers = items, answers
        self.rows: np.ndarray | None = None
        self.answer = targets
        self.number = np.zeros(len(targets), np.uint32)
        self.counted = self.number
        self.contexts = 1
        self.gone: list[tuple[np.ndarray, np.ndarray]] = []
        self.ended: np.ndarray | None = None
        self.once = 0

    def sort(self, sizes: Sequence[int], done: int) -> int:
        """Sort the items by their contexts and as many next symbols as fit a code; how many did, at least one."""
        index_bits = _bits(self.number.size)
        free = _CODE_BITS - index_bits - _bits(self.contexts)
        self._widths = []
        while done + len(self._widths) < len(sizes) and (free >= _bits(sizes[done + len(self._widths)])):
            self._widths.append(_bits(sizes[done + len(self._widths)]))
            free -= self._widths[-1]
        fits = len(self._widths) > 0
        self._widths = self._widths or [_bits(sizes[done])]
        self._key = self.number.astype(np.uint64)
        for place, width in enumerate(self._widths, start=done):
            self._key <<= np.uint64(width)
            self._key |= self._items.symbols(self.rows, place).astype(np.uint64)
        if fits:
            self._key <<= np.uint64(index_bits)
            self._key |= np.arange(self._key.size, dtype=np.uint64)
            self._key.sort()
            order = (self._key & np.uint64((1 << index_bits) - 1)).astype(np.intp)
            self._key >>= np.uint64(index_bits)
        else:
            order = np.argsort(self._key)
            self._key = self._key[order]
        self.answer = self.answer[order]
        if self.contexts > 1:
            self.number, self.counted = self.number[order], self.counted[order]
        self.rows = order if self.rows is None else self.rows[order]
        return len(self._widths)

    def lengthen(self, symbols: int) -> tuple[Int[np.ndarray, " contexts"], Int[np.ndarray, " contexts"]]:
        """Number the contexts that are one symbol longer: where each begins among the items, and its code in a step."""
        width = self._widths.pop(0)
        rest = np.uint64(sum(self._widths))
        new = np.empty(self._key.size, bool)
        new[0] = True
        np.greater_equal(self._key[1:] ^ self._key[:-1], np.uint64(1) << rest, out=new[1:])
        first = np.flatnonzero(new)
        symbol = (self._key[first] >> rest & np.uint64((1 << width) - 1)).astype(np.int64)
        code = self.number[first].astype(np.int64) * symbols + symbol
        self.contexts = len(first)
        self.number = np.cumsum(new, dtype=np.uint32)
        self.number -= np.uint32(1)
        return first, code

    def count(self, first: np.ndarray, once: Bool[np.ndarray, " contexts"], shorter: Table | None) -> Table:
        """The table of the present contexts, but of those seen `once`; the `shorter` one learns its extensions."""
        pair, count = _distinct(self.number, self.answer, self.contexts, self._answers)
        context, answer = np.divmod(pair, self._answers)
        if shorter is not None:
            self.extend(shorter, self.counted[first[context]], answer)
        more = ~once[context]
        number = (np.cumsum(~once) - 1)[context[more]]
        start = np.searchsorted(number, np.arange(np.count_nonzero(~once) + 1))
        answer, count = answer[more].astype(self.answer.dtype), count[more]
        return Table(start, answer, count, count, self.once + int(np.count_nonzero(once)))

    def extend(self, shorter: Table, counted: np.ndarray, answer: np.ndarray) -> None:
        """Count the extensions of the last counted order by the contexts that these pairs and the items gone are in."""
        counted = np.concatenate([counted, *(theirs for theirs, _ in self.gone)])
        answer = np.concatenate([answer, *(theirs for _, theirs in self.gone)])
        _, extensions = _distinct(counted, answer, len(shorter.start) - 1, self._answers)
        if self.ended is not None:
            ended = np.repeat(self.ended, np.diff(shorter.start))
            extensions = np.where(ended, shorter.count, extensions)
        shorter.extensions = extensions

    def take_out(self, first: np.ndarray, once: Bool[np.ndarray, " contexts"], counted: bool) -> np.ndarray:
        """Take out the items of contexts seen once; what a step says of each context. `counted`: this order was."""
        assert self.rows is not None
        number = np.cumsum(~once) - 1
        child = np.where(once, -1 - self.rows[first], number)
        self.once += int(np.count_nonzero(once))
        if counted:
            self.gone = []
        else:
            alone = first[once]
            self.gone.append((self.counted[alone], self.answer[alone]))
        self.contexts = max(1, len(first) - int(np.count_nonzero(once)))
        if once.any():
            stay = ~once[self.number]
            self._key, self.rows, self.answer = self._key[stay], self.rows[stay], self.answer[stay]
            self.counted = self.counted[stay]
            self.number = number.astype(np.uint32)[self.number[stay]]
        if counted:
            self.counted = self.number
        return child


def _distinct(
    context: Integer[np.ndarray, " n"], answer: Integer[np.ndarray, " n"], contexts: int, answers: int
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """The different pairs as context * answers + answer, ascending, and how often each occurs."""
    size = contexts * answers
    if size <= 2 * context.size:
        often = np.bincount(context.astype(np.intp) * answers + answer, minlength=size)
        pairs = np.flatnonzero(often)
        return pairs, often[pairs].astype(np.int32)
    kind = np.uint32 if size < 2**32 else np.uint64
    code = context.astype(kind) * kind(answers) + answer.astype(kind)
    code.sort()
    first = np.flatnonzero(np.concatenate([[True], code[1:] != code[:-1]])) if code.size else np.zeros(0, np.intp)
    return code[first].astype(np.int64), np.diff(first, append=code.size).astype(np.int32)


def _bits(size: int) -> int:
    """Bits of a number below `size`."""
    return (size - 1).bit_length()
