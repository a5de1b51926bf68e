"""What Zipf rules at level 1 do to the thresholds of the last token: signal = noise for the very grammars of the study.

A level is learned once the squared covariance C^2 of the last token with what reveals the level has come out of the
sampling noise: with weight sharing with tokens at level 1 and s-tuples above, without it with tokens at all levels.
`examples_needed` of `statistics.correlations` is that number of examples, exact for one grammar; here it is the
geometric mean over the study's grammars, since thresholds are averaged in ln P.

Derived here. The rules of level 1 enter C^2 through W_1 = sum_k w_k^2, once for each path that passes them:

    tokens that meet at level 1          C^2 ~ W_1      both are in one tuple, drawn by one rule
    tokens that meet at level 2 or more  C^2 ~ W_1^2    both paths pass level 1
    s-tuples, level 2                    C^2 ~ W_1^2    the tuple is a rule of level 1, the token's path passes level 1
    s-tuples, level 3 or more            C^2 ~ W_1      only the token's path does

Zipf rules raise W_1 above 1/m, which divides P_2 / P_1 by about m W_1; P_3 / P_2 is multiplied by as much with weight
sharing and stays without. Further up ratios stay in both. The noise also changes with the frequencies of tokens
and tuples: the exact numbers, not these, are what measurements are compared with.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from syntagma.languages.settings import HierarchySettings
from syntagma.statistics.correlations import correlations
from syntagma.studies.variations.settings import Variations
from syntagma.theory import hierarchy as theory

SOURCE = f"{theory.SOURCE}, signal = noise; exact correlations derived here"


def needed(language: HierarchySettings, weight_sharing: bool) -> Float[np.ndarray, " L"]:
    """Examples that show the correlations by which levels 1..L of one grammar are learned."""
    known = {(one.kind, one.level): one.examples_needed for one in correlations(language.language())}
    above = "tuple" if weight_sharing else "token"
    return np.array([known[above if level > 1 else "token", level] for level in range(1, language.depth + 1)])


def thresholds(settings: Variations, exponent: float) -> Float[np.ndarray, " levels"]:
    """P_1, P_2, ... of the base's last token, to `zipf.token_levels`, with rules of level 1 of this Zipf exponent.

    0 stands for equal rules. NaN where no law covers the learner.
    """
    shared, levels = settings.zipf.tokens.learner.weight_sharing, settings.zipf.token_levels
    if shared is None:
        return np.full(levels, math.nan)
    of_seeds = [needed(settings.base.language(seed, exponent), shared)[:levels] for seed in range(settings.seeds)]
    return np.exp(np.mean(np.log(of_seeds), axis=0))


def over_equal(settings: Variations, exponent: float) -> Float[np.ndarray, " levels"]:
    """P_1, P_2, ... with Zipf rules over those with equal rules."""
    return thresholds(settings, exponent) / thresholds(settings, 0.0)
