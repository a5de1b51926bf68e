"""Correlations of tokens at a distance: how strong they are, what a text of that length resolves, how sure both are.

    C_t(a, b) = P(x_i = a, x_(i+t) = b) - P(x_i = a) P(x_(i+t) = b),     strength: its largest singular value

The two marginals are those of the pairs themselves, so rows and columns of C_t sum to 0 exactly. In a text of N tokens
without any correlation the strength is not 0 but of the order of (p_max / N)^(1/2), at most twice that: the norm of a
random matrix whose entries have the variance p_a p_b / N. It is the sampling floor, here measured on shuffled texts.
Sources: arXiv 2602.07488, 2406.00048.

Tokens are read in pieces, so a memory-mapped file of any length needs memory for one piece and the counts of pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Float, Integer
from scipy.sparse.linalg import LinearOperator, svds

from syntagma.errors import invalid
from syntagma.randomness import stream

_PIECE = 1 << 22
_DENSE = 1 << 24
"""Counts of all v^2 pairs are one array up to this many; above, only the pairs that occur are kept."""
_SMALL = 200
"""Up to this vocabulary all singular values are computed, above it the largest one alone."""


@dataclass(frozen=True)
class LaggedCorrelation:
    """The strength of the correlation at one distance.

    Attributes:
        lag: t, tokens.
        strength: largest singular value of C_t.
        left, right: `[v]`, its singular vectors: the strength is the mean of left(x_i) right(x_(i+t)) over pairs, less
            the product of their means.
    """

    lag: int
    strength: float
    left: Float[np.ndarray, " v"]
    right: Float[np.ndarray, " v"]

    def by_block(self, tokens: Integer[np.ndarray, " N"], num_blocks: int) -> Float[np.ndarray, "B 3"]:
        """Means of left(x_i) right(x_(i+t)), left(x_i) and right(x_(i+t)) over the pairs of each of `num_blocks` equal
        stretches of the text, those whose first token lies in it.

        To first order in the noise, resampled blocks move the strength through these means alone: at a maximum the
        singular vectors may stay.
        """
        length = (len(tokens) - self.lag) // num_blocks
        if length < 1:
            raise invalid("num_blocks", num_blocks, f"there are {len(tokens)} tokens", "Choose fewer")
        out = np.empty((num_blocks, 3))
        for block in range(num_blocks):
            first = np.asarray(tokens[block * length : (block + 1) * length])
            second = np.asarray(tokens[block * length + self.lag : (block + 1) * length + self.lag])
            x, y = self.left[first], self.right[second]
            out[block] = (x * y).mean(), x.mean(), y.mean()
        return out


def lagged_correlation(tokens: Integer[np.ndarray, " N"], vocab: int, lag: int) -> LaggedCorrelation:
    """The correlation of tokens `lag` apart.

    Raises:
        InputError: no two tokens are that far apart.
    """
    number = len(tokens) - lag
    if lag < 1 or number < 1:
        raise invalid("lag", lag, f"there are {len(tokens)} tokens", f"Choose 1 to {len(tokens) - 1}")
    counts = _pair_counts(tokens, vocab, lag)
    before = np.asarray(counts.sum(axis=1)).ravel() / number
    after = np.asarray(counts.sum(axis=0)).ravel() / number
    if vocab <= _SMALL:
        dense = (counts if isinstance(counts, np.ndarray) else counts.toarray()) / number - np.outer(before, after)
        left, strengths, right = np.linalg.svd(dense)
        return LaggedCorrelation(lag, float(strengths[0]), left[:, 0], right[0])

    def times(x: np.ndarray) -> np.ndarray:
        return counts @ x.ravel() / number - before * (after @ x.ravel())

    def transposed_times(x: np.ndarray) -> np.ndarray:
        return counts.T @ x.ravel() / number - after * (before @ x.ravel())

    covariance = LinearOperator((vocab, vocab), matvec=times, rmatvec=transposed_times, dtype=float)  # pyright: ignore
    start = stream(0, "singular vector").normal(size=vocab)
    found: Any = svds(covariance, k=1, v0=start)
    left, strengths, right = found
    return LaggedCorrelation(lag, float(strengths[0]), left[:, 0], right[0])


def sampling_floor(
    tokens: Integer[np.ndarray, " N"], vocab: int, shuffles: int, seed: int = 0
) -> Float[np.ndarray, " shuffles"]:
    """Strength at lag 1 of so many shuffled copies of the text; it is the same at every lag much below N.

    Of a text longer than a piece, n of the N tokens, evenly taken, are shuffled, and the strength times (n / N)^(1/2).
    """
    generator = stream(seed, "shuffled text")
    some = np.asarray(tokens[:: -(-len(tokens) // _PIECE)])
    found = [lagged_correlation(generator.permutation(some), vocab, 1).strength for _ in range(shuffles)]
    return np.array(found) * (len(some) / len(tokens)) ** 0.5


def geometric_lags(largest: int, per_doubling: int) -> list[int]:
    """1, 2, ... up to `largest`, about `per_doubling` to each doubling."""
    steps = np.arange(int(np.log2(largest) * per_doubling) + 1)
    return sorted({round(2 ** (step / per_doubling)) for step in steps})


def _pair_counts(
    tokens: Integer[np.ndarray, " N"], vocab: int, lag: int
) -> Float[np.ndarray, "v v"] | scipy.sparse.csr_array:
    """How often each pair of tokens stands `lag` apart."""
    if vocab**2 <= _DENSE:
        counts = np.zeros(vocab**2)
        for codes in _codes(tokens, vocab, lag):
            counts += np.bincount(codes, minlength=vocab**2)
        return counts.reshape(vocab, vocab)
    found = scipy.sparse.csr_array((vocab, vocab))
    for codes in _codes(tokens, vocab, lag):
        pairs, number = np.unique(codes, return_counts=True)
        found = found + scipy.sparse.csr_array((number.astype(float), np.divmod(pairs, vocab)), shape=(vocab, vocab))
    return found


def _codes(tokens: Integer[np.ndarray, " N"], vocab: int, lag: int) -> Iterator[Integer[np.ndarray, " n"]]:
    """The pairs `lag` apart as numbers a v + b, piece by piece."""
    for start in range(0, len(tokens) - lag, _PIECE):
        end = min(start + _PIECE, len(tokens) - lag)
        first = np.asarray(tokens[start:end]).astype(np.int64)
        yield first * vocab + np.asarray(tokens[start + lag : end + lag])


def resampled_strengths(
    correlations: Sequence[LaggedCorrelation], tokens: Integer[np.ndarray, " N"], num_blocks: int, drawn: np.ndarray
) -> Float[np.ndarray, "R lags"]:
    """Strengths of texts made of other blocks: row r of `drawn`, `[R, num_blocks]`, says which blocks text r has."""
    out = []
    for correlation in correlations:
        product, left, right = correlation.by_block(tokens, num_blocks)[drawn].mean(axis=1).T
        out.append(product - left * right)
    return np.stack(out, axis=1)
