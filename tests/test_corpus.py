"""The statistics of a text and the exponent that they forecast."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.curves import LearningCurve
from syntagma.errors import InputError
from syntagma.plot.plotly_backend import spec
from syntagma.randomness import stream
from syntagma.statistics.entropies import EntropyBounds
from syntagma.statistics.entropy_decay import fit_entropy_decay
from syntagma.statistics.lagged import (
    geometric_lags,
    lagged_correlation,
    resampled_strengths,
    sampling_floor,
)
from syntagma.statistics.ngrams import ngram_losses
from syntagma.statistics.power_law import fit_decay
from syntagma.statistics.strengths import Strengths
from syntagma.studies import load, machinery
from syntagma.studies.corpus_forecast import STUDY, CorpusForecast
from syntagma.studies.corpus_forecast.facts import Statistics, counted_lags
from syntagma.studies.corpus_forecast.facts import facts as text_facts
from syntagma.studies.corpus_forecast.facts import statistics as text_statistics
from syntagma.studies.corpus_forecast.forecast import Forecast, forecast_of, measured_alpha
from syntagma.studies.corpus_forecast.measured import _with_networks, cells
from syntagma.studies.study import Facts, Results
from syntagma.sweep.store import Store
from syntagma.theory import corpus as theory

texts = st.integers(2, 5).flatmap(
    lambda vocab: st.tuples(st.just(vocab), st.lists(st.integers(0, vocab - 1), min_size=12, max_size=60))
)


def markov(seed: int, length: int, stay: float) -> np.ndarray:
    """Two symbols; each is the one before with probability `stay`. C_t has the strength (2 stay - 1)^t / 2."""
    flips = stream(seed, "flips").random(length) >= stay
    return (np.cumsum(flips) % 2).astype(np.uint8)


@given(texts, st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_strength_is_the_norm_of_the_covariance(text, lag):
    vocab, tokens = text
    tokens = np.array(tokens)
    covariance = np.zeros((vocab, vocab))
    first, second = tokens[:-lag], tokens[lag:]
    for a, b in zip(first, second, strict=True):
        covariance[a, b] += 1 / len(first)
    covariance -= np.outer(covariance.sum(1), covariance.sum(0))
    found = lagged_correlation(tokens, vocab, lag)
    assert found.strength == pytest.approx(np.linalg.norm(covariance, 2), abs=1e-12)
    assert found.left @ covariance @ found.right == pytest.approx(found.strength, abs=1e-12)


def test_large_vocabularies_by_iteration_agree_with_all_singular_values():
    tokens = stream(0, "tokens").zipf(1.5, size=20_000) % 300
    tokens[1::2] = tokens[::2]
    found = lagged_correlation(tokens, 300, 1)
    counts = np.zeros((300, 300))
    np.add.at(counts, (tokens[:-1], tokens[1:]), 1 / (len(tokens) - 1))
    dense = counts - np.outer(counts.sum(1), counts.sum(0))
    assert found.strength == pytest.approx(np.linalg.norm(dense, 2), rel=1e-9)


def test_pairs_counted_in_pieces_agree_with_all_at_once(monkeypatch):
    tokens = stream(0, "tokens").integers(40, size=5000)
    full = lagged_correlation(tokens, 40, 3).strength
    monkeypatch.setattr("syntagma.statistics.pair_counts.PIECE", 700)
    assert lagged_correlation(tokens, 40, 3).strength == pytest.approx(full, rel=1e-12)


def test_memory_mapped_tokens_are_read_in_pieces(tmp_path, monkeypatch):
    tokens = markov(0, 10_000, 0.8).astype(np.uint16)
    (tmp_path / "tokens.bin").write_bytes(tokens.tobytes())
    mapped = np.memmap(tmp_path / "tokens.bin", np.uint16, "r")
    monkeypatch.setattr("syntagma.statistics.pair_counts.PIECE", 999)
    assert lagged_correlation(mapped, 2, 2).strength == pytest.approx(lagged_correlation(tokens, 2, 2).strength)


@pytest.mark.parametrize("lag", [1, 2, 4])
def test_a_markov_chain_has_its_exact_strength_within_the_interval_of_its_blocks(lag):
    tokens, blocks = markov(1, 200_000, 0.9), 40
    found = lagged_correlation(tokens, 2, lag)
    drawn = stream(0, "blocks").integers(blocks, size=(400, blocks))
    error = resampled_strengths([found], tokens, blocks, drawn).std()
    assert abs(found.strength - 0.8**lag / 2) < 4 * error
    assert 0.0003 < error < 0.01


def test_the_floor_falls_as_the_square_root_of_the_text():
    short, long = (sampling_floor(stream(0, "t").integers(20, size=n), 20, 8) for n in (2_000, 128_000))
    ratio, error = short.mean() / long.mean(), np.hypot(short.std() / short.mean(), long.std() / long.mean()) / 8**0.5
    assert abs(np.log(ratio / 8)) < 4 * error
    assert long.mean() < 2 * (0.06 / 128_000) ** 0.5


def test_the_floor_of_a_long_text_comes_from_a_part_of_it(monkeypatch):
    tokens = stream(0, "t").integers(20, size=100_000)
    whole = sampling_floor(tokens, 20, 8)
    monkeypatch.setattr("syntagma.statistics.lagged._SHUFFLED", 10_000)
    part = sampling_floor(tokens, 20, 8, seed=1)
    assert abs(whole.mean() - part.mean()) < 4 * np.hypot(whole.std(), part.std()) / 8**0.5


def test_lags_are_geometric_and_distinct():
    assert geometric_lags(16, 1) == [1, 2, 4, 8, 16]
    assert geometric_lags(10, 2) == [1, 2, 3, 4, 6, 8]


def witten_bell(train, context, token, vocab):
    """The formula as it stands, with dictionaries."""
    shorter = 1 / vocab if not context else witten_bell(train, context[1:], token, vocab)
    if len(context) == 0:
        followers = Counter(train)
    else:
        n = len(context)
        followers = Counter(train[i] for i in range(n, len(train)) if tuple(train[i - n : i]) == tuple(context))
    total, kinds = sum(followers.values()), len(followers)
    return shorter if not total else (followers[token] + kinds * shorter) / (total + kinds)


@given(texts, st.integers(0, 3))
@settings(deadline=None, max_examples=30)
def test_ngram_losses_are_those_of_the_formula(text, longest):
    vocab, tokens = text
    train, test = tokens[: len(tokens) // 2], tokens[len(tokens) // 2 :]
    found = ngram_losses(np.array(train), np.array(test), vocab, longest)
    assert found.shape == (longest + 1, len(test) - longest)
    for n in range(longest + 1):
        for place, i in enumerate(range(longest, len(test))):
            expected = -np.log(witten_bell(train, test[i - n : i], test[i], vocab))
            assert found[n, place] == pytest.approx(expected, abs=1e-12)


def test_ngrams_reach_the_entropy_rate_of_a_markov_chain():
    tokens = markov(2, 400_000, 0.9)
    losses = ngram_losses(tokens[:300_000], tokens[300_000:], 2, 3)
    error = losses.std(axis=1) / losses.shape[1] ** 0.5
    rate = -0.9 * np.log(0.9) - 0.1 * np.log(0.1)
    assert abs(losses[0].mean() - np.log(2)) < 0.01
    assert np.all(np.abs(losses[1:].mean(axis=1) - rate) < 4 * error[1:])


@given(st.floats(0.05, 2.0), st.floats(0.2, 3.0), st.floats(0.1, 2.0))
@settings(deadline=None, max_examples=30)
def test_a_power_with_a_limit_is_found_again(exponent, amplitude, limit):
    x = np.arange(1, 30, dtype=float)
    found = theory.decay_to_limit(x, limit + amplitude * x**-exponent)
    assert found == pytest.approx((limit, amplitude, exponent), rel=1e-2, abs=1e-2)


def test_fits_that_cannot_be_made_are_unknown():
    assert np.isnan(theory.power_exponent(np.array([1.0, 2.0]), np.array([1.0, -1.0])))
    assert np.isnan(theory.decay_to_limit(np.arange(1.0, 4), np.ones(3))).all()
    x = np.arange(1.0, 9)
    assert np.isnan(theory.decay_to_limit(x, np.where(x > 1, 0.0, 1.0))[2])


def test_theory_in_its_own_world():
    """Losses made by the theory itself collapse, and fall with the exponent that it forecasts."""
    beta, gamma, limit = 0.8, 0.4, 1.0
    sizes, contexts = np.geomspace(1e2, 1e5, 9), np.arange(1.0, 4000)
    horizon = sizes ** (1 / (2 * beta))
    losses = limit + np.minimum(contexts[None], horizon[:, None]) ** -gamma
    assert theory.power_exponent(sizes, losses[:, -1] - limit) == pytest.approx(theory.forecast(gamma, beta), rel=1e-9)
    size, context = (x.ravel() for x in np.meshgrid(sizes, contexts, indexing="ij"))
    x, unit = theory.collapse(size, context, gamma, beta)
    np.testing.assert_allclose((losses.ravel() - limit) * unit, np.maximum(1, x ** (-gamma / (2 * beta))), rtol=1e-9)


TINY = {
    "length": 8, "largest_lag": 32, "blocks": 8, "shuffles": 2, "longest": 5, "seeds": 2, "test_windows": 64,
    "sizes": [512, 1024, 4096], "learner": {"kind": "transformer", "width": 8, "heads": 2, "layers": 1},
    "training": {"batch_size": 16, "max_steps": 20, "learning_rate": 0.02},
}  # fmt: skip


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    """Words of an alphabet of six, so that neighbours are correlated."""
    generator = stream(0, "words")
    words = ["".join(generator.choice(list("abcde"), size=n)) for n in generator.integers(2, 6, size=12)]
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(" ".join(generator.choice(words, size=6000)))
    return path


@pytest.fixture(scope="module")
def analysis(text, tmp_path_factory):
    chosen = CorpusForecast.model_validate(TINY | {"text": str(text)})
    with Store.create(tmp_path_factory.mktemp("results")) as store:
        store.record_command("corpus-forecast", "quick", chosen.model_dump(mode="json"), ["syntagma"])
        machinery.run(STUDY, chosen, store, 1, lambda *_: None)
        return machinery.analyse(STUDY, store)


def test_the_study_from_text_to_verdicts(analysis):
    tables = {name: table.data for name, table in analysis.tables.items()}
    assert set(tables["exponents"]["name"]) >= {"forecast", "measured", "decay of correlations"}
    assert sorted(tables["curves"]["num_tokens"].unique()) == [512, 1024, 4096]
    assert set(tables["curves"]["context"]) == set(range(8))
    assert len(analysis.verdicts) == 6
    assert {verdict.outcome for verdict in analysis.verdicts} <= {"agrees", "disagrees", "open", "finding"}


def test_without_a_forecast_no_loss_is_rescaled(analysis):
    """1 to the power of NaN is 1: one token of context must not be drawn alone."""
    exponents = analysis.tables["exponents"].data.set_index("name")["value"]
    rows = analysis.tables["collapse"].data
    assert np.isnan(exponents["forecast"])
    assert rows["scaled_tokens"].isna().all()
    assert rows["scaled_loss"].isna().all()


@pytest.mark.parametrize("place", [0, 1])
def test_figures_can_be_drawn(analysis, place):
    figure = analysis.figures[place]
    assert figure.name == ("forecast", "collapse")[place]
    assert len(figure.matplotlib()[1]) == (4, 2)[place]


def test_the_interactive_figure_is_json(analysis):
    for figure in analysis.figures:
        json.dumps(spec(figure), allow_nan=False)


def statistics(chosen: CorpusForecast) -> Facts:
    return Facts((fact.key, dict(fact.compute())) for fact in text_facts(chosen, Results()))


def test_statistics_depend_on_the_text_alone(text):
    first, second = (CorpusForecast.model_validate(TINY | {"text": str(text), "seeds": seeds}) for seeds in (1, 2))
    one, other = ([(fact.key, fact.compute()) for fact in text_facts(chosen, Results())] for chosen in (first, second))
    assert one == other
    found = text_statistics(first, Facts((key, dict(value)) for key, value in one))
    counted = counted_lags(found)
    assert not counted[0]
    assert (found.strengths.resolved | ~counted).all()


# The study on statistics made by hand


LAGS = np.array(geometric_lags(512, 3))
CHOSEN = CorpusForecast.model_validate(load("corpus-forecast").presets["quick"].model_dump() | {"length": 32})


def made(strengths: np.ndarray, entropies: np.ndarray, noise: float = 0.02) -> Statistics:
    """A text of these strengths and entropies, each block off by `noise` of a strength."""
    blocks, generator = CHOSEN.blocks, stream(0, "blocks")
    off = generator.normal(size=(blocks, len(LAGS))) * noise * strengths
    off -= off.mean(axis=0)
    errors = off.std(axis=0, ddof=1) / blocks**0.5
    weights = np.full(off.shape, 1 / blocks)
    pairs = np.full(len(LAGS), 10**6)
    found = Strengths(LAGS, strengths, errors, strengths, errors, pairs, strengths + off, weights)
    by_block = entropies + 1e-3 * generator.normal(size=(blocks, 1))
    number = len(entropies)
    estimators = ("kneser-ney",) * number
    bounds = EntropyBounds(
        np.arange(number), by_block.mean(axis=0), np.full(number, 1e-3), by_block, np.full(number, 1e-4), estimators
    )
    return Statistics(10**6, np.full(5, 1e-5), found, fit_decay(found, first_lag=2), bounds)


def entropies_of(gamma: float, limit: float) -> np.ndarray:
    return limit + np.concatenate([[2.5], np.arange(1.0, 9.0) ** -gamma])


def forecast_from(text: Statistics) -> Forecast:
    return forecast_of(CHOSEN, text, fit_entropy_decay(text.counts))


def test_two_powers_forecast_gamma_over_twice_beta():
    found = forecast_from(made(0.1 * LAGS**-0.8, entropies_of(0.5, 0.5)))
    assert found.beta.value == pytest.approx(0.8, rel=0.01)
    assert found.beta.holds(0.8)
    assert found.gamma.holds(0.5)
    assert found.limit.holds(0.5)
    assert found.alpha.value == pytest.approx(found.gamma.value / (2 * found.beta.value))
    assert found.alpha.holds(0.5 / 1.6)
    assert found.belief != "no"


def test_an_exponential_is_no_power_and_forecasts_nothing():
    found = forecast_from(made(0.1 * np.exp(-LAGS / 60.0), entropies_of(0.5, 0.5)))
    assert np.isnan(found.alpha.value)
    assert found.belief == "no"
    assert "exponentially" in " ".join(found.reasons)


def test_entropies_that_do_not_fall_forecast_nothing():
    found = forecast_from(made(0.1 * LAGS**-0.8, np.full(9, 1.0)))
    assert np.isnan(found.gamma.value)
    assert np.isnan(found.alpha.value)
    assert found.belief == "no"


def test_the_measured_exponent_leaves_nothing_out():
    """Losses below the limit were dropped once: three of five sizes were fitted without a word."""
    sizes = 2.0 ** np.arange(5)
    assert np.isnan(measured_alpha(LearningCurve(sizes, np.array([[2, 1.8, 1.05, 0.99, 0.97]] * 2)), 1.0).value)
    exact = LearningCurve(sizes, np.stack([1 + sizes**-0.3, 1 + 2 * sizes**-0.3]))
    assert measured_alpha(exact, 1.0).value == pytest.approx(0.3)
    assert np.isnan(theory.power_exponent(np.array([1.0, 2, 4]), np.array([1.0, 0.5, -0.1])))


def test_networks_lower_bounds_and_go_beyond_them():
    counts = made(0.1 * LAGS**-0.8, entropies_of(0.5, 0.5)).counts
    losses = np.append(counts.values - 0.01, [0.6, 0.59])
    curves = {
        n: LearningCurve(np.array([64.0, 128]), np.array([[loss + 0.02, loss]] * 2)) for n, loss in enumerate(losses)
    }
    found = _with_networks(counts, curves, np.stack([losses, losses]))
    np.testing.assert_allclose(found.values, losses)
    np.testing.assert_allclose(found.doubling[:9], 1e-4)
    np.testing.assert_allclose(found.doubling[9:], 0.02)
    assert set(found.estimators) == {"network"}
    assert _with_networks(counts, curves, None) is counts


def test_predict_needs_a_text():
    command = [sys.executable, "-m", "syntagma", "predict", "corpus-forecast"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: text: None is given, and this study looks at a text. Name a file: --set text=FILE\n"


def test_nothing_is_written_without_a_text(tmp_path):
    command = [sys.executable, "-m", "syntagma", "run", "corpus-forecast", "--out", str(tmp_path / "results")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: text: None is given, and this study looks at a text. Name a file: --set text=FILE\n"
    assert list(tmp_path.iterdir()) == []


def test_more_windows_than_the_text_has_are_refused(text):
    chosen = CorpusForecast.model_validate(TINY | {"text": str(text), "sizes": [512, 1024, 10**6]})
    with pytest.raises(InputError, match=r"sizes=1000000 cannot be used: the training part has \d+ windows of 8"):
        next(cells(chosen, statistics(chosen), Results()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": [4, 1024, 4096]}, "sizes"),
        ({"text": "/nowhere/text.txt"}, "text=/nowhere/text.txt cannot be used"),
    ],
)
def test_settings_that_cannot_be_are_refused(change, message):
    with pytest.raises(ValueError, match=message.split("=")[0]):
        CorpusForecast.model_validate(TINY | change)


def test_distances_that_are_not_in_the_text_are_refused():
    with pytest.raises(InputError, match="lag"):
        lagged_correlation(np.zeros(5, int), 1, 5)
    with pytest.raises(InputError, match="longest"):
        ngram_losses(np.zeros(5, int), np.zeros(3, int), 1, 3)
