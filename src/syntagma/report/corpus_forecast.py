"""What the report of the corpus-forecast study shows: its figures, its tables, its interactive figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from syntagma.report import interactive_layout as layout
from syntagma.report import panels, style
from syntagma.report.study_report import StudyReport, TableText
from syntagma.report.tables import Column
from syntagma.studies.study import Analysis

_COUNTS, _NETWORK, _FIT = "#D55E00", "#009E73", style.INK
_CONTEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 511)
"""Tokens of context whose losses are drawn."""


def forecast(analysis: Analysis) -> Figure:
    """Both statistics of the text, the losses by context, and the forecast beside what training shows."""
    with style.applied():
        figure, (decay, entropy, curves, scaling) = panels.panelled(4, share=False)
        figure.suptitle(analysis.title, x=0.01, ha="left")
        _draw_correlations(decay, analysis)
        _draw_entropies(entropy, analysis)
        _draw_curves(curves, analysis)
        _draw_scaling(scaling, analysis)
        panels.settle(figure)
        return figure


def collapse(analysis: Analysis) -> Figure:
    """Losses at every length of context, as they are and on the axes on which theory has one curve."""
    table: Any = analysis.tables["collapse"]
    most = int(table["context"].max()) if len(table) else 1
    with style.applied():
        figure, (plain, rescaled) = panels.panelled(2, share=False)
        figure.suptitle(f"{analysis.title}: collapse", x=0.01, ha="left")
        for axes, x, y in ((plain, "num_tokens", "excess"), (rescaled, "scaled_tokens", "scaled_loss")):
            for n, mine in _by_context(table[table["excess"] > 0]):
                axes.plot(mine[x], mine[y], color=_context_colour(n, most), linewidth=1.1)
            axes.set_xscale("log")
            if len(table):
                panels.plain_log_axis(axes, "y", panels.round_ticks(panels.limits(table[y], 1.05)))
        plain.set_title("as measured")
        plain.set_xlabel("training text P (tokens)")
        plain.set_ylabel("$L_n(P) - H_\\infty$ (nats)")
        rescaled.set_title("rescaled by both exponents")
        rescaled.set_xlabel("$P \\, / \\, n^{2\\beta}$")
        rescaled.set_ylabel("$(L_n(P) - H_\\infty) \\, n^\\gamma$")
        shown = [n for n in _CONTEXTS if n <= most]
        panels.legend_below(figure, [[Line2D([], [], color=_context_colour(n, most), label=f"n = {n}")] for n in shown])
        panels.settle(figure)
        return figure


def _draw_correlations(axes: Axes, analysis: Analysis) -> None:
    table: Any = analysis.tables["correlations"]
    exponents = _exponents(analysis)
    floor = float(table["floor"].iloc[0])
    axes.errorbar(
        table["lag"], table["strength"],
        yerr=[(table["strength"] - table["low"]).clip(lower=0), (table["high"] - table["strength"]).clip(lower=0)],
        color=_COUNTS, marker="o", markersize=3.5, linestyle="none", linewidth=0.9, zorder=3,
    )  # fmt: skip
    faint = table[~table["fitted"]]
    axes.plot(faint["lag"], faint["strength"], "o", color="white", markersize=2.2, zorder=4)
    axes.axhline(floor, color=style.PLATEAU, linewidth=0.9)
    axes.annotate(
        "sampling floor (shuffled text)", (0.02, floor), xycoords=("axes fraction", "data"), xytext=(0, -3),
        textcoords="offset points", va="top", fontsize=8, color=style.SOFT_INK,
    )  # fmt: skip
    fitted = table[table["fitted"]]
    if len(fitted) > 1:
        beta = exponents["decay of correlations"].value
        x = fitted["lag"].to_numpy(float)
        level = np.exp(np.mean(np.log(fitted["strength"]) + beta * np.log(x)))
        axes.plot(x[[0, -1]], level * x[[0, -1]] ** -beta, color=_FIT, linestyle="--", linewidth=1.2, zorder=5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(floor / 2.2, float(table["high"].max()) * 1.6)
    axes.set_xlabel("distance t (tokens)")
    axes.set_ylabel("top singular value of $C_t$")
    axes.set_title("correlations, $t^{-\\beta}$: " + _number("β", exponents["decay of correlations"]))


def _draw_entropies(axes: Axes, analysis: Analysis) -> None:
    table: Any = analysis.tables["entropies"]
    exponents = _exponents(analysis)
    looks = {"n-gram counts": (_COUNTS, "o"), "network, most text": (_NETWORK, "s")}
    for estimator, mine in table[table["context"] > 0].groupby("estimator", sort=False):
        colour, marker = looks[str(estimator)]
        axes.fill_between(mine["context"], mine["low"], mine["high"], color=colour, alpha=0.18, linewidth=0)
        axes.plot(mine["context"], mine["loss_nats"], color=colour, marker=marker, markersize=3.5, label=estimator)
    gamma, limit = exponents["decay of the entropy"].value, exponents["limit of the entropy"].value
    counted = table[table["fitted"]]
    if np.isfinite(gamma) and len(counted):
        n = np.array(sorted(counted["context"].unique()), float)
        best = np.array([panels.where(counted, context=each)["loss_nats"].min() for each in n])
        amplitude = np.mean((best - limit) * n**gamma)
        fine = np.geomspace(n[0], n[-1], 60)
        axes.plot(fine, limit + amplitude * fine**-gamma, color=_FIT, linestyle="--", linewidth=1.2, zorder=5)
    axes.set_xscale("log")
    axes.set_xlabel("context n (tokens)")
    axes.set_ylabel("loss, at least $H_n$ (nats)")
    axes.set_title("entropy, $n^{-\\gamma}$: " + _number("γ", exponents["decay of the entropy"]))
    axes.legend(loc="best")


def _draw_curves(axes: Axes, analysis: Analysis) -> None:
    table: Any = analysis.tables["curves"]
    most = int(table["context"].max())
    shown = [n for n in (0, *_CONTEXTS) if n <= most]
    for n in shown:
        mine = panels.where(table, context=n).sort_values("num_tokens")
        colour = _context_colour(n, most)
        axes.fill_between(mine["num_tokens"], mine["low"], mine["high"], color=colour, alpha=0.18, linewidth=0)
        axes.plot(mine["num_tokens"], mine["loss_nats"], color=colour, marker="o", markersize=3)
    ends = [float(panels.where(table, context=n).sort_values("num_tokens")["loss_nats"].iloc[-1]) for n in shown]
    low, high = float(table["low"].min()), float(table["high"].max())
    heights = panels.spread(ends, 0.06 * (high - low))
    for n, height in zip(shown, heights, strict=True):
        axes.annotate(
            f"n = {n}", (1, height), xycoords=("axes fraction", "data"), xytext=(3, 0), textcoords="offset points",
            va="center", fontsize=8, color=_context_colour(n, most),
        )  # fmt: skip
    axes.set_xscale("log")
    panels.examples_axis(axes, "x")
    axes.set_xlabel("training text P (tokens)")
    axes.set_ylabel("test loss $L_n(P)$ (nats)")
    axes.set_title("loss by tokens of context")


def _draw_scaling(axes: Axes, analysis: Analysis) -> None:
    table, exponents = panels.finite(analysis.tables["scaling"], "excess"), _exponents(analysis)
    found, predicted = exponents["measured"], exponents["forecast"]
    table = table[table["excess"] > 0]
    axes.set_xlabel("training text P (tokens)")
    axes.set_ylabel("$L(P) - H_\\infty$ (nats), longer contexts")
    axes.set_title(f"measured {_number('α', found)}\nforecast {_number('γ/2β', predicted)}")
    if not len(table):
        axes.annotate("H_inf is not known", (0.5, 0.5), xycoords="axes fraction", ha="center", color=style.SOFT_INK)
        return
    x, y = table["num_tokens"].to_numpy(float), table["excess"].to_numpy(float)
    shift = y - table["loss_nats"].to_numpy(float)
    axes.fill_between(x, table["low"] + shift, table["high"] + shift, color=_NETWORK, alpha=0.18, linewidth=0)
    axes.plot(x, y, color=_NETWORK, marker="o", markersize=4, label="measured")
    middle = np.exp(np.log(x).mean()), np.exp(np.log(y).mean())
    if np.isfinite(predicted.value):
        for alpha, kind in ((predicted.low, ":"), (predicted.value, "--"), (predicted.high, ":")):
            label = "forecast slope, with its interval" if kind == "--" else None
            axes.plot(x, middle[1] * (x / middle[0]) ** -alpha, color=_FIT, linestyle=kind, linewidth=1.1, label=label)
    axes.set_xscale("log")
    panels.examples_axis(axes, "x")
    panels.plain_log_axis(axes, "y", panels.round_ticks(panels.limits(y, 1.15)))
    axes.set_ylim(*panels.limits(y, 1.15))
    axes.legend(loc="lower left")


def _by_context(table: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    """Each number of tokens of context, ascending, with its rows by P."""
    for n in sorted(table["context"].unique()):
        yield int(n), panels.where(table, context=n).sort_values("num_tokens")


def _exponents(analysis: Analysis) -> dict[str, Any]:
    return {row.name: row for row in panels.each_row(analysis.tables["exponents"])}


def _number(symbol: str, row: Any) -> str:
    if not np.isfinite(row.value):
        return f"{symbol} not known"
    return f"{symbol} = {row.value:.2f} [{row.low:.2f}, {row.high:.2f}]"


def _context_colour(n: int, most: int) -> str:
    """From light to dark with the logarithm of the context's length."""
    return to_hex(colormaps["viridis_r"](0.12 + 0.85 * np.log(n + 1) / np.log(most + 1)))


def interactive_curves_by_context(analysis: Analysis) -> dict[str, Any]:
    """`{"data": traces, "layout": layout}` of JSON values: the losses of `forecast` by context, every n."""
    table: Any = analysis.tables["curves"]
    most = int(table["context"].max())
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": list(mine["num_tokens"]),
            "y": list(mine["loss_nats"]),
            "name": f"n = {n}",
            "visible": True if n in (0, *_CONTEXTS) else "legendonly",
            "line": {"color": _context_colour(n, most), "width": 1.8},
            "marker": {"size": 6},
            "hovertemplate": "<b>%{fullData.name}</b><br>P = %{x:,d}<br>%{y:.3f} nats<extra></extra>",
        }
        for n, mine in _by_context(table)
    ]
    figure = layout.empty_layout(1)
    title = {"text": "training text P (tokens)", **layout.AXIS_TITLE}
    figure["xaxis"] = {**layout.AXIS_LOOK, "type": "log", "dtick": 1, "exponentformat": "power", "title": title}
    figure["yaxis"] = {**layout.AXIS_LOOK, "title": {"text": "test loss (nats)", **layout.AXIS_TITLE}}
    return layout.json_values({"data": data, "layout": figure})


FIGURES: Mapping[str, Callable[[Analysis], Figure]] = {"forecast": forecast, "collapse": collapse}
"""By file name; the first is the main one."""

_CAPTIONS = {
    "forecast": (
        "Top left: strength of the correlation of tokens t apart, with intervals over stretches of the text; full "
        "points are clear of the sampling floor and count for the fit (dashes). Top right: upper bounds of the entropy "
        "of a token given n before it; the lower of the two counts. Bottom left: test loss with n tokens of context "
        "against the amount of training text. Bottom right: loss of the longer half of the contexts above the limit; "
        "dashes have the forecast slope gamma / (2 beta), dots the ends of its interval. Bands: all seeds."
    ),
    "collapse": (
        "Losses with n tokens of context above the limit of the entropy, as measured (left) and on the axes on which "
        "theory has one curve (right). Colours: n, from light to dark."
    ),
}

_TABLES = (
    TableText(
        name="exponents",
        title="Exponents",
        caption="Each with its 95 percent interval: of beta over stretches of the text, of gamma over stretches and "
        "seeds, of the forecast over both, of the measured exponent over seeds and the limit.",
        columns=(
            Column("name", "what"),
            Column("symbol", "formula"),
            Column("value", "value", "exponent"),
            Column("low", "from", "exponent"),
            Column("high", "to", "exponent"),
            Column("note", "note"),
        ),
    ),
    TableText(
        name="scaling",
        title="Loss against the amount of training text",
        caption="Mean over seeds of the loss of the longer half of the contexts, the smallest and largest seed, and "
        "what is above the limit of the entropy, in nats a token.",
        columns=(
            Column("num_tokens", "P (tokens)", "count"),
            Column("loss_nats", "loss", "exponent"),
            Column("low", "from", "exponent"),
            Column("high", "to", "exponent"),
            Column("excess", "above H_inf", "exponent"),
        ),
    ),
)

REPORT = StudyReport(figures=FIGURES, captions=_CAPTIONS, tables=_TABLES, interactive=interactive_curves_by_context)
