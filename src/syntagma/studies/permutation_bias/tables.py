"""Tables of the study: spectra, examples needed, agreement with theory, symmetry of sources."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from syntagma.curves import Interval, LearningCurve, PerSeed, unmeasured
from syntagma.kernels import Attention
from syntagma.studies.permutation_bias.computed import Levels
from syntagma.studies.permutation_bias.measured import NAMES, Measured, fact_key
from syntagma.studies.permutation_bias.mixtures import READ
from syntagma.studies.permutation_bias.settings import PermutationBias
from syntagma.studies.schemas import Column, Schema, Table, interval_columns, interval_ends, measured_as
from syntagma.studies.study import Facts
from syntagma.theory.linear_block import standard_eigenvalues, trace

_ROUNDING = 1e-9
"""Eigenvalues below this share of their trace bound are rounding."""
_REPRESENTATION = Column("representation", "representation", "text")
_SPECTRUM = Schema(
    "spectrum",
    "Eigenvalues by representation",
    "One row a level: levels below their error, or lost in rounding, are left out; the largest of each representation "
    "is kept.",
    (
        Column("block", "block", "text"),
        _REPRESENTATION,
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
        _REPRESENTATION,
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
    (*_COMPLEXITY.columns, *measured_as("measured", "count")),
)
_SLACK = Schema(
    "bound-slack",
    "How far the trace bound is from tight",
    "One block of linear attention with mean read-out, in closed form: its largest eigenvalue on (T-1,1), the bound "
    "trace / (T - 1), the factor between them, and a T / (2 s), which that tends to.",
    (
        Column("length", "T", "whole"),
        Column("eigenvalue", "largest eigenvalue", "number"),
        Column("bound", "trace bound", "number"),
        Column("slack", "bound over eigenvalue", "ratio"),
        Column("limit", "a T / (2 s)", "ratio"),
    ),
)
_SLACK_LENGTHS = (4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1000)
_EXPONENTS = Schema(
    "exponents",
    "Powers of T",
    "Fitted over the same lengths; the interval is the measured one's.",
    (
        _REPRESENTATION,
        Column("eigenvalue", "largest eigenvalue", "exponent"),
        Column("half_error", "predicted examples", "exponent"),
        *measured_as("measured examples", "exponent")[:-1],
        Column("trace_bound", "trace bound's examples", "exponent"),
    ),
)
_AGREEMENT = Schema(
    "agreement",
    "Kernel regression beside theory",
    "Measured over predicted test error, geometric mean over sizes, with its interval of 95 % over training sets. The "
    "theory takes modes for independent Gaussian variables.",
    (
        _REPRESENTATION,
        Column("test", "test tokens", "text"),
        *measured_as("measured / predicted")[:-1],
        Column("num_sizes", "sizes", "whole"),
    ),
)
_REACH = Schema(
    "reach",
    "Which block reaches which representation",
    "Whether the kernel has an eigenvalue there, beyond rounding and four times its error.",
    (Column("block", "block", "text"), *(Column(name, name, "text") for name in NAMES)),
)
_COMPONENTS = Schema(
    "components",
    "Principal components of the source, by words",
    "Of the covariance of one-hot words in windows: each component's eigenvalue and share of the trace, the share of "
    "it in the symmetric representation (T), the rest being in (T-1,1), and the words that it is made of with their "
    "parts of its length, a minus where the loadings sum below 0.",
    (
        Column("rank", "component", "whole"),
        Column("eigenvalue", "eigenvalue", "number"),
        Column("trace", "of the trace", "ratio"),
        Column("symmetric", "in (T)", "ratio"),
        Column("words", "words", "text"),
    ),
)
_OUTPUTS = Schema(
    "outputs",
    "Outputs, sequence by sequence",
    "Slope of measured outputs on predicted ones over the same sequences, with its interval of 95 % over training "
    "sets: of kernel regression on its predicted mean and on the equivalent kernel, of networks on kernel regression.",
    (
        Column("measured_of", "outputs of", "text"),
        Column("against", "against", "text"),
        *measured_as("slope"),
    ),
)
_MIXTURES = Schema(
    "mixtures",
    "Mixtures of hidden Markov models",
    "Excess loss over the exact Bayes prediction of the last token, after the most sentences, with its interval of 95 "
    "%.",
    (Column("models", "models", "whole"), Column("learner", "read-out", "text"), *measured_as("excess (nats)", "nats")),
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
        *interval_ends("ratio"),
        Column("splitting", "splitting", "ratio"),
    ),
)


def spectrum_rows(spectra: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row for each level of each block that stands out of its error, and for the largest of each representation."""
    for block, fact in spectra.items():
        for name, sector in fact["sectors"].items():
            for place, (value, error) in enumerate(zip(sector["eigenvalues"], sector["errors"], strict=True)):
                if not place or value > max(error, _ROUNDING * sector["bound"]):
                    known = {"block": block, "representation": name, "eigenvalue": value, "error": error}
                    rest = {"multiplicity": sector["dimension"], "bound": sector["bound"], "reached": sector["reached"]}
                    yield known | rest


def complexity_rows(settings: PermutationBias, facts: Facts) -> Iterator[dict[str, Any]]:
    """Examples at half the error, and what the trace bound alone asks for, against T."""
    for name, length in settings.of_lengths():
        fact = facts.get(fact_key(settings, {"of": "spectrum", "block": settings.growth_block, "length": length}))
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


def slack_rows(settings: PermutationBias) -> Iterator[dict[str, Any]]:
    """Of the block that is one layer of linear attention, if there is one: T to 1,000, whatever else is measured."""
    for block in settings.blocks.values():
        match block.layers:
            case (Attention(scores="linear"),) if block.embedding.token_kernel is None:
                token, position = block.embedding.token_variance, block.embedding.position_variance
                for length in _SLACK_LENGTHS if token and position else ():
                    sizes = (settings.vocab, length, token, position)
                    largest, total = float(standard_eigenvalues(*sizes)[0]), trace(*sizes)
                    bound = total / (length - 1)
                    ratios = {"slack": bound / largest, "limit": token * length / (2 * position)}
                    yield {"length": length, "eigenvalue": largest, "bound": bound, **ratios}
                return


def spectra_of_blocks(settings: PermutationBias, facts: Facts) -> dict[str, dict[str, Any]]:
    """The spectrum of each block, where it is computed."""
    length = settings.length
    keys = {name: fact_key(settings, {"of": "spectrum", "block": name, "length": length}) for name in settings.blocks}
    return {name: fact for name, key in keys.items() if (fact := facts.get(key)) is not None}


def predictions(settings: PermutationBias, facts: Facts) -> Iterator[Table]:
    """The spectra, and the examples that they ask for."""
    yield _SPECTRUM.table(spectrum_rows(spectra_of_blocks(settings, facts)))
    yield _COMPLEXITY.table(complexity_rows(settings, facts))
    yield _SLACK.table(slack_rows(settings))


def symmetry_rows(measured: Measured) -> Iterator[dict[str, Any]]:
    """A row for each window and source."""
    for window in measured.settings.windows:
        for source, one in (measured.fact(of="symmetry", window=window) or {}).items():
            (low, high), (whole_low, whole_high) = one["between_interval"], one["fraction_interval"]
            numbers = {name: one[name] for name in ("fraction", "between", "splitting", "multiplet", "eigenvalue")}
            ends = {"low": low, "high": high, "fraction_low": whole_low, "fraction_high": whole_high}
            yield {"window": window, "source": source, **numbers, **ends}


def components_rows(measured: Measured) -> list[dict[str, Any]]:
    """The principal components, where they are computed."""
    return (measured.fact(of="components") or {}).get("components", [])


def slopes_of(measured: Measured) -> Iterator[tuple[str, str, Interval]]:
    """Whose outputs, on what they are regressed, and the slope over training sets."""
    if (found := measured.outputs()) is not None:
        names = {"predicted": "the predicted mean", "equivalent": "the equivalent kernel, kappa = d / n"}
        for name, text in names.items():
            yield "kernel regression", text, PerSeed.exact(found["slopes"][name]).interval()
    for width in measured.settings.networks:
        own = [one["slope"] for one in measured.network_outputs(width) if math.isfinite(one["slope"])]
        if own:
            yield f"networks, width {width}", "kernel regression", PerSeed.exact(own).interval()


def last_excess(curve: LearningCurve) -> Interval:
    """The excess loss at the largest size."""
    own = curve.losses[:, -1]
    return PerSeed.exact(own[~np.isnan(own)]).interval()


def tables(measured: Measured) -> Iterator[Table]:
    """What the page shows besides figures."""
    settings, spectra = measured.settings, spectra_of_blocks(measured.settings, measured.facts)
    yield _REACH.table(
        {"block": block, **{name: fact["sectors"][name]["reached"] for name in NAMES}}
        for block, fact in spectra.items()
    )
    growth = [
        row | interval_columns(measured.halves.get((row["representation"], row["length"]), unmeasured("not run")))
        for row in complexity_rows(settings, measured.facts)
    ]
    yield _GROWTH.table(growth)
    yield _EXPONENTS.table(
        {"representation": name, **powers(growth, name), **interval_columns(measured.exponent(name))}
        for name in settings.lengths
    )
    yield _SLACK.table(slack_rows(settings))
    rows = []
    for name in NAMES:
        for shifted in (False, True):
            ratio, number = measured.over_predicted(name, shifted)
            test = "shifted" if shifted else "uniform"
            rows.append({"representation": name, "test": test, **interval_columns(ratio), "num_sizes": number})
    yield _AGREEMENT.table(rows)
    yield _SYMMETRY.table(symmetry_rows(measured))
    yield _COMPONENTS.table(components_rows(measured))
    if settings.outputs_size is not None:
        rows = (
            {"measured_of": who, "against": what, **interval_columns(one)} for who, what, one in slopes_of(measured)
        )
        yield _OUTPUTS.table(rows)
    if settings.mixture is not None:
        yield _MIXTURES.table(
            {"models": int(models), "learner": READ[read], **interval_columns(last_excess(curve))}
            for (models, read), curve in measured.mixtures.items()
        )
    yield _SPECTRUM.table(spectrum_rows(spectra))


def powers(rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, float]:
    """The power of T in each predicted column; NaN where there are fewer than two lengths."""
    own = [row for row in rows if row["representation"] == name]
    x = np.log([row["length"] for row in own])
    return {
        column: float(np.polyfit(x, np.log([row[column] for row in own]), 1)[0]) if len(own) > 1 else math.nan
        for column in ("eigenvalue", "half_error", "trace_bound")
    }
