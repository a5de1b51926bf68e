"""Tables of grammar-sizes: predictions, thresholds, exponents, prefactors, and what was chosen on validation."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

from syntagma.studies import grammar, tuning
from syntagma.studies.grammar_sizes.measured import Measured, grown, growth_exponent
from syntagma.studies.grammar_sizes.settings import PARAMETERS, SYMBOLS, GrammarSizes
from syntagma.studies.schemas import (
    GROWTH,
    LAW,
    LEARNER,
    LEVEL,
    PREDICTIONS,
    THRESHOLDS,
    Column,
    Schema,
    Table,
    interval_columns,
    measured_as,
)
from syntagma.studies.study import Facts
from syntagma.theory import hierarchy as theory

_SIZES = tuple(Column(parameter, SYMBOLS[parameter], "whole") for parameter in PARAMETERS)
_PREDICTIONS = replace(PREDICTIONS, columns=(*_SIZES, *PREDICTIONS.columns[1:]))
_EXPONENTS = Schema(
    "exponents",
    "Predicted exponents",
    "The exponent of P_l (1 - f) in each size of the grammar.",
    (Column("parameter", "in", "text"), LEVEL, LAW, Column("exponent", "exponent", "exponent")),
)
_GROWTH = replace(
    GROWTH,
    caption="Exponent k of P_l (1 - f) in each size of the grammar, the others as in the base, with its interval of "
    "95 %. Predicted: that of the exact signal = noise sizes of these very grammars; beside it the asymptotic law's.",
)
_PREFACTORS = Schema(
    "prefactors",
    "Prefactors by language",
    "Measured threshold over where exact correlations put it, with its interval of 95 %: one number for all languages "
    "if signal = noise is all there is but for it.",
    (LEARNER, *_SIZES, LEVEL, *measured_as("prefactor")),
)
_CHOSEN = Schema(
    "chosen",
    "What was chosen on validation",
    "The training of smallest mean validation loss among the trials, by language: all points of its curve have it.",
    (LEARNER, *_SIZES, Column("training", "training", "text"), Column("validation_loss", "validation loss", "nats")),
)


def predictions(settings: GrammarSizes, facts: Facts) -> Iterator[Table]:
    """What theory says before any training."""
    yield _PREDICTIONS.table(
        row
        for one in settings.grammars()
        for row in grammar.prediction_rows(
            one.model_dump(), one.predictions(facts, settings.seeds, settings.asked(one))
        )
    )
    yield _EXPONENTS.table(
        {
            "parameter": SYMBOLS[parameter],
            "level": level,
            "law": theory.law_name(shared),
            "exponent": float(growth_exponent(parameter, level, shared)),
        }
        for parameter in PARAMETERS
        if len(settings.values(parameter)) > 1
        for level in range(1, settings.levels + 1)
        for shared in (True, False)
    )


def tables(measured: Measured) -> Iterator[Table]:
    """Thresholds, their growth, prefactors, and what was chosen on validation."""
    settings = measured.settings
    labels = {name: settings.label(name) for name in settings.learners}
    rows = []
    for (name, one), curve in measured.curves.items():
        names = {"learner": name, "label": labels[name], **one.model_dump()}
        predicted = functools.partial(measured.predicted, name, one)
        rows += grammar.threshold_rows(names, curve, settings.asked(one), predicted)
    yield THRESHOLDS.table(rows, f"{THRESHOLDS.caption} {grammar.EXACTLY}")
    rows = []
    for name, parameter, level in grown(measured):
        exponent, number = measured.growth(name, parameter, level)
        law = growth_exponent(parameter, level, bool(settings.learners[name].learner.weight_sharing))
        known = {"learner": name, "label": labels[name], "parameter": SYMBOLS[parameter], "level": level}
        known |= {"law": float(law), "predicted": measured.predicted_growth(name, parameter, level)}
        rows.append(known | {**interval_columns(exponent), "num_points": number})
    yield _GROWTH.table(rows)
    yield _PREFACTORS.table(
        {"learner": name, "label": labels[name], **one.model_dump(), "level": level, **interval_columns(prefactor)}
        for name in settings.learners
        for level in range(1, settings.levels + 1)
        for one, prefactor in measured.prefactors(name, level).items()
    )
    if any(grower.tuning for grower in settings.learners.values()):
        yield _CHOSEN.table(
            {
                "learner": name,
                "label": labels[name],
                **one.model_dump(),
                "training": tuning.describe(contender),
                "validation_loss": loss,
            }
            for (name, one), (contender, loss) in measured.chosen.items()
        )
