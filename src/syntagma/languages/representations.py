"""Regression targets that lie in one irreducible representation of the permutations of positions.

Tokens are independent and uniform on v symbols; phi, psi are functions of a symbol with mean 0 and variance 1 and with
E[phi psi] = 0. Unit-norm functions of a sequence of T tokens, drawn from a seed:

    (T)         sum_i phi(x_i) / sqrt(T)                                 the same at every position
    (T-1, 1)    sum_i c_i phi(x_i)                                       sum_i c_i = 0
    (T-2, 2)    sum_{i<j} W_ij phi(x_i) phi(x_j)                         W symmetric
    (T-2, 1, 1) sum_{i<j} W_ij (phi(x_i) psi(x_j) - psi(x_i) phi(x_j)) / sqrt(2)     W antisymmetric, v >= 3

with zero diagonal and zero row sums of W, which leave nothing of the representations with longer first rows: those are
carried by functions of fewer positions. Permuting positions turns W and c, so each function stays within its
representation; its projection on every other is exactly 0, and its norm exactly 1. Under another distribution of tokens
the functions are the same, and their norm and mean are not.

Source: Young's rule; for (T-1, 1) as the linear targets of arXiv 2402.05173.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Integer

from syntagma.errors import invalid, whole_number
from syntagma.languages._draws import exponentials, random_bits
from syntagma.randomness import stream

Partition = tuple[int, ...]
"""Whole numbers, none larger than the one before it: the lengths of the rows of a Young diagram."""

_BLOCK = 2**22
"""Tokens of a block of sentences whose symbol functions are held at a time."""


def checked_partition(partition: Sequence[int], length: int, field: str = "partition") -> Partition:
    """`partition` as a tuple of positive whole numbers.

    Raises:
        InputError: it does not sum to `length`, rises, or holds something else than positive whole numbers.
    """
    if isinstance(partition, str | bytes) or not isinstance(partition, Sequence):
        raise invalid(field, partition, "it must be a list of whole numbers", f"Give ({length},) for the trivial one")
    rows = tuple(whole_number(field, row) for row in partition)
    if sum(rows) != length:
        raise invalid(field, rows, f"its rows sum to {sum(rows)}, not to the length {length}", _mended(rows, length))
    if any(below > above for above, below in itertools.pairwise(rows)):
        falling = tuple(sorted(rows, reverse=True))
        raise invalid(field, rows, "no row may be longer than the one before it", f"Give {falling}")
    return rows


def _mended(rows: Partition, length: int) -> str:
    first = length - sum(rows[1:])
    return f"Give {(first, *rows[1:])}" if first >= max((1, *rows[1:])) else f"Give numbers that sum to {length}"


def two_body_partitions(length: int) -> dict[str, Partition]:
    """The representations that have targets here, by the name that tables give them; those that exist at this T."""
    named = {
        "(T)": (length,),
        "(T-1, 1)": (length - 1, 1),
        "(T-2, 2)": (length - 2, 2),
        "(T-2, 1, 1)": (length - 2, 1, 1),
    }
    return {name: rows for name, rows in named.items() if rows[-1] >= 1 and sorted(rows, reverse=True) == list(rows)}


@dataclass(frozen=True, eq=False)
class RepresentationTarget:
    """A unit-norm function of sequences within one representation.

    Attributes:
        partition: the representation.
        letters: `[1 or 2, v]`: phi and, for (T-2, 1, 1), psi.
        weights: `[T]` (one-body) or `[T, T]` (two-body): 1 / sqrt(T), c or W.
    """

    partition: Partition
    letters: Float[np.ndarray, "letters v"]
    weights: Float[np.ndarray, "*positions"]

    def __call__(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, " n"]:
        """The function's values. Cost: n T operations, or n T^2 by matrix products for two-body functions.

        Raises:
            InputError: sentences of another length, or tokens outside [0, v).
        """
        tokens = np.asarray(tokens)
        length, vocab = len(self.weights), self.letters.shape[1]
        if tokens.ndim != 2 or tokens.shape[1] != length:
            raise invalid("tokens", f"an array of shape {tokens.shape}", f"it must be [n, {length}]")
        if tokens.size and not (tokens.min() >= 0 and tokens.max() < vocab):
            wrong = int(tokens.min()) if tokens.min() < 0 else int(tokens.max())
            raise invalid("tokens", wrong, f"tokens go from 0 to {vocab - 1}")
        step = max(1, _BLOCK // length)
        return np.concatenate([self._values(tokens[at : at + step]) for at in range(0, max(1, len(tokens)), step)])

    def _values(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, " n"]:
        first = self.letters[0][tokens]
        if self.weights.ndim == 1:
            return first @ self.weights
        # The sum over i < j is half that over all i, j; of the antisymmetric form both terms are equal.
        if len(self.letters) == 1:
            return np.einsum("nt,nt->n", first @ self.weights, first) / 2
        return np.einsum("nt,nt->n", first @ self.weights, self.letters[1][tokens]) / np.sqrt(2)


def representation_target(
    tokens: Integer[np.ndarray, "n T"], partition: Sequence[int], vocab: int, seed: int
) -> Float[np.ndarray, " n"]:
    """Values on `tokens` of the target that `seed` draws in the representation `partition`; float64.

    Raises:
        InputError: as `draw_target`, or tokens that do not fit.
    """
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or tokens.shape[1] == 0:
        raise invalid("tokens", f"an array of shape {tokens.shape}", "it must be [n, T]")
    return draw_target(tuple(partition), tokens.shape[1], vocab, seed)(tokens)


@lru_cache(maxsize=32)
def draw_target(partition: Partition, length: int, vocab: int, seed: int) -> RepresentationTarget:
    """A random target within a representation: phi and psi, and c or W, uniform on their unit spheres.

    Raises:
        InputError: a partition that does not sum to `length` or is none of the four above, or too few symbols.
    """
    length, vocab = whole_number("length", length), whole_number("vocab", vocab, minimum=2)
    rows = checked_partition(partition, length)
    offered = two_body_partitions(length)
    if rows not in offered.values():
        listed = ", ".join(str(known) for known in offered.values())
        raise invalid("partition", rows, f"at length {length} there are targets in {listed}")
    antisymmetric = len(rows) == 3
    if antisymmetric and vocab < 3:
        raise invalid(
            "vocab", vocab, f"{rows} is antisymmetric in three positions and needs three symbols", "Raise vocab"
        )
    rng = stream(seed, "representation-target", *rows)
    letters = _letters(rng, vocab, 2 if antisymmetric else 1)
    if rows[0] >= length - 1:
        weights = np.ones(length) if len(rows) == 1 else _normals(rng, (length,))
        weights = weights if len(rows) == 1 else weights - weights.mean()
        weights = weights / np.linalg.norm(weights)
    else:
        name = next(name for name, known in offered.items() if known == rows)
        weights = pair_parts(_normals(rng, (length, length)))[name]
        weights = np.sqrt(2) * weights / np.linalg.norm(weights)
    for array in (letters, weights):
        array.flags.writeable = False
    return RepresentationTarget(rows, letters, weights)


def pair_parts(weights: Float[np.ndarray, "T T *rest"]) -> dict[str, Float[np.ndarray, "T T *rest"]]:
    """Parts of W_ij, i != j, in each representation of the permutations of positions; they are orthogonal and sum to W.

    The symmetric part is a mean, (T), plus q_i + q_j, (T-1, 1), plus what has zero row sums, (T-2, 2); the
    antisymmetric one a_i - a_j, (T-1, 1), plus what has zero row sums, (T-2, 1, 1). The diagonal is left out. Further
    axes, such as the symbols at i and j, go along: this splits a covariance between positions, or a two-body function.
    """
    length = len(weights)
    off_diagonal = (1.0 - np.eye(length)).reshape(length, length, *[1] * (weights.ndim - 2))
    weights = weights * off_diagonal
    symmetric, antisymmetric = ((weights + sign * weights.swapaxes(0, 1)) / 2 for sign in (1, -1))
    rows = symmetric.sum(axis=1)
    total = rows.sum(axis=0)
    # Row sums of q_i + q_j off the diagonal are (T - 2) q_i for sum q = 0.
    q = (rows - total / length) / max(length - 2, 1)
    mean = total / max(length * (length - 1), 1) * off_diagonal
    one_symmetric = (q[:, None] + q[None]) * off_diagonal
    a = antisymmetric.sum(axis=1) / length
    one_antisymmetric = a[:, None] - a[None]
    return {
        "(T)": mean,
        "(T-1, 1)": one_symmetric + one_antisymmetric,
        "(T-2, 2)": symmetric - mean - one_symmetric,
        "(T-2, 1, 1)": antisymmetric - one_antisymmetric,
    }


def _letters(rng: np.random.Generator, vocab: int, count: int) -> Float[np.ndarray, "count v"]:
    """Random functions of a symbol, orthonormal under the uniform distribution and with mean 0."""
    drawn = np.column_stack([np.ones(vocab), _normals(rng, (vocab, count))])
    q, r = np.linalg.qr(drawn)
    return np.sqrt(vocab) * (q * np.sign(np.diagonal(r)))[:, 1:].T


def _normals(rng: np.random.Generator, shape: tuple[int, ...]) -> Float[np.ndarray, "*shape"]:
    """Standard normal numbers (Box-Muller) that stay the same in all versions of NumPy."""
    count = int(np.prod(shape))
    angles = 2 * np.pi * 2.0**-64 * random_bits(rng, count, np.uint64)
    return (np.sqrt(2 * exponentials(rng, count)) * np.cos(angles)).reshape(shape)
