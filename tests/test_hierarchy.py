"""The random hierarchy language against enumeration by recursion, its laws of sampling, its file and its bad input."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.languages import RandomHierarchy, _distinct, _sampling, _tuples
from syntagma.languages._chunks import sentences_per_chunk
from syntagma.languages._draws import exponentials, random_order, uniform_below
from syntagma.languages._sampling import _alias_table
from syntagma.languages._tuples import TupleIndex
from syntagma.languages.grammar import checked_sizes, draw_productions
from syntagma.languages.settings import HierarchySettings
from syntagma.randomness import stream

GIVEN_LEVELS = [
    np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [1.0, 0.0, 0.0]]),
    np.array([[0.25, 0.25, 0.5], [0.6, 0.4, 0.0]]),
]
SMALL = {
    "equal": RandomHierarchy(3, 2, 2, 2, seed=1),
    "three rules, two classes": RandomHierarchy(3, 3, 2, 2, num_classes=2, seed=2),
    "four classes": RandomHierarchy(2, 1, 3, 2, num_classes=4, seed=3),
    "zipf": RandomHierarchy(3, 3, 2, 2, num_classes=2, rule_probabilities=0.7, seed=4),
    "one law": RandomHierarchy(3, 2, 2, 2, rule_probabilities=[0.9, 0.1], seed=5),
    "a law a symbol": RandomHierarchy(3, 3, 2, 2, num_classes=2, rule_probabilities=GIVEN_LEVELS, seed=6),
}
small_languages = pytest.mark.parametrize("language", SMALL.values(), ids=SMALL.keys())


def enumerate_sentences(language: RandomHierarchy) -> dict[tuple[int, ...], float]:
    """Every sentence and its probability, by recursion over the definition; zero-probability rules left out."""

    def below(symbol: int, level: int) -> dict[tuple[int, ...], float]:
        if level == 0:
            return {(symbol,): 1.0}
        found: dict[tuple[int, ...], float] = {}
        for children, weight in zip(
            language.productions[level - 1][symbol], language.weights[level - 1][symbol], strict=True
        ):
            if weight == 0:
                continue
            for parts in itertools.product(*(below(int(child), level - 1).items() for child in children)):
                sentence = tuple(itertools.chain.from_iterable(words for words, _ in parts))
                assert sentence not in found, "the grammar is ambiguous"
                found[sentence] = weight * math.prod(p for _, p in parts)
        return found

    total: dict[tuple[int, ...], float] = {}
    for root in range(language.num_classes):
        for sentence, probability in below(root, language.depth).items():
            assert sentence not in total, "the grammar is ambiguous"
            total[sentence] = probability / language.num_classes
    return total


def assert_frequencies(counts: Counter[Any], law: dict[Any, float]) -> None:
    """Pearson's chi-square of `counts` under `law` is within 5 standard deviations of its mean, on either side."""
    n = sum(counts.values())
    assert set(counts) <= {outcome for outcome, p in law.items() if p > 0}
    expected = {outcome: n * p for outcome, p in law.items() if p > 0}
    assert min(expected.values()) > 5
    statistic = sum((counts[outcome] - e) ** 2 / e for outcome, e in expected.items())
    freedom = len(expected) - 1
    assert abs(statistic - freedom) < 5 * math.sqrt(2 * freedom)


def rows(tokens: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(row) for row in tokens.tolist()]


# --- the grammar ------------------------------------------------------------------------------------------------------


@given(
    vocab=st.integers(2, 6),
    branching=st.integers(2, 3),
    depth=st.integers(1, 4),
    seed=st.integers(0, 2**70),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_right_hand_sides_are_distinct_symbols_of_the_level_below(vocab, branching, depth, seed, data):
    classes = data.draw(st.integers(1, min(vocab + 3, vocab**branching)), label="num_classes")
    most = vocab**branching // max(classes, vocab if depth > 1 else 1)
    rules = data.draw(st.integers(1, most), label="rules")
    language = RandomHierarchy(vocab, rules, branching, depth, num_classes=classes, seed=seed)
    assert len(language.productions) == depth
    for level, production in enumerate(language.productions, start=1):
        assert production.shape == (language.symbols(level), rules, branching)
        assert production.dtype == np.int64
        assert 0 <= production.min() <= production.max() < vocab
        assert len(set(rows(production.reshape(-1, branching)))) == language.symbols(level) * rules


@pytest.mark.parametrize("rules", [2, 3])  # by skipping repeats, and by permuting all tuples
def test_every_ordered_choice_of_right_hand_sides_is_equally_probable(rules):
    sizes = checked_sizes(2, rules, 2, 1, num_classes=1)
    draws = Counter(tuple(rows(draw_productions(seed, sizes)[0][0])) for seed in range(6000))
    choices = list(itertools.permutations(itertools.product(range(2), repeat=2), rules))
    assert_frequencies(draws, dict.fromkeys(choices, 1 / len(choices)))


def test_levels_have_streams_of_their_own():
    shallow, deep = RandomHierarchy(5, 3, 2, 2, seed=9), RandomHierarchy(5, 3, 2, 4, seed=9)
    assert all((a == b).all() for a, b in zip(shallow.productions, deep.productions, strict=False))
    assert (deep.productions[0] != deep.productions[1]).any()


@pytest.mark.parametrize(
    ("vocab", "rules", "branching"),
    [(32, 8, 4), (100, 7, 8), (1000, 5, 8), (1000, 50, 2)],  # 1000**8 = 10**24 does not fit in 64 bits
)
def test_large_grammars_are_drawn_and_parsed_without_all_tuples(vocab, rules, branching):
    language = RandomHierarchy(vocab, rules, branching, 2, seed=1)
    sample = language.sample(1, 300, hidden=True)
    assert_derivation(language, sample)
    assert np.allclose(language.log_prob(sample.tokens), -math.log(vocab) - (1 + branching) * math.log(rules))


def test_sizes_and_what_follows_from_them():
    language = RandomHierarchy(4, 3, 2, 3, num_classes=5, seed=0)
    assert (language.sentence_length, language.sparsity, language.num_sentences) == (8, 3 / 4, 5 * 3**7)
    assert [language.symbols(level) for level in range(4)] == [4, 4, 4, 5]
    assert RandomHierarchy(4, 3, 2, 3).num_classes == 4


def test_a_language_is_immutable():
    language = RandomHierarchy(3, 2, 2, 2, rule_probabilities=GIVEN_LEVELS[0][:2, :2].sum(axis=1) / 1.1)
    with pytest.raises(AttributeError):
        language.vocab = 4  # type: ignore[misc]
    for array in (*language.productions, *language.weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 0


def test_a_given_grammar_is_copied():
    given_productions = [level.copy() for level in SMALL["equal"].productions]
    language = RandomHierarchy.from_productions(given_productions)
    given_productions[0][:] = 0
    assert language == SMALL["equal"]
    assert language.seed is None


def test_languages_are_equal_if_their_grammars_and_probabilities_are():
    language = RandomHierarchy(3, 2, 2, 2, seed=1)
    assert language == SMALL["equal"]
    assert hash(language) == hash(SMALL["equal"])
    others = [
        RandomHierarchy(3, 2, 2, 2, seed=2),
        RandomHierarchy(3, 2, 2, 2, seed=1, rule_probabilities=1.0),
        RandomHierarchy.from_productions(language.productions[:1], vocab=3),
        RandomHierarchy.from_productions(language.productions[:1], vocab=4),
    ]
    assert len({language.digest(), *(other.digest() for other in others)}) == 5
    assert language != "a language"


# --- rule probabilities -----------------------------------------------------------------------------------------------


def test_zipf_exponent_a_means_rank_to_the_minus_one_minus_a():
    language = RandomHierarchy(4, 4, 2, 2, num_classes=3, rule_probabilities=0.5)
    norm = 1 + 2**-1.5 + 3**-1.5 + 4**-1.5
    for weight, symbols in zip(language.weights, (4, 3), strict=True):
        assert np.allclose(weight, np.tile([1 / norm, 2**-1.5 / norm, 3**-1.5 / norm, 4**-1.5 / norm], (symbols, 1)))
        assert np.allclose(weight.sum(axis=1), 1, rtol=0, atol=1e-15)


@pytest.mark.parametrize("kind", ["equal", "one law", "a law a symbol"])
def test_weights_are_the_given_probabilities(kind):
    language = SMALL[kind]
    expected = {"equal": [np.full((3, 2), 0.5)] * 2, "one law": [np.tile([0.9, 0.1], (3, 1))] * 2}
    for weight, wanted in zip(language.weights, expected.get(kind, GIVEN_LEVELS), strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-15)


# --- sentences and their probabilities --------------------------------------------------------------------------------


@small_languages
def test_log_prob_agrees_with_enumeration_on_every_string(language):
    law = enumerate_sentences(language)
    assert language.num_sentences == len(law)
    length = language.sentence_length
    if language.vocab**length < 10_000:
        strings = np.array(list(itertools.product(range(language.vocab), repeat=length)))
    else:
        strings = np.array(list(law))
    log_p = language.log_prob(strings)
    expected = [math.log(law[row]) if row in law else -math.inf for row in rows(strings)]
    np.testing.assert_allclose(log_p, expected, rtol=0, atol=1e-12)
    assert math.isclose(np.exp(log_p).sum(), 1, abs_tol=1e-12)


@pytest.fixture(params=["levels together", "level by level"])
def _plan(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "level by level":
        monkeypatch.setattr(_sampling, "_MOST_CHOICES", 0)


@pytest.mark.usefixtures("_plan")
@pytest.mark.parametrize("kind", SMALL)
def test_sampled_frequencies_agree_with_enumeration(kind):
    language = RandomHierarchy.from_productions(
        SMALL[kind].productions, SMALL[kind].rule_probabilities, vocab=SMALL[kind].vocab
    )
    law = enumerate_sentences(language)
    n = int(20 / min(law.values())) if kind != "a law a symbol" else 400_000
    common = {sentence: p for sentence, p in law.items() if n * p > 6}
    counts = Counter(rows(language.sample(11, n).tokens))
    assert set(counts) <= set(law)
    rest = 1 - math.fsum(common.values())
    folded = Counter({sentence: counts[sentence] for sentence in common})
    if n * rest > 6:
        common["rest"] = rest  # type: ignore[index]
        folded["rest"] = sum(c for sentence, c in counts.items() if sentence not in common)  # type: ignore[index]
    else:
        assert sum(c for sentence, c in counts.items() if sentence not in common) <= 40
    assert_frequencies(folded, {k: v / math.fsum(common.values()) for k, v in common.items()})


@pytest.mark.parametrize("probabilities", [None, 1.0])
@pytest.mark.parametrize("rules", [6, 8])
def test_rules_are_used_with_their_probabilities_at_each_level_and_place(rules, probabilities):
    language = RandomHierarchy(32, rules, 2, 8, rule_probabilities=probabilities, seed=3)
    sample = language.sample(5, 6000, hidden=True)
    assert sample.levels is not None
    assert sample.rules is not None
    law = dict(enumerate(language.weights[0][0]))
    assert_frequencies(Counter(sample.levels[-1][:, 0].tolist()), dict.fromkeys(range(32), 1 / 32))
    for used in sample.rules:
        for place in {0, used.shape[1] // 2, used.shape[1] - 1}:
            assert_frequencies(Counter(used[:, place].tolist()), law)
    # Neighbours in one look-up, and in different ones, are independent.
    for lower, upper in zip(sample.rules[:-1], sample.rules[1:], strict=True):
        pairs = Counter(zip((lower[:, -1] < 2).tolist(), (upper[:, -1] < 2).tolist(), strict=True))
        p = law[0] + law[1]
        joint = {(a, b): (p if a else 1 - p) * (p if b else 1 - p) for a in (True, False) for b in (True, False)}
        assert_frequencies(pairs, joint)


def assert_derivation(language: RandomHierarchy, sample: Any) -> None:
    """Each symbol's children are the right-hand side that its rule names."""
    assert sample.levels[0] is sample.tokens
    assert len(sample.levels) == language.depth + 1
    assert len(sample.rules) == language.depth
    for level in range(1, language.depth + 1):
        symbols, rules = sample.levels[level], sample.rules[level - 1]
        assert symbols.shape == rules.shape == (len(sample.tokens), language.branching ** (language.depth - level))
        children = language.productions[level - 1][symbols, rules].reshape(len(symbols), -1)
        assert (children == sample.levels[level - 1]).all()


@given(
    vocab=st.integers(2, 7),
    branching=st.integers(2, 4),
    depth=st.integers(1, 3),
    seed=st.integers(0, 2**32),
    n=st.integers(1, 50),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_parsing_inverts_sampling(vocab, branching, depth, seed, n, data):
    classes = data.draw(st.integers(1, vocab + 2), label="num_classes")
    most = vocab**branching // max(classes, vocab if depth > 1 else 1)
    rules = data.draw(st.integers(1, min(most, 9)), label="rules")
    zipf = data.draw(st.sampled_from([None, 0.5]), label="zipf")
    language = RandomHierarchy(vocab, rules, branching, depth, classes, zipf, seed)
    sample = language.sample(seed, n, hidden=True)
    assert sample.tokens.shape == (n, language.sentence_length)
    assert_derivation(language, sample)
    assert (language.sample(seed, n).tokens == sample.tokens).all()
    loose = language.parse(sample.tokens, strict=False)
    assert loose.levels is not None
    assert sample.levels is not None
    assert all((a == b).all() for a, b in zip(loose.levels, sample.levels, strict=True))


@pytest.mark.parametrize(("vocab", "dtype"), [(256, np.uint8), (257, np.uint16), (70_000, np.uint32)])
def test_tokens_have_the_smallest_type_that_holds_them(vocab, dtype):
    sample = RandomHierarchy(vocab, 2, 2, 1).sample(0, 5, hidden=True)
    assert sample.levels is not None
    assert sample.rules is not None
    assert [sample.tokens.dtype, sample.levels[1].dtype, sample.rules[0].dtype] == [dtype, dtype, np.uint8]


@small_languages
def test_unparsed_symbols_are_minus_one_up_to_the_root(language):
    strings = np.random.default_rng(0).integers(0, language.vocab, (500, language.sentence_length))
    sample = language.parse(strings, strict=False)
    assert sample.levels is not None
    assert sample.rules is not None
    for level in range(1, language.depth + 1):
        known = {
            tuple(children): (symbol, rule)
            for symbol, rules in enumerate(language.productions[level - 1].tolist())
            for rule, children in enumerate(rules)
        }
        below = sample.levels[level - 1].reshape(len(strings), -1, language.branching)
        expected = [[known.get(tuple(children), (-1, -1)) for children in row] for row in below.tolist()]
        assert (np.stack([sample.levels[level], sample.rules[level - 1]], axis=2) == expected).all()
        assert sample.levels[level].dtype == np.int8


# --- what determines the sentences ------------------------------------------------------------------------------------

ZIPF = RandomHierarchy(8, 3, 2, 4, rule_probabilities=1.0, seed=1)


@pytest.mark.parametrize("language", [RandomHierarchy(32, 8, 2, 8, seed=1), ZIPF], ids=["equal", "zipf"])
def test_first_sentences_do_not_depend_on_how_many_are_drawn_nor_on_threads(language):
    chunk = sentences_per_chunk(language.sentence_length)
    long = language.sample(3, 2 * chunk + 7, threads=2).tokens
    assert (language.sample(3, 2 * chunk + 7, threads=1).tokens == long).all()
    for n in (1, 5, chunk, chunk + 1, 2 * chunk):
        assert (language.sample(3, n).tokens == long[:n]).all()
    assert len(set(rows(long[[0, chunk, 2 * chunk]]))) == 3
    assert (language.sample(4, 5).tokens != long[:5]).any()


def fingerprint() -> str:
    """Digests of grammars and of sentences of each kind of draw."""
    equal, three = RandomHierarchy(32, 8, 2, 6, seed=7), RandomHierarchy(10, 3, 3, 3, num_classes=4, seed=7)
    unequal = RandomHierarchy(5, 3, 2, 3, rule_probabilities=[0.5, 0.25, 0.25], seed=7)
    content = hashlib.sha256()
    for language in (equal, three, unequal):
        content.update(language.digest().encode())
        content.update(language.sample(1, 300).tokens.tobytes())
        content.update(language.sample(1, 300, distinct=True).tokens.tobytes())
    return content.hexdigest()


def test_bits_are_the_same_in_every_process():
    # Recorded when the sampler was written: a change means that no stored result can be reproduced.
    golden = "2144f60b6f594e130ecc3700ea541f2b640b34a1ec3be235c49e7f2b702a8814"
    code = "import sys; sys.path.insert(0, sys.argv[1]); import test_hierarchy; print(test_hierarchy.fingerprint())"
    source = str(Path(sys.modules["syntagma"].__path__[0]).parent)
    for hash_seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": source}
        command = [sys.executable, "-c", code, str(Path(__file__).parent)]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert run.stdout.strip() == golden
    assert fingerprint() == golden


@pytest.mark.parametrize(("rules", "depth"), [(8, 10), (16, 8), (16, 10)])
def test_long_sentences_and_many_rules(rules, depth):
    language = RandomHierarchy(32, rules, 2, depth, seed=1)
    sample = language.sample(1, 500, hidden=True)
    assert_derivation(language, sample)
    expected = -math.log(32) - (2**depth - 1) * math.log(rules)
    np.testing.assert_allclose(language.log_prob(sample.tokens), expected, rtol=1e-13)


# --- distinct sentences -----------------------------------------------------------------------------------------------


@pytest.fixture(params=["enumerated", "repeats skipped"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "repeats skipped":
        monkeypatch.setattr(_distinct, "_MOST_SENTENCES", 0)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("kind", ["equal", "three rules, two classes", "one law"])
def test_all_sentences_can_be_drawn_once(kind):
    language = SMALL[kind]
    law = enumerate_sentences(language)
    sample = language.sample(1, len(law), distinct=True, hidden=True)
    assert set(rows(sample.tokens)) == set(law)
    assert_derivation(language, sample)
    assert sample.tokens.dtype == np.uint8
    for n in (1, 7, len(law) - 1):
        assert (language.sample(1, n, distinct=True).tokens == sample.tokens[:n]).all()


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("probabilities", [None, [0.7, 0.3]])
def test_distinct_sentences_follow_successive_draws_without_replacement(probabilities, monkeypatch):
    monkeypatch.setattr(_distinct, "sentences_per_chunk", lambda length: 4)
    monkeypatch.setattr(_sampling, "sentences_per_chunk", lambda length: 4)
    language = RandomHierarchy(2, 2, 2, 1, rule_probabilities=probabilities, seed=1)
    law = enumerate_sentences(language)
    pairs = {(a, b): law[a] * law[b] / (1 - law[a]) for a, b in itertools.permutations(law, 2)}
    counts = Counter(tuple(rows(language.sample(seed, 2, distinct=True).tokens)) for seed in range(4000))
    assert_frequencies(counts, pairs)  # type: ignore[arg-type]


def test_distinct_sentences_of_a_large_language_are_its_independent_ones_without_repeats(monkeypatch):
    language = RandomHierarchy(4, 2, 2, 3, seed=1)
    monkeypatch.setattr(_distinct, "_MOST_SENTENCES", 0)
    independent = rows(language.sample(2, sentences_per_chunk(8)).tokens)
    distinct = rows(language.sample(2, language.num_sentences, distinct=True).tokens)
    assert list(dict.fromkeys(independent)) == distinct[: len(set(independent))]


def test_probabilities_too_small_for_a_float_are_drawn_last():
    language = RandomHierarchy(2, 2, 2, 3, num_classes=1, rule_probabilities=[1 - 1e-60, 1e-60], seed=1)
    tokens = language.sample(0, language.num_sentences, distinct=True).tokens
    assert len(set(rows(tokens))) == 2**7
    log_p = language.log_prob(tokens)
    assert log_p[-1] < math.log(1e-300)
    assert (np.round(log_p / math.log(1e-60)) == np.sort(np.round(log_p / math.log(1e-60)))).all()


def test_sentences_too_improbable_to_be_found_are_refused(monkeypatch):
    monkeypatch.setattr(_distinct, "_MOST_SENTENCES", 0)
    language = RandomHierarchy(2, 2, 2, 2, rule_probabilities=[1 - 1e-9, 1e-9])
    with pytest.raises(
        InputError, match=r"num_sentences=16 cannot be used: \d+ draws gave only \d+ distinct .* Ask for fewer"
    ):
        language.sample(0, 16, distinct=True)


# --- the file ---------------------------------------------------------------------------------------------------------


@small_languages
def test_a_saved_grammar_comes_back_equal(language, tmp_path):
    path = tmp_path / "grammar.json"
    language.save(path)
    RandomHierarchy(2, 2, 2, 1).save(path)
    language.save(path)
    loaded = RandomHierarchy.load(path)
    assert loaded == language
    assert loaded.digest() == language.digest()
    assert loaded.seed == language.seed
    assert loaded.num_classes == language.num_classes
    assert repr(loaded.rule_probabilities) == repr(language.rule_probabilities)
    assert (loaded.sample(1, 50).tokens == language.sample(1, 50).tokens).all()
    assert os.listdir(tmp_path) == ["grammar.json"]
    content = json.loads(path.read_text())
    assert (content["format"], content["version"]) == ("syntagma.random-hierarchy", 1)


def test_a_file_cut_short_anywhere_is_refused_in_one_line(tmp_path):
    path = tmp_path / "grammar.json"
    SMALL["equal"].save(path)
    text = path.read_text().rstrip()
    for length in range(len(text)):
        path.write_text(text[:length])
        with pytest.raises(InputError) as error:
            RandomHierarchy.load(path)
        assert str(error.value).startswith(f"{path}: not complete JSON")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format="other"), "not a grammar file"),
        (lambda c: c.update(version=2), "version 2, this program reads 1"),
        (lambda c: c.pop("productions"), "lacks productions"),
        (lambda c: c.update(depth=3), "depth=3 cannot be used: its productions say 2"),
        (lambda c: c.update(vocab="three"), "vocab='three' cannot be used"),
        (lambda c: c.update(vocab=[3]), r"vocab=\[3\] cannot be used"),
        (lambda c: c.update(seed=-1), "seed=-1"),
        (lambda c: c.update(productions=7), "productions=7"),
        (lambda c: c.update(productions=[]), "at least one level"),
        (lambda c: c.update(productions=[{}]), r"productions\[0\]"),
        (lambda c: c["productions"][0][0].pop(), "its rows differ in length"),
        (lambda c: c["productions"][0][0][0].__setitem__(0, 0.5), "symbols are whole numbers"),
        (lambda c: c["productions"][0][0][0].__setitem__(0, 3), r"productions\[0\]=3 .* symbols are 0 to 2"),
        (lambda c: c["productions"][0][0].__setitem__(0, c["productions"][0][0][1]), "share this right-hand side"),
        (lambda c: c.update(rule_probabilities="zipf"), "rule_probabilities='zipf'"),
        (lambda c: c.update(rule_probabilities=[0.5, math.nan]), "finite and not negative"),
    ],
)
def test_a_spoilt_file_is_refused_in_one_line_that_names_it(change: Callable[[dict], Any], message, tmp_path):
    path = tmp_path / "grammar.json"
    SMALL["equal"].save(path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message) as error:
        RandomHierarchy.load(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[" * 100_000, b"[1, 2]", b'"text"', b"1" * 5000])
def test_a_foreign_file_is_refused_in_one_line_that_names_it(content, tmp_path):
    path = tmp_path / "grammar.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        RandomHierarchy.load(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read_or_written_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"missing\.json: the grammar file cannot be read: No such file"):
        RandomHierarchy.load(tmp_path / "missing.json")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        RandomHierarchy.load(tmp_path)
    with pytest.raises(InputError, match="the grammar cannot be written: No such file"):
        SMALL["equal"].save(tmp_path / "nowhere" / "grammar.json")
    with pytest.raises(InputError, match="the grammar cannot be written: Is a directory"):
        SMALL["equal"].save(tmp_path)
    assert os.listdir(tmp_path) == []


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rules": 9}, r"rules=9 .* vocab=8, branching=2, num_classes=8 a symbol has at most 8\. Lower rules to 8"),
        ({"num_classes": 32, "rules": 3}, r"a symbol has at most 2\. Lower rules to 2 or fewer"),
        ({"num_classes": 65, "rules": 1}, r"num_classes=65 .* only vocab\*\*branching = 64"),
        ({"vocab": 1, "rules": 1}, "vocab=1 cannot be used: it must be at least 2"),
        ({"vocab": 0}, "vocab=0"),
        ({"rules": 0}, "rules=0 cannot be used: it must be at least 1"),
        ({"rules": -3}, "rules=-3"),
        ({"rules": 2.5}, r"rules=2\.5 cannot be used: it must be a whole number"),
        ({"rules": math.nan}, "rules=nan"),
        ({"rules": True}, "rules=True"),
        ({"rules": "4"}, "rules='4'"),
        ({"rules": None}, "rules=None"),
        ({"branching": 1}, "branching=1 cannot be used: it must be at least 2"),
        ({"depth": 0}, "depth=0"),
        ({"depth": math.inf}, "depth=inf"),
        ({"depth": 25}, r"depth=25 .* at most 16777216"),
        ({"vocab": 10**6, "rules": 100}, "a level may hold 67108864 symbols"),
        ({"num_classes": 0}, "num_classes=0"),
        ({"seed": -1}, "seed=-1 cannot be used: it must be at least 0"),
        ({"seed": 0.5}, r"seed=0\.5"),
        ({"rule_probabilities": 0.0}, "Zipf exponent is finite and above 0"),
        ({"rule_probabilities": -1}, "Zipf exponent is finite and above 0"),
        ({"rule_probabilities": math.nan}, "Zipf exponent is finite and above 0"),
        ({"rule_probabilities": True}, "rule_probabilities=True"),
        ({"rule_probabilities": "zipf"}, "it is None, a Zipf exponent above 0, one probability a rule"),
        ({"rule_probabilities": object()}, "it is None, a Zipf exponent above 0, one probability a rule"),
        ({"rule_probabilities": []}, r"rule_probabilities\.shape=\(0,\) .* must be \(4,\)"),
        ({"rule_probabilities": [0.5, 0.5]}, r"rule_probabilities\.shape=\(2,\) .* must be \(4,\)"),
        ({"rule_probabilities": [0.3, 0.3, 0.3, 0.3]}, r"sum of rule_probabilities=1\.2 .* sum to 1 within 1e-09"),
        ({"rule_probabilities": [1.5, -0.5, 0, 0]}, "not negative"),
        ({"rule_probabilities": [math.nan, 0, 0, 1]}, "finite"),
        ({"rule_probabilities": ["a", 0, 0, 1]}, "it must hold numbers"),
        ({"rule_probabilities": [np.full((8, 4), 0.25)]}, r"len\(rule_probabilities\)=1 .* there are 2 levels"),
        ({"rule_probabilities": [np.full((8, 4), 0.25), np.full((7, 4), 0.25)]}, r"rule_probabilities\[1\]\.shape"),
    ],
)
def test_unusable_parameters_are_refused_in_one_line(arguments, message):
    with pytest.raises(InputError, match=message) as error:
        RandomHierarchy(**{"vocab": 8, "rules": 4, "branching": 2, "depth": 2, **arguments})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("productions", "message"),
    [
        (None, "productions=None"),
        ([np.zeros((2, 2))], r"productions\[0\]\.shape=\(2, 2\)"),
        ([np.zeros((2, 0, 2), int)], r"productions\[0\]\.shape=\(2, 0, 2\)"),
        ([np.zeros((1, 1, 2))], r"productions\[0\]\.dtype='float64'"),
        ([[[[0, 10**30]]]], r"productions\[0\]\.dtype='object'"),
        ([np.array([[[0, 2**64 - 1]]], np.uint64)], "symbols fit in 64 bits"),
        ([[[[-1, 0]]]], r"productions\[0\]=-1 .* symbols are 0 to 1"),
        ([[[[0, 0]], [[1, 1]]], [[[0, 1, 1]]]], r"productions\[1\]\.shape=\(1, 1, 3\) .* must be \(1, 1, 2\)"),
        ([[[[0, 0]], [[1, 1]]], [[[0, 2]]]], r"productions\[1\]=2"),
        ([[[[0, 1]], [[0, 1]]]], r"\[0, 1\] .* symbol 0 rule 0 and symbol 1 rule 0 share"),
        ([[[[0, 1], [0, 0], [0, 1]]]], r"\[0, 1\] .* symbol 0 rule 0 and symbol 0 rule 2 share"),
    ],
)
def test_unusable_grammars_are_refused_in_one_line(productions, message):
    with pytest.raises(InputError, match=message) as error:
        RandomHierarchy.from_productions(productions)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_sentences": 0}, "num_sentences=0"),
        ({"num_sentences": -5}, "num_sentences=-5"),
        ({"num_sentences": 1.5}, r"num_sentences=1\.5"),
        ({"num_sentences": math.nan}, "num_sentences=nan"),
        ({"num_sentences": 10**18}, r"num_sentences=1000000000000000000 .* bytes, more than can be had"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": "a"}, "seed='a'"),
        ({"threads": 0}, "threads=0"),
        (
            {"num_sentences": 25, "distinct": True},
            r"num_sentences=25 .* has 24 distinct sentences\. Ask for 24 or fewer",
        ),
    ],
)
def test_unusable_requests_for_sentences_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        SMALL["equal"].sample(**{"seed": 1, "num_sentences": 3, **arguments})


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([0, 1, 2, 0], r"tokens\.shape=\(4,\) .* must be \(sentences, 4\)"),
        ([[0, 1, 2]], r"tokens\.shape=\(1, 3\)"),
        ([[0, 1, 2, 0], [1]], "its sentences differ in length"),
        (np.zeros((0, 4), int), "at least one sentence"),
        ([[0.0, 1, 2, 0]], r"tokens\.dtype='float64'"),
        ([[0, 1, 2, 3]], "tokens=3 cannot be used: tokens are 0 to 2"),
        ([[0, 1, 2, -1]], "tokens=-1 cannot be used"),
        ([[True, False, True, False]], r"tokens\.dtype='bool'"),
    ],
)
def test_what_is_no_array_of_tokens_is_refused(tokens, message):
    for method in (SMALL["equal"].parse, SMALL["equal"].log_prob):
        with pytest.raises(InputError, match=message):
            method(tokens)


def test_the_first_ungrammatical_sentence_is_named():
    # Two classes, one rule each: 0 -> 0 1, 1 -> 1 0 at the bottom; the root makes 0 1 or 1 1.
    language = RandomHierarchy.from_productions([[[[0, 1]], [[1, 0]]], [[[0, 1]], [[1, 1]]]])
    chunk = sentences_per_chunk(4)
    tokens = np.tile([[0, 1, 1, 0]], (2 * chunk, 1))
    tokens[[chunk + 3, chunk + 9, 2 * chunk - 1]] = [[0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    with pytest.raises(InputError, match=rf"tokens\[{chunk + 3}\] is not a sentence .* level 1, position 1 "):
        language.parse(tokens)
    with pytest.raises(InputError, match=r"tokens\[0\] .* level 2, position 0 "):
        language.parse(np.array([[0, 1, 0, 1]]))


# --- the parts --------------------------------------------------------------------------------------------------------


@given(
    weights=st.lists(st.one_of(st.just(0.0), st.floats(1e-12, 1.0)), min_size=1, max_size=40).filter(
        lambda w: sum(w) > 0
    )
)
@settings(max_examples=100, deadline=None)
def test_alias_tables_hold_the_probabilities(weights):
    p = np.array(weights) / np.sum(weights)
    thresholds, aliases = _alias_table(p)
    own = np.where(aliases == np.arange(len(p)), 2**32, thresholds.astype(np.int64))
    units = own + np.bincount(aliases, weights=2**32 - own, minlength=len(p)).astype(np.int64)
    assert units.sum() == len(p) * 2**32
    assert np.abs(units / (len(p) * 2**32) - p).sum() / 2 <= 2.0**-32
    assert (units[p == 0] == 0).all()


@pytest.mark.parametrize("bound", [1, 2, 3, 7, 2**12 - 1, 2**12 + 1, 3 * 2**14, 2**16, 2**31 + 1, 2**32])
def test_whole_numbers_are_uniform(bound):
    draws = uniform_below(stream(1, "draws", bound), bound, 60_000)
    assert draws.max() < bound
    bins = min(bound, 12)
    edges = [-(-bound * i // bins) for i in range(bins + 1)]
    law = {i: (edges[i + 1] - edges[i]) / bound for i in range(bins)}
    counts = Counter((np.searchsorted(edges, draws.astype(np.int64), side="right") - 1).tolist())
    if bound > 1:
        assert_frequencies(counts, law)
    lowest = Counter((draws % 2).tolist())
    if bound > 2 and bound % 2 == 0:
        assert_frequencies(lowest, {0: 0.5, 1: 0.5})


def test_orders_and_exponentials_have_their_laws():
    orders = Counter(tuple(random_order(stream(seed, "order"), 3).tolist()) for seed in range(3000))
    assert_frequencies(orders, dict.fromkeys(itertools.permutations(range(3)), 1 / 6))
    draws = exponentials(stream(1, "clock"), 100_000)
    assert draws.min() > 0
    counts = Counter(np.minimum(draws.astype(int), 5).tolist())
    assert_frequencies(counts, {k: math.exp(-k) * (1 - math.exp(-1) if k < 5 else 1) for k in range(6)})


@given(
    vocab=st.integers(2, 50),
    tuples=st.lists(st.lists(st.integers(0, 49), min_size=5, max_size=5), min_size=1, max_size=60),
    way=st.sampled_from(["table", "search", "search by ranks"]),
)
@settings(max_examples=80, deadline=None)
def test_tuples_are_found_where_they_stand(vocab, tuples, way):
    distinct = np.unique(np.array(tuples) % vocab, axis=0)
    distinct = distinct[np.argsort((distinct * 7919 % 101).sum(axis=1), kind="stable")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_tuples, "_DENSE_ENTRIES", 50**5 if way == "table" and vocab <= 8 else 0)
        patch.setattr(_tuples, "_LARGEST_CODE", vocab * len(distinct) if way == "search by ranks" else 2**62)
        index = TupleIndex(distinct, vocab)
    position = {row: i for i, row in enumerate(rows(distinct))}
    near = np.concatenate(
        [distinct, *((distinct + np.array(step)) % vocab for step in ([0, 0, 1, 0, 0], [1, 0, 0, 0, 2]))]
    )
    assert index.find(near).tolist() == [position.get(row, len(distinct)) for row in rows(near)]


def test_settings_say_at_which_levels_rules_are_unequal():
    sizes = {"vocab": 4, "rules": 3, "branching": 2, "depth": 3, "rule_probabilities": 1.0}
    everywhere, bottom = HierarchySettings(**sizes), HierarchySettings(**sizes, unequal_levels=(1,))
    found = bottom.language()
    zipf = np.array([1, 1 / 4, 1 / 9]) / (1 + 1 / 4 + 1 / 9)
    for level, weights in enumerate(found.weights, start=1):
        np.testing.assert_allclose(weights, np.tile(zipf if level == 1 else np.full(3, 1 / 3), (4, 1)))
    for drawn, same in zip(found.productions, everywhere.language().productions, strict=True):
        np.testing.assert_array_equal(drawn, same)
    assert "unequal_levels" not in everywhere.model_dump()
    for changes, text in [
        ({"unequal_levels": (0,)}, "levels go from 1 to 3"),
        ({"unequal_levels": (4,)}, "levels go from 1 to 3"),
        ({"unequal_levels": ()}, "Name at least one"),
        ({"unequal_levels": (1,), "rule_probabilities": None}, "rule_probabilities are not given"),
    ]:
        with pytest.raises(ValueError, match=text):
            HierarchySettings(**(sizes | changes))
