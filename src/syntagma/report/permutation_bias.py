"""What the report of the permutation-bias study shows: its figures, its tables, its interactive figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from matplotlib.figure import Figure

from syntagma.report import interactive_layout as layout
from syntagma.report import panels, representations, style
from syntagma.report.study_report import StudyReport, TableText
from syntagma.report.tables import Column
from syntagma.studies.study import Analysis

FIGURES: Mapping[str, Callable[[Analysis], Figure]] = {
    "learning-curves": representations.learning_curves,
    "spectrum": representations.spectrum,
    "sample-complexity": representations.sample_complexity,
    "width": representations.width,
    "shifted": representations.shifted_curves,
    "source-symmetry": representations.source_symmetry,
}
"""By file name; the first is the main one."""

_CAPTIONS = {
    "learning-curves": (
        "Test error of targets in four representations of the permutations of positions, over their variance, against "
        "the number n of training examples. Lines: theory, from the exact spectrum of the kernel; circles: kernel "
        "regression, mean and standard error over training sets; squares: the mean of finite networks drawn from their "
        "posterior, less what finite chains add, of targets scaled down: networks adapt to strong ones. "
        "The grey line at 1 is what predicting the mean gives."
    ),
    "spectrum": (
        "Eigenvalues of the kernel of each block, by representation, each repeated as often as the representation's "
        "dimension. Black bars: the bound trace / dimension. A block that has no eigenvalue in a representation cannot "
        "learn such targets from any number of examples. Softmax attention has no closed form: its kernel is sampled, "
        "and levels below their standard error are left out."
    ),
    "sample-complexity": (
        "Training examples at which the test error is half of the target's variance, against the context length T: "
        "measured, with bootstrap intervals over training sets, and from the exact spectrum. Dashed: fewer cannot do, "
        "since no eigenvalue exceeds trace / dimension."
    ),
    "width": (
        "Squared relative distance (Frobenius norm) between the kernel of the last layer's features of one random "
        "network and its infinite-width limit, over 64 random sequences; heads, of size 4, are as many as units."
    ),
    "shifted": (
        "The same regressions, tested on tokens with other probabilities. Lines: theory, with the second moments of "
        "every mode under the new distribution, by enumerating all sequences."
    ),
    "source-symmetry": (
        "Share of the squared norm of the covariance of one-hot tokens that is symmetric under permutations of "
        "positions, the sampling floor removed, in all and between different positions only; and the eigenvalues of "
        "the largest multiplet of (T-1,1), which are equal for a symmetric source. Shuffled and sorted tokens are "
        "extremes. "
        "Between shuffled tokens almost no dependence is left to be shared, so its interval may be too wide to show."
    ),
}

_TABLES = (
    TableText(
        name="reach",
        title="Which block reaches which representation",
        caption="Whether the kernel has an eigenvalue there, beyond rounding and four times its error.",
        columns=(Column("block", "block"), *(Column(name, name) for name in representations.REPRESENTATIONS)),
    ),
    TableText(
        name="growth",
        title="Examples needed against context length",
        caption="At half of the target's variance: measured with its bootstrap interval, predicted, and the least that "
        "the trace bound allows.",
        columns=(
            Column("representation", "representation"),
            Column("length", "T"),
            Column("dimension", "dimension", "count"),
            Column("eigenvalue", "largest eigenvalue", "ratio"),
            Column("half_error", "predicted", "count"),
            Column("measured", "measured", "count"),
            Column("low", "from", "count"),
            Column("high", "to", "count"),
            Column("trace_bound", "trace bound", "ratio"),
            Column("note", "note"),
        ),
    ),
    TableText(
        name="exponents",
        title="Powers of T",
        caption="Fitted over the same lengths; the interval is the measured one's.",
        columns=(
            Column("representation", "representation"),
            Column("eigenvalue", "largest eigenvalue", "exponent"),
            Column("half_error", "predicted examples", "exponent"),
            Column("measured", "measured examples", "exponent"),
            Column("low", "from", "exponent"),
            Column("high", "to", "exponent"),
            Column("trace_bound", "trace bound's examples", "exponent"),
            Column("num_lengths", "values of T"),
        ),
    ),
    TableText(
        name="agreement",
        title="Kernel regression beside theory",
        caption="Measured over predicted test error, geometric mean over sizes, with its bootstrap interval over "
        "training sets. The theory takes modes for independent Gaussian variables.",
        columns=(
            Column("representation", "representation"),
            Column("test", "test tokens"),
            Column("ratio", "measured / predicted", "ratio"),
            Column("low", "from", "ratio"),
            Column("high", "to", "ratio"),
            Column("num_sizes", "sizes"),
        ),
    ),
    TableText(
        name="symmetry",
        title="Permutation symmetry of the source",
        caption="Symmetric share of the covariance's squared norm, in all and between positions, and the spread of the "
        "largest (T-1,1) multiplet over its mean.",
        columns=(
            Column("source", "source"),
            Column("window", "T"),
            Column("fraction", "share", "ratio"),
            Column("fraction_low", "from", "ratio"),
            Column("fraction_high", "to", "ratio"),
            Column("between", "between positions", "ratio"),
            Column("low", "from", "ratio"),
            Column("high", "to", "ratio"),
            Column("splitting", "splitting", "ratio"),
        ),
    ),
)


def interactive_learning_curves(analysis: Analysis) -> dict[str, Any]:
    """The main figure for Plotly: `{"data": traces, "layout": layout}` of JSON values."""
    names = representations.REPRESENTATIONS
    rows, columns = panels.grid_shape(len(names))
    shape = layout.empty_layout(rows)
    curves, theory = analysis.tables["curves"], analysis.tables["theory"]
    everything = [*curves["num_examples"], *theory["num_examples"]]
    low, high = panels.limits([*curves["error"], *theory["error"]], 1.5)
    x_range = [math.log10(x) for x in panels.limits(everything, 1.1)]
    data: list[dict[str, Any]] = []
    for place, name in enumerate(names):
        end = layout.suffix(place)
        across, down = layout.domains(place, rows, columns)
        look = {**layout.AXIS_LOOK, "type": "log", "exponentformat": "power", "dtick": 1}
        x_title = {"text": "training examples n", **layout.AXIS_TITLE}
        shape[f"xaxis{end}"] = look | {"domain": across, "anchor": f"y{end}", "range": x_range, "title": x_title}
        shape[f"yaxis{end}"] = look | {
            "domain": down,
            "anchor": f"x{end}",
            "range": [math.log10(max(low, 1e-6)), math.log10(high)],
        }
        if place % columns == 0:
            shape[f"yaxis{end}"]["title"] = {"text": "test error / variance", **layout.AXIS_TITLE}
        if place:
            shape[f"xaxis{end}"]["matches"], shape[f"yaxis{end}"]["matches"] = "x", "y"
        shape["annotations"].append(layout.panel_title(f"<b>{name}</b>", place))
        data += [trace | {"xaxis": f"x{end}", "yaxis": f"y{end}"} for trace in _traces(analysis, name, place == 0)]
    return layout.json_values({"data": data, "layout": shape})


def _traces(analysis: Analysis, name: str, first: bool) -> Iterator[dict[str, Any]]:
    theory = panels.where(analysis.tables["theory"], representation=name)
    yield {
        "type": "scatter", "mode": "lines", "x": list(theory["num_examples"]), "y": list(theory["error"]),
        "line": {"color": style.INK, "width": 2}, "name": "theory", "legendgroup": "theory", "showlegend": first,
        "hovertemplate": "theory: error %{y:.4g} at n = %{x:.0f}<extra></extra>",
    }  # fmt: skip
    curves = analysis.tables["curves"]
    for learner, tone in representations.network_colours(list(curves["learner"].unique())).items():
        own = panels.where(curves, representation=name, learner=learner)
        label = representations.learner_label(learner)
        yield {
            "type": "scatter", "mode": "markers", "x": list(own["num_examples"]), "y": list(own["error"]),
            "error_y": {"type": "data", "array": list(own["standard_error"]), "thickness": 1},
            "marker": {"color": tone, "size": 8, "symbol": "circle" if learner == "kernel" else "square"},
            "customdata": list(own["num_seeds"]), "name": label, "legendgroup": learner, "showlegend": first,
            "hovertemplate": f"<b>{label}</b><br>n = %{{x}}: error %{{y:.4g}}"
            "<br>training sets: %{customdata}<extra></extra>",
        }  # fmt: skip


REPORT = StudyReport(figures=FIGURES, captions=_CAPTIONS, tables=_TABLES, interactive=interactive_learning_curves)
