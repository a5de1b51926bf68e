"""The estimator of alpha: exact on self-similar staircases, the same on any grid, and silent about nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.languages import RandomHierarchy
from syntagma.oracles import TreeOracle
from syntagma.theory import exact, excess
from syntagma.theory import hierarchy as laws
from syntagma.theory.prediction import Staircase


@given(f=st.floats(0.05, 0.7), growth=st.floats(1.5, 30.0), levels=st.integers(2, 8))
def test_self_similar_plateaus_give_the_law(f, growth, levels):
    """Plateaus f^l down to 0: E_l = (1 + 1/f) f^l / 2, and the slope is ln(1/f) / ln(growth)."""
    plateaus = np.append(f ** np.arange(levels + 1.0), 0.0)
    thresholds = 7.0 * growth ** np.arange(levels + 1.0)
    expected = math.log(1 / f) / math.log(growth)
    assert excess.excess_exponent(thresholds, plateaus, 1, levels) == pytest.approx(expected, rel=1e-9)
    assert excess.excess_exponent(3 * thresholds, 2 * plateaus, 1, levels) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("sharing", [True, False])
def test_many_levels_of_the_law_give_its_exponent(sharing):
    vocab, rules, depth = 64, 4, 40
    f = laws.sparsity(vocab, rules, 2)
    plateaus = f ** np.arange(depth + 1.0)
    found = excess.excess_exponent(laws.thresholds(vocab, rules, 2, depth, sharing), plateaus, 2, 30)
    assert found == pytest.approx(laws.scaling_exponent(vocab, rules, 2, sharing), rel=0.02)


def test_crossings_by_hand():
    plateaus = [2.0, 1.0, 0.5]
    np.testing.assert_allclose(excess.half_way_lines(plateaus), [1.5, 0.75])
    np.testing.assert_allclose(excess.crossings([10, 1000], [2.0, 1.0], plateaus), [100, np.inf])
    np.testing.assert_allclose(excess.crossings([1, 10, 100], [2.0, 1.0, 0.5], plateaus), [10**0.5, 10**1.5])
    np.testing.assert_allclose(excess.crossings([5, 10], [1.2, 0.6], plateaus), [0, 5 * 2**0.75])
    np.testing.assert_allclose(excess.crossings([1, 2, 3], [2, 1.4, 1.6], plateaus)[0], 2 ** (5 / 6))
    assert np.isnan(excess.crossings([1, 10, 100], [2.0, np.nan, 0.5], plateaus)).all()


def test_the_sizes_between_crossings_do_not_matter():
    steps, plateaus = np.array([20.0, 300.0, 5000.0]), np.array([2.0, 1.2, 0.5, 0.3])
    curve = Staircase(steps, plateaus)
    by_hand = excess.excess_exponent(steps, plateaus)
    for smallest, largest in ((1.0, 1e5), (7.0, 6000.0), (0.01, 1e8)):
        assert excess.curve_exponent(curve, plateaus, smallest, largest) == pytest.approx(by_hand, abs=0.01)


def test_what_was_not_reached_is_not_left_out():
    plateaus = [2.0, 1.2, 0.5, 0.3]
    assert np.isnan(excess.excess_exponent([20, 300, np.inf], plateaus))
    assert np.isnan(excess.excess_exponent([0, 300, 5000], plateaus))
    assert np.isnan(excess.excess_exponent([20, np.nan, 5000], plateaus))
    assert np.isfinite(excess.excess_exponent([20, 300, np.inf], plateaus, last=2))
    assert np.isnan(excess.excess_exponent([20, 300, 5000], [2.0, 1.0, 0.5, 0.5]))  # the last level has no excess
    assert np.isnan(excess.excess_exponent([20, 20, 20], plateaus))


def test_bad_input_is_named():
    for ask, message in [
        (lambda: excess.excess_exponent([20, 300], [2.0, 1.0, 0.5, 0.2]), "last=3 .*up to level 2"),
        (lambda: excess.excess_exponent([20, 300], [2.0, 1.0, 0.5], 2), "first=2 .*two levels, and last=2"),
        (lambda: excess.excess_exponent([20, 300], [2.0, 1.0, 0.5], 0), "first=0 cannot be used"),
        (lambda: excess.excess_exponent([20], [2.0, 1.0]), "first=1 .*two levels"),
        (lambda: excess.crossings([1, 2], [1.0], [2.0, 1.0]), r"losses='shape \(1,\)'"),
        (lambda: excess.crossings([2, 1], [1.0, 2.0], [2.0, 1.0]), "num_examples=.*increase"),
        (lambda: excess.crossings([0, 1], [1.0, 2.0], [2.0, 1.0]), "num_examples=.*above 0"),
    ]:
        with pytest.raises(InputError, match=message):
            ask()


def test_at_four_levels_alpha_is_the_law_only_from_the_second_level_on():
    """v = 16, m = 4, L = 4: the law has 1 with weight sharing; exact plateaus and thresholds 0.64 and 1.04."""
    whole, upper = [], []
    for seed in range(4):
        language = RandomHierarchy(16, 4, 2, 4, seed=seed)
        plateaus = [float(one) for one in TreeOracle(language).plateaus()]
        thresholds = exact.thresholds(language, "tuples")
        whole.append(excess.excess_exponent(thresholds, plateaus))
        upper.append(excess.excess_exponent(thresholds, plateaus, 2))
    assert laws.scaling_exponent(16, 4, 2, True) == pytest.approx(1.0)
    assert np.mean(whole) == pytest.approx(0.64, abs=0.02)
    assert np.mean(upper) == pytest.approx(1.04, abs=0.02)


def test_levels_left_out_do_not_count():
    plateaus, thresholds = [2.0, 1.2, 0.5, 0.3, 0.1], [20, 300, 5000, 9000]
    inner = excess.excess_exponent([np.nan, 300, 5000, np.inf], plateaus, 2, 3)
    assert inner == pytest.approx(excess.excess_exponent(thresholds, plateaus, 2, 3))
    assert inner != pytest.approx(excess.excess_exponent(thresholds, plateaus))
