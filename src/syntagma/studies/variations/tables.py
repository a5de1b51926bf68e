"""What was measured, as tables: thresholds, their growth and spread, one pass, the fall of the class error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from syntagma.curves import Interval, ratio
from syntagma.studies.intervals import interval_columns
from syntagma.studies.variations import zipf
from syntagma.studies.variations.collapse import collapse
from syntagma.studies.variations.grids import PARAMETERS, SYMBOLS
from syntagma.studies.variations.predictions import growth_exponent, law_of
from syntagma.studies.variations.settings import Variations
from syntagma.studies.variations.verdicts import Fall, Measured, fitted_growth

CURVE = ["part", "learner", "label", *PARAMETERS, "zipf"]
"""The columns that tell one learning curve from another."""


def measured_thresholds(settings: Variations, found: Mapping[tuple[Any, ...], Interval]) -> pd.DataFrame:
    """Every threshold beside the law of its learner, where there is one for equal rules."""
    recipes: dict[tuple[str, str], Any] = {}
    for cell in settings.cells():
        recipes[cell.names["part"], cell.names["learner"]] = cell.run.learner
    rows = []
    for key, value in found.items():
        part, name, grammar, level, exponent = *key[:3], key[-1], key[3] if len(key) == 5 else 0.0
        learner = recipes[part, name]
        predicted = math.nan if exponent else law_of(grammar, learner, level)
        known = {"part": part, "learner": name, "label": learner.label, **grammar.model_dump(), "zipf": exponent}
        rows.append(known | {"level": level, "predicted": predicted} | interval_columns(value, predicted))
    columns = [*CURVE, "level", "predicted", "measured", "low", "high", "ratio", "note"]
    return pd.DataFrame(rows, columns=columns)


def growth_table(settings: Variations, measured: Measured) -> pd.DataFrame:
    """The fitted exponents of P_l (1 - f), by learner, parameter and level."""
    rows = []
    for name, grower in settings.growth.learners.items():
        for parameter in grower.parameters:
            if len(settings.growth.values(parameter, settings.base)) < 2:
                continue
            for level in range(1, settings.growth.levels + 1):
                fitted, number = fitted_growth(settings, measured, name, parameter, level)
                predicted = growth_exponent(parameter, level, bool(grower.learner.weight_sharing))
                known = {"learner": name, "label": grower.learner.label, "parameter": parameter}
                known |= {"symbol": SYMBOLS[parameter], "level": level, "predicted_exponent": predicted}
                known |= {"exponent": fitted.value, "low": fitted.low, "high": fitted.high}
                rows.append(known | {"num_points": number, "note": fitted.reason})
    columns = ["learner", "label", "parameter", "symbol", "level", "predicted_exponent", "exponent", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "num_points", "note"])


def collapse_table(settings: Variations, measured: Measured) -> pd.DataFrame:
    """The spread of the prefactors, by learner and level."""
    rows = []
    for name, grower in settings.growth.learners.items():
        for level in range(1, settings.growth.levels + 1):
            found = collapse(settings, measured.growth, name, level)
            known = {"learner": name, "label": grower.learner.label, "level": level, "languages": found.languages}
            known |= {"spread": found.spread.value, "low": found.spread.low, "high": found.spread.high}
            rows.append(known | {"seeds_alone": found.seeds_alone, "note": found.spread.reason})
    return pd.DataFrame(rows)


def online_table(settings: Variations, measured: Measured) -> pd.DataFrame:
    """Thresholds of one pass beside those of fixed sets."""
    rows = []
    for (name, level), found in measured.online.items():
        learner = settings.online.learners[name].learner
        predicted = law_of(settings.base, learner, level)
        known = {"learner": name, "label": learner.label, "level": level, "predicted": predicted}
        fixed = measured.fixed.get((name, level))
        over = Interval(math.nan, math.nan, math.nan, "no fixed sets") if fixed is None else ratio(found, fixed)
        known |= {"fixed": fixed.value if fixed is not None and fixed.measured else math.nan}
        known |= {"over_fixed": over.value, "over_low": over.low, "over_high": over.high}
        rows.append(known | interval_columns(found, predicted))
    columns = ["learner", "label", "level", "predicted", "measured", "low", "high", "ratio"]
    return pd.DataFrame(rows, columns=[*columns, "fixed", "over_fixed", "over_low", "over_high", "note"])


def falls_table(falls: Mapping[tuple[float, float], Fall]) -> pd.DataFrame:
    """Exponents of the class error, by the rules' Zipf exponent and that of the law beside it."""
    rows = []
    for (exponent, law), found in falls.items():
        known = {"zipf": exponent, "compared_with": law, "predicted_exponent": zipf.exponent(law)}
        known |= {"finite_exponent": found.finite, "exponent": found.slope.value}
        ends = (found.sizes[0], found.sizes[-1]) if len(found.sizes) else (math.nan, math.nan)
        known |= {"low": found.slope.low, "high": found.slope.high, "first": ends[0], "last": ends[1]}
        rows.append(known | {"note": found.slope.reason})
    columns = ["zipf", "compared_with", "predicted_exponent", "finite_exponent", "exponent", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "first", "last", "note"])
