"""Signal = noise from the very grammar: at which sizes a sample shows what tells the levels, and how they grow with m.

Which tuples are synonyms, that is, have the same symbol above them, shows in their correlations. A learner that knows
the levels below l can use one of three (`statistics.correlations`, with the floors and the derivation):

    "tokens"       far tokens with the last token: what is left without weight sharing
    "tuples"       far tuples of level-(l - 2) symbols with the last token: with weight sharing, these symbols are known
                   at the far place because they were learned at the near one
    "conditional"  far tuples of level-(l - 2) symbols with their known neighbours: latent prediction (arXiv 2605.27734)

and is predicted to know level l from

    P_l = sum of floors / sum of squared covariances,

the sums over all values and over all such places. At level 1 all three are the last token with the tokens beside it.

Regime: exact for the grammar, any rule probabilities, any size; a prefactor, the same at all levels if the theory is
right, stays open. For "conditional" P_l is what level l takes once those below are known, so that the level is
reached at max(P_1, ..., P_l); how the far symbol then bears on the last token is taken to be known by then (by the
last token alone that takes v m^l / (1 - f), the kind "symbol"). Fast: 10 to 30 ms a grammar at v = 32, m = 8, L = 4.
Source: signal = noise and the two laws are those of arXiv 2505.07070; the exact sizes are derived here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from syntagma.checked_call import checked
from syntagma.errors import invalid, unknown, whole_number
from syntagma.estimate import Estimate
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.statistics.correlations import Kind, Pair, pairs

Evidence = Literal["tokens", "tuples", "conditional"]

SOURCE = "signal = noise of arXiv 2505.07070, exact correlations derived here (theory.exact)"

ROUNDING = 1e-31
"""A mean squared covariance below this is rounding of an exact 0: probabilities carry errors of 1e-16 or less."""

_KINDS: dict[Evidence, Kind] = {"tokens": "token", "tuples": "tuple", "conditional": "conditional"}


@checked
def evidence_of(weight_sharing: bool) -> Evidence:
    """What a learner with or without weight sharing tells synonyms by: `evidence_of(learner.weight_sharing)`."""
    return "tuples" if weight_sharing else "tokens"


@checked
def level_pairs(language: RandomHierarchy, kind: Evidence) -> list[tuple[Pair, ...]]:
    """The correlated places that tell level l = 1..L: `level_pairs(language, "tuples")[1]` are those of level 2.

    Raises:
        InputError: unknown kind.
    """
    if kind not in get_args(Evidence):
        raise unknown("kind", kind, get_args(Evidence))
    levels = range(1, language.depth + 1)
    return [pairs(language, _KINDS[kind] if level > 1 else "token", level) for level in levels]


@checked
def thresholds(language: RandomHierarchy, kind: Evidence) -> Float[np.ndarray, " L"]:
    """P_1..P_L by signal = noise: `thresholds(RandomHierarchy(8, 3, 2, 4), "tuples")`; infinite without a correlation.

    Raises:
        InputError: unknown kind.
    """
    return np.array([_signal_equals_noise(found) for found in level_pairs(language, kind)])


@checked
def threshold(language: RandomHierarchy, level: int, kind: Evidence = "tuples") -> float:
    """P_l, from how many sentences a learner is predicted to know level `level`; infinite without a correlation.

        threshold(RandomHierarchy(vocab=8, rules=3, branching=2, depth=4), level=3)  # with weight sharing
        threshold(RandomHierarchy(vocab=8, rules=3, branching=2, depth=4), level=3, kind="tokens")  # without

    Exact for the grammar, but for a prefactor that stays open. Measured on a curve: `LearningCurve.crossing`.

    Raises:
        InputError: unknown kind; no such level.
    """
    found = thresholds(language, kind)
    level = whole_number("level", level)
    if level > len(found):
        raise invalid("level", level, f"the language has levels 1 to {len(found)}", "Lower level")
    return float(found[level - 1])


@checked
def mean_thresholds(languages: Iterable[RandomHierarchy], kind: Evidence) -> Float[np.ndarray, " L"]:
    """Geometric mean over grammars.

    `mean_thresholds([RandomHierarchy(8, 3, 2, 4, seed=s) for s in range(3)], "tokens")` is 26, 289, 5679, 36199.

    Raises:
        InputError: unknown kind; no grammar.
    """
    found = [thresholds(language, kind) for language in languages]
    if not found:
        raise invalid("languages", found, "there is nothing to average", "Give one grammar or more")
    return np.exp(np.mean(np.log(found), axis=0))


@checked
def growth(languages: Iterable[RandomHierarchy], kind: Evidence) -> tuple[Estimate, ...]:
    """k of P_l (1 - f) ~ m^k for l = 1..L, fitted to exact sizes, with the standard error that grammars give.

    `growth([RandomHierarchy(16, m, 2, 4, seed=s) for m in (2, 3, 4) for s in range(3)], "tuples")[2].value` is to be
    compared with a k measured on the same grammars. Least squares in logarithms through the mean over the grammars of
    each m; the factor (1 - f) is taken out as in the laws. The standard error is NaN where an m has one grammar only.

    Raises:
        InputError: unknown kind; fewer than two values of m.
    """
    by_rules: dict[int, list[np.ndarray]] = {}
    for language in languages:
        with np.errstate(divide="ignore", invalid="ignore"):  # f = 1 has no correlation: NaN
            logs = np.log(thresholds(language, kind)) + np.log1p(-language.sparsity)
        by_rules.setdefault(language.rules, []).append(logs)
    if len(by_rules) < 2:
        raise invalid("languages", f"m = {sorted(by_rules)}", "a growth with m takes two values of it", "Give more")
    x = np.log(sorted(by_rules))
    lever = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    groups = [np.array(by_rules[rules]) for rules in sorted(by_rules)]
    slopes = lever @ np.array([group.mean(axis=0) for group in groups])
    errors = np.sqrt(lever**2 @ np.array([_variance_of_mean(group) for group in groups]))
    return tuple(Estimate(float(slope), float(error)) for slope, error in zip(slopes, errors, strict=True))


def _signal_equals_noise(found: tuple[Pair, ...]) -> float:
    squares = float(sum(np.sum(pair.covariance**2) for pair in found))
    floors = float(sum(pair.floor * pair.covariance.size for pair in found))
    entries = sum(pair.covariance.size for pair in found)
    return floors / squares if squares > ROUNDING * entries else float("inf")


def _variance_of_mean(group: Float[np.ndarray, "seeds L"]) -> Float[np.ndarray, " L"]:
    if len(group) < 2:
        return np.full(group.shape[1], np.nan)
    return group.var(axis=0, ddof=1) / len(group)
