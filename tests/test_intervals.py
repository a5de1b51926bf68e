"""Intervals: against Student and Welch by hand, under invariances, with bounds, and their measured coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from syntagma.curves import Interval, PerSeed, combined, format_interval, jackknife, mean, power_law, unmeasured
from syntagma.curves.coverage import QUANTITIES, coverage
from syntagma.curves.tail import censored_mean
from syntagma.errors import InputError

numbers = st.lists(st.floats(-5, 5, allow_nan=False), min_size=2, max_size=9)


@given(numbers)
def test_the_mean_has_students_interval(values: list[float]) -> None:
    interval, error = mean(values), scipy.stats.sem(values)
    half = scipy.stats.t.ppf(0.975, len(values) - 1) * error
    assert interval.value == pytest.approx(np.mean(values), abs=1e-12)
    assert (interval.low, interval.high) == pytest.approx((np.mean(values) - half, np.mean(values) + half), abs=1e-9)


@given(numbers, st.floats(-6, 6))
def test_the_p_value_is_students_and_decides_whether_the_interval_holds_a_number(
    values: list[float], number: float
) -> None:
    interval = mean(values)
    if interval.high - interval.low < 1e-9:
        return
    expected = scipy.stats.ttest_1samp(values, number).pvalue
    assert interval.p_value(number) == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert interval.holds(number) == (interval.p_value(number) >= 0.05) or abs(interval.p_value(number) - 0.05) < 1e-9


@given(numbers, st.floats(0.1, 10))
def test_a_scale_in_another_unit_is_the_same_interval_in_that_unit(values: list[float], factor: float) -> None:
    scale = np.exp(np.array(values))
    ours, other = (
        PerSeed.exact(scale, log=True).interval().scaled(factor),
        PerSeed.exact(factor * scale, log=True).interval(),
    )
    assert [ours.value, ours.low, ours.high] == pytest.approx([other.value, other.low, other.high], rel=1e-9)


@given(numbers, st.randoms(use_true_random=False))
def test_the_order_of_seeds_does_not_matter(values: list[float], random: object) -> None:
    mixed = list(values)
    random.shuffle(mixed)  # pyright: ignore
    assert mean(mixed).low == pytest.approx(mean(values).low, abs=1e-9)


def test_independent_groups_are_welchs() -> None:
    a, b = [2.0, 2.4, 2.1, 2.9], [1.0, 1.9, 1.2]
    difference = combined([1.0, -1.0], [mean(a), mean(b)])
    test = scipy.stats.ttest_ind(a, b, equal_var=False)
    low, high = test.confidence_interval(0.95)
    assert (difference.low, difference.high) == pytest.approx((low, high), rel=1e-9)
    assert difference.p_value(0.0) == pytest.approx(test.pvalue, rel=1e-9)


def test_the_exponent_is_least_squares_in_logarithms_with_the_errors_of_the_groups() -> None:
    groups = [PerSeed.exact(values, log=True).interval() for values in ([3.9, 4.2], [9.5, 8.6], [15.0, 17.5])]
    exponent = power_law([2, 3, 4], groups)
    assert exponent.value == pytest.approx(np.polyfit(np.log([2, 3, 4]), [np.log(g.value) for g in groups], 1)[0])
    assert exponent.low < exponent.value < exponent.high


def test_without_bounds_the_censored_mean_is_students() -> None:
    values = np.array([1.0, 2.0, 4.0, 4.5])
    tail = censored_mean(values, np.zeros(4, bool), -1)
    assert tail.centre == pytest.approx(values.mean(), abs=1e-6)
    assert tail.error == pytest.approx(values.std(ddof=1) / 2, rel=1e-4)


def test_the_censored_mean_is_where_the_likelihood_is_largest() -> None:
    values, bounded = np.array([0.0, 0.5, 0.2, 0.8, 0.8]), np.array([False, False, False, True, True])
    tail = censored_mean(values, bounded, -1)

    def loss(parameters: np.ndarray) -> float:
        centre, log_spread = parameters
        normal = scipy.stats.norm(centre, math.exp(log_spread))
        return -float(np.where(bounded, normal.logsf(values), normal.logpdf(values)).sum())

    best = scipy.optimize.minimize(loss, [0.5, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    assert tail.centre == pytest.approx(best.x[0], abs=1e-5)
    mirrored = censored_mean(-values, bounded, +1)
    assert (mirrored.centre, mirrored.error) == pytest.approx((-tail.centre, tail.error))


def test_a_seed_that_is_not_reached_opens_its_end_and_is_not_dropped() -> None:
    known = PerSeed(np.log([100.0, 110.0, 105.0]), np.log([100.0, 110.0, 105.0]), log=True).interval()
    one_open = PerSeed(
        np.log([100.0, 110.0, 105.0, 400.0]), np.array([*np.log([100.0, 110.0, 105.0]), np.inf]), log=True
    )
    interval = one_open.interval()
    assert interval.bounded
    assert not interval.measured
    assert interval.high == math.inf
    assert interval.low < known.low
    assert interval.p_value(1e9) == 1.0
    assert power_law([2, 3], [known, interval]).upper is None
    assert power_law([2, 3], [interval, known]).lower is None
    below = PerSeed(np.array([-np.inf, 1.0, 1.1]), np.array([0.5, 1.0, 1.1]), log=True).interval()
    assert below.low == 0.0
    assert "begin beyond" in below.reason


def test_where_no_seed_reaches_the_line_the_closed_end_is_a_grid_step_inside() -> None:
    ends = np.full(3, math.log(1600.0))
    interval = PerSeed(ends, np.full(3, np.inf), True, math.log(2)).interval()
    assert interval.low == pytest.approx(1600 / 2 ** (1.6448536269514722 / 1.959963984540054))
    assert format_interval(interval) == "more than 1,600 [894, open]"


def test_one_seed_has_no_interval() -> None:
    interval = mean([2.0])
    assert (interval.low, interval.high, interval.num_seeds) == (-math.inf, math.inf, 1)
    assert format_interval(interval) == "2 (one seed: no interval)"


def test_numbers_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="a seed's number is missing"):
        mean([1.0, math.nan])
    with pytest.raises(InputError, match="a scale is above 0"):
        PerSeed.exact([1.0, 0.0], log=True)
    with pytest.raises(InputError, match="two sizes that differ"):
        power_law([3, 3], [mean([1.0, 2.0])] * 2)
    with pytest.raises(InputError, match="no scales"):
        power_law([2, 3], [mean([1.0, 2.0])] * 2)


def test_what_is_made_of_something_unmeasured_is_unmeasured_with_the_reason() -> None:
    made = combined([1, 1], [mean([1.0, 2.0]), unmeasured("not trained yet")])
    assert math.isnan(made.value)
    assert format_interval(made) == "not measured: not trained yet"


def test_the_caveat_of_a_part_goes_with_the_whole() -> None:
    part = PerSeed(np.zeros(3), np.zeros(3), True, caveat="1 run diverged")
    assert (part / part).interval().caveat == "1 run diverged"
    assert combined([1, -1], [part.interval(), part.interval()], log=True).caveat == "1 run diverged"


def test_the_jackknife_of_a_mean_is_students() -> None:
    values = np.array([1.0, 2.5, 2.0, 4.0])
    ours, students = jackknife(lambda seeds: float(values[seeds].mean()), 4), mean(values)
    assert (ours.low, ours.high) == pytest.approx((students.low, students.high))


def test_an_interval_says_itself() -> None:
    assert str(PerSeed.exact([2.0, 2.4, 2.1], log=True).interval()) == "2.16 [1.71, 2.73]"
    assert isinstance(mean([1.0, 2.0]), Interval)


@pytest.mark.parametrize("num_seeds", [3, 5, 12])
@pytest.mark.parametrize("name", QUANTITIES)
def test_intervals_cover(name: str, num_seeds: int) -> None:
    """From 300 repeats, within three standard errors of 92 to 98 %; resampled seeds cover 68 % at 3 seeds."""
    assert 0.92 - 0.05 <= coverage(name, num_seeds, 300) <= 0.98 + 0.02


@pytest.mark.slow
@pytest.mark.parametrize("num_seeds", [3, 5, 12])
@pytest.mark.parametrize("name", QUANTITIES)
def test_intervals_cover_92_to_98_percent(name: str, num_seeds: int) -> None:
    assert 0.92 <= coverage(name, num_seeds, 2000) <= 0.98
