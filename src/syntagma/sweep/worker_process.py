"""What a worker process does: runs that come through its pipe, one after the other, until its driver ends.

JSON goes in and JSON comes out: a run's configuration, and its result or why there is none. The worker never outlives
its driver, whatever ended the driver: on Linux the kernel ends it, and everywhere a thread waits for the driver's end.
"""

from __future__ import annotations

import ctypes
import errno
import importlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from syntagma.errors import InputError
from syntagma.extensions import module_of_file
from syntagma.sweep.environment import environment

Work = Callable[[dict[str, Any]], dict[str, Any]]
"""Does the run of a configuration; returns its result."""

_END_WITH_PARENT = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
_OUT_OF_MEMORY_SHARE = 300
"""Thousandths of the machine's memory that are added to the worker's when the kernel looks for a process to end."""


def serve(connection: Connection, work: str, results: str | None, driver: int, files: Sequence[str] = ()) -> None:
    """The whole life of a worker process.

    Args:
        connection: where configurations come from and answers go to; an empty answer says that the worker is ready.
        work: `module:function`, which is called with `results` and returns a `Work`; with `module:function:number`, it
            is called with the number too.
        results: the results directory.
        driver: the process id of the driver.
        files: the users' files that the driver has imported, which add kinds of languages and learners.
    """
    _end_with(driver)
    _leave_signals_to_the_driver()
    _be_ended_first()
    use_one_thread(os.environ)
    for file in files:
        module_of_file(file, "file")
    do = work_of(work, results)
    connection.send_bytes(b"")
    while True:
        try:
            config = connection.recv_bytes()
        except (EOFError, OSError):
            return
        connection.send_bytes(attempt(do, config.decode()).encode())


def work_of(work: str, results: str | None) -> Work:
    """The `Work` that `module:function` makes."""
    module, function, *number = work.split(":")
    return getattr(importlib.import_module(module), function)(results, *map(int, number))


def training(results: str | None, keep: int = 0) -> Work:
    """Trains learners, keeping compiled programs and test sets from run to run: what workers do by default.

    Args:
        keep: networks to keep of each run, see `Runner`.
    """
    from syntagma.sweep.runs import Run, Runner

    runner = Runner(results, keep)
    return lambda config: runner.execute([Run.model_validate_json(json.dumps(config))])[0]


def attempt(do: Work, config: str) -> str:
    """One attempt at a run, JSON to JSON: `{"result": ..., "made_with": environment}`, `{"refused": reason}` where it
    cannot be as configured, `{"memory": reason}` where memory ran out, else `{"error": reason, "details": traceback}`.

    Trouble with files is no fault of one run: the next would meet it too.
    """
    try:
        return json.dumps({"result": do(json.loads(config)), "made_with": _environment()})
    except InputError as error:
        return json.dumps({"refused": str(error)})
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300].removesuffix(":")
        if is_out_of_memory(error):
            return json.dumps({"memory": reason})
        if isinstance(error, OSError):
            return json.dumps({"refused": f"a run cannot be done: {reason}. Mend that and repeat the command."})
        frames = traceback.extract_tb(error.__traceback__)
        place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
        return json.dumps({"error": reason + place, "details": traceback.format_exc()})


def _environment() -> dict[str, Any] | None:
    """This process's environment where JAX was loaded for the run; its settings may not be the driver's."""
    return environment() if "jax" in sys.modules else None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's error, or XLA's on any device."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error)


def use_one_thread(environment: MutableMapping[str, str]) -> None:
    """One thread a worker: two networks side by side train faster than one on two threads (see docs/decisions.md)."""
    environment["NPROC"] = "1"
    environment["XLA_FLAGS"] = environment.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"


def _end_with(driver: int) -> None:
    """End this process when the driver ends, even if the driver is killed."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # a C library without it
            ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != driver:  # it had ended before
            os._exit(1)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="driver-watch", daemon=True).start()


def _leave_signals_to_the_driver() -> None:
    """Ctrl-C and the end of a terminal reach all its processes; the driver decides what becomes of its workers."""
    numbers = [signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)  # the driver starts its workers with them blocked


def _be_ended_first() -> None:
    """When memory runs out, the kernel is to end a worker, not the driver that knows what to do then."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_OUT_OF_MEMORY_SHARE))
