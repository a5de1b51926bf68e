"""Kernels diagonalised over all sequences, and the examples at half the error, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from syntagma.curves import Interval, certain, unmeasured
from syntagma.plot.intervals import interval_points
from syntagma.randomness import stream
from syntagma.theory.enumeration import all_sequences, counted_levels, shifted_moments
from syntagma.theory.half_error import half_error, least_for_half
from syntagma.theory.learnability import solve
from syntagma.theory.spectrum import Spectrum


def overlap(sequences: np.ndarray) -> np.ndarray:
    """The share of places at which two sequences agree: a constant, T single places, and nothing else."""
    return (sequences[:, None] == sequences[None]).mean(-1)


def test_all_sequences_stand_in_order():
    assert all_sequences(2, 2).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_levels_are_counted_and_equal_ones_added_up():
    gram = overlap(all_sequences(2, 3))  # K = 1/2 + 1/6 sum of products of signs
    assert counted_levels(Spectrum([1 / 6, 0.5, 1 / 6], [2, 1, 1]), gram) == pytest.approx(
        np.array([[0.5, 1, 1], [1 / 6, 3, 3]])
    )
    wrong = counted_levels(Spectrum([0.5, 1 / 6], [1, 4]), gram)
    assert [predicted == found for _, predicted, found in wrong] == [True, False]


def test_moments_under_the_training_distribution_are_those_of_orthonormal_functions():
    sequences = all_sequences(2, 3)
    signs = 1.0 - 2.0 * sequences
    target = 0.8 * signs[:, 0] + 0.6 * signs[:, 1] * signs[:, 2]
    found = shifted_moments(overlap(sequences), np.full(8, 1 / 8), {"own": target})
    np.testing.assert_allclose(found["eigenvalues"], [0.5, 1 / 6, 0.0], atol=1e-12)
    assert found["multiplicities"] == [1, 3, 4]
    np.testing.assert_allclose(found["traces"], found["multiplicities"])
    assert found["targets"]["own"]["levels"] == [1, 2]
    np.testing.assert_allclose(found["targets"]["own"]["norms"], [0.64, 0.36])
    np.testing.assert_allclose(found["targets"]["own"]["moments"], np.diag([0.64, 0.36]), atol=1e-12)


def test_moments_under_another_distribution_are_averages_over_it():
    sequences, new = all_sequences(2, 3), stream(0, "p").dirichlet(np.ones(8))
    signs = 1.0 - 2.0 * sequences
    found = shifted_moments(overlap(sequences), new, {"own": signs[:, 0] + signs[:, 1] * signs[:, 2]})
    parts = np.stack([signs[:, 0], signs[:, 1] * signs[:, 2]])
    np.testing.assert_allclose(found["targets"]["own"]["moments"], (parts * new) @ parts.T, atol=1e-12)
    np.testing.assert_allclose(found["traces"], [1, 3, 4])  # each product of signs has square 1 anywhere


def test_half_of_the_error_of_one_level_is_gone_at_half_of_its_modes():
    """Without ridge L = n / K and the error is 1 - L."""
    spectrum = Spectrum([1.0], [100])
    assert half_error(spectrum, np.array([1.0]), 0.0) == pytest.approx(50, rel=1e-3)
    assert least_for_half(spectrum, 1.0, 0.0) == pytest.approx(100 * (1 - 2**-0.5))
    assert half_error(spectrum, np.array([0.1]), 0.0) == pytest.approx(50, rel=1e-3)  # half of its own variance
    assert math.isnan(half_error(Spectrum([1.0], [1]), np.array([1.0]), 0.0))  # below half from the start


def test_half_the_error_is_where_the_curve_says():
    spectrum, target = Spectrum([0.5, 0.02, 0.001], [1, 20, 300]), np.array([0.2, 0.3, 0.5])
    half = half_error(spectrum, target, 0.1)
    errors = solve(spectrum, [half], 0.1).errors(target)
    assert (errors.bias + errors.variance)[0] == pytest.approx(0.5, rel=1e-4)
    assert least_for_half(spectrum, 0.5, 0.1) < half


def test_intervals_are_drawn_where_they_are_measured():
    open_above = Interval(3.0, certain(2.0).lower, None, True, 3, "some do not come to the line", bounded=True)
    given = [(1.0, certain(4.0)), (2.0, unmeasured("not run")), (3.0, open_above)]
    points = interval_points(given, key="cnn")
    assert (points.x, points.y, points.bound) == ((1.0, 3.0), (4.0, 3.0), ("", "at least"))
    assert points.low[0] == points.high[0] == 4.0
    assert points.high[1] == math.inf
    assert points.key == "cnn"
