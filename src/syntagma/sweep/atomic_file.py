"""A file that is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syntagma.errors import InputError


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix, to write to; it takes the place of `path` if nothing was raised.

    Whatever stood at `path` stays as it was until then.

    Raises:
        InputError: the directory is missing or cannot be written, the disk is full, or `path` is a directory.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path} cannot be written: it is a directory. Give the name of a file.")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
        os.close(handle)
    except OSError as error:
        raise _unwritable(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_creation_mask())  # mkstemp lets only its owner read
        os.replace(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> InputError:
    reason = (error.strerror or str(error)).lower()
    return InputError(f"{path} cannot be written: {reason}. Choose a directory that exists and can be written.")


def _creation_mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
