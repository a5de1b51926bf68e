"""Where the training of a run is kept while it is under way: see `kept_training`, which loads JAX."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

DIRECTORY = "training"


def training_file(results: str | Path, run_id: str) -> Path:
    """The file in the results directory `results`."""
    return Path(results) / DIRECTORY / f"{run_id}.safetensors"


def forget_training(results: str | Path, run_id: str) -> None:
    """Remove what was kept of a run's training, now that its result is stored."""
    with suppress(OSError):
        training_file(results, run_id).unlink(missing_ok=True)
        training_file(results, run_id).parent.rmdir()  # once it is empty
