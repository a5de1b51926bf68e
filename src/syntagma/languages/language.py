"""What every source of sentences is, and what a language adds to it: the exact probability of a sentence."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float, Integer

from syntagma.checked_call import checked, flags_checked
from syntagma.languages.splits import Split, checked_sizes_of_splits, stream_of


@dataclass(frozen=True)
class Sample:
    """Sentences and, where asked for, the hidden variables that produced them.

    Example: `Sample(tokens=np.array([[0, 1, 1, 0]]))`.

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


class Source(abc.ABC):
    """Something sentences of T tokens can be drawn from, each token in [0, vocab): a language, or a text."""

    vocab: int
    sentence_length: int
    if TYPE_CHECKING:  # what follows is no annotation at run time: pydantic would make it a setting of every language
        branching: int | None
        """Tuple size of the tree, for languages that have one; else None."""
        num_classes: int | None
        """Number of classes of sentences (at the root of a tree, or of labels), where there are any; else None."""
        label_kind: Literal["class", "token", "number"] | None
        """What `Sample.labels` holds, for languages that label their sentences; else None."""
    else:
        branching = num_classes = label_kind = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """What `sample` is given is looked at first, in every language, one's own too: no number or text is a flag."""
        super().__init_subclass__(**kwargs)
        if "sample" in vars(cls):
            cls.sample = checked(cls.sample)

    @abc.abstractmethod
    def sample(self, seed: int, num_sentences: int, *, hidden: bool = False) -> Sample:
        """Independent sentences; the first k are the same for every `num_sentences >= k`."""


class Language(Source):
    """A probability distribution over sentences whose structure is known. Information is in nats."""

    @abc.abstractmethod
    def log_prob(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, " n"]:
        """Exact log P(sentence) in nats; `-inf` where the language cannot produce it."""

    @flags_checked
    def splits(
        self, *, train: int = 0, validation: int = 0, test: int = 0, seed: int = 0, hidden: bool = False
    ) -> dict[Split, Sample]:
        """Train, validation and test sentences of this one language, each from a stream of its own.

            parts = RandomHierarchy(8, 2, 2, 3, seed=5).splits(train=1000, validation=100, test=200)
            parts["train"].tokens  # [1000, 8]

        They are those that a run with `seed` has. Splits of 0 sentences are left out. In a language of few sentences
        some are in several splits.

        Args:
            seed: of the sentences; the grammar is the language's own.
            hidden: with the hidden variables and labels, as in `sample`.

        Raises:
            InputError: no whole numbers, or no sentence at all.
        """
        sizes = checked_sizes_of_splits(train, validation, test)
        return {name: self.sample(stream_of(name, seed), size, hidden=hidden) for name, size in sizes.items()}


class PairLanguage(Language):
    """A language that knows the joint probabilities of its tokens two by two, whatever the vocabulary's size."""

    @abc.abstractmethod
    def pair_probabilities(self) -> Float[np.ndarray, "T v T v"]:
        """P(x_i = a, x_j = b) at `[i, a, j, b]`; for i = j the probability of the token on the diagonal."""
