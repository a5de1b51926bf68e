"""Zipf's and Heaps's exponents: how frequencies fall with rank, and how the vocabulary grows with the text.

    frequency of the r-th most frequent token ~ r^(-z),     different tokens among n of them ~ n^h

Theory mostly takes symbols as equally probable, and their number as given; these two say how far a text is from that.

Frequencies and ranks of the same counts are too regular, as what is frequent by chance also ranks high; so ranks come
from the even pieces of a stretch of text, and frequencies from the odd ones (Piantadosi, Psychonomic Bulletin & Review
21, 2014). Both exponents are slopes of logarithms by least squares, over ranks in steps of 2^(1/2) of tokens that the
ranking half has 10 times or more, and over n from 1/256 of a stretch to all of it; each is measured on eight stretches
of the text, whose mean and standard error are returned. Where tokens are few, as characters are, the vocabulary is
complete before the text ends, and h is near 0.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.estimate import Estimate
from syntagma.languages._tokens import checked_stream, release
from syntagma.statistics.blocks import block_mean

_STRETCHES = 8
_HALVES = 16
"""Pieces of a stretch, by turns in one half and in the other."""
_LEAST_COUNT = 10
_DOUBLINGS = 8
_SHORTEST = _STRETCHES * 2**_DOUBLINGS * 4


@dataclass(frozen=True)
class Frequencies:
    """How unequal the tokens of a text are, and how many of them it needs.

    Attributes:
        zipf: z; NaN where fewer than three steps of rank are frequent enough in some stretch.
        heaps: h.
        ranks: `[k]`, ranks in steps of 2^(1/2),
        frequencies: `[k]`, and the mean frequency of the tokens from each rank to below the next, in the whole text.
        sizes: `[9]`, n,
        distinct: `[9]`, and how many different tokens n of them are on average.
    """

    zipf: Estimate
    heaps: Estimate
    ranks: Float[np.ndarray, " k"]
    frequencies: Float[np.ndarray, " k"]
    sizes: Integer[np.ndarray, " n"]
    distinct: Float[np.ndarray, " n"]


@checked
def token_frequencies(tokens: Integer[np.ndarray, " N"], vocab: int) -> Frequencies:
    """Both exponents of a text: `token_frequencies(tokens, 50).zipf`.

    Raises:
        InputError: tokens that are no whole numbers, outside the vocabulary or fewer than 8,192.
    """
    tokens = checked_stream(tokens, vocab, field="tokens")
    if len(tokens) < _SHORTEST:
        raise invalid("len(tokens)", len(tokens), f"{_SHORTEST} are needed at the least", "Give a longer text")
    length = len(tokens) // _STRETCHES
    zipf, heaps, distinct, halves = [], [], [], np.zeros((2, vocab), np.int64)
    for stretch in range(_STRETCHES):
        piece = np.asarray(tokens[stretch * length : (stretch + 1) * length])
        release(tokens)
        counts = _half_counts(piece, vocab)
        halves += counts
        zipf.append(_slope(*_by_rank(counts)))
        sizes, found = _growth(piece, vocab)
        heaps.append(-_slope(sizes, found))
        distinct.append(found)
    ranks, frequencies = _by_rank(halves)
    return Frequencies(
        zipf=block_mean(np.array(zipf)),
        heaps=block_mean(np.array(heaps)),
        ranks=ranks,
        frequencies=frequencies,
        sizes=length // 2 ** np.arange(_DOUBLINGS, -1, -1),
        distinct=np.mean(distinct, axis=0),
    )


def _half_counts(piece: Integer[np.ndarray, " n"], vocab: int) -> Integer[np.ndarray, "2 v"]:
    edges = np.linspace(0, len(piece), _HALVES + 1).astype(int)
    counts = np.zeros((2, vocab), np.int64)
    for place in range(_HALVES):
        counts[place % 2] += np.bincount(piece[edges[place] : edges[place + 1]], minlength=vocab)
    return counts


def _by_rank(counts: Integer[np.ndarray, "2 v"]) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Ranks and frequencies, each half ranking the other, averaged in steps of rank."""
    frequencies = []
    known = int(min((half >= _LEAST_COUNT).sum() for half in counts))
    for ranking, counted in (counts, counts[::-1]):
        frequencies.append(counted[np.argsort(-ranking, kind="stable")[:known]] / max(counted.sum(), 1))
    edges = np.unique(np.floor(2 ** (np.arange(2 * int(np.log2(known + 1)) + 1) / 2)).astype(int)) - 1 if known else []
    mean = np.mean(frequencies, axis=0)
    steps = [(a, b) for a, b in itertools.pairwise(edges) if b <= known]
    ranks = np.array([np.exp(np.log(np.arange(a + 1, b + 1)).mean()) for a, b in steps])
    return ranks, np.array([mean[a:b].mean() for a, b in steps])


def _growth(piece: Integer[np.ndarray, " n"], vocab: int) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """n, and how many different tokens n of them are, on average over what stands side by side in the piece."""
    sizes = len(piece) // 2 ** np.arange(_DOUBLINGS, -1, -1)
    found = []
    for size in sizes:
        number = len(piece) // size
        rows = piece[: number * size].reshape(number, size)
        found.append(np.mean([np.count_nonzero(np.bincount(row, minlength=vocab)) for row in rows]))
    return sizes.astype(float), np.array(found)


def _slope(x: Float[np.ndarray, " k"], y: Float[np.ndarray, " k"]) -> float:
    """b of y ~ x^(-b); NaN with fewer than three points."""
    if len(x) < 3 or (y <= 0).any():
        return float("nan")
    return -float(np.polyfit(np.log(x), np.log(y), 1)[0])
