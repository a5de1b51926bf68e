"""Predicted curves of the last token: by the laws, by exact correlations of the grammars, by counting."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from syntagma.languages.settings import HierarchySettings
from syntagma.learners import Counter
from syntagma.studies.grammar.facts import exact_thresholds, predicted_thresholds
from syntagma.studies.study import Facts
from syntagma.theory import counting, exact
from syntagma.theory import hierarchy as theory
from syntagma.theory.last_token import PLATEAU_SOURCE
from syntagma.theory.prediction import Prediction, Regime, Staircase, Stated


def law_predictions(
    vocab: int, rules: int, branching: int, levels: int, plateaus: Float[np.ndarray, " L+1"]
) -> list[Prediction]:
    """Both asymptotic laws, up to `levels`, between these plateaus."""
    depth = len(plateaus) - 1
    laws = {
        theory.law_name(shared): theory.thresholds(vocab, rules, branching, depth, shared) for shared in (True, False)
    }
    return [staircase(name, law[:levels], "asymptotic law", theory.SOURCE, plateaus) for name, law in laws.items()]


def exact_predictions(
    facts: Facts, languages: Sequence[HierarchySettings], levels: int, plateaus: Float[np.ndarray, " L+1"]
) -> list[Prediction]:
    """Where exact correlations of these grammars put the thresholds up to `levels`, with weight sharing and without."""
    kinds: dict[str, exact.Evidence] = {theory.law_name(s): exact.evidence_of(s) for s in (True, False)}
    sizes = {name: exact_thresholds(facts, languages, kind)[:levels] for name, kind in kinds.items()}
    return [staircase(name, own, "exact for this grammar", exact.SOURCE, plateaus) for name, own in sizes.items()]


def counting_prediction(
    facts: Facts, languages: Sequence[HierarchySettings], levels: int, plateaus: Float[np.ndarray, " L+1"]
) -> Prediction:
    """Where half of the blocks of these grammars that tell each level up to `levels` were seen."""
    sizes = predicted_thresholds(facts, languages, Counter())
    return staircase("counting", sizes[:levels], "exact for this grammar", counting.SOURCE, plateaus)


def staircase(
    name: str, steps: Float[np.ndarray, " levels"], regime: Regime, source: str, plateaus: Float[np.ndarray, " L+1"]
) -> Prediction:
    """A prediction whose loss is the plateau of the highest level known."""
    return Prediction(
        name=name,
        curve=Staircase(steps, plateaus[: len(steps) + 1]),
        thresholds=Stated(steps, regime, source),
        plateaus=Stated(plateaus, "exact for this grammar", PLATEAU_SOURCE),
        exponent=Stated(math.nan, regime, source),
    )
