"""The oracle against brute force: every derivation of a tiny grammar, listed with its probability."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.estimate import Estimate
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.oracles import TreeOracle, _entropies, _inputs, _tables, tree

MOST_SENTENCES = 3000


class Enumeration:
    """All sentences with their hidden symbols; sums over those that agree with what is observed."""

    def __init__(self, language: RandomHierarchy):
        self.language = language
        derivations = [
            (levels, p / language.num_classes)
            for root in range(language.num_classes)
            for levels, p in self._below(language.depth, root)
        ]
        self.levels = [
            np.array([levels[level] for levels, _ in derivations]) for level in range(language.depth + 1)
        ]  # [sentences, positions] for each level
        self.prob = np.array([p for _, p in derivations])
        self.tokens = self.levels[0]

    def _below(self, level: int, symbol: int) -> list[tuple[list[tuple[int, ...]], float]]:
        if level == 0:
            return [([(symbol,)], 1.0)]
        rows, weights = self.language.productions[level - 1][symbol], self.language.weights[level - 1][symbol]
        found = []
        for children, weight in zip(rows.tolist(), weights.tolist(), strict=True):
            for parts in itertools.product(*(self._below(level - 1, child) for child in children)):
                levels = [sum((part[0][k] for part in parts), ()) for k in range(level)]
                found.append(([*levels, (symbol,)], weight * float(np.prod([p for _, p in parts]))))
        return found

    def agreeing(self, sentence: np.ndarray, observed: np.ndarray) -> np.ndarray:
        return self.prob * (self.tokens[:, observed] == sentence[observed]).all(axis=1)

    def evidence(self, tokens: np.ndarray, observed: np.ndarray) -> np.ndarray:
        patterns = np.broadcast_to(observed, tokens.shape)
        return np.array([self.agreeing(x, o).sum() for x, o in zip(tokens, patterns, strict=True)])

    def posteriors(self, tokens: np.ndarray, observed: np.ndarray, level: int) -> np.ndarray:
        patterns = np.broadcast_to(observed, tokens.shape)
        symbols = np.arange(self.language.symbols(level))
        is_symbol = self.levels[level][:, :, None] == symbols  # [sentences, positions, symbols]
        weights = np.array([self.agreeing(x, o) for x, o in zip(tokens, patterns, strict=True)])
        return np.einsum("nk,kps->nps", weights / weights.sum(axis=1, keepdims=True), is_symbol)

    def conditional_entropy(self, num_previous: int) -> float:
        joint: dict[tuple[int, ...], np.ndarray] = {}
        for window, p in zip(self.tokens[:, -1 - num_previous :].tolist(), self.prob, strict=True):
            joint.setdefault(tuple(window[:-1]), np.zeros(self.language.vocab))[window[-1]] += p
        used = [(q[q > 0], q.sum()) for q in joint.values() if q.sum() > 0]
        return sum(float(-(q * np.log(q / total)).sum()) for q, total in used)

    def possible(self) -> np.ndarray:
        return self.tokens[self.prob > 0]


@st.composite
def languages(draw: st.DrawFn) -> RandomHierarchy:
    vocab, branching, depth = draw(st.integers(2, 4)), draw(st.integers(2, 3)), draw(st.integers(1, 3))
    nodes = (branching**depth - 1) // (branching - 1)
    most_rules = vocab ** (branching - 1)
    while 4 * most_rules**nodes > MOST_SENTENCES:
        most_rules -= 1
    rules = draw(st.integers(1, max(1, most_rules)))
    num_classes = draw(st.integers(1, min(5, vocab**branching // rules)))
    if num_classes * rules**nodes > MOST_SENTENCES:
        num_classes = 1
    kind = draw(st.sampled_from(["equal", "zipf", "given", "some never"]))
    seed = draw(st.integers(0, 2**31 - 1))
    language = RandomHierarchy(vocab, rules, branching, depth, num_classes, 1.3 if kind == "zipf" else None, seed)
    if kind in ("equal", "zipf"):
        return language
    rng = np.random.default_rng(seed)
    weights = [rng.dirichlet(np.ones(rules), size=len(level)) for level in language.productions]
    if kind == "some never" and rules > 1:
        weights = [np.where(rng.random(w.shape) < 0.3, 0.0, w) + 1e-3 * (np.arange(rules) == 0) for w in weights]
        weights = [w / w.sum(axis=1, keepdims=True) for w in weights]
    return RandomHierarchy.from_productions(language.productions, weights, vocab=vocab)


def some_sentences(enumeration: Enumeration, seed: int, count: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Sentences of the language and a random pattern for each, from few tokens observed to nearly all."""
    rng = np.random.default_rng(seed)
    possible = enumeration.possible()
    tokens = possible[rng.integers(len(possible), size=count)]
    return tokens, rng.random(tokens.shape) < rng.random((count, 1))


@settings(max_examples=60, deadline=None)
@given(language=languages(), seed=st.integers(0, 1000))
def test_posteriors_evidence_and_marginals_equal_sums_over_all_sentences(language, seed):
    oracle, enumeration = TreeOracle(language), Enumeration(language)
    tokens, patterns = some_sentences(enumeration, seed)
    hidden_values = np.where(patterns, tokens, np.random.default_rng(seed).integers(-5, 300, tokens.shape))
    for observed in (patterns[0], patterns[1], patterns):
        given_tokens = tokens if observed.ndim == 1 else hidden_values  # values that are not observed do not matter
        expected = np.log(enumeration.evidence(tokens, observed))
        np.testing.assert_allclose(oracle.log_evidence(given_tokens, observed), expected, rtol=1e-10, atol=1e-10)
        for level in range(language.depth + 1):
            expected = enumeration.posteriors(tokens, observed, level)
            np.testing.assert_allclose(oracle.posteriors_all(given_tokens, observed, level), expected, atol=1e-10)
            for position in {0, expected.shape[1] // 2, expected.shape[1] - 1}:
                found = oracle.posterior(given_tokens, observed, level, position)
                np.testing.assert_allclose(found, expected[:, position], atol=1e-10)
    for level in range(language.depth + 1):
        is_symbol = enumeration.levels[level][:, :, None] == np.arange(language.symbols(level))
        for position, expected in enumerate(np.einsum("k,kps->ps", enumeration.prob, is_symbol)):
            np.testing.assert_allclose(oracle.marginal(level, position), expected, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(language=languages(), seed=st.integers(0, 1000))
def test_next_token_equals_enumeration_and_its_logarithms_sum_to_log_prob(language, seed):
    oracle, enumeration = TreeOracle(language), Enumeration(language)
    tokens, _ = some_sentences(enumeration, seed)
    predicted = oracle.next_token(tokens)
    length = language.sentence_length
    for place in range(length):
        expected = enumeration.posteriors(tokens, np.arange(length) < place, 0)[:, place]
        np.testing.assert_allclose(predicted[:, place], expected, atol=1e-10)
    own = np.take_along_axis(predicted, tokens[..., None], axis=2)[..., 0]
    np.testing.assert_allclose(np.log(own).sum(axis=1), oracle.log_prob(tokens), rtol=1e-10)
    everything = np.ones(length, dtype=bool)
    np.testing.assert_allclose(oracle.log_evidence(tokens, everything), oracle.log_prob(tokens), rtol=1e-12)


@settings(max_examples=50, deadline=None)
@given(language=languages())
def test_conditional_entropies_and_plateaus_equal_enumeration(language):
    oracle, enumeration = TreeOracle(language), Enumeration(language)
    found = oracle.context_entropies()
    expected = [enumeration.conditional_entropy(k) for k in range(language.sentence_length)]
    np.testing.assert_allclose([e.value for e in found], expected, atol=1e-10)
    assert all(e.standard_error == 0.0 for e in found)
    plateaus = [found[language.branching**level - 1] for level in range(language.depth + 1)]
    assert oracle.plateaus() == tuple(plateaus)


@pytest.mark.parametrize("num_classes", [1, 3])
def test_every_string_and_every_pattern(num_classes):
    language = RandomHierarchy(3, 2, 2, 2, num_classes, seed=4)
    oracle, enumeration = TreeOracle(language), Enumeration(language)
    strings = np.array(list(itertools.product(range(3), repeat=4)))
    for observed in map(np.array, itertools.product([False, True], repeat=4)):
        evidence = enumeration.evidence(strings, observed)
        found = oracle.log_evidence(strings, observed)
        np.testing.assert_array_equal(found == -np.inf, evidence == 0.0)
        np.testing.assert_allclose(np.exp(found), evidence, atol=1e-12)
        one_each = np.broadcast_to(observed, strings.shape).copy()
        one_each[0] = False  # more than one pattern, so that each sentence keeps its own
        np.testing.assert_allclose(np.exp(oracle.log_evidence(strings, one_each))[1:], evidence[1:], atol=1e-12)
        impossible = np.flatnonzero(evidence == 0.0)
        if len(impossible):
            for ask in (oracle.posterior, oracle.posteriors_all):
                for level in range(3):
                    with pytest.raises(InputError, match=rf"tokens\[{impossible[0]}\].*language cannot make"):
                        ask(strings, observed, level)


def test_next_token_of_an_impossible_sentence_is_refused_unless_only_the_last_token_is_wrong():
    language = RandomHierarchy(4, 2, 2, 2, seed=3)
    oracle = TreeOracle(language)
    tokens = language.sample(0, 3).tokens.copy()
    wrong = tokens[1].copy()
    predicted = oracle.next_token(tokens)
    wrong[-1] = np.argmin(predicted[1, -1])
    assert predicted[1, -1].min() == 0.0
    np.testing.assert_array_equal(oracle.next_token(wrong[None])[0], predicted[1])
    wrong[-2] = np.argmin(predicted[1, -2])
    tokens[1] = wrong
    with pytest.raises(InputError, match=r"tokens\[1\]=.* the language cannot make the first T - 1 tokens"):
        oracle.next_token(tokens)


def test_where_all_strings_are_sentences_tokens_are_independent_and_uniform():
    language = RandomHierarchy(3, 9, 3, 2, seed=0)  # m = v**(s - 1): every triple is the right-hand side of some symbol
    oracle = TreeOracle(language)
    rng = np.random.default_rng(0)
    tokens, observed = rng.integers(3, size=(50, 9)), rng.random((50, 9)) < 0.5
    np.testing.assert_allclose(oracle.log_evidence(tokens, observed), -observed.sum(axis=1) * np.log(3), atol=1e-12)
    np.testing.assert_allclose([e.value for e in oracle.plateaus()], np.log(3), atol=1e-12)


@pytest.mark.parametrize(("vocab", "rules", "branching", "depth"), [(8, 3, 2, 4), (5, 4, 3, 3)])
def test_plateaus_fall_with_the_level_in_a_random_grammar(vocab, rules, branching, depth):
    plateaus = TreeOracle(RandomHierarchy(vocab, rules, branching, depth, seed=2)).plateaus()
    assert len(plateaus) == depth + 1
    assert all(a.value > b.value for a, b in itertools.pairwise(plateaus))


def test_renaming_the_symbols_renames_the_posteriors():
    language = RandomHierarchy(6, 3, 2, 3, 4, 1.2, seed=5)
    rng = np.random.default_rng(1)
    names = [rng.permutation(language.symbols(level)) for level in range(4)]  # names[level][old] = new
    productions, weights = [], []
    for level, (rows, weight) in enumerate(zip(language.productions, language.weights, strict=True), start=1):
        old = np.argsort(names[level])
        productions.append(names[level - 1][rows][old])
        weights.append(weight[old])
    renamed = TreeOracle(RandomHierarchy.from_productions(productions, weights))
    tokens, observed = language.sample(0, 200).tokens, rng.random((200, 8)) < 0.6
    for level in range(4):
        before = TreeOracle(language).posteriors_all(tokens, observed, level)
        after = renamed.posteriors_all(names[0][tokens], observed, level)
        np.testing.assert_allclose(after[:, :, names[level]], before, atol=1e-12)
    found = [e.value for e in renamed.context_entropies()]
    np.testing.assert_allclose(found, [e.value for e in TreeOracle(language).context_entropies()], atol=1e-12)


def test_sentences_of_1024_tokens():
    language = RandomHierarchy(16, 4, 2, 10, 5, 1.0, seed=1)
    oracle = TreeOracle(language)
    tokens, length = language.sample(0, 3).tokens, 1024
    rng = np.random.default_rng(0)
    hide_one = np.arange(length) != 700
    values = np.repeat(tokens, 16, axis=0)
    values[:, 700] = np.tile(np.arange(16), 3)
    each = oracle.log_prob(values).reshape(3, 16)
    assert (each.max(axis=1) < -800).all()  # far below the smallest float64
    np.testing.assert_allclose(oracle.log_evidence(tokens, hide_one), np.logaddexp.reduce(each, axis=1), rtol=1e-12)
    for observed in (rng.random(length) < 0.5, rng.random(tokens.shape) < 0.1):
        before = oracle.log_evidence(tokens, observed)
        assert np.isfinite(before).all()
        np.testing.assert_allclose(oracle.posteriors_all(tokens, observed, 3).sum(axis=2), 1.0, atol=1e-12)
        posterior = oracle.posterior(tokens, observed, 0, 200)
        with_one_more = np.broadcast_to(observed, tokens.shape).copy()
        with_one_more[:, 200] = True
        gain = oracle.log_evidence(tokens, with_one_more) - before
        np.testing.assert_allclose(posterior[np.arange(3), tokens[:, 200]], np.exp(gain), rtol=1e-9)
    own = np.take_along_axis(oracle.next_token(tokens), tokens[..., None].astype(int), axis=2)
    np.testing.assert_allclose(np.log(own).sum(axis=(1, 2)), oracle.log_prob(tokens), rtol=1e-12)


def test_products_that_underflow_are_done_with_logarithms():
    """Two pairs that each point to the other symbol: the evidence is rare**2, below the smallest float64."""
    rare = 1e-170
    pairs = np.array([[[0, 0], [1, 1]], [[0, 1], [1, 0]]])  # symbol 0 begins with 0, symbol 1 with 1, but for `rare`
    pair_weights = np.array([[1 - rare, rare], [rare, 1 - rare]])
    root = np.array([[[0, 1], [0, 0]]])
    language = RandomHierarchy.from_productions([pairs, root], [pair_weights, np.array([[1.0, 0.0]])])
    oracle = TreeOracle(language)
    tokens = np.array([[1, 9, 0, 9], [0, 9, 1, 9]])
    observed = np.array([True, False, True, False])
    for pattern in (observed, np.stack([observed, [True, False, True, True]])):
        tokens[1, 3] = 0  # what follows a leading 1
        np.testing.assert_allclose(oracle.log_evidence(tokens, pattern), [2 * np.log(rare), 0.0], atol=1e-12)
        expected = [[[0, 1], [0, 1], [1, 0], [0, 1]], [[1, 0], [1, 0], [0, 1], [1, 0]]]
        np.testing.assert_allclose(oracle.posteriors_all(tokens, pattern, 0), expected, atol=1e-12)
        np.testing.assert_allclose(oracle.posteriors_all(tokens, pattern, 1), [np.eye(2)] * 2, atol=1e-12)


def test_the_general_paths_agree_with_the_look_up_tables(monkeypatch):
    language = RandomHierarchy(4, 3, 3, 2, 3, 0.7, seed=6)
    rng = np.random.default_rng(2)
    tokens, observed = language.sample(0, 300).tokens, rng.random(9) < 0.6
    rows = np.arange(300)
    observed[-3:] = [True, True, False]
    usual = TreeOracle(language)
    expected = [usual.posteriors_all(tokens, observed, level) for level in range(3)]
    evidence, following = usual.log_evidence(tokens, observed), usual.next_token(tokens)
    monkeypatch.setattr(_tables, "_LARGEST_TABLE", 0)  # bisection, and sums over all rules
    monkeypatch.setattr(tree, "_CHUNK", 1)  # many chunks of 16 sentences
    general = TreeOracle(language)
    for level in range(3):
        np.testing.assert_allclose(general.posteriors_all(tokens, observed, level), expected[level], atol=1e-12)
    np.testing.assert_allclose(general.log_evidence(tokens, observed), evidence, rtol=1e-12)
    np.testing.assert_allclose(general.next_token(tokens), following, atol=1e-12)
    monkeypatch.setattr(_inputs, "_SHARED_PATTERN", 1)  # a pass for each of several patterns
    several = np.where((rows % 7 < 3)[:, None], observed, ~observed)
    split = general.log_evidence(tokens, several)
    np.testing.assert_allclose(split[rows % 7 < 3], evidence[rows % 7 < 3], rtol=1e-12)
    np.testing.assert_allclose(split[rows % 7 > 2], usual.log_evidence(tokens, ~observed)[rows % 7 > 2], rtol=1e-12)


@pytest.mark.parametrize(("most_cases", "exact_plateaus"), [(10, 1), (400, 4)])
def test_sampled_entropies_agree_with_exact_ones(monkeypatch, most_cases, exact_plateaus):
    language = RandomHierarchy(6, 3, 2, 4, seed=8)
    exact = TreeOracle(language).context_entropies()
    monkeypatch.setattr(_entropies, "MOST_CASES", most_cases)
    sampled = TreeOracle(language).context_entropies(num_samples=4000, seed=3)
    assert sum(e.standard_error == 0.0 for e in TreeOracle(language).plateaus(num_samples=10)) == exact_plateaus
    checked = 0
    for estimate, truth in zip(sampled, exact, strict=True):
        assert abs(estimate.value - truth.value) <= 4 * estimate.standard_error
        checked += estimate.standard_error > 0
    assert checked >= 8
    assert TreeOracle(language).conditional_entropy(15, num_samples=4000, seed=3) == sampled[15]
    assert TreeOracle(language).conditional_entropy(15, num_samples=4000, seed=4) != sampled[15]


def test_no_change_in_the_sample_is_not_reported_as_exact():
    found = _entropies.with_control(0.5, np.ones(100), np.ones(100), vocab=4)
    assert found == Estimate(0.5, np.log(4) / 100)


def test_the_exact_last_plateau_at_the_size_of_published_figures_agrees_with_sampled_posteriors():
    language = RandomHierarchy(32, 8, 2, 4, seed=0)
    oracle = TreeOracle(language)
    plateau = oracle.plateaus()[-1]
    assert plateau.standard_error == 0.0
    tokens, observed = language.sample(1, 20000).tokens, np.arange(16) < 15
    entropies = _entropies.entropies(oracle.posterior(tokens, observed))
    assert abs(entropies.mean() - plateau.value) < 4 * entropies.std() / np.sqrt(len(entropies))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokens": np.zeros((2, 7), int)}, r"tokens='int64 array of shape \(2, 7\)' .* integers \[n, 8\]"),
        ({"tokens": np.zeros((2, 8))}, "tokens='float64 array"),
        ({"tokens": np.full((2, 8), 5)}, r"tokens\[0, 0\]=5 .* tokens are 0 to 4"),
        ({"tokens": np.full((2, 8), -1)}, r"tokens\[0, 0\]=-1"),
        ({"observed": np.ones(8, int)}, "observed='int64 array .* booleans"),
        ({"observed": np.ones((3, 8), bool)}, r"observed='bool array of shape \(3, 8\)'.* \[2, 8\]"),
        ({"level": 4}, "level=4"),
        ({"level": -1}, "level=-1"),
        ({"level": 1.5}, "level=1.5"),
        ({"level": 1, "position": 4}, "position=4 .* level 1 has 4 positions"),
        ({"position": -9}, "position=-9"),
    ],
)
def test_bad_input_is_named(arguments, message):
    language = RandomHierarchy(5, 2, 2, 3, seed=0)
    usual = {"tokens": language.sample(0, 2).tokens, "observed": np.ones(8, bool), "level": 0, "position": -1}
    with pytest.raises(InputError, match=message) as caught:
        TreeOracle(language).posterior(**{**usual, **arguments})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("num_previous", "samples"), [(8, 100), (-1, 100), (2.5, 100), (3, 1)])
def test_bad_context_lengths_and_sample_sizes_are_named(num_previous, samples):
    with pytest.raises(InputError, match="num_samples" if samples == 1 else "num_previous"):
        TreeOracle(RandomHierarchy(5, 2, 2, 3, seed=0)).conditional_entropy(num_previous, num_samples=samples)


def test_no_sentences_give_empty_results():
    oracle = TreeOracle(RandomHierarchy(5, 2, 2, 3, 2, seed=0))
    nothing = np.zeros((0, 8), dtype=int)
    assert oracle.posterior(nothing, np.ones(8, bool), 3).shape == (0, 2)
    assert oracle.log_evidence(nothing, np.ones((0, 8), bool)).shape == (0,)
    assert oracle.next_token(nothing).shape == (0, 8, 5)
