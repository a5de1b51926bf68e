"""Laws and intervals at the ends of what may be given: the value by 60 digits or by another unit, or one line.

Found by trying: products and powers beyond float64, differences of nearly equal numbers, limits that were absolute.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from syntagma import RandomHierarchy
from syntagma.curves import LearningCurve, PerSeed, combined, jackknife, mean, power_law
from syntagma.curves.tail import welch
from syntagma.errors import InputError
from syntagma.theory import (
    corpus,
    correlations,
    counting,
    excess,
    half_error,
    hierarchy,
    learnability,
    root_class,
    zipf,
)
from syntagma.theory.prediction import Staircase
from syntagma.theory.spectrum import Spectrum

NEARLY_ALL = 2**31, 2**31 - 1  # symbols and rules: all tuples but one are rules
UNITS = (1e-300, 1e-150, 1e-80, 1.0, 1e80, 1e150, 1e290)


def digits(value: Callable[[], Any]) -> float:
    with mpmath.workdps(60):
        return float(value())


@pytest.mark.parametrize("level", [1, 2, 3])
def test_thresholds_where_nearly_all_tuples_are_rules(level: int) -> None:
    v, m = NEARLY_ALL
    power = (1, 3, 4)[level - 1]
    wanted = digits(lambda: mpmath.mpf(v) * mpmath.mpf(m) ** power / (1 - mpmath.mpf(m) / v))
    assert hierarchy.thresholds(v, m, 2, 3, True)[level - 1] == pytest.approx(wanted, rel=1e-14)
    if level == 3:  # the root has v classes, so u_3 = 1
        assert hierarchy.finite_rules_thresholds(v, m, 2, 3, True)[-1] == pytest.approx(wanted, rel=1e-14)
    v, m = 2**53 + 2, 2**53 + 1  # whose ratio is 1 in float64
    assert np.isfinite(hierarchy.thresholds(v, m, 2, 3, True)).all()


def test_the_share_left_at_the_root_is_that_of_its_own_classes() -> None:
    assert hierarchy.finite_rules_thresholds(9, 3, 2, 2, True, num_classes=27)[-1] == math.inf  # v / n_c = f exactly
    v, m, classes = 2**40, 2**20 - 1, 2**60
    wanted = digits(lambda: v * mpmath.mpf(m) ** 3 / (mpmath.mpf(v) / classes - mpmath.mpf(m) / v))
    assert hierarchy.finite_rules_thresholds(v, m, 2, 2, True, classes)[-1] == pytest.approx(wanted, rel=1e-14)


def test_the_exponent_of_the_loss_where_f_is_nearly_1_or_nearly_0() -> None:
    v, m = NEARLY_ALL
    wanted = digits(lambda: -mpmath.log(mpmath.mpf(m) / v) / mpmath.log(m))
    assert hierarchy.scaling_exponent(v, m, 2, True) == pytest.approx(wanted, rel=1e-14)
    assert hierarchy.scaling_exponent(2, 2, 900, True) == pytest.approx(898, rel=1e-14)


@pytest.mark.parametrize(
    "call",
    [
        lambda: hierarchy.sparsity(2, 1, 10**12),
        lambda: hierarchy.thresholds(16, 2, 2, 10**12, True),
        lambda: hierarchy.finite_rules_thresholds(16, 2, 2, 10**12, True),
        lambda: hierarchy.scaling_exponent(2, 2, 10**12, True),
        lambda: hierarchy.scaling_exponent(2, 3, 2, True),
        lambda: hierarchy.class_sample_complexity(8, 3, 10**12),
        lambda: correlations.leading_squared_covariance(2**60, 2**60 - 1, 2, 10),
        lambda: correlations.marginal_norms(1, 2, 3, 0.5, 1),
        lambda: correlations.marginal_norms(2, 10**12, 3, 0.5, 1),
        lambda: correlations.squared_covariance(1, 1, 2, 2, 1),
        lambda: corpus.forecast(1e308, 1e-300),
        lambda: corpus.collapse(np.array([1.0, 2.0]), np.array([1e-200, 1.0]), 2.0, 1.0),
        lambda: corpus.collapse(np.array([1.0, 2.0]), np.array([1e200, 1.0]), 2.0, 1.0),
        lambda: Spectrum([1.7e308, 1.7e308], [1, 5]),
        lambda: Spectrum([1e200, 1.0], [1e150, 5]),
        lambda: learnability.solve(Spectrum([1.0], [1]), np.ones(1), 1e301),
        lambda: learnability.solve(Spectrum([1.0], [1]), np.ones(1), 0.1).errors([1e308], 1e308),
        lambda: LearningCurve([1, 2], [[1.7e308, 1.0]]).above(-1.7e308),
        lambda: mean([1.0, 2.0]).at(1.0),
        lambda: mean([1.0, 2.0]).at(-0.5),
        lambda: mean([1.0, 2.0]).scaled(0.0),
        lambda: PerSeed.exact([1.0, 2.0], log=True).interval().scaled(-1.0),
        lambda: mean([1.0, 2.0]).near(1.0, -0.1),
    ],
)
def test_what_has_no_number_is_refused_in_one_line(call: Callable[[], object]) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(("v", "m"), [(2**21, 2**20), (2**10, 2**10 - 1), (2**26, 3)])
def test_the_refined_covariance_of_tiny_grammars_chances_is_not_taken_for_none(v: int, m: int) -> None:
    """At the root, from the formulas of the module: M_2 is far below 1e-12 there."""

    def by_hand() -> Any:
        share, weight = mpmath.mpf(v) ** -2, 1 / mpmath.mpf(m) / v
        second = weight - share
        third = weight**2 - 3 * weight * share + 2 * share**2
        variance = weight  # and r = 0 at s = 2, less 1 / v^2
        return (mpmath.mpf(v) - 1) / (v + 1) * (variance - share) * (1 + second - 2 * third / second) / v**2

    assert correlations.squared_covariance(v, m, 2, 1, 1) == pytest.approx(digits(by_hand), rel=1e-5)
    assert correlations.squared_covariance(v, v, 2, 1, 1) == 0.0


@pytest.mark.parametrize("scale", [1e-60, 1.0, 1e60, 1e290])
@pytest.mark.parametrize("height", [1e-300, 1.0, 1e290])
def test_a_decay_to_a_limit_in_any_units(scale: float, height: float) -> None:
    steps = np.geomspace(1, 100, 12)
    limit, amplitude, exponent = corpus.decay_to_limit(scale * steps, height * (0.4 + 0.5 * steps**-0.5))
    assert [limit / height, exponent] == pytest.approx([0.4, 0.5], rel=1e-4)
    wanted = digits(lambda: mpmath.mpf(height) / 2 * mpmath.sqrt(scale))  # infinite, or 0, beyond float64
    assert amplitude == pytest.approx(wanted, rel=1e-3, abs=0)


def test_texts_in_any_units() -> None:
    assert corpus.forecast(1e308, 1e308) == 0.5
    x, factor = corpus.collapse(np.array([1e300, 0.0]), np.array([1e200, 2.0]), 0.1, 1.0)
    assert x == pytest.approx([1e-100, 0.0], rel=1e-11)
    assert factor == pytest.approx([1e20, 2**0.1], rel=1e-11)
    close = np.array([1e300, np.nextafter(1e300, 2e300), 2e300])
    assert 0 < corpus.scatter(close, np.array([1.0, 2.0, 3.0])) < 1
    assert math.isnan(corpus.power_exponent(close[:2], np.array([1.0, 2.0])))
    assert corpus.power_exponent(np.array([1e-300, 1e300]), np.array([1e300, 1e-300])) == pytest.approx(1.0)
    assert zipf.share_left(np.array([0.0, 1e308]), 1.0, 4, 1e-300) == pytest.approx([1.0, 0.0])


def test_blocks_seen_by_few_sentences_and_of_deep_grammars() -> None:
    wanted = digits(lambda: mpmath.mpf("1e-20") * -mpmath.log(mpmath.mpf("0.75")))
    assert counting.seen(1e-20, np.full(4, 0.25), 1.0) == pytest.approx(wanted, rel=1e-14)
    found = counting.thresholds(RandomHierarchy(4, 2, 2, 12))
    assert (np.diff(found[:9]) > 0).all()
    assert np.isinf(found[10:]).all()  # about m^2047


@pytest.mark.parametrize("number", [3, 40])
def test_half_of_the_blocks_are_seen_where_their_number_is_beyond_float64(number: int) -> None:
    """On both sides of the change to the limit of many blocks, P is in proportion to them."""
    probabilities = np.random.default_rng(number).dirichlet(np.ones(number))
    exact, limit = (counting._half_seen(probabilities, power, 2) for power in (800, 900))
    assert limit / exact == pytest.approx(2.0**100, rel=1e-10)


def test_the_class_error_is_known_to_its_own_precision_where_it_is_tiny() -> None:
    curve = root_class.error_curve(RandomHierarchy(8, 3, 2, 2))
    at = float(curve.needed.max())
    far = curve.unknown(np.array([30 * at, 60 * at]))
    freedom = curve.freedom
    assert freedom is not None
    for size, value in zip((30 * at, 60 * at), far, strict=True):
        parts = [
            digits(lambda x=x, size=size: mpmath.gammainc(freedom / 2, freedom / 2 * size / x, regularized=True))
            for x in curve.needed
        ]
        assert value == pytest.approx(float(np.dot(parts, curve.share)), rel=1e-9)
        assert 0 < value < 1e-20


def test_a_curve_is_looked_at_over_any_range_of_sizes() -> None:
    stairs = Staircase(np.array([1e-200, 1e200]), np.array([2.0, 1.5, 1.1]))
    assert math.isfinite(excess.curve_exponent(stairs, [2.0, 1.5, 1.0], 1e-300, 1e300, 1, 2))
    assert excess.half_way_lines([1.7e308, 1.7e308]) == pytest.approx([1.7e308])
    assert excess.crossings([10, 1000], [np.inf, 1.0], [2.0, 1.0]) == pytest.approx([1000.0])


@pytest.mark.parametrize("unit", UNITS)
def test_kernels_in_any_units_learn_the_same(unit: float) -> None:
    sizes, target = np.array([1.0, 5.0, 20.0, 40.0]), np.array([1.0, 0.5, 0.2])
    values, modes = np.array([3.0, 2.0, 0.5]), [1, 2, 30]
    for ridge in (0.0, 0.1):
        wanted = learnability.solve(Spectrum(values, modes), sizes, ridge).errors(target).test
        found = learnability.solve(Spectrum(unit * values, modes), sizes, unit * ridge).errors(target).test
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    few = Spectrum(unit * np.array([1.0, 0.1]), [1, 63])
    half = half_error.half_error(few, np.array([0.0, 1.0]), 0.02 * unit)
    assert half == pytest.approx(half_error.half_error(Spectrum([1.0, 0.1], [1, 63]), np.array([0.0, 1.0]), 0.02))
    assert half == pytest.approx(half_error.half_error(few, np.array([0.0, unit]), 0.02 * unit))  # of any variance


def test_more_examples_than_any_ridge_leaves_are_least_squares() -> None:
    solved = learnability.solve(Spectrum([1.0, 0.5], [1, 5]), np.array([1e300]), 1e-300)
    assert solved.errors([1.0, 1.0]).test == pytest.approx([0.0])
    assert solved.free == pytest.approx([1e300])


@pytest.mark.parametrize("unit", UNITS)
def test_intervals_in_any_units(unit: float) -> None:
    values, others = np.array([1.0, 2.0, 3.5]), np.array([1.0, 1.1, 1.3])
    ours, wanted = mean(unit * values), mean(values)
    assert [ours.value, ours.low, ours.high] == pytest.approx(
        [unit * wanted.value, unit * wanted.low, unit * wanted.high], rel=1e-12, abs=0
    )
    both, wanted = combined([1, -1], [ours, mean(unit * others)]), combined([1, -1], [wanted, mean(others)])
    assert [both.low / unit, both.high / unit] == pytest.approx([wanted.low, wanted.high], rel=1e-12)
    means = jackknife(lambda seeds: float((unit * values)[seeds].mean()), 3)
    assert [means.low / unit, means.high / unit] == pytest.approx([mean(values).low, mean(values).high], rel=1e-12)
    low, high = np.array([1.0, 2.0, 3.0, 3.0]), np.array([1.0, 2.0, np.inf, np.inf])
    censored, wanted = PerSeed(unit * low, unit * high).interval(), PerSeed(low, high).interval()
    assert censored.low / unit == pytest.approx(wanted.low, rel=1e-6)


def test_degrees_of_freedom_do_not_depend_on_the_unit() -> None:
    wanted = welch([(1.0, 2.0), (2.0, 5.0)])
    for unit in UNITS:
        error, freedom = welch([(unit, 2.0), (2 * unit, 5.0)])
        assert (error / unit, freedom) == pytest.approx(wanted, rel=1e-14)
    assert welch([(0.0, 2.0), (0.0, 5.0)]) == (0.0, 2.0)


def test_intervals_at_the_end_of_float64() -> None:
    assert mean([1.7e308, 1.7e308]).value == 1.7e308
    huge = PerSeed.exact([1.5e308, 1.6e308], log=True).interval()
    assert huge.value == pytest.approx(1.5491933384829668e308, rel=1e-11)
    assert "beyond" in combined([1e308, 1e308], [mean([1.0, 2.0])] * 2).reason
    for statistic in (lambda seeds: float(np.mean(seeds)) - 1, lambda seeds: 0.0, lambda seeds: math.inf):
        assert jackknife(statistic, 3, log=True).reason == "it is not defined for these seeds"
    same = PerSeed.exact([1.0, 1.1], log=True).interval()
    assert power_law([1e-300, 1e300], [same, same]).value == pytest.approx(0.0, abs=1e-15)


def test_an_infinite_loss_bounds_a_crossing_and_has_no_slope() -> None:
    curve = LearningCurve([100, 200, 400], [[math.inf, 1.0, 0.5], [3.0, 1.0, 0.5]])
    low, high = curve.crossings(2.0).low, curve.crossings(2.0).high
    assert (np.exp(low[0]), np.exp(high[0])) == pytest.approx((100, 200))
    assert low[1] == high[1]
    assert "a seed's loss is infinite" in curve.slope().reason
    assert curve.slope(within=(200, 400)).value == pytest.approx(1.0)
    assert LearningCurve([1, 2, 4], [[4e-300, 2e-300, 1e-300]] * 2).slope().value == pytest.approx(1.0)
