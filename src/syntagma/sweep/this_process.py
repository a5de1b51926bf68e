"""Runs in this process, those of one program as one batch: for an accelerator, which is shared badly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from syntagma.sweep.worker_process import attempt
from syntagma.sweep.workers import Outcome, Workers, outcome_of

if TYPE_CHECKING:
    from syntagma.sweep.runs import Run


class ThisProcess(Workers):
    """Batches of runs, one after the other. A batch that fails is taken apart, which costs its runs no attempt: where
    memory ran out, batches of its kind are half as large from then on; else each run is done alone.

    Args:
        results: the results directory.
        keep: networks to keep of each run, see `Runner`.
    """

    def __init__(self, results: Path, keep: int = 0) -> None:
        from syntagma.sweep.runs import Runner

        super().__init__()
        self._runner = Runner(results, keep)
        self._outcomes: list[Outcome] = []
        self._singly: set[str] = set()
        self._largest: dict[str, int] = {}

    def full(self) -> bool:
        return False

    def has_room(self, run: Run) -> bool:
        if not self.under_way:
            return True
        first = next(iter(self.under_way.values()))
        if self._singly & {run.id(), first.id()} or run.batch_key() != first.batch_key():
            return False
        return len(self.under_way) < self._largest.get(run.batch_key(), len(self.under_way) + 1)

    def start(self, run: Run, attempt: int, *, alone: bool = False) -> None:
        self.under_way[run.id()] = run
        if attempt > 1:
            self._singly.add(run.id())

    def wait(self, seconds: float) -> None:
        """Do what was started, however long it takes."""
        runs = list(self.under_way.values())
        if len(runs) > 1:
            answer = attempt(lambda _: {"of each": self._runner.execute(runs)}, json.dumps(None))
            if "result" in (said := json.loads(answer)):
                self._outcomes = [
                    Outcome(run, result=result) for run, result in zip(runs, said["result"]["of each"], strict=True)
                ]
            elif "memory" in said:
                self._largest[runs[0].batch_key()] = len(runs) // 2
            else:
                self._singly.update(self.under_way)
        elif runs:
            answer = attempt(lambda _: self._runner.execute(runs)[0], json.dumps(None))
            self._outcomes = [outcome_of(runs[0], answer)]

    def collect(self) -> list[Outcome]:
        outcomes, self._outcomes = self._outcomes, []
        self.under_way.clear()
        return outcomes

    def close(self) -> None:
        self.under_way.clear()
