"""Settings of zipf-rules, and its presets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import Clusterer, HierarchicalCNN
from syntagma.studies.grammar import Grammar
from syntagma.studies.recipes import Contender, Rising, powers_of_two, trained
from syntagma.studies.study import Settings
from syntagma.tasks import LastToken, RootClass

FIRST = "contender"
"""What `ZipfRules.contender` is called among the learners of the class."""


def _exponents(values: tuple[float, ...]) -> tuple[float, ...]:
    if min(values) <= 0:
        allowed = "Zipf exponents are above 0"
        raise invalid("the smallest exponent", min(values), allowed, "Equal rules come by themselves")
    return tuple(sorted(set(values)))


class ZipfRules(Settings):
    """Zipf rules at level 1, beside equal rules: the class at the root, and the last token on another grammar.

    Attributes:
        exponents: the values of a, rule k having probability proportional to k^-(1+a).
        classes_grammar: of the class task; many rules.
        classes: number of root symbols of the class task; with fewer than v, as arXiv 2505.07067 has, a class can be
            told from some of its tuples, and the error falls faster.
        contender: what learns classes.
        readers: what else learns them, by name, on the same grid.
        sizes: numbers of training examples of the class task.
        tokens_grammar: of the last token.
        tokens: what predicts the last token.
        token_sizes: its numbers of training examples.
        token_levels: the highest level whose threshold is asked for.
    """

    exponents: Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(_exponents)]
    classes_grammar: Grammar
    classes: int = Field(ge=2)
    contender: Contender
    readers: Mapping[str, Contender] = Field(default_factory=dict)
    sizes: Rising
    tokens_grammar: Grammar
    tokens: Contender
    token_sizes: Rising
    token_levels: int = Field(ge=2)
    seeds: int = Field(default=3, ge=1)
    test_examples: int = Field(default=4096, ge=2)

    @model_validator(mode="after")
    def _sizes_fit(self) -> ZipfRules:
        if FIRST in self.readers:
            raise invalid("readers", [*self.readers], f"{FIRST!r} is what `contender` is called", "Choose another name")
        for contender in self.class_learners().values():
            self.classes_grammar.check(RootClass(), contender.learner, self.classes)
        self.tokens_grammar.check(LastToken(), self.tokens.learner)
        self.tokens_grammar.check_levels("token_levels", self.token_levels)
        return self

    def class_learners(self) -> dict[str, Contender]:
        """Everything that learns classes, by name."""
        return {FIRST: self.contender, **self.readers}

    def class_languages(self, exponent: float) -> list[HierarchySettings]:
        """The grammars of the class task, one a seed."""
        return self.classes_grammar.languages(self.seeds, exponent, self.classes)

    def languages(self, exponent: float) -> list[HierarchySettings]:
        """The grammars of the last token, one a seed."""
        return self.tokens_grammar.languages(self.seeds, exponent)


def _cnn(width: int, steps: tuple[int, int], batch_size: int = 64) -> Contender:
    return trained(HierarchicalCNN(width=width), steps, batch_size=batch_size)


_READERS = {"clusterer": Contender(learner=Clusterer())}

PRESETS: Mapping[str, ZipfRules] = {
    "quick": ZipfRules(
        exponents=(1.0,),
        classes_grammar=Grammar(vocab=6, rules=24, branching=3, depth=2),
        classes=6,
        contender=_cnn(48, (4000, 16_000)),
        readers=_READERS,
        sizes=powers_of_two(7, 16),
        tokens_grammar=Grammar(vocab=8, rules=3, depth=3),
        tokens=_cnn(48, (4000, 8000)),
        token_sizes=powers_of_two(4, 12),
        token_levels=2,
        test_examples=2048,
    ),
    "laptop": ZipfRules(
        exponents=(0.5, 1.0, 2.0),
        classes_grammar=Grammar(vocab=8, rules=32, branching=3, depth=2),
        classes=8,
        contender=_cnn(64, (5000, 2**16)),
        readers=_READERS,
        sizes=powers_of_two(8, 18),
        tokens_grammar=Grammar(vocab=8, rules=3, depth=4),
        tokens=_cnn(64, (5000, 10_000)),
        token_sizes=powers_of_two(4, 14),
        token_levels=3,
    ),
    "full": ZipfRules(
        exponents=(0.5, 1.0, 2.0),
        classes_grammar=Grammar(vocab=16, rules=128, branching=3, depth=2),
        classes=16,
        contender=_cnn(512, (2**13, 2**19), 128),
        readers=_READERS,
        sizes=powers_of_two(8, 22),
        tokens_grammar=Grammar(vocab=32, rules=4, depth=4),
        tokens=_cnn(512, (2**13, 2**19), 128),
        token_sizes=powers_of_two(6, 20),
        token_levels=3,
        seeds=5,
        test_examples=2**15,
    ),
    "many-rules": ZipfRules(
        exponents=(0.5, 1.0, 2.0),
        classes_grammar=Grammar(vocab=16, rules=128, branching=3, depth=2),
        classes=16,
        contender=_READERS["clusterer"],
        sizes=powers_of_two(9, 20),
        tokens_grammar=Grammar(vocab=8, rules=3, depth=4),
        tokens=_cnn(64, (5000, 10_000)),
        token_sizes=powers_of_two(4, 14),
        token_levels=3,
    ),
}
