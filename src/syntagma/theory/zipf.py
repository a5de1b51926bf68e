"""How the class error falls where the rules of one level follow Zipf's law.

Rule k = 1..m of every level-1 symbol has probability f_k ~ k^-(1+a). A rule is learned once its tuples' correlation
with the class stands out of the sampling noise, from P_k ~ 1 / f_k on; what is not learned yet errs. With infinitely
many rules

    error ~ sum of f_k over P_k > P ~ P^(-a/(1+a)).

Source: arXiv 2505.07067, abstract and the section on classification, where one level has Zipf rules. Regime: many
rules, and n_c = v: the argument takes a sentence with one unknown tuple as lost; with few classes (n_c m well below
v^s) the others often tell the class, and the error falls like a higher power of the share unknown.

Derived here, for m rules: with the rounding that a rule is unknown with probability exp(-P f_k / c),

    share(P) = sum_k f_k exp(-P f_k / c),

which bends below the power law from where the rarest rules are being learned.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from jaxtyping import Float
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from syntagma.checked_call import checked

SOURCE = "arXiv 2505.07067"


@checked
def exponent(zipf: NonNegativeFloat) -> float:
    """a / (1 + a), with which the class error falls; infinite for equal rules (a = 0 here): they have one threshold."""
    return zipf / (1 + zipf) if zipf else math.inf


@checked
def probabilities(zipf: NonNegativeFloat, rules: PositiveInt) -> Float[np.ndarray, " m"]:
    """f_1..f_m; equal for exponent 0."""
    weights = np.arange(1, rules + 1.0) ** -(1 + zipf) if zipf else np.ones(rules)
    return weights / weights.sum()


@checked
def rare_share(zipf: NonNegativeFloat, rules: PositiveInt) -> float:
    """The probability of the m/2 rarest rules: the error at which the fit ends."""
    return float(probabilities(zipf, rules)[(rules + 1) // 2 :].sum())


@checked
def share_left(
    sizes: Annotated[Float[np.ndarray, " P"], Ge(0)], zipf: NonNegativeFloat, rules: PositiveInt, scale: PositiveFloat
) -> Float[np.ndarray, " P"]:
    """The law with its m rules; `scale` is c."""
    f = probabilities(zipf, rules)
    return np.exp(-np.asarray(sizes, float)[:, None] * f / scale) @ f


@checked
def finite_exponent(
    sizes: Annotated[Float[np.ndarray, " P"], Gt(0)],
    errors: Annotated[Float[np.ndarray, " P"], Gt(0)],
    zipf: NonNegativeFloat,
    rules: PositiveInt,
) -> float:
    """The exponent that the law with m rules has at `sizes`, its one scale set by the first of the `errors` there."""
    if len(sizes) < 2:
        return math.nan
    low, high = -40.0, 40.0  # of ln c: the share left rises with c
    for _ in range(100):
        middle = (low + high) / 2
        left = share_left(sizes[:1], zipf, rules, math.exp(middle))[0]
        low, high = (middle, high) if left < errors[0] else (low, middle)
    left = np.log(share_left(sizes, zipf, rules, math.exp(low)))
    return float(-np.polyfit(np.log(sizes), left, 1)[0])
