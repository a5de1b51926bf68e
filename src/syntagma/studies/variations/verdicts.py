"""Verdicts: each claim beside what was measured, the outcome computed from the interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from syntagma.curves import Interval, power_law, ratio
from syntagma.studies.intervals import above, below, holds, span
from syntagma.studies.study import Outcome, Verdict
from syntagma.studies.variations import zipf, zipf_tokens
from syntagma.studies.variations.collapse import collapse
from syntagma.studies.variations.grids import SYMBOLS, Grammar, Parameter
from syntagma.studies.variations.predictions import growth_exponent, law_of
from syntagma.studies.variations.settings import Variations
from syntagma.theory import hierarchy as theory

NEAR = 0.05
"""A learner has come near the exact posterior when at most this share of the way from chance to it is left."""
ONE_PASS = "a pass is the beginning of a longer training on the same set"
ALL_POSITIONS = "a sentence shows each rule at more positions"
POSTERIOR = "exact posterior"


@dataclass(frozen=True)
class Fall:
    """How the class error falls: its exponent, that of the law with its finite number of rules, and where."""

    slope: Interval
    finite: float
    sizes: np.ndarray


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        growth: thresholds by learner, grammar and level.
        online: examples seen in one pass, by learner and level; `fixed` those of fixed sets.
        tokens: thresholds of the last token by Zipf exponent (0: equal rules) and level.
        positions: thresholds of the last token by task and level.
        falls: of the class error, by Zipf exponent of the rules and of the law beside it.
        excess: of a masked token's loss at the largest P, by learner; the gap from chance to the floor; that P.
    """

    growth: Mapping[tuple[str, Grammar, int], Interval]
    online: Mapping[tuple[str, int], Interval]
    fixed: Mapping[tuple[str, int], Interval]
    tokens: Mapping[tuple[float, int], Interval]
    positions: Mapping[tuple[str, int], Interval]
    falls: Mapping[tuple[float, float], Fall]
    excess: Mapping[str, tuple[Interval, float, int]]


def verdicts(settings: Variations, measured: Measured) -> tuple[Verdict, ...]:
    """All verdicts, in the order in which they are read."""
    return (
        *_growth(settings, measured),
        *_collapse(settings, measured),
        *_online(settings, measured),
        *_classes(settings, measured),
        *_tokens(settings, measured),
        *_positions(settings, measured),
        *_masked(settings, measured),
    )


def fitted_growth(
    settings: Variations, measured: Measured, learner: str, parameter: Parameter, level: int
) -> tuple[Interval, int]:
    """The exponent of P_l (1 - f) in one parameter, the others as in the base, and how many thresholds it is from."""
    values, sizes = [], []
    for value in settings.growth.values(parameter, settings.base):
        grammar = Grammar.model_validate(settings.base.model_dump() | {parameter: value})
        if (learner, grammar, level) in measured.growth:
            f = theory.sparsity(grammar.vocab, grammar.rules, grammar.branching)
            values.append(measured.growth[learner, grammar, level].times(1 - f))
            sizes.append(float(value))
    return power_law(np.array(sizes), values), sum(value.measured for value in values)


def _growth(settings: Variations, measured: Measured) -> list[Verdict]:
    """The exponent of each threshold in v, m, s and L."""
    out = []
    for name, grower in settings.growth.learners.items():
        for parameter in grower.parameters:
            if len(settings.growth.values(parameter, settings.base)) < 2:
                continue
            for level in range(1, settings.growth.levels + 1):
                fitted, number = fitted_growth(settings, measured, name, parameter, level)
                predicted = growth_exponent(parameter, level, bool(grower.learner.weight_sharing))
                symbol = SYMBOLS[parameter]
                claim = f"P_{level} (1 - f) of the {grower.learner.label} network grows as a power of {symbol}"
                law = f"{symbol}^{predicted}" if predicted else f"{symbol}^0: no dependence"
                text = f"{symbol}^k, k = {span(fitted)} from {number} values of {symbol}"
                text = text if math.isfinite(fitted.value) else span(fitted)
                outcome = holds(fitted, float(predicted), settings.seeds)
                out.append(Verdict(claim, law, text, outcome, theory.SOURCE))
    return out


def _collapse(settings: Variations, measured: Measured) -> list[Verdict]:
    """One prefactor for all languages, against the spread that seeds alone give."""
    out = []
    for name, grower in settings.growth.learners.items():
        for level in range(1, settings.growth.levels + 1):
            found = collapse(settings, measured.growth, name, level)
            spread, noise = found.spread, found.seeds_alone
            claim = f"level {level}: one prefactor for all languages of the {grower.learner.label} network"
            law = f"largest / smallest P_{level} / predicted = 1"
            if math.isnan(spread.value) or math.isnan(noise):
                out.append(Verdict(claim, law, span(spread), "open", theory.SOURCE))
                continue
            law += f" but for noise: below {noise:.2f}"
            text = f"{span(spread)} over {found.languages} languages"
            outcome: Outcome = "agrees" if spread.value <= noise else "disagrees" if spread.low > noise else "open"
            out.append(Verdict(claim, law, text, "open" if settings.seeds < 2 else outcome, theory.SOURCE))
    return out


def _online(settings: Variations, measured: Measured) -> list[Verdict]:
    """Levels come one by one; a pass sees no fewer sentences than fixed sets have; how far from the law it is."""
    out = []
    for name, one in settings.online.learners.items():
        who = f"in one pass the {one.learner.label} network"
        for level in range(1, settings.online.levels + 1):
            now = measured.online.get((name, level), _MISSING)
            if level > 1:
                gap = ratio(now, measured.online.get((name, level - 1), _MISSING))
                claim = f"{who} learns level {level} after level {level - 1}"
                law = "ratio of examples seen > 1"
                out.append(Verdict(claim, law, span(gap), above(gap, 1.0, settings.seeds), theory.SOURCE))
            if one.fixed is not None:
                gap = ratio(now, measured.fixed.get((name, level), _MISSING))
                claim = f"level {level}: examples that {who} sees over those of a fixed set"
                out.append(Verdict(claim, "at least 1", span(gap), above(gap, 1.0, settings.seeds), ONE_PASS))
            predicted = law_of(settings.base, one.learner, level)
            if math.isfinite(predicted):
                claim = f"level {level}: examples that {who} sees over the predicted P_{level}"
                over = now.times(1 / predicted)
                outcome: Outcome = "finding" if now.measured else "open"
                out.append(Verdict(claim, "a prefactor, not predicted", span(over), outcome, theory.SOURCE))
    return out


def _classes(settings: Variations, measured: Measured) -> list[Verdict]:
    """The class error falls as P^(-a/(1+a)) with Zipf rules, and more steeply with equal ones."""
    out = []
    for a in settings.zipf.exponents:
        law = zipf.exponent(a)
        claim = f"Zipf exponent a = {a:g}: the class error falls as a power of P"
        found = measured.falls.get((a, a))
        if found is None or math.isnan(found.slope.value):
            reason = "not trained yet" if found is None else found.slope.reason
            out.append(Verdict(claim, f"P^-{law:.2f}", reason, "open", zipf.SOURCE))
        else:
            where = f" from P = {found.sizes[0]:.0f} to {found.sizes[-1]:.0f}"
            text = f"P^-k, k = {span(found.slope)}{where}"
            out.append(Verdict(claim, f"P^-{law:.2f}", text, holds(found.slope, law, settings.seeds), zipf.SOURCE))
            claim = f"a = {a:g}: the same with the cut-off at m = {settings.zipf.grammar.rules} rules"
            outcome = holds(found.slope, found.finite, settings.seeds)
            own = f"{zipf.SOURCE}, cut-off derived here"
            out.append(Verdict(claim, f"P^-{found.finite:.2f}", text, outcome, own))
        claim = f"with equal rules the class error falls more steeply than with a = {a:g}"
        equal = measured.falls.get((0.0, a))
        if equal is None or math.isnan(equal.slope.value):
            reason = "not trained yet" if equal is None else equal.slope.reason
            out.append(Verdict(claim, f"exponent > {law:.2f}", reason, "open", zipf.SOURCE))
        else:
            outcome = above(equal.slope, law, settings.seeds)
            out.append(Verdict(claim, f"exponent > {law:.2f}", span(equal.slope), outcome, zipf.SOURCE))
    return out


def _tokens(settings: Variations, measured: Measured) -> list[Verdict]:
    """For the last token Zipf rules at level 1 move each threshold by another factor: see `zipf_tokens`."""
    out = []
    for a in settings.zipf.exponents:
        over = zipf_tokens.over_equal(settings, a)
        for level in range(2, settings.zipf.token_levels + 1):
            claim = f"a = {a:g}: P_{level} / P_{level - 1} of the last token with Zipf rules over that with equal rules"
            keys = [(a, level), (a, level - 1), (0.0, level), (0.0, level - 1)]
            first, second, third, fourth = (measured.tokens.get(key, _MISSING) for key in keys)
            found, predicted = _double_ratio(first, second, third, fourth), float(over[level - 1] / over[level - 2])
            outcome: Outcome = holds(found, predicted, settings.seeds)
            law = f"{predicted:.2f}"
            if math.isnan(predicted):
                law, outcome = "no prediction", "open" if math.isnan(found.value) else "finding"
            out.append(Verdict(claim, law, span(found), outcome, zipf_tokens.SOURCE))
    return out


def _positions(settings: Variations, measured: Measured) -> list[Verdict]:
    """Training on all positions needs no more sentences than on the last alone."""
    out = []
    who = settings.positions.contender.learner.label
    for level in range(1, settings.positions.levels + 1):
        claim = f"level {level}: sentences that the {who} needs on all positions over those on the last alone"
        keys = [("next-token", level), ("last-token", level)]
        every, last = (measured.positions.get(key, _MISSING) for key in keys)
        found = ratio(every, last)
        out.append(Verdict(claim, "at most 1", span(found), below(found, 1.0, settings.seeds), ALL_POSITIONS))
    return out


def _masked(settings: Variations, measured: Measured) -> list[Verdict]:
    """The loss of a masked token comes near that of its exact posterior."""
    out = []
    for name, contender in settings.masked.learners.items():
        claim = f"masked token: the {contender.learner.label} network comes near the exact posterior"
        if name not in measured.excess:
            law = f"loss above it < {NEAR:.0%} of the gap from chance"
            out.append(Verdict(claim, law, "not trained yet", "open", POSTERIOR))
            continue
        found, gap, size = measured.excess[name]
        law = f"loss above it < {NEAR:.0%} of the gap from chance, {NEAR * gap:.3f} nats"
        text = f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}] nats at P = {size}"
        out.append(Verdict(claim, law, text, below(found, NEAR * gap, settings.seeds), POSTERIOR))
    return out


_MISSING = Interval(math.nan, math.nan, math.nan, "not trained yet")


def _double_ratio(first: Interval, second: Interval, third: Interval, fourth: Interval) -> Interval:
    """(first / second) / (third / fourth), from resamples of the same seeds; NaN where one is not measured."""
    four = (first, second, third, fourth)
    missing = [one for one in four if not one.measured or one.resamples is None]
    if missing:
        return Interval(math.nan, math.nan, math.nan, missing[0].reason or "not measured")
    a, b, c, d = (np.asarray(one.resamples) for one in four)
    with np.errstate(divide="ignore", invalid="ignore"):  # unreached thresholds are infinite
        resamples = a * d / (b * c)
    resamples = resamples[~np.isnan(resamples)]
    low, high = np.percentile(resamples, [2.5, 97.5], method="nearest")
    value = first.value * fourth.value / (second.value * third.value)
    return Interval(value, float(low), float(high), "", resamples)
