"""From stored runs to thresholds, exponents and collapse: what the report of this study shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from syntagma.curves import Interval, LearningCurve, mean_over_seeds, threshold
from syntagma.studies.grid import table_of
from syntagma.studies.plateaus import mean_plateaus
from syntagma.studies.stored import Facts, last_command
from syntagma.studies.study import Analysis
from syntagma.studies.variations import zipf
from syntagma.studies.variations.exact import known_number, known_plateaus
from syntagma.studies.variations.grids import PARAMETERS, Grammar
from syntagma.studies.variations.predictions import thresholds_table, zipf_tokens_table
from syntagma.studies.variations.settings import NAME, Variations
from syntagma.studies.variations.tables import (
    CURVE,
    collapse_table,
    falls_table,
    growth_table,
    measured_thresholds,
    online_table,
)
from syntagma.studies.variations.verdicts import Fall, Measured, verdicts

if TYPE_CHECKING:
    from syntagma.sweep.store import Store


def analyse(title: str, store: Store) -> Analysis:
    """Everything the report shows, for the settings of the last command given for this study.

    Raises:
        InputError: the store holds no command of this study, or none of its runs.
    """
    settings, provenance = last_command(store, NAME, Variations)
    facts = Facts(store, NAME)
    runs = _with_last_loss(table_of(settings.cells(), store.runs(NAME)))
    online = _online(settings, runs, store)
    found = _thresholds(settings, facts, runs, online)
    falls, zipf_curves = _falls(settings, runs)
    masked = _masked(settings, facts, runs)
    measured = Measured(
        growth={key[1:]: value for key, value in found.items() if key[0] == "growth"},
        online=_of_part(found, "online"),
        fixed=_of_part(found, "fixed"),
        tokens={(key[3], key[4]): value for key, value in found.items() if key[0] == "zipf tokens"},
        positions=_of_part(found, "positions"),
        falls=falls,
        excess=_excess(settings, facts, runs),
    )
    tables = {
        "runs": runs,
        "curves": _curves(settings, runs),
        "plateaus": _plateaus(settings, facts),
        "predictions": thresholds_table(settings),
        "thresholds": measured_thresholds(settings, found),
        "growth": growth_table(settings, measured),
        "collapse": collapse_table(settings, measured),
        "online": _spread(online.rename(columns={"loss": "last_loss"}), ["learner", "label"], settings.seeds),
        "online_thresholds": online_table(settings, measured),
        "zipf_curves": zipf_curves,
        "zipf_falls": falls_table(falls),
        "zipf_tokens": zipf_tokens_table(settings),
        "positions": _positions(settings, facts, runs),
        "masked": masked,
    }
    return Analysis(NAME, title, tables, verdicts(settings, measured), provenance)


def _with_last_loss(runs: pd.DataFrame) -> pd.DataFrame:
    """`last_loss`: of the last token where all positions were learned, else the loss of the task."""
    if "test_last_loss" not in runs:
        return runs.assign(last_loss=runs["test_loss"])
    return runs.assign(last_loss=runs["test_last_loss"].fillna(runs["test_loss"]))


def _part(runs: pd.DataFrame, name: str) -> Any:
    return runs[runs["part"] == name]


def _matrix(table: Any, seeds: int, value: str = "last_loss") -> tuple[np.ndarray, np.ndarray]:
    """Sizes `[P]` and the values `[seeds, P]`."""
    wide: Any = table.pivot(index="seed", columns="num_examples", values=value).reindex(range(seeds))
    return np.asarray(wide.columns, float), wide.to_numpy(float)


def _online(settings: Variations, runs: pd.DataFrame, store: Store) -> pd.DataFrame:
    """The course of every pass: one row an evaluation, by examples seen."""
    rows = []
    for run in _part(runs, "online").itertuples(index=False):
        batch = settings.online.learners[run.learner].training.batch_size
        names = {"learner": run.learner, "label": run.label, "seed": run.seed}
        rows += [
            names | {"num_examples": int(row["step"]) * batch, "loss": row["validation_loss"]}
            for row in store.history(run.id).to_dict("records")
            if row["step"] > 0
        ]
    return pd.DataFrame(rows, columns=["learner", "label", "seed", "num_examples", "loss"])


def _plateaus_of(settings: Variations, facts: Facts, grammar: Grammar, exponent: float) -> np.ndarray:
    """`[seeds, L + 1]`, NaN where not known yet."""
    return np.array([known_plateaus(facts, grammar.language(seed, exponent)) for seed in range(settings.seeds)])


def _thresholds(
    settings: Variations, facts: Facts, runs: pd.DataFrame, online: pd.DataFrame
) -> dict[tuple[Any, ...], Interval]:
    """The measured thresholds by part, learner, grammar, Zipf exponent and level."""
    base, found = settings.base, {}
    asked = {
        "fixed": settings.online.levels,
        "zipf tokens": settings.zipf.token_levels,
        "positions": settings.positions.levels,
    }
    for (part, name, _, *sizes, exponent), mine in runs.groupby(CURVE, sort=False):  # pyright: ignore
        if part not in ("growth", *asked):
            continue
        grammar = Grammar(**dict(zip(PARAMETERS, map(int, sizes), strict=True)))
        curve = LearningCurve(*_matrix(mine, settings.seeds), _plateaus_of(settings, facts, grammar, float(exponent)))
        for level in range(1, asked.get(str(part), settings.growth.asked(grammar)) + 1):
            key = (part, name, grammar, level) if part == "growth" else (part, name, grammar, float(exponent), level)
            found[key] = threshold(curve, level)
    for name, mine in online.groupby("learner", sort=False):
        curve = LearningCurve(*_matrix(mine, settings.seeds, "loss"), _plateaus_of(settings, facts, base, 0.0))
        for level in range(1, settings.online.levels + 1):
            found["online", name, base, 0.0, level] = threshold(curve, level)
    return found


def _of_part(found: Mapping[tuple[Any, ...], Interval], part: str) -> dict[tuple[str, int], Interval]:
    return {(key[1], key[-1]): value for key, value in found.items() if key[0] == part}


def _falls(settings: Variations, runs: pd.DataFrame) -> tuple[dict[tuple[float, float], Fall], pd.DataFrame]:
    """How fast the class error falls under each rule distribution, and the curves of error over chance's."""
    grid, chance = settings.zipf, 1 - 1 / settings.zipf.classes
    falls: dict[tuple[float, float], Fall] = {}
    mine = _part(runs, "zipf classes")
    mine = mine.assign(error=(1 - mine["test_accuracy"].astype(float)) / chance) if len(mine) else mine
    for exponent, of_rules in mine.groupby("zipf", sort=False):
        sizes, errors = _matrix(of_rules, settings.seeds, "error")
        complete = ~np.isnan(errors).any(axis=0)
        sizes, errors = sizes[complete], errors[:, complete]
        means = errors.mean(axis=0)
        for law in grid.exponents if exponent == 0 else (float(exponent),):
            inside = zipf.window(means, zipf.rare_share(law, grid.grammar.rules))
            finite = zipf.finite_exponent(sizes[inside], means[inside], float(exponent), grid.grammar.rules)
            falls[float(exponent), law] = Fall(zipf.fall(sizes[inside], errors[:, inside]), finite, sizes[inside])
    columns = ["zipf", "num_examples", "error", "low", "high", "num_seeds"]
    if not len(mine):
        return falls, pd.DataFrame(columns=columns)
    grouped: Any = mine.groupby(["zipf", "num_examples"], sort=False)
    curves = grouped["error"].agg(error="mean", low="min", high="max", num_seeds="count").reset_index()
    return falls, curves[curves["num_seeds"] == settings.seeds].reset_index(drop=True)


def _excess(settings: Variations, facts: Facts, runs: pd.DataFrame) -> dict[str, tuple[Interval, float, int]]:
    """The loss above the exact posterior's at the largest P, over the gap from chance to it; the gap; P."""
    out = {}
    for name, mine in _part(runs, "masked").groupby("learner", sort=False):
        last = mine[mine["num_examples"] == mine["num_examples"].max()]
        if len(last) < settings.seeds:
            continue
        chance = [known_number(facts, "chance", settings.masked.grammar.language(seed)) for seed in last["seed"]]
        gap = float(np.mean(np.array(chance) - last["oracle_loss"].to_numpy(float)))
        size = int(last["num_examples"].iloc[0])
        out[str(name)] = mean_over_seeds(last["excess_loss"].to_numpy(float)), gap, size
    return out


def _spread(table: Any, names: list[str], seeds: int, value: str = "last_loss") -> pd.DataFrame:
    """Mean over seeds, smallest and largest, at the sizes where all seeds are known."""
    grouped: Any = table.groupby([*names, "num_examples"], sort=False)
    out = grouped[value].agg(loss_nats="mean", low="min", high="max", num_seeds="count").reset_index()
    return out[out["num_seeds"] == seeds].reset_index(drop=True)


def _curves(settings: Variations, runs: pd.DataFrame) -> pd.DataFrame:
    shown = runs[~runs["part"].isin(["online", "zipf classes"])]
    return _spread(shown, CURVE, settings.seeds)


def _plateaus(settings: Variations, facts: Facts) -> pd.DataFrame:
    """Averages over grammars, with their standard error, of every language whose last token is asked for."""
    languages = {(grammar, 0.0): None for grammar in settings.growth.grammars(settings.base)}
    languages |= {(settings.base, exponent): None for exponent in settings.zipf.exponents}
    languages[settings.positions.grammar, 0.0] = None
    rows = []
    for grammar, exponent in languages:
        values = _plateaus_of(settings, facts, grammar, exponent)
        known = grammar.model_dump() | {"zipf": exponent}
        rows += [known | row for row in mean_plateaus(values)]
    return pd.DataFrame(rows)


def _positions(settings: Variations, facts: Facts, runs: pd.DataFrame) -> pd.DataFrame:
    """Mean loss over all positions of the decoder that is trained on all, with the exact mean entropy."""
    mine = _part(runs, "positions")
    table = _spread(mine[mine["learner"] == "next-token"], ["learner", "label"], settings.seeds, "test_loss")
    grammar = settings.positions.grammar
    exact = [known_number(facts, "mean entropy", grammar.language(seed)) for seed in range(settings.seeds)]
    return table.assign(mean_entropy=float(np.mean(exact)))


def _masked(settings: Variations, facts: Facts, runs: pd.DataFrame) -> pd.DataFrame:
    """Loss and excess over the exact posterior, with the floor and the chance entropy, over seeds."""
    mine = _part(runs, "masked")
    names = ["learner", "label"]
    table = _spread(mine, names, settings.seeds, "test_loss")
    if not len(table):
        return table.assign(excess=[], excess_low=[], excess_high=[], floor=[], chance=[])
    excess = _spread(mine, names, settings.seeds, "excess_loss")
    floor = _spread(mine, names, settings.seeds, "oracle_loss")
    seeds: Iterable[int] = range(settings.seeds)
    chance = np.mean([known_number(facts, "chance", settings.masked.grammar.language(seed)) for seed in seeds])
    ends = {"excess": excess["loss_nats"], "excess_low": excess["low"], "excess_high": excess["high"]}
    return table.assign(**ends, floor=floor["loss_nats"], chance=float(chance))
