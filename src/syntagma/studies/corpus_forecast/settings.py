"""Settings of corpus-forecast, and its presets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from syntagma.errors import InputError, invalid
from syntagma.languages.corpora import PARTS, Corpus, CorpusWindows, Tokens
from syntagma.languages.settings import CorpusSettings, KnownText, TextSettings
from syntagma.learners import Training, Transformer
from syntagma.regular_file import path_of
from syntagma.studies.recipes import Rising, adam, powers_of_two
from syntagma.studies.study import Settings

_VALIDATION_SHARE = 0.05


class TextStatistics(Settings):
    """How closely a text is looked at.

    Attributes:
        largest_lag: the longest distance at which correlations are measured.
        lags_per_doubling: how many distances to each doubling.
        first_lag: the shortest distance that counts for beta.
        shuffles: copies of the text in random order that give the sampling floor.
        blocks: equal stretches of the text, from whose spread intervals come.
        longest: most tokens of context of the n-gram counts.
    """

    largest_lag: int = Field(default=1024, ge=4)
    lags_per_doubling: int = Field(default=3, ge=1)
    first_lag: int = Field(default=2, ge=1)
    shuffles: int = Field(default=5, ge=2)
    blocks: int = Field(default=20, ge=4)
    longest: int = Field(default=8, ge=4)


class CorpusForecast(TextStatistics):
    """Two statistics of a text, and networks trained on ever more of it.

    Attributes:
        text: the text, its path or all its settings, which have a validation part; or a corpus that `Corpus.save`
            wrote, its folder or all its settings.
        length: T, tokens of a window; networks see contexts of 0 to T - 1 tokens.
        sizes: tokens of training text P.
        seeds: how many; each has windows of the text, initial weights and an order of its own.
    """

    text: KnownText | CorpusSettings | None = None
    length: int = Field(ge=4)
    learner: Transformer
    training: Training
    sizes: Rising = Field(min_length=3)
    seeds: int = Field(default=3, ge=1)
    test_windows: int = Field(default=2048, ge=2)

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("text"), str):
            length = given.get("length") or 32
            if os.path.isdir(path_of(given["text"])):
                corpus = CorpusSettings.of_directory(given["text"], length, distinct=True)
                return given | {"text": corpus.model_dump(mode="json")}
            text = TextSettings.of_file(given["text"], length, distinct=True, validation_share=_VALIDATION_SHARE)
            return given | {"text": text.model_dump(mode="json")}
        return given

    @model_validator(mode="after")
    def _fits(self) -> CorpusForecast:
        if self.sizes[0] < self.length:
            raise invalid("sizes", self.sizes[0], f"a window has {self.length} tokens", "Choose larger ones")
        if self.text is not None:
            if (given := self.text.sentence_length) != self.length:
                raise invalid("text.sentence_length", given, f"length is {self.length}", "Make them equal")
            if isinstance(self.text, TextSettings) and not (share := self.text.validation_share):
                raise invalid("text.validation_share", share, "training stops by a part of its own", "Give 0.05, say")
        return self

    def part(self, name: Literal["train", "validation", "test"]) -> TextSettings | CorpusSettings:
        """One of the three parts of the text.

        Raises:
            InputError: no text is given.
        """
        if self.text is None:
            raise InputError("text: None is given, and this study looks at a text. Name a file: --set text=FILE")
        return self.text.model_copy(update={"part": name})

    def corpus(self) -> Corpus:
        """All three parts of the text.

        Raises:
            InputError: no text is given, or it cannot be read.
        """
        if isinstance(self.text, CorpusSettings):
            return self.text.corpus()
        texts: dict[str, Any] = {name: self.part(name).language() for name in PARTS}
        parts = {name: Tokens(text.tokens, np.zeros(1, np.int64)) for name, text in texts.items()}
        return Corpus(parts, texts["train"].vocab, None, texts["train"].notes)

    def windows(self) -> int:
        """How many windows of `length` tokens the training part has."""
        train = self.part("train").language()
        return len(train) if isinstance(train, CorpusWindows) else len(train.windows)

    def held_out(self, name: Literal["validation", "test"]) -> TextSettings | CorpusSettings:
        """A part from which windows are drawn at any place, the same ones again and again if need be."""
        return self.part(name).model_copy(update={"stride": 1, "distinct": False})

    def key(self, of: str, **more: Any) -> dict[str, Any]:
        """The key of a fact of the text, which does not depend on where the file lies.

        Raises:
            InputError: no text is given.
        """
        text = self.part("train").model_dump(mode="json", exclude={"path", "directory", "stride", "part"})
        return {"of": of, "text": text, **more}


def _training(steps: tuple[int, int], learning_rate: float, **changes: Any) -> Training:
    return adam(learning_rate, steps, max_epochs=30, patience=4, **changes)


PRESETS: Mapping[str, CorpusForecast] = {
    "quick": CorpusForecast(
        length=32,
        largest_lag=512,
        learner=Transformer(width=64, heads=4, layers=2),
        training=_training((400, 1500), 0.03),
        sizes=powers_of_two(13, 17),
        test_windows=1024,
    ),
    "laptop": CorpusForecast(
        length=64,
        learner=Transformer(width=128, heads=8, layers=3),
        training=_training((500, 6000), 0.03),
        sizes=powers_of_two(13, 19),
    ),
    "full": CorpusForecast(
        length=512,
        largest_lag=2**14,
        longest=12,
        learner=Transformer(width=768, heads=12, layers=12),
        training=_training((2**10, 2**18), 0.01, batch_size=128),
        sizes=tuple(2**k for k in range(18, 31, 2)),
        test_windows=8192,
    ),
}
