"""Results and facts made by hand, stored as a command would: for tests of what a study says where answers are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from syntagma.curves import LearningCurve
from syntagma.languages.settings import HierarchySettings
from syntagma.plot import Figure, Level, Mark
from syntagma.studies import Cell, Fact, Facts, Results, Settings, Study, machinery
from syntagma.studies.grammar import GrammarCurve
from syntagma.studies.machinery import Analysis
from syntagma.sweep.store import Store
from syntagma.theory import hierarchy as theory
from syntagma.theory import zipf


def record_command(store: Store, study: Study[Any, Any], settings: Settings) -> None:
    """As `syntagma run` does before anything else."""
    store.record_command(study.name, "quick", settings.model_dump(mode="json"), ["syntagma", "run", study.name])


def store_known(
    place: Path,
    study: Study[Any, Any],
    settings: Settings,
    result: Callable[[Cell], Mapping[str, Any]],
    fact: Callable[[Fact], Mapping[str, Any]] | None = None,
    *,
    when: Callable[[Cell], bool] = lambda cell: True,
) -> Analysis:
    """The analysis of a store that holds `result` of every planned cell and `fact` of every fact asked for first.

    Args:
        fact: the value of a fact; computed as the study says where not given.
        when: which cells are finished.
    """
    with Store.create(place) as store:
        record_command(store, study, settings)
        for one in study.facts(settings, Results()):
            store.record_fact(study.name, one.key, one.compute() if fact is None else fact(one))
        for cell in machinery.plan(study, settings):
            if when(cell):
                store.record_run(cell.run.config(), result(cell))
        return machinery.analyse(study, store)


def outcomes(analysis: Analysis, *words: str) -> list[str]:
    """The outcomes of the claims whose text has all these words."""
    found = [verdict.outcome for verdict in analysis.verdicts if all(word in verdict.claim.text for word in words)]
    assert found, words
    return found


def is_drawn(figure: Figure) -> bool:
    """Whether both backends draw it, no panel is without anything, and its caption is whole sentences."""
    from matplotlib import pyplot

    drawn, axes = figure.matplotlib()
    pyplot.close(drawn)
    layout = figure.plotly().layout
    full = all(panel.marks for panel in figure.panels)
    return len(axes) == len(figure.panels) and full and bool(layout.xaxis) and figure.caption.endswith(".")


def marks(analysis: Analysis, name: str, kind: type[Mark] = Level) -> list[Any]:
    """All marks of one kind in the figure of that name."""
    figure = next(one for one in analysis.figures if one.name == name)
    return [mark for panel in figure.panels for mark in panel.marks if isinstance(mark, kind)]


def plateaus(depth: int) -> list[float]:
    """L_0..L_L made by hand."""
    return [1.4 * 0.5**level for level in range(depth + 1)]


def staircase(size: float, thresholds: Sequence[float]) -> float:
    """Plateaus rounded by a tanh in ln P that is half-way at each threshold."""
    heights = plateaus(len(thresholds))
    loss = heights[0]
    for level, at in enumerate(thresholds, start=1):
        loss -= (0.5 + 0.5 * math.tanh(6 * math.log(size / at))) * (heights[level - 1] - heights[level])
    return loss


def grammar_fact(fact: Fact) -> dict[str, Any]:
    """The facts of a random hierarchy made by hand: plateaus as above, predictions as if every law were exact."""
    of, language = fact.key["of"], fact.key["language"]
    vocab, m, s, depth = (language[name] for name in ("vocab", "rules", "branching", "depth"))
    match of:
        case "plateaus":
            return {"loss_nats": plateaus(depth), "standard_error": [0.0] * (depth + 1)}
        case "signal = noise":
            laws = {shared: theory.thresholds(vocab, m, s, depth, shared).tolist() for shared in (True, False)}
            return {"tokens": laws[False], "tuples": laws[True], "conditional": laws[True]}
        case "signal = noise of the class":
            return {"num_examples": float(theory.class_sample_complexity(language["num_classes"] or vocab, m, depth))}
        case "fall of the class error":
            return {"exponent": zipf.exponent(language["rule_probabilities"])}
        case _:
            return {"nats": {"chance": 1.4, "mean entropy": 0.3}[of]}


def grammar_facts(study: Study[Any, Any], settings: Settings) -> Facts:
    """All facts that a study asks for first, made by hand."""
    facts = Facts()
    for one in study.facts(settings, Results()):
        facts.add(one.key, grammar_fact(one))
    return facts


SPREAD = np.array([-0.05, 0.05, -0.025, 0.025, 0.0])
"""What the seeds' logarithms are off by: nothing on average."""


def around(value: float, place: int = 0) -> np.ndarray:
    """`[seeds]`: numbers with geometric mean `value`, whose noise depends on the place."""
    return value * np.exp(np.roll(SPREAD, place))


def curve_through(thresholds: Sequence[Any]) -> GrammarCurve:
    """A curve whose seeds cross half-way lines at these sizes: each `[seeds]`, ascending by level.

    Sizes are a factor 1.01 apart and the loss is linear in ln P between crossings, so they are recovered to that.
    """
    at, heights = np.log(np.stack(thresholds, axis=1)), np.array(plateaus(len(thresholds)))
    middle = (heights[1:] + heights[:-1]) / 2
    sizes = np.exp(np.arange(at.min() - 2, at.max() + 2, 0.01))
    rows = [np.interp(np.log(sizes), [row[0] - 1, *row, row[-1] + 1], [heights[0], *middle, heights[-1]]) for row in at]
    return GrammarCurve(LearningCurve(sizes, np.array(rows)), np.tile(heights, (len(at), 1)))


def enumerated(language: HierarchySettings) -> tuple[np.ndarray, np.ndarray]:
    """All sentences of a small language, `[v^T, T]`, and their probabilities."""
    made = language.language()
    grid = np.meshgrid(*[np.arange(made.vocab)] * made.sentence_length, indexing="ij")
    every = np.stack(grid, -1).reshape(-1, made.sentence_length)
    return every, np.exp(made.log_prob(every))
