"""From facts and finished runs to learning curves by representation, and what they are compared with."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from syntagma.curves import Interval, LearningCurve, jackknife, power_law, unmeasured
from syntagma.learners import LangevinPosterior
from syntagma.studies.permutation_bias.computed import (
    Levels,
    components_of,
    kernel_deviation,
    multiplicities,
    shifted_error,
    shifted_moments,
    spectrum_of,
    symmetry_of,
)
from syntagma.studies.permutation_bias.outputs import kernel_outputs, network_outputs
from syntagma.studies.permutation_bias.settings import TAILS, PermutationBias, Tail, tail_name
from syntagma.studies.study import Cell, Fact, Facts, Results
from syntagma.tasks import SymmetryTarget

NAMES = tuple(map(tail_name, TAILS))


@dataclass(frozen=True)
class Measured:
    """Errors over the targets' variance by learner and representation, and the facts that they are compared with.

    Attributes:
        errors: test errors, by learner and representation; `shifted` those on tokens of another distribution.
        halves: where kernel regression's error is half of the variance, by representation and T.
        away: ln of each network's test error over kernel regression's from the same examples, one row each.
        mixtures: excess loss over the exact Bayes prediction, by the number of models and the read-out.
    """

    settings: PermutationBias
    facts: Facts
    errors: Mapping[tuple[str, str], LearningCurve]
    shifted: Mapping[tuple[str, str], LearningCurve]
    halves: Mapping[tuple[str, int], Interval]
    away: pd.DataFrame
    mixtures: Mapping[tuple[int, str], LearningCurve] = field(default_factory=dict)

    def fact(self, **key: Any) -> dict[str, Any] | None:
        """A fact of the study, None where it is not computed."""
        return self.facts.get(fact_key(self.settings, key))

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
        return None if moments is None else shifted_error(moments, name, sizes, self.settings.ridge)

    def over_predicted(self, name: str, shifted: bool) -> tuple[Interval, int]:
        """Measured over predicted error of kernel regression: geometric mean over sizes of seeds' means; how many."""
        curve = (self.shifted if shifted else self.errors).get(("kernel", name))
        if curve is None:
            return unmeasured("not measured yet"), 0
        complete = ~np.isnan(curve.losses).any(axis=0)
        losses, sizes = curve.losses[:, complete], curve.num_examples[complete]
        expected = self.predicted(name, sizes, shifted) if len(sizes) else None
        if expected is None:
            return unmeasured("not measured yet"), 0

        def over(seeds: np.ndarray) -> float:
            return float(np.exp(np.log(losses[seeds].mean(0) / expected).mean()))

        return jackknife(over, len(losses), log=True), len(sizes)

    def outputs(self) -> dict[str, Any] | None:
        """Outputs of kernel regression beside the predicted ones, None where they are not asked for."""
        size = self.settings.outputs_size
        return None if size is None else self.fact(of="outputs", size=size)

    def network_outputs(self, width: int) -> list[dict[str, Any]]:
        """Those of networks of that width, one a training set."""
        size, seeds = self.settings.outputs_size, range(self.settings.network_seeds)
        known = [self.fact(of="network outputs", width=width, size=size, seed=seed) for seed in seeds]
        return [one for one in known if one is not None]

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


def fact_key(settings: PermutationBias, key: Mapping[str, Any]) -> dict[str, Any]:
    """The key of a fact with all settings that determine it."""
    block = key.get("block", settings.block)
    used: dict[str, Any] = {"vocab": settings.vocab}
    if key["of"] == "symmetry":
        used = {"text": None if settings.text is None else settings.text.model_dump(mode="json")}
    elif key["of"] == "components":
        used = {"text": None if settings.words is None else settings.words.model_dump(mode="json")}
        used |= {"window": settings.word_window, "components": settings.components, "words": "named"}
    else:
        used |= {"architecture": settings.blocks[block].model_dump(mode="json")}
    if key["of"] == "spectrum" and settings.sampled(block):
        used |= {"samples": settings.samples, "estimates": settings.estimates}
    if key["of"] in ("shift", "width"):
        used |= {"length": settings.length}
    if key["of"] in ("outputs", "network outputs"):
        used |= {"length": settings.length, "ridge": settings.ridge}
    if key["of"] == "outputs":
        used |= {"seeds": settings.seeds}
    if key["of"] == "network outputs":
        used |= {"scale": settings.network_scale, "steps": settings.network_steps}
    if key["of"] == "shift":
        used |= {"probabilities": list(settings.shift)}
    return {name: value for name, value in key.items() if name != "block"} | used


def facts(settings: PermutationBias, results: Results) -> Iterator[Fact]:
    """Spectra first, which say where the sample complexities lie."""

    def fact(text: str, compute: Any, **key: Any) -> Fact:
        return Fact(fact_key(settings, key), compute, text)

    spectra = [(block, settings.length) for block in settings.blocks]
    spectra += [(settings.growth_block, n) for n in sorted({length for _, length in settings.of_lengths()})]
    for block, n in spectra:
        compute = functools.partial(spectrum_of, settings, block, n)
        yield fact(f"spectrum of {block} at T = {n}", compute, of="spectrum", block=block, length=n)
    compute = functools.partial(multiplicities, settings, settings.block, 6)
    yield fact("eigenvalues counted on all sequences", compute, of="multiplicities", length=6)
    yield fact("moments of shifted tokens", functools.partial(shifted_moments, settings), of="shift")
    for width in settings.widths:
        for draw in range(settings.draws):
            compute = functools.partial(kernel_deviation, settings, width, draw)
            yield fact(f"kernel of a network of width {width}", compute, of="width", width=width, draw=draw)
    for window in settings.windows:
        compute = functools.partial(symmetry_of, settings, window)
        yield fact(f"symmetry in windows of {window}", compute, of="symmetry", window=window)
    yield fact("principal components", functools.partial(components_of, settings), of="components")
    if (size := settings.outputs_size) is not None:
        compute = functools.partial(kernel_outputs, settings, size)
        yield fact("outputs of kernel regression", compute, of="outputs", size=size)
        for width in settings.networks:
            for seed in range(settings.network_seeds):
                compute = functools.partial(network_outputs, settings, width, size, seed)
                of = {"of": "network outputs", "width": width, "size": size, "seed": seed}
                yield fact(f"outputs of networks of width {width}", compute, **of)


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
        tail = TAILS[NAMES.index(name)]
        key = fact_key(settings, {"of": "spectrum", "block": settings.growth_block, "length": length})
        middle = Levels(facts[key], settings.ridge).half(name)
        factors = [2.0 ** (0.5 * k) for k in range(-2 * settings.reach, 2 * settings.reach + 1)]
        for size in sorted({max(1, round(middle * factor)) for factor in factors}):
            for seed in range(settings.seeds):
                names = {"panel": "growth", "representation": name, "length": length}
                names |= {"num_examples": size, "seed": seed}
                task = SymmetryTarget(partition=settings.partition(tail, length))
                yield settings.cell(names, task, settings.kernel(settings.growth_block), length)


def cells(settings: PermutationBias, facts: Facts, results: Results) -> Iterator[Cell]:
    """The slowest first."""
    yield from _network_cells(settings)
    yield from _kernel_cells(settings)
    yield from _growth_cells(settings, facts)
    yield from _mixture_cells(settings)


def _mixture_cells(settings: PermutationBias) -> Iterator[Cell]:
    if settings.mixture is not None:
        yield from settings.mixture.cells(settings.blocks[settings.block], settings.ridge)


def measure(settings: PermutationBias, facts: Facts, results: Results) -> Measured:
    """Everything that tables, claims and figures need."""
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
    mixed = results.table(_mixture_cells(settings))
    mixtures = LearningCurve.from_runs(mixed, ["models", "learner"], "excess_loss") if len(mixed) else {}
    return Measured(settings, facts, errors, shifted, halves, _away(runs), mixtures)  # pyright: ignore


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
