"""One end of an interval: a centre, its standard error, and the degrees of freedom of that error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class Tail:
    """What one end of an interval is made of; the end at any confidence, and the p-value of any number, follow."""

    centre: float
    error: float
    freedom: float

    def end(self, probability: float, side: int) -> float:
        """The lower (`side` = -1) or upper (+1) end that is passed with that one-sided probability."""
        return self.centre + side * (_quantile(1 - probability, self.freedom) * self.error if self.error else 0.0)

    def p_value(self, number: float, side: int) -> float:
        """The one-sided p-value of the truth lying at `number` or beyond it on `side`; 1 where it is not beyond."""
        distance = side * (number - self.centre)
        if distance <= 0:
            return 1.0
        return 0.0 if self.error == 0 else _survival(distance / self.error, self.freedom)


def censored_mean(ends: Float[np.ndarray, " n"], bounded: Bool[np.ndarray, " n"], side: int) -> Tail:
    """The mean of a normal from numbers of which some are only known to lie inward of `ends`, by maximum likelihood.

    Args:
        ends: the numbers, or of the `bounded` ones their outermost ends.
        side: -1 where bounded numbers lie above their ends, +1 where they lie below.

    By expectation-maximisation; the error is that of the observed information of mean and deviation, times
    sqrt(r / (r - 1)) as in the unbiased variance, r the number of exact ones, at least two.
    """
    x, exact = -side * ends, ~bounded
    number = int(exact.sum())
    centre, spread = float(x.mean()), max(float(x.std()), 1e-12)
    for _ in range(500):
        hazard = _hazard((x - centre) / spread)
        z = (x - centre) / spread
        expected = np.where(exact, x, centre + spread * hazard)
        variance = np.where(exact, 0.0, spread**2 * (1 + z * hazard - hazard**2))
        before, centre = centre, float(expected.mean())
        spread = max(math.sqrt(float(np.mean((expected - centre) ** 2 + variance))), 1e-12)
        if abs(centre - before) < 1e-9 * spread:
            break
    z = (x - centre) / spread
    hazard = _hazard(z)
    slope = hazard * (hazard - z)
    of_mean = np.where(exact, 1.0, slope).sum()
    mixed = np.where(exact, 2 * z, z * slope + hazard).sum()
    of_spread = np.where(exact, 3 * z**2 - 1, z**2 * slope + 2 * z * hazard).sum()
    information = of_mean - mixed**2 / of_spread if of_spread > 0 else of_mean
    error = spread / math.sqrt(max(information, 1e-12)) * math.sqrt(number / (number - 1))
    return Tail(-side * centre, error, number - 1)


def _hazard(z: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The normal density over its upper tail, exp(-z^2 / 2) / integral of the same from z on."""
    from scipy.special import erfcx

    return math.sqrt(2 / math.pi) / erfcx(z / math.sqrt(2))


def welch(errors: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The standard error of a sum of independent parts, and its degrees of freedom (Welch, Satterthwaite)."""
    variance = sum(error**2 for error, _ in errors)
    if variance == 0:
        return 0.0, min(freedom for _, freedom in errors)
    freedom = variance**2 / max(sum(error**4 / freedom for error, freedom in errors), 1e-300)
    return math.sqrt(variance), freedom


def _quantile(probability: float, freedom: float) -> float:
    from scipy.special import ndtri, stdtrit

    return float(stdtrit(freedom, probability)) if freedom < 1e9 else float(ndtri(probability))


def _survival(distance: float, freedom: float) -> float:
    from scipy.special import ndtr, stdtr

    return float(stdtr(freedom, -distance)) if freedom < 1e9 else float(ndtr(-distance))
