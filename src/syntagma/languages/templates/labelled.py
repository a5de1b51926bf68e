"""Strings and labels that somebody has, as a language, and the template task behind them.

The tokens that are not listed as regular are symbols. Some of them may be held out: strings of held-out symbols alone
are the unseen part, strings without any are split, string by string, into those to train on and the seen part, and
strings that mix both kinds are left out (`num_dropped`). A part's law is that of its rows, each equally probable.

`templates()` replaces each string's symbols by wildcards, in order of appearance, and asks that strings which are then
equal have equal labels: a number, a regular token, or the symbol at a place of the string. Only then is there a
template task behind the rows, with symbols to spare and a certificate.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer
from pydantic import model_validator

from syntagma.errors import InputError, invalid, whole_number
from syntagma.languages._draws import random_order, uniform_below
from syntagma.languages._tuples import TupleIndex
from syntagma.languages.language import Sample
from syntagma.languages.templates._checked import CheckedLanguage, Part, checked_tokens
from syntagma.languages.templates.language import Names, Templates
from syntagma.languages.templates.notation import GREEK, as_number, quoted, tokenise
from syntagma.languages.templates.substitution import canonical
from syntagma.randomness import stream

_ROWS_AT_ONCE = 2**16
_PARTS: tuple[Part, ...] = ("train", "seen", "unseen")


class _Rows(NamedTuple):
    """All rows as numbers. `part[i]` is the place of row i's part in `_PARTS`, or -1 where it is in none."""

    names: tuple[str, ...]
    num_trained: int
    tokens: Int[np.ndarray, "n k"]
    labels: Float[np.ndarray, " n"] | Int[np.ndarray, " n"]
    part: Int[np.ndarray, " n"]


class LabelledStrings(CheckedLanguage):
    """Given strings with given labels; tokens are characters, or what spaces separate.

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
            name = (
                repr(float(label))
                if not self.symbolic
                else names[label]
                if label >= num_regular
                else f'"{names[label]}"'
            )
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

    def _refuse_conflicts(self, first: Int[np.ndarray, " n"], labels: np.ndarray) -> None:
        """`first[i]` is the first row of row i's template, `labels` are canonical."""
        conflicts = np.flatnonzero(labels != labels[first])
        if conflicts.size:
            row, earlier = int(conflicts[0]), int(first[conflicts[0]])
            says = [f"row {i + 1} ({self.strings[i]!r}, label {self.labels[i]})" for i in (earlier, row)]
            same = "are the same up to renaming symbols, but their labels differ"
            raise InputError(f"{says[0]} and {says[1]} {same}. List tokens whose identity matters in `regular`.")

    def _wildcard_names(self, count: int) -> tuple[str, ...]:
        names = [
            name for name in (*GREEK, *(f"w{j}" for j in range(count + len(self.regular)))) if name not in self.regular
        ]
        return tuple(names[: max(count, 1)])

    @cached_property
    def _rows(self) -> _Rows:
        tokenised = [tokenise(text)[0] for text in self.strings]
        length = len(tokenised[0])
        for row, tokens in enumerate(tokenised):
            if len(tokens) != length or not tokens:
                has = f"it has {len(tokens)} tokens, the first row has {length}"
                raise InputError(
                    f"row {row + 1} ({self.strings[row]!r}): {has}. Strings are equally long, and not empty."
                )
        appeared = dict.fromkeys(token for tokens in tokenised for token in tokens)
        symbols = [token for token in appeared if token not in self.regular]
        held_out = self._held_out(symbols)
        trained = [name for name in symbols if name not in held_out]
        names = (*self.regular, *trained, *(name for name in symbols if name in held_out))
        number = {name: i for i, name in enumerate(names)}
        tokens = np.array([[number[token] for token in row] for row in tokenised])
        labels = self._label_numbers(tokens, number)
        _refuse_contradictions(self.strings, tokens, labels)
        part = self._parts(tokens, len(self.regular), len(self.regular) + len(trained))
        return _Rows(names, len(trained), tokens, labels, part)

    @cached_property
    def _here(self) -> Int[np.ndarray, " m"]:
        return np.flatnonzero(self._rows.part == _PARTS.index(self.part))

    def _held_out(self, symbols: list[str]) -> set[str]:
        if not isinstance(self.unseen_symbols, tuple):
            count = math.ceil(self.unseen_symbols * len(symbols))
            order = random_order(stream(self.seed, "unseen-symbols"), len(symbols))
            return {symbols[i] for i in order[:count]}
        for name in self.unseen_symbols:
            if name not in symbols:
                mend = "Name tokens of the strings that are not regular, or give a fraction"
                raise invalid("unseen_symbols", name, "it is no symbol of the strings", mend)
        return set(self.unseen_symbols)

    def _label_numbers(self, tokens: Int[np.ndarray, "n k"], number: dict[str, int]) -> np.ndarray:
        """The labels as numbers (float64) or tokens (int64)."""
        values = [as_number(label) if isinstance(label, str) else float(label) for label in self.labels]
        numeric = values[0] is not None
        found: list[float | int] = []
        for row, (label, value) in enumerate(zip(self.labels, values, strict=True)):
            where = f"row {row + 1} ({self.strings[row]!r}): the label {label}"
            if (value is not None) != numeric:
                kinds = ("a token", "a number") if numeric else ("a number", "a token")
                raise InputError(
                    f'{where} is {kinds[0]}, but that of row 1 is {kinds[1]}. "1" in quotes is the token 1.'
                )
            if value is not None:
                found.append(value)
                continue
            token = number.get(quoted(str(label)) or str(label), -1)
            if token < 0 or (token >= len(self.regular) and token not in tokens[row]):
                mend = "List it in `regular` if it is an answer of its own"
                raise InputError(
                    f"{where} is neither a number, nor a regular token, nor a symbol of its string. {mend}."
                )
            found.append(token)
        return np.array(found)

    def _parts(self, tokens: Int[np.ndarray, "n k"], first_symbol: int, first_held_out: int) -> Int[np.ndarray, " n"]:
        symbol, held_out = tokens >= first_symbol, tokens >= first_held_out
        trained = ~held_out.any(axis=1)
        part = np.where(trained, 0, np.where((held_out == symbol).all(axis=1), 2, -1))
        which = np.unique(tokens[trained], axis=0, return_inverse=True)[1].reshape(-1)
        different = int(which.max(initial=-1)) + 1
        kept = random_order(stream(self.seed, "seen-strings"), different)[: round(self.test_fraction * different)]
        part[np.flatnonzero(trained)[np.isin(which, kept)]] = 1
        return part


def _refuse_contradictions(strings: tuple[str, ...], tokens: Int[np.ndarray, "n k"], labels: np.ndarray) -> None:
    first, which = np.unique(tokens, axis=0, return_index=True, return_inverse=True)[1:]
    earliest = first[which.reshape(-1)]
    wrong = np.flatnonzero(labels != labels[earliest])
    if wrong.size:
        pair = f"rows {int(earliest[wrong[0]]) + 1} and {int(wrong[0]) + 1} are the same string, {strings[wrong[0]]!r}"
        raise InputError(f"{pair}, with different labels. Keep one of them.")
