"""Where a command writes to, checked before it does any work: a directory or file that can be made there."""

from __future__ import annotations

import os
from pathlib import Path

from syntagma.errors import InputError, invalid
from syntagma.regular_file import shown


def directory_to_write(field: str, text: str) -> Path:
    """The directory that `text` names, which need not be there yet: `directory_to_write("out", "results/mine")`.

    Raises:
        InputError: no directory can be there: the name is empty or no name, a file is in the way, or the place may not
            be written.
    """
    path = _named(field, text, "a directory", f"Give one, as --{field} results/mine")
    if path.suffix == ".sqlite":
        raise invalid(field, text, "results go into a directory", f"Give {path.with_suffix('')}")
    for place in (path, *path.parents):
        try:
            there = place.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise invalid(field, shown(text), f"it cannot be made, {reason}", "Choose another directory") from None
        if not os.path.isdir(place):
            reason = "it is a file" if place == path else f"it cannot be made, {shown(place)} is a file"
            raise invalid(field, shown(text), reason, "Choose another directory")
        if not os.access(place, os.W_OK | os.X_OK):
            raise invalid(field, shown(text), f"{shown(place)} may not be written", "Choose another directory")
        del there
        break
    return path


def file_to_write(field: str, text: str, ending: str = "") -> Path:
    """The file that `text` names, in a directory that is there.

    Raises:
        InputError: the name is empty or no name, does not end in `ending`, or its directory is not there.
    """
    path = _named(field, text, "a file", f"Give one, as --{field} FILE{ending}")
    if ending and path.suffix != ending:
        raise invalid(field, shown(text), f"the file's name must end in {ending}", "Name it so")
    try:
        if path.exists() and not path.is_file():
            what = "it is a directory" if path.is_dir() else "it is no regular file"
            raise InputError(f"{shown(text)} cannot be written: {what}. Give the name of a file.")
        if not path.parent.is_dir():
            reason = f"{shown(path.parent)} is no directory"
            raise InputError(f"{shown(text)} cannot be written: {reason}. Choose a directory that exists.")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{shown(text)} cannot be written: {reason}. Choose another name.") from None
    return path


def to_read(field: str, text: str) -> Path:
    """The path that `text` names; whether it is there is for whoever opens it to say.

    Raises:
        InputError: no path has such a name.
    """
    return _named(field, text, "a path", "Give one")


def _named(field: str, text: str, what: str, mend: str) -> Path:
    if not text.strip():
        raise invalid(field, text, f"it names no {what.split()[-1]}", mend)
    if "\0" in text:
        raise invalid(field, text, "a path has no NUL character", "Choose another name")
    return Path(text)
