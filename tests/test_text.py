"""A text's vocabulary, windows and parts by hand, and the files that cannot be read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from syntagma.errors import InputError
from syntagma.languages.language import Language
from syntagma.languages.settings import AnyLanguage, TextSettings
from syntagma.languages.text import OTHER, Text
from syntagma.oracles import has_oracle, oracle_of
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
