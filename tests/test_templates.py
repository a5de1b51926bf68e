"""Template tasks against enumeration by substitution, their laws of sampling, invariances, families and bad input."""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from syntagma.errors import InputError
from syntagma.languages._chunks import sentences_per_chunk
from syntagma.languages.templates import FAMILIES, Templates, family
from syntagma.languages.templates.notation import GREEK
from syntagma.languages.templates.substitution import draw_injections
from syntagma.randomness import stream

SMALL = {
    "two labels": Templates(templates=("αβα -> 1", "αββ -> -1"), train_symbols=4, test_symbols=3),
    "copied": Templates(templates=("xαβ -> β", "αxα -> α", "xyx -> x"), train_symbols=3, test_symbols=2),
    "unequal": Templates(
        templates=("αβγ -> 1", "ααα -> 0", "aαα -> 2.5"), train_symbols=4, test_symbols=3, probabilities=(0.2, 0.5, 0.3)
    ),
    "limited": Templates(templates=("αβα -> α", "βαα -> α"), train_symbols=5, test_symbols=4, substitutions=3),
    "limits of two sizes": Templates(
        templates=("αβα -> 1", "ααα -> 2", "aba -> 3"), train_symbols=4, test_symbols=4, substitutions=6, seed=3
    ),
}
small = pytest.mark.parametrize("language", SMALL.values(), ids=SMALL.keys())
parts = pytest.mark.parametrize("part", ["train", "seen", "unseen"])


def slow_strings(language: Templates) -> dict[tuple[int, ...], tuple[float, float]]:
    """Every string of a template set without pools, with its probability and label, from the text of the templates."""
    found: dict[tuple[int, ...], tuple[float, float]] = {}
    probabilities = language.probabilities or (1 / len(language.templates),) * len(language.templates)
    for text, probability in zip(language.templates, probabilities, strict=True):
        body, label = (side.strip() for side in text.split("->"))
        used = sorted(set(body) & set(GREEK))
        choices = list(itertools.permutations(language.symbols, len(used)))
        for choice in choices:
            number = dict(zip(used, choice, strict=True)) | {t: i for i, t in enumerate(language.regular_tokens)}
            string = tuple(number[token] for token in body)
            assert string not in found, "two templates make the same string"
            found[string] = probability / len(choices), float(number[label] if language.symbolic else float(label))
    return found


def all_strings(language: Templates) -> np.ndarray:
    return np.array(list(itertools.product(range(language.vocab), repeat=language.sentence_length)))


def assert_frequencies(counts: Counter[Any], law: dict[Any, float]) -> None:
    """Pearson's chi-square of `counts` under `law` is within 5 standard deviations of its mean, on either side."""
    n = sum(counts.values())
    assert set(counts) <= set(law)
    assert min(law.values()) * n > 5
    statistic = sum((counts[outcome] - n * p) ** 2 / (n * p) for outcome, p in law.items())
    freedom = len(law) - 1
    assert abs(statistic - freedom) < 5 * math.sqrt(2 * freedom)


def rows(tokens: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(row) for row in tokens.tolist()]


def outcome(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- the law ----------------------------------------------------------------------------------------------------------


@small
@parts
def test_log_prob_and_label_are_those_of_enumeration(language, part):
    language = language.model_copy(update={"part": part})
    strings = all_strings(language)
    log_p = language.log_prob(strings)
    assert math.isclose(np.exp(log_p).sum(), 1.0, rel_tol=1e-12)
    assert (log_p > -np.inf).sum() == language.num_sentences
    law = slow_strings(language)
    if language.substitutions is None or part != "train":
        expected = [law.get(row, (0.0, 0.0))[0] for row in rows(strings)]
        assert np.allclose(np.exp(log_p), expected, rtol=1e-12, atol=0)
    possible = strings[log_p > -np.inf]
    assert language.label(possible).tolist() == [law[row][1] for row in rows(possible)]


@small
@parts
def test_sampled_frequencies_and_labels(language, part):
    language = language.model_copy(update={"part": part})
    sample = language.sample(5, 40_000)
    strings = all_strings(language)
    log_p = language.log_prob(strings)
    law = {row: math.exp(p) for row, p in zip(rows(strings), log_p, strict=True) if p > -np.inf}
    assert_frequencies(Counter(rows(sample.tokens)), law)
    assert sample.labels is not None
    assert (sample.labels == language.label(sample.tokens)).all()
    assert sample.tokens.dtype == np.uint8
    assert sample.labels.dtype == (np.uint8 if language.symbolic else np.float64)


@pytest.mark.parametrize(("alphabet", "width"), [(4, 4), (5, 3), (7, 2), (3, 1)])
def test_injections_are_uniform(alphabet, width):
    drawn = draw_injections(stream(1, "test"), alphabet, np.empty((width, 60_000), np.uint8))
    choices = list(itertools.permutations(range(alphabet), width))
    assert_frequencies(Counter(rows(drawn.T)), dict.fromkeys(choices, 1 / len(choices)))


def test_alphabets_are_disjoint_and_test_strings_use_the_other_one():
    language = family("print", train_symbols=30, test_symbols=20)
    train, seen, unseen = (part.sample(0, 3000).tokens for part in (language, language.seen(), language.unseen()))
    regular = set(range(language.num_regular))
    assert set(np.unique(train)) - regular == set(np.unique(seen)) - regular == set(range(10, 40))
    assert set(np.unique(unseen)) - regular == set(range(40, 60))
    assert language.vocab == 60
    # the same draws under another alphabet, so that a comparison of the two tests is a paired one
    assert (language.match(seen) == language.match(unseen)).all()
    assert (language.log_prob(unseen) == -np.inf).all()
    assert np.isfinite(language.unseen().log_prob(unseen)).all()


def test_limited_substitutions_are_distinct_nested_and_only_in_training():
    few, more = (family("aabb-abab", train_symbols=9, substitutions=k) for k in (20, 60))
    strings = [set(rows(language.sample(3, 5000).tokens)) for language in (few, more, few.seen())]
    assert [len(found) for found in strings] == [40, 120, 144]
    assert strings[0] < strings[1] < strings[2]
    assert [few.num_sentences, more.num_sentences, few.seen().num_sentences] == [40, 120, 144]
    assert family("aabb-abab", train_symbols=9, substitutions=20, seed=1) != few
    assert family("aabb-abab", train_symbols=9, substitutions=72) != few.seen()
    every = family("aabb-abab", train_symbols=9, substitutions=10**6)
    assert set(rows(every.sample(0, 5000).tokens)) == strings[2]


def test_diversity_is_the_inverse_of_the_most_frequent_symbol_in_a_template():
    assert family("aabb-abab", train_symbols=50).diversity == 25.0
    assert family("copying", train_symbols=50).diversity == 50.0
    limited = family("aabb-abab", train_symbols=50, substitutions=8)
    drawn = limited.sample(0, 4000).tokens
    different = sorted({(t, *row) for t, row in zip(limited.match(drawn), rows(drawn), strict=True)})
    tokens = np.array(different)
    most = max(
        np.mean((tokens[tokens[:, 0] == t, 1:] == symbol).any(axis=1)) for t in (0, 1) for symbol in limited.symbols
    )
    assert math.isclose(limited.diversity, 1 / most)
    assert Templates(templates=("ab -> 1",)).diversity == math.inf


# --- reproducibility --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["aba-abb", "print", "random"])
def test_first_strings_do_not_depend_on_how_many_are_drawn_or_by_how_many_threads(name):
    language = family(name)
    size = sentences_per_chunk(language.sentence_length)
    many = language.sample(7, 2 * size + 5, threads=2)
    assert many.labels is not None
    for count in (1, 100, size, size + 1):
        few = language.sample(7, count, threads=1)
        assert few.labels is not None
        assert (few.tokens == many.tokens[:count]).all()
        assert (few.labels == many.labels[:count]).all()
    assert (language.sample(8, 100).tokens != many.tokens[:100]).any()


FINGERPRINT = """
import hashlib
from syntagma.languages.templates import family
found = hashlib.sha256()
for name in ("aabb-abab", "print", "random", "distribution-of-three"):
    for limit in (None, 7):
        language = family(name, substitutions=limit)
        sample = language.sample(3, 500)
        found.update(sample.tokens.tobytes() + sample.labels.tobytes() + language.digest().encode())
print(found.hexdigest())
"""


def test_the_same_bits_whatever_the_hash_seed():
    digests = {
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(digests) == 1


def test_golden_strings():
    """Recorded when the sampler was written: strings must not change with NumPy or with this program."""
    found = hashlib.sha256()
    for name in ("aabb-abab", "print"):
        found.update(family(name).sample(3, 1000).tokens.astype("<i8").tobytes())
    assert found.hexdigest() == GOLDEN


# --- templates and their names ----------------------------------------------------------------------------------------


def test_renamed_wildcards_give_an_equal_language_and_the_same_strings():
    greek = Templates(templates=("xαβα -> β", "xββα -> α"), train_symbols=9)
    latin = Templates(templates=("xqpq -> p", "xqqp -> p"), wildcards="pq", train_symbols=9)
    words = Templates(templates=("x one two one → two", "x two two one→one"), wildcards="one two", train_symbols=9)
    assert greek == latin == words
    assert len({greek, latin, words}) == 1
    assert (greek.sample(0, 99).tokens == words.sample(0, 99).tokens).all()
    assert greek != Templates(templates=("xαβα -> α", "xββα -> α"), train_symbols=9)
    assert greek != Templates(templates=greek.templates, train_symbols=8)
    assert greek != greek.unseen()
    assert greek == greek.seen()


@st.composite
def template_sets(draw: Any) -> Templates:
    length, wildcards, regular = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(0, 2))
    tokens = st.sampled_from(GREEK[:wildcards] + "xy"[:regular])
    texts = draw(st.lists(st.lists(tokens, min_size=length, max_size=length), min_size=1, max_size=8))
    distinct = {tuple(t if t in "xy" else text.index(t) for t in text): text for text in texts}
    templates = tuple(f"{''.join(text)} -> {label}" for label, text in enumerate(distinct.values()))
    return Templates(templates=templates, train_symbols=4, test_symbols=5, regular="xy"[:regular] or None)


@given(language=template_sets(), seed=st.integers(0, 2**40))
@settings(max_examples=40, deadline=None)
def test_sampled_strings_are_of_their_template_under_any_renaming(language, seed):
    sample = language.sample(seed, 50)
    template = language.match(sample.tokens)
    assert (template >= 0).all()
    assert (language.labels[template] == sample.labels).all()
    assert (language.canonical(sample.tokens) == language.patterns[template]).all()
    renaming = np.arange(language.vocab + 100)
    renaming[language.num_regular :] = stream(seed, "test").permutation(renaming[language.num_regular :])
    assert (language.canonical(renaming[sample.tokens]) == language.canonical(sample.tokens)).all()
    assert (language.label(renaming[sample.tokens]) == sample.labels).all()


@given(language=template_sets())
@settings(max_examples=25, deadline=None)
def test_probabilities_sum_to_one_and_different_templates_share_no_string(language):
    law = slow_strings(language)  # asserts that no string is made twice
    tokens = np.array(list(law))
    assert np.allclose(np.exp(language.log_prob(tokens)), [p for p, _ in law.values()], rtol=1e-12)
    assert math.isclose(np.exp(language.log_prob(tokens)).sum(), 1.0, rel_tol=1e-12)
    assert language.num_sentences == len(law)


@small
def test_fresh_strings_share_no_symbol(language):
    copies = language.fresh(3)
    assert copies.shape == (len(language.templates), 3, language.sentence_length)
    flat = copies.reshape(-1, language.sentence_length)
    assert (language.match(flat) == np.repeat(np.arange(len(language.templates)), 3)).all()
    symbols = [set(row) - set(range(language.num_regular)) for row in rows(flat)]
    assert sum(map(len, symbols)) == len(set().union(*symbols))


def test_settings_go_through_json_and_into_other_settings():
    class Run(BaseModel):
        language: Templates

    language = family("random", count=3, substitutions=4).unseen()
    run = Run.model_validate_json(Run(language=language).model_dump_json())
    assert run.language == language
    assert run.language.language() is run.language
    with pytest.raises(ValueError, match="at least one template") as caught:
        Run.model_validate({"language": {"templates": []}})
    assert caught.value.errors()[0]["type"] == "value_error"  # type: ignore[attr-defined]


# --- families ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_makes_labelled_strings(name):
    language = family(name, train_symbols=20, test_symbols=20)
    sample = language.unseen().sample(1, 200)
    assert (language.label(sample.tokens) == sample.labels).all()
    assert FAMILIES[name].__doc__


def check_family(name: str, rule: Any, **parameters: Any) -> None:
    """`rule(string)` says the label of each of 500 strings."""
    language = family(name, train_symbols=20, **parameters)
    sample = language.sample(2, 500)
    assert sample.labels is not None
    assert sample.labels.tolist() == [rule(row) for row in rows(sample.tokens)]


def test_families_label_by_their_rule():
    check_family("same-different", lambda s: 1 if s[0] == s[1] else -1)
    check_family("aba-abb", lambda s: 1 if s[2] == s[0] else -1)
    check_family("aabb-abab", lambda s: 1 if s[0] == s[1] else -1)
    check_family("majority", lambda s: Counter(s).most_common(1)[0][0], length=7)
    check_family("counting", lambda s: s.count(s[0]), length=6)
    check_family("copying", lambda s: s[2], length=4, position=2)
    check_family("associative-recall", lambda s: s[s.index(s[-1]) + 1], pairs=3)
    check_family("distribution-of-three", lambda s: (set(s[:3]) - set(s[3:])).pop())
    check_family("relational-match", lambda s: 1 if (s[0] == s[1]) == (s[2] == s[3]) else -1)
    check_family("identity-rules", lambda s: s[3:][s[:3].index(s[2]) if s[2] in s[:2] and s[0] != s[1] else 0])


@given(length=st.integers(1, 5), wildcards=st.integers(1, 3), regular=st.integers(0, 2), data=st.data())
@settings(max_examples=30, deadline=None)
def test_random_templates_are_as_many_as_enumeration_finds(length, wildcards, regular, data):
    names = GREEK[:wildcards] + "ab"[:regular]
    patterns = set()
    for text in itertools.product(names, repeat=length):
        order = list(dict.fromkeys(token for token in text if token in GREEK))
        if order:
            patterns.add(tuple(order.index(t) if t in GREEK else t for t in text))
    sizes = {"length": length, "wildcards": wildcards, "regular": regular}
    assert f"at most {len(patterns)}. " in outcome(lambda: family("random", count=len(patterns) + 1, **sizes))
    count = data.draw(st.integers(1, len(patterns)))
    language = family("random", count=count, draw=data.draw(st.integers(0, 99)), **sizes)
    assert len({tuple(row) for row in language.patterns.tolist()}) == count
    assert language.num_wildcards.min() >= 1
    assert language.labels.sum() == count % 2


def test_random_templates_are_uniform_and_large_sets_are_distinct():
    sizes = {"length": 3, "wildcards": 2, "regular": 1}
    drawn = Counter(family("random", count=1, draw=draw, **sizes).templates[0].split()[0] for draw in range(2000))
    assert len(drawn) == 13  # 3 places of one, 3 + 3 of two and 1 + 3 of three: 3 + 3 * 2 + 4
    assert_frequencies(drawn, dict.fromkeys(drawn, 1 / 13))
    large = family("random", count=300, length=40, wildcards=6, regular=3)
    assert len(set(large.templates)) == 300


# --- bad input --------------------------------------------------------------------------------------------------------


WRONG = [
    ([], "templates=[] cannot be used: a set has at least one template. Give some, as 'αβα -> 1'."),
    (["αβ -> 1", "αβ 1"], "template 'αβ 1', character 5: it has no label. Write 'αβα -> 1' or 'αβ -> β'."),
    ([" -> 1"], "template ' -> 1', character 2: there is nothing before the arrow. Write 'αβα -> 1'."),
    (["αβ -> "], "template 'αβ -> ', character 6: there is no label behind the arrow. Write 'αβα -> 1'."),
    (["αβα -> 1", "α β β α -> 2"], "template 'α β β α -> 2', character 7: it has 4 tokens where the first template, "),
    (["αβα -> 1", "αβ -> 2"], "template 'αβ -> 2', character 3: it has 2 tokens where the first template, 'αβα -> 1'"),
    (["αβ -> γ"], "template 'αβ -> γ', character 7: the label γ is neither a number, nor a wildcard of its template"),
    (["αβx -> γ"], "Its own wildcards and the regular tokens are x, α, β."),
    (["αx -> 2y"], "template 'αx -> 2y', character 7: the label 2y is neither a number, nor a wildcard"),
    (["αx -> 2y"], 'A regular token that occurs in no template is declared in `regular` or quoted, as "2y".'),
    (["αβ -> nan"], "character 7: the label nan is neither a number"),
    (['αβ -> "α"'], 'character 7: the label "α" is neither a number'),
    (["αβ -> 1", "αα -> α"], "template 'αα -> α', character 7: the label α is a token, but that of 'αβ -> 1' is a num"),
    (
        ["αβα -> 1", "ααα -> 0", "βγβ->1.0"],
        "templates 'αβα -> 1' (number 1) and 'βγβ->1.0' (3) are the same up to renaming wildcards. Leave one out.",
    ),
    (["αβα -> 1", "βγβ -> -1"], "templates 'αβα -> 1' (number 1) and 'βγβ -> -1' (2), character 8: they are the same"),
    (["αβα -> 1", "βγβ -> -1"], "so the label of the second would have to be 1, not -1. Leave one out."),
    (["αβ -> β", "βγ -> β"], "so the label of the second would have to be γ, not β. Leave one out."),
]


@pytest.mark.parametrize(("templates", "message"), WRONG)
def test_wrong_templates_are_refused_in_one_line(templates, message):
    assert message in outcome(lambda: Templates(templates=templates))


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        ("αa -> 1", {"wildcards": "αa", "regular": "ab"}, "template 'αa -> 1', character 2: 'a' is declared as a wild"),
        ("αα -> 1", {"wildcards": "αa", "regular": "ab"}, "wildcards='a' cannot be used: it is a regular token too."),
        ("αb -> 1", {"wildcards": "αα"}, "wildcards='α' cannot be used: it is declared twice. Leave one out."),
        ("αb -> 1", {"wildcards": 3}, "wildcards=3 cannot be used: it must be a list. Give a list, as wildcards=[3]."),
        ("αb -> 1", {"wildcards": ""}, "wildcards=[] cannot be used: at least one is needed."),
        ("αb -> 1", {"wildcards": ["a b"]}, "wildcards='a b' cannot be used: a token's name has characters, none"),
        ("αab -> 1", {"regular": "a"}, "template 'αab -> 1', character 3: 'b' is neither one of the wildcards nor one"),
        (
            "αβ -> 1",
            {"train_symbols": 1},
            "template 'αβ -> 1', character 2: wildcard number 2 finds no symbol",
        ),
        ("αβ -> 1", {"train_symbols": 1}, "the 1 of train_symbols. Raise train_symbols to 2 or more."),
        ("αβ -> 1", {"test_symbols": 0}, "test_symbols=0 cannot be used: it must be at least 1."),
        ("α -> 1", {"train_symbols": 2**31}, "at most 2147483648 tokens are numbered."),
        ("α -> 1", {"substitutions": 0}, "substitutions=0 cannot be used: it must be at least 1."),
        ("α -> 1", {"seed": -1}, "seed=-1 cannot be used: it must be at least 0."),
        ("α -> 1", {"probabilities": [0.5, 0.5]}, "there are 1 templates. Give one probability each."),
        ("α -> 1", {"probabilities": [0.5]}, "sum of probabilities=0.5 cannot be used: it is 1 within 1e-9."),
        ("α -> 1", {"probabilities": [-1.0]}, "they are above 0. Leave out a template that never occurs."),
        ("α -> 1", {"part": "test"}, "part='test' is unknown: there are seen, train, unseen."),
        ("α -> 1", {"seeds": 1}, "seeds is no setting here: leave it out."),
    ],
)
def test_wrong_settings_are_refused_in_one_line(text, changes, message):
    assert message in outcome(lambda: Templates(templates=[text], **changes))
    assert outcome(Templates) == "templates is missing: give it."


def test_a_quoted_label_is_a_regular_token():
    language = Templates(templates=['α1 -> "1"', "1α → α", 'αα -> "no"'], train_symbols=3)
    assert language.regular_tokens == ("1", "no")
    assert language.labels.tolist() == [0, 2, 1]
    assert Templates(templates=["α -> −2.5e0", "x -> +.5"]).labels.tolist() == [-2.5, 0.5]


def test_bad_strings_and_sizes_are_refused():
    language = SMALL["two labels"]
    assert "tokens.shape=(1, 2)" in outcome(lambda: language.log_prob(np.zeros((1, 2), int)))
    assert "tokens=9" in outcome(lambda: language.log_prob(np.full((1, 3), 9)))
    assert "tokens=-1" in outcome(lambda: language.match(np.full((1, 3), -1)))
    assert "tokens.dtype='float64'" in outcome(lambda: language.match(np.zeros((1, 3))))
    assert "tokens[1] is no string" in outcome(lambda: language.label(np.array([[0, 1, 0], [0, 1, 2]])))
    assert "num_sentences=0" in outcome(lambda: language.sample(0, 0))
    assert "seed=-1" in outcome(lambda: language.sample(-1, 1))
    assert "more memory than can be had" in outcome(lambda: language.sample(0, 10**17))
    assert "symbols of a substitution are distinct" in outcome(lambda: language.substitute(np.zeros(1, int), [[3, 3]]))
    assert "a template has 2 wildcards" in outcome(lambda: language.substitute(np.zeros(1, int), [[3]]))
    copied = SMALL["copied"]
    assert "numbers from 2 on" in outcome(lambda: copied.substitute(np.zeros(1, int), [[1, 3]]))
    assert "family='majorty' is unknown" in outcome(lambda: family("majorty"))
    assert "Did you mean 'length'?" in outcome(lambda: family("majority", lenght=3))
    assert "length=4 cannot be used: an even number" in outcome(lambda: family("majority", length=4))
    assert "position=1 cannot be used: the string has 1" in outcome(lambda: family("copying", position=1))
    assert "pairs=13" in outcome(lambda: family("associative-recall", pairs=13))
    assert "wildcards=25" in outcome(lambda: family("random", wildcards=25))
    assert "length=17" in outcome(lambda: family("counting", length=17))


GOLDEN = "fe6c11c9b7a677702d518ac93e544e059e307efb203b29faee2a8db05dc3806e"
