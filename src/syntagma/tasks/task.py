"""What every task is: what is hidden of a sentence, the targets to predict, and what the ideal observer would lose."""

from __future__ import annotations

import abc
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from syntagma.checked_model import CheckedModel
from syntagma.errors import InputError, whole_number
from syntagma.languages.language import Sample, Source
from syntagma.tasks.gate import check_source, checked_examples, checked_sample
from syntagma.tasks.shape import Examples, Shape


class Task(CheckedModel, abc.ABC):
    """What is asked of a sentence."""

    hidden: ClassVar[bool] = False
    """Whether the targets need the language's hidden variables."""

    @abc.abstractmethod
    def shape(self, language: Source) -> Shape:
        """Sizes of this task on `language`.

        Raises:
            InputError: the language does not have what is asked for.
        """

    def examples(self, sample: Sample, language: Source, seed: int) -> Examples:
        """Inputs and targets from `sample`; `seed` fixes what the task itself draws.

        Raises:
            InputError: the sample is not of this language (see `checked_sample`) or lacks what the task needs.
        """
        return self._examples(checked_sample(sample, language), language, whole_number("seed", seed, minimum=0))

    @abc.abstractmethod
    def has_oracle(self, language: Source) -> bool:
        """Whether the best possible answers are known exactly, so that `oracle` and `oracle_losses` can be asked."""

    def oracle(self, language: Source, examples: Examples) -> Float[np.ndarray, "n *answers"]:
        """The best possible answers: the exact posterior of the targets given the inputs, or its mean `[n]` where the
        targets are real.

        Raises:
            InputError: there is no oracle, see `has_oracle`; or the examples are not of this task and language.
        """
        check_source(language)
        return self._best_answers(language, checked_examples(examples, self.shape(language)))

    def oracle_losses(self, language: Source, examples: Examples) -> Float[np.ndarray, " n"]:
        """Loss of `oracle` on each example, in nats or squared: what no learner can beat on average.

        Raises:
            InputError: as `oracle`; also a target that the language never gives.
        """
        best, shape = self.oracle(language, examples), self.shape(language)
        targets = checked_examples(examples, shape).targets
        if shape.loss == "squared":
            return (best - targets) ** 2
        chosen = np.take_along_axis(best, targets[..., None].astype(np.int64), axis=-1).reshape(len(best), -1)
        if not chosen.all():
            row = int(np.argmin(chosen.all(axis=1)))
            raise InputError(
                f"examples.targets[{row}] cannot be used: {type(language).__name__} never answers so to this input. "
                "Give the language that the examples were drawn from."
            )
        return -np.log(chosen).mean(axis=1)

    @abc.abstractmethod
    def _examples(self, sample: Sample, language: Source, seed: int) -> Examples:
        """`examples`, of what has been checked."""

    @abc.abstractmethod
    def _best_answers(self, language: Source, examples: Examples) -> Float[np.ndarray, "n *answers"]:
        """`oracle`, of what has been checked."""
