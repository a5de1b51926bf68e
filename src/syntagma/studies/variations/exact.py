"""Exact losses of the grammars, as facts: plateaus of the last token, what other tasks cost at best and at worst."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from syntagma.languages.settings import HierarchySettings
from syntagma.oracles import TreeOracle
from syntagma.studies.plateaus import plateaus_fact
from syntagma.studies.stored import Facts
from syntagma.tasks import MaskedToken

if TYPE_CHECKING:
    from syntagma.studies.variations.settings import Variations

_SENTENCES = 4096
"""Sample on which the floor of the masked token is estimated before any training."""


def settle_exact(settings: Variations, facts: Facts) -> None:
    """Compute what is not known yet for any language of the study."""
    for cell in settings.cells():
        language = cell.run.language
        assert isinstance(language, HierarchySettings)  # this study has no others
        if cell.run.task.kind in ("last-token", "next-token"):
            facts.settle(_key("plateaus", language), lambda language=language: plateaus_fact(language))
        if cell.run.task.kind == "next-token":
            facts.settle(
                _key("mean entropy", language), lambda language=language: {"nats": mean_token_entropy(language)}
            )
        if cell.run.task.kind == "masked-token":
            facts.settle(_key("chance", language), lambda language=language: {"nats": chance_entropy(language)})


def known_plateaus(facts: Facts, language: HierarchySettings) -> list[float]:
    """L_0..L_L in nats; NaN where they are not known yet."""
    known = facts.get(_key("plateaus", language))
    return [math.nan] * (language.depth + 1) if known is None else known["loss_nats"]


def known_number(facts: Facts, of: str, language: HierarchySettings) -> float:
    """The "mean entropy" of all positions, or the "chance" entropy of a masked token; NaN where not known yet."""
    known = facts.get(_key(of, language))
    return math.nan if known is None else known["nats"]


def mean_token_entropy(language: HierarchySettings) -> float:
    """Entropy of a sentence over its length, in nats: what predicting all positions costs at best.

    A sentence has one parse, so its entropy is that of its choices: ln n_c + sum over nodes of the rule's entropy,
    averaged over the symbols that stand there.
    """
    made = language.language()
    oracle = TreeOracle(made)
    total = math.log(made.num_classes)
    for level, weights in enumerate(made.weights, start=1):
        nodes = range(made.branching ** (made.depth - level))
        total += sum(float(oracle.marginal(level, node) @ _entropy(weights)) for node in nodes)
    return total / made.sentence_length


def chance_entropy(language: HierarchySettings) -> float:
    """Mean entropy of one token when nothing else is known, in nats."""
    made = language.language()
    oracle = TreeOracle(made)
    return float(np.mean(_entropy([oracle.marginal(0, position) for position in range(made.sentence_length)])))


def masked_floor(language: HierarchySettings) -> tuple[float, float]:
    """Mean loss of the exact posterior of a masked token given all others, on a sample, with its standard error."""
    made, task = language.language(), MaskedToken()
    losses = task.oracle_losses(made, task.examples(made.sample(0, _SENTENCES), made, 0))
    return float(losses.mean()), float(losses.std(ddof=1) / math.sqrt(_SENTENCES))


def _key(of: str, language: HierarchySettings) -> dict[str, Any]:
    return {"of": of, "language": language.model_dump(mode="json")}


def _entropy(laws: Any) -> np.ndarray:
    """Entropy of each row, in nats."""
    laws = np.asarray(laws)
    return -np.sum(laws * np.log(np.where(laws > 0, laws, 1.0)), axis=-1)
