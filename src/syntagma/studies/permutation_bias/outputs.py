"""Predicted outputs, sequence by sequence: the mean of kernel regression, and networks of finite width beside it.

Over training sets of n examples the mean output of ridge regression is, to the order of `theory.learnability`,

    f(x) = sum_k L_k f_k(x),    L_k = lambda_k / (lambda_k + kappa),

f_k the target's part in level k; with kappa = d / n it is the equivalent kernel of arXiv 2402.05173, without the first
correction. Both are evaluated on all v^T sequences, by diagonalising the kernel there, and read at some of them. What
is measured of a training set is the slope of its outputs on the predicted ones, sum f_hat f / sum f^2, whose mean over
training sets is 1 where the prediction is the mean output. A network's slope is on the kernel regression of its own
training set, so that chance of the set is common to both. Regime: as `theory.learnability`, modes taken for Gaussian.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from syntagma.languages.representations import representation_target
from syntagma.languages.splits import Split, stream_of
from syntagma.learners import KernelRegression, LangevinPosterior, Trainer, trainer_of
from syntagma.randomness import stream
from syntagma.studies.permutation_bias.settings import PermutationBias
from syntagma.tasks import Shape, SymmetryTarget
from syntagma.theory.enumeration import all_sequences
from syntagma.theory.learnability import equivalent_kernel, solve
from syntagma.theory.spectrum import Spectrum

_POINTS = 256
"""Sequences at which outputs are kept."""
_TAIL = (1,)
"""The targets are in (T-1, 1)."""


def kernel_outputs(settings: PermutationBias, size: int) -> dict[str, Any]:
    """Mean output of kernel regressions on `size` examples, beside both predictions; the slope of each training set."""
    where, x = _asked(settings)
    expected, equivalent = _predicted(settings, size, where)
    outputs = [_fit(settings, settings.kernel(settings.block), size, seed, 1.0, x) for seed in range(settings.seeds)]
    slopes = {"predicted": [slope(one, expected) for one in outputs]}
    slopes["equivalent"] = [slope(one, equivalent) for one in outputs]
    shown = {"predicted": expected, "equivalent": equivalent, "measured": np.mean(outputs, axis=0)}
    return {"slopes": slopes} | {name: np.round(column, 5).tolist() for name, column in shown.items()}


def network_outputs(settings: PermutationBias, width: int, size: int, seed: int) -> dict[str, Any]:
    """Outputs of networks of that width, over the scale of their targets, beside kernel regression on the same set."""
    _, x = _asked(settings)
    network = LangevinPosterior(
        architecture=settings.blocks[settings.block],
        width=width,
        head_size=1,
        ridge=settings.ridge,
        steps=settings.network_steps,
    )
    scale = settings.network_scale
    limit, found = (
        _fit(settings, learner, size, seed, scale, x) / scale for learner in (settings.kernel(settings.block), network)
    )
    numbers = {"slope": slope(found, limit), "correlation": float(np.corrcoef(found, limit)[0, 1])}
    return numbers | {"limit": np.round(limit, 5).tolist(), "network": np.round(found, 5).tolist()}


def slope(found: Float[np.ndarray, " n"], expected: Float[np.ndarray, " n"]) -> float:
    """Of the regression of `found` on `expected` through 0: `slope(2 * x, x)` is 2."""
    return float(found @ expected / (expected @ expected))


def _asked(settings: PermutationBias) -> tuple[Integer[np.ndarray, " p"], Integer[np.ndarray, "p T"]]:
    sequences = all_sequences(settings.vocab, settings.length)
    rng = stream(0, "outputs-asked")
    where = np.sort(rng.permutation(len(sequences))[:_POINTS])
    return where, sequences[where]


def _target(settings: PermutationBias, scale: float) -> SymmetryTarget:
    return SymmetryTarget(partition=settings.partition(_TAIL), seed=0, scale=scale)


def _predicted(
    settings: PermutationBias, size: int, where: Integer[np.ndarray, " p"]
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """The mean output with kappa solved for, and with kappa = d / n."""
    sequences = all_sequences(settings.vocab, settings.length)
    gram = settings.blocks[settings.block].gram(sequences).matrix
    values, vectors = np.linalg.eigh(gram / len(gram))
    spectrum = Spectrum(np.maximum(values, 0))
    parts = vectors.T @ representation_target(sequences, settings.partition(_TAIL), settings.vocab, 0)
    kept = np.abs(parts) > 1e-9 * np.abs(parts).max()
    found = solve(spectrum, [size], settings.ridge), equivalent_kernel(spectrum, [size], settings.ridge)
    first, second = ((vectors[where][:, kept] * one.learned[0, kept]) @ parts[kept] for one in found)
    return first, second


def _fit(
    settings: PermutationBias, learner: Any, size: int, seed: int, scale: float, x: Integer[np.ndarray, "p T"]
) -> Float[np.ndarray, " p"]:
    """Outputs at `x` after learning the training set that a run of this seed has."""
    language, task = settings.language(), _target(settings, scale)
    sizes: dict[Split, int] = {"train": size, "validation": 2}
    train, held_out = (
        task.examples(language.sample(stream_of(split, seed), number), language, stream_of(split, seed))
        for split, number in sizes.items()
    )
    fit = _trainer(learner, task.shape(language)).fit([train], [held_out], [held_out], [seed])[0]
    return np.asarray(fit.predictor(x.astype(np.int32)), float)[:, 0]


@functools.lru_cache(maxsize=4)
def _trainer(learner: LangevinPosterior | KernelRegression, shape: Shape) -> Trainer:
    """One trainer for all seeds: its programs are compiled once."""
    return trainer_of(learner, shape, None)
