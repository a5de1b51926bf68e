"""Tables of the study: what is predicted of the class and of the last token, and what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator

from syntagma.studies import grammar
from syntagma.studies.schemas import LEARNER, LEVEL, THRESHOLDS, Column, Schema, Table, interval_columns, measured_as
from syntagma.studies.study import Facts
from syntagma.studies.zipf_rules.measured import Measured, exact_fall, token_thresholds
from syntagma.studies.zipf_rules.settings import ZipfRules
from syntagma.theory import zipf

_ZIPF = Column("zipf", "a", "number")
_CLASS_LAWS = Schema(
    "zipf",
    "Predicted fall of the class error",
    "Exponent of the class error by the exact correlations of the grammars, that of the law with infinitely many "
    "rules, and the errors over chance's between which it is measured.",
    (
        _ZIPF,
        Column("exact", "exact", "exponent"),
        Column("exponent", "law", "exponent"),
        Column("from_error", "from error", "ratio"),
        Column("to_error", "to error", "ratio"),
    ),
)
_TOKEN_LAWS = Schema(
    "zipf-tokens",
    "Predicted thresholds of the last token",
    "From the exact correlations of the grammars: examples with Zipf rules, with equal rules, and by how much the "
    "step from one level to the next changes.",
    (
        _ZIPF,
        LEVEL,
        Column("num_examples", "P_l", "count"),
        Column("equal_rules", "with equal rules", "count"),
        Column("over_equal", "over equal rules", "ratio"),
        Column("step_over_equal", "P_l / P_(l-1) over equal", "ratio"),
    ),
)
_FALLS = Schema(
    "falls",
    "Fall of the class error",
    "Exponent k of error ~ P^-k, fitted seed by seed over the sizes named, with its interval of 95 %, beside the "
    "one of the exact correlations of the grammars, and the law's with infinitely many rules and with the number there "
    "is.",
    (
        LEARNER,
        _ZIPF,
        Column("compared_with", "a compared with", "number"),
        Column("predicted", "predicted k", "exponent"),
        Column("law", "law", "exponent"),
        Column("finite", "law, m rules", "exponent"),
        *measured_as("measured k", "exponent"),
    ),
)


def predictions(settings: ZipfRules, facts: Facts) -> Iterator[Table]:
    rules, equal, rows = settings.classes_grammar.rules, token_thresholds(settings, 0.0), []
    yield _CLASS_LAWS.table(
        {
            "zipf": a,
            "exact": exact_fall(settings, facts, a),
            "exponent": zipf.exponent(a),
            "from_error": zipf.ONSET,
            "to_error": zipf.rare_share(a, rules),
        }
        for a in settings.exponents
    )
    for a in settings.exponents:
        over = token_thresholds(settings, a) / equal
        steps = [math.nan, *(over[1:] / over[:-1]).tolist()]
        for level, (ratio, size, step) in enumerate(zip(over.tolist(), equal.tolist(), steps, strict=True), start=1):
            numbers = {"num_examples": ratio * size, "equal_rules": size, "over_equal": ratio, "step_over_equal": step}
            rows.append({"zipf": a, "level": level, **numbers})
    yield _TOKEN_LAWS.table(rows)


def tables(measured: Measured) -> Iterator[Table]:
    settings = measured.settings
    yield _FALLS.table(
        {"label": measured.label(name), "zipf": a, "compared_with": law}
        | {"predicted": fall.exact, "law": zipf.exponent(law), "finite": fall.finite}
        | interval_columns(fall.slope)
        for (name, a, law), fall in measured.falls.items()
    )
    learner, sizes, rows = settings.tokens.learner, settings.tokens_grammar, []
    for a, curve in measured.tokens.items():
        names = {"learner": "tokens", "label": learner.label, "rules": sizes.rules, "zipf": a}
        languages = settings.languages(a)
        predicted = dict(enumerate(grammar.predicted_thresholds(measured.facts, languages, learner).tolist(), start=1))
        rows += grammar.threshold_rows(names, curve, settings.token_levels, predicted.__getitem__)
    yield THRESHOLDS.table(rows, f"{THRESHOLDS.caption} {grammar.EXACTLY}")
