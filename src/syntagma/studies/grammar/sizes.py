"""The sizes of a language of a study, and the cells of one curve on its grammars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import Learner
from syntagma.studies.grammar.facts import law_of, plateaus_of, predicted_thresholds
from syntagma.studies.grammar.predictions import exact_predictions, law_predictions
from syntagma.studies.recipes import Contender
from syntagma.studies.study import Cell, Facts, Settings
from syntagma.sweep.runs import Run
from syntagma.tasks import AnyTask, Task
from syntagma.theory import hierarchy as theory
from syntagma.theory.prediction import Prediction


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

    def languages(self, seeds: int, zipf: float = 0.0, classes: int | None = None) -> list[HierarchySettings]:
        """The languages of so many seeds."""
        return [self.language(seed, zipf, classes) for seed in range(seeds)]

    def few_rooted(self, seeds: int, classes: int, rules: int) -> list[HierarchySettings]:
        """The same, but each class has `rules` of the m rules, with equal probabilities; the others are never used."""
        probabilities = (1 / rules,) * rules + (0.0,) * (self.rules - rules)
        few = {} if rules == self.rules else {"rule_probabilities": probabilities, "unequal_levels": (self.depth,)}
        return [language.model_copy(update=few) for language in self.languages(seeds, classes=classes)]

    def law(self, learner: Learner, level: int) -> float:
        """P_l of the asymptotic law for this learner; NaN where no law covers it."""
        return law_of(learner, self.vocab, self.rules, self.branching, self.depth, level)

    def predicted(self, facts: Facts, seeds: int, learner: Learner, level: int) -> float:
        """P_l exact for the grammars of so many seeds, as `predicted_thresholds`; NaN where no theory covers it."""
        return float(predicted_thresholds(facts, self.languages(seeds), learner)[level - 1])

    def predictions(self, facts: Facts, seeds: int, levels: int) -> list[Prediction]:
        """With weight sharing and without, up to `levels`: exact for the grammars of so many seeds, and by the laws."""
        languages = self.languages(seeds)
        heights = plateaus_of(facts, languages).mean(0)
        laws = law_predictions(self.vocab, self.rules, self.branching, levels, heights)
        return [*exact_predictions(facts, languages, levels, heights), *laws]

    def sparsity(self) -> float:
        """f, the share of all tuples that are rules."""
        return theory.sparsity(self.vocab, self.rules, self.branching)

    def check(self, task: Task, learner: Learner, classes: int | None = None) -> None:
        """Whether the language exists and the learner can do the task.

        Raises:
            InputError: it does not, or cannot.
        """
        learner.check(task.shape(self.language(0, classes=classes).language()))

    def check_levels(self, name: str, levels: int) -> None:
        """Whether so many levels can be asked for: those below the root, which few sentences tell from memory.

        Raises:
            InputError: there are too many; `name` says which setting.
        """
        if levels >= self.depth:
            allowed = f"levels below the root are asked for, and the depth is {self.depth}"
            raise invalid(name, levels, allowed, f"At most {self.depth - 1}")


def cells_of(
    names: Mapping[str, Any],
    languages: Sequence[HierarchySettings],
    task: AnyTask,
    contender: Contender,
    sizes: Iterable[int],
    test_examples: int,
    **more: Any,
) -> Iterator[Cell]:
    """The cells of one curve: for each size one of every language, whose place is the seed.

    Each has `names`, the learner's label, the size and the seed.

    Args:
        more: further fields of the runs.
    """
    trained = {"learner": contender.learner, "training": contender.training, "test_examples": test_examples, **more}
    for size in sizes:
        for seed, language in enumerate(languages):
            run = Run(language=language, task=task, num_examples=size, seed=seed, **trained)
            yield Cell({"label": contender.learner.label, **names, "num_examples": size, "seed": seed}, run)
