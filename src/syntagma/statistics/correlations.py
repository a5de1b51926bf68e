"""Which parts of a sentence of the random hierarchy model are correlated, how strongly, and when a sample shows it.

The empirical covariance C_P of two independent variables with probabilities p and q has, over P sentences, exactly

    E sum C_P^2 = (1 - sum p^2) (1 - sum q^2) (P - 1) / P^2,

the sampling floor: of the two-fold sums over sentences only those of a sentence with itself have an expectation. A
correlation is resolved when its squared covariance sum C^2 is not below the floor: from about

    P = (1 - sum p^2) (1 - sum q^2) / sum C^2        (signal = noise).

Four kinds, of a token whose lowest common ancestor with its partner is at level l. The first three are of the token:

    "token"        with another token below a sibling subtree;
    "symbol"       with the level-(l - 1) symbol at the top of a sibling subtree;
    "tuple"        with the s-tuple of level-(l - 2) symbols which that symbol was replaced by;
    "conditional"  is of that same s-tuple with the level-(l - 2) symbols beside the token's own ancestor there, which a
                   reader of levels below l knows already.

Derived here, to leading order in 1/v and 1/m: two children of one rule have sum C^2 = (1 - f) / (v m). A symbol's m
tuples share its covariance in m equal parts, which divides the sum of squares by m; each rule on the way down to the
partner divides it by m again. With a floor of about 1, signal = noise is at

    tokens v m^(2l-1) / (1 - f),   symbols v m^l / (1 - f),   tuples v m^(l+1) / (1 - f),   conditional v m^3 / (1 - f),

the last one at every level, since one rule lies between the common parent's child and the neighbour. arXiv 2605.27734
counts alike, m to the number of edges between the tuple's symbol and what it is correlated with, and concludes v m^3,
whatever the depth, for learners that predict neighbouring hidden symbols.

Regime: everything here is exact for the grammar at hand, whatever its rule probabilities; only "resolved" is a
convention, the floor being that of independent variables with the same frequencies, at large P. Cost O(v^2 (v + m) L)
a pair of nodes: 10 ms for v = 32, m = 8, L = 4. Source: arXiv 2406.00048, sections 3-4, and 2505.07070 (thresholds
from signal = noise); the floor with its factors, for finite P and unequal frequencies, is derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Integer

from syntagma.checked_call import checked
from syntagma.errors import invalid, unknown, whole_number
from syntagma.languages._tokens import checked_stream
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Sample
from syntagma.statistics.nodes import Node, checked_node, covariance, marginal, tuple_covariance

Kind = Literal["token", "symbol", "tuple", "conditional"]

_OF_TOKEN: tuple[Kind, ...] = ("token", "symbol", "tuple")


@dataclass(frozen=True, eq=False)
class Pair:
    """Two places of a sentence and their exact covariance.

    Attributes:
        covariance: `[a, b]`, C(x, y); a tuple x is numbered symbol times m plus rule.
        first: `[a]`, probabilities of x.
        second: `[b]`, of y.
        nodes: of x, or of the symbol above the tuple x, and of y.
    """

    covariance: Float[np.ndarray, "a b"]
    first: Float[np.ndarray, " a"]
    second: Float[np.ndarray, " b"]
    nodes: tuple[Node, Node]

    @property
    def floor(self) -> float:
        """Mean of C_P^2 over the a b entries times P, at large P, were the two independent."""
        total = (1.0 - np.sum(self.first**2)) * (1.0 - np.sum(self.second**2))
        return float(total / self.covariance.size)


@checked
@dataclass(frozen=True)
class Correlation:
    """The correlations of one kind with partners that meet the token at one level.

    Attributes:
        kind: see above.
        level: l, of the lowest common ancestor.
        squared_covariance: mean of C^2 over both symbols' values, and over all such pairs.
        floor: mean of C^2 that P sentences of independent variables with these frequencies show, times P, for large P.
    """

    kind: Kind
    level: int
    squared_covariance: float
    floor: float

    @property
    def examples_needed(self) -> float:
        """P at which the sampling floor has fallen to the squared covariance; infinite where there is none."""
        return self.floor / self.squared_covariance if self.squared_covariance > 0.0 else np.inf

    @checked
    def resolved_by(self, num_examples: int) -> bool:
        """Whether a sample of so many sentences shows it."""
        return num_examples >= self.examples_needed


@checked
def correlations(
    language: RandomHierarchy, position: int = -1, kinds: Sequence[Kind] = _OF_TOKEN
) -> tuple[Correlation, ...]:
    """Correlations by kind and level l = 1..L; exact: `correlations(language)[0].examples_needed` is P_1 of tokens.

    All but tokens are listed from l = 2 on: below, they are the tokens, or nothing.

    Raises:
        InputError: no such position or kind.
    """
    found: list[Correlation] = []
    for kind in kinds:
        levels = range(lowest_level(kind), language.depth + 1)
        found += [_averaged(kind, level, pairs(language, kind, level, position)) for level in levels]
    return tuple(found)


@checked
def pairs(language: RandomHierarchy, kind: Kind, level: int, position: int = -1) -> tuple[Pair, ...]:
    """All pairs of one kind that meet at `level`: `pairs(language, "tuple", 2)[0].covariance` has v m rows.

    Raises:
        InputError: no such position, kind or level; a level below the kind's lowest.
    """
    return tuple(_pair(language, kind, first, second) for first, second in _places(language, kind, level, position))


@checked
def lowest_level(kind: Kind) -> int:
    """The first level at which there is such a kind: `lowest_level("token")` is 1, all others begin at 2.

    Raises:
        InputError: unknown kind.
    """
    if kind not in get_args(Kind):
        raise unknown("kind", kind, get_args(Kind))
    return 1 if kind == "token" else 2


@checked
def resolved(language: RandomHierarchy, num_examples: int, position: int = -1) -> dict[Kind, int]:
    """The highest level up to which P sentences show the correlations of a token, by kind, 0 for none.

    `resolved(language, 1000)["tuple"]`.

    Raises:
        InputError: no such position; `num_examples` is no whole number above 0.
    """
    num_examples = whole_number("num_examples", num_examples)
    levels: dict[Kind, int] = {kind: lowest_level(kind) - 1 for kind in _OF_TOKEN}
    for one in correlations(language, position):  # in the order of the levels
        if one.resolved_by(num_examples) and levels[one.kind] == one.level - 1:
            levels[one.kind] = one.level
    return {kind: level if level >= lowest_level(kind) else 0 for kind, level in levels.items()}


@checked
def empirical_covariance(
    first: Integer[np.ndarray, " n"], second: Integer[np.ndarray, " n"], sizes: tuple[int, int]
) -> Float[np.ndarray, "a b"]:
    """Covariance of the one-hot vectors of two measured variables with values in [0, sizes[0]) and [0, sizes[1]).

    `empirical_covariance(tokens[:, 0], tokens[:, -1], (v, v))`.

    Raises:
        InputError: a value outside its range; nothing measured.
    """
    first, second = (checked_stream(one, size) for one, size in zip((first, second), sizes, strict=True))
    codes = first.astype(np.intp) * sizes[1] + second
    both = np.bincount(codes, minlength=sizes[0] * sizes[1]).reshape(sizes[0], sizes[1]) / len(codes)
    return both - np.outer(both.sum(axis=1), both.sum(axis=0))


@checked
def sampling_floor(first: Float[np.ndarray, " a"], second: Float[np.ndarray, " b"], num_examples: int) -> float:
    """Mean over the a b entries of the squared empirical covariance expected of independent variables.

    `sampling_floor(marginal(language, (0, 0)), marginal(language, (0, -1)), 1000)`; exact at any P.

    Args:
        first: probabilities of one variable's values.
        second: of the other's.
        num_examples: P.

    Raises:
        InputError: probabilities that do not sum to 1; `num_examples` is no whole number above 0.
    """
    for name, one in (("first", first), ("second", second)):
        if not len(one) or one.min() < 0 or abs(one.sum() - 1) > 1e-6:
            raise invalid(
                f"sum({name})", float(one.sum()), "probabilities are not negative and sum to 1", "Divide by it"
            )
    num_examples = whole_number("num_examples", num_examples)
    total = (1.0 - np.sum(first**2)) * (1.0 - np.sum(second**2)) * (num_examples - 1) / num_examples**2
    return float(total / (len(first) * len(second)))


@checked
def measured(
    language: RandomHierarchy, sample: Sample, position: int = -1, kinds: Sequence[Kind] = _OF_TOKEN
) -> tuple[Correlation, ...]:
    """As `correlations`, from a sample alone: its squared covariances include its own sampling floor.

    `measured(language, language.sample(0, 1000, hidden=True))`.

    Raises:
        InputError: no such position or kind; no hidden levels and rules in `sample`.
    """
    if sample.levels is None or sample.rules is None:
        raise invalid("sample.levels", None, "they are needed", "Sample with hidden=True, or parse the tokens")
    found = []
    for kind in kinds:
        for level in range(lowest_level(kind), language.depth + 1):
            exact = pairs(language, kind, level, position)
            squares = [np.mean(_counted(language, sample, kind, pair) ** 2) for pair in exact]
            floors = [pair.floor for pair in exact]
            found.append(Correlation(kind, level, float(np.mean(squares)), float(np.mean(floors))))
    return tuple(found)


def _averaged(kind: Kind, level: int, found: Sequence[Pair]) -> Correlation:
    squares = [np.mean(pair.covariance**2) for pair in found]
    return Correlation(kind, level, float(np.mean(squares)), float(np.mean([pair.floor for pair in found])))


def _pair(language: RandomHierarchy, kind: Kind, first: Node, second: Node) -> Pair:
    p, q = marginal(language, first), marginal(language, second)
    if kind in ("token", "symbol"):
        return Pair(covariance(language, first, second), p, q, (first, second))
    both = tuple_covariance(language, first, second).reshape(-1, len(q))
    return Pair(both, (p[:, None] * language.weights[first[0] - 1]).reshape(-1), q, (first, second))


def _places(language: RandomHierarchy, kind: Kind, level: int, position: int) -> list[tuple[Node, Node]]:
    """The two nodes of each pair; a tuple is named by the node above it."""
    token, level = checked_node(language, (0, position)), whole_number("level", level)
    if not lowest_level(kind) <= level <= language.depth:
        allowed = f"for kind={kind!r} it is {lowest_level(kind)} to depth={language.depth}"
        raise invalid("level", level, allowed)
    own_level = 0 if kind == "token" else level - 1
    partners = [(own_level, int(place)) for place in _partners(language, token[1], level, own_level)]
    if kind != "conditional":
        return [(partner, token) for partner in partners]
    neighbours = [(level - 2, int(place)) for place in _partners(language, token[1], level - 1, level - 2)]
    return [(partner, neighbour) for partner in partners for neighbour in neighbours]


def _counted(language: RandomHierarchy, sample: Sample, kind: Kind, pair: Pair) -> Float[np.ndarray, "a b"]:
    assert sample.levels is not None
    assert sample.rules is not None
    (level, position), (other_level, other) = pair.nodes
    values = sample.levels[level][:, position].astype(np.intp)
    if kind in ("tuple", "conditional"):
        values = values * language.rules + sample.rules[level - 1][:, position]
    return empirical_covariance(values, sample.levels[other_level][:, other], pair.covariance.shape)


def _partners(language: RandomHierarchy, position: int, level: int, own_level: int) -> Integer[np.ndarray, " n"]:
    """Positions of the level-`own_level` nodes whose lowest common ancestor with the token is at `level`."""
    size = language.branching
    nodes = np.arange(size ** (language.depth - own_level))
    meets = nodes // size ** (level - own_level) == position // size**level
    return nodes[meets & (nodes // size ** (level - 1 - own_level) != position // size ** (level - 1))]
