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
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from syntagma.errors import InputError
from syntagma.sweep.order import order, whole_time
from syntagma.sweep.plan import evaluations, operations, shape_of, test_sentences
from syntagma.sweep.runs import Run
from syntagma.sweep.timing import MOST_EXAMPLES, WORK, Timing
from syntagma.sweep.workers import Outcome, Workers, described

_REPEATS = 2
_LEAST_ERROR = 0.1
"""Relative error that remains however well repeated timings agree: runs of hours were not timed."""


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
        places: where the timings are made, with `timing.WORK`; by default so many worker processes.

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
    return 3 * 4 * max(0, run.num_examples - MOST_EXAMPLES) * (shape_of(run).length + 1)
