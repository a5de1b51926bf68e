"""Learning curves: crossings by hand, bounds, slopes, tables of runs, flags."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syntagma.curves import LearningCurve, power_law, ratio, training_caveat
from syntagma.errors import InputError

SIZES = np.array([100.0, 200, 400, 800, 1600])


def crossing_at(k: int) -> LearningCurve:
    """Two seeds that come below 1 at the k-th size, and a third that never does."""
    step = np.where(np.arange(5) >= k, 0.9, 2.0)
    return LearningCurve(SIZES, np.stack([step, step, np.full(5, 1.9)]))


@given(st.floats(4.7, 7.3), st.floats(0.2, 3))
def test_a_curve_that_is_straight_in_the_logarithm_crosses_where_it_is_half_way(
    centre: float, steepness: float
) -> None:
    losses = 1 - steepness * (np.log(SIZES) - centre)
    crossing = LearningCurve(SIZES, [losses, losses]).crossing(1.0)
    assert crossing.value == pytest.approx(math.exp(centre), rel=1e-9)


def test_each_seed_has_a_line_of_its_own() -> None:
    losses = np.array([[3.0, 2.0, 1.0, 0.5, 0.2]] * 2)
    low, high = LearningCurve(SIZES, losses).crossings([2.5, 0.75]).low
    assert np.exp([low, high]) == pytest.approx([100 * 2**0.5, 400 * 2**0.5])


def test_the_first_crossing_counts() -> None:
    curve = LearningCurve(SIZES, [[2.0, 0.5, 2.0, 0.5, 0.5]])
    assert np.exp(curve.crossings(1.0).low[0]) < 200


def test_a_seed_that_never_crosses_leaves_thresholds_and_exponents_open() -> None:
    thresholds = [crossing_at(k).crossing(1.5) for k in (1, 2, 3)]
    for threshold in thresholds:
        assert threshold.high == math.inf
        assert not threshold.measured
    exponent = power_law([2, 3, 4], thresholds)
    assert exponent.lower is None
    assert exponent.upper is None
    assert "1 of 3 seeds do not come to the line" in str(exponent)


def test_a_seed_that_begins_below_is_known_to_cross_before_the_first_size() -> None:
    crossings = LearningCurve(SIZES, [[0.5] * 5, [2, 0.5, 0.5, 0.5, 0.5]]).crossings(1.0)
    assert crossings.low[0] == -math.inf
    assert crossings.high[0] == pytest.approx(math.log(100))


def test_sizes_that_a_seed_lacks_are_left_out_for_it_alone() -> None:
    losses = np.array([[2.0, np.nan, 0.0, 0.0, 0.0], [2.0, 2.0, 0.0, 0.0, 0.0]])
    low = LearningCurve(SIZES, losses).crossings(1.0).low
    assert np.exp(low) == pytest.approx([200, 400 / 2**0.5])
    assert LearningCurve(SIZES, losses).band().num_examples.tolist() == [100, 400, 800, 1600]


def test_ratios_are_taken_seed_by_seed_where_the_seeds_are_the_same() -> None:
    ours = LearningCurve(SIZES, [[2, 2, 0, 0, 0], [2, 2, 2, 0, 0]])
    other = LearningCurve(SIZES, [[2, 0, 0, 0, 0], [2, 2, 0, 0, 0]])
    paired = ratio(ours, 1.0, other, 1.0)
    assert (paired.value, paired.low, paired.high) == pytest.approx((2, 2, 2))
    apart = ratio(ours, 1.0, LearningCurve(SIZES, other.losses, seeds=(5, 6)), 1.0)
    assert apart.value == pytest.approx(2)
    assert apart.low < 1 < 4 < apart.high


def test_the_slope_is_fitted_over_every_size_or_refused() -> None:
    curve = LearningCurve(SIZES, [1 + SIZES**-0.5, 1 + 3 * SIZES**-0.5])
    assert curve.slope(1.0).value == pytest.approx(0.5)
    slope = LearningCurve(SIZES, [[2, 1.8, 1.05, 0.99, 0.97]] * 3).slope(1.0)
    assert math.isnan(slope.value)
    assert "at 800 examples a seed is at its limit" in slope.reason
    assert LearningCurve(SIZES, [[2, 1.8, 1.05, 0.99, 0.97]] * 3).slope(1.0, within=(0, 400)).measured


def test_excess_is_over_each_seeds_own_limit() -> None:
    curve = LearningCurve(SIZES[:2], [[2.0, 1.0], [3.0, 2.0]]).above([1.0, 2.0])
    assert curve.losses.tolist() == [[1, 0], [1, 0]]


def runs() -> pd.DataFrame:
    rows = [
        {"learner": name, "seed": seed, "num_examples": size, "test_loss": loss + seed, "label": name.upper()}
        for name in ("cnn", "attention")
        for seed in (0, 1)
        for size, loss in ((32, 2.0), (64, 1.0))
    ]
    return pd.DataFrame(rows[:-1])


def test_curves_come_from_a_table_of_runs() -> None:
    curves = LearningCurve.from_runs(runs(), ["learner"])
    assert list(curves) == [("cnn",), ("attention",)]
    assert curves["cnn",].losses.tolist() == [[2, 1], [3, 2]]
    assert curves["attention",].name == "ATTENTION"
    assert np.isnan(curves["attention",].losses[1, 1])


def test_a_diverged_run_before_the_crossing_is_a_caveat() -> None:
    table = runs().assign(diverged=[False, True, *[False] * 5], cut_short=False)
    curves = LearningCurve.from_runs(table, ["learner"])
    assert curves["cnn",].crossing(1.5).caveat == "1 run diverged"
    assert curves["attention",].crossing(1.5).caveat == ""


def test_a_bound_from_a_training_that_was_cut_short_is_a_caveat_and_a_crossing_is_none() -> None:
    cut = np.array([[False, True], [False, True]])
    curve = LearningCurve(SIZES[:2], [[2.0, 1.0], [3.0, 2.0]], cut_short=cut)
    assert "training, not data" in curve.crossing(1.5).caveat
    assert curve.crossing([1.5, 2.5]).caveat == ""


def test_a_crossing_after_a_training_that_was_cut_short_is_a_caveat() -> None:
    """With more training the last loss above the line may have been below it."""
    cut = np.array([[True, False], [False, False]])
    curve = LearningCurve(SIZES[:2], [[2.0, 1.0], [3.0, 2.0]], cut_short=cut)
    assert "training, not data" in curve.crossing([1.5, 2.5]).caveat
    assert LearningCurve(SIZES[:2], curve.losses[1:], cut_short=cut[1:]).crossing(2.5).caveat == ""


def test_slopes_and_final_losses_rest_on_their_sizes() -> None:
    losses, none = [[4.0, 2.0, 1.0], [4.0, 2.0, 1.1]], np.zeros((2, 3), bool)
    first, last = none.copy(), none.copy()
    first[0, 0] = last[1, 2] = True
    for flag in ("diverged", "cut_short"):
        curve = LearningCurve(SIZES[:3], losses, **{flag: first})
        assert curve.slope().caveat
        assert curve.slope(within=(SIZES[1], SIZES[2])).caveat == curve.final().caveat == ""
        assert curve.caveat() == curve.slope().caveat
        curve = LearningCurve(SIZES[:3], losses, **{flag: last})
        assert curve.final().caveat == curve.slope().caveat != ""
        safe = curve.final(below=5.0).caveat == ""
        assert safe == (flag == "cut_short")  # one that was cut short could only be lower
        assert curve.final(below=1.05).caveat
    assert curve.final().value == pytest.approx(1.05)
    assert curve.final().complement().at(0.5) == pytest.approx([1 - end for end in curve.final().at(0.5)][::-1])


def test_a_table_of_runs_says_what_is_wrong_with_them() -> None:
    table = pd.DataFrame({"test_loss": [1.0, 2.0]})
    assert training_caveat(table) == ""
    assert training_caveat(table.assign(diverged=[True, None], cut_short=[None, False])) == "1 run diverged"
    said = training_caveat(table.assign(diverged=True, cut_short=True))
    assert said == "2 runs diverged; training, not data, may have ended the curve"


@pytest.mark.parametrize(
    ("sizes", "losses", "message"),
    [
        ([2, 1], [[1, 1]], "sizes are above 0 and increase"),
        ([1, 2], [[1, 1, 1]], "a column for each size"),
        ([1, 2], [[1, 1], [np.nan, np.nan]], "every seed has a number"),
        ([], [[]], "sizes are above 0"),
    ],
)
def test_what_is_no_curve_is_refused(sizes: list[float], losses: list[list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LearningCurve(np.array(sizes), np.array(losses))


def test_a_curve_shows_itself() -> None:
    assert "<table>" in crossing_at(1)._repr_html_()
