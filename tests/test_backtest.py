"""Back-tests of forecasts, and the rival that goes by the dimension of the text's windows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.learners import Training, Transformer
from syntagma.randomness import stream
from syntagma.statistics.intrinsic_dimension import two_nearest_dimension, window_vectors
from syntagma.statistics.ngrams import ngram_losses
from syntagma.studies.corpus_forecast.backtest import Held, backtest, counted_loss, line_to_limit, straight_line
from syntagma.studies.corpus_forecast.decoders import Decoders


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_points_that_fill_a_space_have_its_dimension(dimension):
    """In ten coordinates of which they fill fewer."""
    draws = stream(0, "points")
    points = draws.random((3000, dimension)) @ draws.normal(size=(dimension, 10))
    found = two_nearest_dimension(points)
    assert abs(found.value - dimension) < 4 * found.standard_error + 0.05 * dimension
    assert found.standard_error == pytest.approx(found.value / 3000**0.5)
    for scale in (2.0**990, 2.0**-990):
        assert two_nearest_dimension(scale * points).value == pytest.approx(found.value)
    moved = two_nearest_dimension(7 * points[::-1] + 3)
    assert moved.value == pytest.approx(found.value)
    repeated = two_nearest_dimension(np.concatenate([points, points[:50]]))
    assert repeated.value == pytest.approx(found.value)


def test_too_few_points_have_no_dimension():
    with pytest.raises(InputError, match="points='3 different ones' cannot be used: a dimension needs ten"):
        two_nearest_dimension(np.repeat(np.eye(3), 10, axis=0))


def test_windows_are_the_means_of_their_tokens_vectors():
    tokens = stream(0, "tokens").zipf(1.5, size=2000) % 20
    vectors = window_vectors(tokens, 20, length=10, windows=50, directions=4)
    assert vectors.shape == (50, 4)
    alike = tokens.copy()
    alike[:10] = alike[:10][::-1]
    swapped = window_vectors(np.concatenate([alike, tokens]), 20, length=10, windows=400, directions=4)
    np.testing.assert_allclose(swapped[0], swapped[200], atol=1e-9)  # in another order, the same mean
    assert window_vectors(np.zeros(100, int), 1).shape == (3, 1)
    with pytest.raises(InputError, match="64 are needed"):
        window_vectors(tokens[:40], 20)


def test_extrapolations_continue_their_own_laws():
    sizes = [1000, 2000, 4000, 8000, 16000]
    power = 30.0 * np.array(sizes) ** -0.2
    assert straight_line(sizes, power, 1e6) == pytest.approx(30 * 1e6**-0.2)
    limited = 1.5 + 30.0 * np.array(sizes) ** -0.4
    assert line_to_limit(sizes, limited, 1e6) == pytest.approx(1.5 + 30 * 1e6**-0.4, rel=1e-3)
    assert math.isnan(line_to_limit(sizes[:3], limited[:3], 1e6))


def text() -> Held:
    """Words of an alphabet of six."""
    draws = stream(0, "words")
    words = [[*draws.integers(1, 6, size=n).tolist(), 0] for n in draws.integers(2, 6, size=60)]
    tokens = np.concatenate([words[w] for w in draws.zipf(1.3, size=40_000) % 60]).astype(np.uint8)
    return Held(tokens[:100_000], tokens[100_000:105_000], tokens[105_000:115_000], 6)


def test_forecasts_are_of_the_loss_with_all_of_the_text_from_its_first_part():
    held = text()
    rows = list(backtest(held, shares=(0.02, 0.1), longest=5))
    measured, losses = counted_loss(held, 5)
    by_hand = ngram_losses(held.train, held.test, 6, 5, smoothing="kneser-ney").mean(axis=1)
    assert min(abs(by_hand - measured)) < 1e-12
    assert losses.mean() == pytest.approx(measured)
    assert {row.measured for row in rows} == {measured}
    starts = {row.share: row.start for row in rows}
    assert starts == {share: counted_loss(held.first(int(share * 100_000)), 5)[0] for share in (0.02, 0.1)}
    methods = {row.method for row in rows}
    plain = {"power law", "power law with limit", "intrinsic dimension", "no change"}
    assert plain | {"two exponents"} <= methods
    for row in rows:
        assert row.error == row.forecast - measured or math.isnan(row.error)
        if row.method == "two exponents":
            assert row.belief in ("yes", "with care", "no")
            assert math.isnan(row.forecast) == (row.belief == "no")
            assert row.reason or row.belief == "yes"
        if row.method == "no change":
            assert row.forecast == row.start
    sizes = [250, 500, 1000, 2000]  # not below 200
    runs = np.array([counted_loss(held.first(size), 5)[0] for size in sizes])
    at = {row.method: row.forecast for row in rows if row.share == 0.02}
    assert at["power law"] == pytest.approx(straight_line(sizes, runs, 100_000))
    assert at["power law with limit"] == pytest.approx(line_to_limit(sizes, runs, 100_000))


def test_what_comes_later_in_the_text_changes_no_forecast():
    held, share = text(), 0.02
    other = stream(1, "other").integers(6, size=100_000).astype(np.uint8)
    other[:2000] = held.train[:2000]
    changed = Held(other, held.validation, held.test, 6)
    for one, two in zip(*(backtest(which, shares=(share,), longest=4) for which in (held, changed)), strict=True):
        assert (one.method, one.belief, one.reason) == (two.method, two.belief, two.reason)
        np.testing.assert_equal((one.forecast, one.low, one.high), (two.forecast, two.low, two.high))
        assert one.measured != two.measured


def test_documents_stay_apart():
    held = text()
    starts = np.arange(0, 100_000, 500)
    apart = Held(held.train, held.validation, held.test, 6, (starts, None, None))
    np.testing.assert_array_equal(apart.first(1200).documents[0], [0, 500, 1000])
    assert apart.first(1200).train.shape == (1200,)
    assert counted_loss(apart, 3)[0] != counted_loss(held, 3)[0]


@pytest.mark.parametrize("share", [0.0, 1.0, 0.009])
def test_shares_that_cannot_be_are_refused(share):
    with pytest.raises(InputError, match=r"shares=\S+ cannot be used: (each is above 0|0.009 of the text has 900)"):
        list(backtest(text(), shares=(share,)))


def test_decoders_say_the_loss_of_the_better_and_why_trainings_ended() -> None:
    """A chain that stays with probability 0.9 has an entropy rate of 0.39 nats; chance is ln 3 = 1.10."""
    rng = np.random.default_rng(0)
    moves = np.where(rng.random(6000) < 0.9, 0, rng.integers(1, 3, 6000))
    tokens = np.cumsum(moves) % 3
    rate = -(0.9 * math.log(0.9) + 0.1 * math.log(0.05))
    small, none = Transformer(width=8, heads=2, layers=1), Transformer(width=4, heads=2, layers=1)
    training = Training(learning_rate=0.03, batch_size=32, max_steps=300)
    decoders = Decoders(length=8, learners=(small, none), training=training)
    loss, numbers = decoders(Held(tokens[:4000], tokens[4000:5000], tokens[5000:], 3))
    assert loss == pytest.approx(float(numbers.mean()))
    assert rate - 0.1 < loss < 0.7
    assert [line.split(":")[0] for line in decoders.told] == ["4,000 tokens, width 8", "4,000 tokens, width 4"]
    assert all(line.endswith(("steps", "patience")) for line in decoders.told), decoders.told
    told = [float(line.split(": ")[1].split()[0]) for line in decoders.told]
    assert min(abs(loss - one) for one in told) < 1e-3
