"""Tables of the study: what is predicted, the data needed, and what the further experiments measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from syntagma.curves import mean, unmeasured
from syntagma.languages.templates.baselines import chance, without_comparing
from syntagma.studies.abstract_symbols.measured import Measured, difference
from syntagma.studies.abstract_symbols.predictions import (
    activations_rows,
    certificates,
    certificates_rows,
    predicted_curves,
    random_needed,
    rank_rows,
    renamings_rows,
)
from syntagma.studies.abstract_symbols.settings import AbstractSymbols
from syntagma.studies.schemas import LEARNER, SOURCE, Column, Schema, Table, interval_columns, measured_as
from syntagma.studies.study import Facts

_TASK = Column("family", "task", "text")
_NUMBERS = (
    Column("smallest", "s_min of N", "ratio"),
    Column("smallest_low", "from", "ratio"),
    Column("smallest_high", "to", "ratio"),
    Column("strings", "strings", "count"),
)
_CERTIFICATES = Schema(
    "certificates",
    "Certificates: what theory predicts",
    "For each task and learner: whether strings of unseen symbols are to be answered, why, the smallest singular "
    "value of the template matrix N with its 95 percent interval, and the strings it takes to learn the slowest "
    "direction half. A dash: no kernel stands for this learner. Where labels are symbols of the string, networks whose "
    "read-out has weights of its own for each symbol cannot name one never seen: they are not trained and not counted.",
    (
        _TASK,
        LEARNER,
        Column("predicted", "unseen symbols", "text"),
        Column("reason", "because", "text"),
        *_NUMBERS,
        SOURCE,
    ),
)
_ACTIVATIONS = Schema(
    "activations",
    "The same kernel with other activations",
    "K_trans with each phi after the attention: the smallest eigenvalue of N with its 95 percent interval, and the "
    "strings it takes, without ridge, to learn the slowest direction half. Where labels are symbols, whether the "
    "templates can be told apart, which is not all that naming a symbol takes.",
    (_TASK, Column("activation", "phi", "text"), Column("predicted", "predicted", "text"), *_NUMBERS),
)
_RENAMINGS = Schema(
    "renamed",
    "Symbols renamed position by position",
    "How much each learner's kernel changes then: 0 for a perceptron, which cannot tell such strings apart.",
    (_TASK, LEARNER, Column("change", "relative change", "ratio")),
)
_PREDICTED = Schema(
    "predicted",
    "Predicted learning curves of kernel regression",
    "On symbols never seen, from the certificate alone.",
    (
        _TASK,
        LEARNER,
        Column("num_examples", "strings", "count"),
        Column("loss", "squared error", "ratio"),
        Column("accuracy", "accuracy", "ratio"),
    ),
)
_NEEDED = Schema(
    "needed",
    "Data needed",
    "Training strings at which the accuracy on unseen symbols comes half-way to 1 from the best answer that compares "
    "no symbols (a constant, or the symbol of a fixed place), with its interval of 95 %.",
    (
        _TASK,
        LEARNER,
        Column("chance", "chance", "ratio"),
        Column("without", "without comparing", "ratio"),
        Column("half_way", "half-way", "ratio"),
        *measured_as("strings", "count"),
    ),
)
_KERNELS = Schema(
    "kernels",
    "Theory against measurement",
    "Training strings at which three quarters of the squared error on unseen symbols are gone: predicted for kernel "
    "regression by the certificate, and measured, with its interval of 95 %.",
    (_TASK, LEARNER, Column("predicted", "predicted", "count"), *measured_as("measured", "count")),
)
_RANKS = Schema(
    "ranks",
    "Is the template matrix singular?",
    "K_trans expanded in its inverse temperature beta, exactly: whether N is not singular, for all beta > 0 but "
    "isolated ones and any phi with a Hermite coefficient that is not 0; the power of beta with which the smallest "
    "eigenvalue of the covariance after attention falls at small beta; and the template that its direction weighs "
    "most.",
    (
        _TASK,
        Column("templates", "templates", "whole"),
        Column("rank", "N", "text"),
        Column("rate", "smallest eigenvalue", "text"),
        Column("most", "slowest", "text"),
    ),
)
_RANDOM = Schema(
    "random",
    "Random sets of templates",
    "Training strings at which the accuracy on unseen symbols comes half-way from 1/2 to 1, for sets of so many "
    "templates with random labels, geometric mean over sets with its interval of 95 %; and the strings that K_trans "
    "takes to learn its slowest direction half, geometric mean over the same sets.",
    (
        Column("templates", "templates", "whole"),
        LEARNER,
        Column("predicted", "K_trans, slowest", "count"),
        *measured_as("strings", "count"),
    ),
)
_GRID = Schema(
    "grid",
    "Learning rate, depth, heads and width",
    "The plain transformer at every point of the grid, means over seeds: squared error on symbols that training "
    "shows, by which a point may be chosen, and accuracy on symbols never seen.",
    (
        Column("rate", "learning rate", "number"),
        Column("layers", "layers", "whole"),
        Column("heads", "heads", "whole"),
        Column("width", "width", "whole"),
        Column("test_loss", "error, seen", "number"),
        Column("unseen_accuracy", "accuracy, unseen", "ratio"),
        Column("seeds", "seeds", "whole"),
    ),
)
_HEADS = Schema(
    "heads",
    "Heads beside the identity",
    "The cosine of the angle between each head's matrix and the identity, largest in size over layers and heads, "
    "before and after training: means over networks with intervals of 95 %. Independent entries have about 1 / width.",
    (_TASK, LEARNER, Column("map", "matrix", "text"), Column("before", "before", "ratio"), *measured_as("after")),
)
_WORDS = Schema(
    "words",
    "Words by how often they occur",
    "Test loss in nats of the word models without and with a, b by the frequency rank of the word asked for, and the "
    "difference with its interval of 95 % over seeds.",
    (
        Column("band", "rank", "text"),
        Column("tokens", "test tokens", "count"),
        Column("plain", "without a, b", "nats"),
        Column("repaired", "with a, b", "nats"),
        *measured_as("gain", "nats"),
    ),
)


def predictions(settings: AbstractSymbols, facts: Facts) -> Iterator[Table]:
    """The certificate of each task and learner, the curves it predicts, and the invariance of perceptrons."""
    found = certificates(settings, facts)
    yield _CERTIFICATES.table(certificates_rows(settings, found))
    yield _RANKS.table(rank_rows(settings, facts))
    yield _ACTIVATIONS.table(activations_rows(settings, facts))
    rows = []
    for (family, learner), (sizes, losses, accuracies) in predicted_curves(settings, found).items():
        names = {"family": family, "label": settings.learners[learner].label}
        numbers = zip(sizes, losses.tolist(), accuracies.tolist(), strict=True)
        rows += [names | {"num_examples": n, "loss": loss, "accuracy": right} for n, loss, right in numbers]
    yield _PREDICTED.table(rows)
    yield _RENAMINGS.table(renamings_rows(settings))


def tables(measured: Measured) -> Iterator[Table]:
    """What the page shows besides figures."""
    settings = measured.settings
    yield _CERTIFICATES.table(certificates_rows(settings, measured.found))
    yield _RANKS.table(rank_rows(settings, measured.facts))
    yield _ACTIVATIONS.table(activations_rows(settings, measured.facts))
    yield _NEEDED.table(_needed_rows(measured))
    rows = []
    for family, learner in measured.kernels():
        strings, predicted = measured.three_quarters(family, learner)
        known = {"family": family, "learner": learner, "label": settings.learners[learner].label}
        rows.append(
            known | {"predicted": predicted if math.isfinite(predicted) else math.nan, **interval_columns(strings)}
        )
    yield _KERNELS.table(rows)
    if settings.random_sets is not None:
        yield _RANDOM.table(random_rows(measured))
    if settings.grid is not None:
        yield _GRID.table(grid_rows(measured))
    if settings.inside is not None:
        yield _HEADS.table(heads_rows(measured))
    if settings.words is not None:
        yield _WORDS.table(words_rows(measured))


def _needed_rows(measured: Measured) -> Iterator[dict[str, Any]]:
    for row in certificates_rows(measured.settings, measured.found):
        if row["counted"]:
            family, templates = row["family"], measured.settings.families[row["family"]]
            lines = {"chance": chance(templates), "without": without_comparing(templates)}
            known = {name: row[name] for name in ("family", "learner", "label")} | lines
            known["half_way"] = measured.half_way(family)
            yield known | interval_columns(measured.needed(family, row["learner"]))


def random_rows(measured: Measured) -> Iterator[dict[str, Any]]:
    """Data needed of random sets, against their number of templates."""
    chosen = measured.settings.random_sets
    if chosen is None:
        return
    needed = random_needed(measured.settings, measured.facts)
    for count in chosen.counts:
        predicted = float(np.exp(np.mean([np.log(needed[count, draw]) for draw in range(chosen.draws)])))
        for learner in chosen.learners:
            curve = measured.random.get((count, learner))
            strings = unmeasured("not trained yet") if curve is None else curve.crossing(0.25)
            known = {"templates": count, "learner": learner, "label": measured.settings.learners[learner].label}
            yield known | {"predicted": predicted} | interval_columns(strings)


GRID_POINT = ["rate", "layers", "heads", "width"]


def grid_rows(measured: Measured) -> pd.DataFrame:
    """Means over seeds at every point of the grid, those of the smallest error on symbols seen first."""
    table = measured.part("grid")
    if not len(table):
        return pd.DataFrame(columns=[*GRID_POINT, "test_loss", "unseen_accuracy", "seeds"])
    table = table.astype(dict.fromkeys(GRID_POINT[1:], int))
    grouped: Any = table.groupby(GRID_POINT)
    rows = grouped[["test_loss", "unseen_accuracy"]].mean().join(grouped.size().rename("seeds")).reset_index()
    return rows.sort_values("test_loss", ignore_index=True)


def heads_rows(measured: Measured) -> Iterator[dict[str, Any]]:
    """Of each family, learner and map: the cosine largest in size over layers and heads, mean over networks."""
    groups: Any = measured.heads.groupby(["family", "learner", "map"], sort=False) if len(measured.heads) else ()
    for (family, learner, name), own in groups:
        largest = largest_cosines(own)
        known = {"family": family, "learner": learner, "label": own["label"].iloc[0], "map": HEAD_NAMES[str(name)]}
        yield known | {"before": float(largest["before"].mean())} | interval_columns(mean(largest["after"].to_numpy()))


HEAD_NAMES = {"scores": "W_K^T W_Q", "answers": "W_O W_V"}


def largest_cosines(table: Any) -> Any:
    """Of each network the largest size over layers and heads, by seed."""
    return (
        table.assign(before=table["before"].abs(), after=table["after"].abs())
        .groupby("seed")[["before", "after"]]
        .max()
    )


def words_rows(measured: Measured) -> Iterator[dict[str, Any]]:
    """Of each band of frequency: loss without and with identities, and what they gain."""
    for band in measured.words["band"].unique():
        own: Any = measured.words[measured.words["band"] == band]
        means = own.groupby("identity")["loss"].mean()
        plain, repaired = (float(means.get(which, math.nan)) for which in (False, True))
        known = {"band": band, "tokens": float(own["tokens"].mean()), "plain": plain, "repaired": repaired}
        yield known | interval_columns(difference(own, "identity", False, True, "loss"))
