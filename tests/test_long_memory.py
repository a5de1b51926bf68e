"""What slow correlations do to their own measurement: brute force, exact sums, and coverage of a made text."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from syntagma.randomness import stream
from syntagma.statistics.lagged import geometric_lags
from syntagma.statistics.long_memory import mean_covariance, variance_factor
from syntagma.statistics.power_law import fit_decay
from syntagma.statistics.strengths import correlation_strengths
from syntagma.studies.corpus_forecast.coverage import gaps, marks

LAGS = np.array([2, 4, 8, 16, 32, 64, 128])


@pytest.mark.parametrize("beta", [0.3, 0.7, 1.2])
@pytest.mark.parametrize("documents", [[3000], [400] * 5])
def test_the_covariance_of_means_is_the_sum_over_all_pairs_of_positions(beta, documents):
    """Every two different positions of one document, one after the other."""
    by_hand = 0.0
    for length in documents:
        apart = np.abs(np.subtract.outer(np.arange(length), np.arange(length))).astype(float)
        by_hand += (apart[apart > 0] ** -beta).sum()
    pairs = np.array([sum(max(length - lag, 0) for length in documents) for lag in LAGS])
    assert mean_covariance(beta, LAGS, pairs) == pytest.approx(by_hand / sum(documents) ** 2, rel=0.02)


def block_means(beta: float, blocks: int) -> np.ndarray:
    """Covariance of the means of blocks where the mean of m blocks has variance m^-beta: fractional noise."""
    apart = np.abs(np.subtract.outer(np.arange(blocks), np.arange(blocks))).astype(float)
    return (np.abs(apart + 1) ** (2 - beta) - 2 * apart ** (2 - beta) + np.abs(apart - 1) ** (2 - beta)) / 2


@pytest.mark.parametrize("blocks", [5, 20])
@pytest.mark.parametrize("beta", [0.3, 0.5, 0.9])
def test_blocks_of_slow_swings_spread_less_than_their_mean(beta, blocks):
    covariance = block_means(beta, blocks)
    of_mean = covariance.mean()
    spread = (np.trace(covariance) - blocks * of_mean) / (blocks - 1) / blocks  # the variance of a mean, as if apart
    levels = stream(0, "levels").normal(size=blocks)
    assert of_mean == pytest.approx(blocks**-beta)
    assert variance_factor(beta, 3 - 2 * levels, levels) == pytest.approx(of_mean / spread)


def test_what_levels_do_not_explain_is_left_as_it_is():
    draws = stream(1, "levels").normal(size=(400, 2, 20))
    factors = np.array([variance_factor(0.5, said, levels) for said, levels in draws])
    assert factors.min() == 1.0
    assert factors.mean() < 1.2
    assert variance_factor(1.3, draws[0, 0], draws[0, 0]) == pytest.approx(1.0)
    assert variance_factor(0.5, np.zeros(20), draws[0, 0]) == 1.0
    assert variance_factor(0.5, draws[0, 0], np.zeros(20)) == 1.0


def test_an_exponent_is_half_way_to_that_of_a_law_that_goes_on():
    """Strengths that an own mean has lowered by the same everywhere: the error holds the law with and without it."""
    length, beta = 100_000, 0.5
    text = marks(0, length, gaps(0.2, 0.4, beta))
    lags = [lag for lag in geometric_lags(128, 2) if lag >= 2]
    found = correlation_strengths(text, 2, lags, blocks=20)
    low = 0.16 * mean_covariance(beta, found.lags, found.pairs)
    exact = dataclasses.replace(found, values=0.16 * found.lags**-beta - low, errors=found.errors * 1e-6)
    exact = dataclasses.replace(exact, by_block=exact.values + 1e-9 * (found.by_block - found.values))
    with_means, without = (fit_decay(one).whole for one in (exact, dataclasses.replace(exact, levels=None)))
    assert with_means is not None
    assert without is not None
    assert without.exponent > beta
    assert with_means.exponent - (without.exponent - with_means.exponent) == pytest.approx(beta, abs=0.003)
    assert with_means.standard_error > 0.95 * (without.exponent - with_means.exponent)


@pytest.mark.slow
def test_intervals_hold_the_slow_law_of_a_made_text():
    """100 texts; without regard to slow swings 76 percent."""
    chances, held = gaps(0.2, 0.4, 0.5), []
    for seed in range(500, 600):
        text = marks(seed, 50_000, chances)
        law = fit_decay(correlation_strengths(text, 2, [2, 4, 8, 16, 32, 64], blocks=20)).whole
        held.append(law is not None and law.low <= 0.5 <= law.high)
    assert 0.88 <= np.mean(held) <= 1.0
