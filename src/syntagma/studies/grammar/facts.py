"""What is exactly known of grammars before any training, as facts that a store keeps, and sizes predicted from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import Clusterer, Counter, Learner
from syntagma.oracles import TreeOracle
from syntagma.studies.study import Fact, Facts
from syntagma.theory import counting, exact
from syntagma.theory import hierarchy as theory
from syntagma.theory.last_token import evidence


def fact_key(of: str, language: HierarchySettings) -> dict[str, Any]:
    """Under which a fact of one grammar is stored."""
    return {"of": of, "language": language.model_dump(mode="json")}


def nats_fact(of: str, language: HierarchySettings, nats: Callable[[RandomHierarchy], float], text: str) -> Fact:
    """One exact entropy of a grammar, `nats` of the language, as the fact that is stored."""
    return Fact(fact_key(of, language), lambda: {"nats": nats(language.language())}, text)


def nats_of(facts: Facts, of: str, languages: Iterable[HierarchySettings]) -> list[float]:
    """The stored entropy of each language."""
    return [facts[fact_key(of, language)]["nats"] for language in languages]


def plateaus_key(language: HierarchySettings) -> dict[str, Any]:
    """Under which the plateaus of a grammar are stored."""
    return fact_key("plateaus", language)


def plateaus_fact(language: HierarchySettings) -> Fact:
    """L_0..L_L of one grammar in nats, with their standard errors, as the fact that is stored."""

    def compute() -> dict[str, list[float]]:
        plateaus = TreeOracle(language.language()).plateaus()
        return {
            "loss_nats": [float(estimate.value) for estimate in plateaus],
            "standard_error": [float(estimate.standard_error) for estimate in plateaus],
        }

    return Fact(plateaus_key(language), compute, f"exact plateaus of {_sizes(language)}")


def plateaus_of(facts: Facts, languages: Iterable[Any]) -> Float[np.ndarray, "seeds levels"]:
    """The plateaus of each language, one row a language."""
    return np.array([facts[plateaus_key(language)]["loss_nats"] for language in languages])


def exact_fact(language: HierarchySettings) -> Fact:
    """Examples at which each level of one grammar stands out of the sampling noise, by what it is told from."""

    def compute() -> dict[str, list[float]]:
        made = language.language()
        return {kind: exact.thresholds(made, kind).tolist() for kind in ("tokens", "tuples", "conditional")}

    return Fact(fact_key("signal = noise", language), compute, f"exact correlations of {_sizes(language)}")


def language_facts(languages: Iterable[HierarchySettings]) -> Iterator[Fact]:
    """The plateaus of each grammar, and where its correlations stand out of the noise."""
    for language in languages:
        yield plateaus_fact(language)
        yield exact_fact(language)


def _sizes(language: HierarchySettings) -> str:
    return f"v={language.vocab} m={language.rules} L={language.depth} seed {language.seed}"


def exact_thresholds(
    facts: Facts, languages: Sequence[HierarchySettings], kind: exact.Evidence
) -> Float[np.ndarray, " L"]:
    """The geometric mean over these grammars of the exact signal = noise sizes."""
    return np.exp(
        np.mean([np.log(facts[fact_key("signal = noise", language)][kind]) for language in languages], axis=0)
    )


def counting_fact(language: HierarchySettings) -> Fact:
    """Examples at which half of the blocks that tell each level of one grammar were seen."""

    def compute() -> dict[str, list[float]]:
        return {"blocks": counting.thresholds(language.language()).tolist()}

    return Fact(fact_key(_BLOCKS, language), compute, f"blocks seen of {_sizes(language)}")


_BLOCKS = "half of the blocks seen"


def law_of(learner: Learner, vocab: int, rules: int, branching: int, depth: int, level: int) -> float:
    """P_l of the asymptotic law for this learner; NaN where no law covers it."""
    shared = law_sharing(learner)
    return math.nan if shared is None else float(theory.thresholds(vocab, rules, branching, depth, shared)[level - 1])


def law_sharing(learner: Learner) -> bool | None:
    """Which of the two asymptotic laws is the learner's: that with weight sharing, without, or None."""
    return {"tuples": True, "tokens": False}.get(evidence(learner) or "")


def is_reader(learner: Learner) -> bool:
    """Whether it learns by counting or clustering, without weights."""
    return isinstance(learner, Counter | Clusterer)


def predicted_thresholds(
    facts: Facts, languages: Sequence[HierarchySettings], learner: Learner
) -> Float[np.ndarray, " L"]:
    """P_1..P_L of this learner, exact for these grammars, as geometric mean over them; NaN where theory says nothing.

    By signal = noise of what it tells synonyms by; of the counter by the blocks it must have seen.
    """
    if isinstance(learner, Counter):
        logs = [np.log(facts[fact_key(_BLOCKS, language)]["blocks"]) for language in languages]
        return np.exp(np.mean(logs, axis=0))
    kind = evidence(learner)
    if kind is None:
        return np.full(languages[0].depth, np.nan)
    return np.maximum.accumulate(exact_thresholds(facts, languages, kind))


def prediction_source(learner: Learner) -> str:
    """Where `predicted_thresholds` are from."""
    return counting.SOURCE if isinstance(learner, Counter) else exact.SOURCE


def exact_growth(sizes: Mapping[int, float], vocab: int, branching: int) -> float:
    """The exponent k of P_l (1 - f) ~ m^k in the exact sizes, by m, fitted as the measured one is."""
    return exact_power({m: size * (1 - theory.sparsity(vocab, m, branching)) for m, size in sizes.items()})


def exact_power(values: Mapping[int, float]) -> float:
    """The exponent k of value ~ size^k, fitted as the measured one is; NaN of fewer than two values or an unknown one.

    Example: `exact_power({2: 8.0, 4: 64.0})` is 3.
    """
    if len(values) < 2 or not all(map(math.isfinite, values.values())):
        return math.nan
    return float(np.polyfit(np.log(list(values)), np.log(list(values.values())), 1)[0])
