"""Tables and verdicts on the terminal, and the same as JSON for programs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

    from syntagma.curves import Verdict
    from syntagma.studies.schemas import Table as StudyTable

_WIDTH_OF_FILES = 240
_OUTCOME_STYLES = {"agrees": "green", "disagrees": "red", "open": "yellow", "finding": "cyan"}


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; where the output goes to a file, as wide as the variable COLUMNS says.

    Without it, wide enough for most tables.
    """
    plain = Console(stderr=stderr, highlight=False)
    if plain.is_terminal or os.environ.get("COLUMNS", "").isdecimal():
        return plain
    return Console(stderr=stderr, highlight=False, width=_WIDTH_OF_FILES)


def print_tables(tables: Mapping[str, pd.DataFrame]) -> None:
    """Each table under its name."""
    out = console()
    for name, table in tables.items():
        drawn = Table(title=escape(name), title_justify="left")
        for column in table.columns:
            numeric = table[column].dtype.kind in "iuf"
            drawn.add_column(escape(str(column)), justify="right" if numeric else "left")
        for row in table.itertuples(index=False):
            drawn.add_row(*(escape(cell(value)) for value in row))
        out.print(drawn)


def print_study_tables(tables: Iterable[StudyTable]) -> None:
    """Each table of a study under its title, with the columns that the page shows."""
    print_tables({f"{one.name}: {one.title}": one.data.loc[:, [c.name for c in one.columns]] for one in tables})


def print_verdicts(verdicts: Iterable[Verdict]) -> None:
    """One line a claim: the outcome, the claim, what was predicted and measured, and the source."""
    out = console()
    for verdict in verdicts:
        style = _OUTCOME_STYLES[verdict.outcome]
        claim = verdict.claim
        line = f"{claim.text}: predicted {claim.predicted}, measured {verdict.measured} [{claim.source}]"
        out.print(f"[{style}]{verdict.outcome:<9}[/] {escape(line)}", soft_wrap=True)


def print_json(value: Any) -> None:
    """`value` as JSON on standard output; a missing value, NaN or infinity becomes null."""
    print(json.dumps(_strict(value), ensure_ascii=False, indent=1, allow_nan=False))


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """One mapping per row."""
    return [dict(zip(map(str, table.columns), row, strict=True)) for row in table.itertuples(index=False)]


def cell(value: Any) -> str:
    """A value as it stands in a table."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value))
    return "" if value is None else str(value)


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    tolist = getattr(value, "tolist", None)
    return _strict(tolist()) if tolist else str(value)


def print_notes(notes: Iterable[str]) -> None:
    """Lines that a person must see beside what is printed, on standard error."""
    for note in notes:
        console(stderr=True).print(f"note    {note}", markup=False, soft_wrap=True)
