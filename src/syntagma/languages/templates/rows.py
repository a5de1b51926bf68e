"""Rows of strings and labels as numbers, and which part each row is in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from syntagma.errors import InputError, invalid
from syntagma.languages._draws import random_order
from syntagma.languages.templates._checked import Part
from syntagma.languages.templates.notation import as_number, quoted, split
from syntagma.randomness import stream

PARTS: tuple[Part, ...] = ("train", "seen", "unseen")


class Rows(NamedTuple):
    """n strings of k tokens.

    Attributes:
        names: of the tokens: the regular ones, then the training symbols, then the held-out ones.
        num_trained: how many training symbols there are.
        tokens: `[n, k]`: places in `names`.
        labels: `[n]`: numbers (float64), or places in `names` (int64).
        part: `[n]`: the place of each row's part in `PARTS`, or -1 where it mixes held-out symbols with others.
    """

    names: tuple[str, ...]
    num_trained: int
    tokens: Int[np.ndarray, "n k"]
    labels: Float[np.ndarray, " n"] | Int[np.ndarray, " n"]
    part: Int[np.ndarray, " n"]


def read_rows(
    strings: Sequence[str],
    labels: Sequence[str | float],
    regular: Sequence[str],
    unseen_symbols: float | tuple[str, ...],
    test_fraction: float,
    seed: int,
) -> Rows:
    """See `LabelledStrings`, whose settings these are.

    Raises:
        InputError: strings of different lengths; a label that is neither a number, nor a regular token, nor in its
            string, or of another kind than the first; equal strings with different labels; unknown held-out symbols.
    """
    tokenised = [split(text) for text in strings]
    length = len(tokenised[0])
    for row, tokens in enumerate(tokenised):
        if len(tokens) != length or not tokens:
            has = f"it has {len(tokens)} tokens, the first row has {length}"
            raise InputError(f"row {row + 1} ({strings[row]!r}): {has}. Strings are equally long, and not empty.")
    declared = set(regular)
    symbols = [name for name in dict.fromkeys(name for row in tokenised for name in row) if name not in declared]
    held_out = _held_out(symbols, unseen_symbols, seed)
    trained = [name for name in symbols if name not in held_out]
    names = (*regular, *trained, *(name for name in symbols if name in held_out))
    number = {name: place for place, name in enumerate(names)}
    tokens = np.array([[number[name] for name in row] for row in tokenised])
    answers = _label_numbers(strings, labels, tokens, number, len(regular))
    _refuse_contradictions(strings, tokens, answers)
    first_held_out = len(regular) + len(trained)
    part = _parts(tokens >= len(regular), tokens >= first_held_out, tokens, test_fraction, seed)
    return Rows(names, len(trained), tokens, answers, part)


def _held_out(symbols: list[str], unseen_symbols: float | tuple[str, ...], seed: int) -> set[str]:
    if not isinstance(unseen_symbols, tuple):
        order = random_order(stream(seed, "unseen-symbols"), len(symbols))
        return {symbols[place] for place in order[: math.ceil(unseen_symbols * len(symbols))].tolist()}
    for name in unseen_symbols:
        if name not in symbols:
            mend = "Name tokens of the strings that are not regular, or give a fraction"
            raise invalid("unseen_symbols", name, "it is no symbol of the strings", mend)
    return set(unseen_symbols)


def _label_numbers(
    strings: Sequence[str],
    labels: Sequence[str | float],
    tokens: Int[np.ndarray, "n k"],
    number: dict[str, int],
    num_regular: int,
) -> Float[np.ndarray, " n"] | Int[np.ndarray, " n"]:
    values = [as_number(label) if isinstance(label, str) else float(label) for label in labels]
    numeric = values[0] is not None
    found: list[float | int] = []
    for row, (label, value) in enumerate(zip(labels, values, strict=True)):
        where = f"row {row + 1} ({strings[row]!r}): the label {label}"
        if (value is not None) != numeric:
            kinds = ("a token", "a number") if numeric else ("a number", "a token")
            raise InputError(f'{where} is {kinds[0]}, but that of row 1 is {kinds[1]}. "1" in quotes is the token 1.')
        if value is not None:
            found.append(value)
            continue
        token = number.get(quoted(str(label)) or str(label), -1)
        if token < 0 or (token >= num_regular and token not in tokens[row]):
            mend = "List it in `regular` if it is an answer of its own"
            raise InputError(f"{where} is neither a number, nor a regular token, nor a symbol of its string. {mend}.")
        found.append(token)
    return np.array(found)


def _refuse_contradictions(strings: Sequence[str], tokens: Int[np.ndarray, "n k"], labels: np.ndarray) -> None:
    first, which = np.unique(tokens, axis=0, return_index=True, return_inverse=True)[1:]
    earliest = first[which.reshape(-1)]
    wrong = np.flatnonzero(labels != labels[earliest])
    if wrong.size:
        pair = f"rows {int(earliest[wrong[0]]) + 1} and {int(wrong[0]) + 1} are the same string, {strings[wrong[0]]!r}"
        raise InputError(f"{pair}, with different labels. Keep one of them.")


def _parts(
    symbol: np.ndarray, held_out: np.ndarray, tokens: Int[np.ndarray, "n k"], test_fraction: float, seed: int
) -> Int[np.ndarray, " n"]:
    """Equal strings are in the same part, so that none is both trained on and tested."""
    trained = ~held_out.any(axis=1)
    part = np.where(trained, 0, np.where((held_out == symbol).all(axis=1), 2, -1))
    which = np.unique(tokens[trained], axis=0, return_inverse=True)[1].reshape(-1)
    different = int(which.max(initial=-1)) + 1
    kept = random_order(stream(seed, "seen-strings"), different)[: round(test_fraction * different)]
    part[np.flatnonzero(trained)[np.isin(which, kept)]] = 1
    return part
