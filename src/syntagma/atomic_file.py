"""A file that is there whole or not at all, and the removal of what killed processes left of theirs.

While it is written to, a temporary file is locked; the lock ends with its process, whatever ends that. So what is not
locked has no owner, and may be removed by anyone at any time.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from syntagma.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, so nothing is removed
    fcntl = None

_PREFIX = ".syntagma-"


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix, to write to; it takes the place of `path` if nothing was raised.

    Whatever stood at `path` stays as it was until then. What killed processes left of the same file is removed.

    Raises:
        InputError: the directory is missing or cannot be written, the disk is full, or `path` is a directory.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path} cannot be written: it is a directory. Give the name of a file.")
        handle, temporary = _new_file(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield temporary
        temporary.chmod(0o666 & ~_creation_mask())  # mkstemp lets only its owner read
        os.replace(temporary, path)
        _remove(path.parent.glob(f"{_PREFIX}{glob.escape(path.stem)}-*{glob.escape(path.suffix)}"))
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def temporary_directory(place: Path) -> Iterator[Path]:
    """A directory in `place` that is gone afterwards: at the latest by `remove_abandoned`.

    Raises:
        InputError: nothing can be made in `place`.
    """
    try:
        handle, directory = _new_directory(place)
    except OSError as error:
        raise _unwritable(place, error) from error
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def remove_abandoned(place: str | Path) -> int:
    """Remove the temporary files and directories in `place` whose processes were killed; how many there were.

    Looks into its directories and theirs, where weights and figures are, and no deeper: `place` may be anything.
    Those of processes that are at work, here or on a machine that shares the disk and its locks, are left.
    """
    return _remove(path for above in ("", "*/", "*/*/") for path in Path(place).glob(f"{above}{_PREFIX}*"))


def _remove(paths: Iterable[Path]) -> int:
    """Remove those that nobody has locked; how many."""
    removed = 0
    if fcntl is None:
        return removed
    for path in list(paths):
        with suppress(OSError):  # its owner was quicker, or it is not ours to remove
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
                removed += 1
            finally:
                os.close(handle)
    return removed


def _new_file(path: Path) -> tuple[int, Path]:
    """A locked temporary file beside `path`."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{_PREFIX}{path.stem}-", suffix=path.suffix)
        if _locked(handle, Path(name)):
            return handle, Path(name)
        os.close(handle)


def _new_directory(place: Path) -> tuple[int | None, Path]:
    """A locked temporary directory in `place`."""
    while True:
        directory = Path(tempfile.mkdtemp(dir=place, prefix=_PREFIX))
        if fcntl is None:
            return None, directory
        handle = os.open(directory, os.O_RDONLY)
        if _locked(handle, directory):
            return handle, directory
        os.close(handle)


def _locked(handle: int, path: Path) -> bool:
    """Lock what was just made; False where `remove_abandoned` came between."""
    if fcntl is None:
        return True
    with suppress(OSError):  # a file system without locks: nobody else can lock it either
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _unwritable(path: Path, error: OSError) -> InputError:
    reason = (error.strerror or str(error)).lower()
    return InputError(f"{path} cannot be written: {reason}. Choose a directory that exists and can be written.")


def _creation_mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
