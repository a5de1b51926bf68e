"""Learning curves: test loss against training examples, over plateaus and predicted thresholds.

    learning_curves([convolution, attention], predictions, plateaus=prediction.plateaus).save("curves.pdf", width=3.3)

Curves are means over seeds. Under each is the band from the smallest to the largest seed, or a thin line a seed where a
band would cross the lowest plateau: seeds that differ in grammar have each an oracle of their own, and a band below the
mean of the oracles would look like the impossible. (`curve.above(oracles)` is the excess loss over each seed's own.)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.plot import palette
from syntagma.plot.content import Note, Panel
from syntagma.plot.figure import Figure
from syntagma.plot.intervals import Measured, columns, written
from syntagma.plot.marks import Axis, Band, Law, Level, Line, Mark, Points, VerticalLine


@runtime_checkable
class Curve(Protocol):
    """As `curves.LearningCurve`: losses `[seeds, P]` at sizes `[P]`."""

    @property
    def num_examples(self) -> Any: ...
    @property
    def losses(self) -> Any: ...
    @property
    def name(self) -> str: ...
    @property
    def seeds(self) -> tuple[int, ...]: ...
    def band(self) -> Any: ...
    def crossing(self, lines: Any) -> Any: ...


@runtime_checkable
class Stated(Protocol):
    """As `theory.Stated`: numbers with their source and the regime where they hold."""

    @property
    def values(self) -> Any: ...
    @property
    def regime(self) -> str: ...
    @property
    def source(self) -> str: ...


@runtime_checkable
class Predicted(Protocol):
    """As `theory.Prediction`: thresholds `[L]` between plateaus `[L + 1]`, or only losses at any size."""

    @property
    def name(self) -> str: ...
    @property
    def thresholds(self) -> Stated: ...
    @property
    def plateaus(self) -> Stated: ...
    def at(self, num_examples: Any) -> Any: ...


Curves = Sequence[Curve] | Mapping[str, Curve]
Seeds = Literal["auto", "band", "lines", "none"]
Crossing = tuple[str, float, Measured]
"""Whose (a key), at which loss, and at how many examples."""


@checked
def learning_curves(
    curves: Curves | Sequence[Panel],
    predictions: Iterable[Predicted] = (),
    plateaus: Sequence[float] = (),
    *,
    name: str = "learning-curves",
    title: str = "Learning curves",
    caption: str = "",
    **panel: Any,
) -> Figure:
    """The figure of these curves, or of panels of `curve_panel` side by side with the same sizes.

    `curves` are named by themselves, or by their keys (`{"cnn": curve}`), which choose the colours. Further arguments
    are those of `curve_panel`.
    """
    given = list(curves) if not isinstance(curves, Mapping) else []
    if given and all(isinstance(one, Panel) for one in given):
        columns = 2 if len(given) in (2, 4) else 3
        return Figure(name, title, given, caption, columns, share="x")  # pyright: ignore[reportArgumentType]
    one = curve_panel(curves, predictions, plateaus, **panel)  # pyright: ignore[reportArgumentType]
    return Figure(name, title, (one,), caption or _caption(one))


@checked
def curve_panel(
    curves: Curves,
    predictions: Iterable[Predicted] = (),
    plateaus: Sequence[float] = (),
    *,
    title: str = "",
    x: str = "training examples P",
    y: str = "test loss (nats)",
    scale: Literal["log", "linear"] = "log",
    seeds: Seeds = "auto",
    crossings: Sequence[Crossing] | None = None,
    prefactors: Mapping[str, float] | None = None,
    limits: tuple[float | None, float | None] | None = None,
) -> Panel:
    """One panel of curves.

    Args:
        plateaus: exact losses L_0, L_1, ..., the last the oracle's.
        crossings: measured thresholds; None computes them half-way between neighbouring plateaus, () draws none.
        prefactors: by law, what the measured thresholds are times the predicted ones; draws the law at that, too, as
            dots. None takes the geometric mean over the levels that its own learner came to; {} draws none.
        seeds: what is drawn of each seed; "none" where so many curves stand in a panel that bands would hide them.
        limits: of the loss; by default what lies far above the highest plateau, where a network has only memorised, is
            cut off, since the levels would be squeezed.
    """
    named = (
        curves
        if isinstance(curves, Mapping)
        else {curve.name or f"series {i}": curve for i, curve in enumerate(curves)}
    )
    lowest = min(plateaus, default=-math.inf)
    predictions = sorted(predictions, key=lambda one: one.thresholds.regime != "exact for this grammar")
    crossed = list(_half_way(named, plateaus) if crossings is None else crossings)
    factors = fitted_factors(crossed, predictions, plateaus)
    fitted = {law: _mean(own) for law, own in factors.values()} if prefactors is None else prefactors
    marks: list[Mark] = list(plateau_marks(plateaus))
    marks += prediction_marks(predictions, named.values(), fitted)
    for key, curve in named.items():
        marks += curve_marks(key, curve, seeds if seeds != "auto" else _seeds(curve, lowest))
    marks += band_labels(marks)
    marks += crossing_marks(crossed)
    limits = limits or _limits(named.values(), plateaus, seeds != "none")
    notes = list(factor_notes(factors))
    return Panel(title, Axis(x, "log", limits=_size_limits(marks)), Axis(y, scale, limits), marks, notes)


@checked
def with_curves(figure: Figure, curves: Mapping[str, Curve], panel: int = 0) -> Figure:
    """`figure` with further curves in one of its panels, in front: `with_curves(figure, {"mine": curve}, panel=1)`.

    Keys choose the colours, as in `learning_curves`. What the panel shows, its limits too, stays as it is.

    Raises:
        InputError: there is no such panel.
    """
    if not 0 <= panel < len(figure.panels):
        raise invalid("panel", panel, f"the figure has {len(figure.panels)}", "Count them from 0")
    panels = list(figure.panels)
    more = [mark for key, curve in curves.items() for mark in curve_marks(key, curve)]
    panels[panel] = replace(panels[panel], marks=[*panels[panel].marks, *more])
    return replace(figure, panels=panels)


def curve_marks(key: str, curve: Curve, seeds: Seeds = "band") -> Iterable[Mark]:
    """The mean over seeds, over its band or its thin lines a seed, or alone; readers and networks have their marker."""
    band = curve.band()
    at = np.isin(curve.num_examples, band.num_examples)
    each = {f"seed {seed}": losses[at] for seed, losses in zip(curve.seeds, np.asarray(curve.losses), strict=True)}
    shown = {"smallest to largest": [f"[{a:.4g}, {b:.4g}]" for a, b in zip(band.low, band.high, strict=True)], **each}
    ids = getattr(curve, "run_ids", None)
    if ids is not None:
        shown["runs"] = [", ".join(own) for own in np.asarray(ids)[:, at].T]
    if len(curve.losses) > 1 and seeds == "lines":
        for seed, losses in zip(curve.seeds, np.asarray(curve.losses), strict=True):
            yield Line(curve.num_examples, losses, weight="thin", key=key, hover={"seed": seed})
    elif len(curve.losses) > 1 and seeds != "none":
        yield Band(band.num_examples, band.low, band.high, key=key, hover={"shows": band.shows})
    yield Line(band.num_examples, band.mean, marker=palette.marker(key), label=curve.name or key, key=key, hover=shown)


def band_labels(marks: Iterable[Mark]) -> Iterable[Mark]:
    """Entries for the legend that say what bands and thin lines are."""
    marks = list(marks)
    for shows in dict.fromkeys(dict(mark.hover).get("shows", ("",))[:1] for mark in marks if isinstance(mark, Band)):
        if shows and shows[0]:
            yield Band((), (), (), label=f"band: {shows[0]}", key="plateau")
    if any(isinstance(mark, Line) and mark.weight == "thin" for mark in marks):
        yield Line((), (), label="thin lines: one seed each", key="plateau", weight="thin")


def plateau_marks(plateaus: Sequence[float]) -> Iterable[Mark]:
    """A line for each exact plateau, the last, the oracle's, thick."""
    for level, height in enumerate(plateaus):
        last = level == len(plateaus) - 1
        look: dict[str, Any] = {"weight": "thick", "key": "ink"} if last else {"key": "plateau"}
        label = "exact oracle" if last else "exact plateau $L_l$: levels up to l known"
        yield Level(float(height), "oracle" if last else f"$L_{{{level}}}$", label=label, **look)


def prediction_marks(
    predictions: Iterable[Predicted], curves: Iterable[Curve], prefactors: Mapping[str, float] | None = None
) -> Iterable[Mark]:
    """Each predicted threshold as the step it predicts; without thresholds, the predicted curve.

    Dashes say the regime, and alternate where two predictions put a threshold at one place. Of predictions of one name
    the first is drawn times its prefactor, too.
    """
    predictions = list(predictions)
    first = {one.name: one for one in reversed(predictions)}
    steps: dict[tuple[int, float], list[Predicted]] = {}
    named: set[tuple[int, str]] = set()
    for one in predictions:
        places = np.atleast_1d(np.asarray(one.thresholds.values, float))
        if not np.isfinite(places).any():
            sizes = [size for curve in curves for size in np.asarray(curve.num_examples)]
            grid = np.geomspace(min(sizes), max(sizes), 100)
            yield Law(grid, one.at(grid), **_predicted(one))
        for level, place in enumerate(places, start=1):
            if np.isfinite(place):  # infinite where no number of examples suffices
                steps.setdefault((level, float(f"{place:.6g}")), []).append(one)
    for (level, place), agreeing in steps.items():
        for turn, one in enumerate(agreeing):
            above, below = (float(one.plateaus.values[at]) for at in (level - 1, level))
            name, look = "" if turn or (level, one.name) in named else f"$P_{{{level}}}$", _predicted(one)
            named |= {(level, same.name) for same in agreeing}
            yield VerticalLine(place, below, above, name=name, turn=(turn, len(agreeing)), **look)
            factor = (prefactors or {}).get(one.name)
            if factor is not None and first[one.name] is one:
                look |= {"label": f"{one.name}, times its fitted prefactor", "dash": "dotted"}
                yield VerticalLine(place * factor, below, above, **look)


def _predicted(one: Predicted) -> dict[str, Any]:
    """The label, colour and dashes of a prediction, and where it is from."""
    stated = one.thresholds
    dashes = {"asymptotic law": "dashed", "exact for this grammar": "dashdot", "reader's measurement": "dotted"}
    hover = {"holds as": stated.regime, "source": stated.source}
    holds = "exact" if stated.regime == "exact for this grammar" else stated.regime
    label = f"predicted, {one.name} ({holds})" if holds else f"predicted, {one.name}"
    return {"label": label, "key": one.name, "dash": dashes.get(stated.regime, "dashed"), "hover": hover}


def crossing_marks(crossings: Iterable[Crossing]) -> Iterable[Mark]:
    """A diamond at each measured threshold, with its interval."""
    label = "measured: half of the step is learned"
    crossings = [one for one in crossings if math.isfinite(one[2].value)]
    for key, height, measured in crossings:
        ends = columns([measured])
        hover = {"threshold": written(measured)}
        x_ends: dict[str, Any] = {"x_low": ends["low"], "x_high": ends["high"], "bound": ends["bound"]}
        yield Points([measured.value], [height], along="x", marker="D", key=key, hover=hover, **x_ends)
    if crossings:
        yield Points((), (), marker="D", label=label, key="plateau")


def fitted_factors(
    crossings: Iterable[Crossing], predictions: Iterable[Predicted], plateaus: Sequence[float]
) -> dict[str, tuple[str, list[float]]]:
    """By learner, the first prediction of its own and how many times it the measured thresholds are."""
    lines, predictions = [(a + b) / 2 for a, b in itertools.pairwise(plateaus)], list(predictions)
    found: dict[str, tuple[str, list[float]]] = {}
    for key, height, measured in crossings:
        own = next((one for one in predictions if palette.same(one.name, key)), None)
        steps = [] if own is None or measured.bounded else np.atleast_1d(np.asarray(own.thresholds.values, float))
        for line, step in zip(lines, steps, strict=False):
            if own is not None and math.isclose(line, height) and 0 < measured.value / step < math.inf:
                found.setdefault(key, (own.name, []))[1].append(measured.value / step)
    return found


def factor_notes(factors: Mapping[str, tuple[str, Sequence[float]]]) -> Iterable[Note]:
    """How far right of its own prediction each learner is: a threshold is where the signal equals the noise, and a
    network needs the signal several times the noise.
    """
    for key, (_, own) in factors.items():
        ends = f" ({min(own):.2g} to {max(own):.2g})" if len(own) > 1 else ""
        yield Note(f"{palette.glyph(key)} {_mean(own):.2g} × predicted{ends}", key)


def _mean(factors: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(factors))))


def _half_way(curves: Mapping[str, Curve], plateaus: Sequence[float]) -> list[Crossing]:
    lines = [(a + b) / 2 for a, b in itertools.pairwise(plateaus)]
    return [(key, float(line), curve.crossing(line)) for key, curve in curves.items() for line in lines]


def _seeds(curve: Curve, lowest: float) -> Seeds:
    return "lines" if np.nanmin(np.asarray(curve.losses)) < lowest else "band"


def _limits(curves: Iterable[Curve], plateaus: Sequence[float], each: bool) -> tuple[float | None, float | None]:
    """Room below the lowest plateau for names, and nothing far above the highest; `each`: seeds are drawn, too."""
    curves = list(curves)
    if len(plateaus) < 2 or not curves:
        return None, None
    losses = np.concatenate([np.ravel(curve.losses) if each else curve.band().mean for curve in curves])
    shown = losses[losses <= 1.5 * max(plateaus)]
    low, high = min((one for one in (*plateaus, *shown) if one > 0), default=0.0), max([max(plateaus), *shown])
    return (float(low / (high / low) ** 0.1), float(high * 1.05)) if low else (None, None)


def _size_limits(marks: Iterable[Mark]) -> tuple[float | None, float | None]:
    """No more than a factor of 2 beyond the sizes and thresholds: intervals of few seeds reach over decades."""
    places, ends = [], []
    for mark in marks:
        if isinstance(mark, Line | Points):
            places += np.ravel(np.asarray(mark.x, float)).tolist()
        elif isinstance(mark, VerticalLine):
            places.append(mark.place)
        if isinstance(mark, Points):
            ends += [*np.ravel(np.asarray(mark.x_low, float)), *np.ravel(np.asarray(mark.x_high, float))]
    places, ends = ([one for one in found if math.isfinite(one) and one > 0] for found in (places, ends))
    if not places or not ends:
        return None, None
    low, high = min(places) / 2, 2 * max(places)
    return low if min(ends) < low else None, high if max(ends) > high else None


def _caption(panel: Panel) -> str:
    parts = ["Test loss against the number of training examples; curves are means over seeds."]
    parts += [f"{mark.label[0].upper()}{mark.label[1:]}." for mark in band_labels(panel.marks)]
    if any(isinstance(mark, Level) for mark in panel.marks):
        parts.append("Horizontal lines are the exact losses of who knows the grammar up to a level.")
    if any(isinstance(mark, Points) for mark in panel.marks):
        parts.append("Diamonds are measured thresholds with 95 % intervals; arrows are open ends.")
    return " ".join(parts)
