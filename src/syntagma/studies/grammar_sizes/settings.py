"""Settings of grammar-sizes: a base language, the sizes in which others differ from it, and learners."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import Field, model_validator

from syntagma.errors import invalid
from syntagma.studies.grammar import Grammar
from syntagma.studies.recipes import Rising
from syntagma.studies.study import Settings
from syntagma.studies.tuning import Tuned
from syntagma.tasks import LastToken

Parameter = Literal["vocab", "rules", "branching", "depth"]
PARAMETERS: tuple[Parameter, ...] = get_args(Parameter)
SYMBOLS: Mapping[str, str] = {"vocab": "v", "rules": "m", "branching": "s", "depth": "L"}
"""What the papers call them."""
WORDS: Mapping[Parameter, str] = {
    "vocab": "symbols per level v",
    "rules": "rules per symbol m",
    "branching": "symbols per rule s",
    "depth": "levels L",
}


class Grower(Tuned):
    """A learner whose thresholds are measured against each of `parameters`."""

    parameters: tuple[Parameter, ...] = PARAMETERS


class GrammarSizes(Settings):
    """Last-token prediction on languages that differ from the base in one size each.

    Attributes:
        base: the language that others differ from.
        vocab: the values of v, as the next three those of m, s and L; the base's own comes by itself.
        levels: the highest level whose threshold is asked for; below the root, which small grammars have too few
            sentences to tell from memory (docs/decisions.md, "Depth 4 for three levels").
        start: the smallest P over the predicted first threshold.
        reach: the largest P over the predicted threshold of the highest level.
        sizes: P themselves, the same for every language, in place of `start` and `reach`.
    """

    base: Grammar
    vocab: tuple[int, ...] = ()
    rules: tuple[int, ...] = ()
    branching: tuple[int, ...] = ()
    depth: tuple[int, ...] = ()
    levels: int = Field(ge=1)
    start: float = Field(default=0.5, gt=0, le=1)
    reach: float = Field(default=8.0, ge=1)
    learners: Mapping[str, Grower] = Field(min_length=1)
    seeds: int = Field(default=3, ge=1)
    test_examples: int = Field(default=4096, ge=2)
    sizes: Rising | None = Field(default=None, exclude_if=lambda sizes: sizes is None)

    @model_validator(mode="after")
    def _sizes_fit(self) -> GrammarSizes:
        self.base.check_levels("levels", self.levels)
        for name, grower in self.learners.items():
            if grower.learner.weight_sharing is None:
                reason = "no law gives its thresholds: its class says weight_sharing = None"
                raise invalid(
                    f"learners.{name}", grower.learner.kind, reason, "Say True or False there, or leave it out"
                )
            for one in self.grammars(grower.parameters):
                if one.rules >= one.vocab ** (one.branching - 1):
                    allowed = "f = 1: every tuple is a rule, and tokens are not correlated"
                    raise invalid("rules", one.rules, allowed, "Lower it, or raise vocab")
                one.check(LastToken(), grower.learner)
                if not self.curve_sizes(one, grower):
                    allowed = f"the sizes of {name} begin above it"
                    raise invalid("max_examples", grower.max_examples, allowed, "Raise it, or lower start")
        return self

    def values(self, parameter: Parameter) -> list[int]:
        """The values of one parameter, ascending, the base's own among them."""
        return sorted({getattr(self.base, parameter), *getattr(self, parameter)})

    def changed(self, parameter: Parameter, value: int) -> Grammar:
        """The base with one size changed."""
        return Grammar.model_validate(self.base.model_dump() | {parameter: value})

    def grammars(self, parameters: tuple[Parameter, ...] = PARAMETERS) -> list[Grammar]:
        """The base and every language that differs from it in one of `parameters`, each once."""
        others = [self.changed(parameter, value) for parameter in parameters for value in self.values(parameter)]
        return list(dict.fromkeys([self.base, *others]))

    def asked(self, one: Grammar) -> int:
        """The highest level asked for in a grammar."""
        return min(self.levels, one.depth - 1)

    def curve_sizes(self, one: Grammar, grower: Grower) -> list[int]:
        """The P of one curve: powers of two, or those that are given."""
        if self.sizes is not None:
            return [size for size in self.sizes if size <= (grower.max_examples or size)]
        first = math.floor(math.log2(max(self.start * one.law(grower.learner, 1), 4)))
        last = math.ceil(math.log2(self.reach * one.law(grower.learner, self.asked(one))))
        most = grower.max_examples or math.inf
        return [2**power for power in range(first, last + 1) if 2**power <= most]

    def pairs(self) -> list[tuple[str, str]]:
        """Which learners are compared: one without weight sharing over each with it, both tuned or neither."""
        return [
            (apart, shared)
            for apart, one in self.learners.items()
            for shared, other in self.learners.items()
            if not one.learner.weight_sharing
            and other.learner.weight_sharing
            and (one.tuning is None) == (other.tuning is None)
        ]

    def retuned(self) -> list[tuple[str, str]]:
        """Which learners are tuned and stand beside the same one as it is given."""
        return [
            (tuned, given)
            for tuned, one in self.learners.items()
            for given, other in self.learners.items()
            if one.tuning is not None
            and other.tuning is None
            and other.model_dump(exclude={"tuning"}) == one.model_dump(exclude={"tuning"})
        ]

    def label(self, learner: str) -> str:
        """What the learner is called: its kind's label, and that it is tuned where it is."""
        grower = self.learners[learner]
        return grower.learner.label if grower.tuning is None else f"{grower.learner.label}, tuned"


def sizes_of(one: Grammar, unlike: Grammar | None = None) -> str:
    """The sizes of a language, or those in which it differs from another."""
    parts = [(SYMBOLS[p], getattr(one, p), getattr(unlike, p, None)) for p in PARAMETERS]
    return ", ".join(f"{symbol} = {own}" for symbol, own, other in parts if own != other)
