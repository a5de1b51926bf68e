"""Which truncated observer a network predicts like: the level, or the window, that it has learned.

    D_k = mean over sentences of KL( P(token | the k tokens before it) || network's prediction ),   in nats,

with the exact posterior of an observer who sees only the last k tokens. For k = s^l - 1 that observer knows the grammar
up to level l, and the l with the smallest distance is the level learned; for other k it is the exact (k + 1)-gram.
D_(T-1) is the network's excess loss over the best possible one. The divergence is taken in this direction because
posteriors have exact zeros, and since it splits the loss: cross-entropy against any of them is its entropy plus D.

Source: arXiv 2505.07070 (plateaus of the truncated observers); the distance is derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from syntagma.errors import InputError, invalid
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Sample
from syntagma.learners.learner import Network
from syntagma.oracles import Oracle, TreeOracle
from syntagma.probes.foreign import ForeignNetwork
from syntagma.probes.gate import checked_probe
from syntagma.probes.observe import log_probabilities
from syntagma.tasks import LastToken, NextToken, Task


@dataclass(frozen=True)
class OracleDistance:
    """Distances of one network to the observers of the last k tokens, k = 0..T-1.

    Attributes:
        positions: of the predicted tokens: all, or the last.
        branching: s.
        distance: mean divergence in nats, by position and k; NaN where fewer than k tokens come before.
        standard_error: of the mean.
    """

    positions: tuple[int, ...]
    branching: int
    distance: Float[np.ndarray, "positions T"]
    standard_error: Float[np.ndarray, "positions T"]

    @property
    def by_level(self) -> Float[np.ndarray, "positions levels"]:
        """The distances at k = s^l - 1, l = 0..L; NaN as in `distance`."""
        return self.distance[:, self._windows]

    @property
    def level_learned(self) -> tuple[int, ...]:
        """At each position the level l whose observer is nearest."""
        return tuple(int(level) for level in np.nanargmin(self.by_level, axis=1))

    @property
    def window_learned(self) -> tuple[int, ...]:
        """At each position the number of previous tokens k whose observer is nearest."""
        return tuple(int(k) for k in np.nanargmin(self.distance, axis=1))

    @property
    def _windows(self) -> list[int]:
        windows, span = [], 1
        while span <= self.distance.shape[1]:
            windows.append(span - 1)
            span *= self.branching
        return windows


def distance_to_oracles(
    network: Network | ForeignNetwork, task: Task, language: RandomHierarchy, sample: Sample, *, seed: int = 0
) -> OracleDistance:
    """Distances to the observers of every window, at every position that the task predicts.

    Cost: a posterior for each position and window, T for the last token, T (T + 1) / 2 for all.

    Raises:
        InputError: the task does not predict tokens from those before.
    """
    if not isinstance(task, LastToken | NextToken):
        raise InputError(f"task={task!r} has no windows of previous tokens: use LastToken() or NextToken().")
    sample, inputs = checked_probe(network, task, language, sample, seed)
    length = language.sentence_length
    predicted = log_probabilities(network, inputs)
    positions = tuple(range(length)) if isinstance(task, NextToken) else (length - 1,)
    if predicted.shape[1:] not in ((len(positions), language.vocab), (language.vocab,) * (len(positions) == 1)):
        mend = "Give a network that was trained on this task"
        raise invalid("network", network.shape, f"its answers have the shape {predicted.shape[1:]}", mend)
    predicted = predicted.reshape(len(predicted), len(positions), -1)
    windows = range(length)
    distance, error = observer_distances(TreeOracle(language), sample.tokens, predicted, positions, windows)
    return OracleDistance(positions, language.branching, distance, error)


def observer_distances(
    oracle: Oracle,
    tokens: Integer[np.ndarray, "n T"],
    log_predicted: Float[np.ndarray, "n positions v"],
    positions: Sequence[int],
    windows: Sequence[int],
) -> tuple[Float[np.ndarray, "positions windows"], Float[np.ndarray, "positions windows"]]:
    """D_k of any predictions, and its standard error, at each position and window k of previous tokens.

    NaN where fewer than k tokens come before. `observer_distances(oracle, tokens, log_predicted, [T - 1], [0, 1, 3])`.
    """
    distance, error = np.full((2, len(positions), len(windows)), np.nan)
    for row, position in enumerate(positions):
        for column, window in enumerate(windows):
            if window <= position:
                truth = observer_posteriors(oracle, tokens, position, window)
                found = divergence(truth, log_predicted[:, row])
                distance[row, column] = found.mean()
                if not np.isfinite(found).all():
                    error[row, column] = np.nan  # something possible is taken for impossible
                else:
                    error[row, column] = found.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.inf
    return distance, error


def observer_posteriors(
    oracle: Oracle, tokens: Integer[np.ndarray, "n T"], position: int, window: int
) -> Float[np.ndarray, "n v"]:
    """P(token at `position` | the `window` tokens before it), exact."""
    places = np.arange(tokens.shape[1])
    return oracle.token_posterior(tokens, (places < position) & (places >= position - window), position)


def divergence(
    truth: Float[np.ndarray, "*n v"], log_predicted: Float[np.ndarray, "*n v"]
) -> Float[np.ndarray, "*n"]:  # fmt: skip
    """KL( truth || predicted ) in nats; infinite where what is true has probability 0 in the prediction."""
    possible = truth > 0.0
    ratio = np.log(truth, out=np.zeros_like(truth), where=possible) - np.where(possible, log_predicted, 0.0)
    return (truth * ratio).sum(axis=-1)
