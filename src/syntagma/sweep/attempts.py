"""How often a run is tried: a worker may die for reasons that are not the run's, so it has more than one attempt.

What may go otherwise the next time (a worker that died, memory that ran out) is tried three times in all: again after a
second, and after ten seconds a last time with nothing else under way, so that it has the whole machine. An error that
the run itself raised would be raised again, and is not tried twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

BACK_OFF_SECONDS = (1.0, 10.0)
"""Waits between the attempts: one attempt more than there are waits."""


class Attempts:
    """The attempts at each run, by its id.

    Args:
        back_off: seconds between one attempt and the next.
        clock: seconds that only grow.
    """

    def __init__(
        self, back_off: Sequence[float] = BACK_OFF_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._back_off = tuple(back_off)
        self._clock = clock
        self._failed: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._given_up: set[str] = set()

    @property
    def limit(self) -> int:
        """How many attempts a run has."""
        return len(self._back_off) + 1

    def number(self, run_id: str) -> int:
        """Of the next attempt at that run, or of the one under way: 1 for the first."""
        return self._failed.get(run_id, 0) + 1

    def alone(self, run_id: str) -> bool:
        """Whether the next attempt is a last one after others, to be made with nothing else under way."""
        return 1 < self.number(run_id) == self.limit

    def wait_seconds(self, run_id: str) -> float:
        """Until the next attempt may begin."""
        return max(0.0, self._not_before.get(run_id, 0.0) - self._clock()) if run_id in self._not_before else 0.0

    def fail(self, run_id: str, *, again: bool) -> bool:
        """Count a failed attempt; whether there is to be another, which is never so unless `again`."""
        number = self.number(run_id)
        self._failed[run_id] = number
        if not again or number >= self.limit:
            self._given_up.add(run_id)
            return False
        self._not_before[run_id] = self._clock() + self._back_off[number - 1]
        return True

    def give_up(self, run_ids: Sequence[str]) -> None:
        """Make no attempt at these."""
        self._given_up.update(run_ids)

    def given_up(self, run_id: str) -> bool:
        """Whether there is to be no further attempt."""
        return run_id in self._given_up
