"""From stored runs to thresholds, growth with m and verdicts: what the scaling-laws report shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from syntagma.curves import LearningCurve, power_law, threshold
from syntagma.errors import InputError
from syntagma.languages.settings import HierarchySettings
from syntagma.studies.intervals import interval_columns
from syntagma.studies.plateaus import mean_plateaus
from syntagma.studies.scaling_laws.predictions import predictions_table
from syntagma.studies.scaling_laws.settings import ScalingLaws
from syntagma.studies.scaling_laws.verdicts import Measured, growth, verdicts
from syntagma.studies.stored import last_command
from syntagma.studies.study import Analysis
from syntagma.theory import hierarchy as theory

if TYPE_CHECKING:
    from syntagma.sweep.store import Store


def analyse(name: str, title: str, store: Store) -> Analysis:
    """Everything the report shows, for the settings of the last command given for this study.

    Raises:
        InputError: the store holds no command of this study.
    """
    settings, provenance = last_command(store, name, ScalingLaws)
    runs = _runs_of(settings, store.runs())
    plateaus = _plateaus_of(settings, store)
    curves = {
        (name, m): _curve(runs, settings, name, m, plateaus[m]) for name in settings.learners for m in settings.rules
    }
    measured: Measured = {
        (name, m, level): threshold(curve, level)
        for (name, m), curve in curves.items()
        for level in range(1, settings.levels + 1)
    }
    tables = {
        "curves": _curves_table(runs, settings),
        "runs": runs,
        "plateaus": _plateaus_table(plateaus),
        "predictions": predictions_table(settings).query(f"level <= {settings.levels}"),
        "thresholds": _thresholds_table(settings, measured),
        "growth": _growth_table(settings, measured),
    }
    return Analysis(name, title, tables, verdicts(settings, measured, runs), provenance)


def _runs_of(settings: ScalingLaws, stored: pd.DataFrame) -> pd.DataFrame:
    """The stored runs that belong to these settings, one row each."""
    if not len(stored):
        raise InputError("no run is finished yet: give the command again, it goes on where it stopped.")
    by_id = stored.set_index("id")
    rows = []
    for name, contender in settings.learners.items():
        for m in settings.rules:
            for size in settings.sizes(m):
                for seed in range(settings.seeds):
                    run = settings.run(m, name, size, seed)
                    if (identity := run.id()) in by_id.index:
                        known = {"learner": name, "label": contender.learner.label, "rules": m, "num_examples": size}
                        rows.append(known | {"seed": seed, "id": identity} | _metrics(by_id.loc[identity]))
    if not rows:
        raise InputError(
            "no run of these settings is finished yet: give the command again, it goes on where it stopped."
        )
    return pd.DataFrame(rows)


def _metrics(row: pd.Series) -> dict[str, Any]:
    names = ("test_loss", "test_loss_error", "final_test_loss", "final_train_loss", "test_accuracy", "oracle_loss")
    names += ("excess_loss", "excess_loss_error", "steps", "best_step", "stopped", "examples_seen", "flops")
    return {name: row[name] for name in (*names, "seconds", "seconds_evaluating")}


def _plateaus_of(settings: ScalingLaws, store: Store) -> dict[int, np.ndarray]:
    """`[seeds, L + 1]` for each m, from the stored facts."""
    facts = {HierarchySettings(**key["language"]): value["loss_nats"] for key, value in store.facts("scaling-laws")}
    seeds = range(settings.seeds)
    return {m: np.array([facts[settings.language(m, seed)] for seed in seeds]) for m in settings.rules}


def _curve(runs: pd.DataFrame, settings: ScalingLaws, name: str, m: int, plateaus: np.ndarray) -> LearningCurve:
    mine: Any = runs[(runs["learner"] == name) & (runs["rules"] == m)]
    losses = mine.pivot(index="seed", columns="num_examples", values="test_loss").reindex(range(settings.seeds))
    return LearningCurve(np.asarray(losses.columns, float), losses.to_numpy(float), plateaus)


def _curves_table(runs: pd.DataFrame, settings: ScalingLaws) -> pd.DataFrame:
    """Mean over seeds and the band of the seeds (smallest to largest), for each learner, m and P."""
    grouped: Any = runs.groupby(["learner", "label", "rules", "num_examples"], sort=False)
    table = grouped["test_loss"].agg(loss_nats="mean", low="min", high="max", num_seeds="count").reset_index()
    table["accuracy"] = grouped["test_accuracy"].mean().to_numpy()
    return table[table["num_seeds"] == settings.seeds].reset_index(drop=True)


def _plateaus_table(plateaus: Mapping[int, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame({"rules": m} | row for m, values in plateaus.items() for row in mean_plateaus(values))


def _thresholds_table(settings: ScalingLaws, measured: Measured) -> pd.DataFrame:
    rows = []
    for (name, m, level), found in measured.items():
        learner = settings.learners[name].learner
        predicted = math.nan
        if learner.weight_sharing is not None:
            shared = learner.weight_sharing
            predicted = theory.thresholds(settings.vocab, m, settings.branching, settings.depth, shared)[level - 1]
        known = {"learner": name, "label": learner.label, "rules": m, "level": level, "predicted": predicted}
        rows.append(known | interval_columns(found, predicted))
    return pd.DataFrame(rows)


def _growth_table(settings: ScalingLaws, measured: Measured) -> pd.DataFrame:
    rows = []
    for name, contender in settings.learners.items():
        shared = contender.learner.weight_sharing
        for level in range(1, settings.levels + 1):
            fitted = growth(settings, measured, name, level)
            plain = power_law(np.array(settings.rules, float), [measured[name, m, level] for m in settings.rules])
            rows.append(
                {
                    "learner": name,
                    "label": contender.learner.label,
                    "level": level,
                    "predicted_exponent": math.nan if shared is None else theory.threshold_exponent(level, shared),
                    "exponent": fitted.value,
                    "low": fitted.low,
                    "high": fitted.high,
                    "exponent_with_factor": plain.value,
                    "num_points": sum(measured[name, m, level].measured for m in settings.rules),
                    "note": fitted.reason,
                }
            )
    return pd.DataFrame(rows)
