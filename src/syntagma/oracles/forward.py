"""The ideal observer of hidden Markov models and their mixtures: forward and backward messages along the chains.

    P(x_t = a | observed) is proportional to sum_k w_k sum_s F_k(s) emit_k(a | s) B_k(s),   F, B at t as in `_chains.py`

The next token needs F alone. O(K S^2 + K S v) a token, batched over sentences; the messages are logarithms, so that
sentences of any length are safe from underflow.

Source: Rabiner, Proc. IEEE 77, 1989, equations 18 to 27.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from syntagma.languages._chains import log_sum
from syntagma.languages.hidden_markov import HiddenMarkovLanguage
from syntagma.oracles._inputs import check_language, checked_observations, checked_positions, refuse_impossible
from syntagma.oracles.oracle import LabelOracle, oracle_of


@dataclass(frozen=True)
class ForwardOracle(LabelOracle):
    """Exact inference in hidden Markov languages; see `Oracle` for arguments and errors."""

    language: HiddenMarkovLanguage

    def __post_init__(self) -> None:
        check_language(self.language, HiddenMarkovLanguage)

    def log_evidence(
        self, tokens: Integer[np.ndarray, "n T"], observed: Bool[np.ndarray, "*n T"]
    ) -> Float[np.ndarray, " n"]:
        """log P(the observed tokens) in nats, from the forward messages; `-inf` where they are impossible."""
        _, symbols = self._symbols(tokens, observed)
        return log_sum(self.language.chains().log_joint(symbols))

    def token_posterior(
        self,
        tokens: Integer[np.ndarray, "n T"],
        observed: Bool[np.ndarray, "*n T"],
        position: int | Integer[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n v"]:
        """P(token at `position` | observed), from the messages of both directions that meet there."""
        tokens, symbols = self._symbols(tokens, observed)
        position = checked_positions(position, tokens)
        chains, vocab = self.language.chains(), self.language.vocab
        result = np.empty((len(tokens), vocab))
        for rows in chains.batches(len(tokens)):
            here, where = symbols[rows], position[rows]
            shape = (len(chains.weights), len(here))
            scales, messages = np.zeros(shape), np.zeros((*shape, chains.start.shape[1]))
            forward = enumerate(chains.forward(here))
            backward = zip(range(tokens.shape[1] - 1, -1, -1), chains.backward(here), strict=True)
            for passes in (forward, backward):
                for t, (scale, message) in passes:
                    scales[:, where == t] += scale[:, where == t]
                    messages[:, where == t] += message[:, where == t]
            result[rows] = chains.beliefs(scales, messages)
        seen = symbols[np.arange(len(tokens)), position]
        known = seen < vocab
        result[known] = np.where(np.eye(vocab, dtype=bool)[seen[known]] & (result[known] > 0), 1.0, 0.0)
        refuse_impossible(tokens, result.sum(axis=1) > 0, "its observed tokens")
        return result

    def next_token(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n T v"]:
        """P(token at t | those before t) for every t, from one pass of forward messages."""
        tokens, symbols = self._symbols(tokens, np.ones(self.language.sentence_length, bool))
        chains = self.language.chains()
        result = np.empty((*tokens.shape, self.language.vocab))
        for rows in chains.batches(len(tokens)):
            for t, message in zip(range(tokens.shape[1]), chains.forward(symbols[rows]), strict=False):
                result[rows, t] = chains.beliefs(*message)
        refuse_impossible(tokens, result.sum(axis=2).min(axis=1) > 0, "the first T - 1 tokens")
        return result

    def label_posterior(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n K"]:
        """P(model | sentence)."""
        tokens, symbols = self._symbols(tokens, np.ones(self.language.sentence_length, bool))
        joint = self.language.chains().log_joint(symbols)
        total = log_sum(joint)
        refuse_impossible(tokens, total > -np.inf, "it")
        return np.exp(joint - total[:, None])

    def _symbols(self, tokens: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, Integer[np.ndarray, "n T"]]:
        """`tokens` checked, and with symbol v where they are not observed."""
        tokens, observed = checked_observations(tokens, observed, self.language)
        return tokens, np.where(observed, tokens.astype(np.intp), self.language.vocab)


oracle_of.register(HiddenMarkovLanguage, ForwardOracle)
