"""H(last token | k previous tokens): exact, over the rules along the edges of the context, or by sampling.

Subtrees observed whole are parsed without ambiguity, so a context is equivalent to the symbols that are the children
of the path from the smallest subtree's top down to the last token, and of the path along which the context's beginning
cuts that subtree. Only the rules on these two paths matter. A case is a context so described, with the symbol at a
path's lower end and the probability of both. Cases grow by a factor m a level, not by v**(s - 1): for a plateau, where
k = s**l - 1 and nothing is cut, there are n_l m**l of them (n_l symbols at level l, m rules each), against v**k
contexts and n_l m**((s**l - 1) / (s - 1)) sentences. At the end the symbol is the last token b, and

    H = sum over contexts and b of P(context, b) ln(P(context) / P(context, b)).

The prior of the smallest subtree's top is its exact marginal at that place. Derived here; the plateaus are those of
arXiv 2505.07070, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from syntagma.estimate import Estimate
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.oracles._tables import LevelTable, TupleIndex
from syntagma.randomness import stream

MOST_CASES = 2**23  # about 1.5 seconds
_MOST_CUT_CASES = 2**20  # before those that look the same are merged
_PIECE = 2**20  # cases worked on at once: some 100 MB
_LARGEST_CODE = 2**62


class TooManyCases(Exception):
    """An exact sum would be over more cases than `MOST_CASES`."""


@dataclass(frozen=True)
class Cases:
    """What may be seen along a path, and how probable it is: mass[i] = P(context[i], symbol[i] | given[i]).

    `given` is the symbol at the upper end of the path, `symbol` the one at its lower end (0 for a cut, where it is
    summed over); contexts are numbered in [0, num_contexts).
    """

    context: np.ndarray
    num_contexts: int
    given: np.ndarray
    symbol: np.ndarray
    mass: np.ndarray


def exact_conditional_entropy(
    tables: Sequence[LevelTable], num_previous: int, marginal: Callable[[int, int], np.ndarray]
) -> float:
    """H(last token | the `num_previous` tokens before it) in nats; `marginal(level, position)` as in `TreeOracle`.

    Raises:
        TooManyCases: more than `MOST_CASES` cases, or 2**20 of the part that the context's beginning cuts.
    """
    branching, height = tables[0].branching, 0
    while branching**height < num_previous + 1:
        height += 1
    prior = marginal(height, -1)
    if height == 0:
        return _entropy(np.zeros(len(prior), np.intp), 1, prior)
    top = _top_cases(tables, height, num_previous + 1 - branching ** (height - 1), prior)
    rules = max(len(table.by_slot[0].weights) / table.sizes[0] for table in tables)
    if len(top.mass) * rules ** (height - 1) > MOST_CASES:
        raise TooManyCases
    below = [_rule_cases(table, branching - 1, None, on_path=True) for table in reversed(tables[: height - 1])]
    entropy = 0.0
    for cases in _pieces(top, tables[0].sizes[1] * rules ** (height - 1)):
        for lower in below:
            cases = _extend(cases, lower)
        entropy += _entropy(cases.context, cases.num_contexts, cases.mass)
    return entropy


def sample_contexts(language: RandomHierarchy, num_samples: int, seed: int) -> np.ndarray:
    """Sentences to average entropies over, independent of those that `seed` gives elsewhere."""
    own_seed = int(stream(seed, "oracle", "conditional entropy").integers(2**62))
    return language.sample(own_seed, num_samples).tokens


def entropies(posteriors: np.ndarray) -> np.ndarray:
    """Entropy `[n]` in nats of each distribution `[n, v]`."""
    logs = np.log(posteriors, out=np.zeros_like(posteriors), where=posteriors > 0.0)
    return -(posteriors * logs).sum(axis=1)


def with_control(exact: float, at_exact: np.ndarray, wanted: np.ndarray, vocab: int) -> Estimate:
    """Mean of `wanted`, from the mean of its difference to `at_exact`, which has mean `exact` (a control variate).

    Where no sample differs, the standard error is ln(vocab) / n: that of one difference of the largest size.
    """
    change, count = wanted - at_exact, len(wanted)
    error = float(change.std(ddof=1) / np.sqrt(count)) if np.ptp(change) > 0.0 else float(np.log(vocab) / count)
    return Estimate(exact + float(change.mean()), error)


def _top_cases(tables: Sequence[LevelTable], height: int, from_left: int, prior: np.ndarray) -> Cases:
    """Cases of the smallest subtree's top rule; of its children but the last, the last `from_left` tokens are seen."""
    full, rest = divmod(from_left, tables[0].branching ** (height - 1))
    cut = _suffix(tables, height - 1, rest) if rest else None
    cases = _rule_cases(tables[height - 1], full, cut, on_path=True)
    return _merged(replace(cases, given=np.zeros_like(cases.given), mass=cases.mass * prior[cases.given]))


def _suffix(tables: Sequence[LevelTable], height: int, num_tokens: int) -> Cases:
    """Cases of the last `num_tokens` tokens of a subtree, 0 < num_tokens < s**height, given its top."""
    full, rest = divmod(num_tokens, tables[0].branching ** (height - 1))
    cut = _suffix(tables, height - 1, rest) if rest else None
    return _rule_cases(tables[height - 1], full, cut, on_path=False)


def _rule_cases(table: LevelTable, num_full: int, cut: Cases | None, on_path: bool) -> Cases:
    """Cases of one level's rules: `num_full` children are known, the one to the left of them is seen through `cut`.

    The children counted are the last ones, or, on the path to the last token, the last ones but one.
    """
    sides, weights = table.by_slot[0].sides, table.by_slot[0].weights
    end = table.branching + (0 if on_path else 1)
    context, num_contexts = np.zeros(len(weights), np.intp), 1
    if num_full:
        index = TupleIndex(sides[end - num_full : end].T, table.sizes[1])
        context, num_contexts = index.number, index.size
    symbol = sides[-1] if on_path else np.zeros_like(context)
    if cut is None:
        return _merged(Cases(context, num_contexts, sides[0], symbol, weights))
    rule, beginning = np.arange(len(weights)), sides[end - num_full - 1]
    seen = _extend(Cases(context, num_contexts, rule, beginning, weights), cut, limit=_MOST_CUT_CASES)
    return _merged(replace(seen, given=sides[0][seen.given], symbol=symbol[seen.given]))


def _extend(upper: Cases, lower: Cases, limit: int | None = None) -> Cases:
    """Each case of `upper`, continued by each case of `lower` given the symbol at its end."""
    order = np.argsort(lower.given, kind="stable")
    counts = np.bincount(lower.given, minlength=int(upper.symbol.max(initial=0)) + 1)
    repeats = counts[upper.symbol]
    if limit is not None and repeats.sum() > limit:
        raise TooManyCases
    source = np.repeat(np.arange(len(repeats)), repeats)
    turn = np.arange(len(source)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    continued = order[(np.cumsum(counts) - counts)[upper.symbol[source]] + turn]
    context, num_contexts = upper.context, upper.num_contexts
    if num_contexts * lower.num_contexts > _LARGEST_CODE:
        context, num_contexts = _renumbered(context)
    return Cases(
        context[source] * lower.num_contexts + lower.context[continued],
        num_contexts * lower.num_contexts,
        upper.given[source],
        lower.symbol[continued],
        upper.mass[source] * lower.mass[continued],
    )


def _pieces(cases: Cases, growth: float) -> Iterator[Cases]:
    """Cases, sorted by context, in pieces of whole contexts that stay small though each context grows by `growth`."""
    contexts = max(1, int(_PIECE / growth))
    for first in range(0, cases.num_contexts, contexts):
        part = slice(*np.searchsorted(cases.context, [first, first + contexts]))
        yield Cases(cases.context[part] - first, contexts, cases.given[part], cases.symbol[part], cases.mass[part])


def _merged(cases: Cases) -> Cases:
    """Cases that agree in all but mass made one, sorted by context, contexts numbered without gaps."""
    context, num_contexts = _renumbered(cases.context)
    ends, num_ends = _renumbered(cases.given * (cases.symbol.max(initial=0) + 1) + cases.symbol)
    _, first, group = np.unique(context * num_ends + ends, return_index=True, return_inverse=True)
    mass = np.bincount(group.reshape(-1), cases.mass, minlength=len(first))
    return Cases(context[first], num_contexts, cases.given[first], cases.symbol[first], mass)


def _renumbered(context: np.ndarray) -> tuple[np.ndarray, int]:
    values, numbers = np.unique(context, return_inverse=True)
    return numbers.reshape(-1), len(values)


def _entropy(context: np.ndarray, num_contexts: int, mass: np.ndarray) -> float:
    """The sum of mass ln(P(context) / mass), each case being one value of the last token in its context."""
    if num_contexts > 8 * len(context):
        context, num_contexts = _renumbered(context)
    total = np.bincount(context, mass, minlength=num_contexts)
    used = mass > 0.0
    return max(0.0, float(np.sum(mass[used] * np.log(total[context[used]] / mass[used]))))
