"""Learning curves on symbols never seen: the main figure of the study, the same for Plotly, and theory beside networks.

One panel per task. Dots and lines are measured; kernel regressions are squares without a line, and dashes are what the
certificate of the templates predicts for them, nothing fitted.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from syntagma.report import panels, style
from syntagma.report.interactive_layout import (
    AXIS_LOOK,
    AXIS_TITLE,
    domains,
    empty_layout,
    json_values,
    panel_title,
    suffix,
    translucent,
)
from syntagma.studies.study import Analysis

_TITLE_CHARACTERS = 34
"""Of a panel's title, the name of the task among them."""
_HOVER = (
    "<b>%{fullData.name}</b><br>%{x:,d} strings<br>accuracy, unseen symbols %{y:.3f} [%{customdata[0]:.3f}, "
    "%{customdata[1]:.3f}]<br>accuracy, seen symbols %{customdata[2]:.3f}<br>seeds: %{customdata[3]}<extra></extra>"
)


def accuracy_curves(analysis: Analysis) -> Figure:
    """Accuracy on strings of symbols never seen against the number of training strings."""
    with style.applied():
        families = list(panels.each_row(analysis.tables["families"]))
        figure, all_axes = panels.panelled(len(families), share=True)
        figure.suptitle(f"{analysis.title}: accuracy", x=0.01, ha="left")
        for axes, family in zip(all_axes, families, strict=True):
            _prepare(axes, analysis, family)
            axes.set_ylim(*accuracy_limits(families, analysis.tables["curves"]))
            axes.axhline(family.chance, color=style.PLATEAU, linewidth=0.8, zorder=1)
            _draw(axes, analysis, family.family, ("accuracy", "low", "high"), "accuracy")
        panels.name_axes(all_axes, "training strings", "accuracy on unseen symbols")
        panels.legend_below(figure, _legend(analysis, chance=True))
        panels.settle(figure)
        return figure


def loss_curves(analysis: Analysis) -> Figure:
    """Squared error on strings of symbols never seen: the certificate's prediction, kernels, and networks."""
    with style.applied():
        families = [f for f in panels.each_row(analysis.tables["families"]) if not f.symbolic]
        figure, all_axes = panels.panelled(max(len(families), 1), share=True)
        figure.suptitle(f"{analysis.title}: theory and networks", x=0.01, ha="left")
        if not families:
            say(all_axes[0], "labels are symbols: the theory predicts answers that are numbers")
        for axes, family in zip(all_axes, families, strict=False):
            _prepare(axes, analysis, family)
            axes.set_yscale("log")
            _draw_needed(axes, analysis, family.family)
            _draw(axes, analysis, family.family, ("loss", "loss_low", "loss_high"), "loss")
        if families:
            panels.name_axes(all_axes[: len(families)], "training strings", "squared error on unseen symbols")
            panels.legend_below(figure, _legend(analysis, chance=False))
        panels.settle(figure)
        return figure


def interactive_accuracy(analysis: Analysis) -> dict[str, Any]:
    """The main figure for Plotly; pointing at anything says its numbers."""
    families = list(panels.each_row(analysis.tables["families"]))
    rows, columns = panels.grid_shape(len(families))
    layout, data = empty_layout(rows), []
    low, high = _size_limits(analysis)
    limits = list(accuracy_limits(families, analysis.tables["curves"]))
    for place, family in enumerate(families):
        x_domain, y_domain = domains(place, rows, columns)
        shares = {} if place == 0 else {"matches": "x"}
        layout[f"xaxis{suffix(place)}"] = {
            **AXIS_LOOK, "type": "log", "domain": x_domain, "anchor": f"y{suffix(place)}", "dtick": 1,
            "exponentformat": "power", "range": [math.log10(low), math.log10(high)],
            "title": {"text": "training strings", **AXIS_TITLE}, **shares,
        }  # fmt: skip
        title = {"title": {"text": "accuracy on unseen symbols", **AXIS_TITLE}} if place % columns == 0 else {}
        layout[f"yaxis{suffix(place)}"] = {
            **AXIS_LOOK, "domain": y_domain, "anchor": f"x{suffix(place)}", "range": limits, **title,
        }  # fmt: skip
        text = f"<b>{html.escape(family.family)}</b>  {html.escape(_shown(family))}"
        layout["annotations"].append(panel_title(text, place))
        where = {"xaxis": f"x{suffix(place)}", "yaxis": f"y{suffix(place)}"}
        data += [{**trace, **where} for trace in _traces(analysis, family, (low, high), first=place == 0)]
    return json_values({"data": data, "layout": layout})


def accuracy_limits(families: Iterable[Any], curves: pd.DataFrame) -> tuple[float, float]:
    """From 0, or from below a half where chance is a half and nothing is far below."""
    least = min([*(family.chance for family in families), *curves["low"]])
    return (0.35 if least > 0.4 else -0.03), 1.04


def say(axes: Axes, text: str) -> None:
    """Write in an empty panel why it is empty."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=style.SOFT_INK)


def _prepare(axes: Axes, analysis: Analysis, family: Any) -> None:
    panels.plain_log_axis(axes, "x", sorted(set(analysis.tables["curves"]["num_examples"])))
    axes.set_xlim(*_size_limits(analysis))
    axes.set_title(f"{family.family}:  {_shown(family)}")


def _shown(family: Any) -> str:
    """The templates, as many as a title has room for."""
    written = family.templates.split(", ")
    text = written[0].replace("->", "→")
    for place, more in enumerate(written[1:], start=2):
        longer = f"{text},  {more.replace('->', '→')}"
        if len(longer) + len(family.family) > _TITLE_CHARACTERS:
            return f"{text}, and {len(written) - place + 1} more"
        text = longer
    return text


def _size_limits(analysis: Analysis) -> tuple[float, float]:
    return panels.limits(analysis.tables["curves"]["num_examples"], 1.3)


def _draw(axes: Axes, analysis: Analysis, family: str, measured: tuple[str, str, str], predicted: str) -> None:
    middle, low, high = measured
    for learner, curve in panels.where(analysis.tables["curves"], family=family).groupby("learner", sort=False):
        look = _look(analysis, str(learner))
        if look["linestyle"] != "none":
            axes.fill_between(
                curve["num_examples"], curve[low], curve[high], color=look["color"], alpha=0.16, linewidth=0, zorder=3
            )
        else:
            axes.vlines(curve["num_examples"], curve[low], curve[high], color=look["color"], linewidth=0.9, zorder=3)
        axes.plot(curve["num_examples"], curve[middle], zorder=4, **look)
    for learner, curve in panels.where(analysis.tables["predicted"], family=family).groupby("learner", sort=False):
        axes.plot(curve["num_examples"], curve[predicted], zorder=5, **_dashes(str(learner)))


def _draw_needed(axes: Axes, analysis: Analysis, family: str) -> None:
    """Where the certificate says that the slowest direction is half learned."""
    table = panels.finite(panels.where(analysis.tables["certificates"], family=family), "strings")
    low, high = axes.get_xlim()
    for row in panels.each_row(panels.where(table, learner="kernel")):
        if low < row.strings < high:
            axes.axvline(row.strings, color=style.PLATEAU, linewidth=0.8, zorder=1)
            axes.annotate(
                "$r\\,\\Delta\\,/\\,s_{\\min}$", xy=(row.strings, 1), xycoords=("data", "axes fraction"),
                xytext=(3, -2), textcoords="offset points", va="top", fontsize=8, color=style.SOFT_INK,
            )  # fmt: skip


def _is_kernel(analysis: Analysis, learner: str) -> bool:
    return learner in set(analysis.tables["predicted"]["learner"])


def _look(analysis: Analysis, learner: str) -> dict[str, Any]:
    colour = style.learner_colour(learner)
    if _is_kernel(analysis, learner):
        hollow = {"markerfacecolor": "white", "markeredgecolor": colour, "markeredgewidth": 1.2}
        return {"color": colour, "linestyle": "none", "marker": "s", "markersize": 4.6, **hollow}
    return {"color": colour, "linestyle": "-", "linewidth": 1.6, "marker": "o", "markersize": 3.8, "markeredgewidth": 0}


def _dashes(learner: str) -> dict[str, Any]:
    return {"color": style.learner_colour(learner), "linewidth": 1.2, "linestyle": (0, (4, 2))}


def _legend(analysis: Analysis, *, chance: bool) -> list[list[Artist]]:
    who = [Line2D([], [], label=label, **_look(analysis, name)) for name, label in panels.learners(analysis).items()]
    networks: list[Artist] = [handle for handle in who if handle.get_linestyle() != "None"]
    kernels: list[Artist] = [handle for handle in who if handle.get_linestyle() == "None"]
    half = math.ceil(len(networks) / 2)
    other: list[Artist] = []
    if len(analysis.tables["predicted"]):
        other.append(Line2D([], [], label="predicted by the certificate", **_dashes("kernel")))
    if chance:
        other.append(Line2D([], [], color=style.PLATEAU, linewidth=0.8, label="chance"))
    seeds = max(int(number) for number in analysis.tables["curves"]["seeds"])
    if seeds > 1:
        other.append(Patch(color="#d0d5da", label=f"band over {seeds} seeds"))
    return [networks[:half], networks[half:], kernels, other]


def _traces(analysis: Analysis, family: Any, limits: tuple[float, float], *, first: bool) -> Iterator[dict[str, Any]]:
    yield {
        "type": "scatter", "mode": "lines", "x": list(limits), "y": [family.chance] * 2, "showlegend": first,
        "name": "chance", "line": {"color": style.PLATEAU, "width": 1}, "hoverinfo": "skip",
    }  # fmt: skip
    shown = panels.learners(analysis)
    for learner, label in shown.items():
        curve = panels.where(analysis.tables["curves"], family=family.family, learner=learner)
        yield from _measured_traces(analysis, learner, label, curve, first=first)
    for learner, curve in panels.where(analysis.tables["predicted"], family=family.family).groupby("learner"):
        label = html.escape(f"predicted: {curve['label'].iloc[0]}")
        yield {
            "type": "scatter", "mode": "lines", "x": list(curve["num_examples"]), "y": list(curve["accuracy"]),
            "name": label, "showlegend": False, "legendgroup": str(learner),
            "line": {"color": style.learner_colour(str(learner)), "width": 1.8, "dash": "dash"},
            "hovertemplate": f"<b>{label}</b><br>%{{x:,d}} strings<br>accuracy %{{y:.3f}}<extra></extra>",
        }  # fmt: skip


def _measured_traces(
    analysis: Analysis, learner: str, label: str, curve: pd.DataFrame, *, first: bool
) -> Iterator[dict[str, Any]]:
    colour, kernel = style.learner_colour(learner), _is_kernel(analysis, learner)
    if len(curve) and not kernel:
        yield {
            "type": "scatter", "mode": "lines", "x": [*curve["num_examples"], *curve["num_examples"][::-1]],
            "y": [*curve["low"], *curve["high"][::-1]], "fill": "toself", "fillcolor": translucent(colour),
            "line": {"width": 0}, "hoverinfo": "skip", "legendgroup": learner, "showlegend": False,
        }  # fmt: skip
    columns = zip(*(curve[name] for name in ("low", "high", "seen", "seeds")), strict=True)
    symbol = "square-open" if kernel else "circle"
    yield {
        "type": "scatter", "mode": "markers" if kernel else "lines+markers", "x": list(curve["num_examples"]) or [None],
        "y": list(curve["accuracy"]) or [None], "name": html.escape(label), "legendgroup": learner,
        "showlegend": first, "line": {"color": colour, "width": 2.2},
        "marker": {"size": 8 if kernel else 6, "symbol": symbol, "color": colour},
        "customdata": [list(row) for row in columns], "hovertemplate": _HOVER,
    }  # fmt: skip
