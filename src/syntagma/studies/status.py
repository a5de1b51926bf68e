"""How far a study is, from what is stored: what a person who looks on wants to know while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from syntagma.studies import machinery
from syntagma.studies.study import FactMissing, Facts, Study
from syntagma.sweep.failures import failures
from syntagma.sweep.under_way import runs_under_way

if TYPE_CHECKING:
    from syntagma.sweep.store import Store


@dataclass(frozen=True)
class Status:
    """How far a study is.

    Attributes:
        preset: of the last command, whose settings count.
        wanted: how many runs there are in all, if predictions hold; None where that is not known yet.
        done: how many of them are finished.
        failed: a line for each that was given up.
        running: a line for each that is under way.
        seconds_left: until the end, at the pace of the runs that the command finished; None where none runs, or none
            finished yet.
        ended: whether the last command came to its end.
    """

    study: str
    preset: str | None
    wanted: int | None
    done: int
    failed: tuple[str, ...]
    running: tuple[str, ...]
    seconds_left: float | None
    ended: bool


class Watcher:
    """Tells the status of a study again and again, and keeps what does not change from time to time."""

    def __init__(self, study: Study[Any, Any]) -> None:
        self._study = study
        self._command = -1
        self._costs: dict[str, float] | None = None

    def status(self, store: Store, now: datetime | None = None) -> Status:
        """What is stored, and under way, now.

        Raises:
            InputError: the store holds no command of this study.
        """
        settings, provenance = machinery.last_command(store, self._study)
        commands = store.commands()
        last = commands[commands["study"] == self._study.name].iloc[-1]
        if last["number"] != self._command or self._costs is None:
            self._command, self._costs = int(last["number"]), None
            try:
                cells = machinery.plan(self._study, settings, Facts(store.facts(self._study.name)))
                self._costs = {cell.run.id(): machinery.cost(cell.run) for cell in cells}
            except FactMissing:
                pass
        costs = self._costs or {}
        done = store.ids(costs) if self._costs else store.ids()
        given_up = {failure.id: failure.reason for failure in failures(store) if failure.id in costs or not costs}
        running = tuple(runs_under_way(store.path.parent))
        cost_left = sum(cost for name, cost in costs.items() if name not in done and name not in given_up)
        ended = bool(last["seconds"] == last["seconds"])
        seconds = None
        if running:
            begun = str(last["started_at"])
            at_this_pace = sum(costs.get(name, 0.0) for name in store.ids_finished_since(begun) & done)
            elapsed = ((now or datetime.now(UTC)) - datetime.fromisoformat(begun)).total_seconds()
            seconds = cost_left * elapsed / at_this_pace if at_this_pace and elapsed > 0 else None
        failed = tuple(f"{name[:8]}: {reason}" for name, reason in given_up.items())
        wanted = len(costs) if self._costs else None
        return Status(self._study.name, provenance["preset"], wanted, len(done), failed, running, seconds, ended)
