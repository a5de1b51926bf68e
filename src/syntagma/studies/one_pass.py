"""One pass over fresh sentences, beside several over a fixed set: when is a level learned if no sentence comes twice?

The number of sentences seen in one pass when the loss comes to the half-way line of a level is compared with the size
of a fixed set from which the level is learned. A pass is the beginning of a longer training on the same set, so it sees
no fewer.
Source: arXiv 2505.07070, whose experiments are read as training in one pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
from pydantic import Field, model_validator

from syntagma.curves import Claim, unmeasured
from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import AnyLearner, HierarchicalCNN, MultiLayerAttention, Training, Transformer
from syntagma.plot import Figure, Mark, Points
from syntagma.studies import grammar
from syntagma.studies.grammar import Grammar, GrammarCurve
from syntagma.studies.recipes import Contender, Rising, adam, powers_of_two
from syntagma.studies.schemas import PLATEAUS, THRESHOLDS, Column, Schema, Table, interval_columns
from syntagma.studies.study import Cell, Fact, Facts, Results, Settings, Study
from syntagma.tasks import LastToken
from syntagma.theory import hierarchy as theory
from syntagma.theory.prediction import Prediction

_ONE_PASS = "a pass is the beginning of a longer training on the same set"


class PassLearner(Settings):
    """A learner trained in one pass over fresh sentences, and, if `fixed` says how, on fixed sets besides.

    Attributes:
        training: of the one pass; its length must be `steps`.
        steps: of the pass, each on `training.batch_size` sentences not seen before.
        fixed: training on P sentences, pass after pass.
    """

    learner: AnyLearner
    training: Training
    steps: int = Field(ge=1)
    fixed: Training | None = None

    @model_validator(mode="after")
    def _one_pass(self) -> PassLearner:
        if self.training.max_epochs != 1 or self.training.length(self.num_examples) != self.steps:
            given = self.training.max_epochs, self.training.min_steps, self.training.max_steps
            allowed = f"they must make one pass of {self.steps} steps"
            raise invalid("training's (max_epochs, min_steps, max_steps)", given, allowed, "Set max_epochs to 1")
        return self

    @property
    def num_examples(self) -> int:
        """Sentences seen in the pass."""
        return self.steps * self.training.batch_size


class OnePass(Settings):
    """The grid.

    Attributes:
        levels: the highest level whose threshold is asked for.
        sizes: numbers of sentences P of the fixed sets.
    """

    grammar: Grammar
    levels: int = Field(ge=1)
    learners: Mapping[str, PassLearner] = Field(min_length=1)
    sizes: Rising
    seeds: int = Field(default=3, ge=1)
    test_examples: int = Field(default=4096, ge=2)

    @model_validator(mode="after")
    def _sizes_fit(self) -> OnePass:
        self.grammar.check_levels("levels", self.levels)
        for one in self.learners.values():
            self.grammar.check(LastToken(), one.learner)
        return self

    def languages(self, seeds: Iterable[int] | None = None) -> list[HierarchySettings]:
        """One grammar a seed."""
        return [self.grammar.language(seed) for seed in (range(self.seeds) if seeds is None else seeds)]


@dataclass(frozen=True)
class Measured:
    """The course of every pass by examples seen, and the curves of fixed sets, by learner."""

    settings: OnePass
    passes: Mapping[tuple[str], GrammarCurve]
    fixed: Mapping[tuple[str], GrammarCurve]


def _facts(settings: OnePass, results: Results) -> Iterator[Fact]:
    for language in settings.languages():
        yield grammar.plateaus_fact(language)


def _passes(settings: OnePass) -> Iterator[Cell]:
    for name, one in settings.learners.items():
        once = Contender(learner=one.learner, training=one.training)
        yield from grammar.cells_of_seeds(
            {"learner": name, "part": "one pass"},
            settings.languages(),
            LastToken(),
            once,
            one.num_examples,
            settings.test_examples,
        )


def _fixed(settings: OnePass) -> Iterator[Cell]:
    for name, one in settings.learners.items():
        if one.fixed is None:
            continue
        contender = Contender(learner=one.learner, training=one.fixed)
        for size in settings.sizes:
            yield from grammar.cells_of_seeds(
                {"learner": name, "part": "fixed sets"},
                settings.languages(),
                LastToken(),
                contender,
                size,
                settings.test_examples,
            )


def _cells(settings: OnePass, facts: Facts, results: Results) -> Iterator[Cell]:
    yield from _fixed(settings)
    yield from _passes(settings)


def _measure(settings: OnePass, facts: Facts, results: Results) -> Measured:
    course = []
    for cell in _passes(settings):
        if cell.run not in results:
            continue
        batch = settings.learners[cell.names["learner"]].training.batch_size
        names = {name: cell.names[name] for name in ("learner", "label", "seed")}
        course += [
            names | {"num_examples": int(row["step"]) * batch, "validation_loss": row["validation_loss"]}
            for row in results.history(cell.run)
            if row["step"] > 0
        ]

    def languages(learner: str, seeds: Iterable[int]) -> list[HierarchySettings]:
        return settings.languages(seeds)

    passes = grammar.grammar_curves(pd.DataFrame(course), ["learner"], facts, languages, "validation_loss")
    fixed = grammar.grammar_curves(results.table(_fixed(settings)), ["learner"], facts, languages)
    return Measured(settings, passes, fixed)


_PREDICTIONS = Schema(
    "predictions",
    "Predicted thresholds",
    "The number of examples at which each law puts the threshold of each level.",
    (Column("law", "law", "text"), Column("level", "level l", "whole"), Column("num_examples", "P_l", "count")),
)
_OVER_FIXED = Schema(
    "over-fixed",
    "One pass over fixed sets",
    "Sentences seen in one pass when a level is learned, over the size of a fixed set that teaches it, with its "
    "interval.",
    (
        Column("label", "learner", "text"),
        Column("level", "level l", "whole"),
        Column("measured", "ratio", "ratio"),
        Column("low", "from", "ratio"),
        Column("high", "to", "ratio"),
        Column("note", "note", "text"),
    ),
)


def _laws(settings: OnePass) -> Iterator[tuple[str, int, float]]:
    sizes = settings.grammar
    for shared in (True, False):
        numbers = theory.thresholds(sizes.vocab, sizes.rules, sizes.branching, settings.levels, shared)
        for level, number in enumerate(numbers, start=1):
            yield theory.law_name(shared), level, float(number)


def _predictions(settings: OnePass, facts: Facts) -> Iterator[Table]:
    yield _PREDICTIONS.table(
        {"law": law, "level": level, "num_examples": number} for law, level, number in _laws(settings)
    )
    values = grammar.plateaus_of(facts, settings.languages())
    yield PLATEAUS.table(grammar.plateaus_rows({"rules": settings.grammar.rules}, values))


def _tables(measured: Measured) -> Iterator[Table]:
    settings, rows, over = measured.settings, [], []
    for (name,), curve in measured.passes.items():
        learner = settings.learners[name].learner
        for level in range(1, settings.levels + 1):
            names = {"learner": name, "label": learner.label}
            predicted = settings.grammar.law(learner, level)
            known = names | {"rules": settings.grammar.rules}
            rows.append(grammar.threshold_row(known, level, curve.threshold(level), predicted))
            if (name,) in measured.fixed:
                times = curve.over(measured.fixed[name,], level)
                over.append(names | {"level": level} | interval_columns(times))
    yield THRESHOLDS.table(rows, "Sentences seen in one pass when the loss comes half-way from L_(l-1) to L_l.")
    yield _OVER_FIXED.table(over)


def _claims(measured: Measured) -> Iterator[Claim]:
    """Levels come one by one; a pass sees no fewer sentences than fixed sets have; how far from the law it is."""
    settings = measured.settings
    for name, one in settings.learners.items():
        who = f"in one pass the {one.learner.label} network"
        course, fixed = measured.passes.get((name,)), measured.fixed.get((name,))
        for level in range(1, settings.levels + 1):
            if level > 1:
                step = unmeasured("not trained yet") if course is None else course.step(level)
                text = f"{who} learns level {level} after level {level - 1}"
                yield Claim(text, "ratio of examples seen > 1", step, "above", 1.0, theory.SOURCE)
            if one.fixed is not None:
                known = course is not None and fixed is not None
                times = course.over(fixed, level) if known else unmeasured("not trained yet")  # pyright: ignore
                text = f"level {level}: examples that {who} sees over those of a fixed set"
                yield Claim(text, "at least 1", times, "above", 1.0, _ONE_PASS)
            predicted = settings.grammar.law(one.learner, level)
            if math.isfinite(predicted) and course is not None:
                text = f"level {level}: examples that {who} sees over the predicted P_{level}"
                share = course.threshold(level).scaled(1 / predicted)
                yield Claim(text, "a prefactor, not predicted", share, source=theory.SOURCE)


def _figures(measured: Measured) -> Iterator[Figure]:
    settings, size = measured.settings, measured.settings.grammar
    passes = {name: curve for (name,), curve in measured.passes.items()}
    predictions: list[Prediction] = []
    if passes:
        heights = next(iter(passes.values())).plateaus.mean(0)
        predictions = grammar.law_predictions(size.vocab, size.rules, size.branching, settings.levels, heights)
    panel = grammar.level_panel(
        passes,
        settings.levels,
        predictions,
        x="examples seen, each once (sentences)",
        y="loss of the last token (nats)",
        more=_fixed_marks(measured),
    )
    caption = (
        "Loss of the last token on validation sentences against the number of sentences seen in one pass over fresh "
        "data: mean over seeds, and the band from the smallest to the largest of them, each with a grammar of its "
        "own. Full diamonds: where the seeds cross half-way between two plateaus, with the interval of 95 %; hollow "
        "ones: the size P of fixed training sets at which that happens. Dashes: where each law puts the threshold "
        "P_l. Lines: exact plateaus."
    )
    yield Figure("one-pass", "One pass over fresh data, beside fixed sets", (panel,), caption, columns=1)


def _fixed_marks(measured: Measured) -> Iterator[Mark]:
    """Hollow diamonds: the size of fixed sets at which each level is learned."""
    for (name,), curve in measured.fixed.items():
        heights = curve.plateaus.mean(0)
        known = [(level, curve.threshold(level)) for level in range(1, measured.settings.levels + 1)]
        known = [(level, interval) for level, interval in known if interval.measured]
        yield Points(
            [interval.value for _, interval in known],
            [(heights[level - 1] + heights[level]) / 2 for level, _ in known],
            marker="D",
            filled=False,
            size=1.3,
            key=name,
        )
    yield Points((), (), marker="D", filled=False, key="plateau", label="the same with fixed sets of P")


def _learner(
    learner: AnyLearner, batch_size: int, rate: float, steps: int, fixed: tuple[int, int], fixed_batch: int = 64
) -> PassLearner:
    """One pass at a constant rate that never stops early, and training on fixed sets as elsewhere.

    The rate is constant since thresholds are read along the way, and batches are small since they come in few steps.
    """
    training = Training(
        optimizer="adam",
        learning_rate=rate,
        batch_size=batch_size,
        warmup_steps=100,
        max_epochs=1,
        max_steps=steps,
        train_loss_threshold=0.0,
        patience=1e9,
        evaluations_per_doubling=4,
    )
    fixed_rate = 0.03 if isinstance(learner, HierarchicalCNN) else 0.01
    return PassLearner(
        learner=learner, training=training, steps=steps, fixed=adam(fixed_rate, fixed, batch_size=fixed_batch)
    )


def _preset(
    width: int,
    layers: int,
    heads: int,
    decoder: int,
    steps: tuple[int, int, int],
    batches: tuple[int, int, int],
    fixed: tuple[tuple[int, int], tuple[int, int], tuple[int, int]],
    fixed_batch: int = 64,
) -> dict[str, PassLearner]:
    """The three networks, in the order convolution, attention, transformer."""
    networks = {
        "cnn": HierarchicalCNN(width=width),
        "attention": MultiLayerAttention(width=width, heads=heads, layers=layers),
        "transformer": Transformer(width=decoder, heads=4 if decoder < 100 else heads, layers=layers),
    }
    rates = {"cnn": 0.03, "attention": 0.01, "transformer": 0.01}
    return {
        name: _learner(network, batch, rates[name], number, lengths, fixed_batch)
        for (name, network), batch, number, lengths in zip(networks.items(), batches, steps, fixed, strict=True)
    }


PRESETS: Mapping[str, OnePass] = {
    "quick": OnePass(
        grammar=Grammar(vocab=8, rules=3, depth=3),
        levels=2,
        learners=_preset(48, 3, 3, 32, (2**15, 2**12, 2**13), (4, 16, 4), ((4000, 8000), (1000, 2000), (1000, 1000))),
        sizes=powers_of_two(4, 12),
        test_examples=2048,
    ),
    "laptop": OnePass(
        grammar=Grammar(vocab=8, rules=3, depth=4),
        levels=3,
        learners=_preset(64, 3, 4, 32, (2**17, 2**14, 2**15), (4, 16, 4), ((5000, 10_000), (1500, 3000), (1500, 3000))),
        sizes=powers_of_two(4, 13),
    ),
    "full": OnePass(
        grammar=Grammar(vocab=32, rules=4, depth=4),
        levels=3,
        learners=_preset(512, 4, 16, 512, (2**20,) * 3, (16, 16, 16), ((2**13, 2**19),) * 3, 128),
        sizes=powers_of_two(6, 20),
        seeds=5,
        test_examples=2**15,
    ),
}

STUDY = Study(
    name="one-pass",
    title="One pass over fresh sentences",
    paper="arXiv 2505.07070",
    settings=OnePass,
    presets=PRESETS,
    facts=_facts,
    cells=_cells,
    predictions=_predictions,
    measure=_measure,
    tables=_tables,
    claims=_claims,
    figures=_figures,
)
