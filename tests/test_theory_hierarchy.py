"""The formulas by hand, and what the two laws share."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.theory import hierarchy as theory


def test_thresholds_by_hand():
    """v = 8, m = 2, s = 2: f = 1/4, so P_1 = 8 * 2 / (3/4)."""
    with_sharing = theory.thresholds(8, 2, 2, 4, weight_sharing=True)
    np.testing.assert_allclose(with_sharing, np.array([8 * 2, 8 * 8, 8 * 16, 8 * 32]) * 4 / 3)
    without = theory.thresholds(8, 2, 2, 4, weight_sharing=False)
    np.testing.assert_allclose(without, np.array([8 * 2, 8 * 8, 8 * 32, 8 * 128]) * 4 / 3)
    ternary = theory.thresholds(4, 3, 3, 2, weight_sharing=False)  # f = 3/16
    np.testing.assert_allclose(ternary, np.array([4 * 3, 4 * 27]) * 16 / 13)


def test_exponents_by_hand():
    assert theory.scaling_exponent(8, 2, 2, weight_sharing=True) == pytest.approx(2.0)  # ln 4 / ln 2
    assert theory.scaling_exponent(8, 2, 2, weight_sharing=False) == pytest.approx(1.0)
    assert theory.scaling_exponent(4, 3, 3, weight_sharing=True) == pytest.approx(math.log(16 / 3) / math.log(3))
    assert theory.scaling_exponent(8, 1, 2, weight_sharing=True) is None
    assert theory.scaling_exponent(8, 8, 2, weight_sharing=True) is None
    assert [theory.threshold_exponent(level, True) for level in (1, 2, 3, 4)] == [1, 3, 4, 5]
    assert [theory.threshold_exponent(level, False) for level in (1, 2, 3, 4)] == [1, 3, 5, 7]


sizes = st.tuples(st.integers(2, 40), st.integers(2, 4)).flatmap(
    lambda vs: st.tuples(st.just(vs[0]), st.integers(1, vs[0] ** (vs[1] - 1) - 1), st.just(vs[1]))
)


@given(sizes=sizes)
def test_laws_coincide_at_two_levels_and_then_differ_by_a_power_of_m(sizes):
    vocab, rules, branching = sizes
    shared, apart = (theory.thresholds(vocab, rules, branching, 6, sharing) for sharing in (True, False))
    np.testing.assert_array_equal(shared[:2], apart[:2])
    for level in range(3, 7):
        assert apart[level - 1] / shared[level - 1] == pytest.approx(float(rules) ** (level - 2))
    assert (np.diff(shared) >= 0).all()


@given(sizes=sizes, sharing=st.booleans())
def test_exponent_is_the_decay_a_level_over_the_growth_a_level(sizes, sharing):
    vocab, rules, branching = sizes
    alpha = theory.scaling_exponent(vocab, rules, branching, sharing)
    if rules == 1:
        assert alpha is None
        return
    assert alpha is not None
    steps = np.diff(np.log(theory.thresholds(vocab, rules, branching, 12, sharing)))[5:]
    decay = math.log(1 / theory.sparsity(vocab, rules, branching))
    np.testing.assert_allclose(decay / steps, alpha, rtol=1e-8)


@pytest.mark.parametrize("sharing", [True, False])
def test_without_correlations_nothing_is_learnt(sharing):
    assert np.isposinf(theory.thresholds(4, 4, 2, 3, sharing)).all()
    prediction = theory.predict(4, 4, 2, 3, sharing, np.array([1.4, 1.4, 1.4, 1.4]))
    assert prediction.exponent is None
    np.testing.assert_array_equal(prediction(np.array([1.0, 1e9])), [1.4, 1.4])


def test_more_rules_than_tuples_are_refused():
    with pytest.raises(InputError, match=r"rules=5 cannot be used: at most vocab\^\(branching-1\) = 4 fit"):
        theory.thresholds(4, 5, 2, 3, True)


def test_sparsity_is_that_of_the_language():
    language = RandomHierarchy(vocab=6, rules=5, branching=3, depth=2)
    assert theory.sparsity(6, 5, 3) == language.sparsity == 5 / 36


def test_staircase_steps_at_its_thresholds():
    plateaus = np.array([2.0, 1.5, 1.1, 1.0])
    prediction = theory.predict(8, 2, 2, 3, True, plateaus)
    assert prediction.law == "weight sharing"
    assert theory.law_name(False) == "no weight sharing"
    np.testing.assert_allclose(prediction.thresholds, [64 / 3, 256 / 3, 512 / 3])
    assert prediction.exponent == pytest.approx(2.0)
    np.testing.assert_array_equal(prediction(prediction.thresholds), [1.5, 1.1, 1.0])
    np.testing.assert_array_equal(prediction(np.nextafter(prediction.thresholds, 0)), [2.0, 1.5, 1.1])
    np.testing.assert_array_equal(prediction(np.array([0, 1, 50, 100, 1e12])), [2.0, 2.0, 1.5, 1.1, 1.0])
