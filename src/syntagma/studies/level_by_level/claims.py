"""Claims of the study: layers beside the loss, along training, weight sharing, classes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from syntagma.curves import Claim, Interval, LearningCurve, certain, power_law, ratio, unmeasured
from syntagma.studies import grammar
from syntagma.studies.level_by_level.measured import ERROR_LEFT, WAY_TO_INVARIANT, Measured, half_invariant, where
from syntagma.theory import exact, root_class
from syntagma.theory import hierarchy as theory


def claims(measured: Measured) -> Iterator[Claim]:
    """All claims, in the order in which they are read."""
    yield from _layer_claims(measured)
    yield from _training_claims(measured)
    yield from _sharing_claims(measured)
    yield from _class_claims(measured)


def _beside(text: str, inside: LearningCurve | None, outside: LearningCurve | None, lines: Any, source: str) -> Claim:
    """What is learned inside over what shows outside: a finding, since half-way inside depends on its definition."""
    if inside is None or outside is None:
        return Claim(text, "no prediction", unmeasured("not probed yet"), source=source)
    return Claim(text, "no prediction", ratio(inside, 1 - WAY_TO_INVARIANT, outside, lines), source=source)


def _layer_claims(measured: Measured) -> Iterator[Claim]:
    """The layers come to ignore level-l synonyms where the loss shows that level l + 1 is learned.

    To use level l + 1 is to use which symbol a level-l tuple stands for.
    """
    settings = measured.settings
    for name in settings.learners:
        who = f"the {measured.label(name)} network"
        for m in settings.rules:
            for level in range(1, settings.depth):
                text = f"m = {m}: {who} ignores level-{level} synonyms more from P_{level + 1} on than before"
                yield Claim(text, "rise > 0", measured.rise(name, m, level), "above", 0.0, theory.SOURCE)
                text = f"m = {m}: P at which {who} is half-way to ignoring level-{level} synonyms, over P_{level + 1}"
                curve = measured.curves.get((name, m))
                lines = None if curve is None else curve.half_way(level + 1)
                inside = measured.left_inside(name, m, level)
                yield _beside(text, inside, None if curve is None else curve.curve, lines, theory.SOURCE)


def _training_claims(measured: Measured) -> Iterator[Claim]:
    """Along training, the level of the nearest observer rises one by one and never falls."""
    settings = measured.settings
    longest = where(measured.observers, num_examples=settings.sizes[-1])
    for name in settings.learners:
        text = f"along training the {measured.label(name)} network learns one level after the other"
        predicted = "the nearest observer's level never falls"
        right, total, first = 0, 0, ""
        for (m, seed), rows in where(longest, learner=name).groupby(["rules", "seed"]):  # pyright: ignore
            nearest = rows.loc[rows.groupby("step")["nats"].idxmin()].sort_values("step")
            levels = nearest["level"].to_numpy(int)
            right, total = right + bool((np.diff(levels) >= 0).all()), total + 1
            steps = [nearest["step"][nearest["level"] >= k].min() for k in range(1, levels.max() + 1)]
            first = first or f"m = {m}, seed {seed}: levels 1, 2, ... from steps {', '.join(f'{s:.0f}' for s in steps)}"
        if total < 2:
            reason = "one training is no outcome" if total else "nothing probed"
            yield Claim(text, predicted, unmeasured(reason), "equals", 1.0, theory.SOURCE)
        else:
            shown = f"in {right} of {total} trainings ({first})"
            yield Claim(text, predicted, certain(right / total), "equals", 1.0, theory.SOURCE, shown=shown)


def _sharing_claims(measured: Measured) -> Iterator[Claim]:
    """What weight sharing is worth: the locally connected twin against the convolutional network."""
    settings = measured.settings
    if not {"cnn", "locally-connected"} <= settings.learners.keys():
        return
    for m in settings.rules:
        alone, shared = measured.curves.get(("locally-connected", m)), measured.curves.get(("cnn", m))
        for level in range(1, settings.depth + 1):
            text = f"level {level}, m = {m}: examples that the network needs without weight sharing over those with it"
            factor = measured.predicted("locally-connected", m, level) / measured.predicted("cnn", m, level)
            law = f"{factor:.2f}, by exact correlations and one prefactor for both"
            yield grammar.ratio_claim(text, factor, grammar.over(alone, shared, level), exact.SOURCE, law)


def _class_claims(measured: Measured) -> Iterator[Claim]:
    """The exponent of P* in m for each n_c, in n_c for each m and for a root of so many rules; and what layers ignore.

    Tested against the exact correlations of the grammars; the asymptotic law n_c m^L stands beside them.
    """
    grid, depth = measured.settings.root_class, measured.settings.depth
    lines = [(f"n_c = {c}", "m", grid.rules, [(m, c) for m in grid.rules], depth) for c in grid.classes]
    lines += [(f"m = {m}", "n_c", grid.classes, [(m, c) for c in grid.classes], 1) for m in grid.rules]
    for fixed, symbol, values, places, law in lines:
        text = f"{fixed}: P* of the class grows as a power of {symbol}"
        stars = [measured.class_threshold(*place) for place in places]
        exactly = [measured.predicted_class(*place) for place in places]
        yield from _power_claim(text, law, symbol, values, stars, exactly)
    if sharing := list(grid.rules_of_class()):
        text = (
            f"m = {grid.rules[-1]}, {grid.root_rules} rules at the root in all: P* of the class grows as a power of n_c"
        )
        stars, exactly = map(measured.fixed_root_threshold, sharing), map(measured.predicted_fixed_root, sharing)
        yield from _power_claim(text, 0, "n_c", sharing, list(stars), list(exactly))
    for n in grid.classes:
        text = f"n_c = {n}: the P from which level-1 synonyms are ignored grows as P* does"
        insides = [half_invariant(measured.left_inside_class(m, n, 1)) for m in grid.rules]
        exactly = [measured.predicted_class(m, n) for m in grid.rules]
        yield from _power_claim(text, depth, "m", grid.rules, insides, exactly)
    for (m, n), curve in measured.classes.items():
        text = f"m = {m}, n_c = {n}: P at which level-1 synonyms are half-way ignored, over P*"
        yield _beside(text, measured.left_inside_class(m, n, 1), curve, ERROR_LEFT, theory.CLASS_SOURCE)


def _power_claim(
    text: str, law: int, symbol: str, values: Sequence[int], measured: Sequence[Interval], exactly: Sequence[float]
) -> Iterator[Claim]:
    """A power of a size of the task, where there are two values of it, beside that of the exact sizes."""
    if len(values) < 2:
        return
    known = all(not math.isnan(one.value) for one in measured)
    power = power_law(values, measured) if known else unmeasured("not trained yet")
    exponent = grammar.exact_power(dict(zip(values, exactly, strict=True)))
    claim = grammar.growth_claim(text, power, exponent, root_class.SOURCE, symbol)
    predicted = f"{symbol}^{exponent:z.2f} by exact correlations; asymptotic law {symbol}^{law}"
    yield replace(claim, predicted=predicted, shown=f"{symbol}^k, k = {power}" if known else "")
