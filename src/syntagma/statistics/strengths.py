"""Correlation strengths at many distances without the bias that sampling adds, each with its standard error.

    C_t(a, b) = P(x_i = a, x_(i+t) = b) - P(x_i = a) P(x_(i+t) = b),     strength: its largest singular value

A text has three numbers for each distance: the *value*, whose bias is removed; the *crossed* strength, of each half of
the text in the directions of the other, which is 0 on average where there is no correlation, and tells whether there is
one; and their standard errors. How is derived in `_balanced.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from syntagma.checked_call import checked
from syntagma.errors import invalid, whole_number
from syntagma.languages._tokens import checked_stream
from syntagma.statistics._balanced import LagStrength, measured_strength
from syntagma.statistics.blocks import student_reach
from syntagma.statistics.pair_counts import checked_documents, checked_lag, checked_vocab

_CLEAR = 3.0
"""A correlation is resolved where its crossed strength is above so many standard errors,"""
_KEPT = 0.6
"""and above so much of its value: below, noise has turned half of the vectors, and the value is too large, by 15 to 50
percent at 0.5 where many singular values are nearly equal (Markov chains of 300 symbols); above, by 3 on average."""


@checked(not_finite=("values", "errors", "crossed", "crossed_errors", "by_block", "weights", "levels"))
@dataclass(frozen=True)
class Strengths:
    """Correlation strengths of a text by distance.

    Attributes:
        lags: `[k]`, tokens.
        values: `[k]`, without bias to second order; NaN where no two tokens of one document are that far apart.
        errors: `[k]`, standard errors.
        crossed: `[k]`, of either half in the directions of the other: 0 on average where there is none.
        crossed_errors: `[k]`, their standard errors.
        pairs: `[k]`, how many pairs of tokens.
        by_block: `[B, k]`, what each block says of `values`, which are their means with `weights`.
        weights: `[B, k]`, each block's share of the pairs.
        levels: `[B, k]`, means of the singular vectors over each block, about those of the text, which slow swings of
            the text show in; None for strengths that are not about a text's own means, so that slow swings take
            nothing from them.
    """

    lags: Integer[np.ndarray, " k"]
    values: Float[np.ndarray, " k"]
    errors: Float[np.ndarray, " k"]
    crossed: Float[np.ndarray, " k"]
    crossed_errors: Float[np.ndarray, " k"]
    pairs: Integer[np.ndarray, " k"]
    by_block: Float[np.ndarray, "B k"]
    weights: Float[np.ndarray, "B k"]
    levels: Float[np.ndarray, "B k"] | None = None

    @property
    def resolved(self) -> Bool[np.ndarray, " k"]:
        """Where the text shows a correlation: its crossed strength is above three standard errors and six tenths
        of its value.
        """
        return (self.crossed > _CLEAR * self.crossed_errors) & self.unturned

    @property
    def unturned(self) -> Bool[np.ndarray, " k"]:
        """Where noise has not turned the singular vectors so far that the value is too large."""
        return self.crossed > _KEPT * self.values

    @property
    def horizon(self) -> int:
        """How many distances, from the first on, are resolved without a gap."""
        resolved = self.resolved
        return len(resolved) if resolved.all() else int(np.argmin(resolved))

    def intervals(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """Lower and upper ends, 95 percent, Student's t with B - 1 degrees of freedom."""
        reach = student_reach(len(self.by_block) - 1) * self.errors
        return self.values - reach, self.values + reach

    @checked
    def resampled(self, drawn: Integer[np.ndarray, "R B"]) -> Float[np.ndarray, "R k"]:
        """Strengths of texts made of other blocks: row r of `drawn` says which blocks text r has.

        Raises:
            InputError: `drawn` names blocks that there are not.
        """
        blocks = len(self.by_block)
        drawn = np.asarray(drawn)
        if drawn.ndim != 2 or not np.issubdtype(drawn.dtype, np.integer) or not drawn.size:
            given = f"{drawn.dtype} array of shape {drawn.shape}"
            raise invalid("drawn", given, f"its rows name blocks, whole numbers from 0 to {blocks - 1}")
        if drawn.min() < 0 or drawn.max() >= blocks:
            raise invalid("drawn", int(drawn.max()), f"blocks are 0 to {blocks - 1}")
        weights = self.weights[drawn]
        with np.errstate(invalid="ignore"):
            return (weights * self.by_block[drawn]).sum(axis=1) / weights.sum(axis=1)


def correlation_strengths(
    tokens: Integer[np.ndarray, " N"],
    vocab: int,
    lags: Sequence[int],
    *,
    blocks: int = 40,
    documents: Integer[np.ndarray, " D"] | None = None,
    threads: int = 1,
    say: Callable[[int, float], None] = lambda lag, share: None,
) -> Strengths:
    """Strengths at each of `lags`: `correlation_strengths(tokens, 50, geometric_lags(1000, 3))`.

    Args:
        tokens: the text; a memory-mapped one is read in pieces.
        vocab: v, up to 65,536.
        lags: distances.
        blocks: equal stretches of the text that standard errors come from; 4 or more.
        documents: where documents begin; pairs that straddle a beginning do not count.
        threads: distances that are measured at the same time.
        say: told each distance before it is measured, and the share of the work that is done.

    Raises:
        InputError: tokens that are no whole numbers or outside the vocabulary; distances that the text does not have;
            more blocks than half its pairs.
    """
    vocab, blocks = checked_vocab(vocab), whole_number("blocks", blocks, minimum=4)
    threads = whole_number("threads", threads)
    tokens = checked_stream(tokens, vocab, shortest=2)
    documents = checked_documents(documents, len(tokens))
    if isinstance(lags, str | bytes) or not isinstance(lags, Sequence | np.ndarray):
        raise invalid("lags", lags, "it must be a list of distances", "For example [1, 2, 4]")
    if not len(lags):
        raise invalid("lags", list(lags), "there are none", "Give one or more")
    chosen = [checked_lag(lag, len(tokens), "lags") for lag in lags]
    if len(tokens) - max(chosen) < 2 * blocks:
        allowed = f"there are {len(tokens) - max(chosen)} pairs {max(chosen)} apart, and each block needs 2"
        raise invalid("blocks", blocks, allowed, "Choose fewer, shorter lags or a longer text")

    def measure(place: int) -> LagStrength:
        say(chosen[place], place / len(chosen))
        return measured_strength(tokens, vocab, chosen[place], blocks, documents)

    if threads == 1:
        found = [measure(place) for place in range(len(chosen))]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(measure, range(len(chosen))))
    return Strengths(
        lags=np.array(chosen),
        values=np.array([one.value for one in found]),
        errors=np.array([one.error for one in found]),
        crossed=np.array([one.crossed for one in found]),
        crossed_errors=np.array([one.crossed_error for one in found]),
        pairs=np.array([one.pairs for one in found]),
        by_block=np.stack([one.by_block for one in found], axis=1),
        weights=np.stack([one.weights for one in found], axis=1),
        levels=np.stack([one.levels for one in found], axis=1),
    )
