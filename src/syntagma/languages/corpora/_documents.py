"""Documents of files: plain text, one document each or cut at a separator, and records with a named field of text.

What comes out are pieces of text, each with whether a document begins with it, so that a document may be larger than
memory. Line ends are LF; a byte order mark at the beginning of a file is left out.
"""

from __future__ import annotations

import codecs
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from syntagma.errors import InputError, invalid
from syntagma.languages._plain_text import check_is_text, line_end_notes, with_plain_line_ends
from syntagma.languages.corpora._streams import Limit, Stream, check_is_no_tar

Piece = tuple[str, bool]
"""Some text, and whether a document begins with it."""
_CHUNK = 1 << 20
_LONGEST_RECORD = 1 << 28
_RECORDS = (".jsonl", ".ndjson")
_HALVES = re.compile("[\ud800-\udfff]")


@dataclass
class Notes:
    """What was changed or left out while a corpus was read, counted."""

    counts: Counter[str] = field(default_factory=Counter)

    def sentences(self) -> tuple[str, ...]:
        """One sentence for each kind of change."""
        one_and_many = {
            "marks": ("1 byte order mark was left out", "{} byte order marks were left out"),
            "empty": ("1 empty document was left out", "{} empty documents were left out"),
            "skipped": ("1 file that is no text was left out", "{} files that are no text were left out"),
            "halves": ("1 half of a surrogate pair was replaced", "{} halves of surrogate pairs were replaced"),
        }
        said = [
            forms[self.counts[name] > 1].format(self.counts[name])
            for name, forms in one_and_many.items()
            if self.counts[name]
        ]
        return (*line_end_notes(self.counts["CR LF"], self.counts["CR"]), *said)


def pieces(
    stream: Stream, text_field: str | None, separator: str | None, limit: Limit, notes: Notes
) -> Iterator[Piece]:
    """The documents of a stream.

    Args:
        stream: a file or a member of an archive.
        text_field: which field of its records holds the text; None for plain text.
        separator: what stands between the documents of a plain text, where it has several.
        limit: how many bytes may be read.
        notes: where to count what is changed.

    Raises:
        InputError: no text in UTF-8; records without the field; a field for what has no records.
    """
    if stream.ending == ".parquet":
        yield from _table(stream, text_field, limit, notes)
        return
    beginning = stream.read(_CHUNK, limit)
    check_is_no_tar(beginning, stream.name)
    if text_field is None:
        check_is_text(beginning, stream.name, stream.ending)
        text = _text(itertools.chain([beginning], stream.chunks(limit)), stream.name, notes)
        yield from _whole(text) if separator is None else _cut(text, separator)
        return
    if stream.ending == ".json" and beginning.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        check_is_text(beginning, stream.name, stream.ending)  # says how to make records of a list
    if stream.ending not in _RECORDS and not beginning.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        raise invalid("field", text_field, f"{stream.name} holds text, not records", "Leave field out")
    yield from _records(stream, beginning, text_field, limit, notes)


def _text(chunks: Iterable[bytes], name: str, notes: Notes) -> Iterator[str]:
    """Decoded chunks, with plain line ends; a CR waits for what follows it."""
    decoder, waiting, position = codecs.getincrementaldecoder("utf-8")(), "", 0
    for number, chunk in enumerate(itertools.chain(chunks, [b""])):
        if b"\0" in chunk:
            check_is_text(chunk, name)
        try:
            text = waiting + decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            place = position + len(chunk) - len(error.object) + error.start
            raise InputError(f"{name} is not text in UTF-8: byte {place} cannot be. Convert the file.") from None
        position += len(chunk)
        if number == 0 and text.startswith("\ufeff"):
            text = text[1:]
            notes.counts["marks"] += 1
        waiting = "\r" if text.endswith("\r") and chunk else ""
        text, (pairs, singles) = with_plain_line_ends(text[: len(text) - len(waiting)])
        notes.counts["CR LF"] += pairs
        notes.counts["CR"] += singles
        yield text


def _whole(text: Iterable[str]) -> Iterator[Piece]:
    first = True
    for chunk in text:
        yield chunk, first
        first = False


def _cut(text: Iterable[str], separator: str) -> Iterator[Piece]:
    """Documents between separators, which may straddle chunks."""
    waiting, begins = "", True
    for chunk in text:
        *ended, waiting = (waiting + chunk).split(separator)
        for document in ended:
            yield document, begins
            begins = True
        held = len(separator) - 1
        if len(waiting) > held + _CHUNK:
            cut = len(waiting) - held
            yield waiting[:cut], begins
            waiting, begins = waiting[cut:], False
    yield waiting, begins


def _records(stream: Stream, beginning: bytes, text_field: str, limit: Limit, notes: Notes) -> Iterator[Piece]:
    lines = _lines(stream, beginning, limit)
    for number, line in enumerate(lines, start=1):
        if number == 1 and line.startswith(codecs.BOM_UTF8):
            line = line[3:]
            notes.counts["marks"] += 1
        if not line.strip():
            continue
        where = f"{stream.name}: record {number}"
        try:
            record: Any = json.loads(line)
        except RecursionError:
            raise InputError(f"{where} is nested too deep. Give the text in a field of its own.") from None
        except ValueError:
            raise InputError(f"{where} is no JSON; the file may have been cut short. Give one record a line.") from None
        if not isinstance(record, dict) or not isinstance(record.get(text_field), str):
            raise _no_text(where, record, text_field)
        yield tidy(record[text_field], notes), True


def _lines(stream: Stream, beginning: bytes, limit: Limit) -> Iterator[bytes]:
    *whole, last = beginning.split(b"\n")
    yield from whole
    yield last + (stream.line(_LONGEST_RECORD, limit) if len(beginning) == _CHUNK else b"")
    while line := stream.line(_LONGEST_RECORD, limit):
        yield line


def _no_text(where: str, record: Any, text_field: str) -> InputError:
    if not isinstance(record, dict):
        return InputError(f"{where} has no fields. Give one record in braces a line.")
    texts = [name for name, value in record.items() if isinstance(value, str)]
    what = "is no text" if text_field in record else "is missing"
    near = f"fields with text are {', '.join(texts[:8])}" if texts else "no field has text"
    return invalid("field", text_field, f"it {what} in {where}, where {near}", "Name one that all records have")


def _table(stream: Stream, text_field: str | None, limit: Limit, notes: Notes) -> Iterator[Piece]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not stream.plain:
        raise InputError(f"{stream.name} is a compressed Parquet table. Unpack it first.")
    try:
        table = pq.ParquetFile(stream.bytes)
        schema = table.schema_arrow
        check_column(schema, text_field, stream.name)
        for batch in table.iter_batches(batch_size=256, columns=[text_field]):
            yield from column(batch, stream.name, limit, notes)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{stream.name} is no whole Parquet table: {_first_line(error)}. Restore it.") from None


def check_column(schema: Any, text_field: str | None, name: str) -> None:
    """Refuse a table without a column of text of that name.

    Raises:
        InputError: there is none; the message lists those that are.
    """
    import pyarrow as pa

    kinds = {one.name: one.type for one in schema}
    texts = [one for one, kind in kinds.items() if pa.types.is_string(kind) or pa.types.is_large_string(kind)]
    if text_field in texts:
        return
    there = f"its columns with text are {', '.join(texts[:8])}" if texts else "none of its columns has text"
    if text_field is None:
        example = f"For example field={texts[0]!r}" if texts else "Give another file"
        raise invalid("field", None, f"{name} is a table, and {there}", example)
    raise invalid("field", text_field, f"it is no column of text in {name}: {there}", "Name one of them")


def column(batch: Any, name: str, limit: Limit, notes: Notes) -> Iterator[Piece]:
    """The texts of the only column of a batch, each a document."""
    limit.spend(batch.nbytes, name)
    for value in batch.column(0).to_pylist():
        yield tidy(value or "", notes), True


def tidy(text: str, notes: Notes) -> str:
    """Text of a record as it is kept: plain line ends, and no halves of surrogate pairs, which UTF-8 cannot hold."""
    text, (pairs, singles) = with_plain_line_ends(text)
    notes.counts["CR LF"] += pairs
    notes.counts["CR"] += singles
    if halves := len(_HALVES.findall(text)):
        notes.counts["halves"] += halves
        text = _HALVES.sub("\ufffd", text)
    return text


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120].rstrip(".")
