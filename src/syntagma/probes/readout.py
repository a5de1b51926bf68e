"""Which hidden symbols can be read off a layer by a linear map, and how well the ideal observer would do.

For each layer, position p and hidden symbol (level l, position i), ridge regression of the symbol's one-hot vector,

    W = argmin sum over sentences of |y - W h_p - b|^2 + ridge n mean(h_p^2) |W|^2,

answers with the largest output. Closed form, so one factorisation of the activations' covariance serves every symbol.
The accuracy is cross-validated: each sentence is answered by the map fitted to the other folds. It is compared with
the accuracy of the exact posterior given the tokens that the position sees, E[max_a P(a | seen)], which no read-out
can beat on average. Logistic regression may read more than least squares does; the accuracy is a lower bound on it.

Source: ridge regression as classifier, Hastie, Tibshirani, Friedman, "The elements of statistical learning", 4.2; the
ceiling is `TreeOracle`'s.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from syntagma.errors import InputError, invalid, whole_number
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Sample
from syntagma.learners.learner import Layer, Network
from syntagma.oracles import TreeOracle
from syntagma.probes.foreign import ForeignNetwork
from syntagma.probes.gate import checked_probe
from syntagma.probes.observe import layers_of, visible
from syntagma.randomness import stream
from syntagma.tasks import Task


@dataclass(frozen=True)
class Readout:
    """How well the level-`level` symbols can be read off one layer.

    Attributes:
        layer: its name.
        level: of the symbols, 1 to L.
        accuracy: of the linear read-out from each position of the layer, of the symbol at each position of the level.
        standard_error: of the accuracy.
        ceiling: accuracy of the exact posterior given what the position sees.
        chance: accuracy of the most probable symbol, nothing seen.
    """

    layer: str
    level: int
    accuracy: Float[np.ndarray, "positions symbols"]
    standard_error: Float[np.ndarray, "positions symbols"]
    ceiling: Float[np.ndarray, "positions symbols"]
    chance: Float[np.ndarray, " symbols"]


def readouts(
    network: Network | ForeignNetwork,
    task: Task,
    language: RandomHierarchy,
    sample: Sample,
    *,
    folds: int = 5,
    ridge: float = 1e-3,
    seed: int = 0,
) -> list[Readout]:
    """Read-outs of all hidden symbols from all layers and positions.

    Args:
        network: a trained one.
        task: makes its inputs from sentences.
        language: the grammar.
        sample: sentences with their hidden levels, many more than the network's width.
        folds: of the cross-validation, 2 or more.
        ridge: penalty on the weights, relative to the activations' mean square.
        seed: of the folds, and of what the task draws.

    Raises:
        InputError: no hidden levels in `sample`; fewer than two folds, or sentences for them; ridge not above 0.
    """
    sample, inputs = checked_probe(network, task, language, sample, seed)
    if sample.levels is None:
        raise InputError("sample has no hidden levels: sample with hidden=True, or parse its tokens.")
    folds = whole_number("folds", folds, minimum=2)
    if len(sample.tokens) < 2 * folds:
        raise invalid("folds", folds, f"there are {len(sample.tokens)} sentences", "Give at least two for each fold")
    if not (isinstance(ridge, int | float) and 0 < ridge < np.inf):
        raise invalid("ridge", ridge, "it must be a finite number above 0", "1e-3 is the default")
    order = stream(seed, "readout", "folds").permutation(len(inputs))
    labels = [np.asarray(level[order], np.intp) for level in sample.levels[1:]]
    targets = _Targets(labels, [language.symbols(level) for level in range(1, language.depth + 1)])
    ceilings = _Ceilings(language, task, sample, inputs)
    chances = _chances(language)
    found = []
    for layer in layers_of(network, inputs):
        correct = np.stack([_answered(h[order], targets, folds, ridge) for h in layer.values.swapaxes(0, 1)])
        ceiling, start = ceilings(layer), 0
        for level in range(1, language.depth + 1):
            part = slice(start, start + labels[level - 1].shape[1])
            accuracy, start = correct[:, part], part.stop
            error = np.sqrt(accuracy * (1.0 - accuracy) / len(inputs))
            found.append(Readout(layer.name, level, accuracy, error, ceiling[:, part], chances[part]))
    return found


class _Targets:
    """The one-hot vectors of all hidden symbols side by side."""

    def __init__(self, labels: list[Integer[np.ndarray, "n _"]], sizes: list[int]) -> None:
        self._labels, self._sizes = labels, sizes
        count = len(labels[0])
        hot = [np.eye(size, dtype=np.float32)[symbols] for symbols, size in zip(labels, sizes, strict=True)]
        self.one_hot = np.concatenate([x.reshape(count, -1) for x in hot], axis=1)

    def correct(self, outputs: Float[np.ndarray, "n k"], rows: slice) -> Float[np.ndarray, " symbols"]:
        """How many of the sentences `rows` are answered correctly, for each hidden symbol."""
        counts, start = [], 0
        for symbols, size in zip(self._labels, self._sizes, strict=True):
            stop = start + symbols.shape[1] * size
            answers = outputs[:, start:stop].reshape(len(outputs), -1, size).argmax(axis=2)
            counts.append((answers == symbols[rows]).sum(axis=0))
            start = stop
        return np.concatenate(counts)


def _answered(
    values: Float[np.ndarray, "n w"], targets: _Targets, folds: int, ridge: float
) -> Float[np.ndarray, " symbols"]:
    """Cross-validated accuracy of each hidden symbol; sentences are already in random order."""
    count, width = values.shape
    features = np.ones((count, width + 1), np.float32)  # the last one is for b, without penalty
    features[:, :-1] = values - values.mean(axis=0)
    scale = float(np.sqrt(np.mean(features[:, :-1] ** 2, dtype=np.float64)))
    features[:, :-1] /= scale if scale > 0.0 else 1.0
    edges = np.linspace(0, count, folds + 1).astype(int)
    pieces = [slice(start, stop) for start, stop in itertools.pairwise(edges)]
    squares = np.stack([features[part].T @ features[part] for part in pieces]).astype(np.float64)
    products = np.stack([features[part].T @ targets.one_hot[part] for part in pieces]).astype(np.float64)
    penalty = ridge * count * np.diag(np.append(np.ones(width), 0.0))
    weights = np.linalg.solve(squares.sum(0) - squares + penalty, products.sum(0) - products).astype(np.float32)
    correct = [targets.correct(features[part] @ w, part) for part, w in zip(pieces, weights, strict=True)]
    return np.sum(correct, axis=0) / count


class _Ceilings:
    """The ideal observer's accuracy from what a position sees; positions that see the same share the work."""

    def __init__(self, language: RandomHierarchy, task: Task, sample: Sample, inputs: np.ndarray) -> None:
        self._oracle, self._shape, self._inputs = TreeOracle(language), task.shape(language), inputs
        self._tokens = sample.tokens
        self._known: dict[bytes, np.ndarray] = {}

    def __call__(self, layer: Layer) -> Float[np.ndarray, "positions symbols"]:
        return np.stack([self._ceiling(sees) for sees in np.asarray(layer.sees)])

    def _ceiling(self, sees: np.ndarray) -> Float[np.ndarray, " symbols"]:
        name = sees.tobytes()
        if name not in self._known:
            observed = visible(self._shape, self._inputs, sees)
            levels = range(1, self._oracle.language.depth + 1)
            posteriors = [self._oracle.posteriors_all(self._tokens, observed, level) for level in levels]
            self._known[name] = np.concatenate([p.max(axis=2).mean(axis=0) for p in posteriors])
        return self._known[name]


def _chances(language: RandomHierarchy) -> Float[np.ndarray, " symbols"]:
    oracle, size = TreeOracle(language), language.branching
    nodes = [(level, i) for level in range(1, language.depth + 1) for i in range(size ** (language.depth - level))]
    return np.array([oracle.marginal(level, position).max() for level, position in nodes])
