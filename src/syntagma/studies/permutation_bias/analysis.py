"""From stored runs and facts to curves, growth with T and verdicts: what the report shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from syntagma.curves import Interval, LearningCurve, power_law, threshold
from syntagma.randomness import stream
from syntagma.studies.grid import table_of
from syntagma.studies.permutation_bias import facts as known
from syntagma.studies.permutation_bias.predictions import growth_table, spectrum_table
from syntagma.studies.permutation_bias.settings import NAME, TAILS, PermutationBias, tail_name
from syntagma.studies.permutation_bias.verdicts import verdicts
from syntagma.studies.permutation_bias.wanted import cells, fact_key, growth_spectra
from syntagma.studies.stored import Facts, last_command
from syntagma.studies.study import Analysis

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

_FINE = 96
"""Points of a theory curve."""


def analyse(name: str, title: str, store: Store) -> Analysis:
    """Everything the report shows, for the settings of the last command given for this study.

    Raises:
        InputError: the store holds no command of this study, or no finished run.
    """
    settings, provenance = last_command(store, name, PermutationBias)
    facts = Facts(store, NAME)
    runs = table_of(cells(settings, facts), store.runs())
    spectra = _spectra(settings, facts)
    growth = growth_spectra(settings, facts)
    thresholds = _thresholds(settings, runs, growth)
    tables = {
        "runs": runs,
        "spectrum": spectrum_table(spectra),
        "reach": _reach(spectra),
        "multiplicities": _multiplicities(settings, facts),
        "curves": _curves(runs),
        "networks": _networks(runs),
        "theory": _theory(settings, spectra, facts),
        "agreement": _agreement(settings, runs, spectra, facts),
        "growth": _growth(settings, growth, thresholds),
        "exponents": _exponents(settings, growth, thresholds),
        "width": _width(settings, facts),
        "symmetry": _symmetry(settings, facts),
    }
    return Analysis(name, title, tables, verdicts(tables), provenance)


def _spectra(settings: PermutationBias, facts: Facts) -> dict[str, dict[str, Any]]:
    out = {}
    for block in settings.blocks:
        key = {"of": "spectrum", "block": block, "length": settings.length}
        fact = facts.get(fact_key(settings, key))
        if fact is not None:
            out[block] = fact
    return out


def _reach(spectra: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Which block reaches which representation: one row a block."""
    rows = []
    for block, fact in spectra.items():
        said = {name: sector["reached"] for name, sector in fact["sectors"].items()}
        rows.append({"block": block} | said)
    return pd.DataFrame(rows)


def _multiplicities(settings: PermutationBias, facts: Facts) -> pd.DataFrame:
    fact = facts.get(fact_key(settings, {"of": "multiplicities", "length": 6}))
    levels = fact["levels"] if fact else []
    return pd.DataFrame(levels, columns=["eigenvalue", "predicted", "counted"])


def _errors(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of the learning curves; errors over the target's variance, less what finite chains of networks add."""
    mine: Any = runs[runs["panel"] == "curves"].copy()
    for test in ("test", "shifted"):
        if (added := f"{test}_sampling_loss") in mine:
            mine[f"{test}_loss"] = mine[f"{test}_loss"] - mine[added].fillna(0)
        mine[f"{test}_loss"] /= mine["scale"] ** 2
    return mine


def _networks(runs: pd.DataFrame) -> pd.DataFrame:
    """ln of each network's test error over kernel regression's from the same examples: how far it is from the limit."""
    columns = ["tail", "num_examples", "draw"]
    mine = _errors(runs)
    limit: Any = mine[mine["learner"] == "kernel"].set_index(columns)["test_loss"]
    found: Any = mine[mine["learner"] != "kernel"].join(limit.rename("limit"), on=columns)
    found = found[(found["test_loss"] > 0) & found["limit"].notna()]
    return found.assign(away=np.log(found["test_loss"] / found["limit"]))[["learner", *columns, "away"]]


def _curves(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean test error and its standard error over training sets, by learner, representation and size."""
    mine: Any = _errors(runs)
    grouped = mine.groupby(["learner", "tail", "num_examples"], sort=False)
    table = grouped[["test_loss", "shifted_loss"]].agg(["mean", "sem", "count"])
    table.columns = ["_".join(parts) for parts in table.columns]
    return table.reset_index().rename(
        columns={
            "tail": "representation",
            "test_loss_mean": "error",
            "test_loss_sem": "standard_error",
            "test_loss_count": "num_seeds",
            "shifted_loss_mean": "shifted_error",
            "shifted_loss_sem": "shifted_standard_error",
        }
    )


def _theory(settings: PermutationBias, spectra: Mapping[str, Mapping[str, Any]], facts: Facts) -> pd.DataFrame:
    """Predicted test errors, plain and shifted, on a fine grid of sizes."""
    if settings.block not in spectra:
        return pd.DataFrame(columns=["representation", "num_examples", "error", "shifted_error"])
    sizes = np.geomspace(min(settings.sizes) / 1.5, max(settings.sizes) * 1.5, _FINE)
    levels = known.Levels(spectra[settings.block], settings.ridge)
    shift = facts.get(fact_key(settings, {"of": "shift"}))
    parts = []
    for name in map(tail_name, TAILS):
        moved = known.shifted_error(shift, name, sizes, settings.ridge) if shift else np.full(len(sizes), np.nan)
        table = {"representation": name, "num_examples": sizes, "error": levels.error(name, sizes)}
        parts.append(pd.DataFrame(table | {"shifted_error": moved}))
    return pd.concat(parts, ignore_index=True)


def _agreement(
    settings: PermutationBias, runs: pd.DataFrame, spectra: Mapping[str, Mapping[str, Any]], facts: Facts
) -> pd.DataFrame:
    """Measured over predicted error of the kernel regressions: geometric mean over sizes, interval over seeds."""
    if settings.block not in spectra:
        return pd.DataFrame(columns=["representation", "test", "ratio", "low", "high", "num_sizes"])
    levels = known.Levels(spectra[settings.block], settings.ridge)
    shift = facts.get(fact_key(settings, {"of": "shift"}))
    mine: Any = runs[(runs["panel"] == "curves") & (runs["learner"] == "kernel")]
    rows = []
    for name in map(tail_name, TAILS):
        for test, column in (("uniform", "test_loss"), ("shifted", "shifted_loss")):
            table = mine[mine["tail"] == name].pivot_table(index="draw", columns="num_examples", values=column)
            table = table.dropna(axis=1)
            if not table.size or (test == "shifted" and shift is None):
                continue
            sizes = np.asarray(table.columns, float)
            if test == "uniform":
                expected = levels.error(name, sizes)
            else:
                assert shift is not None
                expected = known.shifted_error(shift, name, sizes, settings.ridge)
            ratio, low, high = _mean_ratio(table.to_numpy(float), expected)
            rows.append(
                {
                    "representation": name,
                    "test": test,
                    "ratio": ratio,
                    "low": low,
                    "high": high,
                    "num_sizes": len(sizes),
                }
            )
    return pd.DataFrame(rows)


def _mean_ratio(losses: np.ndarray, expected: np.ndarray) -> tuple[float, float, float]:
    """Geometric mean over sizes of seed-averaged loss / prediction, with a bootstrap interval over `[seeds, sizes]`."""
    seeds = len(losses)
    value = float(np.exp(np.log(losses.mean(0) / expected).mean()))
    if seeds < 2:
        return value, math.nan, math.nan
    drawn = stream(0, "bootstrap").integers(seeds, size=(2000, seeds))
    resampled = np.exp(np.log(losses[drawn].mean(1) / expected).mean(1))
    low, high = np.percentile(resampled, [2.5, 97.5])
    return value, float(low), float(high)


def _thresholds(
    settings: PermutationBias, runs: pd.DataFrame, spectra: Mapping[int, Mapping[str, Any]]
) -> dict[tuple[str, int], Interval]:
    """The size at which the mean test error is half of the target's variance, by representation and T."""
    mine: Any = runs[runs["panel"] == "growth"] if len(runs) else runs
    out = {}
    for name, lengths in settings.lengths.items():
        for length in lengths:
            here = mine[(mine["tail"] == name) & (mine["length"] == length)]
            if not len(here) or length not in spectra:
                continue
            losses = here.pivot_table(index="draw", columns="num_examples", values="test_loss").reindex(
                range(settings.seeds)
            )
            plateaus = np.tile([1.0, 0.0], (settings.seeds, 1))
            curve = LearningCurve(np.asarray(losses.columns, float), losses.to_numpy(float), plateaus)
            out[name, length] = threshold(curve, 1)
    return out


def _growth(
    settings: PermutationBias,
    spectra: Mapping[int, Mapping[str, Any]],
    thresholds: Mapping[tuple[str, int], Interval],
) -> pd.DataFrame:
    table = growth_table(settings, spectra)
    found = [thresholds.get(key) for key in zip(table["representation"], table["length"], strict=True)]
    for column in ("value", "low", "high"):
        values = [getattr(one, column) if one is not None and one.measured else math.nan for one in found]
        table[{"value": "measured"}.get(column, column)] = values
    table["note"] = [one.reason if one is not None else "not measured" for one in found]
    return table


def _exponents(
    settings: PermutationBias,
    spectra: Mapping[int, Mapping[str, Any]],
    thresholds: Mapping[tuple[str, int], Interval],
) -> pd.DataFrame:
    """Powers of T, fitted over the same lengths: of the trace bound, of the exact theory, and measured."""
    table = growth_table(settings, spectra)
    rows = []
    for name in settings.lengths:
        own: Any = table[table["representation"] == name] if len(table) else table
        usable = [n for n in own["length"] if (name, n) in thresholds and thresholds[name, n].measured]
        own = own[own["length"].isin(usable)]
        if len(usable) < 2:
            continue
        x = np.log(own["length"].to_numpy(float))
        fitted = power_law(own["length"].to_numpy(float), [thresholds[name, n] for n in usable])
        row = {"representation": name, "measured": fitted.value, "low": fitted.low, "high": fitted.high}
        for column in ("half_error", "trace_bound", "dimension"):
            row[column] = float(np.polyfit(x, np.log(own[column].to_numpy(float)), 1)[0])
        row["eigenvalue"] = float(np.polyfit(x, np.log(own["eigenvalue"].to_numpy(float)), 1)[0])
        rows.append(row | {"num_lengths": len(usable)})
    return pd.DataFrame(rows)


def _width(settings: PermutationBias, facts: Facts) -> pd.DataFrame:
    """Squared relative deviation of random networks' kernels from their limit, each draw a row."""
    rows = []
    for width in settings.widths:
        for draw in range(settings.draws):
            fact = facts.get(fact_key(settings, {"of": "width", "width": width, "draw": draw}))
            if fact is not None:
                rows.append({"width": width, "draw": draw, "deviation": fact["deviation"]})
    return pd.DataFrame(rows, columns=["width", "draw", "deviation"])


def _symmetry(settings: PermutationBias, facts: Facts) -> pd.DataFrame:
    rows = []
    for window in settings.windows:
        fact = facts.get(fact_key(settings, {"of": "symmetry", "window": window})) or {}
        for case, found in fact.items():
            rows.append(
                {
                    "window": window,
                    "source": case,
                    "fraction": found["fraction"],
                    "fraction_low": found["fraction_interval"][0],
                    "fraction_high": found["fraction_interval"][1],
                    "between": found["between"],
                    "low": found["between_interval"][0],
                    "high": found["between_interval"][1],
                    "splitting": found["splitting"],
                    "multiplet": found["multiplet"],
                    "eigenvalue": found["eigenvalue"],
                }
            )
    return pd.DataFrame(rows)
