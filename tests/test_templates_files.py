"""Template tasks from files, strings and labels that somebody has, and the templates found behind them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.languages.templates import (
    FAMILIES,
    LabelledStrings,
    Templates,
    family,
    read_labelled_strings,
    read_templates,
)


def outcome(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(language: Templates, seed: int, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Strings of `language` and their labels as text; the symbol with number i is spelt s<i>."""
    names = [*language.regular_tokens, *(f"s{i}" for i in range(language.num_regular, language.vocab))]
    sample = language.sample(seed, count)
    assert sample.labels is not None
    strings = tuple(" ".join(names[token] for token in row) for row in sample.tokens)
    return strings, tuple(names[label] if language.symbolic else str(label) for label in sample.labels)


# --- templates in files -----------------------------------------------------------------------------------------------


def test_toml_and_text_say_the_same(tmp_path: Path):
    toml, text = tmp_path / "task.toml", tmp_path / "task.txt"
    toml.write_text('wildcards = "pq"\ntemplates = ["xpqp -> 1", "xpqq -> -1"]\ntrain_symbols = 20\n', encoding="utf-8")
    text.write_text("\ufeff# which does the last repeat?\nxαβα -> 1\n\n  xαββ → −1\n", encoding="utf-8")
    assert read_templates(toml) == read_templates(text, train_symbols=20)
    assert read_templates(toml, train_symbols=30).train_symbols == 30
    toml.write_text('family = "majority"\nlength = 7\ntrain_symbols = 9', encoding="utf-8")
    assert read_templates(toml) == family("majority", length=7, train_symbols=9)
    assert read_templates(toml, length=3) == family("majority", length=3, train_symbols=9)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.toml", 'templates = ["αβ -> 1", "α', "a.toml: not complete TOML: "),
        (
            "a.toml",
            'templates = ["αβ -> 1"]\ntrian_symbols = 3',
            "a.toml: trian_symbols is no setting here",
        ),
        ("a.toml", "family = 3", "a.toml: family=3 cannot be used: it is a name in quotes."),
        ("a.toml", 'family = "majorty"', "a.toml: family='majorty' is unknown"),
        ("a.toml", 'family = "majority"\nlength = 4', "a.toml: length=4 cannot be used: an even number"),
        ("a.toml", "", "a.toml: templates is missing: give it."),
        ("a.txt", "# nothing\n", "a.txt: templates=[] cannot be used: a set has at least one template."),
        ("a.txt", "αβ -> 1\nαβ", "a.txt: template 'αβ', character 3: it has no label."),
        ("a.txt", b"\xff\xfe\x00", "a.txt: not a text file in UTF-8 (byte 0). Save it as UTF-8."),
        ("a.txt", None, "a.txt: the file cannot be read: No such file or directory."),
    ],
)
def test_bad_template_files_are_refused_in_one_line(tmp_path: Path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in outcome(lambda: read_templates(path))


# --- strings and labels -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_the_templates_behind_strings_are_found(name):
    length = {"length": 2} if name == "copying" else {}  # a single token of several characters cannot be told apart
    task = family(name, train_symbols=30, test_symbols=20, **length)
    strings, labels = written(task, seed=1, count=600)
    found = LabelledStrings(strings=strings, labels=labels, regular=task.regular_tokens).templates()
    rules = [
        {tuple(row): label for row, label in zip(each.patterns.tolist(), each.labels.tolist(), strict=True)}
        for each in (task, found)
    ]
    assert rules[0] == rules[1]
    frequencies = Counter(task.match(task.sample(1, 600).tokens).tolist())
    assert np.allclose(sorted(found.weights), sorted(count / 600 for count in frequencies.values()))
    assert found.train_symbols == 30


def test_symbols_that_look_like_wildcards_and_regular_tokens_that_are_greek():
    given = LabelledStrings(strings=("αabα", "αbaα", "αaaα"), labels=("a", "b", "α"), regular="α")
    found = given.templates()
    assert found.patterns.tolist() == [[0, 1, 2, 0], [0, 1, 1, 0]]
    assert found.labels.tolist() == [1, 0]


ROWS = {
    "strings": ("aba", "bab", "aca", "cdc", "xyx", "yxy", "axa", "aba", "zzz"),
    "labels": (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0),
}


def test_parts_are_disjoint_and_by_symbol():
    language = LabelledStrings(**ROWS, unseen_symbols=("x", "y"), test_fraction=0.4)
    assert (language.num_rows + language.seen().num_rows, language.unseen().num_rows, language.num_dropped) == (6, 2, 1)
    names = np.array(language.token_names)
    strings = {
        part: {"".join(row) for row in names[language.model_copy(update={"part": part}).sample(0, 300).tokens]}
        for part in ("train", "seen", "unseen")
    }
    assert strings["unseen"] == {"xyx", "yxy"}
    assert strings["train"] | strings["seen"] == {"aba", "bab", "aca", "cdc", "zzz"}
    assert not strings["train"] & strings["seen"]
    assert len(strings["seen"]) == 2
    assert language.token_names[-2:] == ("x", "y")
    drawn = LabelledStrings(**ROWS, unseen_symbols=0.3, seed=4)
    assert len(drawn.token_names) - drawn.templates().test_symbols == 4
    assert drawn.token_names == LabelledStrings(**ROWS, unseen_symbols=0.3, seed=4).token_names


@given(seed=st.integers(0, 2**40), fraction=st.sampled_from([0.0, 0.3]), count=st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_rows_are_drawn_by_their_frequency(seed, fraction, count):
    language = LabelledStrings(**ROWS, test_fraction=fraction)
    every = language.sample(seed, language.num_rows, distinct=True)
    different, counts = np.unique(every.tokens, axis=0, return_counts=True)
    assert np.allclose(np.exp(language.log_prob(different)), counts / counts.sum(), rtol=1e-12)
    if fraction == 0.0:
        shown = ["".join(np.array(language.token_names)[row]) for row in every.tokens]
        assert sorted(zip(shown, every.labels, strict=True)) == sorted(zip(*ROWS.values(), strict=True))
    sample, longer = language.sample(seed, count), language.sample(seed, 70_000)
    assert (sample.tokens == longer.tokens[:count]).all()
    frequencies = Counter(map(tuple, longer.tokens.tolist()))
    for row, p in zip(different.tolist(), np.exp(language.log_prob(different)), strict=True):
        assert abs(frequencies[tuple(row)] - 70_000 * p) < 5 * np.sqrt(70_000 * p * (1 - p))
    other = np.full((1, 3), language.vocab - 1)
    assert (language.log_prob(other) == -np.inf) == (other.tolist()[0] not in different.tolist())


def test_csv_is_read_with_its_columns_in_any_order_and_quotes(tmp_path: Path):
    path = tmp_path / "rows.csv"
    path.write_text('id,answer,text\n1,+1,"a "" a"\n2, -1,"a "" b"\n\n3,1,"b "" b"\n', encoding="utf-8-sig")
    language = read_labelled_strings(path, string="text", label="answer", regular='"')
    assert language == LabelledStrings(strings=('a " a', 'a " b', 'b " b'), labels=("+1", "-1", "1"), regular='"')
    assert language.templates() == Templates(
        templates=('α"α -> 1', 'α"β -> -1'), train_symbols=2, test_symbols=2, probabilities=(2 / 3, 1 / 3)
    )
    assert LabelledStrings.model_validate_json(language.model_dump_json()) == language


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "rows.csv: column='string' cannot be used: the first line names no columns."),
        ("text,label\nab,1", "rows.csv: column='string' cannot be used: the first line names text, label."),
        ("string,label\n", "rows.csv: (strings, labels)=(0, 0) cannot be used: there is one label a string"),
        (
            "string,label\nab,1\nba",
            "rows.csv: row 2 has 1 fields where the first line names 2; the file may",
        ),
        ('string,label\nab,1\n"ba', "rows.csv: row 2 is not CSV: unexpected end of data; it may have been cut short."),
        ("string,label\nab,1\naba,1", "rows.csv: row 2 ('aba'): it has 3 tokens, the first row has 2."),
        ("string,label\nab,1\nba,a", "rows.csv: row 2 ('ba'): the label a is a token, but that of row 1 is a number."),
        (
            "string,label\nab,a\nba,c",
            "rows.csv: row 2 ('ba'): the label c is neither a number, nor a regular",
        ),
        ("string,label\nab,1\nba,1\nab,2", "rows.csv: rows 1 and 3 are the same string, 'ab', with different labels."),
        (b"string,label\n\xff", "rows.csv: not a text file in UTF-8 (byte 13)."),
    ],
)
def test_bad_csv_is_refused_in_one_line(tmp_path: Path, content, message):
    path = tmp_path / "rows.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in outcome(lambda: read_labelled_strings(path))


def test_conflicting_labels_name_their_rows():
    rows = LabelledStrings(strings=("abb", "aab", "cdd"), labels=("1", "1", "0"))
    message = outcome(rows.templates)
    assert message.startswith(
        "row 1 ('abb', label 1) and row 3 ('cdd', label 0) are the same up to renaming symbols, but"
    )
    assert rows.model_copy(update={"regular": "c"}).templates().num_regular == 1
    copied = LabelledStrings(strings=("ab", "cd"), labels=("a", "d"))
    assert "row 1 ('ab', label a) and row 2 ('cd', label d) are the same" in outcome(copied.templates)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_fraction": 1.0}, "test_fraction=1.0 cannot be used: a fraction is at least 0 and below 1."),
        ({"unseen_symbols": -0.1}, "unseen_symbols=-0.1 cannot be used: a fraction is at least 0 and below 1."),
        ({"unseen_symbols": ("q",)}, "unseen_symbols='q' cannot be used: it is no symbol of the strings."),
        ({"part": "unseen"}, "part='unseen' cannot be used: no row is in it. Set unseen_symbols, for instance to 0.2."),
        ({"part": "seen"}, "part='seen' cannot be used: no row is in it. Set test_fraction to 0.2."),
        ({"unseen_symbols": tuple("abczxyd")}, "part='train' cannot be used: no row is in it. Hold out less."),
        ({"labels": (1.0,)}, "(strings, labels)=(9, 1) cannot be used: there is one label a string"),
    ],
)
def test_bad_rows_are_refused_in_one_line(changes, message):
    assert message in outcome(lambda: LabelledStrings(**{**ROWS, **changes}))
    few = LabelledStrings(**ROWS)
    assert "this part has 9 rows" in outcome(lambda: few.sample(0, 10, distinct=True))
