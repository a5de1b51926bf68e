"""What networks have learned of a grammar, level by level: in their layers, along P and along training.

The last token is predicted by a convolutional network, by its twin without weight sharing and by attention, and the
class at the root by the convolutional network, each from several P. Every network is kept and looked into: which
changes of the sentence's tree its last layer ignores, and which truncated observer it predicts like.
Sources: arXiv 2505.07070 (second half), 2307.02129 (classes), 2406.00048 (correlations).
"""

from __future__ import annotations

from syntagma.studies.level_by_level.claims import claims
from syntagma.studies.level_by_level.figures import figures
from syntagma.studies.level_by_level.measured import cells, facts, measure
from syntagma.studies.level_by_level.settings import PRESETS, LevelByLevel
from syntagma.studies.level_by_level.tables import predictions, tables
from syntagma.studies.study import Study

__all__ = ["PRESETS", "STUDY", "LevelByLevel"]

STUDY = Study(
    name="level-by-level",
    title="What networks know of a grammar, level by level",
    paper="arXiv 2505.07070",
    settings=LevelByLevel,
    presets=PRESETS,
    facts=facts,
    cells=cells,
    predictions=predictions,
    measure=measure,
    tables=tables,
    claims=claims,
    figures=figures,
)
