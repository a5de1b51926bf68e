"""What a sweep is at now, in a small file beside its results, for whoever looks on from another process.

The driver writes it anew as runs begin and end, at most once a second, and removes it at its end. Meanwhile a thread
renews its time, since on an accelerator the driver itself is busy for as long as one program runs. A driver that was
killed leaves the file, so what is older than the thread ever lets it grow counts for nothing.
"""

from __future__ import annotations

import json
import os
import threading
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
_LEAST_SECONDS = 1.0
"""Between two times of writing."""
_RENEW_SECONDS, _STALE_SECONDS = 5.0, 30.0
"""Between two renewals of the file's time, and after how long without one it counts for nothing."""


class UnderWay:
    """Tells what is under way; nothing that goes wrong with it stops a sweep."""

    def __init__(self, results: Path) -> None:
        self._file = results / _NAME
        self._lock = threading.Lock()
        self._told, self._written, self._written_at = "", "", 0.0
        self._ended = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="under-way", daemon=True)

    def tell(self, runs: Mapping[str, Run]) -> None:
        """These runs, by their ids, are under way."""
        with self._lock:
            self._told = json.dumps([described(run) for run in runs.values()])
            self._write()
        if self._renewer.ident is None:
            self._renewer.start()

    def end(self) -> None:
        """Nothing is under way any more."""
        self._ended.set()
        if self._renewer.ident is not None:
            self._renewer.join()
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _renew(self) -> None:
        while not self._ended.wait(_LEAST_SECONDS):
            with self._lock:
                self._write()

    def _write(self) -> None:
        """What was told last, where it is news; else the time, where it is old."""
        age, news = time.monotonic() - self._written_at, self._told != self._written
        if age < (_LEAST_SECONDS if news else _RENEW_SECONDS):
            return
        with suppress(InputError, OSError):  # the directory may be gone, or full
            if news:
                with atomic_file(self._file) as temporary:
                    temporary.write_text(self._told, encoding="utf-8")
            else:
                os.utime(self._file)
        self._written, self._written_at = self._told, time.monotonic()


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
