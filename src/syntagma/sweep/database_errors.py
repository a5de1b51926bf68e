"""What SQLite says when something is wrong with a file of results, in one line that says how to mend it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syntagma.errors import InputError

BUSY_SECONDS = 30.0
"""How long a process waits for another that writes."""
TROUBLES = (sqlite3.Error, UnicodeDecodeError)
"""What Python raises for what SQLite finds."""
_MENDS = {
    "SQLITE_NOTADB": ("it is not a file of results", "Give another directory, or move that file away"),
    "SQLITE_CORRUPT": ("it is damaged", "Restore a copy of it, or move it away and run the study again"),
    "SQLITE_READONLY": ("it or its directory cannot be written", "Change its permissions, or choose another directory"),
    "SQLITE_CANTOPEN": ("it or its directory cannot be opened", "Change its permissions, or copy the directory"),
    "SQLITE_BUSY": (f"another process held it for {BUSY_SECONDS:.0f} s", "Wait for that process, or end it"),
    "SQLITE_FULL": ("the disk is full", "Make room and repeat the command; finished runs are kept"),
    "SQLITE_IOERR": ("the disk reports an error", "Check the disk; finished runs are kept"),
    "SQLITE_ERROR": ("a table of it is missing or altered", "Restore a copy of it, or move it away"),
}


@contextmanager
def troubles_explained(file: Path) -> Iterator[None]:
    """Turns what SQLite raises inside into the one-line error."""
    try:
        yield
    except TROUBLES as error:
        raise explained(file, error) from error


def explained(file: Path, error: Exception) -> InputError:
    """The one-line error for what SQLite raised about `file`."""
    name = name_of(error)
    for start, (trouble, mend) in _MENDS.items():
        if name.startswith(start):
            return InputError(f"{file} cannot be used: {trouble} ({one_line(error)}). {mend}.")
    return InputError(f"{file} cannot be used: {one_line(error)}. Choose another directory.")


def one_line(said: object) -> str:
    """What SQLite says, which may quote the file, in one line of characters that can be shown."""
    words = " ".join(str(said).removeprefix("*** in database main ***").split())[:200]
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in words)


def is_damage(error: Exception) -> bool:
    """Whether SQLite says that the content of the file is broken, and not that it cannot get at it."""
    return name_of(error).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def name_of(error: Exception) -> str:
    """SQLite's name of an error. A message about a broken schema may quote what is no text."""
    return "SQLITE_CORRUPT" if isinstance(error, UnicodeDecodeError) else getattr(error, "sqlite_errorname", None) or ""
