"""Zipf's and Heaps's exponents of texts that are made to have them."""

from __future__ import annotations

import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.randomness import stream
from syntagma.statistics.frequencies import token_frequencies


def zipf_text(exponent: float, vocab: int, length: int) -> np.ndarray:
    weights = np.arange(1.0, vocab + 1) ** -exponent
    return stream(0, "zipf").permutation(vocab)[stream(1, "zipf").choice(vocab, size=length, p=weights / weights.sum())]


@pytest.mark.parametrize("exponent", [0.6, 1.0, 1.5])
def test_zipf_exponents_are_found_again(exponent):
    found = token_frequencies(zipf_text(exponent, 2000, 400_000), 2000)
    assert abs(found.zipf.value - exponent) < max(4 * found.zipf.standard_error, 0.03)
    assert found.zipf.standard_error < 0.02
    assert (np.diff(found.frequencies) < 0).all()


def test_equal_tokens_have_no_exponent_although_counts_of_one_half_alone_would_fall():
    found = token_frequencies(stream(0, "tokens").integers(500, size=100_000), 500)
    assert abs(found.zipf.value) < 4 * found.zipf.standard_error + 0.005
    np.testing.assert_allclose(found.frequencies, 1 / 500, rtol=0.2)


def test_the_vocabulary_grows_as_the_exact_expectation_says():
    """n draws of p have sum_a 1 - (1 - p_a)^n different tokens."""
    vocab = 50_000
    weights = np.arange(1.0, vocab + 1) ** -1.5
    p = weights / weights.sum()
    found = token_frequencies(zipf_text(1.5, vocab, 800_000), vocab)
    exact = np.array([(-np.expm1(n * np.log1p(-p))).sum() for n in found.sizes])
    np.testing.assert_allclose(found.distinct, exact, rtol=0.02)
    slope = np.polyfit(np.log(found.sizes), np.log(exact), 1)[0]
    assert abs(found.heaps.value - slope) < 4 * found.heaps.standard_error + 0.002
    assert slope == pytest.approx(1 / 1.5, abs=0.05)  # Heaps's exponent is the inverse of Zipf's


def test_degenerate_texts():
    constant = token_frequencies(np.zeros(10_000, int), 3)
    assert np.isnan(constant.zipf.value)
    assert constant.heaps.value == pytest.approx(0, abs=1e-12)
    assert constant.distinct.tolist() == [1.0] * 9
    periodic = token_frequencies(np.arange(20_000) % 2, 2)
    assert periodic.heaps.value == pytest.approx(0, abs=1e-12)
    new = token_frequencies(np.arange(8192), 8192)
    assert new.heaps.value == pytest.approx(1)
    assert np.isnan(new.zipf.value)
    assert len(new.ranks) == 0


@pytest.mark.parametrize(
    ("tokens", "vocab", "message"),
    [
        (np.zeros(8191, int), 2, r"len\(tokens\)=8191 cannot be used: 8192 are needed"),
        (np.full(9000, 2), 2, "tokens=2"),
        (np.zeros(9000), 2, "tokens.dtype='float64'"),
        (np.zeros(9000, int), 0, "vocab=0"),
    ],
)
def test_wrong_calls_are_one_line(tokens, vocab, message):
    with pytest.raises(InputError, match=message):
        token_frequencies(tokens, vocab)
