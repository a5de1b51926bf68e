"""A masked token of a random hierarchy: a place, drawn anew for each sentence, is hidden and predicted from the others.

What is asked: whether learners come near the exact posterior, and from how many sentences.
Source: arXiv 2505.07070 (languages), masked prediction as in BERT; the exact posterior is `TreeOracle`'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from syntagma.curves import Claim, Interval, LearningCurve, unmeasured
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import HierarchicalCNN, Transformer
from syntagma.plot import Axis, Figure, Level, Panel
from syntagma.plot.learning_curves import band_labels, curve_marks
from syntagma.statistics.token_entropies import one_token_entropy
from syntagma.studies.grammar import Grammar, cells_of, nats_fact, nats_of
from syntagma.studies.recipes import Contender, Rising, powers_of_two, trained
from syntagma.studies.schemas import LEARNER, Column, Schema, Table, interval_columns, measured_as
from syntagma.studies.study import Cell, Fact, Facts, Results, Settings, Study
from syntagma.tasks import MaskedToken

NEAR = 0.05
"""A learner has come near the exact posterior when at most this share of the way from chance to it is left."""
_POSTERIOR = "exact posterior"
_SENTENCES = 4096
"""Sample on which the floor is estimated before any training."""


class MaskedTokens(Settings):
    """The grid: one size of grammar, several learners, sizes of training set and seeds."""

    grammar: Grammar
    learners: Mapping[str, Contender] = Field(min_length=1)
    sizes: Rising
    seeds: int = Field(default=3, ge=1)
    test_examples: int = Field(default=4096, ge=2)

    @model_validator(mode="after")
    def _learners_fit(self) -> MaskedTokens:
        for contender in self.learners.values():
            self.grammar.check(MaskedToken(), contender.learner)
        return self

    def languages(self) -> list[HierarchySettings]:
        """One grammar a seed."""
        return self.grammar.languages(self.seeds)


@dataclass(frozen=True)
class Measured:
    """Losses and excess losses by learner; `chance` and `floor` are averages over the grammars, in nats."""

    settings: MaskedTokens
    losses: Mapping[tuple[Any, ...], LearningCurve]
    excess: Mapping[tuple[Any, ...], LearningCurve]
    chance: float
    floor: float

    @property
    def near(self) -> float:
        """Nats above the exact posterior from which on down a learner has come near it."""
        return NEAR * (self.chance - self.floor)

    def last_excess(self, learner: str) -> Interval:
        """The excess over the exact posterior at the largest size."""
        curve = self.excess.get((learner,))
        if curve is None or curve.num_examples[-1] != self.settings.sizes[-1]:
            return unmeasured("not trained yet")
        return unmeasured("not trained yet") if np.isnan(curve.losses[:, -1]).any() else curve.final(below=self.near)


def masked_floor(language: HierarchySettings) -> tuple[float, float]:
    """Mean loss of the exact posterior of a masked token given all others, on a sample, with its standard error."""
    made, task = language.language(), MaskedToken()
    losses = task.oracle_losses(made, task.examples(made.sample(0, _SENTENCES), made, 0))
    return float(losses.mean()), float(losses.std(ddof=1) / math.sqrt(_SENTENCES))


def _facts(settings: MaskedTokens, results: Results) -> Iterator[Fact]:
    for language in settings.languages():
        yield nats_fact("chance", language, one_token_entropy, "entropy of one token")


def _chances(settings: MaskedTokens, facts: Facts) -> list[float]:
    return nats_of(facts, "chance", settings.languages())


def _cells(settings: MaskedTokens, facts: Facts, results: Results) -> Iterator[Cell]:
    for name, contender in settings.learners.items():
        sizes, languages = settings.sizes, settings.languages()
        yield from cells_of({"learner": name}, languages, MaskedToken(), contender, sizes, settings.test_examples)


def _measure(settings: MaskedTokens, facts: Facts, results: Results) -> Measured:
    runs = results.table(_cells(settings, facts, results))
    losses, excess = (LearningCurve.from_runs(runs, ["learner"], f"{of}_loss") for of in ("test", "excess"))
    of_seeds: Any = runs.groupby("seed")["oracle_loss"].mean()
    return Measured(settings, losses, excess, float(np.mean(_chances(settings, facts))), float(of_seeds.mean()))


_BOUNDS = Schema(
    "bounds",
    "Exact losses",
    "What a masked token costs when nothing else is known, and when all others are: of each grammar, in nats.",
    (
        Column("grammar_seed", "grammar", "whole"),
        Column("of", "of", "text"),
        Column("loss_nats", "loss (nats)", "nats"),
        Column("standard_error", "standard error", "nats"),
    ),
)
_MASKED = Schema(
    "masked",
    "Loss above the exact posterior",
    "Mean over seeds of what is left above the exact posterior at the largest size, with its interval of 95 %.",
    (
        LEARNER,
        Column("num_examples", "examples", "count"),
        *measured_as("excess (nats)", "nats")[:-1],
        Column("near", "near: below (nats)", "nats"),
    ),
)


def _predictions(settings: MaskedTokens, facts: Facts) -> Iterator[Table]:
    rows, chances = [], _chances(settings, facts)
    for seed, (language, chance) in enumerate(zip(settings.languages(), chances, strict=True)):
        rows.append({"grammar_seed": seed, "of": "nothing known", "loss_nats": chance, "standard_error": 0.0})
        known = {"grammar_seed": seed, "of": "all other tokens known"}
        rows.append(known | dict(zip(("loss_nats", "standard_error"), masked_floor(language), strict=True)))
    yield _BOUNDS.table(rows)


def _tables(measured: Measured) -> Iterator[Table]:
    settings = measured.settings
    yield _MASKED.table(
        {"learner": name, "label": contender.learner.label, "num_examples": settings.sizes[-1], "near": measured.near}
        | interval_columns(measured.last_excess(name))
        for name, contender in settings.learners.items()
    )


def _claims(measured: Measured) -> Iterator[Claim]:
    """The loss of a masked token comes near that of its exact posterior."""
    near = measured.near
    for name, contender in measured.settings.learners.items():
        yield Claim(
            f"the {contender.learner.label} network comes near the exact posterior of a masked token",
            f"loss above it < {NEAR:.0%} of the gap from chance, {near:.3f} nats",
            measured.last_excess(name),
            "below",
            near,
            _POSTERIOR,
        )


def _message(measured: Measured) -> str:
    """What share of the way from chance to the posterior is left to each learner."""
    settings, gap = measured.settings, measured.chance - measured.floor
    left = {one.learner.label: measured.last_excess(name) for name, one in settings.learners.items()}
    told = [f"{one.value / gap:.1%} ({label})" for label, one in left.items() if one.measured]
    if not told:
        return "A masked token, against its exact posterior"
    return f"After {settings.sizes[-1]:,} sentences {', '.join(told)} of the way from chance to the posterior is left"


def _figures(measured: Measured) -> Iterable[Figure]:
    chance, floor = measured.chance, measured.floor
    losses = [mark for (name,), curve in measured.losses.items() for mark in curve_marks(name, curve, "lines")]
    excess = [mark for (name,), curve in measured.excess.items() for mark in curve_marks(name, curve)]
    losses = [
        Level(chance, "nothing known", key="plateau"),
        Level(floor, "posterior", "thick"),
        *losses,
        *band_labels(losses),
    ]
    excess = [
        Level(chance - floor, "nothing known", key="plateau"),
        Level(NEAR * (chance - floor), f"near: {NEAR:.0%}", dash="dashed"),
        *excess,
        *band_labels(excess),
    ]
    x, y = Axis("training examples P", "log"), Axis("test loss of the masked token (nats)")
    left = Panel("between chance and the exact posterior", x, y, losses)
    y = Axis("loss above the exact posterior's (nats)", "log")
    right = Panel("what is left above the posterior", x, y, excess)
    caption = (
        "Test loss of a token hidden at a random place, against the number of training sentences P: mean over seeds, "
        "each with a grammar of its own. Left: a thin line a seed, beside the means over the grammars of the entropy "
        "of a token when nothing else is known, and of the exact posterior given all other tokens. Right: loss above "
        "each seed's own posterior, with the band from the smallest to the largest seed. A learner is "
        f"said to be near when at most {NEAR:.0%} of the way between them is left."
    )
    yield Figure("masked", _message(measured), (left, right), caption, columns=2)


def _reader(width: int, layers: int, heads: int = 4) -> Transformer:
    """Full attention, read at a class token: for tokens hidden anywhere."""
    return Transformer(width=width, heads=heads, layers=layers, attention="full", read_out="class-token")


PRESETS: Mapping[str, MaskedTokens] = {
    "quick": MaskedTokens(
        grammar=Grammar(vocab=6, rules=2, depth=3),
        learners={
            "cnn": trained(HierarchicalCNN(width=48), (4000, 8000)),
            "transformer": trained(_reader(32, 3), (1000, 2000)),
        },
        sizes=powers_of_two(5, 13),
        test_examples=2048,
    ),
    "laptop": MaskedTokens(
        grammar=Grammar(vocab=8, rules=2, depth=3),
        learners={
            "cnn": trained(HierarchicalCNN(width=64), (5000, 10_000)),
            "transformer": trained(_reader(32, 3), (1500, 3000)),
        },
        sizes=powers_of_two(6, 14),
        seeds=5,
    ),
    "full": MaskedTokens(
        grammar=Grammar(vocab=32, rules=4, depth=4),
        learners={
            "cnn": trained(HierarchicalCNN(width=512), (2**13, 2**19), batch_size=128),
            "transformer": trained(_reader(512, 4, 16), (2**13, 2**19), batch_size=128),
        },
        sizes=powers_of_two(8, 21),
        seeds=5,
        test_examples=2**15,
    ),
}

STUDY = Study(
    name="masked-token",
    title="A masked token of a grammar",
    paper="arXiv 2505.07070",
    settings=MaskedTokens,
    presets=PRESETS,
    facts=_facts,
    cells=_cells,
    predictions=_predictions,
    measure=_measure,
    tables=_tables,
    claims=_claims,
    figures=_figures,
)
