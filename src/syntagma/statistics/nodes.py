"""Joint laws of the symbols at two nodes of a tree of the random hierarchy model: exact for the grammar at hand.

Two nodes, not one below the other, are independent given their lowest common ancestor. With p(a) the probability of the
ancestor's symbol, rules (a, k) of probability w, and D_x the matrix product of child-given-parent probabilities along
the path from the ancestor's child down to x,

    P(x, y) = D_x^T J D_y,    J(b, c) = sum over rules a, k with children b, c on the two paths of p(a) w(a, k),

and the covariance is C(x, y) = P(x, y) - P(x) P(y). A node's rule is drawn independently of all outside its subtree, so
the s-tuple below it, which the rule fixes, has C((a, k), y) = w(a, k) C(a, y).

Regime: any grammar, any rule probabilities; exact to rounding. Cost O(v^2 (v + m) L) for a pair of nodes.
Source: the model is that of arXiv 2307.02129 and 2406.00048, which average these laws over grammars; the exact matrix
form is derived here, from the independence of the choices of rules.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from syntagma.checked_call import checked
from syntagma.errors import invalid, whole_number
from syntagma.languages.hierarchy import RandomHierarchy

Node = tuple[int, int]
"""(level, position): level 0 is the tokens; negative positions count from the end."""


@checked
def marginal(language: RandomHierarchy, node: Node) -> Float[np.ndarray, " symbols"]:
    """P(symbol at the node): `marginal(language, (0, -1))` is the law of the last token.

    Raises:
        InputError: no such node.
    """
    level, position = checked_node(language, node)
    top = np.full(language.num_classes, 1.0 / language.num_classes)
    return top @ _down(language, language.depth, level, position)


@checked
def joint(language: RandomHierarchy, first: Node, second: Node) -> Float[np.ndarray, "a b"]:
    """P(symbol at `first`, symbol at `second`), as in `joint(language, (1, 0), (0, -1))`.

    Raises:
        InputError: no such node; one node lies below the other.
    """
    first, second = checked_node(language, first), checked_node(language, second)
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


@checked
def covariance(language: RandomHierarchy, first: Node, second: Node) -> Float[np.ndarray, "a b"]:
    """P(x, y) - P(x) P(y) of the symbols at two nodes: `covariance(language, (0, 0), (0, -1))`. Raises: as `joint`."""
    both = joint(language, first, second)
    return both - np.outer(both.sum(axis=1), both.sum(axis=0))


@checked
def tuple_covariance(language: RandomHierarchy, node: Node, second: Node) -> Float[np.ndarray, "a m b"]:
    """Covariance of the s-tuple below `node` with the symbol at `second`; the tuple is known by its symbol and rule.

    `tuple_covariance(language, (1, 0), (0, -1))` is that of the first s tokens with the last one.

    Raises:
        InputError: as `joint`; `node` is a token.
    """
    level, position = checked_node(language, node)
    if level == 0:
        raise invalid("node", node, "a token has no tuple below it", "Give a level of 1 or more")
    return language.weights[level - 1][:, :, None] * covariance(language, (level, position), second)[:, None, :]


@checked
def covariance_with_root(language: RandomHierarchy, node: Node) -> Float[np.ndarray, "a classes"]:
    """C(x, y) of the symbol at `node` with the class at the root: `covariance_with_root(language, (1, 0))`.

    Raises:
        InputError: no such node.
    """
    level, position = checked_node(language, node)
    both = _down(language, language.depth, level, position).T / language.num_classes
    return both - np.outer(both.sum(axis=1), both.sum(axis=0))


def checked_node(language: RandomHierarchy, node: Node) -> Node:
    """The node with its position counted from the front.

    Raises:
        InputError: no such level or position.
    """
    level, position = whole_number("level", node[0], minimum=0), node[1]
    language.symbols(level)
    count = language.branching ** (language.depth - level)
    position = whole_number("position", position, minimum=-count)
    if position >= count:
        raise invalid("position", position, f"level {level} has {count} positions", f"Give {-count} to {count - 1}")
    return level, position % count


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
