"""Unequal rules: how the class error falls, and where the last token's thresholds go, if rules follow Zipf's law.

The rules of level 1 have probabilities k^-(1+a); the class at the root and the last token are learned beside the same
with equal rules. Beside a network a reader without weights may learn the class: the clusterer, which knows a tuple by
its correlation with the class and looks it up, is the learner that the prediction describes.

Source: arXiv 2505.07067 (class error), 2505.07070 (signal = noise); what is predicted of both is in `theory.zipf` and
`theory.root_class`.
"""

from __future__ import annotations

from syntagma.studies.study import Study
from syntagma.studies.zipf_rules.claims import claims
from syntagma.studies.zipf_rules.figures import figures
from syntagma.studies.zipf_rules.measured import cells, facts, measure
from syntagma.studies.zipf_rules.settings import PRESETS, ZipfRules
from syntagma.studies.zipf_rules.tables import predictions, tables

__all__ = ["PRESETS", "STUDY", "ZipfRules"]

STUDY = Study(
    name="zipf-rules",
    title="Rules that follow Zipf's law",
    paper="arXiv 2505.07067",
    settings=ZipfRules,
    presets=PRESETS,
    facts=facts,
    cells=cells,
    predictions=predictions,
    measure=measure,
    tables=tables,
    claims=claims,
    figures=figures,
)
