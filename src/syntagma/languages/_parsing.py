"""Parsing bottom up: which symbol and rule made each s-tuple. At most one did, since right-hand sides differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Integer

from syntagma.errors import InputError
from syntagma.languages._chunks import for_each_chunk, sentences_per_chunk
from syntagma.languages._tokens import checked_tokens
from syntagma.languages._tuples import TupleIndex
from syntagma.languages.language import Sample


class Parser:
    """Parses sentences of one grammar; holds only constant tables and may be used from several threads."""

    def __init__(self, productions: Sequence[Int[np.ndarray, "_ m s"]], vocab: int) -> None:
        self._vocab = vocab
        self._rules, self._branching = productions[0].shape[1:]
        self._sentence_length = self._branching ** len(productions)
        self._num_symbols = [len(production) for production in productions]
        self._indices = [TupleIndex(production.reshape(-1, self._branching), vocab) for production in productions]
        # What each right-hand side stands for; one entry more, -1, for a tuple that is none.
        self._symbol_of = [_with_unknown(np.repeat(np.arange(n), self._rules)) for n in self._num_symbols]
        self._rule_of = [_with_unknown(np.tile(np.arange(self._rules), n)) for n in self._num_symbols]

    def parse(self, tokens: Integer[np.ndarray, "n T"], strict: bool, threads: int | None) -> Sample:
        """See `RandomHierarchy.parse`."""
        tokens = self._checked(tokens)
        kind = np.min_scalar_type if strict else _signed
        shapes = [(len(tokens), self._sentence_length // self._branching**level) for level in range(1, self._depth + 1)]
        levels = [np.empty(shape, kind(n - 1)) for shape, n in zip(shapes, self._num_symbols, strict=True)]
        rules = [np.empty(shape, kind(self._rules - 1)) for shape in shapes]
        failed: list[tuple[int, int, int]] = []

        def one(_: int, start: int, stop: int) -> None:
            parts = list(self._right_hand_sides(tokens[start:stop]))
            bad = parts[-1][:, 0] == len(self._symbol_of[-1]) - 1
            if strict and bad.any():
                sentence = int(np.argmax(bad))
                failed.append((start + sentence, *self._lowest_failure([part[sentence] for part in parts])))
                return
            for level, found in enumerate(parts):
                levels[level][start:stop] = self._symbol_of[level].take(found, mode="wrap")
                rules[level][start:stop] = self._rule_of[level].take(found, mode="wrap")

        for_each_chunk(one, len(tokens), sentences_per_chunk(self._sentence_length), threads)
        if failed:
            sentence, level, position = min(failed)
            where = f"level {level}, position {position} has an s-tuple that is no right-hand side"
            mend = "Give sentences of this grammar, or strict=False, which marks such places -1."
            raise InputError(f"tokens[{sentence}] is not a sentence of the language: {where}. {mend}")
        return Sample(tokens, (tokens, *levels), tuple(rules))

    def log_prob(
        self, tokens: Integer[np.ndarray, "n T"], weights: Sequence[Float[np.ndarray, "_ m"]]
    ) -> Float[np.ndarray, " n"]:
        """Log-probability in nats; `-inf` where there is no parse or a rule of probability 0 is used."""
        tokens = self._checked(tokens)
        with np.errstate(divide="ignore"):
            log_weights = [np.log(np.append(weight, 0.0)) for weight in weights]
        out = np.full(len(tokens), -np.log(self._num_symbols[-1]))

        def one(_: int, start: int, stop: int) -> None:
            for found, log_weight in zip(self._right_hand_sides(tokens[start:stop]), log_weights, strict=True):
                out[start:stop] += log_weight.take(found, mode="wrap").sum(axis=1)

        for_each_chunk(one, len(tokens), sentences_per_chunk(self._sentence_length), None)
        return out

    @property
    def _depth(self) -> int:
        return len(self._indices)

    def _right_hand_sides(self, tokens: Integer[np.ndarray, "n T"]) -> Iterator[Int[np.ndarray, "n _"]]:
        """Level by level from the bottom: the number symbol * m + rule of each s-tuple's right-hand side.

        The number n_l m, one past the last, where the tuple or a symbol in it is not of the grammar.
        """
        below, all_known = tokens, True
        for index, symbol_of in zip(self._indices, self._symbol_of, strict=True):
            tuples = below.reshape(len(below), -1, self._branching)
            found = index.find(tuples if all_known else np.maximum(tuples, 0))
            if not all_known:
                found[(tuples < 0).any(axis=2)] = len(symbol_of) - 1
            yield found
            below = symbol_of.take(found, mode="wrap")
            all_known = all_known and bool(below.min() >= 0)

    def _lowest_failure(self, parts: Sequence[Int[np.ndarray, " _"]]) -> tuple[int, int]:
        """Lowest level, and first position there, at which one sentence has no right-hand side."""
        for level, found in enumerate(parts, start=1):
            missing = found == len(self._symbol_of[level - 1]) - 1
            if missing.any():
                return level, int(np.argmax(missing))
        raise AssertionError("the sentence has a parse")

    def _checked(self, tokens: Any) -> np.ndarray:
        """`tokens` in the vocabulary's smallest unsigned type."""
        array = checked_tokens(tokens, self._vocab, self._sentence_length)
        return np.ascontiguousarray(array, dtype=np.min_scalar_type(self._vocab - 1))


def _with_unknown(values: np.ndarray) -> np.ndarray:
    return np.append(values, -1).astype(_signed(int(values.max())))


def _signed(largest: int) -> np.dtype:
    """Smallest signed integer type that holds `largest` and -1."""
    return np.min_scalar_type(-largest - 1)
