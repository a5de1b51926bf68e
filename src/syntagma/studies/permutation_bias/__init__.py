"""Permutation bias: what the symmetry of an infinitely wide transformer block says of what it learns, and how fast.

A block whose positions are exchangeable has a kernel with K(pi X, pi Y) = K(X, Y), so each eigenvalue belongs to an
irreducible representation of the symmetric group of positions, and is repeated as often as its dimension. From the
eigenvalues follows how many examples a target in each representation takes; the rest is measured.
Source: arXiv 2402.05173.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from syntagma.studies.grid import Cell, run_missing
from syntagma.studies.permutation_bias import facts as known
from syntagma.studies.permutation_bias.analysis import analyse
from syntagma.studies.permutation_bias.predictions import growth_table, spectrum_table
from syntagma.studies.permutation_bias.settings import NAME, PRESETS, PermutationBias
from syntagma.studies.permutation_bias.wanted import cells, fact_key, wanted_facts
from syntagma.studies.stored import Facts
from syntagma.studies.study import Analysis, Progress, Study

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

__all__ = ["PRESETS", "STUDY", "PermutationBias"]

_SHARE_OF_FACTS = 0.3
"""Of the progress bar."""


class _PermutationBiasStudy(Study[PermutationBias]):
    name = NAME
    title = "What permutation symmetry says of a transformer's learning curves"
    paper = "arXiv 2402.05173"

    @property
    def presets(self) -> Mapping[str, PermutationBias]:
        """Sizes: quick, a few minutes; laptop, half an hour; full, for an accelerator."""
        return PRESETS

    def predict(self, settings: PermutationBias) -> Mapping[str, pd.DataFrame]:
        """Spectra by representation, and the sample complexities that follow; nothing is trained."""
        spectra = {name: known.spectrum_of(settings, name, settings.length) for name in settings.blocks}
        lengths = sorted({length for lengths in settings.lengths.values() for length in lengths})
        growing = {length: known.spectrum_of(settings, settings.growth_block, length) for length in lengths}
        return {"spectrum": spectrum_table(spectra), "sample complexity": growth_table(settings, growing)}

    def run(self, settings: PermutationBias, store: Store, workers: int, progress: Progress) -> None:
        """The facts first, which say where the sample complexities lie; then all regressions and networks."""
        facts = Facts(store, NAME)
        wanted = list(wanted_facts(settings))
        for done, (key, compute) in enumerate(wanted):
            progress(f"theory: {' '.join(map(str, key.values()))}"[:70], _SHARE_OF_FACTS * done / len(wanted))
            facts.settle(fact_key(settings, key), compute)

        def shown(text: str, share: float) -> None:
            progress(text, _SHARE_OF_FACTS + (1 - _SHARE_OF_FACTS) * share)

        def say(cell: Cell, result: Mapping[str, Any]) -> str:
            what = " ".join(str(cell.names[name]) for name in ("panel", "learner", "tail") if name in cell.names)
            return f"{what} n={cell.names['num_examples']}: error {result['test_loss']:.3f}"

        slowest_first = sorted(cells(settings, facts), key=lambda cell: cell.run.learner.kind != "langevin")
        run_missing(slowest_first, store, workers, shown, say)

    def analyse(self, store: Store) -> Analysis:
        """Curves, sample complexities and verdicts from what is stored, for the settings of the last command."""
        return analyse(self.name, self.title, store)


STUDY = _PermutationBiasStudy()
