"""Which correlations a training set of size P resolves: exact signals by level against the sampling floors."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from syntagma.report import panels, style
from syntagma.studies.study import Analysis

_LOOK = {"token": ("#D55E00", "o"), "symbol": ("#009E73", "s"), "tuple": ("#0072B2", "^")}
"""Tokens in the colour of the law without weight sharing, tuples in that with."""


def correlations_and_floors(analysis: Analysis) -> Figure:
    """Root mean square covariance of the last token by level, a panel for each m."""
    table = analysis.tables["correlations"]
    measured_at = sorted(int(m) for m in table["rules"].unique())
    with style.applied():
        figure, all_axes = panels.panelled(len(measured_at), share=False)
        figure.suptitle(f"{analysis.title}: correlations of the last token", x=0.01, ha="left")
        for axes, m in zip(all_axes, measured_at, strict=True):
            rows = panels.where(table, rules=m)
            for place, (kind, (colour, marker)) in enumerate(_LOOK.items()):
                mine = panels.where(rows, kind=kind)
                shift = 0.1 * (place - 1)
                axes.plot(
                    mine["level"] + shift, mine["squared_covariance"] / mine["floor"], color=colour, marker=marker,
                    linestyle="none", markersize=5, alpha=0.75, markeredgewidth=0,
                )  # fmt: skip
                means: Any = mine.groupby("level")[["ensemble", "floor"]].mean()
                axes.plot(
                    means.index + shift, means["ensemble"] / means["floor"], color=colour, linestyle="--", linewidth=1.2
                )
            axes.set_yscale("log")
            low, high = panels.limits(rows["squared_covariance"] / rows["floor"], 2.0)
            axes.set_ylim(low, high)
            axes.set_xticks(sorted(rows["level"].unique()))
            for power in range(int(np.floor(np.log2(1 / high))), int(np.ceil(np.log2(1 / low))) + 1, 2):
                if low < 2.0**-power < high:
                    axes.axhline(2.0**-power, color=style.FAINT, linewidth=0.8, zorder=0)
                    axes.annotate(
                        f"P = {2**power:,}", (1, 2.0**-power), xycoords=("axes fraction", "data"), xytext=(4, 0),
                        textcoords="offset points", va="center", fontsize=8, color=style.SOFT_INK,
                    )  # fmt: skip
            axes.set_title(f"m = {m} rules per symbol")
        panels.name_axes(all_axes, "level l at which the two meet", "squared covariance / floor of one sentence")
        handles = [
            Line2D([], [], color=colour, marker=marker, linestyle="none", label=f"last token with a {kind}")
            for kind, (colour, marker) in _LOOK.items()
        ]
        handles.append(Line2D([], [], color=style.SOFT_INK, linestyle="--", label="average over grammars"))
        handles.append(Line2D([], [], color=style.FAINT, label="resolved above, by P sentences"))
        panels.legend_below(figure, [handles[:2], handles[2:4], handles[4:]])
        panels.settle(figure)
        return figure
