"""A learning curve of scores, to be drawn beside curves of this project's learners."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from syntagma.curves import LearningCurve
from syntagma.errors import InputError, invalid
from syntagma.scoring.values import Score


def curve_of(scores: Iterable[Score], metric: str = "test_loss", name: str = "") -> LearningCurve:
    """The curve through scores of several sizes and seeds: `curve_of([score(..., num_examples=P) for P in sizes])`.

    What a seed was not scored at stays open.

    Args:
        metric: as `Score.metrics` names it: "test_loss", "excess_loss", ...
        name: for figures; the scores' own by default.

    Raises:
        InputError: no scores; one without `num_examples` or `metric`; two of one size and seed.
    """
    given = list(scores)
    if not given:
        raise invalid("scores", given, "a curve goes through one point or more", "Give what score(...) returns")
    at: dict[tuple[int, int], float] = {}
    for one in given:
        if one.num_examples is None:
            reason = "a curve is drawn over the number of training sentences"
            raise invalid("num_examples", None, reason, "Give it to score(..., num_examples=...)")
        if metric not in one.metrics():
            raise invalid("metric", metric, f"a score has {', '.join(one.metrics())}")
        place = (one.seed, one.num_examples)
        if place in at:
            raise InputError(
                f"two scores have seed={place[0]} and num_examples={place[1]}. Give each a seed of its own."
            )
        at[place] = one.metrics()[metric]
    seeds, sizes = (sorted({place[axis] for place in at}) for axis in (0, 1))
    losses = np.array([[at.get((seed, size), np.nan) for size in sizes] for seed in seeds])
    return LearningCurve(np.array(sizes, float), losses, name or given[0].name, tuple(seeds))
