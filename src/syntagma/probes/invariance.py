"""Which changes of a sentence's tree a layer ignores, and to which it reacts.

The activations h of each layer and position are whitened over the sample: z = S^(-1/2) (h - mean), S their covariance,
so that every direction counts by how much it varies, not by its scale. Then

    invariance = mean over sentences of cos(z(before), z(after)),

1 where the change is ignored, 0 where the activations after it are as those of another sentence. A layer that
represents level l is invariant to `resample_rule` at level l, a synonym, and not to `resample_symbol`.

Directions whose variance is below 1e-6 of the largest are left out: they hold the rounding of float32. Bands are
percentiles of the mean over sentences drawn again with replacement; the whitening stays as it was fitted.

Source: arXiv 2505.07070, second half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from syntagma.checked_call import flags_checked
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.interventions import Intervention, resample_rule, resample_symbol
from syntagma.languages.language import Sample
from syntagma.learners.learner import Network
from syntagma.probes.foreign import ForeignNetwork
from syntagma.probes.gate import checked_nodes, checked_probe
from syntagma.probes.observe import layers_of
from syntagma.randomness import stream
from syntagma.tasks import Task

RESAMPLES = 1000
CONFIDENCE = 0.95
_LEAST_VARIANCE = 1e-6

Change = Literal["rule", "symbol"]


@dataclass(frozen=True)
class Invariance:
    """How much of one layer stays under one change, at each of its positions.

    NaN at positions that do not see the change, or whose activations do not vary.

    Attributes:
        layer: its name.
        change: "rule", a synonym, or "symbol".
        level: of the node that is changed.
        position: of the node, counted from the start.
        cosine: mean cosine of whitened activations.
        low: lower end of its 95 % band.
        high: upper end.
        num_sentences: in which the change could be made.
    """

    layer: str
    change: Change
    level: int
    position: int
    cosine: Float[np.ndarray, " positions"]
    low: Float[np.ndarray, " positions"]
    high: Float[np.ndarray, " positions"]
    num_sentences: int


@flags_checked
def invariances(
    network: Network | ForeignNetwork,
    task: Task,
    language: RandomHierarchy,
    sample: Sample,
    nodes: Sequence[tuple[int, int]] | None = None,
    *,
    different: bool = True,
    law: Literal["marginal", "conditional"] = "marginal",
    seed: int = 0,
) -> list[Invariance]:
    """Invariance of every layer to a new rule and to a new symbol at each of `nodes`.

    Args:
        network: a trained one.
        task: makes its inputs from sentences.
        language: the grammar.
        sample: sentences with their hidden levels and rules; a few times the network's width, or whitening overfits.
        nodes: (level, position); by default, at each level from 1 to L - 1, the node just before the one that holds the
            last token.
        different: only changes that differ from what stood there.
        law: of a new symbol, as `resample_symbol` says.
        seed: of the changes and the bands.

    Raises:
        InputError: as the interventions do.
    """
    sample, inputs = checked_probe(network, task, language, sample, seed)
    if nodes is None:
        nodes = [(level, -2) for level in range(1, language.depth)]
    before = [_Whitened(np.asarray(layer.values)) for layer in layers_of(network, inputs)]
    counts = _bootstrap_counts(seed, len(inputs))
    found = []
    for level, position in checked_nodes(nodes):
        changes: dict[Change, Intervention] = {
            "rule": resample_rule(language, sample, level, position, seed, different=different),
            "symbol": resample_symbol(language, sample, level, position, seed, different=different, law=law),
        }
        for change, after in changes.items():
            inputs_after = task.examples(after.sample, language, seed).inputs
            touched = (inputs_after != inputs).any(axis=0)
            place = position % language.branching ** (language.depth - level)
            for layer, whitened in zip(layers_of(network, inputs_after), before, strict=True):
                reached = np.flatnonzero(layer.sees[:, touched].any(axis=1))
                cosines = whitened.cosines(np.asarray(layer.values), reached)
                mean, low, high = bands = np.full((3, len(layer.sees)), np.nan)
                bands[:, reached] = _band(cosines, after.applied, counts)
                found.append(Invariance(layer.name, change, level, place, mean, low, high, int(after.applied.sum())))
    return found


class _Whitened:
    """A layer's whitened activations on the sample, position by position, and the map that made them."""

    def __init__(self, values: Float[np.ndarray, "n positions w"]) -> None:
        self._mean = values.mean(axis=0, dtype=np.float64).astype(values.dtype)
        centred = np.ascontiguousarray((values - self._mean).swapaxes(0, 1))
        variances, directions = np.linalg.eigh((centred.swapaxes(1, 2) @ centred).astype(np.float64) / len(values))
        kept = variances > _LEAST_VARIANCE * variances[:, -1:]
        scales = np.where(kept, 1.0, 0.0) / np.sqrt(np.where(kept, variances, 1.0))
        self._map = (directions * scales[:, None, :]).astype(values.dtype)
        self._z = _unit(centred @ self._map)

    def cosines(
        self, values: Float[np.ndarray, "n positions w"], positions: Int[np.ndarray, " k"]
    ) -> Float[np.ndarray, "n k"]:
        """Between the sample's whitened activations and these; NaN where one of the two vectors is 0."""
        centred = np.ascontiguousarray((values[:, positions] - self._mean[positions]).swapaxes(0, 1))
        return np.einsum("pnw,pnw->np", self._z[positions], _unit(centred @ self._map[positions]))


def _unit(z: Float[np.ndarray, "*n w"]) -> Float[np.ndarray, "*n w"]:
    with np.errstate(invalid="ignore"):
        return z / np.linalg.norm(z, axis=-1, keepdims=True)


def _bootstrap_counts(seed: int, count: int) -> Float[np.ndarray, "R n"]:
    """How often each sentence occurs in each of the samples drawn again."""
    drawn = stream(seed, "invariance", "bootstrap").integers(count, size=(RESAMPLES, count))
    drawn += np.arange(RESAMPLES)[:, None] * count
    return np.bincount(drawn.reshape(-1), minlength=RESAMPLES * count).reshape(RESAMPLES, count).astype(np.float32)


def _band(
    cosines: Float[np.ndarray, "n positions"], applied: Bool[np.ndarray, " n"], counts: Float[np.ndarray, "R n"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and band over the sentences that count; NaN at positions where there are none."""
    used = applied[:, None] & np.isfinite(cosines)
    values, weights = np.where(used, cosines, 0.0).astype(np.float32), used.astype(np.float32)
    tail = (1.0 - CONFIDENCE) / 2.0
    with np.errstate(invalid="ignore"):
        mean = values.sum(axis=0, dtype=np.float64) / used.sum(axis=0)
        resampled = (counts @ values) / (counts @ weights)
        low, high = np.quantile(resampled, [tail, 1.0 - tail], axis=0)
    return mean, low, high
