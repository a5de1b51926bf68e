"""What a study says of a measured interval: as text, as columns of a table, and as the outcome of a claim.

With one seed there is no interval, and every outcome is open.
"""

from __future__ import annotations

import math
from typing import Any

from syntagma.curves import Interval
from syntagma.studies.study import Outcome


def span(found: Interval) -> str:
    """`1.53 [1.27, 1.73]`; of a bound its lower end; why, where nothing was measured."""
    if math.isnan(found.value):
        return f"not measured: {found.reason or 'no crossing'}"
    if math.isinf(found.value):
        return f"{found.reason} [{found.low:.2f}, ...]"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def numbers(value: float, low: float, high: float, form: str = ".2f") -> str:
    """`1.53 [1.27, 1.73]`, of a value and its interval as a table has them."""
    if math.isnan(value):
        return "not measured"
    if math.isnan(low) or (math.isinf(low) and math.isinf(high)):
        return f"{value:{form}} (too few for an interval)"
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def interval_columns(found: Interval, predicted: float) -> dict[str, Any]:
    """`measured`, `low`, `high`, `ratio` to the prediction, and `note`; a bound is a note alone."""
    if not found.measured:
        return dict.fromkeys(("measured", "low", "high", "ratio"), math.nan) | {"note": found.reason}
    share = found.value / predicted
    return {"measured": found.value, "low": found.low, "high": found.high, "ratio": share, "note": found.reason}


def holds(found: Interval, number: float, seeds: int) -> Outcome:
    """Whether the value is `number`: an interval with an open end that does not exclude it leaves it open."""
    if seeds < 2 or math.isnan(found.value) or math.isnan(number):
        return "open"
    if math.isinf(found.value) or math.isinf(found.high) or math.isinf(found.low):
        return "disagrees" if found.low > number or found.high < number else "open"
    return "agrees" if found.holds(number) else "disagrees"


def above(found: Interval, number: float, seeds: int) -> Outcome:
    """Whether the value is above `number`."""
    if seeds < 2 or math.isnan(found.value):
        return "open"
    return "agrees" if found.low > number else "disagrees" if found.high < number else "open"


def below(found: Interval, number: float, seeds: int) -> Outcome:
    """Whether the value is below `number`."""
    if seeds < 2 or math.isnan(found.value):
        return "open"
    return "agrees" if found.high < number else "disagrees" if found.low > number else "open"
