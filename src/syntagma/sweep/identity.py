"""What makes two runs the same run: the canonical text of a configuration, and its hash.

The canonical text is JSON with sorted keys and no spaces; floats are written by `repr`, which is the shortest text that
reads back to the same float64, so the text and the hash are the same on every machine and Python. `1` and `1.0` are
different values (configurations are typed, so one field always gives the same of the two); `-0.0` is `0.0`.

What does not determine a result stays out of the hash: which study asked for the run, which is no part of its
configuration, and where a text or corpus lay and how large it might be, wherever the digest of its content stands
beside that.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from typing import Any

from syntagma.errors import invalid
from syntagma.regular_file import encodable

ID_LENGTH = 20
"""Hexadecimal digits of a run's id: 80 bits, so that two of a million runs share one with probability 4e-13."""


_PLACES = {"sha256": {"path", "max_bytes"}, "digest": {"directory"}}
"""By the digest of a content, what stands beside it and says where the content is, or how to read it."""
_PLACES_BEFORE = {"sha256": {"path"}}
"""As ids were made before runs of corpora were known by their content; such rows are read, and done again."""


def run_id(config: Mapping[str, Any]) -> str:
    """The first 20 hexadecimal digits of SHA-256 of the canonical text of `config`, without places of known content.

        run_id({"seed": 3})  # "4d687b6437462c4d42e6"

    Raises:
        InputError: NaN or infinity somewhere in it (they equal nothing, so the run could not be found again), a whole
            number of more than 64 bits, or a value that is no JSON value.
    """
    return id_of_text(identity_text(config))


def is_id_of(identity: str, config: Mapping[str, Any]) -> bool:
    """Whether `identity` is the id of `config`, as it is made now or was made before."""
    return identity in (run_id(config), id_of_text(canonical_text(_without_places(config, _PLACES_BEFORE))))


def id_of_text(text: str) -> str:
    """The id of the configuration whose `identity_text` is `text`."""
    return digest(text)[:ID_LENGTH]


def identity_text(value: Any) -> str:
    """The canonical text of what determines a result: of `value` without places of known content."""
    return canonical_text(_without_places(value, _PLACES))


def digest(text: str) -> str:
    """SHA-256 of `text`, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical_text(value: Any) -> str:
    """JSON text of `value` with sorted keys, the same for equal values.

    Raises:
        InputError: NaN or infinity, or a value that is no JSON value.
    """
    value = _finite(plain(value, "configuration"), "configuration")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def json_text(value: Any) -> str:
    """JSON text in the given order; NaN and infinity are written as `NaN` and `Infinity`, which Python reads back.

    Raises:
        InputError: a value that is no JSON value.
    """
    return json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False)


def plain(value: Any, field: str = "value") -> Any:
    """`value` as dicts with text keys, lists, text, whole numbers, floats, booleans and None; NumPy is converted.

    Raises:
        InputError: another type, or a whole number that no 64 bits hold, named by where it stands.
    """
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or not encodable(key):
                raise invalid(field, key, "keys must be text", f"Use {str(key)!a}")
        return {key: plain(inner, f"{field}.{key}") for key, inner in value.items()}
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(inner, f"{field}[{place}]") for place, inner in enumerate(value)]
    if isinstance(value, float):
        return value + 0.0  # turns -0.0 into 0.0
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise invalid(field, value, "whole numbers must fit in 64 bits", "Give one below 2**63")
    if isinstance(value, str) and not encodable(value):
        raise invalid(field, value, "it is no Unicode text", "Give it in UTF-8")
    if value is None or isinstance(value, str | bool | int):
        return value
    raise invalid(field, value, f"{type(value).__name__} is not a JSON value", "Give numbers, text, lists or mappings")


def flatten(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one mapping with dotted names: `{"a": {"b": 1}}` becomes `{"a.b": 1}`; lists become tuples."""
    flat: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = _frozen(value)
    return flat


def _without_places(value: Any, places: Mapping[str, Collection[str]]) -> Any:
    """`value` without the names in `places` that stand beside the digest of what lies there."""
    if isinstance(value, Mapping):
        left_out = {name for digest_of, names in places.items() if value.get(digest_of) is not None for name in names}
        return {name: _without_places(inner, places) for name, inner in value.items() if name not in left_out}
    return [_without_places(inner, places) for inner in value] if isinstance(value, list | tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(inner) for inner in value) if isinstance(value, list) else value


def _finite(value: Any, field: str) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid(field, value, "a configuration must have finite numbers", "Give a finite number")
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for place, inner in children:
        _finite(inner, f"{field}[{place}]" if isinstance(value, list) else f"{field}.{place}")
    return value
