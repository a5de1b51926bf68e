"""A number with its error bar."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error in the same unit; exact values have standard error 0.

    Example: `Estimate(value=1.5, standard_error=0.02)`.
    """

    value: float
    standard_error: float = 0.0

    def __float__(self) -> float:
        return self.value
