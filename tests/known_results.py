"""Results and facts made by hand, stored as a command would: for tests of what a study says where answers are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from syntagma.plot import Figure, Level, Mark
from syntagma.studies import Cell, Fact, Results, Settings, Study, machinery
from syntagma.studies.machinery import Analysis
from syntagma.sweep.store import Store


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
    """Whether both backends draw it, with a caption of whole sentences."""
    _, axes = figure.matplotlib()
    return len(axes) == len(figure.panels) and bool(figure.plotly().data) and figure.caption.endswith(".")


def marks(analysis: Analysis, name: str, kind: type[Mark] = Level) -> list[Any]:
    """All marks of one kind in the figure of that name."""
    figure = next(one for one in analysis.figures if one.name == name)
    return [mark for panel in figure.panels for mark in panel.marks if isinstance(mark, kind)]
