"""From stored runs to thresholds, growth with m and verdicts: what the scaling-laws report shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from syntagma.curves import Interval, LearningCurve, power_law, ratio, threshold
from syntagma.errors import InputError
from syntagma.studies.study import Analysis, Verdict
from syntagma.sweep.runs import HierarchySettings
from syntagma.theory import hierarchy as theory

if TYPE_CHECKING:
    from syntagma.studies.scaling_laws import ScalingLaws
    from syntagma.sweep.store import Store

Measured = dict[tuple[str, int, int], Interval]
"""Threshold by learner, m and level."""


def analyse(study: Any, store: Store) -> Analysis:
    """Everything the report shows, for the settings of the last command given for this study.

    Raises:
        InputError: the store holds no command of this study.
    """
    commands = store.commands()
    commands = commands[commands["study"] == study.name]
    if not len(commands):
        raise InputError(f"{store.path} holds no results of {study.name}: run `syntagma run {study.name}` into it first.")
    command = commands.iloc[-1]
    settings: ScalingLaws = study.settings_of(command["settings"])
    runs = _runs_of(settings, store.runs(study.name))
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
        "predictions": _predictions_table(settings),
        "thresholds": _thresholds_table(settings, measured),
        "growth": _growth_table(settings, measured),
    }
    verdicts = [*_order_verdicts(settings, measured), *_growth_verdicts(settings, measured)]
    verdicts += [*_comparison_verdicts(settings, measured), _oracle_verdict(runs)]
    provenance = {
        "settings": settings.model_dump(mode="json"),
        "preset": command["preset"],
        "command": " ".join(command["argv"]),
        "seconds": float(commands["seconds"].sum()),
        **store.environments()[command["environment"]],
    }
    return Analysis(study.name, study.title, tables, tuple(verdicts), provenance)


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
        raise InputError("no run of these settings is finished yet: give the command again, it goes on where it stopped.")
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
    mine = runs[(runs["learner"] == name) & (runs["rules"] == m)]
    losses = mine.pivot(index="seed", columns="num_examples", values="test_loss").reindex(range(settings.seeds))
    return LearningCurve(losses.columns.to_numpy(float), losses.to_numpy(float), plateaus)


def _curves_table(runs: pd.DataFrame, settings: ScalingLaws) -> pd.DataFrame:
    """Mean over seeds and the band of the seeds (smallest to largest), for each learner, m and P."""
    grouped = runs.groupby(["learner", "label", "rules", "num_examples"], sort=False)["test_loss"]
    table = grouped.agg(loss_nats="mean", low="min", high="max", num_seeds="count").reset_index()
    accuracy = runs.groupby(["learner", "label", "rules", "num_examples"], sort=False)["test_accuracy"].mean()
    table["accuracy"] = accuracy.to_numpy()
    return table[table["num_seeds"] == settings.seeds].reset_index(drop=True)


def _plateaus_table(plateaus: Mapping[int, np.ndarray]) -> pd.DataFrame:
    """Averages over grammars, with the standard error of the average."""
    rows = []
    for m, values in plateaus.items():
        error = values.std(0, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else np.full(values.shape[1], np.nan)
        for level, (mean, spread) in enumerate(zip(values.mean(0), error, strict=True)):
            rows.append({"rules": m, "level": level, "loss_nats": mean, "standard_error": spread})
    return pd.DataFrame(rows)


def _predictions_table(settings: ScalingLaws) -> pd.DataFrame:
    from syntagma.studies.scaling_laws import predictions_table

    return predictions_table(settings)


def _thresholds_table(settings: ScalingLaws, measured: Measured) -> pd.DataFrame:
    rows = []
    for (name, m, level), found in measured.items():
        learner = settings.learners[name].learner
        predicted = math.nan
        if learner.weight_sharing is not None:
            shared = learner.weight_sharing
            predicted = theory.thresholds(settings.vocab, m, settings.branching, settings.depth, shared)[level - 1]
        rows.append(
            {
                "learner": name,
                "label": learner.label,
                "rules": m,
                "level": level,
                "predicted": predicted,
                "measured": found.value,
                "low": found.low,
                "high": found.high,
                "ratio": found.value / predicted,
                "note": found.reason,
            }
        )
    return pd.DataFrame(rows)


def _growth(settings: ScalingLaws, measured: Measured, name: str, level: int) -> Interval:
    """The exponent k of P_l (1 - f) ~ m^k: the law's factor 1 / (1 - f), which also depends on m, is divided out."""
    sizes = np.array(settings.rules, float)
    factors = [1 - theory.sparsity(settings.vocab, m, settings.branching) for m in settings.rules]
    values = [measured[name, m, level].times(factor) for m, factor in zip(settings.rules, factors, strict=True)]
    return power_law(sizes, values)


def _growth_table(settings: ScalingLaws, measured: Measured) -> pd.DataFrame:
    rows = []
    for name, contender in settings.learners.items():
        shared = contender.learner.weight_sharing
        for level in range(1, settings.levels + 1):
            fitted = _growth(settings, measured, name, level)
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
                    "num_points": sum(math.isfinite(measured[name, m, level].value) for m in settings.rules),
                    "note": fitted.reason,
                }
            )
    return pd.DataFrame(rows)


def _order_verdicts(settings: ScalingLaws, measured: Measured) -> list[Verdict]:
    """Levels are learned one after the other."""
    out = []
    for name, contender in settings.learners.items():
        gaps = [
            (m, level, ratio(measured[name, m, level], measured[name, m, level - 1]))
            for m in settings.rules
            for level in range(2, settings.levels + 1)
        ]
        claim = f"the {contender.learner.label} network learns one level after the other"
        known = [(m, level, gap) for m, level, gap in gaps if math.isfinite(gap.value)]
        if not known:
            out.append(Verdict(claim, "P_l > P_(l-1)", "fewer than two levels measured", "open", theory.SOURCE))
            continue
        m, level, least = min(known, key=lambda entry: entry[2].low)
        text = f"smallest step: P_{level} / P_{level - 1} = {_span(least)} at m = {m}"
        outcome = "agrees" if least.low > 1 else "disagrees" if least.high < 1 else "open"
        out.append(Verdict(claim, "P_l > P_(l-1)", text, outcome, theory.SOURCE))
    return out


def _growth_verdicts(settings: ScalingLaws, measured: Measured) -> list[Verdict]:
    """The exponent of each threshold in m."""
    if len(settings.rules) < 2:
        return []
    out = []
    for name, contender in settings.learners.items():
        shared = contender.learner.weight_sharing
        for level in range(1, settings.levels + 1):
            fitted = _growth(settings, measured, name, level)
            claim = f"P_{level} of the {contender.learner.label} network grows as a power of m"
            predicted = math.nan if shared is None else theory.threshold_exponent(level, shared)
            law = "no prediction" if shared is None else f"m^{predicted}"
            if not math.isfinite(fitted.value):
                out.append(Verdict(claim, law, fitted.reason, "open", theory.SOURCE))
                continue
            outcome = "finding" if shared is None else "agrees" if fitted.holds(predicted) else "disagrees"
            out.append(Verdict(claim, law, f"m^{_span(fitted)}", outcome, theory.SOURCE))
    return out


def _comparison_verdicts(settings: ScalingLaws, measured: Measured) -> list[Verdict]:
    """Each learner's threshold against that of the first learner with weight sharing."""
    shared = [name for name, c in settings.learners.items() if c.learner.weight_sharing]
    if not shared:
        return []
    reference = shared[0]
    out = []
    for name, contender in settings.learners.items():
        if name == reference:
            continue
        for m in settings.rules:
            for level in range(1, settings.levels + 1):
                found = ratio(measured[name, m, level], measured[reference, m, level])
                claim = f"level {level}, m = {m}: examples the {contender.learner.label} network needs"
                out.append(_comparison(claim, found, m, level, contender.learner.weight_sharing))
    return out


def _comparison(claim: str, found: Interval, m: int, level: int, shared: bool | None) -> Verdict:
    claim = f"{claim} over those of the convolutional network"
    factor = m ** (theory.threshold_exponent(level, bool(shared)) - theory.threshold_exponent(level, True))
    law = "no prediction" if shared is None else str(factor)
    if not math.isfinite(found.value):
        return Verdict(claim, law, "a threshold was not reached", "open", theory.SOURCE)
    outcome = "finding" if shared is None else "agrees" if found.holds(factor) else "disagrees"
    return Verdict(claim, law, _span(found), outcome, theory.SOURCE)


def _oracle_verdict(runs: pd.DataFrame) -> Verdict:
    """No loss is below the exact oracle's on the same sentences by more than its error allows.

    The smallest of n standardised differences is expected near -sqrt(2 ln n): the bound is the normal quantile of 0.01 / n.
    """
    scaled = runs["excess_loss"] / runs["excess_loss_error"].where(runs["excess_loss_error"] > 0)
    bound = NormalDist().inv_cdf(0.01 / len(runs))
    least = scaled.min()
    text = f"smallest of {len(runs)}: {least:+.1f} standard errors (bound {bound:.1f})"
    claim = "no network's loss is below the exact oracle's"
    outcome = "agrees" if least > bound else "disagrees"
    return Verdict(claim, "loss - oracle loss >= 0", text, outcome, "exact posterior")


def _span(found: Interval) -> str:
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
