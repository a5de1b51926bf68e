"""Figures of the bound's slack, of outputs sequence by sequence, of mixtures, and of principal components."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from syntagma.curves import PerSeed
from syntagma.plot import Axis, Bars, Empty, Figure, Law, Line, Mark, Panel, Points
from syntagma.studies.permutation_bias import titles
from syntagma.studies.permutation_bias.measured import Measured
from syntagma.studies.permutation_bias.mixtures import READ
from syntagma.studies.permutation_bias.tables import components_rows, slack_rows


def further_figures(measured: Measured) -> Iterator[Figure]:
    """Those that the settings ask for."""
    yield _slack_figure(measured)
    if measured.settings.outputs_size is not None:
        yield _outputs_figure(measured)
    if measured.settings.mixture is not None:
        yield _mixtures_figure(measured)
    yield _components_figure(measured)


def _slack_figure(measured: Measured) -> Figure:
    """By how much the trace bound exceeds the largest eigenvalue of (T-1,1), exactly, for one block."""
    rows = list(slack_rows(measured.settings))
    marks: list[Mark] = []
    if rows:
        x = [row["length"] for row in rows]
        marks.append(Line(x, [row["slack"] for row in rows], marker="o", key="series 1", label="exact"))
        marks.append(Law(x, [row["limit"] for row in rows], label="large T"))
    caption = (
        "The bound trace / (T - 1) over the largest eigenvalue of (T-1,1), of one block of linear attention with mean "
        "read-out, in closed form. Dashed: a T / (2 s), with the variances a of tokens and s of positions, which it "
        "tends to."
    )
    panel = Panel("", Axis("context length T", "log"), Axis("bound over eigenvalue", "log"), marks or [
        Empty("No block is one layer of linear attention."),
    ])  # fmt: skip
    return Figure("bound-slack", titles.slack_title(measured), (panel,), caption)


def _outputs_figure(measured: Measured) -> Figure:
    """Each output against the one predicted."""
    found, panels = measured.outputs(), []
    if found is not None:
        marks: list[Mark] = [_diagonal(found["predicted"])]
        for place, name in enumerate(("predicted", "equivalent")):
            label = "kappa solved for" if name == "predicted" else "equivalent kernel, kappa = d / n"
            marks.append(Points(found[name], found["measured"], key=f"series {place}", size=0.4, label=label))
        panels.append(Panel("kernel regression", Axis("predicted mean output"), Axis("mean output"), marks))
    for width in measured.settings.networks:
        own = measured.network_outputs(width)
        if own:
            limit, network = (np.mean([one[name] for one in own], axis=0) for name in ("limit", "network"))
            marks = [_diagonal(limit), Points(limit, network, key="series 2", size=0.4)]
            y = Axis("output of networks")
            panels.append(Panel(f"networks, width {width}", Axis("kernel regression, the same sets"), y, marks))
    caption = (
        "One point a sequence: mean outputs over training sets against what is predicted of them; lines: equal. Left: "
        "kernel regression against its predicted mean, by both values of kappa. Then: networks drawn from their "
        "posterior, over the scale of their targets, against kernel regression on the same training sets."
    )
    empty = Panel("", marks=(Empty("Not computed yet."),))
    return Figure("outputs", titles.outputs_title(measured), tuple(panels) or (empty,), caption, columns=2)


def _diagonal(values: ArrayLike) -> Line:
    ends = [float(np.min(values)), float(np.max(values))]
    return Line(ends, ends, key="ink", name="equal")


def _mixtures_figure(measured: Measured) -> Figure:
    """Excess loss over the exact Bayes prediction against training sentences, one panel a mixture."""
    panels = []
    for models in dict.fromkeys(models for models, _ in measured.mixtures):
        marks: list[Mark] = []
        for place, (read, label) in enumerate(READ.items()):
            curve = measured.mixtures.get((models, read))
            if curve is not None:
                means = [PerSeed.exact(column[~np.isnan(column)]).interval() for column in curve.losses.T]
                low, high = [one.low for one in means], [one.high for one in means]
                values = [one.value for one in means]
                aside = np.asarray(curve.num_examples) * (0.97, 1.03)[place]  # so that both intervals show
                marks.append(Points(aside, values, low, high, key=f"series {place}", label=label))
        title = f"{int(models)} model" + ("s" if models != 1 else "")
        panels.append(Panel(title, Axis("training sentences", "log"), Axis("excess loss (nats)"), marks))
    caption = (
        "Loss of the last token less that of the exact Bayes prediction, which knows all models of the mixture and "
        "infers the one at hand, of kernel regression with one block read at the mean of positions and at the last: "
        "means with intervals of 95 % over training sets."
    )
    empty = Panel("", marks=(Empty("Not run yet."),))
    return Figure("mixtures", titles.mixtures_title(measured), tuple(panels) or (empty,), caption, share="y")


def _components_figure(measured: Measured) -> Figure:
    """How much of each principal component is symmetric."""
    rows = components_rows(measured)
    marks: list[Mark] = [Bars([row["rank"] for row in rows], [row["symmetric"] for row in rows])] if rows else []
    caption = (
        "Share of each principal component of the source's words, in windows, that lies in the symmetric "
        "representation (T); the rest is in (T-1,1). The words that each is made of are in the table."
    )
    y = Axis("share in (T)", limits=(0, 1.05))
    x = Axis("component", ticks=[row["rank"] for row in rows] or None)
    panel = Panel("", x, y, marks or [Empty("Not computed yet.")])
    return Figure("components", titles.components_title(measured), (panel,), caption)
