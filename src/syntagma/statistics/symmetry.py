"""How far the tokens of a source are symmetric under permutations of positions, in windows of T tokens.

C is the covariance of one-hot tokens, C[(i, a), (j, b)] = P(x_i = a, x_j = b) - P(x_i = a) P(x_j = b). Its orthogonal
projection on the matrices that commute with all permutations of positions is

    C_sym = A delta_ij + B (1 - delta_ij),   A = mean of C_ii,  B = mean of C_ij over i != j      (v x v)

whose eigenvalues are those of A + (T-1) B, once each (representation (T) of S_T), and those of A - B, T - 1 times each
(representation (T-1, 1)). Measured are

- the fraction |C_sym|^2 / |C|^2 of the squared Frobenius norm, and the same over i != j alone: the first is near 1
  wherever tokens at different positions hardly depend on each other, the second asks about the dependence itself;
- the splitting of each multiplet: the variance of the T - 1 eigenvalues of C restricted to (T-1, 1) x u, for each
  eigenvector u of A - B (first-order perturbation theory; 0 for a symmetric source).

Sampling. n windows add a floor of about (tr C)^2 / n to |C|^2, and next to nothing to |C_sym|^2. It is removed: windows
in B contiguous blocks give covariances C_b, each unbiased, and <C_b, C_b'> of different blocks is unbiased for |C|^2
where blocks are independent. Standard errors are by the jack-knife over blocks; at exact symmetry, where products of
different blocks vanish to first order, they are too large by 2^(1/2), so the intervals are safe. Estimates are not
clipped: by chance a fraction may come out above 1, and a variance below 0. Means are taken within blocks, so what
drifts more slowly than a block is left out.

Cost: O(n T^2) counts, in T passes over a table of B v^2 T numbers; 1.5 s on one core at T = 64, v = 32, 10^6 tokens.
Source: arXiv 2402.05173, section on WikiText; the unbiased norm is derived here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from syntagma.checked_call import checked
from syntagma.errors import invalid, whole_number
from syntagma.estimate import Estimate
from syntagma.languages._tokens import check_range
from syntagma.languages.language import PairLanguage
from syntagma.randomness import stream
from syntagma.statistics.blocks import block_mean, jackknife_error, product_ratio, student_reach, unbiased_product

_LARGEST_TABLE = 2**27
_ROUNDING = 1e-15
"""Smaller covariances of one-hot tokens are 0."""


@dataclass(frozen=True)
class Multiplet:
    """One eigenvalue of A - B, which a permutation-symmetric source has T - 1 times.

    Attributes:
        eigenvalue: of A - B: the mean of the T - 1 eigenvalues.
        variance: of the T - 1 eigenvalues around it, the sampling floor removed.
        eigenvalues: `[T - 1]`, ascending, of the sample covariance; their spread has the sampling floor in it.
    """

    eigenvalue: Estimate
    variance: Estimate
    eigenvalues: Float[np.ndarray, " modes"]

    @property
    def splitting(self) -> float:
        """Standard deviation of the eigenvalues over their mean; NaN where that is 0 to rounding, as for a token never
        seen.
        """
        mean = abs(self.eigenvalue.value)
        return math.sqrt(max(self.variance.value, 0.0)) / mean if mean > _ROUNDING else math.nan


@dataclass(frozen=True)
class Symmetry:
    """Permutation symmetry of windows of T tokens.

    Attributes:
        fraction: |C_sym|^2 / |C|^2, the sampling floor removed.
        fraction_between: the same over pairs of different positions, i != j.
        plain_fraction: |C_sym|^2 / |C|^2 of the sample covariance, below `fraction` by the sampling floor. NaN, as the
            other two, where nothing varies.
        trivial: eigenvalues of A + (T-1) B, the largest first: representation (T), v - 1 of them.
        standard: multiplets of A - B, the largest first: representation (T-1, 1), v - 1 of them.
        blocks: number B of blocks behind the standard errors; 1 for an exact covariance.
    """

    fraction: Estimate
    fraction_between: Estimate
    plain_fraction: float
    trivial: tuple[Estimate, ...]
    standard: tuple[Multiplet, ...]
    blocks: int

    def interval(self, estimate: Estimate) -> tuple[float, float]:
        """95 percent confidence interval: Student's t with B - 1 degrees of freedom."""
        if self.blocks == 1:
            return estimate.value, estimate.value
        reach = student_reach(self.blocks - 1) * estimate.standard_error
        return estimate.value - reach, estimate.value + reach


def measured_symmetry(windows: Integer[np.ndarray, "n T"], vocab: int, blocks: int = 20) -> Symmetry:
    """The symmetry of a source, from windows in their order; the last `n mod blocks` of them are left out.

    Raises:
        InputError: windows of one token, tokens outside the vocabulary, fewer than 3 blocks or than 2 windows a block,
            or a table of more than 2**27 numbers.
    """
    windows, vocab, blocks = _checked(windows, vocab, blocks)
    num_windows, length = windows.shape
    norms, norms_same = np.zeros((2, blocks, blocks))
    same, anywhere = np.zeros((2, blocks, vocab, vocab))
    for position, row in _covariance_rows(windows, vocab, blocks):
        flat, here = row.reshape(blocks, -1), row[:, :, position]
        norms += flat @ flat.T
        norms_same += here.reshape(blocks, -1) @ here.reshape(blocks, -1).T
        same += here / length
        anywhere += row.sum(axis=2)
    between = (anywhere - length * same) / (length * (length - 1))
    grouped = windows.reshape(blocks, num_windows // blocks, length)
    directions = _directions((same - between).mean(axis=0))
    multiplets = tuple(_multiplet(_covariances(direction[grouped])) for direction in directions.T)
    return _assembled(norms, norms_same, same, between, multiplets, length)


def exact_symmetry(language: PairLanguage) -> Symmetry:
    """The symmetry of a language whose pair probabilities are known, without error.

    Raises:
        InputError: a language without pair probabilities, or of sentences of one token.
    """
    if not isinstance(language, PairLanguage):
        allowed = "it must be a language that knows the probabilities of pairs of tokens"
        raise invalid("language", language, allowed, "Measure windows of others: measured_symmetry(windows, vocab)")
    if language.sentence_length < 2:
        raise invalid("sentence_length", language.sentence_length, "it takes two positions", "Choose 2 or more")
    covariance = exact_covariance(language)
    same, between = symmetric_part(covariance)
    diagonal = np.einsum("iaib->iab", covariance)
    multiplets = tuple(
        _multiplet(np.einsum("a,iajb,b->ij", direction, covariance, direction, optimize=True)[None])
        for direction in _directions(same - between).T
    )
    norms, norms_same = np.full((1, 1), np.sum(covariance**2)), np.full((1, 1), np.sum(diagonal**2))
    return _assembled(norms, norms_same, same[None], between[None], multiplets, language.sentence_length)


@checked
def exact_covariance(language: PairLanguage) -> Float[np.ndarray, "T v T v"]:
    """The covariance C of the language's one-hot tokens."""
    pairs = language.pair_probabilities()
    single = np.einsum("iaia->ia", pairs)
    return pairs - single[:, :, None, None] * single


@checked
def symmetric_part(
    covariance: Float[np.ndarray, "T v T v"],
) -> tuple[Float[np.ndarray, "v v"], Float[np.ndarray, "v v"]]:
    """A and B of the projection of C, for T of 2 or more."""
    length = len(covariance)
    same = np.einsum("iaib->ab", covariance)
    return same / length, (covariance.sum(axis=(0, 2)) - same) / (length * (length - 1))


def shuffled(windows: Integer[np.ndarray, "n T"], seed: int) -> Integer[np.ndarray, "n T"]:
    """Each window's tokens in a random order: the symmetric extreme, with the same tokens in each window.

    Raises:
        InputError: no integers `[n, T]`; a seed that is no whole number.
    """
    return stream(whole_number("seed", seed, minimum=0), "shuffled-windows").permuted(_windows(windows), axis=1)


def position_sorted(windows: Integer[np.ndarray, "n T"]) -> Integer[np.ndarray, "n T"]:
    """Each window's tokens in ascending order: the other extreme, with the same tokens in each window.

    Raises:
        InputError: no integers `[n, T]`.
    """
    return np.sort(_windows(windows), axis=1)


def of_frequent_tokens(
    windows: Integer[np.ndarray, "n T"], vocab: int, most: int
) -> tuple[Integer[np.ndarray, "n T"], int]:
    """Windows with at most so many different tokens, and how many: the most frequent ones are kept, 0 on in order of
    frequency, and all others become one, the last. Of a large vocabulary, C has too many entries.

    `measured_symmetry(*of_frequent_tokens(windows, 8192, 32))` asks about the 31 most frequent of 8,192 tokens.

    Raises:
        InputError: no integers `[n, T]`; tokens outside the vocabulary; fewer than two tokens are to be kept.
    """
    windows, vocab = _windows(windows), whole_number("vocab", vocab)
    most = whole_number("most", most, minimum=2)
    check_range(windows.reshape(-1), vocab)
    counts = np.bincount(windows.reshape(-1), minlength=vocab)
    ranked = np.argsort(-counts, kind="stable")
    kept = min(vocab, most)
    number = np.full(vocab, kept - 1)
    number[ranked[: kept - 1]] = np.arange(kept - 1)
    return number[windows], kept


def _covariance_rows(
    windows: Integer[np.ndarray, "n T"], vocab: int, blocks: int
) -> Iterator[tuple[int, Float[np.ndarray, "B v T v"]]]:
    """Each position i, and C_b[(i, .), (., .)] of every block b, unbiased."""
    num_windows, length = windows.shape
    size = num_windows // blocks
    windows = windows.astype(np.intp)
    block = np.repeat(np.arange(blocks), size)[:, None]
    columns = np.arange(length) * vocab + windows
    single = np.bincount((block * length * vocab + columns).reshape(-1), minlength=blocks * length * vocab)
    single = single.reshape(blocks, length, vocab) / size
    for position in range(length):
        cells = (block * vocab + windows[:, [position]]) * (length * vocab) + columns
        counts = np.bincount(cells.reshape(-1), minlength=blocks * vocab * length * vocab)
        row = counts.reshape(blocks, vocab, length, vocab).astype(np.float64)
        row -= size * single[:, position, :, None, None] * single[:, None]
        row /= size - 1
        yield position, row


def _covariances(values: Float[np.ndarray, "B m T"]) -> Float[np.ndarray, "B T T"]:
    centred = values - values.mean(axis=1, keepdims=True)
    return centred.transpose(0, 2, 1) @ centred / (values.shape[1] - 1)


def _directions(matrix: Float[np.ndarray, "v v"]) -> Float[np.ndarray, "v v-1"]:
    """Eigenvectors as columns, the largest eigenvalue first, without the vector of ones.

    One-hot tokens sum to 1, so that one has eigenvalue 0 in every source.
    """
    basis = _without_ones(len(matrix))
    return basis @ np.linalg.eigh(basis.T @ matrix @ basis)[1][:, ::-1]


def _without_ones(size: int) -> Float[np.ndarray, "{size} {size}-1"]:
    """Orthonormal columns that are orthogonal to the vector of ones (Helmert's)."""
    ranks = np.arange(1, size)
    columns = np.triu(np.ones((size, size - 1)))
    columns[ranks, ranks - 1] = -ranks
    return columns / np.sqrt(ranks * (ranks + 1))


def _multiplet(covariances: Float[np.ndarray, "B T T"]) -> Multiplet:
    """From each block's covariance of one function of the token at each position."""
    basis = _without_ones(covariances.shape[1])
    inside = basis.T @ covariances @ basis
    mean = np.einsum("bii->b", inside) / len(basis.T)
    flat = inside.reshape(len(inside), -1)
    value, left_out = unbiased_product(flat @ flat.T / len(basis.T) - np.outer(mean, mean))
    eigenvalues = np.linalg.eigvalsh(inside.mean(axis=0))
    return Multiplet(block_mean(mean), Estimate(float(value), jackknife_error(left_out)), eigenvalues)


def _assembled(
    norms: Float[np.ndarray, "B B"],
    norms_same: Float[np.ndarray, "B B"],
    same: Float[np.ndarray, "B v v"],
    between: Float[np.ndarray, "B v v"],
    multiplets: tuple[Multiplet, ...],
    length: int,
) -> Symmetry:
    """From <C_b, C_b'> over all pairs of positions and over i = j, and each block's A and B."""
    blocks = len(same)
    flat_same, flat_between = same.reshape(blocks, -1), between.reshape(blocks, -1)
    kept_same = length * flat_same @ flat_same.T
    kept_between = length * (length - 1) * flat_between @ flat_between.T
    totals = same + (length - 1) * between
    directions = _directions(totals.mean(axis=0))
    trivial = np.einsum("ak,bac,ck->kb", directions, totals, directions, optimize=True)
    return Symmetry(
        fraction=product_ratio(kept_same + kept_between, norms),
        fraction_between=product_ratio(kept_between, norms - norms_same, rounding=1e-13 * float(np.abs(norms).max())),
        plain_fraction=float((kept_same + kept_between).sum() / norms.sum()) if norms.sum() else math.nan,
        trivial=tuple(block_mean(values) for values in trivial),
        standard=multiplets,
        blocks=blocks,
    )


def _windows(windows: Any, shortest: int = 1) -> Integer[np.ndarray, "n T"]:
    """Windows as an array, of `shortest` tokens or more each."""
    try:
        array = windows if isinstance(windows, np.ndarray) else np.asarray(windows)
    except (ValueError, OverflowError):
        raise invalid("windows", windows, "they differ in length", "Give integers [n, T]") from None
    if array.ndim != 2 or array.shape[1] < shortest or not np.issubdtype(array.dtype, np.integer):
        given = f"{array.dtype} array of shape {array.shape}"
        raise invalid("windows", given, f"it must be integers [n, T] with T of {shortest} or more")
    return array


def _checked(windows: Any, vocab: int, blocks: int) -> tuple[Integer[np.ndarray, "n T"], int, int]:
    """Windows in whole blocks, the vocabulary, the number of blocks."""
    blocks, vocab = whole_number("blocks", blocks, minimum=3), whole_number("vocab", vocab)
    windows = _windows(windows, shortest=2)
    num_windows, length = windows.shape
    size = num_windows // blocks
    if size < 2:
        allowed = f"{num_windows} windows give {blocks} blocks fewer than 2 each"
        raise invalid("blocks", blocks, allowed, "Give more windows or fewer blocks")
    if windows.min() < 0 or windows.max() >= vocab:
        wrong = windows.min() if windows.min() < 0 else windows.max()
        raise invalid("windows", int(wrong), f"tokens are 0 to {vocab - 1}")
    numbers = blocks * vocab**2 * length
    if numbers > _LARGEST_TABLE:
        allowed = f"with blocks={blocks} and T={length} it takes {8 * numbers / 2**30:.1f} GiB, and 1 is the limit"
        raise invalid("vocab", vocab, allowed, "Lower vocab or blocks")
    return windows[: size * blocks], vocab, blocks
