"""How probable each rule of a symbol is: equal, by Zipf's law, or given.

Zipf exponent a > 0: rule k = 1..m of every symbol, at every level, has probability proportional to k**-(1 + a). This is
the convention f_k ~ k**-(1 + a) of Cagnetta, Kang, Wyart, arXiv 2505.07067, which uses it at one level at a time; give
one array a level for that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.errors import InputError, invalid
from syntagma.languages.grammar import Sizes

RuleProbabilities = float | Sequence[Any] | np.ndarray | None
"""None (equal), a Zipf exponent, m probabilities for every symbol, or one `[n_l, m]` array a level."""

_TOLERANCE = 1e-9


def checked_probabilities(given: Any, sizes: Sizes) -> float | tuple[float, ...] | tuple[np.ndarray, ...] | None:
    """Rule probabilities as given, in an immutable form.

    Raises:
        InputError: not one of the four forms, or probabilities that are negative, not finite or do not sum to 1 within
            1e-9.
    """
    if given is None:
        return None
    if isinstance(given, bool | str | bytes | dict):
        raise _not_understood(given)
    if not isinstance(given, Iterable) or getattr(given, "ndim", 1) == 0:
        return _zipf_exponent(given)
    items = list(given)
    if all(np.ndim(item) == 0 for item in items):
        return tuple(_probabilities("rule_probabilities", items, (sizes.rules,)).tolist())
    if len(items) != sizes.depth:
        raise invalid("len(rule_probabilities)", len(items), f"there are {sizes.depth} levels", "Give an array a level")
    levels = []
    for i, item in enumerate(items):
        level = _probabilities(f"rule_probabilities[{i}]", item, (sizes.symbols(i + 1), sizes.rules))
        level.flags.writeable = False
        levels.append(level)
    return tuple(levels)


def rule_weights(
    probabilities: float | tuple[float, ...] | tuple[np.ndarray, ...] | None, sizes: Sizes
) -> tuple[Float[np.ndarray, "_ m"], ...]:
    """Probability of each rule of each symbol, from what `checked_probabilities` returns.

    Returns:
        `weights[l - 1]`, float64 `[n_l, m]`, for l = 1..L; rows sum to 1.
    """
    if isinstance(probabilities, tuple) and isinstance(probabilities[0], np.ndarray):
        rows = [np.array(level) for level in probabilities]
    else:
        row = _same_for_all(probabilities, sizes.rules)
        rows = [np.tile(row, (sizes.symbols(level), 1)) for level in range(1, sizes.depth + 1)]
    return tuple(row / row.sum(axis=1, keepdims=True) for row in rows)


def _same_for_all(probabilities: Any, rules: int) -> np.ndarray:
    if probabilities is None:
        return np.ones(rules)
    if isinstance(probabilities, float):
        return np.arange(1, rules + 1, dtype=np.float64) ** -(1.0 + probabilities)
    return np.array(probabilities)


def _zipf_exponent(given: Any) -> float:
    try:
        exponent = float(given)
    except (TypeError, ValueError, OverflowError):
        raise _not_understood(given) from None
    if not (math.isfinite(exponent) and exponent > 0):
        raise invalid("rule_probabilities", given, "a Zipf exponent is finite and above 0", "None gives equal rules")
    return exponent


def _probabilities(field: str, given: Any, shape: tuple[int, ...]) -> Float[np.ndarray, "*shape"]:
    try:
        values = np.array(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise invalid(field, given, "it must hold numbers in rows of equal length") from None
    if values.shape != shape:
        raise invalid(f"{field}.shape", values.shape, f"it must be {shape}, one probability a rule")
    if not np.isfinite(values).all() or (values < 0).any():
        raise invalid(field, given, "probabilities are finite and not negative")
    sums = values.sum(axis=-1).reshape(-1)
    worst = float(sums[np.argmax(np.abs(sums - 1.0))])
    if abs(worst - 1.0) > _TOLERANCE:
        raise invalid(f"sum of {field}", worst, f"probabilities sum to 1 within {_TOLERANCE}", "Divide by their sum")
    return values


def _not_understood(given: Any) -> InputError:
    forms = "it is None, a Zipf exponent above 0, one probability a rule, or a [symbols, rules] array a level"
    return invalid("rule_probabilities", given, forms)
