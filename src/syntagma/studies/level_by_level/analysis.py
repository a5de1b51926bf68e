"""From stored runs and probes to curves, thresholds and invariances: what the report of this study shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from syntagma.curves import CONFIDENCE, RESAMPLES, Interval, LearningCurve, threshold
from syntagma.randomness import stream
from syntagma.studies.grid import Cell, table_of
from syntagma.studies.intervals import interval_columns
from syntagma.studies.level_by_level.inside import found_inside
from syntagma.studies.level_by_level.predictions import class_predictions, correlation_table, token_predictions
from syntagma.studies.level_by_level.settings import NAME, LevelByLevel
from syntagma.studies.level_by_level.verdicts import Measured, verdicts
from syntagma.studies.plateaus import mean_plateaus
from syntagma.studies.stored import Facts, last_command
from syntagma.studies.study import Analysis
from syntagma.theory import hierarchy as theory

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

Probed = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""What was found in each network, by run and step."""

ERROR_LEFT = 0.1
"""A class is learned when the test error has fallen to this share of chance."""
WAY_TO_INVARIANT = 0.5
"""A level's synonyms are ignored when the layer is this far from reacting to them as to other symbols."""


def analyse(title: str, store: Store) -> Analysis:
    """Everything the report shows, for the settings of the last command given for this study.

    Raises:
        InputError: the store holds no command of this study, or none of its runs.
    """
    settings, provenance = last_command(store, NAME, LevelByLevel)
    facts, stored = Facts(store, NAME), store.runs()
    runs, classes = table_of(list(settings.token_cells()), stored), _classes(settings, stored)
    plateaus = {m: _plateaus_of(settings, facts, m) for m in settings.rules}
    probed = found_inside(settings, store)
    inside = _inside(settings.token_cells(), probed, runs, ["learner", "label", "rules"])
    class_inside = _inside(settings.class_cells(), probed, classes, ["rules", "classes"])
    levels = _level_thresholds(settings, runs, plateaus)
    measured = Measured(
        levels=levels,
        ignored=_ignored(settings, inside, ["learner", "rules"]),
        rises=_rises(settings, inside, levels),
        classes=_class_thresholds(settings, classes),
        class_ignored=_ignored(settings, class_inside, ["rules", "classes"]),
    )
    tables = {
        "curves": _curves(settings, runs),
        "runs": pd.concat([runs, classes]),
        "plateaus": _plateaus_table(plateaus),
        "predictions": token_predictions(settings),
        "thresholds": _thresholds_table(settings, measured),
        "invariance": _spread(inside, ["learner", "label", "rules", "num_examples", "kept", "step", "level"]),
        "observers": _observers(settings.token_cells(), probed, runs),
        "class_curves": _class_curves(settings, classes),
        "class_thresholds": _class_table(settings, measured),
        "class_invariance": _spread(class_inside, ["rules", "classes", "num_examples", "kept", "step", "level"]),
        "class_predictions": class_predictions(settings),
        "correlations": correlation_table(settings),
    }
    return Analysis(NAME, title, tables, verdicts(settings, measured, tables), provenance)


def _classes(settings: LevelByLevel, stored: pd.DataFrame) -> pd.DataFrame:
    """The finished class runs; none is no error."""
    cells = list(settings.class_cells())
    if set(stored["id"]).isdisjoint(cell.run.id() for cell in cells):
        return pd.DataFrame(columns=[*cells[0].names, "id", "test_accuracy", "best_step"])
    return table_of(cells, stored)


def _plateaus_of(settings: LevelByLevel, facts: Facts, m: int) -> np.ndarray:
    """`[seeds, L + 1]`, NaN where not known yet."""
    rows = []
    for seed in range(settings.seeds):
        key = {"of": "plateaus", "language": settings.language(m, seed).model_dump(mode="json")}
        known = facts.get(key)
        rows.append([math.nan] * (settings.depth + 1) if known is None else known["loss_nats"])
    return np.array(rows)


def _networks(cells: Iterable[Cell], probed: Probed, runs: pd.DataFrame) -> Iterator[tuple[dict[str, Any], Any]]:
    """Every probed network: its names, whether it is the best of its run or one along the training, what was found."""
    best = dict(zip(runs["id"], runs["best_step"], strict=True)) if len(runs) else {}
    for cell in cells:
        for step, found in probed.get(cell.run.id(), {}).items():
            kept = "best" if step == best.get(cell.run.id()) else "along"
            yield {**cell.names, "kept": kept, "step": step}, found


def _inside(cells: Iterable[Cell], probed: Probed, runs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """One row a network and level: cosines of its last layer, and how far it is on the way to ignoring synonyms."""
    rows = []
    for known, found in _networks(cells, probed, runs):
        last = found["invariance"][-1]["layer"]
        cosines = {(r["level"], r["change"]): r["cosine"] for r in found["invariance"] if r["layer"] == last}
        for level in sorted({level for level, _ in cosines}):
            rule, symbol = cosines[level, "rule"], cosines[level, "symbol"]
            row = {"level": level, "synonym": rule, "symbol": symbol, "ignored": (rule - symbol) / (1 - symbol)}
            rows.append(known | row)
    columns = [*names, "num_examples", "seed", "kept", "step", "level", "synonym", "symbol", "ignored"]
    return pd.DataFrame(rows, columns=columns)


def _spread(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Mean over seeds, smallest and largest."""
    grouped: Any = table.groupby(names, sort=False)
    out = grouped[["synonym", "symbol", "ignored"]].mean()
    out["low"], out["high"] = grouped["ignored"].min(), grouped["ignored"].max()
    return out.reset_index()


def _matrix(settings: LevelByLevel, table: pd.DataFrame, value: str) -> tuple[np.ndarray, np.ndarray]:
    """Sizes `[P]` and the values `[seeds, P]`."""
    wide: Any = table.pivot(index="seed", columns="num_examples", values=value).reindex(range(settings.seeds))
    return np.asarray(wide.columns, float), wide.to_numpy(float)


def _level_thresholds(
    settings: LevelByLevel, runs: pd.DataFrame, plateaus: dict[int, np.ndarray]
) -> dict[tuple[str, int, int], Interval]:
    found = {}
    grouped: Any = runs.groupby(["learner", "rules"], sort=False)
    for (name, m), mine in grouped:
        curve = LearningCurve(*_matrix(settings, mine, "test_loss"), plateaus[m])
        for level in range(1, settings.depth + 1):
            found[name, m, level] = threshold(curve, level)
    return found


def _ignored(settings: LevelByLevel, inside: pd.DataFrame, names: list[str]) -> dict[tuple[Any, ...], Interval]:
    """The P from which on each level's synonyms are ignored, by `names` and level."""
    best: Any = inside[inside["kept"] == "best"]
    lines = np.tile([2 * (1 - WAY_TO_INVARIANT), 0.0], (settings.seeds, 1))  # half-way between them is the line
    found = {}
    grouped: Any = best.groupby([*names, "level"], sort=False)
    for (*known, level), mine in grouped:
        sizes, values = _matrix(settings, mine, "ignored")
        found[(*known, level)] = threshold(LearningCurve(sizes, 1 - values, lines), 1)
    return found


def _rises(
    settings: LevelByLevel, inside: pd.DataFrame, levels: dict[tuple[str, int, int], Interval]
) -> dict[tuple[str, int, int], Interval]:
    """How much more the networks trained on P_(l+1) or more ignore level-l synonyms than those trained on less."""
    best: Any = inside[inside["kept"] == "best"]
    found = {}
    for (name, m, level), mine in best.groupby(["learner", "rules", "level"], sort=False):
        line = levels[name, m, level + 1]
        sizes, values = _matrix(settings, mine, "ignored")
        above = sizes >= line.value
        if line.measured and above.any() and not above.all() and not np.isnan(values).any():
            rises = values[:, above].mean(axis=1) - values[:, ~above].mean(axis=1)
            drawn = stream(0, "bootstrap").integers(len(rises), size=(RESAMPLES, len(rises)))
            tail = (1 - CONFIDENCE) / 2
            low, high = np.quantile(rises[drawn].mean(axis=1), [tail, 1 - tail])
            found[name, m, level] = Interval(float(rises.mean()), float(low), float(high))
    return found


def _class_thresholds(settings: LevelByLevel, classes: pd.DataFrame) -> dict[tuple[int, int], Interval]:
    lines = np.tile([2 * ERROR_LEFT, 0.0], (settings.seeds, 1))
    found = {}
    grouped: Any = classes.groupby(["rules", "classes"], sort=False)
    for (m, number), mine in grouped:
        sizes, accuracy = _matrix(settings, mine, "test_accuracy")
        found[m, number] = threshold(LearningCurve(sizes, (1 - accuracy) / (1 - 1 / number), lines), 1)
    return found


def _curves(settings: LevelByLevel, runs: pd.DataFrame) -> pd.DataFrame:
    grouped: Any = runs.groupby(["learner", "label", "rules", "num_examples"], sort=False)
    table = grouped["test_loss"].agg(loss_nats="mean", low="min", high="max", num_seeds="count").reset_index()
    table["accuracy"] = grouped["test_accuracy"].mean().to_numpy()
    return table[table["num_seeds"] == settings.seeds].reset_index(drop=True)


def _class_curves(settings: LevelByLevel, classes: pd.DataFrame) -> pd.DataFrame:
    """Test error over chance's, for each m, n_c and P."""
    table = classes.assign(error=(1 - classes["test_accuracy"]) / (1 - 1 / classes["classes"]))
    grouped: Any = table.groupby(["rules", "classes", "num_examples"], sort=False)
    out = grouped["error"].agg(error="mean", low="min", high="max", num_seeds="count").reset_index()
    return out[out["num_seeds"] == settings.seeds].reset_index(drop=True)


def _plateaus_table(plateaus: dict[int, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame({"rules": m} | row for m, values in plateaus.items() for row in mean_plateaus(values))


def _observers(cells: Iterable[Cell], probed: Probed, runs: pd.DataFrame) -> pd.DataFrame:
    """Distance of every network to the observer of each level, at the last token."""
    rows = [
        known | {"level": row["level"], "nats": row["nats"]}
        for known, found in _networks(cells, probed, runs)
        for row in found["distances"]
    ]
    names = ["learner", "label", "rules", "num_examples", "kept", "step", "seed", "level"]
    return pd.DataFrame(rows, columns=[*names, "nats"])


def _thresholds_table(settings: LevelByLevel, measured: Measured) -> pd.DataFrame:
    rows = []
    for (name, m, level), found in measured.levels.items():
        learner, predicted = settings.learners[name].learner, math.nan
        if (shared := learner.weight_sharing) is not None:
            predicted = theory.thresholds(settings.vocab, m, settings.branching, settings.depth, shared)[level - 1]
        known = {"learner": name, "label": learner.label, "rules": m, "level": level, "predicted": predicted}
        rows.append(
            known | interval_columns(found, predicted) | _ignored_columns(measured.ignored.get((name, m, level - 1)))
        )
    columns = ["learner", "label", "rules", "level", "predicted", "measured", "low", "high", "ratio", "note"]
    return pd.DataFrame(rows, columns=[*columns, "ignored", "ignored_low", "ignored_high"])


def _class_table(settings: LevelByLevel, measured: Measured) -> pd.DataFrame:
    rows = []
    for (m, classes), found in measured.classes.items():
        predicted = float(theory.class_sample_complexity(classes, m, settings.depth))
        known = {"rules": m, "classes": classes, "predicted": predicted}
        rows.append(
            known | interval_columns(found, predicted) | _ignored_columns(measured.class_ignored.get((m, classes, 1)))
        )
    columns = ["rules", "classes", "predicted", "measured", "low", "high", "ratio", "note"]
    return pd.DataFrame(rows, columns=[*columns, "ignored", "ignored_low", "ignored_high"])


def _ignored_columns(found: Interval | None) -> dict[str, float]:
    if found is None or not found.measured:
        return dict.fromkeys(("ignored", "ignored_low", "ignored_high"), math.nan)
    return {"ignored": found.value, "ignored_low": found.low, "ignored_high": found.high}
