"""Scaling laws on the random hierarchy model: which learner knows which level of a grammar from how many sentences.

For each number of rules m and each learner, the last token is predicted after training on P sentences, P growing from
well below the first threshold until every seed has crossed the half-way line of the last level asked for.
Source: arXiv 2505.07070.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from syntagma.curves import Claim, Interval, unmeasured
from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import AnyLearner, HierarchicalCNN, MultiLayerAttention, Transformer
from syntagma.plot import Axis, Figure, Law, Mark, Panel, Points, growth_panel, learning_curves
from syntagma.plot import growth as growth_figure
from syntagma.studies import grammar
from syntagma.studies.grammar import GrammarCurve
from syntagma.studies.recipes import Contender, adam
from syntagma.studies.schemas import GROWTH, PLATEAUS, THRESHOLDS, Column, Schema, Table, interval_columns
from syntagma.studies.study import Cell, Fact, Facts, Results, Settings, Study
from syntagma.sweep.runs import Run
from syntagma.tasks import LastToken
from syntagma.theory import exact
from syntagma.theory import hierarchy as theory
from syntagma.theory.prediction import LARGEST_SPARSITY, Prediction


class ScalingLaws(Settings):
    """The grid: one language size, several numbers of rules m, several learners and seeds, P as far as it takes.

    Attributes:
        rules: the values of m.
        levels: the highest level whose threshold is asked for.
        seeds: how many; each has a grammar, sentences and initial weights of its own.
        start: the smallest P, as a fraction of the predicted first threshold.
        growth: ratio of consecutive P; they are rounded powers of it, the same for every m and learner.
        beyond: how many more sizes are measured after every seed has crossed the last threshold.
        max_examples: where to give up.
    """

    vocab: int = Field(ge=2)
    rules: tuple[int, ...] = Field(min_length=1)
    branching: int = Field(default=2, ge=2)
    depth: int = Field(ge=1)
    levels: int = Field(ge=1)
    rule_probabilities: float | None = None
    learners: Mapping[str, Contender] = Field(min_length=1)
    seeds: int = Field(default=3, ge=1)
    start: float = Field(default=0.25, gt=0, le=1)
    growth: float = Field(default=2.0, ge=1.05)
    beyond: int = Field(default=1, ge=0)
    max_examples: int = Field(ge=1)
    test_examples: int = Field(default=4096, ge=2)

    @field_validator("rules")
    @classmethod
    def _distinct_rules(cls, rules: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(rules)))

    @model_validator(mode="after")
    def _sizes_fit(self) -> ScalingLaws:
        if self.levels > self.depth:
            raise invalid("levels", self.levels, f"the grammar has depth {self.depth}", f"At most {self.depth}")
        for rules in self.rules:
            self.language(rules, 0).language()
            if not list(self.sizes(rules)):
                first = theory.thresholds(self.vocab, rules, self.branching, 1, True)[0]
                allowed = f"with rules={rules} the sizes begin near {self.start * first:.0f} examples"
                raise invalid("max_examples", self.max_examples, allowed, "Raise max_examples, or lower start")
        shape = LastToken().shape(self.language(self.rules[0], 0).language())
        for contender in self.learners.values():
            contender.learner.check(shape)
        return self

    def language(self, rules: int, seed: int) -> HierarchySettings:
        """The language of one m and one seed."""
        return HierarchySettings(
            vocab=self.vocab,
            rules=rules,
            branching=self.branching,
            depth=self.depth,
            rule_probabilities=self.rule_probabilities,
            seed=seed,
        )

    def sizes(self, rules: int, learner: str | None = None) -> Iterator[int]:
        """The P of every curve at m = `rules`, smallest first, up to where the learner or the study gives up."""
        first = theory.thresholds(self.vocab, rules, self.branching, 1, True)[0]
        most = (self.learners[learner].max_examples if learner else None) or self.max_examples
        power = math.floor(math.log(max(self.start * min(first, self.max_examples), 4)) / math.log(self.growth))
        last = 0
        while (size := round(self.growth**power)) <= min(most, self.max_examples):
            if size > last:
                yield size
            last, power = size, power + 1

    def cell(self, rules: int, learner: str, num_examples: int, seed: int) -> Cell:
        """One run of the grid."""
        chosen = self.learners[learner]
        run = Run(
            language=self.language(rules, seed),
            task=LastToken(),
            learner=chosen.learner,
            training=chosen.training,
            num_examples=num_examples,
            test_examples=self.test_examples,
            seed=seed,
        )
        names = {"learner": learner, "label": chosen.learner.label, "rules": rules}
        return Cell(names | {"num_examples": num_examples, "seed": seed}, run)

    def languages(self, rules: int) -> list[HierarchySettings]:
        """The languages of one m, one a seed."""
        return [self.language(rules, seed) for seed in range(self.seeds)]

    @property
    def law_holds(self) -> bool:
        """Whether the asymptotic law may be tested at every m."""
        return all(theory.sparsity(self.vocab, m, self.branching) <= LARGEST_SPARSITY for m in self.rules)

    def law(self, rules: int, learner: str, level: int) -> float:
        """P_l of the asymptotic law; NaN where no law covers the learner."""
        chosen = self.learners[learner].learner
        return grammar.law_of(chosen, self.vocab, rules, self.branching, self.depth, level)


@dataclass(frozen=True)
class Measured:
    """Curves by learner and m, and the thresholds on them by learner, m and level."""

    settings: ScalingLaws
    facts: Facts
    runs: pd.DataFrame
    curves: Mapping[tuple[str, int], GrammarCurve]
    thresholds: Mapping[tuple[str, int, int], Interval]

    def label(self, learner: str) -> str:
        """What the learner is called."""
        return self.settings.learners[learner].learner.label

    def exact(self, rules: int, learner: str, level: int) -> float:
        """P_l by the exact correlations of the grammars; NaN where theory does not say which the learner uses."""
        shared = self.settings.learners[learner].learner.weight_sharing
        if shared is None:
            return math.nan
        sizes = grammar.exact_thresholds(self.facts, self.settings.languages(rules), exact.evidence_of(shared))
        return float(sizes[level - 1])

    def exact_growth(self, learner: str, level: int) -> float:
        """The exponent that these have in m."""
        settings = self.settings
        sizes = {m: self.exact(m, learner, level) for m in settings.rules}
        return grammar.exact_growth(sizes, settings.vocab, settings.branching)

    def growth(self, learner: str, level: int) -> Interval:
        """The exponent of P_l (1 - f) in m."""
        settings = self.settings
        known = {
            m: self.thresholds[learner, m, level] for m in settings.rules if (learner, m, level) in self.thresholds
        }
        return grammar.growth(known, settings.vocab, settings.branching)


def _facts(settings: ScalingLaws, results: Results) -> Iterator[Fact]:
    for m in settings.rules:
        for seed in range(settings.seeds):
            yield grammar.plateaus_fact(settings.language(m, seed))
            yield grammar.exact_fact(settings.language(m, seed))


def _cells(settings: ScalingLaws, facts: Facts, results: Results) -> Iterator[Cell]:
    """Every curve up to `beyond` sizes after every seed has crossed its last line, the costliest learners first."""
    order = sorted(settings.learners, key=lambda name: settings.learners[name].learner.weight_sharing is True)
    for m in reversed(settings.rules):
        for name in order:
            yield from _growing(settings, facts, results, m, name)


def _growing(settings: ScalingLaws, facts: Facts, results: Results, m: int, name: str) -> Iterator[Cell]:
    """One curve as far as it is wanted: size by size, the next when all seeds of one are finished."""
    seeds = range(settings.seeds)
    plateaus = grammar.plateaus_of(facts, (settings.language(m, seed) for seed in seeds))
    lines = (plateaus[:, settings.levels - 1] + plateaus[:, settings.levels]) / 2
    crossed, further = np.zeros(settings.seeds, bool), settings.beyond
    for size in settings.sizes(m, name):
        cells = [settings.cell(m, name, size, seed) for seed in seeds]
        yield from cells
        if not all(cell.run in results for cell in cells):
            return
        crossed |= np.array([results[cell.run]["test_loss"] for cell in cells]) <= lines
        if crossed.all():
            if further == 0:
                return
            further -= 1


def _expected(settings: ScalingLaws, facts: Facts) -> Iterator[Cell]:
    """Every curve up to 8 times its last threshold without weight sharing."""
    for m in settings.rules:
        last = theory.thresholds(settings.vocab, m, settings.branching, settings.levels, False)[-1]
        for name in settings.learners:
            sizes = list(settings.sizes(m, name))
            for size in [size for size in sizes if size <= 8 * last] or sizes[:1]:
                yield from (settings.cell(m, name, size, seed) for seed in range(settings.seeds))


def _measure(settings: ScalingLaws, facts: Facts, results: Results) -> Measured:
    cells = [cell for cell in _cells(settings, facts, results) if cell.run in results]
    runs = results.table(cells)
    curves = grammar.grammar_curves(
        runs, ["learner", "rules"], facts, lambda name, m, seeds: [settings.language(m, seed) for seed in seeds]
    )
    thresholds = {
        (name, m, level): curve.threshold(level)
        for (name, m), curve in curves.items()
        for level in range(1, settings.levels + 1)
    }
    return Measured(settings, facts, runs, curves, thresholds)


_PREDICTIONS = Schema(
    "predictions",
    "Predicted thresholds",
    "The number of examples at which each law puts the threshold of each level: asymptotically, and by the exact "
    "correlations of these grammars.",
    (
        Column("rules", "rules m", "whole"),
        Column("level", "level l", "whole"),
        Column("law", "law", "text"),
        Column("regime", "holds as", "text"),
        Column("num_examples", "P_l", "count"),
        Column("source", "source", "text"),
    ),
)
_EXPONENTS = Schema(
    "exponents",
    "Predicted exponents",
    "alpha of loss ~ P^(-alpha) in the limit of many levels.",
    (Column("rules", "rules m", "whole"), Column("law", "law", "text"), Column("exponent", "alpha", "exponent")),
)


_LAW = Column("law", "asymptotic law", "count")
_THRESHOLDS = Schema(
    THRESHOLDS.name,
    THRESHOLDS.title,
    THRESHOLDS.caption
    + " Predicted: where the exact correlations of these very grammars stand out of the sampling noise.",
    (*THRESHOLDS.columns[:4], _LAW, *THRESHOLDS.columns[4:]),
)
_GROWTH = Schema(
    GROWTH.name,
    GROWTH.title,
    GROWTH.caption + " Predicted: that of the exact sizes of these very grammars.",
    (*GROWTH.columns[:3], Column("law", "asymptotic law", "exponent"), *GROWTH.columns[3:]),
)


def _predictions(settings: ScalingLaws, facts: Facts) -> Iterator[Table]:
    sizes = settings.vocab, settings.branching
    yield _PREDICTIONS.table(
        {
            "rules": m,
            "level": level,
            "law": one.name,
            "regime": one.thresholds.regime,
            "num_examples": float(size),
            "source": one.thresholds.source,
        }
        for m in settings.rules
        for one in _all_predictions(settings, facts, m)
        for level, size in enumerate(one.thresholds.values, start=1)
    )
    yield _plateaus_table(settings, facts)
    alphas = [
        (m, shared, theory.scaling_exponent(sizes[0], m, sizes[1], shared))
        for m in settings.rules
        for shared in (True, False)
    ]
    yield _EXPONENTS.table(
        {"rules": m, "law": theory.law_name(shared), "exponent": math.nan if alpha is None else alpha}
        for m, shared, alpha in alphas
    )


def _all_predictions(settings: ScalingLaws, facts: Facts, m: int) -> list[Prediction]:
    """By the exact correlations of the grammars of one m, and by the asymptotic laws."""
    heights = grammar.plateaus_of(facts, settings.languages(m)).mean(0)
    laws = grammar.law_predictions(settings.vocab, m, settings.branching, settings.levels, heights)
    return [*grammar.exact_predictions(facts, settings.languages(m), settings.levels, heights), *laws]


def _plateaus_table(settings: ScalingLaws, facts: Facts) -> Table:
    rows = []
    for m in settings.rules:
        values = grammar.plateaus_of(facts, (settings.language(m, seed) for seed in range(settings.seeds)))
        rows += grammar.plateaus_rows({"rules": m}, values)
    return PLATEAUS.table(rows)


def _tables(measured: Measured) -> Iterator[Table]:
    settings = measured.settings
    yield _THRESHOLDS.table(
        grammar.threshold_row(
            {"learner": name, "label": measured.label(name), "rules": m, "law": settings.law(m, name, level)},
            level,
            interval,
            measured.exact(m, name, level),
        )
        for (name, m, level), interval in measured.thresholds.items()
    )
    rows = []
    for name in settings.learners:
        shared = settings.learners[name].learner.weight_sharing
        for level in range(1, settings.levels + 1):
            law = math.nan if shared is None else float(theory.threshold_exponent(level, shared))
            known = {"learner": name, "label": measured.label(name), "level": level, "law": law}
            predicted = measured.exact_growth(name, level)
            points = sum(
                measured.thresholds[key].measured for key in measured.thresholds if key[0] == name and key[2] == level
            )
            exponent = measured.growth(name, level)
            rows.append(known | {"predicted": predicted, **interval_columns(exponent), "num_points": points})
    yield _GROWTH.table(rows)


def _claims(measured: Measured) -> Iterator[Claim]:
    settings = measured.settings
    for name in settings.learners:
        mine = {f"m = {m}": curve for (learner, m), curve in measured.curves.items() if learner == name}
        yield grammar.order_claim(measured.label(name), mine, settings.levels, theory.SOURCE)
    yield from _growth_claims(measured)
    yield from _comparisons(measured)
    yield grammar.oracle_claim(measured.runs["excess_loss"].tolist(), measured.runs["excess_loss_error"].tolist())


def _growth_claims(measured: Measured) -> Iterator[Claim]:
    """The exponent of each threshold, against that of the exact sizes, and against the law where it holds."""
    settings = measured.settings
    if len(settings.rules) < 2:
        return
    for name, contender in settings.learners.items():
        shared = contender.learner.weight_sharing
        for level in range(1, settings.levels + 1):
            exponent, text = (
                measured.growth(name, level),
                f"P_{level} of the {measured.label(name)} network grows with m",
            )
            if shared is None:
                yield grammar.growth_claim(f"{text} as a power", exponent, math.nan, theory.SOURCE)
                continue
            beside = f"{text} as the exact correlations of its grammars say"
            yield grammar.growth_claim(beside, exponent, measured.exact_growth(name, level), exact.SOURCE, form=".2f")
            if settings.law_holds:
                law = float(theory.threshold_exponent(level, shared))
                yield grammar.growth_claim(f"{text} as the asymptotic law says", exponent, law, theory.SOURCE)


def _comparisons(measured: Measured) -> Iterator[Claim]:
    """Each learner's threshold over that of the first learner with weight sharing."""
    settings = measured.settings
    shared = [name for name, contender in settings.learners.items() if contender.learner.weight_sharing]
    for name, contender in settings.learners.items() if shared else ():
        if name == shared[0]:
            continue
        for m in settings.rules:
            if not {(name, m), (shared[0], m)} <= measured.curves.keys():
                continue
            for level in range(1, settings.levels + 1):
                times = measured.curves[name, m].over(measured.curves[shared[0], m], level)
                who = f"the {measured.label(name)} network"
                beside = f"level {level}, m = {m}: examples {who} needs over those of the {measured.label(shared[0])}"
                factor, law = math.nan, ""
                if contender.learner.weight_sharing is not None:
                    factor = measured.exact(m, name, level) / measured.exact(m, shared[0], level)
                    law = f"{factor:.2f}, by exact correlations and one prefactor for both"
                yield grammar.ratio_claim(beside, factor, times, exact.SOURCE, law)
                if level > 2 and contender.learner.weight_sharing is False:
                    apart = f"level {level}, m = {m}: {who} needs more examples than the {measured.label(shared[0])}"
                    yield Claim(apart, "factor > 1", times, "above", 1.0, theory.SOURCE)


def _figures(measured: Measured) -> Iterator[Figure]:
    settings = measured.settings
    panels = []
    for m in settings.rules:
        curves = {name: curve for (name, rules), curve in measured.curves.items() if rules == m}
        if curves:
            predictions = _all_predictions(settings, measured.facts, m)
            panels.append(grammar.level_panel(curves, settings.levels, predictions, title=f"m = {m} rules per symbol"))
    yield learning_curves(panels, title=_message(measured), caption=_CURVES_CAPTION)
    yield _growth_figure(measured)
    yield _against_law(measured)


def _message(measured: Measured) -> str:
    """What the curves show, at the highest level and the most rules where two learners were measured."""
    settings = measured.settings
    for level in range(settings.levels, 0, -1):
        for m in sorted(settings.rules, reverse=True):
            known = {name: measured.thresholds.get((name, m, level)) for name in settings.learners}
            sizes = {name: one.value for name, one in known.items() if one is not None and one.measured}
            if len(sizes) > 1:
                most, least = max(sizes, key=lambda name: sizes[name]), min(sizes, key=lambda name: sizes[name])
                factor = f"{sizes[most] / sizes[least]:.2g} times the examples of the {measured.label(least)} network"
                return f"At level {level} and m = {m}, the {measured.label(most)} network needs {factor}"
    return STUDY.title


_CURVES_CAPTION = (
    "Test loss of the last token against the number of training examples P. Horizontal lines: the exact losses L_l of "
    "a reader who knows the grammar and uses the s^l - 1 tokens before the last, averaged over the grammars drawn; "
    "the lowest is the oracle. Dashes: where signal = sampling noise puts the threshold P_l, by the exact "
    "correlations of these grammars (dash-dotted: what claims are tested against) and by the asymptotic laws "
    "(dashed). Diamonds: where the seeds come half-way between two plateaus, with the interval of 95 %; they stand "
    "right of the dashes because a network needs the signal several times the noise, by the factors written. Bands: "
    "the smallest to the largest of the seeds, each with a grammar of its own. Losses far above L_0 are left out."
)


def _growth_figure(measured: Measured) -> Figure:
    settings, panels = measured.settings, []
    rest = [1 - theory.sparsity(settings.vocab, m, settings.branching) for m in settings.rules]
    shared = {name: contender.learner.weight_sharing for name, contender in settings.learners.items()}
    for level in range(1, settings.levels + 1):
        thresholds = {
            name: [measured.thresholds.get((name, m, level), unmeasured("not run")) for m in settings.rules]
            for name in settings.learners
        }
        laws = {
            theory.law_name(law): [
                float(theory.thresholds(settings.vocab, m, settings.branching, level, law)[-1]) for m in settings.rules
            ]
            for law in (True, False)
        }
        panels.append(
            growth_panel(
                settings.rules,
                thresholds,
                factor=rest,
                laws=laws,
                exponents={name: measured.growth(name, level) for name in settings.learners},
                law_exponents={
                    name: theory.threshold_exponent(level, law) for name, law in shared.items() if law is not None
                },
                labels={name: measured.label(name) for name in settings.learners},
                title=f"level {level}",
            )
        )
    caption = (
        "Measured thresholds times 1 - f against the number of rules m, level by level, so that the slope drawn is the "
        "exponent printed; intervals of 95 % over seeds, triangles where only a bound is known. Dashed: the asymptotic "
        "laws. A law says how a threshold grows, not its prefactor, so compare slopes."
    )
    grown = {name: measured.growth(name, settings.levels).value for name in settings.learners}
    said = [f"$m^{{{k:.1f}}}$ ({measured.label(name)})" for name, k in grown.items() if math.isfinite(k)]
    title = f"Thresholds of level {settings.levels} grow as {', '.join(said)}"
    title = title if said and len(settings.rules) > 2 else "How thresholds grow with the number of rules"
    return growth_figure(panels, name="thresholds", title=title, caption=caption)


def _against_law(measured: Measured) -> Figure:
    """Every threshold that has both a measurement and a law of its learner's own."""
    settings, marks, sizes = measured.settings, list[Mark](), [1.0]
    for name in settings.learners:
        known = {key: one for key, one in measured.thresholds.items() if key[0] == name and one.measured}
        known = {key: one for key, one in known.items() if not math.isnan(measured.exact(key[1], name, key[2]))}
        predicted = [measured.exact(m, name, level) for _, m, level in known]
        values = list(known.values())
        marks.append(
            Points(
                predicted,
                [one.value for one in values],
                [one.low for one in values],
                [one.high for one in values],
                key=name,
                label=measured.label(name),
                hover={"threshold": [f"m = {m}, level {level}" for _, m, level in known]},
            )
        )
        sizes = predicted if sizes == [1.0] and predicted else [*sizes, *predicted]
    ends = (min(sizes), max(sizes))
    marks.insert(0, Law(ends, ends, label="measured = predicted"))
    axes = Axis("predicted by exact correlations", "log"), Axis("examples to half-way between plateaus", "log")
    caption = (
        "Every threshold that has both a measurement and a prediction of that learner's own, by the exact "
        "correlations of its grammars. On the line the two are equal; parallel to it, they are proportional. A "
        "network stands above the line by what signal = noise leaves out: it needs the signal several times the noise."
    )
    factors = sorted(y / x for mark in marks if isinstance(mark, Points) for x, y in zip(mark.x, mark.y, strict=True))
    title = "Measured against predicted thresholds"
    if factors:
        title = f"Networks need {factors[0]:.2g} to {factors[-1]:.2g} times the examples at which the signal shows"
    return Figure("measured-against-predicted", title, (Panel("", *axes, marks),), caption)


def _learners(
    learners: Iterable[AnyLearner], steps: Mapping[str, tuple[int, int]], **changes: Any
) -> dict[str, Contender]:
    """Networks by their kind, each trained between its least and its largest number of steps."""
    return {
        learner.kind: Contender(
            learner=learner,
            training=adam(
                _LEARNING_RATES[learner.kind], steps[learner.kind], clip_norm=_CLIP_NORMS.get(learner.kind), **changes
            ),
        )
        for learner in learners
    }


_LEARNING_RATES = {"cnn": 0.03, "attention": 0.01, "transformer": 0.01}
"""Of Adam, at every width; of those tried, the ones with the smallest loss on sentences not trained on."""
_CLIP_NORMS = {"attention": 0.5}
"""Gradients of the attention-only network, which has no normalisation, have lengths near 0.3; once in ten thousand
steps a much longer one would throw it out of what it has learned."""


def _small_networks(transformer_width: int) -> tuple[AnyLearner, ...]:
    """What two cores train in minutes."""
    return (
        HierarchicalCNN(width=64),
        MultiLayerAttention(width=64, heads=4, layers=3),
        Transformer(width=transformer_width, heads=4, layers=3),
    )


PRESETS: Mapping[str, ScalingLaws] = {
    "quick": ScalingLaws(
        vocab=8,
        rules=(3,),
        depth=3,
        levels=3,
        seeds=2,
        start=0.5,
        beyond=0,
        learners=_learners(
            _small_networks(transformer_width=32),
            {"cnn": (4000, 8000), "attention": (1000, 8000), "transformer": (1000, 8000)},
            max_epochs=48,
        ),
        max_examples=2**14,
        test_examples=2048,
    ),
    "laptop": ScalingLaws(
        vocab=8,
        rules=(2, 3, 4),
        depth=4,
        levels=3,
        seeds=3,
        start=0.5,
        beyond=0,
        learners=_learners(
            _small_networks(transformer_width=64),
            {"cnn": (5000, 10_000), "attention": (1500, 2**15), "transformer": (1500, 2**14)},
        ),
        max_examples=2**18,
        test_examples=2048,
    ),
    "full": ScalingLaws(
        vocab=32,
        rules=(4, 5, 6, 7, 8),
        depth=4,
        levels=4,
        seeds=5,
        growth=2**0.5,
        learners=_learners(
            (
                HierarchicalCNN(width=512),
                MultiLayerAttention(width=512, heads=16, layers=4),
                Transformer(width=512, heads=16, layers=4),
            ),
            dict.fromkeys(_LEARNING_RATES, (2**13, 2**20)),
            batch_size=128,
        ),
        max_examples=2**23,
        test_examples=2**15,
    ),
}

STUDY = Study(
    name="scaling-laws",
    title="Scaling laws on the random hierarchy model",
    paper="arXiv 2505.07070",
    settings=ScalingLaws,
    presets=PRESETS,
    facts=_facts,
    cells=_cells,
    expected=_expected,
    predictions=_predictions,
    measure=_measure,
    tables=_tables,
    claims=_claims,
    figures=_figures,
)
