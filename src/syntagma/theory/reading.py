"""The loss of a reader that reads a level where it is resolved: a predicted curve, not only its steps.

What tells level l are items: the tuples (or tokens) of one place, item i of probability p_i, known by its covariance
vector C_i with the symbol at another place (`theory.exact.level_pairs`). Estimated from P sentences, the vector has
noise of mean square p_i (1 - p_i) (1 - sum q^2) / P, q the probabilities of that symbol. The item is resolved when its
noise vector is shorter than C_i: with

    P_i = p_i (1 - p_i) (1 - sum q^2) / |C_i|^2,    r_i(P) = Pr(chi^2_d <= d P / P_i),

since the noise is nearly Gaussian with the covariance of the symbol's one-hot vector, diag(q) - q q^T, and its squared
length nearly a multiple of chi^2 with d = (trace)^2 / trace of the square degrees of freedom (Satterthwaite). A
sentence shows item i with probability p_i, so that level l is read in a share R_l = sum_i p_i r_i of them, averaged
over places. Levels being read one after the other,

    L(P) = L_0 - sum_l (L_(l-1) - L_l) R_1(P) ... R_l(P).

So L(0) = L_0, L(infinity) = L_L, and L falls as P grows, if plateaus do. P_l of `theory.exact` is the mean of the P_i
weighted by |C_i|^2; the half-way crossings of L are 0.9 to 1.2 times it at levels 1 and 2, 1.0 to 1.7 at level 3 and
1.0 to 2.8 at level 4 (v = 8 to 32, m = 2 to 8, L = 4), and up to 5 for "conditional", whose levels come together.

Approximations, all of them: items are resolved independently of one another and of what else the sentence holds; where
several places tell one level, each is worth an equal share of it; a sentence read up to level l costs L_l on average,
whichever items they are; what is resolved is known without error, so that nothing is lost to estimating probabilities
(a table of counts with K free numbers loses about K / (2 P) nats more); the threshold "noise shorter than signal" is a
convention, and a learner's prefactor is open (`Prediction.stretched`).
Regime: one grammar, exact thresholds P_i and plateaus; Gaussian noise, that is, P p_i q_j of some units or more.
Derived here; the step from signal = noise, at equal P_i, is that of arXiv 2406.00048 and 2505.07070.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float, Num
from numpy.typing import ArrayLike
from scipy.special import gammainc

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.statistics.correlations import Pair
from syntagma.theory.exact import ROUNDING, Evidence, level_pairs
from syntagma.theory.prediction import PredictedCurve


@dataclass(frozen=True, eq=False)
class Items:
    """What has to be resolved for one level.

    Attributes:
        share: `[n]`, probability that a sentence shows the item, over the number of places; they sum to 1.
        needed: `[n]`, P_i; 0 where there is nothing to tell, infinite where nothing tells.
        freedom: `[n]`, d.
    """

    share: Float[np.ndarray, " n"]
    needed: Float[np.ndarray, " n"]
    freedom: Float[np.ndarray, " n"]

    def read(self, num_examples: Num[np.ndarray, " P"]) -> Float[np.ndarray, " P"]:
        """R(P), the share of sentences in which the level can be read, those below it being known."""
        over = np.asarray(num_examples, float)[:, None] / np.where(self.needed > 0, self.needed, 1.0)
        resolved = np.where(self.needed > 0, gammainc(self.freedom / 2, self.freedom / 2 * over), 1.0)
        return np.clip(resolved @ self.share, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class ReadingCurve(PredictedCurve):
    """L(P) of one grammar: `reading_curve(language, "tuples", plateaus)(np.array([100.0, 1000.0]))`, in nats.

    Attributes:
        levels: the items of level l = 1..L.
        plateaus: `[L + 1]`, nats.
    """

    levels: tuple[Items, ...]
    plateaus: Float[np.ndarray, " {len(levels)}+1"]

    def read(self, num_examples: Num[np.ndarray, " P"]) -> Float[np.ndarray, "P L"]:
        """The share of sentences read up to level l = 1..L: R_1 ... R_l."""
        return np.cumprod([items.read(num_examples) for items in self.levels], axis=0).T

    def __call__(self, num_examples: Num[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        sizes = np.asarray(num_examples, np.float64)
        drops = self.plateaus[:-1] - self.plateaus[1:]
        return (self.plateaus[0] - self.read(sizes.reshape(-1)) @ drops).reshape(sizes.shape)


@checked
def reading_curve(language: RandomHierarchy, kind: Evidence, plateaus: Annotated[ArrayLike, "levels"]) -> ReadingCurve:
    """The curve of one grammar: `reading_curve(language, "tokens", [float(e) for e in oracle.plateaus()])`.

    Raises:
        InputError: unknown kind.
    """
    levels = tuple(_items(found) for found in level_pairs(language, kind))
    if np.shape(plateaus) != (len(levels) + 1,):
        raise invalid("plateaus.shape", np.shape(plateaus), f"there are {len(levels)} levels", "Give L + 1 numbers")
    return ReadingCurve(levels, np.asarray(plateaus, np.float64))


def _items(found: Sequence[Pair]) -> Items:
    """The items of all places of a level."""
    parts = [(pair.first / len(found), *_resolution(pair)) for pair in found]
    return Items(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _resolution(pair: Pair) -> tuple[Float[np.ndarray, " a"], Float[np.ndarray, " a"]]:
    """P_i and d of the items of one place."""
    p, q = pair.first, pair.second
    spread = 1.0 - np.sum(q**2)
    noise, signal = p * (1.0 - p) * spread, np.sum(pair.covariance**2, axis=1)
    tells = signal > ROUNDING * len(q)
    needed = np.where(tells, noise / np.where(tells, signal, 1.0), np.where(noise > ROUNDING, np.inf, 0.0))
    squared = np.sum(q**2) - 2.0 * np.sum(q**3) + np.sum(q**2) ** 2
    freedom = spread**2 / squared if squared > 0 else 1.0
    return needed, np.full(len(p), freedom)
