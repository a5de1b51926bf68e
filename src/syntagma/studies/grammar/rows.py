"""Rows of the tables that studies of hierarchies share: plateaus, predictions, thresholds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.curves import Interval
from syntagma.studies.grammar.curves import GrammarCurve
from syntagma.studies.schemas import interval_columns
from syntagma.theory.prediction import Prediction

EXACTLY = "Predicted: where the exact correlations of these very grammars stand out of the sampling noise."
"""What captions of thresholds say of the number beside the measured one."""


def plateaus_rows(names: Mapping[str, Any], values: Float[np.ndarray, "seeds levels"]) -> list[dict[str, Any]]:
    """A row for each level: the average over grammars, and its standard error where there are two or more."""
    error = values.std(0, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else np.full(values.shape[1], np.nan)
    return [
        {**names, "level": level, "loss_nats": float(mean), "standard_error": float(one)}
        for level, (mean, one) in enumerate(zip(values.mean(0), error, strict=True))
    ]


def prediction_rows(names: Mapping[str, Any], predictions: Iterable[Prediction]) -> Iterator[dict[str, Any]]:
    """A row for each prediction and each level: where it puts the threshold, how far that holds, and its source."""
    for one in predictions:
        known = {**names, "law": one.name, "regime": one.thresholds.regime, "source": one.thresholds.source}
        for level, size in enumerate(one.thresholds.values, start=1):
            yield known | {"level": level, "num_examples": float(size)}


def threshold_row(names: Mapping[str, Any], level: int, interval: Interval, predicted: float) -> dict[str, Any]:
    """A row of the table of thresholds."""
    share = interval.value / predicted if interval.measured else math.nan
    return {**names, "level": level, "predicted": predicted, **interval_columns(interval), "ratio": share}


def threshold_rows(
    names: Mapping[str, Any], curve: GrammarCurve, levels: int, law: Callable[[int], float]
) -> Iterator[dict[str, Any]]:
    """A row for each level of one curve; `law` gives its predicted threshold."""
    for level in range(1, levels + 1):
        yield threshold_row(names, level, curve.threshold(level), law(level))
