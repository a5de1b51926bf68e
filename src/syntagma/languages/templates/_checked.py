"""What the languages of this package share: settings that are a language, refused in one line where they are wrong."""

from __future__ import annotations

import abc
from typing import Any, ClassVar, Literal, Self

import numpy as np

from syntagma.checked_model import CheckedModel
from syntagma.errors import invalid
from syntagma.languages.language import Language

Part = Literal["train", "seen", "unseen"]
"""Which strings: those to train on, others of the symbols trained on, or those of symbols never trained on."""


class CheckedLanguage(CheckedModel, Language):
    """A language that is its own settings."""

    # Without these, pydantic would make settings of the attributes that `Language` declares.
    vocab: ClassVar[Any]
    sentence_length: ClassVar[Any]
    branching: ClassVar[int | None] = None
    num_classes: ClassVar[int | None] = None
    label_kind: ClassVar[Any]

    part: Part = "train"

    @abc.abstractmethod
    def digest(self) -> str:
        """SHA-256, in hexadecimal: equal for equal languages."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.digest() == other.digest()

    def __hash__(self) -> int:
        return int(self.digest()[:15], 16)

    def language(self) -> Self:
        """The language itself: these settings are one."""
        return self

    def seen(self) -> Self:
        """Strings of the training symbols, for a test of what was learnt from them."""
        return self.model_copy(update={"part": "seen"})

    def unseen(self) -> Self:
        """Strings of symbols that training never shows, for a test of abstract reasoning."""
        return self.model_copy(update={"part": "unseen"})


def checked_tokens(tokens: Any, length: int, below: int | None = None) -> np.ndarray:
    """`tokens` as an integer array `[n, length]` with values from 0 to `below` - 1.

    Raises:
        InputError: another shape, another type, or tokens out of range.
    """
    try:
        array = np.asarray(tokens)
    except ValueError:
        raise invalid("tokens", tokens, "its strings differ in length") from None
    if array.ndim != 2 or array.shape[1] != length or len(array) == 0:
        raise invalid("tokens.shape", array.shape, f"it must be (strings, {length}), at least one string")
    if not np.issubdtype(array.dtype, np.integer):
        raise invalid("tokens.dtype", str(array.dtype), "tokens are whole numbers")
    if array.size and (array.min() < 0 or (below is not None and array.max() >= below)):
        wrong = int(array.min() if array.min() < 0 else array.max())
        raise invalid("tokens", wrong, "tokens are whole numbers from 0" + (f" to {below - 1}" if below else ""))
    return array
