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
from syntagma.report.corpus_forecast import FIGURES, interactive_curves_by_context

from syntagma.errors import InputError
from syntagma.randomness import stream
from syntagma.statistics.lagged import (
    geometric_lags,
    lagged_correlation,
    resampled_strengths,
    sampling_floor,
)
from syntagma.statistics.ngrams import ngram_losses
from syntagma.studies import load
from syntagma.studies.corpus_forecast import forecasts
from syntagma.studies.corpus_forecast.measured import measure
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
    study = load("corpus-forecast")
    chosen = type(study.presets["quick"]).model_validate(TINY | {"text": str(text)})
    with Store.create(tmp_path_factory.mktemp("results")) as store:
        store.record_command("corpus-forecast", "quick", chosen.model_dump(mode="json"), ["syntagma"])
        study.run(chosen, store, 1, lambda *_: None)
        return study.analyse(store)


def test_the_study_from_text_to_verdicts(analysis):
    tables = analysis.tables
    assert set(tables["exponents"]["name"]) >= {"forecast", "measured", "decay of correlations"}
    assert sorted(tables["curves"]["num_tokens"].unique()) == [512, 1024, 4096]
    assert set(tables["curves"]["context"]) == set(range(8))
    assert len(analysis.verdicts) == 4
    assert {verdict.outcome for verdict in analysis.verdicts} <= {"agrees", "disagrees", "open", "finding"}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_can_be_drawn(analysis, name):
    assert FIGURES[name](analysis).axes


def test_the_interactive_figure_is_json(analysis):
    json.dumps(interactive_curves_by_context(analysis), allow_nan=False)


def test_statistics_depend_on_the_text_alone(text):
    study = load("corpus-forecast")
    kind = type(study.presets["quick"])
    first, second = (
        measure(kind.model_validate(TINY | {"text": str(text), "seeds": seeds}), lambda *_: None) for seeds in (1, 2)
    )
    assert first == second
    found = forecasts.Statistics.of(first, 2)
    assert found.fitted.sum() == first["fitted"]
    assert not found.fitted[0]


def test_predict_needs_a_text():
    command = [sys.executable, "-m", "syntagma", "predict", "corpus-forecast"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: text: None is given, and this study looks at a text. Name a file: --set text=FILE\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": [4, 1024, 4096]}, "sizes"),
        ({"text": "/nowhere/text.txt"}, "text=/nowhere/text.txt cannot be used"),
    ],
)
def test_settings_that_cannot_be_are_refused(change, message):
    kind = type(load("corpus-forecast").presets["quick"])
    with pytest.raises(ValueError, match=message.split("=")[0]):
        kind.model_validate(TINY | change)


def test_distances_that_are_not_in_the_text_are_refused():
    with pytest.raises(InputError, match="lag"):
        lagged_correlation(np.zeros(5, int), 1, 5)
    with pytest.raises(InputError, match="longest"):
        ngram_losses(np.zeros(5, int), np.zeros(3, int), 1, 3)
