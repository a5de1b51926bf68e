"""Figures of the permutation-bias study, by representation of the symmetric group of positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from syntagma.report import panels, style
from syntagma.studies.permutation_bias.verdicts import slope
from syntagma.studies.study import Analysis

REPRESENTATIONS = ("(T)", "(T-1,1)", "(T-2,2)", "(T-2,1,1)")
_COLOURS: dict[str, str] = dict(zip(REPRESENTATIONS, ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=True))
_NETWORKS = ("#E69F00", "#56B4E9", "#7A5195")
_KERNEL = "#D55E00"
_THEORY = style.INK


def colour(representation: str) -> str:
    """The colour of a representation in every figure."""
    return _COLOURS[representation]


def network_colours(learners: Sequence[str]) -> dict[str, str]:
    """Kernel regression and the finite networks, narrowest first."""
    networks = sorted((name for name in learners if name != "kernel"), key=lambda name: int(name.split()[-1]))
    return {"kernel": _KERNEL} | dict(zip(networks, _NETWORKS, strict=False))


def learner_label(learner: str) -> str:
    """What legends call a learner of this study."""
    return "kernel regression" if learner == "kernel" else f"finite networks, {learner}"


def learning_curves(analysis: Analysis) -> Figure:
    """Test error against training examples, one panel a representation: theory, kernel regression, networks."""
    return _curve_figure(analysis, "error", "standard_error", "learning curves", "test error / variance of the target")


def shifted_curves(analysis: Analysis) -> Figure:
    """The same under a shifted distribution of test tokens."""
    title = "test tokens of another distribution"
    return _curve_figure(analysis, "shifted_error", "shifted_standard_error", title, "test error, shifted tokens")


def _curve_figure(analysis: Analysis, value: str, error: str, title: str, y_name: str) -> Figure:
    curves: Any = analysis.tables["curves"]
    theory: Any = analysis.tables["theory"]
    with style.applied():
        figure, all_axes = panels.panelled(len(REPRESENTATIONS), share=True)
        figure.suptitle(f"Permutation bias: {title}", x=0.01, ha="left")
        colours = network_colours(list(curves["learner"].unique()))
        for axes, name in zip(all_axes, REPRESENTATIONS, strict=True):
            axes.set(xscale="log", yscale="log")
            axes.set_title(name)
            own = panels.where(theory, representation=name)
            axes.plot(own["num_examples"], own[value], color=_THEORY, linewidth=1.4, zorder=2)
            axes.axhline(1, color=style.PLATEAU, linewidth=0.8, zorder=1)
            for learner, tone in colours.items():
                points: Any = panels.finite(panels.where(curves, representation=name, learner=learner), value)
                _points(axes, points["num_examples"], points[value], points[error], tone, learner)
        low, high = panels.limits([*curves[value], *theory[value]], 1.5)
        all_axes[0].set_ylim(max(low, 1e-6), high)
        panels.name_axes(all_axes, "training examples n", y_name)
        handles = [Line2D([], [], color=_THEORY, label="theory")]
        handles += [
            Line2D([], [], color=tone, marker=_marker(name), linestyle="none", label=learner_label(name))
            for name, tone in colours.items()
        ]
        panels.legend_below(figure, [[handle] for handle in handles])
        panels.settle(figure)
        return figure


def spectrum(analysis: Analysis) -> Figure:
    """Eigenvalues by representation beside their trace bounds, one panel a block."""
    table: Any = analysis.tables["spectrum"]
    blocks = list(table["block"].unique())
    floor = 1e-7 * float(table["bound"].max())
    with style.applied():
        figure, all_axes = panels.panelled(len(blocks), share=True)
        figure.suptitle("Permutation bias: the kernel's eigenvalues by representation", x=0.01, ha="left")
        for axes, block in zip(all_axes, blocks, strict=True):
            axes.set_yscale("log")
            axes.set_title(block)
            for place, name in enumerate(REPRESENTATIONS):
                own: Any = panels.where(table, block=block, representation=name)
                shown = own[own["eigenvalue"] > floor]
                offsets = place + 0.24 * np.linspace(-1, 1, len(shown)) if len(shown) > 1 else [place] * len(shown)
                axes.errorbar(
                    offsets, shown["eigenvalue"], yerr=shown["error"], fmt="o", markersize=3.6, linewidth=0.8,
                    color=colour(name), zorder=3,
                )  # fmt: skip
                axes.plot([place - 0.32, place + 0.32], [own["bound"].iloc[0]] * 2, color=style.INK, linewidth=1.2)
                if not len(shown):
                    axes.text(place, 2 * floor, "none", ha="center", fontsize=8, color=style.SOFT_INK)
            axes.set_xticks(range(len(REPRESENTATIONS)), list(REPRESENTATIONS))
            axes.set_xlim(-0.5, len(REPRESENTATIONS) - 0.5)
        all_axes[0].set_ylim(floor, 3 * float(table["bound"].max()))
        for axes in all_axes:
            axes.tick_params(labelbottom=True)
        panels.name_axes(all_axes, "", "eigenvalue")
        bound = Line2D([], [], color=style.INK, linewidth=1.2, label="trace bound: trace / dimension")
        dots = Line2D([], [], color=style.SOFT_INK, marker="o", linestyle="none", label="eigenvalue")
        panels.legend_below(figure, [[dots], [bound]])
        panels.settle(figure)
        return figure


def sample_complexity(analysis: Analysis) -> Figure:
    """Examples for half of the target's variance, against context length: measured, exact theory, trace bound."""
    table = analysis.tables["growth"]
    names = [name for name in REPRESENTATIONS if name in set(table["representation"])]
    with style.applied():
        figure, all_axes = panels.panelled(len(names), share=True)
        figure.suptitle("Permutation bias: examples needed against context length", x=0.01, ha="left")
        exponents = {row.representation: row for row in panels.each_row(analysis.tables["exponents"])}
        for axes, name in zip(all_axes, names, strict=True):
            own = panels.where(table, representation=name).sort_values("length")
            axes.set(xscale="log", yscale="log")
            fitted = exponents.get(name)
            extra = (
                ""
                if fitted is None
                else f"   measured $T^{{{fitted.measured:.1f}}}$, exact $T^{{{fitted.half_error:.1f}}}$"
            )
            axes.set_title(f"{name}{extra}")
            axes.plot(own["length"], own["half_error"], color=_THEORY, linewidth=1.4)
            axes.plot(own["length"], own["trace_bound"], color=_THEORY, linewidth=1.1, linestyle=(0, (4, 3)))
            seen = panels.finite(own, "measured", "low", "high")
            spans = [seen["measured"] - seen["low"].clip(lower=1e-9), seen["high"] - seen["measured"]]
            axes.errorbar(
                seen["length"], seen["measured"], yerr=np.maximum(spans, 0), fmt="o", markersize=5,
                color=colour(name), linewidth=1, zorder=3,
            )  # fmt: skip
            ticks = sorted(set(table["length"]))
            panels.plain_log_axis(axes, "x", ticks)
        panels.name_axes(all_axes, "context length T (tokens)", "training examples")
        handles = [
            Line2D([], [], color=style.SOFT_INK, marker="o", linestyle="none", label="measured, kernel regression"),
            Line2D([], [], color=_THEORY, linewidth=1.4, label="theory, exact spectrum"),
            Line2D(
                [], [], color=_THEORY, linewidth=1.1, linestyle=(0, (4, 3)), label="least that the trace bound allows"
            ),
        ]
        panels.legend_below(figure, [[handle] for handle in handles])
        panels.settle(figure)
        return figure


def width(analysis: Analysis) -> Figure:
    """Squared relative deviation of random networks' kernels from their limit, against width."""
    table: Any = analysis.tables["width"]
    with style.applied():
        figure, (axes,) = panels.panelled(1, share=False)
        figure.suptitle("Permutation bias: approach to the limit", x=0.01, ha="left")
        axes.set(xscale="log", yscale="log")
        axes.plot(table["width"], table["deviation"], "o", markersize=3, color="#56B4E9", alpha=0.6, zorder=2)
        grouped: Any = table.groupby("width")["deviation"]
        mean, error = grouped.mean(), grouped.sem()
        axes.errorbar(mean.index, mean, yerr=error, fmt="D", color=colour("(T)"), markersize=6, zorder=4)
        label = "slope -1"
        if len(mean) > 1 and table["draw"].nunique() > 1:
            value, low, high = slope(table)
            axes.set_title(f"fitted slope {value:.2f} [{low:.2f}, {high:.2f}]")
        middle = float(np.exp(np.log(mean).mean()))
        centre = float(np.exp(np.log(np.asarray(mean.index, float)).mean()))
        axes.plot(mean.index, middle * centre / np.asarray(mean.index, float), color=style.INK, linewidth=1, zorder=3)
        panels.plain_log_axis(axes, "x", sorted(set(table["width"])))
        axes.set_xlabel("width (units and heads)")
        axes.set_ylabel("squared relative deviation of the kernel")
        handles = [
            Line2D([], [], marker="o", markersize=3, color="#56B4E9", linestyle="none", label="one network"),
            Line2D([], [], marker="D", color=colour("(T)"), linestyle="none", label="mean and standard error"),
            Line2D([], [], color=style.INK, linewidth=1, label=label),
        ]
        panels.legend_below(figure, [[handle] for handle in handles])
        panels.settle(figure)
        return figure


def source_symmetry(analysis: Analysis) -> Figure:
    """Permutation symmetry of a source in windows, and the splitting of its largest multiplet."""
    table = analysis.tables["symmetry"]
    names = list(table["source"].unique())
    tones = dict(zip(names, ("#0072B2", "#009E73", "#D55E00"), strict=False))
    marks = dict(zip(names, "osD", strict=False))
    with style.applied():
        figure, (left, middle, right) = panels.panelled(3, share=False)
        figure.suptitle("Permutation symmetry of a source in windows of T tokens", x=0.01, ha="left")
        panels_of = ((left, "fraction", "fraction_low", "fraction_high"), (middle, "between", "low", "high"))
        for axes, value, low, high in panels_of:
            for name in names:
                own = panels.where(table, source=name).sort_values("window")
                if value == "between" and name == "shuffled":
                    own = own[(own["high"] - own["low"]) < 1.0]  # nothing is left between shuffled tokens to be shared
                spans = np.maximum([own[value] - own[low], own[high] - own[value]], 0)
                axes.errorbar(
                    own["window"],
                    own[value],
                    yerr=spans,
                    fmt=f"{marks[name]}-",
                    markersize=5,
                    color=tones[name],
                    alpha=0.85,
                )
            panels.plain_log_axis(axes, "x", sorted(set(table["window"])))
            axes.set_xlabel("window T (tokens)")
            axes.set_ylim(-0.05, 1.12)
        left.set_title("symmetric share of |C|$^2$")
        middle.set_title("the same, between positions only")
        largest = table["window"].max()
        for place, name in enumerate(names):
            own = panels.where(table, source=name, window=largest)
            if len(own):
                values = np.asarray(own["multiplet"].iloc[0], float)
                shown = np.maximum(values / max(float(own["eigenvalue"].iloc[0]), 1e-12), 1e-4)
                right.plot(np.full(len(shown), place), shown, "_", color=tones[name], markersize=16, alpha=0.7)
        right.set_yscale("log")
        right.axhline(1, color=style.PLATEAU, linewidth=0.8)
        right.set_xticks(range(len(names)), [name.replace(" language", "") for name in names])
        right.set_xlim(-0.6, len(names) - 0.4)
        right.set_title(f"one (T-1,1) multiplet / its mean, T = {largest}")
        panels.legend_below(
            figure, [[Line2D([], [], marker=marks[name], color=tones[name], label=name)] for name in names]
        )
        panels.settle(figure)
        return figure


def _points(axes: Axes, x: pd.Series, y: pd.Series, error: pd.Series, tone: str, learner: str) -> None:
    spans = np.vstack([np.minimum(error.fillna(0), 0.9 * y), error.fillna(0)])
    axes.errorbar(x, y, yerr=spans, fmt=_marker(learner), color=tone, markersize=4.5, linewidth=1, zorder=4)


def _marker(learner: str) -> str:
    return "o" if learner == "kernel" else "s"
