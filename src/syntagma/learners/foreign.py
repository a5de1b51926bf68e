"""A learner from outside: a class whose `fit` trains whatever it likes and returns a function that predicts.

    @LEARNERS.add
    class Mine(ForeignLearner):
        label: ClassVar[str] = "mine"
        kind: Literal["mine"] = "mine"
        width: int = 64

        def fit(self, inputs, targets, validation, seed):
            ...
            return predict  # inputs to log-probabilities, or numbers, of any library: see `learners.answers`

It runs in every study that takes learners, beside those of the package: its fields are its settings, its result is kept
by the hash of them, of sentences and of the seed. Whatever it draws must come from `seed`, or a run that is repeated is
another. See examples/pytorch_learner.py.
"""

from __future__ import annotations

import abc
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Int, Num

from syntagma.learners.answers import AT_ONCE, Answers, Predict
from syntagma.learners.learner import Learner
from syntagma.learners.readers.scoring import read_fit
from syntagma.learners.trainer import ExampleSets, Fit, SeedBySeed, Trainer, trainer_of
from syntagma.learners.training import Training
from syntagma.tasks import Examples, Shape


@dataclass(frozen=True)
class Validation:
    """What chooses, and the task's sizes.

    Attributes:
        inputs: `[n, T]`, as in training.
        targets: `[n]`, or `[n, T]` where every position is read.
        shape: `shape.vocab` tokens (the symbol of hidden ones is one more), `shape.outputs` answers, `shape.reads`,
            and `shape.loss`, which is "squared" where targets are numbers and not answers to choose from.
    """

    inputs: Int[np.ndarray, "n T"]
    targets: Num[np.ndarray, "n *positions"]
    shape: Shape


class ForeignLearner(Learner):
    """A learner from outside, one to one with TOML and the command line as every learner is."""

    label: ClassVar[str] = "from outside"
    weight_sharing: ClassVar[bool | None] = None

    @abc.abstractmethod
    def fit(
        self,
        inputs: Int[np.ndarray, "n T"],
        targets: Num[np.ndarray, "n *positions"],
        validation: Validation,
        seed: int,
    ) -> Predict:
        """Learn from `inputs` and `targets`; what predicts then.

        Args:
            inputs: `[n, T]` tokens, the symbol of hidden ones being `validation.shape.vocab`.
            targets: `[n]` answers, or `[n, T]` where every position is read, int64; float64 where the task asks for
                numbers (`validation.shape.loss` is "squared"), and what predicts then returns numbers `[n]`.
            validation: examples to stop by.
            seed: of whatever is drawn.
        """

    def check(self, shape: Shape) -> None:
        """Refuse tasks that it cannot do, by `InputError`; by default none."""


class ForeignTrainer(SeedBySeed):
    """Lets it fit, and measures what it predicts: log-probabilities, or numbers where the loss is squared."""

    def fit_one(self, sets: ExampleSets, seed: int) -> Fit:
        begun = time.perf_counter()
        (inputs, targets), chosen = _whole(sets.train), _whole(sets.validation)
        predict = self.learner.fit(inputs, targets, Validation(*chosen, self.shape), seed)
        predictor = Answers(predict, self.shape, AT_ONCE, field=f"learner={self.learner.kind!r}")
        return read_fit(predictor, sets, self.shape, {"stopped": "by itself"}, begun)


def _whole(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Copies that may be written to, int64 but for targets that are numbers."""
    whole = examples.targets.dtype.kind in "iu"
    return examples.inputs.astype(np.int64), examples.targets.astype(np.int64 if whole else np.float64)


@trainer_of.register
def _(learner: ForeignLearner, shape: Shape, training: Training | None) -> Trainer:
    del training
    return ForeignTrainer(learner, shape)
