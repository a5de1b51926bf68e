"""Which parts of a sentence of the random hierarchy model are correlated, how strongly, and when a sample shows it.

Two nodes of the tree, not one below the other, are independent given their lowest common ancestor. With p(a) the
probability of the ancestor's symbol, rules (a, k) of probability w, and D_x the matrix product of child-given-parent
probabilities along the path from the ancestor's child down to x,

    P(x, y) = D_x^T J D_y,    J(b, c) = sum over rules a, k with children b, c on the two paths of p(a) w(a, k),

and the covariance is C(x, y) = P(x, y) - P(x) P(y). A node's rule is drawn independently of all outside its subtree, so
the s-tuple below it, which the rule fixes, has C((a, k), y) = w(a, k) C(a, y). Exact for the grammar at hand, with any
rule probabilities; O(v^2 (v + m) L).

The empirical covariance of two independent variables over P sentences has, exactly,

    E sum C_P^2 = (1 - sum p^2) (1 - sum q^2) (P - 1) / P^2.

A correlation is resolved when its squared covariance is not below this floor. Source: arXiv 2406.00048, sections 3-4,
and 2505.07070 (thresholds from signal = noise); the floor with its factors is derived here: of the two-fold sums over
sentences only those of a sentence with itself have an expectation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Integer

from syntagma.errors import invalid, whole_number
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Sample

Node = tuple[int, int]
"""(level, position): level 0 is the tokens; negative positions count from the end."""

Kind = Literal["token", "symbol", "tuple"]


@dataclass(frozen=True)
class Correlation:
    """A token's correlation with what stands in sibling subtrees that meet it at one level.

    Attributes:
        kind: "token", another token; "symbol", the level-(l - 1) symbol at the top of a sibling subtree; "tuple", the
            s-tuple that this symbol was replaced by.
        level: l, of the lowest common ancestor.
        squared_covariance: mean of C^2 over both symbols' values, and over all such partners of the token.
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

    def resolved_by(self, num_examples: int) -> bool:
        """Whether a sample of so many sentences shows it."""
        return num_examples >= self.examples_needed


def correlations(language: RandomHierarchy, position: int = -1) -> tuple[Correlation, ...]:
    """Correlations of the token at `position`, by kind and level l = 1..L; exact.

    Symbols and tuples are listed from l = 2 on: below, they are the tokens, or nothing.

    Raises:
        InputError: no such position.
    """
    token = _node(language, (0, position))
    found = [_of_kind(language, token, "token", level) for level in range(1, language.depth + 1)]
    kinds: tuple[Kind, ...] = ("symbol", "tuple")
    found += [_of_kind(language, token, kind, level) for kind in kinds for level in range(2, language.depth + 1)]
    return tuple(found)


def resolved(language: RandomHierarchy, num_examples: int, position: int = -1) -> dict[Kind, int]:
    """The highest level up to which P sentences show each kind's correlations with a token, 0 for none.

    Raises:
        InputError: no such position; `num_examples` is no whole number above 0.
    """
    num_examples = whole_number("num_examples", num_examples)
    levels: dict[Kind, int] = {"token": 0, "symbol": 1, "tuple": 1}
    for one in correlations(language, position):  # in the order of the levels
        if one.resolved_by(num_examples) and levels[one.kind] == one.level - 1:
            levels[one.kind] = one.level
    return {kind: level if level > (kind != "token") else 0 for kind, level in levels.items()}


def marginal(language: RandomHierarchy, node: Node) -> Float[np.ndarray, " symbols"]:
    """P(symbol at the node).

    Raises:
        InputError: no such node.
    """
    level, position = _node(language, node)
    top = np.full(language.num_classes, 1.0 / language.num_classes)
    return top @ _down(language, language.depth, level, position)


def joint(language: RandomHierarchy, first: Node, second: Node) -> Float[np.ndarray, "a b"]:
    """P(symbol at `first`, symbol at `second`), nodes not one below the other.

    Raises:
        InputError: no such node; one node lies below the other.
    """
    first, second = _node(language, first), _node(language, second)
    size, level = language.branching, max(first[0], second[0])
    places = [position // size ** (level - own) for own, position in (first, second)]
    if places[0] == places[1]:
        raise invalid("second", second, f"one of it and first={first} lies below the other", "Give separate nodes")
    while places[0] // size != places[1] // size:
        places, level = [place // size for place in places], level + 1
    ancestor = marginal(language, (level + 1, places[0] // size))
    rows = language.productions[level].reshape(-1, size)
    weights = (ancestor[:, None] * language.weights[level]).reshape(-1)
    children = np.zeros((language.vocab, language.vocab))
    np.add.at(children, (rows[:, places[0] % size], rows[:, places[1] % size]), weights)
    left, right = (_down(language, level, own, position) for own, position in (first, second))
    return left.T @ children @ right


def covariance(language: RandomHierarchy, first: Node, second: Node) -> Float[np.ndarray, "a b"]:
    """P(x, y) - P(x) P(y) of the symbols at two nodes. Raises: as `joint`."""
    both = joint(language, first, second)
    return both - np.outer(both.sum(axis=1), both.sum(axis=0))


def tuple_covariance(language: RandomHierarchy, node: Node, second: Node) -> Float[np.ndarray, "a m b"]:
    """Covariance of the s-tuple below `node` with the symbol at `second`; the tuple is known by its symbol and rule.

    Raises:
        InputError: as `joint`; `node` is a token.
    """
    level, position = _node(language, node)
    if level == 0:
        raise invalid("node", node, "a token has no tuple below it", "Give a level of 1 or more")
    return language.weights[level - 1][:, :, None] * covariance(language, (level, position), second)[:, None, :]


def empirical_covariance(
    first: Integer[np.ndarray, " n"], second: Integer[np.ndarray, " n"], sizes: Sequence[int]
) -> Float[np.ndarray, "a b"]:
    """Covariance of the one-hot vectors of two measured variables with values in [0, sizes[0]) and [0, sizes[1])."""
    codes = np.asarray(first, np.intp) * sizes[1] + second
    both = np.bincount(codes, minlength=sizes[0] * sizes[1]).reshape(sizes[0], sizes[1]) / len(codes)
    return both - np.outer(both.sum(axis=1), both.sum(axis=0))


def sampling_floor(first: Float[np.ndarray, " a"], second: Float[np.ndarray, " b"], num_examples: int) -> float:
    """Mean over the a b entries of the squared empirical covariance expected of independent variables.

    Args:
        first: probabilities of one variable's values.
        second: of the other's.
        num_examples: P.
    """
    total = (1.0 - np.sum(first**2)) * (1.0 - np.sum(second**2)) * (num_examples - 1) / num_examples**2
    return float(total / (len(first) * len(second)))


def measured(language: RandomHierarchy, sample: Sample, position: int = -1) -> tuple[Correlation, ...]:
    """As `correlations`, from a sample alone: its squared covariances include its own sampling floor.

    Raises:
        InputError: no such position; no hidden levels and rules in `sample`.
    """
    if sample.levels is None or sample.rules is None:
        raise invalid("sample.levels", None, "they are needed", "Sample with hidden=True, or parse the tokens")
    token = _node(language, (0, position))
    return tuple(_of_kind(language, token, one.kind, one.level, sample) for one in correlations(language, position))


def _of_kind(
    language: RandomHierarchy, token: Node, kind: Kind, level: int, sample: Sample | None = None
) -> Correlation:
    """Means over the partners of `token` that meet it at `level`."""
    own_level = 0 if kind == "token" else level - 1
    squares, floors = [], []
    for partner in _partners(language, token[1], level, own_level):
        if sample is not None:
            both = _counted(language, sample, kind, (own_level, partner), token)
        elif kind == "tuple":
            both = tuple_covariance(language, (own_level, partner), token)
            both = both.reshape(-1, language.vocab)
        else:
            both = covariance(language, (own_level, partner), token)
        squares.append(np.mean(both**2))
        floors.append(_large_sample_floor(language, kind, (own_level, partner), token))
    return Correlation(kind, level, float(np.mean(squares)), float(np.mean(floors)))


def _large_sample_floor(language: RandomHierarchy, kind: Kind, partner: Node, token: Node) -> float:
    p, q = marginal(language, partner), marginal(language, token)
    if kind == "tuple":
        p = (p[:, None] * language.weights[partner[0] - 1]).reshape(-1)
    return float((1.0 - np.sum(p**2)) * (1.0 - np.sum(q**2)) / (len(p) * len(q)))


def _counted(language: RandomHierarchy, sample: Sample, kind: Kind, partner: Node, token: Node) -> np.ndarray:
    assert sample.levels is not None
    assert sample.rules is not None
    level, position = partner
    values, size = sample.levels[level][:, position].astype(np.intp), language.symbols(level)
    if kind == "tuple":
        values, size = values * language.rules + sample.rules[level - 1][:, position], size * language.rules
    return empirical_covariance(values, sample.tokens[:, token[1]], (size, language.vocab))


def _partners(language: RandomHierarchy, position: int, level: int, own_level: int) -> np.ndarray:
    """Positions of the level-`own_level` nodes whose lowest common ancestor with the token is at `level`."""
    size = language.branching
    nodes = np.arange(size ** (language.depth - own_level))
    meets = nodes // size ** (level - own_level) == position // size**level
    return nodes[meets & (nodes // size ** (level - 1 - own_level) != position // size ** (level - 1))]


def _down(language: RandomHierarchy, top: int, level: int, position: int) -> Float[np.ndarray, "n_top n_level"]:
    """P(symbol at (level, position) | symbol of its ancestor at level `top`)."""
    given = np.eye(language.symbols(top))
    for height in range(top, level, -1):
        slot = position // language.branching ** (height - 1 - level) % language.branching
        step = np.zeros((language.symbols(height), language.vocab))
        parents = np.arange(len(step))[:, None]
        np.add.at(step, (parents, language.productions[height - 1][:, :, slot]), language.weights[height - 1])
        given = given @ step
    return given


def _node(language: RandomHierarchy, node: Node) -> Node:
    level, position = whole_number("level", node[0], minimum=0), node[1]
    language.symbols(level)
    count = language.branching ** (language.depth - level)
    position = whole_number("position", position, minimum=-count)
    if position >= count:
        raise invalid("position", position, f"level {level} has {count} positions", f"Give {-count} to {count - 1}")
    return level, position % count
