"""Files that a person names: regular files only, no larger than a limit, and every refusal one line.

A named pipe, a device or a directory is refused by what it is, before anything is read, so that a command never waits
for a pipe that nobody writes to and never reads `/dev/zero`. A name may be any bytes that the system allows; in
messages, what is not printable is escaped.

    content = read_regular("book.txt", limit=2**20)
"""

from __future__ import annotations

import os
import stat
import urllib.parse
from typing import Any, BinaryIO

from syntagma.errors import InputError

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]
_ENCODED = "file:"
_KINDS = (
    (stat.S_ISDIR, "is a directory"),
    (stat.S_ISFIFO, "is a named pipe"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
    (stat.S_ISSOCK, "is a socket"),
)


class UnreadableFile(InputError):
    """A file that a person named cannot be read; `reason` says why, without its name, `sentence` as one."""

    def __init__(self, path: AnyPath, reason: str, mend: str) -> None:
        super().__init__(f"{shown(path)} cannot be read: {reason}. {mend}.")
        self.reason = reason
        self.sentence = f"{reason[:1].upper()}{reason[1:]}."


def shown(path: AnyPath) -> str:
    r"""The path as one printable line: the byte E9 of `b"caf\xe9.txt"` is shown as the four characters `\xe9`."""
    name = os.fspath(path)
    try:
        text = os.fsencode(name).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a surrogate pair, which no file's name can have
        text = str(name).encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text) or "''"


def encodable(text: str) -> bool:
    """Whether `text` is text in Unicode: half of a surrogate pair, as of a file's name in another encoding, is not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def path_text(path: Any) -> Any:
    r"""A name as text for settings, which are UTF-8: the one with the byte E9, `b"caf\xe9.txt"`, is `file:caf%E9.txt`.

    Names that are UTF-8 stay as they are, and so does what is no name.

    Raises:
        InputError: half of a surrogate pair, which no file's name can have.
    """
    try:
        text = os.fsdecode(path) if isinstance(path, str | bytes) else path
        return (
            text if not isinstance(text, str) or encodable(text) else _ENCODED + urllib.parse.quote(os.fsencode(text))
        )
    except UnicodeEncodeError:
        raise InputError(f"{shown(path)} is a name that no file can have. Choose another.") from None


def path_of(text: str) -> str:
    """The name that `path_text` wrote down, as the system takes it; `./file:x` is the one that begins so."""
    encoded = text.startswith(_ENCODED)
    return os.fsdecode(urllib.parse.unquote_to_bytes(text.removeprefix(_ENCODED))) if encoded else text


def open_regular(path: AnyPath, limit: int | None = None, mend: str = "Give a file") -> BinaryIO:
    """A file, open for reading its bytes.

    Args:
        path: its name.
        limit: the most bytes that it may have, where there is a limit.
        mend: how the message ends where there is no such file, or no regular one.

    Raises:
        UnreadableFile: the name has a NUL or is empty; the file is missing, may not be read, is a directory, pipe,
            device or socket, or is larger than `limit`.
    """
    try:
        _check_kind(os.stat(path).st_mode, path, mend)
        # Without O_NONBLOCK a pipe that took the file's place since would be waited for.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        file = os.fdopen(os.open(path, flags), "rb")
    except OSError as error:
        raise UnreadableFile(path, _reason(error), mend) from None
    except UnreadableFile:
        raise
    except ValueError:  # NUL, or half a surrogate pair
        raise UnreadableFile(path, "no file can have such a name", mend) from None
    try:
        found = os.fstat(file.fileno())
        _check_kind(found.st_mode, path, mend)
        if limit is not None and found.st_size > limit:
            raise _too_large(path, limit)
    except BaseException:
        file.close()
        raise
    return file


def read_regular(path: AnyPath, limit: int, mend: str = "Give a file") -> bytes:
    """All bytes of the file, `limit` at the most; see `open_regular`, whose errors it raises."""
    with open_regular(path, limit, mend) as file:
        try:
            content = file.read(limit + 1)
        except OSError as error:
            raise UnreadableFile(path, _reason(error), mend) from None
    if len(content) > limit:
        raise _too_large(path, limit)
    return content


def _check_kind(mode: int, path: AnyPath, mend: str) -> None:
    if not stat.S_ISREG(mode):
        raise UnreadableFile(path, next((name for test, name in _KINDS if test(mode)), "is no regular file"), mend)


def _too_large(path: AnyPath, limit: int) -> UnreadableFile:
    return UnreadableFile(path, f"it has more than {limit} bytes, the limit", "Give a smaller one, or raise max_bytes")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
