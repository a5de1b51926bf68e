"""Strings and labels that somebody has, as a language, and the template task behind them.

The tokens that are not listed as regular are symbols. Some of them may be held out: strings of held-out symbols alone
are the unseen part, strings without any are split, string by string, into those to train on and the seen part, and
strings that mix both kinds are left out (`num_dropped`). A part's law is that of its rows, each equally probable.

`templates()` replaces each string's symbols by wildcards, in order of appearance, and asks that strings which are then
equal have equal labels: a number, a regular token, or the symbol at a place of the string. Only then is there a
template task behind the rows, with symbols to spare and a certificate.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int, Integer
from pydantic import model_validator

from syntagma.errors import InputError, invalid, whole_number
from syntagma.languages._draws import random_order, uniform_below
from syntagma.languages._tuples import TupleIndex
from syntagma.languages.language import Sample
from syntagma.languages.templates._checked import CheckedLanguage, checked_tokens
from syntagma.languages.templates.language import Names, Templates
from syntagma.languages.templates.notation import GREEK
from syntagma.languages.templates.rows import PARTS, Rows, read_rows
from syntagma.languages.templates.substitution import canonical
from syntagma.randomness import stream

_ROWS_AT_ONCE = 2**16


class LabelledStrings(CheckedLanguage):
    """Given strings with given labels; tokens are characters, or what spaces separate.

    Example: `LabelledStrings(strings=("aba", "abb"), labels=(1.0, -1.0)).templates()`.

    Attributes:
        strings: one a row, equally long.
        labels: one a row: all numbers, or all tokens, each a regular one or one of its string.
        regular: tokens that keep their meaning; all others are symbols.
        unseen_symbols: symbols to hold out: their names, or the fraction of all symbols to be drawn.
        test_fraction: how many of the different strings of training symbols are kept for the seen part.
        seed: fixes what is drawn for the last two.
        part: "train", "seen" or "unseen".
    """

    kind: Literal["labelled-strings"] = "labelled-strings"
    strings: tuple[str, ...]
    labels: tuple[str | float, ...]
    regular: Names = ()
    unseen_symbols: float | tuple[str, ...] = ()
    test_fraction: float = 0.0
    seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> LabelledStrings:
        """Raises InputError: no rows, uneven lengths, labels of two kinds, contradictory rows, an empty part."""
        if not self.strings or len(self.strings) != len(self.labels):
            sizes = (len(self.strings), len(self.labels))
            raise invalid("(strings, labels)", sizes, "there is one label a string and at least one string")
        for field in ("test_fraction", "unseen_symbols"):
            given = getattr(self, field)
            if isinstance(given, float) and not 0 <= given < 1:
                raise invalid(field, given, "a fraction is at least 0 and below 1")
        whole_number("seed", self.seed, minimum=0)
        if not self._here.size:
            mend = "Set unseen_symbols, for instance to 0.2" if self.part == "unseen" else "Set test_fraction to 0.2"
            raise invalid("part", self.part, "no row is in it", mend if self.part != "train" else "Hold out less")
        return self

    @cached_property
    def vocab(self) -> int:
        """Number of tokens: the regular ones, the training symbols, then the held-out ones."""
        return len(self._rows.names)

    @cached_property
    def sentence_length(self) -> int:
        """k, the length of every string."""
        return self._rows.tokens.shape[1]

    @property
    def token_names(self) -> tuple[str, ...]:
        """Names of all tokens; a token's number is its place."""
        return self._rows.names

    @property
    def num_rows(self) -> int:
        """Rows of this part."""
        return len(self._here)

    @property
    def num_dropped(self) -> int:
        """Rows in no part, because they mix held-out symbols with others."""
        return int((self._rows.part < 0).sum())

    @property
    def label_kind(self) -> Literal["token", "number"]:
        """What labels are."""
        return "token" if self.symbolic else "number"

    @property
    def symbolic(self) -> bool:
        """Whether labels are tokens rather than numbers."""
        return self._rows.labels.dtype.kind == "i"

    def sample(self, seed: int, num_sentences: int, *, hidden: bool = False, distinct: bool = False) -> Sample:
        """Rows of this part drawn independently, or, if `distinct`, in random order, none twice.

        The first k are the same for every `num_sentences >= k`. `hidden` adds nothing.

        Raises:
            InputError: sizes or seed that are no whole numbers; more distinct rows than there are.
        """
        seed = whole_number("seed", seed, minimum=0)
        count = whole_number("num_sentences", num_sentences)
        if distinct and count > self.num_rows:
            has = f"this part has {self.num_rows} rows"
            raise invalid("num_sentences", count, has, f"Ask for {self.num_rows} or fewer, or for distinct=False")
        if distinct:
            chosen = random_order(stream(seed, "rows-in-order"), self.num_rows)[:count]
        else:
            pieces = [
                uniform_below(stream(seed, "rows", piece), self.num_rows, _ROWS_AT_ONCE)
                for piece in range(-(-count // _ROWS_AT_ONCE))
            ]
            chosen = np.concatenate(pieces)[:count]
        rows = self._here[chosen]
        dtype = np.min_scalar_type(self.vocab - 1)
        labels = self._rows.labels[rows]
        return Sample(self._rows.tokens[rows].astype(dtype), labels=labels.astype(dtype) if self.symbolic else labels)

    def log_prob(self, tokens: Integer[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
        """Exact log P(string) in nats under the rows of this part; `-inf` where it is not among them.

        Raises:
            InputError: not an `[n, k]` array of tokens of the vocabulary.
        """
        tokens = checked_tokens(tokens, self.sentence_length, self.vocab)
        different, counts = np.unique(self._rows.tokens[self._here], axis=0, return_counts=True)
        found = TupleIndex(different, self.vocab).find(tokens)
        return np.append(np.log(counts / counts.sum()), -np.inf)[found]

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all settings, the rows among them."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def templates(self, **settings: Any) -> Templates:
        """The template task of which all rows, of every part, are strings; `settings` are those of `Templates`.

        Unless set otherwise the alphabets are as large as here, and a template is as probable as its rows are frequent.

        Raises:
            InputError: two rows that are the same up to renaming symbols have different labels: both are named.
        """
        rows, num_regular = self._rows, len(self.regular)
        in_order = canonical(rows.tokens, num_regular)
        patterns, first, template, counts = np.unique(
            in_order, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        labels = rows.labels
        if self.symbolic:
            place = np.argmax(rows.tokens == labels[:, None], axis=1)
            labels = np.where(labels < num_regular, labels, in_order[np.arange(len(labels)), place])
        self._refuse_conflicts(first[template.reshape(-1)], labels)
        wildcards = self._wildcard_names(int(patterns.max()) + 1 - num_regular)
        names = (*self.regular, *wildcards)
        texts = []
        for t in np.argsort(first):
            label = labels[first[t]]
            if not self.symbolic:
                name = repr(float(label))
            else:
                name = names[label] if label >= num_regular else f'"{names[label]}"'
            texts.append(f"{' '.join(names[token] for token in patterns[t])} -> {name}")
        held_out = self.vocab - num_regular - rows.num_trained
        defaults = {
            "wildcards": wildcards,
            "regular": self.regular,
            "train_symbols": max(rows.num_trained, len(wildcards)),
            "test_symbols": max(held_out or rows.num_trained, len(wildcards)),
            "probabilities": tuple((counts[np.argsort(first)] / counts.sum()).tolist()),
        }
        return Templates(templates=tuple(texts), **{**defaults, **settings})

    @cached_property
    def _rows(self) -> Rows:
        held = {"unseen_symbols": self.unseen_symbols, "test_fraction": self.test_fraction, "seed": self.seed}
        return read_rows(self.strings, self.labels, self.regular, **held)

    @cached_property
    def _here(self) -> Int[np.ndarray, " m"]:
        return np.flatnonzero(self._rows.part == PARTS.index(self.part))

    def _refuse_conflicts(self, first: Int[np.ndarray, " n"], labels: np.ndarray) -> None:
        """`first[i]` is the first row of row i's template, `labels` are canonical."""
        conflicts = np.flatnonzero(labels != labels[first])
        if conflicts.size:
            row, earlier = int(conflicts[0]), int(first[conflicts[0]])
            says = [f"row {i + 1} ({self.strings[i]!r}, label {self.labels[i]})" for i in (earlier, row)]
            same = "are the same up to renaming symbols, but their labels differ"
            raise InputError(f"{says[0]} and {says[1]} {same}. List tokens whose identity matters in `regular`.")

    def _wildcard_names(self, count: int) -> tuple[str, ...]:
        """Greek letters as far as they go, none of them a regular token."""
        candidates = (*GREEK, *(f"w{j}" for j in range(count + len(self.regular))))
        names = [name for name in candidates if name not in self.regular]
        return tuple(names[: max(count, 1)])
