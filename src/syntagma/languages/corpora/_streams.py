"""Files as streams of bytes, whatever they are compressed by: gzip, xz, bzip2, zstd, and the members of zip archives.

How a file is compressed is seen from its first bytes, not from its name. What comes out is limited, because a small
file can hold terabytes of zeros.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Any, cast

from syntagma.errors import InputError
from syntagma.regular_file import AnyPath, open_regular, shown

_CHUNK = 1 << 20
_ENDINGS = {".gz", ".xz", ".bz2", ".zst", ".zip"}


class TooMuch(InputError):
    """A corpus has more bytes than the limit."""


@dataclass
class Limit:
    """How many bytes may still be read, from all files together."""

    left: int
    given: int

    @classmethod
    def of(cls, max_bytes: int) -> Limit:
        return cls(max_bytes, max_bytes)

    def spend(self, number: int, path: AnyPath) -> None:
        """Count bytes that were read.

        Raises:
            InputError: there are more than the limit.
        """
        self.left -= number
        if self.left < 0:
            raise TooMuch(
                f"{shown(path)} and what was read before it have more than {self.given} bytes, uncompressed, the "
                "limit. Give less, or raise max_bytes."
            )


@dataclass(frozen=True)
class Stream:
    """The bytes of a file or of a member of an archive.

    Attributes:
        name: what messages call it.
        ending: of its name, without that of the compression: `.jsonl` of `a.jsonl.gz`.
        bytes: to be read from front to back, in chunks.
        plain: whether it is the file itself, neither compressed nor a member.
    """

    name: str
    ending: str
    bytes: IO[bytes]
    plain: bool

    def chunks(self, limit: Limit) -> Iterator[bytes]:
        """All its bytes.

        Raises:
            InputError: it is cut short or damaged; there are more bytes than the limit.
        """
        while chunk := self.read(_CHUNK, limit):
            yield chunk

    def read(self, number: int, limit: Limit) -> bytes:
        """As many of its next bytes, fewer at its end; see `chunks`."""
        with _faults(self.name):
            chunk = self.bytes.read(number)
        limit.spend(len(chunk), self.name)
        return chunk

    def line(self, longest: int, limit: Limit) -> bytes:
        """Its next line, with the line end, empty at its end; see `chunks`.

        Raises:
            InputError: the line has more than `longest` bytes.
        """
        with _faults(self.name):
            line = self.bytes.readline(longest + 1)
        if len(line) > longest:
            raise InputError(f"{self.name} has a line of more than {longest} bytes. Give one record a line.")
        limit.spend(len(line), self.name)
        return line


def streams(path: AnyPath) -> Iterator[Stream]:
    """The stream of a file, or those of an archive's members, in the order of their names.

    Raises:
        InputError: no such file, or no regular one; a damaged or encrypted archive.
    """
    with open_regular(path, mend="Give a text file, or a folder of them") as file:
        beginning = file.read(512)
        file.seek(0)
        if beginning.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield from _members(path, file)
            return
        name = shown(path)
        check_is_no_tar(beginning, name)
        opened = _opened(beginning, file)
        yield Stream(name, _ending(name), opened, plain=opened is file)


def check_is_no_tar(beginning: bytes, name: str) -> None:
    """Refuse what begins as a tar archive does, compressed ones by what is inside.

    Raises:
        InputError: it is one.
    """
    if beginning[257:262] == b"ustar":
        raise InputError(f"{name} is a tar archive. Unpack it, and give the folder.")


def _opened(beginning: bytes, file: IO[bytes]) -> IO[bytes]:
    if beginning.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if beginning.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile(file)
    if beginning.startswith(b"BZh") and beginning[4:10] == b"1AY&SY":
        return bz2.BZ2File(file)
    if beginning.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa

        # pyarrow reads zstd on every Python; the standard library does from 3.14 on.
        return io.BufferedReader(cast("Any", pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")), _CHUNK)
    return file


def _members(path: AnyPath, file: IO[bytes]) -> Iterator[Stream]:
    name = shown(path)
    with _faults(name):
        archive = zipfile.ZipFile(file)
    with archive:
        for member in sorted(archive.infolist(), key=lambda one: one.filename):
            hidden = any(part.startswith((".", "__MACOSX")) for part in PurePath(member.filename).parts)
            if member.is_dir() or hidden:
                continue
            label = f"{name}: {shown(member.filename)}"
            if member.flag_bits & 1:
                raise InputError(f"{label} is encrypted. Unpack it with its password, and give the folder.")
            with _faults(label), archive.open(member) as inside:
                beginning = inside.read(16)
            with _faults(label), archive.open(member) as inside:
                opened = _opened(beginning, inside)
                yield Stream(label, _ending(member.filename), opened, plain=False)


def _ending(name: str) -> str:
    """The ending of a name, without that of a compression."""
    path = PurePath(name)
    return (PurePath(path.stem) if path.suffix.lower() in _ENDINGS else path).suffix.lower()


@contextlib.contextmanager
def _faults(name: str) -> Iterator[None]:
    """What decompressors raise becomes one line."""
    try:
        yield
    except InputError:
        raise
    except (OSError, EOFError, ValueError, RuntimeError, lzma.LZMAError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join((str(error) or type(error).__name__).split())[:120].rstrip(".")
        raise InputError(f"{name} is damaged or cut short: {reason[:1].lower()}{reason[1:]}. Restore it.") from None
