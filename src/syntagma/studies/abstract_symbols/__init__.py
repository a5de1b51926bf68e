"""Reasoning with symbols never seen: template tasks, learned by networks and kernels, tested on another alphabet.

For each task and learner, accuracy on strings of symbols that training never shows, against the number of training
strings, beside what the certificate of the templates predicts; then against the number of distinct substitutions, and,
where a symbol is to be copied, against the width, without and with a trainable multiple of the identity in each head.
Source: arXiv 2310.09753.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from syntagma.studies.abstract_symbols.analysis import analyse
from syntagma.studies.abstract_symbols.predictions import (
    activations_table,
    certificates,
    certificates_table,
    predicted_table,
    renamings_table,
)
from syntagma.studies.abstract_symbols.presets import PRESETS
from syntagma.studies.abstract_symbols.settings import NAME, AbstractSymbols
from syntagma.studies.grid import Cell, run_missing
from syntagma.studies.stored import Facts
from syntagma.studies.study import Analysis, Progress, Study

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

__all__ = ["PRESETS", "STUDY", "AbstractSymbols"]


class _AbstractSymbolsStudy(Study[AbstractSymbols]):
    name = NAME
    title = "Reasoning with symbols never seen"
    paper = "arXiv 2310.09753"

    @property
    def presets(self) -> Mapping[str, AbstractSymbols]:
        """Sizes: quick, under three minutes; laptop, under forty; full, for an accelerator."""
        return PRESETS

    def predict(self, settings: AbstractSymbols) -> Mapping[str, pd.DataFrame]:
        """The certificate of each task and learner, the curves it predicts, and the invariance of perceptrons."""
        found = certificates(settings)
        return {
            "certificates": certificates_table(settings, found),
            "activations": activations_table(settings),
            "predicted": predicted_table(settings, found),
            "renamed position by position": renamings_table(settings),
        }

    def run(self, settings: AbstractSymbols, store: Store, workers: int, progress: Progress) -> None:
        """The certificates, then all runs of the grid."""
        facts = Facts(store, NAME)

        def settle(key: Mapping[str, Any], compute: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
            progress(f"certificate of {', '.join(key['templates'][:2])}", 0.0)
            return facts.settle(key, compute)

        certificates(settings, settle)
        activations_table(settings, settle)
        run_missing(settings.cells(), store, workers, progress, _said)

    def analyse(self, store: Store) -> Analysis:
        """Curves, thresholds and verdicts from what is stored, for the settings of the last command."""
        return analyse(self.title, store)


def _said(cell: Cell, result: Mapping[str, Any]) -> str:
    names = {name: value for name, value in cell.names.items() if name not in ("label", "seed")}
    found = f"unseen {result['unseen_accuracy']:.2f}" if "unseen_accuracy" in result else ""
    return " ".join(map(str, names.values())) + f": {found or format(result['test_loss'], '.3f') + ' nats'}"


STUDY = _AbstractSymbolsStudy()
