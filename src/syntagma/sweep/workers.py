"""Where runs are done, and what becomes of each attempt: the same few verbs for processes, accelerators and clusters.

with places as workers:
workers.start(run, attempt)        # while workers.has_room(run)
workers.wait(seconds)              # until something has happened, at most so long
workers.collect()                  # results, and attempts that failed
"""

from __future__ import annotations

import abc
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syntagma.sweep.runs import Run


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt at a run: its result, or why there is none.

    Attributes:
        result: None where the attempt failed.
        reason: why it failed, in one line.
        again: whether another attempt could go otherwise.
        refused: whether the run cannot be done as configured; `reason` then is the one line to show.
        details: the traceback of an error that the run raised.
        made_with: the environment of the process that did the run; None where it is that of this one.
    """

    run: Run
    result: dict[str, Any] | None = None
    reason: str = ""
    again: bool = True
    refused: bool = False
    details: str = ""
    made_with: dict[str, Any] | None = None


class Workers(abc.ABC):
    """Does runs elsewhere or here. Leaving the `with` block ends what is under way.

    Attributes:
        under_way: the runs that were started and not collected yet, by their ids.
    """

    def __init__(self) -> None:
        self.under_way: dict[str, Run] = {}

    @abc.abstractmethod
    def full(self) -> bool:
        """Whether no run at all can be started now."""

    def has_room(self, run: Run) -> bool:
        """Whether `run` can be started now, with those that were started and not waited for."""
        return not self.full()

    @abc.abstractmethod
    def start(self, run: Run, attempt: int, *, alone: bool = False) -> None:
        """Begin attempt number `attempt` (from 1) at `run`; `alone` where nothing else is to share its machine.

        Raises:
            InputError: no worker can be had.
        """

    @abc.abstractmethod
    def wait(self, seconds: float) -> None:
        """Return when there is something to collect, or after `seconds`."""

    @abc.abstractmethod
    def collect(self) -> list[Outcome]:
        """What has ended since the last call. Returns at once.

        A run that is no longer under way and has no outcome is to be started again, at no cost of an attempt: its
        worker did not come as far as to begin.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """End what is under way."""

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def outcome_of(run: Run, answer: str) -> Outcome:
    """What a worker's answer, the JSON text of `worker_process.attempt`, says of `run`."""
    said = json.loads(answer)
    if "result" in said:
        return Outcome(run, result=said["result"], made_with=said.get("made_with"))
    if "refused" in said:
        return Outcome(run, reason=said["refused"], again=False, refused=True)
    if "memory" in said:
        return Outcome(run, reason=f"memory ran out ({said['memory']})")
    return Outcome(run, reason=said["error"], again=False, details=said["details"])


def described(run: Run) -> str:
    """A run by the start of its id and what a person knows it by: `1a2b3c4d (cnn, num_examples=1024, seed=3)`."""
    return named(run.id(), run.config())


def named(identity: str, config: Mapping[str, Any]) -> str:
    """The run of an id and a configuration, as `described`."""
    learner = config.get("learner")
    words = [str(learner["kind"])] if isinstance(learner, Mapping) and "kind" in learner else []
    words += [f"{name}={config[name]}" for name in ("num_examples", "seed") if name in config]
    return identity[:8] + (f" ({', '.join(words)})" if words else "")
