"""What theory and the exact oracle say of the grids, as tables; nothing is trained."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from syntagma.learners import Learner
from syntagma.studies.variations import zipf, zipf_tokens
from syntagma.studies.variations.exact import chance_entropy, masked_floor, mean_token_entropy
from syntagma.studies.variations.grids import PARAMETERS, SYMBOLS, Grammar, Parameter
from syntagma.studies.variations.settings import Variations
from syntagma.theory import hierarchy as theory


def thresholds_table(settings: Variations) -> pd.DataFrame:
    """P_l of every language of the growth grid, by level and law."""
    growth = settings.growth
    return pd.DataFrame(
        grammar.model_dump()
        | {"law": theory.law_name(shared), "level": level, "num_examples": number, "source": theory.SOURCE}
        for grammar in growth.grammars(settings.base)
        for shared in (True, False)
        for level, number in enumerate(grammar.thresholds(shared)[: growth.asked(grammar)], start=1)
    )


def growth_exponent(parameter: Parameter, level: int, weight_sharing: bool) -> int:
    """k of P_l (1 - f) ~ parameter^k: 1 for v, the law's for m, 0 for s, which enters through f alone, and for L."""
    if parameter == "rules":
        return theory.threshold_exponent(level, weight_sharing)
    return 1 if parameter == "vocab" else 0


def exponents_table(settings: Variations) -> pd.DataFrame:
    """The predicted exponent of P_l (1 - f) in each parameter, by level and law."""
    return pd.DataFrame(
        {
            "parameter": SYMBOLS[parameter],
            "level": level,
            "law": theory.law_name(shared),
            "exponent": growth_exponent(parameter, level, shared),
            "source": theory.SOURCE,
        }
        for parameter in PARAMETERS
        if len(settings.growth.values(parameter, settings.base)) > 1
        for level in range(1, settings.growth.levels + 1)
        for shared in (True, False)
    )


def zipf_table(settings: Variations) -> pd.DataFrame:
    """Exponents of the class error by Zipf exponent, and the errors over chance's between which they are measured."""
    z = settings.zipf
    return pd.DataFrame(
        {
            "zipf": a,
            "exponent": zipf.exponent(a),
            "from error": zipf.ONSET,
            "to error": zipf.rare_share(a, z.grammar.rules),
            "source": zipf.SOURCE,
        }
        for a in z.exponents
    )


def zipf_tokens_table(settings: Variations) -> pd.DataFrame:
    """Examples that the last token's levels take with Zipf rules and with equal ones, from exact correlations.

    `step_over_equal` is P_l / P_(l-1) over that with equal rules.
    """
    equal = zipf_tokens.thresholds(settings, 0.0)
    rows = []
    for a in settings.zipf.exponents:
        over = zipf_tokens.over_equal(settings, a)
        for place, ratio in enumerate(over):
            step = float(ratio / over[place - 1]) if place else math.nan
            known = {"zipf": a, "level": place + 1, "num_examples": float(ratio * equal[place])}
            known |= {"equal_rules": float(equal[place]), "over_equal": float(ratio), "step_over_equal": step}
            rows.append(known | {"source": zipf_tokens.SOURCE})
    return pd.DataFrame(rows)


def bounds_table(settings: Variations) -> pd.DataFrame:
    """Exact losses of every grammar that is read at all positions or with a hidden token."""
    rows: list[dict[str, Any]] = []
    for seed in range(settings.seeds):
        every, hidden = (part.grammar.language(seed) for part in (settings.positions, settings.masked))
        floor, error = masked_floor(hidden)
        for what, value, standard_error in (
            ("mean entropy of all positions", mean_token_entropy(every), 0.0),
            ("masked token, nothing known", chance_entropy(hidden), 0.0),
            ("masked token, all others known", floor, error),
        ):
            rows.append({"grammar seed": seed, "of": what, "loss_nats": value, "error": standard_error})
    return pd.DataFrame(rows)


def law_of(grammar: Grammar, learner: Learner, level: int) -> float:
    """The predicted P_l of a learner; NaN where no law covers it."""
    shared = learner.weight_sharing
    return math.nan if shared is None else grammar.thresholds(shared)[level - 1]
