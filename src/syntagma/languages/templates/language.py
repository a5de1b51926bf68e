"""The language of a template task: a template, a substitution of distinct symbols for its wildcards, a label.

A template z is drawn with its probability, and each of its w wildcards is replaced by a symbol of its own from an
alphabet of N symbols, all N (N - 1) .. (N - w + 1) substitutions being equally probable, so

    P(string) = P(z) (N - w)! / N!      for the one template z that makes the string, else 0.

Token numbers: the R regular tokens, then the training symbols, then the symbols never trained on. The two alphabets are
disjoint, so `unseen()` asks for what no training string shows. With `substitutions`, each template has a fixed pool of
so many of the training substitutions, and only those occur in training.

How diverse training is: rho = 1 / (the largest probability that a symbol occurs in a string of a given template), the
largest over templates and symbols; N / w where all substitutions occur.

Source: arXiv 2310.09753 (template tasks with real and with symbolic labels; data diversity).
"""

from __future__ import annotations

import hashlib
import math
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float, Int, Integer
from pydantic import BeforeValidator, model_validator

from syntagma.errors import InputError, invalid, whole_number
from syntagma.languages._tuples import TupleIndex
from syntagma.languages.language import Sample
from syntagma.languages.templates._checked import CheckedLanguage, checked_tokens
from syntagma.languages.templates.notation import GREEK, TemplateSet, names_of, read_set
from syntagma.languages.templates.sampling import Sampler
from syntagma.languages.templates.substitution import Matcher, canonical, count_injections, draw_pool, substitute

Names = Annotated[tuple[str, ...], BeforeValidator(names_of)]
_LARGEST_VOCAB = 2**31


class Templates(CheckedLanguage):
    """Strings made from templates by replacing wildcards with distinct symbols, each labelled as its template says.

    Example: `Templates(templates=("αα -> 1", "αβ -> -1")).sample(0, 10).labels`.

    Attributes:
        templates: `template -> label`, each: tokens are characters, or what spaces separate; a label is a number, a
            wildcard (its symbol is the label) or a regular token (see `notation.read_set`).
        wildcards: their names, in one text or listed; the Greek letters unless given.
        regular: names of the regular tokens, in the order of their numbers; None to take all that are no wildcards.
        train_symbols: size of the alphabet that training draws from.
        test_symbols: size of the alphabet that only `unseen()` draws from.
        probabilities: of the templates, positive, with sum 1; None for equal ones.
        substitutions: how many substitutions of each template occur in training; None for all.
        seed: fixes which those are.
        part: which strings these are: "train"; "seen", of the training symbols under all substitutions; "unseen".
    """

    kind: Literal["templates"] = "templates"
    templates: tuple[str, ...]
    wildcards: Names = tuple(GREEK)
    regular: Names | None = None
    train_symbols: int = 256
    test_symbols: int = 256
    probabilities: tuple[float, ...] | None = None
    substitutions: int | None = None
    seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> Templates:
        """Raises InputError for templates as `read_set` does, and for sizes and probabilities that do not suit them."""
        found = self._set
        widest = int(np.argmax(found.wildcards))
        for field in ("train_symbols", "test_symbols"):
            size = whole_number(field, getattr(self, field))
            if size < found.wildcards[widest]:
                where = found.characters[widest][np.argmax(found.patterns[widest] == self.num_regular + size)]
                reason = f"wildcard number {size + 1} finds no symbol left of the {size} of {field}"
                mend = f"Raise {field} to {found.wildcards[widest]} or more"
                raise InputError(f"template {self.templates[widest]!r}, character {where}: {reason}. {mend}.")
        if len(found.regular) + self.train_symbols + self.test_symbols > _LARGEST_VOCAB:
            raise invalid("train_symbols", self.train_symbols, f"at most {_LARGEST_VOCAB} tokens are numbered")
        if self.substitutions is not None:
            whole_number("substitutions", self.substitutions)
        whole_number("seed", self.seed, minimum=0)
        _check_probabilities(self.probabilities, len(self.templates))
        return self

    @cached_property
    def vocab(self) -> int:
        """Number of tokens: regular ones and both alphabets."""
        return self.num_regular + self.train_symbols + self.test_symbols

    @cached_property
    def sentence_length(self) -> int:
        """k, the length of every template."""
        return self.patterns.shape[1]

    @property
    def num_regular(self) -> int:
        """R: tokens 0 to R - 1 are the regular ones."""
        return len(self._set.regular)

    @property
    def regular_tokens(self) -> tuple[str, ...]:
        """Names of the regular tokens; a token's number is its place."""
        return self._set.regular

    @property
    def label_kind(self) -> Literal["token", "number"]:
        """What labels are."""
        return "token" if self.symbolic else "number"

    @property
    def symbolic(self) -> bool:
        """Whether labels are tokens, copied or regular, rather than numbers."""
        return self._set.symbolic

    @property
    def patterns(self) -> Int[np.ndarray, "r k"]:
        """The templates without names: regular tokens, and R + j for the j-th wildcard to appear."""
        return self._set.patterns

    @property
    def labels(self) -> Float[np.ndarray, " r"] | Int[np.ndarray, " r"]:
        """The templates' labels: numbers, or tokens as in `patterns`."""
        return self._set.labels

    @property
    def num_wildcards(self) -> Int[np.ndarray, " r"]:
        """How many wildcards each template has."""
        return self._set.wildcards

    @cached_property
    def weights(self) -> Float[np.ndarray, " r"]:
        """Probability of each template."""
        weights = np.ones(len(self.templates)) if self.probabilities is None else np.array(self.probabilities)
        return weights / weights.sum()

    @property
    def symbols(self) -> range:
        """The alphabet that wildcards are replaced from."""
        first = self.num_regular + (self.train_symbols if self.part == "unseen" else 0)
        return range(first, first + (self.test_symbols if self.part == "unseen" else self.train_symbols))

    @cached_property
    def num_sentences(self) -> int:
        """How many strings have positive probability."""
        return sum(self._substitutions_each)

    @cached_property
    def diversity(self) -> float:
        """rho (see the module); infinite without wildcards."""
        alphabet, rarest = len(self.symbols), math.inf
        for width, pool in zip(self.num_wildcards.tolist(), self._pools or [None] * len(self.templates), strict=True):
            if pool is not None and width:
                rarest = min(rarest, len(pool) / int(np.bincount(pool.reshape(-1), minlength=alphabet).max()))
            elif width:
                rarest = min(rarest, alphabet / width)
        return rarest

    def sample(self, seed: int, num_sentences: int, *, hidden: bool = False, threads: int | None = None) -> Sample:
        """Independent strings, with their labels: float64, or tokens in the type of `tokens`.

        The first k are the same for every `num_sentences >= k` and do not depend on `threads` (default: all usable
        cores). `hidden` adds nothing: `match` finds a string's template.

        Raises:
            InputError: sizes or seed that are no whole numbers; more tokens than memory holds.
        """
        seed = whole_number("seed", seed, minimum=0)
        num_sentences = whole_number("num_sentences", num_sentences)
        return self._sampler.draw(seed, num_sentences, None if threads is None else whole_number("threads", threads))

    def log_prob(self, tokens: Integer[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
        """Exact log P(string) in nats, of the part drawn from; `-inf` where no template makes the string.

        Raises:
            InputError: not an `[n, k]` array of tokens of the vocabulary.
        """
        tokens = checked_tokens(tokens, self.sentence_length, self.vocab)
        symbols = self.symbols
        inside = ((tokens < self.num_regular) | ((tokens >= symbols.start) & (tokens < symbols.stop))).all(axis=1)
        template = np.where(inside, self._matcher.find(tokens), len(self.templates))
        log_each = [math.log(p) - math.log(n) for p, n in zip(self.weights, self._substitutions_each, strict=True)]
        log_p = np.array([*log_each, -np.inf])[template]
        for place, pool in enumerate(self._pools or ()):
            if pool.shape[1]:
                here = np.flatnonzero(template == place)
                columns = [int(np.argmax(self.patterns[place] == self.num_regular + j)) for j in range(pool.shape[1])]
                used = tokens[here][:, columns].astype(np.int64) - symbols.start
                known = TupleIndex(pool.astype(np.int64), len(symbols)).find(used) < len(pool)
                log_p[here[~known]] = -np.inf
        return log_p

    def match(self, tokens: Integer[np.ndarray, "n k"]) -> Int[np.ndarray, " n"]:
        """Which template each string is of, -1 for none. Symbols are all numbers from R on, of whatever alphabet.

        Raises:
            InputError: not an `[n, k]` array of whole numbers from 0.
        """
        found = self._matcher.find(checked_tokens(tokens, self.sentence_length))
        return np.where(found < len(self.templates), found, -1)

    def label(self, tokens: Integer[np.ndarray, "n k"]) -> Float[np.ndarray, " n"] | Int[np.ndarray, " n"]:
        """The label of each string, of whatever alphabet: float64 or int64.

        Raises:
            InputError: not an `[n, k]` array of whole numbers from 0, or a string of no template: the first is named.
        """
        template = self.match(tokens)
        if (template < 0).any():
            wrong = int(np.argmax(template < 0))
            raise InputError(f"tokens[{wrong}] is no string of the language: no template has its equalities.")
        labels = self.labels[template]
        if not self.symbolic:
            return labels
        place = np.argmax(self.patterns == self.labels[:, None], axis=1)[template]
        copied = np.take_along_axis(np.asarray(tokens), place[:, None], axis=1)[:, 0]
        return np.where(labels < self.num_regular, labels, copied)

    def canonical(self, tokens: Integer[np.ndarray, "n k"]) -> Int[np.ndarray, "n k"]:
        """Each string with its symbols renamed R, R + 1, .. in order of appearance: a row of `patterns`, if it fits.

        Raises:
            InputError: not an `[n, k]` array of whole numbers from 0.
        """
        return canonical(checked_tokens(tokens, self.sentence_length), self.num_regular)

    def substitute(
        self, template: Integer[np.ndarray, " n"], substitution: Integer[np.ndarray, "n w"]
    ) -> Int[np.ndarray, "n k"]:
        """Strings of the given templates, their j-th wildcard replaced by the j-th symbol of their row.

        Raises:
            InputError: fewer symbols a row than a template has wildcards, symbols that are regular tokens, or a row
                that repeats a symbol.
        """
        template, substitution = np.asarray(template), np.asarray(substitution)
        width = int(self.num_wildcards[template].max(initial=0))
        if substitution.shape[-1] < width:
            raise invalid("substitution.shape", substitution.shape, f"a template has {width} wildcards")
        if substitution.size and substitution.min() < self.num_regular:
            raise invalid("substitution", int(substitution.min()), f"symbols are numbers from {self.num_regular} on")
        in_order = np.sort(substitution, axis=-1)
        if (in_order[..., 1:] == in_order[..., :-1]).any():
            raise invalid("substitution", substitution.tolist(), "the symbols of a substitution are distinct")
        return substitute(self.patterns[template], substitution, self.num_regular)

    def fresh(self, num_copies: int) -> Int[np.ndarray, "r num_copies k"]:
        """Strings of every template in which no two share a symbol, for kernels between templates.

        Symbols are numbered from R on, as many as it takes, whatever the sizes of the alphabets.
        """
        copies = whole_number("num_copies", num_copies)
        rows = np.repeat(np.arange(len(self.templates)), copies)
        width = int(self.num_wildcards.max())
        symbols = self.num_regular + np.arange(len(rows) * width).reshape(len(rows), width)
        return self.substitute(rows, symbols).reshape(len(self.templates), copies, -1)

    def digest(self) -> str:
        """SHA-256, in hexadecimal: equal for equal languages, whatever their wildcards are called."""
        return self._digest

    @cached_property
    def _set(self) -> TemplateSet:
        found = read_set(self.templates, self.wildcards, self.regular)
        for array in (found.patterns, found.labels, found.wildcards):
            array.flags.writeable = False
        return found

    @property
    def _limited(self) -> bool:
        return self.substitutions is not None and self.part == "train"

    @cached_property
    def _pools(self) -> list[np.ndarray] | None:
        """Each template's substitutions, as numbers of the alphabet from 0; None where all occur."""
        if self.substitutions is None or not self._limited:
            return None
        widths = self.num_wildcards.tolist()
        dtype = np.min_scalar_type(self.vocab - 1)
        size = self.substitutions
        return [draw_pool(self.seed, i, self.train_symbols, width, size, dtype) for i, width in enumerate(widths)]

    @property
    def _substitutions_each(self) -> list[int]:
        """How many substitutions of each template occur."""
        all_of_them = [count_injections(len(self.symbols), width) for width in self.num_wildcards.tolist()]
        limit = self.substitutions if self.substitutions is not None and self._limited else math.inf
        return [int(min(count, limit)) for count in all_of_them]

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.patterns, self.num_regular)

    @cached_property
    def _sampler(self) -> Sampler:
        symbols, dtype = self.symbols, np.min_scalar_type(self.vocab - 1)
        return Sampler(self._set, self.weights, symbols.start, len(symbols), self._pools, dtype)

    @cached_property
    def _digest(self) -> str:
        pool = (self.substitutions, self.seed) if self._limited else None
        says = (self.regular_tokens, self.patterns.shape, self.train_symbols, self.test_symbols, self.symbols, pool)
        content = hashlib.sha256(repr(says).encode())
        content.update(self.patterns.astype("<i8").tobytes())
        content.update(self.labels.astype("<f8").tobytes() + bytes([self.symbolic]))
        content.update(self.weights.astype("<f8").tobytes())
        return content.hexdigest()


def _check_probabilities(given: tuple[float, ...] | None, count: int) -> None:
    if given is None:
        return
    if len(given) != count:
        raise invalid("probabilities", given, f"there are {count} templates", "Give one probability each")
    if min(given) <= 0:
        raise invalid("probabilities", given, "they are above 0", "Leave out a template that never occurs")
    if abs(math.fsum(given) - 1) > 1e-9:
        raise invalid("sum of probabilities", math.fsum(given), "it is 1 within 1e-9", "Divide by their sum")
