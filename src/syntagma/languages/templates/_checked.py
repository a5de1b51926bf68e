"""What the languages of this package share: a pydantic model that is a language, refused in one line where it is wrong.

A model that is made inside another (a run's settings, say) is checked the same way and its error keeps its one line.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from syntagma.errors import InputError, invalid
from syntagma.languages.language import Language

Part = Literal["train", "seen", "unseen"]
"""Which strings: those to train on, others of the symbols trained on, or those of symbols never trained on."""


class CheckedLanguage(BaseModel, Language):
    """A language that is its own settings. Wrong settings raise `InputError`, not pydantic's error of many lines."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # Without these, pydantic would make settings of the attributes that `Language` declares.
    vocab: ClassVar[Any]
    sentence_length: ClassVar[Any]
    branching: ClassVar[int | None] = None
    num_classes: ClassVar[int | None] = None
    label_kind: ClassVar[Any]

    part: Part = "train"

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise _one_line(error) from None

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, checked anew; nothing that was derived from the old settings is kept."""
        return type(self)(**{**self.model_dump(), **(update or {})})

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
    if array.ndim != 2 or array.shape[1] != length:
        raise invalid("tokens.shape", array.shape, f"it must be (strings, {length})")
    if not np.issubdtype(array.dtype, np.integer):
        raise invalid("tokens.dtype", str(array.dtype), "tokens are whole numbers")
    if array.size and (array.min() < 0 or (below is not None and array.max() >= below)):
        wrong = int(array.min() if array.min() < 0 else array.max())
        raise invalid("tokens", wrong, "tokens are whole numbers from 0" + (f" to {below - 1}" if below else ""))
    return array


def _one_line(error: ValidationError) -> InputError:
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        return cause
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return InputError(f"{field} is missing: give it.")
    if first["type"] == "extra_forbidden":
        return InputError(f"{field} is no setting of this language: leave it out.")
    return invalid(field, first["input"], first["msg"][:1].lower() + first["msg"][1:])
