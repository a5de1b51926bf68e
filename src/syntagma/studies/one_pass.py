"""One pass over fresh sentences, beside several over a fixed set: when is a level learned if no sentence comes twice?

The number of sentences seen in one pass when the loss comes to the half-way line of a level is compared with the size
of a fixed set from which the level is learned. A pass is the beginning of a longer training on the same set, so it sees
no fewer.
Source: arXiv 2505.07070, whose experiments are read as training in one pass.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import Field, field_validator, model_validator

from syntagma.curves import Claim, unmeasured
from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import AnyLearner, HierarchicalCNN, MultiLayerAttention, NetworkLearner, Training, Transformer
from syntagma.plot import Figure, Mark, Points
from syntagma.studies import grammar
from syntagma.studies.grammar import Grammar, GrammarCurve
from syntagma.studies.recipes import Contender, Rising, powers_of_two, trained
from syntagma.studies.schemas import (
    LEARNER,
    LEVEL,
    PLATEAUS,
    PREDICTIONS,
    THRESHOLDS,
    Schema,
    Table,
    interval_columns,
    measured_as,
)
from syntagma.studies.study import Cell, Fact, Facts, Results, Settings, Study
from syntagma.tasks import LastToken
from syntagma.theory import exact
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

    @field_validator("learner", mode="after")
    @classmethod
    def _is_trained(cls, learner: Any) -> Any:
        if not isinstance(learner, NetworkLearner):
            reason = "a pass is made step by step, and this learner is not trained so here"
            raise invalid("kind", learner.kind, reason, "Give a network of this package or like it")
        return learner

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

    def languages(self) -> list[HierarchySettings]:
        """One grammar a seed."""
        return self.grammar.languages(self.seeds)


@dataclass(frozen=True)
class Measured:
    """The course of every pass by examples seen, and the curves of fixed sets, by learner."""

    settings: OnePass
    facts: Facts
    passes: Mapping[tuple[str], GrammarCurve]
    fixed: Mapping[tuple[str], GrammarCurve]


def _facts(settings: OnePass, results: Results) -> Iterable[Fact]:
    return grammar.language_facts(settings.languages())


def _cells_of(settings: OnePass, part: str, name: str, training: Training, sizes: Iterable[int]) -> Iterator[Cell]:
    contender, names = Contender(learner=settings.learners[name].learner, training=training), {"learner": name}
    languages, number = settings.languages(), settings.test_examples
    return grammar.cells_of(names | {"part": part}, languages, LastToken(), contender, sizes, number)


def _passes(settings: OnePass) -> Iterator[Cell]:
    for name, one in settings.learners.items():
        yield from _cells_of(settings, "one pass", name, one.training, [one.num_examples])


def _fixed(settings: OnePass) -> Iterator[Cell]:
    for name, one in settings.learners.items():
        if one.fixed is not None:
            yield from _cells_of(settings, "fixed sets", name, one.fixed, settings.sizes)


def _cells(settings: OnePass, facts: Facts, results: Results) -> Iterator[Cell]:
    yield from _fixed(settings)
    yield from _passes(settings)


def _measure(settings: OnePass, facts: Facts, results: Results) -> Measured:
    passes, fixed, by = list(_passes(settings)), list(_fixed(settings)), ["learner"]
    batch = {name: one.training.batch_size for name, one in settings.learners.items()}
    course = pd.DataFrame(
        {**cell.names, "num_examples": int(row["step"]) * batch[cell.names["learner"]], **row}
        for cell in passes
        if cell.run in results
        for row in results.history(cell.run)
        if row["step"] > 0
    )
    return Measured(
        settings,
        facts,
        grammar.grammar_curves(course, by, facts, passes, "validation_loss"),
        grammar.grammar_curves(results.table(fixed), by, facts, fixed),
    )


_OVER_FIXED = Schema(
    "over-fixed",
    "One pass over fixed sets",
    "Sentences seen in one pass when a level is learned, over the size of a fixed set that teaches it, with its "
    "interval.",
    (LEARNER, LEVEL, *measured_as("ratio")),
)


def _predictions(settings: OnePass, facts: Facts) -> Iterator[Table]:
    sizes = settings.grammar
    found = sizes.predictions(facts, settings.seeds, settings.levels)
    yield PREDICTIONS.table(grammar.prediction_rows({"rules": sizes.rules}, found))
    values = grammar.plateaus_of(facts, settings.languages())
    yield PLATEAUS.table(grammar.plateaus_rows({"rules": sizes.rules}, values))


def _tables(measured: Measured) -> Iterator[Table]:
    settings, rows, over = measured.settings, [], []
    for (name,), curve in measured.passes.items():
        learner = settings.learners[name].learner
        names = {"learner": name, "label": learner.label}
        predicted = functools.partial(settings.grammar.predicted, measured.facts, settings.seeds, learner)
        rows += grammar.threshold_rows(names | {"rules": settings.grammar.rules}, curve, settings.levels, predicted)
        if fixed := measured.fixed.get((name,)):
            times = {level: curve.over(fixed, level) for level in range(1, settings.levels + 1)}
            over += [names | {"level": level} | interval_columns(one) for level, one in times.items()]
    yield THRESHOLDS.table(
        rows, f"Sentences seen in one pass when the loss comes half-way from L_(l-1) to L_l. {grammar.EXACTLY}"
    )
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
                text = f"level {level}: examples that {who} sees over those of a fixed set"
                yield Claim(text, "at least 1", grammar.over(course, fixed, level), "above", 1.0, _ONE_PASS)
            predicted = settings.grammar.predicted(measured.facts, settings.seeds, one.learner, level)
            if math.isfinite(predicted) and course is not None:
                text = f"level {level}: examples that {who} sees over the predicted P_{level}"
                share = course.threshold(level).scaled(1 / predicted)
                yield Claim(text, "a prefactor, not predicted", share, source=exact.SOURCE)


def _message(measured: Measured) -> str:
    """How many times the sentences of a fixed set one pass sees, over learners and levels."""
    levels = range(1, measured.settings.levels + 1)
    both = [(curve, measured.fixed[name]) for name, curve in measured.passes.items() if name in measured.fixed]
    times = [curve.over(fixed, level) for curve, fixed in both for level in levels]
    known = sorted(one.value for one in times if one.measured)
    if not known:
        return "One pass over fresh data, beside fixed sets"
    return f"One pass sees {known[0]:.2g} to {known[-1]:.2g} times the sentences of a fixed set that teaches as much"


def _figures(measured: Measured) -> Iterator[Figure]:
    settings = measured.settings
    passes = {name: curve for (name,), curve in measured.passes.items()}
    predictions: list[Prediction] = []
    if passes:
        heights = next(iter(passes.values())).plateaus.mean(0)
        predictions = grammar.exact_predictions(measured.facts, settings.languages(), settings.levels, heights)
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
        "data: mean over seeds, each with a grammar of its own, over thin lines or a band from the smallest to the "
        "largest of them. Full diamonds: where the seeds cross half-way between two plateaus, with the interval of "
        "95 %; hollow ones: the size P of fixed training sets at which that happens. Dash-dotted: where the exact "
        "correlations of these grammars put the threshold P_l; dotted: the same times the one factor that fits the "
        "learner it was derived for. Lines: exact plateaus."
    )
    yield Figure("one-pass", _message(measured), (panel,), caption, columns=1)


def _fixed_marks(measured: Measured) -> Iterator[Mark]:
    """Hollow diamonds: the size of fixed sets at which each level is learned."""
    look: dict[str, Any] = {"marker": "D", "filled": False}
    for (name,), curve in measured.fixed.items():
        heights = curve.plateaus.mean(0)
        known = [(level, curve.threshold(level)) for level in range(1, measured.settings.levels + 1)]
        known = [(level, interval) for level, interval in known if interval.measured]
        at = [(heights[level - 1] + heights[level]) / 2 for level, _ in known]
        yield Points([interval.value for _, interval in known], at, size=1.3, key=name, **look)
    yield Points((), (), key="plateau", label="the same with fixed sets of P", **look)


def _learner(learner: AnyLearner, batch: int, steps: int, fixed: tuple[int, int], fixed_batch: int) -> PassLearner:
    """One pass at a constant rate that never stops early, and training on fixed sets as elsewhere.

    The rate is constant since thresholds are read along the way, and batches are small since they come in few steps.
    """
    on_fixed = trained(learner, fixed, batch_size=fixed_batch).training
    assert on_fixed is not None
    once = Training(
        optimizer="adam",
        learning_rate=on_fixed.learning_rate,
        batch_size=batch,
        warmup_steps=100,
        max_epochs=1,
        max_steps=steps,
        train_loss_threshold=0.0,
        patience=1e9,
        evaluations_per_doubling=4,
    )
    return PassLearner(learner=learner, training=once, steps=steps, fixed=on_fixed)


def _learners(
    networks: tuple[AnyLearner, ...],
    batches: tuple[int, ...],
    steps: tuple[int, ...],
    fixed: tuple[tuple[int, int], ...],
    fixed_batch: int = 64,
) -> dict[str, PassLearner]:
    """By their kind."""
    rows = zip(networks, batches, steps, fixed, strict=True)
    return {
        network.kind: _learner(network, batch, number, lengths, fixed_batch) for network, batch, number, lengths in rows
    }


def _networks(width: int, decoder: int, layers: int, heads: tuple[int, int]) -> tuple[AnyLearner, ...]:
    """Convolution, attention, transformer."""
    return (
        HierarchicalCNN(width=width),
        MultiLayerAttention(width=width, heads=heads[0], layers=layers),
        Transformer(width=decoder, heads=heads[1], layers=layers),
    )


PRESETS: Mapping[str, OnePass] = {
    "quick": OnePass(
        grammar=Grammar(vocab=8, rules=3, depth=3),
        levels=2,
        learners=_learners(
            _networks(48, 32, 3, (3, 4)), (4, 16, 4), (2**15, 2**12, 2**13), ((4000, 8000), (1000, 2000), (1000, 1000))
        ),
        sizes=powers_of_two(4, 12),
        test_examples=2048,
    ),
    "laptop": OnePass(
        grammar=Grammar(vocab=8, rules=3, depth=4),
        levels=3,
        learners=_learners(
            _networks(64, 32, 3, (4, 4)), (4, 16, 4), (2**17, 2**14, 2**15), ((5000, 10_000), *[(1500, 3000)] * 2)
        ),
        sizes=powers_of_two(4, 13),
    ),
    "full": OnePass(
        grammar=Grammar(vocab=32, rules=4, depth=4),
        levels=3,
        learners=_learners(_networks(512, 512, 4, (16, 16)), (16,) * 3, (2**20,) * 3, ((2**13, 2**19),) * 3, 128),
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
