"""Unequal rules: how the class error falls, and where the last token's thresholds go, if rules follow Zipf's law.

The rules of level 1 have probabilities k^-(1+a); the class at the root and the last token are learned beside the same
with equal rules.

Source: arXiv 2505.07067 (class error), 2505.07070 (signal = noise); what is predicted of both is in `theory.zipf`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float
from pydantic import AfterValidator, Field, model_validator

from syntagma.curves import Claim, Interval, LearningCurve, unmeasured
from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import HierarchicalCNN
from syntagma.plot import Axis, Figure, Law, Level, Mark, Note, Panel, palette
from syntagma.plot.intervals import interval_points
from syntagma.plot.learning_curves import band_labels, curve_marks
from syntagma.studies import grammar
from syntagma.studies.grammar import Grammar, GrammarCurve
from syntagma.studies.recipes import Contender, Rising, powers_of_two, trained
from syntagma.studies.schemas import LEVEL, THRESHOLDS, Column, Schema, Table, interval_columns, measured_as
from syntagma.studies.study import Cell, Fact, Facts, Results, Settings, Study
from syntagma.tasks import LastToken, RootClass
from syntagma.theory import exact, root_class, zipf
from syntagma.theory import hierarchy as theory

_TOKENS_SOURCE = f"{theory.SOURCE}, signal = noise; exact correlations derived here"


def _exponents(values: tuple[float, ...]) -> tuple[float, ...]:
    if min(values) <= 0:
        allowed = "Zipf exponents are above 0"
        raise invalid("the smallest exponent", min(values), allowed, "Equal rules come by themselves")
    return tuple(sorted(set(values)))


class ZipfRules(Settings):
    """Zipf rules at level 1, beside equal rules: the class at the root, and the last token on another grammar.

    Attributes:
        exponents: the values of a, rule k having probability proportional to k^-(1+a).
        classes_grammar: of the class task; many rules.
        classes: number of root symbols of the class task; with fewer than v, as arXiv 2505.07067 has, a class can be
            told from some of its tuples, and the error falls faster.
        contender: what learns classes.
        sizes: numbers of training examples of the class task.
        tokens_grammar: of the last token.
        tokens: what predicts the last token.
        token_sizes: its numbers of training examples.
        token_levels: the highest level whose threshold is asked for.
    """

    exponents: Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(_exponents)]
    classes_grammar: Grammar
    classes: int = Field(ge=2)
    contender: Contender
    sizes: Rising
    tokens_grammar: Grammar
    tokens: Contender
    token_sizes: Rising
    token_levels: int = Field(ge=2)
    seeds: int = Field(default=3, ge=1)
    test_examples: int = Field(default=4096, ge=2)

    @model_validator(mode="after")
    def _sizes_fit(self) -> ZipfRules:
        self.classes_grammar.check(RootClass(), self.contender.learner, self.classes)
        self.tokens_grammar.check(LastToken(), self.tokens.learner)
        self.tokens_grammar.check_levels("token_levels", self.token_levels)
        return self

    def class_languages(self, exponent: float) -> list[HierarchySettings]:
        """The grammars of the class task, one a seed."""
        return self.classes_grammar.languages(self.seeds, exponent, self.classes)

    def languages(self, exponent: float) -> list[HierarchySettings]:
        """The grammars of the last token, one a seed."""
        return self.tokens_grammar.languages(self.seeds, exponent)


@dataclass(frozen=True)
class Fall:
    """How the class error falls.

    Attributes:
        slope: the exponent k of error ~ P^-k, seed by seed over the sizes fitted.
        finite: the exponent that the law has with its finite number of rules over the same sizes.
        exact: that of the exact correlations of the very grammars (`theory.root_class`), between the same errors.
        sizes: those fitted.
    """

    slope: Interval
    finite: float
    exact: float
    sizes: Float[np.ndarray, " P"]


@dataclass(frozen=True)
class Measured:
    """Class errors over chance's by Zipf exponent (0: equal rules); falls by rules' exponent and that of the law.

    Attributes:
        tokens: curves of the last token by Zipf exponent.
        over_equal: predicted P_1, P_2, ... with Zipf rules over those with equal rules, by exponent.
    """

    settings: ZipfRules
    facts: Facts
    errors: Mapping[float, LearningCurve]
    falls: Mapping[tuple[float, float], Fall]
    tokens: Mapping[float, GrammarCurve]
    over_equal: Mapping[float, Float[np.ndarray, " levels"]]

    def moved(self, exponent: float, level: int) -> Interval:
        """P_level / P_(level-1) with Zipf rules over that with equal rules, seed by seed."""
        zipf_rules, equal = self.tokens.get(exponent), self.tokens.get(0.0)
        if zipf_rules is None or equal is None or zipf_rules.curve.seeds != equal.curve.seeds:
            return unmeasured("not trained yet")
        return (zipf_rules.steps(level) / equal.steps(level)).interval()

    def predicted_move(self, exponent: float, level: int) -> float:
        """What exact correlations say of `moved`."""
        over = self.over_equal[exponent]
        return float(over[level - 1] / over[level - 2])


def token_thresholds(settings: ZipfRules, exponent: float) -> Float[np.ndarray, " levels"]:
    """Predicted P_1, P_2, ... of the last token; NaN where no law covers the learner."""
    shared, levels = settings.tokens.learner.weight_sharing, settings.token_levels
    if shared is None:
        return np.full(levels, math.nan)
    made = (language.language() for language in settings.languages(exponent))
    return exact.mean_thresholds(made, exact.evidence_of(shared))[:levels]


def _facts(settings: ZipfRules, results: Results) -> Iterator[Fact]:
    for exponent in (0.0, *settings.exponents):
        yield from grammar.language_facts(settings.languages(exponent))
    for exponent in settings.exponents:
        yield from (_fall_fact(language, exponent) for language in settings.class_languages(exponent))


def _fall_fact(language: HierarchySettings, exponent: float) -> Fact:
    """The exponent of the class error of one grammar between the two errors that measurements are fitted between."""

    def compute() -> dict[str, float]:
        ends = zipf.ONSET, zipf.rare_share(exponent, language.rules)
        curve = root_class.error_curve(language.language())
        return {"exponent": root_class.slope_between(curve, *ends, *_LOOKED_FOR)}

    return Fact(_fall_key(language), compute, f"class errors of m={language.rules} seed {language.seed}")


def _fall_key(language: HierarchySettings) -> dict[str, Any]:
    return grammar.fact_key("fall of the class error", language)


_LOOKED_FOR = (1.0, 1e9)
"""Between these sizes a predicted error falls to where the fit ends."""


def exact_fall(settings: ZipfRules, facts: Facts, exponent: float) -> float:
    """The mean of that exponent over the grammars."""
    return float(np.mean([facts[_fall_key(one)]["exponent"] for one in settings.class_languages(exponent)]))


def _class_cells(settings: ZipfRules) -> Iterator[Cell]:
    for exponent in (0.0, *settings.exponents):
        languages = settings.class_languages(exponent)
        names, sizes, number = {"part": "classes", "zipf": exponent}, settings.sizes, settings.test_examples
        yield from grammar.cells_of(names, languages, RootClass(), settings.contender, sizes, number)


def _token_cells(settings: ZipfRules) -> Iterator[Cell]:
    for exponent in (0.0, *settings.exponents):
        languages, names = settings.languages(exponent), {"part": "tokens", "zipf": exponent}
        sizes, number = settings.token_sizes, settings.test_examples
        yield from grammar.cells_of(names, languages, LastToken(), settings.tokens, sizes, number)


def _cells(settings: ZipfRules, facts: Facts, results: Results) -> Iterator[Cell]:
    yield from _token_cells(settings)
    yield from _class_cells(settings)


def _measure(settings: ZipfRules, facts: Facts, results: Results) -> Measured:
    runs = results.table(_class_cells(settings))
    chance = 1 - 1 / settings.classes
    errors: dict[float, LearningCurve] = {}
    if len(runs):
        over_chance = runs.assign(error=(1 - runs["test_accuracy"].astype(float)) / chance)
        curves: dict[Any, LearningCurve] = LearningCurve.from_runs(over_chance, ["zipf"], "error")
        errors = {exponent: curve for (exponent,), curve in curves.items()}
    falls = {}
    for exponent, curve in errors.items():
        for law in (exponent,) if exponent else settings.exponents:
            falls[exponent, law] = _fall(curve, law, settings.classes_grammar.rules, exact_fall(settings, facts, law))
    cells = list(_token_cells(settings))
    tokens = grammar.grammar_curves(results.table(cells), ["zipf"], facts, cells)
    equal = token_thresholds(settings, 0.0)
    over = {exponent: token_thresholds(settings, exponent) / equal for exponent in settings.exponents}
    return Measured(settings, facts, errors, falls, {known[0]: curve for known, curve in tokens.items()}, over)


def _fall(curve: LearningCurve, law: float, rules: int, exactly: float) -> Fall:
    """The fall of a class error over the sizes where the law with exponent `law` is fitted."""
    band = curve.band()
    chosen = zipf.window(band.mean, zipf.rare_share(law, rules))
    sizes = band.num_examples[chosen]
    if len(sizes) < 2:
        return Fall(unmeasured("fewer than two sizes between the two ends"), math.nan, exactly, sizes)
    finite = zipf.finite_exponent(sizes, band.mean[chosen], law, rules)
    return Fall(curve.slope(within=(sizes[0], sizes[-1])), finite, exactly, sizes)


_ZIPF = Column("zipf", "a", "number")
_CLASS_LAWS = Schema(
    "zipf",
    "Predicted fall of the class error",
    "Exponent of the class error by the exact correlations of the grammars, that of the law with infinitely many "
    "rules, and the errors over chance's between which it is measured.",
    (
        _ZIPF,
        Column("exact", "exact", "exponent"),
        Column("exponent", "law", "exponent"),
        Column("from_error", "from error", "ratio"),
        Column("to_error", "to error", "ratio"),
    ),
)
_TOKEN_LAWS = Schema(
    "zipf-tokens",
    "Predicted thresholds of the last token",
    "From the exact correlations of the grammars: examples with Zipf rules, with equal rules, and by how much the "
    "step from one level to the next changes.",
    (
        _ZIPF,
        LEVEL,
        Column("num_examples", "P_l", "count"),
        Column("equal_rules", "with equal rules", "count"),
        Column("over_equal", "over equal rules", "ratio"),
        Column("step_over_equal", "P_l / P_(l-1) over equal", "ratio"),
    ),
)
_FALLS = Schema(
    "falls",
    "Fall of the class error",
    "Exponent k of error ~ P^-k, fitted seed by seed over the sizes named, with its interval of 95 %, beside the "
    "one of the exact correlations of the grammars, and the law's with infinitely many rules and with the number there "
    "is.",
    (
        _ZIPF,
        Column("compared_with", "a compared with", "number"),
        Column("predicted", "predicted k", "exponent"),
        Column("law", "law", "exponent"),
        Column("finite", "law, m rules", "exponent"),
        *measured_as("measured k", "exponent"),
    ),
)


def _predictions(settings: ZipfRules, facts: Facts) -> Iterator[Table]:
    rules, equal, rows = settings.classes_grammar.rules, token_thresholds(settings, 0.0), []
    yield _CLASS_LAWS.table(
        {
            "zipf": a,
            "exact": exact_fall(settings, facts, a),
            "exponent": zipf.exponent(a),
            "from_error": zipf.ONSET,
            "to_error": zipf.rare_share(a, rules),
        }
        for a in settings.exponents
    )
    for a in settings.exponents:
        over = token_thresholds(settings, a) / equal
        steps = [math.nan, *(over[1:] / over[:-1]).tolist()]
        for level, (ratio, size, step) in enumerate(zip(over.tolist(), equal.tolist(), steps, strict=True), start=1):
            numbers = {"num_examples": ratio * size, "equal_rules": size, "over_equal": ratio, "step_over_equal": step}
            rows.append({"zipf": a, "level": level, **numbers})
    yield _TOKEN_LAWS.table(rows)


def _tables(measured: Measured) -> Iterator[Table]:
    settings = measured.settings
    yield _FALLS.table(
        {"zipf": a, "compared_with": law, "predicted": fall.exact, "law": zipf.exponent(law), "finite": fall.finite}
        | interval_columns(fall.slope)
        for (a, law), fall in measured.falls.items()
    )
    learner, sizes, rows = settings.tokens.learner, settings.tokens_grammar, []
    for a, curve in measured.tokens.items():
        names = {"learner": "tokens", "label": learner.label, "rules": sizes.rules, "zipf": a}
        languages = settings.languages(a)
        predicted = dict(enumerate(grammar.predicted_thresholds(measured.facts, languages, learner).tolist(), start=1))
        rows += grammar.threshold_rows(names, curve, settings.token_levels, predicted.__getitem__)
    yield THRESHOLDS.table(rows, f"{THRESHOLDS.caption} {grammar.EXACTLY}")


def _claims(measured: Measured) -> Iterator[Claim]:
    yield from _class_claims(measured)
    settings = measured.settings
    for a in settings.exponents:
        for level in range(2, settings.token_levels + 1):
            text = f"a = {a:g}: P_{level} / P_{level - 1} of the last token with Zipf rules over that with equal rules"
            factor = measured.predicted_move(a, level)
            yield grammar.ratio_claim(text, factor, measured.moved(a, level), _TOKENS_SOURCE, f"{factor:.2f}")


def _class_claims(measured: Measured) -> Iterator[Claim]:
    """How the class error falls with Zipf rules, and that it falls more steeply with equal ones.

    Tested against the exact correlations of the grammars: the law P^(-a/(1+a)) is of infinitely many rules.
    """
    settings = measured.settings
    for a in settings.exponents:
        exactly, law = exact_fall(settings, measured.facts, a), zipf.exponent(a)
        none = Fall(unmeasured("not trained yet"), math.nan, exactly, np.zeros(0))
        fall, equal = measured.falls.get((a, a), none), measured.falls.get((0.0, a), none)
        where = f" from P = {fall.sizes[0]:.0f} to {fall.sizes[-1]:.0f}" if len(fall.sizes) else ""
        shown = f"P^-k, k = {fall.slope}{where}" if where else ""
        text = f"Zipf exponent a = {a:g}: the class error falls as a power of P"
        says = f"P^-{exactly:.2f} by exact correlations; law of infinitely many rules P^-{law:.2f}"
        yield Claim(text, says, fall.slope, "equals", exactly, root_class.SOURCE, resolution=0.5, shown=shown)
        text = f"with equal rules the class error falls more steeply than with a = {a:g} as predicted"
        yield Claim(text, f"exponent > {exactly:.2f}", equal.slope, "above", exactly, root_class.SOURCE)


def _message(measured: Measured) -> str:
    """How the class error falls, by Zipf exponent."""
    falls = {a: measured.falls.get((a, a)) for a in measured.settings.exponents}
    told = [f"$P^{{-{one.slope.value:.2f}}}$ (a = {a:g})" for a, one in falls.items() if one and one.slope.measured]
    return f"With Zipf rules the class error falls as {', '.join(told)}" if told else "Unequal rules at level 1"


def _figures(measured: Measured) -> Iterator[Figure]:
    exponents = (0.0, *measured.settings.exponents)
    keys = {a: f"series {place}" for place, a in enumerate(exponents)}
    names = {a: f"Zipf, a = {a:g}" if a else "equal rules" for a in exponents}
    panels = (_class_panel(measured, keys, names), _token_panel(measured, keys, names))
    caption = (
        "Rules of level 1 with probabilities k^-(1+a), beside equal ones. Left: test error of the class over "
        "chance's, mean over seeds and the band from the smallest to the largest; dashes: the predicted power over "
        "the sizes where it is fitted, drawn a little above, as written over the panel; no error at all is drawn as "
        "that of half a sentence. Right: measured thresholds of the last token by level, with intervals of 95 %; "
        "dashes: those of equal rules times the factor that the exact correlations of the same grammars give. "
        "Predicted is the slope of the dashes beside that of equal rules; prefactors are measurements."
    )
    yield Figure("zipf", _message(measured), panels, caption, columns=2)


def _class_panel(measured: Measured, keys: Mapping[float, str], names: Mapping[float, str]) -> Panel:
    settings, marks, notes = measured.settings, list[Mark](), list[Note]()
    none = 0.5 / settings.test_examples
    for a, curve in measured.errors.items():
        marks += curve_marks(keys[a], replace(curve, name=names[a], losses=np.maximum(curve.losses, none)))
        fall = measured.falls.get((a, a))
        if a and fall is not None and len(fall.sizes) > 1:
            ends, exponent, band = (float(fall.sizes[0]), float(fall.sizes[-1])), -fall.exact, curve.band()
            start = 1.35 * float(band.mean[band.num_examples == ends[0]][0])
            marks.append(Law.power((ends[0], start), exponent, ends, key=keys[a]))
            measured_as = f"$P^{{-{fall.slope.value:.2f}}}$" if fall.slope.measured else "no slope"
            notes.append(Note(f"{palette.glyph(keys[a])} {measured_as}, predicted $P^{{{exponent:.2f}}}$", keys[a]))
    marks += [Law((), (), label="predicted", key="plateau"), *band_labels(marks)]
    if any((curve.losses < none).any() for curve in measured.errors.values()):
        marks.append(Level(none, f"< 1/{settings.test_examples:,}", key="plateau", dash="dashed"))
    y = Axis("test error over chance's", "log")
    return Panel("the class at the root", Axis("training examples P", "log"), y, marks, notes)


def _token_panel(measured: Measured, keys: Mapping[float, str], names: Mapping[float, str]) -> Panel:
    marks: list[Mark] = []
    levels = range(1, measured.settings.token_levels + 1)
    reached = {
        a: [(level, one) for level in levels if (one := curve.threshold(level)).measured]
        for a, curve in measured.tokens.items()
    }
    for place, (a, known) in enumerate(reached.items()):
        aside = 0.06 * (place - (len(reached) - 1) / 2)
        marks.append(interval_points([(level + aside, one) for level, one in known], key=keys[a], label=names[a]))
        if a and 0.0 in reached:
            heights = [one.value * measured.over_equal[a][level - 1] for level, one in reached[0.0]]
            marks.append(Law([level for level, _ in reached[0.0]], heights, key=keys[a]))
    y = Axis("examples to half-way between plateaus", "log")
    return Panel("the last token", Axis("level l", ticks=list(levels), limits=(0.7, len(levels) + 0.3)), y, marks)


def _cnn(width: int, steps: tuple[int, int], batch_size: int = 64) -> Contender:
    return trained(HierarchicalCNN(width=width), steps, batch_size=batch_size)


PRESETS: Mapping[str, ZipfRules] = {
    "quick": ZipfRules(
        exponents=(1.0,),
        classes_grammar=Grammar(vocab=6, rules=24, branching=3, depth=2),
        classes=6,
        contender=_cnn(48, (4000, 16_000)),
        sizes=powers_of_two(7, 16),
        tokens_grammar=Grammar(vocab=8, rules=3, depth=3),
        tokens=_cnn(48, (4000, 8000)),
        token_sizes=powers_of_two(4, 12),
        token_levels=2,
        test_examples=2048,
    ),
    "laptop": ZipfRules(
        exponents=(0.5, 1.0, 2.0),
        classes_grammar=Grammar(vocab=8, rules=32, branching=3, depth=2),
        classes=8,
        contender=_cnn(64, (5000, 2**16)),
        sizes=powers_of_two(8, 18),
        tokens_grammar=Grammar(vocab=8, rules=3, depth=4),
        tokens=_cnn(64, (5000, 10_000)),
        token_sizes=powers_of_two(4, 14),
        token_levels=3,
    ),
    "full": ZipfRules(
        exponents=(0.5, 1.0, 2.0),
        classes_grammar=Grammar(vocab=16, rules=128, branching=3, depth=2),
        classes=16,
        contender=_cnn(512, (2**13, 2**19), 128),
        sizes=powers_of_two(8, 22),
        tokens_grammar=Grammar(vocab=32, rules=4, depth=4),
        tokens=_cnn(512, (2**13, 2**19), 128),
        token_sizes=powers_of_two(6, 20),
        token_levels=3,
        seeds=5,
        test_examples=2**15,
    ),
}

STUDY = Study(
    name="zipf-rules",
    title="Rules that follow Zipf's law",
    paper="arXiv 2505.07067",
    settings=ZipfRules,
    presets=PRESETS,
    facts=_facts,
    cells=_cells,
    predictions=_predictions,
    measure=_measure,
    tables=_tables,
    claims=_claims,
    figures=_figures,
)
