"""Results of studies of `RulesGrid` as if every learner followed a law exactly, so that what is measured is known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from syntagma.learners import Learner
from syntagma.studies.grammar import plateaus_key, predicted_thresholds
from syntagma.studies.rules_grid import RulesGrid
from syntagma.studies.study import Facts, Results, Study
from syntagma.sweep.store import Store
from syntagma.theory import hierarchy as theory


def store_staircases(
    study: Study[Any, Any],
    directory: Path,
    settings: RulesGrid,
    factor: float,
    largest: int = 2**20,
    sharing: Mapping[str, bool] | None = None,
    factors: Mapping[str, float] | None = None,
    exactly: Mapping[str, Learner] | None = None,
    spread: float = 0.0,
    **result_of_all: object,
) -> None:
    """Store what learners with prefactor `factor` reach.

    Between sizes the loss is linear in ln P through the half-way point of each level at `factor` times its threshold.

    Args:
        sharing: which law a learner follows, if not that of its weight sharing.
        factors: the prefactors of some learners, if not `factor`.
        spread: how far apart the logarithms of the seeds' thresholds are, in another order for each learner.
        exactly: some follow no law but what is exactly predicted of the grammars and of the learner named here.
    """
    with Store.create(directory) as store:
        store.record_command(study.name, None, settings.model_dump(mode="json"), ["syntagma", "run"])
        facts = Facts()
        for fact in study.facts(settings, Results()):
            facts.add(fact.key, fact.compute())
            store.record_fact(study.name, fact.key, facts[fact.key])
        for m, (place, (name, chosen)) in itertools.product(settings.rules, enumerate(settings.learners.items())):
            shared = (sharing or {}).get(name, bool(chosen.learner.weight_sharing))
            at = theory.thresholds(settings.vocab, m, settings.branching, settings.depth, shared)
            if exactly and name in exactly:
                at = predicted_thresholds(facts, settings.languages(m, settings.seeds_of(name)), exactly[name])
            at = (factors or {}).get(name, factor) * at
            knots = [math.log(at[0]) - 3, *np.log(at), math.log(at[-1]) + 3]
            for size, seed in itertools.product(settings.curve_sizes(m), settings.seeds_of(name)):
                plateaus = facts[plateaus_key(settings.language(m, seed))]["loss_nats"]
                middle = [0.5 * (a + b) for a, b in itertools.pairwise(plateaus)]
                if size > largest:
                    continue
                off = spread * ((seed + place) % settings.seeds - (settings.seeds - 1) / 2)
                loss = float(np.interp(math.log(size) - off, knots, [plateaus[0], *middle, plateaus[-1]]))
                result = dict.fromkeys(("test_loss", "final_test_loss", "final_train_loss"), loss)
                result |= dict.fromkeys(("test_loss_error", "excess_loss_error"), 0.01)
                result |= {"oracle_loss": plateaus[-1], "excess_loss": loss - plateaus[-1], "flops": 1.0}
                result |= {"test_accuracy": 0.5, "steps": 1, "best_step": 1, "stopped": "patience"}
                result |= {"examples_seen": size, "seconds": 1.0, "seconds_evaluating": 0.1}
                result |= {"cut_short": False, **result_of_all}
                store.record_run(settings.cell(m, name, size, seed).run.config(), result)
