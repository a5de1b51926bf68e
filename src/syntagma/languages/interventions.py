"""Interventions on a sentence's tree: change one thing at one node, keep all else.

A sentence is its derivation: a symbol at each node (level l, position i) and the rule that it used. Three changes:

- `resample_rule`: another rule of the same symbol, and all below it drawn anew: a synonym.
- `resample_symbol`: another symbol at the node, and all below it drawn anew.
- `exchange_rules`: two rules of each symbol of a level change places; the rule numbers below stay as they were.

New rules follow the grammar's own law, whatever the rule probabilities, or that law given that the outcome differs
from what stood there (`different`). A rule is independent of all outside its subtree, so `resample_rule` leaves the law
of sentences unchanged, and so does `resample_symbol` under its "conditional" law: both are steps of Gibbs sampling.
With `different` they do not: a change then follows the law divided by 1 - P(what stood there).

Source: arXiv 2505.07070, second half (synonyms and symbols); arXiv 2307.02129 (exchange of synonyms).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Integer

from syntagma.checked_call import flags_checked
from syntagma.errors import InputError, invalid, unknown, whole_number
from syntagma.languages._draws import exponentials
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Sample
from syntagma.randomness import stream


@dataclass(frozen=True)
class Intervention:
    """Sentences after a change.

    Attributes:
        sample: the changed sentences with their hidden levels and rules. Where a change left no parse, -1 stands for
            what is above, as `RandomHierarchy.parse` says.
        changed: `[n, T]`, the tokens that differ from those before.
        applied: `[n]`, where the change could be made. Elsewhere (no other rule or symbol was possible, or neither of
            the exchanged rules occurred) the sentence is as it was.
    """

    sample: Sample
    changed: Bool[np.ndarray, "n T"]
    applied: Bool[np.ndarray, " n"]


@flags_checked
def resample_rule(
    language: RandomHierarchy, sample: Sample, level: int, position: int, seed: int, *, different: bool = False
) -> Intervention:
    """Draw the rule of the level-`level` symbol at `position`, and all rules below it, anew.

    Args:
        language: the grammar.
        sample: with its hidden levels and rules.
        level: 1, the s-tuples of tokens, to L, the whole sentence.
        position: of the symbol in its level; negative ones count from the end.
        seed: of the draws.
        different: draw among the other rules of the symbol, in proportion to their probabilities.

    Raises:
        InputError: no hidden variables in `sample`; no such level or position.
    """
    levels, rules = _derivation(language, sample)
    level, position = _node(language, level, position, lowest=1)
    symbols, old = levels[level][:, position], rules[level - 1][:, position]
    weights = language.weights[level - 1][symbols]
    if different:
        weights[np.arange(len(symbols)), old] = 0.0
    rng = stream(seed, "resample rule", level, position)
    applied, chosen = _choose(rng, weights)
    _regrow(language, rng, levels, rules, level, position, symbols, applied, chosen)
    return _intervention(sample, Sample(levels[0], tuple(levels), tuple(rules)), applied)


@flags_checked
def resample_symbol(
    language: RandomHierarchy,
    sample: Sample,
    level: int,
    position: int,
    seed: int,
    *,
    different: bool = False,
    law: Literal["marginal", "conditional"] = "marginal",
) -> Intervention:
    """Draw the level-`level` symbol at `position` and all below it anew; all other tokens stay.

    Args:
        language: the grammar.
        sample: with its hidden levels and rules.
        level: 0, the tokens, to L, the whole sentence.
        position: of the symbol in its level; negative ones count from the end.
        seed: of the draws.
        different: draw among the other symbols, in proportion to their probabilities.
        law: "marginal", the symbol's law at that node whatever stands beside it, which in general leaves a sentence
            that the grammar cannot make; or "conditional", its law given all tokens outside its subtree, which leaves a
            sentence of the language, whose symbols and rules above the node may be others than before.

    Raises:
        InputError: no hidden variables in `sample`; no such level, position or law.
    """
    levels, rules = _derivation(language, sample)
    level, position = _node(language, level, position, lowest=0)
    if law not in ("marginal", "conditional"):
        raise unknown("law", law, ("marginal", "conditional"))
    old = levels[level][:, position]
    beliefs = _symbol_law(language, levels, level, position, given_the_rest=law == "conditional")
    if different:
        beliefs[np.arange(len(old)), old] = 0.0
    rng = stream(seed, "resample symbol", law, level, position)
    applied, chosen = _choose(rng, beliefs)
    _regrow(language, rng, levels, rules, level, position, chosen, applied)
    return _intervention(sample, language.parse(levels[0], strict=law == "conditional"), applied)


def exchange_rules(
    language: RandomHierarchy, sample: Sample, level: int, first: int, second: int, position: int | None = None
) -> Intervention:
    """Level-`level` symbols that used their rule `first` now use `second`, and conversely; rule numbers below stay.

    Nothing is drawn, and doing it twice gives the sentence back. With equal rules the law of sentences is unchanged;
    with unequal ones each exchange multiplies a sentence's probability by the ratio of the two rules' (and, where rule
    probabilities differ from symbol to symbol, of those below).

    Args:
        language: the grammar.
        sample: with its hidden levels and rules.
        level: 1 to L.
        first: a rule's number, 0 to m - 1.
        second: another.
        position: where; by default at all positions of the level.

    Raises:
        InputError: no hidden variables in `sample`; no such level, position or rule; the same rule twice.
    """
    levels, rules = _derivation(language, sample)
    level, _ = _node(language, level, 0 if position is None else position, lowest=1)
    first, second = _rule(language, "first", first), _rule(language, "second", second)
    if first == second:
        raise invalid("second", second, "exchanging a rule with itself changes nothing", "Name another rule")
    old = rules[level - 1]
    swapped = np.where(old == first, second, np.where(old == second, first, old)).astype(old.dtype)
    if position is not None:
        keep = np.arange(old.shape[1]) != _node(language, level, position, lowest=1)[1]
        swapped[:, keep] = old[:, keep]
    rules[level - 1] = swapped
    for lower in range(level, 0, -1):
        children = language.productions[lower - 1][levels[lower], rules[lower - 1]]
        levels[lower - 1] = children.reshape(len(old), -1).astype(levels[lower - 1].dtype)
    return _intervention(sample, Sample(levels[0], tuple(levels), tuple(rules)), (swapped != old).any(axis=1))


def _symbol_law(
    language: RandomHierarchy, levels: list[np.ndarray], level: int, position: int, given_the_rest: bool
) -> Float[np.ndarray, "n symbols"]:
    """P(symbol at the node), given all tokens outside its subtree or nothing.

    The siblings of the nodes on the path from the root to this one parse to one symbol each, and hold all that the
    outside says. So top down, with the node's child c on the path,
    P(c | siblings) ~ sum over the rules with these siblings and child c of P(parent) P(rule | parent).
    """
    size, depth = language.branching, language.depth
    law = np.full((len(levels[0]), language.num_classes), 1.0 / language.num_classes)
    for height in range(depth, level, -1):
        rows = language.productions[height - 1].reshape(-1, size)
        on_path = position // size ** (height - 1 - level)
        slot, start = on_path % size, on_path - on_path % size
        used = law.repeat(language.rules, axis=1) * language.weights[height - 1].reshape(-1)
        if given_the_rest:
            for other in range(size):
                if other != slot:
                    used *= levels[height - 1][:, start + other, None] == rows[:, other]
        law = used @ np.eye(language.vocab)[rows[:, slot]]
        total = law.sum(axis=1, keepdims=True)
        if total.min() == 0.0:
            raise InputError("sample has sentences of probability 0: intervene on sentences of the language.")
        law /= total
    return law


def _regrow(
    language: RandomHierarchy,
    rng: np.random.Generator,
    levels: list[np.ndarray],
    rules: list[np.ndarray],
    level: int,
    position: int,
    symbols: Integer[np.ndarray, " n"],
    where: Bool[np.ndarray, " n"],
    top_rule: Integer[np.ndarray, " n"] | None = None,
) -> None:
    """Put `symbols` at the node, draw all below, in the sentences `where`; `top_rule` is the node's, where given."""
    grown = symbols[:, None]
    for height in range(level, -1, -1):
        span = language.branching ** (level - height)
        columns = slice(position * span, (position + 1) * span)
        _put(levels, height, columns, grown, where)
        if height == 0:
            return
        if top_rule is None or height < level:
            _, flat = _choose(rng, language.weights[height - 1][grown.reshape(-1)])
            chosen = flat.reshape(grown.shape)
        else:
            chosen = top_rule[:, None]
        _put(rules, height - 1, columns, chosen, where)
        grown = language.productions[height - 1][grown, chosen].reshape(len(grown), -1)


def _put(arrays: list[np.ndarray], index: int, columns: slice, values: np.ndarray, where: np.ndarray) -> None:
    """A copy of `arrays[index]` with `values` in `columns` takes its place, in the rows `where`."""
    array = arrays[index].copy()
    array[:, columns] = np.where(where[:, None], values, array[:, columns])
    arrays[index] = array


def _choose(rng: np.random.Generator, weights: Float[np.ndarray, "n k"]) -> tuple[np.ndarray, np.ndarray]:
    """Where `[n]` a row has positive weights, and one of its columns drawn in proportion to them.

    The first of k exponential clocks with these rates rings: exact for weights of any sum.
    """
    with np.errstate(divide="ignore"):
        times = exponentials(rng, weights.size).reshape(weights.shape) / weights
    return np.asarray(weights.any(axis=1)), times.argmin(axis=1)


def _intervention(before: Sample, after: Sample, applied: np.ndarray) -> Intervention:
    return Intervention(after, after.tokens != before.tokens, applied)


def _derivation(language: RandomHierarchy, sample: Sample) -> tuple[list[np.ndarray], list[np.ndarray]]:
    if sample.levels is None or sample.rules is None:
        raise InputError("sample has no hidden levels and rules: sample with hidden=True, or parse its tokens.")
    if min(level.min() for level in sample.levels) < 0:
        raise InputError("sample has sentences without a parse: intervene on sentences of the language.")
    if len(sample.levels) != language.depth + 1:
        raise invalid("len(sample.levels)", len(sample.levels), f"the language has {language.depth + 1} levels")
    return list(sample.levels), list(sample.rules)


def _node(language: RandomHierarchy, level: int, position: int, lowest: int) -> tuple[int, int]:
    level = whole_number("level", level, minimum=lowest)
    language.symbols(level)
    count = language.branching ** (language.depth - level)
    position = whole_number("position", position, minimum=-count)
    if position >= count:
        raise invalid("position", position, f"level {level} has {count} positions", f"Give {-count} to {count - 1}")
    return level, position % count


def _rule(language: RandomHierarchy, field: str, rule: int) -> int:
    rule = whole_number(field, rule, minimum=0)
    if rule >= language.rules:
        raise invalid(field, rule, f"symbols have {language.rules} rules", f"Give 0 to {language.rules - 1}")
    return rule
