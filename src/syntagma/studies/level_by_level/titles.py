"""What each figure says, in a sentence: the title is what came out, or what is shown where nothing came out yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from syntagma.studies import grammar
from syntagma.studies.level_by_level.measured import Measured, where


def curves_title(measured: Measured) -> str:
    """Which network needs the most examples."""
    told = grammar.who_needs_most(measured.curves, measured.settings.depth, _who(measured))
    return told or "Learning curves beside predicted thresholds"


def _who(measured: Measured) -> Callable[[str], str]:
    return lambda name: f"the {measured.label(name)} network"


def invariance_title(measured: Measured) -> str:
    """How far the first network ignores synonyms of each level after the most examples."""
    settings = measured.settings
    name, size = next(iter(settings.learners)), settings.sizes[-1]
    rows = where(measured.inside, learner=name, rules=settings.rules[0], kept="best", num_examples=size)
    told = [f"{where(rows, level=level)['ignored'].mean():.2f} (level {level})" for level in sorted(set(rows["level"]))]
    if not told:
        return "Which synonyms the last layer ignores"
    return f"After {size:,} examples the {measured.label(name)} network ignores synonyms by {', '.join(told)}"


def observers_title(measured: Measured) -> str:
    """From which level to which the nearest observer rises with P, by network."""
    told = []
    for name in measured.settings.learners:
        rows: Any = where(measured.observers, learner=name, rules=measured.settings.rules[0], kept="best")
        if len(rows):
            distance = rows.groupby(["num_examples", "level"])["nats"].mean().unstack()
            nearest = distance.idxmin(axis=1).astype(int).tolist()
            told.append(f"{nearest[0]} to {nearest[-1]} ({measured.label(name)})")
    return f"With P the nearest observer rises from level {', '.join(told)}" if told else "Whom networks predict like"


def classes_title(measured: Measured) -> str:
    """Between which factors the measured P* are of the predicted ones."""
    over = [measured.class_threshold(*place).scaled(1 / measured.predicted_class(*place)) for place in measured.classes]
    known = sorted(one.value for one in over if one.measured)
    if not known:
        return "Learning the class at the root"
    return f"Classes take {known[0]:.2g} to {known[-1]:.2g} times the examples at which their signal shows"


def correlations_title(measured: Measured) -> str:
    """From how many sentences on correlations of the highest level show, by kind, at the largest m."""
    settings = measured.settings
    rows = where(measured.correlations, rules=settings.rules[-1], level=settings.depth)
    needed = {kind: float(np.exp(np.log(own["examples_needed"]).mean())) for kind, own in rows.groupby("kind")}
    told = [f"{kind}s in {number:,.0f}" for kind, number in sorted(needed.items(), key=lambda item: -item[1])]
    at = f"At m = {settings.rules[-1]}, level {settings.depth}"
    return f"{at}, correlations show with {', '.join(told)} sentences"
