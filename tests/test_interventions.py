"""Interventions against the exact law of what they leave, from all sentences of small grammars."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.languages import RandomHierarchy
from syntagma.languages.interventions import Intervention, exchange_rules, resample_rule, resample_symbol
from syntagma.languages.language import Sample
from test_hierarchy import assert_frequencies
from test_tree_oracle import Enumeration, languages

ZIPF = RandomHierarchy(3, 2, 2, 2, rule_probabilities=0.8, seed=3)
TERNARY = RandomHierarchy(2, 2, 3, 2, num_classes=3, rule_probabilities=[0.7, 0.3], seed=1)
BINARY = RandomHierarchy(3, 2, 2, 3, rule_probabilities=[0.4, 0.6], seed=5)
DRAWS = 4000


def span(language: RandomHierarchy, level: int, position: int) -> np.ndarray:
    """`[T]`, the tokens below the node."""
    size = language.branching**level
    return np.arange(language.sentence_length) // size == position


def copies(language: RandomHierarchy, seed: int, count: int = DRAWS) -> Sample:
    return language.parse(np.repeat(language.sample(seed, 1).tokens, count, axis=0))


def counted(after: Intervention) -> Counter[tuple[int, ...]]:
    return Counter(map(tuple, after.sample.tokens.tolist()))


def assert_law(after: Intervention, tokens: np.ndarray, weights: np.ndarray) -> None:
    """Frequencies of what came out, rare outcomes made one."""
    law: dict[tuple[int, ...], float] = {}
    for row, p in zip(map(tuple, tokens.tolist()), weights / weights.sum(), strict=True):
        if p > 0:
            law[row] = law.get(row, 0.0) + p
    counts, common = counted(after), {row for row, p in law.items() if p * DRAWS > 8}
    assert set(counts) <= set(law)
    merged: Counter = Counter()
    for row, count in counts.items():
        merged[row if row in common else "rare"] += count
    expected = {row: law[row] for row in common}
    rest = 1.0 - sum(expected.values())
    if rest * DRAWS > 8:
        expected["rare"] = rest
    else:
        merged.pop("rare", None)
    if len(expected) > 1:
        assert_frequencies(merged, expected)
    assert len(common) > 0


NODES = [(language, level) for language in (ZIPF, TERNARY, BINARY) for level in range(1, language.depth + 1)]


@pytest.mark.parametrize("different", [False, True])
@pytest.mark.parametrize(("language", "level"), NODES)
def test_resampled_rules_follow_the_law_of_sentences_with_that_symbol_there(language, level, different):
    everything = Enumeration(language)
    position = language.branching ** (language.depth - level) - 1
    before = copies(language, 7)
    after = resample_rule(language, before, level, position, seed=1, different=different)
    assert after.applied.all()
    inside = span(language, level, position)
    sentence, hidden = before.tokens[0], before.levels
    weights = everything.agreeing(sentence, ~inside)
    weights = weights * (everything.levels[level][:, position] == hidden[level][0, position])
    rule = language.parse(everything.tokens).rules[level - 1][:, position]
    if different:
        weights = weights * (rule != before.rules[level - 1][0, position])
    assert_law(after, everything.tokens, weights)


@pytest.mark.parametrize("law", ["marginal", "conditional"])
@pytest.mark.parametrize("different", [False, True])
@pytest.mark.parametrize(("language", "level"), [(a, b) for a, b in NODES] + [(ZIPF, 0), (TERNARY, 0)])
def test_resampled_symbols_follow_their_law(language, level, different, law):
    everything = Enumeration(language)
    position = language.branching ** (language.depth - level) - 1
    before = copies(language, 11)
    after = resample_symbol(language, before, level, position, seed=2, different=different, law=law)
    inside = span(language, level, position)
    old = before.levels[level][0, position]
    if law == "conditional":
        weights = everything.agreeing(before.tokens[0], ~inside)
        tokens = everything.tokens
    else:  # what stands below the node, by its probability whatever stands beside it, put into the sentence
        weights = everything.prob
        tokens = np.where(inside, everything.tokens, before.tokens[0])
    if different:
        weights = weights * (everything.levels[level][:, position] != old)
    if weights.sum() < 1e-12:
        assert not after.applied.any()
        np.testing.assert_array_equal(after.sample.tokens, before.tokens)
    else:
        assert after.applied.all()
        assert_law(after, tokens, weights)


@settings(max_examples=40, deadline=None)
@given(language=languages(), seed=st.integers(0, 1000), data=st.data())
def test_what_changes_is_below_the_node_and_everything_returned_is_consistent(language, seed, data):
    sample = language.sample(seed, 20, hidden=True)
    level = data.draw(st.integers(1, language.depth))
    count = language.branching ** (language.depth - level)
    position = data.draw(st.integers(-count, count - 1))
    different = data.draw(st.booleans())
    rule = resample_rule(language, sample, level, position, seed, different=different)
    symbol = resample_symbol(language, sample, level, position, seed, different=different, law="conditional")
    loose = resample_symbol(language, sample, level, position, seed, different=different)
    inside = span(language, level, position % count)
    for after in (rule, symbol, loose):
        np.testing.assert_array_equal(after.changed, after.sample.tokens != sample.tokens)
        assert not after.changed[:, ~inside].any()
        assert not after.changed[~after.applied].any()
        again = language.parse(after.sample.tokens, strict=after is not loose)
        for found, expected in zip(
            (*again.levels, *again.rules), (*after.sample.levels, *after.sample.rules), strict=True
        ):
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype
        for lower in range(1, language.depth + 1):
            assert after.sample.levels[lower].shape == sample.levels[lower].shape
    assert np.isfinite(language.log_prob(rule.sample.tokens)).all()
    assert np.isfinite(language.log_prob(symbol.sample.tokens)).all()
    np.testing.assert_array_equal(rule.sample.levels[level], sample.levels[level])
    for higher in range(level, language.depth):
        np.testing.assert_array_equal(rule.sample.rules[higher], sample.rules[higher])
    if different:
        new, old = (s.rules[level - 1][:, position] for s in (rule.sample, sample))
        np.testing.assert_array_equal(new != old, rule.applied)
        assert rule.changed[rule.applied].any(axis=1).all()  # right-hand sides differ, and parsing is unambiguous
        for after in (symbol, loose):
            new = after.sample.levels[level][:, position]
            np.testing.assert_array_equal(new != sample.levels[level][:, position], after.applied)


def test_exchanging_two_rules_swaps_them_everywhere_and_twice_is_nothing():
    for language in (ZIPF, TERNARY, BINARY):
        sample = language.sample(0, 300, hidden=True)
        for level in range(1, language.depth + 1):
            after = exchange_rules(language, sample, level, 0, 1)
            np.testing.assert_array_equal(after.sample.rules[level - 1], 1 - sample.rules[level - 1])
            for other in set(range(language.depth)) - {level - 1}:
                np.testing.assert_array_equal(after.sample.rules[other], sample.rules[other])
            assert after.applied.all()
            parsed = language.parse(after.sample.tokens)
            for found, expected in zip(after.sample.levels, parsed.levels, strict=True):
                np.testing.assert_array_equal(found, expected)
            ratio = language.weights[0][0, 1] / language.weights[0][0, 0]  # the same for every symbol
            flips = np.where(sample.rules[level - 1] == 0, 1, -1).sum(axis=1)
            change = language.log_prob(after.sample.tokens) - language.log_prob(sample.tokens)
            np.testing.assert_allclose(change, flips * np.log(ratio), atol=1e-9)
            back = exchange_rules(language, after.sample, level, 1, 0)
            np.testing.assert_array_equal(back.sample.tokens, sample.tokens)
            one = exchange_rules(language, sample, level, 0, 1, position=-1)
            assert not one.changed[:, ~span(language, level, after.sample.levels[level].shape[1] - 1)].any()
            np.testing.assert_array_equal(one.sample.rules[level - 1][:, -1], 1 - sample.rules[level - 1][:, -1])


def test_exchange_applies_only_where_one_of_the_rules_occurs():
    language = RandomHierarchy(4, 3, 2, 2, seed=1)
    sample = language.sample(0, 200, hidden=True)
    after = exchange_rules(language, sample, 2, 0, 2)
    np.testing.assert_array_equal(after.applied, sample.rules[1][:, 0] != 1)
    assert not after.changed[~after.applied].any()


def test_one_rule_leaves_no_synonym():
    language = RandomHierarchy(4, 1, 2, 2, seed=1)
    sample = language.sample(0, 50, hidden=True)
    after = resample_rule(language, sample, 1, 0, 0, different=True)
    assert not after.applied.any()
    assert not after.changed.any()


def test_the_same_seed_gives_the_same_change_and_nodes_have_streams_of_their_own():
    sample = BINARY.sample(0, 100, hidden=True)
    one, two = (resample_rule(BINARY, sample, 2, 0, 4).sample.tokens for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert (resample_rule(BINARY, sample, 2, 0, 5).sample.tokens != one).any()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda s: resample_rule(ZIPF, ZIPF.sample(0, 3), 1, 0, 0),
            "sample has no hidden levels and rules: sample with",
        ),
        (lambda s: resample_rule(ZIPF, s, 0, 0, 0), "level=0 cannot be used: it must be at least 1"),
        (lambda s: resample_rule(ZIPF, s, 3, 0, 0), "level=3 cannot be used: levels go from 0"),
        (lambda s: resample_rule(ZIPF, s, 1, 2, 0), "position=2 cannot be used: level 1 has 2 positions. Give -2 to 1"),
        (lambda s: resample_symbol(ZIPF, s, 1, 0, 0, law="marginl"), "law='marginl' is unknown.*'marginal'"),
        (lambda s: exchange_rules(ZIPF, s, 1, 0, 2), "second=2 cannot be used: symbols have 2 rules. Give 0 to 1"),
        (lambda s: exchange_rules(ZIPF, s, 1, 1, 1), "second=1 cannot be used: exchanging a rule with itself"),
        (lambda s: resample_rule(BINARY, s, 1, 0, 0), r"len\(sample.levels\)=3 cannot be used: the language has 4"),
    ],
)
def test_bad_input_is_named(ask, message):
    with pytest.raises(InputError, match=message):
        ask(ZIPF.sample(0, 3, hidden=True))


def test_sentences_without_a_parse_are_refused():
    strings = np.array(list(itertools.product(range(3), repeat=4)))
    with pytest.raises(InputError, match="sentences without a parse"):
        resample_rule(ZIPF, ZIPF.parse(strings, strict=False), 1, 0, 0)
