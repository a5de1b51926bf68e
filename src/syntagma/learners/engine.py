"""The training engine: one compiled loop of many steps, for every network, task and device.

The task's loss, minibatches drawn without replacement epoch after epoch from a fixed set of examples. The loss of the
validation examples decides when training stops and which step is the best; the test sets are read after training, at
the best step and at the last. The compiled program does up to `STEPS_PER_CALL` steps on batches already gathered on the
device; their number is an argument, so one compilation serves every size of training set and every schedule of
evaluations, and one serves validation and test sets of one size.
"""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from syntagma.checked_call import flags_checked
from syntagma.errors import invalid
from syntagma.learners.course import Course
from syntagma.learners.flat_weights import FlatWeights, is_weight
from syntagma.learners.interruption import Keeper, interruption_of, resume_courses, state_of
from syntagma.learners.learner import Network, NetworkLearner
from syntagma.learners.loss import correct, losses
from syntagma.learners.minibatches import ExampleOrder
from syntagma.learners.scores import Scores
from syntagma.learners.trainer import ExampleSets, Fit, Trainer, checked_sets, trainer_of
from syntagma.learners.training import Training
from syntagma.randomness import key
from syntagma.tasks import Examples, Shape
from syntagma.tasks.gate import check_shape

Watch = Callable[[int, int, Callable[[], Network]], None]
"""`watch(seed_index, step, make_network)`: a seed's place among those trained, the steps done, and a function that
makes the network of that step."""

STEPS_PER_CALL = 64
EVALUATION_BATCH = 256


class Engine(Trainer):
    """Compiled training and evaluation of one learner on one task's shapes; reuse it over training sets and seeds.

    Example: `Engine(HierarchicalCNN(width=8), LastToken().shape(language), Training(max_steps=9))`.

    Several seeds are trained together (one program, batched over seeds) where the device is an accelerator, one after
    the other on a CPU, where batching networks gains nothing. As seeds stop, those that go on become a smaller batch,
    of a power of two, so that few programs are compiled. With several devices the seeds are spread over them if their
    number allows, else every batch is.
    """

    def __init__(
        self,
        learner: NetworkLearner,
        shape: Shape,
        training: Training,
        devices: Sequence[jax.Device] | None = None,  # pyright: ignore[reportInvalidTypeForm]
    ) -> None:
        """Raises `InputError` for a learner that builds no network or cannot do the task, or where nothing says how to
        train.
        """
        if not isinstance(learner, NetworkLearner):
            raise invalid("learner", learner, "it builds no network", "Give a learner trained by gradient descent")
        if not isinstance(training, Training):
            raise invalid("training", training, "networks are trained by gradient descent", "Give a Training")
        check_shape(shape)
        self.learner, self.shape, self.training = learner, shape, training
        self._mesh = jax.sharding.Mesh(np.array(devices or jax.local_devices()), ("device",))
        weights, self._static = eqx.partition(eqx.filter_eval_shape(learner.network, key(0), shape), is_weight)
        self._flat = FlatWeights(weights)
        self._single = _Programs(self._start, self._advance, self._evaluate)
        self._batched = _Programs(jax.vmap(self._start), self._advance_many, jax.vmap(self._evaluate))

    @flags_checked
    def fit(
        self,
        train: Sequence[Examples],
        validation: Sequence[Examples],
        test: Sequence[Examples],
        seeds: Sequence[int],
        *,
        extra: Mapping[str, Sequence[Examples]] | None = None,
        trainings: Sequence[Training] | None = None,
        together: bool | None = None,
        watch: Watch | None = None,
        keep: Callable[[Sequence[int]], Keeper] | None = None,
    ) -> list[Fit]:
        """One network for each seed, each on its own examples: `Trainer.fit`, with four arguments more.

        Args:
            trainings: of each seed its own, of one `Training.program`; by default the engine's.
            together: train all seeds in one batched program; by default where the device is an accelerator.
            watch: called as `watch(seed_index, step, make_network)` at every evaluation of a seed that still trains.
            keep: gives what keeps the training of those seeds, by their indices, now and then; a training that was kept
                goes on from there, with the same bits.

        Raises:
            InputError: as `Trainer.fit`; also trainings of another program; seeds trained together whose numbers of
                validation or test examples, or whose steps of evaluation, differ.
        """
        sets = checked_sets(self.shape, train, validation, test, seeds, extra)
        trainings = self._checked_trainings(trainings, len(seeds))
        if together is None:
            together = self._mesh.devices.flat[0].platform != "cpu"
        if together and len(seeds) > 1:
            if len({own.sizes()[1:] for own in sets}) > 1:
                reason = "seeds trained together need the same number of validation and of test examples"
                raise invalid("validation", [*map(len, validation)], reason)
            ends = {training.length(len(own.train)) for training, own in zip(trainings, sets, strict=True)}
            if len(ends) > 1 or len({training.evaluations_per_doubling for training in trainings}) > 1:
                reason = "seeds trained together are evaluated after the same steps"
                raise invalid("train", [*map(len, train)], reason, "Give as many examples, or no max_epochs")
            return _Run(self, self._batched, sets, seeds, trainings, keep and keep(range(len(seeds)))).go(watch)
        fits = []
        for i, (own, seed) in enumerate(zip(sets, seeds, strict=True)):
            watch_one = None if watch is None else functools.partial(_watch_one, watch, i)
            fits += _Run(self, self._single, [own], [seed], [trainings[i]], keep and keep([i])).go(watch_one)
        return fits

    def of(self, training: Training) -> Engine:
        """This engine with another training of the same program: what one has compiled, the other need not."""
        engine = copy.copy(self)
        engine.training = training
        return engine

    def _checked_trainings(self, trainings: Sequence[Training] | None, number: int) -> Sequence[Training]:
        if trainings is None:
            return [self.training] * number
        program = self.training.program()
        if len(trainings) != number or any(training.program() != program for training in trainings):
            reason = f"each of {number} seeds needs one, of the engine's optimizer, batch_size and the like"
            raise invalid("trainings", trainings, reason)
        return trainings

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
        weights = self._flat.join(eqx.filter(self.learner.network(start_key, self.shape), is_weight))
        return weights, self.training.direction(self.learner.gradient_scale()).init(weights)

    def _loss(self, weights: Any, inputs: Array, targets: Array) -> Float[Array, ""]:
        return losses(self.shape.loss, eqx.combine(weights, self._static)(inputs), targets).mean()

    def _advance(
        self, state: Any, inputs: Array, targets: Array, rates: Array, limits: Float[Array, "2"], count: Array
    ) -> tuple[Any, Float[Array, ""]]:
        """`count` steps on `[steps, B, T]` batches at learning rates `[steps]`; the sum of their train losses.

        `limits` are `Training.limits`: numbers, so that what differs in them only is one program and one batch.
        """
        optimizer = self.training.direction(self.learner.gradient_scale(), limits)

        def step(i: Array, carry: tuple[Any, Array]) -> tuple[Any, Array]:
            (weights, memory), total = carry
            loss, gradient = jax.value_and_grad(self._loss)(self._flat.split(weights), inputs[i], targets[i])
            update, memory = optimizer.update(self._flat.join(gradient), memory, weights)
            weights = jax.tree.map(lambda w, u: w - rates[i] * u, weights, update)
            return (weights, memory), total + loss

        return jax.lax.fori_loop(0, count, step, (state, jnp.zeros(())))

    def _advance_many(
        self, state: Any, inputs: Array, targets: Array, rates: Array, limits: Float[Array, "S 2"], count: Array
    ) -> tuple[Any, Float[Array, " S"]]:
        each = (0, 0, 0, 0, 0, None)
        return jax.vmap(self._advance, in_axes=each)(state, inputs, targets, rates, limits, count)

    def _evaluate(self, weights: Float[Array, " N"], inputs: Array, targets: Array) -> tuple[Float[Array, "n *T"], ...]:
        """Loss and accuracy of each sentence of `[n, T]` inputs, mean over its answers.

        Where every position is read, the loss at each is the third, `[n, T]`.
        """

        def sentences(batch: tuple[Array, Array]) -> tuple[Array, ...]:
            outputs, answers = self.network(weights)(batch[0]), batch[1]
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
    try:
        hash((learner, shape, training))
    except TypeError:  # a learner of one's own that has no hash
        return Engine(learner, shape, training)  # pyright: ignore[reportArgumentType]  # None is refused there
    if not isinstance(training, Training):
        return Engine(learner, shape, training)  # pyright: ignore[reportArgumentType]  # the same
    engine = _shared_engine(learner, shape, training.program())  # pyright: ignore[reportArgumentType]  # they have one
    return engine.of(training)


@functools.lru_cache(maxsize=16)
def _shared_engine(learner: NetworkLearner, shape: Shape, program: Training) -> Engine:
    """One engine for equal learners: calling `fit` again compiles nothing, at another size one small program."""
    return Engine(learner, shape, program)


def _of_one_length(sets: Sequence[Examples]) -> list[Examples]:
    """The sets, the shorter filled up with their own first examples, which no order of examples asks for."""
    longest = max(map(len, sets))
    if min(map(len, sets)) == longest:
        return list(sets)
    return [Examples(*(np.resize(x, (longest, *x.shape[1:])) for x in (one.inputs, one.targets))) for one in sets]


def _watch_one(watch: Watch, seed_index: int, _: int, step: int, make_network: Callable[[], Network]) -> None:
    """`watch`, for the seed at `seed_index` that is trained by itself."""
    watch(seed_index, step, make_network)


class _Programs:
    """The three compiled programs, for one network or for several at once."""

    def __init__(self, start: Callable[..., Any], advance: Callable[..., Any], evaluate: Callable[..., Any]) -> None:
        self.start, self.advance, self.evaluate = jax.jit(start), jax.jit(advance), jax.jit(evaluate)
        self.gather = jax.jit(lambda data, order: jax.tree.map(lambda x: x[order], data))
        self.gather_many = jax.jit(jax.vmap(lambda data, order: jax.tree.map(lambda x: x[order], data)))


class _Run:
    """One call's training, with or without a leading axis of S seeds on every array.

    Attributes:
        members: the seeds in the batch, by their places among all; those that have stopped leave it.
    """

    def __init__(
        self,
        engine: Engine,
        programs: _Programs,
        sets: Sequence[ExampleSets],
        seeds: Sequence[int],
        trainings: Sequence[Training],
        keeper: Keeper | None = None,
    ) -> None:
        self.engine, self.programs, self.trainings, self.keeper = engine, programs, trainings, keeper
        self.many, self.num_seeds = len(seeds) > 1, len(seeds)
        self.members = list(range(len(seeds)))
        num_train, self.num_validation, *numbers = sets[0].sizes()
        self.length = trainings[0].length(num_train)
        self.num_test = sum(numbers)
        starts = [key(seed, "network") for seed in seeds]
        self.state = engine.spread(programs.start(jnp.stack(starts) if self.many else starts[0]), seeds=self.many)
        self.train = self._stack(_of_one_length([own.train for own in sets]))
        self.validation = self._stack([own.validation for own in sets])
        self.tests = {name: [own.tests[name] for own in sets] for name in sets[0].tests}
        self.orders = [ExampleOrder(seed, len(own.train)) for own, seed in zip(sets, seeds, strict=True)]

    def go(self, watch: Watch | None) -> list[Fit]:
        """Train to the end, then read the test sets."""
        courses = self.courses = [Course(training, self.length) for training in self.trainings]
        self.begun, self.evaluating = time.perf_counter(), 0.0
        step = self._resume()
        for target in self.trainings[0].evaluation_steps(self.length):
            if step is not None and target <= step:
                continue
            train_losses = None if step is None else self._train(step, target) / (target - step)
            step = target
            paused = time.perf_counter()
            scores = self._scores(self.state[0], self.validation)
            self.evaluating += time.perf_counter() - paused
            for row, i in enumerate(self.members):
                if watch is not None and not courses[i].stopped:
                    watch(i, step, lambda row=row: self.engine.network(self._weights(row)))
                train_loss = None if train_losses is None else float(train_losses[row])
                courses[i].add(step, scores[row], train_loss, lambda row=row: self._weights(row))
            if all(course.stopped for course in courses):
                break
            self._leave()
        paused = time.perf_counter()
        tests = self._read_tests(courses)
        ended = time.perf_counter()
        seconds = ended - self.begun, self.evaluating + ended - paused
        return [self._fit(course, own, seconds) for course, own in zip(courses, tests, strict=True)]

    def _read_tests(self, courses: Sequence[Course]) -> list[dict[str, tuple[Scores, Scores]]]:
        """For each seed every test set by name, read at the best step and at the last."""
        best = self._together([course.best_weights for course in courses])
        ended_at_best = all(course.best_step == course.step for course in courses)
        final = best if ended_at_best else self._together([course.final_weights for course in courses])
        tests: list[dict[str, tuple[Scores, Scores]]] = [{} for _ in courses]
        for name, sets in self.tests.items():
            examples = self._stack(sets)
            at_best = self._scores(best, examples)
            at_end = at_best if ended_at_best else self._scores(final, examples)
            for own, *scores in zip(tests, at_best, at_end, strict=True):
                own[name] = scores[0], scores[1]
        return tests

    def _leave(self) -> None:
        """Take seeds that have stopped out of the batch, where the others fit in one of a smaller power of two.

        Some that have stopped fill it up; what they do there is not looked at.
        """
        rows = range(len(self.members))
        going, stopped = (
            [row for row in rows if bool(self.courses[self.members[row]].stopped) is over] for over in (False, True)
        )
        size = 1 << (len(going) - 1).bit_length()
        if size < len(rows):
            self._take(sorted(going + stopped[: size - len(going)]))

    def _take(self, rows: Sequence[int]) -> None:
        """Go on with these rows of every array only."""
        self.members = [self.members[row] for row in rows]
        state, *sets = jax.tree.map(lambda x: x[np.array(rows)], (self.state, self.train, self.validation))
        self.state = self.engine.spread(state, seeds=True)
        self.train, self.validation = ((self.engine.place(a), self.engine.place(b)) for a, b in sets)

    def _resume(self) -> int | None:
        """Go back to where the training was kept; the step of its last evaluation, None where it begins."""
        self.done, self.total = 0, np.zeros(self.num_seeds)
        kept = None if self.keeper is None else self.keeper.read()
        if kept is None:
            return None
        members = kept.values.get("members", self.members)
        like = self.state if members == self.members else jax.tree.map(lambda x: x[np.array(members)], self.state)
        state = state_of(kept, like)
        if state is None:
            return None
        if members != self.members:
            self._take(members)
        self.state = self.engine.spread(state, seeds=self.many)
        self.total, self.done = self.engine.place(kept.arrays["total"]), kept.values["done"]
        for order in self.orders:
            order.skip(self.done * self.engine.training.batch_size)
        resume_courses(kept, self.courses, self.engine.place)
        self.begun -= kept.values["seconds"]
        self.evaluating = kept.values["seconds_evaluating"]
        return kept.values["evaluated"]

    def _keep(self, evaluated: int) -> None:
        """Keep where the training is, if it is time to."""
        if self.keeper is not None and self.keeper.due():
            seconds = time.perf_counter() - self.begun, self.evaluating
            now = interruption_of(self.state, self.total, self.courses, self.done, evaluated, seconds)
            now.values["members"] = self.members
            self.keeper.write(now)

    def _train(self, start: int, end: int) -> Float[np.ndarray, " S"]:
        """The sum of the train losses of steps `start` to `end`, for each seed in the batch."""
        batch = self.engine.training.batch_size
        axes = (0, 2) if self.many else (1,)
        gather = self.programs.gather_many if self.many else self.programs.gather
        if self.done == start:
            self.total = np.zeros(len(self.members))
        trainings = [self.trainings[i] for i in self.members]
        limits = np.stack([one.limits() for one in trainings])
        for begin in range(self.done, end, STEPS_PER_CALL):
            count = min(STEPS_PER_CALL, end - begin)
            order = np.zeros((len(self.members), STEPS_PER_CALL, batch), np.int32)
            for row, i in enumerate(self.members):
                order[row, :count] = self.orders[i].take(count * batch).reshape(count, batch)
            batches = gather(self.train, order if self.many else order[0])
            if self.engine._mesh.size > 1:
                batches = tuple(self.engine.place(x, *axes) for x in batches)
            steps = np.arange(begin, begin + STEPS_PER_CALL)
            rates = np.stack([one.rates(steps, self.length) for one in trainings]).astype(np.float32)
            numbers = (rates, limits) if self.many else (rates[0], limits[0])
            self.state, losses = self.programs.advance(self.state, *batches, *numbers, count)
            self.total, self.done = self.total + losses, begin + count
            self._keep(start)
        return np.atleast_1d(np.asarray(self.total))

    def _scores(self, weights: Any, examples: tuple[Array, Array]) -> list[Scores]:
        """Each seed's scores on its examples, of those in the batch or of all, as weights and examples are."""
        values = jax.device_get(self.programs.evaluate(weights, *examples))
        by_seed = [np.asarray(x if self.many else x[None]) for x in values]
        return [Scores(*(x[i] for x in by_seed)) for i in range(len(by_seed[0]))]

    def _together(self, weights: Sequence[Float[Array, " N"]]) -> Float[Array, "*S N"]:
        """Weights of all seeds in the form that the programs take."""
        return self.engine.place(jnp.stack(weights), 0) if self.many else weights[0]

    def _stack(self, examples: Sequence[Examples]) -> tuple[Array, Array]:
        if not self.many:
            return self.engine.place(examples[0].inputs), self.engine.place(examples[0].targets)
        inputs, targets = (np.stack([getattr(e, name) for e in examples]) for name in ("inputs", "targets"))
        return self.engine.place(inputs), self.engine.place(targets)

    def _weights(self, row: int) -> Float[Array, " N"]:
        return self.state[0][row] if self.many else self.state[0]

    def _fit(self, course: Course, tests: Mapping[str, tuple[Scores, Scores]], seconds: Sequence[float]) -> Fit:
        """What one seed's course and its test sets, read at the best and at the last step, come to."""
        seen = course.step * self.engine.training.batch_size
        readings = 1 if course.best_step == course.step else 2
        evaluated = len(course.history) * self.num_validation + readings * self.num_test
        metrics = course.metrics()
        for name, (best, final) in tests.items():
            metrics |= best.metrics(name, final)
        metrics |= {
            "examples_seen": seen,
            "seconds": round(seconds[0] / self.num_seeds, 3),
            "seconds_evaluating": round(seconds[1] / self.num_seeds, 3),
            "flops": float(self.engine.learner.forward_flops(self.engine.shape)) * (3 * seen + evaluated),
        }
        example_losses = tests["test"][0].losses.astype(np.float64)
        return Fit(self.engine.network(course.best_weights), metrics, course.history, example_losses)
