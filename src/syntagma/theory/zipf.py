"""How the class error falls, and where thresholds go, if the rules of level 1 follow Zipf's law.

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

What moves the thresholds of the last token, derived here: a level is learned once the squared covariance C^2 of the
last token with what reveals the level has come out of the sampling noise, with weight sharing with tokens at level 1
and s-tuples above, without it with tokens at all levels. The rules of level 1 enter C^2 through W_1 = sum_k w_k^2, once
for each path that passes them:

    tokens that meet at level 1          C^2 ~ W_1      both are in one tuple, drawn by one rule
    tokens that meet at level 2 or more  C^2 ~ W_1^2    both paths pass level 1
    s-tuples, level 2                    C^2 ~ W_1^2    the tuple is a rule of level 1, the token's path passes level 1
    s-tuples, level 3 or more            C^2 ~ W_1      only the token's path does

Zipf rules raise W_1 above 1/m, which divides P_2 / P_1 by about m W_1; P_3 / P_2 is multiplied by as much with weight
sharing and stays without. The noise changes too with the frequencies of tokens and tuples: measurements are compared
with `theory.exact`, the exact number for each grammar, averaged in ln P over grammars.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from jaxtyping import Bool, Float
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from syntagma.checked_call import checked
from syntagma.errors import invalid

SOURCE = "arXiv 2505.07067"
ONSET = 0.5
"""Test error over chance's below which the exponent is fitted; both ends were fixed before any measurement."""


@checked
def exponent(zipf: NonNegativeFloat) -> float:
    """a / (1 + a) of error ~ P^-k with rules f_k ~ k^-(1+a): `exponent(1.0)` is 0.5.

    Infinite for equal rules (a = 0 stands for them), which are all learned at one size. Asymptotic law, for m to
    infinity; source: arXiv 2505.07067.
    """
    return zipf / (1 + zipf) if zipf else math.inf


@checked
def probabilities(zipf: NonNegativeFloat, rules: PositiveInt) -> Float[np.ndarray, " m"]:
    """f_1..f_m; equal for exponent 0.

    Raises:
        InputError: more rules than 2^24.
    """
    if rules > 2**24:
        raise invalid("rules", rules, "there are at most 2^24", "Lower it")
    weights = np.arange(1, rules + 1.0) ** -(1 + zipf) if zipf else np.ones(rules)
    return weights / weights.sum()


@checked
def rare_share(zipf: NonNegativeFloat, rules: PositiveInt) -> float:
    """The probability of the m/2 rarest rules: the error at which the fit ends."""
    return float(probabilities(zipf, rules)[(rules + 1) // 2 :].sum())


def window(errors: Float[np.ndarray, " P"], end: float) -> Bool[np.ndarray, " P"]:
    """Which of the mean errors, by rising P, are fitted: from the first below `ONSET` on, while they are above `end`.

    Where the fall is so sharp that fewer than two are, also those on either side of it.
    """
    below = np.flatnonzero(errors < ONSET)
    first = int(below[0]) if len(below) else len(errors)
    gone = np.flatnonzero((errors <= end) & (np.arange(len(errors)) >= first))
    last = int(gone[0]) if len(gone) else len(errors)
    if last - first < 2 and len(below):
        first, last = max(first - 1, 0), min(last + 1, len(errors))
    places = np.arange(len(errors))
    return (places >= first) & (places < last) & (errors > 0)


@checked
def share_left(
    sizes: Annotated[Float[np.ndarray, " P"], Ge(0)], zipf: NonNegativeFloat, rules: PositiveInt, scale: PositiveFloat
) -> Float[np.ndarray, " P"]:
    """The law with its m rules; `scale` is c."""
    f = probabilities(zipf, rules)
    with np.errstate(over="ignore"):
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
