"""Drawing strings of a template set: a template, a substitution, and one look-up for all tokens.

Strings come in pieces of fixed size with a random stream each, so the first k are the same however many are asked for
and however many threads work. Templates of equal probability, and substitutions, are exactly uniform; templates of
unequal probability are so within 2**-64.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Integer, UInt

from syntagma.errors import invalid
from syntagma.languages._chunks import for_each_chunk, sentences_per_chunk
from syntagma.languages._draws import random_bits, uniform_below
from syntagma.languages.language import Sample
from syntagma.languages.templates.notation import TemplateSet
from syntagma.languages.templates.substitution import draw_injections
from syntagma.randomness import stream


class Sampler:
    """Draws labelled strings; holds only constant tables and may be used from several threads."""

    def __init__(
        self,
        templates: TemplateSet,
        probabilities: Float[np.ndarray, " r"],
        first_symbol: int,
        alphabet: int,
        pools: Sequence[UInt[np.ndarray, "m w"]] | None,
        dtype: np.dtype,
    ) -> None:
        """Symbols are `first_symbol` on; `pools` holds each template's substitutions where they are limited."""
        num_regular = len(templates.regular)
        self._count, self._length = templates.patterns.shape
        self._size = sentences_per_chunk(self._length)
        self._width = int(templates.wildcards.max())
        self._first_symbol, self._alphabet, self._dtype = first_symbol, alphabet, dtype
        self._thresholds = _thresholds(probabilities)
        self._pools = _Pools(pools, self._width, dtype) if pools is not None else None
        # A string's symbols stand in rows, one for each wildcard, above a row of zeros, over columns, one a string. A
        # token is `constant + symbols[row, string]`: its own number + 0, or 0 + the wildcard's symbol.
        self._constants, self._rows = self._tables(templates.patterns, num_regular)
        self._numbers = None if templates.symbolic else templates.labels
        if templates.symbolic:
            self._label_constants, self._label_rows = self._tables(templates.labels, num_regular)

    def draw(self, seed: int, num_sentences: int, threads: int | None) -> Sample:
        """Independent strings and their labels; piece i comes from the stream ("templates", i) of `seed`.

        Raises:
            InputError: more tokens than memory holds.
        """
        try:
            tokens = np.empty((num_sentences, self._length), self._dtype)
            labels = np.empty(num_sentences, self._dtype if self._numbers is None else np.float64)
        except (MemoryError, ValueError):
            need = f"{num_sentences} strings of {self._length} tokens need more memory than can be had"
            raise invalid("num_sentences", num_sentences, need, "Ask for fewer sentences") from None
        own = threading.local()

        def one(chunk: int, start: int, stop: int) -> None:
            if not hasattr(own, "symbols"):
                own.symbols = np.zeros((self._width + 1, self._size), self._dtype)
                own.index = np.empty((self._size, self._length), np.int64)
            template = self._fill(stream(seed, "templates", chunk), own.symbols)
            count = stop - start
            template, column = template[:count], np.arange(count)
            index = self._rows.take(template, axis=0, out=own.index[:count], mode="wrap")
            index += column[:, None]
            symbols, out = own.symbols.reshape(-1), tokens[start:stop]
            symbols.take(index, out=out, mode="wrap")  # always in range; "raise" would write to a copy first
            if self._constants.any():
                out += self._constants.take(template, axis=0)
            if self._numbers is not None:
                self._numbers.take(template, out=labels[start:stop], mode="wrap")
            else:
                copied = symbols.take(self._label_rows.take(template) + column)
                np.add(self._label_constants.take(template), copied, out=labels[start:stop])

        for_each_chunk(one, num_sentences, self._size, threads)
        return Sample(tokens, labels=labels)

    def _fill(self, rng: np.random.Generator, symbols: UInt[np.ndarray, "rows n"]) -> Integer[np.ndarray, " n"]:
        """Each string's template, and its symbols, written to all rows but the last, which stays zero."""
        template = _choose(rng, self._count, self._thresholds, self._size)
        chosen = symbols[: self._width]
        if self._pools is None:
            draw_injections(rng, self._alphabet, chosen)
        else:
            chosen[:] = self._pools.draw(rng, template).T
        chosen += self._dtype.type(self._first_symbol)
        return template

    def _tables(self, numbers: np.ndarray, num_regular: int) -> tuple[np.ndarray, np.ndarray]:
        """Constant of each token, and where its row begins among all symbols."""
        wildcard = numbers >= num_regular
        constants = np.where(wildcard, 0, numbers).astype(self._dtype)
        return constants, np.where(wildcard, numbers - num_regular, self._width) * self._size


class _Pools:
    """Limited substitutions: a template's are rows of one table, from its offset on."""

    def __init__(self, pools: Sequence[UInt[np.ndarray, "m w"]], width: int, dtype: np.dtype) -> None:
        self._sizes = np.array([len(pool) for pool in pools])
        self._offsets = np.concatenate([[0], np.cumsum(self._sizes)[:-1]])
        self._table = np.zeros((self._sizes.sum(), width), dtype)
        for offset, pool in zip(self._offsets, pools, strict=True):
            self._table[offset : offset + len(pool), : pool.shape[1]] = pool

    def draw(self, rng: np.random.Generator, template: Integer[np.ndarray, " n"]) -> UInt[np.ndarray, "n w"]:
        """One of its template's substitutions for each string; one uniform draw for each size of pool there is."""
        row = self._offsets[template]
        for size in np.unique(self._sizes):
            here = np.flatnonzero(self._sizes[template] == size)
            row[here] += uniform_below(rng, int(size), len(here))
        return self._table[row]


def _thresholds(probabilities: Float[np.ndarray, " r"]) -> UInt[np.ndarray, " r-1"] | None:
    """Cumulative probabilities times 2**64, without the last; None where all are equal."""
    if (probabilities == probabilities[0]).all():
        return None
    exact = [Fraction(p) for p in probabilities.tolist()]
    total, below, thresholds = sum(exact), Fraction(0), []
    for p in exact[:-1]:
        below += p / total
        thresholds.append(int(below * 2**64))
    return np.array(thresholds, dtype=np.uint64)


def _choose(
    rng: np.random.Generator, count: int, thresholds: UInt[np.ndarray, " _"] | None, size: int
) -> Integer[np.ndarray, " size"]:
    if thresholds is None:
        return uniform_below(rng, count, size)
    return np.searchsorted(thresholds, random_bits(rng, size, np.uint64), side="right")
