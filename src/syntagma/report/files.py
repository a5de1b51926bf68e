"""An analysis as files: every figure in the formats asked for, at the width asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from syntagma.errors import InputError, unknown
from syntagma.plot import Figure
from syntagma.plot.files import as_bytes
from syntagma.sweep.atomic_file import atomic_file

FORMATS = ("png", "pdf", "svg", "json")
WIDTHS = (3.3, 6.8)
"""Inches of a column and of a page."""


def save_figures(
    figures: Sequence[Figure],
    directory: str | Path,
    formats: Sequence[str] = ("png", "pdf"),
    width: float = 6.8,
    *,
    title: bool = True,
) -> list[Path]:
    """Draw figures into `directory`, each file whole or not at all; returns the files.

    Files that an interrupted command left half made are removed.

    Raises:
        InputError: a format that is not known, or the directory cannot be made or written.
    """
    for form in formats:
        if form not in FORMATS:
            raise unknown("format", form, FORMATS)
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{directory} cannot be made: {reason}. Choose another directory for the figures.") from error
    files = []
    for figure in figures:
        for form in formats:
            file = directory / f"{figure.name}.{form}"
            with atomic_file(file) as temporary:
                temporary.write_bytes(as_bytes(figure, form, width, title=title))
            files.append(file)
    return files
