"""What a worker does to time a run's program: everything but seeds and the number of examples.

A network is trained twice: a few steps for the compiler, then for two seconds with a look at the clock at every
evaluation. What is solved is solved twice, on not too many examples.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from syntagma.learners import Engine, trainer_of
from syntagma.sweep.plan import operations, shape_of
from syntagma.sweep.runs import Run, Runner
from syntagma.sweep.worker_process import Work

WORK = "syntagma.sweep.timing:timing"
MOST_EXAMPLES = 1024
"""Training, and validation, examples that a timing has at the most."""
_SECONDS = 2.0
"""How long one timing trains, compiling apart: the steps between its last evaluations took at least half of that."""
_MOST_STEPS = 2**16


@dataclass(frozen=True)
class Timing:
    """What one program takes, in seconds and bytes; `solved` is of a whole smaller run, whose operations are `of`."""

    compile: float
    step: float
    evaluation: float
    bytes: int
    solved: float
    of: float


def timing(results: str | None) -> Work:
    """What workers do to time a run's program, whatever its number of examples."""

    def do(config: dict[str, Any]) -> dict[str, Any]:
        run = Run.model_validate_json(json.dumps(config))
        run = run.model_copy(update={"num_examples": min(run.num_examples, MOST_EXAMPLES), "checkpoints": 0})
        found = _timed_training(run) if run.training is not None else _timed_solution(run)
        return found | {"bytes": _peak_bytes()}

    return do


def _timed_training(run: Run) -> dict[str, float]:
    """Train for a few steps, for the compiler, and then for a while with a look at the clock at every evaluation."""
    assert run.training is not None
    never = {"max_epochs": None, "train_loss_threshold": 0.0, "least_steps": 10**9, "evaluations_per_doubling": 1}
    training = run.training.model_copy(update={**never, "min_steps": 1, "max_steps": _MOST_STEPS})
    language, held_out = run.language.language(), (run.validation_language or run.language).language()
    trainer = trainer_of(run.learner, shape_of(run), training)
    train, validation = (
        run.task.examples(source.sample(place, number, hidden=run.task.hidden), source, place)
        for place, (source, number) in enumerate(
            [(language, run.num_examples), (held_out, min(run.validation_examples, MOST_EXAMPLES))]
        )
    )
    if not isinstance(trainer, Engine):
        begun = time.perf_counter()
        trainer.fit([train], [validation], [validation], [0])
        return _solved(time.perf_counter() - begun, run)
    begun = time.perf_counter()
    with suppress(_Enough):
        trainer.fit([train], [validation], [validation], [0], watch=_Clock(0.0))
    compiled = time.perf_counter() - begun
    clock = _Clock(_SECONDS)
    with suppress(_Enough):
        trainer.fit([train], [validation], [validation], [0], watch=clock)
    step, call = clock.step_and_evaluation()
    scale = run.validation_examples / len(validation)
    return {
        "compile": compiled,
        "step": step,
        "evaluation": max(0.0, call) * scale,
        "solved": 0.0,
        "of": 1.0,
    }


def _timed_solution(run: Run) -> dict[str, float]:
    """Solve a smaller problem, once to warm up."""
    runner = Runner()
    seconds = [runner.execute([run])[0]["seconds"] for _ in range(2)]
    return _solved(seconds[-1], run)


def _solved(seconds: float, run: Run) -> dict[str, float]:
    return {"compile": 0.0, "step": 0.0, "evaluation": 0.0, "solved": seconds, "of": operations(run)}


class _Enough(Exception):
    """The clock has seen what it needs."""


class _Clock:
    """Looks at the time at every evaluation, and raises `_Enough` after so many seconds and five looks."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: list[tuple[int, float]] = []

    def __call__(self, seed_index: int, step: int, *_: object) -> None:
        self._seen.append((step, time.perf_counter()))
        if len(self._seen) > 4 and self._seen[-1][1] - self._seen[0][1] >= self._seconds:
            raise _Enough

    def step_and_evaluation(self) -> tuple[float, float]:
        """Seconds of a step, and of what comes with an evaluation whatever the number of steps before it."""
        steps, times = np.array(self._seen).T
        steps, times = np.diff(steps), np.diff(times)
        longest = int(np.argmax(steps))
        if steps[longest] == steps[0]:
            return float(times[longest] / steps[longest]), 0.0
        step = max(0.0, float((times[longest] - times[0]) / (steps[longest] - steps[0])))
        return step, float(times[0] - step * steps[0])


def _peak_bytes() -> int:
    """The most memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
