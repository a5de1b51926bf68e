"""Sentences that a person supplies, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Integer

from syntagma.errors import invalid


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
