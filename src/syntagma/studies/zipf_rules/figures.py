"""The figure of the study: the class by each of its learners, and the last token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from syntagma.plot import Axis, Figure, Law, Mark, Panel
from syntagma.plot.intervals import interval_points
from syntagma.plot.learning_curves import curve_marks
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
        "is fitted, drawn a little above. Right: measured thresholds of the last token by level, "
        "with intervals of 95 %; dashes: those of equal rules times the factor that the exact correlations of the "
        "same grammars give. Predicted is the slope of the dashes beside that of equal rules; prefactors are "
        "measurements."
    )
    yield Figure("zipf", "Unequal rules at level 1", panels, caption, columns=len(panels))


def _class_panel(measured: Measured, name: str, keys: Mapping[float, str], names: Mapping[float, str]) -> Panel:
    marks: list[Mark] = []
    for a in keys:
        if (curve := measured.errors.get((name, a))) is None:
            continue
        marks += curve_marks(keys[a], replace(curve, name=names[a]))
        fall = measured.falls.get((name, a, a))
        if a and fall is not None and len(fall.sizes) > 1:
            ends, exponent, band = (float(fall.sizes[0]), float(fall.sizes[-1])), -fall.exact, curve.band()
            start = 1.35 * float(band.mean[band.num_examples == ends[0]][0])
            look = {"name": f"$P^{{{exponent:.2f}}}$", "key": keys[a], "label": "predicted"}
            marks.append(Law.power((ends[0], start), exponent, ends, **look))
    y = Axis("test error over chance's", "log")
    return Panel(f"the class, {measured.label(name)}", Axis("training examples P", "log"), y, marks)


def _token_panel(measured: Measured, keys: Mapping[float, str], names: Mapping[float, str]) -> Panel:
    marks: list[Mark] = []
    levels = range(1, measured.settings.token_levels + 1)
    reached = {
        a: [(level, one) for level in levels if (one := curve.threshold(level)).measured]
        for a, curve in measured.tokens.items()
    }
    for place, (a, known) in enumerate(reached.items()):
        aside = 0.03 * (place - (len(reached) - 1) / 2)
        marks.append(interval_points([(level + aside, one) for level, one in known], key=keys[a], label=names[a]))
        if a and 0.0 in reached:
            heights = [one.value * measured.over_equal[a][level - 1] for level, one in reached[0.0]]
            marks.append(Law([level for level, _ in reached[0.0]], heights, key=keys[a], label="predicted"))
    y = Axis("examples to half-way between plateaus", "log")
    return Panel("the last token", Axis("level l", ticks=list(levels), limits=(0.7, len(levels) + 0.3)), y, marks)
