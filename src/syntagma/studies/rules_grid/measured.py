"""Facts, cells and what is measured on the grid: curves with plateaus, and the thresholds on them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from syntagma.curves import Interval
from syntagma.studies import grammar
from syntagma.studies.grammar import GrammarCurve
from syntagma.studies.rules_grid.settings import RulesGrid
from syntagma.studies.study import Cell, Fact, Facts, Results


@dataclass(frozen=True)
class Measured:
    """Curves by learner and m, and the thresholds on them by learner, m and level."""

    settings: RulesGrid
    facts: Facts
    runs: pd.DataFrame
    curves: Mapping[tuple[str, int], GrammarCurve]
    thresholds: Mapping[tuple[str, int, int], Interval]

    def label(self, learner: str) -> str:
        """What the learner is called."""
        return self.settings.label(learner)

    def who(self, learner: str) -> str:
        """What a sentence calls the learner."""
        reads = grammar.is_reader(self.settings.learners[learner].learner)
        return f"the {self.label(learner)}" + ("" if reads else " network")

    def exact(self, rules: int, learner: str, level: int, seeds: Iterable[int] | None = None) -> float:
        """P_l predicted of this learner on the grammars of `seeds`; NaN where theory does not cover it.

        By default the very grammars that it had.
        """
        languages = self.settings.languages(rules, self.settings.seeds_of(learner) if seeds is None else seeds)
        sizes = grammar.predicted_thresholds(self.facts, languages, self.settings.learners[learner].learner)
        return float(sizes[level - 1])

    def exact_ratio(self, rules: int, learner: str, other: str, level: int) -> float:
        """P_l predicted of `learner` over that of `other`, on the grammars that both had."""
        both = range(min(len(self.settings.seeds_of(name)) for name in (learner, other)))
        return self.exact(rules, learner, level, both) / self.exact(rules, other, level, both)

    def exact_growth(self, learner: str, level: int) -> float:
        """The exponent that these have in m."""
        settings = self.settings
        sizes = {m: self.exact(m, learner, level) for m in settings.rules}
        return grammar.exact_growth(sizes, settings.vocab, settings.branching)

    def growth(self, learner: str, level: int) -> Interval:
        """The exponent of P_l (1 - f) in m."""
        settings = self.settings
        known = {
            m: self.thresholds[learner, m, level] for m in settings.rules if (learner, m, level) in self.thresholds
        }
        return grammar.growth(known, settings.vocab, settings.branching)


def facts(settings: RulesGrid, results: Results) -> Iterator[Fact]:
    for m in settings.rules:
        for seed in range(settings.seeds):
            yield grammar.plateaus_fact(settings.language(m, seed))
            yield grammar.exact_fact(settings.language(m, seed))
            yield grammar.counting_fact(settings.language(m, seed))


def cells(settings: RulesGrid, facts: Facts, results: Results) -> Iterator[Cell]:
    """Every curve up to `beyond` sizes after every seed has crossed its last line, the costliest learners first."""
    readers = settings.readers()
    order = sorted(
        settings.learners, key=lambda name: (name in readers, settings.learners[name].learner.weight_sharing is True)
    )
    for m in reversed(settings.rules):
        for name in order:
            yield from _growing(settings, facts, results, m, name)


def _growing(settings: RulesGrid, facts: Facts, results: Results, m: int, name: str) -> Iterator[Cell]:
    """One curve as far as it is wanted: size by size, the next when all seeds of one are finished."""
    seeds = settings.seeds_of(name)
    plateaus = grammar.plateaus_of(facts, settings.languages(m, seeds))
    lines = (plateaus[:, settings.levels - 1] + plateaus[:, settings.levels]) / 2
    crossed = np.zeros(len(seeds), bool)
    further = settings.beyond if settings.sizes is None else len(settings.sizes)
    for size in settings.curve_sizes(m, name):
        cells = [settings.cell(m, name, size, seed) for seed in seeds]
        yield from cells
        found = [metrics for cell in cells if (metrics := results.get(cell.run)) is not None]
        if len(found) < len(cells):
            return
        crossed |= np.array([metrics["test_loss"] for metrics in found]) <= lines
        if crossed.all():
            if further == 0:
                return
            further -= 1


def expected(settings: RulesGrid, facts: Facts) -> Iterator[Cell]:
    """Every curve up to 8 times its last threshold as predicted; as without weight sharing where nothing is."""
    for m in settings.rules:
        for name, entrant in settings.learners.items():
            languages = settings.languages(m, settings.seeds_of(name))
            last = grammar.predicted_thresholds(facts, languages, entrant.learner)[settings.levels - 1]
            if math.isnan(last):
                last = grammar.exact_thresholds(facts, languages, "tokens")[settings.levels - 1]
            sizes = list(settings.curve_sizes(m, name))
            chosen = [size for size in sizes if settings.sizes is not None or size <= 8 * last]
            for size in chosen or sizes[:1]:
                yield from (settings.cell(m, name, size, seed) for seed in settings.seeds_of(name))


def measure(settings: RulesGrid, facts: Facts, results: Results) -> Measured:
    finished = [cell for cell in cells(settings, facts, results) if cell.run in results]
    runs = results.table(finished)
    curves = grammar.grammar_curves(runs, ["learner", "rules"], facts, finished)
    thresholds = {
        (name, m, level): curve.threshold(level)
        for (name, m), curve in curves.items()
        for level in range(1, settings.levels + 1)
    }
    return Measured(settings, facts, runs, curves, thresholds)
