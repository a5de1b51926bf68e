"""What is asked of a sentence: inputs with something hidden, and the targets to predict.

A hidden token is replaced by the mask symbol, whose index is `vocab`; learners on one-hot inputs see it as the vector
with all entries v^(-1/2) (convention of arXiv 2505.07070).
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Integer
from pydantic import BaseModel, ConfigDict, Field

from syntagma.errors import InputError, invalid
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Language, Sample
from syntagma.oracles import TreeOracle
from syntagma.randomness import stream


@dataclass(frozen=True)
class Examples:
    """Inputs `[n, T]`, tokens or the mask symbol, and targets `[n]` (one answer) or `[n, T]` (one at each position)."""

    inputs: Integer[np.ndarray, "n T"]
    targets: Integer[np.ndarray, "n *positions"]

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Shape:
    """What a learner must know to be built: its input's and its output's sizes.

    Attributes:
        vocab: number of tokens; the mask symbol is one more.
        length: number of input positions T.
        outputs: number of answers to choose from.
        reads: "once", one answer a sentence, or "every", one at each position from the tokens up to it.
        branching: tuple size s of the language's tree, 1 where it has none.
        loss: "cross-entropy" in nats of integer targets, or "squared", the mean squared error of real targets.
    """

    vocab: int
    length: int
    outputs: int
    reads: Literal["once", "every"] = "once"
    branching: int = 1
    loss: Literal["cross-entropy", "squared"] = "cross-entropy"


class Task(BaseModel, abc.ABC):
    """What is asked of a sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    hidden: ClassVar[bool] = False
    """Whether the targets need the language's hidden variables."""

    @abc.abstractmethod
    def shape(self, language: Language) -> Shape:
        """Sizes of this task on `language`."""

    @abc.abstractmethod
    def examples(self, sample: Sample, language: Language, seed: int) -> Examples:
        """Inputs and targets from `sample`; `seed` fixes what the task itself draws."""

    def oracle_losses(self, language: RandomHierarchy, examples: Examples) -> Float[np.ndarray, " n"]:
        """Loss in nats of the exact posterior on each example: what no learner can beat on average."""
        probabilities = self.oracle(language, examples)
        chosen = np.take_along_axis(probabilities, examples.targets[..., None].astype(np.int64), axis=-1)
        return -np.log(chosen).reshape(len(examples), -1).mean(axis=1)

    @abc.abstractmethod
    def oracle(self, language: RandomHierarchy, examples: Examples) -> Float[np.ndarray, "n *positions outputs"]:
        """The exact posterior of the targets given the inputs."""


class LastToken(Task):
    """Predict the last token from all before it."""

    kind: Literal["last-token"] = "last-token"

    def shape(self, language: Language) -> Shape:
        return Shape(language.vocab, language.sentence_length, language.vocab, branching=_branching(language))

    def examples(self, sample: Sample, language: Language, seed: int) -> Examples:
        inputs = sample.tokens.astype(_mask_type(language.vocab))
        inputs[:, -1] = language.vocab
        return Examples(inputs, sample.tokens[:, -1])

    def oracle(self, language: RandomHierarchy, examples: Examples) -> Float[np.ndarray, "n v"]:
        return _token_posterior(language, examples, language.sentence_length - 1)


class NextToken(Task):
    """Predict every token from those before it. The first input is the mask symbol, so T predictions use T inputs."""

    kind: Literal["next-token"] = "next-token"

    def shape(self, language: Language) -> Shape:
        return Shape(language.vocab, language.sentence_length, language.vocab, "every", _branching(language))

    def examples(self, sample: Sample, language: Language, seed: int) -> Examples:
        inputs = np.full(sample.tokens.shape, language.vocab, _mask_type(language.vocab))
        inputs[:, 1:] = sample.tokens[:, :-1]
        return Examples(inputs, sample.tokens)

    def oracle(self, language: RandomHierarchy, examples: Examples) -> Float[np.ndarray, "n T v"]:
        return TreeOracle(language).next_token(examples.targets)


class MaskedToken(Task):
    """Predict one hidden token from all others: at `position`, or at one drawn for each sentence."""

    kind: Literal["masked-token"] = "masked-token"
    position: int | None = None

    def shape(self, language: Language) -> Shape:
        length = language.sentence_length
        if self.position is not None and not -length <= self.position < length:
            raise invalid("position", self.position, f"sentences have {length} tokens", f"Choose 0 to {length - 1}")
        return Shape(language.vocab, length, language.vocab, branching=_branching(language))

    def examples(self, sample: Sample, language: Language, seed: int) -> Examples:
        num_sentences, length = sample.tokens.shape
        if self.position is None:
            where = stream(seed, "masked-position").integers(length, size=num_sentences)
        else:
            where = np.full(num_sentences, self.position % length)
        rows = np.arange(num_sentences)
        inputs = sample.tokens.astype(_mask_type(language.vocab))
        inputs[rows, where] = language.vocab
        return Examples(inputs, sample.tokens[rows, where])

    def oracle(self, language: RandomHierarchy, examples: Examples) -> Float[np.ndarray, "n v"]:
        where = np.argmax(examples.inputs == language.vocab, axis=1)
        out = np.empty((len(examples), language.vocab))
        for position in np.unique(where):
            here = where == position
            out[here] = _token_posterior(language, Examples(examples.inputs[here], examples.targets[here]), position)
        return out


class RootClass(Task):
    """Predict the class at the root of the tree from all tokens."""

    kind: Literal["root-class"] = "root-class"
    hidden: ClassVar[bool] = True

    def shape(self, language: Language) -> Shape:
        if language.num_classes is None:
            raise InputError(f"task='root-class' cannot be used: {type(language).__name__} has no root classes.")
        return Shape(language.vocab, language.sentence_length, language.num_classes, branching=_branching(language))

    def examples(self, sample: Sample, language: Language, seed: int) -> Examples:
        if sample.levels is None:
            raise InputError("task='root-class' needs the hidden levels: sample with hidden=True.")
        return Examples(sample.tokens, sample.levels[-1][:, 0])

    def oracle(self, language: RandomHierarchy, examples: Examples) -> Float[np.ndarray, "n classes"]:
        everything = np.ones(language.sentence_length, bool)
        return TreeOracle(language).posterior(examples.inputs, everything, level=language.depth, position=0)


AnyTask = Annotated[LastToken | NextToken | MaskedToken | RootClass, Field(discriminator="kind")]
"""Any task, told apart by its `kind` in TOML and JSON."""


def _token_posterior(language: RandomHierarchy, examples: Examples, position: int) -> Float[np.ndarray, "n v"]:
    observed = np.arange(language.sentence_length) != position
    tokens = np.where(observed, examples.inputs, 0)
    return TreeOracle(language).posterior(tokens, observed, level=0, position=int(position))


def _mask_type(vocab: int) -> np.dtype:
    return np.min_scalar_type(vocab)


def _branching(language: Language) -> int:
    return language.branching or 1
