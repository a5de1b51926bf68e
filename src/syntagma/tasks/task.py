"""What every task is: inputs with something hidden, the targets to predict, and what the ideal observer would lose.

A hidden token is replaced by the mask symbol, whose index is `vocab`; learners on one-hot inputs see it as the vector
with all entries v^(-1/2) (convention of arXiv 2505.07070).
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float, Integer, Num
from pydantic import BaseModel, ConfigDict

from syntagma.languages.language import Sample, Source


@dataclass(frozen=True)
class Examples:
    """Inputs, tokens or the mask symbol, and targets: `[n]`, one answer a sentence, or `[n, T]`, one at each position.

    Integer targets are answers to choose from; float64 targets, always `[n]`, are numbers to come close to.
    """

    inputs: Integer[np.ndarray, "n T"]
    targets: Num[np.ndarray, "n *positions"]

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Shape:
    """What a learner must know to be built: its input's and its output's sizes.

    Attributes:
        vocab: number of tokens; the mask symbol is one more.
        length: number of input positions T.
        outputs: number of answers to choose from; 1 for real targets.
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

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    hidden: ClassVar[bool] = False
    """Whether the targets need the language's hidden variables."""

    @abc.abstractmethod
    def shape(self, language: Source) -> Shape:
        """Sizes of this task on `language`.

        Raises:
            InputError: the language does not have what is asked for.
        """

    @abc.abstractmethod
    def examples(self, sample: Sample, language: Source, seed: int) -> Examples:
        """Inputs and targets from `sample`; `seed` fixes what the task itself draws."""

    @abc.abstractmethod
    def has_oracle(self, language: Source) -> bool:
        """Whether the best possible answers are known exactly, so that `oracle` and `oracle_losses` can be asked."""

    @abc.abstractmethod
    def oracle(self, language: Source, examples: Examples) -> Float[np.ndarray, "n *answers"]:
        """The best possible answers: the exact posterior of the targets given the inputs, or its mean `[n]` where the
        targets are real.

        Raises:
            InputError: there is no oracle; see `has_oracle`.
        """

    def oracle_losses(self, language: Source, examples: Examples) -> Float[np.ndarray, " n"]:
        """Loss of `oracle` on each example, in nats or squared: what no learner can beat on average.

        Raises:
            InputError: there is no oracle; see `has_oracle`.
        """
        best = self.oracle(language, examples)
        if self.shape(language).loss == "squared":
            return (best - examples.targets) ** 2
        chosen = np.take_along_axis(best, examples.targets[..., None].astype(np.int64), axis=-1)
        return -np.log(chosen).reshape(len(examples), -1).mean(axis=1)
