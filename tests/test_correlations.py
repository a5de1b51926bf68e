"""Correlations against sums over all sentences, and the ensemble's formulas against averages over grammars."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.languages import RandomHierarchy
from syntagma.oracles import TreeOracle
from syntagma.statistics import correlations as statistics
from syntagma.statistics import nodes
from syntagma.theory import correlations as theory
from test_tree_oracle import Enumeration, languages


def lowest_common_ancestor(language: RandomHierarchy, first: tuple[int, int], second: tuple[int, int]) -> int:
    spans = [
        {p * language.branching**level + i for i in range(language.branching**level)} for level, p in (first, second)
    ]
    for level in range(language.depth + 1):
        size = language.branching**level
        for start in range(0, language.sentence_length, size):
            if spans[0] | spans[1] <= set(range(start, start + size)):
                return level
    raise AssertionError


def separate_nodes(language: RandomHierarchy) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    levels = range(language.depth)
    nodes = [(level, p) for level in levels for p in range(language.branching ** (language.depth - level))]
    pairs = itertools.product(nodes, repeat=2)
    return [(x, y) for x, y in pairs if lowest_common_ancestor(language, x, y) > max(x[0], y[0])]


@settings(max_examples=40, deadline=None)
@given(language=languages(), seed=st.integers(0, 1000))
def test_joint_laws_and_covariances_equal_sums_over_all_sentences(language, seed):
    everything = Enumeration(language)
    hot = [levels[:, :, None] == np.arange(language.symbols(k)) for k, levels in enumerate(everything.levels)]
    pairs = separate_nodes(language)
    rng = np.random.default_rng(seed)
    for first, second in [pairs[i] for i in rng.choice(len(pairs), size=min(8, len(pairs)), replace=False)]:
        x, y = hot[first[0]][:, first[1]].astype(float), hot[second[0]][:, second[1]].astype(float)
        both = np.einsum("k,ka,kb->ab", everything.prob, x, y)
        np.testing.assert_allclose(nodes.joint(language, first, second), both, atol=1e-12)
        expected = both - np.outer(everything.prob @ x, everything.prob @ y)
        np.testing.assert_allclose(nodes.covariance(language, first, second), expected, atol=1e-12)
        np.testing.assert_allclose(nodes.marginal(language, first), everything.prob @ x, atol=1e-12)
        np.testing.assert_allclose(nodes.marginal(language, first), TreeOracle(language).marginal(*first), atol=1e-12)
        if first[0] > 0:
            rule = language.parse(everything.tokens).rules[first[0] - 1][:, first[1]][:, None] == np.arange(
                language.rules
            )
            parts = np.einsum("ka,km->kam", x, rule).reshape(len(x), -1)
            expected = parts.T @ (everything.prob[:, None] * y)
            expected -= np.outer(everything.prob @ parts, everything.prob @ y)
            found = nodes.tuple_covariance(language, first, second)
            np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(language=languages(), data=st.data())
def test_correlations_by_kind_and_level_are_means_over_the_nodes_that_meet_the_token_there(language, data):
    position = data.draw(st.integers(-language.sentence_length, language.sentence_length - 1))
    token = (0, position % language.sentence_length)
    pairs = [(x, y) for x, y in separate_nodes(language) if y == token]
    found = statistics.correlations(language, position)
    levels = list(range(1, language.depth + 1))
    assert [(one.kind, one.level) for one in found] == [
        *[("token", level) for level in levels],
        *[(kind, level) for kind in ("symbol", "tuple") for level in levels[1:]],
    ]
    for one in found:
        own_level = 0 if one.kind == "token" else one.level - 1
        partners = [x for x, y in pairs if x[0] == own_level and lowest_common_ancestor(language, x, y) == one.level]
        covariance = nodes.tuple_covariance if one.kind == "tuple" else nodes.covariance
        expected = np.mean([covariance(language, x, token) ** 2 for x in partners])
        assert one.squared_covariance == pytest.approx(expected, rel=1e-10, abs=1e-20)
        many = 10**8
        floors = []
        for x in partners:
            p = nodes.marginal(language, x)
            if one.kind == "tuple":
                p = (p[:, None] * language.weights[own_level - 1]).reshape(-1)
            floors.append(statistics.sampling_floor(p, nodes.marginal(language, token), many))
        assert one.floor == pytest.approx(many * np.mean(floors), rel=1e-6)


@pytest.mark.parametrize("num_examples", [1, 2, 4])
def test_the_sampling_floor_is_the_mean_over_all_samples_of_independent_variables(num_examples):
    p, q = np.array([0.7, 0.3]), np.array([0.2, 0.5, 0.3])
    cells = list(itertools.product(range(2), range(3)))
    mean = 0.0
    for sample in itertools.product(cells, repeat=num_examples):
        x, y = np.array(sample).T
        weight = np.prod(p[x] * q[y])
        mean += weight * np.mean(statistics.empirical_covariance(x, y, (2, 3)) ** 2)
    assert statistics.sampling_floor(p, q, num_examples) == pytest.approx(mean, rel=1e-12, abs=1e-15)


def test_measured_on_every_sentence_once_is_exact():
    language = RandomHierarchy(3, 2, 2, 3, seed=3)  # equal rules: all sentences equally probable
    sample = language.parse(Enumeration(language).tokens)
    for position in (0, 5, -1):
        exact, found = statistics.correlations(language, position), statistics.measured(language, sample, position)
        assert [one.level for one in found] == [one.level for one in exact]
        np.testing.assert_allclose(
            [one.squared_covariance for one in found], [one.squared_covariance for one in exact], rtol=1e-9
        )


def test_a_sample_of_independent_tokens_shows_the_floor():
    language = RandomHierarchy(3, 3, 2, 2, seed=0)  # f = 1: all strings are sentences, tokens independent
    assert all(one.squared_covariance < 1e-30 for one in statistics.correlations(language))
    samples = [language.sample(seed, 50, hidden=True) for seed in range(400)]
    found = np.array([[one.squared_covariance for one in statistics.measured(language, s)] for s in samples])
    floors = np.array([one.floor for one in statistics.correlations(language)]) * 49 / 50**2
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - floors) < 4 * error).all()


def test_what_a_sample_resolves():
    language = RandomHierarchy(8, 3, 2, 4, seed=1)
    found = statistics.correlations(language)
    needed = {(one.kind, one.level): one.examples_needed for one in found}
    assert statistics.resolved(language, 1) == {"token": 0, "symbol": 0, "tuple": 0}
    just = int(np.ceil(needed["token", 2]))
    assert statistics.resolved(language, just)["token"] == 2
    assert statistics.resolved(language, just - 1)["token"] == 1
    assert statistics.resolved(language, 10**9) == {"token": 4, "symbol": 4, "tuple": 4}
    independent = RandomHierarchy(3, 3, 2, 2, seed=0)
    assert statistics.resolved(independent, 10**9) == {"token": 0, "symbol": 0, "tuple": 0}


def test_bad_input_is_named():
    language = RandomHierarchy(3, 2, 2, 2, seed=0)
    for ask, message in [
        (lambda: nodes.joint(language, (1, 0), (0, 1)), r"second=\(0, 1\) .*lies below the other"),
        (lambda: statistics.correlations(language, 4), "position=4 cannot be used: level 0 has 4 positions"),
        (lambda: nodes.tuple_covariance(language, (0, 0), (0, 1)), r"node=\(0, 0\) .*a token has no tuple"),
        (lambda: statistics.resolved(language, 0), "num_examples=0 cannot be used"),
        (lambda: statistics.measured(language, language.sample(0, 2)), "sample.levels=None cannot be used"),
        (lambda: theory.squared_covariance(4, 2, 2, 3, 1, "tuple"), "level=1 .*for kind='tuple' it is 2 to depth=3"),
        (lambda: theory.leading_squared_covariance(4, 2, 2, 1, "tokn"), "kind='tokn' is unknown.*'token'"),
    ]:
        with pytest.raises(InputError, match=message):
            ask()


# --- averages over grammars -------------------------------------------------------------------------------------------


def all_levels(vocab: int, rules: int, branching: int, num_symbols: int) -> list[np.ndarray]:
    """Every ordered choice of distinct right-hand sides of one level."""
    tuples = list(itertools.product(range(vocab), repeat=branching))
    shape = (num_symbols, rules, branching)
    return [np.array(chosen).reshape(shape) for chosen in itertools.permutations(tuples, num_symbols * rules)]


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.8, 0.2]])
def test_moments_of_marginals_are_exact_averages_over_all_grammars(weights):
    """v = s = 2: a level of one symbol with 2 rules (12 choices) above one of 2 symbols with 2 rules (24)."""
    tops, bottoms = all_levels(2, 2, 2, 1), all_levels(2, 2, 2, 2)
    squares, cubes = np.sum(np.square(weights)), np.sum(np.power(weights, 3))
    moments = []
    for top, bottom in itertools.product(tops, bottoms):
        language = RandomHierarchy.from_productions([bottom, top], weights)
        marginals = [nodes.marginal(language, node) for node in ((0, 3), (1, 1), (2, 0))]
        moments.append([[np.sum(p**2), np.sum(p**3)] for p in marginals])
    norms = theory.marginal_norms(2, 2, 2, squares, 1)
    third = theory._marginal_cubes(2, 2, norms, squares, cubes)
    np.testing.assert_allclose(np.mean(moments, axis=0), np.stack([norms, third], axis=1), rtol=1e-12)


def test_one_path_keeps_exactly_its_share_of_a_squared_covariance():
    top, kept = np.array([[[0, 0]], [[1, 1]], [[2, 1]]]), []
    for bottom in all_levels(3, 1, 2, 3):  # v = 3, m = 1: 504 choices
        language = RandomHierarchy.from_productions([bottom, top], vocab=3)
        top_square = np.sum(nodes.covariance(language, (1, 0), (1, 1)) ** 2)
        kept.append(np.sum(nodes.covariance(language, (1, 0), (0, 3)) ** 2) / top_square)
    assert np.mean(kept) == pytest.approx(theory._keeps(3, 2, 1.0), rel=1e-12) == pytest.approx(3 / 4)


@pytest.mark.parametrize(
    ("sizes", "zipf", "grammars"),
    [((8, 3, 2, 3), None, 300), ((8, 3, 2, 3), 1.0, 300), ((16, 4, 2, 3), None, 150), ((4, 8, 3, 2), None, 300)],
)
def test_refined_averages_over_grammars(sizes, zipf, grammars):
    """Within 5 percent, or 4 standard errors of the average; for pairs of tokens that meet at the third level 10."""
    drawn = [RandomHierarchy(*sizes, rule_probabilities=zipf, seed=seed) for seed in range(grammars)]
    kinds = ("token", "symbol", "tuple", "conditional")
    forms = statistics.correlations(drawn[0], kinds=kinds)
    values = np.array([[one.squared_covariance for one in statistics.correlations(x, kinds=kinds)] for x in drawn])
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(grammars)
    weights = drawn[0].weights[0][0]
    for one, exact, se in zip(forms, mean, error, strict=True):
        refined = theory.squared_covariance(*sizes, one.level, one.kind, rule_weights=weights)
        allowed = 0.10 if (one.kind, one.level) == ("token", 3) else 0.05
        assert abs(refined - exact) < max(allowed * exact, 4 * se), (one.kind, one.level, refined / exact)


def test_leading_order_is_the_limit_of_many_symbols_and_rules():
    for kind, level in (("token", 1), ("token", 3), ("symbol", 2), ("tuple", 3), ("conditional", 3)):
        leading = theory.leading_squared_covariance(3000, 200, 2, level, kind)
        assert theory.squared_covariance(3000, 200, 2, 3, level, kind) == pytest.approx(leading, rel=0.02)


def test_no_correlation_where_every_tuple_is_a_rule():
    for branching in (2, 3):
        rules = 3 ** (branching - 1)
        assert theory.leading_squared_covariance(3, rules, branching, 1) == 0.0
        assert theory.squared_covariance(3, rules, branching, 3, 2) == pytest.approx(0.0, abs=1e-15)
