"""Predicting tokens: the last from all before it, each from those before it, or a masked one from all others."""

from __future__ import annotations

import abc
from typing import Literal

import numpy as np
from jaxtyping import Float

from syntagma.errors import InputError, invalid
from syntagma.languages.language import Sample, Source
from syntagma.oracles.oracle import Oracle, has_oracle, needed_oracle
from syntagma.randomness import stream
from syntagma.tasks.shape import Examples, Shape
from syntagma.tasks.task import Task


class TokenTask(Task, abc.ABC):
    """A task whose targets are tokens; its best answers are known on every language with an oracle."""

    def has_oracle(self, language: Source) -> bool:
        return has_oracle(language)


class LastToken(TokenTask):
    """Predict the last token from all before it.

    Example: `LastToken().examples(language.sample(0, 10), language, 0)`.
    """

    kind: Literal["last-token"] = "last-token"

    def shape(self, language: Source) -> Shape:
        return Shape(language.vocab, language.sentence_length, language.vocab, branching=language.branching or 1)

    def _examples(self, sample: Sample, language: Source, seed: int) -> Examples:
        inputs = sample.tokens.astype(_mask_type(language.vocab))
        inputs[:, -1] = language.vocab
        return Examples(inputs, sample.tokens[:, -1])

    def _best_answers(self, language: Source, examples: Examples) -> Float[np.ndarray, "n v"]:
        before = np.arange(language.sentence_length) < language.sentence_length - 1
        return needed_oracle(language, Oracle).token_posterior(examples.inputs, before, -1)


class NextToken(TokenTask):
    """Predict every token from those before it. The first input is the mask symbol, so T predictions use T inputs.

    Example: `NextToken().shape(language)`.
    """

    kind: Literal["next-token"] = "next-token"

    def shape(self, language: Source) -> Shape:
        return Shape(language.vocab, language.sentence_length, language.vocab, "every", language.branching or 1)

    def _examples(self, sample: Sample, language: Source, seed: int) -> Examples:
        inputs = np.full(sample.tokens.shape, language.vocab, _mask_type(language.vocab))
        inputs[:, 1:] = sample.tokens[:, :-1]
        return Examples(inputs, sample.tokens)

    def _best_answers(self, language: Source, examples: Examples) -> Float[np.ndarray, "n T v"]:
        if (examples.inputs[:, 1:] != examples.targets[:, :-1]).any():
            raise InputError("examples.inputs cannot be used: they are not the targets shifted by one. Make them anew.")
        return needed_oracle(language, Oracle).next_token(examples.targets)


class MaskedToken(TokenTask):
    """Predict one hidden token from all others: at `position`, or at one drawn for each sentence.

    Example: `MaskedToken(position=3)`.
    """

    kind: Literal["masked-token"] = "masked-token"
    position: int | None = None

    def shape(self, language: Source) -> Shape:
        length = language.sentence_length
        if self.position is not None and not -length <= self.position < length:
            raise invalid("position", self.position, f"sentences have {length} tokens", f"Choose 0 to {length - 1}")
        return Shape(language.vocab, length, language.vocab, branching=language.branching or 1)

    def _examples(self, sample: Sample, language: Source, seed: int) -> Examples:
        num_sentences, length = sample.tokens.shape
        if self.position is None:
            where = stream(seed, "masked-position").integers(length, size=num_sentences)
        else:
            where = np.full(num_sentences, self.position % length)
        rows = np.arange(num_sentences)
        inputs = sample.tokens.astype(_mask_type(language.vocab))
        inputs[rows, where] = language.vocab
        return Examples(inputs, sample.tokens[rows, where])

    def _best_answers(self, language: Source, examples: Examples) -> Float[np.ndarray, "n v"]:
        hidden = examples.inputs == language.vocab
        if (hidden.sum(axis=1) != 1).any():
            row = int(np.argmax(hidden.sum(axis=1) != 1))
            raise invalid(f"examples.inputs[{row}]", examples.inputs[row].tolist(), "one token of it is to be masked")
        return needed_oracle(language, Oracle).token_posterior(examples.inputs, ~hidden, hidden.argmax(axis=1))


def _mask_type(vocab: int) -> np.dtype:
    return np.min_scalar_type(vocab)
