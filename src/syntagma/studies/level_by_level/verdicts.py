"""Verdicts: each claim beside what was measured, the outcome computed from the interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from syntagma.curves import Interval, power_law, ratio
from syntagma.studies.intervals import above, holds, span
from syntagma.studies.level_by_level.settings import LevelByLevel
from syntagma.studies.study import Outcome, Verdict
from syntagma.theory import hierarchy as theory


@dataclass(frozen=True)
class Measured:
    """Sample complexities.

    Attributes:
        levels: of the last token's levels, by learner, m and level.
        ignored: from which on a level's synonyms are ignored, by learner, m and level.
        rises: of how much synonyms are ignored, from below to above P_(l+1), by learner, m and level l.
        classes: of the class tasks, by m and n_c.
        class_ignored: as `ignored`, by m, n_c and level.
    """

    levels: Mapping[tuple[str, int, int], Interval]
    ignored: Mapping[tuple[Any, ...], Interval]
    rises: Mapping[tuple[str, int, int], Interval]
    classes: Mapping[tuple[int, int], Interval]
    class_ignored: Mapping[tuple[Any, ...], Interval]


def verdicts(settings: LevelByLevel, measured: Measured, tables: Mapping[str, pd.DataFrame]) -> tuple[Verdict, ...]:
    """All verdicts, in the order in which they are read."""
    return (
        *_layers(settings, measured),
        *_training(settings, tables["observers"]),
        *_sharing(settings, measured),
        *_class_growth(settings, measured),
        *_class_layers(settings, measured),
    )


def _layers(settings: LevelByLevel, measured: Measured) -> list[Verdict]:
    """The layers come to ignore level-l synonyms where the loss shows that level l + 1 is learned.

    To use level l + 1 is to use which symbol a level-l tuple stands for. Where the half-way line of invariance is
    crossed depends on its definition, so its P over P_(l+1) is a finding.
    """
    out = []
    for name, contender in settings.learners.items():
        who = f"the {contender.learner.label} network"
        for m in settings.rules:
            for level in range(1, settings.depth):
                claim = f"m = {m}: {who} ignores level-{level} synonyms more from P_{level + 1} on than before"
                rise = measured.rises.get((name, m, level))
                if rise is None:
                    out.append(Verdict(claim, "rise > 0", "not measured on both sides", "open", theory.SOURCE))
                else:
                    out.append(Verdict(claim, "rise > 0", span(rise), above(rise, 0.0, settings.seeds), theory.SOURCE))
                claim = f"m = {m}: P at which {who} is half-way to ignoring level-{level} synonyms, over P_{level + 1}"
                inside, loss = measured.ignored.get((name, m, level)), measured.levels.get((name, m, level + 1))
                out.append(_beside(claim, inside, loss, theory.SOURCE))
    return out


def _training(settings: LevelByLevel, observers: pd.DataFrame) -> list[Verdict]:
    """Along training, the level of the nearest observer rises one by one and never falls."""
    out = []
    longest: Any = observers[observers["num_examples"] == settings.sizes[-1]]
    for name, contender in settings.learners.items():
        claim = f"along training the {contender.learner.label} network learns one level after the other"
        right, total, text = 0, 0, ""
        for (m, seed), mine in longest[longest["learner"] == name].groupby(["rules", "seed"]):
            nearest = mine.loc[mine.groupby("step")["nats"].idxmin()].sort_values("step")
            levels = nearest["level"].to_numpy(int)
            right, total = right + bool((np.diff(levels) >= 0).all()), total + 1
            if not text:
                first = [nearest["step"][nearest["level"] >= k].min() for k in range(1, levels.max() + 1)]
                text = f"m = {m}, seed {seed}: levels 1, 2, ... from steps {', '.join(f'{s:.0f}' for s in first)}"
        if not total:
            out.append(
                Verdict(claim, "the nearest observer's level never falls", "nothing probed", "open", theory.SOURCE)
            )
            continue
        outcome: Outcome = "agrees" if right == total else "disagrees"
        said = f"in {right} of {total} trainings ({text})"
        out.append(Verdict(claim, "the nearest observer's level never falls", said, outcome, theory.SOURCE))
    return out


def _sharing(settings: LevelByLevel, measured: Measured) -> list[Verdict]:
    """What weight sharing is worth: the locally connected twin against the convolutional network."""
    if not {"cnn", "locally-connected"} <= settings.learners.keys():
        return []
    out = []
    for m in settings.rules:
        for level in range(1, settings.depth + 1):
            power = theory.threshold_exponent(level, False) - theory.threshold_exponent(level, True)
            places = [("locally-connected", m, level), ("cnn", m, level)]
            claim = f"level {level}, m = {m}: examples that the network needs without weight sharing over those with it"
            law = f"m^{power} = {m**power}" if power else "1"
            if not all(place in measured.levels for place in places):
                out.append(Verdict(claim, law, "not trained yet", "open", theory.SOURCE))
                continue
            found = ratio(*(measured.levels[place] for place in places))
            out.append(Verdict(claim, law, span(found), holds(found, float(m**power), settings.seeds), theory.SOURCE))
    return out


def _class_growth(settings: LevelByLevel, measured: Measured) -> list[Verdict]:
    """P* = n_c m^L: its exponent in m for each n_c, in n_c for each m."""
    grid, out = settings.root_class, []
    lines = [(f"n_c = {c}", "m", grid.rules, [(m, c) for m in grid.rules], settings.depth) for c in grid.classes]
    lines += [(f"m = {m}", "n_c", grid.classes, [(m, c) for c in grid.classes], 1) for m in grid.rules]
    for fixed, symbol, values, places, exponent in lines:
        if len(values) < 2:
            continue
        claim, law = f"{fixed}: P* of the class grows as a power of {symbol}", f"{symbol}^{exponent}"
        if not all(place in measured.classes for place in places):
            out.append(Verdict(claim, law, "not trained yet", "open", theory.CLASS_SOURCE))
            continue
        found = power_law(np.array(values, float), [measured.classes[place] for place in places])
        text = f"{symbol}^k, k = {span(found)}"
        out.append(Verdict(claim, law, text, holds(found, float(exponent), settings.seeds), theory.CLASS_SOURCE))
    return out


def _class_layers(settings: LevelByLevel, measured: Measured) -> list[Verdict]:
    """The synonyms of the lowest level are ignored from a P on that grows as P* does; how far apart the two are."""
    grid, out = settings.root_class, []
    for classes in grid.classes:
        places = [(m, classes, 1) for m in grid.rules]
        if len(places) > 1 and all(place in measured.class_ignored for place in places):
            values = [measured.class_ignored[place] for place in places]
            found = power_law(np.array(grid.rules, float), values)
            claim = f"n_c = {classes}: the P from which level-1 synonyms are ignored grows as P* does"
            outcome = holds(found, float(settings.depth), settings.seeds)
            law, text = f"m^{settings.depth}", f"m^k, k = {span(found)}"
            out.append(Verdict(claim, law, text, outcome, theory.CLASS_SOURCE))
    for (m, classes), found in measured.classes.items():
        claim = f"m = {m}, n_c = {classes}: P at which level-1 synonyms are half-way ignored, over P*"
        out.append(_beside(claim, measured.class_ignored.get((m, classes, 1)), found, theory.CLASS_SOURCE))
    return out


def _beside(claim: str, inside: Interval | None, outside: Interval | None, source: str) -> Verdict:
    """What is learned inside over what shows outside: a finding."""
    if inside is None or outside is None:
        return Verdict(claim, "no prediction", "not probed yet", "open", source)
    found = ratio(inside, outside)
    return Verdict(claim, "no prediction", span(found), "open" if math.isnan(found.value) else "finding", source)
