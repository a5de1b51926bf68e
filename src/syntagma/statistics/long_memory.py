"""What correlations that fall slowly do to their own measurement: a bias of the exponent, and blocks that depend.

Strengths that fall as A t^(-beta), beta < 1, do so beyond any block of the text. Two things follow.

*The mean is part of the text.* Covariances are about the text's own means, which follow its slow swings. They are too
low, at every distance alike, by the covariance of those means. Where the law goes on to the ends of the text that is

    A kappa,     kappa = 2 / N^2 sum_t n_t t^(-beta)  ~  2 N^(-beta) / ((1 - beta) (2 - beta)),

n_t the pairs t apart (within documents), N tokens; where the law ends early it is less. Source: Hosking, J.
Econometrics 73, 261 (1996), for the variance of the mean and the bias of autocovariances; that a text's top directions
do not turn with the distance, so that its A is that of the means, is assumed here.

*Blocks are not independent.* The part of an estimate that is linear in the local frequencies of tokens has a variance
that falls with length as K m^(-beta), not as 1 / m. B blocks of N / B tokens then spread by K (N / B)^(-beta)
(1 - B^(-beta)) B / (B - 1), and their mean has K N^(-beta): more than the spread over B by the factor

    (B - 1) / (B^beta - 1),     1 at beta = 1; 5.5 at beta = 0.5 and 20 blocks.

How much of an estimate's spread is linear, the blocks say themselves: it is the share that their levels explain, the
means of the singular vectors over a block, in a regression (adjusted for its one slope). Derived here.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer

_SLOWEST = 0.05
"""A smaller exponent counts as this one: a text cannot tell it from correlations that never fall."""
_SUMMED, _STEPS = 256, 200
"""Distances that are summed one by one; points of the integral beyond."""


def mean_covariance(exponent: float, lags: Integer[np.ndarray, " k"], pairs: Integer[np.ndarray, " k"]) -> float:
    """kappa: the covariance of the text's means over the strength at distance 1.

    Args:
        exponent: beta.
        lags: two or more distances,
        pairs: and how many pairs of tokens there are at each, which is linear between them and beyond: exactly so where
            documents are of one length, or longer than the longest distance.
    """
    beta = max(exponent, _SLOWEST)
    slopes = np.diff(pairs) / np.diff(lags)
    tokens = float(pairs[0] - slopes[0] * lags[0])
    end = float(lags[-1] - pairs[-1] / slopes[-1]) if slopes[-1] < 0 else float(lags[-1])
    points = np.append(np.arange(1.0, _SUMMED), np.geomspace(_SUMMED, max(end, _SUMMED + 1.0), _STEPS))
    counted = np.interp(points, np.append(lags, end), np.append(pairs, 0.0))
    counted = np.where(points < lags[0], tokens + slopes[0] * points, counted)
    terms = np.maximum(counted, 0.0) * points**-beta
    total = np.trapezoid(terms, points) + (terms[0] + terms[-1]) / 2  # the sum over whole t, by Euler and Maclaurin
    return float(2 * total / tokens**2)


def variance_factor(exponent: float, said: Float[np.ndarray, " B"], levels: Float[np.ndarray, " B"]) -> float:
    """By how much the variance of a mean over blocks exceeds that of independent ones: 1 or more.

    Args:
        exponent: beta.
        said: what each block says of the estimate.
        levels: the means of a singular vector over each block.
    """
    blocks, beta = len(said), min(max(exponent, _SLOWEST), 1.0)
    x, y = levels - levels.mean(), said - said.mean()
    square = float((x @ x) * (y @ y))
    if blocks < 4 or not square > 0:
        return 1.0
    explained = float(x @ y) ** 2 / square
    linear = max(0.0, 1 - (1 - explained) * (blocks - 1) / (blocks - 2))
    return 1 + linear * ((blocks - 1) / (blocks**beta - 1) - 1)
