"""An orthonormal basis of the functions that single out one representation, and the kernel's matrix on it.

For lambda = (T-k, mu) positions 1..k are marked. A basis function is a sum of words: given letters at the marked
positions, given counts of letters at the others, in all orders, divided by its norm. Vectors a of coefficients that

    (X_j - c_j) a = 0, X_j = sum_{i<j} (i j)       for the marked positions j = 2..k,  c_j the content of box j in the
                                                    standard tableau of mu that is filled row by row
    sum over positions t that are not marked of (1 + (i t)) a = 0, up to a factor     for each marked i

are in S^lambda (x) W_lambda, one for each vector of W_lambda. Their number among words of degree d is checked against
that of the semistandard tableaux of shape lambda with d entries that are not 0.

Source: Jucys-Murphy elements and contents: Okounkov & Vershik, "A new approach to representation theory of symmetric
groups", Selecta Math. 2 (1996); that (T-k, mu) is the lowest in mu (x) trivial: Pieri's rule. Regime: exact for
functions of degree at most D, any T.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Float, Int

from syntagma.languages.representations import Partition
from syntagma.randomness import stream
from syntagma.theory.symmetric_group.partitions import dimension, symbol_multiplicity, without_horizontal_strip
from syntagma.theory.symmetric_group.words import WordTables, orders

_State = tuple[tuple[int, ...], tuple[int, ...]]
"""Letters at the marked positions, and the letters other than 0 elsewhere, rising."""


@dataclass(frozen=True, eq=False)
class MarkedWords:
    """Sums of words in which some positions are told apart, and kernels between them; shared by sectors.

    Attributes:
        words: tables of words, which know v, T and D.
        marked: k, the number of positions told apart.
    """

    words: WordTables
    marked: int

    @cached_property
    def states(self) -> list[_State]:
        """The functions of degree at most D."""
        vocab, others = self.words.vocab, self.words.length - self.marked
        found = []
        for letters in self._letters:
            room = min(self.words.degree - sum(c > 0 for c in letters), others)
            for number in range(room + 1):
                rests = itertools.combinations_with_replacement(range(1, vocab), number)
                found += [(letters, rest) for rest in rests]
        return found

    @cached_property
    def place(self) -> dict[_State, int]:
        """Where each of `states` stands."""
        return {state: number for number, state in enumerate(self.states)}

    @cached_property
    def degrees(self) -> Int[np.ndarray, " states"]:
        return np.array([sum(c > 0 for c in letters) + len(rest) for letters, rest in self.states])

    @property
    def _letters(self) -> list[tuple[int, ...]]:
        return list(itertools.product(range(self.words.vocab), repeat=self.marked))

    @cached_property
    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """A kernel between states: row, column, which c_C (normalised), and its factor.

        The table of the positions that are not marked and the letter pairs at the marked ones make the whole table. It
        is looked up by a sum of random 64-bit numbers, one for each letter pair.
        """
        vocab, others = self.words.vocab, self.words.length - self.marked
        labels = stream(0, "letter-pairs").integers(2**63, size=vocab**2, dtype=np.uint64)
        labels[0] = 0
        known = np.array([sum(map(int, labels[list(word)])) % 2**64 for word in self.words.words], dtype=np.uint64)
        order = np.argsort(known)
        assert len(np.unique(known)) == len(known), "two tables have one label"

        letters = np.array(self._letters, dtype=np.int64).reshape(vocab**self.marked, self.marked)
        marks = labels[letters[:, None] * vocab + letters].sum(axis=-1, dtype=np.uint64)
        rests = {rest for _, rest in self.states}
        places = {rest: np.array([self.place.get((own, rest), -1) for own in self._letters]) for rest in rests}
        norms = {rest: math.sqrt(orders(others, rest)) for rest in rests}
        parts = []
        for word, label in zip(self.words.words, known, strict=True):
            if len(word) > others:
                continue
            left = tuple(sorted(e // vocab for e in word if e >= vocab))
            right = tuple(sorted(e % vocab for e in word if e % vocab))
            i, j = np.nonzero((places[left][:, None] >= 0) & (places[right] >= 0))
            whole = order[np.searchsorted(known, marks[i, j] + label, sorter=order)]
            factor = orders(others, word) / (norms[left] * norms[right])
            parts.append((places[left][i], places[right][j], whole, factor / np.sqrt(self.words.counts[whole])))
        rows, columns, terms, factors = (np.concatenate(part) for part in zip(*parts, strict=True))
        return rows, columns, terms, factors


@dataclass(frozen=True, eq=False)
class SectorBasis:
    """Coefficients of the functions of one representation, of degree at most D, graded by degree.

    Attributes:
        marked: words with k = T - the first row positions marked.
        partition: lambda.
    """

    marked: MarkedWords
    partition: Partition

    @property
    def words(self) -> WordTables:
        return self.marked.words

    @cached_property
    def vectors(self) -> Float[np.ndarray, "states modes"]:
        """Orthonormal columns, the functions of lowest degree first."""
        columns = [self._vectors_of(degree) for degree in range(self.words.degree + 1)]
        return np.concatenate(columns, axis=1)

    @cached_property
    def mode_degrees(self) -> Int[np.ndarray, " modes"]:
        """Degree of each column of `vectors`."""
        return np.array([self.marked.degrees[np.argmax(np.abs(column))] for column in self.vectors.T], dtype=np.int64)

    def _vectors_of(self, degree: int) -> Float[np.ndarray, "states modes"]:
        places = np.flatnonzero(self.marked.degrees == degree)
        expected = self._number_of_modes(degree)
        if not expected:
            return np.zeros((len(self.marked.states), 0))
        conditions = np.concatenate([*self._tableau(places), *self._averages(places), np.zeros((1, len(places)))])
        values, vectors = scipy.linalg.eigh(conditions.T @ conditions)
        assert int((values < 1e-8).sum()) == expected, "the conditions leave another number of functions than tableaux"
        found = np.zeros((len(self.marked.states), expected))
        found[places] = vectors[:, :expected]
        return found

    def _number_of_modes(self, degree: int) -> int:
        """Semistandard tableaux with T - degree zeros, by the representations of GL_(v-1) that the others form."""
        zeros, vocab = self.words.length - degree, self.words.vocab
        return sum(
            symbol_multiplicity(inner, vocab - 1) if inner else 1
            for inner in without_horizontal_strip(self.partition, zeros)
        )

    def _tableau(self, places: Int[np.ndarray, " s"]) -> list[Float[np.ndarray, "s s"]]:
        """X_j - c_j on the states at `places`."""
        index = {self.marked.states[place]: row for row, place in enumerate(places)}
        contents = [column - row for row, length in enumerate(self.partition[1:]) for column in range(length)]
        matrices = []
        for j in range(1, self.marked.marked):
            matrix = -contents[j] * np.eye(len(places))
            for (letters, rest), column in index.items():
                for i in range(j):
                    swapped = list(letters)
                    swapped[i], swapped[j] = letters[j], letters[i]
                    matrix[index[tuple(swapped), rest], column] += 1.0
            matrices.append(matrix)
        return matrices

    def _averages(self, places: Int[np.ndarray, " s"]) -> list[Float[np.ndarray, "r s"]]:
        """Products with the normalised functions that do not tell marked position i from the others, for each i."""
        others = self.words.length - self.marked.marked
        matrices = []
        for i in range(self.marked.marked):
            rows: dict[tuple[tuple[int, ...], tuple[int, ...]], list[tuple[int, float]]] = {}
            for column, place in enumerate(places):
                letters, rest = self.marked.states[place]
                joined = tuple(sorted([*rest, letters[i]])) if letters[i] else rest
                share = orders(others, rest) / orders(others + 1, joined)
                kept = (*letters[:i], *letters[i + 1 :])
                rows.setdefault((kept, joined), []).append((column, math.sqrt(share)))
            matrix = np.zeros((len(rows), len(places)))
            for row, entries in enumerate(rows.values()):
                for column, value in entries:
                    matrix[row, column] = value
            matrices.append(matrix)
        return matrices

    def matrices(self, coefficients: Float[np.ndarray, "k P"]) -> Float[np.ndarray, "k modes modes"]:
        """A_lambda, between the columns of `vectors`, of kernels with normalised coefficients c_C, one in each row."""
        size = len(self.mode_degrees)
        flat = coefficients @ self._projection.reshape(size**2, -1).T
        return flat.reshape(-1, size, size)

    @property
    def functions(self) -> Float[np.ndarray, "u P"]:
        """The symmetric kernels of this sector as an orthonormal basis, in coefficients c_C."""
        scale = math.sqrt(dimension(self.partition))
        upper = np.triu_indices(len(self.mode_degrees))
        both = (self._projection + self._projection.swapaxes(0, 1))[upper] / 2
        return both * (scale * np.where(upper[0] == upper[1], 1.0, math.sqrt(2)))[:, None]

    @cached_property
    def _projection(self) -> Float[np.ndarray, "modes modes P"]:
        """A_lambda of each Psi_C / norm."""
        rows, columns, terms, factors = self.marked.entries
        size, modes, count = len(self.marked.states), len(self.mode_degrees), len(self.words.words)
        places, numbers = np.unique(rows * count + terms, return_inverse=True)
        right = scipy.sparse.csr_array((factors, (numbers, columns)), shape=(len(places), size)) @ self.vectors
        row, term = np.divmod(places, count)
        found = np.empty((modes, modes, count))
        for i in range(modes):
            along = (self.vectors[row, i], (term, np.arange(len(places))))
            found[i] = (scipy.sparse.csr_array(along, shape=(count, len(places))) @ right).T
        return found
