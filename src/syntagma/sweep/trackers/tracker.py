"""One interface to the trackers: what a run is to them, and which of them have which run already.

with tracking("tensorboard", store, "scaling-laws", print) as track:
    execute(next_runs, store, 0, finished, track=track)

A tracker gets each run once it is stored, and at the start what was stored before and it lacks: of commands without
it, and of a command that was killed in between. Each run is there whole or not at all.
"""

from __future__ import annotations

import abc
import importlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syntagma.errors import InputError, invalid, unknown
from syntagma.sweep.identity import flatten
from syntagma.sweep.workers import named

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

_ADAPTERS = {
    "tensorboard": ("tensorboard_files", "TensorBoardFiles", ("tensorboard",)),
    "wandb": ("wandb_runs", "WandbRuns", ("wandb",)),
    "mlflow": ("mlflow_database", "MlflowDatabase", ("mlflow", "sqlalchemy", "alembic")),
}
"""Of each tracker its module here, the class in it, and the libraries that it needs."""
NAMES = tuple(_ADAPTERS)
"""The trackers that `--track` takes; each is an extra of its name."""

Track = Callable[[str], None]
"""Called with the id of a run that has been stored."""


@dataclass(frozen=True)
class TrackedRun:
    """A stored run as trackers take it.

    Attributes:
        group: the study, or command, that the run was first tracked by.
        settings: the configuration with dotted names; what is no number or text is JSON text.
        metrics: the numbers among the metrics.
        history: a row of numbers an evaluation, each with its `step`; what was not measured, or is NaN, is left out.
        finished_at: seconds since 1970.
    """

    id: str
    name: str
    group: str
    settings: Mapping[str, bool | int | float | str]
    metrics: Mapping[str, float]
    history: Sequence[Mapping[str, float]]
    finished_at: float

    @property
    def best_step(self) -> int:
        """The step whose network the metrics are of."""
        return int(self.metrics.get("best_step", 0))

    def course(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Step by step what was measured, named `history/NAME`: the metric of the same name is of the best step."""
        for row in self.history:
            yield int(row.get("step", 0)), {f"history/{name}": row[name] for name in row if name != "step"}

    @classmethod
    def stored(cls, store: Store, identity: str, group: str) -> TrackedRun:
        """The run of that id.

        Raises:
            InputError: there is none, or it is damaged.
        """
        config = store.config(identity)
        settings = {name: _simple(value) for name, value in flatten(config).items()}
        metrics = _numbers(flatten(store.results([identity])[identity]))
        rows = [_numbers(row) for row in store.history(identity).to_dict("records")]
        history = [{name: value for name, value in row.items() if not math.isnan(value)} for row in rows]
        (finished_at,) = store.runs([identity])["finished_at"]
        seconds = datetime.fromisoformat(finished_at).timestamp()
        return cls(identity, named(identity, config), group, settings, metrics, history, seconds)


class Tracker(abc.ABC):
    """Writes runs for one tracker into a directory of its own."""

    @abc.abstractmethod
    def __init__(self, place: Path) -> None:
        """`place` is there."""

    @abc.abstractmethod
    def tracked(self) -> set[str]:
        """The ids of the runs that are there whole."""

    @abc.abstractmethod
    def record(self, run: TrackedRun) -> None:
        """Write a run that is not there whole."""

    @abc.abstractmethod
    def close(self) -> None:
        """End what was begun."""


def check_tracker(name: str) -> None:
    """Refuse a tracker that there is not, or whose library is not installed, before anything is made.

    Raises:
        InputError: see above.
    """
    if name not in _ADAPTERS:
        raise unknown("track", name, NAMES)
    for library in _ADAPTERS[name][2]:
        if find_spec(library) is None:
            mend = f"Install it with `pip install 'syntagma[{name}]'`"
            raise invalid("track", name, f"{library} is not installed", mend)


@contextmanager
def tracking(name: str, store: Store, group: str, say: Callable[[str], None]) -> Iterator[Track]:
    """A function that takes ids of stored runs to the tracker, after those that it lacks.

    What goes wrong with a tracker stops no sweep: it is said, once, and the next command makes up for it.

    Raises:
        InputError: as `check_tracker`.
    """
    check_tracker(name)
    module, adapter, _ = _ADAPTERS[name]
    place = store.path.parent / "tracking" / name
    tracker: Tracker | None = None
    try:
        place.mkdir(parents=True, exist_ok=True)
        tracker = getattr(importlib.import_module(f"syntagma.sweep.trackers.{module}"), adapter)(place)
        assert tracker is not None
        for identity in sorted(store.ids() - tracker.tracked()):
            tracker.record(TrackedRun.stored(store, identity, group))
    except Exception as error:
        say(_trouble(name, error))
        tracker = _closed(tracker)

    def track(identity: str) -> None:
        nonlocal tracker
        if tracker is None:
            return
        try:
            tracker.record(TrackedRun.stored(store, identity, group))
        except Exception as error:
            say(_trouble(name, error))
            tracker = _closed(tracker)

    try:
        yield track
    finally:
        _closed(tracker)


def _closed(tracker: Tracker | None) -> None:
    """None, for what was closed; a tracker in trouble may be in trouble over that too."""
    try:
        if tracker is not None:
            tracker.close()
    except Exception:
        return


def _trouble(name: str, error: Exception) -> str:
    said = error if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    reason = " ".join(str(said).split())[:300].rstrip(".")
    return f"{name} gets no more runs ({reason}); they are stored all the same, and the next command takes them there"


def _simple(value: Any) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in row.items() if isinstance(value, int | float)}
