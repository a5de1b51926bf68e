"""The predicted curve of a reader: its limits, its monotony, its steps, and the resolution of items in samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.languages import RandomHierarchy
from syntagma.oracles import TreeOracle
from syntagma.statistics import correlations as statistics
from syntagma.theory import exact, excess, reading
from test_theory_exact import equal_parts
from test_tree_oracle import languages

KINDS = ("tokens", "tuples", "conditional")


def plateaus_of(language: RandomHierarchy) -> np.ndarray:
    return np.array([float(one) for one in TreeOracle(language).plateaus()])


@settings(max_examples=40, deadline=None)
@given(language=languages(), kind=st.sampled_from(KINDS))
def test_it_falls_from_the_first_plateau_to_what_correlations_can_tell(language, kind):
    plateaus = plateaus_of(language)
    curve = reading.reading_curve(language, kind, plateaus)
    sizes = np.geomspace(1e-3, 1e15, 200)
    losses = curve(sizes)
    assert (np.diff(losses) <= 1e-12).all()
    assert curve(np.array([0.0]))[0] <= plateaus[0] + 1e-12
    assert (losses >= plateaus[-1] - 1e-12).all()
    needed = np.concatenate([items.needed for items in curve.levels])
    if np.isfinite(needed).all():
        assert curve(np.array([np.inf]))[0] == pytest.approx(plateaus[-1], abs=1e-9)
    if all((items.needed > 0).all() for items in curve.levels):
        assert curve(np.array([0.0]))[0] == pytest.approx(plateaus[0], abs=1e-12)
    for items in curve.levels:
        assert items.share.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", [(8, 2, 2, 4), (8, 4, 2, 4), (16, 3, 2, 4), (32, 8, 2, 3), (6, 4, 3, 3)])
def test_from_the_first_plateau_to_the_oracle(sizes, kind):
    language = RandomHierarchy(*sizes, seed=1)
    plateaus = plateaus_of(language)
    curve = reading.reading_curve(language, kind, plateaus)
    ends = curve(np.array([0.0, 1e-6, 1e16]))
    np.testing.assert_allclose(ends, [plateaus[0], plateaus[0], plateaus[-1]], atol=1e-6)
    assert (np.diff(curve(np.geomspace(1, 1e9, 400))) <= 0).all()


@pytest.mark.parametrize("kind", ["tokens", "tuples"])
@pytest.mark.parametrize("sizes", [(8, 3, 2, 3), (16, 3, 2, 3), (16, 4, 2, 4), (32, 4, 2, 3), (6, 4, 3, 3)])
def test_it_crosses_half_way_near_signal_equals_noise(sizes, kind):
    ratios = []
    for seed in range(3):
        language = RandomHierarchy(*sizes, seed=seed)
        plateaus = plateaus_of(language)
        found = excess.crossings(
            np.geomspace(0.1, 1e9, 3000),
            reading.reading_curve(language, kind, plateaus)(np.geomspace(0.1, 1e9, 3000)),
            plateaus,
        )
        ratios.append(found / exact.thresholds(language, kind))
    mean = np.exp(np.mean(np.log(ratios), axis=0))
    assert (mean[:2] > 0.8).all()
    assert (mean[:2] < 1.3).all()
    assert (mean[2:] > 0.9).all()
    assert (mean[2:] < 2.0).all()


def test_equal_items_are_one_chi_square_step_with_its_middle_at_the_threshold():
    items = reading.Items(np.full(5, 0.2), np.full(5, 100.0), np.full(5, 30.0))
    curve = reading.ReadingCurve((items,), np.array([2.0, 1.0]))
    rng = np.random.default_rng(0)
    for size in (60.0, 100.0, 140.0):
        share = np.mean(np.sum(rng.normal(size=(20_000, 30)) ** 2, axis=1) <= 30.0 * size / 100.0)
        assert curve(np.array(size)) == pytest.approx(2.0 - share, abs=0.02)
    sharp = reading.Items(np.ones(1), np.full(1, 100.0), np.full(1, 1e7))
    step = reading.ReadingCurve((sharp,), np.array([2.0, 1.0]))
    np.testing.assert_allclose(step(np.array([99.0, 101.0])), [2.0, 1.0], atol=1e-6)


def test_a_level_with_nothing_to_tell_hinders_none_above():
    """One symbol stands at the second place of every rule, so it is known beforehand; what lies above is still read."""
    bottom = [[[0, 0], [1, 0]], [[2, 0], [3, 0]], [[0, 1], [1, 1]], [[2, 1], [3, 1]]]
    top = [[[0, 2], [1, 2]], [[0, 3], [1, 3]]]
    language = RandomHierarchy.from_productions([bottom, top], vocab=4)
    plateaus = plateaus_of(language)
    curve = reading.reading_curve(language, "tuples", plateaus)
    assert curve(np.array([1e12]))[0] <= plateaus[0]
    constant = reading.Items(np.ones(1), np.zeros(1), np.ones(1))
    later = reading.Items(np.ones(1), np.full(1, 10.0), np.ones(1))
    both = reading.ReadingCurve((constant, later), np.array([2.0, 2.0, 1.0]))
    assert both(np.array([1e9]))[0] == pytest.approx(1.0)


def test_independent_tokens_are_never_told():
    language = RandomHierarchy(3, 3, 2, 2, seed=0)
    plateaus = plateaus_of(language)
    curve = reading.reading_curve(language, "tokens", plateaus)
    np.testing.assert_allclose(curve(np.array([1.0, 1e9])), plateaus[0])


@pytest.mark.parametrize(
    ("sizes", "kind", "level"),
    [((8, 4, 2, 3), "tuple", 2), ((8, 4, 2, 3), "token", 2), ((8, 4, 2, 3), "conditional", 3)],
)
def test_in_samples_as_many_noise_vectors_are_shorter_than_the_signal_as_predicted(sizes, kind, level):
    """Within 0.05 on average over items, at half, once and twice the size: beyond it, noise is not quite Gaussian."""
    language = RandomHierarchy(*sizes, seed=1)
    pair, repeats = statistics.pairs(language, kind, level)[0], 250
    needed, freedom = reading._resolution(pair)
    items = reading.Items(pair.first, needed, freedom)
    for factor in (0.5, 1.0, 2.0):
        size = round(float(np.median(needed)) * factor)
        shorter = np.zeros(len(needed))
        for sample in equal_parts(language.sample(3, size * repeats, hidden=True), size):
            noise = statistics._counted(language, sample, kind, pair) - pair.covariance
            shorter += np.sum(noise**2, axis=1) < np.sum(pair.covariance**2, axis=1)
        measured = float(shorter @ pair.first) / repeats
        assert items.read(np.array([size]))[0] == pytest.approx(measured, abs=0.05)
