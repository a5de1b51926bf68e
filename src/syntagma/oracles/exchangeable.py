"""The ideal observer of an exchangeable language: the tokens seen, wherever they stand, are known by their counts.

A prediction is `Exchangeable.predict` of the counts of what is observed; O(v) a token for Polya's urn, O(K v) for K
sources.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from syntagma.languages.exchangeable import CategoricalMixture, DirichletMultinomial, Exchangeable
from syntagma.oracles._inputs import check_language, checked_observations, checked_positions, refuse_impossible
from syntagma.oracles.oracle import LabelOracle, Oracle, oracle_of

_ENTRIES_PER_CHUNK = 2**18  # counts of one batch of sentences: they stay in a core's cache


class _CountOracle(Oracle, abc.ABC):
    """Inference of tokens from counts; see `Oracle` for arguments and errors."""

    language: Exchangeable

    def log_evidence(
        self, tokens: Integer[np.ndarray, "n T"], observed: Bool[np.ndarray, "*n T"]
    ) -> Float[np.ndarray, " n"]:
        tokens, observed = checked_observations(tokens, observed, self.language)
        return self.language.log_prob_of_one_order(_observed_counts(tokens, observed, self.language.vocab))

    def token_posterior(
        self,
        tokens: Integer[np.ndarray, "n T"],
        observed: Bool[np.ndarray, "*n T"],
        position: int | Integer[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n v"]:
        tokens, observed = checked_observations(tokens, observed, self.language)
        position = checked_positions(position, tokens)
        rows = np.arange(len(tokens))
        counts = _observed_counts(tokens, observed, self.language.vocab)
        result = self.language.predict(counts)
        known = np.broadcast_to(observed, tokens.shape)[rows, position]
        itself = np.eye(self.language.vocab, dtype=bool)[tokens[rows, position][known]]
        result[known] = np.where(itself & (result[known] > 0), 1.0, 0.0)
        refuse_impossible(tokens, result.sum(axis=1) > 0, "its observed tokens")
        return result

    def next_token(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n T v"]:
        vocab, length = self.language.vocab, self.language.sentence_length
        tokens, _ = checked_observations(tokens, np.ones(length, bool), self.language)
        result = np.empty((*tokens.shape, vocab))
        size = max(1, _ENTRIES_PER_CHUNK // (length * vocab))
        for begin in range(0, len(tokens), size):
            part = slice(begin, begin + size)
            before = np.zeros((len(tokens[part]), length, vocab))
            before[:, 1:] = np.cumsum(tokens[part, :-1, None] == np.arange(vocab), axis=1)
            result[part] = self.language.predict(before)
        refuse_impossible(tokens, result.sum(axis=2).min(axis=1) > 0, "the first T - 1 tokens")
        return result


@dataclass(frozen=True)
class DirichletMultinomialOracle(_CountOracle):
    """Exact inference in a `DirichletMultinomial` language."""

    language: DirichletMultinomial

    def __post_init__(self) -> None:
        check_language(self.language, DirichletMultinomial)


@dataclass(frozen=True)
class CategoricalMixtureOracle(_CountOracle, LabelOracle):
    """Exact inference in a `CategoricalMixture`, also of the source that made a sentence."""

    language: CategoricalMixture

    def __post_init__(self) -> None:
        check_language(self.language, CategoricalMixture)

    def label_posterior(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n K"]:
        """P(source | sentence), from the counts of its tokens."""
        tokens, everything = checked_observations(tokens, np.ones(self.language.sentence_length, bool), self.language)
        result = self.language.source_posterior(_observed_counts(tokens, everything, self.language.vocab))
        refuse_impossible(tokens, result.sum(axis=1) > 0, "it")
        return result


def _observed_counts(tokens: np.ndarray, observed: np.ndarray, vocab: int) -> Integer[np.ndarray, "n v"]:
    """How often each token is observed in each sentence."""
    cells = np.arange(len(tokens))[:, None] * (vocab + 1) + np.where(observed, tokens.astype(np.intp), vocab)
    return np.bincount(cells.reshape(-1), minlength=len(tokens) * (vocab + 1)).reshape(-1, vocab + 1)[:, :vocab]


oracle_of.register(DirichletMultinomial, DirichletMultinomialOracle)
oracle_of.register(CategoricalMixture, CategoricalMixtureOracle)
