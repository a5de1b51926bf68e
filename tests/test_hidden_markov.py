"""Hidden Markov languages and the forward oracle against sums over all hidden paths and all strings."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from syntagma.errors import InputError
from syntagma.languages import CategoricalMixture, DirichletMultinomial, HiddenMarkov, RandomHiddenMarkov
from syntagma.languages._categorical import Categorical, dirichlet
from syntagma.languages._draws import random_bits
from syntagma.languages.hidden_markov import Chain, HiddenMarkovLanguage
from syntagma.languages.settings import AnyLanguage
from syntagma.oracles import ForwardOracle, oracle_of
from syntagma.randomness import stream
from syntagma.tasks import Label, LastToken, MaskedToken, NextToken

SIZES = {"vocab": 3, "sentence_length": 4}
STRINGS = np.array(list(itertools.product(range(3), repeat=4)))
LEFT_TO_RIGHT = Chain(
    start=(1.0, 0.0), transitions=((0.6, 0.4), (0.0, 1.0)), emissions=((0.9, 0.1, 0.0), (0.0, 0.3, 0.7)), weight=3.0
)
ERGODIC = Chain(start=(0.2, 0.8), transitions=((0.5, 0.5), (0.9, 0.1)), emissions=((0.2, 0.2, 0.6), (0.1, 0.8, 0.1)))
LANGUAGES: dict[str, HiddenMarkovLanguage] = {
    "left to right": HiddenMarkov(**SIZES, models=(LEFT_TO_RIGHT,)),
    "two given": HiddenMarkov(**SIZES, models=(LEFT_TO_RIGHT, ERGODIC)),
    "random": RandomHiddenMarkov(**SIZES, states=3, seed=4),
    "three random": RandomHiddenMarkov(
        **SIZES, states=2, num_models=3, transition_concentration=0.3, emission_concentration=0.5, seed=1
    ),
}
UNEVEN_URN = DirichletMultinomial(**SIZES, concentration=(1.0, 2.0, 3.0))
languages = pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES.keys())


def by_paths(language: HiddenMarkovLanguage, sentence: np.ndarray) -> np.ndarray:
    """P(model, sentence), summed over every hidden path."""
    chains = language.chains()
    states = range(chains.start.shape[1])
    totals = np.zeros(len(chains.weights))
    for k, weight in enumerate(chains.weights):
        for path in itertools.product(states, repeat=len(sentence)):
            p = weight * chains.start[k, path[0]]
            for before, after in itertools.pairwise(path):
                p *= chains.transitions[k, before, after]
            for state, token in zip(path, sentence, strict=True):
                p *= chains.emissions[k, state, token]
            totals[k] += p
    return totals


@languages
def test_probability_of_every_string_is_the_sum_over_paths(language):
    joint = np.array([by_paths(language, x) for x in STRINGS])
    np.testing.assert_allclose(np.exp(language.log_prob(STRINGS)), joint.sum(axis=1), rtol=1e-12)
    assert np.exp(language.log_prob(STRINGS)).sum() == pytest.approx(1.0, abs=1e-13)
    possible = joint.sum(axis=1) > 0
    posterior = ForwardOracle(language).label_posterior(STRINGS[possible])
    np.testing.assert_allclose(posterior, (joint / joint.sum(axis=1, keepdims=True).clip(1e-300))[possible], rtol=1e-11)


@languages
def test_oracle_is_the_ratio_of_probabilities_of_strings(language):
    oracle = oracle_of(language)
    assert isinstance(oracle, ForwardOracle)
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
    possible = weights > 0
    following = oracle.next_token(STRINGS[possible])
    for t in range(4):
        np.testing.assert_allclose(
            following[:, t], oracle.token_posterior(STRINGS[possible], np.arange(4) < t, t), rtol=1e-11, atol=1e-14
        )
    own = np.take_along_axis(following, STRINGS[possible][..., None], axis=2)
    np.testing.assert_allclose(np.log(own).sum(axis=(1, 2)), language.log_prob(STRINGS[possible]), rtol=1e-11)


@languages
def test_a_position_of_its_own_for_each_sentence(language):
    rng = np.random.default_rng(0)
    tokens = language.sample(0, 200).tokens
    where, observed = rng.integers(4, size=200), rng.random((200, 4)) < 0.5
    oracle = ForwardOracle(language)
    found = oracle.token_posterior(tokens, observed, where)
    for row in range(0, 200, 7):
        alone = oracle.token_posterior(tokens[[row]], observed[row], int(where[row]))
        np.testing.assert_allclose(found[row], alone[0], rtol=1e-12, atol=1e-15)


@languages
def test_pair_probabilities_by_enumeration(language):
    hot = np.eye(3)[STRINGS]
    pairs = np.einsum("n,nia,njb->iajb", np.exp(language.log_prob(STRINGS)), hot, hot)
    np.testing.assert_allclose(language.pair_probabilities(), pairs, atol=1e-13)


@languages
def test_samples_have_the_language_s_probabilities(language):
    sample = language.sample(5, 100_000, hidden=True)
    assert sample.tokens.dtype == np.uint8
    counts = np.bincount(sample.tokens @ 3 ** np.arange(3, -1, -1), minlength=81)
    probabilities = np.exp(language.log_prob(STRINGS))
    assert counts[probabilities == 0].sum() == 0
    kept = 1e5 * probabilities > 1
    chi2 = np.sum((counts[kept] - 1e5 * probabilities[kept]) ** 2 / (1e5 * probabilities[kept]))
    assert abs(chi2 - kept.sum() + 1) < 4 * np.sqrt(2 * kept.sum())
    few = language.sample(5, 30, hidden=True)
    np.testing.assert_array_equal(few.tokens, sample.tokens[:30])
    if language.num_classes is None:
        assert sample.labels is None
        assert not Label().has_oracle(language)
    else:
        np.testing.assert_array_equal(few.labels, sample.labels[:30])
        examples = Label().examples(sample, language, 0)
        losses, posterior = Label().oracle_losses(language, examples), Label().oracle(language, examples)
        surprise = losses + (posterior * np.log(np.maximum(posterior, 1e-300))).sum(axis=1)
        assert abs(surprise.mean()) < 4 * surprise.std() / np.sqrt(len(losses))  # labels are what the posterior says
    assert language.sample(5, 30).labels is None


@languages
def test_token_tasks_ask_the_oracle(language):
    sample = language.sample(0, 300)
    last = LastToken().oracle(language, LastToken().examples(sample, language, 0))
    masked = MaskedToken(position=-1)
    np.testing.assert_allclose(last, masked.oracle(language, masked.examples(sample, language, 0)), rtol=1e-12)
    everywhere = NextToken().oracle(language, NextToken().examples(sample, language, 0))
    np.testing.assert_allclose(last, everywhere[:, -1], rtol=1e-12, atol=1e-15)


def test_long_sentences_keep_their_digits():
    language = RandomHiddenMarkov(vocab=8, sentence_length=1024, states=6, num_models=3, seed=2)
    tokens = language.sample(0, 20).tokens
    oracle = ForwardOracle(language)
    log_prob = language.log_prob(tokens)
    assert (log_prob < -1000).all()  # far below the smallest float64
    own = np.take_along_axis(oracle.next_token(tokens), tokens[..., None].astype(int), axis=2)
    np.testing.assert_allclose(np.log(own).sum(axis=(1, 2)), log_prob, rtol=1e-13)
    hide = np.arange(1024) != 500
    values = np.repeat(tokens, 8, axis=0)
    values[:, 500] = np.tile(np.arange(8), 20)
    each = language.log_prob(values).reshape(20, 8)
    np.testing.assert_allclose(oracle.log_evidence(tokens, hide), np.logaddexp.reduce(each, axis=1), rtol=1e-13)
    expected = np.exp(each - np.logaddexp.reduce(each, axis=1)[:, None])
    np.testing.assert_allclose(oracle.token_posterior(tokens, hide, 500), expected, rtol=1e-10)


def test_states_that_underflow_come_back_when_the_others_die():
    """Two states that never change: 500 zeros speak for the first by 10^1000, then 1000 ones for the second."""
    still = ((1.0, 0.0), (0.0, 1.0))
    chain = Chain(start=(0.5, 0.5), transitions=still, emissions=((0.99, 0.01), (0.01, 0.99)))
    language = HiddenMarkov(vocab=2, sentence_length=1501, models=(chain,))
    tokens = np.array([[0] * 500 + [1] * 1000 + [1]])
    exact = np.logaddexp(*(500 * np.log([0.99, 0.01]) + 1001 * np.log([0.01, 0.99]))) + np.log(0.5)
    np.testing.assert_allclose(language.log_prob(tokens), exact, rtol=1e-13)
    oracle = ForwardOracle(language)
    np.testing.assert_allclose(oracle.next_token(tokens)[0, [500, 1500]], [[0.99, 0.01], [0.01, 0.99]], rtol=1e-12)
    everything_else = np.arange(1501) != 100
    np.testing.assert_allclose(oracle.token_posterior(tokens, everything_else, 100), [[0.01, 0.99]], rtol=1e-12)


def test_a_model_is_the_same_in_every_mixture_and_seeds_differ():
    fields = {**SIZES, "states": 2, "seed": 3}
    two, three = (RandomHiddenMarkov(**fields, num_models=k).chains() for k in (2, 3))
    np.testing.assert_array_equal(two.emissions, three.emissions[:2])
    np.testing.assert_array_equal(two.transitions, three.transitions[:2])
    assert not np.array_equal(two.transitions[0], two.transitions[1])
    other = RandomHiddenMarkov(**{**fields, "seed": 4}).chains()
    assert not np.array_equal(two.emissions[0], other.emissions[0])


@pytest.mark.parametrize("concentration", [0.05, 0.7, 1.0, 30.0])
def test_dirichlet_has_its_moments(concentration):
    rows = dirichlet(stream(0, "test"), concentration, 20_000, 4)
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, rtol=1e-12)
    squares = rows**2  # E p^2 = (a + 1) / (4 (4 a + 1)), E p = 1/4
    for found, expected in ((rows, 0.25), (squares, (concentration + 1) / (4 * (4 * concentration + 1)))):
        error = found.std(axis=0) / np.sqrt(len(found))
        assert (np.abs(found.mean(axis=0) - expected) < 4.5 * error).all()


def test_alias_draws_have_their_probabilities():
    law = np.array([[0.0, 0.125, 0.875, 0.0], [0.25, 0.25, 0.25, 0.25]])
    rows = np.repeat([0, 1], 50_000)
    drawn = Categorical(law).draw(rows, random_bits(stream(1, "test"), 100_000, np.uint64))
    for row in (0, 1):
        counts = np.bincount(drawn[rows == row], minlength=4)
        assert (np.abs(counts - 5e4 * law[row]) <= 4 * np.sqrt(5e4 * law[row] * (1 - law[row]))).all()


@pytest.mark.parametrize(
    "language", [*LANGUAGES.values(), DirichletMultinomial(**SIZES, concentration=(1.0, 2.0, 3.0))]
)
def test_languages_are_settings_told_apart_by_kind(language):
    adapter: TypeAdapter[AnyLanguage] = TypeAdapter(AnyLanguage)
    read = adapter.validate_json(language.model_dump_json())
    assert read == language
    assert hash(read) == hash(language)
    assert "branching" not in language.model_dump()
    np.testing.assert_array_equal(read.language().sample(0, 5).tokens, language.sample(0, 5).tokens)
    with pytest.raises(ValidationError, match="hidden-markof"):
        adapter.validate_python({"kind": "hidden-markof"})


def test_a_changed_copy_is_another_language():
    changes = (
        (LANGUAGES["random"], {"seed": 5}),
        (LANGUAGES["two given"], {"models": (ERGODIC,)}),
        (UNEVEN_URN, {"concentration": 0.1}),
        (CategoricalMixture(**SIZES), {"probabilities": ((0.7, 0.2, 0.1),)}),
    )
    for language, change in changes:
        before, tokens = language.log_prob(STRINGS), language.sample(0, 50).tokens
        copy, fresh = language.model_copy(update=change), type(language)(**{**language.model_dump(), **change})
        np.testing.assert_array_equal(copy.log_prob(STRINGS), fresh.log_prob(STRINGS))
        np.testing.assert_array_equal(copy.sample(0, 50).tokens, fresh.sample(0, 50).tokens)
        assert np.abs(copy.log_prob(STRINGS) - before).max() > 0.01
        assert not np.array_equal(copy.sample(0, 50).tokens, tokens)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": (0.5, 0.6)}, r"models\[0\].start\[0\]=\[0.5, 0.6\] .* sum to 1"),
        ({"transitions": ((1.0, 0.0),)}, r"models\[0\].transitions.shape=\(1, 2\) cannot be used: it must be \(2, 2\)"),
        ({"emissions": ((0.5, 0.5), (0.5, 0.5))}, r"models\[0\].emissions.shape=\(2, 2\) .* rows of 3"),
        ({"weight": 0.0}, "greater than 0"),
    ],
)
def test_bad_matrices_are_named(change, message):
    with pytest.raises(InputError, match=message):
        HiddenMarkov(**SIZES, models=(Chain(**{**LEFT_TO_RIGHT.model_dump(), **change}),))


def test_what_the_language_cannot_make():
    language = LANGUAGES["left to right"]
    sentence = np.array([[2, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(np.isfinite(language.log_prob(sentence)), [False, True])
    oracle = ForwardOracle(language)
    for ask in (oracle.next_token, oracle.label_posterior):
        with pytest.raises(InputError, match=r"tokens\[0\]='2 0 0 0' has no posterior: the language cannot make"):
            ask(sentence)
    with pytest.raises(InputError, match="cannot make its observed tokens"):
        oracle.token_posterior(sentence, np.ones(4, bool), 0)
