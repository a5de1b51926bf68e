"""How often the project's intervals of 95 % hold the truth, by simulation: `python -m syntagma.curves.coverage`.

Synthetic curves fall from 2 to 1 nats in a logistic step of width 0.5 in ln P around a threshold of each seed's own,
whose logarithm is normal with a standard deviation of 0.3 around the truth (as grammars of one size have); losses carry
noise of 0.01 nats, and sizes are powers of two. The measurement then sees what it sees of real runs.

A cell of the table is the share of repeats in which the interval holds the truth; its standard error is 0.5 % at 95 %
and 2,000 repeats. In the rows "1 in 4 unreached" the sizes end where a quarter of the seeds have not crossed: an end is
then open in most repeats, and the closed one has to hold by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from syntagma.checked_call import checked
from syntagma.curves.curve import LearningCurve, ratio
from syntagma.curves.interval import Interval, PerSeed, jackknife, mean, power_law
from syntagma.randomness import stream

NUM_SEEDS = (2, 3, 5, 12)
_SPREAD, _WIDTH, _NOISE = 0.3, 0.5, 0.01
_TRUTH = 1000.0
_QUARTER = 0.6744897501960817
"""The normal quantile of three quarters."""


@checked
def coverage(name: str, num_seeds: int, repeats: int = 2000, seed: int = 0) -> float:
    """The share of `repeats` in which the interval of the quantity `name` holds the truth.

    Example: `coverage("threshold", num_seeds=3)` is 0.95.
    """
    draw = stream(seed, f"coverage of {name} from {num_seeds} seeds")
    held = [QUANTITIES[name](draw, num_seeds) for _ in range(repeats)]
    return float(np.mean(held))


def _curve(draw: np.random.Generator, centres: np.ndarray, last: float = math.inf) -> LearningCurve:
    """Curves whose steps are at e^centres, at powers of two from 16 times before the truth on, up to `last`."""
    sizes = 2.0 ** np.arange(math.floor(math.log2(_TRUTH / 16)), math.ceil(math.log2(_TRUTH * 64)) + 1)
    sizes = sizes[sizes <= last]
    losses = 1 + 1 / (1 + np.exp((np.log(sizes) - centres[:, None]) / _WIDTH))
    return LearningCurve(sizes, losses + _NOISE * draw.standard_normal(losses.shape))


def _centres(draw: np.random.Generator, num_seeds: int, truth: float = _TRUTH) -> np.ndarray:
    return math.log(truth) + _SPREAD * draw.standard_normal(num_seeds)


def _threshold(draw: np.random.Generator, num_seeds: int) -> bool:
    return _curve(draw, _centres(draw, num_seeds)).crossing(1.5).holds(_TRUTH)


def _threshold_unreached(draw: np.random.Generator, num_seeds: int) -> bool:
    last = 2 ** math.floor(math.log2(_TRUTH))
    truth = last * math.exp(-_QUARTER * _SPREAD)
    return _curve(draw, _centres(draw, num_seeds, truth), last).crossing(1.5).holds(truth)


def _ratio_paired(draw: np.random.Generator, num_seeds: int) -> bool:
    shared = _centres(draw, num_seeds)
    ours = _curve(draw, shared + math.log(3) + 0.5 * _SPREAD * draw.standard_normal(num_seeds))
    return ratio(ours, 1.5, _curve(draw, shared), 1.5).holds(3.0)


def _ratio_independent(draw: np.random.Generator, num_seeds: int) -> bool:
    ours = _curve(draw, _centres(draw, num_seeds, 3 * _TRUTH))
    other = _curve(draw, _centres(draw, num_seeds + 1))
    return ratio(ours, 1.5, other, 1.5).holds(3.0)


def _ratio_unreached(draw: np.random.Generator, num_seeds: int) -> bool:
    last = 2.0 ** math.floor(math.log2(3 * _TRUTH))
    shared = _centres(draw, num_seeds, last / 3 * math.exp(-_QUARTER * 1.1 * _SPREAD))
    ours = _curve(draw, shared + math.log(3) + 0.5 * _SPREAD * draw.standard_normal(num_seeds), last)
    return ratio(ours, 1.5, _curve(draw, shared), 1.5).holds(3.0)


def _exponent(draw: np.random.Generator, num_seeds: int) -> bool:
    return _fitted(draw, num_seeds, _TRUTH, math.inf).holds(2.0)


def _exponent_unreached(draw: np.random.Generator, num_seeds: int) -> bool:
    last = 2.0 ** math.floor(math.log2(_TRUTH))
    return _fitted(draw, num_seeds, last * math.exp(-_QUARTER * _SPREAD), last).holds(2.0)


def _fitted(draw: np.random.Generator, num_seeds: int, largest: float, last: float) -> Interval:
    """The exponent of thresholds largest (m / 4)^2 at m = 2, 3, 4."""
    curves = [_curve(draw, _centres(draw, num_seeds, largest * (m / 4) ** 2), last) for m in (2, 3, 4)]
    return power_law([2, 3, 4], [curve.crossing(1.5) for curve in curves])


def _slope(draw: np.random.Generator, num_seeds: int) -> bool:
    sizes = 2.0 ** np.arange(6, 13)
    own = 0.4 + 0.03 * draw.standard_normal((num_seeds, 1))
    excess = sizes**-own * np.exp(0.05 * draw.standard_normal((num_seeds, len(sizes))))
    return LearningCurve(sizes, 1 + excess).slope(1.0).holds(0.4)


def _mean(draw: np.random.Generator, num_seeds: int) -> bool:
    return mean(1 + 0.1 * draw.standard_normal(num_seeds)).holds(1.0)


def _mean_of_scale(draw: np.random.Generator, num_seeds: int) -> bool:
    return PerSeed.exact(np.exp(0.5 * draw.standard_normal(num_seeds)), log=True).interval().holds(1.0)


def _ratio_of_means(draw: np.random.Generator, num_seeds: int) -> bool:
    measured = 2 + 0.4 * draw.standard_normal(num_seeds)
    predicted = 1 + 0.1 * draw.standard_normal(num_seeds)
    quotient = jackknife(lambda seeds: float(measured[seeds].mean() / predicted[seeds].mean()), num_seeds, log=True)
    return quotient.holds(2.0)


QUANTITIES: Mapping[str, Callable[[np.random.Generator, int], bool]] = {
    "threshold": _threshold,
    "threshold, 1 in 4 unreached": _threshold_unreached,
    "ratio of thresholds, same seeds": _ratio_paired,
    "ratio of thresholds, same seeds, 1 in 4 unreached": _ratio_unreached,
    "ratio of thresholds, other seeds": _ratio_independent,
    "exponent from three sizes": _exponent,
    "exponent from three sizes, 1 in 4 unreached at one": _exponent_unreached,
    "slope of a curve": _slope,
    "mean": _mean,
    "geometric mean": _mean_of_scale,
    "ratio of means (jackknife)": _ratio_of_means,
}
"""One draw of each quantity, from so many seeds: whether its interval holds the truth."""


@checked
def table(repeats: int = 2000) -> str:
    """All coverages as a Markdown table."""
    head = "| quantity | " + " | ".join(f"{number} seeds" for number in NUM_SEEDS) + " |"
    rows = [head, "| --- |" + " --- |" * len(NUM_SEEDS)]
    for name in QUANTITIES:
        cells = (f"{100 * coverage(name, number, repeats):.1f} %" for number in NUM_SEEDS)
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
