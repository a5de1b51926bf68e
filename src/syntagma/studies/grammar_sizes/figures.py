"""Figures of grammar-sizes: prefactors by language, growth in each size, and all curves on rescaled axes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from syntagma.plot import Axis, Empty, Figure, Law, Mark, Note, Panel, dot_panel, palette, rescaled, rescaled_panel
from syntagma.plot.growth import fitted_line
from syntagma.plot.intervals import interval_points, written
from syntagma.studies.grammar import Grammar
from syntagma.studies.grammar_sizes.measured import Measured
from syntagma.studies.grammar_sizes.settings import PARAMETERS, SYMBOLS, WORDS, GrammarSizes, Parameter, sizes_of
from syntagma.theory import hierarchy as theory

_MARKERS = "os^D"
"""By level."""


def figures(measured: Measured) -> Iterator[Figure]:
    """Prefactors, growth, collapse."""
    yield _collapse(measured)
    yield _growth_figure(measured)
    yield _rescaled(measured)


def _name_of(settings: GrammarSizes, one: Grammar) -> str:
    """How a language differs from the base."""
    return sizes_of(one, settings.base) or "base"


def _collapse(measured: Measured) -> Figure:
    """A dot plot of the prefactors, level by level."""
    settings, panels = measured.settings, []
    labels = {name: settings.label(name) for name in settings.learners}
    for level in range(1, settings.levels + 1):
        known = {name: measured.prefactors(name, level) for name in settings.learners}
        rows = {
            _name_of(settings, one): {name: known[name][one] for name in known if one in known[name]}
            for one in settings.grammars()
        }
        x = "measured / predicted $P_l$"
        panels.append(dot_panel(rows, title=f"level {level}", x=x, reference=None, labels=labels))
    caption = (
        "Measured threshold over where the exact correlations of its grammars stand out of the noise, for each "
        f"language, with its interval of 95 % over seeds. The base has {sizes_of(settings.base)}; each other language "
        "differs from it as its row says. If one prefactor were all that is left out, the points of one learner would "
        "stand above one another. Triangles: only a bound is known."
    )
    return Figure("prefactors", _spread(measured), panels, caption, panel_height=1.0)


def _spread(measured: Measured) -> str:
    """Between which prefactors the languages of the first learner lie, level by level."""
    name, told = next(iter(measured.settings.learners)), list[str]()
    for level in range(1, measured.settings.levels + 1):
        known = [one.value for one in measured.prefactors(name, level).values() if one.measured]
        if len(known) > 1:
            told.append(f"{min(known):.2g} to {max(known):.2g} at level {level}")
    if not told:
        return "One prefactor for all languages? Prefactors by language"
    return f"Measured over exact sizes, {measured.settings.label(name)}: {', '.join(told)}"


def _growth(measured: Measured) -> str:
    """The powers in which the first learner's thresholds grow, of the highest level with the most of them."""
    settings, told = measured.settings, list[str]()
    name = next(iter(settings.learners))
    for level in range(settings.levels, 0, -1):
        powers = {one: measured.growth(name, one, level) for one in settings.learners[name].parameters}
        own = [
            f"${SYMBOLS[one]}^{{{power.value:.1f}}}$"
            for one, (power, number) in powers.items()
            if number > 2 and power.measured
        ]
        if len(own) > len(told):
            told = [f"Thresholds of level {level} ({settings.label(name)}) grow as {', '.join(own)}", *own[1:]]
    return told[0] if told else "How thresholds grow with the sizes of the grammar"


def _growth_figure(measured: Measured) -> Figure:
    """P_l (1 - f) against each size, so that the drawn slope is the printed exponent."""
    settings, panels = measured.settings, []
    for parameter in PARAMETERS:
        if len(settings.values(parameter)) < 2:
            continue
        marks, notes = list[Mark](), list[Note]()
        for name, grower in settings.learners.items():
            for level in range(1, settings.levels + 1) if parameter in grower.parameters else ():
                marks += _growth_marks(measured, name, parameter, level)
                exponent, number = measured.growth(name, parameter, level)
                glyph = palette.glyph(name, _MARKERS[(level - 1) % 4])
                if number > 2:
                    predicted = measured.predicted_growth(name, parameter, level)
                    told = f"{written(exponent, '.1f')}, predicted {predicted:z.1f}"
                    known = [(x, one.value) for x, one in measured.scaled(name, parameter, level) if one.measured]
                    if exponent.measured:
                        x_known, y_known = zip(*known, strict=True)
                        marks.append(fitted_line(x_known, y_known, exponent.value, name))
                    notes.append(Note(f"{glyph} $P_{level}$: exponent {told}", name))
        values = settings.values(parameter)
        x = Axis(WORDS[parameter], "log", ticks=values, limits=(values[0] / 1.15, values[-1] * 1.15))
        y = Axis("examples to half the error, $P_l$, times\u00a01\u00a0−\u00a0f", "log")
        panels.append(Panel(f"in {SYMBOLS[parameter]}", x, y, marks, notes))
    caption = (
        "Measured thresholds times 1 - f against each size of the grammar, the others as in the base, so that the "
        "slope drawn is the exponent printed, learners a little aside of one another; intervals of 95 % over seeds, "
        "triangles where only a bound is known. Full lines: fitted powers; dash-dotted: by the exact correlations of "
        "these grammars. Markers: levels. No exponent is given for fewer than three values."
    )
    panels = panels or [Panel("", marks=(Empty("No size of the grammar is varied."),))]
    return Figure("growth", _growth(measured), panels, caption, columns=2)


def _growth_marks(measured: Measured, name: str, parameter: Parameter, level: int) -> Iterator[Mark]:
    settings, learner = measured.settings, measured.settings.learners[name].learner
    marker, label = _MARKERS[(level - 1) % 4], f"{measured.settings.label(name)}, level {level}"
    names = list(settings.learners)
    aside = 1.015 ** (2 * names.index(name) - len(names) + 1)  # so that no learner hides another
    scaled = [(value * aside, interval) for value, interval in measured.scaled(name, parameter, level)]
    points = interval_points(scaled, marker=marker, key=name, label=label)
    if points.x:
        yield points
    languages = [settings.changed(parameter, value) for value in settings.values(parameter)]
    languages = [one for one in languages if level <= settings.asked(one)]
    heights = [measured.predicted(name, one, level) * (1 - one.sparsity()) for one in languages]
    sharing = theory.law_name(bool(learner.weight_sharing))
    look: dict[str, Any] = {"key": sharing, "label": f"exact, {sharing}", "dash": "dashdot"}
    if all(map(math.isfinite, heights)):
        yield Law([getattr(one, parameter) for one in languages], heights, **look)


def _spread_of_crossings(measured: Measured) -> str:
    """How far the places are apart where the first learner's rescaled curves cross one half."""
    name, told = next(iter(measured.settings.learners)), list[str]()
    for level in range(1, measured.settings.levels + 1):
        known = [one.value for one in measured.prefactors(name, level).values() if one.measured]
        if len(known) > 1:
            told.append(f"{max(known) / min(known):.2g} (level {level})")
    if not told:
        return "All languages on rescaled axes"
    return f"Rescaled by exact sizes, languages still differ by factors of {', '.join(told)}"


def _rescaled(measured: Measured) -> Figure:
    """All curves on rescaled axes, level by level."""
    settings, panels = measured.settings, []
    for level in range(1, settings.levels + 1):
        marks: list[Mark] = []
        for (name, one), curve in measured.curves.items():
            if level > settings.asked(one):
                continue
            band, heights = curve.curve.band(), curve.plateaus.mean(0)
            left = (band.mean - heights[level]) / (heights[level - 1] - heights[level])
            label, predicted = settings.label(name), measured.predicted(name, one, level)
            if not math.isfinite(predicted):
                continue
            line = rescaled(name, band.num_examples, left, predicted, label=label)
            marks.append(replace(line, weight="thin", hover={**dict(line.hover), "language": _name_of(settings, one)}))
        panels.append(rescaled_panel(marks, title=f"level {level}"))
    caption = (
        "The share of the step from L_(l-1) to L_l that is left, against P over the predicted threshold: each line is "
        "one language, the mean over its seeds. In a perfect collapse all lines of a learner cross one half at one "
        "place."
    )
    return Figure("collapse", _spread_of_crossings(measured), panels, caption, share="y")
