"""From finished runs and probed networks to curves: of the loss, of classes, of what the last layer ignores."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from syntagma.curves import Interval, LearningCurve, mean, unmeasured
from syntagma.languages.settings import HierarchySettings
from syntagma.statistics.correlations import correlations
from syntagma.studies import grammar
from syntagma.studies.grammar import GrammarCurve
from syntagma.studies.level_by_level.settings import LevelByLevel
from syntagma.studies.study import Cell, Fact, Facts, Results
from syntagma.sweep.stored_network import probe_run
from syntagma.tasks import LastToken, RootClass
from syntagma.theory import root_class
from syntagma.theory.correlations import squared_covariance

ERROR_LEFT = 0.1
"""A class is learned when the test error has fallen to this share of chance."""
WAY_TO_INVARIANT = 0.5
"""A level's synonyms are ignored when the layer is this far from reacting to them as to other symbols."""


@dataclass(frozen=True)
class Measured:
    """Curves of the loss, of the class error, and of what the networks' last layers ignore.

    Attributes:
        curves: by learner and m.
        inside: a row for each probed network and level; `ignored` says how far it is on the way to ignoring synonyms.
        observers: the distance of each probed network to the observer of each level.
        classes: test error over chance's, by m and n_c.
        fixed_root: the same by n_c, where all classes together have a fixed number of rules.
        class_inside: as `inside`, of the networks that learned classes.
    """

    settings: LevelByLevel
    facts: Facts
    curves: Mapping[tuple[str, int], GrammarCurve]
    inside: pd.DataFrame
    observers: pd.DataFrame
    classes: Mapping[tuple[int, int], LearningCurve]
    fixed_root: Mapping[int, LearningCurve]
    class_inside: pd.DataFrame
    correlations: pd.DataFrame

    def label(self, learner: str) -> str:
        """What the learner is called."""
        return self.settings.learners[learner].learner.label

    def threshold(self, learner: str, m: int, level: int) -> Interval:
        """The measured P_l."""
        return grammar.threshold(self.curves.get((learner, m)), level)

    def predicted(self, learner: str, m: int, level: int) -> float:
        """P_l by the exact correlations of the very grammars."""
        settings = self.settings
        one = settings.grammar_of(m)
        return one.predicted(self.facts, settings.seeds, settings.learners[learner].learner, level)

    def _ignored(self, table: pd.DataFrame, **chosen: Any) -> LearningCurve | None:
        """What is left on the way to ignoring synonyms, of the best network of each P."""
        rows = where(table, kept="best", **chosen)
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

    def predicted_class(self, m: int, classes: int) -> float:
        """P* by signal = noise, as `predicted_class`."""
        return predicted_class(self.facts, self.settings.languages(m, classes))

    def fixed_root_threshold(self, classes: int) -> Interval:
        """P* where the root's rules are held fixed."""
        curve = self.fixed_root.get(classes)
        return unmeasured("not trained yet") if curve is None else curve.crossing(ERROR_LEFT)

    def predicted_fixed_root(self, classes: int) -> float:
        """That P* by signal = noise."""
        return predicted_class(self.facts, self.settings.fixed_root_languages(classes))


def where(table: pd.DataFrame, **chosen: Any) -> pd.DataFrame:
    """The rows with these values."""
    for name, value in chosen.items():
        table = table.loc[(table[name] == value).to_numpy()]
    return table


def facts(settings: LevelByLevel, results: Results) -> Iterator[Fact]:
    """Plateaus first; when networks are there, what each of them knows: every kept network is probed once.

    The probes: by layer and level, the cosine of whitened activations before and after a synonym and after another
    symbol, at the last position that sees the change; and for the last token the distance to each truncated observer.
    """
    for rules in settings.rules:
        yield from grammar.language_facts(settings.languages(rules))
    for rules, classes in itertools.product(settings.root_class.rules, settings.root_class.classes):
        yield from map(_class_fact, settings.languages(rules, classes))
    for classes in settings.root_class.rules_of_class():
        yield from map(_class_fact, settings.fixed_root_languages(classes))
    for cell in (*_class_cells(settings), *_token_cells(settings)):
        for step in _kept(results, cell):
            text = f"looking into {cell.run.learner.kind}, P = {cell.run.num_examples}"
            yield Fact(_probe_key(settings, cell, step), _probe(settings, results, cell, step), text)


def _class_fact(language: HierarchySettings) -> Fact:
    """P* of one grammar, where tuples' correlations with the class stand out of the noise."""

    def compute() -> dict[str, float]:
        return {"num_examples": root_class.threshold(language.language())}

    return Fact(_class_key(language), compute, f"correlations with the class of m={language.rules}")


def _class_key(language: HierarchySettings) -> dict[str, Any]:
    return grammar.fact_key("signal = noise of the class", language)


def predicted_class(facts: Facts, languages: Iterable[HierarchySettings]) -> float:
    """P* by signal = noise (`theory.root_class.threshold`), exact for the grammars; the geometric mean over them."""
    sizes = [facts[_class_key(language)]["num_examples"] for language in languages]
    return float(np.exp(np.mean(np.log(sizes))))


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
    """Prediction of the last token: each learner, m, P and seed; more networks are kept at the largest P."""
    for name, contender in settings.learners.items():
        for rules in settings.rules:
            names, languages, task = {"learner": name, "rules": rules}, settings.languages(rules), LastToken()
            for sizes, kept in ((settings.sizes[:-1], 1), (settings.sizes[-1:], settings.checkpoints)):
                number = settings.test_examples
                yield from grammar.cells_of(names, languages, task, contender, sizes, number, checkpoints=kept)


def _class_cells(settings: LevelByLevel) -> Iterator[Cell]:
    """The class tasks: each m, n_c, P and seed."""
    grid, task, number = settings.root_class, RootClass(), settings.test_examples
    for m in grid.rules:
        for n in grid.classes:
            names, languages = {"rules": m, "classes": n}, settings.languages(m, n)
            yield from grammar.cells_of(names, languages, task, grid.contender, grid.sizes, number, checkpoints=1)


def _fixed_root_cells(settings: LevelByLevel) -> Iterator[Cell]:
    """The class tasks of the largest m whose root has a fixed number of rules: each n_c, P and seed.

    Where that leaves a class m rules they are the runs of `_class_cells`.
    """
    grid, task, number = settings.root_class, RootClass(), settings.test_examples
    for n, own in grid.rules_of_class().items():
        names = {"rules": grid.rules[-1], "classes": n, "rules_of_class": own}
        languages = settings.fixed_root_languages(n)
        yield from grammar.cells_of(names, languages, task, grid.contender, grid.sizes, number, checkpoints=1)


def cells(settings: LevelByLevel, facts: Facts, results: Results) -> Iterator[Cell]:
    """The class tasks, then the last token."""
    yield from _class_cells(settings)
    yield from (cell for cell in _fixed_root_cells(settings) if cell.names["rules_of_class"] < cell.names["rules"])
    yield from _token_cells(settings)


_NAMES = ["learner", "label", "rules", "classes", "num_examples", "seed", "kept", "step", "level"]
"""What tells one level of one probed network from the others."""


def measure(settings: LevelByLevel, facts: Facts, results: Results) -> Measured:
    """Everything that tables, claims and figures need."""
    cells = list(_token_cells(settings))
    curves = grammar.grammar_curves(results.table(cells), ["learner", "rules"], facts, cells)
    tokens, classes = (list(_probed(settings, facts, results, cells)) for cells in (_token_cells, _class_cells))
    fixed_root = _class_errors(results.table(_fixed_root_cells(settings)), ["classes"])
    nearest = (
        known | {"level": row["level"], "nats": row["nats"]} for known, found in tokens for row in found["distances"]
    )
    return Measured(
        settings,
        facts,
        curves,
        pd.DataFrame(_ignoring(tokens), columns=[*_NAMES, "synonym", "symbol", "ignored"]),
        pd.DataFrame(nearest, columns=[*_NAMES, "nats"]),
        _class_errors(results.table(_class_cells(settings)), ["rules", "classes"]),
        {classes: curve for (classes,), curve in fixed_root.items()},
        pd.DataFrame(_ignoring(classes), columns=[*_NAMES, "synonym", "symbol", "ignored"]),
        pd.DataFrame(correlation_rows(settings)),
    )


def _class_errors(runs: pd.DataFrame, by: list[str]) -> dict[Any, LearningCurve]:
    """The test error over chance's."""
    if not len(runs):
        return {}
    errors = (1 - runs["test_accuracy"]) / (1 - 1 / runs["classes"])
    return LearningCurve.from_runs(runs.assign(error=errors), by, "error")


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


def correlation_rows(settings: LevelByLevel) -> Iterator[dict[str, Any]]:
    """Squared covariances of the last token: a row for each m, grammar, kind of partner and level."""
    sizes = settings.branching, settings.depth
    for m in settings.rules:
        for seed, language in enumerate(settings.languages(m)):
            for one in correlations(language.language()):
                yield {
                    "rules": m,
                    "grammar_seed": seed,
                    "kind": one.kind,
                    "level": one.level,
                    "squared_covariance": one.squared_covariance,
                    "ensemble": squared_covariance(settings.vocab, m, *sizes, one.level, one.kind),
                    "floor": one.floor,
                    "examples_needed": one.examples_needed,
                }


def half_invariant(curve: LearningCurve | None) -> Interval:
    """Examples at which the last layer is half-way to ignoring synonyms."""
    return unmeasured("not probed yet") if curve is None else curve.crossing(1 - WAY_TO_INVARIANT)
