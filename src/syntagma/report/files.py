"""An analysis as files: every figure in the formats asked for, at the width asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from syntagma.atomic_file import atomic_file
from syntagma.checked_call import checked
from syntagma.errors import InputError, invalid, unknown
from syntagma.plot import Figure
from syntagma.plot.files import contents

FORMATS = ("png", "pdf", "svg", "json")
NARROWEST, WIDEST = 2.0, 20.0
"""Inches: below, words overlap; above, no paper is."""


@checked
def save_figures(
    figures: Sequence[Figure],
    directory: str | Path,
    formats: Sequence[str] = ("png", "pdf"),
    width: float = 6.8,
    *,
    title: bool = True,
) -> list[Path]:
    """Draw figures into `directory`, each file whole or not at all; returns the files.

    Raises:
        InputError: a format that is not known, a width that cannot be, or the directory cannot be made or written.
    """
    formats, width = checked_formats(formats), checked_width(width)
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{directory} cannot be made: {reason}. Choose another directory for the figures.") from error
    files = []
    for figure in figures:
        drawn = contents(figure, formats, width, title=title)
        for form, content in zip(formats, drawn, strict=True):
            file = directory / f"{figure.name}.{form}"
            with atomic_file(file) as temporary:
                temporary.write_bytes(content)
            files.append(file)
    return files


def checked_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """The formats, each once.

    Raises:
        InputError: one that is not known.
    """
    for form in formats:
        if form not in FORMATS:
            raise unknown("format", form, FORMATS)
    return tuple(dict.fromkeys(formats))


def checked_width(width: str | float) -> float:
    """The width of figures in inches.

    Raises:
        InputError: no number, or none that figures can have.
    """
    try:
        number = float(width)
    except ValueError:
        number = math.nan
    if not NARROWEST <= number <= WIDEST:
        allowed = f"it is a number of inches from {NARROWEST:g} to {WIDEST:g}"
        raise invalid("width", width, allowed, "Give 3.3 for a column, 6.8 for a page")
    return number
