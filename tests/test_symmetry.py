"""The symmetric part of covariances against brute force, and its measurement against exactly known sources."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.languages import CategoricalMixture, DirichletMultinomial, RandomHiddenMarkov, Text
from syntagma.statistics import symmetry
from syntagma.statistics.blocks import student_reach, unbiased_product
from syntagma.statistics.symmetry import (
    exact_covariance,
    exact_symmetry,
    measured_symmetry,
    position_sorted,
    shuffled,
    symmetric_part,
)

SHARED = Path(__file__).parents[2] / "shared" / "data"
URN = DirichletMultinomial(vocab=3, sentence_length=4, concentration=(0.5, 1.0, 1.5))
MARKOV = RandomHiddenMarkov(
    vocab=3, sentence_length=5, states=3, transition_concentration=0.2, emission_concentration=0.3, seed=2
)


def permutation_average(covariance: np.ndarray) -> np.ndarray:
    orders = list(itertools.permutations(range(len(covariance))))
    return np.mean([covariance[np.ix_(order, range(3), order, range(3))] for order in orders], axis=0)


def whole(same: np.ndarray, between: np.ndarray, length: int) -> np.ndarray:
    """A delta_ij + B (1 - delta_ij)."""
    eye = np.eye(length)[:, None, :, None]
    return eye * same[:, None] + (1 - eye) * between[:, None]


def test_projection_is_the_average_over_all_permutations():
    covariance = exact_covariance(MARKOV)
    expected = permutation_average(covariance)
    np.testing.assert_allclose(whole(*symmetric_part(covariance), 5), expected, atol=1e-15)
    found = exact_symmetry(MARKOV)
    assert found.fraction.value == pytest.approx(np.sum(expected**2) / np.sum(covariance**2), rel=1e-12)
    assert found.plain_fraction == pytest.approx(found.fraction.value, rel=1e-12)
    off = ~np.eye(5, dtype=bool)
    between = np.sum(expected.transpose(0, 2, 1, 3)[off] ** 2) / np.sum(covariance.transpose(0, 2, 1, 3)[off] ** 2)
    assert found.fraction_between.value == pytest.approx(between, rel=1e-12)
    assert 0.05 < found.fraction_between.value < found.fraction.value < 0.99  # a case with something to measure
    assert found.interval(found.fraction) == (found.fraction.value, found.fraction.value)


def test_exact_covariance_by_enumeration():
    strings = np.array(list(itertools.product(range(3), repeat=4)))
    for language in (URN, MARKOV.model_copy(update={"sentence_length": 4})):
        weights, hot = np.exp(language.log_prob(strings)), np.eye(3)[strings].reshape(81, 12)
        centred = hot - weights @ hot
        expected = (centred.T * weights) @ centred
        np.testing.assert_allclose(exact_covariance(language).reshape(12, 12), expected, atol=1e-14)


def test_eigenvalues_of_a_symmetric_source_and_their_multiplicities():
    found = exact_symmetry(URN)
    assert found.fraction.value == pytest.approx(1.0, abs=1e-13)
    spectrum = np.linalg.eigvalsh(exact_covariance(URN).reshape(12, 12))
    predicted = [e.value for e in found.trivial] + [0.0]  # v - 1 and the vector of ones
    predicted += [m.eigenvalue.value for m in found.standard for _ in range(3)] + [0.0] * 3
    np.testing.assert_allclose(np.sort(predicted), spectrum, atol=1e-14)
    for multiplet in found.standard:
        np.testing.assert_allclose(multiplet.eigenvalues, multiplet.eigenvalue.value, atol=1e-14)
        assert abs(multiplet.variance.value) < 1e-15
        assert multiplet.splitting < 1e-6


def test_a_multiplet_splits_as_perturbation_theory_says():
    """Eigenvalues of C + small * D move by those of D restricted to the multiplet, to first order."""
    base, small = exact_covariance(URN), 1e-5
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((12, 12))
    disturbed = base.reshape(12, 12) + small * (noise + noise.T)

    same, between = symmetric_part(disturbed.reshape(4, 3, 4, 3))
    directions = symmetry._directions(same - between)
    spectrum = np.linalg.eigvalsh(disturbed)
    for direction in directions.T:
        compressed = np.einsum("a,iajb,b->ij", direction, disturbed.reshape(4, 3, 4, 3), direction)
        multiplet = symmetry._multiplet(compressed[None])
        for value in multiplet.eigenvalues:
            assert np.abs(spectrum - value).min() < 1e-7  # second order; the first is 100 times that
        assert multiplet.variance.value == pytest.approx(multiplet.eigenvalues.var(), rel=1e-6)
        assert multiplet.eigenvalue.value == pytest.approx(multiplet.eigenvalues.mean(), rel=1e-12)
        assert multiplet.variance.value > small**2


def test_norms_are_the_products_of_different_blocks():
    """The definition, with every C_b written out by np.cov."""
    windows = MARKOV.sample(0, 207).tokens
    found = measured_symmetry(windows, 3, blocks=4)
    hot = np.eye(3)[windows[:204]].reshape(4, 51, 15)
    covariances = [np.cov(block.T) for block in hot]
    projected = [permutation_average(c.reshape(5, 3, 5, 3)).reshape(15, 15) for c in covariances]

    def ratio(kept: list[int]) -> float:
        pairs = list(itertools.permutations(kept, 2))
        return sum(np.sum(projected[a] * projected[b]) for a, b in pairs) / sum(
            np.sum(covariances[a] * covariances[b]) for a, b in pairs
        )

    assert found.fraction.value == pytest.approx(ratio([0, 1, 2, 3]), rel=1e-10)
    without = np.array([ratio([b for b in range(4) if b != left]) for left in range(4)])
    assert found.fraction.standard_error == pytest.approx(np.sqrt(3 / 4 * np.sum((without - without.mean()) ** 2)))
    mean = np.mean(covariances, axis=0)
    symmetric = np.mean(projected, axis=0)
    assert found.plain_fraction == pytest.approx(np.sum(symmetric**2) / np.sum(mean**2), rel=1e-10)
    same, between = symmetric_part(mean.reshape(5, 3, 5, 3))
    standard = [multiplet.eigenvalue for multiplet in found.standard]
    for estimates, matrix in ((found.trivial, same + 4 * between), (standard, same - between)):
        expected = np.linalg.eigvalsh(matrix)
        expected = np.delete(expected, np.abs(expected).argmin())[::-1]
        np.testing.assert_allclose([e.value for e in estimates], expected, rtol=1e-9)
    total = sum(e.value for e in found.trivial) + 4 * sum(m.eigenvalue.value for m in found.standard)
    assert total == pytest.approx(np.trace(mean))


@pytest.mark.parametrize("language", [URN, CategoricalMixture(vocab=3, sentence_length=4)], ids=["urn", "independent"])
def test_exchangeable_sources_have_fraction_one_within_the_interval(language):
    """The sampling floor alone would keep it well below: few windows, 40 times, 95 percent intervals."""
    results = [measured_symmetry(language.sample(seed, 400).tokens, 3) for seed in range(40)]
    held = [low <= 1 <= high for low, high in (r.interval(r.fraction) for r in results)]
    assert sum(held) >= 34  # binomial(40, 0.95): 34 or fewer in 0.3 percent
    values = np.array([r.fraction.value for r in results])
    assert abs(values.mean() - 1) < 4 * values.std() / np.sqrt(40)
    plain = np.array([r.plain_fraction for r in results])
    assert plain.mean() < 1 - 10 * plain.std() / np.sqrt(40)
    errors = np.sqrt(np.mean([r.fraction.standard_error**2 for r in results]))
    assert 1.0 < errors / values.std() < 2.0  # 2^(1/2) expected: the jack-knife of a degenerate U-statistic


def test_a_markov_source_has_its_exact_fraction_and_splitting():
    exact = exact_symmetry(MARKOV)
    results = [measured_symmetry(MARKOV.sample(seed, 3000).tokens, 3) for seed in range(10)]
    for name in ("fraction", "fraction_between"):
        truth = getattr(exact, name).value
        z = [(getattr(r, name).value - truth) / getattr(r, name).standard_error for r in results]
        assert np.abs(z).max() < 4
        assert abs(np.mean(z)) < 4 / np.sqrt(10)
    for rank in range(2):
        for what in ("eigenvalue", "variance"):
            truth = getattr(exact.standard[rank], what).value
            z = [
                (getattr(r.standard[rank], what).value - truth) / getattr(r.standard[rank], what).standard_error
                for r in results
            ]
            assert np.abs(z).max() < 4.5
            assert abs(np.mean(z)) < 4 / np.sqrt(10)
    assert exact.standard[0].splitting > 0.05


def test_controls_are_the_extremes():
    windows = MARKOV.sample(0, 6000).tokens
    text, flat, steep = (measured_symmetry(w, 3) for w in (windows, shuffled(windows, 0), position_sorted(windows)))
    low, high = flat.interval(flat.fraction)
    assert low <= 1 <= high
    assert steep.fraction.value < text.fraction.value - 10 * text.fraction.standard_error
    assert text.fraction.value < 1 - 10 * text.fraction.standard_error
    np.testing.assert_array_equal(np.sort(shuffled(windows, 0), axis=1), position_sorted(windows))
    assert not np.array_equal(shuffled(windows, 0), shuffled(windows, 1))
    for multiplet in flat.standard:
        assert abs(multiplet.variance.value) < 4 * multiplet.variance.standard_error
    single = np.eye(3)[windows].mean(axis=(0, 1))  # shuffling keeps what the windows hold
    np.testing.assert_allclose(np.eye(3)[shuffled(windows, 0)].mean(axis=(0, 1)), single, rtol=1e-12)


def test_products_of_blocks_are_unbiased_and_those_of_the_mean_are_not():
    """|X|^2 of a known vector from 5 noisy copies, 4000 times, also with each block left out."""
    truth = np.array([1.0, 0.0, -2.0, 0.5])
    copies = truth + np.random.default_rng(0).standard_normal((4000, 5, 4))
    found = [unbiased_product(x @ x.T) for x in copies]
    values, left_out = np.array([v for v, _ in found]), np.array([x for _, x in found])
    for mean, error in ((values.mean(), values.std()), (left_out.mean(), left_out.mean(axis=1).std())):
        assert abs(mean - truth @ truth) < 4 * error / np.sqrt(4000)
    naive = np.sum(copies.mean(axis=1) ** 2, axis=1)
    assert naive.mean() - truth @ truth > 0.7  # 4 / 5 expected
    errors = np.sqrt(np.mean(4 / 5 * np.sum((left_out - left_out.mean(axis=1, keepdims=True)) ** 2, axis=1)))
    assert 1.0 < errors / values.std() < 1.2


def test_student_quantiles():
    """Tables of Student's t, 97.5 percent."""
    for freedom, value in ((3, 3.182), (4, 2.776), (9, 2.262), (19, 2.093), (99, 1.984)):
        assert student_reach(freedom) == pytest.approx(value, abs=0.05 if freedom < 4 else 0.02)


def test_independent_tokens_have_nothing_between_positions():
    found = exact_symmetry(CategoricalMixture(vocab=3, sentence_length=4))
    assert np.isnan(found.fraction_between.value)
    assert found.fraction.value == pytest.approx(1.0)


def test_a_synthetic_text_and_one_token_never_seen(tmp_path):
    path = tmp_path / "text.txt"
    rng = np.random.default_rng(0)
    path.write_text("".join(rng.choice(list("abc "), size=4000)))
    text = Text.read(path, 4)
    found = measured_symmetry(text.windows, text.vocab)
    low, high = found.interval(found.fraction)
    assert low <= 1 <= high
    assert text.names[-1] == "<other>"
    assert len(found.standard) == 4
    assert np.isnan(found.standard[-1].splitting) or found.standard[-1].eigenvalue.value < 1e-10


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared texts are not here")
def test_real_text_lies_between_its_controls():
    text = Text.read(SHARED / "wikitext-2-valid.txt", 8, unit="words", vocab=16)
    windows = text.windows
    found, flat, steep = (
        measured_symmetry(w, text.vocab) for w in (windows, shuffled(windows, 0), position_sorted(windows))
    )
    assert abs(flat.fraction.value - 1) < 4 * flat.fraction.standard_error
    assert steep.fraction.value < 0.5 < 0.85 < found.fraction.value < 1 - 10 * found.fraction.standard_error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"windows": np.zeros((100, 1), int)}, r"windows='int64 array of shape \(100, 1\)' .* T of 2 or more"),
        ({"windows": np.zeros((100, 4))}, "windows='float64 array"),
        ({"windows": np.full((100, 4), 3)}, "windows=3 cannot be used: tokens are 0 to 2"),
        ({"windows": [[0, 1], [1]]}, "windows=.* they differ in length. Give integers"),
        ({"windows": None}, "windows='object array"),
        ({"vocab": 2.5}, "vocab=2.5 cannot be used: it must be a whole number"),
        ({"vocab": 0}, "vocab=0"),
        ({"windows": np.full((100, 4), -1)}, "windows=-1"),
        ({"blocks": 2}, "blocks=2 cannot be used: it must be at least 3"),
        ({"blocks": 60}, "blocks=60 cannot be used: 100 windows give 60 blocks fewer than 2 each"),
        ({"vocab": 5000}, r"vocab=5000 .* it takes 14.9 GiB, and 1 is the limit. Lower vocab or blocks"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(InputError, match=message):
        measured_symmetry(**{"windows": np.zeros((100, 4), int), "vocab": 3, "blocks": 20, **change})


def test_other_wrong_calls_are_one_line():
    one = CategoricalMixture(vocab=3, sentence_length=1)
    calls = (
        (lambda: exact_symmetry(one), "sentence_length=1 cannot be used: it takes two positions"),
        (lambda: exact_symmetry("urn"), "language='urn' cannot be used: it must be a language that knows"),
        (lambda: shuffled(np.zeros(4, int), 0), r"windows='int64 array of shape \(4,\)'"),
        (lambda: shuffled(np.zeros((4, 2), int), -1), "seed=-1"),
        (lambda: position_sorted([[0.5, 1.0]]), "windows='float64 array"),
    )
    for call, message in calls:
        with pytest.raises(InputError, match=message):
            call()


@pytest.mark.parametrize(
    ("windows", "vocab"),
    [
        (np.zeros((100, 4), int), 3),
        (np.zeros((100, 4), int), 1),
        (np.tile([0, 1, 0, 1], (100, 1)), 2),
    ],
    ids=["constant", "one symbol", "periodic, in step with the windows"],
)
def test_windows_that_do_not_vary_have_no_fraction(windows, vocab):
    found = measured_symmetry(windows, vocab)
    assert np.isnan([found.fraction.value, found.fraction_between.value, found.plain_fraction]).all()
    assert all(np.isnan(multiplet.splitting) for multiplet in found.standard)
    assert len(found.standard) == vocab - 1


def test_a_periodic_text_out_of_step_has_the_exact_fraction():
    """Windows 0101 and 1010: C is s_i s_j for alternating signs, A = 1 and B = -1/3 in that unit: (1 + 3 / 9) / 4."""
    found = measured_symmetry(np.tile([[0, 1, 0, 1], [1, 0, 1, 0]], (50, 1)), 2, blocks=10)
    assert found.fraction.value == pytest.approx(1 / 3)
    assert found.fraction_between.value == pytest.approx(1 / 9)


def test_a_fraction_that_rests_on_two_blocks_has_no_error():
    windows = np.zeros((100, 4), int)
    windows[:2, 0] = windows[10:12, 0] = [0, 1]
    found = measured_symmetry(windows, 2, blocks=10)
    assert found.fraction.value == pytest.approx(1 / 4)
    assert found.fraction.standard_error == np.inf
    assert found.interval(found.fraction) == (-np.inf, np.inf)
