"""Whether the template matrix N of a depth-one transformer is singular, decided by expanding it in beta: no sampling.

Take K_trans (`kernels.presets.template_transformer`) with inverse temperature beta and positions of variance gamma^2,
and strings X_i, X_j of templates z_i, z_j that share no symbol. The scores of a string's T positions are

    m_a(X_i) = gamma p_a + (G_r where z_i has the regular token r at a, else g of the symbol there),

with p, G common to both strings and g each string's own, all independent N(0, 1). So given (p, G) the two attentions
are independent, and with F_i,a(p, G) = E_g[softmax(beta m(X_i))_a]

    C_ij = K_attn(X_i, X_j) = E[gamma^2 sum_a F_i,a F_j,a + sum_r (sum over a with z_ia = r of F_i,a) (the same of j)],

the Gram matrix of the functions F_1 .. F_r. What follows, with the Hermite coefficients a_n(kappa) of phi for an input
of variance kappa, kappa_i = K_attn(X_i, X_i) > 0, A_n = diag(a_n(kappa_i)) and R_ij = C_ij / sqrt(kappa_i kappa_j):

    N_ij = E[phi(u) phi(w)] = sum_n A_n R^(o n) A_n      (Mehler's formula; o n: powers entry by entry)

1. Every term is positive semidefinite. If C is not singular neither are R and, by Schur's product theorem, its powers
   entry by entry, so N is not singular if for some n >= 1 no a_n(kappa_i) is 0. For ReLU a_1(kappa) = sqrt(kappa) / 2,
   so s_min(N) >= s_min(C) / 4: the rank statement of the certificate follows from that of C.
2. C is singular exactly if some fixed combination sum_i v_i F_i vanishes, as a function. F is analytic in beta, and the
   determinant of C too, so if it is not 0 as a power series it is 0 at isolated values of beta > 0 at most.
3. The coefficients of the series are polynomials in (p, G): those of exp(beta m_a) / sum_b exp(beta m_b), averaged over
   g by E[g^(2n)] = (2n - 1)!!. Polynomials in Gaussian variables are independent exactly if their coefficients are.
   The power series F_1 .. F_r are reduced as rows of a matrix: while their terms of order 0 are dependent, with weights
   v, a row of the combination is replaced by sum_j v_j F_j / beta. When they are independent C is not singular, and the
   smallest eigenvalue falls as beta^(2 q), q the largest power of 1 / beta in the combinations made.

By hand for relational-match, whose labels are l = (1, -1, 1, -1): to order beta^2 the F_i are linear in X X^T, in which
pairs of positions hold equal symbols, and there l F vanishes, because the templates' pairs are AB, AC, C and B. By the
heat equation a pair (a, b) made equal adds the integral of E[d_a d_b softmax]; at order beta^4 what is left of l F is
d_1 d_2 (d_3 d_4 - d_5 d_6) softmax(0), fifth cumulants of a one-hot variable of six equal values:

    l F = +- beta^4 (0, 0, 1, 1, -1, -1) / 216 + O(beta^5),      l C l = gamma^2 beta^8 / 11664 (1 + O(beta^2)).

A combination with weights that depend on beta, (F_1 - F_2) beta^2 added, cancels this too: q = 5. It is not 0, so N is
not singular, and enough strings teach the task. Orders q of other tasks: 2 for aba-abb, 3 for same-different and
aabb-abab, 6 for majority of five, 9 for distribution-of-three. Those of 2 and 3 agree with eigenvalues by quadrature;
the higher ones rest on the algorithm alone. What is far up needs many strings; how many, at a given beta, says
`theory.template_integral`.

Regime: any beta > 0 but isolated values, any gamma > 0 (on which independence does not depend; for gamma = 0 only what
regular tokens carry is left), depth one, infinite width, unlimited alphabet. What is not decided may be singular, or
have a slower direction yet. Cost: about (T + n choose n) 2^n terms a template at order n, ten seconds for
distribution-of-three. Source: arXiv 2310.09753, section 3 and its appendix, for N being not singular at almost all
parameters, from analytic functions; the conditional form, the orders and the algorithm are derived here.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
from jaxtyping import Int
from pydantic import PositiveInt

from syntagma.checked_call import checked
from syntagma.languages.templates import Templates

Name = TypeVar("Name", tuple[int, ...], int)
_Polynomial = dict[tuple[int, ...], Fraction]
"""Coefficients by the exponents of each variable."""
_Row = list[dict[tuple[int, ...], Fraction]]
"""A power series in beta of vectors, which are given by their entries that are not 0."""


@dataclass(frozen=True)
class Rank:
    """What the expansion says of the template matrix.

    Attributes:
        full: whether N is shown not to be singular, for all beta > 0 but isolated values; False says nothing.
        order: q, the smallest eigenvalue of C falls as beta^(2 q); of the last degree tried where not `full`.
        degree: the power of beta up to which was expanded.
        direction: weights of the templates in the slowest direction, at small beta.
    """

    full: bool
    order: int
    degree: int
    direction: tuple[float, ...]


@checked
def template_rank(templates: Templates, terms: PositiveInt = 4000, *, positions: bool = True) -> Rank:
    """The lowest degree that decides it: `template_rank(family("relational-match")).order` is 5.

    Args:
        terms: no further degree is tried if a polynomial of it has more terms.
        positions: whether positions are embedded, gamma > 0.
    """
    patterns, regular = templates.patterns, templates.num_regular
    series: list[list[_Polynomial]] = []  # of the softmax, by order and position: each degree adds one order
    rows: list[_Row] = [[] for _ in patterns]
    found = Rank(False, 0, 0, ())
    for order in itertools.count():
        if math.comb(patterns.shape[1] + order, order) > terms:
            break
        series.append(_softmax_term(patterns.shape[1], series))
        for row, pattern in zip(rows, patterns, strict=True):
            row.append(_features(series[-1], pattern, regular, positions=positions))
        found = _reduced(rows, order)
        if found.full:
            return found
    return found


def _softmax_term(length: int, before: Sequence[Sequence[_Polynomial]]) -> list[_Polynomial]:
    """The next coefficient of beta of exp(beta m_a) / sum_b exp(beta m_b), in m, for every position a."""
    order = len(before)
    units = [tuple(int(a == b) for b in range(length)) for a in range(length)]

    def power(a: int, n: int) -> _Polynomial:
        return {tuple(n * e for e in units[a]): Fraction(1, math.factorial(n))}

    terms = []
    for a in range(length):
        total: dict[tuple[int, ...], Fraction] = defaultdict(Fraction, power(a, order))
        for n in range(1, order + 1):
            for b in range(length):
                for exponents, value in before[order - n][a].items():
                    raised = (*exponents[:b], exponents[b] + n, *exponents[b + 1 :])
                    total[raised] -= value / math.factorial(n)
        terms.append({exponents: value / length for exponents, value in total.items() if value})
    return terms


def _features(
    term: Sequence[_Polynomial], pattern: Int[np.ndarray, " T"], regular: int, *, positions: bool
) -> dict[tuple[int, ...], Fraction]:
    """Coefficients of F_i in (p, G) at every position, or summed over those of each regular token without positions."""
    out: dict[tuple[int, ...], Fraction] = defaultdict(Fraction)
    averages: dict[tuple[int, ...], list[tuple[tuple[int, ...], int]]] = {}
    for a, polynomial in enumerate(term):
        if not positions and pattern[a] >= regular:
            continue
        place = a if positions else int(pattern[a])
        for exponents, value in polynomial.items():
            if exponents not in averages:
                averages[exponents] = list(_averaged(exponents, pattern, regular, positions=positions))
            for left, weight in averages[exponents]:
                out[place, *left] += value * weight
    return {name: value for name, value in out.items() if value}


def _averaged(
    exponents: tuple[int, ...], pattern: Int[np.ndarray, " T"], regular: int, *, positions: bool
) -> Iterator[tuple[tuple[int, ...], int]]:
    """E_g of prod_a (p_a + its token's variable)^e_a: exponents of p, then of G, and their whole factor."""
    choices = [range(e + 1) if positions else (0,) for e in exponents]
    for of_positions in itertools.product(*choices):
        factor, of_tokens = 1, defaultdict(int)
        for e, own, token in zip(exponents, of_positions, pattern.tolist(), strict=True):
            factor *= math.comb(e, own)
            of_tokens[token] += e - own
        for token, power in of_tokens.items():
            if token >= regular:  # (n - 1)!! for even n
                factor *= 0 if power % 2 else math.prod(range(1, power, 2))
        if factor:
            yield (*of_positions, *(of_tokens.get(token, 0) for token in range(regular))), factor


def _reduced(rows: Sequence[_Row], degree: int) -> Rank:
    """Reduce rows of power series, known up to `degree`, until their leading terms are independent."""
    rows, number = [list(row) for row in rows], len(rows)
    made = [{0: [Fraction(int(i == j)) for j in range(number)]} for i in range(number)]  # by power of 1 / beta
    while True:
        dependent = _dependent([row[0] for row in rows])
        order = max(max(combination) for combination in made)
        slowest = max(made, key=max)[order]
        if not dependent:
            return Rank(True, order, degree, _direction(slowest))
        changed = {}
        for i, weights in dependent.items():
            known = min(len(rows[j]) for j in weights) - 1
            if not known:
                return Rank(False, order, degree, ())
            row = [_combined([(w, rows[j][n]) for j, w in weights.items()]) for n in range(1, known + 1)]
            combination: dict[int, list[Fraction]] = {}
            for j, w in weights.items():
                for power, vector in made[j].items():
                    sums = combination.setdefault(power + 1, [Fraction(0)] * number)
                    combination[power + 1] = [a + w * b for a, b in zip(sums, vector, strict=True)]
            changed[i] = row, {p: v for p, v in combination.items() if any(v)}
        for i, (row, combination) in changed.items():
            rows[i], made[i] = row, combination


def _dependent(vectors: Sequence[dict[tuple[int, ...], Fraction]]) -> dict[int, dict[int, Fraction]]:
    """For each vector that depends on those before it: weights, 1 for itself, with which they sum to 0."""
    kept: list[tuple[tuple[int, ...], dict[tuple[int, ...], Fraction], dict[int, Fraction]]] = []
    out: dict[int, dict[int, Fraction]] = {}
    for i, vector in enumerate(vectors):
        left, weights = dict(vector), {i: Fraction(1)}
        for pivot, row, own in kept:
            if pivot in left:
                share = -left[pivot] / row[pivot]
                left = _combined([(Fraction(1), left), (share, row)])
                weights = _combined([(Fraction(1), weights), (share, own)])
        if left:
            kept.append((min(left), left, weights))
        else:
            out[i] = weights
    return out


def _combined(parts: Iterable[tuple[Fraction, Mapping[Name, Fraction]]]) -> dict[Name, Fraction]:
    """The sum of vectors times their weights, without what cancels."""
    out: dict[Name, Fraction] = defaultdict(Fraction)
    for weight, vector in parts:
        for name, value in vector.items():
            out[name] += weight * value
    return {name: value for name, value in out.items() if value}


def _direction(vector: Sequence[Fraction]) -> tuple[float, ...]:
    largest = max(map(abs, vector))
    return tuple(float(value / largest) for value in vector)
