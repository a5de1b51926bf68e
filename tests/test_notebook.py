"""What notebooks show: tables of what was fitted, scored, measured and tabulated; names are never taken for HTML."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from syntagma import LastToken, LearningCurve, RandomHierarchy, score
from syntagma.learners.trainer import Fit
from syntagma.notebook import cell_html, html_table
from syntagma.studies.schemas import Column, Schema

SCHEMA = Schema(
    "sizes", "Sizes <of> it", "Made up.", (Column("level", "level l", "whole"), Column("size", "P", "count"))
)


def tables_of(value: Any) -> list[list[list[str]]]:
    """The cells of every table that a notebook is given, heads first; well formed, or this raises."""
    page = ElementTree.fromstring(f"<page>{value._repr_html_()}</page>")
    tables = page.iter("table")
    return [[["".join(cell.itertext()) for cell in row] for row in table.iter("tr")] for table in tables]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.123456, "0.1235"), (None, ""), (float("nan"), ""), (3, "3"), ("<b>", "&lt;b&gt;"), ([1.0, "&"], "1, &amp;")],
)
def test_a_cell(value: Any, shown: str) -> None:
    assert cell_html(value) == shown


def test_heads_and_captions_are_text() -> None:
    assert html_table("<c>", ("<h>",), [("<v>",)]).count("&lt;") == 3
    assert "<caption>" not in html_table("", ("h",), [])


def test_a_fit_is_told_on_one_line_and_shown_as_a_table() -> None:
    metrics = {"test_loss": 1.23456, "steps": 9, "stopped": "steps", "test_position_losses": [1.0, 2.0]}
    fitted = Fit(len, metrics, [{"step": 0.0}, {"step": 9.0}], np.zeros(1000))
    assert repr(fitted) == "Fit(test_loss=1.235, steps=9, stopped='steps', 2 evaluations)"
    assert tables_of(fitted) == [[["metric", "value"], ["test_loss", "1.235"], ["steps", "9"], ["stopped", "steps"]]]


def test_a_curve_shows_sizes_that_some_seeds_lack() -> None:
    curve = LearningCurve([64, 1024], [[2.0, 1.0], [3.0, np.nan]], name="mine <b>")
    assert tables_of(curve) == [
        [
            ["examples", "mean loss", "the smallest to the largest of 2 seeds"],
            ["64", "2.5", "2 to 3"],
            ["1,024", "1", "1 to 1 (1 of 2 seeds)"],
        ]
    ]
    assert "mine &lt;b&gt;" in curve._repr_html_()


def test_a_study_s_table_shows_the_columns_that_its_page_does() -> None:
    table = SCHEMA.table(
        [{"level": 1, "size": 26.4, "more": "of files"}, {"level": 2, "size": float("nan"), "more": ""}]
    )
    assert tables_of(table) == [[["level l", "P"], ["1", "26.4"], ["2", ""]]]


def test_a_score_has_whole_levels_and_blanks_where_nothing_is_estimated() -> None:
    language = RandomHierarchy(4, 2, 2, 2, seed=0)
    found = score(language, LastToken(), lambda tokens: np.full((len(tokens), 4), -np.log(4)), sentences=50)
    first, observers = tables_of(found)
    assert ["level learned", "0", ""] in first
    assert [row[1] for row in observers[1:]] == ["0", "1", "2"]
    assert "nan" not in found._repr_html_().lower().replace("nats", "")


def test_an_interval_is_read_at_a_glance() -> None:
    curve = LearningCurve([64, 256, 1024], [[2.0, 1.1, 0.3], [2.1, 1.4, 0.2]])
    assert repr(curve.crossing(1.0)) == "Interval(352 [56.1, 2,203])"
    assert repr(curve.crossing(0.1)) == "Interval(more than 1,024 [320, open])"
