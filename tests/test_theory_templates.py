"""The certificate: against brute force over strings, against kernel regression, and its invariances and limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.kernels import Architecture, Embedding
from syntagma.kernels.patterns import gram_by_pattern
from syntagma.kernels.presets import perceptron, template_transformer, transformer
from syntagma.languages.templates import Templates, family
from syntagma.learners import EqualityPerceptron, KernelRegression, Perceptron, Training, fit, trainer_of
from syntagma.learners.learner import Network
from syntagma.tasks import Examples, Label
from syntagma.theory.templates import Certificate, Range, certificate, infinite, positionwise_change, told_equalities

TRANSFORMER = template_transformer(1, 4.0, 1.0)


@pytest.mark.parametrize(("length", "vocab"), [(2, 5), (4, 3)])
def test_gram_by_pattern_is_the_gram_matrix(length: int, vocab: int) -> None:
    rng = np.random.default_rng(length)
    x, y = rng.integers(vocab, size=(40, length)), rng.integers(vocab, size=(30, length))
    architecture = perceptron(vocab, 2)
    assert np.array_equal(gram_by_pattern(architecture, x).matrix, architecture.gram(x).matrix)
    assert np.array_equal(gram_by_pattern(architecture, x, y).matrix, architecture.gram(x, y).matrix)


def test_gram_by_pattern_holds_for_softmax_within_its_errors_and_for_long_strings() -> None:
    x = np.random.default_rng(0).integers(6, size=(12, 4))
    direct, looked_up = TRANSFORMER.on(6).gram(x, samples=2**14), gram_by_pattern(TRANSFORMER, x, samples=2**14)
    assert direct.standard_error is not None
    assert looked_up.standard_error is not None
    error = np.hypot(direct.standard_error, looked_up.standard_error)
    assert (np.abs(direct.matrix - looked_up.matrix) < 5 * error + 1e-12).all()
    long = np.random.default_rng(1).integers(3, size=(6, 40))
    linear = transformer(3, scores="linear", readout="mean")
    assert np.allclose(gram_by_pattern(linear, long).matrix, linear.gram(long).matrix, rtol=1e-12)


def test_patterns_are_refused_where_tokens_differ() -> None:
    embedding = Embedding(vocab=2, token_kernel=((2.0, 0.0), (0.0, 1.0)))
    with pytest.raises(InputError, match="patterns serve embeddings that treat all tokens alike"):
        gram_by_pattern(TRANSFORMER.model_copy(update={"embedding": embedding}), np.zeros((1, 2), int))


def test_patterns_of_too_many_strings_for_memory_are_refused_in_one_line() -> None:
    with pytest.raises(InputError) as error:
        gram_by_pattern(perceptron(2), np.zeros((10**6, 2), np.uint8))
    assert "their matrix of patterns takes 50,000.0 GB and this machine has" in str(error.value)
    assert str(error.value).endswith("sequences or fewer.")
    assert "\n" not in str(error.value)


def brute_force(templates: Templates, counts: list[int], ridge: float) -> np.ndarray:
    """Kernel regression on strings of which no two share a symbol, asked about further such strings."""
    strings = templates.fresh(max(counts) + 1)
    train = np.concatenate([strings[i, :n] for i, n in enumerate(counts)])
    asked = strings[:, -1]
    labels = np.repeat(templates.labels, counts)
    architecture = perceptron(1, 2).on(int(strings.max()) + 1)
    gram = architecture.gram(train).matrix + ridge * np.eye(len(train))
    return architecture.gram(asked, train).matrix @ np.linalg.solve(gram, labels)


def test_answers_at_finite_numbers_of_strings_are_those_of_kernel_regression() -> None:
    templates = Templates(templates=("aαβ -> 1", "αbβ -> -1", "αaα -> 0.5"), wildcards=("α", "β"))
    found = certificate(templates, perceptron(1, 2))
    np.testing.assert_array_equal(found.matrix, certificate(templates, infinite(perceptron(1, 2))).matrix)
    for counts, ridge in (([3, 1, 2], 0.1), ([2, 5, 4], 1e-3), ([0, 2, 3], 1e-3)):
        expected = brute_force(templates, counts, ridge)
        assert np.allclose(found.answers(np.array(counts, float), ridge), expected, rtol=1e-8, atol=1e-10)


def test_answers_without_ridge_to_templates_without_wildcards_are_those_of_kernel_regression() -> None:
    templates = Templates(templates=("ab -> 1", "aα -> -1"), wildcards=("α",))
    found = certificate(templates, infinite(perceptron(1, 2)))
    assert found.own[0] == pytest.approx(found.matrix[0, 0], rel=1e-14)
    for counts in ([1, 2], [0, 2], [1, 0]):
        np.testing.assert_allclose(found.answers(np.array(counts, float)), brute_force(templates, counts, 0.0))
    for counts in ([3, 2], [5, 0]):  # one string, several times
        expected = brute_force(templates, counts, 1e-9)
        np.testing.assert_allclose(found.answers(np.array(counts, float)), expected, atol=1e-7)
        np.testing.assert_allclose(found.answers(np.array(counts, float), 1e-9), expected, atol=1e-7)
    np.testing.assert_array_equal(found.answers(np.zeros(2)), 0)
    losses, accuracies = found.predicted([4, 16, 64])
    assert np.isfinite(losses).all()
    assert (np.diff(losses) < 0).all()
    assert np.isfinite(accuracies).all()


def test_two_answers_to_one_string_are_averaged_over_its_copies() -> None:
    """Three copies labelled 1 and one labelled -1 of a string of kernel 1: least squares says (3 - 1) / 4."""
    matrix = np.ones((2, 2))
    same = Certificate(matrix, 0 * matrix, np.ones(2), Range(0, 0, 0), np.array([1.0, -1.0]), np.full(2, 0.5))
    np.testing.assert_allclose(same.answers(np.array([[3.0, 1.0], [0.0, 2.0]])), [[0.5, 0.5], [-1, -1]])


def test_predicted_curve_is_that_of_kernel_regression_on_sampled_strings() -> None:
    templates = family("aba-abb", train_symbols=4096)
    task, sizes, seeds = Label(), (32, 128), range(6)
    learner = KernelRegression(architecture=TRANSFORMER, ridge=1e-3, samples=2**13, by_pattern=True)
    predicted, _ = certificate(templates, infinite(TRANSFORMER, 2**13)).predicted(sizes, 1e-3)

    def examples(language: Templates, seed: int, number: int) -> Examples:
        return task.examples(language.sample(seed, number, hidden=True), language, seed)

    for size, loss in zip(sizes, predicted, strict=True):
        train = [examples(templates, seed, size) for seed in seeds]
        tests = [examples(templates.unseen(), 100 + seed, 64) for seed in seeds]
        fits = trainer_of(learner, task.shape(templates), None).fit(train, tests, tests, list(seeds))
        measured = np.array([one.metrics["test_loss"] for one in fits])
        assert abs(measured.mean() - loss) < 0.08 * loss + 3 * measured.std(ddof=1) / math.sqrt(len(measured))


def test_a_perceptron_s_kernel_cannot_tell_templates_without_regular_tokens_apart() -> None:
    found = certificate(family("aabb-abab"), infinite(perceptron(1, 3)))
    assert found.exact
    assert found.outcome == "does not"
    assert found.coinciding == [(0, 1)]
    assert found.smallest.value == 0
    assert math.isinf(found.strings_needed().value)
    assert np.allclose(found.at_the_end(), 0, atol=1e-12)
    told = Templates(templates=("aα -> 1", "bα -> -1"), wildcards=("α",))  # here the regular tokens tell
    assert certificate(told, infinite(perceptron(1, 3))).outcome == "generalises"


def test_a_singular_matrix_still_serves_labels_in_its_range() -> None:
    same = Templates(templates=("αα -> 1", "αβ -> 1"), wildcards=("α", "β"))
    found = certificate(same, infinite(perceptron(1, 2)))
    assert found.smallest.value == 0
    assert found.outcome == "generalises"
    assert np.allclose(found.at_the_end(), 1)


def test_transformer_is_certified_and_intervals_hold_a_finer_estimate() -> None:
    templates = family("same-different")
    coarse, fine = (certificate(templates, infinite(TRANSFORMER, samples)) for samples in (2**12, 2**17))
    assert coarse.outcome == fine.outcome == "generalises"
    width = coarse.smallest.high - coarse.smallest.low
    assert abs(fine.smallest.value - coarse.smallest.value) < width
    assert fine.smallest.high - fine.smallest.low < width / 3
    assert (np.abs(fine.matrix - coarse.matrix) < 6 * coarse.standard_error).all()
    needed = fine.strings_needed(1e-3)
    by_hand = 2 * (fine.own - np.diag(fine.matrix) + 1e-3).max() / np.linalg.svd(fine.matrix)[1][-1]
    assert needed.value == pytest.approx(by_hand)
    assert needed.low < needed.value < needed.high


def test_without_positions_order_is_not_seen_and_the_certificate_says_open() -> None:
    found = certificate(family("aba-abb"), infinite(template_transformer(1, 4.0, 0.0), 2**12))
    assert found.outcome == "open"
    assert found.smallest.low <= 0 <= found.smallest.high
    assert math.isinf(found.strings_needed().high)


def test_half_of_the_slowest_direction_is_learned_at_the_strings_needed() -> None:
    matrix = np.array([[1.0, 0.9], [0.9, 1.0]])
    found = Certificate(
        matrix, 0 * matrix, np.full(2, 1.4), Range(0.1, 0.1, 0.1), np.array([1.0, -1.0]), np.full(2, 0.5)
    )
    needed = found.strings_needed(0.1)
    assert needed.value == pytest.approx(2 * (0.4 + 0.1) / 0.1)
    assert np.allclose(found.answers(np.full(2, needed.value / 2), 0.1), [0.5, -0.5])
    assert np.allclose(found.answers(np.full(2, 1e9), 0.1), [1, -1], atol=1e-6)


def test_only_renaming_symbols_position_by_position_leaves_a_perceptron_s_kernel_alone() -> None:
    templates = Templates(templates=("αaα -> 1", "αaβ -> -1"))
    assert positionwise_change(infinite(perceptron(1, 2)), templates) == 0
    assert positionwise_change(told_equalities(8, 2), templates) > 1e-3
    assert positionwise_change(infinite(TRANSFORMER, 2**12), family("same-different")) > 0.05


def test_a_trained_perceptron_has_the_weights_of_unseen_symbols_that_it_was_drawn_with() -> None:
    """So, position by position, permuting unseen symbols leaves the law of its answers as it is."""
    templates, task = family("same-different", train_symbols=8, test_symbols=8), Label()
    shape, learner = task.shape(templates), Perceptron(width=16, layers=2)
    train, test = (task.examples(templates.sample(seed, 64, hidden=True), templates, seed) for seed in (0, 1))
    short = Training(learning_rate=0.03, batch_size=16, max_steps=4)
    long = Training(learning_rate=0.03, batch_size=16, max_steps=64)
    networks = [fit(learner, shape, training, train, test, test).predictor for training in (short, long)]
    first = [np.asarray(network.first) for network in networks if isinstance(network, Network)]  # pyright: ignore
    assert not np.array_equal(first[0][:, :8], first[1][:, :8])
    assert np.array_equal(first[0][:, 8:16], first[1][:, 8:16])


def test_equality_perceptron_s_kernel_is_the_covariance_of_wide_networks() -> None:
    import jax

    templates, width, number = family("aabb-abab", train_symbols=4, test_symbols=4), 64, 4000
    shape = Label().shape(templates)
    x = templates.sample(0, 6).tokens
    inputs = jax.numpy.asarray(x)
    learner = EqualityPerceptron(width=width, layers=1)

    def outputs(key: jax.Array) -> jax.Array:
        return learner.network(key, shape)(inputs)[:, 0] * width**0.5  # the read-out of kernels is by w^(-1/2)

    drawn = np.asarray(jax.vmap(outputs)(jax.random.split(jax.random.key(0), number)), np.float64)
    expected = told_equalities(templates.vocab, 1)(x, x, 0)
    squares = drawn[:, :, None] * drawn[:, None]
    error = squares.std(0, ddof=1) / math.sqrt(number)
    assert (np.abs(squares.mean(0) - expected) < 5 * error).all()


def test_symbols_as_labels_are_no_numbers_to_predict() -> None:
    found = certificate(family("copying"), infinite(perceptron(1, 2)))
    with pytest.raises(InputError, match="the certificate predicts answers that are numbers"):
        found.predicted([4])


def test_predicted_accuracy_averages_over_all_draws_of_templates() -> None:
    templates = family("same-different")
    found = certificate(templates, told_equalities(8, 2))
    size, labels = 6, templates.labels
    exact = 0.0
    for drawn in itertools.product((0, 1), repeat=size):
        answers = found.answers(np.array([size - sum(drawn), sum(drawn)], float), 1e-3)
        exact += (np.sign(answers) == np.sign(labels)).mean() / 2**size
    _, accuracy = found.predicted([size], 1e-3, draws=4000)
    assert accuracy[0] == pytest.approx(exact, abs=0.03)


def test_a_class_in_place_of_a_kernel_is_refused():
    with pytest.raises(InputError, match=r"kernel='Architecture' cannot be used: it is an architecture.*Make one, as"):
        certificate(family("aabb-abab"), Architecture)  # pyright: ignore[reportArgumentType]
