"""Doing the runs of a study: on a CPU in worker processes of one thread each, on an accelerator in this process, or as
tasks of a Ray cluster.

What to run next may depend on what has finished: `next_runs` is asked again after every finished run. Each result is
stored at once, so that nothing but the runs under way is lost when a command is interrupted or killed. A worker that
dies costs the run it was at one attempt; a run that cannot be done is recorded as failed, and all others go on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syntagma.atomic_file import remove_abandoned
from syntagma.checked_call import flags_checked
from syntagma.errors import InputError
from syntagma.sweep.attempts import Attempts
from syntagma.sweep.endings import Endings, endings_raised
from syntagma.sweep.failures import Failure, failures, record_failure
from syntagma.sweep.machine import usable_cores
from syntagma.sweep.order import order
from syntagma.sweep.shards import Shard
from syntagma.sweep.training_file import forget_directory, forget_training
from syntagma.sweep.under_way import UnderWay
from syntagma.sweep.workers import Outcome, Workers, described

if TYPE_CHECKING:
    from syntagma.sweep.ray_cluster import Share
    from syntagma.sweep.runs import Run
    from syntagma.sweep.store import Store

NextRuns = Callable[[], "Iterable[Run]"]
"""The runs wanted now that are not stored yet, the most urgent first."""
Finished = Callable[["Run", dict[str, Any]], None]
Cost = Callable[["Run"], float]
"""How much work a run is, in any unit."""

TRAINING = "syntagma.sweep.worker_process:training"
_LOOK_SECONDS = 2.0
"""How often to see, while runs take their time, whether the results directory is still there."""


@dataclass(frozen=True)
class Summary:
    """What `execute` did: how many runs it finished, which failed, and which it left out as they had failed before."""

    finished: int
    failed: tuple[Failure, ...]
    left_out: tuple[Failure, ...]


@flags_checked
def execute(
    next_runs: NextRuns,
    store: Store,
    workers: int,
    finished: Finished,
    *,
    failed: Callable[[Run, Failure], None] | None = None,
    say: Callable[[str], None] | None = None,
    retry_failed: bool = False,
    shard: Shard | None = None,
    cost: Cost | None = None,
    ray: str | None = None,
    share: Share | None = None,
    keep: int = 0,
    track: Callable[[str], None] | None = None,
    work: str = TRAINING,
    attempts: Attempts | None = None,
) -> Summary:
    """Do what `next_runs` asks for until it asks for nothing more that can be done.

        execute(lambda: missing(store), store, workers=0, finished=lambda run, result: print(run.id()))

    Args:
        workers: processes that train at the same time; 0 for one a core on a CPU and this process on an accelerator. On
            a Ray cluster, tasks at the same time; 0 for as many as it has room for.
        finished: called with every run and its result once it is stored.
        failed: called with every run that is given up, once that is recorded. `next_runs` may go on asking for it.
        say: takes one line about each failed attempt; by default they go to standard error.
        retry_failed: try again what is recorded as failed.
        shard: do only the runs of this shard, by their ids.
        cost: where given, as `plan.Costs()`, cheap runs go first, and long ones so early that none is waited for alone.
        ray: the address of a Ray cluster, "auto" for the one that this machine belongs to, "local" to start one here.
        share: what a run takes of a Ray cluster's machines.
        keep: networks to keep of each run, where one is trained.
        track: called with the id of every run once it is stored, as `trackers.tracking` gives it.
        work: what makes the function that does a run, see `worker_process.serve`.
        attempts: how often, and after which waits, runs are tried.

    Raises:
        InputError: a run cannot be done as configured; results can no longer be stored; no worker can be had.
        KeyboardInterrupt: Ctrl-C, or `Ended` by another signal; raised after what had finished was stored and the
            workers have been stopped.
    """
    results = store.path.parent
    work = f"{work}:{keep}" if keep else work
    remove_abandoned(results)
    with endings_raised() as endings:
        if ray is not None:
            from syntagma.sweep.ray_cluster import RayTasks

            places: Workers = RayTasks(ray, workers, work, results, share, say or _to_standard_error)
        elif workers == 0 and _on_accelerator():
            from syntagma.sweep.this_process import ThisProcess

            places = ThisProcess(results, keep)
        else:
            from syntagma.sweep.worker_processes import WorkerProcesses

            places = WorkerProcesses(workers or usable_cores(), work, str(results))
        chosen = next_runs if shard is None else lambda: [run for run in next_runs() if shard.has(run.id())]
        try:
            with places:
                sweep = _Sweep(
                    store, places, endings, attempts or Attempts(), finished, failed, say or _to_standard_error, track
                )
                if not retry_failed:
                    sweep.leave_out(failures(store))
                sweep.go(chosen if cost is None else lambda: order(list(chosen()), workers or usable_cores(), cost))
        finally:
            remove_abandoned(results)  # of workers that were stopped
            forget_directory(results)
    return sweep.summary()


class _Sweep:
    """The runs that are done, under way and given up."""

    def __init__(
        self,
        store: Store,
        workers: Workers,
        endings: Endings,
        attempts: Attempts,
        finished: Finished,
        failed: Callable[[Run, Failure], None] | None,
        say: Callable[[str], None],
        track: Callable[[str], None] | None = None,
    ) -> None:
        self._store, self._workers, self._endings, self._attempts = store, workers, endings, attempts
        self._finished, self._failed, self._say, self._track = finished, failed, say, track
        self._place, self._under_way = _Place(store.path), UnderWay(store.path.parent)
        self._alone = False
        self._number = 0
        self._failures: list[Failure] = []
        self._failed_before: dict[str, Failure] = {}
        self._left_out: dict[str, Failure] = {}

    def leave_out(self, failed_before: Iterable[Failure]) -> None:
        """Make no attempt at these."""
        self._failed_before = {failure.id: failure for failure in failed_before}
        self._attempts.give_up(list(self._failed_before))

    def summary(self) -> Summary:
        return Summary(self._number, tuple(self._failures), tuple(self._left_out.values()))

    def go(self, next_runs: NextRuns) -> None:
        """Start, wait and collect until nothing is wanted."""
        try:
            while True:
                self._place.check()
                with self._endings.held():
                    pause = self._start(next_runs())
                self._under_way.tell(self._workers.under_way)
                if pause is None and not self._workers.under_way:
                    return
                self._workers.wait(_LOOK_SECONDS if pause is None else min(pause, _LOOK_SECONDS))
                with self._endings.held():
                    self._take(self._workers.collect())
        except KeyboardInterrupt:
            with suppress(InputError):  # the interrupt is what there is to say
                self._keep(self._workers.collect())
            raise
        finally:
            self._under_way.end()

    def _start(self, wanted: Iterable[Run]) -> float | None:
        """Start what there is room for; seconds until a run that waits for its next attempt may begin, if one does."""
        pause, last = None, None
        for run in wanted:
            if self._workers.full():
                break
            identity = run.id()
            if identity in self._failed_before:
                self._left_out[identity] = self._failed_before[identity]
            if identity in self._workers.under_way or self._attempts.given_up(identity):
                continue
            if seconds := self._attempts.wait_seconds(identity):
                pause = seconds if pause is None else min(pause, seconds)
            elif self._attempts.alone(identity):
                last = last or run
            elif not (self._alone and self._workers.under_way) and self._workers.has_room(run):
                self._alone = False
                self._workers.start(run, self._attempts.number(identity))
        if last is not None and not self._workers.under_way:
            self._alone = True
            self._workers.start(last, self._attempts.number(last.id()), alone=True)
        return pause

    def _take(self, outcomes: list[Outcome]) -> None:
        """Store every result, then see to what failed."""
        self._keep(outcomes)
        for outcome in outcomes:
            if outcome.refused:
                self._place.check()  # if it is gone, that is why
                raise InputError(outcome.reason)
            if outcome.result is None and not self._endings.asked:  # whoever ends a command may end its workers first
                self._count_failure(outcome)

    def _keep(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.result is not None:
                self._place.check()
                identity = self._store.record_run(outcome.run.config(), outcome.result, outcome.made_with)
                forget_training(self._store.path.parent, identity)
                self._number += 1
                self._finished(outcome.run, outcome.result)
                if self._track is not None:
                    self._track(identity)

    def _count_failure(self, outcome: Outcome) -> None:
        run, identity = outcome.run, outcome.run.id()
        number, limit = self._attempts.number(identity), self._attempts.limit
        what = f"run {described(run)}: {outcome.reason}"
        if self._attempts.fail(identity, again=outcome.again):
            alone = ", alone" if self._attempts.alone(identity) else ""
            seconds = self._attempts.wait_seconds(identity)
            self._say(f"{what}; attempt {number} of {limit}, the next in {seconds:.0f} s{alone}")
            return
        failure = record_failure(self._store, run.config(), outcome.reason, number, outcome.details)
        self._failures.append(failure)
        self._say(f"{what}; recorded as failed after {number} attempt{'s' if number > 1 else ''}, the others go on")
        if self._failed is not None:
            self._failed(run, failure)


class _Place:
    """The results file as it was at the start: SQLite writes on without a word into one that was removed."""

    def __init__(self, file: Path) -> None:
        self._file, self._first = file, file.stat()

    def check(self) -> None:
        """Whether it is there still.

        Raises:
            InputError: it was removed or replaced.
        """
        try:
            same = os.path.samestat(self._first, self._file.stat())
        except OSError:
            same = False
        if not same:
            raise InputError(
                f"{self._file} is gone: it was removed or replaced while runs were under way, so that no result can be "
                "stored any more. Put it back, or repeat the command to begin again."
            )


def _to_standard_error(line: str) -> None:
    print(line, file=sys.stderr)


def _on_accelerator() -> bool:
    import jax

    return jax.default_backend() != "cpu"
