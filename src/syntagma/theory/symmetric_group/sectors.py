"""The spectrum of a permutation-symmetric kernel, representation by representation, for sequences of any length.

A kernel with K(pi x, pi y) = K(x, y) for every permutation pi of positions commutes with S_T, so on S^lambda (x) W_lambda
it is 1 (x) A_lambda: each eigenvalue of A_lambda has multiplicity f_lambda, the dimension of S^lambda. Here A_lambda is
found on the functions of degree at most D (sums of products of functions of at most D tokens), in two steps.

1. Coefficients k_C in the basis of words (`words`), from values of the kernel on pairs of sequences: exactly, from all
   tables, where they are few; else by least squares on random pairs, which is exact too where the kernel itself has no
   higher degree. So any Gram function serves, whatever the architecture.
2. A partition lambda = (T-k, mu) is singled out with k marked positions: functions invariant under the permutations of
   the others, that are a fixed vector of S^mu on the marked ones (eigenvectors of the Jucys-Murphy elements), and that
   vanish when a marked position is averaged with the others. Of S^lambda that leaves one dimension, of longer first
   rows none; so the kernel's matrix on them is A_lambda. T enters through binomial coefficients only.

What reaches what. If for fixed counts of tokens K is a polynomial of degree k in the table N (in what tells which tokens
of x and y share a position), it is a sum of functions of k marked positions of x and as many of y, hence zero on every
lambda with first row below T - k. One linear-attention block with position kernel s [i = j] and mean read-out is

    K = (a n(x).n(y) + s T) (a^2 n(x).n(y) + 2 a s o(x, y) + s^2 T) / T^4,   o = sum_i [x_i = y_i], n = token counts,

of degree 1: it reaches (T) and (T-1, 1) and nothing else. A nonlinearity of o, such as a ReLU block after it, reaches all.
A read-out at one position breaks the symmetry, and is refused.

Precision: exact coefficients to about 1e-14 of the kernel's size, and eigenvalues to that divided by sqrt(f). The error
given with each eigenvalue is the change from degree D - 1 to D (for a positive kernel eigenvalues rise with D, by less and
less: relative corrections fall like 1/T a degree) plus, for random pairs, the standard error of the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int, Integer
from numpy.typing import ArrayLike
from scipy.special import gammaln

from syntagma.errors import InputError, invalid, whole_number
from syntagma.languages.representations import Partition, RepresentationTarget, checked_partition
from syntagma.randomness import stream
from syntagma.theory.spectrum import Spectrum
from syntagma.theory.symmetric_group.partitions import dimension, partitions
from syntagma.theory.symmetric_group.sector_basis import SectorBasis
from syntagma.theory.symmetric_group.words import (
    Gram,
    WordTables,
    all_tables,
    number_of_tables,
    number_of_words,
    tables,
    token_functions,
)

_MAX_TABLES = 200_000
"""Above so many tables the coefficients are fitted to random pairs."""
_MAX_COMPLETE = 4_000
"""Up to so many tables the default degree is T: all functions."""
_MAX_WORDS = 2_500
"""Tables of words that the default degree may have, and its own bound."""
_MAX_DEGREE = 8
_PAIRS_PER_UNKNOWN = 3
_SIDE = 16
"""Sequences on each side of a block of random pairs."""
_CHUNK = 512
"""Tables whose functions are evaluated at a time: they fit the processor's cache."""
_ASYMMETRY = 1e-5
"""Change of the kernel under a permutation, relative to its size, that is taken for rounding (in float32)."""


@dataclass(frozen=True, eq=False)
class Sector:
    """A kernel on one representation: eigenvalues, largest first, each with multiplicity `dimension`.

    Attributes:
        partition: lambda.
        dimension: f_lambda.
        eigenvalues: `[modes]` of A_lambda among functions of degree at most D; rounding may leave some below 0.
        errors: `[modes]`, change from degree D - 1 to D, plus one standard error of the fit; 0 where exact.
        vectors: `[modes, modes]`, eigenvectors in columns, in the sector's basis.
        basis: that basis.
    """

    partition: Partition
    dimension: int
    eigenvalues: Float[np.ndarray, " modes"]
    errors: Float[np.ndarray, " modes"]
    vectors: Float[np.ndarray, "modes modes"]
    basis: SectorBasis

    @property
    def trace(self) -> float:
        """What the sector adds to E[K(x, x)]."""
        return float(self.dimension * self.eigenvalues.sum())

    def spectrum(self) -> Spectrum:
        """Levels for `learnability`, one for each eigenvalue; those that rounding left below 0 are 0.

        Raises:
            InputError: an eigenvalue is negative beyond its error: not a kernel.
        """
        allowed = 4 * self.errors + 1e-10 * np.abs(self.eigenvalues).max(initial=0.0)
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
        words, marked = self.basis.words, self.basis.num_marked
        parts = token_functions(words.probabilities) * words.probabilities @ target.letters.T  # [c, letter]
        vector = np.zeros(len(self.basis.states))
        if marked == 0:
            vector[self.basis.place[(), ()]] = np.sqrt(words.length) * parts[0, 0]
            for c in range(1, words.vocab):
                vector[self.basis.place[(), (c,)]] = parts[c, 0]
            return (self.vectors.T @ (self.basis.vectors.T @ vector)) ** 2
        first, last = parts[1:, 0], parts[1:, -1]
        tensor = np.outer(first, last)
        tensor = first if marked == 1 else tensor if len(self.partition) == 2 else (tensor - tensor.T) / np.sqrt(2)
        for letters in np.ndindex(tensor.shape):
            vector[self.basis.place[tuple(c + 1 for c in letters), ()]] = tensor[letters]
        inside = self.vectors.T @ (self.basis.vectors.T @ vector)
        return inside**2 * ((tensor**2).sum() / (inside**2).sum())


@dataclass(frozen=True, eq=False)
class KernelSectors:
    """A permutation-symmetric kernel, known on the functions of degree at most D of every representation.

    Attributes:
        words: v, T, D and the tables of words.
        coefficients: `[1 + groups, P]`: k_C, and for a fit what each group of pairs would add to it by its residuals.
        trace: E[K(x, x)].
        trace_error: its standard error, 0 where exact.
        exact: whether the coefficients come from all tables.
    """

    words: WordTables
    coefficients: Float[np.ndarray, "k P"]
    trace: float
    trace_error: float
    exact: bool

    def sector(self, partition: Sequence[int]) -> Sector:
        """The kernel on one representation.

        Raises:
            InputError: not a partition of T, more rows than symbols, or a first row below T - D.
        """
        words = self.words
        rows = checked_partition(partition, words.length)
        if len(rows) > words.vocab:
            raise invalid(
                "partition", rows, f"functions of sequences over {words.vocab} symbols have at most so many rows"
            )
        if words.length - rows[0] > words.degree:
            allowed = f"functions of degree {words.degree} reach first rows from {words.length - words.degree} on"
            raise invalid("partition", rows, allowed, f"Raise degree to {words.length - rows[0]} or more")
        basis = SectorBasis(words, rows)
        matrices = basis.matrices(self.coefficients)
        matrices = (matrices + matrices.swapaxes(1, 2)) / 2
        values, vectors = (part[..., ::-1] for part in scipy.linalg.eigh(matrices[0]))
        errors = np.sqrt(sum((vectors * (shift @ vectors)).sum(axis=0) ** 2 for shift in matrices[1:]))
        if words.degree < words.length:
            lower = basis.mode_degrees < words.degree
            before = np.zeros_like(values)
            before[: lower.sum()] = scipy.linalg.eigvalsh(matrices[0][np.ix_(lower, lower)])[::-1]
            errors = errors + np.abs(values - before)
        return Sector(rows, dimension(rows), values, errors + np.zeros_like(values), vectors, basis)

    def sectors(self) -> list[Sector]:
        """Every representation that functions of degree D reach, longest first rows first."""
        length, degree = self.words.length, self.words.degree
        found = (
            (length - marked, *mu)
            for marked in range(degree + 1)
            for mu in partitions(marked, self.words.vocab - 1)
            if length - marked >= (mu[0] if mu else 1)
        )
        return [self.sector(partition) for partition in found]

    def trace_bound(self, partition: Sequence[int]) -> float:
        """Upper bound trace / f of every eigenvalue in a representation; it may be far above them.

        Raises:
            InputError: not a partition of T.
        """
        return self.trace / dimension(checked_partition(partition, self.words.length))

    def reached(self, tolerance: float = 1e-9) -> dict[Partition, bool]:
        """Whether each representation has an eigenvalue above `tolerance` times its trace bound, and above 4 errors."""
        answer = {}
        for sector in self.sectors():
            floor = tolerance * self.trace / sector.dimension
            fit = 0.0 if self.exact else 4 * sector.errors
            answer[sector.partition] = bool((sector.eigenvalues > np.maximum(floor, fit)).any())
        return answer


def decompose(
    gram: Gram,
    vocab: int,
    length: int,
    *,
    degree: int | None = None,
    probabilities: ArrayLike | None = None,
    seed: int = 0,
) -> KernelSectors:
    """A kernel's coefficients in the word basis, for tokens independent with `probabilities` (uniform if not given).

    `gram(x, y)` gets token arrays (int32) and returns the kernel between all pairs, `[n, m]`. It is called with blocks of
    fixed shapes: one sequence against up to a few thousand where all tables are visited (`number_of_tables` at most
    200,000), 16 against 16 for random pairs, which `seed` draws. Cost of a fit: 3 P pairs and 3 P^3 operations, P =
    `number_of_words` / 2: 1,145 at v = 4, D = 3. The default degree is T where there are at most 4,000 tables, else the
    largest, up to 8, with P below 1,250.

    Raises:
        InputError: sizes or probabilities that cannot be used, or a kernel that is not symmetric under permutations of
            positions or under exchange of its arguments.
    """
    vocab, length = whole_number("vocab", vocab, minimum=2), whole_number("length", length)
    weights = _checked_probabilities(probabilities, vocab)
    if degree is None:
        degree = default_degree(vocab, length)
    degree = whole_number("degree", degree)
    if degree > length:
        raise invalid(
            "degree", degree, f"functions of {length} tokens have at most that degree", f"Lower it to {length}"
        )
    _check_symmetry(gram, weights, length, seed)
    words = WordTables(weights, length, degree)
    by_tables = number_of_tables(vocab, length) <= _MAX_TABLES
    return _from_all_tables(gram, words) if by_tables else _from_random_pairs(gram, words, seed)


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
    checked_partition(partition, whole_number("length", length))
    found = decompose(gram, vocab, length, degree=degree, probabilities=probabilities, seed=seed)
    return found.sector(partition).spectrum()


def default_degree(vocab: int, length: int) -> int:
    """The degree that `decompose` takes where none is given."""
    if number_of_tables(vocab, length) <= _MAX_COMPLETE:
        return length
    fits = (d for d in range(2, min(length, _MAX_DEGREE) + 1) if number_of_words(vocab, length, d) <= _MAX_WORDS)
    return max(fits, default=1)


def _from_all_tables(gram: Gram, words: WordTables) -> KernelSectors:
    """k_C = E[K Psi_C] / norm^2 as a sum over all tables N with their multinomial probabilities."""
    groups = list(all_tables(words.vocab, words.length))
    most = max(len(y) for _, y in groups)
    log_cells = np.log(np.outer(words.probabilities, words.probabilities))
    moments, trace = np.zeros(len(words.words)), 0.0
    for x, y in groups:
        kernel = _values(gram, x[None], np.resize(y, (most, words.length)))[0, : len(y)]
        table = tables(x[None], y, words.vocab)[0]
        ways = gammaln(words.length + 1) - gammaln(table + 1).sum(axis=(1, 2))
        weighted = kernel * np.exp(ways + (table * log_cells).sum(axis=(1, 2)))
        for rows in _chunks(len(y)):
            moments += words.functions(table[rows]) @ weighted[rows]
        counts = np.bincount(x, minlength=words.vocab)
        ways = gammaln(words.length + 1) - gammaln(counts + 1).sum() + counts @ np.log(words.probabilities)
        trace += float(kernel[(y == x).all(axis=1)][0] * np.exp(ways))
    return KernelSectors(words, (moments / np.sqrt(words.counts))[None], trace, 0.0, exact=True)


def _from_random_pairs(gram: Gram, words: WordTables, seed: int) -> KernelSectors:
    """k_C by least squares on blocks of pairs, k_C = k_(C^T); one block is one group for the standard errors.

    With residuals r and design F = Q R the estimate's error is about sum over groups of R^-1 Q_g^T r_g, whose terms are
    independent with mean 0 (the cluster-robust covariance), times sqrt(pairs / (pairs - unknowns)).
    """
    rng = stream(seed, "sector-pairs")
    unknowns = int(words.symmetric.max()) + 1
    blocks = max(8, -(-_PAIRS_PER_UNKNOWN * unknowns // _SIDE**2))
    x, y = (_random_tokens(rng, words.probabilities, (blocks, _SIDE, words.length)) for _ in range(2))
    kernel = np.array([_values(gram, a, b).ravel() for a, b in zip(x, y, strict=True)])  # [blocks, pairs]
    table = np.concatenate(
        [tables(a, b, words.vocab).reshape(-1, words.vocab, words.vocab) for a, b in zip(x, y, strict=True)]
    )
    design = np.concatenate([_merged(words, table[rows]) for rows in _chunks(len(table))])
    q, r = scipy.linalg.qr(design, mode="economic", overwrite_a=True, check_finite=False)
    if np.abs(np.diagonal(r)).min() < 1e-10 * np.abs(np.diagonal(r)).max():
        raise invalid("degree", words.degree, "random sequences do not determine so many coefficients", "Lower degree")
    projected = q.T @ kernel.ravel()
    residual = (kernel.ravel() - q @ projected).reshape(kernel.shape)
    shifts = np.einsum("gpu,gp->ug", q.reshape(blocks, -1, unknowns), residual)
    shifts *= np.sqrt(kernel.size / (kernel.size - unknowns))
    solved = scipy.linalg.solve_triangular(r, np.column_stack([projected, shifts]))
    coefficients = solved.T[:, words.symmetric] / np.sqrt(words.counts)
    own = np.concatenate([np.diagonal(_values(gram, a, a)) for a in x[:8]])
    return KernelSectors(words, coefficients, float(own.mean()), float(own.std() / np.sqrt(len(own))), exact=False)


def _merged(words: WordTables, table: Float[np.ndarray, "R v v"]) -> Float[np.ndarray, "R unknowns"]:
    """Psi_C + Psi_(C^T), each once where C is its own transpose."""
    functions = words.functions(table)
    merged = np.zeros((int(words.symmetric.max()) + 1, len(table)))
    np.add.at(merged, words.symmetric, functions)
    return merged.T


def _values(gram: Gram, x: Integer[np.ndarray, "n T"], y: Integer[np.ndarray, "m T"]) -> Float[np.ndarray, "n m"]:
    values = np.asarray(gram(x.astype(np.int32), y.astype(np.int32)), dtype=np.float64)
    if values.shape != (len(x), len(y)):
        raise invalid(
            "gram",
            f"an array of shape {values.shape}",
            f"for {len(x)} and {len(y)} sequences it must be [{len(x)}, {len(y)}]",
        )
    if not np.isfinite(values).all():
        raise InputError("gram cannot be used: some of its values are not finite.")
    return values


def _check_symmetry(gram: Gram, probabilities: Float[np.ndarray, " v"], length: int, seed: int) -> None:
    rng = stream(seed, "symmetry-check")
    x, y = (_random_tokens(rng, probabilities, (_SIDE, length)) for _ in range(2))
    order = rng.permutation(length)
    values = _values(gram, x, y)
    allowed = _ASYMMETRY * np.abs(values).max()
    if np.abs(_values(gram, y, x).T - values).max() > allowed:
        raise InputError("gram cannot be used: K(x, y) and K(y, x) differ. A kernel is symmetric.")
    if np.abs(_values(gram, x[:, order], y[:, order]) - values).max() > allowed:
        raise InputError(
            "gram cannot be used: it changes when the positions of both sequences are permuted alike. Use a read-out, "
            "a mask and a position kernel that treat all positions alike (mean read-out, no causal mask)."
        )


def _random_tokens(
    rng: np.random.Generator, probabilities: Float[np.ndarray, " v"], shape: tuple[int, ...]
) -> Int[np.ndarray, "..."]:
    return np.minimum(np.searchsorted(np.cumsum(probabilities), rng.random(shape)), len(probabilities) - 1)


def _checked_probabilities(given: ArrayLike | None, vocab: int) -> Float[np.ndarray, " v"]:
    if given is None:
        return np.full(vocab, 1 / vocab)
    values = np.asarray(given, dtype=np.float64)
    if values.shape != (vocab,):
        raise invalid("probabilities", given, f"it must be {vocab} numbers", "Give one for each symbol")
    if not (np.isfinite(values).all() and (values > 0).all() and abs(values.sum() - 1) < 1e-9):
        raise invalid(
            "probabilities", given, "they must be positive and sum to 1", "Leave symbols out that never occur"
        )
    return values / values.sum()


def _chunks(count: int) -> list[slice]:
    return [slice(start, start + _CHUNK) for start in range(0, count, _CHUNK)]
