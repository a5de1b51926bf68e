"""Verdicts: each claim beside what was measured, the outcome computed from the interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from syntagma.curves import mean_over_seeds
from syntagma.randomness import stream
from syntagma.studies.intervals import numbers
from syntagma.studies.study import Outcome, Verdict

SOURCE = "arXiv 2402.05173"
THEORY = "arXiv 2110.03922"
SHIFT = "arXiv 2106.02261"


def verdicts(tables: Mapping[str, pd.DataFrame]) -> tuple[Verdict, ...]:
    """All verdicts, in the order in which they are read."""
    return (
        *_multiplicities(tables["multiplicities"]),
        *_trace_bound(tables["spectrum"]),
        *_reach(tables["reach"]),
        *_curves(tables["agreement"]),
        *_growth(tables["exponents"]),
        *_bound(tables["growth"]),
        *_width(tables["width"]),
        *_networks(tables["networks"]),
        *_text(tables["symmetry"]),
    )


def slope(table: Any) -> tuple[float, float, float]:
    """Power of the width in the mean squared deviation, with a bootstrap interval over draws."""
    wide = table.pivot_table(index="draw", columns="width", values="deviation").dropna()
    x = np.log(np.asarray(wide.columns, float))
    x = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    values = wide.to_numpy(float)
    drawn = stream(0, "bootstrap").integers(len(values), size=(2000, len(values)))
    resampled = np.log(values[drawn].mean(1)) @ x
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(np.log(values.mean(0)) @ x), float(low), float(high)


def _multiplicities(table: Any) -> Iterator[Verdict]:
    if not len(table):
        return
    same = int((table["predicted"] == table["counted"]).sum())
    outcome: Outcome = "agrees" if same == len(table) else "disagrees"
    measured = f"{same} of {len(table)} levels, by diagonalising the kernel on all sequences of 6 tokens"
    claim = "eigenvalues repeat as often as the dimensions of their representations"
    yield Verdict(claim, "every level", measured, outcome, SOURCE)


def _trace_bound(table: Any) -> Iterator[Verdict]:
    if not len(table):
        return
    shares = table["eigenvalue"] / table["bound"]
    within = (table["eigenvalue"] - 4 * table["error"] <= table["bound"]).all()
    claim = "an eigenvalue of a representation of dimension D is at most trace / D"
    measured = f"largest share of the bound: {shares.max():.3f}, over {len(table)} levels"
    yield Verdict(claim, "<= 1", measured, "agrees" if within else "disagrees", SOURCE)


def _reach(table: Any) -> Iterator[Verdict]:
    """One block of linear attention, read at the mean, is of degree one in the overlap of two sequences."""
    mine = table[table["block"] == "linear attention"] if len(table) else table
    if not len(mine):
        return
    reached = [name for name in mine.columns if name != "block" and mine.iloc[0][name] == "yes"]
    outcome: Outcome = "agrees" if reached == ["(T)", "(T-1,1)"] else "disagrees"
    claim = "one block of linear attention reaches only (T) and (T-1,1)"
    yield Verdict(claim, "(T), (T-1,1)", ", ".join(reached), outcome, "degree in the overlap")


def _curves(table: Any) -> Iterator[Verdict]:
    for row in _rows(table):
        plain = row.test == "uniform"
        what = "test error" if plain else "test error under shifted tokens"
        claim = f"kernel regression's {what} of a {row.representation} target is the predicted one"
        measured = f"measured / predicted = {numbers(row.ratio, row.low, row.high)}, mean of {row.num_sizes} sizes"
        outcome: Outcome = "open" if math.isnan(row.low) else "agrees" if row.low <= 1 <= row.high else "disagrees"
        yield Verdict(claim, "1", measured, outcome, THEORY if plain else SHIFT)


def _growth(table: Any) -> Iterator[Verdict]:
    for row in _rows(table):
        measured = f"T^k, k = {numbers(row.measured, row.low, row.high)} from {row.num_lengths} values of T"
        claim = f"examples for half the error of {row.representation} grow with T as its exact spectrum says"
        inside: Outcome = "agrees" if row.low <= row.half_error <= row.high else "disagrees"
        yield Verdict(claim, f"T^{row.half_error:.2f}", measured, inside, THEORY)


def _bound(table: Any) -> Iterator[Verdict]:
    """No T at which fewer examples suffice than the trace bound asks for."""
    if not len(table):
        return
    for name in table["representation"].unique():
        own = table[(table["representation"] == name) & table["measured"].notna()]
        if len(own):
            least = float((own["low"] / own["trace_bound"]).min())
            claim = f"{name} takes at least the examples that the trace bound asks for, at every T"
            measured = f"lower ends of the intervals are {least:.1f} times the bound or more, {len(own)} values of T"
            outcome: Outcome = (
                "agrees" if least > 1 else "disagrees" if (own["high"] < own["trace_bound"]).any() else "open"
            )
            yield Verdict(claim, ">= bound", measured, outcome, SOURCE)


def _width(table: Any) -> Iterator[Verdict]:
    if table["width"].nunique() < 2 or table["draw"].nunique() < 2:
        return
    value, low, high = slope(table)
    claim = "the squared deviation of a random network's kernel from its limit falls as 1 / width"
    yield Verdict(claim, "k = -1", f"width^k, k = {numbers(value, low, high)}", _holds(low, -1, high), SOURCE)


def _networks(table: Any) -> Iterator[Verdict]:
    """Finite networks beside kernel regression on the same examples, and whether the wider ones are nearer to it."""
    widths = sorted(table["learner"].unique(), key=lambda name: int(name.split()[-1]))
    for name in widths:
        own = table[table["learner"] == name]
        found = mean_over_seeds(own.groupby("draw")["away"].mean().to_numpy(float))
        claim = f"test error of finite networks, {name}, over that of the limit, targets scaled down"
        measured = f"{numbers(*np.exp([found.value, found.low, found.high]))}, over training sets"
        yield Verdict(claim, "1 as the width grows", measured, "finding", SOURCE)
    if len(widths) > 1:
        by_seed = table.assign(distance=table["away"].abs()).pivot_table(
            index=["tail", "num_examples", "draw"], columns="learner", values="distance"
        )
        nearer = (by_seed[widths[0]] - by_seed[widths[-1]]).dropna().groupby("draw").mean().to_numpy(float)
        if not len(nearer):
            return
        found = mean_over_seeds(nearer)
        claim = f"networks of {widths[-1]} are nearer to the limit's test error than those of {widths[0]}"
        measured = f"by a factor e^k, k = {numbers(found.value, found.low, found.high)}, over training sets"
        outcome: Outcome = "agrees" if found.low > 0 else "disagrees" if found.high < 0 else "open"
        yield Verdict(claim, "k > 0", measured, outcome, SOURCE)


def _text(table: Any) -> Iterator[Verdict]:
    if not len(table):
        return
    names = [name for name in table["source"].unique() if name not in ("shuffled", "sorted")]
    for row in _rows(table[table["source"].isin(names)]):
        others = {o.source: o for o in _rows(table[table["window"] == row.window])}
        claim = f"{row.source}, T = {row.window}: share of the dependence between positions that is symmetric"
        controls = ", ".join(
            f"{name} {numbers(o.between, o.low, o.high)}" for name, o in others.items() if name != row.source
        )
        yield Verdict(
            claim, "between 0 and 1", f"{numbers(row.between, row.low, row.high)}; {controls}", "finding", SOURCE
        )


def _holds(low: float, number: float, high: float) -> Outcome:
    return "agrees" if low <= number <= high else "disagrees"


def _rows(table: Any) -> list[Any]:
    return list(table.itertuples(index=False))
