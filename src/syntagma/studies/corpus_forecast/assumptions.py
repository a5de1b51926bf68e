"""What theory assumes of a text, measured: how unequal tokens are, how many it needs, and whether order matters.

The argument behind a forecast takes tokens of equal rank in a vocabulary of a given size. Zipf's exponent says how far
from equal they are; Heaps's, whether more text brings more tokens, in which case a longer text is another language. The
permutation-symmetric share of the covariance of tokens in windows of T says how much of the dependence between
positions knows nothing of their order: of a text of which nearly all is symmetric, distance decides little.

Symmetry is measured between the most frequent tokens, all others taken together as one: the covariance has
(T times the vocabulary)^2 entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Integer

from syntagma.errors import InputError
from syntagma.languages.corpora import Corpus, CorpusWindows, Tokens
from syntagma.statistics.blocks import student_reach
from syntagma.statistics.frequencies import Frequencies, token_frequencies
from syntagma.statistics.symmetry import Symmetry, measured_symmetry, of_frequent_tokens
from syntagma.studies.schemas import NOTE, Column, Schema, Table, interval_ends

_LONGEST = 256
_FEWEST = 400
"""Windows that symmetry is measured on at the least: the longest windows of which there are so many,"""
_MOST = 4096
"""and at the most, evenly taken."""
_KEPT = 16
_BLOCKS = 10
_STRETCHES = 8

_SCHEMA = Schema(
    "assumptions",
    "What theory assumes of the text",
    "Zipf's exponent, 0 where all tokens are equally frequent; Heaps's exponent, 0 where more text brings no more "
    "tokens; the share of the dependence between positions that knows nothing of their order, 1 where it is all. With "
    "intervals of 95 % over stretches of the text.",
    (
        Column("name", "what", "text"),
        Column("symbol", "formula", "text"),
        Column("value", "value", "exponent"),
        *interval_ends("exponent"),
        NOTE,
    ),
)


@dataclass(frozen=True)
class Assumptions:
    """How far a text is from what theory takes for granted.

    Attributes:
        frequencies: Zipf's and Heaps's exponents; None where the text is too short for them.
        symmetry: of windows of `window` tokens; None where there are too few of them.
        window: T, tokens.
        kept: how many tokens are told apart for the symmetry, that for all others among them.
    """

    frequencies: Frequencies | None
    symmetry: Symmetry | None
    window: int
    kept: int

    def table(self) -> Table:
        """Zipf's and Heaps's exponents, and the symmetric share."""
        return _SCHEMA.table(self.rows())

    def rows(self) -> Iterator[dict[str, Any]]:
        """Those of the table, in this order."""
        reach = student_reach(_STRETCHES - 1)
        for name, symbol in (("zipf", "frequency ~ rank^-z"), ("heaps", "vocabulary ~ tokens^h")):
            row = {"name": f"{name.capitalize()}'s exponent", "symbol": symbol}
            if self.frequencies is None:
                yield row | _unknown("the text is too short")
                continue
            found = getattr(self.frequencies, name)
            half, note = reach * found.standard_error, "" if np.isfinite(found.value) else "too few tokens are frequent"
            yield row | {"value": found.value, "low": found.value - half, "high": found.value + half, "note": note}
        row = {"name": "permutation-symmetric share", "symbol": "|C_sym|^2 / |C|^2, i != j"}
        if self.symmetry is None:
            yield row | _unknown("there are too few windows")
            return
        share = self.symmetry.fraction_between
        low, high = self.symmetry.interval(share)
        note = f"windows of {self.window} tokens, {self.kept} tokens told apart"
        yield row | {"value": share.value, "low": low, "high": high, "note": note}


def _unknown(note: str) -> dict[str, Any]:
    return {"value": np.nan, "low": np.nan, "high": np.nan, "note": note}


def assumptions(corpus: Corpus) -> Assumptions:
    """Of the training part: `assumptions(Corpus.read("book.txt")).table()`."""
    train = corpus["train"]
    try:
        frequencies = token_frequencies(train.tokens, corpus.vocab)
    except InputError:
        frequencies = None
    windows = _windows(train, corpus.vocab)
    if windows is None:
        return Assumptions(frequencies, None, 0, 0)
    coarse, kept = of_frequent_tokens(windows, corpus.vocab, _KEPT)
    return Assumptions(frequencies, measured_symmetry(coarse, kept, _BLOCKS), windows.shape[1], kept)


def _windows(part: Tokens, vocab: int) -> Integer[np.ndarray, "n T"] | None:
    """The longest windows within documents of which there are enough; None where even the shortest are too few."""
    length = _LONGEST
    while length >= 4:
        try:
            windows = CorpusWindows(part, vocab, length, length)
        except InputError:
            windows = ()
        if len(windows) >= _FEWEST:
            assert isinstance(windows, CorpusWindows)
            return windows.at(np.arange(len(windows))[:: -(-len(windows) // _MOST)])
        length //= 2
    return None
