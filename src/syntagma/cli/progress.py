"""How far a command is, on standard error: of a study a bar, or lines, of other work the seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from syntagma.cli.display import console

Report = Callable[[str, float], None]
"""Called with a line of text and the fraction done, in [0, 1]."""
_SILENT = 2.0
"""Seconds that work may take without a word."""


@contextmanager
def progress_shown() -> Iterator[Report]:
    """What a study calls with a line of text and the fraction done."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield _lines()
        return
    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=screen, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda text, fraction: bar.update(task, description=escape(text), completed=fraction)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show that work goes on: seconds that run on a terminal; elsewhere a line after two seconds and at each doubling.

    What is inside may print: standard output is left alone.
    """
    screen = console(stderr=True)
    if screen.is_terminal:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=screen, transient=True, redirect_stdout=False) as bar:
            bar.add_task(escape(text), total=None)
            yield
        return
    done, start = threading.Event(), time.monotonic()

    def say() -> None:
        while not done.wait(max(_SILENT, time.monotonic() - start)):
            screen.print(escape(f"{time.monotonic() - start:6.0f} s  {text}"), soft_wrap=True)

    speaker = threading.Thread(target=say, name="waiting", daemon=True)
    speaker.start()
    try:
        yield
    finally:
        done.set()
        speaker.join()


def _lines() -> Report:
    """A line at each tenth and at least one a minute, as far as there is news."""
    screen, start, tenths, said = console(stderr=True), time.monotonic(), -1, 0.0

    def report(text: str, fraction: float) -> None:
        nonlocal tenths, said
        seconds = time.monotonic() - start
        if int(10 * fraction) > tenths or seconds > said + 60:
            tenths, said = int(10 * fraction), seconds
            screen.print(escape(f"{fraction:4.0%} {seconds:6.0f} s  {text}"), soft_wrap=True)

    return report
