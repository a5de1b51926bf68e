"""Learning curves, what is measured on them, and the claims that this decides."""

from syntagma.curves.claim import Claim, Outcome, Verdict, certain, claims_tested, judge
from syntagma.curves.curve import Band, LearningCurve, ratio, training_caveat
from syntagma.curves.interval import (
    CONFIDENCE,
    Interval,
    PerSeed,
    combined,
    format_interval,
    jackknife,
    mean,
    power_law,
    unmeasured,
)

__all__ = [
    "CONFIDENCE",
    "Band",
    "Claim",
    "Interval",
    "LearningCurve",
    "Outcome",
    "PerSeed",
    "Verdict",
    "certain",
    "claims_tested",
    "combined",
    "format_interval",
    "jackknife",
    "judge",
    "mean",
    "power_law",
    "ratio",
    "training_caveat",
    "unmeasured",
]
