"""The training engine: one compiled loop of many steps, for every network, task and device.

The task's loss, minibatches drawn without replacement epoch after epoch from a fixed set of examples. Besides the test
set, whose loss decides when training stops, any number of named ones are measured alongside. The compiled program does
up to `STEPS_PER_CALL` steps on batches already gathered on the device; their number is an argument, so one compilation
serves every size of training set and every schedule of evaluations.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer

from syntagma.errors import invalid
from syntagma.learners.learner import Network, NetworkLearner
from syntagma.learners.loss import correct, losses
from syntagma.learners.trainer import Fit, Trainer, checked_sets, trainer_of
from syntagma.learners.training import Training
from syntagma.randomness import key, stream
from syntagma.tasks import Examples, Shape

Watch = Callable[[int, int, Callable[[], Network]], None]
"""Called with a seed's place among those trained, the step, and what makes the network as it is then."""

STEPS_PER_CALL = 64
EVALUATION_BATCH = 256


class Engine(Trainer):
    """Compiled training and evaluation of one learner on one task's shapes; reuse it over training sets and seeds.

    Several seeds are trained together (one program, batched over seeds) where the device is an accelerator, one after
    the other on a CPU, where batching networks gains nothing. With several devices the seeds are spread over them if
    their number allows, else every batch is.
    """

    def __init__(
        self,
        learner: NetworkLearner,
        shape: Shape,
        training: Training,
        devices: Sequence[jax.Device] | None = None,  # pyright: ignore[reportInvalidTypeForm]
    ) -> None:
        self.learner, self.shape, self.training = learner, shape, training
        self._mesh = jax.sharding.Mesh(np.array(devices or jax.local_devices()), ("device",))
        self._optimizer = training.direction(learner.gradient_scale())
        weights, self._static = eqx.partition(eqx.filter_eval_shape(learner.network, key(0), shape), _is_weight)
        self._flat = _Flat(weights)
        self._single = _Programs(self._start, self._advance, self._evaluate)
        self._batched = _Programs(jax.vmap(self._start), self._advance_many, jax.vmap(self._evaluate))

    def fit(
        self,
        train: Sequence[Examples],
        test: Sequence[Examples],
        seeds: Sequence[int],
        *,
        extra: Mapping[str, Sequence[Examples]] | None = None,
        together: bool | None = None,
        watch: Watch | None = None,
    ) -> list[Fit]:
        """One network for each seed, each on its own train and test examples (of equal numbers).

        Args:
            extra: more test sets by name, one for each seed: measured when `test` is, without a say in the training.
            together: train all seeds in one batched program; by default where the device is an accelerator.
            watch: called at every evaluation with what it may keep: the seed's place, the step, the network.

        Raises:
            InputError: no examples, or numbers of seeds and examples that differ.
        """
        tests = checked_sets(train, test, seeds, extra)
        if together is None:
            together = self._mesh.devices.flat[0].platform != "cpu"
        if together and len(seeds) > 1:
            if any(len(set(map(len, sets))) > 1 for sets in (train, *tests.values())):
                raise invalid("train", [*map(len, train)], "seeds trained together need the same number of examples")
            return _Run(self, self._batched, train, tests, seeds).go(watch)
        alone = [{name: [sets[i]] for name, sets in tests.items()} for i in range(len(seeds))]
        fits = []
        for i, (examples, own, seed) in enumerate(zip(train, alone, seeds, strict=True)):
            mine = None if watch is None else functools.partial(_one_of_many, watch, i)
            fits += _Run(self, self._single, [examples], own, [seed]).go(mine)
        return fits

    def network(self, weights: Float[Array, " N"]) -> Network:
        """The network of these weights."""
        return eqx.combine(self._flat.split(weights), self._static)

    def place(self, array: np.ndarray | Array, *axes: int) -> Array:
        """`array` on the devices, spread over them along the first of `axes` that they divide."""
        spec: list[str | None] = [None] * np.ndim(array)
        for axis in axes:
            if axis < np.ndim(array) and np.shape(array)[axis] % self._mesh.size == 0:
                spec[axis] = "device"
                break
        return jax.device_put(array, jax.NamedSharding(self._mesh, jax.P(*spec)))

    def spread(self, state: Any, *, seeds: bool) -> Any:
        """A fresh state on the devices, its seeds spread over them where `seeds` and their number allows."""
        return jax.tree.map(lambda x: self.place(x, *([0] if seeds else [])), state)

    def _start(self, start_key: Array) -> tuple[Any, Any]:
        weights = self._flat.join(eqx.filter(self.learner.network(start_key, self.shape), _is_weight))
        return weights, self._optimizer.init(weights)

    def _loss(self, weights: Any, inputs: Array, targets: Array) -> Float[Array, ""]:
        return losses(self.shape.loss, eqx.combine(weights, self._static)(inputs), targets).mean()

    def _advance(
        self, state: Any, inputs: Array, targets: Array, rates: Array, count: Array
    ) -> tuple[Any, Float[Array, ""]]:
        """`count` steps on `[steps, B, T]` batches at learning rates `[steps]`; the sum of their train losses."""

        def step(i: Array, carry: tuple[Any, Array]) -> tuple[Any, Array]:
            (weights, memory), total = carry
            loss, gradient = jax.value_and_grad(self._loss)(self._flat.split(weights), inputs[i], targets[i])
            update, memory = self._optimizer.update(self._flat.join(gradient), memory, weights)
            weights = jax.tree.map(lambda w, u: w - rates[i] * u, weights, update)
            return (weights, memory), total + loss

        return jax.lax.fori_loop(0, count, step, (state, jnp.zeros(())))

    def _advance_many(
        self, state: Any, inputs: Array, targets: Array, rates: Array, count: Array
    ) -> tuple[Any, Float[Array, " S"]]:
        return jax.vmap(self._advance, in_axes=(0, 0, 0, None, None))(state, inputs, targets, rates, count)

    def _evaluate(self, state: Any, inputs: Array, targets: Array) -> tuple[Float[Array, "n *T"], ...]:
        """Loss and accuracy of each sentence of `[n, T]` test inputs, mean over its answers.

        Where every position is read, the loss at each is the third, `[n, T]`.
        """

        def sentences(batch: tuple[Array, Array]) -> tuple[Array, ...]:
            outputs, answers = self.network(state[0])(batch[0]), batch[1]
            lost = losses(self.shape.loss, outputs, answers)
            right = correct(self.shape.loss, outputs, answers)
            means = lost.reshape(len(answers), -1).mean(1), right.reshape(len(answers), -1).mean(1)
            return (*means, lost) if self.shape.reads == "every" else means

        size = min(EVALUATION_BATCH, len(inputs))
        whole = len(inputs) // size * size
        blocks = jax.tree.map(lambda x: x[:whole].reshape(-1, size, *x.shape[1:]), (inputs, targets))
        parts = [x.reshape(whole, *x.shape[2:]) for x in jax.lax.map(sentences, blocks)]
        if whole < len(inputs):
            parts = [jnp.concatenate(x) for x in zip(parts, sentences((inputs[whole:], targets[whole:])), strict=True)]
        return tuple(parts)


@trainer_of.register
def _(learner: NetworkLearner, shape: Shape, training: Training | None) -> Trainer:
    if training is None:
        raise invalid("training", None, f"learner={learner.kind!r} is trained by gradient descent", "Say how")  # pyright: ignore
    return Engine(learner, shape, training)


def _one_of_many(watch: Watch, place: int, _: int, step: int, network: Callable[[], Network]) -> None:
    """`watch`, for the seed at `place` that is trained by itself."""
    watch(place, step, network)


class _Flat:
    """A network's N weights as one vector, the form in which they are stepped.

    The optimiser then is one pass over memory, and one small program for the compiler, in place of several for each of
    the weights.
    """

    def __init__(self, weights: Any) -> None:
        leaves, self._tree = jax.tree.flatten(weights)
        self._shapes = [leaf.shape for leaf in leaves]
        self._ends = np.cumsum([math.prod(shape) for shape in self._shapes])

    def join(self, weights: Any) -> Float[Array, " N"]:
        return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(weights)])

    def split(self, vector: Float[Array, " N"]) -> Any:
        parts = jnp.split(vector, self._ends[:-1])
        return self._tree.unflatten([x.reshape(shape) for x, shape in zip(parts, self._shapes, strict=True)])


class _Programs:
    """The three compiled programs, for one network or for several at once."""

    def __init__(self, start: Callable[..., Any], advance: Callable[..., Any], evaluate: Callable[..., Any]) -> None:
        self.start, self.advance, self.evaluate = jax.jit(start), jax.jit(advance), jax.jit(evaluate)
        self.gather = jax.jit(lambda data, order: jax.tree.map(lambda x: x[order], data))
        self.gather_many = jax.jit(jax.vmap(lambda data, order: jax.tree.map(lambda x: x[order], data)))


class _Run:
    """One call's training, with or without a leading axis of S seeds on every array."""

    def __init__(
        self,
        engine: Engine,
        programs: _Programs,
        train: Sequence[Examples],
        tests: Mapping[str, Sequence[Examples]],
        seeds: Sequence[int],
    ) -> None:
        self.engine, self.programs = engine, programs
        self.many = len(seeds) > 1
        self.num_train, self.num_test = len(train[0]), sum(len(sets[0]) for sets in tests.values())
        starts = [key(seed, "network") for seed in seeds]
        self.state = engine.spread(programs.start(jnp.stack(starts) if self.many else starts[0]), seeds=self.many)
        self.train, self.tests = self._stack(train), {name: self._stack(sets) for name, sets in tests.items()}
        self.orders = [_Order(seed, self.num_train) for seed in seeds]
        self.num_seeds = len(seeds)

    def go(self, watch: Watch | None) -> list[Fit]:
        training = self.engine.training
        length = training.length(self.num_train)
        course = [_Course(training, length) for _ in range(self.num_seeds)]
        begun, evaluating, step = time.perf_counter(), 0.0, 0
        for target in training.evaluation_steps(length):
            train_loss = self._train(step, target, length) / max(target - step, 1)
            step = target
            paused = time.perf_counter()
            scores = {name: self._scores(sets) for name, sets in self.tests.items()}
            evaluating += time.perf_counter() - paused
            for i, seed_course in enumerate(course):
                own = {name: _Scores(*(values[i] for values in found)) for name, found in scores.items()}
                if watch is not None and not seed_course.stopped:
                    watch(i, step, lambda i=i: self.engine.network(self._weights(i)))
                seed_course.add(step, own, float(train_loss[i]), lambda i=i: self._weights(i))
            if all(c.stopped for c in course):
                break
        seconds = (time.perf_counter() - begun) / self.num_seeds
        return [self._fit(c, seconds, evaluating / self.num_seeds) for c in course]

    def _train(self, start: int, end: int, length: int) -> Float[np.ndarray, " S"]:
        """The sum of the train losses of steps `start` to `end`, for each seed."""
        total: Any = np.zeros(self.num_seeds)
        training = self.engine.training
        batch = training.batch_size
        axes = (0, 2) if self.many else (1,)
        gather = self.programs.gather_many if self.many else self.programs.gather
        for begin in range(start, end, STEPS_PER_CALL):
            count = min(STEPS_PER_CALL, end - begin)
            order = np.zeros((self.num_seeds, STEPS_PER_CALL, batch), np.int32)
            for i, examples in enumerate(self.orders):
                order[i, :count] = examples.take(count * batch).reshape(count, batch)
            batches = gather(self.train, order if self.many else order[0])
            if self.engine._mesh.size > 1:
                batches = tuple(self.engine.place(x, *axes) for x in batches)
            rates = training.rates(np.arange(begin, begin + STEPS_PER_CALL), length).astype(np.float32)
            self.state, losses = self.programs.advance(self.state, *batches, rates, count)
            total = total + losses
        return np.atleast_1d(np.asarray(total))

    def _scores(self, examples: tuple[Array, Array]) -> list[Float[np.ndarray, "S n *T"]]:
        """What `_evaluate` finds of each sentence, by seed."""
        found = jax.device_get(self.programs.evaluate(self.state, *examples))
        return [np.asarray(x if self.many else x[None]) for x in found]

    def _stack(self, examples: Sequence[Examples]) -> tuple[Array, Array]:
        if not self.many:
            return self.engine.place(examples[0].inputs), self.engine.place(examples[0].targets)
        inputs, targets = (np.stack([getattr(e, name) for e in examples]) for name in ("inputs", "targets"))
        return self.engine.place(inputs), self.engine.place(targets)

    def _weights(self, seed_index: int) -> Float[Array, " N"]:
        return self.state[0][seed_index] if self.many else self.state[0]

    def _fit(self, course: _Course, seconds: float, evaluating: float) -> Fit:
        training, learner, shape = self.engine.training, self.engine.learner, self.engine.shape
        forward = learner.forward_flops(shape)
        seen = course.step * training.batch_size
        metrics = course.metrics() | {
            "examples_seen": seen,
            "seconds": round(seconds, 3),
            "seconds_evaluating": round(evaluating, 3),
            "flops": float(forward) * (3 * seen + len(course.history) * self.num_test),
        }
        example_losses = course.best["test"].losses.astype(np.float64)
        return Fit(self.engine.network(course.best_weights), metrics, course.history, example_losses)


@dataclass(frozen=True)
class _Scores:
    """Loss and accuracy of each sentence of one set, and its loss at each position where all are read."""

    losses: Float[np.ndarray, " n"]
    correct: Float[np.ndarray, " n"]
    positions: Float[np.ndarray, "n T"] | None = None

    def means(self, name: str) -> dict[str, float]:
        found = {f"{name}_loss": self.losses, f"{name}_accuracy": self.correct}
        if self.positions is not None:
            found[f"{name}_last_loss"] = self.positions[:, -1]
        return {key: float(values.mean(dtype=np.float64)) for key, values in found.items()}

    def by_position(self, name: str) -> dict[str, list[float]]:
        """Mean loss at each position, so for each number of tokens before it, where all are read."""
        if self.positions is None:
            return {}
        return {f"{name}_position_losses": [float(x) for x in self.positions.mean(axis=0, dtype=np.float64)]}

    def error(self) -> float:
        """Standard error of the mean loss."""
        exact = self.losses.astype(np.float64)
        return float(exact.std(ddof=1) / math.sqrt(len(exact))) if len(exact) > 1 else 0.0


class _Course:
    """One seed's evaluations so far, and whether to stop."""

    def __init__(self, training: Training, length: int) -> None:
        self.training, self.length = training, length
        self.history: list[dict[str, float]] = []
        self.best_step, self.step, self.best_loss, self.stopped = 0, 0, math.inf, ""
        self.best: dict[str, _Scores] = {}
        self.best_weights: Any = None

    def add(self, step: int, scores: dict[str, _Scores], train_loss: float, weights: Callable[[], Any]) -> None:
        """Take one evaluation, unless training has stopped for this seed."""
        if self.stopped:
            return
        self.step = step
        row: dict[str, float] = {"step": step}
        for name, score in scores.items():
            row |= score.means(name)
        loss = row["test_loss"]
        self.history.append(row | {"train_loss": train_loss})
        if loss < self.best_loss or not self.best:
            self.best_loss, self.best_step, self.best, self.best_weights = loss, step, scores, weights()
        if not math.isfinite(loss) or not math.isfinite(train_loss):
            self.stopped = "diverged"
        elif step and train_loss <= self.training.train_loss_threshold:
            self.stopped = "train loss"
        elif step >= self.training.patience * max(self.best_step, self.training.least_steps):
            self.stopped = "patience"
        elif step >= self.length:
            self.stopped = "steps"

    def metrics(self) -> dict[str, Any]:
        last = self.history[-1]
        found: dict[str, Any] = {}
        for name, score in self.best.items():
            found |= score.means(name) | score.by_position(name)
            found[f"{name}_loss_error"] = score.error()
            found |= {f"final_{name}_{what}": last[f"{name}_{what}"] for what in ("loss", "accuracy")}
        return found | {
            "best_step": self.best_step,
            "final_train_loss": last["train_loss"],
            "steps": self.step,
            "stopped": self.stopped,
        }


class _Order:
    """Indices of examples: one permutation of all after another, without end."""

    def __init__(self, seed: int, size: int) -> None:
        self._seed, self._size, self._epoch = seed, size, 0
        self._left = np.zeros(0, np.int32)

    def take(self, count: int) -> Integer[np.ndarray, " count"]:
        parts, missing = [self._left], count - len(self._left)
        while missing > 0:
            generator = stream(self._seed, "order", self._epoch)
            parts.append(generator.permutation(self._size).astype(np.int32))
            self._epoch, missing = self._epoch + 1, missing - self._size
        joined = np.concatenate(parts)
        self._left = joined[count:]
        return joined[:count]


def _is_weight(leaf: Any) -> bool:
    return eqx.is_inexact_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)
