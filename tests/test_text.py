"""A text's vocabulary, windows and parts by hand, and the files that cannot be read."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from syntagma.errors import InputError
from syntagma.languages import RandomHierarchy, read_labelled_strings, read_templates
from syntagma.languages.corpora import Corpus
from syntagma.languages.language import Language
from syntagma.languages.settings import AnyLanguage, CorpusSettings, TextSettings
from syntagma.languages.text import OTHER, Text
from syntagma.oracles import has_oracle, oracle_of
from syntagma.sweep.identity import run_id
from syntagma.tasks import NextToken

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("the cat and the dog and the cow é\n", encoding="utf-8")
    return path


def test_words_are_numbered_by_frequency(file):
    text = Text.read(file, 2, unit="words", vocab=4, test_share=0.0)
    assert text.names == ("the", "and", "cat", OTHER)
    assert text.vocab == 4
    np.testing.assert_array_equal(text.tokens, [0, 2, 1, 0, 3, 1, 0, 3, 3])
    np.testing.assert_array_equal(text.windows, [[0, 2], [1, 0], [3, 1], [0, 3]])
    assert text.tokens.dtype == np.uint8
    overlapping = Text.read(file, 3, unit="words", vocab=4, stride=2, test_share=0.0)
    np.testing.assert_array_equal(overlapping.windows, [[0, 2, 1], [1, 0, 3], [3, 1, 0], [0, 3, 3]])


def test_characters_come_back(file):
    text = Text.read(file, 4, test_share=0.0)
    assert "".join(text.names[token] for token in text.tokens) == file.read_text(encoding="utf-8")
    assert text.names[0] == " "
    assert text.vocab == len(set(file.read_text(encoding="utf-8"))) + 1
    assert Text.read(file, 4, vocab=1000).vocab < 20  # no more than there are


def test_the_vocabulary_and_the_windows_of_a_part_are_its_own(file):
    train, test, everything = (
        Text.read(file, 2, unit="words", part=part, test_share=0.4) for part in ("train", "test", "all")
    )
    assert train.names == test.names == everything.names == ("the", "and", "cat", "dog", OTHER)
    np.testing.assert_array_equal(np.concatenate([train.tokens, test.tokens]), everything.tokens)
    np.testing.assert_array_equal(test.tokens, [1, 0, 4, 4])  # the cow was never seen in training


def test_samples_are_windows(file):
    text = Text.read(file, 3, unit="words", stride=1, test_share=0.0)
    many, few = text.sample(4, 7000), text.sample(4, 10, hidden=True)
    np.testing.assert_array_equal(many.tokens[:10], few.tokens)
    assert few.labels is None
    rows = [window.tolist() for window in text.windows]
    counts = np.bincount([rows.index(window) for window in many.tokens.tolist()], minlength=7)
    assert (np.abs(counts - 1000) < 4 * np.sqrt(7000 * 6 / 49)).all()
    assert not np.array_equal(text.sample(5, 10).tokens, few.tokens)


def test_a_text_is_a_source_without_probabilities(file):
    settings = TextSettings(path=str(file), sentence_length=4)
    assert TypeAdapter(AnyLanguage).validate_json(settings.model_dump_json()) == settings
    text = settings.language()
    assert not isinstance(text, Language)
    assert oracle_of(text) is None
    assert not has_oracle(text)
    task = NextToken()
    assert not task.has_oracle(text)
    examples = task.examples(text.sample(0, 5), text, 0)
    assert examples.inputs.shape == (5, 4)
    assert task.shape(text).outputs == text.vocab
    with pytest.raises(InputError, match="Text has no exact oracle for tokens"):
        task.oracle_losses(text, examples)


def test_files_that_cannot_be_read_are_named(tmp_path, file):
    wrong, empty = tmp_path / "latin.txt", tmp_path / "empty.txt"
    wrong.write_bytes(b"caf\xe9 au lait")
    empty.write_text(" \n\n")
    cases = (
        (tmp_path / "none.txt", {}, "none.txt cannot be read: no such file or directory. Give a text file."),
        (tmp_path, {}, "cannot be read: is a directory"),
        (wrong, {}, "latin.txt is not text in UTF-8: byte 3 cannot be. Convert the file."),
        (empty, {}, "empty.txt has no text in it"),
        (file, {"vocab": 1}, "vocab=1 cannot be used: it must be at least 2"),
        (file, {"stride": 0}, "stride=0"),
        (file, {"test_share": 1.0}, "test_share=1.0"),
        (file, {"sentence_length": 100}, r"sentence_length=100 cannot be used: .*has 34 characters in its part 'all'"),
        (file, {"part": "test"}, r"sentence_length=4 .* has 3 characters in its part 'test'"),
        (file, {"sha256": "ab"}, "sha256='ab' cannot be used: that of"),
    )
    for path, given, message in cases:
        with pytest.raises(InputError, match=message) as caught:
            Text.read(path, **{"sentence_length": 4, **given})
        assert "\n" not in str(caught.value)
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    assert Text.read(file, 4, sha256=right).vocab == Text.read(file, 4).vocab


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared texts are not here")
def test_shared_texts():
    plays = Text.read(SHARED / "tiny-shakespeare.txt", 64, test_share=0.0)
    assert (len(plays.tokens), plays.vocab) == (1_115_394, 66)  # 65 distinct characters
    articles = Text.read(SHARED / "wikitext-2-valid.txt", 64, unit="words", vocab=256)
    assert 200_000 < len(articles.tokens) < 230_000
    assert articles.names[0] == "the"


def test_three_parts_follow_one_another_and_keep_the_other_two(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join("abcdefghij"[i % 10] for i in range(1000)))
    before = {part: Text.read(path, 4, part=part).tokens for part in ("train", "test", "all")}
    parts = {p: Text.read(path, 4, part=p, validation_share=0.2) for p in ("train", "validation", "test", "all")}
    assert [len(text.tokens) for text in parts.values()] == [700, 200, 100, 1000]
    names = {text.names for text in parts.values()}
    assert len(names) == 1
    joined = np.concatenate([parts[p].tokens for p in ("train", "validation", "test")])
    np.testing.assert_array_equal(joined, parts["all"].tokens)
    np.testing.assert_array_equal(parts["test"].tokens, before["test"])
    np.testing.assert_array_equal(parts["train"].tokens, before["train"][:700])
    with pytest.raises(InputError, match=r"part='validation' .* validation_share=0.0 leaves it empty. Give it"):
        Text.read(path, 4, part="validation")
    with pytest.raises(InputError, match=r"validation_share=0.6 .* with test_share=0.5 nothing is left to train on"):
        Text.read(path, 4, validation_share=0.6, test_share=0.5)


def test_settings_without_a_validation_part_keep_their_identity():
    settings = TextSettings(path="a.txt", sentence_length=4)
    assert {"validation_share", "max_bytes"}.isdisjoint(settings.model_dump(mode="json"))
    assert "validation_share" in settings.model_copy(update={"validation_share": 0.1}).model_dump(mode="json")


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_a_training_part_without_a_token_is_refused(tmp_path, unit):
    path = tmp_path / "short.txt"
    path.write_text("a b c" if unit == "words" else "abcde")
    with pytest.raises(InputError, match=r"test_share=0.95 .* none is left to train on. Lower the shares, or"):
        Text.read(path, 1, unit=unit, test_share=0.95)


def test_a_literal_other_is_the_token_of_that_name(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("the <other> cat <other> the <other>")
    text = Text.read(path, 2, unit="words", test_share=0.0)
    assert text.names == ("the", "cat", OTHER)
    assert " ".join(text.names[token] for token in text.tokens) == path.read_text()
    path.write_text("<other> <other> <other>")
    with pytest.raises(InputError, match="nothing but <other> in it"):
        Text.read(path, 2, unit="words", test_share=0.0)


def test_constant_and_one_symbol_texts(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a" * 20)
    text = Text.read(path, 4)
    assert (text.names, text.tokens.tolist()) == (("a", OTHER), [0] * 20)
    assert text.sample(0, 3).tokens.tolist() == [[0] * 4] * 3


def test_line_ends_and_the_byte_order_mark_are_normalised_with_a_note(tmp_path):
    path, plain = tmp_path / "windows.txt", tmp_path / "plain.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\nthree\rfour\n")
    plain.write_bytes(b"one\ntwo\nthree\nfour\n")
    text = Text.read(path, 4, test_share=0.0)
    np.testing.assert_array_equal(text.tokens, Text.read(plain, 4, test_share=0.0).tokens)
    assert text.notes == (
        "a byte order mark at the beginning was left out",
        "2 line ends CR LF were made LF",
        "1 line ends CR were made LF",
    )
    assert Text.read(plain, 4, test_share=0.0).notes == ()
    path.write_bytes(b"\r" * 11_536 + b"a")
    assert Text.read(path, 4, test_share=0.0).names == ("\n", "a", OTHER)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokens.txt", np.arange(100, dtype=np.uint16).tobytes(), "is no text: NUL bytes are in it.*tokens='uint16'"),
        ("tokens.bin", b"these are words", "is a file of tokens by its name.*vocab=...\\) reads it"),
        ("tokens.npy", b"\x93NUMPY\x01\x00v\x00{}", "is an array of NumPy.*Corpus.read"),
        ("plays.jsonl", b'{"title": "a", "body": "all the words"}\n', "is records of JSON, not text.*field='body'"),
        ("plays.ndjson", b"{", "is records of JSON, not text.*field='text'"),
        ("plays.txt", b"\x1f\x8b\x08\x00", "is compressed by gzip.*Corpus.read"),
        ("plays.txt", b"\x28\xb5\x2f\xfd\x00", "is compressed by zstd"),
        ("plays.txt", b"BZh91AY&SY", "is compressed by bzip2"),
        ("plays.txt", "words".encode("utf-16"), "is text in UTF-16. Convert it"),
        ("plays.parquet", b"PAR1", "is a Parquet table by its name.*field="),
    ],
)
def test_what_is_no_text_is_recognised(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    for read in (lambda: Text.read(path, 2), lambda: TextSettings.of_file(str(path), 2)):
        with pytest.raises(InputError, match=message) as caught:
            read()
        assert "\n" not in str(caught.value)


def test_a_text_that_begins_like_something_else_is_a_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("BZh is a name, PAR1 another")
    assert len(Text.read(path, 2, test_share=0.0).tokens) == 27


def test_only_regular_files_are_read_and_names_may_be_any_bytes(tmp_path):
    pipe, named = tmp_path / "pipe", os.fsencode(tmp_path) + b"/caf\xe9.txt"
    os.mkfifo(pipe)
    cases = [
        (pipe, "pipe cannot be read: is a named pipe. Give a text file."),
        ("/dev/zero", "/dev/zero cannot be read: is a device"),
        ("a\0b", r"a\\x00b cannot be read: no file can have such a name"),
        ("a\ud800b", "cannot be read: no file can have such a name"),
        ("", "'' cannot be read: no such file"),
        (named, r"caf\\xe9.txt cannot be read: no such file or directory"),
        (b"new\nline", r"new\\nline cannot be read"),
    ]
    for path, message in cases:
        with pytest.raises(InputError, match=message) as caught:
            Text.read(path, 2)
        assert str(caught.value).isprintable()
    with open(named, "w") as file:
        file.write("words and words")
    assert Text.read(named, 2).vocab == Text.read(os.fsdecode(named), 2).vocab


@pytest.mark.parametrize("name", [b"caf\xe9 50%.txt", b"file:caf\xe9", b"%e9", "é.txt".encode(), b"a b.txt"])
def test_settings_hold_names_of_any_bytes(tmp_path, name):
    """Settings are JSON and TOML in UTF-8; the name is the same file when they are read back."""
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "w") as file:
        file.write("words and words")
    chosen = TextSettings.of_file(os.fsdecode(path), 2)
    kept = chosen.model_dump_json()
    assert ("file:" in json.loads(kept)["path"]) == (b"\xe9" in name)
    again: Any = TypeAdapter(AnyLanguage).validate_json(kept.encode())
    assert again == chosen == TextSettings.of_file(chosen.path, 2)
    assert again.language().tokens.tolist() == Text.read(path, 2).tokens.tolist()
    assert run_id(json.loads(kept)) == run_id(chosen.model_dump(mode="json"))


def test_settings_hold_a_corpus_in_a_folder_of_any_name(tmp_path):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/corp\xe9")
    (tmp_path / "text.txt").write_text("words and words " * 20)
    Corpus.read(str(tmp_path / "text.txt")).save(folder)
    chosen = CorpusSettings.of_directory(folder, 4)
    again = CorpusSettings.model_validate_json(chosen.model_dump_json())
    assert again == chosen
    assert len(again.language()) == len(Corpus.open(folder).windows("train", 4))
    with pytest.raises(InputError, match=r"^directory: a\\ud800b is a name that no file can have"):
        CorpusSettings(directory="a\ud800b", digest="", sentence_length=4)


def test_a_text_has_a_limit_of_size_that_can_be_raised(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a" * 101)
    with pytest.raises(InputError, match=r"it has more than 100 bytes, the limit. Give a smaller one, or raise"):
        Text.read(path, 2, max_bytes=100)
    assert len(Text.read(path, 2, max_bytes=101).tokens) == 101
    assert TextSettings.of_file(str(path), 2, max_bytes=200).language().vocab == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "letters"}, "unit='letters' is unknown: there are characters, words"),
        ({"part": "training"}, "part='training' is unknown.*Did you mean 'train'"),
        ({"part": None}, "part=None is unknown"),
        ({"test_share": "0.1"}, "test_share='0.1' cannot be used: it must be a number"),
        ({"test_share": float("nan")}, "test_share=nan"),
        ({"test_share": True}, "test_share=True"),
        ({"validation_share": -0.1}, "validation_share=-0.1"),
        ({"max_bytes": 0}, "max_bytes=0"),
        ({"sha256": 5}, "sha256=5"),
    ],
)
def test_arguments_that_cannot_be_are_named(file, change, message):
    with pytest.raises(InputError, match=message):
        Text.read(file, 2, **change)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (np.array([0, 5]), "tokens=5 cannot be used: tokens are 0 to 2"),
        (np.array([0, -1]), "tokens=-1"),
        (np.array([0.0, 1.0]), "tokens.dtype='float64'"),
        (np.array([[0, 1]]), r"tokens.shape=\(1, 2\)"),
        (np.array([1]), r"len\(tokens\)=1 cannot be used: 2 are needed"),
        (["a", "b"], "tokens.dtype"),
        ([True, False], "tokens.dtype='bool'"),
        ([[1], [1, 2]], "it must be one line of whole numbers"),
    ],
)
def test_a_text_is_made_of_tokens_of_its_vocabulary(tokens, message):
    with pytest.raises(InputError, match=message):
        Text(tokens, ("a", "b", OTHER), 2, 1)


@pytest.mark.parametrize("read", [read_templates, read_labelled_strings, RandomHierarchy.load])
def test_files_of_templates_and_grammars_are_regular_files_too(tmp_path, read):
    pipe, named = tmp_path / "pipe", os.fsencode(tmp_path) + b"/caf\xe9.toml"
    os.mkfifo(pipe)
    with open(named, "wb") as file:
        file.write(b"a = " + b"[" * 100_000)
    for path, message in (
        (pipe, "cannot be read: Is a named pipe."),
        ("/dev/zero", "cannot be read: Is a device."),
        ("a\0b", "cannot be read: No file can have such a name."),
        (os.fsdecode(named), r"caf\\xe9.toml: "),
    ):
        with pytest.raises(InputError, match=message) as caught:
            read(path)
        assert str(caught.value).isprintable()
