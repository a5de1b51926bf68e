"""What fits a learner: networks by gradient descent, kernels by solving equations, through the same call.

`trainer_of(learner, shape, training)` finds the trainer of a learner; a new kind of learner registers its own beside
its class, by `trainer_of.register(ItsLearner)`.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.errors import invalid
from syntagma.learners.learner import Learner
from syntagma.learners.training import Training
from syntagma.tasks import Examples, Shape


@dataclass(frozen=True)
class Fit:
    """What was learned, and the course of learning. Losses are by answer: nats, or squared differences.

    Attributes:
        predictor: `[B, T]` inputs to outputs: the network at its smallest test loss, or the solved kernel regression.
        metrics: smallest test loss with its standard error, accuracy, final losses, steps, examples, seconds, FLOPs.
            Of every other test set NAME: NAME_loss, NAME_loss_error and NAME_accuracy of that same predictor, and the
            final two as final_NAME_loss and final_NAME_accuracy. Where every position is read, test_last_loss and
            NAME_last_loss are the losses at the last one.
        history: one row an evaluation: step, test_loss, test_accuracy, NAME_loss, NAME_accuracy, train_loss, and the
            losses at the last position.
        example_losses: `[n_test]`, loss of each test sentence.
    """

    predictor: Callable[..., Any]
    metrics: dict[str, Any]
    history: list[dict[str, float]]
    example_losses: Float[np.ndarray, " n_test"]


class Trainer(abc.ABC):
    """Fits one learner on one task's shapes; reuse it over training sets and seeds."""

    @abc.abstractmethod
    def fit(
        self,
        train: Sequence[Examples],
        test: Sequence[Examples],
        seeds: Sequence[int],
        *,
        extra: Mapping[str, Sequence[Examples]] | None = None,
    ) -> list[Fit]:
        """One fit for each seed, each on its own train and test examples.

        Args:
            extra: more test sets by name, one for each seed: measured when `test` is, without a say in the training.

        Raises:
            InputError: see `checked_sets`; what the learner cannot do.
        """


@functools.singledispatch
def trainer_of(learner: Learner, shape: Shape, training: Training | None) -> Trainer:
    """The trainer of `learner`; learners that are solved, not trained, have no use for `training`."""
    raise TypeError(f"no trainer is registered for {type(learner).__name__}")


def fit(
    learner: Learner, shape: Shape, training: Training | None, train: Examples, test: Examples, seed: int = 0
) -> Fit:
    """Fit once: the short form of `trainer_of(...).fit([train], [test], [seed])[0]`."""
    return trainer_of(learner, shape, training).fit([train], [test], [seed])[0]


def checked_sets(
    train: Sequence[Examples],
    test: Sequence[Examples],
    seeds: Sequence[int],
    extra: Mapping[str, Sequence[Examples]] | None,
) -> dict[str, Sequence[Examples]]:
    """All test sets by name, the one called "test" first.

    Raises:
        InputError: no examples, numbers of seeds and examples that differ, or a name that is taken.
    """
    if not len(train) == len(test) == len(seeds) or min(map(len, [*train, *test]), default=0) == 0:
        given = f"{len(train)} train sets, {len(test)} test sets, {len(seeds)} seeds"
        raise invalid("train", given, "each seed needs one non-empty train set and one non-empty test set")
    for name, sets in (extra or {}).items():
        if name in ("test", "train"):
            raise invalid("extra", name, "the name has a meaning of its own", "Choose another")
        if len(sets) != len(seeds) or min(map(len, sets)) == 0:
            raise invalid("extra", name, f"each of the {len(seeds)} seeds needs one non-empty set of that name")
    return {"test": test, **(extra or {})}
