"""The random hierarchy model: a probabilistic context-free grammar of fixed topology with random, unambiguous rules.

Every level-l symbol spans s**l tokens. From a root class, uniform over `num_classes`, each symbol is replaced by the s
symbols of one of its m rules, level after level, down to T = s**L tokens; choices are independent, so

    P(sentence) = 1 / num_classes * product over its (s**L - 1) / (s - 1) nodes of the rule's probability,

with one term, since a sentence has at most one parse. Level 0 is the tokens, level L the root.

Source: Cagnetta, Petrini, Tomasini, Favero, Wyart, "How deep neural networks learn compositional data: the random
hierarchy model", arXiv 2307.02129; last-token prediction: arXiv 2505.07070; unequal rules: arXiv 2505.07067.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from syntagma.checked_call import flags_checked
from syntagma.errors import InputError, invalid, whole_number
from syntagma.languages import _grammar_file
from syntagma.languages._distinct import draw_distinct
from syntagma.languages._parsing import Parser
from syntagma.languages._sampling import Sampler
from syntagma.languages.grammar import Sizes, checked_productions, checked_sizes, count_sentences, draw_productions
from syntagma.languages.language import Language, Sample
from syntagma.languages.rule_probabilities import RuleProbabilities, checked_probabilities, rule_weights

_DERIVED_SIZES = ("rules", "branching", "depth", "num_classes")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class RandomHierarchy(Language):
    """A random hierarchy language: its grammar, drawn from `seed` or given, and the sentences it makes. Immutable.

    Example: `RandomHierarchy(vocab=8, rules=2, branching=2, depth=3, seed=0).sample(0, 10).tokens`.

    Attributes:
        vocab: number v of symbols at each level below the root.
        rules: number m of rules of each symbol.
        branching: number s of symbols on each right-hand side.
        depth: number L of levels above the tokens.
        num_classes: number of root symbols.
        rule_probabilities: as given: None (equal), a Zipf exponent, one tuple, or one array a level.
        seed: what the grammar was drawn from; None for a given grammar.
        productions: `productions[l - 1]` is int64 `[n_l, m, s]`: the right-hand sides of the level-l symbols.
        weights: `weights[l - 1]` is float64 `[n_l, m]`: the probability of each rule; rows sum to 1.
    """

    vocab: int
    rules: int
    branching: int
    depth: int
    num_classes: int
    rule_probabilities: float | tuple[float, ...] | tuple[np.ndarray, ...] | None
    seed: int | None
    productions: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]

    def __init__(
        self,
        vocab: int,
        rules: int,
        branching: int,
        depth: int,
        num_classes: int | None = None,
        rule_probabilities: RuleProbabilities = None,
        seed: int = 0,
    ) -> None:
        """Draw a grammar: at each level n_l m distinct right-hand sides, uniform among the vocab**branching tuples.

        Raises:
            InputError: unusable sizes (see `checked_sizes`), rule probabilities (`checked_probabilities`) or seed.
        """
        sizes = checked_sizes(vocab, rules, branching, depth, num_classes)
        seed = whole_number("seed", seed, minimum=0)
        probabilities = checked_probabilities(rule_probabilities, sizes)
        self._settle(sizes, draw_productions(seed, sizes), probabilities, seed)

    @classmethod
    def from_productions(
        cls, productions: Iterable[Any], rule_probabilities: RuleProbabilities = None, *, vocab: int | None = None
    ) -> RandomHierarchy:
        """A language with the grammar given, bottom level first; shapes as in `productions` above.

        `vocab` is needed only for a single level in which not all tokens occur.

        Raises:
            InputError: wrong shapes or values, right-hand sides that are not distinct, or unusable probabilities.
        """
        arrays, sizes = checked_productions(productions, vocab)
        language = cls.__new__(cls)
        language._settle(sizes, arrays, checked_probabilities(rule_probabilities, sizes), None)
        return language

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RandomHierarchy:
        """The language saved in `path` by `save`.

        Raises:
            InputError: the file is missing, cut short, of another kind, or holds no valid grammar; the message is one
                line that names the file.
        """
        content = _grammar_file.read_grammar(path)
        try:
            language = cls.from_productions(
                content["productions"], content["rule_probabilities"], vocab=content["vocab"]
            )
            for name in _DERIVED_SIZES:
                if content[name] != getattr(language, name):
                    raise invalid(name, content[name], f"its productions say {getattr(language, name)}")
            seed = content["seed"]
            object.__setattr__(language, "seed", None if seed is None else whole_number("seed", seed, minimum=0))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        except (TypeError, OverflowError):
            raise InputError(f"{path}: the grammar file's fields are not of the expected kind.") from None
        return language

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the grammar as JSON; a reader sees the old file or the whole new one.

        Raises:
            InputError: the file cannot be written.
        """
        given = self.rule_probabilities
        if isinstance(given, tuple):
            given = [np.asarray(item).tolist() for item in given]
        content = {name: getattr(self, name) for name in ("vocab", *_DERIVED_SIZES, "seed")}
        content["rule_probabilities"] = given
        content["productions"] = [level.tolist() for level in self.productions]
        _grammar_file.write_grammar(path, content)

    @cached_property
    def sentence_length(self) -> int:
        """T = branching**depth tokens."""
        return self.branching**self.depth

    @cached_property
    def sparsity(self) -> float:
        """The papers' f = m / v**(s - 1): the fraction of s-tuples that are right-hand sides, where n_l = v."""
        return self.rules / self.vocab ** (self.branching - 1)

    @cached_property
    def num_sentences(self) -> int:
        """How many sentences have positive probability; num_classes m**((s**L - 1) / (s - 1)) where all rules have."""
        return count_sentences(self.productions, self.weights)

    def symbols(self, level: int) -> int:
        """Number of symbols at `level`: vocab below the root, num_classes at level L.

        Raises:
            InputError: no such level.
        """
        level = whole_number("level", level, minimum=0)
        if level > self.depth:
            raise invalid("level", level, f"levels go from 0, the tokens, to {self.depth}, the root")
        return self.num_classes if level == self.depth else self.vocab

    def sample(
        self, seed: int, num_sentences: int, *, hidden: bool = False, distinct: bool = False, threads: int | None = None
    ) -> Sample:
        """Sentences drawn independently, or, if `distinct`, one after the other without replacement.

        The first k sentences are the same for every `num_sentences >= k`, with or without `hidden`, and do not depend
        on `threads` (default: all usable cores). `distinct` sentences follow the law of independent draws from which
        those seen before are skipped: with equal rules every set of sentences is equally probable; with unequal rules
        the k-th sentence has its probability in the language divided by that of all not yet drawn. They are not the
        first sentences of the independent sample where the language has at most 2**20 sentences (see `_distinct.py`).

        Raises:
            InputError: sizes or seed that are no whole numbers; more distinct sentences than the language has, or than
                can be found because the rest are too improbable; more tokens than memory holds.
        """
        seed = whole_number("seed", seed, minimum=0)
        num_sentences = whole_number("num_sentences", num_sentences)
        threads = None if threads is None else whole_number("threads", threads)
        if distinct:
            self._refuse_too_many(num_sentences)
            tokens = draw_distinct(self._sampler, self.productions, self.weights, seed, num_sentences, threads)
        else:
            tokens = self._sampler.draw(seed, num_sentences, threads)
        return self.parse(tokens, threads=threads) if hidden else Sample(tokens)

    @flags_checked
    def parse(self, tokens: Integer[np.ndarray, "n T"], *, strict: bool = True, threads: int | None = None) -> Sample:
        """The levels and rules that make `tokens`, found bottom up; O(T) a sentence.

        Symbols and rules have the smallest unsigned integer type that holds them. With `strict=False` the smallest
        signed one, and -1 stands for the symbol and rule above an s-tuple that is no right-hand side or holds a -1.

        Raises:
            InputError: not an `[n, T]` array of tokens of the vocabulary; if `strict`, a sentence that the grammar
                cannot make: the message names the first, and its lowest level and first position without a rule.
        """
        return self._parser.parse(tokens, strict, threads)

    def log_prob(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, " n"]:
        """Exact log P(sentence) in nats; `-inf` where the language cannot produce it.

        Raises:
            InputError: not an `[n, T]` array of tokens of the vocabulary.
        """
        return self._parser.log_prob(tokens, self.weights)

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the sizes, productions and weights: equal for equal languages."""
        return self._digest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RandomHierarchy) and self._digest == other._digest

    def __hash__(self) -> int:
        return int(self._digest[:15], 16)

    def __repr__(self) -> str:
        sizes = f"vocab={self.vocab}, rules={self.rules}, branching={self.branching}, depth={self.depth}"
        return f"RandomHierarchy({sizes}, num_classes={self.num_classes}, seed={self.seed}, {self._digest[:8]})"

    def _settle(
        self,
        sizes: Sizes,
        productions: tuple[np.ndarray, ...],
        rule_probabilities: float | tuple[float, ...] | tuple[np.ndarray, ...] | None,
        seed: int | None,
    ) -> None:
        weights = rule_weights(rule_probabilities, sizes)
        for array in (*productions, *weights):
            array.flags.writeable = False
        fields = {**sizes._asdict(), "rule_probabilities": rule_probabilities, "seed": seed}
        for name, value in {**fields, "productions": productions, "weights": weights}.items():
            object.__setattr__(self, name, value)

    @cached_property
    def _digest(self) -> str:
        sizes = f"{self.vocab},{self.rules},{self.branching},{self.depth},{self.num_classes}"
        content = hashlib.sha256(sizes.encode())
        for production, weight in zip(self.productions, self.weights, strict=True):
            content.update(np.ascontiguousarray(production, dtype="<i8").tobytes())
            content.update(np.ascontiguousarray(weight, dtype="<f8").tobytes())
        return content.hexdigest()

    @cached_property
    def _sampler(self) -> Sampler:
        return Sampler(self.productions, self.weights, np.min_scalar_type(self.vocab - 1))

    @cached_property
    def _parser(self) -> Parser:
        return Parser(self.productions, self.vocab)

    def _refuse_too_many(self, num_sentences: int) -> None:
        if num_sentences > self.num_sentences:
            raise invalid(
                "num_sentences",
                num_sentences,
                f"the language has {self.num_sentences} distinct sentences",
                f"Ask for {self.num_sentences} or fewer, or for distinct=False",
            )
