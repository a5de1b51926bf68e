"""Bayesian networks of finite width: the posterior of all weights, sampled by full-batch Langevin dynamics.

    U(w) = sum_i (f_w(x_i) - y_i)^2 / (2 d) + |w|^2 / 2,      dw = p dt,   dp = -(grad U + g p) dt + sqrt(2 g) dB

has the stationary density exp(-U): the posterior under the prior N(0, 1) that the architecture draws its weights from,
with observation noise of variance d. As the width grows the mean prediction becomes that of `KernelRegression` with the
NNGP kernel and ridge d; how fast is what a study measures.

Integrator: BAOAB, whose averages are off by O(h^2), with the two half kicks between steps taken as one. The step h is a
fixed share of the shortest period, from the largest curvature 1 + lambda_max(K) / d, where K is the infinitely wide
tangent kernel of the training examples; narrow networks are curved more, and where a chain diverges all are run again
with half the step. Chains start as draws from the prior, the first half of each is dropped, and
of the rest `snapshots` networks are kept. Their mean output is the prediction. Chains are independent, so their spread
gives the standard error of it: NAME_sampling_loss is the part of NAME_loss that finite chains add.

How wide is wide: corrections to the limit are of the order y^T (K + d)^-1 y / width, because the posterior adapts the
features to the targets. Many examples of a target on which the kernel has small eigenvalues ask for more units than
examples; there the networks of this width learn from fewer examples than the limit does.

Sources: Welling & Teh, ICML 2011 (Langevin dynamics for networks); Leimkuhler & Matthews, arXiv 1203.5428 (BAOAB);
Li & Sompolinsky, arXiv 2012.04030 (corrections in n / width, of linear networks).
"""

from __future__ import annotations

import time
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, Key
from pydantic import Field

from syntagma.checked_call import checked
from syntagma.errors import InputError
from syntagma.learners.kernel_regression import NamedOrWhole, resolved
from syntagma.learners.learner import Learner
from syntagma.learners.loss import right_side
from syntagma.learners.scores import Scores
from syntagma.learners.trainer import ExampleSets, Fit, SeedBySeed, Trainer, solved_fit, trainer_of
from syntagma.learners.training import Training
from syntagma.randomness import key
from syntagma.tasks import Examples, Shape

_SHARE_OF_PERIOD = 0.35
"""Step times the largest frequency; the integrator is stable below 2."""
_HALVINGS = 4
"""Of the step, before divergence is the result."""
_FRICTION = 1.0
"""g, in units of the slowest frequency, that of the prior."""
_PREDICTION_BATCH = 256


class LangevinPosterior(Learner):
    """Finite networks drawn from their posterior.

    Example: `LangevinPosterior(architecture="linear-attention", width=64, ridge=0.02)`.

    Attributes:
        architecture: the network, or the name of one; its vocabulary is taken from the task, with the mask symbol.
        width: units of every layer.
        heads: heads of each attention; as many as `width` where None. The limit needs many.
        head_size: size of their queries, keys and values; with linear scores the limit holds for any.
        ridge: d, the variance of the observation noise.
        chains: how many are run at once.
        steps: of each chain.
        snapshots: networks kept of each chain.
    """

    label: ClassVar[str] = "finite network"
    weight_sharing: ClassVar[bool | None] = None
    kind: Literal["langevin"] = "langevin"
    architecture: NamedOrWhole = "transformer"
    width: int = Field(default=64, ge=1)
    heads: int | None = Field(default=None, ge=1)
    head_size: int = Field(default=4, ge=1)
    ridge: float = Field(default=0.1, gt=0)
    chains: int = Field(default=4, ge=2)
    steps: int = Field(default=4000, ge=4)
    snapshots: int = Field(default=32, ge=1)

    @checked
    def check(self, shape: Shape) -> None:
        if shape.loss != "squared":
            raise InputError(
                "learner='langevin' cannot be used: it samples regressions, and the task's answers are classes."
            )
        resolved(self.architecture, shape)


class _Chains(eqx.Module):
    """What the compiled program returns: `[chains, snapshots]` networks."""

    weights: Any
    static: Any = eqx.field(static=True)

    def outputs(self, inputs: Integer[np.ndarray, "B T"]) -> Float[Array, "chains snapshots B"]:
        """Every network's output for every sentence."""
        each = jax.vmap(jax.vmap(lambda w, x: eqx.combine(w, self.static)(x), (0, None)), (0, None))
        predict = eqx.filter_jit(lambda weights, x: each(weights, x))
        starts = range(0, len(inputs), _PREDICTION_BATCH)
        return jnp.concatenate([predict(self.weights, inputs[i : i + _PREDICTION_BATCH]) for i in starts], axis=-1)

    def __call__(self, inputs: Integer[np.ndarray, "B T"]) -> Float[np.ndarray, "B 1"]:
        """The posterior mean, as the chains give it."""
        return np.asarray(self.outputs(np.asarray(inputs, np.int32)).mean((0, 1)))[:, None]


class LangevinTrainer(SeedBySeed):
    """Samples the posterior of a seed, which draws its chains; there is nothing to choose.

    A fit's predictor is the posterior mean; its metric `stopped` is "diverged" where halving the step did not help.
    """

    def __init__(self, learner: LangevinPosterior, shape: Shape) -> None:
        super().__init__(learner, shape)
        self.architecture = resolved(learner.architecture, shape)
        self._weights, self._static = eqx.partition(eqx.filter_eval_shape(self._network, key(0)), _is_weight)
        self._sample = jax.jit(lambda keys, *data: jax.lax.map(lambda start: self._chain(start, *data), keys))

    def fit_one(self, sets: ExampleSets, seed: int) -> Fit:
        train = sets.train
        learner, begun = self.learner, time.perf_counter()
        inputs, targets = np.asarray(train.inputs, np.int32), np.asarray(train.targets, np.float32)
        curvature = np.linalg.eigvalsh(self.architecture.gram(inputs, kind="ntk").matrix)[-1] / learner.ridge
        longest = _SHARE_OF_PERIOD / np.sqrt(1 + curvature)
        keys = jax.random.split(key(seed, "langevin"), learner.chains)
        for halvings in range(_HALVINGS + 1):
            step = longest / 2**halvings
            chains = _Chains(jax.block_until_ready(self._sample(keys, inputs, targets, step)), self._static)
            evaluating = time.perf_counter()
            own = chains(inputs)[:, 0]
            if np.isfinite(own).all():
                break
        metrics: dict[str, Any] = {
            "final_train_loss": float(np.mean((own - targets) ** 2)),
            "steps": learner.steps,
            "step_size": float(step),
            "stopped": "steps" if np.isfinite(own).all() else "diverged",
            "examples_seen": learner.steps * len(train),
        }
        scores: dict[str, Scores] = {}
        for name, examples in {"validation": sets.validation, **sets.tests}.items():
            scores[name], metrics[f"{name}_sampling_loss"] = self._measure(chains, examples)
        ended = time.perf_counter()
        metrics |= {"seconds": round(ended - begun, 3), "seconds_evaluating": round(ended - evaluating, 3)}
        return solved_fit(chains, scores, metrics)

    def _measure(self, chains: _Chains, examples: Examples) -> tuple[Scores, float]:
        """Scores of the mean prediction, and the part of its loss that finite chains add."""
        by_chain = np.asarray(chains.outputs(np.asarray(examples.inputs, np.int32)).mean(1), np.float64)
        mean, sampling = by_chain.mean(0), by_chain.var(0, ddof=1) / len(by_chain)
        scores = Scores((mean - examples.targets) ** 2, right_side(mean, examples.targets))
        return scores, float(sampling.mean())

    def _network(self, start: Key[Array, ""]) -> Any:
        learner = self.learner
        sizes = {"heads": learner.heads, "head_size": learner.head_size}
        return self.architecture.network(start, learner.width, self.shape.length, **sizes)

    def _chain(self, start: Key[Array, ""], inputs: Array, targets: Array, step: Array) -> Any:
        """`[snapshots]` sets of weights of one chain."""
        learner = self.learner
        first, motion = jax.random.split(start)
        weights = _like(first, self._weights)  # all are N(0, 1): one draw compiles quicker than one for each

        def energy(weights: Any) -> Float[Array, ""]:
            errors = eqx.combine(weights, self._static)(inputs) - targets
            prior = sum(jnp.sum(w**2) for w in jax.tree.leaves(weights))
            return 0.5 * (jnp.sum(errors**2) / learner.ridge + prior)

        decay = jnp.exp(-_FRICTION * step)

        def advance(carry: Any, count: Array) -> tuple[Any, None]:
            weights, momentum = carry
            weights = jax.tree.map(lambda w, p: w + 0.5 * step * p, weights, momentum)
            noise = _like(jax.random.fold_in(motion, count), momentum)
            momentum = jax.tree.map(lambda p, z: decay * p + jnp.sqrt(1 - decay**2) * z, momentum, noise)
            weights = jax.tree.map(lambda w, p: w + 0.5 * step * p, weights, momentum)
            momentum = jax.tree.map(lambda p, g: p - step * g, momentum, jax.grad(energy)(weights))
            return (weights, momentum), None

        def stretch(carry: Any, counts: Array) -> tuple[Any, Any]:
            carry, _ = jax.lax.scan(advance, carry, counts)
            return carry, carry[0]

        each = max(learner.steps // (2 * learner.snapshots), 1)  # half of the stretches are dropped
        counts = jnp.arange(2 * learner.snapshots * each).reshape(2 * learner.snapshots, each)
        carry = (weights, _like(jax.random.fold_in(motion, counts.size), weights))
        kept = jax.lax.scan(stretch, carry, counts)[1]
        return jax.tree.map(lambda leaf: leaf[learner.snapshots :], kept)


def _like(noise_key: Key[Array, ""], tree: Any) -> Any:
    """Standard normal numbers in the shape of `tree`, from one draw."""
    leaves, structure = jax.tree.flatten(tree)
    flat = jax.random.normal(noise_key, (sum(leaf.size for leaf in leaves),))
    ends = np.cumsum([leaf.size for leaf in leaves])
    return structure.unflatten([flat[e - x.size : e].reshape(x.shape) for x, e in zip(leaves, ends, strict=True)])


def _is_weight(leaf: Any) -> bool:
    return eqx.is_inexact_array(leaf) or (
        isinstance(leaf, jax.ShapeDtypeStruct) and jnp.issubdtype(leaf.dtype, jnp.inexact)
    )


@trainer_of.register
def _(learner: LangevinPosterior, shape: Shape, training: Training | None) -> Trainer:
    del training
    return LangevinTrainer(learner, shape)
