"""Exchangeable languages and their oracle against all strings, all orders, all hidden sources."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.languages import CategoricalMixture, DirichletMultinomial
from syntagma.languages.exchangeable import Exchangeable
from syntagma.languages.shift import check_same_sentences, log_density_ratio
from syntagma.oracles import CategoricalMixtureOracle, has_oracle, oracle_of
from syntagma.oracles.oracle import LabelOracle
from syntagma.tasks import Label, LastToken, MaskedToken, NextToken

SIZES = {"vocab": 3, "sentence_length": 4}
STRINGS = np.array(list(itertools.product(range(3), repeat=4)))
ROWS = ((0.5, 0.5, 0.0), (0.1, 0.2, 0.7))
LANGUAGES: dict[str, Exchangeable] = {
    "urn": DirichletMultinomial(**SIZES, concentration=0.4),
    "uneven urn": DirichletMultinomial(**SIZES, concentration=(0.3, 1.0, 2.0)),
    "two sources": CategoricalMixture(**SIZES, probabilities=ROWS, weights=(0.3, 0.7)),
    "uniform": CategoricalMixture(**SIZES),
}
languages = pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES.keys())


def by_rising_factorials(alpha: tuple[float, ...], sentence: np.ndarray) -> float:
    """Polya's urn, one token after the other."""
    product, seen = 1.0, list(alpha)
    for token in sentence:
        product *= seen[token] / sum(seen)
        seen[token] += 1
    return product


def test_probability_of_every_string():
    for alpha, name in (((0.4,) * 3, "urn"), ((0.3, 1.0, 2.0), "uneven urn")):
        expected = [by_rising_factorials(alpha, x) for x in STRINGS]
        np.testing.assert_allclose(np.exp(LANGUAGES[name].log_prob(STRINGS)), expected, rtol=1e-12)
    expected = [0.3 * np.prod(np.array(ROWS[0])[x]) + 0.7 * np.prod(np.array(ROWS[1])[x]) for x in STRINGS]
    np.testing.assert_allclose(np.exp(LANGUAGES["two sources"].log_prob(STRINGS)), expected, rtol=1e-12)
    np.testing.assert_allclose(LANGUAGES["uniform"].log_prob(STRINGS), -4 * np.log(3), rtol=1e-14)


@languages
def test_probabilities_sum_to_one_and_do_not_see_the_order(language):
    before = language.log_prob(STRINGS)
    assert np.exp(before).sum() == pytest.approx(1.0, abs=1e-13)
    for order in itertools.permutations(range(4)):
        np.testing.assert_allclose(language.log_prob(STRINGS[:, order]), before, rtol=1e-13)


@languages
def test_statistics_of_counts_by_enumeration(language):
    weights = np.exp(language.log_prob(STRINGS))
    counts = language.counts(STRINGS)
    np.testing.assert_array_equal(counts, [[np.sum(x == a) for a in range(3)] for x in STRINGS])
    for distinct in np.unique(counts, axis=0):
        same = (counts == distinct).all(axis=1)
        assert np.exp(language.log_prob_of_counts(distinct)) == pytest.approx(weights[same].sum(), rel=1e-12)
    mean = weights @ counts
    np.testing.assert_allclose(language.count_mean(), mean, rtol=1e-12)
    covariance = (counts - mean).T @ (weights[:, None] * (counts - mean))
    np.testing.assert_allclose(language.count_covariance(), covariance, atol=1e-12)
    hot = np.eye(3)[STRINGS]
    pairs = np.einsum("n,nia,njb->iajb", weights, hot, hot)
    np.testing.assert_allclose(language.pair_probabilities(), pairs, atol=1e-13)
    with pytest.raises(InputError, match="each row must sum to 4 tokens"):
        language.log_prob_of_counts(np.array([2, 1, 0]))


@languages
def test_oracle_is_the_ratio_of_probabilities_of_strings(language):
    oracle = oracle_of(language)
    weights = np.exp(language.log_prob(STRINGS))
    for pattern in itertools.product([False, True], repeat=4):
        observed = np.array(pattern)
        agree = (STRINGS[:, None, observed] == STRINGS[None, :, observed]).all(axis=2)
        evidence = agree @ weights
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(oracle.log_evidence(STRINGS, observed), np.log(evidence), rtol=1e-11, atol=1e-12)
        possible = evidence > 0
        for position in range(4):
            expected = (agree[possible] * weights) @ np.eye(3)[STRINGS[:, position]] / evidence[possible, None]
            found = oracle.token_posterior(STRINGS[possible], observed, position)
            np.testing.assert_allclose(found, expected, atol=1e-12)
            each = np.broadcast_to(observed, STRINGS[possible].shape)
            np.testing.assert_array_equal(oracle.token_posterior(STRINGS[possible], each, position - 4), found)
    possible = weights > 0
    own = np.take_along_axis(oracle.next_token(STRINGS[possible]), STRINGS[possible][..., None], axis=2)
    np.testing.assert_allclose(np.log(own).sum(axis=(1, 2)), language.log_prob(STRINGS[possible]), rtol=1e-11)


@languages
def test_samples_have_the_language_s_probabilities(language):
    sample = language.sample(3, 100_000, hidden=True)
    assert sample.tokens.dtype == np.uint8
    counts = np.bincount(sample.tokens @ 3 ** np.arange(3, -1, -1), minlength=81)
    probabilities = np.exp(language.log_prob(STRINGS))
    assert counts[probabilities == 0].sum() == 0
    kept = probabilities > 0
    chi2 = np.sum((counts[kept] - 1e5 * probabilities[kept]) ** 2 / (1e5 * probabilities[kept]))
    freedom = kept.sum() - 1
    assert abs(chi2 - freedom) < 4 * np.sqrt(2 * freedom)


def test_first_sentences_are_the_same_for_every_number():
    for language in (*LANGUAGES.values(), DirichletMultinomial(vocab=300, sentence_length=2**15)):
        few = language.sample(1, 3, hidden=True)
        many = language.sample(1, 40, hidden=True)  # more than one piece of the long ones
        np.testing.assert_array_equal(few.tokens, many.tokens[:3])
        if few.labels is not None:
            np.testing.assert_array_equal(few.labels, many.labels[:3])
        assert language.language() is language
    assert many.tokens.dtype == np.uint16


def test_labels_are_the_sources():
    language = LANGUAGES["two sources"]
    assert language.sample(0, 5).labels is None
    sample = language.sample(0, 20_000, hidden=True)
    assert abs(sample.labels.mean() - 0.7) < 4 * np.sqrt(0.21 / 20_000)
    assert (sample.tokens[sample.labels == 0] < 2).all()  # the first source has no token 2
    task = Label()
    examples = task.examples(sample, language, 0)
    assert task.shape(language).outputs == 2
    posterior = task.oracle(language, examples)
    joint = np.stack([np.prod(np.array(row)[sample.tokens], axis=1) for row in ROWS], axis=1) * (0.3, 0.7)
    np.testing.assert_allclose(posterior, joint / joint.sum(axis=1, keepdims=True), rtol=1e-10, atol=1e-14)
    losses, entropies = task.oracle_losses(language, examples), -(posterior * np.log(posterior + 1e-300)).sum(axis=1)
    difference = losses - entropies
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(losses))  # calibrated
    for name in ("urn", "uniform"):
        assert LANGUAGES[name].label_kind is None
        assert not task.has_oracle(LANGUAGES[name])
    assert not has_oracle(LANGUAGES["urn"], LabelOracle)


@languages
def test_every_token_task_has_an_oracle(language):
    sample = language.sample(0, 500)
    for task in (LastToken(), NextToken(), MaskedToken()):
        assert task.has_oracle(language)
        losses = task.oracle_losses(language, task.examples(sample, language, 0))
        assert losses.shape == (500,)
    next_losses = NextToken().oracle_losses(language, NextToken().examples(sample, language, 0))
    np.testing.assert_allclose(-4 * next_losses, language.log_prob(sample.tokens), rtol=1e-11)


@given(vocab=st.integers(2, 5), length=st.integers(1, 40), alpha=st.floats(1e-3, 1e3), seed=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_urn_agrees_with_gamma_functions(vocab, length, alpha, seed):
    language = DirichletMultinomial(vocab=vocab, sentence_length=length, concentration=alpha)
    tokens = language.sample(seed, 5).tokens
    expected = [
        sum(math.lgamma(alpha + np.sum(x == a)) - math.lgamma(alpha) for a in range(vocab))
        - math.lgamma(alpha * vocab + length)
        + math.lgamma(alpha * vocab)
        for x in tokens
    ]
    np.testing.assert_allclose(language.log_prob(tokens), expected, rtol=1e-9, atol=1e-9)


def test_long_sentences_of_many_sources():
    rows = np.random.default_rng(0).dirichlet(np.full(20, 0.2), 6)
    language = CategoricalMixture(vocab=20, sentence_length=1024, probabilities=tuple(map(tuple, rows.tolist())))
    tokens = language.sample(0, 40).tokens
    own = np.take_along_axis(oracle_of(language).next_token(tokens), tokens[..., None].astype(int), axis=2)
    np.testing.assert_allclose(np.log(own).sum(axis=(1, 2)), language.log_prob(tokens), rtol=1e-11)


def test_what_the_language_cannot_make():
    language = LANGUAGES["two sources"]
    only_first = CategoricalMixture(**SIZES, probabilities=ROWS[:1])
    sentence = np.array([[0, 2, 1, 1]])
    assert only_first.log_prob(sentence) == -np.inf
    assert np.isfinite(language.log_prob(sentence))
    oracle = CategoricalMixtureOracle(only_first)
    for ask in (
        lambda: oracle.next_token(sentence),
        lambda: oracle.token_posterior(sentence, np.ones(4, bool), 0),
        lambda: oracle.label_posterior(sentence),
    ):
        with pytest.raises(InputError, match=r"tokens\[0\]='0 2 1 1' has no posterior: the language cannot make"):
            ask()


def test_density_ratio_moves_expectations_to_the_shifted_language():
    train, test = LANGUAGES["urn"], LANGUAGES["uneven urn"]
    ratio = np.exp(log_density_ratio(STRINGS, train, test))
    probabilities = np.exp(train.log_prob(STRINGS))
    np.testing.assert_allclose(probabilities * ratio, np.exp(test.log_prob(STRINGS)), rtol=1e-12)
    narrow, outside = CategoricalMixture(**SIZES, probabilities=ROWS[:1]), np.array([[0, 2, 1, 1]])
    assert log_density_ratio(outside, narrow, train) == np.inf
    with pytest.raises(InputError, match=r"tokens\[0\]=\[0, 2, 1, 1\] cannot be used: neither language can make it"):
        log_density_ratio(outside, narrow, narrow)
    longer = DirichletMultinomial(vocab=3, sentence_length=5)
    with pytest.raises(InputError, match=r"test_language.sentence_length=5 .* trained on has sentence_length=4"):
        check_same_sentences(train, longer)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (DirichletMultinomial, {"concentration": 0.0}, "concentration=0.0 cannot be used: it must be positive"),
        (DirichletMultinomial, {"concentration": (1.0, 2.0)}, "one for each of the 3 tokens"),
        (DirichletMultinomial, {"concentration": float("nan")}, "finite number"),
        (DirichletMultinomial, {"vocab": 1}, "greater than or equal to 2"),
        (CategoricalMixture, {"probabilities": ((0.5, 0.5),)}, r"probabilities.shape=\(1, 2\) .* rows of 3 prob"),
        (CategoricalMixture, {"probabilities": ((0.5, 0.5), (1.0,))}, "its rows differ in length"),
        (CategoricalMixture, {"probabilities": ((1.0, 0, 0), (0.5, 0.6, 0))}, r"probabilities\[1\]=\[0.5, 0.6, 0.0\]"),
        (CategoricalMixture, {"probabilities": ((1.5, -0.5, 0),)}, r"not negative and sum to 1"),
        (CategoricalMixture, {"weights": (0.5, 0.5)}, r"weights.shape=\(1, 2\)"),
        (CategoricalMixture, {"alpha": 1}, "alpha"),
    ],
)
def test_bad_settings_are_named(kind, fields, message):
    with pytest.raises(InputError, match=message):
        kind(**{**SIZES, **fields})


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (np.zeros((2, 5), int), r"tokens.shape=\(2, 5\) .* \(sentences, 4\)"),
        (np.full((2, 4), 3), "tokens=3 cannot be used: tokens are 0 to 2"),
        (np.zeros((2, 4)), "tokens.dtype='float64'"),
    ],
)
def test_bad_tokens_are_named(tokens, message):
    with pytest.raises(InputError, match=message):
        LANGUAGES["urn"].log_prob(tokens)


@pytest.mark.parametrize(
    ("position", "message"),
    [(4, "position=4 .* sentences have 4 tokens"), (-5, "position=-5"), (np.zeros(3, int), r"shape \(3,\)")],
)
def test_bad_positions_are_named(position, message):
    with pytest.raises(InputError, match=message):
        oracle_of(LANGUAGES["urn"]).token_posterior(STRINGS, np.ones(4, bool), position)
