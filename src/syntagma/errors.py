"""Bad input, said in one line: the field, what was given, what is allowed, how to mend it."""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """A value that a person supplied cannot be used; the message is one line, the command exits with code 2.

    Example: `InputError("seeds=0 cannot be used: it must be at least 1.")`.
    """


def invalid(field: str, given: object, allowed: str, mend: str = "") -> InputError:
    """The error for one field: `field=given is not allowed: <allowed>. <mend>`."""
    return InputError(f"{field}={_short(given)} cannot be used: {allowed}." + (f" {mend}." if mend else ""))


def unknown(field: str, given: object, choices: Iterable[str]) -> InputError:
    """The error for a name that is not among `choices`, with the nearest valid name where there is one."""
    names = sorted(map(str, choices))
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.5) if isinstance(given, str) else []
    hint = f"Did you mean {near[0]!r}?" if near else "Choose one of them."
    return InputError(f"{field}={_short(given)} is unknown: there are {', '.join(names)}. {hint}")


def whole_number(field: str, given: Any, minimum: int = 1) -> int:
    """`given` as an int, where it is one; booleans, NaN, fractions and text are refused.

    Raises:
        InputError: not a whole number, or below `minimum`.
    """
    if isinstance(given, numbers.Integral) and not isinstance(given, bool):
        number = int(given)
    elif isinstance(given, numbers.Real) and not isinstance(given, bool) and float(given).is_integer():
        number = int(float(given))
    else:
        raise invalid(field, given, "it must be a whole number", f"Give {field} as an integer, {minimum} or more")
    if number < minimum:
        raise invalid(field, given, f"it must be at least {minimum}", f"Raise {field} to {minimum} or more")
    return number


def check_kind(field: str, given: object, kind: type | tuple[type, ...], name: str) -> None:
    """Refuse what is no instance of `kind`, which is called `name`: for modules that load no NumPy; else `checked`.

    Raises:
        InputError: see above.
    """
    if not isinstance(given, kind):
        what = "None" if given is None else f"of type {type(given).__name__}"
        raise invalid(field, given, f"it is {what}, not {name}", f"Give {name}")


def _short(given: object) -> str:
    text = repr(given).replace("\n", " ")
    return text if len(text) <= 80 else text[:77] + "..."
