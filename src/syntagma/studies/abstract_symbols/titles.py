"""What each figure says, in a sentence: the title is what came out, or what is shown where nothing came out yet."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from syntagma.learners import KernelRegression
from syntagma.studies.abstract_symbols.contenders import PLAIN
from syntagma.studies.abstract_symbols.measured import Measured, difference


def accuracies_title(measured: Measured) -> str:
    """Each network's accuracy after the most strings, the mean over the tasks that all can answer."""
    settings = measured.settings
    networks = {name: one.label for name, one in settings.learners.items() if "kernel" not in name}
    shared = [family for family in settings.families if set(networks) <= set(settings.known(family))]
    ends = {
        label: [1 - float(measured.wrong[f, name].band().mean[-1]) for f in shared if (f, name) in measured.wrong]
        for name, label in networks.items()
    }
    said = [f"{label} {np.mean(values):.2f}" for label, values in ends.items() if values]
    return f"Right answers on symbols never seen: {', '.join(said)}" if said else "Who reasons with symbols never seen?"


def losses_title(measured: Measured) -> str:
    """How many times the predicted strings kernel regression needs."""
    over = []
    for family, learner in measured.kernels():
        if isinstance(measured.settings.learners[learner].learner, KernelRegression):
            needed, predicted = measured.three_quarters(family, learner)
            if needed.measured and 0 < predicted < math.inf:
                over.append(needed.value / predicted)
    if not over:
        return "Theory of kernels beside networks"
    ends = " to ".join(dict.fromkeys(f"{end:.2g}" for end in (min(over), max(over))))
    return f"Kernel regression needs {ends} times the strings that its certificate predicts"


def saved_title(measured: Measured) -> str:
    """Between which factors of the data the two numbers save."""
    values = sorted(one.value for one in map(measured.saved, measured.settings.families) if one.measured)
    ends = " to ".join(dict.fromkeys(f"{value:.2g}" for value in values[:1] + values[-1:]))
    return f"Two numbers a head save a factor of {ends} of the data" if values else "Data saved by two numbers a head"


def substitutions_title(measured: Measured) -> str:
    """What few and many distinct substitutions give the first learner."""
    table: Any = measured.part("substitutions")
    if not len(table):
        return "What diversity of training strings is worth"
    learner = table["learner"].iloc[0]
    means = table[table["learner"] == learner].groupby("substitutions")["unseen_accuracy"].mean()
    few, many = means.index[0], means.index[-1]
    told = f"{means[few]:.2f} with {few:,.0f} substitutions of each template, {means[many]:.2f} with {many:,.0f}"
    return f"The {measured.settings.learners[learner].label} answers {told}"


def copying_title(measured: Measured) -> str:
    """What the widest embedding copies, without and with b, beside the best width."""
    table: Any = measured.part("copying")
    told = []
    for identity, name in ((False, "without b"), (True, "with b")):
        rows = table[table["identity"] == identity] if len(table) else table
        if len(rows):
            means = rows.groupby("width")["unseen_accuracy"].mean()
            ends = f"{means.max():.2f} at width {means.idxmax():.0f}, {means.iloc[-1]:.2f} at {means.index[-1]:.0f}"
            told.append(f"{ends} {name}")
    return f"Right copies at best and at the largest width: {'; '.join(told)}" if told else "Copying against width"


def text_title(measured: Measured) -> str:
    """By how much a, b change the loss on each text."""
    told = []
    for part, unit in (("text", "a character"), ("words", "a word")):
        changed = difference(measured.part(part), "identity", True, False, "test_loss")
        if changed.measured:
            told.append(f"{changed} nats {unit}")
    return f"At equal compute a, b change the loss by {', '.join(told)}" if told else "A text at equal compute"


def trainings_title(measured: Measured) -> str:
    """Accuracies of each training after the most strings, the mean over its tasks."""
    chosen = measured.settings.ablations
    assert chosen is not None
    names = {PLAIN: measured.settings.plain().label, **{name: one.label for name, one in chosen.learners.items()}}
    ends = {
        label: [1 - float(curve.band().mean[-1]) for f in chosen.families if (curve := measured.wrong.get((f, name)))]
        for name, label in names.items()
    }
    said = [f"{label} {np.mean(values):.2f}" for label, values in ends.items() if values]
    return f"Right answers by training: {', '.join(said)}" if said else "The same network trained otherwise"


def heads_title(measured: Measured) -> str:
    """How near to the identity the nearest heads come."""
    cosines = [head for shown in measured.shown.values() for head in shown.values()]
    if not cosines:
        return "Heads before and after training"
    before, after = (max(head[when] for head in cosines) for when in ("before", "after"))
    return f"The cosine of a head's map and the identity comes to {after:.2f} at most, before training {before:.2f}"
