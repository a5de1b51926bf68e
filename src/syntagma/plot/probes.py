"""What one network knows of its grammar, in one figure: a panel for each probe, layers from left to right.

Invariance to synonyms (full lines) and to other symbols (dashed), read-outs beside their ceilings, distance to the
observers who know the grammar up to a level, and where attention looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from syntagma.plot.content import Panel
from syntagma.plot.figure import Figure
from syntagma.plot.marks import Axis, Line, Mark, Points
from syntagma.plot.profiles import profile_panel, share_panel

if TYPE_CHECKING:
    import pandas as pd

Tables = Mapping[str, "pd.DataFrame"]


def probe_figure(tables: Tables, title: str, name: str = "probes") -> Figure:
    """The figure of the tables that `probes.tables.probe_tables` makes; one panel for each that is there."""
    draw = {"invariance": _invariance, "readouts": _readouts, "distances": _distances, "attention": _attention}
    panels = [panel(tables[probe]) for probe, panel in draw.items() if probe in tables]
    caption = (
        "Cosine of whitened activations before and after a change of the sentence's tree; accuracy of linear read-outs "
        "of hidden symbols beside the exact posterior's; distance of the prediction to observers who know the grammar "
        "up to a level; share of attention by the level at which two positions meet. Only probes asked for are drawn."
    )
    return Figure(name, title, panels, caption, columns=2)


def _by_level(table: Any, layers: list[str], column: str) -> dict[str, Any]:
    return {
        f"level {int(level)}": rows.set_index("layer")[column].reindex(layers).to_numpy(float)
        for level, rows in table.groupby("level")
    }


def _invariance(table: Any) -> Panel:
    layers = list(table["layer"].unique())
    profiles = {}
    for change in ("rule", "symbol"):
        rows = table[table["change"] == change]
        ends = [_by_level(rows, layers, column) for column in ("cosine", "low", "high")]
        profiles[change] = {key: tuple(end[key] for end in ends) for key in ends[0]}
    least = min(-0.1, float(np.nanmin(table["low"])) - 0.03)
    return profile_panel(
        layers,
        profiles["rule"],
        dashed=profiles["symbol"],
        title="What each layer ignores (dashed: other symbols)",
        y="cosine before and after",
        limits=(least, 1.05),
    )


def _readouts(table: Any) -> Panel:
    layers = list(table["layer"].unique())
    lines = {key: (values, None, None) for key, values in _by_level(table, layers, "accuracy").items()}
    return profile_panel(
        layers,
        lines,
        ceilings=_by_level(table, layers, "ceiling"),
        chance=float(np.mean(table["chance"])),
        title="Which hidden symbols can be read off",
        y="accuracy of a linear read-out",
        limits=(0, 1.05),
    )


def _distances(table: Any) -> Panel:
    positions, marks = sorted(table["position"].unique()), list[Mark]()
    for position in positions:
        rows = table[table["position"] == position]
        last = position == positions[-1]
        label = "last token" if last else "tokens before it"
        look: dict[str, Any] = {
            "key": "ink" if last else "plateau",
            "weight": "thick" if last else "thin",
            "label": label,
        }
        marks.append(Line(rows["level"], rows["nats"], marker="o", **look))
    nearest = table[table["position"] == positions[-1]].sort_values("nats").iloc[0]
    marks.append(Points([nearest["level"]], [nearest["nats"]], marker="D", key=f"level {int(nearest['level'])}"))
    x = Axis("levels of the grammar that the observer knows", ticks=sorted(table["level"].unique()))
    title = f"Whom it predicts like: who knows level {int(nearest['level'])}"
    return Panel(title, x, Axis("distance to that observer (nats)", limits=(0, None)), marks)


def _attention(table: Any) -> Panel:
    layers, levels = list(table["layer"].unique()), sorted(table["level"].unique())
    columns = [*((layer, "share") for layer in layers), (layers[-1], "uniform")]
    shares = {
        f"level {int(level)}": [
            float(table[(table["layer"] == layer) & (table["level"] == level)][kind].mean()) for layer, kind in columns
        ]
        for level in levels
    }
    return share_panel(
        [*(layer.removesuffix(" attention") for layer in layers), "uniform"],
        shares,
        rest="an input without a token",
        title="Where attention looks",
        y="share of attention, mean over heads",
        labels={f"level {int(level)}": f"meets at level {int(level)}" for level in levels},
    )
