"""From finished runs to curves on symbols never seen, and the data that they need.

The data a learner needs is the number of training strings at which a seed's accuracy on symbols never seen comes
half-way to 1 from what the best answer that compares no symbols gets right (`languages.templates.baselines`): from 0.5
where two templates are labelled by numbers, but from 11/16 for majority, where copying any place is right so often.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from syntagma.curves import Interval, LearningCurve, mean, ratio, training_caveat, unmeasured
from syntagma.languages.templates.baselines import without_comparing
from syntagma.learners import KernelRegression
from syntagma.studies.abstract_symbols.cells import cells
from syntagma.studies.abstract_symbols.contenders import PLAIN, REPAIRED
from syntagma.studies.abstract_symbols.kept import heads_table, shown_heads, words_table
from syntagma.studies.abstract_symbols.predictions import certificates, ridge_of
from syntagma.studies.abstract_symbols.settings import AbstractSymbols
from syntagma.studies.study import Facts, Results
from syntagma.theory.templates import Certificate

LOSS_LEFT = 0.25
"""Share of the labels' mean square that is left where a direction is half learned: (1 - 1/2)^2."""


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        runs: all runs, one row each; `part` says of which experiment.
        wrong: 1 - accuracy on symbols never seen, by family and learner, against the number of strings; the ablations'
            learners too.
        losses: the squared error there.
        random: 1 - accuracy of random sets of templates, by their number, learner and draw.
        heads: how near each kept transformer's heads are to multiples of the identity, before and after training.
        shown: of the first network of each task, one head of each kind as matrices.
        words: loss of each language model on words by the frequency of the token.
    """

    settings: AbstractSymbols
    facts: Facts
    found: Mapping[tuple[str, str], Certificate]
    runs: pd.DataFrame
    wrong: Mapping[tuple[str, str], LearningCurve]
    losses: Mapping[tuple[str, str], LearningCurve]
    random: Mapping[tuple[int, str], LearningCurve]
    heads: pd.DataFrame
    shown: Mapping[tuple[str, str], Mapping[str, Any]]
    words: pd.DataFrame

    def part(self, name: str) -> pd.DataFrame:
        """The runs of one experiment."""
        return self.runs.loc[(self.runs["part"] == name).to_numpy()] if len(self.runs) else self.runs

    def half_way(self, family: str) -> float:
        """The accuracy half-way from the best answer that compares no symbols to 1."""
        return (1 + without_comparing(self.settings.families[family])) / 2

    def needed(self, family: str, learner: str) -> Interval:
        """Training strings for the accuracy half-way."""
        curve = self.wrong.get((family, learner))
        return unmeasured("not trained yet") if curve is None else curve.crossing(1 - self.half_way(family))

    def saved(self, family: str, by: str = REPAIRED) -> Interval:
        """How many times more strings the plain transformer needs than the learner `by`."""
        plain, other = self.wrong.get((family, PLAIN)), self.wrong.get((family, by))
        if plain is None or other is None:
            return unmeasured("not trained yet")
        line = 1 - self.half_way(family)
        return ratio(plain, line, other, line)

    def three_quarters(self, family: str, learner: str) -> tuple[Interval, float]:
        """Strings at which three quarters of the squared error are gone, measured; and predicted, for kernels.

        Exactly where half of the label is learned, if it lies in one direction, as `Certificate.strings_needed` says of
        the direction that takes longest. The predicted curve is read at the sizes measured, in the same way.
        """
        curve, templates = self.losses.get((family, learner)), self.settings.families[family]
        if curve is None:
            return unmeasured("not trained yet"), math.nan
        line = LOSS_LEFT * float(templates.weights @ templates.labels**2)
        predicted, chosen = math.nan, self.settings.learners[learner].learner
        if isinstance(chosen, KernelRegression):
            sizes = curve.num_examples.astype(int).tolist()
            losses, _ = self.found[family, learner].predicted(sizes, ridge_of(chosen))
            low, high = (float(end[0]) for end in _ends(LearningCurve(curve.num_examples, losses[None]), line))
            predicted = math.exp(low) if low == high else 0.0 if low == -math.inf else math.inf
        return curve.crossing(line), predicted

    def kernels(self) -> Iterator[tuple[str, str]]:
        """Families and learners whose squared error is measured."""
        for family, templates in self.settings.families.items():
            yield from ((family, learner) for learner in (() if templates.symbolic else self.settings.known(family)))


def _ends(curve: LearningCurve, line: float) -> tuple[np.ndarray, np.ndarray]:
    crossings = curve.crossings(line)
    return crossings.low, crossings.high


def measure(settings: AbstractSymbols, facts: Facts, results: Results) -> Measured:
    """Everything that tables, claims and figures need."""
    runs = results.table(cells(settings), ["part"])
    if "unseen_accuracy" in runs:
        runs = runs.assign(wrong=1 - runs["unseen_accuracy"])
    of_families = runs.loc[runs["part"].isin(["strings", "ablations"]).to_numpy()]
    of_sets = runs.loc[(runs["part"] == "random").to_numpy()]
    wrong, losses = (_curves(of_families, ["family", "learner"], metric) for metric in ("wrong", "unseen_loss"))
    random = _curves(of_sets, ["templates", "learner"], "wrong")
    found, heads = certificates(settings, facts), heads_table(settings, facts, results)
    shown, words = shown_heads(settings, facts, results), words_table(settings, facts, results)
    return Measured(settings, facts, found, runs, wrong, losses, random, heads, shown, words)


def _curves(rows: pd.DataFrame, by: list[str], metric: str) -> Mapping[Any, LearningCurve]:
    return LearningCurve.from_runs(rows, by, metric) if len(rows) else {}


def difference(table: Any, column: str, more: Any, less: Any, metric: str) -> Interval:
    """Mean over seeds of the difference of `metric` between two values of `column`, paired by seed."""
    if not len(table):
        return unmeasured("not run")
    by_seed = table.pivot(index="seed", columns=column, values=metric)
    if more not in by_seed or less not in by_seed:
        return unmeasured("not run")
    values = (by_seed[more] - by_seed[less]).dropna().to_numpy(float)
    caveat = training_caveat(table[table[column].isin([more, less])])
    return replace(mean(values), caveat=caveat) if len(values) else unmeasured("not run")
