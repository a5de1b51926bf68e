"""Correlations of tokens at a distance: how strong they are, and what a text of that length resolves.

    C_t(a, b) = P(x_i = a, x_(i+t) = b) - P(x_i = a) P(x_(i+t) = b),     strength: its largest singular value

The two marginals are those of the pairs themselves, so rows and columns of C_t sum to 0 exactly. In a text of N tokens
without any correlation the strength is not 0 but of the order of (p_max / N)^(1/2), at most twice that: the norm of a
random matrix whose entries have the variance p_a p_b / N. It is the sampling floor, here measured on shuffled texts,
which are what no correlation means exactly: any order of the same tokens is as probable as any other. The strength of a
text with correlations is above its own by the floor's square over twice the strength; `strengths.py` is without that.
Sources: arXiv 2602.07488, 2406.00048.

Tokens are read in pieces, so a memory-mapped file of any length needs memory for one piece and the pairs that occur.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from syntagma.checked_call import checked
from syntagma.errors import invalid, whole_number
from syntagma.languages._tokens import check_range, checked_line, checked_stream
from syntagma.randomness import stream
from syntagma.statistics._largest_singular import largest_singular
from syntagma.statistics.pair_counts import checked_documents, checked_lag, checked_vocab, pair_counts, pair_frequencies

_SHUFFLED = 1 << 22
"""Tokens that are shuffled at the most."""


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

        Raises:
            InputError: tokens that are no whole numbers or outside the vocabulary, or more blocks than pairs.
        """
        tokens, num_blocks = checked_line(tokens), whole_number("num_blocks", num_blocks)
        length = (len(tokens) - self.lag) // num_blocks
        if length < 1:
            raise invalid("num_blocks", num_blocks, f"there are {len(tokens)} tokens", "Choose fewer")
        out = np.empty((num_blocks, 3))
        for block in range(num_blocks):
            first = np.asarray(tokens[block * length : (block + 1) * length])
            second = np.asarray(tokens[block * length + self.lag : (block + 1) * length + self.lag])
            for piece in (first, second):
                check_range(piece, len(self.left))
            x, y = self.left[first], self.right[second]
            out[block] = (x * y).mean(), x.mean(), y.mean()
        return out


def lagged_correlation(
    tokens: Integer[np.ndarray, " N"], vocab: int, lag: int, documents: Integer[np.ndarray, " D"] | None = None
) -> LaggedCorrelation:
    """The correlation of tokens `lag` apart, as the counts have it: `lagged_correlation(tokens, 50, 8).strength`.

    Args:
        tokens: the text.
        vocab: v, up to 65,536.
        lag: t.
        documents: where documents begin; pairs that straddle a beginning do not count.

    Raises:
        InputError: tokens that are no whole numbers or outside the vocabulary; no two tokens are that far apart.
    """
    vocab = checked_vocab(vocab)
    tokens = checked_stream(tokens, vocab)
    lag = checked_lag(lag, len(tokens))
    counts = pair_counts(tokens, vocab, lag, documents=checked_documents(documents, len(tokens)))
    if not counts.total:
        raise invalid("lag", lag, "no document has two tokens that far apart", "Choose a shorter one")
    value, left, right = largest_singular(counts.matrix(), *pair_frequencies(counts), counts.total)
    return LaggedCorrelation(lag, value, left, right)


def sampling_floor(
    tokens: Integer[np.ndarray, " N"], vocab: int, shuffles: int, seed: int = 0
) -> Float[np.ndarray, " shuffles"]:
    """Strength at lag 1 of so many shuffled copies of the text; it is the same at every lag much below N.

    Of a text longer than four million tokens, n of the N tokens, evenly taken, are shuffled, and the strength times
    (n / N)^(1/2).

    Raises:
        InputError: tokens that are no whole numbers, outside the vocabulary or fewer than two; no shuffles.
    """
    vocab = checked_vocab(vocab)
    tokens = checked_stream(tokens, vocab, shortest=2)
    generator = stream(whole_number("seed", seed, minimum=0), "shuffled text")
    some = np.asarray(tokens[:: -(-len(tokens) // _SHUFFLED)])
    number = whole_number("shuffles", shuffles)
    found = [lagged_correlation(generator.permutation(some), vocab, 1).strength for _ in range(number)]
    return np.array(found) * (len(some) / len(tokens)) ** 0.5


@checked
def geometric_lags(largest: int, per_doubling: int) -> list[int]:
    """1, 2, ... up to `largest`, about `per_doubling` to each doubling: `geometric_lags(16, 1) == [1, 2, 4, 8, 16]`.

    Raises:
        InputError: one of them is no whole number above 0.
    """
    largest, per_doubling = whole_number("largest", largest), whole_number("per_doubling", per_doubling)
    steps = np.arange(int(np.log2(largest) * per_doubling) + 1)
    return sorted({round(2 ** (step / per_doubling)) for step in steps})


@checked
def resampled_strengths(
    correlations: Sequence[LaggedCorrelation], tokens: Integer[np.ndarray, " N"], num_blocks: int, drawn: Any
) -> Float[np.ndarray, "R lags"]:
    """Strengths of texts made of other blocks: row r of `drawn`, `[R, num_blocks]`, says which blocks text r has.

    Raises:
        InputError: as `LaggedCorrelation.by_block`; no correlations; `drawn` names blocks that there are not.
    """
    num_blocks = whole_number("num_blocks", num_blocks)
    try:
        rows = np.asarray(drawn)
    except ValueError:
        raise invalid("drawn", drawn, "its rows differ in length", "Name as many blocks in each") from None
    if not len(correlations):
        raise invalid("correlations", [], "there are none", "Give one or more")
    if rows.ndim != 2 or not rows.size or not np.issubdtype(rows.dtype, np.integer):
        raise invalid("drawn", f"{rows.dtype} array of shape {rows.shape}", "its rows name blocks by whole numbers")
    if rows.min() < 0 or rows.max() >= num_blocks:
        wrong = int(rows.min() if rows.min() < 0 else rows.max())
        raise invalid("drawn", wrong, f"blocks are 0 to {num_blocks - 1}")
    out = []
    for correlation in correlations:
        product, left, right = correlation.by_block(tokens, num_blocks)[rows].mean(axis=1).T
        out.append(product - left * right)
    return np.stack(out, axis=1)
