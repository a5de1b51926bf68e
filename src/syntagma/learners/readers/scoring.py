"""What readers lose on examples, in nats, and the fit that is made of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from syntagma.learners.answers import refuse_infinite
from syntagma.learners.loss import right_side
from syntagma.learners.readers.nearby import Nearby
from syntagma.learners.readers.smoothing import Smoothed
from syntagma.learners.scores import Scores
from syntagma.learners.trainer import ExampleSets, Fit, solved_fit
from syntagma.tasks import Examples, Shape

_NUMBERS_AT_ONCE = 2**21
"""Probabilities computed at once."""


def order_losses(smoothed: Smoothed, asked: Nearby, targets: Integer[np.ndarray, "n *positions"]) -> list[float]:
    """Mean loss of `targets` with each counted order as the longest: what chooses an order."""
    sums = np.zeros(len(smoothed.counts.orders))
    for start, stop in _batches(targets.shape, smoothed.counts.answers):
        for place, found in enumerate(smoothed.distributions(asked.part(start, stop))):
            chosen = np.take_along_axis(found, targets[start:stop].reshape(-1, 1).astype(np.int64), axis=1)
            sums[place] -= np.log(chosen).sum()
    return (sums / targets.size).tolist()


def scores(predictor: Callable[..., Any], examples: Examples, shape: Shape) -> Scores:
    """Loss and correctness of each example, by the log-probabilities, or numbers, that `predictor` gives.

    Raises:
        InputError: it gives an answer that occurs probability 0.
    """
    losses = np.empty(examples.targets.shape)
    correct = np.empty(examples.targets.shape)
    for start, stop in _batches(examples.targets.shape, shape.outputs):
        logs = predictor(examples.inputs[start:stop])
        targets = examples.targets[start:stop]
        if shape.loss == "squared":
            losses[start:stop], correct[start:stop] = (logs - targets) ** 2, right_side(logs, targets)
            continue
        losses[start:stop] = -np.take_along_axis(logs, targets[..., None].astype(np.int64), axis=-1)[..., 0]
        correct[start:stop] = logs.argmax(axis=-1) == targets
    refuse_infinite(losses, getattr(predictor, "field", "the learner"))
    if shape.reads == "once":
        return Scores(losses, correct)
    return Scores(losses.mean(axis=1), correct.mean(axis=1), losses)


def read_fit(
    predictor: Callable[[Integer[np.ndarray, "B T"]], Float[np.ndarray, "B *answers"]],
    sets: ExampleSets,
    shape: Shape,
    metrics: Mapping[str, Any],
    begun: float,
) -> Fit:
    """The fit of a reader. The training loss is that of the first training sentences, as many as validate.

    Args:
        predictor: inputs to log-probabilities.
        sets: what it was made from, and is measured on.
        shape: of the task.
        metrics: what else is reported.
        begun: when the fit began, by `time.perf_counter`.
    """
    few, evaluating = len(sets.validation), time.perf_counter()
    seen = Examples(sets.train.inputs[:few], sets.train.targets[:few])
    read = {name: scores(predictor, examples, shape) for name, examples in [("validation", sets.validation)]}
    read |= {name: scores(predictor, examples, shape) for name, examples in sets.tests.items()}
    train_loss = float(scores(predictor, seen, shape).losses.mean())
    ended = time.perf_counter()
    timed = {"seconds": round(ended - begun, 3), "seconds_evaluating": round(ended - evaluating, 3)}
    counted = {"final_train_loss": train_loss, "examples_seen": len(sets.train)}
    return solved_fit(predictor, read, {**metrics, **counted, **timed})


def _batches(shape: tuple[int, ...], answers: int) -> Iterator[tuple[int, int]]:
    """Pieces of the sentences for which few probabilities are computed at once."""
    size = max(1, _NUMBERS_AT_ONCE // (answers * int(np.prod(shape[1:]))))
    for start in range(0, shape[0], size):
        yield start, min(start + size, shape[0])
