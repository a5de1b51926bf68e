"""Doing runs: on a CPU in worker processes of one thread each, on an accelerator in this one, batched over seeds.

What to run next may depend on what has finished: `next_runs` is asked again after every finished run. Each finished
run is stored at once, so that nothing but the runs under way is lost when a command is interrupted.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syntagma.errors import InputError

if TYPE_CHECKING:
    from syntagma.sweep.runs import Run, Runner
    from syntagma.sweep.store import Store

NextRuns = Callable[[], "Iterable[Run]"]
"""The runs wanted now that are not stored yet, the most urgent first."""
Finished = Callable[["Run", dict[str, Any]], None]


def execute(next_runs: NextRuns, store: Store, workers: int, finished: Finished) -> None:
    """Do what `next_runs` asks for until it asks for nothing more.

    Args:
        workers: processes that train at the same time; 0 for one a core on a CPU and this process on an accelerator.
        finished: called with every run and its result once it is stored.

    Raises:
        InputError: a run cannot be done as configured.
        KeyboardInterrupt: passed on after the workers have been stopped.
    """

    def keep(run: Run, result: dict[str, Any]) -> None:
        store.record_run(run.config(), result)
        finished(run, result)

    if workers == 0 and _on_accelerator():
        _here(next_runs, store.path.parent, keep)
    else:
        _in_processes(next_runs, store.path.parent, workers or _usable_cores(), keep)


def _here(next_runs: NextRuns, results: Path, keep: Finished) -> None:
    """In this process, the seeds of one configuration together."""
    from syntagma.sweep.runs import Runner

    runner = Runner(results)
    while runs := list(next_runs()):
        together = [run for run in runs if run.batch_key() == runs[0].batch_key()]
        for run, result in zip(together, runner.execute(together), strict=True):
            keep(run, result)


def _in_processes(next_runs: NextRuns, results: Path, workers: int, keep: Finished) -> None:
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(str(results),))
    under_way: dict[Future[str], Run] = {}
    try:
        while True:
            busy = {run.id() for run in under_way.values()}
            wanted = [run for run in next_runs() if run.id() not in busy]
            for run in wanted[: 2 * workers - len(under_way)]:
                under_way[pool.submit(_work, json.dumps(run.config()))] = run
            if not under_way:
                return
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                run = under_way.pop(done)
                outcome = json.loads(done.result())
                if "error" in outcome:
                    raise InputError(outcome["error"])
                keep(run, outcome)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        if under_way:
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()


def _start_worker(results: str) -> None:
    """One thread a worker: two networks side by side train faster than one on two threads (see docs/decisions.md)."""
    global _results
    _results = results
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["NPROC"] = "1"
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"


_results: str | None = None
"""A worker's results directory."""
_runner: Runner | None = None
"""A worker's compiled programs, kept from run to run; a cache of the worker process alone."""


def _work(config: str) -> str:
    """One run in a worker: JSON in, JSON out."""
    global _runner
    from syntagma.sweep.runs import Run, Runner

    _runner = _runner or Runner(_results)
    try:
        return json.dumps(_runner.execute([Run.model_validate_json(config)])[0])
    except InputError as error:
        return json.dumps({"error": str(error)})


def _on_accelerator() -> bool:
    import jax

    return jax.default_backend() != "cpu"


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
