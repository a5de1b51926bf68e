"""Texts and corpora are known by what they hold, in runs, studies and facts: wherever files lie, and if one changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import pytest

from syntagma import Text
from syntagma.cli.single import run_of
from syntagma.languages.corpora import Corpus
from syntagma.languages.settings import CorpusSettings, TextSettings
from syntagma.studies import corpus_forecast, permutation_bias
from syntagma.studies.study import Facts
from syntagma.sweep.runs import AS_STORED, Run
from syntagma.sweep.store import Store
from syntagma.sweep.stored_network import find_run, load_network
from syntagma.sweep.weights import checkpoint_path, save

WORDS = "the quick brown fox jumps over the lazy dog. " * 40
SIZES = {"num_examples": 8, "test_examples": 8, "seed": 0}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "book.txt").write_text(WORDS)
    (tmp_path / "other.txt").write_text(WORDS.upper())
    return tmp_path


def a_run(path: Path, **more: Any) -> Run:
    language: Any = TextSettings(path=str(path), sentence_length=4)
    return Run.model_validate(run_of("random-hierarchy", "last-token", "elman", SIZES, []).config() | {
        "language": {"kind": "text", "path": str(path), "sentence_length": 4},
        "validation_language": language,
        "tests": {"more": language},
        **more,
    })  # fmt: skip


def test_a_run_of_a_text_is_that_of_its_content(place: Path):
    here, there = (a_run(place / name / "book.txt") for name in ("here", "there"))
    assert here.id() == there.id() != a_run(place / "other.txt").id()
    languages = (here.language, here.validation_language, here.tests["more"])
    assert len({language.sha256 for language in languages if isinstance(language, TextSettings)}) == 1
    before = here.id()
    (place / "here" / "book.txt").write_text(WORDS + "more")
    assert here.id() == before != a_run(place / "here" / "book.txt").id()
    with pytest.raises(ValueError, match=r"sha256=.* cannot be used: that of .* is"):
        here.language.language()  # the text of that run is not there any more


def test_the_command_line_knows_a_text_by_its_content(place: Path):
    runs = [
        run_of("text", "last-token", "kernel", SIZES, [f"language.path={place / name}", "language.sentence_length=4"])
        for name in ("here/book.txt", "there/book.txt", "other.txt")
    ]
    assert runs[0].id() == runs[1].id() != runs[2].id()


def test_what_cannot_be_read_is_said_by_whoever_reads_it(place: Path):
    settings = TextSettings(path=str(place / "missing.txt"), sentence_length=4)
    assert settings.with_content() == settings
    with pytest.raises(ValueError, match=r"missing\.txt"):
        settings.language()


def test_a_run_of_a_corpus_is_that_of_its_content(place: Path):
    corpus = Corpus.read(place / "here" / "book.txt", "word")
    saved = [CorpusSettings.of_directory(str(corpus.save(place / name)), 4) for name in ("one", "two")]
    first, second = (a_run(place / "other.txt", language=one) for one in saved)
    assert first.id() == second.id() != a_run(place / "other.txt").id()


def test_a_stored_run_is_as_it_was_whatever_lies_there_now(place: Path):
    """Also one of before texts were known by their content: its networks are found under the id that it had."""
    asked = a_run(place / "here" / "book.txt")
    config = asked.config()
    for language in (config["language"], config["validation_language"], config["tests"]["more"]):
        language["sha256"] = None
    with Store.create(place) as store:
        identity = store.record_run(config, {"best_step": 8, "test_loss": 1.0})
        assert identity != asked.id()
        run = Run.model_validate(config, context=AS_STORED)
        assert run.id() == identity
        assert isinstance(run.language.language(), Text)
        learner: Any = run.learner
        network = learner.network(jax.random.key(0), run.task.shape(run.language.language()))
        save(checkpoint_path(place, identity, 8), network)
        found, _ = find_run(store, [identity])
        assert found.id() == identity
        load_network(store, found, 8)


def test_studies_know_their_text_by_its_content(place: Path):
    def settings_of(study: Any, path: Path, **more: Any) -> Any:
        text = {"kind": "text", "path": str(path), "sentence_length": 32, "validation_share": 0.1}
        return study.settings.model_validate(study.presets["quick"].model_dump() | {"text": text} | more)

    for study in (corpus_forecast.STUDY, permutation_bias.STUDY):
        here, there, other = (
            settings_of(study, place / name) for name in ("here/book.txt", "there/book.txt", "other.txt")
        )
        assert here.text.sha256 == there.text.sha256 != other.text.sha256
        keys = [one.model_dump(mode="json")["text"] for one in (here, there, other)]
        known = Facts([({"of": "text", "text": keys[0]}, {"loss": 1.0})])
        assert {"of": "text", "text": keys[1]} in known
        assert {"of": "text", "text": keys[2]} not in known
