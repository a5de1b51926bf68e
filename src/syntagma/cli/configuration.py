"""Settings as TOML: written with what each means, and laid over a preset where a file gives them.

    syntagma settings scaling-laws --preset laptop > mine.toml
    syntagma run scaling-laws --preset laptop --config mine.toml

A file need not be complete: what it leaves out is the preset's. Two rules make it say what it means. A table of names
that a person chooses, as that of the learners, holds those that the file names and no others; and where a `kind` is not
the preset's, nothing but what the file gives is known of it. TOML has no empty value: `"unset"` stands for it, and is
always written, so that a file that was printed whole says the same over every preset.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from syntagma.cli.meanings import Setting, described
from syntagma.errors import InputError
from syntagma.regular_file import read_regular, shown

UNSET = "unset"
MAX_BYTES = 2**24
"""The largest file that is read."""
_WIDTH = 118
_FORM = "A file of settings is TOML, as `syntagma settings STUDY` prints it"


def written(settings: BaseModel) -> str:
    """`settings` as TOML, each with a comment: its meaning, what is allowed, the default."""
    return "\n".join(_lines(described(settings))).strip() + "\n"


def read(path: str) -> dict[str, Any]:
    """What a file of settings says.

    Raises:
        InputError: the file cannot be read, or is no TOML; the message names it.
    """
    content = read_regular(path, MAX_BYTES, _FORM)
    try:
        return _unset(tomllib.loads(content.decode()))
    except UnicodeDecodeError:
        raise InputError(f"{shown(path)} cannot be used: it is no text in UTF-8. {_FORM}.") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{shown(path)} cannot be used: it is not complete TOML: {error}. {_FORM}.") from None
    except ValueError:  # of Python, for whole numbers of thousands of digits
        raise InputError(f"{shown(path)} cannot be used: a whole number in it has too many digits. {_FORM}.") from None
    except RecursionError:
        raise InputError(f"{shown(path)} cannot be used: its TOML is nested too deep. {_FORM}.") from None


def _unset(value: Any) -> Any:
    """`value` with None wherever it says `"unset"`."""
    if isinstance(value, dict):
        return {name: _unset(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_unset(inner) for inner in value]
    return None if value == UNSET else value


def _lines(settings: Iterable[Setting]) -> Iterator[str]:
    """Lines of TOML: the settings of each table together, and the tables in the order of their first setting."""
    tables: dict[str, list[Setting]] = {"": []}
    heads: dict[str, Setting] = {}
    for one in settings:
        if one.is_table:
            tables[one.key], heads[one.key] = [], one
        else:
            tables[_parent(one.key, tables)].append(one)
    for name, inside in tables.items():
        head = heads.get(name)
        if head is not None and (inside or head.takes_names or head.meaning):
            yield ""
            yield from _comment(head.comment())
            yield f"[{_dotted(name)}]"
        for one in inside:
            yield from _comment(one.comment())
            yield f"{_key(one.key[len(name) + 1 :] if name else one.key)} = {value_text(one.value)}"


def _parent(key: str, tables: Mapping[str, Any]) -> str:
    """The innermost of `tables` that holds `key`."""
    while key not in tables:
        key = key.rpartition(".")[0]
    return key


def _comment(text: str) -> Iterator[str]:
    """`text` in lines of comment."""
    line = "#"
    for word in text.split():
        if len(line) + 1 + len(word) > _WIDTH:
            yield line
            line = "#"
        line += f" {word}"
    if line != "#":
        yield line


def value_text(value: Any) -> str:
    """A JSON value as TOML: `value_text({"a": [1, 2]})` is `{a = [1, 2]}`, None is `"unset"`."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(name)} = {value_text(one)}" for name, one in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if value is None:
        return f'"{UNSET}"'
    return json.dumps(value)


def _dotted(path: str) -> str:
    return ".".join(map(_key, path.split(".")))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else value_text(name)
