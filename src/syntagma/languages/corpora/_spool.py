"""A corpus's text on disk while its vocabulary is learned and its tokens are made: read once, and seen three times.

The text is one temporary file of UTF-8, which has no name and is gone with the process, and the places where documents
begin. Parts are stretches of it.
"""

from __future__ import annotations

import itertools
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
from jaxtyping import Bool, Integer

from syntagma.languages._draws import random_order
from syntagma.languages.corpora._documents import Notes, Piece
from syntagma.languages.text import part_bounds
from syntagma.randomness import stream

Stretch = tuple[int, int]
"""Bytes of the spool, half open."""
_CHUNK = 1 << 20
_FEWEST_DOCUMENTS = 20
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Spool:
    """Text on disk.

    Attributes:
        file: its UTF-8.
        begins: `[D + 1]`, bytes at which documents begin, and at which the last ends.
        lengths: `[D]`, characters of each document.
    """

    file: IO[bytes]
    begins: Integer[np.ndarray, " bounds"]
    lengths: Integer[np.ndarray, " D"]

    @classmethod
    def of(cls, pieces: Iterable[Piece], notes: Notes, scratch: str | None) -> Spool:
        """All pieces, written to a temporary file in the folder `scratch`. Documents of white space are left out."""
        file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115
        try:
            begins, lengths = _written(pieces, file, notes)
        except BaseException:
            file.close()
            raise
        return cls(file, np.frombuffer(begins, np.int64), np.frombuffer(lengths, np.int64))

    @property
    def total(self) -> int:
        """Characters in all."""
        return int(self.lengths.sum())

    def read(self, stretches: Sequence[Stretch], whole_words: bool) -> Iterator[Piece]:
        """The text of stretches of the spool, each of one document, in pieces of at most about a million bytes.

        Args:
            stretches: which bytes; those of one document follow one another without a gap.
            whole_words: whether pieces end before white space, so that no word is cut.
        """
        for start, end in stretches:
            first, waiting = True, b""
            self.file.seek(start)
            while start < end:
                chunk = self.file.read(min(_CHUNK, end - start))
                start += len(chunk)
                content = waiting + chunk
                cut = len(content) if start == end else _place_to_cut(content, whole_words)
                text, waiting = content[:cut].decode(), content[cut:]
                if text:
                    yield text, first
                    first = False

    def split(
        self, validation_share: float, test_share: float, by_document: bool | None, whole_words: bool, seed: int
    ) -> tuple[dict[str, list[Stretch]], bool]:
        """The stretches of each part, and whether whole documents were drawn for them; see `Corpus.read`."""
        shares = [share for share in (validation_share, test_share) if share > 0]
        small = self.lengths <= min(shares) * self.total / 2 if shares else np.zeros(len(self.lengths), bool)
        enough = small.sum() >= _FEWEST_DOCUMENTS and 2 * self.lengths[small].sum() >= self.total
        if enough if by_document is None else by_document:
            movable = small if enough else np.ones(len(self.lengths), bool)
            return self._drawn(validation_share, test_share, movable, seed), True
        bounds = part_bounds(self.total, validation_share, test_share)
        cuts = [0, *(self._byte_of(bounds[part][1], whole_words) for part in PARTS[:2]), int(self.begins[-1])]
        return {part: self._within(cuts[i], cuts[i + 1]) for i, part in enumerate(PARTS)}, False

    def _drawn(
        self, validation_share: float, test_share: float, movable: Bool[np.ndarray, " D"], seed: int
    ) -> dict[str, list[Stretch]]:
        """Documents that may be drawn go in a random order to the test part, then the validation part, until these have
        their shares; each part keeps the order of the source.
        """
        order = random_order(stream(seed, "documents of the parts"), len(self.lengths))
        order = order[movable[order]]
        middle = np.cumsum(self.lengths[order]) - self.lengths[order] / 2
        place = np.searchsorted([test_share * self.total, (test_share + validation_share) * self.total], middle)
        part = np.zeros(len(self.lengths), int)
        part[order] = np.array([2, 1, 0])[place]
        return {
            name: [(int(self.begins[i]), int(self.begins[i + 1])) for i in np.flatnonzero(part == number)]
            for number, name in enumerate(PARTS)
        }

    def _within(self, start: int, end: int) -> list[Stretch]:
        """The documents, or pieces of them, between two bytes."""
        inside = self.begins[(self.begins > start) & (self.begins < end)].tolist()
        edges = [start, *inside, end] if start < end else []
        return list(itertools.pairwise(edges))

    def _byte_of(self, character: int, whole_words: bool) -> int:
        """The byte at which so many characters are over, moved on to the next white space where words stay whole."""
        ends = np.cumsum(self.lengths)
        document = int(np.searchsorted(ends, character, side="right"))
        if document == len(ends):
            return int(self.begins[-1])
        left = character - int(ends[document] - self.lengths[document])
        position, end = int(self.begins[document]), int(self.begins[document + 1])
        if not left:
            return position
        for text, _ in self.read([(position, end)], whole_words=False):
            if left >= len(text):
                left -= len(text)
                position += len(text.encode())
                continue
            position += len(text[:left].encode())
            break
        return self._next_space(position, end) if whole_words else position

    def _next_space(self, position: int, end: int) -> int:
        self.file.seek(position)
        ahead = self.file.read(min(_CHUNK, end - position))
        places = [place for space in (b" ", b"\n", b"\t") if (place := ahead.find(space)) >= 0]
        return position + min(places) if places else position


def _written(pieces: Iterable[Piece], file: IO[bytes], notes: Notes) -> tuple[array[int], array[int]]:
    """Write all documents but those of white space; where each begins and the last ends, and how long each is."""
    begins, lengths = array("q", [0]), array("q")
    length, waiting, open_one = 0, "", False

    def end() -> None:
        if length:
            begins.append(file.tell())
            lengths.append(length)
        elif open_one:
            notes.counts["empty"] += 1

    for text, first in pieces:
        if first:
            end()
            length, waiting, open_one = 0, "", True
        if not length and not text.strip():
            waiting += text
            continue
        file.write((waiting + text).encode())
        length, waiting = length + len(waiting) + len(text), ""
    end()
    return begins, lengths


def _place_to_cut(content: bytes, whole_words: bool) -> int:
    """Where a piece may end: before white space that follows a word, or else before an incomplete character."""
    if whole_words:
        for space in (b"\n", b" "):
            place = content.rfind(space)
            while place > 0 and content[place - 1 : place] in (b" ", b"\n", b"\t"):
                place -= 1
            if place > 0:
                return place
    place = len(content)
    for back in range(1, min(4, place) + 1):
        byte = content[place - back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return place - back if back < needed else place
        if byte < 0x80:
            return place
    return place
