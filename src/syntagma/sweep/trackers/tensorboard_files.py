"""Runs as TensorBoard reads them: a directory of its own with an event file for each, named by the run's id.

    tensorboard --logdir DIR/tracking/tensorboard

Scalars are `history/NAME` against the step and each metric at the best step; settings are on the HPARAMS page.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syntagma.atomic_file import temporary_directory
from syntagma.sweep.trackers.tracker import TrackedRun, Tracker


class TensorBoardFiles(Tracker):
    """Event files below `place`."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def tracked(self) -> set[str]:
        """See `Tracker`."""
        return {path.name for path in self._place.iterdir() if path.is_dir() and not path.name.startswith(".")}

    def record(self, run: TrackedRun) -> None:
        """See `Tracker`."""
        from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportMissingImports]
        from tensorboard.plugins.hparams import summary_v2  # pyright: ignore[reportMissingImports]
        from tensorboard.summary.writer.event_file_writer import (  # pyright: ignore[reportMissingImports]
            EventFileWriter,
        )

        with temporary_directory(self._place) as directory:
            writer = EventFileWriter(str(directory / run.id))
            try:
                hparams = summary_v2.hparams_pb(dict(run.settings), trial_id=run.id, start_time_secs=run.finished_at)
                writer.add_event(Event(wall_time=run.finished_at, summary=hparams))
                for step, row in [*run.course(), (run.best_step, run.metrics)]:
                    writer.add_event(Event(wall_time=run.finished_at, step=step, summary=_summary(row)))
            finally:
                writer.close()
            os.replace(directory / run.id, self._place / run.id)

    def close(self) -> None:
        """See `Tracker`."""


def _summary(row: Mapping[str, float]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportMissingImports]

    return Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in row.items()])
