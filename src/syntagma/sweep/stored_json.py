"""JSON texts out of a file that a stranger may have written: read into values that the rest of the code may rely on."""

from __future__ import annotations

import json
from typing import Any

from syntagma.regular_file import encodable

DEEPEST = 50
"""Mappings and lists inside each other that a text may have."""
_LEAST, _MOST = -(2**63), 2**63 - 1
_DECODER: Any = json.JSONDecoder()


class Damaged(Exception):
    """What is stored cannot be used; the message says why."""


def mapping_of(text: Any, name: str) -> dict[str, Any]:
    """The mapping that a stored JSON text holds.

    Raises:
        Damaged: it holds none, as `value_of`.
    """
    value = value_of(text, name)
    if not isinstance(value, dict):
        raise Damaged(f"its {name} is a {type(value).__name__}, not a mapping")
    return value


def value_of(text: Any, name: str) -> Any:
    """What a stored JSON text holds.

    Raises:
        Damaged: it is no JSON, is nested too deep, or holds a whole number of over 64 bits or half a character.
    """
    try:
        value, end = _DECODER.scan_once(text, 0)
        if end != len(text):
            raise Damaged(f"its {name} is not JSON")
        if "\\u" in text and not encodable(json.dumps(value, ensure_ascii=False)):
            raise Damaged(f"its {name} holds text that is not Unicode")
    except RecursionError as error:
        raise Damaged(f"its {name} is nested more than {DEEPEST} deep") from error
    except (TypeError, ValueError, StopIteration) as error:
        raise Damaged(f"its {name} is not JSON") from error
    _check(value, name, DEEPEST)
    return value


def _check(value: Any, name: str, levels: int) -> None:
    """That whole numbers have 64 bits, and that mappings and lists are not more than `levels` inside each other."""
    if levels < 0:
        raise Damaged(f"its {name} is nested more than {DEEPEST} deep")
    for inner in value.values() if type(value) is dict else value if type(value) is list else (value,):
        kind = type(inner)
        if kind is int:
            if not _LEAST <= inner <= _MOST:
                raise Damaged(f"its {name} holds a whole number of over 64 bits")
        elif kind is dict or kind is list:
            _check(inner, name, levels - 1)
