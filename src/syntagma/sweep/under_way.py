"""What a sweep is at now, in a small file beside its results, for whoever looks on from another process.

The driver writes it anew as runs begin and end, at most once a second, and removes it at its end. A driver that was
killed leaves it, so what is older than the driver ever lets it grow counts for nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from syntagma.atomic_file import atomic_file
from syntagma.errors import InputError
from syntagma.sweep.workers import described

if TYPE_CHECKING:
    from syntagma.sweep.runs import Run

_NAME = "under-way.json"
_LEAST_SECONDS, _MOST_SECONDS = 1.0, 5.0
"""Between two times of writing; the sooner where something has changed."""
_STALE_SECONDS = 30.0


class UnderWay:
    """Tells what is under way; nothing that goes wrong with it stops a sweep."""

    def __init__(self, results: Path) -> None:
        self._file = results / _NAME
        self._written, self._told = 0.0, ""

    def tell(self, runs: Mapping[str, Run]) -> None:
        """These runs, by their ids, are under way."""
        told = json.dumps([described(run) for run in runs.values()])
        if time.monotonic() - self._written >= (_LEAST_SECONDS if told != self._told else _MOST_SECONDS):
            self._written, self._told = time.monotonic(), told
            with suppress(InputError, OSError), atomic_file(self._file) as temporary:
                temporary.write_text(told, encoding="utf-8")

    def end(self) -> None:
        """Nothing is under way any more."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)


def runs_under_way(results: str | Path) -> list[str]:
    """What the sweep that writes into the directory `results` is at, a line a run; nothing where none does."""
    file = Path(results) / _NAME
    try:
        if time.time() - file.stat().st_mtime > _STALE_SECONDS or file.stat().st_size > 2**20:
            return []
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [line for line in said if isinstance(line, str)] if isinstance(said, list) else []
