"""What an oracle is asked: tokens, which of them are observed, and whether the language can make them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from syntagma.errors import InputError, invalid
from syntagma.languages.language import Source

_SHARED_PATTERN = 64  # sentences a pattern of observed tokens must have, on average, to be worth a pass of its own


def checked_observations(tokens: Any, observed: Any, language: Source) -> tuple[np.ndarray, np.ndarray]:
    """`tokens` `[n, T]` and `observed` `[T]` or `[n, T]` as arrays; tokens not observed may have any value.

    Raises:
        InputError: wrong shapes or types, or an observed token outside the vocabulary.
    """
    tokens, observed = _array("tokens", tokens), _array("observed", observed)
    length, vocab = language.sentence_length, language.vocab
    if tokens.ndim != 2 or tokens.shape[1] != length or not np.issubdtype(tokens.dtype, np.integer):
        raise invalid("tokens", f"{tokens.dtype} array of shape {tokens.shape}", f"it must be integers [n, {length}]")
    if observed.dtype != bool or observed.shape not in ((length,), tokens.shape):
        given = f"{observed.dtype} array of shape {observed.shape}"
        raise invalid("observed", given, f"it must be booleans [{length}] or [{len(tokens)}, {length}]")
    seen = tokens[:, observed] if observed.ndim == 1 else tokens[observed]
    if seen.size and (seen.min() < 0 or seen.max() >= vocab):
        row, place = np.argwhere(((tokens < 0) | (tokens >= vocab)) & observed)[0]
        raise invalid(f"tokens[{row}, {place}]", int(tokens[row, place]), f"tokens are 0 to {vocab - 1}")
    return tokens, observed


def check_language(language: Any, kind: type[Source] | tuple[type[Source], ...]) -> None:
    """Refuse what an oracle is not made for.

    Raises:
        InputError: `language` is of another kind.
    """
    if not isinstance(language, kind):
        kinds = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise invalid("language", language, f"this oracle is that of a {kinds}", "oracle_of(language) finds the right")


def checked_positions(position: Any, tokens: np.ndarray) -> np.ndarray:
    """`position`, one for all sentences or one for each, as `[n]` indices from 0; negative ones count from the end.

    Raises:
        InputError: not whole numbers, one or n of them, or a position that is none.
    """
    num_sentences, length = tokens.shape
    positions = _array("position", position)
    if not np.issubdtype(positions.dtype, np.integer) or positions.shape not in ((), (num_sentences,)):
        given = f"{positions.dtype} array of shape {positions.shape}"
        raise invalid("position", given, f"it must be one whole number or {num_sentences} of them")
    if positions.size and (positions.min() < -length or positions.max() >= length):
        wrong = positions.min() if positions.min() < -length else positions.max()
        raise invalid("position", int(wrong), f"sentences have {length} tokens", f"Give {-length} to {length - 1}")
    return np.broadcast_to(positions % length, (num_sentences,))


def _array(field: str, given: Any) -> np.ndarray:
    try:
        return np.asarray(given)
    except ValueError:
        raise invalid(field, given, "its rows differ in length") from None


def refuse_impossible(tokens: np.ndarray, possible: np.ndarray, what: str) -> None:
    """Raise the error for the first sentence `[n]` that is not possible; `what` of it the language cannot make."""
    if not possible.all():
        row = int(np.argmin(possible))
        sentence = " ".join(map(str, tokens[row, :20])) + (" ..." if tokens.shape[1] > 20 else "")
        raise InputError(
            f"tokens[{row}]='{sentence}' has no posterior: the language cannot make {what}. "
            "Leave it out: log_evidence is -inf for such sentences."
        )


def sentences_by_pattern(observed: np.ndarray) -> Iterator[tuple[np.ndarray | None, np.ndarray]]:
    """Row numbers of the sentences that share a pattern, with the pattern `[T]`; None stands for all rows.

    Where the patterns are too many to have a pass each: all rows at once, with `observed` `[n, T]` itself.
    """
    if observed.ndim == 1:
        yield None, observed
        return
    _, firsts, groups = np.unique(np.packbits(observed, axis=1), axis=0, return_index=True, return_inverse=True)
    if len(firsts) > 1 and len(firsts) * _SHARED_PATTERN > len(observed):
        yield None, observed
        return
    for group, first in enumerate(firsts):
        yield np.flatnonzero(groups.reshape(-1) == group), observed[first]
