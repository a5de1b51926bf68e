"""Regression of a function that lies in one representation of the symmetric group of positions, plus noise.

    target = scale * f(x_1 .. x_T) + noise * N(0, 1),   f of unit variance under uniform tokens

The best possible squared loss is noise^2 whatever the distribution of the sentences: scale * f is the oracle.
Source: targets by representation, arXiv 2402.05173, section 4.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from syntagma.languages.language import Sample, Source
from syntagma.languages.representations import representation_target
from syntagma.randomness import stream
from syntagma.tasks.shape import Examples, Shape
from syntagma.tasks.task import Task


class SymmetryTarget(Task):
    """Regress a function of the sentence that transforms as one representation of S_T.

    Example: `SymmetryTarget(partition=(7, 1))`.

    Attributes:
        partition: the representation, a partition of T with its largest part first, as (T - 1, 1).
        seed: which function of the representation; the same in training and test.
        scale: standard deviation of the noiseless target.
        noise: standard deviation of what is added to each target, drawn with the examples' seed.
    """

    kind: Literal["symmetry-target"] = "symmetry-target"
    partition: tuple[int, ...]
    seed: int = Field(default=0, ge=0)
    scale: float = Field(default=1.0, gt=0.0)
    noise: float = Field(default=0.0, ge=0.0)

    def shape(self, language: Source) -> Shape:
        self._target(np.zeros((1, language.sentence_length), np.uint8), language)  # refuses what cannot be
        return Shape(language.vocab, language.sentence_length, 1, branching=language.branching or 1, loss="squared")

    def _examples(self, sample: Sample, language: Source, seed: int) -> Examples:
        noise = self.noise * stream(seed, "target-noise").standard_normal(len(sample.tokens))
        return Examples(sample.tokens, self._target(sample.tokens, language) + noise)

    def has_oracle(self, language: Source) -> bool:
        return True

    def _best_answers(self, language: Source, examples: Examples) -> Float[np.ndarray, " n"]:
        return self._target(examples.inputs, language)

    def _target(self, tokens: np.ndarray, language: Source) -> Float[np.ndarray, " n"]:
        return self.scale * representation_target(tokens, self.partition, language.vocab, self.seed)
