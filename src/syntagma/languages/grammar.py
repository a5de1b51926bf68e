"""Grammars of the random hierarchy model: drawing the productions at random, and checking given ones.

A grammar of depth L, branching s and m rules a symbol is a tuple of L integer arrays. `productions[l - 1]` has shape
`[n_l, m, s]`: row `[a, k]` is the k-th right-hand side of level-l symbol a, s symbols of level l - 1. Level 0 is the
tokens, level L the root. n_l = vocab below the root, n_L = num_classes. At each level the n_l m right-hand sides are
distinct, so at most one parse exists and m <= vocab**s / n_l.

Source: Cagnetta, Petrini, Tomasini, Favero, Wyart, arXiv 2307.02129; unequal rules: arXiv 2505.07067.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, Integer

from syntagma.errors import invalid, whole_number
from syntagma.languages._draws import digits, random_order, uniform_below
from syntagma.randomness import stream

_LARGEST_SENTENCE = 2**24
_LARGEST_LEVEL = 2**26


class Sizes(NamedTuple):
    """v, m, s, L and the number of root symbols."""

    vocab: int
    rules: int
    branching: int
    depth: int
    num_classes: int

    def symbols(self, level: int) -> int:
        """Number n_l of level-`level` symbols."""
        return self.num_classes if level == self.depth else self.vocab


def checked_sizes(vocab: Any, rules: Any, branching: Any, depth: Any, num_classes: Any = None) -> Sizes:
    """The five sizes as ints, `num_classes` resolved (default `vocab`).

    One symbol (vocab = 1) is refused: such a language has one sentence and nothing to learn.

    Raises:
        InputError: a size that is no whole number or too small; more rules than there are distinct right-hand sides;
            a grammar or sentence too large to hold in memory.
    """
    vocab = whole_number("vocab", vocab, minimum=2)
    rules = whole_number("rules", rules)
    branching = whole_number("branching", branching, minimum=2)
    depth = whole_number("depth", depth)
    num_classes = vocab if num_classes is None else whole_number("num_classes", num_classes)
    if depth * math.log2(branching) > math.log2(_LARGEST_SENTENCE):
        allowed = f"a sentence has branching**depth tokens, at most {_LARGEST_SENTENCE}"
        raise invalid("depth", depth, allowed, "Lower depth or branching")
    symbols = max(vocab if depth > 1 else 1, num_classes)
    if symbols * rules * branching > _LARGEST_LEVEL:
        allowed = (
            f"a level may hold {_LARGEST_LEVEL} symbols in its right-hand sides, not {symbols * rules * branching}"
        )
        raise invalid("rules", rules, allowed, "Lower rules, vocab or num_classes")
    most = vocab**branching // symbols
    if most == 0:
        allowed = f"there are only vocab**branching = {vocab**branching} right-hand sides"
        raise invalid("num_classes", num_classes, allowed, "Lower num_classes")
    if rules > most:
        of = f"vocab={vocab}, branching={branching}, num_classes={num_classes}"
        allowed = f"no two rules of a level share a right-hand side, so with {of} a symbol has at most {most}"
        raise invalid("rules", rules, allowed, f"Lower rules to {most} or fewer, or raise vocab")
    return Sizes(vocab, rules, branching, depth, num_classes)


def draw_productions(seed: int, sizes: Sizes) -> tuple[Int[np.ndarray, "_ m s"], ...]:
    """Right-hand sides drawn uniformly without replacement from vocab**branching, independently at each level.

    The cost grows with the number of rules, not with vocab**branching.
    """
    drawn = []
    for level in range(1, sizes.depth + 1):
        rng = stream(seed, "grammar", level)
        symbols = sizes.symbols(level)
        rows = _distinct_tuples(rng, symbols * sizes.rules, sizes.vocab, sizes.branching)
        drawn.append(rows.reshape(symbols, sizes.rules, sizes.branching))
    return tuple(drawn)


def checked_productions(
    productions: Iterable[Any], vocab: int | None = None
) -> tuple[tuple[Int[np.ndarray, "_ m s"], ...], Sizes]:
    """Given productions as int64 arrays, and the grammar's sizes.

    `vocab` is read off the second level's number of symbols; with a single level it is one more than the largest
    token unless given.

    Raises:
        InputError: wrong shapes, values that are not symbols, or two equal right-hand sides at one level.
    """
    if not isinstance(productions, Iterable):
        raise invalid("productions", productions, "it is a list of [symbols, rules, branching] arrays, one a level")
    levels = [_integers(f"productions[{i}]", given) for i, given in enumerate(productions)]
    if not levels:
        raise invalid("productions", levels, "a grammar has at least one level", "Give one array a level")
    if vocab is None:
        vocab = int(levels[0].max(initial=1)) + 1 if len(levels) == 1 else levels[0].shape[0]
    rules, branching = levels[0].shape[1:]
    sizes = checked_sizes(vocab, rules, branching, len(levels), levels[-1].shape[0])
    for i, level in enumerate(levels):
        expected = (sizes.symbols(i + 1), rules, branching)
        if level.shape != expected:
            raise invalid(f"productions[{i}].shape", level.shape, f"(symbols, rules, branching) must be {expected}")
        if level.min() < 0 or level.max() >= sizes.vocab:
            wrong = int(level.min() if level.min() < 0 else level.max())
            raise invalid(f"productions[{i}]", wrong, f"symbols are 0 to {sizes.vocab - 1}")
        _refuse_repeats(i, level)
    return tuple(levels), sizes


def count_sentences(productions: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> int:
    """How many sentences have positive probability; num_classes m**((s**L - 1) / (s - 1)) where all rules have."""
    num_classes, rules, branching = productions[-1].shape
    if all((level > 0).all() for level in weights):
        return num_classes * rules ** ((branching ** len(productions) - 1) // (branching - 1))
    counts = [1] * (int(productions[0].max()) + 1)
    for production, weight in zip(productions, weights, strict=True):
        counts = [
            sum(math.prod(counts[child] for child in children) for children in rows[used].tolist())
            for rows, used in zip(production, weight > 0, strict=True)
        ]
    return sum(counts)


def _integers(field: str, given: Any) -> np.ndarray:
    try:
        values = np.array(given)
    except ValueError:
        raise invalid(field, given, "its rows differ in length", "Give a [symbols, rules, branching] array") from None
    if values.ndim != 3 or 0 in values.shape:
        raise invalid(f"{field}.shape", values.shape, "it must be (symbols, rules, branching), none of them 0")
    if not np.issubdtype(values.dtype, np.integer):
        raise invalid(f"{field}.dtype", str(values.dtype), "symbols are whole numbers")
    if values.max() > np.iinfo(np.int64).max:
        raise invalid(field, int(values.max()), "symbols fit in 64 bits")
    return values.astype(np.int64)


def _refuse_repeats(index: int, level: np.ndarray) -> None:
    rules = level.shape[1]
    rows = level.reshape(-1, level.shape[2])
    first = _first_occurrences(rows)
    if len(first) == len(rows):
        return
    repeat = int(np.setdiff1d(np.arange(len(rows)), first)[0])
    original = int(np.flatnonzero((rows == rows[repeat]).all(axis=1))[0])
    raise invalid(
        f"productions[{index}]",
        rows[repeat].tolist(),
        f"symbol {original // rules} rule {original % rules} and symbol {repeat // rules} rule {repeat % rules} share "
        "this right-hand side, and a level's must all differ",
    )


def _distinct_tuples(rng: np.random.Generator, count: int, vocab: int, length: int) -> np.ndarray:
    """`count` different rows of `length` symbols, each ordered choice equally probable.

    Rows are drawn one after the other and those seen before are skipped, which is drawing without replacement. Where
    more than half of all rows are wanted, a permutation of all of them is quicker and no larger than twice the result.
    """
    total = vocab**length
    if 2 * count > total:
        return digits(random_order(rng, total)[:count], vocab, length)
    rows = np.empty((0, length), dtype=np.int64)
    while len(rows) < count:
        drawn = uniform_below(rng, vocab, count * length).reshape(count, length)
        rows = np.concatenate([rows, drawn.astype(np.int64)])
        rows = rows[_first_occurrences(rows)]
    return rows[:count]


def _first_occurrences(rows: Integer[np.ndarray, "k s"]) -> Integer[np.ndarray, " d"]:
    """Indices, ascending, of the rows that differ from all rows before them."""
    order = np.lexsort(rows.T)  # stable: equal rows keep their order
    in_order = rows[order]
    is_new = np.concatenate([[True], (in_order[1:] != in_order[:-1]).any(axis=1)])
    return np.sort(order[is_new])
