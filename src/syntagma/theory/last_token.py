"""What theory predicts of a learner of the last token of a random hierarchy language: the entry point of the theory.

    prediction = predict(RandomHierarchy(16, 3, 2, 4), HierarchicalCNN())
    prediction.at([100, 1_000, 10_000])          # nats
    prediction.thresholds.values, prediction.exponent.regime

"exact for this grammar", the default: thresholds by signal = noise from the grammar's own correlations
(`theory.exact`), the loss between its exact plateaus by which tuples are resolved (`theory.reading`), and alpha of the
half-way crossings of that curve (`theory.excess`). "asymptotic law": the power laws of `theory.hierarchy`, a staircase
between the same plateaus, and alpha of many levels. "reader's measurement": what a reader was measured to reach, by
`measured_by_reader`. Which correlations a learner uses says `evidence`.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from syntagma.checked_call import checked
from syntagma.errors import invalid, unknown
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.learners.learner import Learner
from syntagma.learners.readers.clusterer import Clusterer
from syntagma.oracles.tree import TreeOracle
from syntagma.theory import exact, excess, hierarchy
from syntagma.theory.prediction import Interpolated, Prediction, Staircase, Stated
from syntagma.theory.reading import reading_curve

PLATEAU_SOURCE = "H(last token | the s^l - 1 before it) of the grammar, arXiv 2505.07070, by TreeOracle"

Beforehand = Literal["exact for this grammar", "asymptotic law"]

_RANGE = (1e-2, 1e2)
"""Crossings of a predicted curve are looked for from so many times the smallest threshold to the largest."""


@checked
def evidence(learner: Learner) -> exact.Evidence | None:
    """What the learner tells synonyms by; None where the theory does not say: `evidence(Clusterer())` is "tuples".

    A clusterer says itself what it reads; a network's `weight_sharing` decides.
    """
    if isinstance(learner, Clusterer):
        return "conditional" if learner.statistic == "neighbour" else exact.evidence_of(learner.sharing)
    return None if learner.weight_sharing is None else exact.evidence_of(learner.weight_sharing)


@checked
def covers(language: object, learner: Learner) -> bool:
    """Whether `predict` has something to say: a random hierarchy language, a learner whose `evidence` is known.

    `covers(language, HierarchicalCNN())` is true, `covers(language, Transformer())` is not.
    """
    return isinstance(language, RandomHierarchy) and evidence(learner) is not None


@checked
def predict(
    language: RandomHierarchy,
    learner: Learner,
    regime: Beforehand = "exact for this grammar",
    *,
    kind: exact.Evidence | None = None,
    first: int = 1,
    last: int | None = None,
) -> Prediction:
    """The prediction for one learner and one grammar, before anything is trained.

    Args:
        language: the grammar.
        learner: its `evidence` chooses the correlations, unless `kind` does.
        regime: of thresholds, curve and exponent; plateaus are exact either way.
        kind: what the learner tells synonyms by (`theory.exact`); for "conditional" there is no asymptotic curve.
        first: the lowest level over which alpha is taken (the asymptotic law's is that of many levels).
        last: the highest; by default L.

    Raises:
        InputError: no theory covers the pair; unknown `kind` or `regime`; no such law; not two such levels.
    """
    if regime not in get_args(Beforehand):
        raise unknown("regime", regime, get_args(Beforehand))
    if not isinstance(language, RandomHierarchy):
        raise invalid("language", language, "the theory is of RandomHierarchy", "Give one")
    kind = kind or evidence(learner)
    if kind is None:
        allowed = "the theory is of learners with or without weight sharing, which it does not tell"
        raise invalid("learner", learner, allowed, "Give kind, or a learner whose weight_sharing is True or False")
    plateaus = np.array([float(one) for one in TreeOracle(language).plateaus()])
    if regime == "asymptotic law":
        return _law(language, kind, plateaus)
    return _exact(language, kind, plateaus, first, language.depth if last is None else last)


@checked
def measured_by_reader(
    name: str, num_examples: ArrayLike, losses: ArrayLike, plateaus: Annotated[ArrayLike, "levels"], first: int = 1
) -> Prediction:
    """What a reader's curve predicts of others: `measured_by_reader("counter", sizes, mean_losses, plateaus)`.

    Thresholds are its half-way crossings, alpha comes from all levels from `first` on that it reached, the curve is its
    own.

    Raises:
        InputError: as `theory.excess.crossings`.
    """
    found = excess.crossings(num_examples, losses, plateaus)
    reached = int(np.argmin(np.isfinite(found))) if not np.isfinite(found).all() else len(found)
    alpha = excess.excess_exponent(found, plateaus, first, reached) if reached > first else float("nan")
    source = f"measured: {name}"
    return Prediction(
        name=name,
        curve=Interpolated(np.asarray(num_examples, float), np.asarray(losses, float)),
        thresholds=Stated(found, "reader's measurement", source),
        plateaus=Stated(plateaus, "exact for this grammar", PLATEAU_SOURCE),
        exponent=Stated(alpha, "reader's measurement", f"{source}; {excess.SOURCE}"),
    )


def _exact(language: RandomHierarchy, kind: exact.Evidence, plateaus: np.ndarray, first: int, last: int) -> Prediction:
    curve = reading_curve(language, kind, plateaus)
    steps = exact.thresholds(language, kind)
    finite = steps[np.isfinite(steps)]
    alpha = float("nan")
    if len(finite) == len(steps) >= 2:
        ends = finite.min() * _RANGE[0], finite.max() * _RANGE[1]
        alpha = excess.curve_exponent(curve, plateaus, *ends, first, last)
    return Prediction(
        name=kind,
        curve=curve,
        thresholds=Stated(steps, "exact for this grammar", exact.SOURCE),
        plateaus=Stated(plateaus, "exact for this grammar", PLATEAU_SOURCE),
        exponent=Stated(alpha, "exact for this grammar", excess.SOURCE),
    )


def _law(language: RandomHierarchy, kind: exact.Evidence, plateaus: np.ndarray) -> Prediction:
    if kind == "conditional":
        allowed = "the asymptotic law is one size, v m^3 / (1 - f), for all levels above the first, and no curve"
        raise invalid("kind", kind, allowed, 'Use regime="exact for this grammar"')
    sizes = language.vocab, language.rules, language.branching
    shared = kind == "tuples"
    steps = hierarchy.thresholds(*sizes, language.depth, shared)
    alpha = hierarchy.scaling_exponent(*sizes, shared)
    return Prediction(
        name=hierarchy.law_name(shared),
        curve=Staircase(steps, plateaus),
        thresholds=Stated(steps, "asymptotic law", hierarchy.SOURCE),
        plateaus=Stated(plateaus, "exact for this grammar", PLATEAU_SOURCE),
        exponent=Stated(np.nan if alpha is None else alpha, "asymptotic law", hierarchy.SOURCE),
    )
