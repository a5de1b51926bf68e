"""Finding s-tuples of symbols in a list of distinct ones, exactly, whatever the size of vocab**s."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Integer

_DENSE_ENTRIES = 2**20
_LARGEST_CODE = 2**62
_NO_PREFIX = np.zeros((), dtype=np.int64)


class TupleIndex:
    """Where in `rows`, `[K, s]` and all distinct, a tuple stands.

    A tuple's code is its number in base vocab. Where vocab**s is small, a table holds the answer for each code;
    otherwise codes are searched among the sorted codes of `rows`. Codes stay below 2**62: before one would pass it, the
    prefix read so far is replaced by its rank among the prefixes of `rows`.
    """

    def __init__(self, rows: Int[np.ndarray, "K s"], vocab: int) -> None:
        self._vocab = vocab
        self._unknown = len(rows)
        self._table: np.ndarray | None = None
        self._steps: list[tuple[int, int, np.ndarray]] = []
        length = rows.shape[1]
        if vocab**length <= _DENSE_ENTRIES:
            table = np.full(vocab**length, self._unknown)
            table[self._codes(rows, 0, length, _NO_PREFIX)] = np.arange(len(rows))
            self._table = table
            return
        rank, stop = _NO_PREFIX, 0
        while stop < length:
            start, largest = stop, len(rows) if stop else 1
            while stop < length and largest * vocab <= _LARGEST_CODE:
                largest, stop = largest * vocab, stop + 1
            known, rank = np.unique(self._codes(rows, start, stop, rank), return_inverse=True)
            self._steps.append((start, stop, known))
        self._row_of_rank = np.argsort(rank)

    def find(self, tuples: Integer[np.ndarray, "*shape s"]) -> Int[np.ndarray, "*shape"]:
        """Row equal to each tuple, K where there is none; every symbol must be in [0, vocab)."""
        if self._table is not None:
            return self._table.take(self._codes(tuples, 0, tuples.shape[-1], _NO_PREFIX), mode="wrap")
        known, rank = True, _NO_PREFIX
        for start, stop, codes_known in self._steps:
            codes = self._codes(tuples, start, stop, rank)
            rank = np.minimum(np.searchsorted(codes_known, codes), len(codes_known) - 1)
            known = known & (codes_known[rank] == codes)
        return np.where(known, self._row_of_rank[rank], self._unknown)

    def _codes(self, tuples: np.ndarray, start: int, stop: int, prefix: np.ndarray) -> np.ndarray:
        codes = tuples[..., start].astype(np.int64)
        if start > 0:
            codes += prefix * self._vocab
        for i in range(start + 1, stop):
            codes *= self._vocab
            codes += tuples[..., i]
        return codes
