"""What the networks of the grid know, as facts: each kept network is probed once, on sentences of its own.

A fact holds, by layer and level, the cosine of whitened activations before and after a synonym and after another
symbol, at the last position that sees the change; and for the last token the distance to each truncated observer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from syntagma.studies.grid import Cell
from syntagma.studies.level_by_level.settings import NAME, LevelByLevel
from syntagma.studies.stored import Facts
from syntagma.studies.study import Progress
from syntagma.sweep.stored_network import probe_run
from syntagma.sweep.weights import checkpoints

if TYPE_CHECKING:
    from syntagma.sweep.store import Store


def look_inside(settings: LevelByLevel, store: Store, progress: Progress) -> None:
    """Probe every kept network of the grid that is not probed yet."""
    facts = Facts(store, NAME)
    wanted = [(cell, step) for cell in settings.cells() for step in checkpoints(store.path.parent, cell.run.id())]
    for done, (cell, step) in enumerate(wanted):
        progress(f"looking into {cell.run.learner.kind}, P = {cell.run.num_examples}", done / len(wanted))
        facts.settle(_key(settings, cell, step), lambda cell=cell, step=step: _probed(settings, store, cell, step))


def found_inside(settings: LevelByLevel, store: Store) -> dict[str, dict[int, dict[str, Any]]]:
    """What `look_inside` found: by run and step."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for key, value in store.facts(NAME):
        if key["of"] == "probes" and key["sentences"] == settings.probe_sentences:
            found.setdefault(key["run"], {})[key["step"]] = value
    return {run: dict(sorted(steps.items())) for run, steps in found.items()}


def _key(settings: LevelByLevel, cell: Cell, step: int) -> dict[str, Any]:
    return {"of": "probes", "run": cell.run.id(), "step": step, "sentences": settings.probe_sentences}


def _probed(settings: LevelByLevel, store: Store, cell: Cell, step: int) -> dict[str, Any]:
    tables = probe_run(store, cell.run, step, settings.probe_sentences, only=("invariance", "distances"))
    return {name: table.to_dict("records") for name, table in tables.items()}
