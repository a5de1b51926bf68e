"""What networks have learned of a grammar, level by level: in their layers, along P and along training.

The last token is predicted by a convolutional network, by its twin without weight sharing and by attention, and the
class at the root by the convolutional network, each from several P. Every network is kept and looked into: which
changes of the sentence's tree its last layer ignores, and which truncated observer it predicts like.
Sources: arXiv 2505.07070 (second half), 2307.02129 (classes), 2406.00048 (correlations).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from syntagma.curves import Claim, Interval, LearningCurve, certain, mean, power_law, ratio, unmeasured
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import AnyLearner, HierarchicalCNN, LocallyConnected, MultiLayerAttention
from syntagma.plot import (
    Axis,
    Band,
    Empty,
    Figure,
    Law,
    Level,
    Line,
    Mark,
    Panel,
    Points,
    VerticalLine,
    learning_curves,
)
from syntagma.statistics.correlations import correlations
from syntagma.studies import grammar
from syntagma.studies.grammar import GrammarCurve
from syntagma.studies.recipes import Contender, Rising, adam, powers_of_two
from syntagma.studies.schemas import THRESHOLDS, Column, Schema, Table, interval_columns
from syntagma.studies.study import Cell, Fact, Facts, Results, Settings, Study
from syntagma.sweep.stored_network import probe_run
from syntagma.tasks import LastToken, RootClass
from syntagma.theory import hierarchy as theory
from syntagma.theory.correlations import squared_covariance

ERROR_LEFT = 0.1
"""A class is learned when the test error has fallen to this share of chance."""
WAY_TO_INVARIANT = 0.5
"""A level's synonyms are ignored when the layer is this far from reacting to them as to other symbols."""


class ClassGrid(Settings):
    """Which class tasks are learned: every number of rules m with every number of classes n_c.

    Attributes:
        rules: the values of m.
        classes: the values of n_c.
        sizes: numbers of training examples.
        contender: the learner and its training.
    """

    rules: Rising
    classes: Rising
    sizes: Rising
    contender: Contender


class LevelByLevel(Settings):
    """Networks whose layers are looked into, along P and along training.

    Attributes:
        rules: the values of m.
        learners: by name; those with weight sharing and without.
        sizes: numbers of training examples P, the same for all.
        seeds: each has a grammar, sentences and initial weights of its own.
        checkpoints: networks kept along training at the largest P; at every other P the best one is.
        probe_sentences: how many each network is probed with.
        root_class: the class tasks.
    """

    vocab: int = Field(ge=2)
    rules: Rising
    branching: int = Field(default=2, ge=2)
    depth: int = Field(ge=2)
    learners: Mapping[str, Contender] = Field(min_length=1)
    sizes: Rising
    seeds: int = Field(default=3, ge=1)
    checkpoints: int = Field(default=12, ge=1)
    test_examples: int = Field(default=4096, ge=2)
    probe_sentences: int = Field(default=2048, ge=100)
    root_class: ClassGrid

    @model_validator(mode="after")
    def _sizes_fit(self) -> LevelByLevel:
        for rules in {*self.rules, *self.root_class.rules}:
            self.language(rules, 0).language()
        language = self.language(self.rules[0], 0).language()
        for contender in self.learners.values():
            contender.learner.check(LastToken().shape(language))
        self.root_class.contender.learner.check(RootClass().shape(language))
        return self

    def language(self, rules: int, seed: int, classes: int | None = None) -> HierarchySettings:
        """The language of one m and one seed, with `classes` root symbols, v by default."""
        return HierarchySettings(
            vocab=self.vocab,
            rules=rules,
            branching=self.branching,
            depth=self.depth,
            num_classes=classes,
            seed=seed,
        )

    def languages(self, rules: int, classes: int | None = None) -> list[HierarchySettings]:
        """The languages of one m, one a seed."""
        return [self.language(rules, seed, classes) for seed in range(self.seeds)]

    def law(self, rules: int, learner: str, level: int) -> float:
        """P_l of the asymptotic law; NaN where no law covers the learner."""
        chosen = self.learners[learner].learner
        return grammar.law_of(chosen, self.vocab, rules, self.branching, self.depth, level)


@dataclass(frozen=True)
class Measured:
    """Curves of the loss, of the class error, and of what the networks' last layers ignore.

    Attributes:
        curves: by learner and m.
        inside: a row for each probed network and level; `ignored` says how far it is on the way to ignoring synonyms.
        observers: the distance of each probed network to the observer of each level.
        classes: test error over chance's, by m and n_c.
        class_inside: as `inside`, of the networks that learned classes.
    """

    settings: LevelByLevel
    curves: Mapping[tuple[str, int], GrammarCurve]
    inside: pd.DataFrame
    observers: pd.DataFrame
    classes: Mapping[tuple[int, int], LearningCurve]
    class_inside: pd.DataFrame
    correlations: pd.DataFrame

    def label(self, learner: str) -> str:
        """What the learner is called."""
        return self.settings.learners[learner].learner.label

    def threshold(self, learner: str, m: int, level: int) -> Interval:
        """The measured P_l."""
        curve = self.curves.get((learner, m))
        return unmeasured("not trained yet") if curve is None else curve.threshold(level)

    def _ignored(self, table: pd.DataFrame, **chosen: Any) -> LearningCurve | None:
        """What is left on the way to ignoring synonyms, of the best network of each P."""
        rows = _where(table, kept="best", **chosen)
        curves = LearningCurve.from_runs(rows.assign(left=1 - rows["ignored"]), ["level"], "left") if len(rows) else {}
        return next(iter(curves.values()), None)

    def left_inside(self, learner: str, m: int, level: int) -> LearningCurve | None:
        """1 - `ignored` of level-`level` synonyms in the last layer, against P."""
        return self._ignored(self.inside, learner=learner, rules=m, level=level)

    def left_inside_class(self, m: int, classes: int, level: int) -> LearningCurve | None:
        """The same of the networks that learned classes."""
        return self._ignored(self.class_inside, rules=m, classes=classes, level=level)

    def rise(self, learner: str, m: int, level: int) -> Interval:
        """How much more the networks trained on P_(l+1) or more ignore level-l synonyms than those trained on less."""
        curve, line = self.left_inside(learner, m, level), self.threshold(learner, m, level + 1)
        if curve is None or not line.measured or np.isnan(curve.losses).any():
            return unmeasured("not measured on both sides")
        above = curve.num_examples >= line.value
        if not above.any() or above.all():
            return unmeasured("not measured on both sides")
        return mean(curve.losses[:, ~above].mean(axis=1) - curve.losses[:, above].mean(axis=1))

    def class_threshold(self, m: int, classes: int) -> Interval:
        """P*: where the error falls to a tenth of chance's."""
        curve = self.classes.get((m, classes))
        return unmeasured("not trained yet") if curve is None else curve.crossing(ERROR_LEFT)


def _where(table: pd.DataFrame, **chosen: Any) -> pd.DataFrame:
    for name, value in chosen.items():
        table = table.loc[(table[name] == value).to_numpy()]
    return table


def _facts(settings: LevelByLevel, results: Results) -> Iterator[Fact]:
    """Plateaus first; when networks are there, what each of them knows: every kept network is probed once.

    The probes: by layer and level, the cosine of whitened activations before and after a synonym and after another
    symbol, at the last position that sees the change; and for the last token the distance to each truncated observer.
    """
    for rules in settings.rules:
        yield from map(grammar.plateaus_fact, settings.languages(rules))
    for cell in (*_class_cells(settings), *_token_cells(settings)):
        for step in _kept(results, cell):
            text = f"looking into {cell.run.learner.kind}, P = {cell.run.num_examples}"
            yield Fact(_probe_key(settings, cell, step), _probe(settings, results, cell, step), text)


def _kept(results: Results, cell: Cell) -> list[int]:
    """The steps after which a run's networks were kept."""
    if results.store is None or cell.run not in results:
        return []
    return list(results.store.checkpoints(cell.run.id()))


def _probe_key(settings: LevelByLevel, cell: Cell, step: int) -> dict[str, Any]:
    return {"of": "probes", "run": cell.run.id(), "step": step, "sentences": settings.probe_sentences}


def _probe(settings: LevelByLevel, results: Results, cell: Cell, step: int) -> Any:
    def compute() -> dict[str, Any]:
        assert results.store is not None
        tables = probe_run(results.store, cell.run, step, settings.probe_sentences, only=("invariance", "distances"))
        return {name: table.to_dict("records") for name, table in tables.items()}

    return compute


def _token_cells(settings: LevelByLevel) -> Iterator[Cell]:
    """Prediction of the last token: each learner, m, P and seed."""
    for name, contender in settings.learners.items():
        for rules in settings.rules:
            for size in settings.sizes:
                kept = settings.checkpoints if size == settings.sizes[-1] else 1
                yield from grammar.cells_of_seeds(
                    {"learner": name, "rules": rules},
                    settings.languages(rules),
                    LastToken(),
                    contender,
                    size,
                    settings.test_examples,
                    checkpoints=kept,
                )


def _class_cells(settings: LevelByLevel) -> Iterator[Cell]:
    """The class tasks: each m, n_c, P and seed."""
    grid = settings.root_class
    for rules in grid.rules:
        for classes in grid.classes:
            for size in grid.sizes:
                yield from grammar.cells_of_seeds(
                    {"rules": rules, "classes": classes},
                    settings.languages(rules, classes),
                    RootClass(),
                    grid.contender,
                    size,
                    settings.test_examples,
                    checkpoints=1,
                )


def _cells(settings: LevelByLevel, facts: Facts, results: Results) -> Iterator[Cell]:
    yield from _class_cells(settings)
    yield from _token_cells(settings)


def _measure(settings: LevelByLevel, facts: Facts, results: Results) -> Measured:
    runs = results.table(_token_cells(settings))
    curves = grammar.grammar_curves(
        runs, ["learner", "rules"], facts, lambda name, m, seeds: [settings.language(m, seed) for seed in seeds]
    )
    tokens, classes = (list(_probed(settings, facts, results, cells)) for cells in (_token_cells, _class_cells))
    errors = results.table(_class_cells(settings))
    if len(errors):
        errors = errors.assign(error=(1 - errors["test_accuracy"]) / (1 - 1 / errors["classes"]))
    names = ["learner", "label", "rules", "classes", "num_examples", "seed", "kept", "step", "level"]
    nearest = [
        known | {"level": row["level"], "nats": row["nats"]} for known, found in tokens for row in found["distances"]
    ]
    return Measured(
        settings,
        curves,
        pd.DataFrame(_ignoring(tokens), columns=[*names, "synonym", "symbol", "ignored"]),
        pd.DataFrame(nearest, columns=[*names, "nats"]),
        LearningCurve.from_runs(errors, ["rules", "classes"], "error") if len(errors) else {},  # pyright: ignore
        pd.DataFrame(_ignoring(classes), columns=[*names, "synonym", "symbol", "ignored"]),
        _CORRELATIONS.table(_correlation_rows(settings)).data,
    )


def _probed(settings: LevelByLevel, facts: Facts, results: Results, cells: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Every probed network: its names, whether it is the best of its run or one along the training, what was found."""
    for cell in cells(settings):
        for step in _kept(results, cell):
            found = facts.get(_probe_key(settings, cell, step))
            if found is not None:
                kept = "best" if step == results[cell.run]["best_step"] else "along"
                yield {**cell.names, "kept": kept, "step": step}, found


def _ignoring(probed: Iterable[tuple[dict[str, Any], Any]]) -> Iterator[dict[str, Any]]:
    """One row a network and level: cosines of its last layer, and how far it is on the way to ignoring synonyms."""
    for known, found in probed:
        last = found["invariance"][-1]["layer"]
        cosines = {(r["level"], r["change"]): r["cosine"] for r in found["invariance"] if r["layer"] == last}
        for level in sorted({level for level, _ in cosines}):
            rule, symbol = cosines[level, "rule"], cosines[level, "symbol"]
            ignored = (rule - symbol) / (1 - symbol)
            yield known | {"level": level, "synonym": rule, "symbol": symbol, "ignored": ignored}


def _correlation_rows(settings: LevelByLevel) -> Iterator[dict[str, Any]]:
    for m in settings.rules:
        for seed, language in enumerate(settings.languages(m)):
            for one in correlations(language.language()):
                mean_square = squared_covariance(
                    settings.vocab, m, settings.branching, settings.depth, one.level, one.kind
                )
                yield {
                    "rules": m,
                    "grammar_seed": seed,
                    "kind": one.kind,
                    "level": one.level,
                    "squared_covariance": one.squared_covariance,
                    "ensemble": mean_square,
                    "floor": one.floor,
                    "examples_needed": one.examples_needed,
                }


_PREDICTIONS = Schema(
    "predictions",
    "Predicted thresholds of the last token",
    "The number of examples at which each law puts the threshold of each level.",
    (
        Column("rules", "rules m", "whole"),
        Column("law", "law", "text"),
        Column("level", "level l", "whole"),
        Column("num_examples", "P_l", "count"),
        Column("source", "source", "text"),
    ),
)
_CLASSES = Schema(
    "classes",
    "Predicted sample complexity of the class",
    "P* = n_c m^L of every class task.",
    (
        Column("rules", "rules m", "whole"),
        Column("classes", "classes n_c", "whole"),
        Column("num_examples", "P*", "count"),
        Column("source", "source", "text"),
    ),
)
_CORRELATIONS = Schema(
    "correlations",
    "Correlations of the last token",
    "Squared covariances with tokens, symbols and tuples, exact for each grammar and on average over grammars.",
    (
        Column("rules", "rules m", "whole"),
        Column("grammar_seed", "grammar", "whole"),
        Column("kind", "with a", "text"),
        Column("level", "level l", "whole"),
        Column("squared_covariance", "squared covariance", "number"),
        Column("ensemble", "average", "number"),
        Column("floor", "floor of one sentence", "number"),
        Column("examples_needed", "resolved from", "count"),
    ),
)
_IGNORED = (
    Column("ignored_measured", "synonyms ignored from", "count"),
    Column("ignored_low", "from", "count"),
    Column("ignored_high", "to", "count"),
)
_THRESHOLDS = Schema(
    "thresholds",
    "Thresholds of the last token, and of its layers",
    THRESHOLDS.caption
    + " Beside it, the size at which the last layer is half-way to ignoring synonyms of level l - 1.",
    (*THRESHOLDS.columns[:-1], *_IGNORED, THRESHOLDS.columns[-1]),
)
_CLASS_THRESHOLDS = Schema(
    "class-thresholds",
    "Sample complexity of the class",
    "Number of examples at which the test error has fallen to a tenth of chance, beside n_c m^L; and at which the last "
    "layer is half-way to ignoring level-1 synonyms. Intervals of 95 %.",
    (
        Column("rules", "rules m", "whole"),
        Column("classes", "classes n_c", "whole"),
        *THRESHOLDS.columns[3:-1],
        *_IGNORED,
        THRESHOLDS.columns[-1],
    ),
)


def _predictions(settings: LevelByLevel, facts: Facts) -> Iterator[Table]:
    yield _PREDICTIONS.table(
        {"rules": m, "law": theory.law_name(shared), "level": level, "num_examples": number, "source": theory.SOURCE}
        for m in settings.rules
        for shared in (True, False)
        for level, number in enumerate(
            theory.thresholds(settings.vocab, m, settings.branching, settings.depth, shared), start=1
        )
    )
    yield _CLASSES.table(
        {
            "rules": m,
            "classes": n,
            "num_examples": theory.class_sample_complexity(n, m, settings.depth),
            "source": theory.CLASS_SOURCE,
        }
        for m in settings.root_class.rules
        for n in settings.root_class.classes
    )
    yield _CORRELATIONS.table(_correlation_rows(settings))


def _half_invariant(curve: LearningCurve | None) -> Interval:
    return unmeasured("not probed yet") if curve is None else curve.crossing(1 - WAY_TO_INVARIANT)


def _tables(measured: Measured) -> Iterator[Table]:
    settings = measured.settings
    rows = []
    for (name, m), curve in measured.curves.items():
        for level in range(1, settings.depth + 1):
            names = {"learner": name, "label": measured.label(name), "rules": m}
            inside = _half_invariant(measured.left_inside(name, m, level - 1))
            row = grammar.threshold_row(names, level, curve.threshold(level), settings.law(m, name, level))
            rows.append(row | interval_columns(inside, "ignored_"))
    yield _THRESHOLDS.table(rows)
    rows = []
    for m, n in measured.classes:
        threshold, predicted = measured.class_threshold(m, n), theory.class_sample_complexity(n, m, settings.depth)
        inside = _half_invariant(measured.left_inside_class(m, n, 1))
        share = threshold.value / predicted if threshold.measured else math.nan
        known = {"rules": m, "classes": n, "predicted": float(predicted), "ratio": share}
        rows.append(known | interval_columns(threshold) | interval_columns(inside, "ignored_"))
    yield _CLASS_THRESHOLDS.table(rows)


def _claims(measured: Measured) -> Iterator[Claim]:
    yield from _layer_claims(measured)
    yield from _training_claims(measured)
    yield from _sharing_claims(measured)
    yield from _class_claims(measured)


def _beside(text: str, inside: LearningCurve | None, outside: LearningCurve | None, lines: Any, source: str) -> Claim:
    """What is learned inside over what shows outside: a finding, since half-way inside depends on its definition."""
    if inside is None or outside is None:
        return Claim(text, "no prediction", unmeasured("not probed yet"), source=source)
    return Claim(text, "no prediction", ratio(inside, 1 - WAY_TO_INVARIANT, outside, lines), source=source)


def _layer_claims(measured: Measured) -> Iterator[Claim]:
    """The layers come to ignore level-l synonyms where the loss shows that level l + 1 is learned.

    To use level l + 1 is to use which symbol a level-l tuple stands for.
    """
    settings = measured.settings
    for name in settings.learners:
        who = f"the {measured.label(name)} network"
        for m in settings.rules:
            for level in range(1, settings.depth):
                text = f"m = {m}: {who} ignores level-{level} synonyms more from P_{level + 1} on than before"
                yield Claim(text, "rise > 0", measured.rise(name, m, level), "above", 0.0, theory.SOURCE)
                text = f"m = {m}: P at which {who} is half-way to ignoring level-{level} synonyms, over P_{level + 1}"
                curve = measured.curves.get((name, m))
                lines = None if curve is None else curve.half_way(level + 1)
                inside = measured.left_inside(name, m, level)
                yield _beside(text, inside, None if curve is None else curve.curve, lines, theory.SOURCE)


def _training_claims(measured: Measured) -> Iterator[Claim]:
    """Along training, the level of the nearest observer rises one by one and never falls."""
    settings = measured.settings
    longest = _where(measured.observers, num_examples=settings.sizes[-1])
    for name in settings.learners:
        text = f"along training the {measured.label(name)} network learns one level after the other"
        predicted = "the nearest observer's level never falls"
        right, total, first = 0, 0, ""
        for (m, seed), rows in _where(longest, learner=name).groupby(["rules", "seed"]):  # pyright: ignore
            nearest = rows.loc[rows.groupby("step")["nats"].idxmin()].sort_values("step")
            levels = nearest["level"].to_numpy(int)
            right, total = right + bool((np.diff(levels) >= 0).all()), total + 1
            steps = [nearest["step"][nearest["level"] >= k].min() for k in range(1, levels.max() + 1)]
            first = first or f"m = {m}, seed {seed}: levels 1, 2, ... from steps {', '.join(f'{s:.0f}' for s in steps)}"
        if not total:
            yield Claim(text, predicted, unmeasured("nothing probed"), "equals", 1.0, theory.SOURCE)
        else:
            shown = f"in {right} of {total} trainings ({first})"
            yield Claim(text, predicted, certain(right / total), "equals", 1.0, theory.SOURCE, shown=shown)


def _sharing_claims(measured: Measured) -> Iterator[Claim]:
    """What weight sharing is worth: the locally connected twin against the convolutional network."""
    settings = measured.settings
    if not {"cnn", "locally-connected"} <= settings.learners.keys():
        return
    for m in settings.rules:
        alone, shared = measured.curves.get(("locally-connected", m)), measured.curves.get(("cnn", m))
        for level in range(1, settings.depth + 1):
            power = theory.threshold_exponent(level, False) - theory.threshold_exponent(level, True)
            text = f"level {level}, m = {m}: examples that the network needs without weight sharing over those with it"
            times = unmeasured("not trained yet") if alone is None or shared is None else alone.over(shared, level)
            law = f"m^{power} = {m**power}" if power else "1"
            yield grammar.ratio_claim(text, float(m**power), times, theory.SOURCE, law)


def _class_claims(measured: Measured) -> Iterator[Claim]:
    """P* = n_c m^L: its exponent in m for each n_c, in n_c for each m; and what the layers ignore meanwhile."""
    grid, depth = measured.settings.root_class, measured.settings.depth
    lines = [(f"n_c = {c}", "m", grid.rules, [(m, c) for m in grid.rules], depth) for c in grid.classes]
    lines += [(f"m = {m}", "n_c", grid.classes, [(m, c) for c in grid.classes], 1) for m in grid.rules]
    for fixed, symbol, values, places, exponent in lines:
        text, law = f"{fixed}: P* of the class grows as a power of {symbol}", f"{symbol}^{exponent}"
        yield from _power_claim(text, law, symbol, values, [measured.class_threshold(*p) for p in places], exponent)
    for n in grid.classes:
        text = f"n_c = {n}: the P from which level-1 synonyms are ignored grows as P* does"
        insides = [_half_invariant(measured.left_inside_class(m, n, 1)) for m in grid.rules]
        yield from _power_claim(text, f"m^{depth}", "m", grid.rules, insides, depth)
    for (m, n), curve in measured.classes.items():
        text = f"m = {m}, n_c = {n}: P at which level-1 synonyms are half-way ignored, over P*"
        yield _beside(text, measured.left_inside_class(m, n, 1), curve, ERROR_LEFT, theory.CLASS_SOURCE)


def _power_claim(
    text: str, law: str, symbol: str, values: Sequence[int], measured: Sequence[Interval], exponent: int
) -> Iterator[Claim]:
    """A power of a size of the task, where there are two values of it."""
    if len(values) < 2:
        return
    known = all(not math.isnan(one.value) for one in measured)
    power = power_law(values, measured) if known else unmeasured("not trained yet")
    shown = f"{symbol}^k, k = {power}" if known else ""
    yield Claim(
        text,
        law,
        power,
        "equals",
        float(exponent),
        theory.CLASS_SOURCE,
        resolution=grammar.INTEGER_EXPONENT,
        shown=shown,
    )


def _figures(measured: Measured) -> Iterator[Figure]:
    settings, panels = measured.settings, []
    for m in settings.rules:
        curves = {name: curve for (name, rules), curve in measured.curves.items() if rules == m}
        if curves:
            heights = next(iter(curves.values())).plateaus.mean(0)
            laws = grammar.law_predictions(settings.vocab, m, settings.branching, settings.depth, heights)
            panels.append(grammar.level_panel(curves, settings.depth, laws, title=f"m = {m} rules per symbol"))
    caption = (
        "Test loss of the last token against the number of training examples P, with weight sharing and without. "
        "Horizontal lines: the exact losses L_l of a reader who knows the grammar and uses the s^l - 1 tokens before "
        "the last; the lowest is the oracle. Dashes: where each law puts the threshold P_l. Diamonds: where the seeds "
        "come half-way between two plateaus, with the interval of 95 %."
    )
    panels = panels or [Panel(marks=(Empty("No run of the last token is finished."),))]
    yield learning_curves(panels, title="With weight sharing and without", caption=caption)
    yield _inside_figure(measured)
    yield _observer_figure(measured)
    yield _class_figure(measured)
    yield _correlation_figure(measured)


def _by_network(measured: Measured, table: pd.DataFrame, y: Axis, marks: Any) -> list[Panel]:
    """A row of two panels a learner, at the smallest m: against P the best networks, against steps the largest P."""
    m, panels = measured.settings.rules[0], []
    for name in measured.settings.learners:
        rows = _where(table, learner=name, rules=m)
        largest = measured.settings.sizes[-1]
        for part, x, where in (
            (_where(rows, kept="best"), "num_examples", "training examples P"),
            (_where(rows, num_examples=largest), "step", f"training step at P = {largest:,}, plus 1"),
        ):
            drawn = list(marks(part, name, m, x)) if len(part) else [Empty("No network was probed.")]
            panels.append(Panel(measured.label(name), Axis(where, "log"), y, drawn))
    return panels


def _inside_figure(measured: Measured) -> Figure:
    def marks(part: pd.DataFrame, name: str, m: int, x: str) -> Iterator[Mark]:
        for level in sorted(part["level"].unique()):
            spread: Any = _where(part, level=level).groupby(x)["ignored"].agg(["mean", "min", "max"])
            places, key = spread.index.to_numpy(float) + (x == "step"), f"level {level}"
            yield Band(places, spread["min"], spread["max"], key=key)
            yield Line(places, spread["mean"], marker="o", key=key, label=key)
            line = measured.threshold(name, m, int(level) + 1)
            if x == "num_examples" and line.measured:
                yield VerticalLine(line.value, key=key, label="measured $P_{l+1}$" if level == 1 else "")

    y = Axis("synonyms ignored (0 to 1)", limits=(-0.12, 1.02))
    caption = (
        "How far the last layer is on the way from reacting to a synonym as to another symbol (0) to ignoring it (1): "
        "(c_rule - c_symbol) / (1 - c_symbol), c the cosine of whitened activations before and after the change of "
        "the node beside the last one of its level. Left: the best network of every P; dashes: the measured P_(l+1), "
        "from which level l must be known. Right: along training at the largest P. Bands: the smallest to the largest "
        f"of the seeds. m = {measured.settings.rules[0]}; the others are in the tables."
    )
    panels = _by_network(measured, measured.inside, y, marks)
    return Figure("invariance", "Which synonyms the last layer ignores", panels, caption, columns=2)


def _observer_figure(measured: Measured) -> Figure:
    def marks(part: pd.DataFrame, name: str, m: int, x: str) -> Iterator[Mark]:
        for level in sorted(part["level"].unique()):
            rows: Any = _where(part, level=level).groupby(x)["nats"].mean()
            places = rows.index.to_numpy(float) + (x == "step")
            yield Line(places, rows, marker="o", key=f"level {level}", label=f"observer of level {level}")

    caption = (
        "Distance of the network's prediction of the last token to the exact posterior of an observer who knows the "
        "grammar up to level l and sees the s^l - 1 tokens before it: the lowest line says which level is learned. "
        f"Mean over seeds. Left: the best network of every P. Right: along training. m = {measured.settings.rules[0]}."
    )
    panels = _by_network(measured, measured.observers, Axis("distance to observer (nats)", "log"), marks)
    return Figure("observers", "Whom the networks predict like", panels, caption, columns=2)


def _class_figure(measured: Measured) -> Figure:
    """Class errors with seed dots, and P* over its law."""
    settings, left, right = measured.settings, list[Mark](), list[Mark]()
    left.append(Level(ERROR_LEFT, "a tenth of chance"))
    for place, m in enumerate(settings.root_class.rules):
        values = []
        for turn, n in enumerate(settings.root_class.classes):
            curve = measured.classes.get((m, n))
            if curve is None:
                continue
            key, band = f"series {place}", curve.band()
            floor = 0.5 / settings.test_examples
            shown = np.maximum(band.mean, floor)
            left.append(Line(band.num_examples, shown, marker="os^D"[turn % 4], key=key, label=f"m = {m}, n_c = {n}"))
            dots = np.maximum(curve.losses, floor)
            left += [
                Points(curve.num_examples, row, key=key, size=0.4, marker="os^D"[turn % 4], hover={"seed": seed})
                for seed, row in zip(curve.seeds, dots, strict=True)
            ]
            star = measured.class_threshold(m, n)
            if star.measured:
                values.append((n, star.scaled(1 / theory.class_sample_complexity(n, m, settings.depth))))
        if values:
            right.append(
                Points(
                    [n * 1.03**place for n, _ in values],
                    [one.value for _, one in values],
                    [one.low for _, one in values],
                    [one.high for _, one in values],
                    key=f"series {place}",
                    label=f"m = {m}",
                )
            )
    if left:
        least = 0.5 / settings.test_examples
        left.append(Level(least, f"< 1/{settings.test_examples:,}", key="plateau", dash="dashed"))
    classes = settings.root_class.classes
    if right:
        right.append(Law(classes, [1.0] * len(classes), label="law"))
    else:
        right.append(Empty("No class has come to a tenth of chance's error."))
    panels = (
        Panel("error against P", Axis("training examples P", "log"), Axis("test error over chance's", "log"), left),
        Panel("P* over its law", Axis("classes $n_c$", "log", ticks=classes), Axis("$P^* / (n_c m^L)$", "log"), right),
    )
    caption = (
        "Left: test error of the class at the root over that of chance, against P: mean over seeds with a dot for "
        f"each; an error of zero in {settings.test_examples} sentences is drawn as half of one. The line is the tenth "
        "of chance that defines P*. Right: P* over the predicted n_c m^L, with the interval of 95 %; the law predicts "
        "one height for all."
    )
    return Figure("class-curves", "Learning the class at the root", panels, caption, columns=2)


def _correlation_figure(measured: Measured) -> Figure:
    table, panels = measured.correlations, []
    keys = {"token": "attention", "symbol": "transformer", "tuple": "cnn"}
    for m in measured.settings.rules:
        marks: list[Mark] = []
        rows = _where(table, rules=m)
        for place, (kind, key) in enumerate(keys.items()):
            one = _where(rows, kind=kind)
            at = one["level"] + 0.1 * (place - 1)
            marks.append(
                Points(at, one["squared_covariance"] / one["floor"], key=key, label=f"last token with a {kind}")
            )
            means: Any = one.groupby("level")[["ensemble", "floor"]].mean()
            marks.append(Law(means.index + 0.1 * (place - 1), means["ensemble"] / means["floor"], key=key))
        signal: Any = rows["squared_covariance"] / rows["floor"]
        marks += [
            Level(2.0**-power, f"P = {2**power:,}", key="plateau")
            for power in range(2, 30, 3)
            if signal.min() / 2 < 2.0**-power < 2 * signal.max()
        ]
        x = Axis("level l at which the two meet", ticks=sorted(set(rows["level"])))
        panels.append(
            Panel(f"m = {m} rules per symbol", x, Axis("squared covariance / floor of one sentence", "log"), marks)
        )
    caption = (
        "Squared covariances of the last token with tokens, symbols and tuples that it meets at level l: exact for "
        "each grammar drawn (points) and on average over grammars (dashes). Horizontal lines: what P sentences of "
        "independent variables show. Correlations above a line are resolved by that P."
    )
    return Figure("correlations", "Which correlations so many sentences resolve", panels, caption)


def _contender(learner: AnyLearner, steps: tuple[int, int]) -> Contender:
    tree = isinstance(learner, HierarchicalCNN | LocallyConnected)
    return Contender(learner=learner, training=adam(0.03 if tree else 0.01, steps))


def _learners(width: int, layers: int, trees: tuple[int, int], others: tuple[int, int]) -> dict[str, Contender]:
    attention = MultiLayerAttention(width=width, heads=width // 16, layers=layers)
    return {
        "cnn": _contender(HierarchicalCNN(width=width), trees),
        "locally-connected": _contender(LocallyConnected(width=width), trees),
        "attention": _contender(attention, others),
    }


PRESETS: Mapping[str, LevelByLevel] = {
    "quick": LevelByLevel(
        vocab=6,
        rules=(2,),
        depth=3,
        learners=_learners(48, 3, (2000, 2000), (1000, 1000)),
        sizes=powers_of_two(5, 11),
        checkpoints=8,
        test_examples=1024,
        probe_sentences=1024,
        root_class=ClassGrid(
            rules=(2, 3),
            classes=(6,),
            sizes=powers_of_two(4, 10),
            contender=_contender(HierarchicalCNN(width=48), (1000, 1000)),
        ),
    ),
    "laptop": LevelByLevel(
        vocab=8,
        rules=(2, 3, 4),
        depth=4,
        learners=_learners(64, 3, (5000, 8000), (1500, 6000)),
        sizes=powers_of_two(6, 15),
        root_class=ClassGrid(
            rules=(2, 3, 4),
            classes=(2, 4, 8),
            sizes=powers_of_two(5, 14),
            contender=_contender(HierarchicalCNN(width=64), (2000, 6000)),
        ),
    ),
    "full": LevelByLevel(
        vocab=32,
        rules=(4, 6, 8),
        depth=4,
        learners=_learners(512, 4, (2**13, 2**20), (2**13, 2**20)),
        sizes=powers_of_two(8, 22),
        seeds=5,
        checkpoints=24,
        test_examples=2**15,
        probe_sentences=2**13,
        root_class=ClassGrid(
            rules=(4, 6, 8),
            classes=(4, 8, 16, 32),
            sizes=powers_of_two(8, 20),
            contender=_contender(HierarchicalCNN(width=512), (2**13, 2**18)),
        ),
    ),
}

STUDY = Study(
    name="level-by-level",
    title="What networks know of a grammar, level by level",
    paper="arXiv 2505.07070",
    settings=LevelByLevel,
    presets=PRESETS,
    facts=_facts,
    cells=_cells,
    predictions=_predictions,
    measure=_measure,
    tables=_tables,
    claims=_claims,
    figures=_figures,
)
