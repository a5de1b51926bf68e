"""How often each answer follows each context, for contexts of growing length, in memory by distinct contexts.

Contexts are numbered, one order after the other: a context of n + 1 tokens is a pair (number of its n nearest tokens,
next token), so that nothing is hashed and no table of all v^n contexts is made. As many orders at once as fit a 64-bit
code,

    code = number of the context | next tokens | which item,

are sorted together: equal contexts of each order then stand together. A context seen once says the same however far it
is continued: its only item is remembered and taken out, so that the work ends when all contexts are that rare. Orders
between those that are asked for are numbered but not counted.

Cost: one sort of the remaining items for each order asked for and one for each few tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int, Integer

Whole = np.ndarray
"""Arrays of whole numbers."""


@dataclass
class Table:
    """Counts of one order. Contexts seen at least twice are numbered; their answers are sorted by context and answer.

    Attributes:
        order: number of tokens of a context.
        start: `[contexts + 1]`, where each context's answers begin in the arrays below.
        answer: which answer.
        count: how often it follows the context.
        extensions: in how many different contexts of the next longer counted order; the count where there is none.
        once: how many contexts were seen once, here or already as shorter ones.
    """

    order: int
    start: Int[np.ndarray, " contexts+1"]
    answer: Integer[np.ndarray, " pairs"]
    count: Integer[np.ndarray, " pairs"]
    extensions: Integer[np.ndarray, " pairs"]
    once: int


@dataclass
class Step:
    """From contexts to those that are one token longer.

    Attributes:
        code: sorted, number of the shorter context * alphabet + token.
        child: number of the longer context; -1 - i where it was seen once, as the context of item i.
    """

    code: Int[np.ndarray, " contexts"]
    child: Int[np.ndarray, " contexts"]


@dataclass
class Counts:
    """All tables of one set of items.

    Attributes:
        tables: one for each order asked for, the shortest first.
        steps: the first from the empty context of each place to those of one token.
        tokens: the items' tokens, for contexts seen once.
        targets: the items' answers.
        places: how many kinds of empty contexts there are.
        first: child of each place's empty context, as `Step.child`; -1 - items where a place has no item.
    """

    alphabet: int
    answers: int
    tokens: Integer[np.ndarray, "*items depth"]
    targets: Integer[np.ndarray, " items"]
    first: Int[np.ndarray, " places"]
    tables: list[Table] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
