"""Templates as people write them, `αβα -> +1`, and as arrays: checked, and free of the wildcards' names.

A template is a string over wildcards and regular tokens, with a label. Wildcards are to be replaced by distinct symbols
that are no regular tokens. So two templates make a common string only if they are the same up to renaming wildcards:
a string shows where its regular tokens are and which of its other places are equal, and that is the template. Such
pairs are refused, hence each string belongs to at most one template of a set, and has one label.

As numbers: regular token i is i < R, and the j-th wildcard, in order of first appearance, is R + j. `αβα`, `βαβ` and
`γαγ` are the same `pattern` R, R + 1, R.

Source: the template tasks of arXiv 2310.09753, whose definition asks for templates no two of which are equivalent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from syntagma.errors import InputError, invalid

GREEK = "αβγδεζηθικλμνξοπρστυφχψω"
_ARROW = re.compile(r"->|→")
_NUMBER = re.compile(r"[+\-−]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+\-]?[0-9]+)?")


@dataclass(frozen=True)
class TemplateSet:
    """r templates of length k over R regular tokens.

    Attributes:
        regular: names of the regular tokens; a token's number is its place.
        patterns: `[r, k]`: regular tokens, and R + j for the template's j-th wildcard.
        labels: `[r]`: numbers (float64), or tokens as in `patterns` (int64), where a wildcard says "copy".
        wildcards: `[r]`: how many wildcards each template has.
        characters: `[r, k]`: where in its text each token begins, from 1.
    """

    regular: tuple[str, ...]
    patterns: Int[np.ndarray, "r k"]
    labels: Float[np.ndarray, " r"] | Int[np.ndarray, " r"]
    wildcards: Int[np.ndarray, " r"]
    characters: Int[np.ndarray, "r k"]

    @property
    def symbolic(self) -> bool:
        """Whether labels are tokens, not numbers."""
        return self.labels.dtype.kind == "i"


@dataclass(frozen=True)
class _Written:
    """A template read but not yet understood: tokens and label, and the characters (from 1) where they stand."""

    text: str
    tokens: tuple[str, ...]
    places: tuple[int, ...]
    label: str
    label_place: int

    def wrong(self, place: int, reason: str, mend: str) -> InputError:
        return InputError(f"template {self.text!r}, character {place}: {reason}. {mend}.")


def split(text: str) -> list[str]:
    """Tokens of `text`: what spaces separate, or, where nothing is separated, the characters."""
    parts = unicodedata.normalize("NFC", text).split()
    return parts if len(parts) != 1 else list(parts[0])


def as_number(text: str) -> float | None:
    """The number that `text` writes, or None; neither `nan` nor `inf` is one."""
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text.replace("−", "-"))
    return number if np.isfinite(number) else None


def read_set(templates: Sequence[str], wildcards: Sequence[str], regular: Sequence[str] | None) -> TemplateSet:
    """The templates understood, or the first thing that is wrong with them.

    Tokens are what spaces separate, else the characters; a template that is a declared name is one token. A label is a
    number; a wildcard of its template, whose symbol is then to be copied; or a regular token, one that is declared or
    occurs in a template. In quotes it is a regular token whatever it looks like: `-> "1"`.

    Args:
        templates: `template -> label`, each.
        wildcards: names of the wildcards.
        regular: names of the regular tokens; None to take all tokens that are no wildcards.

    Raises:
        InputError: no templates or wildcards; names declared twice; a template without arrow, tokens or label, of
            another length than the first, or with a token that was not declared; a label that is none of the above;
            numbers and tokens as labels of one set; two templates that are the same up to renaming wildcards.
    """
    _check_names(wildcards, regular)
    if not templates:
        raise invalid("templates", list(templates), "a set has at least one template", "Give some, as 'αβα -> 1'")
    known = (*wildcards, *(regular or ()))
    written = [_read(text, known) for text in templates]
    for template in written:
        _check_tokens(template, written[0], wildcards, regular)
    _refuse_two_roles(written, wildcards, regular or ())
    names = _regular_names(written, wildcards, regular)
    patterns, counts, labels = [], [], []
    for template in written:
        numbers = {name: number for number, name in enumerate(names)}
        for token in template.tokens:
            numbers.setdefault(token, len(numbers))
        patterns.append([numbers[token] for token in template.tokens])
        counts.append(len(numbers) - len(names))
        labels.append(_label(template, numbers, wildcards))
    _refuse_mixture(written, labels)
    _refuse_equivalent(written, patterns, labels)
    characters = np.array([template.places for template in written])
    return TemplateSet(names, np.array(patterns), np.array(labels), np.array(counts), characters)


def names_of(given: Any) -> Any:
    """Names written as one text, or listed; what is neither is left for pydantic to refuse."""
    if isinstance(given, str):
        return tuple(split(given))
    if isinstance(given, list | tuple) and all(isinstance(name, str) for name in given):
        return tuple(unicodedata.normalize("NFC", name) for name in given)
    return given


def _check_names(wildcards: Sequence[str], regular: Sequence[str] | None) -> None:
    if not wildcards:
        raise invalid("wildcards", list(wildcards), "at least one is needed", "The default is the Greek letters")
    for field, names in (("wildcards", wildcards), ("regular", regular or ())):
        for place, name in enumerate(names):
            if not name or any(character.isspace() for character in name):
                raise invalid(field, name, "a token's name has characters, none of them a space")
            if name in names[:place]:
                raise invalid(field, name, "it is declared twice", "Leave one out")


def _refuse_two_roles(written: Sequence[_Written], wildcards: Sequence[str], regular: Sequence[str]) -> None:
    both = [name for name in wildcards if name in regular]
    mend = "Take it off one of the two lists, wildcards or regular"
    for template in written:
        for token, place in zip(template.tokens, template.places, strict=True):
            if token in both:
                raise template.wrong(place, f"{token!r} is declared as a wildcard and as a regular token", mend)
    if both:
        raise invalid("wildcards", both[0], "it is a regular token too", mend)


def _read(text: str, known: Sequence[str]) -> _Written:
    text = unicodedata.normalize("NFC", text)
    arrows = list(_ARROW.finditer(text))
    if not arrows:
        raise InputError(
            f"template {text!r}, character {len(text) + 1}: it has no label. Write 'αβα -> 1' or 'αβ -> β'."
        )
    arrow = arrows[-1]
    body = text[: arrow.start()]
    tokens = [body.strip()] if body.strip() in known else split(body)
    places, start = [], 0
    for token in tokens:
        start = body.index(token, start)
        places.append(start + 1)
        start += len(token)
    label = text[arrow.end() :].strip()
    label_place = len(text) - len(text[arrow.end() :].lstrip()) + 1
    template = _Written(text, tuple(tokens), tuple(places), label, label_place)
    if not tokens:
        raise template.wrong(arrow.start() + 1, "there is nothing before the arrow", "Write 'αβα -> 1'")
    if not label:
        raise template.wrong(arrow.end() + 1, "there is no label behind the arrow", "Write 'αβα -> 1'")
    return template


def _check_tokens(template: _Written, first: _Written, wildcards: Sequence[str], regular: Sequence[str] | None) -> None:
    length, expected = len(template.tokens), len(first.tokens)
    if length != expected:
        place = template.places[expected] if length > expected else template.places[-1] + len(template.tokens[-1])
        reason = f"it has {length} tokens where the first template, {first.text!r}, has {expected}"
        raise template.wrong(place, reason, "Templates of a set are equally long")
    if regular is None:
        return
    for token, place in zip(template.tokens, template.places, strict=True):
        if token not in wildcards and token not in regular:
            reason = f"{token!r} is neither one of the wildcards nor one of the regular tokens"
            raise template.wrong(
                place, reason, "Declare it, or leave out `regular` to take every other token as regular"
            )


def _regular_names(
    written: Sequence[_Written], wildcards: Sequence[str], regular: Sequence[str] | None
) -> tuple[str, ...]:
    """Declared names, or those in the templates in order of appearance, then those only in quoted labels."""
    if regular is not None:
        return tuple(regular)
    tokens = [token for template in written for token in template.tokens if token not in wildcards]
    return tuple(dict.fromkeys([*tokens, *(name for template in written if (name := quoted(template.label)))]))


def _label(template: _Written, numbers: dict[str, int], wildcards: Sequence[str]) -> float | int:
    """A float, or the number of a token. `numbers` holds the regular tokens and the template's wildcards."""
    name, number = quoted(template.label), as_number(template.label)
    if name is None and number is not None:
        return number
    if name is not None and name in numbers and name not in wildcards:
        return numbers[name]
    if name is None and template.label in numbers:
        return numbers[template.label]
    reason = f"the label {template.label} is neither a number, nor a wildcard of its template, nor a regular token"
    if name is not None or template.label in wildcards:
        mend = f"Its own wildcards and the regular tokens are {', '.join(numbers)}"
    else:
        mend = f'A regular token that occurs in no template is declared in `regular` or quoted, as "{template.label}"'
    raise template.wrong(template.label_place, reason, mend)


def quoted(label: str) -> str | None:
    """The token that a label in quotes names; None without quotes."""
    return label[1:-1] if len(label) > 2 and label[0] == label[-1] == '"' else None


def _refuse_mixture(written: Sequence[_Written], labels: Sequence[float | int]) -> None:
    for template, label in zip(written, labels, strict=True):
        if isinstance(label, float) != isinstance(labels[0], float):
            kinds = ("a number", "a token") if isinstance(label, float) else ("a token", "a number")
            reason = f"the label {template.label} is {kinds[0]}, but that of {written[0].text!r} is {kinds[1]}"
            mend = 'A learner predicts the one or the other; "1" in quotes is the token 1'
            raise template.wrong(template.label_place, reason, mend)


def _refuse_equivalent(
    written: Sequence[_Written], patterns: Sequence[list[int]], labels: Sequence[float | int]
) -> None:
    first: dict[tuple[int, ...], int] = {}
    for place, pattern in enumerate(patterns):
        earlier = first.setdefault(tuple(pattern), place)
        if earlier == place:
            continue
        pair = f"templates {written[earlier].text!r} (number {earlier + 1}) and {written[place].text!r} ({place + 1})"
        same = "are the same up to renaming wildcards"
        if labels[earlier] == labels[place]:
            raise InputError(f"{pair} {same}. Leave one out.")
        renamed = dict(zip(written[earlier].tokens, written[place].tokens, strict=True))
        label = renamed.get(written[earlier].label, written[earlier].label)
        must = f"so the label of the second would have to be {label}, not {written[place].label}"
        raise InputError(f"{pair}, character {written[place].label_place}: they {same}, {must}. Leave one out.")
