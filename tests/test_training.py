"""The training engine: reproducible, equal to updates by hand, stops as said, learns what the oracle knows."""

from __future__ import annotations

import copy
import json
import math
import os
import re
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.learners import Engine, Fit, HierarchicalCNN, Perceptron, Training, Transformer, fit, trainer_of
from syntagma.learners import engine as engine_module
from syntagma.learners.course import Course
from syntagma.learners.minibatches import ExampleOrder
from syntagma.learners.scores import Scores
from syntagma.randomness import key, stream
from syntagma.tasks import Examples, LastToken, Shape

SHAPE = Shape(vocab=4, length=4, outputs=4, branching=2)
LEARNER = HierarchicalCNN(width=8)


def random_examples(number: int, seed: int = 0) -> Examples:
    """Inputs without structure: only memory helps."""
    generator = stream(seed, "examples")
    inputs = generator.integers(4, size=(number, 4)).astype(np.uint8)
    return Examples(inputs, generator.integers(4, size=number).astype(np.uint8))


def settings(**changes: object) -> Training:
    usual = {"learning_rate": 0.01, "batch_size": 16, "max_steps": 20, "train_loss_threshold": 0, "patience": 1e9}
    return Training.model_validate(usual | changes)


def leaves(network: object) -> list[np.ndarray]:
    return [np.asarray(x) for x in jax.tree.leaves(network)]


@pytest.fixture(scope="module")
def adam() -> Engine:
    return Engine(LEARNER, SHAPE, settings())


def stopping(engine: Engine, **changes: object) -> Engine:
    """The same compiled programs with other rules for when to stop."""
    other = copy.copy(engine)
    other.training = settings(**changes)
    return other


@pytest.fixture(scope="module")
def sets() -> tuple[list[Examples], list[Examples], list[Examples]]:
    """Train, validation and test examples of three seeds."""
    numbers = ((50, 0), (30, 200), (40, 100))
    return tuple([random_examples(number, first + s) for s in range(3)] for number, first in numbers)  # pyright: ignore


def of_seed(sets: tuple[list[Examples], ...], place: int) -> list[list[Examples]]:
    """The three sets of one seed, as `fit` takes them."""
    return [one[place : place + 1] for one in sets]


@pytest.fixture(scope="module")
def apart(adam, sets):
    """Three seeds, one after the other."""
    return adam.fit(*sets, [5, 6, 7], together=False)


def test_same_seed_same_bits_whatever_was_done_before(adam, sets, apart):
    again = adam.fit(*of_seed(sets, 1), [6])[0]
    for a, b in zip(leaves(again.predictor), leaves(apart[1].predictor), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(again.example_losses, apart[1].example_losses)
    assert again.history == apart[1].history
    other = adam.fit(*of_seed(sets, 1), [8])[0]
    assert other.history[0]["validation_loss"] != again.history[0]["validation_loss"]


def test_steps_per_call_does_not_change_a_bit(adam, sets, apart, monkeypatch):
    monkeypatch.setattr(engine_module, "STEPS_PER_CALL", 3)
    again = adam.fit(*of_seed(sets, 0), [5])[0]
    for a, b in zip(leaves(again.predictor), leaves(apart[0].predictor), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [r["validation_loss"] for r in again.history] == [r["validation_loss"] for r in apart[0].history]
    for a, b in zip(again.history[1:], apart[0].history[1:], strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-6)


HOST = re.compile(r"callback|infeed|outfeed|stablehlo\.(send|recv)")
"""What a lowered program that speaks to its host holds."""


def test_no_call_of_many_steps_speaks_to_the_host(adam, sets):
    """From the lowered program: one loop, whose number of steps is an argument, and nothing that leaves the device."""
    state = adam._single.start(key(0, "network"))
    inputs, targets = np.zeros((64, 16, 4), np.uint8), np.zeros((64, 16), np.uint8)
    for programs, many in ((adam._single, False), (adam._batched, True)):
        arrays = (state, inputs, targets)
        if many:
            arrays = jax.tree.map(lambda x: np.stack([np.asarray(x)] * 2), arrays)
        rates, limits = (np.zeros((2, size) if many else size, np.float32) for size in (64, 2))
        text = programs.advance.lower(*arrays, rates, limits, 5).as_text()
        assert text.count("stablehlo.while") == 1
        assert not HOST.search(text)
    told = jax.jit(lambda x: jax.debug.callback(print, x) or x).lower(1.0).as_text()
    assert HOST.search(told)


def test_seeds_together_equal_seeds_one_after_the_other(adam, sets, apart):
    together = adam.fit(*sets, [5, 6, 7], together=True)
    for a, b in zip(together, apart, strict=True):
        assert [r["step"] for r in a.history] == [r["step"] for r in b.history]
        for name in ("validation_loss", "train_loss"):
            rows = zip(a.history[1:], b.history[1:], strict=True)
            np.testing.assert_allclose(*np.array([(r[name], s[name]) for r, s in rows]).T, rtol=1e-4)
        for name in ("validation_loss", "test_loss", "test_loss_error", "final_test_loss", "final_validation_loss"):
            assert a.metrics[name] == pytest.approx(b.metrics[name], rel=1e-3)
        np.testing.assert_allclose(a.example_losses, b.example_losses, rtol=1e-3, atol=1e-4)
        for x, y in zip(leaves(a.predictor), leaves(b.predictor), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-4)
        for name in ("best_step", "steps", "stopped", "examples_seen", "flops"):
            assert a.metrics[name] == b.metrics[name]


@pytest.mark.parametrize("number", [4, 11])
def test_evaluation_in_blocks(adam, sets, number, monkeypatch):
    """In blocks of 4, the last one shorter: the same as at once, for as many test sentences."""
    monkeypatch.setattr(engine_module, "EVALUATION_BATCH", 4)
    test = random_examples(number, 3)
    found = adam.fit(*of_seed(sets, 0)[:2], [test], [5])[0]
    np.testing.assert_allclose(found.example_losses, losses_by_hand(found, test), rtol=1e-4, atol=1e-6)


def test_loss_at_the_last_of_all_positions(sets):
    shape = Shape(vocab=5, length=4, outputs=5, reads="every")
    engine = Engine(Transformer(width=8, heads=2, layers=1), shape, Training(max_steps=4, batch_size=4))
    train, test = (Examples(e.inputs[:, :4], e.inputs[:, :4] % 5) for e in (sets[0][0], random_examples(11, 3)))
    found = engine.fit([train], [test], [test], [5])[0]
    logits = np.asarray(found.predictor(jnp.asarray(test.inputs)), np.float64)[:, -1]
    by_hand = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(test)), test.targets[:, -1]]
    assert found.metrics["test_last_loss"] == pytest.approx(by_hand.mean(), rel=1e-5)
    row = next(row for row in found.history if row["step"] == found.metrics["best_step"])
    assert found.metrics["test_last_loss"] == found.metrics["validation_last_loss"] == row["validation_last_loss"]
    assert found.metrics["test_loss"] == pytest.approx(found.example_losses.mean())


def losses_by_hand(found: Any, test: Examples) -> np.ndarray:
    """Of a fit, or of a network."""
    predictor = found.predictor if isinstance(found, Fit) else found
    logits = np.asarray(predictor(jnp.asarray(test.inputs)), np.float64)
    return np.log(np.exp(logits).sum(1)) - logits[np.arange(len(test)), test.targets]


def test_reported_numbers_are_those_of_the_returned_network(apart, sets):
    for found, validation, test in zip(apart, *sets[1:], strict=True):
        smallest = min(row["validation_loss"] for row in found.history)
        assert found.metrics["validation_loss"] == smallest
        row = next(r for r in found.history if r["validation_loss"] == smallest)
        assert found.metrics["best_step"] == row["step"]
        assert found.metrics["validation_accuracy"] == row["validation_accuracy"]
        chosen = losses_by_hand(found, validation)
        assert smallest == pytest.approx(chosen.mean(), rel=1e-5)
        assert found.metrics["validation_loss_error"] == pytest.approx(chosen.std(ddof=1) / np.sqrt(30), rel=1e-4)
        logits = np.asarray(found.predictor(jnp.asarray(test.inputs)), np.float64)
        losses = losses_by_hand(found, test)
        np.testing.assert_allclose(found.example_losses, losses, rtol=1e-4, atol=1e-6)
        assert found.metrics["test_loss"] == pytest.approx(losses.mean(), rel=1e-5)
        assert found.metrics["test_loss_error"] == pytest.approx(losses.std(ddof=1) / np.sqrt(40), rel=1e-4)
        assert found.metrics["test_accuracy"] == (logits.argmax(1) == test.targets).mean()
        last = found.history[-1]
        finals = [found.metrics[f"final_{name}"] for name in ("validation_loss", "validation_accuracy", "train_loss")]
        assert finals == [last["validation_loss"], last["validation_accuracy"], last["train_loss"]]
        assert found.metrics["steps"] == last["step"]
        assert found.metrics["examples_seen"] == 20 * 16
        forward = LEARNER.forward_flops(SHAPE)
        readings = 1 if found.metrics["best_step"] == 20 else 2
        assert found.metrics["flops"] == forward * (3 * 20 * 16 + len(found.history) * 30 + readings * 40)


def test_validation_examples_alone_choose_the_step(adam, sets):
    """Random answers: every set has its own best step. The test set has no say; each reading is that step's network."""
    plan = settings(max_steps=64, learning_rate=0.03)
    engine = stopping(adam, max_steps=64, learning_rate=0.03)
    train, validation, test = of_seed(sets, 0)
    networks = {}
    keep = lambda seed_index, step, make_network: networks.update({step: make_network()})  # noqa: E731
    found = engine.fit(train, validation, test, [5], watch=keep)[0]
    swapped = engine.fit(train, test, validation, [5])[0]
    other = engine.fit(train, validation, [random_examples(40, 999)], [5])[0]
    assert list(networks) == list(plan.evaluation_steps(64))
    by_hand = {step: losses_by_hand(network, test[0]).mean() for step, network in networks.items()}
    chosen = {step: losses_by_hand(network, validation[0]).mean() for step, network in networks.items()}
    best = min(chosen, key=lambda step: chosen[step])
    assert found.metrics["best_step"] == best
    assert found.metrics["test_loss"] == pytest.approx(by_hand[best], rel=1e-5)
    assert found.metrics["final_test_loss"] == pytest.approx(by_hand[64], rel=1e-5)
    assert swapped.metrics["best_step"] == min(by_hand, key=lambda step: by_hand[step]) != best
    assert found.metrics["test_loss"] > min(by_hand.values())
    assert other.history == found.history
    assert other.metrics["best_step"] == best
    for a, b in zip(leaves(other.predictor), leaves(found.predictor), strict=True):
        np.testing.assert_array_equal(a, b)


def test_nothing_is_said_of_the_train_loss_before_the_first_step(apart):
    for found in apart:
        assert "train_loss" not in found.history[0]
        assert all(row["train_loss"] > 0 for row in found.history[1:])
        assert found.history[0].keys() == {"step", "validation_loss", "validation_accuracy"}


def test_gradient_descent_equals_updates_by_hand():
    """w <- w - rate_t (momentum memory + width gradient + decay w), on the whole set, whose order cannot matter."""
    data = random_examples(12)
    plan = settings(
        optimizer="sgd", learning_rate=0.02, momentum=0.5, weight_decay=0.01, batch_size=12, max_steps=3, warmup_steps=2
    )
    found = fit(LEARNER, SHAPE, plan, data, data, data, seed=4)
    assert found.metrics["best_step"] == 3  # else the weights returned are of an earlier step

    @jax.jit
    def gradient(network):
        def loss(n):
            log_probabilities = jax.nn.log_softmax(n(data.inputs))
            return -log_probabilities[jnp.arange(12), data.targets].mean()

        return jax.grad(loss)(network)

    network = LEARNER.network(key(4, "network"), SHAPE)
    memory = jax.tree.map(jnp.zeros_like, network)
    for rate in (0.01, 0.02, 0.02):
        pull = jax.tree.map(lambda g, w: 8 * g + 0.01 * w, gradient(network), network)
        memory = jax.tree.map(lambda m, p: 0.5 * m + p, memory, pull)
        network = jax.tree.map(lambda w, m, rate=rate: w - rate * m, network, memory)
    for got, expected in zip(leaves(found.predictor), leaves(network), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_first_direction_of_adam_is_the_sign_of_the_gradient():
    """Whatever the gradient's scale; decay is added to it undivided."""
    weights, slope = jnp.array([1.0, 2.0, -3.0]), jnp.array([0.3, -5.0, 2.0])
    for decay in (0.0, 0.1):
        optimizer = settings(weight_decay=decay).direction(gradient_scale=1000.0)
        uphill, _ = optimizer.update(slope, optimizer.init(weights), weights)
        np.testing.assert_allclose(
            np.asarray(uphill), np.array([1.0, -1.0, 1.0]) + decay * np.asarray(weights), rtol=1e-5
        )


def test_learning_rates():
    def rates(count: int, length: int = 10**6, **changes: object) -> np.ndarray:
        return settings(learning_rate=0.3, **changes).rates(np.arange(count), length)

    np.testing.assert_allclose(rates(3), 0.3)
    np.testing.assert_allclose(rates(5, warmup_steps=3), [0.1, 0.2, 0.3, 0.3, 0.3])
    np.testing.assert_allclose(rates(3, warmup_steps=1), 0.3)
    expected = [0.3 * (0.1 + 0.9 * (1 + math.cos(math.pi * i / 10)) / 2) for i in range(11)]
    assert expected[-1] == pytest.approx(0.03)
    np.testing.assert_allclose(rates(11, 10, schedule="cosine", final_rate=0.1), expected)
    np.testing.assert_allclose(rates(14, 10, schedule="cosine", final_rate=0.1), [*expected, 0.03, 0.03, 0.03])
    warm = rates(14, 13, schedule="cosine", final_rate=0.1, warmup_steps=3)
    np.testing.assert_allclose(warm, [0.1, 0.2, 0.3, *expected[:11]])


def test_length_in_steps_and_epochs():
    assert settings(max_steps=70).length(10**6) == 70
    plan = settings(max_epochs=2.5, batch_size=16, min_steps=5, max_steps=100)
    assert [plan.length(n) for n in (1, 32, 33, 64, 640, 641, 10**6)] == [5, 5, 6, 10, 100, 100, 100]


def test_a_schedule_in_steps_and_one_in_epochs_of_the_same_length_train_alike(sets):
    """50 examples in batches of 16, two epochs: 7 steps."""
    steps = settings(schedule="cosine", max_steps=7)
    epochs = settings(schedule="cosine", max_steps=10**5, max_epochs=2)
    engine = Engine(LEARNER, SHAPE, steps)
    by_steps = engine.fit(*of_seed(sets, 0), [5])[0]
    engine.training = epochs
    by_epochs = engine.fit(*of_seed(sets, 0), [5])[0]
    assert by_epochs.metrics["steps"] == 7
    assert by_epochs.metrics["stopped"] == "steps"
    assert by_epochs.history == by_steps.history


@pytest.mark.parametrize("length", [1, 2, 63, 64, 1000, 100_000])
@pytest.mark.parametrize("per_doubling", [1, 3, 10])
def test_evaluation_steps_are_geometric(length, per_doubling):
    steps = list(settings(evaluations_per_doubling=per_doubling).evaluation_steps(length))
    assert steps[0] == 0
    assert steps[-1] == length
    assert steps == sorted(set(steps))
    allowed = {round(2 ** (k / per_doubling)) for k in range(20 * per_doubling)} | {0, length}
    assert set(steps) <= allowed
    assert {s for s in allowed if s <= length} == set(steps)


def test_stops_at_the_train_loss(adam, sets):
    engine = stopping(adam, train_loss_threshold=1.0, max_steps=4096)
    found = engine.fit([random_examples(6)], *of_seed(sets, 0)[1:], [0])[0]
    assert found.metrics["stopped"] == "train loss"
    assert found.metrics["final_train_loss"] <= 1.0
    assert all(row["train_loss"] > 1.0 for row in found.history[1:-1])


def test_stops_without_progress(adam, sets):
    """Random targets: the validation loss is smallest early on."""
    engine = stopping(adam, patience=2.0, least_steps=4, max_steps=4096)
    found = engine.fit(*of_seed(sets, 0), [0])[0]
    assert found.metrics["stopped"] == "patience"
    assert found.metrics["steps"] < 4096
    assert found.metrics["steps"] >= 2 * max(found.metrics["best_step"], 4)
    earlier = found.history[:-1]
    best_before = min(earlier, key=lambda row: row["validation_loss"])["step"]
    assert earlier[-1]["step"] < 2 * max(best_before, 4)


def test_stops_at_the_most_steps(apart):
    assert [found.metrics["stopped"] for found in apart] == ["steps"] * 3
    for found in apart:
        assert found.metrics["cut_short"] == (found.metrics["best_step"] == 20)
    assert [found.metrics["steps"] for found in apart] == [20] * 3


def test_stops_where_it_diverges(sets):
    plan = settings(optimizer="sgd", learning_rate=1e30, max_steps=4096)
    found = fit(LEARNER, SHAPE, plan, *(one[0] for one in sets))
    assert found.metrics["stopped"] == "diverged"
    assert found.metrics["steps"] <= 8
    assert not math.isfinite(found.history[-1]["validation_loss"])
    assert math.isfinite(found.metrics["test_loss"])
    assert all(np.isfinite(x).all() for x in leaves(found.predictor))
    assert not found.metrics["cut_short"]
    finite = [row for row in found.history if math.isfinite(row["validation_loss"] + row.get("train_loss", 0.0))]
    best = min(finite, key=lambda row: row["validation_loss"])
    for name in ("validation_loss", "validation_accuracy"):
        assert found.metrics[name] == best[name]
    assert found.metrics["best_step"] == best["step"] < found.metrics["steps"]
    assert not math.isfinite(found.metrics["final_test_loss"])
    assert not math.isfinite(found.metrics["final_validation_loss"])
    assert found.metrics["test_loss"] == pytest.approx(losses_by_hand(found, sets[2][0]).mean(), rel=1e-5)


NAN, INF = math.nan, math.inf
COURSES: dict[str, tuple[list[tuple[float, float]], int, str, bool]] = {
    "better to the end": ([(3, 0), (2, 2), (1, 1), (0.9, 0.8)], 4, "steps", True),
    "better to the end but one": ([(3, 0), (2, 2), (1, 1), (1.1, 0.8)], 2, "steps", False),
    "as good at the end as before": ([(3, 0), (2, 2), (1, 1), (1, 0.8)], 2, "steps", False),
    "never better": ([(1, 0), (2, 2), (2, 1), (2, 0.8)], 0, "steps", False),
    "learnt before the end": ([(3, 0), (2, 2), (1, 0.01)], 2, "train loss", False),
    "learnt at the end": ([(3, 0), (2, 2), (1, 1), (0.9, 0.01)], 4, "train loss", False),
    "diverged": ([(3, 0), (2, 2), (NAN, 5)], 1, "diverged", False),
    "diverged at the end": ([(3, 0), (2, 2), (1, 1), (INF, 5)], 2, "diverged", False),
    "the train loss diverged, the validation loss by chance smallest": (
        [(3, 0), (2, 2), (1, INF)],
        1,
        "diverged",
        False,
    ),
    "the train loss is no number": ([(3, 0), (2, 2), (1, NAN)], 1, "diverged", False),
    "diverged before the first step": ([(NAN, 0)], 0, "diverged", False),
}
"""Validation and train losses at steps 0, 1, 2, 4; the best step, why training stopped, whether it was cut short."""


@pytest.mark.parametrize("name", COURSES)
def test_what_is_said_of_a_course(name):
    losses, best_step, stopped, cut_short = COURSES[name]
    course = Course(settings(train_loss_threshold=0.1, max_steps=4), 4)
    for step, (validation, train) in zip((0, 1, 2, 4), losses, strict=False):
        assert not course.stopped
        scores = Scores(np.array([validation, validation]), np.array([1.0, 0.0]))
        course.add(step, scores, train if step else None, lambda step=step: f"weights of step {step}")
    metrics = course.metrics()
    assert (metrics["best_step"], metrics["stopped"], metrics["cut_short"]) == (best_step, stopped, cut_short)
    assert course.best_weights == f"weights of step {best_step}"
    assert course.final_weights == f"weights of step {course.step}"
    best = next(row for row in course.history if row["step"] == best_step)
    np.testing.assert_equal(metrics["validation_loss"], best["validation_loss"])
    np.testing.assert_equal(metrics["final_validation_loss"], float(losses[-1][0]))
    np.testing.assert_equal(metrics["final_train_loss"], float(losses[-1][1]) if course.step else NAN)
    with_error = metrics["validation_loss_error"]
    assert with_error == 0.0 or math.isnan(with_error)


def test_a_course_that_is_over_takes_no_more():
    course = Course(settings(max_steps=1), 1)
    for step in (0, 1, 2):
        scores = Scores(np.array([5.0 - step]), np.array([0.0]))
        course.add(step, scores, 1.0 if step else None, lambda step=step: step)
    assert (course.step, course.best_step, course.best_weights, course.final_weights) == (1, 1, 1, 1)
    assert course.metrics()["cut_short"]
    assert len(course.history) == 2


def test_rates_and_sizes_together_equal_each_alone(adam, sets):
    """One batch of different learning rates, schedules, rules for stopping and numbers of training examples."""
    train = [random_examples(number, number) for number in (50, 37, 11)]
    trainings = [
        settings(learning_rate=0.03),
        settings(learning_rate=0.001, warmup_steps=5, schedule="cosine", final_rate=0.5),
        settings(train_loss_threshold=1.45),
    ]
    together = adam.fit(train, *sets[1:], [5, 6, 7], trainings=trainings, together=True)
    apart = adam.fit(train, *sets[1:], [5, 6, 7], trainings=trainings, together=False)
    for place, training in enumerate(trainings):
        (alone,) = stopping(adam, **training.model_dump()).fit(*of_seed((train, *sets[1:]), place), [5 + place])
        assert numbers(apart[place]) == numbers(alone)
        np.testing.assert_allclose(numbers(together[place]), numbers(alone), rtol=1e-4)
        for name in ("best_step", "steps", "stopped", "examples_seen", "flops"):
            assert together[place].metrics[name] == alone.metrics[name]
    assert [found.metrics["stopped"] for found in together] == ["steps", "steps", "train loss"]


def test_trainings_of_one_program_share_what_is_compiled():
    """Another learning rate compiles nothing; another optimiser is another program."""
    first = trainer_of(LEARNER, SHAPE, settings(learning_rate=0.02))
    for changes, same in (
        ({"learning_rate": 0.5, "schedule": "cosine", "max_steps": 5, "patience": 2.0}, True),
        ({"momentum": 0.5}, False),
        ({"clip_norm": 1.0}, False),
        ({"batch_size": 8}, False),
    ):
        other = trainer_of(LEARNER, SHAPE, settings(**changes))
        assert (other._single is first._single) == same
        assert other.training == settings(**changes)
    assert first.training == settings(learning_rate=0.02)


def test_limits_are_numbers_of_one_program():
    """How much decays and where is clipped compiles nothing; whether anything is, does."""
    first = trainer_of(LEARNER, SHAPE, settings(weight_decay=0.1, clip_norm=0.5))
    for changes, same in (
        ({"weight_decay": 0.3, "clip_norm": 0.5}, True),
        ({"weight_decay": 0.1, "clip_norm": 2.0}, True),
        ({"weight_decay": 0.1}, False),
        ({"clip_norm": 0.5, "weight_decay": 0.0}, False),
    ):
        assert (trainer_of(LEARNER, SHAPE, settings(**changes))._single is first._single) == same


def test_weight_decay_and_clip_norm_may_differ_in_a_batch(sets):
    limits = ((0.02, 1e-3), (0.001, 1e-3), (0.02, 9.0))
    trainings = [
        settings(optimizer="sgd", learning_rate=1.0, weight_decay=decay, clip_norm=norm) for decay, norm in limits
    ]
    engine = Engine(LEARNER, SHAPE, trainings[0])
    same = [one[:1] * 3 for one in sets]
    together = engine.fit(*same, [5, 5, 5], trainings=trainings, together=True)
    apart = engine.fit(*same, [5, 5, 5], trainings=trainings, together=False)
    for one, alone in zip(together, apart, strict=True):
        np.testing.assert_allclose(numbers(one), numbers(alone), rtol=1e-4)
    first, other_decay, other_norm = (fit.metrics["final_validation_loss"] for fit in together)
    assert abs(first - other_decay) > 1e-3
    assert abs(first - other_norm) > 1e-3


def test_seeds_that_have_stopped_leave_the_batch(adam, sets, monkeypatch):
    """Batches become smaller by powers of two, and each seed is what it is alone."""
    train, validation, test = (one + one[:2] for one in sets)
    at_once, later, never = {"train_loss_threshold": 9.0}, {"patience": 1.0, "least_steps": 4}, {}
    trainings = [settings(**when) for when in (at_once, never, at_once, later, at_once)]
    sizes: list[int] = []
    advance = adam._batched.advance

    def counted(state, *rest):
        sizes.append(len(state[0]))
        return advance(state, *rest)

    monkeypatch.setattr(adam._batched, "advance", counted)
    watched: list[int] = []
    together = adam.fit(
        train, validation, test, range(5), trainings=trainings, together=True,
        watch=lambda place, step, make_network: watched.append(place),
    )  # fmt: skip
    assert list(dict.fromkeys(sizes)) == [5, 2, 1]
    assert sizes == sorted(sizes, reverse=True)
    for place, training in enumerate(trainings):
        alone = stopping(adam, **training.model_dump()).fit(*of_seed((train, validation, test), place), [place])[0]
        np.testing.assert_allclose(numbers(together[place]), numbers(alone), rtol=1e-4)
        assert together[place].metrics["steps"] == alone.metrics["steps"]
        assert watched.count(place) == len(alone.history)


def test_a_stopped_seed_stays_as_it_was_while_others_go_on(adam, sets):
    """Together, one seed reaches its train loss; equal inputs with unequal answers never do."""
    engine = stopping(adam, train_loss_threshold=1.0, max_steps=256)
    easy = Examples(random_examples(6).inputs, np.zeros(6, np.uint8))
    hard = Examples(np.zeros((6, 4), np.uint8), np.array([0, 1, 2, 3, 0, 1], np.uint8))
    train = [easy, hard, hard]
    together = engine.fit(train, *sets[1:], [0, 1, 2], together=True)
    apart = engine.fit(train, *sets[1:], [0, 1, 2], together=False)
    assert [f.metrics["stopped"] for f in together] == ["train loss", "steps", "steps"]
    assert [f.metrics["steps"] for f in together] == [f.metrics["steps"] for f in apart]
    assert together[0].metrics["steps"] < 256
    for a, b in zip(together, apart, strict=True):
        for name in ("validation_loss", "test_loss", "final_test_loss"):
            assert a.metrics[name] == pytest.approx(b.metrics[name], rel=1e-4)
        assert a.metrics["final_train_loss"] == pytest.approx(b.metrics["final_train_loss"], rel=1e-4)


@pytest.mark.parametrize("pieces", [[10] * 7, [3] * 20, [25, 1, 7, 7], [1] * 30])
def test_each_epoch_has_every_index_once(pieces):
    order = ExampleOrder(3, 10)
    taken = np.concatenate([order.take(count) for count in pieces])
    assert len(taken) == sum(pieces)
    epochs = [taken[i : i + 10] for i in range(0, len(taken) - 9, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == len(epochs)
    np.testing.assert_array_equal(taken, ExampleOrder(3, 10).take(len(taken)))


def test_refuses_examples_that_do_not_belong_together(adam, sets):
    train, validation, test = sets
    empty = Examples(np.zeros((0, 4), np.uint8), np.zeros(0, np.uint8))
    for bad, says in (
        (
            (train, validation, test[:2], [0, 1, 2]),
            r"len\(test\)=2 cannot be used: each seed needs a set .*, so 3",
        ),
        ((train, validation[:2], test, [0, 1, 2]), r"len\(validation\)=2 cannot be used: .* so 3"),
        ((train, validation, test, [0, 1]), r"len\(train\)=3 cannot be used: .* so 2"),
        (([], [], [], []), r"seeds=\[\] cannot be used: it must be a list of one whole number or more"),
        (
            ([empty], validation[:1], test[:1], [0]),
            r"train.inputs.shape=\(0, 4\) .* at least one sentence",
        ),
        ((train[:1], [empty], test[:1], [0]), r"validation.inputs.shape=\(0, 4\)"),
        ((train[:1], validation[:1], [empty], [0]), r"test.inputs.shape=\(0, 4\)"),
        ((train[:2], validation[:2], [test[0], empty], [0, 1]), r"test\[1\].inputs.shape=\(0, 4\)"),
    ):
        with pytest.raises(InputError, match=says):
            adam.fit(*bad)
    with pytest.raises(InputError, match="same number"):
        adam.fit(train[:2], [validation[0], random_examples(7)], test[:2], [0, 1], together=True)
    epochs = [settings(max_epochs=2)] * 2
    with pytest.raises(InputError, match="evaluated after the same steps"):
        adam.fit([train[0], random_examples(7)], validation[:2], test[:2], [0, 1], trainings=epochs, together=True)
    for trainings in ([], [settings()], [settings(), settings(momentum=0.5)], [settings(), settings(batch_size=8)]):
        with pytest.raises(InputError, match=r"^trainings="):
            adam.fit(train[:2], validation[:2], test[:2], [0, 1], trainings=trainings)


def test_convolutional_network_learns_all_that_the_oracle_knows():
    language = RandomHierarchy(vocab=4, rules=2, branching=2, depth=2, seed=0)
    task = LastToken()
    train = task.examples(language.sample(0, 2**16), language, 0)
    test, validation = (task.examples(language.sample(seed, 4096), language, 1) for seed in (1, 2))
    plan = Training(learning_rate=0.1, schedule="cosine", final_rate=0.0, max_steps=2048)
    found = fit(HierarchicalCNN(width=64), task.shape(language), plan, train, validation, test)
    oracle = task.oracle_losses(language, test)
    excess = found.example_losses - oracle
    assert found.history[0]["validation_loss"] > oracle.mean() + 0.5
    contexts = len(np.unique(train.inputs, axis=0))
    estimation = contexts * (language.vocab - 1) / (2 * len(train))  # a maximum-likelihood table's expected excess
    assert abs(excess.mean()) < 4 * excess.std(ddof=1) / math.sqrt(len(excess)) + 2 * estimation
    assert excess.mean() < 0.005


def numbers(found: Fit) -> list[float]:
    """What two trainings of the same are compared by."""
    losses = [row["validation_loss"] for row in found.history]
    return losses + [found.metrics[name] for name in ("test_loss", "final_test_loss")]


TWO_DEVICES = """
import json, sys
import jax
sys.path.insert(0, sys.argv[1])
from test_training import LEARNER, SHAPE, numbers, random_examples, settings
from syntagma.learners import Engine
assert len(jax.local_devices()) == int(sys.argv[2])
engine = Engine(LEARNER, SHAPE, settings())
sets = [[random_examples(number, first + s) for s in range(3)] for number, first in ((50, 0), (30, 200), (40, 100))]
together = engine.fit(*(one[:2] for one in sets), [5, 6], together=True)
alone = engine.fit(*(one[:1] for one in sets), [5])
print(json.dumps([numbers(f) for f in [*together, *alone]]))
"""


def test_two_devices_give_the_losses_of_one(apart):
    """Two seeds spread over two devices; one alone, with every batch spread."""
    environment = dict(os.environ, JAX_PLATFORMS="cpu")
    environment["XLA_FLAGS"] = (
        os.environ.get("XLA_FLAGS", "")
        + " --xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"  # quick to compile
    )
    command = [sys.executable, "-c", TWO_DEVICES, os.path.dirname(__file__), "2"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = [numbers(found) for found in apart]
    got = json.loads(done.stdout)
    for losses, wanted in zip(got, [*expected[:2], expected[0]], strict=True):
        np.testing.assert_allclose(losses, wanted, rtol=1e-4)


def test_perceptron_memorises_its_examples():
    """Enough width and steps: every train example, however random, is remembered."""
    inputs = np.array([[a, b, c, d] for a in range(2) for b in range(2) for c in range(2) for d in range(2)], np.uint8)
    data = Examples(inputs, stream(1, "targets").integers(4, size=16).astype(np.uint8))
    plan = settings(train_loss_threshold=0.05, max_steps=4096)
    found = fit(Perceptron(width=64, layers=2), SHAPE, plan, data, data, data)
    assert found.metrics["stopped"] == "train loss"
    assert found.history[-1]["validation_accuracy"] == 1.0
