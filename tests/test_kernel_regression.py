"""Kernel regression against its formula, against leaving examples out by hand, and against sampled finite networks."""

from __future__ import annotations

import itertools
import re
import tracemalloc

import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.kernels import Architecture, Attention, Dense, Embedding
from syntagma.languages import CategoricalMixture, RandomHierarchy
from syntagma.learners import HierarchicalCNN, KernelRegression, LangevinPosterior, Training, fit, trainer_of
from syntagma.learners.kernel_regression import probabilities, solve, targets
from syntagma.tasks import Examples, LastToken, NextToken, Shape, SymmetryTarget

VOCAB, LENGTH = 3, 3
STRINGS = np.array(list(itertools.product(range(VOCAB), repeat=LENGTH)), np.uint8)
NUMBERS = Shape(VOCAB, LENGTH, 1, loss="squared")
CHOICES = Shape(VOCAB, LENGTH, VOCAB)
BLOCK = Architecture(
    embedding=Embedding(vocab=1, position_variance=0.5), layers=(Attention(scores="linear"), Dense()), readout="mean"
)
LINEAR = Architecture(embedding=Embedding(vocab=1, trained=False, position_variance=0.3), readout="mean")


def numbers(seed: int, size: int) -> Examples:
    generator = np.random.Generator(np.random.PCG64(seed))
    return Examples(STRINGS[generator.permutation(len(STRINGS))[:size]], generator.standard_normal(size))


def choices(seed: int, size: int) -> Examples:
    generator = np.random.Generator(np.random.PCG64(seed))
    return Examples(STRINGS[generator.permutation(len(STRINGS))[:size]], generator.integers(VOCAB, size=size))


@pytest.mark.parametrize("limit", ["nngp", "ntk"])
def test_the_solution_is_the_formula(limit) -> None:
    learner, train = KernelRegression(architecture=BLOCK, limit=limit, ridge=0.2), numbers(0, 12)
    solution = solve(learner, NUMBERS, train)
    architecture = BLOCK.on(VOCAB + 1)
    matrix = architecture.gram(train.inputs, kind=limit).matrix + 0.2 * np.eye(12)
    across = architecture.gram(STRINGS, train.inputs, kind=limit).matrix
    expected = across @ np.linalg.inv(matrix) @ train.targets
    np.testing.assert_allclose(solution(STRINGS)[:, 0], expected, atol=1e-10)
    prior = architecture.diagonal(STRINGS, kind=limit)
    variance = prior - np.einsum("ij,jk,ik->i", across, np.linalg.inv(matrix), across)
    np.testing.assert_allclose(solution.variance(STRINGS), variance, atol=1e-10)


@pytest.mark.parametrize(("shape", "make"), [(NUMBERS, numbers), (CHOICES, choices)])
def test_left_out_predictions_are_those_of_regressions_without_each_example(shape, make) -> None:
    learner, train = KernelRegression(architecture=BLOCK, ridge=0.1), make(1, 9)
    left = solve(learner, shape, train).left_out()
    for i in range(9):
        others = np.arange(9) != i
        without = solve(learner, shape, Examples(train.inputs[others], train.targets[others]))
        np.testing.assert_allclose(left[i], targets(shape, train)[i] - without(train.inputs[i : i + 1])[0], atol=1e-9)


def test_a_small_ridge_interpolates_and_a_large_one_keeps_the_prior() -> None:
    train = choices(2, 10)
    exact = solve(KernelRegression(architecture=BLOCK, ridge=1e-7), CHOICES, train)
    np.testing.assert_allclose(exact(train.inputs), np.eye(VOCAB)[train.targets], atol=1e-4)
    vague = solve(KernelRegression(architecture=BLOCK, ridge=1e9), CHOICES, train)
    np.testing.assert_allclose(vague(STRINGS), 1 / VOCAB, atol=1e-6)


def test_regressed_one_hot_vectors_become_distributions() -> None:
    outputs = np.array([[1.2, -0.2, 0.0], [-1.0, -1.0, -1.0], [0.25, 0.5, 0.25]])
    found = probabilities(outputs, 0.25)
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_allclose(found, [[0.75 + 1 / 12, 1 / 12, 1 / 12], [1 / 3] * 3, [13 / 48, 22 / 48, 13 / 48]])


def test_a_grammar_is_learned_through_the_same_call_as_networks() -> None:
    language, task = RandomHierarchy(4, 2, 2, 2, seed=0), LastToken()
    sets = [task.examples(language.sample(seed, 200), language, seed) for seed in range(4)]
    learner = KernelRegression(architecture=BLOCK.model_copy(update={"readout": "last"}), ridge=1e-2)
    shape = task.shape(language)
    found = trainer_of(learner, shape, None).fit(sets[:1], sets[3:], sets[1:2], [0], extra={"more": sets[2:3]})[0]
    oracle = task.oracle_losses(language, sets[1])
    assert found.metrics["stopped"] == "solved"
    assert found.metrics["test_loss"] == pytest.approx(found.example_losses.mean())
    assert oracle.mean() - 4 * (found.example_losses - oracle).std() / 200**0.5 < found.metrics["test_loss"] < np.log(4)
    assert {"more_loss", "more_accuracy", "final_more_loss"} <= found.metrics.keys()
    again = fit(learner, shape, None, sets[0], sets[1], sets[3])
    for mine, theirs in (("test", "validation"), ("validation", "test")):
        for name in ("{}_loss", "{}_loss_error", "{}_accuracy", "final_{}_loss", "final_{}_accuracy"):
            assert again.metrics[name.format(mine)] == found.metrics[name.format(theirs)]
    assert found.history == [
        {"step": 0, **{f"validation_{what}": found.metrics[f"validation_{what}"] for what in ("loss", "accuracy")}}
        | {"train_loss": found.metrics["final_train_loss"]}
    ]


def test_what_cannot_be_is_said_in_one_line() -> None:
    doubled = Examples(np.repeat(STRINGS[:4], 2, axis=0), np.arange(8.0))
    with pytest.raises(InputError, match=r"ridge=0\.0 .*smallest eigenvalue is .*Raise ridge to \de-\d+ or more"):
        solve(KernelRegression(architecture=BLOCK, ridge=0.0), NUMBERS, doubled)
    language = RandomHierarchy(4, 2, 2, 2)
    with pytest.raises(InputError, match="one answer a sentence"):
        trainer_of(KernelRegression(architecture=BLOCK), NextToken().shape(language), None)
    with pytest.raises(InputError, match=r"training=None cannot be used: .*gradient descent"):
        trainer_of(HierarchicalCNN(width=4), LastToken().shape(language), None)
    with pytest.raises(InputError, match="samples regressions"):
        trainer_of(LangevinPosterior(architecture=BLOCK), CHOICES, None)
    with pytest.raises(InputError, match=r"len\(train\)=1 cannot be used: each seed needs a set of its own, so 2"):
        trainer_of(KernelRegression(architecture=BLOCK), NUMBERS, None).fit([doubled], [doubled], [doubled], [0, 1])


def test_the_ridge_that_is_suggested_is_enough_for_a_sampled_kernel() -> None:
    """Looked up by pattern, a softmax kernel is positive semidefinite up to its error only."""
    embedding = Embedding(vocab=4, position_variance=1.0)
    softmax = Architecture(embedding=embedding, layers=(Attention(),), readout="last")
    learner = KernelRegression(architecture=softmax, ridge=0.0, samples=64, by_pattern=True)
    train = numbers(5, len(STRINGS))
    with pytest.raises(InputError, match=r"smallest eigenvalue is -\d.*Raise ridge to") as error:
        solve(learner, NUMBERS, train)
    enough = float(str(error.value).rsplit("Raise ridge to ", 1)[1].split()[0])
    smallest = np.linalg.eigvalsh(learner.gram(softmax, train.inputs.astype(np.int32)))[0]
    assert -2 * smallest <= enough <= -4 * smallest
    solution = solve(learner.model_copy(update={"ridge": enough}), NUMBERS, train)
    assert np.isfinite(solution(train.inputs)).all()


def test_too_many_examples_for_memory_are_refused_before_any_work() -> None:
    many = Examples(np.zeros((10**6, LENGTH), np.uint8), np.zeros(10**6))
    with pytest.raises(InputError) as error:
        solve(KernelRegression(architecture=BLOCK), NUMBERS, many)
    assert "their kernel regression takes 16,000.0 GB and this machine has" in str(error.value)
    assert re.search(r"Take [\d,]+ sequences or fewer\.$", str(error.value))


def test_memory_of_a_solution_is_what_the_docstring_says() -> None:
    size = 600
    train = Examples(np.random.default_rng(0).integers(VOCAB, size=(size, LENGTH)), np.zeros(size))
    learner = KernelRegression(architecture=BLOCK)
    solve(learner, NUMBERS, train)  # compiles
    tracemalloc.start()
    solution = solve(learner, NUMBERS, train)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    solution.left_out()
    kept, peak = before / size**2, tracemalloc.get_traced_memory()[1] / size**2
    tracemalloc.stop()
    assert kept == pytest.approx(8, abs=1)
    assert peak == pytest.approx(16, abs=2)
    np.testing.assert_array_equal(solution.factor, np.tril(solution.factor))


def test_the_posterior_of_a_linear_network_is_that_of_its_kernel_at_any_width() -> None:
    """With fixed one-hot inputs and no layers only the read-out is drawn: Bayesian linear regression, exactly."""
    train, test = numbers(3, 8), numbers(4, 12)
    expected = solve(KernelRegression(architecture=LINEAR, ridge=0.3), NUMBERS, train)(test.inputs)[:, 0]
    learner = LangevinPosterior(architecture=LINEAR, width=1, ridge=0.3, chains=16, steps=600, snapshots=50)
    found = fit(learner, NUMBERS, None, train, test, test, seed=0)
    by_chain = np.asarray(found.predictor.outputs(test.inputs.astype(np.int32)).mean(1))
    error = by_chain.std(0, ddof=1) / 4
    scaled = (by_chain.mean(0) - expected) / error
    assert np.abs(scaled).max() < 4.5
    assert np.abs(by_chain.mean(0) - expected).max() < 0.25 * np.abs(expected).max()
    again = fit(learner, NUMBERS, None, train, test, test, seed=0)
    assert again.metrics["test_loss"] == found.metrics["test_loss"]


@pytest.mark.slow
def test_the_posterior_of_attention_and_relu_becomes_that_of_its_kernel_as_the_width_grows() -> None:
    """Targets are weak: to strong ones the posterior adapts its features, and the limit asks for more units.

    Compared are predictions; what is beyond the chains' sampling error is a finite width's own.
    """
    language, task = CategoricalMixture(vocab=3, sentence_length=6), SymmetryTarget(partition=(5, 1), scale=0.2)
    shape = task.shape(language)
    train, test = (task.examples(language.sample(seed, n), language, seed) for seed, n in ((0, 32), (1, 500)))
    block = BLOCK.model_copy(update={"embedding": Embedding(vocab=3, position_variance=1.0)})
    limit = fit(KernelRegression(architecture=block, ridge=0.02), shape, None, train, test, test)
    expected = limit.predictor(test.inputs.astype(np.int32))
    away, losses = {}, {}
    for width in (16, 128):
        learner = LangevinPosterior(architecture=block, width=width, head_size=1, ridge=0.02, steps=3000)
        found = fit(learner, shape, None, train, test, test)
        sampling = found.metrics["test_sampling_loss"]
        away[width] = np.mean((found.predictor(test.inputs) - expected) ** 2) - sampling
        losses[width] = found.metrics["test_loss"] - sampling - limit.metrics["test_loss"]
    assert away[128] < away[16] / 4
    assert away[128] < 0.02 * task.scale**2
    assert 0 < losses[128] < losses[16] / 2


def test_the_spread_over_seeds_has_the_error_of_a_sampled_kernel_in_it() -> None:
    embedding = Embedding(vocab=4, position_variance=1.0)
    softmax = Architecture(embedding=embedding, layers=(Attention(),), readout="last")
    train, test = numbers(3, 8), numbers(4, 12)
    found = {}
    for samples in (64, 4096):
        learner = KernelRegression(architecture=softmax, ridge=0.1, samples=samples)
        fits = [fit(learner, NUMBERS, None, train, test, test, seed=seed) for seed in (0, 1, 2, 3, 0)]
        losses = [one.metrics["test_loss"] for one in fits]
        assert losses[0] == losses[-1]
        found[samples] = np.std(losses[:-1])
    assert 0 < found[4096] < found[64] / 2


def test_training_goes_on_with_training_settings_only() -> None:
    language, task = RandomHierarchy(4, 2, 2, 2), LastToken()
    train = task.examples(language.sample(0, 16), language, 0)
    found = fit(HierarchicalCNN(width=4), task.shape(language), Training(max_steps=2), train, train, train)
    assert found.metrics["steps"] == 2
