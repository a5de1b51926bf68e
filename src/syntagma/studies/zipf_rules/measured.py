"""From finished runs to falls of the class error and thresholds of the last token."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.curves import Interval, LearningCurve, unmeasured
from syntagma.languages.settings import HierarchySettings
from syntagma.studies import grammar
from syntagma.studies.grammar import GrammarCurve
from syntagma.studies.study import Cell, Fact, Facts, Results
from syntagma.studies.zipf_rules.settings import ZipfRules
from syntagma.tasks import LastToken, RootClass
from syntagma.theory import exact, root_class, zipf


@dataclass(frozen=True)
class Fall:
    """How the class error falls.

    Attributes:
        slope: the exponent k of error ~ P^-k, seed by seed over the sizes fitted.
        finite: the exponent that the law has with its finite number of rules over the same sizes.
        exact: that of the exact correlations of the very grammars (`theory.root_class`), between the same errors.
        sizes: those fitted.
    """

    slope: Interval
    finite: float
    exact: float
    sizes: Float[np.ndarray, " P"]


@dataclass(frozen=True)
class Measured:
    """Everything that tables, claims and figures need.

    Attributes:
        errors: class errors over chance's by learner and Zipf exponent (0: equal rules).
        falls: how they fall, by learner, rules' exponent and that of the law.
        tokens: curves of the last token by Zipf exponent.
        over_equal: predicted P_1, P_2, ... with Zipf rules over those with equal rules, by exponent.
    """

    settings: ZipfRules
    facts: Facts
    errors: Mapping[tuple[str, float], LearningCurve]
    falls: Mapping[tuple[str, float, float], Fall]
    tokens: Mapping[float, GrammarCurve]
    over_equal: Mapping[float, Float[np.ndarray, " levels"]]

    def label(self, learner: str) -> str:
        """What a learner of the class is called."""
        return self.settings.class_learners()[learner].learner.label

    def fall(self, learner: str, exponent: float, law: float) -> Fall:
        """One of `falls`, or that nothing is trained yet."""
        none = Fall(unmeasured("not trained yet"), math.nan, exact_fall(self.settings, self.facts, law), np.zeros(0))
        return self.falls.get((learner, exponent, law), none)

    def moved(self, exponent: float, level: int) -> Interval:
        """P_level / P_(level-1) with Zipf rules over that with equal rules, seed by seed."""
        zipf_rules, equal = self.tokens.get(exponent), self.tokens.get(0.0)
        if zipf_rules is None or equal is None or zipf_rules.curve.seeds != equal.curve.seeds:
            return unmeasured("not trained yet")
        return (zipf_rules.steps(level) / equal.steps(level)).interval()

    def predicted_move(self, exponent: float, level: int) -> float:
        """What exact correlations say of `moved`."""
        over = self.over_equal[exponent]
        return float(over[level - 1] / over[level - 2])


def token_thresholds(settings: ZipfRules, exponent: float) -> Float[np.ndarray, " levels"]:
    """Predicted P_1, P_2, ... of the last token; NaN where no law covers the learner."""
    shared, levels = settings.tokens.learner.weight_sharing, settings.token_levels
    if shared is None:
        return np.full(levels, math.nan)
    made = (language.language() for language in settings.languages(exponent))
    return exact.mean_thresholds(made, exact.evidence_of(shared))[:levels]


def facts(settings: ZipfRules, results: Results) -> Iterator[Fact]:
    for exponent in (0.0, *settings.exponents):
        yield from grammar.language_facts(settings.languages(exponent))
    for exponent in settings.exponents:
        yield from (_fall_fact(language, exponent) for language in settings.class_languages(exponent))


def _fall_fact(language: HierarchySettings, exponent: float) -> Fact:
    """The exponent of the class error of one grammar between the two errors that measurements are fitted between."""

    def compute() -> dict[str, float]:
        ends = zipf.ONSET, zipf.rare_share(exponent, language.rules)
        curve = root_class.error_curve(language.language())
        return {"exponent": root_class.slope_between(curve, *ends, *_LOOKED_FOR)}

    return Fact(_fall_key(language), compute, f"class errors of m={language.rules} seed {language.seed}")


def _fall_key(language: HierarchySettings) -> dict[str, Any]:
    return grammar.fact_key("fall of the class error", language)


_LOOKED_FOR = (1.0, 1e12)
"""Between these sizes a predicted error falls to where the fit ends."""


def exact_fall(settings: ZipfRules, facts: Facts, exponent: float) -> float:
    """The mean of that exponent over the grammars."""
    return float(np.mean([facts[_fall_key(one)]["exponent"] for one in settings.class_languages(exponent)]))


def _class_cells(settings: ZipfRules) -> Iterator[Cell]:
    """The class task: each learner, exponent, size and seed."""
    sizes, number = settings.sizes, settings.test_examples
    for name, contender in settings.class_learners().items():
        for exponent in (0.0, *settings.exponents):
            names = {"part": "classes", "learner": name, "zipf": exponent}
            languages = settings.class_languages(exponent)
            yield from grammar.cells_of(names, languages, RootClass(), contender, sizes, number)


def _token_cells(settings: ZipfRules) -> Iterator[Cell]:
    for exponent in (0.0, *settings.exponents):
        languages, names = settings.languages(exponent), {"part": "tokens", "zipf": exponent}
        sizes, number = settings.token_sizes, settings.test_examples
        yield from grammar.cells_of(names, languages, LastToken(), settings.tokens, sizes, number)


def cells(settings: ZipfRules, facts: Facts, results: Results) -> Iterator[Cell]:
    yield from _token_cells(settings)
    yield from _class_cells(settings)


def measure(settings: ZipfRules, facts: Facts, results: Results) -> Measured:
    runs = results.table(_class_cells(settings))
    chance = 1 - 1 / settings.classes
    errors: dict[Any, LearningCurve] = {}
    if len(runs):
        over_chance = runs.assign(error=(1 - runs["test_accuracy"].astype(float)) / chance)
        errors = LearningCurve.from_runs(over_chance, ["learner", "zipf"], "error")
    falls = {}
    for (name, exponent), curve in errors.items():
        for law in (exponent,) if exponent else settings.exponents:
            exactly = exact_fall(settings, facts, law)
            falls[name, exponent, law] = _fall(curve, law, settings.classes_grammar.rules, exactly)
    cells = list(_token_cells(settings))
    tokens = grammar.grammar_curves(results.table(cells), ["zipf"], facts, cells)
    equal = token_thresholds(settings, 0.0)
    over = {exponent: token_thresholds(settings, exponent) / equal for exponent in settings.exponents}
    return Measured(settings, facts, errors, falls, {known[0]: curve for known, curve in tokens.items()}, over)


def _fall(curve: LearningCurve, law: float, rules: int, exactly: float) -> Fall:
    """The fall of a class error over the sizes where the law with exponent `law` is fitted."""
    band = curve.band()
    chosen = zipf.window(band.mean, zipf.rare_share(law, rules))
    sizes = band.num_examples[chosen]
    if len(sizes) < 2:
        return Fall(unmeasured("fewer than two sizes between the two ends"), math.nan, exactly, sizes)
    finite = zipf.finite_exponent(sizes, band.mean[chosen], law, rules)
    return Fall(curve.slope(within=(sizes[0], sizes[-1])), finite, exactly, sizes)
