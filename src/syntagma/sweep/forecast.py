"""How long a sweep will take, and how much memory: found by training distinct programs for a few steps.

A program is what runs share but for their seeds and numbers of examples. Each is timed twice, in worker processes as
the sweep will have them and as many at a time, because workers slow each other down:

    seconds of a run = steps x seconds a step + evaluations x seconds an evaluation + tests      networks
    seconds of a run = seconds of one solved x ratio of operations                               solved learners

A training may stop long before its length, when it learns nothing new; so there are two ends: every training stops as
soon as its patience allows, or none stops before its length. Of what is solved, the part that does not grow with the
operations is not known: the two ends are that all of it does, and that none does. A program is compiled once, which is
added.

Programs with most of the work are timed first, those of each kind of learner among them. What is not begun when the
time for it is over is taken from the timed program of its kind that is nearest in operations a step, in their ratio,
and the error that is stated grows with its share of the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from syntagma.errors import InputError
from syntagma.sweep.order import order, whole_time
from syntagma.sweep.plan import evaluations, least_bytes, operations, shape_of, test_sentences
from syntagma.sweep.runs import Run
from syntagma.sweep.timing import MOST_EXAMPLES, WORK, Timing
from syntagma.sweep.workers import Outcome, Workers, described

_REPEATS = 2
_BUDGET_SECONDS = 12.0
"""After which no timing is begun any more, but for the first of each kind of learner."""
_RATIO_ERROR = 0.5
"""Relative error of seconds a step that are taken from another program: small networks' do not follow operations."""
_ONCE_ERROR = 0.3
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
        timed: how many of the programs were timed; the others' times follow from theirs.
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
    timed: int = 0


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
    work: dict[str, float] = {}
    for run in sorted(runs, key=lambda run: -run.num_examples):
        name = _program(run)
        programs.setdefault(name, run)  # its largest run
        work[name] = work.get(name, 0.0) + operations(run)
    timed = _timings({name: programs[name] for name in sorted(work, key=lambda name: -work[name])}, workers, places)
    by_program = {name: timed.get(name) or [_scaled(run, programs, timed)] for name, run in programs.items()}
    known = [by_program[_program(run)] for run in runs]
    most = [_seconds(run, timing, most=True) for run, timing in zip(runs, known, strict=True)]
    least = [_seconds(run, timing, most=False) for run, timing in zip(runs, known, strict=True)]
    places_in_order = order(range(len(runs)), workers, most.__getitem__)
    compiling = sum(timing[0].compile for timing in by_program.values()) / min(workers, len(programs))
    guessed = sum(seconds for run, seconds in zip(runs, most, strict=True) if _program(run) not in timed)
    return Forecast(
        runs=len(runs),
        workers=workers,
        programs=len(programs),
        least_seconds=compiling + whole_time([least[place] for place in places_in_order], workers),
        most_seconds=compiling + whole_time([most[place] for place in places_in_order], workers),
        longest_seconds=max(most),
        relative_error=float(np.hypot(_spread(timed.values()), _RATIO_ERROR * guessed / max(sum(most), 1e-9))),
        worker_bytes=max(timing[0].bytes + _example_bytes(run) for run, timing in zip(runs, known, strict=True)),
        calibration_seconds=time.perf_counter() - begun,
        timed=len(timed),
    )


def _spread(timings: Iterable[Sequence[Timing]]) -> float:
    """Relative error of timed programs, from those that were timed twice."""
    twice = [pair for pair in timings if len(pair) > 1]
    spreads = [
        abs(getattr(first, name) - getattr(second, name)) / max(getattr(first, name), getattr(second, name), 1e-9)
        for name in ("step", "solved")
        for first, second, *_ in twice
    ]
    return float(np.hypot(_LEAST_ERROR if twice else _ONCE_ERROR, np.median([s for s in spreads if s] or [0.0])))


def _scaled(run: Run, programs: Mapping[str, Run], timed: Mapping[str, Sequence[Timing]]) -> Timing:
    """What the program of `run` takes, judging by the timed one of its kind that is nearest in operations a step."""
    ours = _step_operations(run)
    alike = [name for name in timed if _kind(programs[name]) == _kind(run)]
    nearest = min(alike, key=lambda name: abs(np.log(ours / _step_operations(programs[name]))))
    other, timing = programs[nearest], timed[nearest][0]
    ratio = ours / _step_operations(other)
    memory = timing.bytes + max(0, least_bytes(run) - least_bytes(other))
    return replace(timing, step=ratio * timing.step, evaluation=ratio * timing.evaluation, bytes=memory)


def _step_operations(run: Run) -> float:
    """Of one step, or of one sentence's share of what is solved."""
    steps = run.training.length(run.num_examples) if run.training else run.num_examples
    return max(1.0, operations(run) / steps)


def _kind(run: Run) -> str:
    return run.learner.kind


def _timings(
    programs: Mapping[str, Run], workers: int, places: Callable[[], Workers] | None
) -> dict[str, list[Timing]]:
    """The timings of programs, those with most work given first: one of each kind, and as many as there is time for."""
    from syntagma.sweep.worker_processes import WorkerProcesses

    first_of_kind = {_kind(run): name for name, run in reversed(list(programs.items()))}
    necessary = [_Probe(programs[name], 0) for name in programs if name in first_of_kind.values()]
    others = [_Probe(run, 0) for name, run in programs.items() if name not in first_of_kind.values()]
    waiting = necessary + others + [_Probe(run, repeat) for repeat in range(1, _REPEATS) for run in programs.values()]
    results: dict[str, dict[str, Any]] = {}
    begun = time.perf_counter()
    with WorkerProcesses(workers, WORK, None) if places is None else places() as crew:
        while waiting or crew.under_way:
            if time.perf_counter() - begun > _BUDGET_SECONDS:
                waiting = [probe for probe in waiting if probe in necessary]
            while waiting and crew.has_room(waiting[0]):  # pyright: ignore[reportArgumentType]
                crew.start(waiting.pop(0), 1)  # pyright: ignore[reportArgumentType]
            crew.wait(1.0)
            for outcome in crew.collect():
                results[outcome.run.id()] = _result(outcome)
    timings = {
        name: [Timing(**results[probe]) for repeat in range(_REPEATS) if (probe := _Probe(run, repeat).id()) in results]
        for name, run in programs.items()
    }
    return {name: found for name, found in timings.items() if found}


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
    """What runs that take the same time a step share, and, of what is solved, of the same time but for its size."""
    return run.program_key()


def _example_bytes(run: Run) -> int:
    """Of the examples that a timing left out, as sampled, as the task has them and as the device has them."""
    return 3 * 4 * max(0, run.num_examples - MOST_EXAMPLES) * (shape_of(run).length + 1)
