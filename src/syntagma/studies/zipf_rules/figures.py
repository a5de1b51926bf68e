"""The figure of the study: the class by each of its learners, and the last token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from syntagma.plot import Axis, Figure, Law, Level, Mark, Note, Panel, palette
from syntagma.plot.intervals import interval_points
from syntagma.plot.learning_curves import band_labels, curve_marks
from syntagma.studies.zipf_rules.measured import Measured


def figures(measured: Measured) -> Iterator[Figure]:
    exponents = (0.0, *measured.settings.exponents)
    keys = {a: f"series {place}" for place, a in enumerate(exponents)}
    names = {a: f"Zipf, a = {a:g}" if a else "equal rules" for a in exponents}
    classes = [_class_panel(measured, name, keys, names) for name in measured.settings.class_learners()]
    panels = (*classes, _token_panel(measured, keys, names))
    caption = (
        "Rules of level 1 with probabilities k^-(1+a), beside equal ones. The class: test error over chance's, mean "
        "over seeds and the band from the smallest to the largest; dashes: the predicted power over the sizes where it "
        "is fitted, drawn a little above, as written over the panel; no error at all is drawn as that of half a "
        "sentence. Right: measured thresholds of the last token by level, with intervals of 95 %; dashes: those of "
        "equal rules times the factor that the exact correlations of the same grammars give. Predicted is the slope of "
        "the dashes beside that of equal rules; prefactors are measurements."
    )
    yield Figure("zipf", _message(measured), panels, caption, columns=min(len(panels), 3))


def _message(measured: Measured) -> str:
    """How the class error of the first learner falls, by Zipf exponent."""
    name = next(iter(measured.settings.class_learners()))
    falls = {a: measured.falls.get((name, a, a)) for a in measured.settings.exponents}
    told = [f"$P^{{-{one.slope.value:.2f}}}$ (a = {a:g})" for a, one in falls.items() if one and one.slope.measured]
    return f"With Zipf rules the class error falls as {', '.join(told)}" if told else "Unequal rules at level 1"


def _class_panel(measured: Measured, name: str, keys: Mapping[float, str], names: Mapping[float, str]) -> Panel:
    marks, notes, no_error = list[Mark](), list[Note](), False
    half = 0.5 / measured.settings.test_examples
    for a in keys:
        if (curve := measured.errors.get((name, a))) is None:
            continue
        marks += curve_marks(keys[a], replace(curve, name=names[a], losses=np.maximum(curve.losses, half)))
        no_error |= bool((curve.losses < half).any())
        fall = measured.falls.get((name, a, a))
        if a and fall is not None and len(fall.sizes) > 1:
            ends, exponent, band = (float(fall.sizes[0]), float(fall.sizes[-1])), -fall.exact, curve.band()
            start = 1.35 * float(band.mean[band.num_examples == ends[0]][0])
            marks.append(Law.power((ends[0], start), exponent, ends, key=keys[a]))
            slope = f"$P^{{-{fall.slope.value:.2f}}}$" if fall.slope.measured else "no slope"
            notes.append(Note(f"{palette.glyph(keys[a])} {slope}, predicted $P^{{{exponent:.2f}}}$", keys[a]))
    marks += [Law((), (), label="predicted", key="plateau"), *band_labels(marks)]
    if no_error:
        few = f"< 1/{measured.settings.test_examples:,}"
        marks.append(Level(half, few, key="plateau", dash="dashed"))
    y = Axis("test error over chance's", "log")
    return Panel(f"the class, {measured.label(name)}", Axis("training examples P", "log"), y, marks, notes)


def _token_panel(measured: Measured, keys: Mapping[float, str], names: Mapping[float, str]) -> Panel:
    marks: list[Mark] = []
    levels = range(1, measured.settings.token_levels + 1)
    reached = {
        a: [(level, one) for level in levels if (one := curve.threshold(level)).measured]
        for a, curve in measured.tokens.items()
    }
    for place, (a, known) in enumerate(reached.items()):
        aside = 0.06 * (place - (len(reached) - 1) / 2)
        marks.append(interval_points([(level + aside, one) for level, one in known], key=keys[a], label=names[a]))
        if a and 0.0 in reached:
            heights = [one.value * measured.over_equal[a][level - 1] for level, one in reached[0.0]]
            marks.append(Law([level for level, _ in reached[0.0]], heights, key=keys[a]))
    y = Axis("examples to half-way between plateaus", "log")
    return Panel("the last token", Axis("level l", ticks=list(levels), limits=(0.7, len(levels) + 0.3)), y, marks)
