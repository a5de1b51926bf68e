"""From stored runs to thresholds, growth with m and verdicts: what the scaling-laws report shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from syntagma.curves import Interval, LearningCurve, power_law, ratio, threshold
from syntagma.errors import InputError
from syntagma.studies.study import Analysis, Outcome, Verdict
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
        raise InputError(
            f"{store.path} holds no results of {study.name}: run `syntagma run {study.name}` into it first."
        )
    command = commands.iloc[-1]
    settings = _stored_settings(study, command["settings"], store)
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
        "seconds": float(np.nansum(np.asarray(commands["seconds"], float))),
        **store.environments()[command["environment"]],
    }
    return Analysis(study.name, study.title, tables, tuple(verdicts), provenance)


def _stored_settings(study: Any, values: Mapping[str, Any], store: Store) -> ScalingLaws:
    try:
        return study.settings_of(values)
    except ValidationError:
        raise InputError(
            f"{store.path} has settings that this version does not know: run the study again into a new place."
        ) from None


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
                "measured": found.value if found.measured else math.nan,
                "low": found.low if found.measured else math.nan,
                "high": found.high if found.measured else math.nan,
                "ratio": found.value / predicted if found.measured else math.nan,
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
                    "num_points": sum(measured[name, m, level].measured for m in settings.rules),
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
        known = [(m, level, gap) for m, level, gap in gaps if not math.isnan(gap.value)]
        if not known:
            out.append(Verdict(claim, "P_l > P_(l-1)", "fewer than two levels measured", "open", theory.SOURCE))
            continue
        m, level, least = min(known, key=lambda entry: entry[2].low)
        text = f"smallest step: P_{level} / P_{level - 1} = {_span(least)} at m = {m}"
        outcome = _one_sided(least, settings)
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
            outcome = outcome if settings.seeds > 1 else "open"
            out.append(Verdict(claim, law, f"m^k, k = {_span(fitted)}", outcome, theory.SOURCE))
    return out


def _comparison_verdicts(settings: ScalingLaws, measured: Measured) -> list[Verdict]:
    """Each learner's threshold against that of the first learner with weight sharing."""
    shared = [name for name, c in settings.learners.items() if c.learner.weight_sharing]
    if not shared:
        return []
    reference = shared[0]
    out = []
    for name in settings.learners:
        if name == reference:
            continue
        for m in settings.rules:
            for level in range(1, settings.levels + 1):
                found = ratio(measured[name, m, level], measured[reference, m, level])
                out += _comparison(settings, found, name, reference, m, level)
    return out


def _comparison(settings: ScalingLaws, found: Interval, name: str, reference: str, m: int, level: int) -> list[Verdict]:
    """How many times the examples of `reference` the learner `name` needs for one level; whether more."""
    learner, other = settings.learners[name].learner, settings.learners[reference].learner
    claim = f"level {level}, m = {m}: examples the {learner.label} network needs over those of the {other.label}"
    if learner.weight_sharing is None:
        law, factor = "no prediction", math.nan
    else:
        power = theory.threshold_exponent(level, learner.weight_sharing) - theory.threshold_exponent(level, True)
        law, factor = f"m^{power} = {m**power}" if power else "1", float(m**power)
    if math.isnan(found.value):
        return [Verdict(claim, law, f"threshold of the reference: {found.reason}", "open", theory.SOURCE)]
    if math.isnan(factor):
        outcome = "finding"
    elif settings.seeds < 2 or (math.isinf(found.value) and found.low <= factor):
        outcome = "open"
    else:
        outcome = "agrees" if found.holds(factor) else "disagrees"
    verdicts = [Verdict(claim, law, _span(found), outcome, theory.SOURCE)]
    if level > 2 and learner.weight_sharing is False:
        apart = f"level {level}, m = {m}: the {learner.label} network needs more examples than the {other.label}"
        verdicts.append(Verdict(apart, "factor > 1", _span(found), _one_sided(found, settings), theory.SOURCE))
    return verdicts


def _one_sided(found: Interval, settings: ScalingLaws) -> Outcome:
    """Whether a factor is above 1, from its interval; one seed has none."""
    if settings.seeds < 2:
        return "open"
    return "agrees" if found.low > 1 else "disagrees" if found.high < 1 else "open"


def _oracle_verdict(runs: pd.DataFrame) -> Verdict:
    """No loss is below the exact oracle's on the same sentences by more than its error allows.

    The smallest of n standardised differences is about -sqrt(2 ln n); the bound is the normal 0.01 / n quantile.
    """
    scaled = runs["excess_loss"] / runs["excess_loss_error"].where(runs["excess_loss_error"] > 0)
    bound = NormalDist().inv_cdf(0.01 / len(runs))
    least = float(np.nanmin(scaled.to_numpy(float)))
    text = f"smallest of {len(runs)}: {least:+.1f} standard errors (bound {bound:.1f})"
    claim = "no network's loss is below the exact oracle's"
    outcome = "agrees" if least > bound else "disagrees"
    return Verdict(claim, "loss - oracle loss >= 0", text, outcome, "exact posterior")


def _span(found: Interval) -> str:
    if math.isinf(found.value):
        return f"{found.reason} [{found.low:.2f}, ...]"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
