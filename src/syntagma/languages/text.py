"""A text as a source of sentences: windows of T tokens out of a file.

Tokens are characters, or words between white space. The vocabulary is the most frequent ones of the training part, the
most frequent first, and last the token `<other>`, which stands for all the rest; a word that is `<other>` already in
the file is that token. The parts follow one another in the file: training, validation, test, with shares of the whole
for the last two. Validation is taken from the end of what would be the training part, so that without it the other two
are what they always were; no window straddles a border. The probability of a window is not known, so a text is a
`Source` but no `Language`, and has no oracle.

Texts too large for memory, compressed ones, records and token files are read by `syntagma.languages.corpora.Corpus`.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Integer

from syntagma.checked_call import checked, flags_checked
from syntagma.errors import InputError, invalid, unknown, whole_number
from syntagma.languages._draws import uniform_below
from syntagma.languages._plain_text import decoded
from syntagma.languages._tokens import checked_stream
from syntagma.languages.language import Sample, Source
from syntagma.randomness import stream
from syntagma.regular_file import AnyPath, read_regular, shown

Unit = Literal["characters", "words"]
Part = Literal["train", "validation", "test", "all"]
OTHER = "<other>"
MAX_BYTES = 2**29
"""The largest text that is read into memory unless a larger limit is given; reading takes ten times its size."""


@flags_checked
@dataclass(frozen=True, eq=False, repr=False)
class Text(Source):
    """Windows of a text.

    Example: `Text.read("mybook.txt", sentence_length=32).sample(0, 10).tokens`.

    Attributes:
        tokens: `[N]`, the part's tokens in order, in the smallest unsigned type that holds the vocabulary.
        names: what each token stands for; the last is `<other>`.
        sentence_length: T, tokens a window.
        stride: tokens from the beginning of one window to that of the next; windows overlap where it is below T.
        distinct: whether a sample holds no window twice.
        notes: what was changed in the file's text as it was read, in words; empty where nothing was.
    """

    tokens: Integer[np.ndarray, " N"]
    names: tuple[str, ...]
    sentence_length: int
    stride: int
    distinct: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check what windows rest on.

        Raises:
            InputError: tokens that are no integers, outside the vocabulary or fewer than a window.
        """
        length = whole_number("sentence_length", self.sentence_length)
        whole_number("stride", self.stride)
        checked_stream(self.tokens, len(self.names), shortest=length)

    @classmethod
    @checked
    def read(
        cls,
        path: AnyPath,
        sentence_length: int,
        *,
        unit: Unit = "characters",
        vocab: int | None = None,
        stride: int | None = None,
        part: Part = "all",
        test_share: float = 0.1,
        validation_share: float = 0.0,
        sha256: str | None = None,
        distinct: bool = False,
        max_bytes: int = MAX_BYTES,
    ) -> Text:
        """The windows of a UTF-8 file: `Text.read("book.txt", 64, part="train")`.

        Args:
            path: the file.
            sentence_length: tokens a window.
            unit: what a token is.
            vocab: number of tokens, `<other>` included; by default, and at most, all that the training part has.
            stride: from window to window; by default `sentence_length`, so that windows do not overlap.
            part: which part of the file the windows come from; the vocabulary always comes from the training part.
            test_share: how much of the file, at its end, is the test part.
            validation_share: how much of the file, before the test part, is the validation part.
            sha256: what the file's SHA-256 must be, in hexadecimal, where given.
            distinct: draw windows without replacement.
            max_bytes: the largest file that is read.

        Raises:
            InputError: a file that is missing, no regular file, larger than `max_bytes`, no text in UTF-8, empty,
                another one than `sha256` says, or shorter than a window; sizes and shares that cannot be.
        """
        sentence_length = whole_number("sentence_length", sentence_length)
        stride = sentence_length if stride is None else whole_number("stride", stride)
        most = None if vocab is None else whole_number("vocab", vocab, minimum=2)
        _check_choice("unit", unit, get_args(Unit))
        _check_choice("part", part, get_args(Part))
        shares = checked_shares(validation_share, test_share)
        if part == "validation" and not shares[0]:
            raise invalid("part", part, "validation_share=0.0 leaves it empty", "Give it, for example 0.05")
        content = read_regular(path, whole_number("max_bytes", max_bytes), "Give a text file")
        _check_digest(content, sha256, path)
        text, notes = decoded(content, path)
        pieces = _Pieces.of(text, unit)
        bounds = part_bounds(len(pieces), *shares)
        start, end = bounds["train"]
        if start == end:
            allowed = f"of {len(pieces)} {unit} in {shown(path)} none is left to train on"
            raise invalid("test_share", test_share, allowed, "Lower the shares, or give a longer text")
        names = pieces.most_frequent(end, most)
        start, end = bounds[part]
        if end - start < sentence_length:
            allowed = f"{shown(path)} has {end - start} {unit} in its part '{part}'"
            raise invalid("sentence_length", sentence_length, allowed, "Choose shorter windows or a longer text")
        return cls(pieces.numbered(names, start, end), names, sentence_length, stride, distinct, notes)

    @property
    def vocab(self) -> int:
        """Number of tokens, `<other>` included."""
        return len(self.names)

    @property
    def windows(self) -> Integer[np.ndarray, "n T"]:
        """All windows in order, a view."""
        return np.lib.stride_tricks.sliding_window_view(self.tokens, self.sentence_length)[:: self.stride]

    def sample(self, seed: int, num_sentences: int, *, hidden: bool = False) -> Sample:
        """Windows drawn independently, all equally probable, with replacement unless they are to be `distinct`; the
        first k are the same for every `num_sentences >= k`. A text has no hidden variables.

        Raises:
            InputError: a number or seed that is no whole number, or more distinct windows than there are.
        """
        rng = stream(whole_number("seed", seed, minimum=0), "windows")
        windows, number = self.windows, whole_number("num_sentences", num_sentences)
        if not self.distinct:
            return Sample(windows[uniform_below(rng, len(windows), number)])
        if number > len(windows):
            allowed = f"the text has {len(windows)} windows of {self.sentence_length} tokens"
            raise invalid("num_sentences", number, allowed, f"Choose at most {len(windows)}, or a longer text")
        return Sample(windows[rng.permutation(len(windows))[:number]])

    def __repr__(self) -> str:
        return f"Text({len(self.tokens)} tokens, vocab={self.vocab}, sentence_length={self.sentence_length})"


def checked_shares(validation_share: Any, test_share: Any) -> tuple[float, float]:
    """Both shares as numbers from 0 up to 1, less than 1 together.

    Raises:
        InputError: one of them is no such number, or they leave nothing to train on.
    """
    shares = []
    for field, given in (("validation_share", validation_share), ("test_share", test_share)):
        if isinstance(given, bool) or not isinstance(given, (int, float, np.number)) or not 0 <= given < 1:
            raise invalid(field, given, "it is a number from 0 up to, but not, 1", "For example 0.1")
        shares.append(float(given))
    if sum(shares) >= 1:
        allowed = f"with test_share={test_share} nothing is left to train on"
        raise invalid("validation_share", validation_share, allowed, "Lower one of them")
    return shares[0], shares[1]


def part_bounds(number: int, validation_share: float, test_share: float) -> dict[str, tuple[int, int]]:
    """Where the parts of `number` tokens begin and end: training, validation, test, in that order."""
    before_test = number - round(test_share * number)
    before_validation = max(before_test - round(validation_share * number), 0)
    return {
        "train": (0, before_validation),
        "validation": (before_validation, before_test),
        "test": (before_test, number),
        "all": (0, number),
    }


@dataclass(frozen=True)
class _Pieces:
    """A text in pieces, all in numbers: `numbers` index `names`, the distinct pieces in their own order."""

    numbers: Integer[np.ndarray, " N"]
    names: list[str]

    @classmethod
    def of(cls, text: str, unit: Unit) -> _Pieces:
        if unit == "characters":
            points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
            present = np.zeros(sys.maxunicode + 1, bool)
            present[points] = True
            place = np.cumsum(present, dtype=np.int32) - 1
            return cls(place[points], [chr(point) for point in np.flatnonzero(present)])
        words = text.split()
        names = sorted(set(words))
        number = {name: place for place, name in enumerate(names)}
        return cls(np.fromiter((number[word] for word in words), np.int64, count=len(words)), names)

    def __len__(self) -> int:
        return len(self.numbers)

    def most_frequent(self, end: int, most: int | None) -> tuple[str, ...]:
        """Distinct pieces of the first `end`, the most frequent first, equally frequent ones in their own order, at
        most `most` less one; and `<other>`.
        """
        counts = Counter(dict(enumerate(np.bincount(self.numbers[:end]).tolist())))
        ranked = sorted(counts, key=lambda place: (-counts[place], place))
        names = [self.names[place] for place in ranked if counts[place] and self.names[place] != OTHER]
        if not names:
            raise InputError(f"the training part has nothing but {OTHER} in it. Give a text with other words.")
        return (*(names if most is None else names[: most - 1]), OTHER)

    def numbered(self, names: Sequence[str], start: int, end: int) -> Integer[np.ndarray, " n"]:
        """The pieces from `start` to `end` as places in `names`, the last for those that are not among them."""
        place = {name: i for i, name in enumerate(names)}
        other = len(names) - 1
        table = np.array([place.get(name, other) for name in self.names], np.min_scalar_type(other))
        return table[self.numbers[start:end]]


def _check_choice(field: str, given: Any, choices: Sequence[str]) -> None:
    if not isinstance(given, str) or given not in choices:
        raise unknown(field, given if isinstance(given, str) else repr(given), choices)


def _check_digest(content: bytes, sha256: str | None, path: AnyPath) -> None:
    if sha256 is None:
        return
    found = hashlib.sha256(content).hexdigest()
    if not isinstance(sha256, str) or found != sha256.lower():
        raise invalid("sha256", sha256, f"that of {shown(path)} is {found}", "Restore the file, or give its own")
