"""Predictions as values: their parts, where they hold, and the entry point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from syntagma import theory
from syntagma.errors import InputError
from syntagma.languages import DirichletMultinomial, RandomHierarchy
from syntagma.learners import HierarchicalCNN, LocallyConnected, MultiLayerAttention, Perceptron, Transformer
from syntagma.oracles import TreeOracle
from syntagma.theory import exact, excess, reading
from syntagma.theory import hierarchy as laws
from syntagma.theory.prediction import Interpolated, Prediction, Staircase, Stated

LANGUAGE = RandomHierarchy(8, 2, 2, 3, seed=3)


def plateaus_of(language: RandomHierarchy) -> np.ndarray:
    return np.array([float(one) for one in TreeOracle(language).plateaus()])


def test_staircase_steps_at_its_thresholds():
    steps, plateaus = np.array([20.0, 80.0, 160.0]), np.array([2.0, 1.5, 1.1, 1.0])
    curve = Staircase(steps, plateaus)
    np.testing.assert_array_equal(curve(steps), [1.5, 1.1, 1.0])
    np.testing.assert_array_equal(curve(np.nextafter(steps, 0)), [2.0, 1.5, 1.1])
    np.testing.assert_array_equal(curve(np.array([0, 1, 50, 100, 1e12])), [2.0, 2.0, 1.5, 1.1, 1.0])
    waiting = Staircase(np.array([80.0, 20.0, np.inf]), plateaus)  # level 2 waits for level 1, level 3 for ever
    np.testing.assert_array_equal(waiting(np.array([50.0, 90.0, 1e300])), [2.0, 1.1, 1.1])


def test_measured_losses_are_not_extrapolated():
    curve = Interpolated(np.array([10.0, 1000.0]), np.array([2.0, 1.0]))
    np.testing.assert_allclose(
        curve(np.array([0.0, 9.0, 10.0, 100.0, 1000.0, 1001.0])), [np.nan] * 2 + [2, 1.5, 1, np.nan]
    )


@pytest.mark.parametrize(
    ("learner", "kind"),
    [(HierarchicalCNN(), "tuples"), (LocallyConnected(), "tokens"), (MultiLayerAttention(), "tokens")],
)
def test_weight_sharing_chooses_the_correlations(learner, kind):
    found = theory.predict(LANGUAGE, learner)
    plateaus = plateaus_of(LANGUAGE)
    assert theory.covers(LANGUAGE, learner)
    assert found.name == kind
    np.testing.assert_array_equal(found.thresholds.values, exact.thresholds(LANGUAGE, kind))
    np.testing.assert_array_equal(found.plateaus.values, plateaus)
    sizes = np.geomspace(1, 1e6, 50)
    np.testing.assert_array_equal(found.at(sizes), reading.reading_curve(LANGUAGE, kind, plateaus)(sizes))
    own = excess.crossings(np.geomspace(1e-2, 1e8, 4000), found.at(np.geomspace(1e-2, 1e8, 4000)), plateaus)
    assert found.exponent.values == pytest.approx(excess.excess_exponent(own, plateaus), rel=1e-2)
    assert {part.regime for part in (found.thresholds, found.plateaus, found.exponent)} == {"exact for this grammar"}
    assert found.holds_at(0.9)
    upper = theory.predict(LANGUAGE, learner, first=2)
    assert upper.exponent.values == pytest.approx(excess.excess_exponent(own, plateaus, 2), rel=1e-2)


def test_the_asymptotic_law_is_a_staircase_between_exact_plateaus():
    found = theory.predict(LANGUAGE, HierarchicalCNN(), "asymptotic law")
    assert found.name == "weight sharing"
    np.testing.assert_allclose(found.thresholds.values, [64 / 3, 256 / 3, 512 / 3])
    assert found.exponent.values == pytest.approx(2.0)
    np.testing.assert_array_equal(found.at(found.thresholds.values), plateaus_of(LANGUAGE)[1:])
    assert found.thresholds.regime == found.exponent.regime == "asymptotic law"
    assert found.plateaus.regime == "exact for this grammar"
    assert [found.holds_at(f) for f in (1 / 8, 0.126, 0.25)] == [True, False, False]
    assert found.thresholds.source == laws.SOURCE
    apart = theory.predict(LANGUAGE, MultiLayerAttention(), "asymptotic law")
    assert (apart.name, float(apart.exponent.values)) == ("no weight sharing", pytest.approx(1.0))


def test_a_reader_predicts_what_it_was_measured_to_reach():
    sizes, losses, plateaus = [1, 10, 100, 1000], [2.0, 1.5, 1.0, 0.76], [2.0, 1.0, 0.6, 0.5]
    found = theory.measured_by_reader("counter", sizes, losses, plateaus)
    assert found.thresholds.regime == found.exponent.regime == "reader's measurement"
    np.testing.assert_allclose(found.thresholds.values[0], 10.0)
    assert 100 < found.thresholds.values[1] < np.inf
    assert np.isposinf(found.thresholds.values[2])
    expected = excess.excess_exponent(found.thresholds.values, plateaus, 1, 2)
    assert found.exponent.values == pytest.approx(expected)
    assert found.at(100) == pytest.approx(1.0)
    assert np.isnan(found.at(2000))
    assert "counter" in found.thresholds.source
    assert found.holds_at(1.0)
    early = theory.measured_by_reader("counter", [1, 10], [1.99, 1.98], plateaus)
    assert np.isnan(early.exponent.values)


def test_a_prefactor_moves_the_curve_and_nothing_else():
    found = theory.predict(LANGUAGE, HierarchicalCNN())
    moved, sizes = found.stretched(5.0), np.geomspace(1, 1e5, 20)
    np.testing.assert_array_equal(moved.at(5 * sizes), found.at(5 * sizes / 5.0))
    np.testing.assert_array_equal(moved.thresholds.values, 5 * found.thresholds.values)
    assert moved.exponent is found.exponent
    assert moved.plateaus is found.plateaus


def test_the_mean_over_grammars():
    drawn = [RandomHierarchy(8, 3, 2, 3, seed=seed) for seed in range(3)]
    parts = [theory.predict(language, HierarchicalCNN()) for language in drawn]
    found, sizes = theory.average(parts), np.geomspace(10, 1e4, 7)
    np.testing.assert_allclose(found.at(sizes), np.mean([one.at(sizes) for one in parts], axis=0))
    np.testing.assert_allclose(found.thresholds.values, exact.mean_thresholds(drawn, "tuples"))
    np.testing.assert_allclose(found.plateaus.values, np.mean([plateaus_of(x) for x in drawn], axis=0))
    assert found.exponent.values == pytest.approx(np.mean([one.exponent.values for one in parts]))
    assert found.thresholds.regime == "exact for this grammar"
    other = theory.predict(LANGUAGE, MultiLayerAttention())
    law = theory.predict(LANGUAGE, HierarchicalCNN(), "asymptotic law").stretched(1.0)
    for wrong, message in (
        ([], "nothing to average"),
        ([parts[0], other], r"predictions=\['tokens', 'tuples'\]"),
        ([parts[0], replace(law, name="tuples")], "regimes and sources differ"),
    ):
        with pytest.raises(InputError, match=message):
            theory.average(wrong)


def test_without_correlations_nothing_is_learnt():
    language = RandomHierarchy(4, 4, 2, 3)
    for regime in ("exact for this grammar", "asymptotic law"):
        found = theory.predict(language, HierarchicalCNN(), regime)
        assert np.isposinf(found.thresholds.values).all()
        assert np.isnan(found.exponent.values)
        np.testing.assert_allclose(found.at([1.0, 1e9]), np.log(4))


def test_what_no_theory_covers_is_refused():
    for learner in (Perceptron(), Transformer()):
        assert not theory.covers(LANGUAGE, learner)
        with pytest.raises(InputError, match=r"learner=.*does not tell"):
            theory.predict(LANGUAGE, learner)
        assert theory.predict(LANGUAGE, learner, kind="conditional").name == "conditional"
    assert not theory.covers(DirichletMultinomial(vocab=3, sentence_length=4), HierarchicalCNN())


def test_bad_input_is_named():
    found = theory.predict(LANGUAGE, HierarchicalCNN())
    for ask, message in [
        (lambda: theory.predict(LANGUAGE, HierarchicalCNN(), "exact"), "regime='exact' is unknown"),
        (lambda: theory.predict(LANGUAGE, HierarchicalCNN(), kind="tuple"), "kind='tuple' is unknown.*'tuples'"),
        (lambda: theory.predict(4, HierarchicalCNN()), "language=4 cannot be used"),
        (
            lambda: theory.predict(LANGUAGE, HierarchicalCNN(), "asymptotic law", kind="conditional"),
            "kind='conditional' cannot be used: the asymptotic law is one size",
        ),
        (lambda: found.at([-1.0]), "num_examples=.*0 or more"),
        (lambda: found.at(np.nan), "num_examples=nan"),
        (lambda: found.stretched(0.0), "prefactor=0.0"),
        (lambda: Stated([1.0], "a guess", "nowhere"), "regime='a guess' is unknown"),
    ]:
        with pytest.raises(InputError, match=message):
            ask()


def test_numbers_that_were_stated_stay():
    stated = Stated([1.0, 2.0], "asymptotic law", "arXiv 2505.07070")
    with pytest.raises(ValueError, match="read-only"):
        stated.values[0] = 5.0
    assert isinstance(theory.predict(LANGUAGE, HierarchicalCNN()), Prediction)
    assert set(dir(theory)) == set(theory.__all__)
    with pytest.raises(AttributeError, match="no attribute 'predicts'"):
        _ = theory.predicts
