"""Figures of the grid: learning curves, growth with m, measured against predicted."""

from __future__ import annotations

import math
from collections.abc import Iterator

from syntagma.curves import unmeasured
from syntagma.plot import Axis, Figure, Law, Mark, Panel, Points, growth_panel, learning_curves
from syntagma.plot import growth as growth_figure
from syntagma.studies import grammar
from syntagma.studies.rules_grid.measured import Measured
from syntagma.studies.rules_grid.settings import RulesGrid
from syntagma.theory import hierarchy as theory


def figures(measured: Measured) -> Iterator[Figure]:
    settings, panels, bands = measured.settings, list[Panel](), False
    for m in settings.rules:
        curves = {name: measured.curves[name, m] for name in settings.learners if (name, m) in measured.curves}
        if curves:
            heights = grammar.plateaus_of(measured.facts, settings.languages(m)).mean(0)
            exactly = grammar.exact_predictions(measured.facts, settings.languages(m), settings.levels, heights)
            many = "none" if len(curves) > _BANDS else "auto"
            bands |= many == "auto"
            panels.append(
                grammar.level_panel(curves, settings.levels, exactly, title=f"m = {m} rules per symbol", seeds=many)
            )
    networks = {key: curve for key, curve in measured.curves.items() if key[0] in settings.networks()}
    message = grammar.who_needs_most(networks, settings.levels, measured.who)
    title = message or "Learning curves beside predicted thresholds"
    yield learning_curves(panels, title=title, caption=_curves_caption(settings, bands))
    yield _growth_figure(measured)
    yield _against_law(measured)


_BANDS = 3
"""With more curves than these in a panel, bands of seeds would hide them."""


_CURVES_CAPTION = (
    "Test loss of the last token against the number of training examples P. Horizontal lines: the exact losses L_l of "
    "someone who knows the grammar and uses the s^l - 1 tokens before the last, averaged over the grammars drawn; "
    "the lowest is the oracle. Dash-dotted: where signal = sampling noise puts the threshold P_l, by the exact "
    "correlations of these grammars, which claims are tested against; dotted: the same times the one factor that fits "
    "the learner it was derived for. Curves are means over seeds, each with a grammar of its own; "
    "diamonds: where the seeds come half-way between two plateaus, with the interval of 95 %. Written above the "
    "panels: how many times the predicted thresholds of a learner its measured ones are."
)
_BANDS_CAPTION = "Bands or thin lines: the seeds."
_READERS_CAPTION = {
    "counter": "The counter keeps a table of contexts and has no weights.",
    "clusterer": "The clusterer finds synonyms level by level, without weights.",
}


def _curves_caption(settings: RulesGrid, bands: bool) -> str:
    """What the lines, marks and notes of the learning curves are, with those who read and have no weights."""
    kinds = dict.fromkeys(settings.learners[name].learner.kind for name in settings.readers())
    readers = [_READERS_CAPTION[kind] for kind in kinds if kind in _READERS_CAPTION]
    return " ".join(
        [_CURVES_CAPTION, *([_BANDS_CAPTION] if bands else []), *readers, "Losses far above L_0 are left out."]
    )


def _growth_figure(measured: Measured) -> Figure:
    settings, panels = measured.settings, []
    rest = [1 - theory.sparsity(settings.vocab, m, settings.branching) for m in settings.rules]
    shared = {name: grammar.law_sharing(entrant.learner) for name, entrant in settings.learners.items()}
    for level in range(1, settings.levels + 1):
        thresholds = {
            name: [measured.thresholds.get((name, m, level), unmeasured("not run")) for m in settings.rules]
            for name in settings.learners
        }
        laws = {
            theory.law_name(law): [
                float(theory.thresholds(settings.vocab, m, settings.branching, level, law)[-1]) for m in settings.rules
            ]
            for law in (True, False)
        }
        panels.append(
            growth_panel(
                settings.rules,
                thresholds,
                factor=rest,
                laws=laws,
                exponents={name: measured.growth(name, level) for name in settings.learners},
                law_exponents={
                    name: theory.threshold_exponent(level, law) for name, law in shared.items() if law is not None
                },
                labels={name: measured.label(name) for name in settings.learners},
                title=f"level {level}",
            )
        )
    caption = (
        "Measured thresholds times 1 - f against the number of rules m, level by level, so that the slope drawn is the "
        "exponent printed; intervals of 95 % over seeds, triangles where only a bound is known. Dashed: the asymptotic "
        "laws. A law says how a threshold grows, not its prefactor, so compare slopes."
    )
    known = [name for name in settings.networks() if _reached(measured, name, settings.levels)]
    said = [f"$m^{{{measured.growth(name, settings.levels).value:.1f}}}$ ({measured.label(name)})" for name in known]
    title = f"Thresholds of level {settings.levels} grow as {', '.join(said)}"
    if len(settings.rules) < 3:
        title = f"Thresholds at m = {' and '.join(map(str, settings.rules))}; an exponent needs three values of m"
    elif not said:
        title = "How thresholds grow with the number of rules"
    return growth_figure(panels, name="thresholds", title=title, caption=caption)


def _reached(measured: Measured, name: str, level: int) -> bool:
    """Whether the learner's threshold of that level is known, and not only bounded, at every m."""
    found = [measured.thresholds.get((name, m, level)) for m in measured.settings.rules]
    return all(one is not None and one.measured for one in found)


def _against_law(measured: Measured) -> Figure:
    """Every threshold that has both a measurement and a law of its learner's own."""
    settings, marks, sizes = measured.settings, list[Mark](), [1.0]
    for name in settings.learners:
        known = {key: one for key, one in measured.thresholds.items() if key[0] == name and one.measured}
        known = {key: one for key, one in known.items() if not math.isnan(measured.exact(key[1], name, key[2]))}
        predicted = [measured.exact(m, name, level) for _, m, level in known]
        values = list(known.values())
        marks.append(
            Points(
                predicted,
                [one.value for one in values],
                [one.low for one in values],
                [one.high for one in values],
                key=name,
                label=measured.label(name),
                hover={"threshold": [f"m = {m}, level {level}" for _, m, level in known]},
            )
        )
        sizes = predicted if sizes == [1.0] and predicted else [*sizes, *predicted]
    ends = (min(sizes), max(sizes))
    marks.insert(0, Law(ends, ends, label="measured = predicted"))
    axes = Axis("predicted, exact for these grammars", "log"), Axis("examples to half-way between plateaus", "log")
    caption = (
        "Every threshold that has both a measurement and a prediction of that learner's own, by the exact "
        "correlations of its grammars; the counter's by the blocks of tokens it must have seen. On the line the two "
        "are equal; parallel to it, they are proportional."
    )
    own = [mark for mark in marks if isinstance(mark, Points) and mark.key in settings.networks()]
    factors = sorted(y / x for mark in own for x, y in zip(mark.x, mark.y, strict=True))
    title = "Measured against predicted thresholds"
    if factors:
        title = f"Networks need {factors[0]:.2g} to {factors[-1]:.2g} times the examples at which the signal shows"
    return Figure("measured-against-predicted", title, (Panel("", *axes, marks),), caption)
