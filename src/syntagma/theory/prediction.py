"""What theory says of one learner on one language: a curve, thresholds, plateaus and an exponent, each with its regime.

A number is worth what its derivation is worth, so every part names its source and one of three regimes:

    "asymptotic law"           a power law for many symbols and rules (v and m large, f = m / v^(s-1) small);
    "exact for this grammar"   computed from the very grammar, nothing averaged and nothing taken as large;
    "reader's measurement"     what a learner without weights, that counts or clusters, was measured to reach.

A claim about a measurement is tested against the second or the third, or against the first where it holds. Sources are
named by each part (`Stated.source`) and in the modules that compute them.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Num
from numpy.typing import ArrayLike
from pydantic import NonNegativeFloat, PositiveFloat

from syntagma.checked_call import checked
from syntagma.errors import invalid, unknown

Regime = Literal["asymptotic law", "exact for this grammar", "reader's measurement"]

LARGEST_SPARSITY = 1 / 8
"""f up to which claims are tested against the asymptotic law; what it is off by there: `theory.hierarchy`."""


@checked(not_finite=("values",))
@dataclass(frozen=True, eq=False)
class Stated:
    """Numbers, where they hold and where they come from: `Stated([21.3, 85.3], "asymptotic law", "arXiv 2505.07070")`.

    Attributes:
        values: one number or an array; NaN where there is none.
        regime: see above.
        source: paper and equation, or "derived here" and where.
    """

    values: Float[np.ndarray, "*n"]
    regime: Regime
    source: str

    def __init__(self, values: ArrayLike, regime: Regime, source: str) -> None:
        if regime not in get_args(Regime):
            raise unknown("regime", regime, get_args(Regime))
        array = np.array(values, np.float64)
        array.flags.writeable = False
        for name, content in zip(("values", "regime", "source"), (array, regime, source), strict=True):
            object.__setattr__(self, name, content)

    @checked
    def holds_at(self, sparsity: NonNegativeFloat) -> bool:
        """Whether a claim may be tested against it at f: the asymptotic law's from f = 1/8 down, all others anywhere.

        `prediction.thresholds.holds_at(language.sparsity)`.
        """
        return self.regime != "asymptotic law" or sparsity <= LARGEST_SPARSITY


class PredictedCurve(abc.ABC):
    """Test loss in nats as a function of the number of training examples."""

    @abc.abstractmethod
    def __call__(self, num_examples: Num[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """The loss at each size."""


@checked(not_finite=("thresholds",))
@dataclass(frozen=True, eq=False)
class Staircase(PredictedCurve):
    """The plateau of the highest level whose threshold, and all below it, are not above P.

    `Staircase(np.array([20.0, 80.0]), np.array([2.0, 1.5, 1.1]))(np.array([50.0]))` is 1.5.

    Attributes:
        thresholds: `[L]`.
        plateaus: `[L + 1]`, nats.
    """

    thresholds: Float[np.ndarray, " L"]
    plateaus: Float[np.ndarray, " L+1"]

    def __post_init__(self) -> None:
        if not (np.asarray(self.thresholds) >= 0).all():
            raise invalid("thresholds", self.thresholds.tolist(), "sizes are not negative", "Infinity is never reached")

    def __call__(self, num_examples: Num[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        steps = np.maximum.accumulate(self.thresholds)
        return np.asarray(self.plateaus[np.searchsorted(steps, np.asarray(num_examples, float), side="right")])


@checked(not_finite=("losses",))
@dataclass(frozen=True, eq=False)
class Interpolated(PredictedCurve):
    """Measured losses, linear in ln P between the sizes measured; NaN beyond them: nothing is extrapolated.

    `Interpolated(np.array([10.0, 1000.0]), np.array([2.0, 1.0]))(np.array([100.0]))` is 1.5.

    Attributes:
        num_examples: `[n]`, increasing.
        losses: `[n]`, nats.
    """

    num_examples: Float[np.ndarray, " n"]
    losses: Float[np.ndarray, " n"]

    def __post_init__(self) -> None:
        sizes = np.asarray(self.num_examples)
        if not len(sizes) or not (sizes > 0).all() or (np.diff(sizes) <= 0).any():
            raise invalid("num_examples", sizes.tolist(), "sizes are above 0 and increase", "Sort them")

    def __call__(self, num_examples: Num[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        with np.errstate(divide="ignore"):
            where = np.log(np.asarray(num_examples, float))
        return np.asarray(np.interp(where, np.log(self.num_examples), self.losses, left=np.nan, right=np.nan))


@checked
@dataclass(frozen=True, eq=False)
class Stretched(PredictedCurve):
    """`curve` with all its sizes multiplied by `factor`."""

    curve: PredictedCurve
    factor: PositiveFloat

    def __call__(self, num_examples: Num[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        return self.curve(np.asarray(num_examples, float) / self.factor)


@checked
@dataclass(frozen=True, eq=False)
class Mean(PredictedCurve):
    """The mean of several curves at each size, as of a study's grammars."""

    curves: tuple[PredictedCurve, ...]

    def __post_init__(self) -> None:
        if not self.curves:
            raise invalid("curves", self.curves, "a mean is of one curve or more", "Give one")

    def __call__(self, num_examples: Num[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        return np.asarray(np.mean([curve(num_examples) for curve in self.curves], axis=0))


@checked
@dataclass(frozen=True, eq=False)
class Prediction:
    """What theory says of a learner on a language: `prediction.at([100, 1000])` is its loss, in nats, at those sizes.

    Attributes:
        name: what tables and figures call it.
        curve: the loss at any size.
        thresholds: P_1..P_L, examples at which each level becomes known; infinite where none suffices.
        plateaus: L_0..L_L, nats: the loss once levels 0..l are known.
        exponent: alpha of excess loss ~ P^(-alpha); NaN where there is none.
    """

    name: str
    curve: PredictedCurve
    thresholds: Stated
    plateaus: Stated
    exponent: Stated

    @checked
    def at(self, num_examples: ArrayLike) -> Float[np.ndarray, "*n"]:
        """The predicted loss in nats.

        Raises:
            InputError: a negative size, or NaN.
        """
        sizes = np.asarray(num_examples, np.float64)
        if not (sizes >= 0).all():
            raise invalid("num_examples", num_examples, "a number of examples is 0 or more")
        return self.curve(sizes)

    @checked
    def holds_at(self, sparsity: NonNegativeFloat) -> bool:
        """Whether thresholds and exponent may be tested at f = `sparsity`, by their regimes."""
        return self.thresholds.holds_at(sparsity) and self.exponent.holds_at(sparsity)

    @checked
    def stretched(self, prefactor: float) -> Prediction:
        """The same with all sizes multiplied: signal = noise leaves a learner's prefactor open.

        `prediction.stretched(5)` is that of a learner which takes five times as many examples.

        Raises:
            InputError: `prefactor` is no finite number above 0.
        """
        if not (np.isfinite(prefactor) and prefactor > 0):
            raise invalid("prefactor", prefactor, "it is a finite number above 0")
        thresholds = Stated(self.thresholds.values * prefactor, self.thresholds.regime, self.thresholds.source)
        return replace(self, curve=Stretched(self.curve, prefactor), thresholds=thresholds)


@checked
def average(predictions: Sequence[Prediction]) -> Prediction:
    """What is predicted of the mean over grammars: `average([predict(x, learner) for x in languages])`.

    Losses, plateaus and alpha are plain means, thresholds geometric ones, as measured ones are averaged in ln P.

    Raises:
        InputError: none given, or of different names, regimes or sources.
    """
    if not predictions:
        raise invalid("predictions", "[]", "there is nothing to average", "Give one or more")
    names = {one.name for one in predictions}
    if len(names) > 1:
        raise invalid("predictions", sorted(names), "only predictions of one kind have a mean", "Give one kind")
    return Prediction(
        name=predictions[0].name,
        curve=Mean(tuple(one.curve for one in predictions)),
        thresholds=_averaged([one.thresholds for one in predictions], _geometric_mean),
        plateaus=_averaged([one.plateaus for one in predictions], _mean),
        exponent=_averaged([one.exponent for one in predictions], _mean),
    )


def _averaged(parts: Sequence[Stated], mean: Callable[[np.ndarray], np.ndarray]) -> Stated:
    origins = {(part.regime, part.source) for part in parts}
    if len(origins) > 1:
        raise invalid("predictions", sorted(origins), "regimes and sources differ", "Average those of one regime")
    return Stated(mean(np.array([part.values for part in parts])), parts[0].regime, parts[0].source)


def _mean(values: Float[np.ndarray, "k *n"]) -> Float[np.ndarray, "*n"]:
    return np.asarray(values.mean(axis=0))


def _geometric_mean(values: Float[np.ndarray, "k *n"]) -> Float[np.ndarray, "*n"]:
    with np.errstate(divide="ignore"):  # a threshold of 0, before a curve's first size, makes the mean 0
        return np.asarray(np.exp(np.log(values).mean(axis=0)))
