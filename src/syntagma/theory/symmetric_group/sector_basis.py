"""An orthonormal basis of the functions that single out one representation, and the kernel's matrix on it.

For lambda = (T-k, mu) positions 1..k are marked. A basis function is a sum of words: given letters at the marked
positions, given counts of letters at the others, in all orders, divided by its norm. Vectors a of coefficients that

    (X_j - c_j) a = 0, X_j = sum_{i<j} (i j)       for the marked positions j = 2..k,  c_j the content of box j in the
                                                    standard tableau of mu that is filled row by row
    sum over positions t that are not marked of (1 + (i t)) a = 0, up to a factor     for each marked i

are in S^lambda (x) W_lambda, one for each vector of W_lambda. Their number among words of degree d is checked against that
of the semistandard tableaux of shape lambda with d entries that are not 0.

Source: Jucys-Murphy elements and contents: Okounkov & Vershik, "A new approach to representation theory of symmetric
groups", Selecta Math. 2 (1996); that (T-k, mu) is the lowest in mu (x) trivial: Pieri's rule.
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


@dataclass(frozen=True, eq=False)
class SectorBasis:
    """Coefficients of the functions of one representation, of degree at most D, graded by degree.

    Attributes:
        words: tables of words, which know v, T and D.
        partition: lambda.
    """

    words: WordTables
    partition: Partition

    @property
    def num_marked(self) -> int:
        """k = T - the first row: the marked positions."""
        return sum(self.partition[1:])

    @cached_property
    def states(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Basis functions: letters at the marked positions, and the letters other than 0 elsewhere, rising."""
        vocab, marked = self.words.vocab, self.num_marked
        found = []
        for letters in itertools.product(range(vocab), repeat=marked):
            room = min(self.words.degree - sum(c > 0 for c in letters), self.words.length - marked)
            for number in range(room + 1):
                rests = itertools.combinations_with_replacement(range(1, vocab), number)
                found += [(letters, rest) for rest in rests]
        return found

    @cached_property
    def place(self) -> dict[tuple[tuple[int, ...], tuple[int, ...]], int]:
        """Where each of `states` stands."""
        return {state: number for number, state in enumerate(self.states)}

    @cached_property
    def degrees(self) -> Int[np.ndarray, " states"]:
        return np.array([sum(c > 0 for c in letters) + len(rest) for letters, rest in self.states])

    @cached_property
    def vectors(self) -> Float[np.ndarray, "states modes"]:
        """Orthonormal columns, the functions of lowest degree first."""
        columns = [self._vectors_of(degree) for degree in range(self.words.degree + 1)]
        return np.concatenate(columns, axis=1)

    @cached_property
    def mode_degrees(self) -> Int[np.ndarray, " modes"]:
        """Degree of each column of `vectors`."""
        return np.array([self.degrees[np.argmax(np.abs(column))] for column in self.vectors.T], dtype=np.int64)

    def _vectors_of(self, degree: int) -> Float[np.ndarray, "states modes"]:
        places = np.flatnonzero(self.degrees == degree)
        expected = self._number_of_modes(degree)
        if not expected:
            return np.zeros((len(self.states), 0))
        conditions = np.concatenate([*self._tableau(places), *self._averages(places), np.zeros((1, len(places)))])
        values, vectors = scipy.linalg.eigh(conditions.T @ conditions)
        assert int((values < 1e-8).sum()) == expected, "the conditions leave another number of functions than tableaux"
        found = np.zeros((len(self.states), expected))
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
        index = {self.states[place]: row for row, place in enumerate(places)}
        contents = [column - row for row, length in enumerate(self.partition[1:]) for column in range(length)]
        matrices = []
        for j in range(1, self.num_marked):
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
        others = self.words.length - self.num_marked
        matrices = []
        for i in range(self.num_marked):
            rows: dict[tuple[tuple[int, ...], tuple[int, ...]], list[tuple[int, float]]] = {}
            for column, place in enumerate(places):
                letters, rest = self.states[place]
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
        rows, columns, terms, weights = self._entries
        size, modes, count = len(self.states), len(self.mode_degrees), len(self.words.words)
        weights = weights / np.sqrt(self.words.counts)[terms]
        places, numbers = np.unique(rows * count + terms, return_inverse=True)
        right = scipy.sparse.csr_array((weights, (numbers, columns)), shape=(len(places), size)) @ self.vectors
        row, term = np.divmod(places, count)
        found = np.empty((modes, modes, count))
        for i in range(modes):
            along = (self.vectors[row, i], (term, np.arange(len(places))))
            found[i] = (scipy.sparse.csr_array(along, shape=(count, len(places))) @ right).T
        return found

    @cached_property
    def _entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The kernel between states: rows, columns, which coefficient, and how often (number of pairs over norms).

        A table of the positions that are not marked, and the letter pairs at the marked ones, make the whole table. It is
        looked up by a sum of random 64-bit numbers, one for each letter pair.
        """
        vocab, marked, length = self.words.vocab, self.num_marked, self.words.length
        labels = stream(0, "letter-pairs").integers(2**63, size=vocab**2, dtype=np.uint64)
        labels[0] = 0
        label = lambda word: np.sum(labels[list(word)], dtype=np.uint64)  # noqa: E731
        known = np.array([label(word) for word in self.words.words])
        order = np.argsort(known)
        assert len(np.unique(known)) == len(known), "two tables have one label"

        marks = np.array(list(itertools.product(range(vocab), repeat=marked)), dtype=np.int64).reshape(
            vocab**marked, marked
        )
        mark_labels = labels[marks[:, None] * vocab + marks].sum(axis=-1, dtype=np.uint64)
        at_marks = [tuple(row) for row in marks.tolist()]
        rows, columns, terms, weights = [], [], [], []
        for word in self.words.words:
            if len(word) > length - marked:
                continue
            left = tuple(sorted(e // vocab for e in word if e >= vocab))
            right = tuple(sorted(e % vocab for e in word if e % vocab))
            first = np.array([self.place.get((letters, left), -1) for letters in at_marks])
            second = np.array([self.place.get((letters, right), -1) for letters in at_marks])
            i, j = np.nonzero((first[:, None] >= 0) & (second >= 0))
            total = mark_labels[i, j] + label(word)
            norms = math.sqrt(orders(length - marked, left) * orders(length - marked, right))
            rows.append(first[i])
            columns.append(second[j])
            terms.append(order[np.searchsorted(known, total, sorter=order)])
            weights.append(np.full(len(i), orders(length - marked, word) / norms))
        return tuple(np.concatenate(part) for part in (rows, columns, terms, weights))  # pyright: ignore
