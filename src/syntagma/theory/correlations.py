"""Squared correlations of the random hierarchy model, averaged over grammars: the signal in signal = noise.

Leading order (arXiv 2406.00048; 2505.07070), mean over both symbols' values, lowest common ancestor at level l:

    token-token (1 - f) / (v^3 m^(2l-1)),   symbol-token (1 - f) / (v^3 m^l),   tuple-token (1 - f) / (v^3 m^(l+2)),
    tuple-neighbour (1 - f) / (v^3 m^4) at every level ("conditional" in `statistics.correlations`; derived there).

Refined, derived here. W = sum_k w_k^2 over a symbol's rules (1/m if equal), q = (v^(s-1) - 1) / (v^s - 1), the
probability that two distinct tuples agree in one slot, r = (v^(s-2) - 1) / (v^s - 1), that they agree in two.

1. Marginals are not uniform below the root: N_l = sum_a p_l(a)^2 obeys, exactly on average over grammars,
   N_L = 1 / n_L,  N_(l-1) = (1 - q) W N_l + q, since two different rules put the same symbol in a slot with
   probability q. N_l exceeds 1/v by a factor that tends to m / (m - 1) at depth, whatever v.
2. At the common ancestor the children's joint law puts weights u = p(a) w(a, k), with sum of squares S = W N_l, on
   distinct random tuples. Permuting all tuples changes nothing on average, so its variance, S (1 - r) + r - 1 / v^2, is
   spread evenly over the v^2 - 1 directions of the v x v table, of which (v - 1)^2 are covariance: exact. The product
   of the marginals' own fluctuations adds a relative -2 M_3 / M_2 + M_2, where M_2 = S - v^-s and M_3 = sum u^3 -
   3 S v^-s + 2 v^-2s are the sums of powers of u - v^-s over all tuples; leading order in 1/v.
3. Each level below, on each of the two paths, keeps a fraction g = (1 - q) W, exactly for one path; 1 - q is
   v / (v + 1) for s = 2. Two paths through rules of the same level are taken as independent: off by order 1 / v^2.

    sum of C^2 = (v - 1) / (v + 1) (S (1 - r) + r - v^-2) (1 + M_2 - 2 M_3 / M_2) g^(levels below on both paths)

Regime: the average over grammars drawn uniformly, any v, s, L and rule probabilities that are the same for all symbols;
not one grammar, which scatters about the average by 10 to 160 percent, most at small v and high levels; where
rule probabilities differ from symbol to symbol, use `statistics.correlations`, exact for a grammar.

Precision, against exact averages over 50 to 800 grammars (v = 3 to 16, s = 2 and 3, equal and Zipf rules): within 3
percent, about the averages' own error, but for pairs of tokens that meet at level 3 or 4, which it underestimates by 7
percent at v = 6 and 8 and by 11 to 16 at v = 3 and 4. Leading order is too large there by a factor of 1.6 (v = 16,
m = 4) to 2.4 (v = 8, m = 3) at L = 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from pydantic import NonNegativeFloat, PositiveInt

from syntagma.checked_call import checked
from syntagma.errors import invalid, unknown, whole_number
from syntagma.statistics.correlations import Kind
from syntagma.theory.hierarchy import tuples_beside

_SMALLEST = 300 * math.log(10)
_KINDS: tuple[Kind, ...] = ("token", "symbol", "tuple", "conditional")


@checked
def leading_squared_covariance(
    vocab: PositiveInt, rules: PositiveInt, branching: PositiveInt, level: PositiveInt, kind: Kind = "token"
) -> float:
    """The ensemble's mean squared covariance to leading order in 1/v and 1/m, equal rules. Asymptotic law.

    `leading_squared_covariance(64, 8, 2, level=3, kind="tuple")`.

    Raises:
        InputError: unknown kind; a level below 1.
    """
    level = whole_number("level", level)
    power = {"token": 2 * level - 1, "symbol": level, "tuple": level + 2, "conditional": 4}[_known(kind)]
    tuples = tuples_beside(vocab, branching)
    if 3 * math.log(vocab) + power * math.log(rules) > _SMALLEST:
        raise invalid("level", level, f"the covariance is below 1e-300 with vocab={vocab}, rules={rules}", "Lower it")
    return (tuples - rules) / tuples / (vocab**3 * rules**power)


@checked
def squared_covariance(
    vocab: PositiveInt,
    rules: PositiveInt,
    branching: PositiveInt,
    depth: PositiveInt,
    level: PositiveInt,
    kind: Kind = "token",
    *,
    num_classes: PositiveInt | None = None,
    rule_weights: Sequence[float] | Float[np.ndarray, " m"] | None = None,
) -> float:
    """The ensemble's mean squared covariance, refined: of a token with partners that it meets at `level`.

    `squared_covariance(8, 3, 2, 4, level=2)`; an average over grammars, which one grammar scatters about (see above).

    Args:
        vocab: v.
        rules: m.
        branching: s.
        depth: L.
        level: l, of the lowest common ancestor.
        kind: of partner, as in `statistics.correlations`.
        num_classes: root symbols; by default v.
        rule_weights: probabilities of a symbol's rules, the same for all symbols; by default equal.

    Raises:
        InputError: unknown kind; a level that is not 1..L (2..L for tuples and conditional); weights that are not m
            probabilities.
    """
    level, lowest = whole_number("level", level), 2 if _known(kind) in ("tuple", "conditional") else 1
    if not lowest <= level <= depth:
        raise invalid("level", level, f"for kind='{kind}' it is {lowest} to depth={depth}")
    weights = np.full(rules, 1.0 / rules) if rule_weights is None else np.asarray(rule_weights, np.float64)
    if len(weights) != rules or weights.min() < 0 or abs(weights.sum() - 1) > 1e-6:
        raise invalid("rule_weights", weights.tolist(), f"{rules} probabilities sum to 1", "Divide by their sum")
    squares, cubes = float(np.sum(weights**2)), float(np.sum(weights**3))
    norms = marginal_norms(vocab, branching, depth, squares, num_classes or vocab)
    weight = squares * norms[level]
    weight_cubed = cubes * _marginal_cubes(vocab, branching, norms, squares, cubes)[level]
    paths_down = {"token": 2 * (level - 1), "conditional": 1}.get(kind, level - 1)
    total = _at_ancestor(vocab, branching, weight, weight_cubed) * _keeps(vocab, branching, squares) ** paths_down
    return total * squares / (vocab**2 * rules) if lowest == 2 else total / vocab**2


@checked
def marginal_norms(
    vocab: PositiveInt,
    branching: PositiveInt,
    depth: PositiveInt,
    rule_squares: NonNegativeFloat,
    num_classes: PositiveInt,
) -> Float[np.ndarray, " levels"]:
    """N_l = sum_a p_l(a)^2 of a level-l symbol, l = 0..L, averaged over grammars: exact.

    `marginal_norms(8, 2, 4, rule_squares=1 / 3, num_classes=8)` for m = 3 equal rules; v N_l tends to u_l of
    `theory.hierarchy` for large v.

    Raises:
        InputError: one symbol; more tuples than 1e300.
    """
    if vocab < 2:
        raise invalid("vocab", vocab, "rules differ where there are two symbols or more", "Choose 2 or more")
    agree_in_one = (tuples_beside(vocab, branching) - 1) / (tuples_beside(vocab, branching + 1) - 1)
    norms = [1.0 / num_classes]
    for _ in range(depth):
        norms.append(_keeps(vocab, branching, rule_squares) * norms[-1] + agree_in_one)
    return np.array(norms[::-1])


def _marginal_cubes(
    vocab: int, branching: int, norms: Float[np.ndarray, " levels"], rule_squares: float, rule_cubes: float
) -> Float[np.ndarray, " levels"]:
    """sum_a p_l(a)^3, l = 0..L, averaged over grammars: 1, 2 or 3 of three rules put one symbol in the slot. Exact."""
    tuples, sharing = vocab**branching, vocab ** (branching - 1)  # sharing: with a given symbol in the slot
    two_agree = (sharing - 1) / (tuples - 1)
    three_agree = two_agree * (sharing - 2) / (tuples - 2)
    cubes = [norms[-1] ** 2]
    for norm in norms[:0:-1]:
        two, three = rule_squares * norm, rule_cubes * cubes[-1]
        cubes.append(three + 3.0 * (two - three) * two_agree + (1.0 - 3.0 * two + 2.0 * three) * three_agree)
    return np.array(cubes[::-1])


def _at_ancestor(vocab: int, branching: int, squares: float, cubes: float) -> float:
    """sum of C^2 of two children, from the sums of squares and of cubes of the rules' probabilities (2 above)."""
    share = vocab**-branching
    second, third = squares - share, cubes - 3.0 * squares * share + 2.0 * share**2
    if second <= 1e-12 * share:  # all tuples equally probable: independent children
        return 0.0
    agree_in_two = (vocab ** (branching - 2) - 1) / (vocab**branching - 1)
    variance = squares * (1.0 - agree_in_two) + agree_in_two - vocab**-2
    return (vocab - 1) / (vocab + 1) * variance * (1.0 + second - 2.0 * third / second)


def _keeps(vocab: int, branching: int, rule_squares: float) -> float:
    """g: what one level down one path leaves of a squared covariance."""
    return rule_squares * (vocab**branching - vocab ** (branching - 1)) / (vocab**branching - 1)


def _known(kind: Kind) -> Kind:
    if kind not in _KINDS:
        raise unknown("kind", kind, _KINDS)
    return kind
