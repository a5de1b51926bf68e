"""How many sentences each split gets, as a person writes it: shares of a number, or numbers."""

from __future__ import annotations

import math

from pydantic import PositiveInt

from syntagma.checked_call import checked
from syntagma.errors import InputError, invalid, unknown, whole_number
from syntagma.languages.splits import SPLITS, Split

DEFAULT = "train=0.8,validation=0.1,test=0.1"


@checked
def split_sizes(text: str = DEFAULT, examples: PositiveInt | None = None) -> dict[Split, int]:
    """`split_sizes("train=0.9,test=0.1", 1000)` is 900 and 100; `split_sizes("train=900,test=100")` is the same.

    Shares are below 1 and sum to 1; they are rounded so that all of `examples` are used.

    Raises:
        InputError: no `name=number`, an unknown or repeated name, shares and numbers mixed, shares that do not sum to 1
            or come without `examples`, or numbers that do not sum to `examples`.
    """
    given: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise invalid("splits", text, "it is a list of name=number", f"For example {DEFAULT}")
        if name not in SPLITS:
            raise unknown("splits", name, SPLITS)
        if name in given:
            raise invalid("splits", text, f"{name} is named twice", "Name each split once")
        given[name] = _number(number, text)
    shares = [value for value in given.values() if 0 < value < 1 or (value == 1 and len(given) == 1)]
    if shares and len(shares) == len(given) and (examples is not None or min(shares) < 1):
        return _of_shares(given, text, examples)
    if any(0 < value < 1 for value in given.values()):
        raise invalid("splits", text, "shares and numbers are mixed", "Give shares that sum to 1, or numbers")
    sizes: dict[Split, int] = {name: whole_number(name, given[name]) for name in SPLITS if name in given}
    if examples is not None and sum(sizes.values()) != examples:
        mend = "Leave out examples, or give shares"
        raise invalid("examples", examples, f"the splits have {sum(sizes.values())} sentences together", mend)
    return sizes


def _number(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        raise invalid("splits", whole, f"{text!r} is no number above 0", f"For example {DEFAULT}")
    return value


def _of_shares(given: dict[str, float], text: str, examples: int | None) -> dict[Split, int]:
    if examples is None:
        raise InputError(f"examples is missing: splits={text!r} are shares of it. Give it, or give numbers.")
    number = whole_number("examples", examples)
    total = sum(given.values())
    if abs(total - 1) > 1e-9:
        raise invalid("splits", text, f"the shares sum to {total:g}", "Give shares that sum to 1")
    names: list[Split] = [name for name in SPLITS if name in given]
    sizes: dict[Split, int] = {name: math.floor(given[name] * number + 1e-9) for name in names}
    by_remainder = sorted(names, key=lambda name: sizes[name] - given[name] * number)
    for name in by_remainder[: number - sum(sizes.values())]:
        sizes[name] += 1
    if not all(sizes.values()):
        raise invalid("examples", number, f"splits={text!r} leave a split without a sentence", "Give more of them")
    return sizes
