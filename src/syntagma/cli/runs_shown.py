"""Stored runs as a table that fits the terminal: what tells them apart, and what was measured."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syntagma.errors import invalid

if TYPE_CHECKING:
    import pandas as pd

ROWS_SHOWN = 100
"""Runs on the terminal where no other number is asked for."""
_BORDER = 3
"""Characters that a column takes besides its cells."""


@dataclass(frozen=True)
class Chosen:
    """What a person asked to see of the stored runs.

    Attributes:
        where: conditions, as `kind=cnn` or `num_examples>=256`, all of which must hold.
        columns: names; what tells and what was measured where there is none, and all where the only one is "all".
        sort: a name, with a - before it for descending; in the order they finished where it is empty.
        limit: at most so many runs; None for all.
    """

    where: Sequence[str] = ()
    columns: Sequence[str] = ()
    sort: str = ""
    limit: int | None = None

    def rows(self, runs: pd.DataFrame) -> pd.DataFrame:
        """The runs that were asked for, with all their columns.

        Raises:
            InputError: a condition or name that fits no column.
        """
        from syntagma.sweep.selection import ordered, where

        chosen = where(runs, self.where)
        if not len(chosen) and len(runs):
            raise invalid("where", " ".join(self.where), f"it holds for none of {len(runs)} runs", "Widen it")
        return ordered(chosen, self.sort) if self.sort else chosen

    def names(self, runs: pd.DataFrame) -> list[str]:
        """The columns that were asked for by name; all where there is no such wish.

        Raises:
            InputError: a name that fits no column.
        """
        from syntagma.sweep.selection import named_columns

        if not self.columns or list(self.columns) == ["all"]:
            return list(map(str, runs.columns))
        return named_columns(runs, self.columns)


def fitting(
    runs: pd.DataFrame, chosen: Chosen, width: int, there: int, changed: Collection[str] = ()
) -> tuple[pd.DataFrame, str]:
    """The table to print, no wider than `width` characters, and a line about what is not in it.

    A column that was asked for by name is shown whatever the width. There are so many runs: `there`; `changed` are the
    settings that somebody chose (see `sweep.selection.telling_columns`).
    """
    from syntagma.cli.display import cell
    from syntagma.sweep.selection import short_names, telling_columns

    everything = list(map(str, runs.columns))
    shown = runs.iloc[: chosen.limit] if chosen.limit else runs
    table = shown.assign(id=[str(identity)[:8] for identity in shown["id"]])
    if chosen.columns:
        columns = chosen.names(runs)
        short = short_names(columns, everything)
    else:
        wanted = ["id", *telling_columns(runs, changed)]
        short = short_names(wanted, everything)
        columns, taken = [], 1
        for name in wanted:
            cells = max([len(short[name]), *(len(cell(value)) for value in table[name].tolist())])
            if taken + cells + _BORDER <= width:
                columns.append(name)
                taken += cells + _BORDER
    cut = " (--limit)" if chosen.limit and there > chosen.limit else ""
    said = f"{there:,} runs" if len(shown) == there else f"{len(shown):,} of {there:,} runs{cut}"
    left = len(everything) - len(columns)
    if left and not chosen.columns:
        said += f"; {left} more columns: --columns NAME,NAME or all, or --csv FILE"
    return table.loc[:, columns].rename(columns=short), said
