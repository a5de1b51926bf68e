"""Where the training of a run is kept while it is under way: see `kept_training`, which loads JAX."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

DIRECTORY = "training"


def training_file(results: str | Path, run_id: str) -> Path:
    """The file in the results directory `results`."""
    return Path(results) / DIRECTORY / f"{run_id}.safetensors"


def forget_training(results: str | Path, run_id: str) -> None:
    """Remove what was kept of a run's training, now that its result is stored; the directory stays, see below."""
    with suppress(OSError):
        training_file(results, run_id).unlink(missing_ok=True)


def forget_directory(results: str | Path) -> None:
    """Remove the directory once it is empty and no worker is left, who may be about to write into it."""
    with suppress(OSError):
        (Path(results) / DIRECTORY).rmdir()
