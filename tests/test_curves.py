"""Thresholds of curves whose crossing is known, and intervals that hold the truth as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from syntagma import curves
from syntagma.curves import Interval, LearningCurve, crossed, power_law, ratio, threshold

PLATEAUS = np.array([2.0, 1.0, 0.2])
SIZES = np.array([10.0, 20.0, 40.0, 80.0, 160.0])


def curve(*losses: list[float], plateaus: np.ndarray = PLATEAUS, sizes: np.ndarray = SIZES) -> LearningCurve:
    return LearningCurve(sizes, np.array(losses), np.tile(plateaus, (len(losses), 1)))


def test_crossing_is_interpolated_in_the_logarithm():
    """Half-way of level 1 is 1.5, of level 2 is 0.6."""
    falling = curve([2.0, 1.8, 1.0, 0.9, 0.1], [2.0, 1.8, 1.0, 0.9, 0.1])
    one, two = threshold(falling, 1), threshold(falling, 2)
    assert one.value == pytest.approx(20 * 2 ** (0.3 / 0.8))
    assert two.value == pytest.approx(80 * 2 ** (0.3 / 0.8))
    for found in (one, two):  # equal seeds: no spread
        assert found.low == pytest.approx(found.value)
        assert found.high == pytest.approx(found.value)
        assert found.reason == ""
    assert crossed(falling, 1)
    assert crossed(falling, 2)


def test_crossing_on_a_measured_size():
    assert threshold(curve([2.0, 1.5, 1.0, 1.0, 1.0]), 1).value == pytest.approx(20)


def test_the_first_crossing_counts():
    assert threshold(curve([2.0, 1.0, 1.8, 1.0, 1.0]), 1).value == pytest.approx(10 * 2**0.5)


def test_losses_and_plateaus_are_averaged_over_seeds():
    """Losses 1.9 and 1.3 average to 1.6 at P = 20; half-way lines 1.6 and 1.4 to 1.5."""
    losses = np.array([[2.2, 1.9, 1.4, 1.2, 1.2], [1.8, 1.3, 1.2, 1.0, 1.0]])
    plateaus = np.array([[2.2, 1.0, 0.2], [1.8, 1.0, 0.2]])
    found = threshold(LearningCurve(SIZES, losses, plateaus), 1)
    assert found.value == pytest.approx(20 * 2 ** (0.1 / 0.3))
    alone = [threshold(LearningCurve(SIZES, losses[[i]], plateaus[[i]]), 1).value for i in (0, 1)]
    assert found.resamples is not None
    np.testing.assert_allclose(np.unique(found.resamples.round(9)), np.sort([*alone, found.value]))
    assert found.low == pytest.approx(min(alone))
    assert found.high == pytest.approx(max(alone))


def test_sizes_that_a_seed_lacks_are_left_out():
    """At P = 20 one seed is missing: the average goes from P = 10 to 40 in one step."""
    complete = curve([2.0, 1.8, 1.2, 1.0, 1.0], [2.0, math.nan, 1.2, 1.0, math.nan])
    assert threshold(complete, 1).value == pytest.approx(10 * 4 ** (0.5 / 0.8))


def test_one_seed_has_no_interval():
    found = threshold(curve([2.0, 1.8, 1.0, 0.9, 0.1]), 1)
    assert found.reason == "one seed: no interval"
    assert found.low == pytest.approx(found.value)
    assert found.high == pytest.approx(found.value)


def test_not_reached_is_more_than_the_largest_size():
    """Also where no resample reaches it; where some do, the interval starts at them."""
    never = threshold(curve([2.0, 2.0, 1.9, 1.8, 1.7], [2.0, 2.0, 1.9, 1.7, 1.6]), 1)
    assert (never.value, never.low, never.high, never.bound) == (math.inf, 160, math.inf, 160)
    assert never.reason == "more than 160"
    assert not never.measured
    assert never.holds(1000)
    assert not never.holds(100)
    falling, staying = [2.0, 1.75, 1.25, 1.0, 1.0], [2.0, 2.0, 2.1, 2.1, 2.1]
    some = threshold(curve(falling, staying), 1)
    assert (some.value, some.high, some.bound) == (math.inf, math.inf, 160)
    assert some.low == pytest.approx(20 * 2**0.5)
    assert not crossed(curve(falling, staying), 1)


def test_largest_size_is_that_of_all_seeds():
    found = threshold(curve([2.0, 2.0, 1.9, 1.8, 1.7], [2.0, 2.0, 1.9, math.nan, math.nan]), 1)
    assert (found.value, found.bound) == (math.inf, 40)


def test_below_the_smallest_size():
    before = curve([1.4, 1.0, 1.0, 0.9, 0.9], [1.3, 1.0, 1.0, 0.9, 0.9])
    found = threshold(before, 1)
    assert (found.value, found.low, found.high, found.bound) == (0.0, 0.0, 10.0, 10.0)
    assert found.reason == "less than 10"
    assert not found.measured
    assert crossed(before, 1)


def noisy(generator: np.random.Generator, seeds: int) -> LearningCurve:
    """Straight lines in ln P, each seed shifted: the mean crosses at 40 whatever the number of seeds."""
    shift = generator.normal(0.0, 0.3, size=(seeds, 1))
    losses = 1.5 - 0.5 * np.log(SIZES / 40) / math.log(4) + shift
    return LearningCurve(SIZES, losses, np.tile(PLATEAUS, (seeds, 1)))


def test_intervals_hold_the_truth_as_often_as_they_say(monkeypatch):
    """Percentile bootstrap of a mean of n = 20 normal seeds covers as mean +- 1.96 sqrt((n-1)/n) s / sqrt(n)."""
    monkeypatch.setattr(curves, "RESAMPLES", 400)
    generator = np.random.default_rng(0)
    trials, seeds = 300, 20
    held = sum(threshold(noisy(generator, seeds), 1, seed=trial).holds(40.0) for trial in range(trials))
    expected = 0.929  # P(|t_19| < 1.96 sqrt(19/20)), Student's t with 19 degrees of freedom
    assert abs(held / trials - expected) < 4 * math.sqrt(expected * (1 - expected) / trials)


def test_intervals_are_reproducible_and_narrow_with_more_seeds():
    generator = np.random.default_rng(1)
    few, many = noisy(generator, 10), noisy(generator, 160)
    a, b = threshold(few, 1, seed=3), threshold(few, 1, seed=3)
    assert (a.low, a.high) == (b.low, b.high)
    wide, narrow = (math.log(x.high / x.low) for x in (a, threshold(many, 1)))
    assert 2 < wide / narrow < 8  # 4 for equal spreads


def exact(value: float, spread: float = 0.0, seed: int = 0) -> Interval:
    resamples = value * np.exp(spread * np.random.default_rng(seed).normal(size=500))
    low, high = np.percentile(resamples, [2.5, 97.5])
    return Interval(value, float(low), float(high), "", resamples)


def test_power_law_recovers_its_exponent():
    sizes = np.array([2.0, 3.0, 5.0, 8.0])
    found = power_law(sizes, [exact(7 * m**2.5) for m in sizes])
    assert found.value == pytest.approx(2.5)
    assert found.low == pytest.approx(2.5)
    assert found.high == pytest.approx(2.5)


def test_power_law_interval_is_the_spread_of_least_squares():
    """Slope of independent errors of 0.1 in ln value: standard deviation 0.1 / sqrt(sum of squared deviations)."""
    sizes = np.array([2.0, 4.0, 8.0])
    found = power_law(sizes, [exact(m**3, 0.1, seed=i) for i, m in enumerate(sizes)])
    deviation = 0.1 / math.sqrt(2 * math.log(2) ** 2)
    assert found.resamples is not None
    assert found.resamples.std() == pytest.approx(deviation, rel=4 / math.sqrt(2 * 500))
    assert found.holds(3.0)
    assert found.high - found.low == pytest.approx(2 * 1.96 * deviation, rel=0.25)


def test_power_law_needs_two_measured_values():
    unknown = Interval(math.inf, 160.0, math.inf, "more than 160", np.full(500, np.inf), 160.0)
    found = power_law(np.array([2.0, 3.0, 5.0]), [exact(4.0), unknown, unknown])
    assert math.isnan(found.value)
    assert found.reason == "fewer than two measured thresholds"
    assert power_law(np.array([2.0, 3.0, 4.0]), [exact(4.0), unknown, exact(16.0)]).value == pytest.approx(2.0)


def test_ratio_divides_resample_by_resample():
    below = exact(10.0, 0.5)
    assert below.resamples is not None
    above = Interval(30.0, 0.0, 0.0, "", 3 * below.resamples)
    found = ratio(above, below)
    assert (found.value, found.low, found.high) == pytest.approx((3.0, 3.0, 3.0))


def test_ratio_to_a_value_not_reached():
    below = exact(10.0, 0.1)
    unreached = Interval(math.inf, 160.0, math.inf, "more than 160", np.full(500, np.inf), 160.0)
    found = ratio(unreached, below)
    assert (found.value, found.high, found.bound) == (math.inf, math.inf, 16.0)
    assert found.low == pytest.approx(160 / below.high, rel=0.01)
    assert found.reason == "more than 16.00"
    for nothing in (
        ratio(below, unreached),
        ratio(Interval(0.0, 0.0, 10.0, "less than 10", np.zeros(500), 10.0), below),
    ):
        assert math.isnan(nothing.value)
        assert "than" in nothing.reason


def test_ratio_where_a_few_resamples_do_not_reach():
    below = exact(10.0)
    resamples = np.full(500, 30.0)
    resamples[:100] = np.inf
    found = ratio(Interval(30.0, 30.0, math.inf, "", resamples), below)
    assert (found.value, found.low, found.high) == pytest.approx((3.0, 3.0, math.inf))


def test_another_unit():
    found = exact(10.0, 0.5)
    other = found.times(0.1)
    assert (other.value, other.low, other.high) == pytest.approx((1.0, found.low / 10, found.high / 10))
    assert other.resamples is not None
    assert found.resamples is not None
    np.testing.assert_allclose(other.resamples, found.resamples / 10)
    assert other.holds(1.0)
    assert not other.holds(10.0)


def test_power_law_interval_is_open_where_resamples_miss_a_threshold():
    below = exact(2.0)
    missed = np.full(np.shape(below.resamples), 8.0)
    missed[: len(missed) // 10] = np.inf
    found = power_law(np.array([2.0, 4.0]), [below, Interval(8.0, 8.0, np.inf, "", missed)])
    assert found.value == pytest.approx(2.0)
    assert found.low == pytest.approx(2.0)
    assert found.high == np.inf
