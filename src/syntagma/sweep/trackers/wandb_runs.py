"""Runs as Weights & Biases keeps them offline: a directory for each, which its own command uploads.

    wandb sync DIR/tracking/wandb/offline-run-*

The history is `history/NAME` by step; the summary is the run's metrics, the configuration its settings, the group its
study. Nothing is sent: the mode is offline, and the library's own reports of its errors are switched off.
"""

from __future__ import annotations

import os
from pathlib import Path

from syntagma.atomic_file import temporary_directory
from syntagma.sweep.trackers.tracker import TrackedRun, Tracker

PROJECT = "syntagma"


class WandbRuns(Tracker):
    """Directories of offline runs in `place`."""

    def __init__(self, place: Path) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when it is imported
        import wandb  # pyright: ignore[reportMissingImports]

        self._place, self._wandb = place, wandb

    def tracked(self) -> set[str]:
        """See `Tracker`."""
        return {path.name.rpartition("-")[2] for path in self._place.glob("offline-run-*-*")}

    def record(self, run: TrackedRun) -> None:
        """See `Tracker`."""
        settings = self._wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            save_code=False,
            x_disable_stats=True,
            x_disable_machine_info=True,
        )
        with temporary_directory(self._place) as directory:
            told = self._wandb.init(
                mode="offline",
                dir=str(directory),
                project=PROJECT,
                id=run.id,
                name=run.name,
                group=run.group,
                config=dict(run.settings),
                settings=settings,
                reinit="finish_previous",
            )
            try:
                for step, row in run.course():
                    told.log(row, step=step)
                told.summary.update(dict(run.metrics))
            finally:
                told.finish()
            (made,) = directory.glob(f"wandb/offline-run-*-{run.id}")
            os.replace(made, self._place / made.name)

    def close(self) -> None:
        """End the process that the library has started."""
        self._wandb.teardown()
