"""The grid over the number of rules m: one language size, several learners and seeds, P as far as it takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from pydantic import Field, field_validator, model_validator

from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.studies import grammar
from syntagma.studies.recipes import Contender, Rising
from syntagma.studies.study import Cell, Settings
from syntagma.sweep.runs import Run
from syntagma.tasks import LastToken
from syntagma.theory import hierarchy as theory
from syntagma.theory.prediction import LARGEST_SPARSITY


class Entrant(Contender):
    """A learner and how it is trained.

    Attributes:
        seeds: the first so many of the study's seeds, if not all: costly networks have fewer.
    """

    seeds: int | None = Field(default=None, ge=1)


class RulesGrid(Settings):
    """The grid: one language size, several numbers of rules m, several learners and seeds, P as far as it takes.

    Attributes:
        rules: the values of m.
        levels: the highest level whose threshold is asked for.
        seeds: how many at the most; each has a grammar, sentences and initial weights of its own.
        start: the smallest P, as a fraction of the predicted first threshold.
        growth: ratio of consecutive P; they are rounded powers of it, the same for every m and learner.
        beyond: how many more sizes are measured after every seed has crossed the last threshold.
        max_examples: where to give up.
        sizes: P themselves, all of which are measured, in place of `start`, `growth`, `beyond` and `max_examples`.
    """

    vocab: int = Field(ge=2)
    rules: tuple[int, ...] = Field(min_length=1)
    branching: int = Field(default=2, ge=2)
    depth: int = Field(ge=1)
    levels: int = Field(ge=1)
    rule_probabilities: float | None = None
    learners: Mapping[str, Entrant] = Field(min_length=1)
    seeds: int = Field(default=3, ge=1)
    start: float = Field(default=0.25, gt=0, le=1)
    growth: float = Field(default=2.0, ge=1.05)
    beyond: int = Field(default=1, ge=0)
    max_examples: int = Field(ge=1)
    test_examples: int = Field(default=4096, ge=2)
    sizes: Rising | None = Field(default=None, exclude_if=lambda sizes: sizes is None)

    @field_validator("rules")
    @classmethod
    def _distinct_rules(cls, rules: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(rules)))

    @model_validator(mode="after")
    def _sizes_fit(self) -> RulesGrid:
        if self.levels > self.depth:
            raise invalid("levels", self.levels, f"the grammar has depth {self.depth}", f"At most {self.depth}")
        for rules in self.rules:
            self.language(rules, 0).language()
            if theory.sparsity(self.vocab, rules, self.branching) == 1:
                allowed = "every tuple is then a rule (f = 1), where the laws, in 1 / (1 - f), put no threshold"
                raise invalid("rules", rules, allowed, f"At most {rules - 1}, or raise vocab")
            if not list(self.curve_sizes(rules)):
                first = theory.thresholds(self.vocab, rules, self.branching, 1, True)[0]
                allowed = f"with rules={rules} the sizes begin near {self.start * first:.0f} examples"
                raise invalid("max_examples", self.max_examples, allowed, "Raise max_examples, or lower start")
        shape = LastToken().shape(self.language(self.rules[0], 0).language())
        for entrant in self.learners.values():
            entrant.learner.check(shape)
        return self

    def language(self, rules: int, seed: int) -> HierarchySettings:
        """The language of one m and one seed."""
        return HierarchySettings(
            vocab=self.vocab,
            rules=rules,
            branching=self.branching,
            depth=self.depth,
            rule_probabilities=self.rule_probabilities,
            seed=seed,
        )

    def curve_sizes(self, rules: int, learner: str | None = None) -> Iterator[int]:
        """The P of every curve at m = `rules`, smallest first, up to where the learner or the study gives up."""
        first = theory.thresholds(self.vocab, rules, self.branching, 1, True)[0]
        gives_up = self.learners[learner].max_examples if learner else None
        if self.sizes is not None:
            yield from (size for size in self.sizes if size <= (gives_up or size))
            return
        most = gives_up or self.max_examples
        power = math.floor(math.log(max(self.start * min(first, self.max_examples), 4)) / math.log(self.growth))
        last = 0
        while (size := round(self.growth**power)) <= min(most, self.max_examples):
            if size > last:
                yield size
            last, power = size, power + 1

    def cell(self, rules: int, learner: str, num_examples: int, seed: int) -> Cell:
        """One run of the grid."""
        chosen = self.learners[learner]
        run = Run(
            language=self.language(rules, seed),
            task=LastToken(),
            learner=chosen.learner,
            training=chosen.training,
            num_examples=num_examples,
            test_examples=self.test_examples,
            seed=seed,
        )
        names = {"learner": learner, "label": self.label(learner), "rules": rules}
        return Cell(names | {"num_examples": num_examples, "seed": seed}, run)

    def languages(self, rules: int, seeds: Iterable[int] | None = None) -> list[HierarchySettings]:
        """The languages of one m, one a seed, of all seeds or of some."""
        return [self.language(rules, seed) for seed in (range(self.seeds) if seeds is None else seeds)]

    def seeds_of(self, learner: str) -> range:
        """The seeds that a learner has."""
        return range(min(self.learners[learner].seeds or self.seeds, self.seeds))

    def label(self, learner: str) -> str:
        """What the learner is called: its kind's label, with its name where another has the same label."""
        label = self.learners[learner].learner.label
        same = sum(entrant.learner.label == label for entrant in self.learners.values())
        return label if same == 1 else f"{label} ({learner})"

    def readers(self) -> list[str]:
        """The names of the learners without weights."""
        return [name for name, entrant in self.learners.items() if grammar.is_reader(entrant.learner)]

    def networks(self) -> list[str]:
        """The names of all others."""
        return [name for name in self.learners if name not in self.readers()]

    @property
    def law_holds(self) -> bool:
        """Whether the asymptotic law may be tested at every m."""
        return all(theory.sparsity(self.vocab, m, self.branching) <= LARGEST_SPARSITY for m in self.rules)

    def law(self, rules: int, learner: str, level: int) -> float:
        """P_l of the asymptotic law; NaN where no law covers the learner."""
        chosen = self.learners[learner].learner
        return grammar.law_of(chosen, self.vocab, rules, self.branching, self.depth, level)
