"""Runs in a local database of MLflow, with its own interface for clients.

    mlflow server --backend-store-uri sqlite:///DIR/tracking/mlflow/mlflow.db

An experiment is a study; a run has the settings as parameters, the metrics at the best step, and `history/NAME` against
the step. The database is SQLite: MLflow no longer writes plain files unless it is asked to by a variable.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syntagma.sweep.trackers.tracker import TrackedRun, Tracker

_LONGEST = 500
"""Characters of a parameter; what is longer some versions of MLflow refuse."""
_MOST_PARAMETERS, _MOST_METRICS = 100, 1000
"""In one call."""
_ID = "syntagma.run"


class MlflowDatabase(Tracker):
    """`mlflow.db` in `place`."""

    def __init__(self, place: Path) -> None:
        with _quiet():
            from mlflow import MlflowClient  # pyright: ignore[reportMissingImports, reportPrivateImportUsage]

            self._client: Any = MlflowClient(tracking_uri=f"sqlite:///{(place / 'mlflow.db').resolve()}")
            self._artifacts = (place / "artifacts").resolve().as_uri()
            self._experiments = {one.name: one.experiment_id for one in self._client.search_experiments()}

    def tracked(self) -> set[str]:
        """See `Tracker`. Runs that were not ended are of a command that was killed, and are deleted."""
        found = set()
        with _quiet():
            for run in self._runs():
                if run.info.status == "FINISHED":
                    found.add(run.data.tags.get(_ID))
                elif _ID in run.data.tags:
                    self._client.delete_run(run.info.run_id)
        return found

    def record(self, run: TrackedRun) -> None:
        """See `Tracker`."""
        with _quiet():
            from mlflow.entities import Metric, Param  # pyright: ignore[reportMissingImports]

            if run.group not in self._experiments:
                made = self._client.create_experiment(run.group, artifact_location=self._artifacts)
                self._experiments[run.group] = made
            at = round(1000 * run.finished_at)
            number = self._client.create_run(
                self._experiments[run.group], start_time=at, run_name=run.name, tags={_ID: run.id}
            ).info.run_id
            params = [Param(name, str(value)[:_LONGEST]) for name, value in run.settings.items()]
            metrics = [Metric(name, value, at, step) for step, row in run.course() for name, value in row.items()]
            metrics += [Metric(name, value, at, run.best_step) for name, value in run.metrics.items()]
            for start in range(0, len(params), _MOST_PARAMETERS):
                self._client.log_batch(number, params=params[start : start + _MOST_PARAMETERS])
            for start in range(0, len(metrics), _MOST_METRICS):
                self._client.log_batch(number, metrics=metrics[start : start + _MOST_METRICS])
            self._client.set_terminated(number, "FINISHED", at)

    def close(self) -> None:
        """See `Tracker`."""

    def _runs(self) -> Iterator[Any]:
        token = None
        while self._experiments:
            page = self._client.search_runs(list(self._experiments.values()), page_token=token)
            yield from page
            token = page.token
            if not token:
                return


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what MLflow and its database library have to say of their own making."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401  # which says how loud it is  # pyright: ignore[reportMissingImports]

        logger = logging.getLogger("mlflow")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
