"""Losses of smoothed n-gram counts: how much each further token of context tells of the next one.

    p_n(w | c) = (count(c w) + distinct(c) p_(n-1)(w | c')) / (count(c) + distinct(c)),     p_(-1)(w) = 1 / v

c are the n tokens before w, c' the last n - 1 of them, distinct(c) the number of different tokens that follow c in the
training text: interpolated Witten-Bell smoothing (Bell, Cleary & Witten, Text Compression, 1990, method C). The loss on
other text is an upper bound of the entropy of a token given n before it, close while the training text holds most
contexts often.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer

from syntagma.errors import invalid


def ngram_losses(
    train: Integer[np.ndarray, " N"], test: Integer[np.ndarray, " M"], vocab: int, longest: int
) -> Float[np.ndarray, "longest+1 m"]:
    """Nats that each test token costs given 0, ..., `longest` tokens before it, m = M - `longest`: those which have
    that many before them.

    Contexts are numbered, one order after the other, by sorting pairs (number of the shorter context, token); no
    table of all v^n contexts is made.

    Raises:
        InputError: the test text is no longer than the longest context.
    """
    if len(test) <= longest:
        raise invalid("longest", longest, f"the test text has {len(test)} tokens", "Choose a shorter context")
    text = np.concatenate([train, test]).astype(np.int64)
    scored = slice(len(train) + longest, None)
    context = np.zeros(len(text), np.int64)
    probability = np.full(len(test) - longest, 1.0 / vocab)
    out = np.empty((longest + 1, len(test) - longest))
    for order in range(longest + 1):
        codes = context * vocab + text
        pairs, number = np.unique(codes[order : len(train)], return_counts=True)
        size = int(context.max()) + 1
        total = np.bincount(pairs // vocab, weights=number, minlength=size)[context[scored]]
        kinds = np.bincount(pairs // vocab, minlength=size)[context[scored]]
        count = _looked_up(pairs, number, codes[scored])
        probability = np.where(total > 0, (count + kinds * probability) / np.maximum(total + kinds, 1), probability)
        out[order] = -np.log(probability)
        context = _longer(context, text, vocab)
    return out


def _looked_up(
    keys: Integer[np.ndarray, " k"], values: Integer[np.ndarray, " k"], wanted: Integer[np.ndarray, " m"]
) -> Integer[np.ndarray, " m"]:
    """The value of each wanted key, 0 where it is not among the `keys`, which are sorted."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


def _longer(
    context: Integer[np.ndarray, " N"], text: Integer[np.ndarray, " N"], vocab: int
) -> Integer[np.ndarray, " N"]:
    """Numbers of the contexts that are one token longer: of token i, the context of token i - 1 and that token."""
    codes = np.zeros_like(context)
    codes[1:] = context[:-1] * vocab + text[:-1] + 1
    return np.unique(codes, return_inverse=True)[1]
