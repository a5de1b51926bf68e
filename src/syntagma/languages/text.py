"""A text as a source of sentences: windows of T tokens out of a file.

Tokens are characters, or words between white space. The vocabulary is the most frequent ones of the training part, the
most frequent first, and last the token `<other>`, which stands for all the rest. The last `test_share` of the file is
the test part; no window straddles the border. The probability of a window is not known, so a text is a `Source` but
no `Language`, and has no oracle.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Integer

from syntagma.errors import InputError, invalid, whole_number
from syntagma.languages._draws import uniform_below
from syntagma.languages.language import Sample, Source
from syntagma.randomness import stream

Unit = Literal["characters", "words"]
Part = Literal["train", "test", "all"]
OTHER = "<other>"


@dataclass(frozen=True, eq=False, repr=False)
class Text(Source):
    """Windows of a text.

    Attributes:
        tokens: `[N]`, the part's tokens in order, in the smallest unsigned type that holds the vocabulary.
        names: what each token stands for; the last is `<other>`.
        sentence_length: T, tokens a window.
        stride: tokens from the beginning of one window to that of the next; windows overlap where it is below T.
        distinct: whether a sample holds no window twice.
    """

    tokens: Integer[np.ndarray, " N"]
    names: tuple[str, ...]
    sentence_length: int
    stride: int
    distinct: bool = False

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        sentence_length: int,
        *,
        unit: Unit = "characters",
        vocab: int | None = None,
        stride: int | None = None,
        part: Part = "all",
        test_share: float = 0.1,
        sha256: str | None = None,
        distinct: bool = False,
    ) -> Text:
        """The windows of a UTF-8 file.

        Args:
            path: the file.
            sentence_length: tokens a window.
            unit: what a token is.
            vocab: number of tokens, `<other>` included; by default, and at most, all that the training part has.
            stride: from window to window; by default `sentence_length`, so that windows do not overlap.
            part: which part of the file the windows come from; the vocabulary always comes from the training part.
            test_share: how much of the file, at its end, is the test part.
            sha256: what the file's SHA-256 must be, in hexadecimal, where given.
            distinct: draw windows without replacement.

        Raises:
            InputError: a file that is missing, no text in UTF-8, empty, another one than `sha256` says, or shorter than
                a window; sizes that cannot be.
        """
        sentence_length = whole_number("sentence_length", sentence_length)
        stride = sentence_length if stride is None else whole_number("stride", stride)
        most = None if vocab is None else whole_number("vocab", vocab, minimum=2)
        if not 0 <= test_share < 1:
            raise invalid("test_share", test_share, "it is from 0 up to, but not, 1", "For example 0.1")
        text = _decoded(Path(path), sha256)
        pieces = list(text) if unit == "characters" else text.split()
        num_train = len(pieces) - round(test_share * len(pieces))
        names = (*_most_frequent(pieces[:num_train], most), OTHER)
        chosen = {"train": pieces[:num_train], "test": pieces[num_train:], "all": pieces}[part]
        if len(chosen) < sentence_length:
            allowed = f"{path} has {len(chosen)} {unit} in its part '{part}'"
            raise invalid("sentence_length", sentence_length, allowed, "Choose shorter windows or a longer text")
        return cls(_numbered(chosen, names), names, sentence_length, stride, distinct)

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


def _decoded(path: Path, sha256: str | None) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}. Give a text file."
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise invalid("sha256", sha256, f"that of {path} is {found}", "Restore the file, or give its own")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8: byte {error.start} cannot be. Convert the file.") from None
    if not text.strip():
        raise InputError(f"{path} has no text in it. Give a text file.")
    return text


def _most_frequent(pieces: Sequence[str], most: int | None) -> list[str]:
    """Distinct pieces, the most frequent first, equally frequent ones in their own order; `most` less one of them."""
    counts = Counter(pieces)
    ranked = sorted(counts, key=lambda piece: (-counts[piece], piece))
    return ranked if most is None else ranked[: most - 1]


def _numbered(pieces: Sequence[str], names: tuple[str, ...]) -> Integer[np.ndarray, " N"]:
    number = {name: place for place, name in enumerate(names[:-1])}
    other = len(names) - 1
    numbers = (number.get(piece, other) for piece in pieces)
    return np.fromiter(numbers, np.min_scalar_type(other), count=len(pieces))
