"""Verdicts: each claim of the paper beside what was measured, the outcome computed from the interval."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from syntagma.curves import Interval, power_law, ratio
from syntagma.studies.intervals import above, holds, span
from syntagma.studies.scaling_laws.settings import ScalingLaws
from syntagma.studies.study import Verdict
from syntagma.theory import hierarchy as theory

Measured = dict[tuple[str, int, int], Interval]
"""Threshold by learner, m and level."""


def verdicts(settings: ScalingLaws, measured: Measured, runs: pd.DataFrame) -> tuple[Verdict, ...]:
    """All verdicts, in the order in which they are read."""
    comparison = _comparison_verdicts(settings, measured, runs)
    order, powers = _order_verdicts(settings, measured), _growth_verdicts(settings, measured)
    return (*order, *powers, *comparison, _oracle_verdict(runs))


def growth(settings: ScalingLaws, measured: Measured, name: str, level: int) -> Interval:
    """The exponent k of P_l (1 - f) ~ m^k: the law's factor 1 / (1 - f), which also depends on m, is divided out."""
    sizes = np.array(settings.rules, float)
    factors = [1 - theory.sparsity(settings.vocab, m, settings.branching) for m in settings.rules]
    values = [measured[name, m, level].times(factor) for m, factor in zip(settings.rules, factors, strict=True)]
    return power_law(sizes, values)


def _order_verdicts(settings: ScalingLaws, measured: Measured) -> list[Verdict]:
    """Levels are learned one after the other."""
    out = []
    for name, contender in settings.learners.items():
        gaps = [
            (m, level, ratio(measured[name, m, level], measured[name, m, level - 1]))
            for m in settings.rules
            for level in range(2, settings.levels + 1)
        ]
        claim = f"the {contender.learner.label} network learns one level after the other"
        known = [(m, level, gap) for m, level, gap in gaps if not math.isnan(gap.value)]
        if not known:
            out.append(Verdict(claim, "P_l > P_(l-1)", "fewer than two levels measured", "open", theory.SOURCE))
            continue
        m, level, least = min(known, key=lambda entry: entry[2].low)
        text = f"smallest step: P_{level} / P_{level - 1} = {span(least)} at m = {m}"
        outcome = above(least, 1.0, settings.seeds)
        out.append(Verdict(claim, "P_l > P_(l-1)", text, outcome, theory.SOURCE))
    return out


def _growth_verdicts(settings: ScalingLaws, measured: Measured) -> list[Verdict]:
    """The exponent of each threshold in m."""
    if len(settings.rules) < 2:
        return []
    out = []
    for name, contender in settings.learners.items():
        shared = contender.learner.weight_sharing
        for level in range(1, settings.levels + 1):
            fitted = growth(settings, measured, name, level)
            claim = f"P_{level} of the {contender.learner.label} network grows as a power of m"
            predicted = math.nan if shared is None else theory.threshold_exponent(level, shared)
            law = "no prediction" if shared is None else f"m^{predicted}"
            if not math.isfinite(fitted.value):
                out.append(Verdict(claim, law, fitted.reason, "open", theory.SOURCE))
                continue
            outcome = "finding" if shared is None else holds(fitted, predicted, settings.seeds)
            values = sum(measured[name, m, level].measured for m in settings.rules)
            text = f"m^k, k = {span(fitted)} from {values} values of m"
            out.append(Verdict(claim, law, text, outcome, theory.SOURCE))
    return out


def _comparison_verdicts(settings: ScalingLaws, measured: Measured, runs: pd.DataFrame) -> list[Verdict]:
    """Each learner's threshold against that of the first learner with weight sharing."""
    shared = [name for name, c in settings.learners.items() if c.learner.weight_sharing]
    if not shared:
        return []
    reference = shared[0]
    out = []
    for name in settings.learners:
        if name == reference:
            continue
        for m in settings.rules:
            for level in range(1, settings.levels + 1):
                found = ratio(measured[name, m, level], measured[reference, m, level])
                verdicts = _comparison(settings, found, name, reference, m, level)
                if math.isinf(found.value) and _training_was_short(runs, name, m):
                    why = " (training, not data, may have ended the curve: the smallest loss is the last)"
                    verdicts = [replace(v, outcome="open", measured=v.measured + why) for v in verdicts]
                out += verdicts
    return out


def _training_was_short(runs: pd.DataFrame, name: str, m: int) -> bool:
    """Whether at the largest size every seed ended at its allowed steps with its test loss still at its smallest."""
    mine: Any = runs[(runs["learner"] == name) & (runs["rules"] == m)]
    last = mine[mine["num_examples"] == mine["num_examples"].max()]
    return bool(((last["stopped"] == "steps") & (last["best_step"] == last["steps"])).all())


def _comparison(settings: ScalingLaws, found: Interval, name: str, reference: str, m: int, level: int) -> list[Verdict]:
    """How many times the examples of `reference` the learner `name` needs for one level; whether more."""
    learner, other = settings.learners[name].learner, settings.learners[reference].learner
    claim = f"level {level}, m = {m}: examples the {learner.label} network needs over those of the {other.label}"
    if learner.weight_sharing is None:
        law, factor = "no prediction", math.nan
    else:
        power = theory.threshold_exponent(level, learner.weight_sharing) - theory.threshold_exponent(level, True)
        law, factor = f"m^{power} = {m**power}" if power else "1", float(m**power)
    if math.isnan(found.value):
        return [Verdict(claim, law, f"threshold of the reference: {found.reason}", "open", theory.SOURCE)]
    outcome = "finding" if math.isnan(factor) else holds(found, factor, settings.seeds)
    verdicts = [Verdict(claim, law, span(found), outcome, theory.SOURCE)]
    if level > 2 and learner.weight_sharing is False:
        apart = f"level {level}, m = {m}: the {learner.label} network needs more examples than the {other.label}"
        verdicts.append(Verdict(apart, "factor > 1", span(found), above(found, 1.0, settings.seeds), theory.SOURCE))
    return verdicts


def _oracle_verdict(runs: pd.DataFrame) -> Verdict:
    """No loss is below the exact oracle's on the same sentences by more than its error allows.

    The smallest of n standardised differences is about -sqrt(2 ln n); the bound is the normal 0.01 / n quantile.
    """
    scaled = runs["excess_loss"] / runs["excess_loss_error"].where(runs["excess_loss_error"] > 0)
    bound = NormalDist().inv_cdf(0.01 / len(runs))
    least = float(np.nanmin(scaled.to_numpy(float)))
    text = f"smallest of {len(runs)}: {least:+.1f} standard errors (bound {bound:.1f})"
    claim = "no network's loss is below the exact oracle's"
    outcome = "agrees" if least > bound else "disagrees"
    return Verdict(claim, "loss - oracle loss >= 0", text, outcome, "exact posterior")
