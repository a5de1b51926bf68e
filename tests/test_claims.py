"""Claims: Holm by hand, the rules' outcomes, what stays open."""

from __future__ import annotations

import math

import numpy as np
import pytest

from syntagma.curves import Claim, PerSeed, certain, claims_tested, judge, mean, unmeasured
from syntagma.curves.claim import _holm
from syntagma.curves.interval import Interval


def claim(values: list[float], rule: str, number: float = 1.0, **rest: object) -> Claim:
    return Claim("a claim", "a law", mean(values), rule, number, "here", **rest)  # pyright: ignore


def outcome(one: Claim) -> str:
    return judge([one])[0].outcome


def test_holms_correction_by_hand() -> None:
    assert _holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert _holm([0.9, 0.001]) == pytest.approx([0.9, 0.002])


NEAR_ONE, ABOVE, BELOW = [0.98, 1.03, 1.0], [1.98, 2.03, 2.0], [0.48, 0.53, 0.5]


@pytest.mark.parametrize(
    ("values", "rule", "expected"),
    [
        (NEAR_ONE, "equals", "agrees"),
        (ABOVE, "equals", "disagrees"),
        (ABOVE, "above", "agrees"),
        (BELOW, "above", "disagrees"),
        (NEAR_ONE, "above", "open"),
        (BELOW, "below", "agrees"),
        (ABOVE, "below", "disagrees"),
        (NEAR_ONE, "finding", "finding"),
    ],
)
def test_outcomes(values: list[float], rule: str, expected: str) -> None:
    assert outcome(claim(values, rule)) == expected


def test_no_outcome_with_one_seed() -> None:
    assert [outcome(claim([5.0], rule)) for rule in ("equals", "above", "below")] == ["open"] * 3


def test_what_was_not_measured_or_has_a_caveat_is_open() -> None:
    missing = Claim("a", "b", unmeasured("not trained yet"), "equals", 1.0)
    assert judge([missing])[0].outcome == "open"
    assert judge([missing])[0].measured == "not measured: not trained yet"
    doubtful = judge([claim(ABOVE, "above", caveat="training was short")])[0]
    assert doubtful.outcome == "open"
    assert doubtful.measured.endswith("(training was short)")
    diverged = PerSeed(np.array(ABOVE), np.array(ABOVE), caveat="1 run diverged").interval()
    assert judge([Claim("a", "b", diverged, "above", 1.0)])[0].outcome == "open"
    assert judge([Claim("a", "b", diverged)])[0].outcome == "open"


def test_an_interval_too_wide_to_tell_does_not_agree() -> None:
    wide = [0.0, 1.0, 2.0]
    assert outcome(claim(wide, "equals")) == "agrees"
    assert outcome(claim(wide, "equals", resolution=1.0)) == "open"


def test_an_open_end_can_exclude_but_not_agree() -> None:
    ends, beyond = np.log([5.0, 5.5, 6.0]), np.array([np.log(5.0), np.log(5.5), np.inf])
    bounded = PerSeed(ends, beyond, True).interval()
    assert outcome(Claim("a", "b", bounded, "equals", 1.0)) == "disagrees"
    assert outcome(Claim("a", "b", bounded, "equals", 6.0)) == "open"
    assert outcome(Claim("a", "b", bounded, "above", 1.0)) == "agrees"


def test_a_number_without_error_decides() -> None:
    assert outcome(Claim("78 levels", "78", certain(78), "equals", 78)) == "agrees"
    assert outcome(Claim("77 levels", "78", certain(77), "equals", 78)) == "disagrees"


def test_one_of_many_true_predictions_outside_its_own_interval_is_open_not_false() -> None:
    """Twenty true claims, one of them with a p-value of 0.03: alone it disagrees, among twenty it is open."""
    unlucky = claim([1.05, 1.11, 1.08, 1.12, 1.0], "equals", 1.01)
    assert 0.01 < unlucky.p_value() < 0.05
    assert outcome(unlucky) == "disagrees"
    verdicts = judge([unlucky, *[claim(NEAR_ONE, "equals", 1.0 + 0.001 * i) for i in range(19)]])
    assert verdicts[0].outcome == "open"
    assert verdicts[0].p_value == pytest.approx(20 * unlucky.p_value())
    assert {verdict.outcome for verdict in verdicts[1:]} == {"agrees"}


def test_false_outcomes_are_as_rare_as_promised() -> None:
    """Of 400 studies with ten true predictions each, at most 5 % say `disagrees` anywhere; uncorrected it is 40 %."""
    draw = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        verdicts = judge([claim(list(draw.normal(1, 0.1, 4)), "equals") for _ in range(10)])
        wrong += any(verdict.outcome == "disagrees" for verdict in verdicts)
    assert wrong / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_the_page_says_how_many_claims_were_tested() -> None:
    verdicts = judge(
        [claim(NEAR_ONE, "equals"), claim(ABOVE, "above"), claim([1.0], "equals"), claim(ABOVE, "finding")]
    )
    text = claims_tested(verdicts)
    assert text.startswith("2 claims were tested")
    assert "0.1 of them would be false by chance" in text
    assert claims_tested([]) == "No claim could be tested."
    assert isinstance(verdicts[0].claim.measured, Interval)
