"""What grammar-sizes runs, and what it measures on the runs: curves by learner and grammar."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from syntagma.curves import Interval, power_law, unmeasured
from syntagma.studies import grammar, tuning
from syntagma.studies.grammar import Grammar, GrammarCurve
from syntagma.studies.grammar_sizes.settings import PARAMETERS, GrammarSizes, Parameter
from syntagma.studies.recipes import Contender
from syntagma.studies.study import Cell, Fact, Facts, Results
from syntagma.tasks import LastToken
from syntagma.theory import hierarchy as theory


@dataclass(frozen=True)
class Measured:
    """Curves by learner and grammar.

    Attributes:
        chosen: what each tuned curve is trained with, and the validation loss, in nats, for which it was chosen.
    """

    settings: GrammarSizes
    facts: Facts
    curves: Mapping[tuple[str, Grammar], GrammarCurve]
    chosen: Mapping[tuple[str, Grammar], tuple[Contender, float]] = field(default_factory=dict)

    def predicted(self, learner: str, one: Grammar, level: int) -> float:
        """P_l by the exact correlations of the very grammars; NaN where no theory covers the learner."""
        return one.predicted(self.facts, self.settings.seeds, self.settings.learners[learner].learner, level)

    def predicted_growth(self, learner: str, parameter: Parameter, level: int) -> float:
        """The exponent of that P_l times 1 - f in one parameter."""
        languages = {value: self.settings.changed(parameter, value) for value in self.settings.values(parameter)}
        return grammar.exact_power(
            {
                value: self.predicted(learner, one, level) * (1 - one.sparsity())
                for value, one in languages.items()
                if level <= self.settings.asked(one)
            }
        )

    def scaled(self, learner: str, parameter: Parameter, level: int) -> list[tuple[int, Interval]]:
        """Thresholds times 1 - f by the value of a parameter, the others as in the base, where `level` is asked."""
        languages = [(value, self.settings.changed(parameter, value)) for value in self.settings.values(parameter)]
        return [
            (value, grammar.threshold(self.curves.get((learner, one)), level).scaled(1 - one.sparsity()))
            for value, one in languages
            if level <= self.settings.asked(one)
        ]

    def growth(self, learner: str, parameter: Parameter, level: int) -> tuple[Interval, int]:
        """The exponent of P_l (1 - f) in one parameter, and from how many thresholds."""
        known = self.scaled(learner, parameter, level)
        if len(known) < 2 or any(math.isnan(one.value) for _, one in known):
            return unmeasured("fewer than two thresholds"), 0
        sizes, thresholds = zip(*known, strict=True)
        return power_law(sizes, thresholds), sum(one.measured for one in thresholds)

    def over(self, learner: str, other: str, one: Grammar, level: int) -> Interval:
        """How many times the examples of `other` a learner needs for `level` of a language."""
        return grammar.over(self.curves.get((learner, one)), self.curves.get((other, one)), level)

    def prefactors(self, learner: str, level: int) -> dict[Grammar, Interval]:
        """P_l over the predicted one, of every language that was trained to it."""
        return {
            one: curve.threshold(level).scaled(1 / self.predicted(learner, one, level))
            for (name, one), curve in self.curves.items()
            if name == learner and level <= self.settings.asked(one)
        }


def growth_exponent(parameter: Parameter, level: int, weight_sharing: bool) -> int:
    """k of P_l (1 - f) ~ parameter^k: 1 for v, the law's for m, 0 for s, which enters through f alone, and for L."""
    if parameter == "rules":
        return theory.threshold_exponent(level, weight_sharing)
    return 1 if parameter == "vocab" else 0


def grown(measured: Measured) -> Iterator[tuple[str, Parameter, int]]:
    """Which exponents are measured: learner, parameter, level."""
    for name, grower in measured.settings.learners.items():
        for parameter in grower.parameters:
            if len(measured.settings.values(parameter)) > 1:
                for level in range(1, measured.settings.levels + 1):
                    yield name, parameter, level


def facts(settings: GrammarSizes, results: Results) -> Iterator[Fact]:
    """The exact sizes of every grammar."""
    for one in settings.grammars():
        yield from grammar.language_facts(one.languages(settings.seeds))


def cells(settings: GrammarSizes, facts: Facts, results: Results) -> Iterator[Cell]:
    """Trials of what is tuned first; each curve as soon as what it is trained with is chosen."""
    for name, one in _curves(settings):
        yield from _trials(settings, name, one)
    yield from _curve_cells(settings, results)


def expected(settings: GrammarSizes, facts: Facts) -> Iterator[Cell]:
    """As `cells`, if the last trial, as a rule the widest network, is what is chosen."""
    for name, one in _curves(settings):
        grower = settings.learners[name]
        yield from _trials(settings, name, one)
        yield from _curve(settings, name, one, grower.tuning.trials(grower)[-1] if grower.tuning else grower)


def _curves(settings: GrammarSizes) -> Iterator[tuple[str, Grammar]]:
    for name, grower in settings.learners.items():
        for one in settings.grammars(grower.parameters):
            yield name, one


def _trials(settings: GrammarSizes, name: str, one: Grammar) -> Iterator[Cell]:
    grower, languages = settings.learners[name], one.languages(settings.seeds)
    sizes = settings.curve_sizes(one, grower)
    names = {"learner": name, **one.model_dump()}
    return tuning.trial_cells(grower, names, languages, LastToken(), sizes, settings.test_examples)


def _curve(settings: GrammarSizes, name: str, one: Grammar, contender: Contender) -> Iterator[Cell]:
    names, languages = {"learner": name, **one.model_dump()}, one.languages(settings.seeds)
    sizes = settings.curve_sizes(one, settings.learners[name])
    return grammar.cells_of(names, languages, LastToken(), contender, sizes, settings.test_examples)


def _chosen(settings: GrammarSizes, name: str, one: Grammar, results: Results) -> tuple[Contender, float] | None:
    grower = settings.learners[name]
    sizes, languages = settings.curve_sizes(one, grower), one.languages(settings.seeds)
    return tuning.chosen(grower, languages, LastToken(), sizes, settings.test_examples, results)


def _curve_cells(settings: GrammarSizes, results: Results) -> Iterator[Cell]:
    for name, one in _curves(settings):
        if (chosen := _chosen(settings, name, one, results)) is not None:
            yield from _curve(settings, name, one, chosen[0])


def measure(settings: GrammarSizes, facts: Facts, results: Results) -> Measured:
    """Curves by learner and grammar, from the runs finished so far."""
    cells = list(_curve_cells(settings, results))
    curves = grammar.grammar_curves(results.table(cells), ["learner", *PARAMETERS], facts, cells)
    named = {
        (name, Grammar(**dict(zip(PARAMETERS, map(int, values), strict=True)))): curve
        for (name, *values), curve in curves.items()
    }
    chosen = {
        (name, one): choice
        for name, one in _curves(settings)
        if settings.learners[name].tuning and (choice := _chosen(settings, name, one, results)) is not None
    }
    return Measured(settings, facts, named, chosen)
