"""Why a locally connected network is as good as a convolutional one: by what are far synonyms told without sharing?

That far tuples are synonyms shows in three statistics (`theory.exact`, v symbols, m rules, level l):

    tokens       far tokens with the last token, v m^(2l-1): all there is without weight sharing, says arXiv 2505.07070
    tuples       far tuples of level-(l-2) symbols with the last token, v m^(l+1): once these symbols are known there
    neighbours   far tuples with the symbols beside them, v m^3 at any level: latent prediction, arXiv 2605.27734

A network without sharing that learns the lower levels of a far place from neighbours knows their symbols without ever
having shared a weight, so that the law of tuples is open to it, too, and its examples over those of a network with
sharing do not grow with m; by tokens alone they grow as m^(l-2). Three clusterers, without weights, read one statistic
each and show what these numbers are worth: thresholds and runs are those of `rules_grid`.
Regime of predictions: exact for the grammars drawn, one prefactor for all m.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from syntagma.curves import Claim, Interval, power_law, unmeasured
from syntagma.learners import Clusterer, HierarchicalCNN, LocallyConnected
from syntagma.plot import Axis, Figure, Law, Mark, Panel, growth_panel
from syntagma.plot.intervals import interval_points
from syntagma.studies import grammar, rules_grid
from syntagma.studies.recipes import trained
from syntagma.studies.rules_grid import Entrant, Measured, RulesGrid
from syntagma.studies.schemas import Column, Schema, Table
from syntagma.studies.study import Facts, Study
from syntagma.theory import exact
from syntagma.theory import hierarchy as theory

STATISTICS: Mapping[str, exact.Evidence] = {"tokens": "tokens", "tuples": "tuples", "neighbours": "conditional"}
"""What each kind of correlation is called here."""

_PREDICTIONS = Schema(
    "predictions",
    "Predicted thresholds",
    "Examples at which each statistic stands out of the noise, by the exact correlations of these grammars.",
    (
        Column("rules", "rules m", "whole"),
        Column("level", "level l", "whole"),
        *(Column(name, name, "count") for name in STATISTICS),
        Column("factor", "tokens / tuples", "ratio"),
    ),
)


def predicted(settings: RulesGrid, facts: Facts, statistic: str, rules: int) -> np.ndarray:
    """P_1..P_L `[L]` of a statistic, geometric mean over the grammars; a level comes no sooner than those below it."""
    sizes = grammar.exact_thresholds(facts, settings.languages(rules), STATISTICS[statistic])
    return np.maximum.accumulate(sizes)


def twins(settings: RulesGrid) -> tuple[str | None, list[str]]:
    """The first network with weight sharing, and those without."""
    sharing = {name: entrant.learner.weight_sharing for name, entrant in settings.learners.items()}
    return next((name for name in sharing if sharing[name]), None), [name for name in sharing if sharing[name] is False]


def factor(measured: Measured, network: str, rules: int, level: int) -> Interval:
    """How many times the examples of the network with sharing `network` needs for `level`."""
    shared, _ = twins(measured.settings)
    curves = [measured.curves.get((name, rules)) for name in (network, shared or "")]
    if curves[0] is None or curves[1] is None:
        return unmeasured("not run")
    return curves[0].over(curves[1], level)


def factor_growth(measured: Measured, network: str, level: int) -> Interval:
    """The exponent of that factor in m."""
    rules = measured.settings.rules
    factors = [factor(measured, network, m, level) for m in rules]
    if len(rules) < 2 or any(math.isnan(one.value) for one in factors):
        return unmeasured("fewer than two values of m" if len(rules) < 2 else "a value of m is not measured")
    return power_law(rules, factors)


def predicted_growth(measured: Measured, statistic: str, level: int) -> float:
    """The exponent k of P_l (1 - f) ~ m^k by exact correlations."""
    settings = measured.settings
    sizes = {m: float(predicted(settings, measured.facts, statistic, m)[level - 1]) for m in settings.rules}
    return grammar.exact_growth(sizes, settings.vocab, settings.branching)


def _predictions(settings: RulesGrid, facts: Facts) -> Iterator[Table]:
    rows = []
    for m in settings.rules:
        sizes = {name: predicted(settings, facts, name, m) for name in STATISTICS}
        for level in range(1, settings.levels + 1):
            at = {name: float(values[level - 1]) for name, values in sizes.items()}
            rows.append({"rules": m, "level": level, **at, "factor": at["tokens"] / at["tuples"]})
    yield _PREDICTIONS.table(rows)


def _claims(measured: Measured) -> Iterator[Claim]:
    """How each learner's highest threshold grows, and whether sharing comes to matter more with m.

    What is tested is the paper's reading throughout: tuples with sharing, far tokens alone without it. The three
    exponents of a network without sharing exclude one another, so they stand beside what was measured, as a finding.
    """
    settings, level = measured.settings, measured.settings.levels
    shared, apart = twins(settings)
    if len(settings.rules) > 1:
        numbers = {statistic: predicted_growth(measured, statistic, level) for statistic in STATISTICS}
        if shared:
            text = f"P_{level} of {measured.who(shared)} grows with m as tuples say"
            growth = measured.growth(shared, level)
            yield grammar.growth_claim(text, growth, numbers["tuples"], exact.SOURCE, form=".2f")
        for name in apart:
            text = f"P_{level} of {measured.who(name)} grows with m"
            says = ", ".join(f"m^{number:.2f} by {statistic}" for statistic, number in numbers.items())
            found = grammar.growth_claim(text, measured.growth(name, level), math.nan, exact.SOURCE)
            yield replace(found, predicted=says)
        for name in settings.readers():
            text = f"P_{level} of {measured.who(name)} grows with m as what it reads says"
            number = measured.exact_growth(name, level)
            yield grammar.growth_claim(text, measured.growth(name, level), number, exact.SOURCE, form=".2f")
    for name in apart if shared else ():
        yield from _factor_claims(measured, name, level)


def _factor_claims(measured: Measured, name: str, level: int) -> Iterator[Claim]:
    settings = measured.settings
    over = f"examples that {measured.who(name)} needs for level {level} over those with sharing"
    if len(settings.rules) > 1:
        by_tokens = predicted_growth(measured, "tokens", level) - predicted_growth(measured, "tuples", level)
        text = f"{over}: growth with m, from far tokens alone"
        law = f"m^{by_tokens:.2f}; m^0 if it knew the symbols of far places"
        growth = factor_growth(measured, name, level)
        yield Claim(text, law, growth, "equals", by_tokens, exact.SOURCE, resolution=0.5)
    for m in settings.rules:
        tokens, tuples = (predicted(settings, measured.facts, one, m)[level - 1] for one in ("tokens", "tuples"))
        number = float(tokens / tuples)
        text, law = f"{over}, m = {m}: as many as from far tokens alone", f"{number:.2f}; 1 by what it knows there"
        yield grammar.ratio_claim(text, number, factor(measured, name, m, level), exact.SOURCE, law)


def _message(measured: Measured) -> str:
    """What came out, in a sentence."""
    settings, level = measured.settings, measured.settings.levels
    for name in twins(settings)[1]:
        factors = [
            f"{one.value:.2g} (m = {m})" for m in settings.rules if (one := factor(measured, name, m, level)).measured
        ]
        if factors:
            return f"At level {level} {measured.who(name)} needs {', '.join(factors)} times the examples of its twin"
    return STUDY.title


def _figures(measured: Measured) -> Iterator[Figure]:
    settings, level = measured.settings, measured.settings.levels
    rules, names = settings.rules, list(settings.learners)
    sizes = {one: [predicted(settings, measured.facts, one, m)[level - 1] for m in rules] for one in STATISTICS}
    left = growth_panel(
        rules,
        {n: [measured.thresholds.get((n, m, level), unmeasured("not run")) for m in rules] for n in names},
        factor=[1 - theory.sparsity(settings.vocab, m, settings.branching) for m in rules],
        laws=sizes,
        laws_are="exact signal = noise",
        exponents={name: measured.growth(name, level) for name in names},
        labels={name: measured.label(name) for name in names},
        title=f"level {level}",
    )
    marks: list[Mark] = [Law(rules, np.divide(sizes["tokens"], sizes["tuples"]), key="tokens")]
    marks.append(Law(rules, np.ones(len(rules)), key="tuples"))
    for name in twins(settings)[1]:
        factors = ((m, factor(measured, name, m, level)) for m in rules)
        marks.append(interval_points(factors, key=name, label=measured.label(name)))
    title = f"level {level}: examples over those with sharing"
    right = Panel(title, Axis("rules per symbol m", "log", ticks=rules), Axis("factor", "log"), marks)
    caption = (
        "Left: measured thresholds of the highest level times 1 - f; dashed: where each statistic stands out of the "
        "noise, by the exact correlations of these grammars. Right: how many times the examples of the convolutional "
        "network its twin without weight sharing needs, on the same grammars; dashed: if it learned from far tokens "
        "alone, and if sharing did not matter. Intervals of 95 % over seeds, each with a grammar of its own."
    )
    yield Figure("weight-sharing", _message(measured), (left, right), caption, columns=2)
    yield from rules_grid.figures(measured)


_CLUSTERERS = {
    "last-token": Entrant(learner=Clusterer(sharing=False)),
    "shared": Entrant(learner=Clusterer()),
    "neighbours": Entrant(learner=Clusterer(statistic="neighbour", sharing=False)),
}


def _twins(width: int, steps: tuple[int, int]) -> dict[str, Entrant]:
    learners = HierarchicalCNN(width=width), LocallyConnected(width=width)
    contenders = (trained(learner, steps, batch_size=128, warmup_steps=20) for learner in learners)
    return {one.learner.kind: Entrant(**dict(one)) for one in contenders}


_SIZES: dict[str, Any] = {"vocab": 16, "levels": 3, "start": 0.5, "beyond": 0, "test_examples": 2048}
_FULL_SIZES: dict[str, Any] = {**_SIZES, "vocab": 32, "levels": 4}
PRESETS: Mapping[str, RulesGrid] = {
    "quick": RulesGrid(
        **_SIZES, rules=(2, 3), depth=3, max_examples=2**15, learners=_twins(64, (2000, 6000)) | _CLUSTERERS
    ),
    "laptop": RulesGrid(
        **_SIZES,
        rules=(2, 3, 4, 6),
        depth=4,
        seeds=4,
        max_examples=2**20,
        learners=_twins(64, (5000, 12_000)) | _CLUSTERERS,
    ),
    "full": RulesGrid(
        **_FULL_SIZES,
        rules=(4, 6, 8),
        depth=4,
        seeds=6,
        max_examples=2**23,
        learners=_twins(512, (2**13, 2**18)) | _CLUSTERERS,
    ),
}

STUDY = Study(
    name="weight-sharing",
    title="Does weight sharing matter, and by what are far synonyms told without it?",
    paper="arXiv 2505.07070",
    settings=RulesGrid,
    presets=PRESETS,
    facts=rules_grid.facts,
    cells=rules_grid.cells,
    expected=rules_grid.expected,
    predictions=_predictions,
    measure=rules_grid.measure,
    tables=rules_grid.tables,
    claims=_claims,
    figures=_figures,
)
