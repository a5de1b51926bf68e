"""What every oracle is: the ideal observer of a language, who knows its distribution and infers by Bayes' rule.

`oracle_of` finds the oracle of a source; a new oracle is registered beside its class, by
`oracle_of.register(ItsLanguage, ItsOracle)`. What an oracle can infer is said by its class: `Oracle` predicts tokens,
`LabelOracle` labels too.
"""

from __future__ import annotations

import abc
import functools
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Integer

from syntagma.errors import InputError, invalid
from syntagma.languages.language import Source


class Oracle(abc.ABC):
    """Exact inference of tokens from tokens.

    `tokens` is `[n, T]` integers. `observed` is boolean, `[T]` for the same pattern in all sentences or `[n, T]`; the
    values of tokens that are not observed are ignored. All methods raise `InputError` for wrong shapes, types or
    tokens, and the predictions for a sentence that the language cannot make.
    """

    @abc.abstractmethod
    def log_evidence(
        self, tokens: Integer[np.ndarray, "n T"], observed: Bool[np.ndarray, "*n T"]
    ) -> Float[np.ndarray, " n"]:
        """Log P(the observed tokens) in nats, summed over all values of the others; `-inf` where impossible."""

    @abc.abstractmethod
    def token_posterior(
        self,
        tokens: Integer[np.ndarray, "n T"],
        observed: Bool[np.ndarray, "*n T"],
        position: int | Integer[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n v"]:
        """P(token at `position` | the observed tokens); the position may be another in each sentence."""

    @abc.abstractmethod
    def next_token(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n T v"]:
        """P(x_i | x_<i) at every position; the log-probabilities of a sentence's own tokens sum to `log_prob`."""


class LabelOracle(Oracle):
    """Exact inference also of the sentences' labels, or of the class at the root of their tree."""

    @abc.abstractmethod
    def label_posterior(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n *outputs"]:
        """P(label | sentence) `[n, outputs]`; for labels that are numbers, their posterior mean `[n]`."""


AnOracle = TypeVar("AnOracle", bound=Oracle)


@functools.singledispatch
def oracle_of(source: Source) -> Oracle | None:
    """The exact oracle of `source`; None where there is none, as for a text.

    Example: `oracle_of(language).next_token(language.sample(0, 10).tokens)`.

    Raises:
        InputError: no source of sentences.
    """
    if not isinstance(source, Source):
        raise invalid("source", source, "it is no language", "Give a language, or what settings.language() makes")
    return None


def has_oracle(source: Source, ability: type[Oracle] = Oracle) -> bool:
    """Whether `source` has an exact oracle with this ability."""
    return isinstance(oracle_of(source), ability)


def needed_oracle(source: Source, ability: type[AnOracle]) -> AnOracle:
    """The oracle of `source`, where it has one with this ability.

    Raises:
        InputError: it has none.
    """
    oracle = oracle_of(source)
    if not isinstance(oracle, ability):
        infers = "labels" if issubclass(ability, LabelOracle) else "tokens"
        raise InputError(f"{type(source).__name__} has no exact oracle for {infers}: ask has_oracle beforehand.")
    return oracle
