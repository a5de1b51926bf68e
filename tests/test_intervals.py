"""What studies say of measured intervals, and of exact plateaus: text, columns, outcomes, averages."""

from __future__ import annotations

import math

import numpy as np
import pytest

from syntagma.curves import Interval
from syntagma.languages.settings import HierarchySettings
from syntagma.studies.intervals import above, below, holds, interval_columns, span
from syntagma.studies.plateaus import mean_plateaus, plateaus_fact

MEASURED = Interval(2.0, 1.5, 3.0)
BEYOND = Interval(math.inf, 4.0, math.inf, "more than 4.00")
OPEN_END = Interval(2.0, 1.5, math.inf)
MISSING = Interval(math.nan, math.nan, math.nan)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (MEASURED, "2.00 [1.50, 3.00]"),
        (BEYOND, "more than 4.00 [4.00, ...]"),
        (MISSING, "not measured: no crossing"),
        (Interval(math.nan, math.nan, math.nan, "not trained yet"), "not measured: not trained yet"),
    ],
)
def test_the_text_of_an_interval(found: Interval, text: str):
    assert span(found) == text


def test_a_bound_is_a_note_alone():
    assert interval_columns(MEASURED, 4.0) == {"measured": 2.0, "low": 1.5, "high": 3.0, "ratio": 0.5, "note": ""}
    bound = interval_columns(BEYOND, 4.0)
    assert bound.pop("note") == "more than 4.00"
    assert all(math.isnan(value) for value in bound.values())


@pytest.mark.parametrize(
    ("found", "number", "whether"),
    [
        (MEASURED, 2.9, ("agrees", "open", "open")),
        (MEASURED, 1.0, ("disagrees", "agrees", "disagrees")),
        (MEASURED, 4.0, ("disagrees", "disagrees", "agrees")),
        (BEYOND, 3.0, ("disagrees", "agrees", "disagrees")),
        (BEYOND, 5.0, ("open", "open", "open")),
        (OPEN_END, 1.0, ("disagrees", "agrees", "disagrees")),
        (OPEN_END, 9.0, ("open", "open", "open")),
        (MISSING, 1.0, ("open", "open", "open")),
    ],
)
def test_outcomes_come_from_the_interval(found: Interval, number: float, whether: tuple[str, ...]):
    assert tuple(said(found, number, 2) for said in (holds, above, below)) == whether
    assert {said(found, number, 1) for said in (holds, above, below)} == {"open"}
    assert holds(found, math.nan, 2) == "open"


def test_plateaus_are_stored_and_averaged():
    language = HierarchySettings(vocab=3, rules=2, branching=2, depth=2)
    fact = plateaus_fact(language)
    assert fact["loss_nats"] == sorted(fact["loss_nats"], reverse=True)
    assert len(fact["loss_nats"]) == len(fact["standard_error"]) == 3
    rows = mean_plateaus(np.array([[1.0, 0.5], [1.2, 0.1]]))
    assert [row["level"] for row in rows] == [0, 1]
    assert [row["loss_nats"] for row in rows] == pytest.approx([1.1, 0.3])
    assert [row["standard_error"] for row in rows] == pytest.approx([0.1, 0.2])
    assert math.isnan(mean_plateaus(np.array([[1.0, 0.5]]))[0]["standard_error"])
