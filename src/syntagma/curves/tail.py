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
    number, unit = int(exact.sum()), _power_of_two(float(np.abs(x - x[0]).max()))
    shift, x = float(x[0]), (x - x[0]) / unit  # so that limits on the way mean the same whatever the numbers' size
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
    return Tail(-side * (shift + unit * centre), unit * error, number - 1)


def _hazard(z: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The normal density over its upper tail, exp(-z^2 / 2) / integral of the same from z on."""
    from scipy.special import erfcx

    return math.sqrt(2 / math.pi) / erfcx(z / math.sqrt(2))


def mean_and_error(values: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """The mean of n numbers and its standard error, NaN of one number; of finite numbers of any size."""
    if not np.isfinite(values).all():
        return float(values.mean()), math.nan
    unit = _power_of_two(float(np.abs(values).max()))
    shares = values / unit
    error = float(shares.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return float(shares.mean()) * unit, error * unit


def welch(errors: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The standard error of a sum of independent parts, and its degrees of freedom (Welch, Satterthwaite)."""
    largest = max(error for error, _ in errors)
    if largest == 0 or not math.isfinite(largest):
        return largest, min(freedom for _, freedom in errors)
    unit = _power_of_two(largest)
    shares = [(error / unit, freedom) for error, freedom in errors]  # their fourth powers are neither 0 nor infinite
    variance = sum(share**2 for share, _ in shares)
    below = sum(share**4 / freedom for share, freedom in shares)
    return math.sqrt(variance) * unit, variance**2 / below if below else math.inf


def _power_of_two(size: float) -> float:
    """The largest one that is not above `size`, by which nothing is rounded; 1 for 0."""
    return math.ldexp(0.5, math.frexp(size)[1]) if size else 1.0


def _quantile(probability: float, freedom: float) -> float:
    from scipy.special import ndtri, stdtrit

    return float(stdtrit(freedom, probability)) if freedom < 1e9 else float(ndtri(probability))


def _survival(distance: float, freedom: float) -> float:
    from scipy.special import ndtr, stdtr

    return float(stdtr(freedom, -distance)) if freedom < 1e9 else float(ndtr(-distance))
