"""Names that people give to runs: kept beside them, and no part of what a run is known by.

    store.tag(ids, "baseline")          # `syntagma fit ... --tag baseline`
    store.runs()["tags"]                # ("baseline",), or None for a run without any

They stand in a table of their own, which a file gets with the first of them: a file of before there were tags is read
and written as it is, and a version that knows of none reads a file with some.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from syntagma.errors import invalid

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "tags"
"""Of the table of runs, where some run has a tag."""
SCHEMA = "CREATE TABLE tags (id TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (id, tag))"
STORED = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'tags'"
ALL = "SELECT id, tag FROM tags ORDER BY rowid"
_FORM = re.compile(r"\w[\w.:+-]{0,63}")


def checked(names: Iterable[str], field: str = "tag") -> list[str]:
    """The tags, each once: `checked(["baseline"])`.

    Raises:
        InputError: one that is no name: it must be told from a condition as `seed=0`, and from several in a list.
    """
    for name in names:
        if not isinstance(name, str) or not _FORM.fullmatch(name):
            allowed = "a tag is 1 to 64 letters, digits and . : + - _, the first a letter or digit"
            raise invalid(field, name, allowed, "Choose another, as baseline")
    return list(dict.fromkeys(names))


def write(connection: sqlite3.Connection, tags: Mapping[str, Collection[str]]) -> None:
    """Add tags to runs by their ids. Inside a transaction."""
    if not any(tags.values()):
        return
    if not connection.execute(STORED).fetchall():
        connection.execute(SCHEMA)
    rows = [(identity, name) for identity, names in tags.items() for name in names]
    connection.executemany("INSERT OR IGNORE INTO tags VALUES (?, ?)", rows)


def remove(connection: sqlite3.Connection, ids: Collection[str], names: Collection[str]) -> None:
    """Take tags away from runs. Inside a transaction."""
    if connection.execute(STORED).fetchall():
        rows = [(identity, name) for identity in ids for name in names]
        connection.executemany("DELETE FROM tags WHERE id = ? AND tag = ?", rows)


def read(rows: Iterable[Sequence[Any]]) -> dict[str, tuple[str, ...]]:
    """The tags of each run that has some, in the order in which they were given; what is none is left out."""
    tags: dict[str, tuple[str, ...]] = {}
    for identity, name in rows:
        if isinstance(identity, str) and isinstance(name, str) and _FORM.fullmatch(name):
            tags[identity] = (*tags.get(identity, ()), name)
    return tags


def with_column(runs: pd.DataFrame, tags: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """The table of runs with their tags, where any of all runs has one; None for those without."""
    import pandas as pd

    if not tags or COLUMN in runs:
        return runs
    values = pd.Series([tags.get(str(identity)) for identity in runs["id"]], dtype=object, index=runs.index)
    return runs.assign(**{COLUMN: values})
