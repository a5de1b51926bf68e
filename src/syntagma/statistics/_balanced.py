"""A correlation strength without the bias that sampling adds, and its standard error, at one distance.

    C_t(a, b) = P(x_i = a, x_(i+t) = b) - P(x_i = a) P(x_(i+t) = b),     strength s: its largest singular value

Counts of n pairs give C + N with noise N of variance O(1/n). Their largest singular value is too large: to second
order, with a_k = u_k^T N v_1, b_k = u_1^T N v_k in the singular vectors of C,

    s(C + N) - s - u_1^T N v_1  =  + sum_(k > 1) [s_1 (a_k^2 + b_k^2) + 2 s_k a_k b_k] / (2 (s_1^2 - s_k^2)),

and its singular vectors, used on an independent part of the text, give less than s by the very same sum (the first
maximises what is noisy, the second uses directions that noise has turned; derived here). So their mean has no bias to
second order. The text is cut into blocks; the even ones give singular vectors (u, v), the odd ones likewise:

    balanced: u^T C v read from the whole text, one half of which is the vectors' own; the mean over both pairs,
    crossed:  u^T C v read from the other half alone; its mean is exactly 0 where there is no correlation.

For a single correlation in noise of equal variance (the spiked model) the balance is exact, s + e^2 / s against
s - e^2 / s, for all s > e, the floor of half the text over 2; below, a text does not show the correlation. Where many
singular values are equal, as in a chain whose symbols can be exchanged, the maximum's excess is of first order, while
the crossed strength loses next to nothing by vectors that turn among equals. The two halves tell: noise alone makes
crossed / balanced equal to the overlap of their vectors, |u u'|^(1/2) |v v'|^(1/2). The value is the balanced strength
where that ratio is at most 0.3 above the overlap, the crossed one from 0.5 on, and goes from one to the other between.

Standard errors come from the spread over the blocks, and assume that what makes blocks differ reaches no further than a
block; where it does, `long_memory.py` says what follows for an exponent. Up to a vocabulary of 200 they are by the
jack-knife, each block left out and its half decomposed again. Above, singular vectors are held, which is right to first
order; where strengths are nearly equal and not far above the noise, such errors are up to 45 percent too small.

Cost: two decompositions and one sorting of the pairs for each distance; memory for the pairs that occur. 8 s a distance
on one core for 10^8 tokens at v = 8,192, 2 s for 10^7.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from syntagma.statistics._largest_singular import SMALL, largest_singular
from syntagma.statistics.pair_counts import PairCounts, merged, pair_counts, pair_frequencies

_MOST_KEPT = 1 << 25
"""Distinct pairs of all blocks that are kept for a second look; beyond, blocks are counted again."""
_MOST_PENDING = 1 << 24
"""Distinct pairs of the blocks of half a text that wait to be merged."""
_ROUNDING = 1e-15
"""Smaller covariances are 0."""
_EQUALS = 0.3, 0.5
"""How far crossed / balanced is above the vectors' overlap where equal singular values begin to matter, and do."""


_Vectors = tuple[Float[np.ndarray, " v"], Float[np.ndarray, " v"]]


@dataclass(frozen=True)
class LagStrength:
    """The numbers of one distance: see `Strengths`, which has them of all."""

    value: float
    error: float
    crossed: float
    crossed_error: float
    pairs: int
    by_block: Float[np.ndarray, " B"]
    weights: Float[np.ndarray, " B"]
    levels: Float[np.ndarray, " B"]


@dataclass(frozen=True)
class _Sums:
    """Sums over each block's pairs of u(x) v(y), u(x), v(y) and 1: `[B]` each."""

    products: Float[np.ndarray, " B"]
    first: Float[np.ndarray, " B"]
    second: Float[np.ndarray, " B"]
    number: Float[np.ndarray, " B"]

    def covariances(self, within: Bool[np.ndarray, " B"]) -> Float[np.ndarray, " B"]:
        """Mean of (u(x) - mean u)(v(y) - mean v) in each block, the means those of the blocks `within`."""
        total = self.number[within].sum()
        u, v = self.first[within].sum() / total, self.second[within].sum() / total
        sums = self.products - v * self.first - u * self.second + u * v * self.number
        means = sums / np.maximum(self.number, 1)
        return np.where(np.abs(means) < _ROUNDING, 0.0, means)

    def levels(self) -> Float[np.ndarray, " B"]:
        """Mean of u(x) + v(y) in each block, about that of all."""
        sums = self.first + self.second
        return sums / np.maximum(self.number, 1) - sums.sum() / self.number.sum()


def measured_strength(
    tokens: np.ndarray, vocab: int, lag: int, blocks: int, documents: np.ndarray | None
) -> LagStrength:
    """The strength at one distance; the arguments are checked already, by `correlation_strengths`."""
    edges = np.linspace(0, len(tokens) - lag, blocks + 1).astype(np.int64).tolist()
    spans = list(itertools.pairwise(edges))

    def counted(block: int) -> PairCounts:
        return pair_counts(tokens, vocab, lag, span=spans[block], documents=documents)

    pending: tuple[list[PairCounts], list[PairCounts]] = [], []
    kept: list[PairCounts | None] = []
    size = 0
    for block in range(blocks):
        one, parts = counted(block), pending[block % 2]
        size += len(one.codes)
        kept.append(one if size <= _MOST_KEPT or vocab <= SMALL else None)
        parts.append(one)
        if sum(len(part.codes) for part in parts) > _MOST_PENDING:
            parts[:] = [merged(parts, vocab)]
    halves = [merged(parts, vocab) for parts in pending]
    del pending
    if not all(half.total for half in halves):
        pairs = sum(half.total for half in halves)
        nothing = np.full(blocks, np.nan)
        return LagStrength(np.nan, np.nan, np.nan, np.nan, pairs, nothing, np.zeros(blocks), nothing)
    vectors = [largest_singular(half.matrix(), *pair_frequencies(half), half.total)[1:] for half in halves]
    table = [_block_sums(one if one is not None else counted(block), vectors) for block, one in enumerate(kept)]
    sums = [_Sums(*np.array([row[half] for row in table]).T) for half in (0, 1)]
    found = _combined(sums[0], sums[1], _overlap(*vectors))
    return _jackknifed(found, kept, vectors) if vocab <= SMALL else found


def _combined(of_even: _Sums, of_odd: _Sums, overlap: float) -> LagStrength:
    """From the sums for the vectors of the even and of the odd blocks, and their overlap."""
    number = of_even.number
    even, everywhere = np.arange(len(number)) % 2 == 0, np.ones(len(number), bool)
    balanced = (of_even.covariances(everywhere) + of_odd.covariances(everywhere)) / 2
    crossed = np.where(even, of_odd.covariances(even), of_even.covariances(~even))
    (value, _), (value_crossed, error_crossed) = _weighted(balanced, number), _weighted(crossed, number)
    share = _share_balanced(value, value_crossed, overlap)
    by_block = share * balanced + (1 - share) * crossed
    value, error = _weighted(by_block, number)
    pairs = int(number.sum())
    weights, levels = number / pairs, of_even.levels()
    return LagStrength(value, error, value_crossed, error_crossed, pairs, by_block, weights, levels)


def _jackknifed(found: LagStrength, blocks: Sequence[PairCounts | None], vectors: Sequence[_Vectors]) -> LagStrength:
    """As `found`, with an error from measuring again without each block, which turns the singular vectors too."""
    if not found.value:
        return found
    counts = np.stack([block.matrix().toarray() for block in blocks if block is not None])
    halves = [counts[half::2].sum(axis=0) for half in (0, 1)]
    without = np.full(len(counts), found.value)
    for block, removed in enumerate(counts):
        if not removed.any():
            continue
        rest, turned = list(halves), list(vectors)
        rest[block % 2] = rest[block % 2] - removed
        if not rest[block % 2].any():
            return found
        total = rest[block % 2].sum()
        frequencies = rest[block % 2].sum(axis=1) / total, rest[block % 2].sum(axis=0) / total
        turned[block % 2] = largest_singular(rest[block % 2], *frequencies, total)[1:]
        without[block] = _plain_value(rest, turned)
    centred = without - (found.weights * without).sum()
    by_block = found.value - (1 / np.maximum(found.weights, 1e-300) - 1) * np.where(found.weights > 0, centred, 0)
    by_block += found.value - (found.weights * by_block).sum()
    _, error = _weighted(by_block, found.weights * found.pairs)
    return dataclasses.replace(found, error=error, by_block=by_block)


def _plain_value(halves: Sequence[np.ndarray], vectors: Sequence[_Vectors]) -> float:
    """The value from the counts of both halves and their singular vectors."""
    whole, *parts = (_covariance(counts) for counts in (halves[0] + halves[1], *halves))
    balanced = sum(float(u @ whole @ v) for u, v in vectors) / 2
    crossed = sum(float(u @ part @ v) for (u, v), part in zip(vectors, parts[::-1], strict=True)) / 2
    share = _share_balanced(balanced, crossed, _overlap(*vectors))
    return share * balanced + (1 - share) * crossed


def _covariance(counts: Float[np.ndarray, "v v"]) -> Float[np.ndarray, "v v"]:
    joint = counts / counts.sum()
    return joint - np.outer(joint.sum(axis=1), joint.sum(axis=0))


def _overlap(one: _Vectors, other: _Vectors) -> float:
    return float(np.sqrt(np.abs((one[0] @ other[0]) * (one[1] @ other[1]))))


def _share_balanced(balanced: float, crossed: float, overlap: float) -> float:
    """How much of the value is the balanced strength."""
    above = crossed / balanced - overlap if balanced > 0 else 0.0
    return float(np.clip((_EQUALS[1] - above) / (_EQUALS[1] - _EQUALS[0]), 0.0, 1.0))


def _block_sums(counts: PairCounts, vectors: Sequence[_Vectors]) -> list[tuple[float, ...]]:
    matrix = counts.matrix()
    rows, columns = np.asarray(matrix.sum(axis=1)).ravel(), np.asarray(matrix.sum(axis=0)).ravel()
    return [(float(u @ (matrix @ v)), float(u @ rows), float(columns @ v), float(rows.sum())) for u, v in vectors]


def _weighted(values: Float[np.ndarray, " B"], number: Float[np.ndarray, " B"]) -> tuple[float, float]:
    """Mean and its standard error over blocks of different numbers of pairs."""
    total, counted = number.sum(), int((number > 0).sum())
    mean = float((number * values).sum() / total)
    if counted < 2:
        return mean, float("nan")
    spread = (number**2 * (values - mean) ** 2).sum() * counted / (counted - 1)
    return mean, float(np.sqrt(spread) / total)
