"""What moves the thresholds of a grammar: its sizes, fresh data, unequal rules, the number of positions asked for.

Thresholds of the last token against v, m, s and L, all curves on rescaled axes; the same in one pass over fresh data;
classes and tokens under Zipf rules; a decoder trained on all positions; and a masked token.
Sources: arXiv 2505.07070 (thresholds), 2505.07067 (Zipf rules).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from syntagma.studies.grid import Cell, run_missing
from syntagma.studies.stored import Facts
from syntagma.studies.study import Analysis, Progress, Study
from syntagma.studies.variations.analysis import analyse
from syntagma.studies.variations.exact import settle_exact
from syntagma.studies.variations.predictions import (
    bounds_table,
    exponents_table,
    thresholds_table,
    zipf_table,
    zipf_tokens_table,
)
from syntagma.studies.variations.presets import PRESETS
from syntagma.studies.variations.settings import NAME, Variations

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

__all__ = ["PRESETS", "STUDY", "Variations"]


class _VariationsStudy(Study[Variations]):
    name = NAME
    title = "What moves the thresholds of a grammar"
    paper = "arXiv 2505.07070"

    @property
    def presets(self) -> Mapping[str, Variations]:
        """Sizes: quick, under three minutes; laptop, under half an hour; full, for an accelerator."""
        return PRESETS

    def predict(self, settings: Variations) -> Mapping[str, pd.DataFrame]:
        """Thresholds, their exponents in each parameter, what Zipf rules change, exact bounds; nothing is trained."""
        return {
            "predictions": thresholds_table(settings),
            "exponents": exponents_table(settings),
            "zipf": zipf_table(settings),
            "zipf tokens": zipf_tokens_table(settings),
            "bounds": bounds_table(settings),
        }

    def run(self, settings: Variations, store: Store, workers: int, progress: Progress) -> None:
        """The exact losses of every language, then all runs of the grid."""
        settle_exact(settings, Facts(store, NAME))
        run_missing(settings.cells(), store, workers, progress, _say)

    def analyse(self, store: Store) -> Analysis:
        """Thresholds, exponents and verdicts from what is stored, for the settings of the last command."""
        return analyse(self.title, store)


def _say(cell: Cell, result: Mapping[str, Any]) -> str:
    sizes = "v={vocab} m={rules} s={branching} L={depth} P={num_examples}".format(**cell.names)
    return f"{cell.names['part']} {cell.names['learner']} {sizes}: {result['test_loss']:.3f} nats"


STUDY = _VariationsStudy()
