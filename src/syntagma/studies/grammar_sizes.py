"""What moves the thresholds of a grammar: its number of symbols, of rules, its branching and its depth.

Thresholds of the last token on languages that differ from a base in one size each; how each grows with that size beside
the law, and whether one prefactor puts all languages on one curve.
Source: arXiv 2505.07070 (thresholds).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from syntagma.curves import Claim, Interval, combined, power_law, unmeasured
from syntagma.errors import invalid
from syntagma.learners import HierarchicalCNN, MultiLayerAttention
from syntagma.plot import Axis, Empty, Figure, Law, Mark, Note, Panel, dot_panel, rescaled, rescaled_panel
from syntagma.plot.intervals import interval_points
from syntagma.studies import grammar
from syntagma.studies.grammar import Grammar, GrammarCurve
from syntagma.studies.recipes import Contender, Rising, trained
from syntagma.studies.schemas import (
    GROWTH,
    LAW,
    LEARNER,
    LEVEL,
    PREDICTIONS,
    THRESHOLDS,
    Column,
    Schema,
    Table,
    interval_columns,
    measured_as,
)
from syntagma.studies.study import Cell, Fact, Facts, Results, Settings, Study
from syntagma.tasks import LastToken
from syntagma.theory import exact
from syntagma.theory import hierarchy as theory

Parameter = Literal["vocab", "rules", "branching", "depth"]
PARAMETERS: tuple[Parameter, ...] = get_args(Parameter)
SYMBOLS: Mapping[str, str] = {"vocab": "v", "rules": "m", "branching": "s", "depth": "L"}
"""What the papers call them."""
_WORDS: Mapping[Parameter, str] = {
    "vocab": "symbols per level v",
    "rules": "rules per symbol m",
    "branching": "symbols per rule s",
    "depth": "levels L",
}


class Grower(Contender):
    """A learner whose thresholds are measured against each of `parameters`."""

    parameters: tuple[Parameter, ...] = PARAMETERS


class GrammarSizes(Settings):
    """Last-token prediction on languages that differ from the base in one size each.

    Attributes:
        base: the language that others differ from.
        vocab: the values of v, as the next three those of m, s and L; the base's own comes by itself.
        levels: the highest level whose threshold is asked for; below the root, which small grammars have too few
            sentences to tell from memory (docs/decisions.md, "Depth 4 for three levels").
        start: the smallest P over the predicted first threshold.
        reach: the largest P over the predicted threshold of the highest level.
        sizes: P themselves, the same for every language, in place of `start` and `reach`.
    """

    base: Grammar
    vocab: tuple[int, ...] = ()
    rules: tuple[int, ...] = ()
    branching: tuple[int, ...] = ()
    depth: tuple[int, ...] = ()
    levels: int = Field(ge=1)
    start: float = Field(default=0.5, gt=0, le=1)
    reach: float = Field(default=8.0, ge=1)
    learners: Mapping[str, Grower] = Field(min_length=1)
    seeds: int = Field(default=3, ge=1)
    test_examples: int = Field(default=4096, ge=2)
    sizes: Rising | None = Field(default=None, exclude_if=lambda sizes: sizes is None)

    @model_validator(mode="after")
    def _sizes_fit(self) -> GrammarSizes:
        self.base.check_levels("levels", self.levels)
        for name, grower in self.learners.items():
            if grower.learner.weight_sharing is None:
                raise invalid(f"learners.{name}", grower.learner.kind, "no law gives its thresholds", "Leave it out")
            for one in self.grammars(grower.parameters):
                if one.rules >= one.vocab ** (one.branching - 1):
                    allowed = "f = 1: every tuple is a rule, and tokens are not correlated"
                    raise invalid("rules", one.rules, allowed, "Lower it, or raise vocab")
                one.check(LastToken(), grower.learner)
                if not self.curve_sizes(one, grower):
                    allowed = f"the sizes of {name} begin above it"
                    raise invalid("max_examples", grower.max_examples, allowed, "Raise it, or lower start")
        return self

    def values(self, parameter: Parameter) -> list[int]:
        """The values of one parameter, ascending, the base's own among them."""
        return sorted({getattr(self.base, parameter), *getattr(self, parameter)})

    def changed(self, parameter: Parameter, value: int) -> Grammar:
        """The base with one size changed."""
        return Grammar.model_validate(self.base.model_dump() | {parameter: value})

    def grammars(self, parameters: tuple[Parameter, ...] = PARAMETERS) -> list[Grammar]:
        """The base and every language that differs from it in one of `parameters`, each once."""
        others = [self.changed(parameter, value) for parameter in parameters for value in self.values(parameter)]
        return list(dict.fromkeys([self.base, *others]))

    def asked(self, one: Grammar) -> int:
        """The highest level asked for in a grammar."""
        return min(self.levels, one.depth - 1)

    def curve_sizes(self, one: Grammar, grower: Grower) -> list[int]:
        """The P of one curve: powers of two, or those that are given."""
        if self.sizes is not None:
            return [size for size in self.sizes if size <= (grower.max_examples or size)]
        first = math.floor(math.log2(max(self.start * one.law(grower.learner, 1), 4)))
        last = math.ceil(math.log2(self.reach * one.law(grower.learner, self.asked(one))))
        most = grower.max_examples or math.inf
        return [2**power for power in range(first, last + 1) if 2**power <= most]


@dataclass(frozen=True)
class Measured:
    """Curves by learner and grammar."""

    settings: GrammarSizes
    facts: Facts
    curves: Mapping[tuple[str, Grammar], GrammarCurve]

    def predicted(self, learner: str, one: Grammar, level: int) -> float:
        """P_l by the exact correlations of the very grammars; NaN where no theory covers the learner."""
        return one.predicted(self.facts, self.settings.seeds, self.settings.learners[learner].learner, level)

    def predicted_growth(self, learner: str, parameter: Parameter, level: int) -> float:
        """The exponent of that P_l times 1 - f in one parameter."""
        languages = {value: self.settings.changed(parameter, value) for value in self.settings.values(parameter)}
        return grammar.exact_power(
            {
                value: self.predicted(learner, one, level) * (1 - one.sparsity())
                for value, one in languages.items()
                if level <= self.settings.asked(one)
            }
        )

    def scaled(self, learner: str, parameter: Parameter, level: int) -> list[tuple[int, Interval]]:
        """Thresholds times 1 - f by the value of a parameter, the others as in the base, where `level` is asked."""
        languages = [(value, self.settings.changed(parameter, value)) for value in self.settings.values(parameter)]
        return [
            (value, grammar.threshold(self.curves.get((learner, one)), level).scaled(1 - one.sparsity()))
            for value, one in languages
            if level <= self.settings.asked(one)
        ]

    def growth(self, learner: str, parameter: Parameter, level: int) -> tuple[Interval, int]:
        """The exponent of P_l (1 - f) in one parameter, and from how many thresholds."""
        known = self.scaled(learner, parameter, level)
        if len(known) < 2 or any(math.isnan(one.value) for _, one in known):
            return unmeasured("fewer than two thresholds"), 0
        sizes, thresholds = zip(*known, strict=True)
        return power_law(sizes, thresholds), sum(one.measured for one in thresholds)

    def prefactors(self, learner: str, level: int) -> dict[Grammar, Interval]:
        """P_l over the predicted one, of every language that was trained to it."""
        return {
            one: curve.threshold(level).scaled(1 / self.predicted(learner, one, level))
            for (name, one), curve in self.curves.items()
            if name == learner and level <= self.settings.asked(one)
        }


def growth_exponent(parameter: Parameter, level: int, weight_sharing: bool) -> int:
    """k of P_l (1 - f) ~ parameter^k: 1 for v, the law's for m, 0 for s, which enters through f alone, and for L."""
    if parameter == "rules":
        return theory.threshold_exponent(level, weight_sharing)
    return 1 if parameter == "vocab" else 0


def _facts(settings: GrammarSizes, results: Results) -> Iterator[Fact]:
    for one in settings.grammars():
        yield from grammar.language_facts(one.languages(settings.seeds))


def _cells(settings: GrammarSizes, facts: Facts, results: Results) -> Iterator[Cell]:
    for name, grower in settings.learners.items():
        for one in settings.grammars(grower.parameters):
            names, languages = {"learner": name, **one.model_dump()}, one.languages(settings.seeds)
            sizes = settings.curve_sizes(one, grower)
            yield from grammar.cells_of(names, languages, LastToken(), grower, sizes, settings.test_examples)


def _measure(settings: GrammarSizes, facts: Facts, results: Results) -> Measured:
    cells = list(_cells(settings, facts, results))
    curves = grammar.grammar_curves(results.table(cells), ["learner", *PARAMETERS], facts, cells)
    named = {
        (name, Grammar(**dict(zip(PARAMETERS, map(int, values), strict=True)))): curve
        for (name, *values), curve in curves.items()
    }
    return Measured(settings, facts, named)


_SIZES = tuple(Column(parameter, SYMBOLS[parameter], "whole") for parameter in PARAMETERS)
_PREDICTIONS = replace(PREDICTIONS, columns=(*_SIZES, *PREDICTIONS.columns[1:]))
_EXPONENTS = Schema(
    "exponents",
    "Predicted exponents",
    "The exponent of P_l (1 - f) in each size of the grammar.",
    (Column("parameter", "in", "text"), LEVEL, LAW, Column("exponent", "exponent", "exponent")),
)
_GROWTH = replace(
    GROWTH,
    caption="Exponent k of P_l (1 - f) in each size of the grammar, the others as in the base, with its interval of "
    "95 %. Predicted: that of the exact signal = noise sizes of these very grammars; beside it the asymptotic law's.",
)
_PREFACTORS = Schema(
    "prefactors",
    "Prefactors by language",
    "Measured threshold over where exact correlations put it, with its interval of 95 %: one number for all languages "
    "if signal = noise is all there is but for it.",
    (LEARNER, *_SIZES, LEVEL, *measured_as("prefactor")),
)


def _predictions(settings: GrammarSizes, facts: Facts) -> Iterator[Table]:
    yield _PREDICTIONS.table(
        row
        for one in settings.grammars()
        for row in grammar.prediction_rows(
            one.model_dump(), one.predictions(facts, settings.seeds, settings.asked(one))
        )
    )
    yield _EXPONENTS.table(
        {
            "parameter": SYMBOLS[parameter],
            "level": level,
            "law": theory.law_name(shared),
            "exponent": float(growth_exponent(parameter, level, shared)),
        }
        for parameter in PARAMETERS
        if len(settings.values(parameter)) > 1
        for level in range(1, settings.levels + 1)
        for shared in (True, False)
    )


def _grown(measured: Measured) -> Iterator[tuple[str, Parameter, int]]:
    """Which exponents are measured: learner, parameter, level."""
    for name, grower in measured.settings.learners.items():
        for parameter in grower.parameters:
            if len(measured.settings.values(parameter)) > 1:
                for level in range(1, measured.settings.levels + 1):
                    yield name, parameter, level


def _tables(measured: Measured) -> Iterator[Table]:
    settings = measured.settings
    labels = {name: grower.learner.label for name, grower in settings.learners.items()}
    rows = []
    for (name, one), curve in measured.curves.items():
        names = {"learner": name, "label": labels[name], **one.model_dump()}
        predicted = functools.partial(measured.predicted, name, one)
        rows += grammar.threshold_rows(names, curve, settings.asked(one), predicted)
    yield THRESHOLDS.table(rows, f"{THRESHOLDS.caption} {grammar.EXACTLY}")
    rows = []
    for name, parameter, level in _grown(measured):
        exponent, number = measured.growth(name, parameter, level)
        law = growth_exponent(parameter, level, bool(settings.learners[name].learner.weight_sharing))
        known = {"learner": name, "label": labels[name], "parameter": SYMBOLS[parameter], "level": level}
        known |= {"law": float(law), "predicted": measured.predicted_growth(name, parameter, level)}
        rows.append(known | {**interval_columns(exponent), "num_points": number})
    yield _GROWTH.table(rows)
    yield _PREFACTORS.table(
        {"learner": name, "label": labels[name], **one.model_dump(), "level": level, **interval_columns(prefactor)}
        for name in settings.learners
        for level in range(1, settings.levels + 1)
        for one, prefactor in measured.prefactors(name, level).items()
    )


def _claims(measured: Measured) -> Iterator[Claim]:
    settings = measured.settings
    for name, parameter, level in _grown(measured):
        learner = settings.learners[name].learner
        exponent, number = measured.growth(name, parameter, level)
        predicted, symbol = measured.predicted_growth(name, parameter, level), SYMBOLS[parameter]
        law = growth_exponent(parameter, level, bool(learner.weight_sharing))
        known = not math.isnan(predicted)
        yield Claim(
            f"P_{level} (1 - f) of the {learner.label} network grows as a power of {symbol}",
            f"{symbol}^{predicted:z.2f} by exact correlations; asymptotic law {law}" if known else "no prediction",
            exponent,
            "equals" if known else "finding",
            predicted,
            exact.SOURCE,
            resolution=grammar.INTEGER_EXPONENT,
            shown=f"{symbol}^k, k = {exponent} from {number} values of {symbol}" if number else "",
        )
    for name in settings.learners:
        for level in range(1, settings.levels + 1):
            yield _one_prefactor(measured, name, level)


def _one_prefactor(measured: Measured, name: str, level: int) -> Claim:
    """One prefactor for all languages: the language farthest from the base, in standard errors, is where it is."""
    who = measured.settings.learners[name].learner.label
    text = f"level {level}: one prefactor for all languages of the {who} network"
    predicted = "P_l over its exact size, over that of the base, is 1"
    prefactors = measured.prefactors(name, level)
    base = prefactors.pop(measured.settings.base, unmeasured("the base is not trained yet"))
    over = {one: combined([1.0, -1.0], [p, base], log=True) for one, p in prefactors.items()}
    if not over or all(math.isnan(interval.value) for interval in over.values()):
        return Claim(text, predicted, unmeasured("not trained yet"), "equals", 1.0, exact.SOURCE)
    one = min(over, key=lambda one: over[one].p_value(1.0))
    shown = f"of {len(over)} languages the farthest, {_sizes_of(one)}: {over[one]}"
    return Claim(
        text, predicted, over[one], "equals", 1.0, exact.SOURCE, resolution=2.0, shown=shown, picked_from=len(over)
    )


def _sizes_of(one: Grammar, unlike: Grammar | None = None) -> str:
    """The sizes of a language, or those in which it differs from another."""
    parts = [(SYMBOLS[p], getattr(one, p), getattr(unlike, p, None)) for p in PARAMETERS]
    return ", ".join(f"{symbol} = {own}" for symbol, own, other in parts if own != other)


def _figures(measured: Measured) -> Iterator[Figure]:
    yield _collapse(measured)
    yield _growth_figure(measured)
    yield _rescaled(measured)


def _name_of(settings: GrammarSizes, one: Grammar) -> str:
    """How a language differs from the base."""
    return _sizes_of(one, settings.base) or "base"


def _collapse(measured: Measured) -> Figure:
    """A dot plot of the prefactors, level by level."""
    settings, panels = measured.settings, []
    labels = {name: grower.learner.label for name, grower in settings.learners.items()}
    for level in range(1, settings.levels + 1):
        known = {name: measured.prefactors(name, level) for name in settings.learners}
        rows = {
            _name_of(settings, one): {name: known[name][one] for name in known if one in known[name]}
            for one in settings.grammars()
        }
        x = "measured / predicted $P_l$"
        panels.append(dot_panel(rows, title=f"level {level}", x=x, reference=None, labels=labels))
    caption = (
        "Measured threshold over where the exact correlations of its grammars stand out of the noise, for each "
        f"language, with its interval of 95 % over seeds. The base has {_sizes_of(settings.base)}; each other language "
        "differs from it as its row says. If one prefactor were all that is left out, the points of one learner would "
        "stand above one another. Triangles: only a bound is known."
    )
    return Figure("prefactors", "One prefactor for all languages? Prefactors by language", panels, caption)


def _growth_figure(measured: Measured) -> Figure:
    """P_l (1 - f) against each size, so that the drawn slope is the printed exponent."""
    settings, panels = measured.settings, []
    for parameter in PARAMETERS:
        if len(settings.values(parameter)) < 2:
            continue
        marks, notes = list[Mark](), list[Note]()
        for name, grower in settings.learners.items():
            for level in range(1, settings.levels + 1) if parameter in grower.parameters else ():
                marks += _growth_marks(measured, name, parameter, level)
                exponent, number = measured.growth(name, parameter, level)
                if number > 2:
                    predicted = measured.predicted_growth(name, parameter, level)
                    notes.append(Note(f"level {level}: k = {exponent}, predicted {predicted:z.2f}", name))
        values = settings.values(parameter)
        x = Axis(_WORDS[parameter], "log", ticks=values, limits=(values[0] / 1.15, values[-1] * 1.15))
        y = Axis("examples to half the error, $P_l$, times\u00a01\u00a0−\u00a0f", "log")
        panels.append(Panel(f"in {SYMBOLS[parameter]}", x, y, marks, notes))
    caption = (
        "Measured thresholds times 1 - f against each size of the grammar, the others as in the base, so that the "
        "slope drawn is the exponent printed; intervals of 95 % over seeds, triangles where only a bound is known. "
        "Dash-dotted: by the exact correlations of these grammars. Markers: levels. No exponent is given for fewer "
        "than three values."
    )
    panels = panels or [Panel("", marks=(Empty("No size of the grammar is varied."),))]
    return Figure("growth", "How thresholds grow with the sizes of the grammar", panels, caption, columns=2)


def _growth_marks(measured: Measured, name: str, parameter: Parameter, level: int) -> Iterator[Mark]:
    settings, learner = measured.settings, measured.settings.learners[name].learner
    marker, label = "os^D"[(level - 1) % 4], f"{learner.label}, level {level}"
    points = interval_points(measured.scaled(name, parameter, level), marker=marker, key=name, label=label)
    if points.x:
        yield points
    languages = [settings.changed(parameter, value) for value in settings.values(parameter)]
    languages = [one for one in languages if level <= settings.asked(one)]
    heights = [measured.predicted(name, one, level) * (1 - one.sparsity()) for one in languages]
    sharing = theory.law_name(bool(learner.weight_sharing))
    look: dict[str, Any] = {"key": sharing, "label": f"exact, {sharing}", "dash": "dashdot"}
    if all(map(math.isfinite, heights)):
        yield Law([getattr(one, parameter) for one in languages], heights, **look)


def _rescaled(measured: Measured) -> Figure:
    """All curves on rescaled axes, level by level."""
    settings, panels = measured.settings, []
    for level in range(1, settings.levels + 1):
        marks: list[Mark] = []
        for (name, one), curve in measured.curves.items():
            if level > settings.asked(one):
                continue
            band, heights = curve.curve.band(), curve.plateaus.mean(0)
            left = (band.mean - heights[level]) / (heights[level - 1] - heights[level])
            label, predicted = settings.learners[name].learner.label, measured.predicted(name, one, level)
            if not math.isfinite(predicted):
                continue
            line = rescaled(name, band.num_examples, left, predicted, label=label)
            marks.append(replace(line, weight="thin", hover={**dict(line.hover), "language": _name_of(settings, one)}))
        panels.append(rescaled_panel(marks, title=f"level {level}"))
    caption = (
        "The share of the step from L_(l-1) to L_l that is left, against P over the predicted threshold: each line is "
        "one language, the mean over its seeds. In a perfect collapse all lines of a learner cross one half at one "
        "place."
    )
    return Figure("collapse", "All languages on rescaled axes", panels, caption, share="y")


def _learners(
    width: int, heads: int, layers: int, steps: Sequence[tuple[int, int]], batch_size: int = 64, **attention: Any
) -> dict[str, Grower]:
    """The convolutional network and attention; `attention` are further fields of its."""
    cnn = trained(HierarchicalCNN(width=width), steps[0], batch_size=batch_size)
    other = trained(MultiLayerAttention(width=width, heads=heads, layers=layers), steps[1], batch_size=batch_size)
    return {"cnn": Grower(**dict(cnn)), "attention": Grower(**dict(other) | attention)}


PRESETS: Mapping[str, GrammarSizes] = {
    "quick": GrammarSizes(
        base=Grammar(vocab=8, rules=3, depth=3),
        vocab=(6, 12),
        rules=(2, 4),
        branching=(3,),
        depth=(4,),
        levels=2,
        learners=_learners(48, 3, 3, [(4000, 8000), (1000, 2000)], max_examples=2**13, parameters=("rules",)),
        test_examples=2048,
    ),
    "laptop": GrammarSizes(
        base=Grammar(vocab=8, rules=3, depth=4),
        vocab=(6, 12, 16),
        rules=(2, 4, 5),
        branching=(3,),
        depth=(3, 5),
        levels=3,
        learners=_learners(64, 4, 3, [(5000, 10_000), (1500, 3000)], max_examples=2**14, parameters=("rules",)),
    ),
    "full": GrammarSizes(
        base=Grammar(vocab=32, rules=4, depth=4),
        vocab=(16, 64),
        rules=(6, 8),
        branching=(3,),
        depth=(3, 5),
        levels=3,
        reach=32.0,
        learners=_learners(512, 16, 4, [(2**13, 2**19)] * 2, batch_size=128),
        seeds=5,
        test_examples=2**15,
    ),
}

STUDY = Study(
    name="grammar-sizes",
    title="What moves the thresholds of a grammar",
    paper="arXiv 2505.07070",
    settings=GrammarSizes,
    presets=PRESETS,
    facts=_facts,
    cells=_cells,
    predictions=_predictions,
    measure=_measure,
    tables=_tables,
    claims=_claims,
    figures=_figures,
)
