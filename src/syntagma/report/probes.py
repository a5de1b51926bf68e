"""What one network knows of its grammar, in one figure: a panel for each probe, layers from left to right.

Invariance to synonyms (full lines) and to other symbols (dashed), read-outs beside their ceilings, distance to the
observers who know the grammar up to a level, and where attention looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from syntagma.report import panels, style

Tables = Mapping[str, pd.DataFrame]


def probe_figure(tables: Tables, title: str) -> Figure:
    """The figure of the tables that `probes.tables.probe_tables` makes; one panel for each that is there."""
    draw: dict[str, Callable[[Axes, pd.DataFrame], None]] = {
        "invariance": _draw_invariance,
        "readouts": _draw_readouts,
        "distances": _draw_distances,
        "attention": _draw_attention,
    }
    shown = [name for name in draw if name in tables]
    with style.applied():
        figure, all_axes = panels.panelled(len(shown), share=False)
        figure.suptitle(title, x=0.01, ha="left")
        for axes, name in zip(all_axes, shown, strict=True):
            draw[name](axes, tables[name])
        panels.settle(figure)
        return figure


def _draw_invariance(axes: Axes, table: pd.DataFrame) -> None:
    layers = list(table["layer"].unique())
    for level in sorted(table["level"].unique()):
        for change, line in (("rule", "-"), ("symbol", (0, (3, 2)))):
            rows = panels.where(table, level=level, change=change).set_index("layer").reindex(layers)
            colour = style.level_colour(int(level))
            places = np.arange(len(layers))
            axes.fill_between(places, rows["low"], rows["high"], color=colour, alpha=0.2, linewidth=0)
            axes.plot(places, rows["cosine"], color=colour, linestyle=line, marker="o", markersize=4)
    axes.set_title("What each layer ignores")
    axes.set_ylabel("cosine before and after the change")
    axes.axhline(0, color=style.FAINT, linewidth=0.8, zorder=0)
    axes.set_ylim(min(-0.1, float(np.nanmin(table["low"])) - 0.03), 1.05)
    _layers_axis(axes, layers)
    kinds = [("synonym", "-"), ("other symbol", (0, (3, 2)))]
    axes.legend(
        handles=[
            *_level_handles(table),
            *(Line2D([], [], color=style.SOFT_INK, linestyle=line, label=text) for text, line in kinds),
        ],
        ncols=2, loc="upper left", bbox_to_anchor=(0, -0.2),
    )  # fmt: skip


def _draw_readouts(axes: Axes, table: pd.DataFrame) -> None:
    layers = list(table["layer"].unique())
    places = np.arange(len(layers))
    for level in sorted(table["level"].unique()):
        rows = panels.where(table, level=level).set_index("layer").reindex(layers)
        colour = style.level_colour(int(level))
        axes.plot(places, rows["accuracy"], color=colour, marker="o", markersize=4)
        axes.plot(places, rows["ceiling"], color=colour, linestyle="none", marker="_", markersize=13, markeredgewidth=2)
    axes.axhline(float(np.mean(table["chance"])), color=style.PLATEAU, linewidth=0.8, zorder=0)
    axes.set_title("Which hidden symbols can be read off")
    axes.set_ylabel("accuracy of a linear read-out")
    axes.set_ylim(0, 1.05)
    _layers_axis(axes, layers)
    bar = Line2D([], [], color=style.SOFT_INK, linestyle="none", marker="_", markersize=13, markeredgewidth=2)
    bar.set_label("exact posterior")
    chance = Line2D([], [], color=style.PLATEAU, linewidth=0.8, label="chance")
    handles = [*_level_handles(table), bar, chance]
    axes.legend(handles=handles, ncols=2, loc="upper left", bbox_to_anchor=(0, -0.2))


def _draw_distances(axes: Axes, table: pd.DataFrame) -> None:
    positions = sorted(table["position"].unique())
    for position in positions:
        rows = panels.where(table, position=position)
        last = position == positions[-1]
        look = {"color": style.INK, "linewidth": 1.8, "zorder": 4} if last else {"color": style.FAINT, "linewidth": 1}
        axes.plot(rows["level"], rows["nats"], marker="o", markersize=5 if last else 3, **look)
    nearest = min(panels.each_row(panels.where(table, position=positions[-1])), key=lambda row: row.nats)
    look = {"markersize": 9, "color": style.level_colour(int(nearest.level)), "zorder": 5}
    axes.plot([nearest.level], [nearest.nats], marker="D", **look)
    axes.set_title(f"Whom it predicts like: who knows level {nearest.level}")
    axes.set_xlabel("levels of the grammar that the observer knows")
    axes.set_ylabel("distance to that observer (nats)")
    axes.set_xticks(sorted(table["level"].unique()))
    axes.set_ylim(bottom=0)
    axes.margins(x=0.12)
    if len(positions) > 1:
        lines = [(style.INK, "last token"), (style.FAINT, "tokens before it")]
        handles = [Line2D([], [], color=colour, label=text) for colour, text in lines]
        axes.legend(handles=handles, ncols=2, loc="upper left", bbox_to_anchor=(0, -0.2))


def _draw_attention(axes: Axes, table: pd.DataFrame) -> None:
    layers, levels = list(table["layer"].unique()), sorted(table["level"].unique())
    columns = [*((name, "share") for name in layers), (layers[-1], "uniform")]
    places, bottom = np.arange(len(columns)), np.zeros(len(columns))
    for level in levels:
        heights = np.array([np.mean(panels.where(table, layer=layer, level=level)[kind]) for layer, kind in columns])
        colour = style.level_colour(int(level))
        axes.bar(places, heights, 0.66, bottom, color=colour, edgecolor="white", linewidth=0.8)
        bottom += heights
    axes.bar(places, 1.0 - bottom, 0.66, bottom, color="white", edgecolor=style.FAINT, linewidth=0.8)
    axes.set_title("Where attention looks")
    axes.set_ylabel("share of attention, mean over heads")
    axes.set_ylim(0, 1.02)
    _layers_axis(axes, [name.removesuffix(" attention") for name in layers] + ["uniform"])
    handles = [Patch(color=style.level_colour(int(level)), label=f"meets at level {level}") for level in levels]
    if (bottom < 0.999).any():
        handles.append(Patch(facecolor="white", edgecolor=style.FAINT, label="an input without a token"))
    axes.legend(handles=handles, ncols=2, loc="upper left", bbox_to_anchor=(0, -0.2))


def _level_handles(table: pd.DataFrame) -> list[Line2D]:
    kept = sorted(int(level) for level in table["level"].unique())
    return [Line2D([], [], color=style.level_colour(level), marker="o", label=f"level {level}") for level in kept]


def _layers_axis(axes: Axes, layers: Sequence[str]) -> None:
    if len(layers) > 4:
        short = [name.replace("attention", "attn") for name in layers]
        axes.set_xticks(range(len(layers)), short, rotation=25, ha="right")
    else:
        axes.set_xticks(range(len(layers)), layers)
    axes.set_xlim(-0.4, len(layers) - 0.6)
