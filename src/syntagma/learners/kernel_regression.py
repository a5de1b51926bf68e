"""Kernel ridge regression with the infinite-width limit of an architecture: networks of infinite width, solved.

    f(x) = k(x, X) (K(X, X) + d 1)^(-1) y

With the NNGP kernel this is the posterior mean of a Gaussian process with observation noise of variance d (every weight
drawn from its prior, as Langevin dynamics at infinite width); with the tangent kernel (NTK) it is where gradient
descent from zero ends, for d -> 0.

Real targets are regressed as they are (prior mean 0). Answers to choose from are regressed as one-hot vectors, whose
conditional mean is P(answer | x): the outputs, less what is negative and normalised, are mixed with a share e of the
uniform distribution, so that the loss in nats is finite. e is the power of 2 that gives the smallest mean loss of the
training examples, each predicted from all others, which costs one inverse:

    y_i - f_(without i)(x_i) = a_i / B_ii,     B = (K + d 1)^(-1),  a = B y

Cost: n^3 / 3 operations to solve, twice more for the inverse; memory 16 n^2 bytes: the Gram matrix, of
which the factor takes the place, and the inverse (before it, the standard errors of a sampled kernel). float64.
Source: Rasmussen & Williams, "Gaussian Processes for Machine Learning", equations 2.25 and 5.12.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Integer
from pydantic import BeforeValidator, Field

from syntagma.checked_call import checked
from syntagma.errors import InputError, invalid, unknown, whole_number
from syntagma.kernels import ARCHITECTURES, Architecture, named
from syntagma.kernels.gram import check_memory
from syntagma.kernels.patterns import gram_by_pattern
from syntagma.learners.learner import Learner
from syntagma.learners.loss import right_side
from syntagma.learners.scores import Scores
from syntagma.learners.trainer import ExampleSets, Fit, SeedBySeed, Trainer, solved_fit, trainer_of
from syntagma.learners.training import Training
from syntagma.tasks import Examples, Shape
from syntagma.tasks.gate import checked_examples

_UNIFORM_SHARES = 2.0 ** -np.arange(1, 21)
_BYTES_PER_PAIR = 16


def _known(given: object) -> object:
    if isinstance(given, str) and given not in ARCHITECTURES:
        raise unknown("architecture", given, ARCHITECTURES)
    return given


NamedOrWhole = Annotated[Architecture | str, BeforeValidator(_known)]
"""An architecture, or the name of one."""


def resolved(architecture: Architecture | str, shape: Shape) -> Architecture:
    """The architecture for the task's sizes; its vocabulary has the mask symbol.

    Raises:
        InputError: it does not fit them.
    """
    if isinstance(architecture, str):
        return named(architecture, shape.vocab + 1, shape.length, shape.branching)
    return architecture.on(shape.vocab + 1)


class KernelRegression(Learner):
    """Kernel ridge regression: a network of infinite width.

    Example: `KernelRegression(architecture="transformer", ridge=0.01)`.

    Attributes:
        architecture: the network, or the name of one in `kernels.ARCHITECTURES`; its vocabulary is taken from the task,
            with the mask symbol.
        limit: "nngp", a Gaussian process, or "ntk", the end of gradient descent.
        ridge: d, added to the diagonal of the Gram matrix.
        samples: quasi-Monte-Carlo points, where an attention is softmax; each fit draws its own from its seed, so that
            the spread over seeds has the kernel's error in it. It is amplified where errors of the Gram matrix, times
            the number of examples, exceed the ridge.
        by_pattern: compute the kernel once for each pattern of equal tokens of two sentences: for short sentences from
            many symbols, see `kernels.patterns`.
    """

    label: ClassVar[str] = "kernel regression"
    weight_sharing: ClassVar[bool | None] = None
    kind: Literal["kernel"] = "kernel"
    architecture: NamedOrWhole = "transformer"
    limit: Literal["nngp", "ntk"] = "nngp"
    ridge: float = Field(default=1e-3, ge=0)
    samples: int = Field(default=1024, ge=1)
    by_pattern: bool = False

    def gram(
        self,
        architecture: Architecture,
        x: Integer[np.ndarray, "n T"],
        y: Integer[np.ndarray, "m T"] | None = None,
        seed: int = 0,
    ) -> Float[np.ndarray, "n m"]:
        """The kernel matrix."""
        if self.by_pattern:
            return gram_by_pattern(architecture, x, y, kind=self.limit, samples=self.samples, seed=seed).matrix
        return architecture.gram(x, y, kind=self.limit, samples=self.samples, seed=seed).matrix

    @checked
    def check(self, shape: Shape) -> None:
        if shape.reads != "once":
            raise InputError("learner='kernel' cannot be used: it gives one answer a sentence, not one at each.")
        resolved(self.architecture, shape)


@dataclass(frozen=True)
class Solution:
    """A solved kernel regression: the posterior of a Gaussian process.

    Attributes:
        inputs: `[n, T]` training inputs.
        factor: lower Cholesky factor of K + d 1.
        coefficients: `[n, outputs]`, (K + d 1)^(-1) y.
        prior: mean of every output before any example.
        seed: of the kernel's quasi-Monte-Carlo points.
    """

    learner: KernelRegression
    architecture: Architecture
    inputs: Integer[np.ndarray, "n T"]
    factor: Float[np.ndarray, "n n"]
    coefficients: Float[np.ndarray, "n outputs"]
    prior: float
    seed: int = 0

    def __call__(self, inputs: Integer[np.ndarray, "B T"]) -> Float[np.ndarray, "B outputs"]:
        """The posterior mean."""
        return self._gram(inputs) @ self.coefficients + self.prior

    def variance(self, inputs: Integer[np.ndarray, "B T"]) -> Float[np.ndarray, " B"]:
        """The posterior variance of each output, without the observation noise (NNGP)."""
        from scipy.linalg import solve_triangular

        learner = self.learner
        explained = solve_triangular(self.factor, self._gram(inputs).T, lower=True)
        prior = self.architecture.diagonal(inputs, kind=learner.limit, samples=learner.samples, seed=self.seed)
        return prior - (explained**2).sum(0)

    def left_out(self) -> Float[np.ndarray, "n outputs"]:
        """For each training example, target minus prediction from all the others."""
        from scipy.linalg import get_lapack_funcs

        (invert,) = get_lapack_funcs(("potri",), (self.factor,))
        return self.coefficients / np.diag(invert(self.factor, lower=1)[0])[:, None]

    def _gram(self, inputs: Integer[np.ndarray, "B T"]) -> Float[np.ndarray, "B n"]:
        return self.learner.gram(self.architecture, inputs, self.inputs, self.seed)


def solve(learner: KernelRegression, shape: Shape, examples: Examples, seed: int = 0) -> Solution:
    """The regression of `examples`; `seed` is that of a sampled kernel's points.

    Raises:
        InputError: too many examples for memory; or the Gram matrix is singular and the ridge too small: the smallest
            eigenvalue and a ridge that is enough are named. The eigenvalue is negative where a sampled kernel is
            positive up to its error only.
    """
    from scipy.linalg import (
        cho_solve,
        get_lapack_funcs,
    )  # a quarter of a second that who looks at results need not wait

    examples = checked_examples(examples, shape)
    whole_number("seed", seed, minimum=0)
    architecture = resolved(learner.architecture, shape)
    inputs = examples.inputs.astype(np.int32)
    prior = 0.0 if shape.loss == "squared" else 1 / shape.outputs
    check_memory(len(inputs), len(inputs), _BYTES_PER_PAIR, "kernel regression")
    matrix = learner.gram(architecture, inputs, seed=seed)
    matrix.flat[:: len(matrix) + 1] += learner.ridge
    ridged = np.diag(matrix).copy()
    (factorise,) = get_lapack_funcs(("potrf",), (matrix,))
    factor, failed = factorise(matrix.T, lower=1, clean=0, overwrite_a=1)  # in place: what is above it stays the matrix
    if failed or np.diag(factor).min() ** 2 < 1e-14 * ridged.max():
        np.fill_diagonal(factor, ridged)
        smallest = float(np.linalg.eigvalsh(factor, "U")[0]) - learner.ridge
        enough = _rounded_up(max(1e-8 * (ridged.max() - learner.ridge), -2 * smallest))
        allowed = f"the Gram matrix of these examples is singular, its smallest eigenvalue is {smallest:.2g}"
        raise invalid("ridge", learner.ridge, allowed, f"Raise ridge to {enough} or more")
    for row, column in enumerate(factor.T):
        column[:row] = 0
    coefficients = cho_solve((factor, True), targets(shape, examples) - prior)
    return Solution(learner, architecture, inputs, factor, coefficients, prior, seed)


def _rounded_up(number: float) -> str:
    """A positive number to one digit, not below it."""
    size = 10.0 ** math.floor(math.log10(number))
    return f"{math.ceil(number / size) * size:.0e}"


def targets(shape: Shape, examples: Examples) -> Float[np.ndarray, "n outputs"]:
    """What is regressed: real targets as one column, answers as one-hot rows."""
    if shape.loss == "squared":
        return np.asarray(examples.targets, np.float64)[:, None]
    return np.eye(shape.outputs)[examples.targets]


class KernelTrainer(SeedBySeed):
    """Solves the kernel regression of a seed, that of a sampled kernel's points; there is nothing to choose."""

    def fit_one(self, sets: ExampleSets, seed: int) -> Fit:
        begun, train, number = time.perf_counter(), sets.train, len(sets.train)
        solution = solve(self.learner, self.shape, train, seed)
        wanted = targets(self.shape, train)
        own = wanted - self.learner.ridge * solution.coefficients  # K a = y - d a, the prediction of what was seen
        share = self._uniform_share(solution, wanted, train)
        train_loss = float(self._scores(own, train, share).losses.mean())
        evaluating = time.perf_counter()
        scores = {
            name: self._scores(solution(examples.inputs.astype(np.int32)), examples, share)
            for name, examples in {"validation": sets.validation, **sets.tests}.items()
        }
        ended = time.perf_counter()
        metrics = {
            "final_train_loss": train_loss,
            "examples_seen": number,
            "uniform_share": share,
            "seconds": round(ended - begun, 3),
            "seconds_evaluating": round(ended - evaluating, 3),
            "flops": number**3 * (1.0 if share else 1 / 3),
        }
        return solved_fit(solution, scores, metrics)

    def _uniform_share(self, solution: Solution, wanted: np.ndarray, train: Examples) -> float:
        """e; 0 where numbers are regressed."""
        if self.shape.loss == "squared":
            return 0.0
        outputs = wanted - solution.left_out()
        losses = [self._scores(outputs, train, share).losses.mean() for share in _UNIFORM_SHARES]
        return float(_UNIFORM_SHARES[np.argmin(losses)])

    def _scores(self, outputs: np.ndarray, examples: Examples, share: float) -> Scores:
        """Loss of each example, and whether its answer is correct; as `learners.loss` for networks."""
        answers = examples.targets
        if self.shape.loss == "squared":
            return Scores((outputs[:, 0] - answers) ** 2, right_side(outputs[:, 0], answers))
        chosen = np.take_along_axis(probabilities(outputs, share), answers[:, None].astype(np.int64), 1)[:, 0]
        return Scores(-np.log(chosen), outputs.argmax(1) == answers)


def probabilities(outputs: Float[np.ndarray, "n C"], share: float) -> Float[np.ndarray, "n C"]:
    """Distributions from regressed one-hot vectors: negative parts cut, normalised, mixed with `share` of uniform."""
    positive = np.maximum(outputs, 1e-300)
    positive = positive / positive.sum(1, keepdims=True)
    return (1 - share) * positive + share / outputs.shape[1]


@trainer_of.register
def _(learner: KernelRegression, shape: Shape, training: Training | None) -> Trainer:
    del training
    return KernelTrainer(learner, shape)
