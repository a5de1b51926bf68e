"""Figures of the study: both statistics beside the losses, and the collapse of the losses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from syntagma.curves import Interval, format_interval
from syntagma.plot import Axis, Band, Empty, Figure, Law, Level, Line, Mark, Panel, Points, VerticalLine
from syntagma.plot.learning_curves import band_labels, curve_marks
from syntagma.statistics.blocks import student_reach
from syntagma.statistics.entropy_decay import EntropyDecay
from syntagma.studies.corpus_forecast.facts import Statistics, counted_lags
from syntagma.studies.corpus_forecast.forecast import Forecast
from syntagma.studies.corpus_forecast.measured import Measured, collapsed
from syntagma.studies.corpus_forecast.tables import NETWORK, NGRAMS

_CONTEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 511)
"""Tokens of context whose losses are drawn."""
_COUNTS = "counter"


def figures(measured: Measured) -> Iterator[Figure]:
    """The statistics beside the measured losses, and the collapse."""
    yield Figure(
        "forecast",
        _message(measured),
        (
            decay_panel(measured.text, measured.forecast),
            entropy_panel(
                measured.text, measured.entropy, measured.forecast, measured.networks, measured.settings.learner.kind
            ),
            _context_panel(measured),
            _scaling_panel(measured),
        ),
        "Top left: strength of the correlation of tokens t apart, with intervals of 95 % over blocks of text; full "
        "points count for the forecast. Lines are power laws over the pieces that the resolved distances are cut "
        "into, dotted where rejected. Top right: upper bounds of the entropy of a token given n before it; at each n "
        "the lower one counts. Levels are the lowest and the highest limit H_inf that the entropies allow. Bottom "
        "left: test loss with n tokens of context against the amount of training text. Bottom right: loss of the "
        "longer half of the contexts above the limit; dashes have the forecast slope gamma / (2 beta), dots the ends "
        "of its interval. Bands: the smallest to the largest seed.",
        columns=2,
        panel_width=2.6,
    )
    yield Figure(
        "collapse",
        "Losses at every length of context, before and after rescaling",
        _collapse_panels(measured),
        "Losses with n tokens of context above the limit of the entropy, means over seeds, as measured (left) and on "
        "the axes on which theory has one curve (right). Colours: n, from light to dark.",
        columns=2,
        panel_width=2.6,
    )


def _message(measured: Measured) -> str:
    """The measured exponent of the loss beside that of both statistics."""
    known, forecast = measured.alpha, measured.forecast.alpha
    if not known.measured or not forecast.measured:
        return "Two statistics of a text, and how its loss falls"
    return f"The loss falls as $P^{{-{known.value:.2f}}}$; both statistics forecast $P^{{-{forecast.value:.2f}}}$"


def decay_panel(text: Statistics, forecast: Forecast) -> Panel:
    """Correlations by distance, and the power laws that they follow."""
    strengths, counted = text.strengths, counted_lags(text)
    low, high = strengths.intervals()
    least = max(0.01 * float(text.floor.mean()), 1e-12)  # what is 0 but for rounding must not stretch the axis
    above = strengths.values > least
    marks: list[Mark] = [
        Level(float(text.floor.mean()), "floor", label="sampling floor (shuffled text)", key="plateau")
    ]
    for chosen, filled, label in ((~counted, False, "not counted for beta"), (counted, True, "counts for beta")):
        which = chosen & above
        if which.any():
            x, y = strengths.lags[which], strengths.values[which]
            marks.append(Points(x, y, low[which], high[which], filled=filled, key=_COUNTS, marker="o", label=label))
    if not above.all():
        x, y = strengths.lags[~above], np.maximum(high[~above], least)
        marks.append(Points(x, y, bound="at most", key=_COUNTS, filled=False))
    for law in text.decay.pieces:
        ends = (float(law.first), float(law.last))
        start = law.first, math.exp(law.log_amplitude - law.exponent * math.log(law.first))
        name, dash = f"$t^{{{-law.exponent:.2f}}}$", "dotted" if law.rejected else "dashed"
        label = "power law of a piece" + (", rejected" if law.rejected else "")
        marks.append(Law.power(start, -law.exponent, ends, name=name, dash=dash, label=label))
    marks += [VerticalLine(place, dash="dotted", key="plateau") for place in text.decay.breaks]
    title = f"correlations: {_number('β', forecast.beta)}"
    return Panel(title, Axis("distance t (tokens)", "log"), Axis("top singular value of $C_t$", "log"), marks)


def entropy_panel(
    text: Statistics,
    entropy: EntropyDecay,
    forecast: Forecast,
    networks: Float[np.ndarray, "seeds T"] | None = None,
    key: str = "",
) -> Panel:
    """What is known of the entropy from above: by counts, and where there are any by networks, drawn as `key` is."""
    counts = text.counts
    n, shown = counts.contexts[1:], slice(1, None)
    reach = student_reach(len(counts.by_block) - 1) * counts.errors
    marks: list[Mark] = [
        Band(n, (counts.values - reach)[shown], (counts.values + reach)[shown], key=_COUNTS),
        Line(n, counts.values[shown], marker="o", label=NGRAMS, key=_COUNTS),
    ]
    if networks is not None:
        losses = networks[:, 1:]
        x = np.arange(1, losses.shape[1] + 1)
        marks.append(Band(x, losses.min(axis=0), losses.max(axis=0), key=key))
        marks.append(Line(x, losses.mean(axis=0), marker="s", label=NETWORK, key=key))
    if math.isfinite(entropy.gamma):
        fine = np.geomspace(entropy.first, entropy.last, 40)
        y = entropy.limit + entropy.amplitude * fine**-entropy.gamma
        marks.append(Law(fine, y, label="fitted power with a limit"))
        for height, name in ((entropy.limit_low, "lowest"), (entropy.limit_high, "highest")):
            label = "lowest and highest $H_\\infty$ allowed"
            marks.append(Level(height, name, dash="dashed", key="plateau", label=label))
    title = f"entropy: {_number('γ', forecast.gamma)}"
    return Panel(title, Axis("context n (tokens)", "log"), Axis("loss, at least $H_n$ (nats)"), marks)


def _context_panel(measured: Measured) -> Panel:
    marks: list[Mark] = []
    for n, key in _graded(measured):
        curve = measured.by_context[n]
        marks += [_unlabelled(mark, f"n = {n}") for mark in curve_marks(key, curve)]
    marks += band_labels(marks)
    x, y = Axis("training text P (tokens)", "log"), Axis("test loss $L_n(P)$ (nats)")
    return Panel("loss by tokens of context", x, y, marks)


def _unlabelled(mark: Mark, name: str) -> Mark:
    """A curve with its name at its end in place of the legend."""
    return replace(mark, label="", name=name) if isinstance(mark, Line) else replace(mark, label="")


def _graded(measured: Measured) -> list[tuple[int, str]]:
    """The lengths of context that are drawn, and their keys, from light to dark with the logarithm."""
    most = max(measured.by_context)
    return [(n, f"grade {math.log(n + 1) / math.log(most + 1):.3f}") for n in (0, *_CONTEXTS) if n <= most]


def _scaling_panel(measured: Measured) -> Panel:
    forecast = measured.forecast
    title = f"measured {_number('α', measured.alpha)}, forecast {_number('γ/2β', forecast.alpha)}"
    x, y = Axis("training text P (tokens)", "log"), Axis("$L(P) - H_\\infty$ (nats), longer contexts", "log")
    if math.isnan(forecast.limit.value):
        return Panel(title, x, y, (Empty("The limit of the entropy is not known."),))
    curve = measured.scaling.above(forecast.limit.value)
    band = curve.band()
    if (band.low <= 0).any():
        return Panel(title, x, y, (Empty("A loss is at the limit of the entropy or below."),))
    marks: list[Mark] = list(curve_marks(measured.settings.learner.kind, replace(curve, name="measured")))
    if math.isfinite(forecast.alpha.value):
        middle = float(np.exp(np.log(band.num_examples).mean())), float(np.exp(np.log(band.mean).mean()))
        ends = float(band.num_examples[0]), float(band.num_examples[-1])
        lines = [("dashed", "forecast slope", forecast.alpha.value)]
        lines += [("dotted", "ends of its interval", end) for end in (forecast.alpha.low, forecast.alpha.high)]
        for dash, label, exponent in lines:
            if math.isfinite(exponent):
                marks.append(Law.power(middle, -exponent, ends, dash=dash, label=label))
    return Panel(title, x, y, [*marks, *band_labels(marks)])


def _collapse_panels(measured: Measured) -> tuple[Panel, Panel]:
    table = collapsed(measured)
    panels = []
    axes = (
        ("as measured", "training text P (tokens)", "$L_n(P) - H_\\infty$ (nats)"),
        ("rescaled by both exponents", "$P / n^{2\\beta}$", "$(L_n(P) - H_\\infty) \\, n^{\\gamma}$"),
    )
    columns_of_both = ("num_tokens", "excess"), ("scaled_tokens", "scaled_loss")
    for (title, x, y), columns in zip(axes, columns_of_both, strict=True):
        marks: list[Mark] = []
        for n, key in _graded(measured):
            rows = table[table["context"] == n] if len(table) else table
            heights = np.array([rows[name] for name in ("excess", *columns)], float) if len(rows) else np.zeros(1)
            if np.isfinite(heights).all() and (heights > 0).all():
                marks.append(Line(rows[columns[0]], rows[columns[1]], label=f"n = {n}", key=key))
        if not marks:
            marks.append(Empty("beta, gamma or the limit of the entropy is not known."))
        panels.append(Panel(title, Axis(x, "log"), Axis(y, "log"), marks))
    return panels[0], panels[1]


def _number(symbol: str, interval: Interval) -> str:
    return f"{symbol} not known" if math.isnan(interval.value) else f"{symbol} = {format_interval(interval, '.2f')}"
