"""Predicting what a sentence is, from all of its tokens: the class at the root of its tree, or its label."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from syntagma.errors import InputError
from syntagma.languages.language import Sample, Source
from syntagma.oracles.oracle import LabelOracle, has_oracle, needed_oracle
from syntagma.tasks.shape import Examples, Shape
from syntagma.tasks.task import Task


class RootClass(Task):
    """Predict the class at the root of the tree from all tokens.

    Example: `RootClass()`.
    """

    kind: Literal["root-class"] = "root-class"
    hidden: ClassVar[bool] = True

    def shape(self, language: Source) -> Shape:
        if language.branching is None or language.num_classes is None:
            raise InputError(f"task='root-class' cannot be used: {type(language).__name__} has no root classes.")
        return Shape(language.vocab, language.sentence_length, language.num_classes, branching=language.branching)

    def _examples(self, sample: Sample, language: Source, seed: int) -> Examples:
        if sample.levels is None:
            raise InputError("task='root-class' needs the hidden levels: sample with hidden=True.")
        return Examples(sample.tokens, sample.levels[-1][:, 0])

    def has_oracle(self, language: Source) -> bool:
        return language.branching is not None and has_oracle(language, LabelOracle)

    def _best_answers(self, language: Source, examples: Examples) -> Float[np.ndarray, "n classes"]:
        return needed_oracle(language, LabelOracle).label_posterior(examples.inputs)


class Label(Task):
    """Predict the sentence's label (`Sample.labels`) from all tokens.

    Example: `Label()`.

    Classes and tokens are answers to choose from, with cross-entropy; numbers are regressed, with the squared loss.
    """

    kind: Literal["label"] = "label"
    hidden: ClassVar[bool] = True

    def shape(self, language: Source) -> Shape:
        sizes = language.vocab, language.sentence_length
        branching = language.branching or 1
        if language.label_kind == "number":
            return Shape(*sizes, outputs=1, branching=branching, loss="squared")
        outputs = {"token": language.vocab, "class": language.num_classes, None: None}[language.label_kind]
        if outputs is None:
            raise InputError(f"task='label' cannot be used: {type(language).__name__} does not label its sentences.")
        return Shape(*sizes, outputs=outputs, branching=branching)

    def _examples(self, sample: Sample, language: Source, seed: int) -> Examples:
        if sample.labels is None:
            raise InputError("task='label' needs labels: sample with hidden=True from a language that has them.")
        return Examples(sample.tokens, sample.labels)

    def has_oracle(self, language: Source) -> bool:
        return language.label_kind is not None and has_oracle(language, LabelOracle)

    def _best_answers(self, language: Source, examples: Examples) -> Float[np.ndarray, "n *outputs"]:
        return needed_oracle(language, LabelOracle).label_posterior(examples.inputs)
