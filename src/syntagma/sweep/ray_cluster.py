"""Runs as tasks of a Ray cluster: each asks for its share of a machine, and results come back into the one store.

A task that is lost, with its process or its machine, costs its run an attempt: Ray itself tries nothing again. Every
machine must have the same versions of syntagma and of what numbers depend on, which is checked.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from syntagma import extensions
from syntagma.atomic_file import atomic_file
from syntagma.errors import InputError, invalid
from syntagma.sweep.environment import environment
from syntagma.sweep.machine import usable_cores
from syntagma.sweep.ray_task import Answer, do
from syntagma.sweep.workers import Outcome, Workers, outcome_of

if TYPE_CHECKING:
    from syntagma.sweep.runs import Run

_PASSED_ON = ("XLA_", "JAX_")
"""How the names of variables begin that the tasks have as the driver has them."""
_LOOK_SECONDS = 10.0
"""How often to see how large the cluster is."""


@dataclass(frozen=True)
class Share:
    """What one run takes of its machine.

    Attributes:
        cpus: cores.
        gpus: accelerators; 0.25 where four runs share one, each then with a quarter of its memory.
        memory_bytes: memory; 0 to leave it to Ray, which ends tasks when memory runs short.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.cpus < 10_000:
            raise invalid("cpus", self.cpus, "a run takes more than 0 cores", "Give 1")
        if not 0 <= self.gpus < 10_000 or (self.gpus > 1 and self.gpus != int(self.gpus)):
            raise invalid(
                "gpus", self.gpus, "it is a fraction of one accelerator, or a whole number", "Give 0, 0.5 or 1"
            )
        if self.memory_bytes < 0:
            raise invalid("memory_bytes", self.memory_bytes, "memory is not negative", "Leave it out")


class RayTasks(Workers):
    """Runs as tasks of a cluster.

    Args:
        address: "auto" for the cluster that this machine belongs to, "local" to start one here, or `HOST:PORT`.
        number: tasks at the same time; 0 for twice as many as there is room for, so that a cluster that grows with
            what is asked of it does grow.
        work: as for `worker_process.serve`.
        results: the results directory.
        share: what a run takes.
        say: takes a line where no machine is large enough.

    Raises:
        InputError: Ray is not installed, or there is no cluster at that address.
    """

    def __init__(
        self, address: str, number: int, work: str, results: Path, share: Share | None, say: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._number, self._work, self._results, self._share = number, work, results, share or Share()
        self._ray = _ray(address)
        self._started = not self._ray.is_initialized()
        if self._started:
            _connect(self._ray, address, number or usable_cores())
        self._task = self._ray.remote(do)
        self._tasks: dict[Any, Run] = {}
        self._versions = environment()["versions"]
        self._variables = _variables(self._share)
        self._looked, self._limit = -_LOOK_SECONDS, 1
        self._look()
        if not any(_fits(node, self._share) for node in self._machines()):
            say(f"no machine of the Ray cluster has {self._share} yet: runs wait until one joins")

    def full(self) -> bool:
        return len(self.under_way) >= self._limit

    def start(self, run: Run, attempt: int, *, alone: bool = False) -> None:
        asks = self._asks()
        if alone:
            cores = [node["Resources"].get("CPU", 0.0) for node in self._machines() if _fits(node, self._share)]
            asks |= {"num_cpus": max(cores, default=self._share.cpus)}
        reference = self._task.options(max_retries=0, **asks).remote(
            json.dumps(run.config()), self._work, self._variables, sys.path, extensions.files()
        )
        self._tasks[reference] = self.under_way[run.id()] = run

    def wait(self, seconds: float) -> None:
        self._look()
        if self._tasks:
            self._ray.wait(list(self._tasks), num_returns=1, timeout=seconds, fetch_local=False)
        else:
            time.sleep(seconds)

    def collect(self) -> list[Outcome]:
        if not self._tasks:
            return []
        ended, _ = self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=0, fetch_local=False)
        outcomes = []
        for reference in ended:
            run = self._tasks.pop(reference)
            del self.under_way[run.id()]
            outcomes.append(self._outcome(run, reference))
        return outcomes

    def close(self) -> None:
        for reference in self._tasks:
            with suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference, force=True)
        self._tasks.clear()
        self.under_way.clear()
        if self._started:
            self._ray.shutdown()

    def _asks(self) -> dict[str, float]:
        """The share in Ray's words."""
        memory = {"memory": self._share.memory_bytes} if self._share.memory_bytes else {}
        return {"num_cpus": self._share.cpus, "num_gpus": self._share.gpus, **memory}

    def _outcome(self, run: Run, reference: Any) -> Outcome:
        try:
            answer: Answer = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # raised outside the run: the module cannot be loaded, say
            mend = "Install the same syntagma, and have the files of your own at the same place, everywhere"
            reason = f"ray: a machine cannot do runs: {_line(error.cause or error).rstrip('.')}. {mend}."
            return Outcome(run, reason=reason, again=False, refused=True)
        except self._ray.exceptions.RayError as error:
            return Outcome(run, reason=f"its task was lost ({type(error).__name__}: {_line(error)})")
        said, files, versions = answer
        if versions != self._versions:
            return Outcome(run, reason=self._difference(versions), again=False, refused=True)
        try:
            for place, content in files.items():
                self._write(place, content)
        except InputError as error:
            return Outcome(run, reason=str(error), again=False, refused=True)
        return outcome_of(run, said)

    def _write(self, place: str, content: bytes) -> None:
        """A file that the run left, to its place in the results directory."""
        if PurePosixPath(place).is_absolute() or ".." in PurePosixPath(place).parts:
            raise InputError(f"ray: a run left a file at {place!r}, outside the results directory. It is not written.")
        path = self._results / place
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}.") from error
        with atomic_file(path) as temporary:
            temporary.write_bytes(content)

    def _difference(self, versions: dict[str, str | None]) -> str:
        names = [name for name in self._versions if versions.get(name) != self._versions[name]]
        theirs = ", ".join(f"{name} {versions.get(name)}" for name in names)
        ours = ", ".join(f"{name} {self._versions[name]}" for name in names)
        return f"ray: a machine of the cluster has {theirs}, this one has {ours}. Install the same on all of them."

    def _machines(self) -> list[dict[str, Any]]:
        return [node for node in self._ray.nodes() if node["Alive"]]

    def _look(self) -> None:
        """How many tasks to have at the same time, from the size of the cluster."""
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            room = sum(_room(node, self._share) for node in self._machines())
            self._limit = self._number or max(1, 2 * room)


def _ray(address: str) -> Any:
    try:
        import ray  # pyright: ignore[reportMissingImports]
        import ray.exceptions  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        reason = "Ray is not installed"
        raise invalid("ray", address, reason, "Install it with `pip install 'syntagma[ray]'`") from error
    return ray


def _connect(ray: Any, address: str, cores: int) -> None:
    """Join the cluster, or start one. Ray's own handler of SIGTERM, which leaves at once, is put away again."""
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    local = {"num_cpus": cores, "include_dashboard": False, "object_store_memory": 200_000_000}
    if address == "local":
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with _signals_as_they_are():
        try:
            ray.init(address=address, **quiet, **(local if address == "local" else {}))
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = "Ray could not be started" if address == "local" else "no cluster is there"
            mend = "Try again" if address == "local" else "Start one with `ray start --head`, or give local"
            raise invalid("ray", address, f"{reason} ({_line(error)})", mend) from error


@contextmanager
def _signals_as_they_are() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _variables(share: Share) -> dict[str, str]:
    """Of the environment: what changes numbers is the same everywhere; runs on one accelerator share its memory.

    Compiled programs kept on disk are right for one kind of processor, so where they are is not passed on.
    """
    passed_on = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    variables = {name: value for name, value in passed_on.items() if "_CACHE_" not in name}
    if 0 < share.gpus < 1:
        variables["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{0.9 * share.gpus:.3f}"
    return variables


def _room(node: dict[str, Any], share: Share) -> int:
    """How many runs a machine has room for."""
    there = node["Resources"]
    room = int(there.get("CPU", 0.0) / share.cpus)
    if share.gpus:
        room = min(room, int(there.get("GPU", 0.0) / share.gpus))
    if share.memory_bytes:
        room = min(room, int(there.get("memory", 0.0) / share.memory_bytes))
    return room


def _fits(node: dict[str, Any], share: Share) -> bool:
    return _room(node, share) > 0


def _line(error: object) -> str:
    """The first sentence of what Ray says."""
    return " ".join(str(error).split()).split(". ")[0][:200].rstrip(".") or type(error).__name__
