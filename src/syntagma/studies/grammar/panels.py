"""The panel of learning curves over plateaus, with measured thresholds and predicted ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from syntagma.plot import Empty, Mark, Panel, curve_panel
from syntagma.plot.learning_curves import Seeds
from syntagma.studies.grammar.curves import GrammarCurve
from syntagma.theory.prediction import Prediction


def level_panel(
    curves: Mapping[str, GrammarCurve],
    levels: int,
    predictions: Iterable[Prediction] = (),
    *,
    title: str = "",
    x: str = "training sentences P",
    y: str = "test loss of the last token (nats)",
    more: Iterable[Mark] = (),
    seeds: Seeds = "auto",
) -> Panel:
    """Learning curves by learner over the mean of their plateaus, with measured thresholds and predicted ones.

    Where learners have different numbers of grammars the plateaus are those of the most.

    Args:
        seeds: as of `plot.curve_panel`.
        more: further marks, drawn on top.
    """
    heights = max((curve.plateaus for curve in curves.values()), key=len).mean(0) if curves else ()
    crossings = [
        (key, float(heights[level - 1] + heights[level]) / 2, curve.threshold(level))
        for key, curve in curves.items()
        for level in range(1, levels + 1)
    ]
    shown = {key: curve.curve for key, curve in curves.items()}
    panel = curve_panel(shown, predictions, tuple(heights), title=title, x=x, y=y, crossings=crossings, seeds=seeds)
    return (
        replace(panel, marks=(*panel.marks, *more)) if curves else Panel(title, marks=(Empty("No run is finished."),))
    )
