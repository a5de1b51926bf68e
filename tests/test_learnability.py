"""Effective ridge and errors against 60-digit arithmetic, limits, and regression on Gaussian features."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.randomness import stream
from syntagma.theory.learnability import Errors, Learnability, equivalent_kernel, sample_complexity, solve
from syntagma.theory.spectrum import Spectrum

DIGITS = 60


class Exact:
    """The same formulas, as they are written, in decimal arithmetic of 60 digits."""

    def __init__(self, spectrum: Spectrum, num_examples: float, ridge: float) -> None:
        self.values = [Decimal(float(value)) for value in spectrum.eigenvalues]
        self.counts = [Decimal(float(count)) for count in spectrum.multiplicities]
        self.n, self.ridge = Decimal(float(num_examples)), Decimal(ridge)

    def used(self, kappa: Decimal) -> Decimal:
        learned = sum(m * value / (value + kappa) for m, value in zip(self.counts, self.values, strict=True))
        return learned + self.ridge / kappa

    def kappa(self, start: float) -> Decimal:
        """The root, by Newton's steps that a sign change proves; `start` is only where they begin."""
        kappa = Decimal(start)
        for _ in range(8):
            slope = sum(m * v / (v + kappa) ** 2 for m, v in zip(self.counts, self.values, strict=True))
            kappa += (self.used(kappa) - self.n) / (slope + self.ridge / kappa**2)
        assert self.used(kappa * (1 - Decimal("1e-30"))) > self.n > self.used(kappa * (1 + Decimal("1e-30")))
        return kappa

    def test_error(self, kappa: Decimal, target: np.ndarray, noise: float) -> Decimal:
        learned = [value / (value + kappa) for value in self.values]
        squares = sum(m * share**2 for m, share in zip(self.counts, learned, strict=True))
        bias = sum((1 - share) ** 2 * Decimal(float(v)) for share, v in zip(learned, target, strict=True))
        return self.n / (self.n - squares) * (bias + Decimal(noise))


def assert_exact(spectrum: Spectrum, sizes: list[float], ridge: float, precision: float = 1e-12) -> None:
    target = 1.0 / np.arange(1, len(spectrum) + 1) ** 2
    found = solve(spectrum, sizes, ridge)
    tests = found.errors(target, 0.01).test, found.errors(target).test
    with localcontext() as context:
        context.prec = DIGITS
        for i, n in enumerate(sizes):
            exact = Exact(spectrum, n, ridge)
            kappa = exact.kappa(found.kappa[i])
            assert abs(Decimal(found.kappa[i]) / kappa - 1) < precision
            for noise, test in zip((0.01, 0.0), tests, strict=True):
                assert abs(Decimal(test[i]) / exact.test_error(kappa, target, noise) - 1) < precision


@pytest.mark.parametrize("ridge", [0.0, 1e-14])
@pytest.mark.parametrize("decay", [4, 5])
def test_power_laws_up_to_the_number_of_modes(decay: int, ridge: float) -> None:
    modes = 400
    spectrum = Spectrum(np.arange(1.0, modes + 1) ** -decay)
    sizes = [1, 2, 3, 10, 37, 100, 200, 300, 390, 398, 399, 399.5, 399.999]
    assert_exact(spectrum, sizes + ([400, 401, 1000] if ridge else []), ridge)


@pytest.mark.parametrize("ridge", [0.0, 1e-14])
def test_ten_thousand_modes(ridge: float) -> None:
    """So many levels take the merged spectrum's guess."""
    assert_exact(Spectrum(np.arange(1.0, 10_001) ** -5), [100, 9_999], ridge)


def test_a_gap_of_twenty_decades_at_the_number_of_modes_above_it() -> None:
    """n = M_A leaves only small differences of L from 0 and 1: neither n - sum m L nor M - n alone would do."""
    spectrum = Spectrum([1.0, 1e-20], [10, 1e6])
    assert_exact(spectrum, [9, 9.999, 10, 10.001, 11, 1e6, 1e6 + 9, 1e6 + 9.5], 0.0)
    assert_exact(spectrum, [10, 1e6 + 10, 1e6 + 11], 1e-30)


def test_levels_of_1e12_modes_are_as_so_many_modes() -> None:
    assert_exact(Spectrum([1.0, 1e-6, 1e-14], [1, 100, 1e12]), [1, 5, 50, 101, 1e3, 1e9, 1e12 - 1], 0.0)
    split = Spectrum([0.3, 0.3, 0.1, 0.1, 0.1])
    sizes = [0.5, 1, 2, 4.5]
    np.testing.assert_allclose(solve(Spectrum([0.3, 0.1], [2, 3]), sizes).kappa, solve(split, sizes).kappa, rtol=1e-14)


@settings(deadline=None, max_examples=60)
@given(
    logs=st.lists(st.floats(-30, 5), min_size=1, max_size=12),
    counts=st.lists(st.sampled_from([1, 2, 17, 1000, 10**9]), min_size=12, max_size=12),
    part=st.floats(0.001, 0.999),
    ridge=st.sampled_from([0.0, 1e-14, 1e-3, 10.0]),
)
def test_any_spectrum(logs: list[float], counts: list[int], part: float, ridge: float) -> None:
    multiplicities = counts[: len(logs)]
    spectrum = Spectrum(10.0 ** np.array(logs), multiplicities)
    assert_exact(spectrum, [part * sum(multiplicities), *([2.0 * sum(multiplicities)] if ridge else [])], ridge)


def test_one_level_by_hand() -> None:
    """M modes of eigenvalue 1, ridge 0: L = n / M, kappa = M / n - 1, E0 = 1 / (1 - n / M)."""
    found = solve(Spectrum([1.0], [100]), [20, 50])
    np.testing.assert_allclose(found.kappa, [4, 1])
    np.testing.assert_allclose(found.learned[:, 0], [0.2, 0.5])
    np.testing.assert_allclose(found.overfitting, [1.25, 2])
    errors = found.errors([2.0], noise=0.1)
    np.testing.assert_allclose(errors.test, [1.25 * (0.64 * 2 + 0.1), 2 * (0.25 * 2 + 0.1)])
    np.testing.assert_allclose(errors.bias, [0.64 * 2, 0.25 * 2])
    np.testing.assert_allclose(errors.bias + errors.variance + 0.1, errors.test)
    np.testing.assert_array_equal(errors.train, 0)


def test_as_many_examples_as_modes_or_more() -> None:
    """Ridge 0 is the limit of a small one; a level of eigenvalue 0 acts as noise."""
    spectrum = Spectrum([1.0, 0.1, 0.0], [2, 3, 1])
    sizes = [5, 6, 50]
    found = solve(spectrum, sizes)
    np.testing.assert_array_equal(found.kappa, 0)
    np.testing.assert_array_equal(found.learned, [[1, 1, 0]] * 3)
    np.testing.assert_array_equal(found.overfitting, [np.inf, 6, 50 / 45])
    errors = found.errors([1, 1, 0.5], noise=0.25)
    np.testing.assert_array_equal(errors.test, [np.inf, 6 * 0.75, 0.75 * 50 / 45])
    np.testing.assert_array_equal(found.errors([1, 1, 0]).test, 0)
    limit = solve(spectrum, sizes[1:], 1e-12).errors([1, 1, 0.5], noise=0.25)
    for name in ("test", "bias", "variance", "train"):
        at_zero = getattr(found.errors([1, 1, 0.5], 0.25), name)[1:]
        np.testing.assert_allclose(getattr(limit, name), at_zero, rtol=1e-9)
    np.testing.assert_allclose(errors.train[1:], [(1 / 6) ** 2 * 6 * 0.75, (45 / 50) ** 2 * 0.75 * 50 / 45])


def test_sample_complexity_is_where_the_learnability_is_reached() -> None:
    spectrum = Spectrum([1.0, 0.1, 1e-3, 0.0], [1, 10, 1e12, 4])
    for ridge, learnability in ((0.0, 0.5), (0.3, 0.9), (1e-14, 0.01)):
        sizes = sample_complexity(spectrum, learnability, ridge)
        assert sizes[3] == np.inf
        found = solve(spectrum, sizes[:3], ridge)
        np.testing.assert_allclose(np.diagonal(found.learned), learnability, rtol=1e-12)
    np.testing.assert_allclose(sample_complexity(Spectrum([2.0], [8]), eigenvalues=[2.0, 6.0]), [4, 2])


def test_equivalent_kernel_is_the_limit_of_many_examples() -> None:
    """At fixed d / n the relative difference is about sum m L / n: it falls as 1 / n."""
    spectrum, sizes = Spectrum([1.0, 0.2, 0.05], [1, 4, 9]), np.array([1e3, 1e4, 1e5])
    target = [0.5, 0.3, 0.2]
    gaps = []
    for n in sizes:
        exact, limit = solve(spectrum, n, 0.1 * n), equivalent_kernel(spectrum, n, 0.1 * n)
        gaps.append(exact.errors(target, 0.1).test[0] / limit.errors(target, 0.1).test[0] - 1)
        assert limit.overfitting[0] == 1
        assert limit.errors(target).variance[0] == 0
    np.testing.assert_allclose(np.diff(np.log(gaps)) / np.diff(np.log(sizes)), -1, atol=0.05)
    assert gaps[0] > 0


# Regression on Gaussian features: x ~ N(0, 1), kernel x diag(lambda) y, target x . v


def regressions(
    values: np.ndarray, target: np.ndarray, n: int, ridge: float, noise: float, overlap: np.ndarray, draws: int
) -> dict[str, np.ndarray]:
    """Error measures of `draws` training sets. The test average is exact, given the coefficients that were found."""
    found, rng = [], stream(0, "gaussian-features", n)
    train = np.empty(draws)
    for draw in range(draws):
        features = rng.standard_normal((n, len(values)))
        labels = features @ target + np.sqrt(noise) * rng.standard_normal(n)
        gram = (features * values) @ features.T
        alpha = np.linalg.solve(gram + ridge * np.eye(n), labels)
        found.append(values * (features.T @ alpha))
        train[draw] = np.mean((labels - gram @ alpha) ** 2)
    coefficients = np.array(found)
    missing = coefficients - target
    spread = coefficients - coefficients.mean(axis=0)
    return {
        "test": (missing**2).sum(axis=1) + noise,
        "variance": (spread**2).sum(axis=1) * draws / (draws - 1),
        "train": train,
        "shifted": (missing @ overlap * missing).sum(axis=1),
        "coefficients": coefficients,
    }


@pytest.mark.parametrize(("ridge", "noise"), [(0.0, 0.3), (0.02, 0.0), (0.3, 0.3)])
def test_regression_on_gaussian_features(ridge: float, noise: float) -> None:
    """Means over 300 training sets, within 4 of their standard errors and the theory's own 1/n."""
    levels, counts = np.array([1.0, 0.1, 0.02]), np.array([4, 36, 80])
    values = np.repeat(levels, counts)
    rng, n, draws = stream(0, "gaussian-target"), 60, 300
    target = rng.standard_normal(120) * np.sqrt(np.repeat([0.15, 0.01, 0.001], counts))
    mixing = rng.standard_normal((120, 120)) / np.sqrt(120) + np.diag(np.linspace(0.2, 2.0, 120))
    overlap = mixing @ mixing.T
    measured = regressions(values, target, n, ridge, noise, overlap, draws)

    single = solve(Spectrum(values), n, ridge)
    errors = single.errors(target**2, noise)
    shifted = single.shifted_error(target**2, np.diagonal(overlap), np.outer(target, target) * overlap, noise)
    predicted = {"test": errors.test, "variance": errors.variance, "train": errors.train, "shifted": shifted}
    for name, theory in predicted.items():
        mean, error = measured[name].mean(), measured[name].std() / np.sqrt(draws)
        assert abs(mean - theory[0]) < 4 * error + 1.5 / n * theory[0] + 1e-20, name
    found = measured["coefficients"]
    for part in np.split(np.arange(120), np.cumsum(counts)[:-1]):
        projected = found[:, part] @ target[part] / (target[part] ** 2).sum()
        error = projected.std() / np.sqrt(draws)
        assert abs(projected.mean() - single.learned[0, part[0]]) < 4 * error + 1.5 / n
        theory = single.learned[0, part[0]] ** 2 * errors.test[0] / n
        squares = found[:, part].var(axis=0).mean()
        assert squares == pytest.approx(theory, rel=4 * np.sqrt(2 / draws / len(part)) + 3 / n)

    by_level = solve(Spectrum(levels, counts), n, ridge)
    parts = np.split(np.arange(120), np.cumsum(counts)[:-1])
    norms = [float((target[part] ** 2).sum()) for part in parts]
    traces = [float(np.diagonal(overlap)[part].sum()) for part in parts]
    moments = [[float(target[a] @ overlap[np.ix_(a, b)] @ target[b]) for b in parts] for a in parts]
    same = by_level.errors(norms, noise)
    for name in ("test", "bias", "variance", "train"):
        np.testing.assert_allclose(getattr(same, name), getattr(errors, name), rtol=1e-12)
    np.testing.assert_allclose(by_level.shifted_error(norms, traces, moments, noise), shifted, rtol=1e-12)


def test_unshifted_test_distribution() -> None:
    spectrum = Spectrum([1.0, 0.1, 0.0], [3, 30, 5])
    found = solve(spectrum, [5, 10, 20, 60], 0.1)
    target = np.array([1.0, 0.5, 0.2])
    same = found.shifted_error(target, spectrum.multiplicities, np.diag(target), 0.3)
    np.testing.assert_allclose(same, found.errors(target, 0.3).test - 0.3, rtol=1e-13)


def test_results_do_not_depend_on_the_order_or_the_scale() -> None:
    spectrum, sizes = Spectrum([0.5, 2.0, 0.1], [7, 1, 30]), [3, 12, 37]
    target = np.array([1.0, 2.0, 3.0])
    reference: Errors = solve(spectrum, sizes, 0.01).errors(target, 0.1)
    turned: Learnability = solve(Spectrum([0.1, 0.5, 2.0], [30, 7, 1]), sizes, 0.01)
    scaled = solve(Spectrum(spectrum.eigenvalues * 1e200, spectrum.multiplicities), sizes, 1e198)
    np.testing.assert_allclose(turned.errors(target[[2, 0, 1]], 0.1).test, reference.test, rtol=1e-13)
    np.testing.assert_allclose(scaled.errors(target, 0.1).test, reference.test, rtol=1e-13)


def test_union_of_spectra() -> None:
    both = Spectrum([1.0], [2], names=["(3)"]) + Spectrum([0.5, 0.0], [4, 5], [0.1, 0.0], ["(2, 1)", "(1, 1, 1)"])
    assert len(both) == 3
    assert both.names == ("(3)", "(2, 1)", "(1, 1, 1)")
    assert both.trace == 4
    assert both.num_modes == 6
    np.testing.assert_array_equal(both.errors, [0, 0.1, 0])
    assert (both + Spectrum([1.0])).names == ()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Spectrum([1.0, -2.0]), "eigenvalues=-2.0 cannot be used: each must be finite and not negative. Clip"),
        (lambda: Spectrum(["a"]), "eigenvalues=['a'] cannot be used: it must be numbers."),
        (lambda: Spectrum([]), "eigenvalues=[] cannot be used: a spectrum has at least one level."),
        (lambda: Spectrum([[1.0]]), "eigenvalues='an array of shape (1, 1)' cannot be used: it must be a list of"),
        (lambda: Spectrum([1.0, np.nan]), "eigenvalues=nan cannot be used: each must be finite"),
        (lambda: Spectrum([1.0], [0]), "multiplicities=0 cannot be used: each level has a positive number of modes."),
        (lambda: Spectrum([1.0], [1, 2]), "multiplicities='2 numbers' cannot be used: eigenvalues has 1. Give one"),
        (lambda: Spectrum([1.0], names=["a", "b"]), "names='2 names' cannot be used: eigenvalues has 1."),
        (lambda: solve(Spectrum([0.0]), 3), "eigenvalues cannot be used: all are 0, and such a kernel learns nothing."),
        (lambda: solve(Spectrum([1.0]), 0), "num_examples=0.0 cannot be used: each must be positive and finite."),
        (lambda: solve(Spectrum([1.0]), [[1]]), "num_examples='an array of shape (1, 1)' cannot be used"),
        (lambda: solve(Spectrum([1.0]), 3, -1.0), "ridge=-1.0 cannot be used: it must be 0 or positive"),
        (lambda: equivalent_kernel(Spectrum([1.0]), 3, 0.0), "ridge=0.0 cannot be used: the equivalent kernel needs"),
        (lambda: sample_complexity(Spectrum([1.0]), 1.0), "learnability=1.0 cannot be used: it must lie between 0 and"),
        (
            lambda: solve(Spectrum([1.0]), 3).errors([1, 2]),
            "target='an array of shape (2,)' cannot be used: it must be",
        ),
        (lambda: solve(Spectrum([1.0]), 3).errors([1], -0.1), "noise=-0.1 cannot be used: it must be finite and not"),
        (
            lambda: solve(Spectrum([1.0]), 3).shifted_error([1], [1], [1]),
            "test_targets='an array of shape (1,)' cannot be used: it must be finite, [1, 1].",
        ),
    ],
)
def test_bad_input_is_one_line(call, says: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)
