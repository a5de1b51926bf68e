"""Template tasks by name: those of arXiv 2310.09753 and its public code, and those of the cognitive tests behind them.

`family("majority", length=7, train_symbols=64)` or `majority(7, train_symbols=64)`; what a family does not take itself
is a setting of `Templates`. The tests of relational reasoning (same or different, relational match-to-sample,
distribution of three, identity rules) are those of Webb, Sinha, Cohen, "Emergent symbols through binding in external
memory", ICLR 2021, written as strings. Where the paper's text fixes no detail, the choice made is in the docstring.
"""

from __future__ import annotations

import inspect
import itertools
import string
from collections.abc import Callable
from typing import Any

import numpy as np

from syntagma.errors import invalid, unknown, whole_number
from syntagma.languages._draws import random_bits, random_order
from syntagma.languages.templates.language import Templates
from syntagma.languages.templates.notation import GREEK
from syntagma.randomness import stream

_REGULAR = string.ascii_letters + string.digits
_MOST_TEMPLATES = 2**16


def same_different(**settings: Any) -> Templates:
    """Are the two symbols equal? `αα -> 1`, `αβ -> -1`."""
    return Templates(templates=("αα -> 1", "αβ -> -1"), **settings)


def aba_abb(**settings: Any) -> Templates:
    """Which earlier symbol does the last one repeat? `αβα -> 1`, `αββ -> -1`."""
    return Templates(templates=("αβα -> 1", "αββ -> -1"), **settings)


def aabb_abab(**settings: Any) -> Templates:
    """Repeated or alternating? `ααββ -> 1`, `αβαβ -> -1`."""
    return Templates(templates=("ααββ -> 1", "αβαβ -> -1"), **settings)


def assignment(**settings: Any) -> Templates:
    """The value of a variable: `α=1;β=-1;print(α) -> 1` and the three others of its kind."""
    programs = [
        f"α={value};β={other};print({asked}) -> {value if asked == 'α' else other}"
        for value, other in ((1, -1), (-1, 1))
        for asked in "αβ"
    ]
    return Templates(templates=tuple(programs), **settings)


def print_string(**settings: Any) -> Templates:
    """The next symbol of a program: `α="γ";β="δ";print(α) -> γ`, and `print(β) -> δ`."""
    program = 'α="γ";β="δ";print'
    return Templates(templates=(f"{program}(α) -> γ", f"{program}(β) -> δ"), **settings)


def copying(length: int = 1, position: int = 0, **settings: Any) -> Templates:
    """Repeat what stands at `position` of `length` different symbols: `α -> α`, the paper's simplest copying task."""
    length, position = _length(length, 1, len(GREEK)), whole_number("position", position, minimum=0)
    if position >= length:
        raise invalid("position", position, f"the string has {length} symbols", f"Choose 0 to {length - 1}")
    return Templates(templates=(f"{_spelt(range(length))} -> {GREEK[position]}",), **settings)


def associative_recall(pairs: int = 2, **settings: Any) -> Templates:
    """The value that followed a key: `αβγδα -> β`, `αβγδγ -> δ` with two pairs of key and value."""
    pairs = whole_number("pairs", pairs)
    if 2 * pairs > len(GREEK):
        raise invalid("pairs", pairs, f"there are {len(GREEK)} wildcards", f"Choose {len(GREEK) // 2} or fewer")
    context = _spelt(range(2 * pairs))
    asked = [f"{context}{GREEK[2 * i]} -> {GREEK[2 * i + 1]}" for i in range(pairs)]
    return Templates(templates=tuple(asked), **settings)


def majority(length: int = 5, **settings: Any) -> Templates:
    """Which of two symbols occurs more often? All strings of at most two symbols; the label is the symbol.

    `length` is odd. There are 2**(length - 1) templates, the one without a second symbol included.
    """
    length = _length(length, 1, 16)
    if length % 2 == 0:
        raise invalid("length", length, "an even number of symbols may have no majority", "Choose an odd length")
    labelled = [f"{_spelt(row)} -> {GREEK[int(2 * sum(row) > length)]}" for row in _two_symbols(length)]
    return Templates(templates=tuple(labelled), **settings)


def counting(length: int = 5, **settings: Any) -> Templates:
    """How often does the first symbol occur? All strings of at most two symbols; the label is the count, a number."""
    length = _length(length, 2, 16)
    labelled = [f"{_spelt(row)} -> {row.count(0)}" for row in _two_symbols(length)]
    return Templates(templates=tuple(labelled), **settings)


def relational_match(**settings: Any) -> Templates:
    """Relational match-to-sample: which of two pairs is like the first pair, both equal or both different symbols?

    1 for the earlier pair, -1 for the later one; all symbols differ but where a pair is equal: `ααββγδ -> 1`.
    """
    return Templates(
        templates=("ααββγδ -> 1", "ααβγδδ -> -1", "αβγδεε -> 1", "αβγγδε -> -1"),
        **settings,
    )


def distribution_of_three(**settings: Any) -> Templates:
    """Three symbols, then two of them in any order: the label is the third. `αβγβα -> γ` and five others."""
    rows = [f"αβγ{a}{b} -> {c}" for a, b, c in itertools.permutations("αβγ")]
    return Templates(templates=tuple(rows), **settings)


def identity_rules(**settings: Any) -> Templates:
    """A row follows ABA, ABB or AAA; a second row of other symbols is to be completed: `αβαγδ -> γ`."""
    return Templates(templates=("αβαγδ -> γ", "αββγδ -> δ", "αααββ -> β"), **settings)


def random_templates(
    count: int = 4, length: int = 4, wildcards: int = 3, regular: int = 2, draw: int = 0, **settings: Any
) -> Templates:
    """`count` templates of `length`, drawn uniformly from all with at least one wildcard that are not equivalent.

    Each has at most `wildcards` wildcards and `regular` regular tokens; `draw` is the seed of the draw. Half of the
    labels (one more if `count` is odd) are 1, the others -1, in random order.
    """
    count, length, draw = whole_number("count", count), whole_number("length", length), whole_number("draw", draw, 0)
    wildcards, regular = whole_number("wildcards", wildcards), whole_number("regular", regular, minimum=0)
    for field, given, most in (("wildcards", wildcards, len(GREEK)), ("regular", regular, len(_REGULAR))):
        if given > most:
            raise invalid(field, given, f"names are single letters, at most {most}", f"Choose {most} or fewer")
    completions = _completions(length, wildcards, regular)
    there_are = min(completions[0][0], _MOST_TEMPLATES)
    if count > there_are:
        sizes = f"length={length}, wildcards={wildcards}, regular={regular}"
        raise invalid("count", count, f"with {sizes} it is at most {there_are}", f"Choose {there_are} or fewer")
    rng = stream(draw, "random-templates")
    texts = [_unrank(rank, completions, regular) for rank in _distinct_ranks(rng, count, completions[0][0])]
    signs = np.where(random_order(rng, count) < (count + 1) // 2, 1, -1).tolist()
    templates = tuple(f"{text} -> {sign}" for text, sign in zip(texts, signs, strict=True))
    return Templates(templates=templates, **{"regular": tuple(_REGULAR[:regular]), **settings})


FAMILIES: dict[str, Callable[..., Templates]] = {
    "same-different": same_different,
    "aba-abb": aba_abb,
    "aabb-abab": aabb_abab,
    "assignment": assignment,
    "print": print_string,
    "copying": copying,
    "associative-recall": associative_recall,
    "majority": majority,
    "counting": counting,
    "relational-match": relational_match,
    "distribution-of-three": distribution_of_three,
    "identity-rules": identity_rules,
    "random": random_templates,
}
"""Each family by its name in files and on the command line."""


def family(name: str, **settings: Any) -> Templates:
    """The templates of the family `name`; its own parameters and those of `Templates` are given alike.

    Example: `family("same-different").sample(0, 10).labels`.

    Raises:
        InputError: no such family or setting, or a value that it does not take.
    """
    if name not in FAMILIES:
        raise unknown("family", name, FAMILIES)
    known = [*inspect.signature(FAMILIES[name]).parameters, *Templates.model_fields]
    choices = [field for field in known if field not in ("settings", "kind", "templates")]
    for field in settings:
        if field not in choices:
            raise unknown(f"setting of {name}", field, choices)
    return FAMILIES[name](**settings)


def _length(given: int, least: int, most: int) -> int:
    length = whole_number("length", given, minimum=least)
    if length > most:
        raise invalid("length", length, f"it is {least} to {most} in this family", f"Choose {most} or less")
    return length


def _spelt(wildcards: Any) -> str:
    return "".join(GREEK[i] for i in wildcards)


def _two_symbols(length: int) -> list[tuple[int, ...]]:
    """All strings of 0 and 1 that begin with 0: one for each pattern of at most two symbols."""
    return [(0, *rest) for rest in itertools.product((0, 1), repeat=length - 1)]


def _completions(length: int, wildcards: int, regular: int) -> list[list[int]]:
    """`[i][b]`: how many ways to go on from place i with b wildcards used, and at least one at the end.

    The next token is regular, one of the b wildcards used, or, where b < wildcards, the next new one.
    """
    table = [[int(b > 0) for b in range(wildcards + 1)]]
    for _ in range(length):
        after = table[0]
        new = [*after[1:], 0]
        table.insert(0, [(regular + b) * after[b] + new[b] for b in range(wildcards + 1)])
    return table


def _unrank(rank: int, completions: list[list[int]], regular: int) -> str:
    """Template number `rank` in the order that `_completions` counts."""
    text, used = "", 0
    for after in completions[1:]:
        token, left = divmod(rank, after[used]) if after[used] else (regular + used, rank)
        if token >= regular + used:
            rank -= (regular + used) * after[used]
            text, used = text + GREEK[used], used + 1
        else:
            rank = left
            text += _REGULAR[token] if token < regular else GREEK[token - regular]
    return text


def _distinct_ranks(rng: np.random.Generator, count: int, total: int) -> list[int]:
    """Different whole numbers below `total`, uniform within 2**-64, in order of drawing."""
    if total <= 2 * _MOST_TEMPLATES:
        return random_order(rng, total)[:count].tolist()
    words = -(-total.bit_length() // 64) + 1
    ranks: dict[int, None] = {}
    while len(ranks) < count:
        word = int.from_bytes(random_bits(rng, words, np.uint64).astype("<u8").tobytes(), "little")
        ranks[word * total >> 64 * words] = None
    return list(ranks)
