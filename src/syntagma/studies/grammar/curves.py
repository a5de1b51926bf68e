"""Learning curves with the exact plateaus of each seed's own grammar: thresholds, ratios, growth.

The measured threshold of level l is the size at which a seed's test loss comes half-way from L_(l-1) to L_l, the exact
plateaus of that seed's own grammar.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from syntagma.curves import Interval, LearningCurve, PerSeed, power_law, ratio, unmeasured
from syntagma.studies.grammar.facts import plateaus_of
from syntagma.studies.study import Cell, Facts
from syntagma.theory import hierarchy as theory


@dataclass(frozen=True)
class GrammarCurve:
    """A learning curve with the exact plateaus of each seed's own grammar.

    Attributes:
        plateaus: `[seeds, L + 1]` in nats, one row for each seed of the curve.
    """

    curve: LearningCurve
    plateaus: Float[np.ndarray, "seeds levels"]

    def half_way(self, level: int) -> Float[np.ndarray, " seeds"]:
        """The line of each seed, half-way between L_(level-1) and L_level."""
        return (self.plateaus[:, level - 1] + self.plateaus[:, level]) / 2

    def threshold(self, level: int) -> Interval:
        """The measured threshold of `level`."""
        return self.curve.crossing(self.half_way(level))

    def crossed(self, level: int) -> bool:
        """Whether every seed has come to its half-way line."""
        return self.curve.crossed(self.half_way(level))

    def over(self, other: GrammarCurve, level: int) -> Interval:
        """How many times the examples of `other` this learner needs for `level`, on the grammars that both have."""
        both = [seed for seed in self.curve.seeds if seed in other.curve.seeds]
        if not both:
            return unmeasured("no grammar was given to both")
        mine, theirs = self.of(both), other.of(both)
        return ratio(mine.curve, mine.half_way(level), theirs.curve, theirs.half_way(level))

    def of(self, seeds: Sequence[int]) -> GrammarCurve:
        """The curve of some of its seeds."""
        rows = [self.curve.seeds.index(seed) for seed in seeds]
        flags = {name: getattr(self.curve, name) for name in ("diverged", "cut_short", "run_ids")}
        chosen = {name: None if flag is None else flag[rows] for name, flag in flags.items()}
        curve = replace(self.curve, losses=self.curve.losses[rows], seeds=tuple(seeds), **chosen)
        return GrammarCurve(curve, self.plateaus[rows])

    def steps(self, level: int) -> PerSeed:
        """P_level / P_(level-1) of each seed."""
        return self.curve.crossings(self.half_way(level)) / self.curve.crossings(self.half_way(level - 1))

    def step(self, level: int) -> Interval:
        """P_level / P_(level-1), seed by seed."""
        return self.steps(level).interval()


def threshold(curve: GrammarCurve | None, level: int) -> Interval:
    """The measured threshold of a curve that may not be there yet."""
    return unmeasured("not trained yet") if curve is None else curve.threshold(level)


def over(curve: GrammarCurve | None, other: GrammarCurve | None, level: int) -> Interval:
    """How many times the examples of another a learner needs for `level`, where both are there."""
    return unmeasured("not trained yet") if curve is None or other is None else curve.over(other, level)


def grammar_curves(
    runs: pd.DataFrame, by: Sequence[str], facts: Facts, cells: Iterable[Cell], metric: str = "test_loss"
) -> dict[tuple[Any, ...], GrammarCurve]:
    """A curve with plateaus for each combination of the columns `by`.

    Args:
        cells: those of the runs, which say the language of each seed.
    """
    languages = {(*(cell.names[name] for name in by), cell.names["seed"]): cell.run.language for cell in cells}
    out = {}
    for known, curve in LearningCurve.from_runs(runs, by, metric).items() if len(runs) else ():
        out[known] = GrammarCurve(curve, plateaus_of(facts, (languages[*known, seed] for seed in curve.seeds)))
    return out


def growth(thresholds: Mapping[int, Interval], vocab: int, branching: int) -> Interval:
    """The exponent k of P_l (1 - f) ~ m^k from thresholds by m: the law's factor 1 / (1 - f) is divided out."""
    known = {m: interval for m, interval in thresholds.items() if not math.isnan(interval.value)}
    if len(known) < len(thresholds) or len(known) < 2:
        return unmeasured("fewer than two values of m" if len(thresholds) < 2 else "a value of m is not measured")
    scaled = [interval.scaled(1 - theory.sparsity(vocab, m, branching)) for m, interval in known.items()]
    return power_law(list(known), scaled)
