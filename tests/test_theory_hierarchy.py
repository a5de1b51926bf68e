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
from syntagma.theory.correlations import squared_covariance


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
    assert theory.scaling_exponent(4, 4, 2, sharing) is None
    assert np.isposinf(theory.finite_rules_thresholds(4, 4, 2, 3, sharing)[-1])


def test_finite_rules_by_hand():
    """v = 16, m = 2, L = 3: u = 7/4, 3/2, 1 and f = 1/8."""
    found = theory.finite_rules_thresholds(16, 2, 2, 3, weight_sharing=True)
    np.testing.assert_allclose(found, [16 * 2 / (7 / 4 - 1 / 8), 16 * 8 / (3 / 2 - 1 / 8), 16 * 16 / (1 - 1 / 8)])
    four_classes = theory.finite_rules_thresholds(16, 2, 2, 3, weight_sharing=False, num_classes=4)
    np.testing.assert_allclose(
        four_classes, [16 * 2 / (4 / 4 + 3 / 2 - 1 / 8), 16 * 8 / (4 / 2 + 1 - 1 / 8), 16 * 32 / (4 - 1 / 8)]
    )


@given(sizes=sizes, sharing=st.booleans())
def test_finite_rules_lower_all_thresholds_but_the_last(sizes, sharing):
    vocab, rules, branching = sizes
    finite, law = (f(vocab, rules, branching, 5, sharing) for f in (theory.finite_rules_thresholds, theory.thresholds))
    assert finite[-1] == pytest.approx(law[-1])
    assert (finite[:-1] < law[:-1]).all()
    f = theory.sparsity(vocab, rules, branching)
    if rules > 1:  # 1e-9: 1 - f cancels where f is nearly 1
        assert (finite >= law * (1 - f) / (1 / (1 - 1 / rules) - f) * (1 - 1e-9)).all()


@pytest.mark.parametrize(("kind", "sharing"), [("token", False), ("tuple", True)])
@pytest.mark.parametrize("rules", [2, 3, 8])
def test_finite_rules_are_the_limit_of_many_symbols(kind, sharing, rules):
    """The ensemble's refined signal (`theory.correlations`) at v = 4000, with a floor of 1 sentence, 1 / (v n)."""
    vocab, depth = 4000, 4
    law = theory.finite_rules_thresholds(vocab, rules, 2, depth, sharing)
    for level in range(2, depth + 1):
        signal = squared_covariance(vocab, rules, 2, depth, level, kind)
        entries = vocab**2 * (rules if kind == "tuple" else 1)
        assert law[level - 1] * signal * entries == pytest.approx(1.0, rel=0.01)


def test_more_rules_than_tuples_are_refused():
    with pytest.raises(InputError, match=r"rules=5 cannot be used: at most vocab\^\(branching-1\) = 4 fit"):
        theory.thresholds(4, 5, 2, 3, True)


def test_sparsity_is_that_of_the_language():
    language = RandomHierarchy(vocab=6, rules=5, branching=3, depth=2)
    assert theory.sparsity(6, 5, 3) == language.sparsity == 5 / 36
