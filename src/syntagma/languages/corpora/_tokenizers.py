"""From text to tokens: characters, words, byte pairs learned here, or a given tokenizer file.

A vocabulary comes from the training part alone. Characters and words are numbered by frequency, the most frequent
first, and `<other>` last for all that the vocabulary has not. Byte pairs are those of the package `tokenizers` on
bytes, so that every text has tokens and none is `<other>`; pairs are not joined across white space.
"""

from __future__ import annotations

import abc
import importlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Integer

from syntagma.errors import InputError, invalid, unknown, whole_number
from syntagma.languages.text import OTHER
from syntagma.regular_file import read_regular, shown

_MOST_WORDS = 1 << 16
_MOST_COUNTED = 1 << 23
"""Different words that are counted at a time; beyond, those seen once are forgotten."""
_LEARNED_FROM = 1 << 28
"""Characters that byte pairs are learned from at the most."""
_LARGEST_FILE = 1 << 28
SCHEMES = ("char", "word", "bpe:SIZE")


class Tokenizer(abc.ABC):
    """Text to numbers in [0, vocab)."""

    vocab: int
    whole_words: bool
    """Whether text is to be cut at white space only."""

    @abc.abstractmethod
    def encode(self, texts: Sequence[str]) -> tuple[Integer[np.ndarray, " n"], Integer[np.ndarray, " t"]]:
        """The tokens of all texts, one after the other, and how many each has."""

    @abc.abstractmethod
    def decode(self, tokens: Iterable[int]) -> str:
        """The text of tokens, as far as they tell it."""

    @abc.abstractmethod
    def description(self) -> dict[str, Any]:
        """JSON values that `described` makes the same tokenizer of."""


class Characters(Tokenizer):
    """Each character a token."""

    whole_words = False

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self.vocab = tuple(names), len(names)
        self._number = np.full(sys.maxunicode + 1, self.vocab - 1, np.uint32)
        for place, name in enumerate(self.names[:-1]):
            self._number[ord(name)] = place

    @classmethod
    def learn(cls, texts: Iterable[str], vocab: int | None) -> Characters:
        """From the characters of a training part, the `vocab` - 1 most frequent of them where given."""
        counts = np.zeros(sys.maxunicode + 1, np.int64)
        for text in texts:
            points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
            counts += np.bincount(points, minlength=len(counts))
        points = np.flatnonzero(counts)
        ranked = points[np.lexsort((points, -counts[points]))]
        return cls([*map(chr, ranked if vocab is None else ranked[: vocab - 1]), OTHER])

    def encode(self, texts: Sequence[str]) -> tuple[Integer[np.ndarray, " n"], Integer[np.ndarray, " t"]]:
        """The tokens of all texts, one after the other, and how many each has."""
        points = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
        return self._number[points], np.array([len(text) for text in texts], np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        """The characters."""
        return "".join(self.names[token] for token in tokens)

    def description(self) -> dict[str, Any]:
        """Its kind and names."""
        return {"kind": "char", "names": list(self.names)}


class Words(Tokenizer):
    """Each word between white space a token."""

    whole_words = True

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self.vocab = tuple(names), len(names)
        self._number = {name: place for place, name in enumerate(self.names[:-1])}

    @classmethod
    def learn(cls, texts: Iterable[str], vocab: int | None) -> Words:
        """From the words of a training part, the `vocab` - 1 most frequent of them, 65,535 where not given."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text.split())
            if len(counts) > _MOST_COUNTED:
                counts = Counter({word: count for word, count in counts.items() if count > 1})
        counts.pop(OTHER, None)
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls([*ranked[: (vocab or _MOST_WORDS) - 1], OTHER])

    def encode(self, texts: Sequence[str]) -> tuple[Integer[np.ndarray, " n"], Integer[np.ndarray, " t"]]:
        """The tokens of all texts, one after the other, and how many each has."""
        number, other = self._number, self.vocab - 1
        split = [text.split() for text in texts]
        lengths = np.array([len(words) for words in split], np.int64)
        tokens = (number.get(word, other) for words in split for word in words)
        return np.fromiter(tokens, np.uint32, count=int(lengths.sum())), lengths

    def decode(self, tokens: Iterable[int]) -> str:
        """The words with one space between."""
        return " ".join(self.names[token] for token in tokens)

    def description(self) -> dict[str, Any]:
        """Its kind and names."""
        return {"kind": "word", "names": list(self.names)}


class BytePairs(Tokenizer):
    """A tokenizer of the package `tokenizers`, learned here or from a file."""

    whole_words = True

    def __init__(self, content: str, label: str) -> None:
        package = _package()
        try:
            self._tokenizer: Any = package.Tokenizer.from_str(content)
        except Exception as error:  # the package raises plain exceptions
            reason = " ".join(str(error).split())[:120]
            form = "no tokenizer of the package tokenizers"
            raise InputError(f"{label} is {form}: {reason}. Give tokenizer.json.") from None
        self._content = content
        self.vocab = int(self._tokenizer.get_vocab_size())
        if not self.vocab:
            raise InputError(f"{label} has no tokens. Give the tokenizer.json of a trained tokenizer.")

    @classmethod
    def learn(cls, texts: Iterable[str], vocab: int) -> BytePairs:
        """`vocab` tokens, the 256 bytes among them, from the first 2^28 characters of a training part."""
        package = _package()
        tokenizer: Any = package.Tokenizer(package.models.BPE())
        tokenizer.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = package.decoders.ByteLevel()
        alphabet = package.pre_tokenizers.ByteLevel.alphabet()
        trainer = package.trainers.BpeTrainer(vocab_size=vocab, initial_alphabet=sorted(alphabet), show_progress=False)
        tokenizer.train_from_iterator(_first(texts, _LEARNED_FROM), trainer=trainer)
        return cls(tokenizer.to_str(), "the learned tokenizer")

    def encode(self, texts: Sequence[str]) -> tuple[Integer[np.ndarray, " n"], Integer[np.ndarray, " t"]]:
        """The tokens of all texts, one after the other, and how many each has."""
        encoded = [one.ids for one in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
        lengths = np.array([len(ids) for ids in encoded], np.int64)
        joined = np.concatenate([np.array(ids, np.uint32) for ids in encoded]) if encoded else np.zeros(0, np.uint32)
        return joined, lengths

    def decode(self, tokens: Iterable[int]) -> str:
        """The text."""
        return self._tokenizer.decode([int(token) for token in tokens], skip_special_tokens=False)

    def description(self) -> dict[str, Any]:
        """Its kind and the content of its file."""
        return {"kind": "bpe", "tokenizer": json.loads(self._content)}


def described(description: Any) -> Tokenizer | None:
    """The tokenizer of a description; None for tokens that came without one.

    Raises:
        InputError: no description of a tokenizer.
    """
    if description is None:
        return None
    try:
        kind = description["kind"]
        if kind == "bpe":
            return BytePairs(json.dumps(description["tokenizer"]), "the saved tokenizer")
        names = description["names"]
        if not names or not all(isinstance(name, str) for name in names):
            raise KeyError(kind)
        if kind == "char" and all(len(name) == 1 for name in names[:-1]):
            return Characters(names)
        if kind == "word":
            return Words(names)
    except (KeyError, TypeError):
        pass
    raise InputError("the saved tokenizer is damaged. Make the corpus again.")


class Scheme:
    """What `tokens=` asks for, checked before anything is read.

    Attributes:
        kind: "char", "word", "bpe" or "file".
        vocab: how many tokens are to be learned, where that is said.
    """

    def __init__(self, tokens: Any, vocab: int | None) -> None:
        self.vocab = None if vocab is None else whole_number("vocab", vocab, minimum=2)
        self._given: Tokenizer | None = None
        self.kind = "char"
        if not isinstance(tokens, (str, os.PathLike)):
            raise unknown("tokens", repr(tokens), SCHEMES)
        name = os.fspath(tokens)
        if name in ("char", "word"):
            self.kind = name
        elif name.startswith("bpe:"):
            self.kind, self.vocab = "bpe", _size(name, vocab)
            _package()
        elif name.endswith(".json"):
            self.kind = "file"
            content = read_regular(name, _LARGEST_FILE, "Give the tokenizer.json of the package tokenizers")
            try:
                self._given = BytePairs(content.decode(), shown(name))
            except UnicodeDecodeError:
                raise InputError(f"{shown(name)} is not text in UTF-8. Give tokenizer.json.") from None
        else:
            raise unknown("tokens", name, (*SCHEMES, "uint16", "uint32", "tokenizer.json"))

    @property
    def whole_words(self) -> bool:
        """Whether text is to be cut at white space only."""
        return self.kind != "char"

    def learn(self, texts: Iterable[str]) -> Tokenizer:
        """The tokenizer, from a training part where it has to be learned."""
        if self._given is not None:
            return self._given
        if self.kind == "bpe":
            assert self.vocab is not None
            return BytePairs.learn(texts, self.vocab)
        return (Characters if self.kind == "char" else Words).learn(texts, self.vocab)


def _size(name: str, vocab: int | None) -> int:
    text = name.removeprefix("bpe:")
    if not text.isascii() or not text.isdigit() or not 257 <= int(text) <= 1 << 20:
        raise invalid("tokens", name, "byte pairs have from 257 to 1048576 tokens", "For example tokens='bpe:8192'")
    if vocab is not None and vocab != int(text):
        raise invalid("vocab", vocab, f"tokens={name!r} says another number", "Leave vocab out")
    return int(text)


def _first(texts: Iterable[str], characters: int) -> Iterable[str]:
    for text in texts:
        if characters <= 0:
            return
        yield text[:characters]
        characters -= len(text)


def _package() -> Any:
    try:
        return importlib.import_module("tokenizers")
    except ImportError:
        mend = "Install it: pip install 'syntagma[bpe]'"
        raise invalid("tokens", "bpe", "the package tokenizers is missing", mend) from None
