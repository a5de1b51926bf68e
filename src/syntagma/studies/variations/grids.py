"""The sizes of the study's languages, and the grids of its parts: what is varied, and where it is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import AnyLearner, Learner, Training
from syntagma.studies.level_by_level.settings import Rising
from syntagma.studies.scaling_laws.settings import Contender
from syntagma.studies.study import Settings
from syntagma.tasks import Task
from syntagma.theory import hierarchy as theory

Parameter = Literal["vocab", "rules", "branching", "depth"]
PARAMETERS: tuple[Parameter, ...] = get_args(Parameter)
SYMBOLS: Mapping[str, str] = {"vocab": "v", "rules": "m", "branching": "s", "depth": "L"}
"""What the papers call them."""


def _exponents(values: tuple[float, ...]) -> tuple[float, ...]:
    if min(values) <= 0:
        raise invalid(
            "the smallest exponent", min(values), "Zipf exponents are above 0", "Equal rules come by themselves"
        )
    return tuple(sorted(set(values)))


class Grammar(Settings):
    """The sizes of a random hierarchy language with equal rules, or with Zipf rules at level 1."""

    vocab: int = Field(ge=2)
    rules: int = Field(ge=1)
    branching: int = Field(default=2, ge=2)
    depth: int = Field(ge=2)

    def language(self, seed: int, zipf: float = 0.0, classes: int | None = None) -> HierarchySettings:
        """The language of one seed; a Zipf exponent of 0 stands for equal rules."""
        unequal = {"rule_probabilities": zipf, "unequal_levels": (1,)} if zipf else {}
        return HierarchySettings.model_validate({**self.model_dump(), "num_classes": classes, "seed": seed, **unequal})

    def thresholds(self, weight_sharing: bool) -> list[float]:
        """Predicted P_1..P_L."""
        sizes = self.vocab, self.rules, self.branching, self.depth
        return [float(number) for number in theory.thresholds(*sizes, weight_sharing)]

    def check(self, task: Task, learner: Learner, classes: int | None = None) -> None:
        """Whether the language exists and the learner can do the task.

        Raises:
            InputError: it does not, or cannot.
        """
        learner.check(task.shape(self.language(0, classes=classes).language()))


class Grower(Contender):
    """A learner whose thresholds are measured against each of `parameters`."""

    parameters: tuple[Parameter, ...] = PARAMETERS


class GrowthGrid(Settings):
    """Last-token prediction on languages that differ from the base in one parameter each.

    Attributes:
        vocab: the values of v, as the next three those of m, s and L; the base's own comes by itself.
        levels: the highest level whose threshold is asked for; below the root, which small grammars have too few
            sentences to tell from memory (docs/decisions.md, "Depth 4 for three levels").
        start: the smallest P over the predicted first threshold.
        reach: the largest P over the predicted threshold of the highest level.
    """

    vocab: tuple[int, ...] = ()
    rules: tuple[int, ...] = ()
    branching: tuple[int, ...] = ()
    depth: tuple[int, ...] = ()
    levels: int = Field(ge=1)
    start: float = Field(default=0.5, gt=0)
    reach: float = Field(default=8.0, gt=1)
    learners: Mapping[str, Grower] = Field(min_length=1)

    @model_validator(mode="after")
    def _laws_are_known(self) -> GrowthGrid:
        for name, grower in self.learners.items():
            if grower.learner.weight_sharing is None:
                raise invalid(f"learners.{name}", grower.learner.kind, "no law gives its thresholds", "Leave it out")
        return self

    def values(self, parameter: Parameter, base: Grammar) -> list[int]:
        """The values of one parameter, ascending, the base's own among them."""
        return sorted({getattr(base, parameter), *getattr(self, parameter)})

    def grammars(self, base: Grammar, parameters: tuple[Parameter, ...] = PARAMETERS) -> list[Grammar]:
        """The base and every language that differs from it in one of `parameters`, each once."""
        out = [base]
        for parameter in parameters:
            for value in self.values(parameter, base):
                grammar = Grammar.model_validate(base.model_dump() | {parameter: value})
                if grammar not in out:
                    out.append(grammar)
        return out

    def asked(self, grammar: Grammar) -> int:
        """The highest level asked for in `grammar`."""
        return min(self.levels, grammar.depth - 1)

    def sizes(self, grammar: Grammar, grower: Grower) -> list[int]:
        """The P of one curve: powers of two."""
        predicted = grammar.thresholds(bool(grower.learner.weight_sharing))
        first = math.floor(math.log2(max(self.start * predicted[0], 4)))
        last = math.ceil(math.log2(self.reach * predicted[self.asked(grammar) - 1]))
        most = grower.max_examples or math.inf
        return [2**power for power in range(first, last + 1) if 2**power <= most]


class OnlineLearner(Settings):
    """A learner trained in one pass over fresh sentences, and, if `fixed` says how, on fixed sets besides.

    Attributes:
        training: of the one pass; its length must be `steps`.
        steps: of the pass, each on `training.batch_size` sentences not seen before.
        fixed: training on P sentences, pass after pass.
    """

    learner: AnyLearner
    training: Training
    steps: int = Field(ge=1)
    fixed: Training | None = None

    @model_validator(mode="after")
    def _one_pass(self) -> OnlineLearner:
        if self.training.max_epochs != 1 or self.training.length(self.num_examples) != self.steps:
            given = self.training.max_epochs, self.training.min_steps, self.training.max_steps
            allowed = f"they must make one pass of {self.steps} steps"
            raise invalid("training's (max_epochs, min_steps, max_steps)", given, allowed, "Set max_epochs to 1")
        return self

    @property
    def num_examples(self) -> int:
        """Sentences seen in the pass."""
        return self.steps * self.training.batch_size


class OnlineGrid(Settings):
    """Online training on the base language, to a level.

    Attributes:
        levels: the highest level whose threshold is asked for.
        sizes: numbers of sentences P of the fixed sets.
    """

    levels: int = Field(ge=1)
    learners: Mapping[str, OnlineLearner] = Field(min_length=1)
    sizes: Rising


class ZipfGrid(Settings):
    """Zipf rules at level 1, beside equal rules: the class at the root, and the last token on the base language.

    Attributes:
        exponents: the values of a, rule k having probability proportional to k^-(1+a).
        grammar: of the class task; many rules.
        classes: number of root symbols of the class task; with fewer than v, as arXiv 2505.07067 has, a class can be
            told from some of its tuples, and the error falls faster.
        contender: what learns classes.
        sizes: numbers of training examples of the class task.
        tokens: what predicts the last token.
        token_sizes: its numbers of training examples.
        token_levels: the highest level whose threshold is asked for.
    """

    exponents: Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(_exponents)]
    grammar: Grammar
    classes: int = Field(ge=2)
    contender: Contender
    sizes: Rising
    tokens: Contender
    token_sizes: Rising
    token_levels: int = Field(ge=2)


class PositionsGrid(Settings):
    """A decoder trained on all positions, and on the last one alone; `levels` is the highest asked for."""

    grammar: Grammar
    levels: int = Field(ge=1)
    contender: Contender
    sizes: Rising


class MaskedGrid(Settings):
    """One token, drawn anew for each sentence, is hidden and predicted from all others."""

    grammar: Grammar
    learners: Mapping[str, Contender] = Field(min_length=1)
    sizes: Rising
