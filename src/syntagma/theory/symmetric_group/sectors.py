"""The spectrum of a permutation-symmetric kernel, representation by representation, for sequences of any length.

A kernel with K(pi x, pi y) = K(x, y) for every permutation pi of positions commutes with S_T, so on
S^lambda (x) W_lambda it is 1 (x) A_lambda: each eigenvalue of A_lambda has multiplicity f_lambda, the dimension of
S^lambda. Here A_lambda is found on the functions of degree at most D (sums of functions of at most D tokens), from
values of the kernel on pairs of sequences: any Gram function serves, whatever the architecture.

1. `coefficients`: the kernel in the basis of words, exactly from all tables where they are few, else by least squares.
2. `sector_basis`: functions with marked positions that single out lambda, and A_lambda on them. T enters through
   binomial coefficients only.

What reaches what. If K(x, y), at fixed counts of tokens of x and of y, is a polynomial of degree k in the table N
(which tokens share a position), it is a sum of products of functions of k marked positions of x and of y, hence 0 on
every lambda with first row below T - k. One linear-attention block with token kernel a [x_i = y_j], position kernel
s [i = j] and mean read-out is

    K = (a n(x).n(y) + s T) (a^2 n(x).n(y) + 2 a s o(x, y) + s^2 T) / T^4,   o = sum_i [x_i = y_i], n = token counts,

of degree 1: it reaches (T) and (T-1, 1) and nothing else. A ReLU block after it makes K a power series in o, which
reaches the others too. A read-out at one position breaks the symmetry, and is refused.

Precision: for a kernel of degree at most D about 1e-14 of the kernel's size, divided by sqrt(f); values in float32
limit that to 1e-7. Otherwise the error given with each eigenvalue is its last change with the degree (those of a
positive kernel rise with D, by less and less: corrections fall like 1/T a degree), plus one standard error of the fit
where it is one. Eigenvalues that only degree D has carry an error as large as themselves. The trace that is in no level
is `unresolved`. Regime: independent tokens of given probabilities, positions exchangeable; exact for kernels of degree
at most D. Source: representations as in arXiv 2402.05173; the reduction to marked positions is derived here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float
from numpy.typing import ArrayLike
from pydantic import PositiveInt

from syntagma.checked_call import checked
from syntagma.errors import invalid, whole_number
from syntagma.languages.representations import Partition, RepresentationTarget, checked_partition
from syntagma.theory.spectrum import Spectrum
from syntagma.theory.symmetric_group.coefficients import (
    check_symmetry,
    from_estimates,
    from_random_pairs,
    sampled_trace,
)
from syntagma.theory.symmetric_group.partitions import dimension, partitions
from syntagma.theory.symmetric_group.sector_basis import MarkedWords, SectorBasis
from syntagma.theory.symmetric_group.words import Gram, WordTables, number_of_tables, number_of_words, token_functions

_MAX_TABLES = 200_000
"""Above so many tables the coefficients are fitted to random pairs."""
_MAX_COMPLETE = 4_000
"""Up to so many tables the default degree is T: all functions."""
_MAX_WORDS = 2_500
"""Tables of words that the default degree may have, and its own bound."""
_MAX_DEGREE = 8
_ROUNDING = 1e-9
"""A negative eigenvalue is taken for rounding up to this part of trace / sqrt(dimension)."""


@dataclass(frozen=True, eq=False)
class Sector:
    """A kernel on one representation: eigenvalues, largest first, each with multiplicity `dimension`.

    Attributes:
        partition: lambda.
        dimension: f_lambda.
        eigenvalues: `[modes]` of A_lambda among functions of degree at most D; rounding may leave some below 0.
        errors: `[modes]`, of the limit to degree D, plus one standard error of the fit; 0 where exact.
        vectors: `[modes, modes]`, eigenvectors in columns, in the sector's basis.
        basis: that basis.
        scale: the kernel's trace, to which rounding is relative.
    """

    partition: Partition
    dimension: int
    eigenvalues: Float[np.ndarray, " modes"]
    errors: Float[np.ndarray, " modes"]
    vectors: Float[np.ndarray, "modes modes"]
    basis: SectorBasis
    scale: float

    @property
    def trace(self) -> float:
        """What the sector adds to E[K(x, x)]."""
        return float(self.dimension * self.eigenvalues.sum())

    def spectrum(self) -> Spectrum:
        """Levels for `learnability`, one for each eigenvalue; those that rounding left below 0 are 0.

        Raises:
            InputError: an eigenvalue is negative beyond its error: not a kernel.
        """
        allowed = 4 * self.errors + _ROUNDING * self.scale / np.sqrt(self.dimension)
        if (self.eigenvalues < -allowed).any():
            lowest = float(self.eigenvalues.min())
            raise invalid("gram", lowest, f"{self.partition} has this negative eigenvalue, and a kernel has none")
        values = np.maximum(self.eigenvalues, 0.0)
        names = [str(self.partition)] * len(values)
        return Spectrum(values, np.full(len(values), float(self.dimension)), self.errors, names)

    def target_norms(self, target: RepresentationTarget) -> Float[np.ndarray, " modes"]:
        """Squared norm of a target of this representation in each level, under the kernel's distribution of tokens.

        Raises:
            InputError: the target is in another representation.
        """
        if target.partition != self.partition:
            raise invalid("target", target.partition, f"this sector is {self.partition}", "Give a target of the same")
        words, states = self.basis.words, self.basis.marked
        parts = token_functions(words.probabilities) * words.probabilities @ target.letters.T  # [c, letter]
        vector = np.zeros(len(states.states))
        if states.marked == 0:
            vector[states.place[(), ()]] = np.sqrt(words.length) * parts[0, 0]
            for c in range(1, words.vocab):
                vector[states.place[(), (c,)]] = parts[c, 0]
            return (self.vectors.T @ (self.basis.vectors.T @ vector)) ** 2
        first, last = parts[1:, 0], parts[1:, -1]
        tensor = np.outer(first, last)
        tensor = (
            first if states.marked == 1 else tensor if len(self.partition) == 2 else (tensor - tensor.T) / np.sqrt(2)
        )
        for letters in np.ndindex(tensor.shape):
            vector[states.place[tuple(c + 1 for c in letters), ()]] = tensor[letters]
        inside = self.vectors.T @ (self.basis.vectors.T @ vector)
        return inside**2 * ((tensor**2).sum() / (inside**2).sum())


@dataclass(frozen=True, eq=False)
class KernelSectors:
    """A permutation-symmetric kernel, known on the functions of degree at most D of every representation.

    Attributes:
        words: v, T, D and the tables of words.
        sectors: the representations that functions of degree D reach, longest first rows first.
        trace: E[K(x, x)].
        trace_error: its standard error, 0 where exact.
        exact: whether all tables were visited, rather than random pairs.
    """

    words: WordTables
    sectors: dict[Partition, Sector]
    trace: float
    trace_error: float
    exact: bool

    def sector(self, partition: Sequence[int]) -> Sector:
        """The kernel on one representation.

        Raises:
            InputError: not a partition of T, more rows than symbols, or a first row below T - D.
        """
        rows = checked_partition(partition, self.words.length)
        _check_reach(rows, self.words.vocab, self.words.degree)
        return self.sectors[rows]

    @property
    def unresolved(self) -> float:
        """The part of the trace in no level: modes of higher degree. On n examples they act like that much ridge."""
        return max(0.0, self.trace - sum(sector.trace for sector in self.sectors.values()))

    def spectrum(self) -> Spectrum:
        """All levels.

        Raises:
            InputError: as `Sector.spectrum`.
        """
        return functools.reduce(Spectrum.__add__, (sector.spectrum() for sector in self.sectors.values()))

    def trace_bound(self, partition: Sequence[int]) -> float:
        """Upper bound trace / f of every eigenvalue in a representation; it may be far above them.

        Raises:
            InputError: not a partition of T.
        """
        return self.trace / dimension(checked_partition(partition, self.words.length))

    def reached(self, tolerance: float = 1e-9) -> dict[Partition, bool]:
        """Whether each representation has an eigenvalue above `tolerance` times its trace bound, and above 4 errors."""
        answer = {}
        for sector in self.sectors.values():
            floor = tolerance * self.trace / sector.dimension
            fit = 0.0 if self.exact else 4 * sector.errors
            answer[sector.partition] = bool((sector.eigenvalues > np.maximum(floor, fit)).any())
        return answer


@checked
def decompose(
    gram: Gram | Sequence[Gram],
    vocab: int,
    length: int,
    *,
    degree: int | None = None,
    probabilities: ArrayLike | None = None,
    seed: int = 0,
) -> KernelSectors:
    """A kernel on every representation that functions of degree D reach, tokens independent with `probabilities`.

        found = decompose(lambda x, y: architecture.gram(x, y).matrix, vocab=3, length=8)
        found.sector((7, 1)).eigenvalues

    `gram(x, y)` gets token arrays (int32) and returns the kernel between all pairs, `[n, m]`. It is called with blocks
    of fixed shapes: one sequence against up to a few thousand where all tables are visited (`number_of_tables` at most
    200,000), 8 against 8, 16, 32.. for random pairs, which `seed` draws. A fit at v = 4, D = 3 takes 35,000 values at
    any T. Tokens are uniform where no probabilities are given. The default degree is T where there are at most 4,000
    tables, else the largest, up to 8, with at most 2,500 tables of words: 3 at v = 4.

    A kernel that is itself sampled, softmax attention's, is given as several independent estimates: the spectrum is
    that of their mean, and their spread is in its errors.

    Raises:
        InputError: sizes or probabilities that cannot be used, a kernel that is not symmetric under permutations of
            positions or under exchange of its arguments, or several estimates where not all tables are visited.
    """
    grams = [gram] if callable(gram) else list(gram)
    if not grams:
        raise invalid("gram", gram, "it is a function, or several", "Give at least one")
    vocab, length = whole_number("vocab", vocab, minimum=2), whole_number("length", length)
    weights = _checked_probabilities(probabilities, vocab)
    if degree is None:
        degree = default_degree(vocab, length)
    degree = whole_number("degree", degree)
    if degree > length:
        raise invalid(
            "degree", degree, f"functions of {length} tokens have at most that degree", f"Lower it to {length}"
        )
    words = WordTables(weights, length, degree)
    check_symmetry(grams, words, seed)
    marked = [MarkedWords(words, number) for number in range(degree + 1)]
    bases = [SectorBasis(marked[length - partition[0]], partition) for partition in _partitions(words)]
    if exact := number_of_tables(vocab, length) <= _MAX_TABLES:
        coefficients, (trace, trace_error) = from_estimates(grams, words)
        parts = [(bases, coefficients)]
    elif len(grams) > 1:
        allowed = f"sequences of {length} tokens have more than {_MAX_TABLES} tables, which several estimates visit all"
        raise invalid("gram", f"{len(grams)} estimates", allowed, "Lower length, or give one")
    else:
        parts = from_random_pairs(grams[0], words, bases, seed)
        trace, trace_error = sampled_trace(grams[0], words, seed)
    found = {basis.partition: _sector(basis, values, trace) for group, values in parts for basis in group}
    exact = exact and len(grams) == 1
    return KernelSectors(words, {basis.partition: found[basis.partition] for basis in bases}, trace, trace_error, exact)


def _partitions(words: WordTables) -> Iterator[Partition]:
    """Those of T with first row at least T - D and at most v rows."""
    for marked in range(words.degree + 1):
        first = words.length - marked
        for mu in partitions(marked, words.vocab - 1):
            if first >= max((1, *mu)):
                yield (first, *mu)


def _sector(basis: SectorBasis, coefficients: Float[np.ndarray, "k P"], scale: float) -> Sector:
    matrices = basis.matrices(coefficients)
    matrices = (matrices + matrices.swapaxes(1, 2)) / 2
    values, vectors = (part[..., ::-1] for part in scipy.linalg.eigh(matrices[0]))
    shifts = np.einsum("im,kij,jm->km", vectors, matrices[1:], vectors, optimize=True)
    errors = np.sqrt((shifts**2).sum(axis=0))
    errors += _truncation_errors(matrices[0], values, basis)
    return Sector(basis.partition, dimension(basis.partition), values, errors, vectors, basis, scale)


def _truncation_errors(
    matrix: Float[np.ndarray, "modes modes"], values: Float[np.ndarray, " modes"], basis: SectorBasis
) -> Float[np.ndarray, " modes"]:
    """Change from degree D - 1 to D; from D - 2 for two equally probable symbols.

    A kernel that treats those alike keeps degrees even or odd, so every other change vanishes.
    """
    words = basis.words
    if words.degree == words.length:
        return np.zeros_like(values)
    parity = words.vocab == 2 and np.ptp(words.probabilities) < 1e-12
    inside = basis.mode_degrees <= words.degree - (2 if parity else 1)
    lower = np.zeros_like(values)
    lower[: inside.sum()] = scipy.linalg.eigvalsh(matrix[np.ix_(inside, inside)])[::-1]
    return np.abs(values - lower)


@checked
def sector_spectrum(
    gram: Gram,
    vocab: int,
    length: int,
    partition: Sequence[int],
    *,
    degree: int | None = None,
    probabilities: ArrayLike | None = None,
    seed: int = 0,
) -> Spectrum:
    """Eigenvalues of one representation, with multiplicities and errors; for several call `decompose` once.

    Raises:
        InputError: as `decompose` and `KernelSectors.sector`.
    """
    rows = checked_partition(partition, whole_number("length", length))
    vocab = whole_number("vocab", vocab, minimum=2)
    _check_reach(rows, vocab, length if degree is None else degree)
    found = decompose(gram, vocab, length, degree=degree, probabilities=probabilities, seed=seed)
    return found.sector(partition).spectrum()


@checked
def default_degree(vocab: PositiveInt, length: PositiveInt) -> int:
    """The degree that `decompose` takes where none is given."""
    if number_of_tables(vocab, length) <= _MAX_COMPLETE:
        return length
    fits = (d for d in range(2, min(length, _MAX_DEGREE) + 1) if number_of_words(vocab, length, d) <= _MAX_WORDS)
    return max(fits, default=1)


def _check_reach(rows: Partition, vocab: int, degree: int) -> None:
    length = sum(rows)
    if len(rows) > vocab:
        raise invalid("partition", rows, f"sequences over {vocab} symbols carry partitions of at most so many rows")
    if length - rows[0] > degree:
        allowed = f"functions of degree {degree} reach first rows from {length - degree} on"
        raise invalid("partition", rows, allowed, f"Raise degree to {length - rows[0]} or more")


def _checked_probabilities(given: ArrayLike | None, vocab: int) -> Float[np.ndarray, " v"]:
    if given is None:
        return np.full(vocab, 1 / vocab)
    values = np.asarray(given, dtype=np.float64)
    if values.shape != (vocab,):
        raise invalid("probabilities", values.tolist(), f"it must be {vocab} numbers", "Give one for each symbol")
    if not (np.isfinite(values).all() and (values > 0).all() and abs(values.sum() - 1) < 1e-9):
        raise invalid(
            "probabilities", values.tolist(), "they must be positive and sum to 1", "Leave symbols out that never occur"
        )
    return values / values.sum()
