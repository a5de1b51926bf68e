"""What every language is: a distribution over sentences whose structure is known."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer


@dataclass(frozen=True)
class Sample:
    """Sentences and, where asked for, the hidden variables that produced them.

    Attributes:
        tokens: `[n, T]`, the smallest unsigned integer type that holds the vocabulary.
        levels: for hierarchical languages, `levels[l]` has shape `[n, s**(L-l)]`: the level-l symbols. `levels[0]` is
            `tokens`, `levels[L]` the root class. None where not asked for.
        rules: `rules[l - 1]` has shape `[n, s**(L-l)]`: which of its rules each level-l symbol used, l = 1..L.
        labels: for languages that label their sentences, `[n]`: classes or tokens (integers) or numbers (float64).
    """

    tokens: Integer[np.ndarray, "n T"]
    levels: tuple[np.ndarray, ...] | None = None
    rules: tuple[np.ndarray, ...] | None = None
    labels: np.ndarray | None = None


class Language(abc.ABC):
    """A probability distribution over sentences of T tokens, each token in [0, vocab). Information is in nats."""

    vocab: int
    sentence_length: int
    branching: int | None = None
    """Tuple size of the tree, for languages that have one."""
    num_classes: int | None = None
    """Number of classes at the root, for languages that have them."""

    @abc.abstractmethod
    def sample(self, seed: int, num_sentences: int, *, hidden: bool = False) -> Sample:
        """Independent sentences; the first k are the same for every `num_sentences >= k`."""

    @abc.abstractmethod
    def log_prob(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, " n"]:
        """Exact log P(sentence) in nats; `-inf` where the language cannot produce it."""
