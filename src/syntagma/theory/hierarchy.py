"""Learning the random hierarchy model level by level: the asymptotic laws of thresholds and of the loss's exponent.

v symbols a level, m rules a symbol, branching s, depth L, f = m / v^(s-1). A learner knows level l once the
correlation that reveals it stands out of the sampling noise of P sentences. With the leading-order correlations of
the ensemble,

    without weight sharing (token-token):                 P_l = v m^(2l-1) / (1 - f)
    with weight sharing (last token with an s-tuple of
    level-(l-2) symbols):                                 P_l = v m^(l+1) / (1 - f) for l >= 2,  P_1 = v m / (1 - f)

Until P_l the test loss stays at the plateau L_(l-1), then falls to L_l. At depth, L_l - L_inf falls by about f a
level, so the loss falls as P^(-alpha) with alpha = ln(1/f) / (2 ln m) without weight sharing and ln(1/f) / ln m with
it. The class at the root, asked of the whole sentence, is learned by a deep network with weight sharing from

    P* = n_c m^L

sentences, n_c the number of classes: when the correlations of the class with the lowest tuples stand out, and with them
which tuples are synonyms. Source: arXiv 2505.07070 (thresholds of both architectures, exponents), 2406.00048
(token-token, plateaus), 2307.02129 (the class).

Regime: asymptotic, for m large and f small, and a prefactor stays open. f small is not enough. Below the root symbols
are not equally frequent, however large v is, because two of a symbol's m rules seldom put the same symbol in a slot:
v sum_a p_l(a)^2 tends to u_l = 1 + 1/m + ... + m^-(L-l), not to 1 (`theory.correlations`). For v large at any m

    P_l = v m^k / (u_l - f),    k = 2l - 1, or l + 1 with weight sharing (1 at l = 1)     (`finite_rules_thresholds`,

derived here: the rules at a common ancestor have weights p(a) / m on distinct tuples, with sum of squares u_l / (v m)
less that of equal weights on all tuples, v^-s = f / (v m)). So levels below the root are learned from up to 1 - 1/m
times the law's sentences: 0.53, 0.58, 0.68, 1 of them at m = 2, L = 4, l = 1..4, v = 128. Fitted to m = 2, 4, 8 the
thresholds of levels 1..4 grow as m^1.3, m^3.3, m^4.2 (5.2 without sharing), m^5.0 (7.0) at v = 16, 32 and 64 alike,
where the law has 1, 3, 4 (5), 5 (7). The corrections in 1/v come on top, the same for all m to within their scatter:
exact sizes over `finite_rules_thresholds` are 1.1 to 2.7 at v = 8, 1.1 to 1.6 at 16, 1.0 to 1.3 at 32, 1.04 to 1.16 at
64 (m = 2 to 8, L = 4, geometric means over 6 to 20 grammars). One grammar at v = 8 is off by a further factor of 1.2 to
2. f = 1 (every tuple is somebody's rule) leaves no correlation in a grammar with v classes, and thresholds are
infinite. alpha is the limit of many levels: at L = 4 the half-way crossings of exact curves have 0.4 to 0.9 of it with
weight sharing, 0.6 to 1.2 without (`theory.excess`; v = 8 to 32, m = 2 to 8).
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from pydantic import PositiveInt

from syntagma.checked_call import checked
from syntagma.errors import invalid

SOURCE = "arXiv 2505.07070"
CLASS_SOURCE = "arXiv 2307.02129"
_MOST_DIGITS = 300 * math.log(10)
_DEEPEST = 1000


@checked
def law_name(weight_sharing: bool) -> str:
    """What tables and figures call the law: `law_name(True)` is "weight sharing"."""
    return "weight sharing" if weight_sharing else "no weight sharing"


@checked
def sparsity(vocab: PositiveInt, rules: PositiveInt, branching: PositiveInt) -> float:
    """f = m / v^(s-1), the fraction of tuples that are some symbol's rule: `sparsity(16, 2, 2)` is 1/8. Exact."""
    return rules / tuples_beside(vocab, branching)


def tuples_beside(vocab: int, branching: int) -> int:
    """v^(s-1), what can stand beside one symbol of a tuple: `tuples_beside(16, 3)` is 256.

    Raises:
        InputError: it is beyond the numbers of float64.
    """
    if (branching - 1) * math.log(vocab) > _MOST_DIGITS:
        raise invalid("branching", branching, f"vocab^(branching-1) is beyond 1e300 with vocab={vocab}", "Lower it")
    return vocab ** (branching - 1)


@checked
def threshold_exponent(level: PositiveInt, weight_sharing: bool) -> int:
    """k of P_l ~ m^k: l + 1 with weight sharing (1 at level 1), 2 l - 1 without. Asymptotic law.

    `threshold_exponent(3, weight_sharing=True)` is 4.
    """
    if not weight_sharing:
        return 2 * level - 1
    return level + 1 if level >= 2 else 1


@checked
def thresholds(
    vocab: PositiveInt, rules: PositiveInt, branching: PositiveInt, depth: PositiveInt, weight_sharing: bool
) -> Float[np.ndarray, " L"]:
    """P_1..P_L, in examples, by the asymptotic law; infinite where f = 1: `thresholds(16, 2, 2, 4, True)`.

    Raises:
        InputError: more rules than tuples.
    """
    left = _share_left(vocab, rules, branching)
    _check_depth(depth)
    if left == 0:
        return np.full(depth, np.inf)
    with np.errstate(over="ignore"):
        return vocab * np.power(float(rules), _powers(depth, weight_sharing)) / left


@checked
def finite_rules_thresholds(
    vocab: PositiveInt,
    rules: PositiveInt,
    branching: PositiveInt,
    depth: PositiveInt,
    weight_sharing: bool,
    num_classes: PositiveInt | None = None,
) -> Float[np.ndarray, " L"]:
    """P_1..P_L for v large at any m: v m^k / (u_l - f); `finite_rules_thresholds(64, 2, 2, 4, True)`.

    With n_c classes at the root (by default v) u_l = (v / n_c) m^-(L-l) + 1 + 1/m + ... + m^-(L-l-1). Derived here,
    above. Regime: equal rules, 1/v small; f = 1 is outside of it, except at l = L with v classes.

    Raises:
        InputError: more rules than tuples.
    """
    tuples, classes = tuples_beside(vocab, branching), num_classes or vocab
    left = _share_left(vocab, rules, branching)
    _check_depth(depth)
    heights = np.arange(depth - 1, -1, -1)
    at_root = vocab / classes * float(rules) ** -heights
    below = np.concatenate([np.cumsum(float(rules) ** -np.arange(depth - 1.0))[::-1], [0.0]])
    signal = at_root + (below - 1) + left  # u_l - f
    signal[-1] = (vocab * tuples - classes * rules) / (classes * tuples)  # v / n_c - f, which may be nearly equal
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(signal > 0, vocab * np.power(float(rules), _powers(depth, weight_sharing)) / signal, np.inf)


@checked
def class_sample_complexity(classes: PositiveInt, rules: PositiveInt, depth: PositiveInt) -> int:
    """P* = n_c m^L of the class at the root: `class_sample_complexity(8, 3, 3)` is 216.

    Raises:
        InputError: a number beyond 1e300.

    Asymptotic law; exact for a grammar: `theory.root_class.threshold`, in the mean over grammars 1.0 to 1.2 times it at
    m = 3 and 4, v = 8 to 32, n_c = 2 to 32.
    """
    if math.log(classes) + depth * math.log(rules) > _MOST_DIGITS:
        raise invalid("depth", depth, f"classes * rules^depth is beyond 1e300 with rules={rules}", "Lower it")
    return classes * rules**depth


@checked
def scaling_exponent(
    vocab: PositiveInt, rules: PositiveInt, branching: PositiveInt, weight_sharing: bool
) -> float | None:
    """alpha of loss ~ P^(-alpha) in the limit of many levels; None where m = 1 or f = 1. Asymptotic law.

    `scaling_exponent(16, 4, 2, weight_sharing=True)` is 1.0.
    """
    left = _share_left(vocab, rules, branching)
    if rules == 1 or left == 0:
        return None
    log_f = math.log1p(-left) if left < 0.5 else math.log(sparsity(vocab, rules, branching))
    return -log_f / (math.log(rules) * (1 if weight_sharing else 2))


def _powers(depth: int, weight_sharing: bool) -> list[int]:
    return [threshold_exponent(level, weight_sharing) for level in range(1, depth + 1)]


def _share_left(vocab: int, rules: int, branching: int) -> float:
    """1 - f, from whole numbers: where nearly all tuples are rules, f alone would have lost it."""
    tuples = tuples_beside(vocab, branching)
    if rules > tuples:
        raise invalid("rules", rules, f"at most vocab^(branching-1) = {tuples} fit", "Lower rules")
    return (tuples - rules) / tuples


def _check_depth(depth: int) -> None:
    if depth > _DEEPEST:
        raise invalid("depth", depth, f"there are at most {_DEEPEST} levels", "Lower it")
