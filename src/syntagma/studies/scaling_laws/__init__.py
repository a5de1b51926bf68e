"""Scaling laws on the random hierarchy model: which network learns which level of a grammar from how many sentences.

For each number of rules m and each learner, the last token is predicted after training on P sentences, P growing from
well below the first threshold until every seed has crossed the half-way line of the last level asked for.
Source: arXiv 2505.07070.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from syntagma.languages.settings import HierarchySettings
from syntagma.studies.plateaus import plateaus_fact
from syntagma.studies.scaling_laws.analysis import analyse
from syntagma.studies.scaling_laws.growing import Growing
from syntagma.studies.scaling_laws.predictions import exponents_table, plateaus_table, predictions_table
from syntagma.studies.scaling_laws.settings import NAME, PRESETS, Contender, ScalingLaws
from syntagma.studies.study import Analysis, Progress, Study
from syntagma.sweep.execution import execute
from syntagma.sweep.runs import Run

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

__all__ = ["PRESETS", "STUDY", "Contender", "ScalingLaws"]


class _ScalingLawsStudy(Study[ScalingLaws]):
    name = NAME
    title = "Scaling laws on the random hierarchy model"
    paper = "arXiv 2505.07070"

    @property
    def presets(self) -> Mapping[str, ScalingLaws]:
        """Sizes: quick, a few minutes; laptop, under an hour; full, for an accelerator."""
        return PRESETS

    def predict(self, settings: ScalingLaws) -> Mapping[str, pd.DataFrame]:
        """Thresholds, exact plateaus of each grammar and asymptotic exponents; nothing is trained."""
        return {
            "predictions": predictions_table(settings),
            "plateaus": plateaus_table(settings),
            "exponents": exponents_table(settings),
        }

    def run(self, settings: ScalingLaws, store: Store, workers: int, progress: Progress) -> None:
        """Extend every curve until it has crossed its last level, the costliest first."""
        plateaus = {m: _record_plateaus(settings, m, store) for m in settings.rules}
        order = sorted(settings.learners, key=lambda name: settings.learners[name].learner.weight_sharing is True)
        curves = [Growing(settings, m, name, plateaus[m]) for m in reversed(settings.rules) for name in order]
        known = store.runs()
        stored = dict(zip(known["id"], known["test_loss"], strict=True)) if len(known) else {}

        def next_runs() -> list[Run]:
            out = []
            for curve in curves:
                while runs := curve.wanted():
                    old = [run for run in runs if run.id() in stored]
                    for run in old:
                        curve.take(run, stored[run.id()])
                    if not old:
                        break
                out += runs
            return out

        def finished(run: Run, result: dict[str, Any]) -> None:
            assert isinstance(run.language, HierarchySettings)  # this study has no others
            stored[run.id()] = result["test_loss"]
            for curve in curves:
                curve.take(run, result["test_loss"])
            text = f"{run.learner.kind} m={run.language.rules} P={run.num_examples}: {result['test_loss']:.3f} nats"
            progress(text, float(np.mean([curve.share_done() for curve in curves])))

        execute(next_runs, store, workers, finished)

    def analyse(self, store: Store) -> Analysis:
        """Thresholds, growth with m and verdicts from what is stored, for the settings of the last command."""
        return analyse(self.name, self.title, store)


def _record_plateaus(settings: ScalingLaws, rules: int, store: Store) -> np.ndarray:
    """`[seeds, L + 1]`: exact plateaus of every grammar, stored as facts."""
    known = {HierarchySettings(**key["language"]): value["loss_nats"] for key, value in store.facts(NAME)}
    out = []
    for seed in range(settings.seeds):
        language = settings.language(rules, seed)
        if language not in known:
            value = plateaus_fact(language)
            store.record_fact(NAME, {"language": language.model_dump(mode="json"), "of": "plateaus"}, value)
            known[language] = value["loss_nats"]
        out.append(known[language])
    return np.array(out)


STUDY = _ScalingLawsStudy()
