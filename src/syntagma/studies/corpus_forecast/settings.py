"""What is measured of the text, the network that is trained on it, and the presets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from syntagma.errors import InputError, invalid
from syntagma.languages.settings import TextSettings
from syntagma.learners import Training, Transformer
from syntagma.studies.grid import Cell
from syntagma.studies.study import Settings
from syntagma.sweep.runs import Run
from syntagma.tasks import NextToken

NAME = "corpus-forecast"


class CorpusForecast(Settings):
    """Two statistics of a text, and networks trained on ever more of it.

    Attributes:
        text: the text, its path or all its settings.
        length: T, tokens of a window; networks see contexts of 0 to T - 1 tokens.
        largest_lag: the longest distance at which correlations are measured.
        lags_per_doubling: how many distances to each doubling.
        first_lag: the shortest distance that counts for beta.
        shuffles: copies of the text in random order that give the sampling floor.
        blocks: equal stretches of the text; intervals come from drawing as many again.
        longest: most tokens of context of the n-gram counts.
        sizes: tokens of training text P.
        seeds: how many; each has windows of the text, initial weights and an order of its own.
    """

    text: TextSettings | None = None
    length: int = Field(ge=4)
    largest_lag: int = Field(default=1024, ge=4)
    lags_per_doubling: int = Field(default=3, ge=1)
    first_lag: int = Field(default=2, ge=1)
    shuffles: int = Field(default=5, ge=2)
    blocks: int = Field(default=20, ge=2)
    longest: int = Field(default=8, ge=4)
    learner: Transformer
    training: Training
    sizes: tuple[int, ...] = Field(min_length=3)
    seeds: int = Field(default=2, ge=1)
    test_windows: int = Field(default=2048, ge=2)

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("text"), str):
            text = TextSettings.of_file(given["text"], given.get("length") or 32, distinct=True)
            return given | {"text": text.model_dump(mode="json")}
        return given

    @field_validator("sizes")
    @classmethod
    def _distinct_sizes(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(sizes)))

    @model_validator(mode="after")
    def _fits(self) -> CorpusForecast:
        if self.sizes[0] < self.length:
            raise invalid("sizes", self.sizes[0], f"a window has {self.length} tokens", "Choose larger ones")
        if self.text is not None and (given := self.text.sentence_length) != self.length:
            raise invalid("text.sentence_length", given, f"length is {self.length}", "Make them equal")
        return self

    def part(self, name: str) -> TextSettings:
        """The text's part "train" or "test".

        Raises:
            InputError: no text is given.
        """
        if self.text is None:
            raise InputError("text: None is given, and this study looks at a text. Name a file: --set text=FILE")
        return self.text.model_copy(update={"part": name})

    def cells(self) -> Iterator[Cell]:
        """All runs, the largest first."""
        train, test = self.part("train"), self.part("test").model_copy(update={"stride": 1, "distinct": False})
        for size in reversed(self.sizes):
            for seed in range(self.seeds):
                run = Run(
                    language=train,
                    test_language=test,
                    task=NextToken(),
                    learner=self.learner,
                    training=self.training,
                    num_examples=size // self.length,
                    test_examples=self.test_windows,
                    seed=seed,
                )
                yield Cell({"num_tokens": size, "seed": seed}, run)


def _training(steps: tuple[int, int], learning_rate: float) -> Training:
    return Training(
        optimizer="adam",
        learning_rate=learning_rate,
        batch_size=64,
        warmup_steps=100,
        schedule="cosine",
        final_rate=0.02,
        max_epochs=30,
        min_steps=steps[0],
        max_steps=steps[1],
        patience=4,
        evaluations_per_doubling=2,
    )


PRESETS: Mapping[str, CorpusForecast] = {
    "quick": CorpusForecast(
        length=32,
        largest_lag=512,
        learner=Transformer(width=64, heads=4, layers=2),
        training=_training((400, 1500), 0.03),
        sizes=tuple(2**k for k in range(13, 18)),
        seeds=2,
        test_windows=1024,
    ),
    "laptop": CorpusForecast(
        length=64,
        learner=Transformer(width=128, heads=8, layers=3),
        training=_training((500, 6000), 0.03),
        sizes=tuple(2**k for k in range(13, 20)),
        seeds=3,
    ),
    "full": CorpusForecast(
        length=512,
        largest_lag=2**14,
        longest=12,
        learner=Transformer(width=768, heads=12, layers=12),
        training=_training((2**10, 2**18), 0.01).model_copy(update={"batch_size": 128}),
        sizes=tuple(2**k for k in range(18, 31, 2)),
        seeds=3,
        test_windows=8192,
    ),
}
