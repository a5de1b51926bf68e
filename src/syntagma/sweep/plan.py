"""How much work a run is and how much memory it takes, known before anything is trained.

A network's training takes, in floating-point operations of matrix products, at most

    forward (3 steps x batch + evaluations x validation sentences + 2 test sentences)

with the forward pass of one sentence as its learner counts it, and the steps of `Training.length`: it may stop earlier.
A kernel regression on n sentences takes about n^3. These numbers order runs; `forecast` turns them into seconds.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np

from syntagma.errors import InputError, invalid
from syntagma.learners import KernelRegression, Learner, NetworkLearner
from syntagma.randomness import key
from syntagma.sweep.machine import usable_memory
from syntagma.sweep.runs import Run
from syntagma.sweep.workers import described
from syntagma.tasks import Shape

BASE_BYTES = 300_000_000
"""What a worker takes before its first run: Python, JAX and the libraries. Measured on Linux (x86-64): 290 MB."""
_USABLE_SHARE = 0.9


class Costs:
    """Operations of runs, each counted once: `execute(..., cost=Costs())`."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Run, float]] = {}

    def __call__(self, run: Run) -> float:
        if id(run) not in self._known:
            self._known[id(run)] = run, operations(run)  # the run is kept, so that its place in memory stays its own
        return self._known[id(run)][1]


def operations(run: Run) -> float:
    """Floating-point operations of `run` at most, as far as its learner says how many it takes.

    Raises:
        InputError: the learner cannot do the task.
    """
    return _operations(run.learner, shape_of(run), run)


def shape_of(run: Run) -> Shape:
    """The shape of the run's task."""
    return run.task.shape(run.language.language())


def evaluations(run: Run) -> int:
    """How often the validation loss of a training that goes to its end is measured."""
    assert run.training is not None
    return sum(1 for _ in run.training.evaluation_steps(run.training.length(run.num_examples)))


def test_sentences(run: Run) -> int:
    """Test sentences of all test sets."""
    return run.test_examples * (1 + len(run.tests))


@functools.singledispatch
def _operations(learner: Learner, shape: Shape, run: Run) -> float:
    """Of a learner that says nothing of its work: a unit for every token it sees."""
    return float((run.num_examples + test_sentences(run)) * shape.length)


@_operations.register
def _(learner: NetworkLearner, shape: Shape, run: Run) -> float:
    assert run.training is not None
    trained = run.training.length(run.num_examples) * run.training.batch_size
    evaluated = evaluations(run) * run.validation_examples + 2 * test_sentences(run)
    return float(learner.forward_flops(shape)) * (3 * trained + evaluated)


@_operations.register
def _(learner: KernelRegression, shape: Shape, run: Run) -> float:
    pairs = run.num_examples * (run.num_examples + test_sentences(run))
    return float(run.num_examples**3 + pairs * shape.length**2)


def least_bytes(run: Run) -> int:
    """Memory that a worker with `run` takes at the least: libraries, examples, weights and what training keeps of them.

    Activations and the compiler are not counted, so what this says does not fit, does not fit.
    """
    shape = shape_of(run)
    sentences = run.num_examples + run.validation_examples + test_sentences(run)
    return BASE_BYTES + 4 * sentences * (shape.length + 1) + _bytes(run.learner, shape, run)


def check_fits(runs: Sequence[Run], workers: int, memory: int | None = None) -> None:
    """Refuse runs that this machine cannot hold, before any is begun.

    Args:
        workers: processes at the same time.
        memory: bytes there are; by default what this process may use.

    Raises:
        InputError: the largest run does not fit, or so many workers with runs of this size do not.
    """
    if not runs:
        return
    there = usable_memory() if memory is None else memory
    needed = sorted(((least_bytes(run), run) for run in runs), key=lambda pair: -pair[0])[:workers]
    largest, run = needed[0]
    if largest > _USABLE_SHARE * there:
        raise InputError(
            f"run {described(run)} cannot be done: it takes at least {largest / 1e9:,.1f} GB of memory and there are "
            f"{there / 1e9:,.1f} GB. Make its learner or its number of examples smaller, or use a larger machine."
        )
    if sum(size for size, _ in needed) > _USABLE_SHARE * there:
        reason = f"so many of the largest runs, {largest / 1e9:,.1f} GB each, do not fit in {there / 1e9:,.1f} GB"
        raise invalid("workers", workers, reason, f"Give {max(1, int(_USABLE_SHARE * there / largest))} or fewer")


def num_weights(learner: NetworkLearner, shape: Shape) -> int:
    """Numbers that training changes."""
    leaves = jax.tree.leaves(eqx.filter_eval_shape(learner.network, key(0), shape))
    return sum(int(np.prod(leaf.shape)) for leaf in leaves if hasattr(leaf, "shape"))


@functools.singledispatch
def _bytes(learner: Learner, shape: Shape, run: Run) -> int:
    return 0


@_bytes.register
def _(learner: NetworkLearner, shape: Shape, run: Run) -> int:
    """Weights, their gradient and the best ones so far, with Adam two averages, in float32."""
    copies = 5 if run.training is not None and run.training.optimizer == "adam" else 3
    return 4 * copies * num_weights(learner, shape)


@_bytes.register
def _(learner: KernelRegression, shape: Shape, run: Run) -> int:
    """The Gram matrix and its inverse, in float64."""
    return 16 * run.num_examples**2
