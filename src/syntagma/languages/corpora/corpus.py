"""Any corpus as tokens in three parts, memory-mapped, with the places where documents begin.

    corpus = Corpus.read("books/", tokens="bpe:8192")
    corpus = Corpus.read("stories.jsonl.zst", tokens="word", field="text")
    corpus = Corpus.read("train.bin", tokens="uint16", vocab=50257)
    corpus["train"].tokens, corpus["train"].documents

Text is read once, to a temporary file; its documents are split into training, validation and test part; the vocabulary
comes from the training part; the tokens of each part are a temporary file again, mapped into memory. So memory is that
of a few megabytes of text, the vocabulary, and 16 bytes a document, whatever the size; the disk holds the text and its
tokens while it lasts. `save` keeps the tokens in a folder, which `Corpus.open` maps in no time.

Parts. Where there are 20 documents or more, whole ones are drawn for the test and the validation part, but for those
larger than half of the smallest part, which stay in the training part; each part keeps the order of the source. With
fewer, or where the large ones are half of the text, the text is cut: training part, validation part, test part, as
`Text` does (for characters of one file at the very same places), between words where words stay whole; a document that
a cut goes through is one document on either side. Ready token files are cut at the beginning of the nearest document,
so that nothing is copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from syntagma.checked_call import checked
from syntagma.errors import InputError, invalid, unknown, whole_number
from syntagma.languages._tokens import release
from syntagma.languages.corpora._documents import Notes
from syntagma.languages.corpora._ready_tokens import ready_parts
from syntagma.languages.corpora._saved import Saved, opened, save
from syntagma.languages.corpora._sources import HUB, STDLIB, pieces_of
from syntagma.languages.corpora._spool import PARTS, Spool
from syntagma.languages.corpora._streams import Limit
from syntagma.languages.corpora._token_store import DTYPES, Tokens, encoded
from syntagma.languages.corpora._tokenizers import Scheme, Tokenizer
from syntagma.languages.corpora.windows import CorpusWindows
from syntagma.languages.text import checked_shares
from syntagma.regular_file import AnyPath, shown

_PIECE = 1 << 22
MAX_BYTES = 1 << 36
"""The largest corpus that is read, in bytes of text, unless a larger limit is given."""


@dataclass(frozen=True, eq=False, repr=False)
class Corpus:
    """Tokens in three parts.

    Example: `Corpus.read("mybook.txt", "char").vocab`.

    Attributes:
        parts: "train", "validation" and "test".
        vocab: v, number of tokens.
        tokenizer: what made them of text; None for ready token files.
        notes: what was changed, left out or decided as the corpus was read, in sentences.
        digest: SHA-256 of vocabulary, tokens and beginnings of documents of all parts, in hexadecimal.
    """

    parts: Mapping[str, Tokens]
    vocab: int
    tokenizer: Tokenizer | None
    notes: tuple[str, ...] = ()
    digest: str = field(default="")

    def __post_init__(self) -> None:
        """Compute the digest where it is not known."""
        if not self.digest:
            object.__setattr__(self, "digest", _digest(self.parts, self.vocab))

    @classmethod
    def read(
        cls,
        source: AnyPath | Sequence[AnyPath],
        tokens: str = "char",
        *,
        field: str | None = None,
        vocab: int | None = None,
        validation_share: float = 0.05,
        test_share: float = 0.1,
        by_document: bool | None = None,
        separator: str | None = None,
        end_of_document: int | None = None,
        split: str = "train",
        seed: int = 0,
        max_bytes: int = MAX_BYTES,
        scratch: str | None = None,
    ) -> Corpus:
        """The tokens of a source.

        Args:
            source: a file, a folder, a pattern such as `"books/*.txt"`, or a list of those: plain text in UTF-8, one
                document each; `.jsonl` and Parquet, one document a record; compressed by gzip, xz, bzip2, zstd or zip.
                `"stdlib"`: the sources of this Python's library. `"hf:NAME"` or `"hf:NAME:CONFIGURATION"`: a data set
                of Hugging Face by name (extra `hf`); a folder that its `save_to_disk` wrote needs no extra.
            tokens: `"char"`; `"word"`, between white space; `"bpe:8192"`, byte pairs learned on the training part
                (extra `bpe`); the path of a `tokenizer.json`; `"uint16"` or `"uint32"` for a ready token file.
            field: which field of records, or column of tables, holds the text.
            vocab: for characters and words, the most tokens, `<other>` included (words: 65,536 by default); for token
                files, which need it, the vocabulary.
            validation_share: how much is the validation part.
            test_share: how much is the test part.
            by_document: whether whole documents are drawn for the parts; decided by their number and size by default.
            separator: text between the documents of a plain text file, such as `"<|endoftext|>"`.
            end_of_document: the token that ends each document of a token file, where one does.
            split: which split of a Hugging Face data set.
            seed: of the draw of documents.
            max_bytes: the most bytes of text, uncompressed.
            scratch: the folder for temporary files; the system's own by default.

        Raises:
            InputError: nothing is there; what is there is no text, or is none without `field`; more than `max_bytes`;
                settings that cannot be; a package that is missing.
        """
        shares = checked_shares(validation_share, test_share)
        if isinstance(tokens, str) and tokens in DTYPES:
            _refuse_for_token_files(field=field, separator=separator, split=None if split == "train" else split)
            parts, notes = ready_parts(source, tokens, vocab, shares, end_of_document)
            return cls(parts, whole_number("vocab", vocab), None, notes)
        scheme = Scheme(tokens, vocab)
        _check_text_settings(source, tokens, field, separator, end_of_document, by_document, split)
        seed, limit = whole_number("seed", seed, minimum=0), Limit.of(whole_number("max_bytes", max_bytes))
        notes = Notes()
        try:
            spool = Spool.of(pieces_of(source, field, separator, split, limit, notes), notes, scratch)
        except OSError as error:
            raise _no_space(error, scratch) from None
        with spool.file:
            if not len(spool.lengths):
                raise InputError(f"{_named(source)} has no text in it. Give a text file.")
            stretches, drawn = spool.split(*shares, by_document, scheme.whole_words, seed)
            for part, share in zip(PARTS, (1 - sum(shares), *shares), strict=True):
                if share > 0 and not stretches[part]:
                    allowed = f"of {spool.total} characters in {len(spool.lengths)} documents none is in part '{part}'"
                    raise invalid(f"{'test' if part == 'train' else part}_share", share, allowed, "Give a longer text")
            whole = scheme.whole_words
            tokenizer = scheme.learn(text for text, _ in spool.read(stretches["train"], whole))
            try:
                parts = {part: encoded(spool.read(stretches[part], whole), tokenizer, scratch) for part in PARTS}
            except OSError as error:
                raise _no_space(error, scratch) from None
        if not len(parts["train"]):
            raise InputError(f"{_named(source)} has no tokens in its training part. Give a longer text.")
        return cls(parts, tokenizer.vocab, tokenizer, (*notes.sentences(), *_decided(drawn, len(spool.lengths))))

    def __getitem__(self, part: str) -> Tokens:
        """A part by its name: `corpus["train"].tokens`.

        Raises:
            InputError: no such part.
        """
        if not isinstance(part, str) or part not in self.parts:
            raise unknown("part", part if isinstance(part, str) else repr(part), self.parts)
        return self.parts[part]

    @checked
    def windows(
        self,
        part: str,
        sentence_length: int,
        *,
        stride: int | None = None,
        distinct: bool = False,
        across_documents: bool = False,
    ) -> CorpusWindows:
        """Windows of a part as a source of sentences: `corpus.windows("train", 64).sample(0, 32).tokens`.

        Raises:
            InputError: no such part, or no window in it.
        """
        step = sentence_length if stride is None else stride
        return CorpusWindows(self[part], self.vocab, sentence_length, step, distinct, across_documents)

    @checked
    def save(self, directory: AnyPath) -> Path:
        """Keep the tokens in a folder, which must not be there yet, and return it; `Corpus.open` reads it.

        Raises:
            InputError: the folder is there already, or cannot be made.
        """
        return save(Saved(self.parts, self.vocab, self.tokenizer, self.notes, self.digest), directory)

    @classmethod
    @checked
    def open(cls, directory: AnyPath, *, verify: bool = False) -> Corpus:
        """The corpus that `save` wrote, memory-mapped: `Corpus.open("corpus")`.

        Args:
            directory: the folder.
            verify: whether to read all tokens and compare their digest with the one that was saved.

        Raises:
            InputError: no such folder; it is damaged, or has other tokens than were saved.
        """
        saved = opened(directory)
        if not verify:
            return cls(*saved)
        corpus = cls(*saved[:-1])
        if corpus.digest != saved.digest:
            raise InputError(f"{shown(directory)} has other tokens than were saved. Make the corpus again.")
        return corpus

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(part)}" for name, part in self.parts.items())
        return f"Corpus({sizes} tokens, vocab={self.vocab})"


def _refuse_for_token_files(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise invalid(name, value, "a token file has no text", f"Leave {name} out")


def _check_text_settings(
    source: Any, tokens: Any, field: Any, separator: Any, end_of_document: Any, by_document: Any, split: Any
) -> None:
    if end_of_document is not None:
        allowed = f"it is of token files, and tokens={tokens!r} are made of text"
        raise invalid("end_of_document", end_of_document, allowed, "Leave it out, or give separator")
    if by_document is not None and not isinstance(by_document, bool):
        raise invalid("by_document", by_document, "it is True, False or None")
    for name, given in (("field", field), ("separator", separator)):
        if given is not None and (not isinstance(given, str) or not given):
            raise invalid(name, given, "it is some text", f"Leave {name} out where there is none")
    if not isinstance(split, str):
        raise invalid("split", split, "it is the name of a split", "For example 'train'")
    if field is not None and isinstance(source, str) and source == STDLIB:
        raise invalid("field", field, "source='stdlib' is programs, not records", "Leave field out")
    if separator is not None and field is not None:
        raise invalid("separator", separator, f"documents are the records with field={field!r}", "Leave it out")


def _decided(drawn: bool, documents: int) -> Iterator[str]:
    if documents > 1:
        what = "whole documents were drawn for the parts" if drawn else "the parts follow one another"
        yield f"{documents} documents: {what}"


def _no_space(error: OSError, scratch: str | None) -> InputError:
    reason = (error.strerror or str(error)).lower()
    return invalid("scratch", scratch, f"temporary files cannot be written, {reason}", "Name a folder with more space")


def _named(source: Any) -> str:
    if isinstance(source, (list, tuple)):
        return f"source of {len(source)} files"
    return source if isinstance(source, str) and source.startswith((STDLIB, HUB)) else shown(source)


def _digest(parts: Mapping[str, Tokens], vocab: int) -> str:
    """Of what the tokens are, whatever type of numbers holds them."""
    digest = hashlib.sha256(f"{vocab}".encode())
    for name in PARTS:
        part = parts[name]
        digest.update(f"/{name}:{len(part)}:{len(part.documents)}/".encode())
        for numbers in (part.tokens, part.documents):
            for piece in _pieces(numbers):
                digest.update(piece.astype("<u4" if numbers is part.tokens else "<i8").tobytes())
    return digest.hexdigest()


def _pieces(numbers: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(numbers), _PIECE):
        yield np.asarray(numbers[start : start + _PIECE])
        release(numbers)
