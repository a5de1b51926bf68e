"""Permutation-symmetric kernels in the basis of words: products of orthonormal functions of single tokens.

Let p be the distribution of one token, tokens independent, phi_0 = 1, phi_1, .., phi_(v-1) orthonormal under p. The
products phi_w(x) = prod_t phi_(w_t)(x_t), one for each word w in {0..v-1}^T, are an orthonormal basis of the functions
of sequences; permuting positions permutes the letters of w, and the degree of w is its number of letters that are not
0. A kernel with K(pi x, pi y) = K(x, y) depends on x and y only through their table N_ab = #{t: x_t = a, y_t = b}, and
its matrix in the word basis only through the words' table C: K(x, y) = sum_C k_C Psi_C(N), where

    Psi_C(N) = sum over pairs of words (w, u) with table C of phi_w(x) phi_u(y).

These functions of tables are orthogonal, with squared norm T! / prod C! (the number of such pairs). They follow, one
letter pair at a time, from p_e = sum_ab N_ab phi_c(a) phi_d(b), e = (c, d), and from the products
phi_e phi_f = sum_g s_efg phi_g:

    (C_e + 1) Psi_(C+e) = p_e Psi_C - sum_f sum_g s_efg (C - f + g)_g Psi_(C-f+g),   f over the letter pairs in C.

Every sum runs over tables whose words have degree at most D: a few hundred or thousand for any T, however large v^T is.

Derivation: a position that p_e marks either is free in the pair of words (first term on the left) or holds f already.
Regime: independent tokens, exact for tables of degree at most D, any T. Derived here.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int, Integer
from pydantic import PositiveInt

from syntagma.checked_call import checked

Gram = Callable[[Integer[np.ndarray, "n T"], Integer[np.ndarray, "m T"]], Float[np.ndarray, "n m"]]
"""A kernel, as the matrix of its values between two lists of sequences."""

_Word = tuple[int, ...]
"""The letter pairs of a table other than (0, 0), rising, each as often as it occurs; a pair (c, d) is c v + d."""


def token_functions(probabilities: Float[np.ndarray, " v"]) -> Float[np.ndarray, "v v"]:
    """phi_c(a) as `[c, a]`: 1, then indicators of the symbols, orthonormalised one after the other."""
    vocab = len(probabilities)
    functions = np.zeros((vocab, vocab))
    functions[0] = 1.0
    for c in range(1, vocab):  # proportional to: symbol c - 1 against those after it
        rest, own = probabilities[c:].sum(), probabilities[c - 1]
        functions[c, c - 1], functions[c, c:] = np.sqrt(rest / own / (rest + own)), -np.sqrt(own / rest / (rest + own))
    return functions


@checked
def tables(
    x: Integer[np.ndarray, "n T"], y: Integer[np.ndarray, "m T"], vocab: PositiveInt
) -> Float[np.ndarray, "n m v v"]:
    """N_ab = number of positions where x has a and y has b, for each pair of sequences."""
    one_hot = [(np.asarray(tokens)[:, :, None] == np.arange(vocab)).astype(np.float64) for tokens in (x, y)]
    return np.einsum("nta,mtb->nmab", *one_hot, optimize=True)


@checked
def gram_of_tables(
    kernel: Callable[[Float[np.ndarray, "n m v v"]], Float[np.ndarray, "n m"]], vocab: PositiveInt
) -> Gram:
    """The Gram function of a kernel that is given as a function of tables N."""
    return lambda x, y: kernel(tables(x, y, vocab))


@dataclass(frozen=True, eq=False)
class WordTables:
    """The tables C of pairs of words of degree at most D, and the functions Psi_C.

    Attributes:
        probabilities: `[v]`, of one token, positive.
        length: T.
        degree: D <= T.
    """

    probabilities: Float[np.ndarray, " v"]
    length: int
    degree: int

    @property
    def vocab(self) -> int:
        return len(self.probabilities)

    @cached_property
    def sizes(self) -> list[list[_Word]]:
        """The tables by the number of positions at which either word has a letter other than 0."""
        pairs = [(e, int(e >= self.vocab), int(e % self.vocab > 0)) for e in range(1, self.vocab**2)]
        levels: list[list[tuple[_Word, int, int]]] = [[((), 0, 0)]]
        for _ in range(min(self.length, 2 * self.degree)):
            levels.append(
                [
                    ((*word, e), x + dx, y + dy)
                    for word, x, y in levels[-1]
                    for e, dx, dy in pairs
                    if (not word or e >= word[-1]) and x + dx <= self.degree and y + dy <= self.degree
                ]
            )
        return [[word for word, _, _ in level] for level in levels if level]

    @cached_property
    def words(self) -> list[_Word]:
        """All tables, those of few letters first."""
        return list(itertools.chain.from_iterable(self.sizes))

    @cached_property
    def counts(self) -> Float[np.ndarray, " P"]:
        """T! / prod C! of each table, the number of pairs of words that have it."""
        return np.array([orders(self.length, word) for word in self.words])

    def functions(self, table: Float[np.ndarray, "R v v"]) -> Float[np.ndarray, "P R"]:
        """Psi_C of each table N, divided by its norm: orthonormal for N of two independent random sequences."""
        phi = token_functions(self.probabilities)
        pairs = np.einsum("ca,db->cdab", phi, phi).reshape(self.vocab**2, self.vocab**2)
        sums = pairs @ table.reshape(len(table), -1).T
        levels = [np.ones((1, len(table)))]
        for parents, last, repeats, correction in self._recurrence:
            lower = np.concatenate(levels[-2:])
            levels.append(sums[last] * levels[-1][parents] - correction @ lower)
            levels[-1] /= repeats[:, None]
        return np.concatenate(levels) / np.sqrt(self.counts)[:, None]

    @cached_property
    def _recurrence(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, scipy.sparse.csr_array]]:
        """For tables of each size: those they grow from, the pair added, its C_e + 1, and what coincidences take away.

        The last is a matrix on the tables of the two sizes before.
        """
        products = self._products
        steps = []
        for size in range(1, len(self.sizes)):
            before = self.sizes[size - 2] if size > 1 else []
            columns = {word: place for place, word in enumerate(before + self.sizes[size - 1])}
            places = {word: place for place, word in enumerate(self.sizes[size - 1])}
            entries: dict[tuple[int, int], float] = {}
            for row, word in enumerate(self.sizes[size]):
                added, start = word[-1], word[:-1]
                for f in set(start):
                    rest = list(start)
                    rest.remove(f)
                    for g, share in products[added, f]:
                        merged = tuple(sorted([*rest, g])) if g else tuple(rest)
                        number = merged.count(g) if g else self.length - len(rest)
                        key = row, columns[merged]
                        entries[key] = entries.get(key, 0.0) + share * number
            rows_columns = np.array(list(entries) or np.empty((0, 2)), dtype=np.int64).reshape(-1, 2).T
            shape = len(self.sizes[size]), len(columns)
            correction = scipy.sparse.csr_array((list(entries.values()), tuple(rows_columns)), shape=shape)
            parents = np.array([places[word[:-1]] for word in self.sizes[size]])
            last = np.array([word[-1] for word in self.sizes[size]])
            repeats = np.array([word.count(word[-1]) for word in self.sizes[size]])
            steps.append((parents, last, repeats, correction))
        return steps

    @property
    def _products(self) -> dict[tuple[int, int], list[tuple[int, float]]]:
        """s_efg of letter pairs e, f as the list of (g, s_efg) that are not 0."""
        phi, vocab = token_functions(self.probabilities), self.vocab
        single = np.einsum("a,ca,da,ea->cde", self.probabilities, phi, phi, phi)
        single[np.abs(single) < 1e-13 * np.abs(single).max()] = 0.0
        both = np.einsum("abc,def->adbecf", single, single).reshape([vocab**2] * 3)
        return {
            (e, f): [(int(g), float(both[e, f, g])) for g in np.flatnonzero(both[e, f])]
            for e in range(1, vocab**2)
            for f in range(1, vocab**2)
        }


def orders(positions: int, letters: Sequence[int]) -> float:
    """In how many orders these letters, and zeros for the rest, stand at so many positions."""
    ways = math.perm(positions, len(letters))
    for count in Counter(letters).values():
        ways //= math.factorial(count)
    return float(ways)


def number_of_words(vocab: int, length: int, degree: int) -> int:
    """How many tables C there are, from the letters at both words, at the first only and at the second only.

    With j positions at which both have letters: C(j + (v-1)^2 - 1, j) choices, and for each word those of up to D - j
    further letters; in total at most T positions.
    """
    others = vocab - 1
    ways = lambda kinds, count: math.comb(kinds + count - 1, count)  # noqa: E731
    return sum(
        ways(others**2, both) * ways(others, first) * ways(others, second)
        for both in range(degree + 1)
        for first in range(degree - both + 1)
        for second in range(degree - both + 1)
        if both + first + second <= length
    )


def number_of_tables(vocab: int, length: int) -> int:
    """How many tables N two sequences can have."""
    return math.comb(length + vocab**2 - 1, vocab**2 - 1)


def all_tables(vocab: int, length: int) -> Iterator[tuple[Integer[np.ndarray, " T"], Integer[np.ndarray, "R T"]]]:
    """A sorted sequence x of each count vector, with sequences y that give each table with x once."""
    symbols = np.arange(vocab)
    for counts in compositions(length, vocab):
        parts = [compositions(count, vocab) for count in counts]
        choice = np.indices([len(part) for part in parts]).reshape(vocab, -1)
        table = np.stack([part[rows] for part, rows in zip(parts, choice, strict=True)], axis=1)  # [R, x, y]
        y = np.repeat(np.tile(symbols, table.size // vocab), table.ravel()).reshape(-1, length)
        yield np.repeat(symbols, counts), y


def compositions(total: int, parts: int) -> Int[np.ndarray, "R parts"]:
    """All ways to write `total` as an ordered sum of `parts` numbers, 0 included."""
    bars = np.array(list(itertools.combinations(range(total + parts - 1), parts - 1)), dtype=np.int64)
    bars = bars.reshape(-1, parts - 1)
    ends = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, total + parts - 1)))
    return np.diff(ends, axis=1) - 1
