"""K hidden Markov chains side by side, and the messages along them, for a batch of sentences.

    forward at t:   F_k(s)  = P_k(symbols before t, state at t = s)
    backward at t:  B_k(s)  = P_k(symbols after t | state at t = s)

Messages are float64 `[K, n, S]` logarithms, up to a log-scale `[K, n]` of their own, so that sentences of any length
neither underflow nor lose digits. One step is a matrix product of exponentials; where what it sums has all but
underflowed, so that states lost in rounding could matter later, that entry is summed again in logarithms.

Source: Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 77, 1989, section III.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Integer

_LOST = 1e-280  # a sum of at most S terms, each 0 or more than 1e-308 times a probability, is exact above this
_ENTRIES_PER_CHUNK = 2**16  # entries of one message: a few arrays of that size stay in a core's cache

Message = tuple[Float[np.ndarray, "K n"], Float[np.ndarray, "K n S"]]
"""Log-scale and log-message: their sum is the logarithm of the formula above."""


@dataclass(frozen=True, eq=False)
class Chains:
    """K chains of S states over v symbols, and the probability of each chain.

    A symbol v stands for a token that is not observed.
    """

    weights: Float[np.ndarray, " K"]
    start: Float[np.ndarray, "K S"]
    transitions: Float[np.ndarray, "K S S"]
    emissions: Float[np.ndarray, "K S v"]

    def forward(self, symbols: Integer[np.ndarray, "n T"]) -> Iterator[Message]:
        """The forward messages at t = 0..T; the last one is after all symbols."""
        shape = (*self.start.shape[:1], len(symbols), self.start.shape[1])
        scale, message = np.zeros(shape[:2]), np.broadcast_to(_log(self.start)[:, None], shape)
        yield scale, message
        for symbol in symbols.T:
            scale, message = _scaled(scale, message + self._log_seen[:, symbol])
            message = _through(message, self.transitions)
            yield scale, message

    def backward(self, symbols: Integer[np.ndarray, "n T"]) -> Iterator[Message]:
        """The backward messages at t = T-1..0."""
        shape = (*self.start.shape[:1], len(symbols), self.start.shape[1])
        scale, message = np.zeros(shape[:2]), np.zeros(shape)
        yield scale, message
        for symbol in symbols.T[:0:-1]:
            scale, message = _scaled(scale, message + self._log_seen[:, symbol])
            message = _through(message, self.transitions.transpose(0, 2, 1))
            yield scale, message

    def log_joint(self, symbols: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n K"]:
        """Log P(chain, the observed symbols), of any number of sentences."""
        result = np.empty((len(symbols), len(self.weights)))
        for rows in self.batches(len(symbols)):
            *_, (scale, message) = self.forward(symbols[rows])
            result[rows] = (_log(self.weights)[:, None] + scale + log_sum(message)).T
        return result

    def beliefs(self, scale: Float[np.ndarray, "K n"], message: Float[np.ndarray, "K n S"]) -> Float[np.ndarray, "n v"]:
        """The tokens' probabilities where the states' are proportional to this message; zeros where all are 0."""
        logs = _log(self.weights)[:, None, None] + scale[..., None] + message
        most = _finite(logs.max(axis=(0, 2), keepdims=True))
        states = np.exp(logs - most).transpose(1, 0, 2).reshape(message.shape[1], -1)
        tokens = states @ self.emissions.reshape(-1, self.emissions.shape[2])
        total = tokens.sum(axis=1, keepdims=True)
        return np.divide(tokens, total, out=np.zeros_like(tokens), where=total > 0)

    def batches(self, num_sentences: int) -> Iterator[slice]:
        """Pieces of the sentences whose messages are not too large."""
        size = max(16, _ENTRIES_PER_CHUNK // self.start.size)
        return (slice(begin, begin + size) for begin in range(0, num_sentences, size))

    @cached_property
    def _log_seen(self) -> Float[np.ndarray, "K {self.emissions.shape[2]}+1 S"]:
        """Log P(symbol | state); the last symbol, not observed, has probability 1."""
        logs = _log(self.emissions).transpose(0, 2, 1)
        return np.concatenate([logs, np.zeros_like(logs[:, :1])], axis=1)


def log_sum(logs: Float[np.ndarray, "*batch S"]) -> Float[np.ndarray, "*batch"]:
    """Log of the sum of exponentials over the last axis."""
    most = _finite(logs.max(axis=-1, keepdims=True))
    return np.asarray(_log(np.asarray(np.exp(logs - most).sum(axis=-1))) + most[..., 0])


def _through(message: Float[np.ndarray, "K n S"], matrices: Float[np.ndarray, "K S R"]) -> Float[np.ndarray, "K n R"]:
    """Log of exp(message) times the matrices, exact for messages with maximum 0."""
    total = np.exp(message) @ matrices
    result = _log(total)
    if (total < _LOST).any():
        chain, row, column = np.nonzero(total < _LOST)
        result[chain, row, column] = log_sum(message[chain, row] + _log(matrices[chain, :, column]))
    return result


def _scaled(
    scale: Float[np.ndarray, "K n"], message: Float[np.ndarray, "K n S"]
) -> tuple[Float[np.ndarray, "K n"], Float[np.ndarray, "K n S"]]:
    """The same message with maximum 0; one that is 0 throughout is left as it is."""
    most = _finite(message.max(axis=2, keepdims=True))
    return scale + most[..., 0], message - most


def _finite(most: np.ndarray) -> np.ndarray:
    return np.where(most == -np.inf, 0.0, most)


def _log(values: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values))
