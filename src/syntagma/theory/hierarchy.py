"""Learning the random hierarchy model level by level: thresholds, plateaus, exponents, predicted before any training.

v symbols a level, m rules a symbol, branching s, depth L, f = m / v^(s-1). A learner knows level l once the
correlation that reveals it stands out of the sampling noise of P sentences. With the leading-order correlations of
the ensemble,

    without weight sharing (token-token):                 P_l = v m^(2l-1) / (1 - f)
    with weight sharing (last token with an s-tuple of
    level-(l-2) symbols):                                 P_l = v m^(l+1) / (1 - f) for l >= 2,  P_1 = v m / (1 - f)

Until P_l the test loss stays at the plateau L_(l-1), then falls to L_l. At depth, L_l - L_inf falls by about f a
level, so the loss falls as P^(-alpha) with alpha = ln(1/f) / (2 ln m) without weight sharing and ln(1/f) / ln m with
it.

These are signal-to-noise thresholds: with which prefactor a network reaches them is what is measured. f = 1 (every
tuple is somebody's rule) leaves no correlation, and the thresholds are infinite.

The class at the root, asked of the whole sentence, is learned by a deep network with weight sharing from

    P* = n_c m^L

sentences, n_c the number of classes: when the correlations of the class with the lowest tuples stand out, and with them
which tuples are synonyms (arXiv 2307.02129).

Source: arXiv 2505.07070 (thresholds of both architectures, exponents); arXiv 2406.00048 (token-token, plateaus).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from syntagma.errors import invalid

SOURCE = "arXiv 2505.07070"
CLASS_SOURCE = "arXiv 2307.02129"


@dataclass(frozen=True)
class Prediction:
    """What theory says of one learner on one language: thresholds P_1..P_L, plateaus L_0..L_L (nats), exponent.

    Attributes:
        law: "weight sharing" or "no weight sharing".
        thresholds: `[L]`, number of examples at which level l = 1..L becomes known.
        plateaus: `[L + 1]`, test loss once levels 0..l are known.
        exponent: alpha of loss ~ P^(-alpha) over many levels; None where m = 1 or f = 1 leaves none.
        source: paper of the formulas.
    """

    law: str
    thresholds: Float[np.ndarray, " L"]
    plateaus: Float[np.ndarray, " L+1"]
    exponent: float | None
    source: str = SOURCE

    def __call__(self, num_examples: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The predicted staircase: the plateau of the highest level whose threshold is not above `num_examples`."""
        known = np.searchsorted(np.maximum.accumulate(self.thresholds), np.asarray(num_examples), side="right")
        return self.plateaus[known]


def law_name(weight_sharing: bool) -> str:
    """What tables and figures call the law."""
    return "weight sharing" if weight_sharing else "no weight sharing"


def sparsity(vocab: int, rules: int, branching: int) -> float:
    """f = m / v^(s-1), the fraction of tuples that are some symbol's rule."""
    return rules / vocab ** (branching - 1)


def threshold_exponent(level: int, weight_sharing: bool) -> int:
    """k of P_l ~ m^k: l + 1 with weight sharing (1 at level 1), 2 l - 1 without."""
    if not weight_sharing:
        return 2 * level - 1
    return level + 1 if level >= 2 else 1


def thresholds(vocab: int, rules: int, branching: int, depth: int, weight_sharing: bool) -> Float[np.ndarray, " L"]:
    """P_1..P_L, in examples; infinite where f = 1.

    Raises:
        InputError: more rules than tuples.
    """
    f = sparsity(vocab, rules, branching)
    if f > 1:
        raise invalid("rules", rules, f"at most vocab^(branching-1) = {vocab ** (branching - 1)} fit", "Lower rules")
    if f == 1:
        return np.full(depth, np.inf)
    powers = [threshold_exponent(level, weight_sharing) for level in range(1, depth + 1)]
    return vocab * np.power(float(rules), powers) / (1 - f)


def class_sample_complexity(classes: int, rules: int, depth: int) -> int:
    """P* = n_c m^L of the class at the root."""
    return classes * rules**depth


def scaling_exponent(vocab: int, rules: int, branching: int, weight_sharing: bool) -> float | None:
    """alpha of loss ~ P^(-alpha) in the limit of many levels; None where m = 1 or f = 1."""
    f = sparsity(vocab, rules, branching)
    if rules == 1 or f == 1:
        return None
    return math.log(1 / f) / (math.log(rules) * (1 if weight_sharing else 2))


def predict(
    vocab: int, rules: int, branching: int, depth: int, weight_sharing: bool, plateaus: Float[np.ndarray, " L+1"]
) -> Prediction:
    """The staircase of one learner kind, between the exact `plateaus` of a grammar (`TreeOracle.plateaus`)."""
    return Prediction(
        law=law_name(weight_sharing),
        thresholds=thresholds(vocab, rules, branching, depth, weight_sharing),
        plateaus=np.asarray(plateaus),
        exponent=scaling_exponent(vocab, rules, branching, weight_sharing),
    )
