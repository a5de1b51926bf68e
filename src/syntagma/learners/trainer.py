"""What fits a learner: networks by gradient descent, kernels by solving equations, through the same call.

Three sets of examples have three uses: a learner learns from `train`, what is chosen while it learns (the best step,
when to stop) is chosen by the loss of `validation`, and the test sets are read once, for the learner so chosen.
`trainer_of(learner, shape, training)` finds the trainer of a learner; a new kind of learner registers its own beside
its class, by `trainer_of.register(ItsLearner)`, and returns what `solved_fit` makes where it is solved, not trained.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.errors import invalid, whole_number
from syntagma.learners.learner import Learner
from syntagma.learners.scores import Scores
from syntagma.learners.training import Training
from syntagma.notebook import html_table
from syntagma.tasks import Examples, Shape
from syntagma.tasks.gate import check_shape, checked_examples


@dataclass(frozen=True, repr=False)
class Fit:
    """What was learned, and the course of learning. Losses are by answer: nats, or squared differences.

    Attributes:
        predictor: `[B, T]` inputs to outputs: the network at its smallest validation loss, or what was solved.
        metrics: validation_loss and test_loss of that predictor, with their standard errors validation_loss_error and
            test_loss_error, validation_accuracy and test_accuracy; best_step; of the last step final_validation_loss,
            final_test_loss, their accuracies and final_train_loss; steps, stopped, cut_short, examples_seen, seconds,
            flops. Of every further test set NAME the same: NAME_loss, NAME_loss_error, NAME_accuracy, final_NAME_loss,
            final_NAME_accuracy. Where every position is read, NAME_last_loss is the loss at the last one and
            NAME_position_losses lists that at each.
        history: one row an evaluation: step, validation_loss, validation_accuracy, train_loss (but at step 0, where
            nothing was trained), and validation_last_loss where every position is read.
        example_losses: `[n_test]`, loss of each test sentence.
    """

    predictor: Callable[..., Any]
    metrics: dict[str, Any]
    history: list[dict[str, float]]
    example_losses: Float[np.ndarray, " n_test"]

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={_short(self.metrics[name])}" for name in _TOLD if name in self.metrics)
        return f"Fit({told}, {len(self.history)} evaluations)"

    def _repr_html_(self) -> str:
        numbers = ((name, value) for name, value in self.metrics.items() if not isinstance(value, list | tuple))
        return html_table("fit", ("metric", "value"), numbers)


_TOLD = ("test_loss", "test_loss_error", "validation_loss", "best_step", "steps", "stopped")
"""Metrics that a fit is told by on one line."""


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


@dataclass(frozen=True)
class ExampleSets:
    """All examples of one seed's fit.

    Attributes:
        train: what is learned from.
        validation: what chooses.
        tests: what is read once, by name; the one called "test" comes first.
    """

    train: Examples
    validation: Examples
    tests: Mapping[str, Examples]

    def sizes(self) -> tuple[int, ...]:
        """Numbers of examples: train, validation, and each test set's."""
        return len(self.train), len(self.validation), *map(len, self.tests.values())


class Trainer(abc.ABC):
    """Fits one learner on one task's shapes; reuse it over training sets and seeds."""

    @abc.abstractmethod
    def fit(
        self,
        train: Sequence[Examples],
        validation: Sequence[Examples],
        test: Sequence[Examples],
        seeds: Sequence[int],
        *,
        extra: Mapping[str, Sequence[Examples]] | None = None,
    ) -> list[Fit]:
        """One fit for each seed, each on its own examples: `fit([train], [validation], [test], [0])[0].metrics`.

        Args:
            train: for each seed what it learns from.
            validation: for each seed what chooses the step whose predictor is returned, and when to stop.
            test: for each seed what is read for that predictor, without a say in anything.
            seeds: of the weights, the order of examples, or whatever else the learner draws.
            extra: more test sets by name, one for each seed, read as `test` is.

        Raises:
            InputError: see `checked_sets`; what the learner cannot do.
        """


class SeedBySeed(Trainer):
    """Fits every seed by itself, as `fit_one` says: of learners that are solved, counted or sampled.

    Args:
        learner: whom to fit.
        shape: of the task, which the learner must be able to do.
    """

    def __init__(self, learner: Any, shape: Shape) -> None:
        check_shape(shape)
        learner.check(shape)
        self.learner, self.shape = learner, shape

    @abc.abstractmethod
    def fit_one(self, sets: ExampleSets, seed: int) -> Fit:
        """The fit of one seed to its checked examples."""

    def fit(
        self,
        train: Sequence[Examples],
        validation: Sequence[Examples],
        test: Sequence[Examples],
        seeds: Sequence[int],
        *,
        extra: Mapping[str, Sequence[Examples]] | None = None,
    ) -> list[Fit]:
        """See `Trainer.fit`."""
        sets = checked_sets(self.shape, train, validation, test, seeds, extra)
        return [self.fit_one(own, int(seed)) for own, seed in zip(sets, seeds, strict=True)]


@functools.singledispatch
def trainer_of(learner: Learner, shape: Shape, training: Training | None) -> Trainer:
    """The trainer of `learner`; learners that are solved, not trained, have no use for `training`."""
    raise invalid("learner", learner, f"no trainer is registered for {type(learner).__name__}", "Give a learner")


def fit(
    learner: Learner,
    shape: Shape,
    training: Training | None,
    train: Examples,
    validation: Examples,
    test: Examples,
    seed: int = 0,
) -> Fit:
    """Fit once: the short form of `trainer_of(...).fit([train], [validation], [test], [seed])[0]`."""
    return trainer_of(learner, shape, training).fit([train], [validation], [test], [seed])[0]


def solved_fit(predictor: Callable[..., Any], scores: Mapping[str, Scores], metrics: Mapping[str, Any]) -> Fit:
    """The fit of a learner that is solved or counted, not trained: its only evaluation is the best and the last.

    Args:
        predictor: what was learned.
        scores: on the sets "validation", "test" and every further one.
        metrics: what else is reported; `final_train_loss` is needed; `steps` is 0 and `stopped` is "solved" unless
            given.
    """
    steps = metrics.get("steps", 0)
    rest = {"steps": steps, "best_step": steps, "stopped": "solved", "cut_short": False, **metrics}
    measured: dict[str, Any] = {}
    for name, score in scores.items():
        measured |= score.metrics(name)
    row = {"step": steps, **scores["validation"].means("validation"), "train_loss": metrics["final_train_loss"]}
    return Fit(predictor, measured | rest, [row], scores["test"].losses.astype(np.float64))


def checked_sets(
    shape: Shape,
    train: Sequence[Examples],
    validation: Sequence[Examples],
    test: Sequence[Examples],
    seeds: Sequence[int],
    extra: Mapping[str, Sequence[Examples]] | None,
) -> list[ExampleSets]:
    """Each seed's examples, which every trainer's `fit` begins with.

    Raises:
        InputError: no seeds, or something that is none; numbers of seeds and sets that differ; examples that do not fit
            `shape` (see `checked_examples`); a name of a test set that is taken.
    """
    check_shape(shape)
    number = len(_checked_seeds(seeds))
    for name in extra or {}:
        check_test_name(name, "extra")
    given = {"train": train, "validation": validation, "test": test, **(extra or {})}
    sets = {name: _checked_group(name, group, number, shape) for name, group in given.items()}
    tests = [name for name in sets if name not in ("train", "validation")]
    return [
        ExampleSets(sets["train"][i], sets["validation"][i], {name: sets[name][i] for name in tests})
        for i in range(number)
    ]


_TAKEN = ("train", "validation", "test", "final", "oracle", "excess")


def check_test_name(name: Any, field: str) -> None:
    """Refuse a name for a further test set that would not tell its metrics from others: `unseen` makes unseen_loss.

    Raises:
        InputError: no identifier, or one that begins as names of other metrics do; `field` is what the message names.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise invalid(field, name, "metrics are named by it", "Use letters, digits and underscores")
    if name.split("_")[0] in _TAKEN:
        raise invalid(field, name, f"the names {', '.join(_TAKEN)} have a meaning of their own", "Choose another")


def _checked_seeds(seeds: Any) -> list[int]:
    if isinstance(seeds, str) or not isinstance(seeds, Sequence | np.ndarray) or len(seeds) == 0:
        raise invalid("seeds", seeds, "it must be a list of one whole number or more", "Give one for each fit")
    return [whole_number("seeds" if len(seeds) > 1 else "seed", seed, minimum=0) for seed in seeds]


def _checked_group(name: str, group: Any, number: int, shape: Shape) -> list[Examples]:
    """One set for each seed."""
    if isinstance(group, Examples) or not isinstance(group, Sequence):
        raise invalid(name, group, "it must be a list of Examples, one set for each seed", f"Give [{name}]")
    if len(group) != number:
        mend = "Give as many sets as seeds"
        raise invalid(f"len({name})", len(group), f"each seed needs a set of its own, so {number}", mend)
    fields = [name] if number == 1 else [f"{name}[{i}]" for i in range(number)]
    return [checked_examples(one, shape, field) for one, field in zip(group, fields, strict=True)]
