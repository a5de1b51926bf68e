"""Runs that take milliseconds and load no JAX, and a command that does them: for tests of what can go wrong on the way.

    python quick_runs.py DIRECTORY --runs 40 --workers 2

does what `syntagma run` does with a study: it prints the id of each run once it is stored, ends in one line on standard
error where it cannot go on, and resumes. The same file has the runs' work, which workers import by its name.
"""

from __future__ import annotations

import argparse
import ctypes
import functools
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syntagma.atomic_file import atomic_file
from syntagma.errors import InputError
from syntagma.sweep.attempts import Attempts
from syntagma.sweep.endings import endings_raised, exit_code
from syntagma.sweep.execution import execute
from syntagma.sweep.identity import run_id
from syntagma.sweep.store import Store
from syntagma.sweep.worker_process import Work

WORK = "quick_runs:work"
STUDY = "quick"
NO_WAIT = (0.01, 0.01)


@dataclass(frozen=True)
class QuickRun:
    """Run number `number`, whose result is its square; `does` names what else happens."""

    number: int
    does: str = "square"
    seconds: float = 0.0

    def config(self) -> dict[str, Any]:
        return {"study": STUDY, "number": self.number, "does": self.does, "seconds": self.seconds}

    def id(self) -> str:
        return _id(self)

    def batch_key(self) -> str:
        return self.does


@functools.cache
def _id(run: QuickRun) -> str:
    return run_id(run.config())


def result_of(number: int) -> dict[str, Any]:
    return {
        "square": number**2,
        "third": number / 3,
        "history": [{"step": step, "loss": 1 / (step + 1)} for step in range(5)],
    }


def work(results: str | None) -> Work:
    """What the workers do."""
    directory = Path(results or ".")
    if "WITHOUT_THE_KERNELS_HELP" in os.environ:
        ctypes.CDLL(None).prctl(1, 0)  # PR_SET_PDEATHSIG: none

    def do(config: dict[str, Any]) -> dict[str, Any]:
        number, does = config["number"], config["does"]
        busy = directory / "busy"
        busy.mkdir(exist_ok=True)
        (busy / f"{number}-{os.getpid()}").touch()
        try:
            BEHAVIOURS[does](directory, config)
        finally:
            (busy / f"{number}-{os.getpid()}").unlink(missing_ok=True)
        result = result_of(number)
        return result | {"square": float("nan")} if does == "diverge" else result

    return do


def _square(directory: Path, config: dict[str, Any]) -> None:
    time.sleep(config["seconds"])


def _save(directory: Path, config: dict[str, Any]) -> None:
    """Write a file in two halves."""
    place = directory / "weights" / str(config["number"])
    place.mkdir(parents=True, exist_ok=True)
    with atomic_file(place / "0.bin") as temporary, temporary.open("wb") as file:
        file.write(b"a" * 5000)
        file.flush()
        time.sleep(config["seconds"])
        file.write(b"b" * 5000)


def _out_of_memory(directory: Path, config: dict[str, Any]) -> None:
    raise MemoryError(f"no {config['number']} bytes")


def _beyond_the_limit(directory: Path, config: dict[str, Any]) -> None:
    """Ask for more memory than this process may have."""
    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
    bytearray(2**31)


def _die(directory: Path, config: dict[str, Any]) -> None:
    """As the system ends a process when memory runs out. Says how many runs are under way."""
    with (directory.parent / "company").open("a") as file:
        print(len(list((directory / "busy").iterdir())), file=file)
    _not_busy(directory, config)
    os.kill(os.getpid(), signal.SIGKILL)


def _die_once(directory: Path, config: dict[str, Any]) -> None:
    before = directory.parent / f"died-{config['number']}"
    if not before.exists():
        before.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _not_busy(directory: Path, config: dict[str, Any]) -> None:
    for path in (directory / "busy").glob(f"{config['number']}-*"):
        path.unlink()


def _leave(directory: Path, config: dict[str, Any]) -> None:
    _not_busy(directory, config)
    os._exit(3)


def _refuse(directory: Path, config: dict[str, Any]) -> None:
    raise InputError(f"number={config['number']} cannot be used: it is refused. Choose another.")


def _err(directory: Path, config: dict[str, Any]) -> None:
    raise KeyError("a fault of the program")


BEHAVIOURS = {
    "square": _square,
    "save": _save,
    "diverge": _square,
    "out of memory": _out_of_memory,
    "beyond the limit": _beyond_the_limit,
    "die": _die,
    "die once": _die_once,
    "leave": _leave,
    "refuse": _refuse,
    "err": _err,
}


def stored_ids(store: Store) -> set[str]:
    return set(store.runs()["id"])


def missing(store: Store, runs: list[QuickRun]) -> list[QuickRun]:
    return [run for run in runs if not store.has(run.id())]


def obey_permissions() -> None:
    """Begin again without root's rights to read and write whatever the permissions say."""
    for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, right, 0, 0, 0)  # PR_CAPBSET_DROP
    os.execv(sys.executable, [sys.executable, *(word for word in sys.argv if word != "--powerless")])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--does", default="square")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--odd", type=int, help="the number of a run that does --does; the others square")
    parser.add_argument("--largest-file", type=int, help="bytes")
    parser.add_argument("--signals", choices=["usual", "nohup"], help="as in a terminal, or with SIGHUP ignored")
    parser.add_argument("--powerless", action="store_true", help="even root has to obey permissions")
    parser.add_argument("--ray")
    parser.add_argument("--retry-failed", action="store_true")
    given = parser.parse_args()
    if given.powerless:
        obey_permissions()
    if given.signals == "usual":  # a background process may have been started with Ctrl-C ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    elif given.signals == "nohup":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if given.largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (given.largest_file, given.largest_file))
    odd = given.odd
    runs = [
        QuickRun(number, given.does if odd in (None, number) else "square", given.seconds)
        for number in range(given.runs)
    ]
    try:
        with endings_raised(), Store.create(given.directory) as store:
            left = {run.id(): run for run in missing(store, runs)}

            def finished(run: Any, result: dict[str, Any]) -> None:
                del left[run.id()]
                print(run.id(), flush=True)

            execute(
                lambda: list(left.values()),  # pyright: ignore
                store,
                given.workers,
                finished,
                ray=given.ray,
                retry_failed=given.retry_failed,
                work=WORK,
                attempts=Attempts(NO_WAIT),
            )
    except InputError as error:
        print("error:", error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as interrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(exit_code(interrupt))


if __name__ == "__main__":
    main()
