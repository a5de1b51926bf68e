"""Runs in worker processes of this machine, each with a pipe of its own: one that dies costs its own run an attempt.

A worker is started when there is a run for it, and says when it is ready. Python's own pool of processes is not used:
there, one worker's death ends all work, and nothing says whose it was.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

from syntagma import extensions
from syntagma.errors import invalid
from syntagma.sweep.worker_process import serve
from syntagma.sweep.workers import Outcome, Workers, outcome_of

if TYPE_CHECKING:
    from syntagma.sweep.runs import Run

_STARTS = 10
"""Workers in a row that may be killed before they are ready."""


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    ready: bool = False
    run: Run | None = None


class WorkerProcesses(Workers):
    """Runs in at most `number` processes at the same time.

    Args:
        work: `module:function`, see `worker_process.serve`.
        results: the results directory, if there is one.
    """

    def __init__(self, number: int, work: str, results: str | None) -> None:
        super().__init__()
        self._number, self._work, self._results = number, work, results
        self._workers: list[_Worker] = []
        self._failed_starts, self._failed_start = 0, ""

    def full(self) -> bool:
        return len(self.under_way) >= self._number

    def start(self, run: Run, attempt: int, *, alone: bool = False) -> None:
        idle = [worker for worker in self._workers if worker.run is None]
        while alone and idle:  # what they keep from run to run takes memory
            self._end(idle.pop())
        worker = next((worker for worker in idle if worker.ready), None) or next(iter(idle), None) or self._new()
        worker.run = run
        self.under_way[run.id()] = run
        if worker.ready:
            self._send(worker)

    def wait(self, seconds: float) -> None:
        wait([source for worker in self._workers for source in (worker.connection, worker.process.sentinel)], seconds)

    def collect(self) -> list[Outcome]:
        outcomes = []
        for worker in list(self._workers):
            alive = worker.process.exitcode is None  # asked before the pipe is read: nothing can come after it
            for answer in _messages(worker.connection):
                if not answer:
                    worker.ready, self._failed_starts = True, 0
                    self._send(worker)
                elif run := self._release(worker):
                    self._failed_starts = 0  # while some work, others may be started again and again
                    outcomes.append(outcome := outcome_of(run, answer))
                    if outcome.result is None and outcome.again:
                        self._end(worker)  # its memory is used up: the next run begins in a fresh one
            if not alive and worker in self._workers:
                outcomes += self._died(worker)
        return outcomes

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in list(self._workers):
            self._end(worker)
        self.under_way.clear()

    def _new(self) -> _Worker:
        if self._failed_starts >= _STARTS:
            mend = "What it said is above; a script that trains must do so under `if __name__ == '__main__':`"
            mend = "Lower workers" if "killed" in self._failed_start else mend
            raise invalid("workers", self._number, f"a worker {self._failed_start} before its first run", mend)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (theirs, self._work, self._results, os.getpid(), extensions.files())
        process = context.Process(target=serve, args=arguments, name="syntagma-worker", daemon=True)
        try:
            resource_tracker.ensure_running()
            with _signals_blocked():
                process.start()
        except OSError as error:
            reason = f"a worker process cannot be started, {(error.strerror or str(error)).lower()}"
            raise invalid("workers", self._number, reason, "Lower workers") from error
        theirs.close()
        self._workers.append(worker := _Worker(process, ours))
        return worker

    def _send(self, worker: _Worker) -> None:
        if worker.run is not None:
            with suppress(OSError):  # it has died: its exit code will say so
                worker.connection.send_bytes(json.dumps(worker.run.config()).encode())

    def _release(self, worker: _Worker) -> Run | None:
        """The worker's run, which is under way no longer."""
        run, worker.run = worker.run, None
        return self.under_way.pop(run.id()) if run is not None else None

    def _died(self, worker: _Worker) -> list[Outcome]:
        code = self._end(worker)
        run = self._release(worker)
        if worker.ready:
            return [Outcome(run, reason=f"its worker {_ending(code)}")] if run is not None else []
        self._failed_starts += _STARTS if code > 0 else 1  # an error would come again, a signal may not
        self._failed_start = _ending(code)
        return []

    def _end(self, worker: _Worker) -> int:
        """End the worker's process; its exit code."""
        self._workers.remove(worker)
        worker.process.kill()
        worker.process.join()
        code = worker.process.exitcode or 0
        worker.connection.close()
        worker.process.close()
        return code


def _messages(connection: Connection) -> Iterator[str]:
    """What the pipe holds by now."""
    with suppress(EOFError, OSError):
        while not connection.closed and connection.poll():
            yield connection.recv_bytes().decode()


def _ending(code: int) -> str:
    """`was killed by SIGKILL`, or with which exit code it ended."""
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"was killed by {name}" + (", as the system does when memory runs out" if name == "SIGKILL" else "")


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Processes that are started inside get no Ctrl-C, nor SIGHUP, before they have said what they make of it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
