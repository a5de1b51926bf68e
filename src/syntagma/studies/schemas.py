"""Tables that studies show, and the columns of those that several share, declared once and checked when one is made."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from syntagma.curves import Interval
from syntagma.notebook import html_table

Kind = Literal["text", "whole", "count", "ratio", "exponent", "nats", "number"]
"""How a column is checked and shown: `whole` as it is, `count` rounded with thousands apart, `ratio` to three digits,
`exponent` to two places, `nats` to three."""


@dataclass(frozen=True)
class Column:
    """A column, its heading on the page, and what is in it; of every kind but text and whole, NaN where not known."""

    name: str
    heading: str
    kind: Kind = "number"


@dataclass(frozen=True)
class Table:
    """A table as the page shows it.

    Attributes:
        name: of its file and of `--json`.
        title: its heading.
        caption: what its rows are, as whole sentences.
        columns: those shown, in order; `data` may have more, which only files have.
    """

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    data: pd.DataFrame

    def _repr_html_(self) -> str:
        shown = self.data.loc[:, [column.name for column in self.columns]]
        heads = [column.heading for column in self.columns]
        return html_table(self.title, heads, shown.itertuples(index=False, name=None))


@dataclass(frozen=True)
class Schema:
    """A kind of table: `THRESHOLDS.table(rows)` checks the rows and makes one."""

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]

    def table(self, rows: Iterable[Mapping[str, Any]] | pd.DataFrame, caption: str = "") -> Table:
        """A table of these columns and whatever more the rows have.

        Raises:
            TypeError: a column is missing or has values of another kind: an error of the study, not of its user.
        """
        data = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
        if not len(data):
            data = pd.DataFrame(columns=[column.name for column in self.columns])
        for column in self.columns:
            _check(self.name, column, data)
        return Table(self.name, self.title, caption or self.caption, self.columns, data)

    def named(self, name: str, title: str = "", caption: str = "") -> Schema:
        """The same columns for another table."""
        return replace(self, name=name, title=title or self.title, caption=caption or self.caption)


def interval_columns(one: Interval, prefix: str = "") -> dict[str, Any]:
    """`measured`, `low`, `high`, `note` of an interval, as a table has them; NaN where an end is open."""
    return {
        f"{prefix}measured": one.value if one.measured else math.nan,
        f"{prefix}low": math.nan if one.lower is None else one.low,
        f"{prefix}high": math.nan if one.upper is None else one.high,
        f"{prefix}note": "; ".join(part for part in (one.reason, one.caveat) if part),
    }


LEARNER = Column("label", "learner", "text")
RULES = Column("rules", "rules m", "whole")
LEVEL = Column("level", "level l", "whole")
LAW = Column("law", "law", "text")
SOURCE = Column("source", "source", "text")
NOTE = Column("note", "note", "text")
_PREDICTED_SIZE = Column("num_examples", "P_l", "count")


def interval_ends(kind: Kind) -> tuple[Column, Column]:
    """The two ends of an interval."""
    return Column("low", "from", kind), Column("high", "to", kind)


def measured_as(heading: str = "measured", kind: Kind = "ratio") -> tuple[Column, ...]:
    """The columns of `interval_columns`: what was measured, its two ends, and the note."""
    return Column("measured", heading, kind), *interval_ends(kind), NOTE


PREDICTIONS = Schema(
    "predictions",
    "Predicted thresholds",
    "The number of examples at which the threshold of each level is put: by the exact correlations of these grammars, "
    "and by the asymptotic laws.",
    (RULES, LEVEL, LAW, Column("regime", "holds as", "text"), _PREDICTED_SIZE, SOURCE),
)

PLATEAUS = Schema(
    "plateaus",
    "Exact plateaus",
    "The loss L_l of a reader who knows the grammar and uses the s^l - 1 tokens before the last, averaged over the "
    "grammars drawn, with the standard error over grammars.",
    (RULES, LEVEL, Column("loss_nats", "L_l (nats)", "nats"), Column("standard_error", "standard error", "nats")),
)

THRESHOLDS = Schema(
    "thresholds",
    "Thresholds: measured against predicted",
    "Number of training examples at which the test loss comes half-way from L_(l-1) to L_l, the geometric mean over "
    "seeds with its interval of 95 %. An empty place: no prediction, or an end that is open (see the note).",
    (
        LEARNER,
        RULES,
        LEVEL,
        Column("predicted", "predicted P_l", "count"),
        *measured_as("measured P_l", "count")[:-1],
        Column("ratio", "measured / predicted", "ratio"),
        NOTE,
    ),
)

GROWTH = Schema(
    "growth",
    "Growth of the thresholds",
    "Exponent k of the fit P_l (1 - f) ~ m^k with its interval of 95 %, beside the exponent predicted: the law's "
    "factor 1 / (1 - f), which depends on m too, is divided out.",
    (
        LEARNER,
        LEVEL,
        Column("predicted", "predicted k", "exponent"),
        *measured_as("measured k", "exponent")[:-1],
        Column("num_points", "values of m", "whole"),
        NOTE,
    ),
)

RUNS = Schema(
    "runs",
    "Runs",
    "Every finished run of these settings.",
    (Column("id", "run", "text"), Column("num_examples", "examples", "count"), Column("seed", "seed", "whole")),
)


def _check(table: str, column: Column, data: pd.DataFrame) -> None:
    if column.name not in data:
        raise TypeError(f"table {table} lacks its column {column.name}")
    values = data[column.name]
    if column.kind == "text":
        right = all(isinstance(value, str) for value in values)
    elif column.kind == "whole":
        right = not len(values) or pd.api.types.is_integer_dtype(values)
    else:
        right = not len(values) or (pd.api.types.is_numeric_dtype(values) and values.dtype != bool)
    if not right:
        wanted = {"text": str, "whole": numbers.Integral}.get(column.kind, numbers.Real)
        wrong = next((value for value in values if not isinstance(value, wanted)), values.iloc[0])
        held = getattr(wrong, "item", lambda: wrong)()  # a plain number, not numpy's
        raise TypeError(f"column {column.name} of table {table} is to be {column.kind}, it holds {held!r}")
