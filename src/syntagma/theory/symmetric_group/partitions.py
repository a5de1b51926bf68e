"""Irreducible representations of the permutations of T positions: dimensions, characters, multiplicities, as integers.

Sequences of T tokens over v symbols carry, by Schur-Weyl duality,

    C^(v^T) = sum over partitions lambda of T with at most v rows of  S^lambda (x) W_lambda(v),

S^lambda the irreducible representation of S_T (dimension f by hook lengths), W_lambda that of GL_v, whose dimension
(the number of semistandard tableaux) is the multiplicity of S^lambda among the functions of sequences. Where the
symbols are exchangeable too, W_lambda splits further into representations of S_v.

Sources: G. James & A. Kerber, "The Representation Theory of the Symmetric Group", 1981 (hook lengths 2.3.21,
Murnaghan-Nakayama 2.4.7, Young's rule 2.8.5); R. Stanley, "Enumerative Combinatorics" 2, 7.16.1 (Jacobi-Trudi), 7.21.4
(hook contents). Regime: exact, any T; whole numbers.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

from pydantic import NonNegativeInt

from syntagma.checked_call import checked
from syntagma.errors import invalid, whole_number
from syntagma.languages.representations import Partition, checked_partition


@checked
def partitions(total: NonNegativeInt, max_rows: NonNegativeInt | None = None) -> Iterator[Partition]:
    """All partitions of `total`, the trivial representation first, in reverse lexicographic order."""
    rows = total if max_rows is None else max_rows
    return _falling(whole_number("total", total, minimum=0), total, rows)


def _falling(total: int, largest: int, rows: int) -> Iterator[Partition]:
    if total == 0:
        yield ()
    elif rows > 0:
        for first in range(min(total, largest), 0, -1):
            for rest in _falling(total - first, first, rows - 1):
                yield (first, *rest)


@checked
def conjugate(partition: Partition) -> Partition:
    """The lengths of the columns."""
    return tuple(sum(row > column for row in partition) for column in range(partition[0] if partition else 0))


def _cells(partition: Partition) -> Iterator[tuple[int, int, int]]:
    """Row, column and hook length of each box."""
    columns = conjugate(partition)
    for i, row in enumerate(partition):
        for j in range(row):
            yield i, j, row - j + columns[j] - i - 1


@checked
def dimension(partition: Sequence[int]) -> int:
    """T! / product of hook lengths: the degeneracy of each eigenvalue of a permutation-symmetric kernel.

    Raises:
        InputError: not a partition.
    """
    rows = _checked(partition)
    return math.factorial(sum(rows)) // math.prod(hook for _, _, hook in _cells(rows))


@checked
def symbol_multiplicity(partition: Sequence[int], vocab: int) -> int:
    """Number of semistandard tableaux with entries below `vocab`: how often S^lambda occurs among sequences.

    Product over boxes of (vocab + column - row) / hook; 0 for more rows than symbols.

    Raises:
        InputError: not a partition, no symbols.
    """
    rows, vocab = _checked(partition), whole_number("vocab", vocab)
    above = math.prod(vocab + j - i for i, j, _ in _cells(rows))
    return above // math.prod(hook for _, _, hook in _cells(rows))


@checked
def sequence_multiplicities(length: int, vocab: int) -> dict[Partition, int]:
    """How often each representation of S_T occurs among the functions of sequences; products with f sum to vocab^T."""
    rows = partitions(whole_number("length", length), whole_number("vocab", vocab))
    return {partition: symbol_multiplicity(partition, vocab) for partition in rows}


@checked
def kostka(partition: Sequence[int], content: Sequence[int]) -> int:
    """Number of semistandard tableaux with `content[a]` entries a: the multiplicity of S^lambda among the sequences
    that have those counts of tokens.

    Raises:
        InputError: not a partition, or counts that do not sum to its size.
    """
    rows = _checked(partition)
    counts = tuple(whole_number("content", count, minimum=0) for count in content)
    if sum(counts) != sum(rows):
        raise invalid("content", counts, f"its counts must sum to {sum(rows)}, the size of {rows}")
    return _kostka(rows, tuple(sorted((count for count in counts if count), reverse=True)))


@cache
def _kostka(rows: Partition, counts: Partition) -> int:
    """Counts may be in any order (Kostka numbers do not depend on it): take away the boxes of the last symbol."""
    if not counts:
        return 1
    return sum(_kostka(inner, counts[:-1]) for inner in without_horizontal_strip(rows, counts[-1]))


def without_horizontal_strip(partition: Partition, size: int) -> Iterator[Partition]:
    """Partitions left when `size` boxes are taken away, no two from one column."""
    ranges = [range(below, row + 1) for row, below in zip(partition, (*partition[1:], 0), strict=True)]
    for rows in itertools.product(*ranges):
        if sum(partition) - sum(rows) == size:
            yield tuple(row for row in rows if row)


@checked
def character(partition: Sequence[int], cycle_type: Sequence[int]) -> int:
    """Trace of a permutation with these cycle lengths in S^lambda (Murnaghan-Nakayama rule).

    Raises:
        InputError: not partitions of one number.
    """
    rows = _checked(partition)
    cycles = checked_partition(sorted(cycle_type, reverse=True), sum(rows), "cycle_type")
    return _character(tuple(row + i for i, row in enumerate(reversed(rows))), cycles)


@lru_cache(maxsize=100_000)
def _character(beads: tuple[int, ...], cycles: Partition) -> int:
    """On first-column hook lengths, rising: a rim hook of length c is a bead moved down by c to a free place.

    Its sign is the parity of the beads that it passes.
    """
    if not cycles:
        return 1
    total, places = 0, set(beads)
    for bead in beads:
        target = bead - cycles[0]
        if target >= 0 and target not in places:
            passed = sum(target < other < bead for other in beads)
            moved = tuple(sorted((places - {bead}) | {target}))
            total += (-1) ** passed * _character(moved, cycles[1:])
    return total


def class_size(cycle_type: Partition) -> int:
    """Number of permutations with these cycle lengths."""
    fixing = math.prod(length**count * math.factorial(count) for length, count in Counter(cycle_type).items())
    return math.factorial(sum(cycle_type)) // fixing


@checked
def joint_multiplicity(partition: Sequence[int], symbol_partition: Sequence[int]) -> int:
    """How often S^lambda (x) S^nu occurs among sequences, positions and symbols permuted: T and v from their sizes.

    The average over sigma in S_v of chi_nu(sigma) times the trace of sigma in W_lambda, the Schur function of sigma's
    eigenvalues, as the determinant of complete symmetric functions h_(lambda_i - i + j) (Jacobi-Trudi).

    Raises:
        InputError: not partitions.
    """
    rows, nu = _checked(partition), _checked(symbol_partition, "symbol_partition")
    if not rows:
        raise invalid("partition", rows, "a sequence has one position or more", "Give a partition of T")
    vocab, total = sum(nu), 0
    for cycles in partitions(vocab):
        complete = _complete_functions(cycles, sum(rows))
        total += class_size(cycles) * character(nu, cycles) * _jacobi_trudi(rows, complete)
    return total // math.factorial(vocab)


def _complete_functions(cycles: Partition, highest: int) -> list[int]:
    """h_0..h_highest at the eigenvalues of a permutation matrix: coefficients of 1 / product of (1 - z^cycle)."""
    series = [1] + [0] * highest
    for cycle in cycles:
        for power in range(cycle, highest + 1):
            series[power] += series[power - cycle]
    return series


def _jacobi_trudi(rows: Partition, complete: list[int]) -> int:
    total, size = 0, len(rows)
    for order in itertools.permutations(range(size)):
        indices = [rows[i] - i + order[i] for i in range(size)]
        if min(indices) >= 0:
            swaps = sum(order[i] > order[j] for i in range(size) for j in range(i + 1, size))
            total += (-1) ** swaps * math.prod(complete[index] for index in indices)
    return total


def _checked(partition: Sequence[int], field: str = "partition") -> Partition:
    size = sum(partition) if all(isinstance(row, int) for row in partition) else 0
    return checked_partition(partition, size, field)
