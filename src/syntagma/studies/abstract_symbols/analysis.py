"""From stored runs to curves on symbols never seen, data needed, and verdicts: what the report shows.

An accuracy is the mean over seeds; its interval is Student's at 95 percent. The data a learner needs is the number of
training strings at which the mean accuracy on symbols never seen crosses half-way between chance and 1, with a
bootstrap interval over seeds (`curves.threshold`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from syntagma.curves import Interval, LearningCurve, mean_over_seeds, ratio, threshold
from syntagma.errors import InputError
from syntagma.languages.templates import Templates
from syntagma.learners import KernelRegression
from syntagma.studies.abstract_symbols.predictions import (
    activations_table,
    certificates,
    certificates_table,
    predicted_table,
    ridge_of,
)
from syntagma.studies.abstract_symbols.settings import NAME, PLAIN, REPAIRED, AbstractSymbols
from syntagma.studies.abstract_symbols.verdicts import verdicts
from syntagma.studies.grid import table_of
from syntagma.studies.stored import Facts, last_command
from syntagma.studies.study import Analysis
from syntagma.theory.templates import Certificate

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

LOSS_LEFT = 0.25
"""Share of the labels' mean square that is left where a direction is half learned: (1 - 1/2)^2."""


def analyse(title: str, store: Store) -> Analysis:
    """Everything the report shows, for the settings of the last command given for this study.

    Raises:
        InputError: the store holds no command or no finished run of this study.
    """
    settings, provenance = last_command(store, NAME, AbstractSymbols)
    runs = table_of(settings.cells(), store.runs())
    if not len(_part(runs, "strings")):
        raise InputError(
            "no run of the template tasks is finished yet: give the command again, it goes on where it stopped."
        )
    settle = Facts(store, NAME).settle if not store.read_only else _kept(store)
    found = certificates(settings, settle)
    tables = {
        "runs": runs,
        "families": _families_table(settings),
        "certificates": certificates_table(settings, found),
        "activations": activations_table(settings, settle),
        "predicted": predicted_table(settings, found),
        "curves": _summary(runs, "strings", ["family", "learner", "label", "num_examples"]),
        "substitutions": _summary(runs, "substitutions", ["family", "learner", "label", "substitutions"]),
        "copying": _summary(runs, "copying", ["identity", "width"]),
        "text": _text_table(runs),
    }
    tables["needed"], tables["saved"] = _needed_tables(settings, runs)
    tables["kernels"] = _kernels_table(settings, runs, found)
    return Analysis(NAME, title, tables, verdicts(settings, tables), provenance)


def chance(templates: Templates) -> float:
    """Accuracy on symbols never seen of the best answer that does not depend on the string."""
    if not templates.symbolic:
        signs = np.sign(templates.labels)
        return float(max(templates.weights[signs == sign].sum() for sign in np.unique(signs)))
    kept = templates.labels < templates.num_regular
    shares = [templates.weights[templates.labels == label].sum() for label in np.unique(templates.labels[kept])]
    return float(max([*shares, templates.weights[~kept].sum() / templates.test_symbols]))


def _kept(store: Store) -> Any:
    """Facts of a store that cannot be written: what it lacks is computed."""
    facts = Facts(store, NAME)
    return lambda key, compute: facts.get(key) or compute()


def _families_table(settings: AbstractSymbols) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "family": name,
            "templates": ", ".join(templates.templates),
            "number": len(templates.templates),
            "symbolic": templates.symbolic,
            "chance": chance(templates),
            "mean_square": math.nan if templates.symbolic else float(templates.weights @ templates.labels**2),
        }
        for name, templates in settings.families.items()
    )


def _part(runs: pd.DataFrame, part: str) -> Any:
    return runs[runs["part"] == part]


def _summary(runs: pd.DataFrame, part: str, by: list[str]) -> pd.DataFrame:
    """Mean over seeds of accuracy and loss on symbols never seen, smallest and largest, and accuracy on seen ones."""
    columns = [
        *by,
        "accuracy",
        "low",
        "high",
        "error_low",
        "error_high",
        "loss",
        "loss_low",
        "loss_high",
        "seen",
        "seeds",
    ]
    rows = []
    mine = _part(runs, part)
    if len(mine):
        for names, group in mine.groupby(by, sort=False):
            accuracy, loss = group["unseen_accuracy"].to_numpy(float), group["unseen_loss"].to_numpy(float)
            interval = mean_over_seeds(accuracy)
            measured = (accuracy.mean(), accuracy.min(), accuracy.max(), interval.low, interval.high)
            measured += (loss.mean(), loss.min(), loss.max(), group["test_accuracy"].mean(), len(group))
            rows.append((*names, *measured))
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(by[-1], kind="stable", ignore_index=True) if part != "strings" else table


def _text_table(runs: pd.DataFrame) -> pd.DataFrame:
    mine = _part(runs, "text")
    columns = ["identity", "seed", "loss_nats", "perplexity", "flops", "seconds"]
    rows = [
        (
            bool(row["identity"]),
            int(row["seed"]),
            row["test_loss"],
            math.exp(row["test_loss"]),
            row["flops"],
            row["seconds"],
        )
        for _, row in mine.iterrows()
    ]
    return pd.DataFrame(rows, columns=columns)


def _curve(settings: AbstractSymbols, runs: pd.DataFrame, family: str, learner: str, metric: str) -> pd.DataFrame:
    """`[seeds, P]` of one metric."""
    mine: Any = _part(runs, "strings")
    mine = mine[(mine["family"] == family) & (mine["learner"] == learner)]
    return mine.pivot(index="seed", columns="num_examples", values=metric).reindex(range(settings.seeds))


def _half_way(settings: AbstractSymbols, runs: pd.DataFrame, family: str, learner: str) -> Interval:
    """Training strings at which accuracy on symbols never seen is half-way between chance and 1."""
    table = _curve(settings, runs, family, learner, "unseen_accuracy")
    if not len(table.columns):
        return Interval(math.nan, math.nan, math.nan, "not measured")
    wrong = 1 - chance(settings.families[family])
    plateaus = np.tile([wrong, 0.0], (settings.seeds, 1))
    return threshold(LearningCurve(np.asarray(table.columns, float), 1 - table.to_numpy(float), plateaus), 1)


def _needed_tables(settings: AbstractSymbols, runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Data that each learner needs, and how many times more the transformer needs without identities than with them."""
    needed, saved = [], []
    for family in settings.families:
        found = {learner: _half_way(settings, runs, family, learner) for learner in settings.known(family)}
        for learner, at in found.items():
            named = {"family": family, "learner": learner, "label": settings.learners[learner].label}
            needed.append({**named, **_bounded(at)})
        if PLAIN in found and REPAIRED in found:
            saved.append({"family": family, **_bounded(ratio(found[PLAIN], found[REPAIRED]))})
    columns = ["value", "low", "high", "note"]
    return pd.DataFrame(needed), pd.DataFrame(saved, columns=["family", *columns])


def _bounded(found: Interval) -> dict[str, Any]:
    return {"value": found.value, "low": found.low, "high": found.high, "note": found.reason}


def _kernels_table(
    settings: AbstractSymbols, runs: pd.DataFrame, found: Mapping[tuple[str, str], Certificate]
) -> pd.DataFrame:
    """Strings at which three quarters of the squared error are gone: predicted for kernels, measured for all.

    Exactly where half of the label is learned, if it lies in one direction, as `Certificate.strings_needed` says of the
    direction that takes longest. The predicted curve is read at the sizes measured, in the same way.
    """
    rows = []
    for family, templates in settings.families.items():
        for learner in () if templates.symbolic else settings.known(family):
            table = _curve(settings, runs, family, learner, "unseen_loss")
            if not len(table.columns):
                continue
            sizes = np.asarray(table.columns, float)
            start = 2 * LOSS_LEFT * float(templates.weights @ templates.labels**2)
            measured = _loses_half(sizes, table.to_numpy(float), start)
            predicted = math.nan
            if isinstance(settings.learners[learner].learner, KernelRegression):
                ridge = ridge_of(settings.learners[learner].learner)
                losses, _ = found[family, learner].predicted(sizes.astype(int).tolist(), ridge)
                predicted = _loses_half(sizes, losses[None], start).value
            named = {"family": family, "learner": learner, "label": settings.learners[learner].label}
            rows.append({**named, "predicted": predicted, **_bounded(measured)})
    return pd.DataFrame(rows, columns=["family", "learner", "label", "predicted", "value", "low", "high", "note"])


def _loses_half(sizes: np.ndarray, losses: np.ndarray, start: float) -> Interval:
    """Where a curve of `[seeds, P]` losses crosses half of `start`."""
    return threshold(LearningCurve(sizes, losses, np.tile([start, 0.0], (len(losses), 1))), 1)
