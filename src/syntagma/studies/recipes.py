"""How studies train: a learner beside its training, and the recipe that most of them share; sorted lists of sizes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from syntagma.checked_model import CheckedModel
from syntagma.errors import invalid
from syntagma.learners import AnyLearner, NetworkLearner, Training


class Contender(CheckedModel):
    """A learner and how it is trained.

    Attributes:
        training: of networks; kernels and readers are solved, not trained.
        max_examples: where this learner gives up, if before all others: a kernel's time grows like the cube of it.
    """

    learner: AnyLearner
    training: Training | None = None
    max_examples: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _networks_are_trained(self) -> Contender:
        if isinstance(self.learner, NetworkLearner) and self.training is None:
            raise invalid("training", None, f"learner {self.learner.kind!r} is trained", "Give its training")
        return self


def adam(learning_rate: float, steps: tuple[int, int], **changes: Any) -> Training:
    """Adam with warm-up, then a cosine that decays to nearly nothing; 16 passes over the examples where steps allow.

    Args:
        steps: the least and the largest number of steps.
        changes: other fields of `Training`.

    Example: `adam(0.03, (2000, 8000), max_epochs=48)`.
    """
    recipe = {
        "optimizer": "adam",
        "learning_rate": learning_rate,
        "batch_size": 64,
        "warmup_steps": 100,
        "schedule": "cosine",
        "final_rate": 0.02,
        "max_epochs": 16,
        "min_steps": steps[0],
        "max_steps": steps[1],
        "patience": 6,
        "evaluations_per_doubling": 2,
    }
    return Training(**{**recipe, **changes})


_LEARNING_RATES = {"cnn": 0.03, "locally-connected": 0.03}
"""Of Adam, at every width, if not 0.01; of those tried, the ones with the smallest loss on sentences not trained on."""


def trained(learner: AnyLearner, steps: tuple[int, int], **changes: Any) -> Contender:
    """A network with the recipe's training at its kind's rate: `trained(HierarchicalCNN(width=64), (5000, 10_000))`.

    Args:
        changes: as of `adam`.
    """
    return Contender(learner=learner, training=adam(_LEARNING_RATES.get(learner.kind, 0.01), steps, **changes))


def powers_of_two(first: int, last: int) -> tuple[int, ...]:
    """2^first to 2^last, both included: `powers_of_two(5, 7)` is `(32, 64, 128)`."""
    return tuple(2**power for power in range(first, last + 1))


def _rising(values: tuple[int, ...]) -> tuple[int, ...]:
    if min(values) < 1:
        raise invalid("the smallest value", min(values), "they are whole numbers above 0")
    return tuple(sorted(set(values)))


Rising = Annotated[tuple[int, ...], Field(min_length=1), AfterValidator(_rising)]
"""Whole numbers above 0, sorted, each once."""
