"""Template tasks from files: TOML, plain text, and strings with labels in CSV.

TOML holds the settings of `Templates`, or of a family by its name:

    wildcards = "αβ"                        family = "majority"
    templates = ["αβα -> 1", "αββ -> -1"]   length = 7
    train_symbols = 100                     train_symbols = 100

Any other file name than `*.toml` is text: one `template -> label` a line; empty lines, and lines that begin with `#`,
are left out. CSV has a first line that names its columns, `string` and `label` among them.
"""

from __future__ import annotations

import csv
import io
import os
import tomllib
from pathlib import Path
from typing import Any

from syntagma.errors import InputError, invalid
from syntagma.languages.templates.families import family
from syntagma.languages.templates.labelled import LabelledStrings
from syntagma.languages.templates.language import Templates
from syntagma.regular_file import UnreadableFile, read_regular, shown

MAX_BYTES = 2**28
"""The largest file that is read."""
_FORMS = "A file of templates is TOML (*.toml), or text with one 'template -> label' a line"


def read_templates(path: str | os.PathLike[str], **settings: Any) -> Templates:
    """The templates in `path`, under its settings and, before those, the given ones.

    Raises:
        InputError: the file cannot be read, is cut short or holds no valid templates; the message names the file.
    """
    path = Path(path)
    text = _text(path)
    try:
        if path.suffix != ".toml":
            lines = [line.strip() for line in text.splitlines()]
            given: dict[str, Any] = {"templates": tuple(line for line in lines if line and not line.startswith("#"))}
        else:
            given = tomllib.loads(text)
        given = {**given, **settings}
        if "family" not in given:
            return Templates(**given)
        name = given.pop("family")
        if not isinstance(name, str):
            raise invalid("family", name, "it is a name in quotes")
        return family(name, **given)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{shown(path)}: not complete TOML: {_first_line(error)}. {_FORMS}.") from None
    except RecursionError:
        raise InputError(f"{shown(path)}: TOML that is nested too deep. {_FORMS}.") from None
    except InputError as error:
        raise InputError(f"{shown(path)}: {error}") from None


def read_labelled_strings(
    path: str | os.PathLike[str], *, string: str = "string", label: str = "label", **settings: Any
) -> LabelledStrings:
    """The rows of a CSV file, its columns `string` and `label`; `settings` are those of `LabelledStrings`.

    Raises:
        InputError: the file cannot be read, is cut short, lacks a column or holds no valid rows; the message names the
            file and, for a row, its number, counted from 1 without the line of names.
    """
    path = Path(path)
    rows = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    strings, labels = [], []
    try:
        names = [name.strip() for name in next(rows, [])]
        for column in (string, label):
            if column not in names:
                raise invalid("column", column, f"the first line names {', '.join(names) or 'no columns'}")
        columns = names.index(string), names.index(label)
        for row in rows:
            if not row:
                continue
            if len(row) != len(names):
                has = f"{len(row)} fields where the first line names {len(names)}"
                raise InputError(f"row {len(strings) + 1} has {has}; the file may have been cut short.")
            strings.append(row[columns[0]])
            labels.append(row[columns[1]].strip())
        return LabelledStrings(strings=tuple(strings), labels=tuple(labels), **settings)
    except csv.Error as error:
        raise InputError(
            f"{shown(path)}: row {len(strings) + 1} is not CSV: {error}; it may have been cut short."
        ) from None
    except InputError as error:
        raise InputError(f"{shown(path)}: {error}") from None


def _text(path: Path) -> str:
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except UnreadableFile as error:
        raise InputError(f"{shown(path)}: the file cannot be read: {error.sentence}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{shown(path)}: not a text file in UTF-8 (byte {error.start}). Save it as UTF-8.") from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
