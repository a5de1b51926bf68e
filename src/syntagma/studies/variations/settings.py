"""All grids of the study as its settings, and the runs that they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, model_validator

from syntagma.errors import invalid
from syntagma.studies.grid import Cell
from syntagma.studies.scaling_laws.settings import Contender
from syntagma.studies.study import Settings
from syntagma.studies.variations.grids import Grammar, GrowthGrid, MaskedGrid, OnlineGrid, PositionsGrid, ZipfGrid
from syntagma.sweep.runs import Run
from syntagma.tasks import LastToken, MaskedToken, NextToken, RootClass

NAME = "variations"


class Variations(Settings):
    """All grids of the study.

    Attributes:
        base: the language that growth varies and that online training and last tokens with Zipf rules are measured on.
        seeds: each has a grammar, sentences and initial weights of its own.
    """

    base: Grammar
    seeds: int = Field(default=3, ge=1)
    test_examples: int = Field(default=4096, ge=2)
    growth: GrowthGrid
    online: OnlineGrid
    zipf: ZipfGrid
    positions: PositionsGrid
    masked: MaskedGrid

    @model_validator(mode="after")
    def _sizes_fit(self) -> Variations:
        growth, last = self.growth, LastToken()
        for grower in growth.learners.values():
            for grammar in growth.grammars(self.base, grower.parameters):
                grammar.check(last, grower.learner)
                if grammar.rules == grammar.vocab ** (grammar.branching - 1):
                    allowed = "f = 1: every tuple is a rule, and tokens are not correlated"
                    raise invalid("rules", grammar.rules, allowed, "Lower it, or raise vocab")
        for one in self.online.learners.values():
            self.base.check(last, one.learner)
        self.base.check(last, self.zipf.tokens.learner)
        self.zipf.grammar.check(RootClass(), self.zipf.contender.learner, self.zipf.classes)
        for task in (last, NextToken()):
            self.positions.grammar.check(task, self.positions.contender.learner)
        for contender in self.masked.learners.values():
            self.masked.grammar.check(MaskedToken(), contender.learner)
        grids = {"growth.levels": (growth.levels, self.base), "online.levels": (self.online.levels, self.base)}
        grids["zipf.token_levels"] = self.zipf.token_levels, self.base
        grids["positions.levels"] = self.positions.levels, self.positions.grammar
        for name, (levels, grammar) in grids.items():
            if levels >= grammar.depth:
                allowed = f"levels below the root are asked for, and the depth is {grammar.depth}"
                raise invalid(name, levels, allowed, f"At most {grammar.depth - 1}")
        return self

    def cells(self) -> list[Cell]:
        """Every run of the study; some runs stand in two parts."""
        parts = (self.online_cells, self.growth_cells, self.zipf_cells, self.masked_cells, self.positions_cells)
        return [cell for part in parts for cell in part()]

    def growth_cells(self) -> Iterator[Cell]:
        """Each learner, language, P and seed."""
        for name, grower in self.growth.learners.items():
            for grammar in self.growth.grammars(self.base, grower.parameters):
                for size in self.growth.sizes(grammar, grower):
                    yield from self._seeds("growth", name, grammar, LastToken(), grower, size)

    def online_cells(self) -> Iterator[Cell]:
        """Each learner's one pass, and its fixed sets."""
        for name, one in self.online.learners.items():
            once = Contender(learner=one.learner, training=one.training)
            yield from self._seeds("online", name, self.base, LastToken(), once, one.num_examples)
            if one.fixed is not None:
                fixed = Contender(learner=one.learner, training=one.fixed)
                for size in self.online.sizes:
                    yield from self._seeds("fixed", name, self.base, LastToken(), fixed, size)

    def zipf_cells(self) -> Iterator[Cell]:
        """Classes and last tokens, with equal rules (exponent 0) and each Zipf exponent."""
        z = self.zipf
        for zipf in (0.0, *z.exponents):
            for size in z.sizes:
                yield from self._seeds(
                    "zipf classes", "classes", z.grammar, RootClass(), z.contender, size, zipf, z.classes
                )
            for size in z.token_sizes:
                yield from self._seeds("zipf tokens", "tokens", self.base, LastToken(), z.tokens, size, zipf)

    def positions_cells(self) -> Iterator[Cell]:
        """The decoder on all positions and on the last."""
        p = self.positions
        for task in (NextToken(), LastToken()):
            for size in p.sizes:
                yield from self._seeds("positions", task.kind, p.grammar, task, p.contender, size)

    def masked_cells(self) -> Iterator[Cell]:
        """Each learner, P and seed."""
        for name, contender in self.masked.learners.items():
            for size in self.masked.sizes:
                yield from self._seeds("masked", name, self.masked.grammar, MaskedToken(), contender, size)

    def _seeds(
        self,
        part: str,
        name: str,
        grammar: Grammar,
        task: Any,
        contender: Contender,
        size: int,
        zipf: float = 0.0,
        classes: int | None = None,
    ) -> Iterator[Cell]:
        names = {"part": part, "learner": name, "label": contender.learner.label, **grammar.model_dump()}
        for seed in range(self.seeds):
            run = Run(
                language=grammar.language(seed, zipf, classes),
                task=task,
                learner=contender.learner,
                training=contender.training,
                num_examples=size,
                test_examples=self.test_examples,
                seed=seed,
            )
            yield Cell(names | {"zipf": zipf, "num_examples": size, "seed": seed}, run)
