"""How often each pair of tokens stands a given distance apart, in a text of any length.

Pairs are numbers a v + b of 32 bits, sorted piece by piece, and runs of equal ones counted; pieces are merged by
sorting (pair, count) as one number of 64 bits. So memory is that of one piece and of the pairs that occur, never v^2.
On one core, ten million pairs at v = 8,192 take 0.2 s so, 1.3 s through a sparse matrix of ones, and 1 to 3 s by
counting into a full table.

Pairs do not straddle documents: where their beginnings are given, both tokens of a pair lie in the same document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from jaxtyping import Float, Integer, UInt

from syntagma.checked_call import checked
from syntagma.errors import invalid, whole_number
from syntagma.languages._tokens import release

PIECE = 1 << 24
"""Tokens that are looked at together."""
LARGEST_VOCAB = 1 << 16
"""Pairs of a larger vocabulary are no numbers of 32 bits."""


@dataclass(frozen=True)
class PairCounts:
    """Pairs of tokens and how often each occurs.

    Attributes:
        codes: `[k]`, ascending, a v + b for the pair (a, b).
        counts: `[k]`, each 1 or more.
        vocab: v.
    """

    codes: UInt[np.ndarray, " k"]
    counts: UInt[np.ndarray, " k"]
    vocab: int

    @property
    def total(self) -> int:
        """How many pairs there are in all."""
        return int(self.counts.sum(dtype=np.int64))

    def matrix(self) -> scipy.sparse.csr_array:
        """Counts as a sparse `[v, v]` matrix of float64."""
        starts = np.arange(self.vocab + 1, dtype=np.uint64) * np.uint64(self.vocab)
        rows = np.searchsorted(self.codes, starts).astype(np.int64)
        columns = (self.codes % np.uint32(self.vocab)).astype(np.int32)
        return scipy.sparse.csr_array((self.counts.astype(float), columns, rows), shape=(self.vocab,) * 2)


@checked
def pair_counts(
    tokens: Integer[np.ndarray, " N"],
    vocab: int,
    lag: int,
    *,
    span: tuple[int, int] | None = None,
    documents: Integer[np.ndarray, " D"] | None = None,
) -> PairCounts:
    """Pairs of tokens `lag` apart: `pair_counts(tokens, 50, 1).matrix()`.

    Args:
        tokens: the text; its values are not checked here: see `checked_stream`.
        vocab: v.
        lag: t.
        span: the pairs' first tokens are those of this half-open range; by default of all.
        documents: where documents begin, ascending from 0; pairs that straddle a beginning do not count.

    Raises:
        InputError: a vocabulary, a distance or a range that the text cannot have.
    """
    vocab, most = checked_vocab(vocab), max(len(tokens) - whole_number("lag", lag), 0)
    start, end = span or (0, most)
    if not 0 <= start <= end <= most:
        raise invalid("span", span, f"the first tokens of pairs are 0 to {most}", "Give (start, end)")
    parts = []
    for first in range(start, end, PIECE):
        last = min(first + PIECE, end)
        codes = np.asarray(tokens[first:last]).astype(np.uint32)
        codes *= np.uint32(vocab)
        codes += np.asarray(tokens[first + lag : last + lag]).astype(np.uint32)
        if documents is not None:
            codes = codes[_within(documents, first, last, lag)]
        release(tokens)
        codes.sort()
        parts.append(_runs(codes, vocab))
    return merged(parts, vocab)


@checked
def merged(parts: Sequence[PairCounts], vocab: int) -> PairCounts:
    """The counts of several parts of a text together."""
    vocab, parts = checked_vocab(vocab), [part for part in parts if len(part.codes)]
    if len(parts) < 2:
        return parts[0] if parts else PairCounts(np.zeros(0, np.uint32), np.zeros(0, np.uint32), vocab)
    packed = np.concatenate([part.codes.astype(np.uint64) << np.uint64(32) | part.counts for part in parts])
    packed.sort()
    codes = (packed >> np.uint64(32)).astype(np.uint32)
    begins = _beginnings(codes)
    sums = np.cumsum(packed & np.uint64(0xFFFF_FFFF))
    counts = np.diff(sums[np.append(begins[1:], len(codes)) - 1], prepend=np.uint64(0))
    return PairCounts(codes[begins], counts.astype(np.uint32), vocab)


def checked_lag(lag: int, num_tokens: int, field: str = "lag") -> int:
    """`lag` as a distance that two of so many tokens can have.

    Raises:
        InputError: no whole number, or no two tokens are that far apart.
    """
    lag = whole_number(field, lag, minimum=0)
    if not 1 <= lag < num_tokens:
        most = num_tokens - 1
        mend = f"Choose 1 to {most}" if most else "Give a longer text"
        raise invalid(field, lag, f"there are {num_tokens} tokens", mend)
    return lag


def checked_vocab(vocab: int) -> int:
    """`vocab` as a vocabulary whose pairs can be counted.

    Raises:
        InputError: no whole number, below 1 or above 65,536.
    """
    vocab = whole_number("vocab", vocab)
    if vocab > LARGEST_VOCAB:
        raise invalid("vocab", vocab, f"pairs are counted up to vocab={LARGEST_VOCAB}", "Use a smaller vocabulary")
    return vocab


def checked_documents(
    documents: Integer[np.ndarray, " D"] | None, num_tokens: int, field: str = "documents"
) -> np.ndarray | None:
    """Beginnings of documents as an array, None where there is only one document.

    Raises:
        InputError: they are no ascending whole numbers from 0 to below the number of tokens.
    """
    if documents is None:
        return None
    try:
        starts = np.asarray(documents)
    except ValueError:
        raise invalid(field, documents, "it is where documents begin", "Give whole numbers from 0 on") from None
    if starts.ndim != 1 or not np.issubdtype(starts.dtype, np.integer) or not len(starts):
        given = f"{starts.dtype} array of shape {starts.shape}"
        raise invalid(field, given, "it is where documents begin", "Give whole numbers from 0 on")
    if starts[0] != 0 or (np.diff(starts) <= 0).any() or starts[-1] >= num_tokens:
        allowed = f"beginnings ascend from 0 and stay below the text's {num_tokens} tokens"
        raise invalid(field, f"{starts[0]}, ..., {starts[-1]}", allowed, "Sort them, and leave empty ones out")
    return starts if len(starts) > 1 else None


@checked
def pair_frequencies(counts: PairCounts) -> tuple[Float[np.ndarray, " v"], Float[np.ndarray, " v"]]:
    """How probable each token is as a pair's first, and as its second."""
    matrix, total = counts.matrix(), max(counts.total, 1)
    return np.asarray(matrix.sum(axis=1)).ravel() / total, np.asarray(matrix.sum(axis=0)).ravel() / total


def _within(documents: Integer[np.ndarray, " D"], first: int, last: int, lag: int) -> np.ndarray:
    """Which tokens from `first` to `last` have the token `lag` on in their own document."""
    edges = np.append(documents, np.iinfo(np.int64).max)
    place = int(np.searchsorted(edges, first, side="right"))
    until = int(np.searchsorted(edges, last, side="left"))
    ends = edges[place : until + 1]
    lengths = np.diff(np.concatenate([[first], np.minimum(ends, last)]))
    return np.arange(first, last) + lag < np.repeat(ends, lengths)


def _runs(ordered: UInt[np.ndarray, " n"], vocab: int) -> PairCounts:
    begins = _beginnings(ordered)
    counts = np.diff(np.append(begins, len(ordered))).astype(np.uint32)
    return PairCounts(ordered[begins], counts, vocab)


def _beginnings(ordered: UInt[np.ndarray, " n"]) -> Integer[np.ndarray, " k"]:
    """Where runs of equal numbers begin."""
    if not len(ordered):
        return np.zeros(0, np.int64)
    return np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
