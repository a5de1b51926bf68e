"""Bounds of entropies against exact ones, and the exponents with which they fall."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.languages import RandomHierarchy
from syntagma.oracles import oracle_of
from syntagma.randomness import stream
from syntagma.statistics.context_tree import context_tree_losses
from syntagma.statistics.entropies import EntropyBounds, entropy_bounds
from syntagma.statistics.entropy_decay import fit_entropy_decay
from syntagma.statistics.ngrams import ngram_losses


def exact(contexts, values, blocks: int = 10) -> EntropyBounds:
    """Bounds that are the entropies themselves, without errors."""
    values = np.asarray(values, float)
    zero, repeated = np.zeros(len(values)), np.tile(values, (blocks, 1))
    return EntropyBounds(np.asarray(contexts), values, zero, repeated, zero, ("exact",) * len(values))


def markov(seed: int, length: int) -> np.ndarray:
    return (np.cumsum(stream(seed, "flips").random(length) >= 0.9) % 2).astype(np.uint8)


def test_bounds_are_the_best_estimator_by_validation_and_their_value_is_by_test():
    tokens = stream(0, "tokens").zipf(1.5, size=6000) % 5
    tokens[2::3] = tokens[0::3][: len(tokens[2::3])]
    train, validation, test = tokens[:4000], tokens[4000:5000], tokens[5000:]
    found = entropy_bounds(train, validation, test, 5, 3, blocks=10)
    for n in range(4):
        pairs = (train, validation), (train, test), (train[2000:], test)
        choices = {
            name: [ngram_losses(part, text, 5, 3, smoothing=name)[n] for part, text in pairs]
            for name in ("witten-bell", "kneser-ney")
        }
        trees = (context_tree_losses(part, [(text, None, "text")], 5, 3)[0][n] for part, text in pairs)
        choices["context tree"] = list(trees)
        best = min(choices, key=lambda name: choices[name][0].mean())
        assert found.estimators[n] == best
        whole = choices[best][1]
        blocks = whole[: len(whole) // 10 * 10].reshape(10, -1).mean(axis=1)
        np.testing.assert_allclose(found.by_block[:, n], blocks)
        assert found.values[n] == pytest.approx(blocks.mean())
        assert found.errors[n] == pytest.approx(blocks.std(ddof=1) / 10**0.5)
        assert found.doubling[n] == pytest.approx(choices[best][2].mean() - whole.mean())


def test_bounds_of_a_markov_chain_reach_its_entropy_and_say_that_context_ends():
    tokens = markov(0, 300_000)
    found = entropy_bounds(tokens[:200_000], tokens[200_000:230_000], tokens[230_000:], 2, 4)
    rate = -0.9 * np.log(0.9) - 0.1 * np.log(0.1)
    assert (np.abs(found.values[1:] - rate) < 4 * found.errors[1:]).all()
    assert abs(found.values[0] - np.log(2)) < 0.001
    decay = fit_entropy_decay(found)
    assert np.isnan(decay.gamma)
    assert "bounds are tight up to n = " in decay.reason
    assert "4 lengths of context are needed" in decay.reason


def test_shuffled_text_has_nothing_to_forecast():
    tokens = stream(0, "tokens").integers(30, size=60_000)
    found = entropy_bounds(tokens[:50_000], tokens[50_000:53_000], tokens[53_000:], 30, 4)
    assert found.tight.tolist() == [True, False, False, False, False]
    decay = fit_entropy_decay(found)
    assert np.isnan(decay.gamma)
    assert decay.reason.startswith("bounds are tight up to n = 0, more context lowers no bound beyond n = 0, and 4")


def test_documents_and_the_most_that_is_counted():
    tokens = stream(0, "tokens").integers(3, size=3000)
    starts = np.arange(0, 2000, 10)
    limited = entropy_bounds(
        tokens[:2000],
        tokens[2000:2500],
        tokens[2500:],
        3,
        2,
        blocks=5,
        documents=(starts, None, None),
        most_counted=995,
    )
    short = np.concatenate([[0], np.arange(5, 995, 10)])
    direct = entropy_bounds(
        tokens[1005:2000], tokens[2000:2500], tokens[2500:], 3, 2, blocks=5, documents=(short, None, None)
    )
    np.testing.assert_array_equal(limited.values, direct.values)


@given(st.floats(0.1, 1.5), st.floats(0.3, 3.0), st.floats(0.2, 2.0))
@settings(deadline=None, max_examples=15)
def test_a_power_with_a_limit_is_found_and_held(gamma, amplitude, limit):
    n = np.arange(1, 31)
    decay = fit_entropy_decay(exact(n, limit + amplitude * n**-gamma))
    assert decay.gamma_low <= gamma * 1.001
    assert decay.gamma_high >= gamma * 0.999
    assert decay.limit_low <= limit <= decay.limit_high * 1.01
    assert decay.misfits.min() < 0.5
    assert decay.gamma == pytest.approx(gamma, rel=0.2, abs=0.1)
    assert (np.diff(decay.gammas) > 0).all()  # the larger the limit, the larger gamma


def test_the_limit_is_bounded_by_what_is_given_and_what_is_measured():
    n = np.arange(1, 5)
    values = 1.0 + 1.0 * n**-0.5
    free = fit_entropy_decay(exact(n, values))
    assert free.limit_low == 0.0
    assert 0.9 < free.limit_high < values.min()
    held = fit_entropy_decay(exact(n, values), lowest=0.8)
    assert held.limit_low >= 0.8
    assert held.gamma_low > free.gamma_low
    above = fit_entropy_decay(exact(n, values), lowest=2.0)
    assert "is not above the lowest limit, 2 nats" in above.reason


def test_gamma_of_the_random_hierarchy_is_the_exact_one_where_its_levels_are_deep():
    """L_l - L_inf falls by f = 1/2 a level of two tokens: gamma = ln 2 / ln 2 = 1, from level 2 on."""
    plateaus = np.mean(
        [[e.value for e in oracle_of(RandomHierarchy(16, 8, 2, 5, seed=seed)).plateaus()] for seed in range(4)], axis=0
    )
    decay = fit_entropy_decay(exact(2 ** np.arange(2, 6), plateaus[2:]), tolerance=0.05)
    assert decay.gamma_low <= 1.0 <= decay.gamma_high
    assert decay.gamma_high - decay.gamma_low < 1.0


def test_what_is_no_power_is_said():
    n = np.arange(1, 13)
    decay = fit_entropy_decay(exact(n, 1 + np.exp(-((n / 4.0) ** 2)) + 0.01 * np.exp(-n)))
    assert decay.reason == "the entropies do not fall as a power of n to any limit"


def test_networks_lower_bounds():
    n = np.arange(8)
    counts = exact(n, 1 + (n + 1.0) ** -0.3)
    networks = np.where(n >= 4, 0.9 + (n + 1.0) ** -0.3, np.nan)
    both = counts.lowered_by(networks, np.full(8, 0.01), "network", doubling=np.full(8, 0.001))
    np.testing.assert_allclose(both.values[:4], counts.values[:4])
    np.testing.assert_allclose(both.values[4:], networks[4:])
    assert both.estimators == ("exact",) * 4 + ("network",) * 4
    assert both.doubling.tolist() == [0.0] * 4 + [0.001] * 4
    np.testing.assert_allclose(both.by_block.mean(axis=0), both.values)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: entropy_bounds(t[:1], t, t, 3, 1), r"len\(train\)=1 .* 2 are needed"),
        (lambda t: entropy_bounds(t, t + 1, t, 3, 1), "validation=3 cannot be used"),
        (lambda t: entropy_bounds(t, t, t * 1.0, 3, 1), "test.dtype='float64'"),
        (lambda t: entropy_bounds(t, t[:2], t, 3, 2), "longest=2 .* document of the validation text has 2 tokens"),
        (lambda t: entropy_bounds(t, t, t[:9], 3, 2, blocks=8), "blocks=8 .* 7 test tokens have 2 before them"),
        (lambda t: entropy_bounds(t, t, t, 3, 2, blocks=1), "blocks=1"),
        (lambda t: entropy_bounds(t, t, t, 3, 2, most_counted=1), "most_counted=1"),
        (lambda t: fit_entropy_decay(exact([1, 2], [2, 1]), tolerance=0), "tolerance=0"),
        (lambda t: exact([1, 2], [2, 1]).lowered_by(np.ones(3), np.ones(2), "x"), r"losses.shape=\(3,\)"),
    ],
)
def test_wrong_calls_are_one_line(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call(np.array([0, 1, 2] * 20))
    assert "\n" not in str(caught.value)
