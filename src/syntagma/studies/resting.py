"""Which claims rest on runs that diverged: those that are others without these runs.

Curves know which of their points diverged, and what is measured on them has a caveat (`curves.curve`). What a study
measures in other ways, a mean of accuracies or what a network that was kept looks like, does not say on which runs it
rests. So where runs diverged all is measured once more as if they had not been done, as of a study that is still under
way; a claim whose interval then differs, or that is not made at all, rests on them, and stays open.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from syntagma.curves import Claim, Interval
from syntagma.studies.study import Facts, Results, Settings, Study


def open_where_diverged(
    study: Study[Any, Any], settings: Settings, facts: Facts, results: Results, claims: Sequence[Claim], runs: Any
) -> Sequence[Claim]:
    """`claims`, with a caveat for those that rest on a run that diverged.

    Args:
        claims: of `study`, measured on `results`.
        runs: a table of its runs, with their `id` and `diverged`.
    """
    diverged: Collection[str] = set(runs["id"][runs["diverged"]])
    if not diverged:
        return claims
    caveat = f"it rests on {len(diverged)} run{'s' * (len(diverged) > 1)} that diverged"
    without = _measured_without(study, settings, facts, results.without(diverged)) if len(diverged) < len(runs) else {}
    return [
        claim if claim.why_undecided or _same(claim, without.get(claim.text)) else replace(claim, caveat=caveat)
        for claim in claims
    ]


def _measured_without(study: Study[Any, Any], settings: Settings, facts: Facts, rest: Results) -> dict[str, Interval]:
    try:
        return {claim.text: claim.measured for claim in study.claims(study.measure(settings, facts, rest))}
    except Exception:  # what cannot be measured without them rests on them
        return {}


def _same(claim: Claim, other: Interval | None) -> bool:
    """Whether a measurement is the same; NaN equals itself here, and reasons may differ."""
    return other is not None and repr(_numbers(claim.measured)) == repr(_numbers(other))


def _numbers(interval: Interval) -> Interval:
    return replace(interval, reason="", caveat="")
