"""Mixtures of hidden Markov models as the data of learning curves: the last token, beside the exact Bayes prediction.

A sentence comes from one of K models, which is to be inferred from it: learning in context. The kernels are those of
one block read at the mean of positions, which is symmetric under their permutations, and of the same block read at the
last position, which is not; what a source that has an order loses by the symmetric one is measured. The oracle knows
all models and runs the forward algorithm (`languages.hidden_markov`). Source of the data: arXiv 2402.05173, section 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from syntagma.checked_model import CheckedModel
from syntagma.languages import RandomHiddenMarkov
from syntagma.learners import KernelRegression
from syntagma.studies.study import Cell
from syntagma.sweep.runs import Run
from syntagma.tasks import LastToken

if TYPE_CHECKING:
    from syntagma.kernels import Architecture

READ = {"mean": "read at the mean, symmetric", "last": "read at the last position"}


class Mixture(CheckedModel):
    """Sizes of the mixtures and of the training sets.

    Attributes:
        vocab: number of tokens.
        length: T.
        models: numbers K of models in a mixture.
        states: hidden states of each.
        sizes: training sentences.
        seeds: training sets of each size.
        test_examples: sentences of the test set.
    """

    vocab: int = Field(default=4, ge=2)
    length: int = Field(default=8, ge=2)
    models: tuple[int, ...] = Field(default=(1, 4), min_length=1)
    states: int = Field(default=3, ge=1)
    sizes: tuple[int, ...] = Field(default=(64, 256, 1024), min_length=1)
    seeds: int = Field(default=3, ge=1)
    test_examples: int = Field(default=2000, ge=2)

    def language(self, models: int) -> RandomHiddenMarkov:
        """The mixture of so many models; those of a smaller one are among them."""
        return RandomHiddenMarkov(
            vocab=self.vocab,
            sentence_length=self.length,
            states=self.states,
            num_models=models,
            transition_concentration=0.3,
            emission_concentration=0.3,
            seed=0,
        )

    def cells(self, block: Architecture, ridge: float) -> Iterator[Cell]:
        """Kernel regression of the last token, for each mixture, read-out, size and seed."""
        for models in self.models:
            for read in READ:
                architecture = block.model_copy(update={"readout": read})
                learner = KernelRegression(architecture=architecture, ridge=ridge)
                for size in self.sizes:
                    for seed in range(self.seeds):
                        names: Mapping[str, Any] = {"panel": "mixtures", "models": models, "learner": read}
                        run = Run(
                            language=self.language(models),
                            task=LastToken(),
                            learner=learner,
                            training=None,
                            num_examples=size,
                            test_examples=self.test_examples,
                            validation_examples=2,
                            seed=seed,
                        )
                        yield Cell({**names, "num_examples": size, "seed": seed}, run)
