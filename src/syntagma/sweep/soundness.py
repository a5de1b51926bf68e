"""Whether rows can be used, found out without reading what is in them: SQLite says whether a text is JSON, ten times as
fast as it is read, and a few counts say whether it is JSON that `stored_json` takes.

A row's texts are taken as they are where all of this holds; where some does not, they are read to see:

- SQLite says that they are JSON, and each begins and ends with its bracket: SQLite allows blanks around it
- no 19 digits in a row, so that every whole number fits in 64 bits
- at most as many opening brackets as there may be inside each other
- no escaped character, which may be half of one, and no NUL, where SQLite's text ends
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syntagma.sweep.rows import StoredHistory, verified_content
from syntagma.sweep.run_rows import StoredRun, check_id
from syntagma.sweep.stored_json import DEEPEST

_KINDS = bytes.maketrans(b"123456789[\0", b"000000000{\\")
"""Every digit as 0, every opening bracket as {, and NUL as a backslash."""
_MANY_DIGITS = b"0" * 19


class SoundRuns:
    """Finds out whether runs can be used, as `StoredRun.read` would."""

    TABLE: str = StoredRun.TABLE
    NAME: str = StoredRun.NAME
    CALLED: str = StoredRun.CALLED
    COLUMNS: str = (
        f"{StoredRun.COLUMNS}, CASE WHEN typeof(config) = 'text' AND typeof(result) = 'text' "
        "THEN json_valid(config) AND json_valid(result) END"
    )

    def read(self, row: Sequence[Any]) -> str:
        """The environment of the run in a row of `COLUMNS`.

        Raises:
            Damaged: as `StoredRun.read`.
        """
        *stored, is_json = row
        content = verified_content(stored)
        identity, config, result, _, environment, _ = stored
        check_id(identity, config)
        braces = is_json and config[0] == result[0] == "{" and config[-1] == result[-1] == "}"
        if not (braces and _plain(content)):
            StoredRun.read(stored)
        return environment


class SoundHistories:
    """Finds out whether histories can be used, as `StoredHistory.read` would."""

    TABLE: str = StoredHistory.TABLE
    NAME: str = StoredHistory.NAME
    CALLED: str = StoredHistory.CALLED
    COLUMNS: str = f"{StoredHistory.COLUMNS}, CASE typeof(history) WHEN 'text' THEN json_valid(history) END"

    def read(self, row: Sequence[Any]) -> None:
        """Nothing; the row is one of `COLUMNS`.

        Raises:
            Damaged: as `StoredHistory.read`.
        """
        *stored, is_json = row
        content = verified_content(stored)
        if not (is_json and _is_list_of_flat_mappings(stored[1]) and _plain(content)):
            StoredHistory.read(stored)


def _plain(content: bytes) -> bool:
    """Whether JSON texts are such as `stored_json.value_of` takes, as far as counting tells."""
    kinds = content.translate(_KINDS)
    return kinds.count(b"{") <= DEEPEST and b"\\" not in kinds and _MANY_DIGITS not in kinds


def _is_list_of_flat_mappings(text: str) -> bool:
    """Whether JSON text is a list of mappings without others inside: each but the first follows one.

    An entry that is no mapping does not end in a curly bracket, so the one after it would not follow one.
    """
    return text == "[]" or (
        text[:2] == "[{" and text[-2:] == "}]" and text.count("},{") == text.count("{") - 1 and text.find("[", 1) < 0
    )
