"""Sentences that a person supplies, checked."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from jaxtyping import Integer

from syntagma.errors import invalid, whole_number

_PIECE = 1 << 22


def checked_tokens(
    tokens: Any, vocab: int, sentence_length: int, *, field: str = "tokens"
) -> Integer[np.ndarray, "n T"]:
    """`tokens` as an `[n, T]` array, row after row in memory; `field` is what errors call it.

    Raises:
        InputError: not an array of that shape, without sentences, or with something that is no token.
    """
    try:
        array = np.asarray(tokens)
    except ValueError:
        raise invalid(field, tokens, "its sentences differ in length") from None
    if array.ndim != 2 or array.shape[1] != sentence_length or len(array) == 0:
        allowed = f"it must be (sentences, {sentence_length}), at least one sentence"
        raise invalid(f"{field}.shape", array.shape, allowed)
    if not np.issubdtype(array.dtype, np.integer):
        raise invalid(f"{field}.dtype", str(array.dtype), "tokens are whole numbers")
    least, most = int(array.min()), int(array.max())
    if least < 0 or most >= vocab:
        raise invalid(field, least if least < 0 else most, f"tokens are 0 to {vocab - 1}")
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))  # a copy only where it must be


def checked_stream(tokens: Any, vocab: int, *, shortest: int = 1, field: str = "tokens") -> Integer[np.ndarray, " N"]:
    """`tokens` as an `[N]` array of whole numbers in [0, vocab), a memory-mapped one as it is: read in pieces.

    Raises:
        InputError: no array of one dimension, fewer than `shortest`, no whole numbers, or something that is no token.
    """
    array = checked_line(tokens, shortest=shortest, field=field)
    vocab = whole_number("vocab", vocab)
    for start in range(0, len(array), _PIECE):
        check_range(array[start : start + _PIECE], vocab, field)
        release(array)
    return array


def checked_line(tokens: Any, *, shortest: int = 1, field: str = "tokens") -> Integer[np.ndarray, " N"]:
    """As `checked_stream`, without looking at the values, for those who read them piece by piece: see `check_range`.

    Raises:
        InputError: no array of one dimension, fewer than `shortest`, or no whole numbers.
    """
    try:
        array = tokens if isinstance(tokens, np.ndarray) else np.asarray(tokens)
    except (ValueError, OverflowError):
        raise invalid(field, tokens, "it must be one line of whole numbers") from None
    if array.ndim != 1:
        raise invalid(f"{field}.shape", array.shape, "tokens are one line of whole numbers", "Give an array [N]")
    if len(array) < shortest:
        raise invalid(f"len({field})", len(array), f"{shortest} are needed at the least", "Give a longer text")
    if not np.issubdtype(array.dtype, np.integer):
        raise invalid(f"{field}.dtype", str(array.dtype), "tokens are whole numbers", "Give an array of integers")
    return array


def check_range(tokens: Integer[np.ndarray, " n"], vocab: int, field: str = "tokens") -> None:
    """Refuse tokens outside [0, vocab).

    Raises:
        InputError: one is; the message names it.
    """
    if not len(tokens):
        return
    least, most = int(tokens.min()), int(tokens.max())
    if least < 0 or most >= vocab:
        wrong = least if least < 0 else most
        raise invalid(field, wrong, f"tokens are 0 to {vocab - 1}", f"Give tokens below vocab={vocab}, or raise vocab")


def release(tokens: Any) -> None:
    """Give back the memory of what was read of a file that is mapped into memory for reading; anything else stays.

    The system would take it back when it is short of memory, but until then a process seems to be as large as its file.
    """
    mapping = getattr(tokens, "_mmap", None)
    if isinstance(mapping, mmap.mmap) and getattr(tokens, "mode", None) == "r" and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)
