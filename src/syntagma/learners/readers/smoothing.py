"""From counts to probabilities: interpolated Witten-Bell and interpolated modified Kneser-Ney smoothing.

Both give answer x after context c of n symbols, c' being its n - 1 nearest,

    p_n(x | c) = (N(c x) - D(N(c x))) / Z(c) + (1 - what the first terms sum to) p_(n-1)(x | c'),     p_(-1)(x) = 1 / C

and p_n = p_(n-1) where c was never seen. Only orders that were counted take part: n - 1 is the next shorter of them.

Witten-Bell: D = 0, Z(c) = N(c) + T(c), N(c) the number of times c was seen, T(c) the number of different answers seen
after it. Source: Bell, Cleary & Witten, "Text Compression", 1990, method C.

Modified Kneser-Ney: Z(c) = N(c), and of n_k pairs (c, x) of the order that were seen k times

    D(1) = 1 - 2 Y n_2 / n_1,   D(2) = 2 - 3 Y n_3 / n_2,   D(3 and more) = 3 - 4 Y n_4 / n_3,   Y = n_1 / (n_1 + 2 n_2)

Below the longest order N(c x) is not how often, but in how many different longer contexts x follows c. Where the n_k
give no D(k) between 0 and k, as when hardly any pair is rare, D(k) = k / 2 (as KenLM's fall-back).
Source: Chen & Goodman, "An empirical study of smoothing techniques for language modeling", Computer Speech & Language
13, 1999, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Integer

from syntagma.learners.readers.counts import Counts, Table
from syntagma.learners.readers.nearby import Nearby

Smoothing = Literal["witten-bell", "kneser-ney"]


@dataclass(frozen=True)
class _Weights:
    """How one order's counts are mixed with the shorter order.

    Attributes:
        counts: `[pairs]`, N(c x).
        discount: `[4]`, D of counts 0 (which is 0), 1, 2, and 3 or more.
        total: `[contexts]`, Z(c).
        rest: `[contexts]`, weight of the shorter order.
        once: the same weight after a context that was seen once.
    """

    counts: Integer[np.ndarray, " pairs"]
    discount: Float[np.ndarray, " 4"]
    total: Float[np.ndarray, " contexts"]
    rest: Float[np.ndarray, " contexts"]
    once: float

    def mix(
        self,
        shorter: Float[np.ndarray, "B C"],
        table: Table,
        targets: Integer[np.ndarray, " items"],
        number: Int[np.ndarray, " B"],
        only: Int[np.ndarray, " B"],
    ) -> Float[np.ndarray, "B C"]:
        """This order's probabilities from those of the `shorter` one; contexts as `Counts.walk` gives them."""
        mixed = shorter.copy()
        several = np.flatnonzero(number >= 0)
        context = number[several]
        mixed[several] *= self.rest[context][:, None]
        lengths = table.start[context + 1] - table.start[context]
        row = np.repeat(np.arange(len(context)), lengths)
        pair = np.arange(len(row)) + np.repeat(table.start[context] - (np.cumsum(lengths) - lengths), lengths)
        counts = self.counts[pair]
        mass = (counts - self.discount[np.minimum(counts, 3)]) / self.total[context[row]]
        mixed[several[row], table.answer[pair]] += mass
        single = np.flatnonzero(only >= 0)
        mixed[single] *= self.once
        mixed[single, targets[only[single]]] += 1 - self.once
        return mixed


class Smoothed:
    """Counts with the weights that mix their orders: `list(Smoothed(counts, "kneser-ney").distributions(asked))`."""

    def __init__(self, counts: Counts, smoothing: Smoothing) -> None:
        self.counts = counts
        self._longest = [_weights(smoothing, table, table.count) for table in counts.tables]
        self._shorter = self._longest
        if smoothing == "kneser-ney":
            self._shorter = [_weights(smoothing, table, table.extensions) for table in counts.tables]

    def distributions(self, asked: Nearby, longest: int | None = None) -> Iterator[Float[np.ndarray, "asked C"]]:
        """Probabilities of all answers with each counted order as the longest; or only with the order `longest`."""
        counts = self.counts
        shorter = np.full((len(asked), counts.answers), 1 / counts.answers)
        for place, (number, only) in enumerate(counts.walk(asked)):
            where = counts.tables[place], counts.targets, number, only
            if longest is None or longest == counts.orders[place]:
                yield self._longest[place].mix(shorter, *where)
            if longest == counts.orders[place]:
                return
            shorter = self._shorter[place].mix(shorter, *where)


def _weights(smoothing: Smoothing, table: Table, counts: Integer[np.ndarray, " pairs"]) -> _Weights:
    kinds, first = np.diff(table.start), table.start[:-1]
    seen = np.add.reduceat(counts, first, dtype=np.float64) if len(first) else np.zeros(0)
    if smoothing == "witten-bell":
        return _Weights(counts, np.zeros(4), seen + kinds, kinds / (seen + kinds), 0.5)
    often = np.bincount(np.minimum(counts, 5), minlength=6)[1:5]
    often[0] += table.once
    discount = discounts(often)
    taken = np.add.reduceat(discount[np.minimum(counts, 3)], first) if len(first) else np.zeros(0)
    return _Weights(counts, discount, seen, taken / seen, float(discount[1]))


def discounts(often: Int[np.ndarray, " 4"]) -> Float[np.ndarray, " 4"]:
    """D of counts 0, 1, 2, and 3 or more, from n_1 to n_4, the numbers of pairs seen so often."""
    found = np.zeros(4)
    for k in (1, 2, 3):
        seen, more = float(often[k - 1]), float(often[k])
        estimate = k - (k + 1) * often[0] / (often[0] + 2 * often[1]) * more / seen if seen and often[0] else 0.0
        found[k] = estimate if 0 < estimate < k else k / 2
    return found
