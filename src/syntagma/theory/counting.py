"""How many sentences a table of counts takes: where half of what is asked was seen before, to the last token.

Level l is told by the s^l - 1 tokens before the last. A table knows an answer to such a context once a sentence that it
was made from had both, which P sentences do with probability 1 - (1 - p)^P, p that of these s^l tokens. So P_l is where
the share of blocks of s^l last tokens that were seen,

    S_l(P) = sum over blocks of p [1 - (1 - p)^P],

comes to one half. A block fixes the symbols b next to the path from the last token to the level-l symbol above it (and
the last token), by unambiguous parsing, and one of M = prod_k m^((s - 1) (s^k - 1) / (s - 1)), k = 0..l-1, expansions
of them, which are equally probable where rules are. So p = p(b) / M, and the sum is over the values of b, at most
v m^l, not over the blocks, of which there are up to v m^((s^l - 1) / (s - 1)): v m, v m^3, v m^7, ... at s = 2.

Regime: exact for the grammar, equal rules, any size; NaN where rules are not equally probable. As of signal = noise, a
prefactor stays open, because seen once is not yet well known: the counter's half-way crossings are 3 to 6 times it at
v = 8 and 1.9 to 3.6 times it at v = 16 (m = 2 to 4, L = 4, levels 1, 2 and 3 alike). Derived here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import NonNegativeFloat, PositiveFloat

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.languages.hierarchy import RandomHierarchy

SOURCE = "half of the blocks seen, derived here (theory.counting)"
_LARGE = 600.0


@checked
def thresholds(language: RandomHierarchy) -> Float[np.ndarray, " L"]:
    """P_1..P_L of counting: `thresholds(RandomHierarchy(8, 3, 2, 4))`.

    NaN where rules are not equally probable, infinite beyond 1.8e308.
    """
    if any(np.ptp(weights) > 0 for weights in language.weights):
        return np.full(language.depth, np.nan)
    return np.array([_half_seen(*_blocks(language, level), language.rules) for level in range(1, language.depth + 1)])


@checked
def seen(num_examples: NonNegativeFloat, probabilities: Float[np.ndarray, " n"], each: PositiveFloat) -> float:
    """S(P) where each of n kinds of block stands for `each` equally probable ones: `seen(10, np.ones(1), 4)`.

    Raises:
        InputError: numbers that are no probabilities; `each` below 1.
    """
    if each < 1:
        raise invalid("each", each, "a kind of block stands for at least one", "Give 1 or more")
    if (probabilities < 0).any() or probabilities.sum() > 1 + 1e-9:
        raise invalid("probabilities", probabilities, "they are from 0 on and sum to 1 at most", "Divide by their sum")
    return _seen(num_examples, probabilities, each)


def _seen(num_examples: float, probabilities: Float[np.ndarray, " n"], each: float) -> float:
    with np.errstate(divide="ignore"):
        return float(probabilities @ -np.expm1(num_examples * np.log1p(-probabilities / each)))


def _half_seen(probabilities: Float[np.ndarray, " n"], power: int, rules: int) -> float:
    """P of S(P) = 1/2 with M = m^power."""
    from scipy.optimize import brentq

    log_each = power * math.log(rules)
    if log_each > _LARGE:  # then (1 - p / M)^P is exp(-p P / M), and P in proportion to M
        most = np.log(4.0 * len(probabilities))
        log_share: Any = brentq(
            lambda log: float(probabilities @ -np.expm1(-probabilities * np.exp(log))) - 0.5, -1, most
        )
        with np.errstate(over="ignore"):
            return float(np.exp(log_each + log_share))
    each = float(rules) ** power
    if _seen(1.0, probabilities, each) >= 0.5:
        return 1.0
    most = np.log(4.0 * len(probabilities) * each)  # S(P) >= 1 - n M / (e P) for n M blocks
    log_half: Any = brentq(lambda log_size: _seen(np.exp(log_size), probabilities, each) - 0.5, 0.0, most)
    return float(np.exp(log_half))


def _blocks(language: RandomHierarchy, level: int) -> tuple[Float[np.ndarray, " n"], int]:
    """p(b) of the last token and the symbols next to the path from it up to `level`, and the power of m that M is."""
    path, probability = _tops(language, level)
    beside = np.zeros((len(path), 0), np.int64)
    power = 0
    for below in range(level - 1, -1, -1):
        rules = language.productions[below][path]  # [n, m, s]
        number = rules.shape[1]
        beside = np.repeat(beside, number, axis=0)
        beside = np.concatenate([beside, rules[:, :, :-1].reshape(len(beside), -1)], axis=1)
        path, probability = rules[:, :, -1].reshape(-1), np.repeat(probability / number, number)
        span = (language.branching**below - 1) // (language.branching - 1)
        power += (language.branching - 1) * span
    _, kind = np.unique(np.column_stack([beside, path]), axis=0, return_inverse=True)
    return np.bincount(kind.reshape(-1), weights=probability), power


def _tops(language: RandomHierarchy, level: int) -> tuple[np.ndarray, Float[np.ndarray, " n"]]:
    """The level-`level` symbols above the last token that can be, and their probabilities."""
    probability = np.full(language.num_classes, 1.0 / language.num_classes)
    for below in range(language.depth - 1, level - 1, -1):
        last = language.productions[below][:, :, -1]
        share = np.repeat(probability / last.shape[1], last.shape[1])
        probability = np.bincount(last.reshape(-1), weights=share, minlength=language.vocab)
    present = np.flatnonzero(probability)
    return present, probability[present]
