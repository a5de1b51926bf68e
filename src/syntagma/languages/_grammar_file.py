"""Grammars as JSON files: a format name, a version, the sizes, rule probabilities and productions. Nothing is pickled.

`rule_probabilities` is kept as it was given (null, a Zipf exponent, one list, or a list of arrays), from which the
weights follow; numbers are written so that they read back to the same float64.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syntagma.errors import InputError
from syntagma.regular_file import UnreadableFile, read_regular, shown

FORMAT = "syntagma.random-hierarchy"
VERSION = 1
LARGEST = 2**31
"""Bytes: of the largest grammar that there can be, and some."""
FIELDS = ("vocab", "rules", "branching", "depth", "num_classes", "rule_probabilities", "seed", "productions")


def write_grammar(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write `content` (the keys of FIELDS) so that a reader sees the old file or the new one, never a part.

    Raises:
        InputError: the file cannot be written.
    """
    target = Path(path)
    text = json.dumps({"format": FORMAT, "version": VERSION, **content}, separators=(",", ":"), allow_nan=False)
    partial: str | None = None
    try:
        place = target.parent / f".{target.name}.{secrets.token_hex(8)}.part"
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # less the user's mask, as other files
        partial = str(place)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.replace(partial, target)
    except OSError as error:
        if partial is not None:
            Path(partial).unlink(missing_ok=True)
        raise InputError(f"{target}: the grammar cannot be written: {error.strerror}.") from None


def read_grammar(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The fields of a grammar file, present but not yet checked.

    Raises:
        InputError: no such file, not JSON (for instance cut short), another format or version, or a missing field.
    """
    name = shown(path)
    try:
        content = json.loads(read_regular(path, LARGEST).decode("utf-8"))
    except UnreadableFile as error:
        raise InputError(f"{name}: the grammar file cannot be read: {error.sentence}") from None
    except json.JSONDecodeError as error:
        reason = f"not complete JSON (line {error.lineno}, column {error.colno}: {error.msg})"
        raise InputError(f"{name}: {reason}; it may have been cut short. Save the grammar again.") from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise InputError(f"{name}: not a JSON text file, so not a grammar saved by RandomHierarchy.save.") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f'{name}: not a grammar file: its "format" is not {FORMAT!r}. Use RandomHierarchy.save.')
    if content.get("version") != VERSION:
        raise InputError(f"{name}: grammar file version {content.get('version')!r:.40}, this program reads {VERSION}.")
    missing = [field for field in FIELDS if field not in content]
    if missing:
        raise InputError(f"{name}: the grammar file lacks {', '.join(missing)}. Save the grammar again.")
    return content
