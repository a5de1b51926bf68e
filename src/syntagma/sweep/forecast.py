"""How long a sweep will take, and how much memory: found by training every distinct program for a few steps.

A program is what runs share but for their seeds and numbers of examples. Each is timed twice, in worker processes as
the sweep will have them and as many at a time, because workers slow each other down:

    seconds of a run = steps x seconds a step + evaluations x seconds an evaluation + tests      networks
    seconds of a run = seconds of one solved x ratio of operations                               solved learners

A training may stop long before its length, when it learns nothing new; so there are two ends: every training stops as
soon as its patience allows, or none stops before its length. Of what is solved, the part that does not grow with the
operations is not known: the two ends are that all of it does, and that none does. A program is compiled once, which is
added.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from syntagma.errors import InputError
from syntagma.learners import Engine, trainer_of
from syntagma.sweep.execution import described
from syntagma.sweep.order import order, whole_time
from syntagma.sweep.plan import evaluations, operations, shape_of, test_sentences
from syntagma.sweep.runs import Run, Runner
from syntagma.sweep.worker_process import Work
from syntagma.sweep.workers import Outcome, Workers

WORK = "syntagma.sweep.forecast:timing"
_REPEATS = 2
_EXAMPLES = 1024
_SECONDS = 2.0
"""How long one timing trains, compiling apart: the steps between its last evaluations took at least half of that."""
_MOST_STEPS = 2**16
_LEAST_ERROR = 0.1
"""Relative error that remains however well repeated timings agree: runs of hours were not timed."""


@dataclass(frozen=True)
class Timing:
    """What one program takes, in seconds and bytes; `solved` is of a whole smaller run, whose operations are `of`."""

    compile: float
    step: float
    evaluation: float
    bytes: int
    solved: float
    of: float


@dataclass(frozen=True)
class Forecast:
    """What a sweep will take.

    Attributes:
        programs: how many distinct ones are compiled.
        least_seconds: if every training stops as soon as its patience allows; see above.
        most_seconds: if none stops before its length.
        longest_seconds: of the longest run alone, at most.
        relative_error: of these times, from the spread of repeated timings.
        worker_bytes: memory of the largest worker, weights and activations measured, examples counted.
        calibration_seconds: what the forecast took.
    """

    runs: int
    workers: int
    programs: int
    least_seconds: float
    most_seconds: float
    longest_seconds: float
    relative_error: float
    worker_bytes: int
    calibration_seconds: float


@dataclass(frozen=True)
class _Probe:
    """One timing of a run's program, as something that workers do."""

    run: Run
    repeat: int

    def id(self) -> str:
        return f"{self.run.id()}-{self.repeat}"

    def config(self) -> dict[str, Any]:
        return self.run.config()


def forecast(runs: Sequence[Run], workers: int, places: Callable[[], Workers] | None = None) -> Forecast:
    """What `runs` will take on so many workers: `forecast(missing, workers=2).most_seconds`.

    Args:
        workers: processes at the same time, 1 or more.
        places: where the timings are made, with `WORK`; by default so many worker processes.

    Raises:
        InputError: there are no runs; a program does not fit in memory or cannot be timed.
    """
    if not runs:
        raise InputError("there is nothing to forecast: every run is stored already.")
    begun = time.perf_counter()
    programs: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: -run.num_examples):
        programs.setdefault(_program(run), run)  # its largest run
    timings = _timings(list(programs.values()), workers, places)
    by_program = dict(zip(programs, timings, strict=True))
    known = [by_program[_program(run)] for run in runs]
    most = [_seconds(run, timing, most=True) for run, timing in zip(runs, known, strict=True)]
    least = [_seconds(run, timing, most=False) for run, timing in zip(runs, known, strict=True)]
    places_in_order = order(range(len(runs)), workers, most.__getitem__)
    compiling = sum(timing[0].compile for timing in timings) / min(workers, len(timings))
    spreads = [abs(first.step - second.step) / max(first.step, second.step, 1e-9) for first, second in timings]
    spreads += [abs(first.solved - second.solved) / max(first.solved, second.solved, 1e-9) for first, second in timings]
    return Forecast(
        runs=len(runs),
        workers=workers,
        programs=len(programs),
        least_seconds=compiling + whole_time([least[place] for place in places_in_order], workers),
        most_seconds=compiling + whole_time([most[place] for place in places_in_order], workers),
        longest_seconds=max(most),
        relative_error=float(np.hypot(_LEAST_ERROR, np.median([spread for spread in spreads if spread] or [0.0]))),
        worker_bytes=max(timing[0].bytes + _example_bytes(run) for run, timing in zip(runs, known, strict=True)),
        calibration_seconds=time.perf_counter() - begun,
    )


def timing(results: str | None) -> Work:
    """What workers do to time a run's program, whatever its number of examples."""

    def do(config: dict[str, Any]) -> dict[str, Any]:
        run = Run.model_validate_json(json.dumps(config))
        run = run.model_copy(update={"num_examples": min(run.num_examples, _EXAMPLES), "checkpoints": 0})
        found = _timed_training(run) if run.training is not None else _timed_solution(run)
        return found | {"bytes": _peak_bytes()}

    return do


def _timings(runs: list[Run], workers: int, places: Callable[[], Workers] | None) -> list[list[Timing]]:
    """Each program's repeated timings."""
    from syntagma.sweep.worker_processes import WorkerProcesses

    waiting = [_Probe(run, repeat) for repeat in range(_REPEATS) for run in runs]
    results: dict[str, dict[str, Any]] = {}
    with WorkerProcesses(workers, WORK, None) if places is None else places() as crew:
        while waiting or crew.under_way:
            while waiting and crew.has_room(waiting[0]):  # pyright: ignore[reportArgumentType]
                crew.start(waiting.pop(0), 1)  # pyright: ignore[reportArgumentType]
            crew.wait(1.0)
            for outcome in crew.collect():
                results[outcome.run.id()] = _result(outcome)
    return [[Timing(**results[_Probe(run, repeat).id()]) for repeat in range(_REPEATS)] for run in runs]


def _result(outcome: Outcome) -> dict[str, Any]:
    if outcome.result is None:
        reason = outcome.reason.rstrip(".")
        raise InputError(f"run {described(outcome.run)} cannot be timed: {reason}. Make it smaller, or leave it out.")
    return outcome.result


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
            [(language, run.num_examples), (held_out, min(run.validation_examples, _EXAMPLES))]
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


def _seconds(run: Run, timings: Sequence[Timing], *, most: bool) -> float:
    """Of the whole run, at the mean of its program's timings."""
    step, evaluation, solved = (
        float(np.mean([getattr(timing, name) for timing in timings])) for name in ("step", "evaluation", "solved")
    )
    if run.training is None or solved:
        ratio = operations(run) / timings[0].of
        return solved * (max(1.0, ratio) if most else min(1.0, ratio))
    length = run.training.length(run.num_examples)
    steps = length if most else min(length, int(run.training.patience * max(run.training.least_steps, 1)))
    number = evaluations(run) if most else sum(1 for _ in run.training.evaluation_steps(steps))
    number += 2 * test_sentences(run) / run.validation_examples  # at the best and at the last step
    return steps * step + number * evaluation


def _program(run: Run) -> str:
    """What runs of one program share: all but seeds and the number of examples."""
    return json.dumps(json.loads(run.batch_key()) | {"num_examples": 0}, sort_keys=True)


def _example_bytes(run: Run) -> int:
    """Of the examples that a timing left out, as sampled, as the task has them and as the device has them."""
    return 3 * 4 * max(0, run.num_examples - _EXAMPLES) * (shape_of(run).length + 1)


def _peak_bytes() -> int:
    """The most memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
