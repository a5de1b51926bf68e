"""What learns: a learner, its name in figures, how it is trained, and whether it can name a symbol never seen."""

from __future__ import annotations

from syntagma.checked_model import CheckedModel
from syntagma.languages.templates import Templates
from syntagma.learners import AnyLearner, KernelRegression, Learner, Training, Transformer

PLAIN, REPAIRED = "transformer", "transformer-identities"
"""The two learners whose need of data is compared: names in `AbstractSymbols.learners`."""


class Contender(CheckedModel):
    """A learner, what figures call it, and how it is trained.

    Attributes:
        training: None where it is solved.
        training_for_symbols: the same where labels are symbols, if not as `training` says.
    """

    label: str
    learner: AnyLearner
    training: Training | None
    training_for_symbols: Training | None = None

    def trained(self, templates: Templates) -> Training | None:
        """How it is trained on `templates`."""
        return (self.training_for_symbols if templates.symbolic else None) or self.training


def as_it_learns(learner: Learner, templates: Templates) -> Learner:
    """The learner on these templates: where labels are symbols, a transformer is read out by their embeddings."""
    if templates.symbolic and isinstance(learner, Transformer) and learner.trained is None:
        return learner.model_copy(update={"tied": True})
    return learner


def copies(templates: Templates) -> bool:
    """Whether some label is a symbol of the string."""
    return templates.symbolic and bool((templates.labels >= templates.num_regular).any())


def counts(learner: Learner, templates: Templates) -> bool:
    """Whether the learner can answer these templates at all, so that training it says something.

    Kernel regression answers numbers. A symbol never seen is named only by a read-out that has its embedding: one with
    weights of its own for each symbol never moves those of symbols that training neither shows nor asks for.
    """
    if templates.symbolic and isinstance(learner, KernelRegression):
        return False
    learner = as_it_learns(learner, templates)
    return not copies(templates) or (isinstance(learner, Transformer) and learner.tied)
