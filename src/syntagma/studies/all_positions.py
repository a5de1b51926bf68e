"""A decoder asked at all positions, and at the last one alone: does predicting every token save sentences?

A sentence shows each rule of the grammar at more positions when all are predicted, so a decoder should need no more
sentences for a level of the last token than one trained on the last token alone.
Sources: arXiv 2505.07070 (thresholds of the last token); the comparison is ours.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from syntagma.curves import Claim, LearningCurve
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import Transformer
from syntagma.plot import Empty, Figure, Panel, curve_panel
from syntagma.statistics.token_entropies import mean_token_entropy
from syntagma.studies import grammar
from syntagma.studies.grammar import Grammar, GrammarCurve
from syntagma.studies.recipes import Contender, Rising, powers_of_two, trained
from syntagma.studies.schemas import PLATEAUS, THRESHOLDS, Column, Schema, Table
from syntagma.studies.study import Cell, Fact, Facts, Results, Settings, Study
from syntagma.tasks import LastToken, NextToken

_TASKS = {"next-token": NextToken(), "last-token": LastToken()}
_NAMES = {"next-token": "trained on all positions", "last-token": "trained on the last token"}


class AllPositions(Settings):
    """The grid: one decoder on both tasks; `levels` is the highest asked for."""

    grammar: Grammar
    levels: int = Field(ge=1)
    contender: Contender
    sizes: Rising
    seeds: int = Field(default=3, ge=1)
    test_examples: int = Field(default=4096, ge=2)

    @model_validator(mode="after")
    def _sizes_fit(self) -> AllPositions:
        self.grammar.check_levels("levels", self.levels)
        for task in _TASKS.values():
            self.grammar.check(task, self.contender.learner)
        return self

    def languages(self) -> list[HierarchySettings]:
        """One grammar a seed."""
        return self.grammar.languages(self.seeds)


@dataclass(frozen=True)
class Measured:
    """The loss of the last token by task, the mean loss of all positions, and its exact lowest value in nats."""

    settings: AllPositions
    facts: Facts
    last: Mapping[tuple[str], GrammarCurve]
    every: LearningCurve | None
    entropy: float


def _facts(settings: AllPositions, results: Results) -> Iterator[Fact]:
    for language in settings.languages():
        yield from grammar.language_facts([language])
        yield grammar.nats_fact("mean entropy", language, mean_token_entropy, "entropy of a sentence")


def _entropies(settings: AllPositions, facts: Facts) -> list[float]:
    return grammar.nats_of(facts, "mean entropy", settings.languages())


def _cells(settings: AllPositions, facts: Facts, results: Results) -> Iterator[Cell]:
    for name, task in _TASKS.items():
        names = {"learner": name, "label": _NAMES[name], "rules": settings.grammar.rules}
        sizes, languages = settings.sizes, settings.languages()
        yield from grammar.cells_of(names, languages, task, settings.contender, sizes, settings.test_examples)


def _measure(settings: AllPositions, facts: Facts, results: Results) -> Measured:
    cells = list(_cells(settings, facts, results))
    runs = results.table(cells)
    whole = runs["test_last_loss"] if "test_last_loss" in runs else pd.Series(np.nan, runs.index)
    runs = runs.assign(last_loss=whole.fillna(runs["test_loss"]))
    curves = grammar.grammar_curves(runs, ["learner"], facts, cells, "last_loss")
    every = LearningCurve.from_runs(runs, ["learner"]).get(("next-token",))
    return Measured(settings, facts, curves, every, float(np.mean(_entropies(settings, facts))))


_ENTROPIES = Schema(
    "entropies",
    "Exact mean entropy",
    "Entropy of a sentence over its length: what predicting all positions costs at best, of each grammar.",
    (Column("grammar_seed", "grammar", "whole"), Column("loss_nats", "loss (nats)", "nats")),
)


def _predictions(settings: AllPositions, facts: Facts) -> Iterator[Table]:
    values = grammar.plateaus_of(facts, settings.languages())
    yield PLATEAUS.table(grammar.plateaus_rows({"rules": settings.grammar.rules}, values))
    yield _ENTROPIES.table(
        {"grammar_seed": seed, "loss_nats": entropy} for seed, entropy in enumerate(_entropies(settings, facts))
    )


def _tables(measured: Measured) -> Iterator[Table]:
    settings, sizes, rows = measured.settings, measured.settings.grammar, []
    predicted = functools.partial(sizes.predicted, measured.facts, settings.seeds, settings.contender.learner)
    for (name,), curve in measured.last.items():
        names = {"learner": name, "label": _NAMES[name], "rules": sizes.rules}
        rows += grammar.threshold_rows(names, curve, settings.levels, predicted)
    yield THRESHOLDS.table(rows, f"{THRESHOLDS.caption} {grammar.EXACTLY}")


def _claims(measured: Measured) -> Iterator[Claim]:
    """Training on all positions needs no more sentences than on the last alone."""
    settings = measured.settings
    every, last = measured.last.get(("next-token",)), measured.last.get(("last-token",))
    for level in range(1, settings.levels + 1):
        who = settings.contender.learner.label
        text = f"level {level}: sentences that the {who} needs on all positions over those on the last alone"
        times = grammar.over(every, last, level)
        yield Claim(text, "at most 1", times, "below", 1.0, "a sentence shows each rule at more positions")


def _message(measured: Measured) -> str:
    """What asking at all positions does to the sentences needed, level by level."""
    every, last = measured.last.get(("next-token",)), measured.last.get(("last-token",))
    times = {level: grammar.over(every, last, level) for level in range(1, measured.settings.levels + 1)}
    told = [
        f"{'at most ' if one.bounded else ''}{one.value:.2g} (level {level})"
        for level, one in times.items()
        if one.measured or (one.bounded and one.high < math.inf)
    ]
    if not told:
        return "Asked at all positions, and at the last alone"
    return f"Sentences needed when all positions are asked, over the last alone: {', '.join(told)}"


def _figures(measured: Measured) -> Iterator[Figure]:
    left = grammar.level_panel(
        {name: curve for (name,), curve in measured.last.items()}, measured.settings.levels, title="the last token"
    )
    right = Panel("all positions", marks=(Empty("No run on all positions is finished."),))
    if measured.every is not None:
        y = "mean test loss of all positions (nats)"
        right = curve_panel({"next-token": measured.every}, (), (measured.entropy,), title="all positions", y=y)
    caption = (
        "One decoder trained on the last token alone, and on all positions. Left: its loss at the last position; "
        "lines are the exact plateaus, diamonds the measured thresholds with their intervals of 95 %. Right: mean "
        "loss of all positions, above the exact entropy of a sentence over its length. Bands: the smallest to the "
        "largest of the seeds, each with a grammar of its own."
    )
    yield Figure("positions", _message(measured), (left, right), caption, columns=2)


def _decoder(width: int, layers: int, steps: tuple[int, int], heads: int = 4, batch_size: int = 64) -> Contender:
    return trained(Transformer(width=width, heads=heads, layers=layers), steps, batch_size=batch_size)


PRESETS: Mapping[str, AllPositions] = {
    "quick": AllPositions(
        grammar=Grammar(vocab=6, rules=2, depth=3),
        levels=2,
        contender=_decoder(32, 3, (1000, 1000)),
        sizes=powers_of_two(4, 10),
        test_examples=2048,
    ),
    "laptop": AllPositions(
        grammar=Grammar(vocab=8, rules=2, depth=4),
        levels=3,
        contender=_decoder(32, 3, (1500, 2000)),
        sizes=powers_of_two(4, 12),
        seeds=5,
    ),
    "full": AllPositions(
        grammar=Grammar(vocab=32, rules=4, depth=4),
        levels=3,
        contender=_decoder(512, 4, (2**13, 2**19), 16, 128),
        sizes=powers_of_two(6, 20),
        seeds=5,
        test_examples=2**15,
    ),
}

STUDY = Study(
    name="all-positions",
    title="Asked at all positions of a sentence",
    paper="arXiv 2505.07070",
    settings=AllPositions,
    presets=PRESETS,
    facts=_facts,
    cells=_cells,
    predictions=_predictions,
    measure=_measure,
    tables=_tables,
    claims=_claims,
    figures=_figures,
)
