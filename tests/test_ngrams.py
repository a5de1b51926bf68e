"""Smoothed n-gram counts against their formulas with dictionaries, and the wrong calls."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.randomness import stream
from syntagma.statistics.ngrams import ngram_losses, scored_tokens

corpora = st.integers(1, 4).flatmap(
    lambda vocab: st.lists(st.lists(st.integers(0, vocab - 1), min_size=1, max_size=25), min_size=2, max_size=6).map(
        lambda documents: (vocab, documents)
    )
)


def grams(documents, n: int) -> Counter:
    """How often each string of n + 1 tokens occurs."""
    return Counter(tuple(one[i - n : i + 1]) for one in documents for i in range(n, len(one)))


def discounts(counts: Counter) -> dict[int, float]:
    times = Counter(counts.values())
    one, two, three, four = (times[k] for k in (1, 2, 3, 4))
    if min(one, two, three, four) == 0:
        each = one / (one + 2 * two) if one else 0.5
        found = (each, each, each)
    else:
        y = one / (one + 2 * two)
        found = (1 - 2 * y * two / one, 2 - 3 * y * three / two, 3 - 4 * y * four / three)
    return {k: min(max(d, 0.05), k) for k, d in zip((1, 2, 3), found, strict=True)}


def kneser_ney(documents, n: int, string: tuple[int, ...], vocab: int, top: bool = True) -> float:
    """The formula as it stands: counts at the top, continuations below."""
    if n < 0:
        return 1 / vocab
    counts = grams(documents, n) if top else Counter(gram[1:] for gram in grams(documents, n + 1))
    lower = kneser_ney(documents, n - 1, string[1:], vocab, top=False)
    taken, following = discounts(counts), {g: c for g, c in counts.items() if g[:-1] == string[:-1]}
    total = sum(following.values())
    if not total:
        return lower
    left = sum(taken[min(c, 3)] for c in following.values())
    count = counts[string]
    return (count - (taken[min(count, 3)] if count else 0) + left * lower) / total


def witten_bell(documents, n: int, string: tuple[int, ...], vocab: int) -> float:
    if n < 0:
        return 1 / vocab
    lower = witten_bell(documents, n - 1, string[1:], vocab)
    following = {g: c for g, c in grams(documents, n).items() if g[:-1] == string[:-1]}
    total, kinds = sum(following.values()), len(following)
    return (following.get(string, 0) + kinds * lower) / (total + kinds) if total else lower


FORMULAS = {"kneser-ney": kneser_ney, "witten-bell": witten_bell}


@pytest.mark.parametrize("smoothing", FORMULAS)
@given(corpora, st.integers(0, 3))
@settings(deadline=None, max_examples=40)
def test_losses_are_those_of_the_formula_within_documents(smoothing, corpus, longest):
    vocab, documents = corpus
    train, test = documents[: len(documents) // 2], documents[len(documents) // 2 :]
    places = [(d, i) for d, one in enumerate(test) for i in range(longest, len(one))]
    starts = [np.cumsum([0, *(len(one) for one in part[:-1])]) for part in (train, test)]
    arguments = (np.concatenate(train), np.concatenate(test), vocab, longest)
    if not places:
        with pytest.raises(InputError, match=r"longest=\d cannot be used: the longest document of the test text has"):
            ngram_losses(*arguments, smoothing=smoothing, train_documents=starts[0], test_documents=starts[1])
        return
    found = ngram_losses(*arguments, smoothing=smoothing, train_documents=starts[0], test_documents=starts[1])
    assert found.shape == (longest + 1, len(places))
    assert scored_tokens(len(arguments[1]), longest, starts[1]).sum() == len(places)
    for n in range(longest + 1):
        for column, (d, i) in enumerate(places):
            expected = FORMULAS[smoothing](train, n, tuple(test[d][i - n : i + 1]), vocab)
            assert found[n, column] == pytest.approx(-math.log(expected), abs=1e-12)


@pytest.mark.parametrize("smoothing", FORMULAS)
def test_probabilities_of_all_next_tokens_sum_to_one(smoothing):
    train = stream(0, "train").zipf(1.4, size=3000) % 7
    for context in ([0, 1, 2], [6, 6, 6], [3, 0, 5]):
        each = [ngram_losses(train, np.array([*context, w]), 7, 3, smoothing=smoothing)[:, 0] for w in range(7)]
        np.testing.assert_allclose(np.exp(-np.array(each)).sum(axis=0), 1, atol=1e-12)


def test_kneser_ney_does_better_on_a_hierarchical_text():
    """Where few tokens follow each context, and what follows often follows many."""
    from syntagma.languages import RandomHierarchy

    tokens = RandomHierarchy(16, 4, 2, 4, seed=0).sample(0, 4000).tokens.reshape(-1)
    losses = {s: ngram_losses(tokens[:48_000], tokens[48_000:], 16, 3, smoothing=s).mean(axis=1) for s in FORMULAS}
    assert losses["kneser-ney"][0] == pytest.approx(losses["witten-bell"][0], abs=0.001)
    assert (losses["kneser-ney"][2:] < losses["witten-bell"][2:]).all()


@pytest.mark.parametrize("smoothing", FORMULAS)
def test_degenerate_texts_have_the_right_value(smoothing):
    one = ngram_losses(np.array([0, 1]), np.array([0, 1, 0, 1, 1]), 2, 2, smoothing=smoothing)
    assert one.shape == (3, 3)
    expected = [
        [FORMULAS[smoothing]([[0, 1]], n, s[2 - n :], 2) for s in ((0, 1, 0), (1, 0, 1), (0, 1, 1))] for n in range(3)
    ]
    np.testing.assert_allclose(one, -np.log(expected))
    constant = ngram_losses(np.zeros(1000, int), np.zeros(50, int), 1, 5, smoothing=smoothing)
    np.testing.assert_allclose(constant, 0, atol=1e-15)
    in_two = ngram_losses(np.zeros(1000, int), np.zeros(50, int), 2, 5, smoothing=smoothing)
    assert (in_two < 0.06).all()
    never = ngram_losses(np.zeros(1000, int), np.ones(50, int), 300, 5, smoothing=smoothing)
    assert np.isfinite(never).all()
    periodic = ngram_losses(np.tile([0, 1, 2], 400), np.tile([0, 1, 2], 20), 3, 4, smoothing=smoothing).mean(axis=1)
    assert periodic[0] == pytest.approx(np.log(3), abs=0.01)
    assert (periodic[1:] < 0.01).all()
    assert ngram_losses(np.array([1]), np.array([0]), 3, 0, smoothing=smoothing).shape == (1, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": np.array([0, 5])}, "train=5 cannot be used: tokens are 0 to 2"),
        ({"test": np.array([0, 1, 2, -1, 0])}, "test=-1 cannot be used: tokens are 0 to 2"),
        ({"train": np.array([0.5, 1.0])}, "train.dtype='float64'"),
        ({"test": np.zeros((2, 5), int)}, r"test.shape=\(2, 5\)"),
        ({"train": np.zeros(0, int)}, r"len\(train\)=0"),
        ({"test": np.zeros(0, int)}, r"len\(test\)=0"),
        ({"vocab": 0}, "vocab=0"),
        ({"longest": -1}, "longest=-1"),
        ({"longest": 5}, "longest=5 cannot be used: the longest document of the test text has 5 tokens"),
        ({"longest": 1.5}, "longest=1.5"),
        ({"smoothing": "good-turing"}, "smoothing='good-turing' is unknown: there are kneser-ney, witten-bell"),
        ({"smoothing": None}, "smoothing=None is unknown"),
        ({"train_documents": [0, 9]}, "train_documents='0, ..., 9'"),
        ({"test_documents": [1]}, "test_documents='1, ..., 1'"),
    ],
)
def test_wrong_calls_are_one_line(change, message):
    given = {"train": np.array([0, 1, 2]), "test": np.array([0, 1, 2, 0, 1]), "vocab": 3, "longest": 2, **change}
    with pytest.raises(InputError, match=message) as caught:
        ngram_losses(**given)
    assert "\n" not in str(caught.value)
