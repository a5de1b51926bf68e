"""Permutation bias: what the symmetry of an infinitely wide transformer block says of what it learns, and how fast.

A block whose positions are exchangeable has a kernel with K(pi X, pi Y) = K(X, Y), so each eigenvalue belongs to an
irreducible representation of the symmetric group of positions, and is repeated as often as its dimension. From the
eigenvalues follows how many examples a target in each representation takes; the rest is measured. Representations of
S_T are named by their tails, see `permutation_facts`.
Source: arXiv 2402.05173.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from syntagma.curves import Claim, Interval, LearningCurve, PerSeed, certain, jackknife, mean, power_law, unmeasured
from syntagma.kernels import Architecture, Attention, Dense, Embedding, Residual
from syntagma.learners import LangevinPosterior
from syntagma.plot import Axis, Empty, Figure, Law, Level, Line, Mark, Panel, Points
from syntagma.studies import permutation_facts as known
from syntagma.studies.permutation_facts import Levels
from syntagma.studies.permutation_settings import TAILS, PermutationBias, Tail, tail_name
from syntagma.studies.schemas import Column, Schema, Table, interval_columns
from syntagma.studies.study import Cell, Fact, Facts, Results, Study
from syntagma.tasks import SymmetryTarget

SOURCE = "arXiv 2402.05173"
THEORY = "arXiv 2110.03922"
SHIFT = "arXiv 2106.02261"
_FINE = 96
"""Points of a theory curve."""
_ROUNDING = 1e-9
"""Eigenvalues below this share of their trace bound are rounding."""
_NAMES = tuple(map(tail_name, TAILS))


@dataclass(frozen=True)
class Measured:
    """Errors over the targets' variance by learner and representation, and the facts that they are compared with.

    Attributes:
        errors: test errors, by learner and representation; `shifted` those on tokens of another distribution.
        halves: where kernel regression's error is half of the variance, by representation and T.
        away: ln of each network's test error over kernel regression's from the same examples, one row each.
    """

    settings: PermutationBias
    facts: Facts
    errors: Mapping[tuple[str, str], LearningCurve]
    shifted: Mapping[tuple[str, str], LearningCurve]
    halves: Mapping[tuple[str, int], Interval]
    away: pd.DataFrame

    def fact(self, **key: Any) -> dict[str, Any] | None:
        """A fact of the study, None where it is not computed."""
        return self.facts.get(_key(self.settings, key))

    def levels(self) -> Levels | None:
        """The spectrum of the block whose curves are measured."""
        fact = self.fact(of="spectrum", block=self.settings.block, length=self.settings.length)
        return None if fact is None else Levels(fact, self.settings.ridge)

    def predicted(self, name: str, sizes: np.ndarray, shifted: bool) -> Float[np.ndarray, " n"] | None:
        """The predicted test error of a representation's target."""
        if not shifted:
            levels = self.levels()
            return None if levels is None else levels.error(name, sizes)
        moments = self.fact(of="shift")
        return None if moments is None else known.shifted_error(moments, name, sizes, self.settings.ridge)

    def over_predicted(self, name: str, shifted: bool) -> tuple[Interval, int]:
        """Measured over predicted error of kernel regression: geometric mean over sizes of seeds' means; how many."""
        curve = (self.shifted if shifted else self.errors).get(("kernel", name))
        if curve is None:
            return unmeasured("not measured yet"), 0
        complete = ~np.isnan(curve.losses).any(axis=0)
        losses, sizes = curve.losses[:, complete], curve.num_examples[complete]
        expected = self.predicted(name, sizes, shifted)
        if expected is None or not len(sizes):
            return unmeasured("not measured yet"), 0
        ratio = jackknife(
            lambda seeds: float(np.exp(np.log(losses[seeds].mean(0) / expected).mean())), len(losses), log=True
        )
        return ratio, len(sizes)

    def exponent(self, name: str) -> Interval:
        """The power of T in the examples for half the error."""
        lengths = self.settings.lengths[name]
        halves = [self.halves.get((name, length), unmeasured("not measured yet")) for length in lengths]
        if len(lengths) < 2 or any(math.isnan(half.value) for half in halves):
            return unmeasured("not measured at two lengths or more")
        return power_law(lengths, halves)

    def deviations(self) -> Float[np.ndarray, "draws widths"]:
        """Squared relative deviation of random networks' kernels from their limit; NaN where not computed."""
        out = np.full((self.settings.draws, len(self.settings.widths)), np.nan)
        for place, width in enumerate(self.settings.widths):
            for draw in range(self.settings.draws):
                fact = self.fact(of="width", width=width, draw=draw)
                out[draw, place] = math.nan if fact is None else fact["deviation"]
        return out

    def width_slope(self) -> Interval:
        """The power of the width in the mean squared deviation."""
        values = self.deviations()
        if np.isnan(values).any():
            return unmeasured("not computed yet")
        x = np.log(np.asarray(self.settings.widths, float))
        weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
        return jackknife(lambda draws: float(np.log(values[draws].mean(0)) @ weights), len(values))


def _key(settings: PermutationBias, key: Mapping[str, Any]) -> dict[str, Any]:
    """The key of a fact with all settings that determine it."""
    block = key.get("block", settings.block)
    used: dict[str, Any] = {"vocab": settings.vocab}
    if key["of"] == "symmetry":
        used = {"text": None if settings.text is None else settings.text.model_dump(mode="json")}
    else:
        used |= {"architecture": settings.blocks[block].model_dump(mode="json")}
    if key["of"] == "spectrum" and settings.sampled(block):
        used |= {"samples": settings.samples, "estimates": settings.estimates}
    if key["of"] in ("shift", "width"):
        used |= {"length": settings.length}
    if key["of"] == "shift":
        used |= {"probabilities": list(settings.shift)}
    return {name: value for name, value in key.items() if name != "block"} | used


def _facts(settings: PermutationBias, results: Results) -> Iterator[Fact]:
    """Spectra first, which say where the sample complexities lie."""

    def fact(text: str, compute: Any, **key: Any) -> Fact:
        return Fact(_key(settings, key), compute, text)

    spectra = [(block, settings.length) for block in settings.blocks]
    lengths = {length for _, length in settings.of_lengths()}
    for block, n in [*spectra, *((settings.growth_block, n) for n in sorted(lengths))]:
        compute = lambda block=block, n=n: known.spectrum_of(settings, block, n)  # noqa: E731
        yield fact(f"spectrum of {block} at T = {n}", compute, of="spectrum", block=block, length=n)
    yield fact(
        "eigenvalues counted on all sequences",
        lambda: known.multiplicities(settings, settings.block, 6),
        of="multiplicities",
        length=6,
    )
    yield fact("moments of shifted tokens", lambda: known.shifted_moments(settings), of="shift")
    for width in settings.widths:
        for draw in range(settings.draws):
            compute = lambda width=width, draw=draw: known.kernel_deviation(settings, width, draw)  # noqa: E731
            yield fact(f"kernel of a network of width {width}", compute, of="width", width=width, draw=draw)
    for window in settings.windows:
        compute = lambda window=window: known.symmetry_of(settings, window)  # noqa: E731
        yield fact(f"symmetry in windows of {window}", compute, of="symmetry", window=window)


def _network_cells(settings: PermutationBias) -> Iterator[Cell]:
    for width in settings.networks:
        network = LangevinPosterior(
            architecture=settings.blocks[settings.block],
            width=width,
            head_size=1,
            ridge=settings.ridge,
            steps=settings.network_steps,
        )
        for tail in settings.network_tails:
            for size in settings.network_sizes:
                for seed in range(settings.network_seeds):
                    yield _curve_cell(settings, tail, f"width {width}", network, size, seed)


def _kernel_cells(settings: PermutationBias) -> Iterator[Cell]:
    for tail in TAILS:
        for size in settings.sizes:
            for seed in range(settings.seeds):
                yield _curve_cell(settings, tail, "kernel", settings.kernel(settings.block), size, seed)


def _curve_cell(settings: PermutationBias, tail: Tail, name: str, learner: Any, size: int, seed: int) -> Cell:
    scale = 1.0 if name == "kernel" else settings.network_scale
    task = SymmetryTarget(partition=settings.partition(tail), seed=0, scale=scale)
    names = {"panel": "curves", "scale": scale, "learner": name, "representation": tail_name(tail)}
    names |= {"num_examples": size, "seed": seed}
    return settings.cell(names, task, learner, settings.length, tests={"shifted": settings.shifted()})


def _growth_cells(settings: PermutationBias, facts: Facts) -> Iterator[Cell]:
    """Kernel regressions around the predicted sample complexity of each representation and T."""
    for name, length in settings.of_lengths():
        tail = TAILS[_NAMES.index(name)]
        key = _key(settings, {"of": "spectrum", "block": settings.growth_block, "length": length})
        middle = Levels(facts[key], settings.ridge).half(name)
        factors = [2.0 ** (0.5 * k) for k in range(-2 * settings.reach, 2 * settings.reach + 1)]
        for size in sorted({max(1, round(middle * factor)) for factor in factors}):
            for seed in range(settings.seeds):
                names = {
                    "panel": "growth",
                    "representation": name,
                    "length": length,
                    "num_examples": size,
                    "seed": seed,
                }
                task = SymmetryTarget(partition=settings.partition(tail, length))
                yield settings.cell(names, task, settings.kernel(settings.growth_block), length)


def _cells(settings: PermutationBias, facts: Facts, results: Results) -> Iterator[Cell]:
    """The slowest first."""
    yield from _network_cells(settings)
    yield from _kernel_cells(settings)
    yield from _growth_cells(settings, facts)


def _measure(settings: PermutationBias, facts: Facts, results: Results) -> Measured:
    runs = results.table([*_kernel_cells(settings), *_network_cells(settings)])
    for test in ("test", "shifted") if len(runs) else ():
        if (added := f"{test}_sampling_loss") in runs:  # what finite chains of networks add
            runs[f"{test}_loss"] = runs[f"{test}_loss"] - runs[added].fillna(0)
        runs[f"{test}_loss"] /= runs["scale"] ** 2
    by = ["learner", "representation"]
    errors, shifted = (
        LearningCurve.from_runs(runs, by, f"{test}_loss") if len(runs) else {} for test in ("test", "shifted")
    )
    growth = results.table(_growth_cells(settings, facts))
    curves = LearningCurve.from_runs(growth, ["representation", "length"]) if len(growth) else {}
    halves = {known: curve.crossing(0.5) for known, curve in curves.items()}
    return Measured(settings, facts, errors, shifted, halves, _away(runs))  # pyright: ignore[reportArgumentType]


def _away(runs: pd.DataFrame) -> pd.DataFrame:
    """How far each network's test error is from that of kernel regression on the same examples."""
    columns = ["representation", "num_examples", "seed"]
    names = ["learner", *columns, "away"]
    if not len(runs):
        return pd.DataFrame(columns=names)
    limit: Any = runs[runs["learner"] == "kernel"].set_index(columns)["test_loss"]
    networks: Any = runs[runs["learner"] != "kernel"].join(limit.rename("limit"), on=columns)
    networks = networks[(networks["test_loss"] > 0) & networks["limit"].notna()]
    return networks.assign(away=np.log(networks["test_loss"] / networks["limit"]))[names]


_SPECTRUM = Schema(
    "spectrum",
    "Eigenvalues by representation",
    "One row a level: levels below their error, or lost in rounding, are left out; the largest of each representation "
    "is kept.",
    (
        Column("block", "block", "text"),
        Column("representation", "representation", "text"),
        Column("eigenvalue", "eigenvalue", "ratio"),
        Column("error", "standard error", "ratio"),
        Column("multiplicity", "multiplicity", "count"),
        Column("bound", "trace bound", "ratio"),
        Column("reached", "reached", "text"),
    ),
)
_COMPLEXITY = Schema(
    "sample-complexity",
    "Examples needed against context length",
    "At half of the target's variance: predicted from the exact spectrum, and the least that the trace bound allows.",
    (
        Column("representation", "representation", "text"),
        Column("length", "T", "whole"),
        Column("dimension", "dimension", "count"),
        Column("eigenvalue", "largest eigenvalue", "ratio"),
        Column("half_error", "predicted", "count"),
        Column("trace_bound", "trace bound", "ratio"),
    ),
)
_GROWTH = Schema(
    "growth",
    "Examples needed against context length",
    "At half of the target's variance: measured with its interval of 95 % over training sets, predicted, and the "
    "least that the trace bound allows.",
    (
        *_COMPLEXITY.columns,
        Column("measured", "measured", "count"),
        Column("low", "from", "count"),
        Column("high", "to", "count"),
        Column("note", "note", "text"),
    ),
)
_EXPONENTS = Schema(
    "exponents",
    "Powers of T",
    "Fitted over the same lengths; the interval is the measured one's.",
    (
        Column("representation", "representation", "text"),
        Column("eigenvalue", "largest eigenvalue", "exponent"),
        Column("half_error", "predicted examples", "exponent"),
        Column("measured", "measured examples", "exponent"),
        Column("low", "from", "exponent"),
        Column("high", "to", "exponent"),
        Column("trace_bound", "trace bound's examples", "exponent"),
    ),
)
_AGREEMENT = Schema(
    "agreement",
    "Kernel regression beside theory",
    "Measured over predicted test error, geometric mean over sizes, with its interval of 95 % over training sets. The "
    "theory takes modes for independent Gaussian variables.",
    (
        Column("representation", "representation", "text"),
        Column("test", "test tokens", "text"),
        Column("measured", "measured / predicted", "ratio"),
        Column("low", "from", "ratio"),
        Column("high", "to", "ratio"),
        Column("num_sizes", "sizes", "whole"),
    ),
)
_REACH = Schema(
    "reach",
    "Which block reaches which representation",
    "Whether the kernel has an eigenvalue there, beyond rounding and four times its error.",
    (Column("block", "block", "text"), *(Column(name, name, "text") for name in _NAMES)),
)
_SYMMETRY = Schema(
    "symmetry",
    "Permutation symmetry of a source",
    "Share of the squared covariance that is symmetric under permutations of positions, in all and between different "
    "positions only, with intervals of 95 %.",
    (
        Column("source", "source", "text"),
        Column("window", "T", "whole"),
        Column("fraction", "share", "ratio"),
        Column("between", "between positions", "ratio"),
        Column("low", "from", "ratio"),
        Column("high", "to", "ratio"),
        Column("splitting", "splitting", "ratio"),
    ),
)


def _spectrum_rows(spectra: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for block, fact in spectra.items():
        for name, sector in fact["sectors"].items():
            for place, (value, error) in enumerate(zip(sector["eigenvalues"], sector["errors"], strict=True)):
                if not place or value > max(error, _ROUNDING * sector["bound"]):
                    known = {"block": block, "representation": name, "eigenvalue": value, "error": error}
                    rest = {"multiplicity": sector["dimension"], "bound": sector["bound"], "reached": sector["reached"]}
                    yield known | rest


def _complexity_rows(settings: PermutationBias, facts: Facts) -> Iterator[dict[str, Any]]:
    """Examples at half the error, and what the trace bound alone asks for, against T."""
    for name, length in settings.of_lengths():
        fact = facts.get(_key(settings, {"of": "spectrum", "block": settings.growth_block, "length": length}))
        if fact is not None:
            levels, sector = Levels(fact, settings.ridge), fact["sectors"][name]
            yield {
                "representation": name,
                "length": length,
                "dimension": sector["dimension"],
                "eigenvalue": sector["eigenvalues"][0],
                "half_error": levels.half(name),
                "trace_bound": levels.bound(name),
            }


def _spectra(settings: PermutationBias, facts: Facts) -> dict[str, dict[str, Any]]:
    keys = {
        name: _key(settings, {"of": "spectrum", "block": name, "length": settings.length}) for name in settings.blocks
    }
    return {name: fact for name, key in keys.items() if (fact := facts.get(key)) is not None}


def _predictions(settings: PermutationBias, facts: Facts) -> Iterator[Table]:
    yield _SPECTRUM.table(_spectrum_rows(_spectra(settings, facts)))
    yield _COMPLEXITY.table(_complexity_rows(settings, facts))


def _symmetry_rows(measured: Measured) -> Iterator[dict[str, Any]]:
    for window in measured.settings.windows:
        for source, one in (measured.fact(of="symmetry", window=window) or {}).items():
            (low, high), (whole_low, whole_high) = one["between_interval"], one["fraction_interval"]
            numbers = {name: one[name] for name in ("fraction", "between", "splitting", "multiplet", "eigenvalue")}
            ends = {"low": low, "high": high, "fraction_low": whole_low, "fraction_high": whole_high}
            yield {"window": window, "source": source, **numbers, **ends}


def _tables(measured: Measured) -> Iterator[Table]:
    settings, spectra = measured.settings, _spectra(measured.settings, measured.facts)
    yield _REACH.table(
        {"block": block, **{name: fact["sectors"][name]["reached"] for name in _NAMES}}
        for block, fact in spectra.items()
    )
    growth = [
        row | interval_columns(measured.halves.get((row["representation"], row["length"]), unmeasured("not run")))
        for row in _complexity_rows(settings, measured.facts)
    ]
    yield _GROWTH.table(growth)
    yield _EXPONENTS.table(
        {"representation": name, **_powers(growth, name), **interval_columns(measured.exponent(name))}
        for name in settings.lengths
    )
    rows = []
    for name in _NAMES:
        for shifted in (False, True):
            ratio, number = measured.over_predicted(name, shifted)
            test = "shifted" if shifted else "uniform"
            rows.append({"representation": name, "test": test, **interval_columns(ratio), "num_sizes": number})
    yield _AGREEMENT.table(rows)
    yield _SYMMETRY.table(_symmetry_rows(measured))
    yield _SPECTRUM.table(_spectrum_rows(spectra))


def _powers(rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, float]:
    """The power of T in each predicted column; NaN where there are fewer than two lengths."""
    own = [row for row in rows if row["representation"] == name]
    x = np.log([row["length"] for row in own])
    return {
        column: float(np.polyfit(x, np.log([row[column] for row in own]), 1)[0]) if len(own) > 1 else math.nan
        for column in ("eigenvalue", "half_error", "trace_bound")
    }


def _claims(measured: Measured) -> Iterator[Claim]:
    yield from _spectrum_claims(measured)
    for name in _NAMES:
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
    spectra = _spectra(measured.settings, measured.facts)
    rows = list(_spectrum_rows(spectra))
    if rows:
        share = max(row["eigenvalue"] / row["bound"] for row in rows)
        within = all(row["eigenvalue"] - 4 * row["error"] <= row["bound"] for row in rows)
        text = "an eigenvalue of a representation of dimension D is at most trace / D"
        shown = f"largest share of the bound: {share:.3f}, over {len(rows)} levels"
        yield Claim(text, "<= 1", certain(float(within)), "equals", 1.0, SOURCE, shown=shown)
    linear = spectra.get("linear attention")
    if linear is not None:
        reached = [name for name in _NAMES if linear["sectors"][name]["reached"] == "yes"]
        right = certain(float(reached == ["(T)", "(T-1,1)"]))
        text = "one block of linear attention reaches only (T) and (T-1,1)"
        yield Claim(text, "(T), (T-1,1)", right, "equals", 1.0, "degree in the overlap", shown=", ".join(reached))


def _growth_claims(measured: Measured) -> Iterator[Claim]:
    growth = list(_complexity_rows(measured.settings, measured.facts))
    for name in measured.settings.lengths:
        exponent, predicted = measured.exponent(name), _powers(growth, name)["half_error"]
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
        shown = f"lowest of {len(own)} values of T: {least} times the bound; how tight the bound is, is in the table"
        yield Claim(text, ">= bound", least, "above", 1.0, SOURCE, shown=shown)


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


def _text_claims(measured: Measured) -> Iterator[Claim]:
    rows = list(_symmetry_rows(measured))
    for row in rows:
        if row["source"] in ("shuffled", "sorted"):
            continue
        beside = [one for one in rows if one["window"] == row["window"]]
        shown = "; ".join(
            f"{one['source']} {one['between']:.2f} [{one['low']:.2f}, {one['high']:.2f}]" for one in beside
        )
        text = f"{row['source']}, T = {row['window']}: share of the dependence between positions that is symmetric"
        yield Claim(text, "between 0 and 1", certain(row["between"]), source=SOURCE, shown=shown)


def _figures(measured: Measured) -> Iterator[Figure]:
    yield _curve_figure(measured, shifted=False)
    yield _spectrum_figure(measured)
    yield _complexity_figure(measured)
    yield _width_figure(measured)
    yield _curve_figure(measured, shifted=True)
    yield _symmetry_figure(measured)


def _curve_figure(measured: Measured, shifted: bool) -> Figure:
    """Test error against training examples, one panel a representation: theory, kernel regression, networks."""
    settings, curves = measured.settings, measured.shifted if shifted else measured.errors
    fine = np.geomspace(min(settings.sizes) / 1.5, max(settings.sizes) * 1.5, _FINE)
    panels = []
    for name in _NAMES:
        marks: list[Mark] = [Level(1.0, "the mean", key="plateau")]
        expected = measured.predicted(name, fine, shifted)
        if expected is not None:
            marks.append(Line(fine, expected, key="ink", label="theory"))
        for place, learner in enumerate(("kernel", *(f"width {width}" for width in settings.networks))):
            curve = curves.get((learner, name))
            if curve is not None:
                marks.append(
                    _mean_points(curve, place, "kernel regression" if learner == "kernel" else f"networks, {learner}")
                )
        y = Axis("test error / variance" + (", shifted tokens" if shifted else ""), "log")
        panels.append(Panel(name, Axis("training examples n", "log"), y, marks))
    caption = (
        "Test error of targets in four representations of the permutations of positions, over their variance, against "
        "the number n of training examples. Lines: theory, from the exact spectrum of the kernel. Points: kernel "
        "regression, and the mean of finite networks drawn from their posterior, less what finite chains add, of "
        "targets scaled down (networks adapt to strong ones): means with intervals of 95 % over training sets. The "
        "grey line at 1 is what predicting the mean gives."
    )
    if shifted:
        caption = (
            "The same regressions, tested on tokens with other probabilities. Lines: theory, with the second moments "
            "of every mode under the new distribution, by enumerating all sequences. Points: means with intervals of "
            "95 % over training sets."
        )
        return Figure("shifted", "Test tokens of another distribution", panels, caption, columns=2, share="xy")
    return Figure("learning-curves", "Learning curves by representation", panels, caption, columns=2, share="xy")


def _mean_points(curve: LearningCurve, place: int, label: str) -> Points:
    means = [mean(column[~np.isnan(column)]) for column in curve.losses.T]
    low = [one.low if one.low > 0 else 0.0 for one in means]
    key = "cnn" if place == 0 else f"series {place}"
    return Points(
        curve.num_examples, [one.value for one in means], low, [one.high for one in means], key=key, label=label
    )


def _spectrum_figure(measured: Measured) -> Figure:
    """Eigenvalues by representation beside their trace bounds, one panel a block."""
    spectra, panels = _spectra(measured.settings, measured.facts), []
    rows = list(_spectrum_rows(spectra))
    floor = 1e-7 * max((row["bound"] for row in rows), default=1.0)
    for block in spectra:
        marks: list[Mark] = []
        for place, name in enumerate(_NAMES):
            own = [row for row in rows if row["block"] == block and row["representation"] == name]
            shown = [row for row in own if row["eigenvalue"] > floor]
            places = place + 0.24 * np.linspace(-1, 1, len(shown)) if len(shown) > 1 else [float(place)] * len(shown)
            values, errors = [row["eigenvalue"] for row in shown], [row["error"] for row in shown]
            low, high = (
                [v - e for v, e in zip(values, errors, strict=True)],
                [v + e for v, e in zip(values, errors, strict=True)],
            )
            marks.append(Points(places, values, low, high, key=f"series {place}", size=0.7))
            marks.append(
                Line([place - 0.32, place + 0.32], [own[0]["bound"]] * 2, key="ink", label="trace / dimension")
            )
        x = Axis("", "category", categories=_NAMES)
        panels.append(Panel(block, x, Axis("eigenvalue", "log", limits=(floor, None)), marks))
    caption = (
        "Eigenvalues of the kernel of each block, by representation, each repeated as often as the representation's "
        "dimension. Black bars: the bound trace / dimension. A block that has no eigenvalue in a representation "
        "cannot learn such targets from any number of examples. Softmax attention has no closed form: its kernel is "
        "sampled, bars are standard errors, and levels below theirs are left out."
    )
    panels = panels or [Panel("", marks=(Empty("No spectrum is computed yet."),))]
    return Figure("spectrum", "The kernel's eigenvalues by representation", panels, caption, share="y")


def _complexity_figure(measured: Measured) -> Figure:
    """Examples for half of the target's variance, against context length: measured, exact theory, trace bound."""
    panels, growth = [], list(_complexity_rows(measured.settings, measured.facts))
    for place, (name, lengths) in enumerate(measured.settings.lengths.items()):
        own = [row for row in growth if row["representation"] == name]
        x = [row["length"] for row in own]
        halves = [(n, half) for n in lengths if (half := measured.halves.get((name, n))) and half.measured]
        marks: list[Mark] = [
            Line(x, [row["half_error"] for row in own], key="ink", label="theory, exact spectrum"),
            Law(x, [row["trace_bound"] for row in own], key="ink", label="least that the trace bound allows"),
            Points(
                [n for n, _ in halves],
                [half.value for _, half in halves],
                [half.low for _, half in halves],
                [half.high for _, half in halves],
                key=f"series {place + 1}",
                label="measured" if place == 0 else "",
            ),
        ]
        exponent = measured.exponent(name).value
        told = f": measured $T^{{{exponent:.1f}}}$" if math.isfinite(exponent) else ": no exponent measured"
        title = name + (told if len(halves) > 2 else ": too few lengths for an exponent")
        panels.append(
            Panel(
                title,
                Axis("context length T", "log", ticks=lengths),
                Axis("examples to half of the variance", "log"),
                marks,
            )
        )
    caption = (
        "Training examples at which the test error is half of the target's variance, against the context length T: "
        "measured with intervals of 95 % over training sets, and from the exact spectrum. Dashed: fewer cannot do, "
        "since no eigenvalue exceeds trace / dimension."
    )
    return Figure("sample-complexity", "Examples needed against context length", panels, caption, share="y")


def _width_figure(measured: Measured) -> Figure:
    """Squared relative deviation of random networks' kernels from their limit, against width."""
    widths, values = measured.settings.widths, measured.deviations()
    complete = ~np.isnan(values).any(axis=0)
    if not complete.any():
        return Figure("width", "Approach to the limit", (Panel("", marks=(Empty("No network is drawn yet."),)),))
    x, values = np.asarray(widths, float)[complete], values[:, complete]
    means = [mean(column) for column in values.T]
    middle = float(np.exp(np.log([one.value for one in means]).mean() + np.log(x).mean()))
    low, high = [max(one.low, 0.0) for one in means], [one.high for one in means]
    marks = (
        Points(np.tile(x, len(values)), values.ravel(), key="series 1", size=0.4, label="one network"),
        Points(x, [one.value for one in means], low, high, key="cnn", label="mean, interval of 95 %"),
        Law(x, middle / x, label="slope -1"),
    )
    slope = measured.width_slope()
    x_axis, y_axis = Axis("width (units and heads)", "log", ticks=widths), Axis("squared relative deviation", "log")
    told = f"fitted slope {slope}" if len(x) > 2 else f"{len(x)} widths: no slope"
    panel = Panel(told, x_axis, y_axis, marks)
    caption = (
        "Squared relative distance (Frobenius norm) between the kernel of the last layer's features of one random "
        "network and its infinite-width limit, over 64 random sequences; heads, of size 4, are as many as units."
    )
    return Figure("width", "Approach to the limit", (panel,), caption)


def _symmetry_figure(measured: Measured) -> Figure:
    """Permutation symmetry of a source in windows, and the splitting of its largest multiplet."""
    rows = list(_symmetry_rows(measured))
    sources = list(dict.fromkeys(row["source"] for row in rows))
    panels = []
    for title, value, low, high in (
        ("symmetric share of |C|$^2$", "fraction", "fraction_low", "fraction_high"),
        ("the same, between positions", "between", "low", "high"),
    ):
        marks: list[Mark] = []
        for place, source in enumerate(sources):
            own = [row for row in rows if row["source"] == source]
            if value == "between" and source == "shuffled":
                own = [row for row in own if row["high"] - row["low"] < 1.0]  # nothing is left there to be shared
            windows, shares, lows, highs = ([row[column] for row in own] for column in ("window", value, low, high))
            marks.append(Points(windows, shares, lows, highs, key=f"series {place}", label=source))
        ticks = sorted({row["window"] for row in rows})
        panels.append(
            Panel(title, Axis("window T (tokens)", "log", ticks=ticks), Axis("", limits=(-0.05, 1.12)), marks)
        )
    largest = max((row["window"] for row in rows), default=0)
    split: list[Mark] = [Level(1.0, key="plateau")]
    for place, source in enumerate(sources):
        for row in (row for row in rows if row["source"] == source and row["window"] == largest):
            shown = np.maximum(np.asarray(row["multiplet"], float) / max(row["eigenvalue"], 1e-12), 1e-4)
            split.append(Points([place] * len(shown), shown, marker="_", key=f"series {place}"))
    names = [source.replace(" language", "") for source in sources]
    title = f"one (T-1,1) multiplet / its mean, T = {largest}"
    panels.append(Panel(title, Axis("", "category", categories=names), Axis("", "log"), split))
    caption = (
        "Share of the squared norm of the covariance of one-hot tokens that is symmetric under permutations of "
        "positions, the sampling floor removed, in all and between different positions only, with intervals of 95 %; "
        "and the eigenvalues of the largest multiplet of (T-1,1), which are equal for a symmetric source. Shuffled "
        "and sorted tokens are extremes. Between shuffled tokens almost no dependence is left to be shared, so its "
        "interval may be too wide to show."
    )
    return Figure("source-symmetry", "Permutation symmetry of a source in windows of T tokens", panels, caption)


def _blocks(vocab: int) -> dict[str, Architecture]:
    embedding = Embedding(vocab=vocab, position_variance=1.0)
    attention, softmax = Attention(scores="linear"), Attention(scores="softmax")
    relu = Dense(activation="relu")
    mlp = Residual(of=(relu, Dense(activation="linear")))
    layers = {
        "linear attention": (attention,),
        "softmax attention": (softmax,),
        "attention + ReLU": (attention, relu),
        "two attentions": (attention, attention),
        "residual block": (Residual(of=(attention,)), mlp),
    }
    return {name: Architecture(embedding=embedding, layers=stack, readout="mean") for name, stack in layers.items()}


_COMMON = {"blocks": _blocks(3), "block": "attention + ReLU", "growth_block": "attention + ReLU"}

PRESETS: Mapping[str, PermutationBias] = {
    "quick": PermutationBias(
        **_COMMON,
        length=6,
        sizes=(8, 16, 32, 64, 128, 256),
        seeds=6,
        samples=256,
        networks=(16, 64),
        network_sizes=(8, 32),
        network_seeds=2,
        network_tails=((1,),),
        network_steps=2000,
        widths=(32, 64, 128, 256),
        draws=16,
        lengths={"(T-1,1)": (4, 6, 8, 12), "(T-2,2)": (4, 6, 8)},
        windows=(8, 32),
    ),
    "laptop": PermutationBias(
        **_COMMON,
        length=7,
        sizes=(4, 8, 16, 32, 64, 128, 256, 512, 1024),
        seeds=12,
        networks=(16, 64, 128),
        network_sizes=(8, 16, 32),
        network_tails=((), (1,)),
        widths=(32, 64, 128, 256, 512, 1024),
        draws=32,
        lengths={"(T-1,1)": (4, 6, 8, 12, 16, 24), "(T-2,2)": (4, 6, 8, 12), "(T-2,1,1)": (4, 6, 8, 12)},
        reach=1,
        windows=(4, 8, 16, 32, 64),
    ),
    "full": PermutationBias(
        **_COMMON,
        length=8,
        sizes=tuple(2**k for k in range(2, 14)),
        seeds=32,
        test_examples=4000,
        networks=(64, 256, 1024),
        network_sizes=(8, 16, 32, 64, 128, 256),
        network_tails=TAILS,
        network_seeds=8,
        network_steps=32_000,
        samples=4096,
        widths=tuple(2**k for k in range(5, 14)),
        draws=64,
        lengths={
            "(T-1,1)": (4, 8, 16, 32, 64, 128),
            "(T-2,2)": (4, 6, 8, 12, 16, 24),
            "(T-2,1,1)": (4, 6, 8, 12, 16, 24),
        },
        windows=(4, 8, 16, 32, 64, 128),
    ),
}

STUDY = Study(
    name="permutation-bias",
    title="What permutation symmetry says of a transformer's learning curves",
    paper="arXiv 2402.05173",
    settings=PermutationBias,
    presets=PRESETS,
    facts=_facts,
    cells=_cells,
    predictions=_predictions,
    measure=_measure,
    tables=_tables,
    claims=_claims,
    figures=_figures,
)
