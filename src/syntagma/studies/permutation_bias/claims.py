"""Claims of the study: eigenvalues, learning curves, their growth with T, finite networks, sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from syntagma.curves import Claim, PerSeed, certain, mean, unmeasured
from syntagma.studies.permutation_bias.measured import NAMES, Measured
from syntagma.studies.permutation_bias.mixtures import READ
from syntagma.studies.permutation_bias.tables import (
    complexity_rows,
    powers,
    slack_rows,
    slopes_of,
    spectra_of_blocks,
    spectrum_rows,
    symmetry_rows,
)

SOURCE = "arXiv 2402.05173"
THEORY = "arXiv 2110.03922"
SHIFT = "arXiv 2106.02261"


def claims(measured: Measured) -> Iterator[Claim]:
    """All claims, in the order in which they are read."""
    yield from _spectrum_claims(measured)
    for name in NAMES:
        for shifted in (False, True):
            ratio, number = measured.over_predicted(name, shifted)
            what = "test error under shifted tokens" if shifted else "test error"
            text = f"kernel regression's {what} of a {name} target is the predicted one"
            shown = f"measured / predicted = {ratio}, mean of {number} sizes" if number else ""
            yield Claim(text, "1", ratio, "equals", 1.0, SHIFT if shifted else THEORY, shown=shown)
    yield from _growth_claims(measured)
    slope = measured.width_slope()
    text = "the squared deviation of a random network's kernel from its limit falls as 1 / width"
    yield Claim(text, "k = -1", slope, "equals", -1.0, SOURCE, resolution=0.5, shown=f"width^k, k = {slope}")
    yield from _network_claims(measured)
    yield from _output_claims(measured)
    yield from _mixture_claims(measured)
    yield from _text_claims(measured)


def _spectrum_claims(measured: Measured) -> Iterator[Claim]:
    """What holds of every eigenvalue; these are counts, without error."""
    counted = measured.fact(of="multiplicities", length=6)
    if counted is not None:
        levels = counted["levels"]
        same = sum(predicted == number for _, predicted, number in levels)
        shown = f"{same} of {len(levels)} levels, by diagonalising the kernel on all sequences of 6 tokens"
        text = "eigenvalues repeat as often as the dimensions of their representations"
        yield Claim(text, "every level", certain(same / len(levels)), "equals", 1.0, SOURCE, shown=shown)
    spectra = spectra_of_blocks(measured.settings, measured.facts)
    rows = list(spectrum_rows(spectra))
    if rows:
        share = max(row["eigenvalue"] / row["bound"] for row in rows)
        within = all(row["eigenvalue"] - 4 * row["error"] <= row["bound"] for row in rows)
        text = "an eigenvalue of a representation of dimension D is at most trace / D"
        shown = f"largest share of the bound: {share:.3f}, over {len(rows)} levels"
        yield Claim(text, "<= 1", certain(float(within)), "equals", 1.0, SOURCE, shown=shown)
    linear = spectra.get("linear attention")
    if linear is not None:
        reached = [name for name in NAMES if linear["sectors"][name]["reached"] == "yes"]
        right = certain(float(reached == ["(T)", "(T-1,1)"]))
        text = "one block of linear attention reaches only (T) and (T-1,1)"
        yield Claim(text, "(T), (T-1,1)", right, "equals", 1.0, "degree in the overlap", shown=", ".join(reached))


def _growth_claims(measured: Measured) -> Iterator[Claim]:
    growth = list(complexity_rows(measured.settings, measured.facts))
    for name in measured.settings.lengths:
        exponent, predicted = measured.exponent(name), powers(growth, name)["half_error"]
        text = f"examples for half the error of {name} grow with T as its exact spectrum says"
        shown = f"T^k, k = {exponent} from {len(measured.settings.lengths[name])} values of T"
        yield Claim(text, f"T^{predicted:.2f}", exponent, "equals", predicted, THEORY, resolution=0.5, shown=shown)
    for name in measured.settings.lengths:
        own = [row for row in growth if row["representation"] == name and (name, row["length"]) in measured.halves]
        text = f"{name} takes at least the examples that the trace bound asks for, at every T"
        over = [measured.halves[name, row["length"]].scaled(1 / row["trace_bound"]) for row in own]
        least = min(
            (one for one in over if one.lower is not None), key=lambda one: one.low, default=unmeasured("not run")
        )
        shown = f"lowest of {len(own)} values of T: {least} times the bound"
        yield Claim(text, ">= bound", least, "above", 1.0, SOURCE, shown=shown)
        loose = [(row["half_error"] / row["trace_bound"], row["length"]) for row in own]
        if loose:
            (low, at_low), (high, at_high) = min(loose), max(loose)
            text = f"{name}: examples that the exact spectrum asks for, over those of the trace bound"
            shown = f"{low:.3g} (T = {at_low}) to {high:.3g} (T = {at_high}), exactly: how far the bound is from tight"
            yield Claim(text, "no prediction", certain(low), source="theory.half_error", shown=shown)
    slack = list(slack_rows(measured.settings))
    if slack:
        text = "one block of linear attention: trace bound over the largest eigenvalue of (T-1,1), in closed form"
        told = ", ".join(f"{row['slack']:.4g} at T = {row['length']}" for row in slack)
        limit = certain(slack[-1]["slack"])
        yield Claim(text, "tends to a T / (2 s)", limit, source="theory.linear_block, derived there", shown=told)


def _network_claims(measured: Measured) -> Iterator[Claim]:
    """Finite networks beside kernel regression on the same examples, and whether the wider ones are nearer to it."""
    table = measured.away
    widths = sorted(table["learner"].unique(), key=lambda name: int(name.split()[-1]))
    for name in widths:
        own: Any = table[table["learner"] == name].groupby("seed")["away"].mean()
        over = PerSeed(own.to_numpy(float), own.to_numpy(float), True).interval()
        text = f"test error of finite networks, {name}, over that of the limit, targets scaled down"
        yield Claim(text, "1 as the width grows", over, source=SOURCE, shown=f"{over}, over training sets")
    if len(widths) > 1:
        wide: Any = table.assign(distance=table["away"].abs()).pivot_table(
            index=["representation", "num_examples", "seed"], columns="learner", values="distance"
        )
        nearer = (wide[widths[0]] - wide[widths[-1]]).dropna().groupby("seed").mean().to_numpy(float)
        closer = mean(nearer) if len(nearer) else unmeasured("not run")
        text = f"networks of {widths[-1]} are nearer to the limit's test error than those of {widths[0]}"
        shown = f"by a factor e^k, k = {closer}, over training sets"
        yield Claim(text, "k > 0", closer, "above", 0.0, SOURCE, shown=shown)


def _output_claims(measured: Measured) -> Iterator[Claim]:
    """Outputs sequence by sequence: slopes on the predicted ones."""
    size = measured.settings.outputs_size
    for who, what, one in slopes_of(measured):
        tested = what == "the predicted mean"
        text = f"outputs of {who}, sequence by sequence after {size} examples, are those of {what}"
        rule, predicted = ("equals", "slope 1") if tested else ("finding", "slope 1 in the limit")
        yield Claim(text, predicted, one, rule, 1.0, THEORY if tested else SOURCE, resolution=0.2, shown=f"slope {one}")


def _mixture_claims(measured: Measured) -> Iterator[Claim]:
    """What a permutation-symmetric kernel loses on a source that has an order."""
    for models in dict.fromkeys(models for models, _ in measured.mixtures):
        curves = [measured.mixtures.get((models, read)) for read in READ]
        if any(curve is None for curve in curves):
            continue
        (mean_ends, last_ends) = ([*curve.losses[:, -1]] for curve in curves if curve is not None)
        lost = np.array(mean_ends) - np.array(last_ends)
        lost = lost[~np.isnan(lost)]
        more = mean(lost) if len(lost) else unmeasured("not run")
        mixture = f"mixture of {int(models)} hidden Markov models"
        text = f"{mixture}: loss of the kernel read at the mean less that at the last position"
        yield Claim(text, "no prediction", more, source=SOURCE, shown=f"{more} nats")


def _text_claims(measured: Measured) -> Iterator[Claim]:
    rows = list(symmetry_rows(measured))
    for row in rows:
        if row["source"] in ("shuffled", "sorted"):
            continue
        beside = [one for one in rows if one["window"] == row["window"]]
        shown = "; ".join(
            f"{one['source']} {one['between']:.2f} [{one['low']:.2f}, {one['high']:.2f}]" for one in beside
        )
        text = f"{row['source']}, T = {row['window']}: share of the dependence between positions that is symmetric"
        yield Claim(text, "between 0 and 1", certain(row["between"]), source=SOURCE, shown=shown)
