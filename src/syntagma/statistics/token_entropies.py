"""Exact entropies of the tokens of a random hierarchy: one token by itself, and all of a sentence together, in nats.

Regime: exact for the grammar, any rule probabilities; from the marginals of its nodes.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.oracles import TreeOracle


def one_token_entropy(language: RandomHierarchy) -> float:
    """Entropy of one token when nothing else is known, averaged over positions.

    `one_token_entropy(RandomHierarchy(8, 3, 2, 3))` is a little below ln 8: tokens are not quite equally frequent.
    """
    oracle = TreeOracle(language)
    laws = np.asarray([oracle.marginal(0, position) for position in range(language.sentence_length)])
    return float(np.mean(_entropies(laws)))


def mean_token_entropy(language: RandomHierarchy) -> float:
    """Entropy of a sentence over its length: what predicting all positions costs at best.

    Derived here: a sentence has one parse, so its entropy is that of its choices, ln n_c + sum over nodes of the rule's
    entropy, averaged over the symbols that stand there.

    `mean_token_entropy(RandomHierarchy(8, 3, 2, 3))` is (ln 8 + 7 ln 3) / 8: rules are equally frequent.
    """
    oracle = TreeOracle(language)
    total = math.log(language.num_classes)
    for level, weights in enumerate(language.weights, start=1):
        entropies = _entropies(np.asarray(weights))
        nodes = range(language.branching ** (language.depth - level))
        total += sum(float(oracle.marginal(level, node) @ entropies) for node in nodes)
    return total / language.sentence_length


def _entropies(laws: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    return -np.sum(laws * np.log(np.where(laws > 0, laws, 1.0)), axis=-1)
