"""What networks have learned of a grammar, level by level: in their layers, along P and along training.

The last token is predicted by a convolutional network, by its twin without weight sharing and by attention, and the
class at the root by the convolutional network, each from several P. Every network is kept and looked into: which
changes of the sentence's tree its last layer ignores, and which truncated observer it predicts like.
Sources: arXiv 2505.07070 (second half), 2307.02129 (classes), 2406.00048 (correlations).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from syntagma.studies.grid import Cell, run_missing
from syntagma.studies.level_by_level.analysis import analyse
from syntagma.studies.level_by_level.inside import look_inside
from syntagma.studies.level_by_level.predictions import class_predictions, correlation_table, token_predictions
from syntagma.studies.level_by_level.settings import NAME, PRESETS, LevelByLevel
from syntagma.studies.plateaus import plateaus_fact
from syntagma.studies.stored import Facts
from syntagma.studies.study import Analysis, Progress, Study

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

__all__ = ["PRESETS", "STUDY", "LevelByLevel"]

_TRAINING_SHARE = 0.9
"""Of the time that a run of the study takes, for the progress display; the rest is probing."""


class _LevelByLevelStudy(Study[LevelByLevel]):
    name = NAME
    title = "What networks know of a grammar, level by level"
    paper = "arXiv 2505.07070"

    @property
    def presets(self) -> Mapping[str, LevelByLevel]:
        """Sizes: quick, a few minutes; laptop, under an hour; full, for an accelerator."""
        return PRESETS

    def predict(self, settings: LevelByLevel) -> Mapping[str, pd.DataFrame]:
        """Thresholds of tokens and classes, and the exact correlations of the grammars; nothing is trained."""
        return {
            "predictions": token_predictions(settings),
            "classes": class_predictions(settings),
            "correlations": correlation_table(settings),
        }

    def run(self, settings: LevelByLevel, store: Store, workers: int, progress: Progress) -> None:
        """Train what is missing, then look into every network that was kept."""
        facts = Facts(store, NAME)
        for rules in settings.rules:
            for seed in range(settings.seeds):
                language = settings.language(rules, seed)
                key = {"of": "plateaus", "language": language.model_dump(mode="json")}
                facts.settle(key, lambda language=language: plateaus_fact(language))
        run_missing(settings.cells(), store, workers, lambda text, done: progress(text, _TRAINING_SHARE * done), _say)
        look_inside(settings, store, lambda text, done: progress(text, _TRAINING_SHARE + (1 - _TRAINING_SHARE) * done))

    def analyse(self, store: Store) -> Analysis:
        """Curves, thresholds, invariances and verdicts from what is stored, for the settings of the last command."""
        return analyse(self.title, store)


def _say(cell: Cell, result: Mapping[str, Any]) -> str:
    names = " ".join(f"{name}={value}" for name, value in cell.names.items() if name not in ("label", "seed"))
    return f"{cell.run.task.kind} {names}: {result['test_loss']:.3f} nats"


STUDY = _LevelByLevelStudy()
