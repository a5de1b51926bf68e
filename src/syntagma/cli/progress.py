"""How far a study is: a bar on a terminal, a line every tenth elsewhere. On standard error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from syntagma.cli.display import console
from syntagma.studies.study import Progress as Report


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


def _lines() -> Report:
    screen, start, tenths = console(stderr=True), time.monotonic(), -1

    def report(text: str, fraction: float) -> None:
        nonlocal tenths
        if int(10 * fraction) > tenths:
            tenths = int(10 * fraction)
            seconds = time.monotonic() - start
            screen.print(escape(f"{fraction:4.0%} {seconds:6.0f} s  {text}"), soft_wrap=True)

    return report
