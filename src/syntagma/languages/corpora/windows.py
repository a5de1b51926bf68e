"""Windows of T tokens out of a part of a corpus, as a source of sentences.

Windows stay within documents, one every `stride` tokens from the beginning of each, unless they may run on across
documents. Which window is the k-th is computed, not kept in a table, so that a part may have billions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Integer

from syntagma.checked_call import flags_checked
from syntagma.errors import invalid, whole_number
from syntagma.languages._draws import uniform_below
from syntagma.languages._tokens import check_range, release
from syntagma.languages.corpora._token_store import Tokens
from syntagma.languages.language import Sample, Source
from syntagma.randomness import stream

_PERMUTED = 1 << 24
"""Up to so many windows, distinct ones are drawn by a permutation of all."""


@flags_checked
@dataclass(frozen=True, eq=False, repr=False)
class CorpusWindows(Source):
    """Windows of one part of a corpus.

    Attributes:
        part: the tokens, and where documents begin.
        vocab: v.
        sentence_length: T, tokens a window.
        stride: tokens from the beginning of one window to that of the next.
        distinct: whether a sample holds no window twice.
        across_documents: whether windows may hold the end of one document and the beginning of the next.
    """

    part: Tokens
    vocab: int
    sentence_length: int
    stride: int
    distinct: bool = False
    across_documents: bool = False
    _starts: Integer[np.ndarray, " D"] = field(init=False)
    _before: Integer[np.ndarray, " D+1"] = field(init=False)

    def __post_init__(self) -> None:
        """Count the windows of each document.

        Raises:
            InputError: sizes that cannot be; no document has as many tokens as a window.
        """
        length, stride = whole_number("sentence_length", self.sentence_length), whole_number("stride", self.stride)
        starts = self.part.documents
        if self.across_documents or not len(starts):
            starts = np.zeros(1, np.int64)
        lengths = np.diff(np.append(starts, len(self.part)))
        counts = np.maximum((lengths - length) // stride + 1, 0)
        object.__setattr__(self, "_starts", starts)
        object.__setattr__(self, "_before", np.concatenate([[0], np.cumsum(counts)]))
        if not len(self):
            longest = int(lengths.max(initial=0))
            mend = "Choose shorter windows or a longer text"
            if len(self.part) >= length:
                mend = "Choose shorter windows, or across_documents=True"
            raise invalid("sentence_length", length, f"the longest document of the part has {longest} tokens", mend)

    def __len__(self) -> int:
        """How many windows there are."""
        return int(self._before[-1])

    @property
    def windows(self) -> Integer[np.ndarray, "n T"]:
        """All windows in order: a copy."""
        return self.at(np.arange(len(self)))

    def at(self, numbers: Integer[np.ndarray, " n"]) -> Integer[np.ndarray, "n T"]:
        """The windows of these places in their order: `windows.at(np.arange(0, len(windows), 10))`."""
        return self._of(np.asarray(numbers))

    def sample(self, seed: int, num_sentences: int, *, hidden: bool = False) -> Sample:
        """Windows drawn independently, all equally probable, with replacement unless they are to be `distinct`; the
        first k are the same for every `num_sentences >= k`. A text has no hidden variables.

        Raises:
            InputError: a number or seed that is no whole number, or more distinct windows than there are.
        """
        rng = stream(whole_number("seed", seed, minimum=0), "windows")
        number, there = whole_number("num_sentences", num_sentences), len(self)
        if not self.distinct:
            return Sample(self._of(uniform_below(rng, there, number).astype(np.int64)))
        if number > there:
            allowed = f"the text has {there} windows of {self.sentence_length} tokens"
            raise invalid("num_sentences", number, allowed, f"Choose at most {there}, or a longer text")
        if there <= _PERMUTED:
            return Sample(self._of(rng.permutation(there)[:number]))
        return Sample(self._of(_first_distinct(rng, there, number)))

    def _of(self, numbers: Integer[np.ndarray, " n"]) -> Integer[np.ndarray, "n T"]:
        document = np.searchsorted(self._before, numbers, side="right") - 1
        first = self._starts[document] + (numbers - self._before[document]) * self.stride
        found = np.asarray(self.part.tokens[first[:, None] + np.arange(self.sentence_length)])
        release(self.part.tokens)
        check_range(found.reshape(-1), self.vocab)
        return found

    def __repr__(self) -> str:
        return f"CorpusWindows({len(self)} windows, vocab={self.vocab}, sentence_length={self.sentence_length})"


def _first_distinct(rng: np.random.Generator, bound: int, number: int) -> Integer[np.ndarray, " n"]:
    """The first `number` different ones of an endless row of draws."""
    drawn = np.zeros(0, np.int64)
    while len(drawn) < number:
        more = uniform_below(rng, bound, 1 << 16).astype(np.int64)
        drawn = np.concatenate([drawn, more])
        drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    return drawn[:number]
