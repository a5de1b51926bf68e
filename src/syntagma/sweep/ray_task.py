"""What a machine of a Ray cluster does with one run: the run itself, in a process that Ray has started.

The results directory is the driver's and need not be there, so files that a run leaves (networks along training) travel
back with its result.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from syntagma.atomic_file import remove_abandoned, temporary_directory
from syntagma.extensions import module_of_file
from syntagma.sweep.environment import environment
from syntagma.sweep.training_file import DIRECTORY
from syntagma.sweep.worker_process import Work, attempt, use_one_thread, work_of

Answer = tuple[str, dict[str, bytes], dict[str, str | None]]
"""JSON text as `worker_process.attempt` gives it, the files by their place in the results directory, the versions."""


class _Process:
    """What a process of Ray keeps from run to run: compiled programs, and a directory of its own for files."""

    def __init__(self, work: str, variables: Mapping[str, str], folders: Sequence[str], files: Sequence[str]) -> None:
        sys.path.extend(folder for folder in folders if folder not in sys.path)
        os.environ.update(variables)  # before anything loads JAX
        use_one_thread(os.environ)
        for file in files:
            module_of_file(file, "file")
        place = Path(tempfile.gettempdir(), f"syntagma-{os.getuid() if hasattr(os, 'getuid') else 'runs'}")
        place.mkdir(mode=0o700, exist_ok=True)
        remove_abandoned(place)
        self._open = ExitStack()
        self.results = self._open.enter_context(temporary_directory(place))
        self.work: Work = work_of(work, str(self.results))
        self.versions: dict[str, str | None] = environment()["versions"]


_processes: dict[str, _Process] = {}
"""By its work, that of this process; a cache of a worker alone."""


def do(
    config: str, work: str, variables: Mapping[str, str], folders: Sequence[str], files: Sequence[str] = ()
) -> Answer:
    """One attempt at the run of `config`, JSON text.

    Args:
        work: as for `worker_process.serve`.
        variables: of the environment, to set before JAX is loaded.
        folders: where the driver finds modules, a person's own among them; looked into last, where they exist here.
        files: the users' files that add kinds of languages and learners; every machine must have them at that path.

    Raises:
        InputError: this machine lacks one of `files`.
    """
    process = _processes.get(work) or _processes.setdefault(work, _Process(work, variables, folders, files))
    answer = attempt(process.work, config)
    if '"memory"' in answer[:12]:
        _processes.clear()  # what it keeps takes memory
    return answer, _taken(process.results), process.versions


def _taken(results: Path) -> dict[str, bytes]:
    """The files in `results`, which are removed; trainings in the middle are of no use where this process is not."""
    files = {}
    for path in sorted(results.rglob("*")):
        if path.is_file():
            if path.parent.name != DIRECTORY:
                files[path.relative_to(results).as_posix()] = path.read_bytes()
            path.unlink()
    return files
