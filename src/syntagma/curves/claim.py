"""Claims: what was predicted beside what was measured, and the only place where an outcome is decided.

A study tests many claims at once. Each has the two-sided p-value of its prediction given its interval; after Holm's
correction over the m claims that can be tested, the probability that any true prediction of the study is told
"disagrees" (or any "more than" is told wrongly) is at most 5 %: the k-th smallest p-value is multiplied by m - k + 1.

- equals: disagrees where the number is excluded after correction; agrees where the 95 % interval has two ends, holds
  the number and is no wider than `resolution`; else open.
- above: agrees where the number is excluded and the interval lies above it, disagrees where it lies below; else open.
- below: the reverse.
- finding: there is no prediction, and the outcome is "finding" if anything was measured.

No outcome with one seed, none where a caveat says why the measurement cannot decide.
Source: Holm, Scandinavian Journal of Statistics 6, 65 (1979).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from syntagma.checked_call import checked
from syntagma.curves.interval import CONFIDENCE, Interval, Tail, format_interval

Rule = Literal["equals", "above", "below", "finding"]
Outcome = Literal["agrees", "disagrees", "open", "finding"]


@checked
@dataclass(frozen=True)
class Claim:
    """A sentence, what was predicted, the interval measured, the rule that compares them, the source.

    Attributes:
        text: the claim, in words.
        predicted: the prediction, in words or as a formula.
        measured: the interval; `certain` of a number that has no error.
        rule: how `measured` is compared with `number`.
        number: what the rule compares with; NaN for findings.
        source: paper and equation, or where it is derived.
        resolution: "agrees" asks for an interval whose half-width (a factor, of a scale) is at most this.
        caveat: why what was measured cannot decide, besides the interval's own caveat; the outcome is then open.
        shown: the measured side in words, where it is more than its interval.
        picked_from: of how many intervals `measured` was picked as the one farthest from `number`; its p-value is
            multiplied by that (Bonferroni), and it agrees if the interval of the confidence left holds `number`.

    Example: `Claim("P_3 grows as m^4", "m^4", exponent, "equals", 4.0, "arXiv 2505.07070, eq. 9", resolution=1.0)`.
    """

    text: str
    predicted: str
    measured: Interval
    rule: Rule = "finding"
    number: float = math.nan
    source: str = ""
    resolution: float = math.inf
    caveat: str = ""
    shown: str = ""
    picked_from: int = 1

    @property
    def testable(self) -> bool:
        """Whether the measurement can say anything of the prediction."""
        known = not math.isnan(self.measured.value) and not math.isnan(self.number)
        return self.rule != "finding" and known and self.measured.num_seeds > 1 and not self.why_undecided

    @property
    def why_undecided(self) -> str:
        """The claim's caveat and that of its interval."""
        return "; ".join(dict.fromkeys(text for text in (self.caveat, self.measured.caveat) if text))

    def p_value(self) -> float:
        """Of the true value being `number`."""
        return min(1.0, self.picked_from * self.measured.p_value(self.number))


@dataclass(frozen=True)
class Verdict:
    """A claim with its outcome.

    Attributes:
        p_value: after Holm's correction; NaN where the claim was not tested.
    """

    claim: Claim
    outcome: Outcome
    p_value: float

    @property
    def measured(self) -> str:
        """What was measured, in words, with the reason where it cannot decide."""
        text = self.claim.shown or format_interval(self.claim.measured)
        why = self.claim.why_undecided
        return f"{text} ({why})" if why else text


@checked
def judge(claims: Iterable[Claim]) -> tuple[Verdict, ...]:
    """The outcome of every claim of one study, in the order given: `judge(claims)[0].outcome`."""
    claims = list(claims)
    corrected = iter(_holm([claim.p_value() for claim in claims if claim.testable]))
    verdicts = []
    for claim in claims:
        p_value = next(corrected) if claim.testable else math.nan
        verdicts.append(Verdict(claim, _outcome(claim, p_value), p_value))
    return tuple(verdicts)


@checked
def claims_tested(verdicts: Sequence[Verdict]) -> str:
    """How many claims were tested and how many false outcomes to expect: for the page."""
    number = sum(verdict.claim.testable for verdict in verdicts)
    if not number:
        return "No claim could be tested."
    rate = 1 - CONFIDENCE
    claims = "1 claim was" if number == 1 else f"{number} claims were"
    return (
        f"{claims} tested. After Holm's correction the probability of any false outcome among them is at most "
        f"{rate:.0%}; without it, {number * rate:.2g} of them would be false by chance."
    )


@checked
def certain(value: float) -> Interval:
    """The interval of a number that has no error, as a count of exact levels: it holds itself alone."""
    tail = Tail(value, 0.0, math.inf)
    return Interval(value, tail, tail, num_seeds=2**31)


def _holm(p_values: Sequence[float]) -> list[float]:
    """Each p-value after Holm's correction, in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    out, largest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(order):
        largest = max(largest, min(1.0, p_values[i] * (len(p_values) - place)))
        out[i] = largest
    return out


def _outcome(claim: Claim, p_value: float) -> Outcome:
    if claim.rule == "finding":
        return "open" if math.isnan(claim.measured.value) or claim.why_undecided else "finding"
    if not claim.testable:
        return "open"
    excluded = p_value < 1 - CONFIDENCE
    if claim.rule == "equals":
        if excluded:
            return "disagrees"
        return "agrees" if claim.p_value() >= 1 - CONFIDENCE and _narrow(claim) else "open"
    if not excluded:
        return "open"
    is_above = claim.measured.at(CONFIDENCE)[0] > claim.number
    return "agrees" if is_above == (claim.rule == "above") else "disagrees"


def _narrow(claim: Claim) -> bool:
    """Whether the interval has two ends and is narrow enough for agreement to say something."""
    low, high = claim.measured.at(CONFIDENCE)
    if not (math.isfinite(low) and math.isfinite(high)) or (claim.measured.log and low <= 0):
        return False
    half = math.sqrt(high / low) if claim.measured.log else (high - low) / 2
    return half <= claim.resolution
