"""Bytes of a file as text: UTF-8, one kind of line end, and what is no text recognised by how it begins.

A byte order mark is dropped, CR LF and CR become LF, and a note says so. What is no text is refused with the form that
would read it: token files, arrays, compressed files, records, UTF-16.
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from syntagma.errors import InputError
from syntagma.regular_file import AnyPath, shown

_TOKENS = (
    "Corpus.read(FILE, tokens='uint16', vocab=...) reads it, as does syntagma forecast --tokens uint16 --vocab NUMBER"
)
_READS = "Corpus.read(FILE) reads it"
_BEGINNINGS = (
    (b"\x93NUMPY", "an array of NumPy", "Corpus.read(FILE) reads it, where it holds tokens"),
    (b"PK\x03\x04", "a zip archive", _READS),
    (b"\x1f\x8b", "compressed by gzip", _READS),
    (b"\xfd7zXZ\x00", "compressed by xz", _READS),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", _READS),
    (b"%PDF-", "a PDF", "Convert it to plain text, for example by pdftotext"),
    (b"\xff\xfe", "text in UTF-16", "Convert it, for example by iconv -f utf-16 -t utf-8"),
    (b"\xfe\xff", "text in UTF-16", "Convert it, for example by iconv -f utf-16 -t utf-8"),
)
_ENDINGS = {
    ".bin": ("a file of tokens by its name", _TOKENS),
    ".npy": ("an array of NumPy by its name", "Corpus.read(FILE) reads it, where it holds tokens"),
    ".npz": ("an archive of arrays by its name", "Save one array of tokens as .npy, and give that"),
    ".parquet": (
        "a Parquet table by its name",
        "Corpus.read(FILE, field=...) reads it, with the name of the column, as does syntagma forecast --field NAME",
    ),
}
_RECORDS = (".jsonl", ".ndjson")


def decoded(content: bytes, path: AnyPath) -> tuple[str, tuple[str, ...]]:
    r"""The text, and notes of what was changed in it: `decoded(b"a\r\nb", "a.txt")[0] == "a\nb"`.

    Raises:
        InputError: no text in UTF-8, or nothing but white space.
    """
    check_is_text(content, path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{shown(path)} is not text in UTF-8: byte {error.start} cannot be. Convert the file."
        ) from None
    if not text.strip():
        raise InputError(f"{shown(path)} has no text in it. Give a text file.")
    notes = ["a byte order mark at the beginning was left out"] if content.startswith(b"\xef\xbb\xbf") else []
    text, changed = with_plain_line_ends(text)
    return text, (*notes, *line_end_notes(*changed))


def check_is_text(content: bytes, path: AnyPath, ending: str | None = None) -> None:
    """Refuse what is no text, by its name and its bytes; `content` may be the beginning of the file alone.

    Args:
        content: the file's bytes.
        path: its name, or what messages call it.
        ending: of its name, where that is not the ending of `path`.

    Raises:
        InputError: it is no text; the message says what it is and what reads it.
    """
    ending = PurePath(shown(path)).suffix.lower() if ending is None else ending
    what, mend = next(((w, m) for beginning, w, m in _BEGINNINGS if content.startswith(beginning)), ("", ""))
    if not what and content.startswith(b"BZh") and content[4:10] == b"1AY&SY":
        what, mend = "compressed by bzip2", _READS
    if not what and ending == ".json" and content.lstrip()[:1] in (b"[", b"{"):
        what, mend = "JSON, not text", "Give one record a line, in a file *.jsonl: jq -c '.[]' makes it of a list"
    if not what and ending in _RECORDS:
        field = _text_field(content)
        reads = f"Corpus.read(FILE, field={field!r}) reads it, as does syntagma forecast --field {field}"
        what, mend = "records of JSON, not text", reads
    if not what and ending in _ENDINGS:
        what, mend = _ENDINGS[ending]
    if not what and b"\0" in content:
        what, mend = "no text: NUL bytes are in it, as in a file of tokens", _TOKENS
    if what:
        raise InputError(f"{shown(path)} is {what}. {mend}.")


def with_plain_line_ends(text: str) -> tuple[str, tuple[int, int]]:
    """The text with LF alone, and how many CR LF and how many single CR there were."""
    if "\r" not in text:
        return text, (0, 0)
    pairs, singles = text.count("\r\n"), text.count("\r") - text.count("\r\n")
    return text.replace("\r\n", "\n").replace("\r", "\n"), (pairs, singles)


def line_end_notes(pairs: int, singles: int) -> tuple[str, ...]:
    """What to say of so many line ends that were changed."""
    counts = ((pairs, "CR LF"), (singles, "CR"))
    return tuple(f"{number} line ends {name} were made LF" for number, name in counts if number)


def _text_field(content: bytes) -> str:
    """The name of the longest text in the first record, for an example that works; "text" where that cannot be told."""
    try:
        record: Any = json.loads(content.split(b"\n", 1)[0][:100_000])
    except (ValueError, RecursionError):
        return "text"
    if not isinstance(record, dict):
        return "text"
    texts = {name: len(value) for name, value in record.items() if isinstance(value, str)}
    return "text" if "text" in texts or not texts else max(texts, key=lambda name: texts[name])
