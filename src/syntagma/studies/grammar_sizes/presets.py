"""Presets of grammar-sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syntagma.learners import HierarchicalCNN, MultiLayerAttention
from syntagma.studies.grammar import Grammar
from syntagma.studies.grammar_sizes.settings import GrammarSizes, Grower
from syntagma.studies.recipes import trained
from syntagma.studies.tuning import Tuning


def _learners(
    width: int, heads: int, layers: int, steps: Sequence[tuple[int, int]], batch_size: int = 64, **attention: Any
) -> dict[str, Grower]:
    """The convolutional network and attention; `attention` are further fields of its."""
    cnn = trained(HierarchicalCNN(width=width), steps[0], batch_size=batch_size)
    other = trained(MultiLayerAttention(width=width, heads=heads, layers=layers), steps[1], batch_size=batch_size)
    return {"cnn": Grower(**dict(cnn)), "attention": Grower(**dict(other) | attention)}


def _tuned(growers: Mapping[str, Grower], tuning: Tuning) -> dict[str, Grower]:
    """Each learner as it is given, and tuned."""
    tuned = {f"tuned-{name}": grower.model_copy(update={"tuning": tuning}) for name, grower in growers.items()}
    return {**growers, **tuned}


PRESETS: Mapping[str, GrammarSizes] = {
    "quick": GrammarSizes(
        base=Grammar(vocab=8, rules=3, depth=3),
        vocab=(6, 12),
        rules=(2, 4),
        branching=(3,),
        depth=(4,),
        levels=2,
        learners=_learners(48, 3, 3, [(4000, 8000), (1000, 2000)], max_examples=2**13, parameters=("rules",)),
        test_examples=2048,
    ),
    "laptop": GrammarSizes(
        base=Grammar(vocab=8, rules=3, depth=4),
        vocab=(6, 12, 16),
        rules=(2, 4, 5),
        branching=(3,),
        depth=(3, 5),
        levels=3,
        learners=_learners(64, 4, 3, [(5000, 10_000), (1500, 3000)], max_examples=2**14, parameters=("rules",)),
    ),
    "tuned": GrammarSizes(
        base=Grammar(vocab=16, rules=3, depth=3),
        rules=(2, 4),
        depth=(4, 5),
        levels=2,
        learners=_tuned(
            _learners(64, 4, 4, [(2000, 4000), (1500, 3000)], parameters=("rules", "depth")),
            Tuning(learning_rates=(0.01, 0.03), weight_decays=(0.0, 0.03), warmup_steps=(20, 100), widths=(64, 128)),
        ),
        test_examples=2048,
    ),
    "full": GrammarSizes(
        base=Grammar(vocab=32, rules=4, depth=4),
        vocab=(16, 64),
        rules=(6, 8),
        branching=(3,),
        depth=(3, 5),
        levels=3,
        reach=32.0,
        learners=_learners(512, 16, 4, [(2**13, 2**19)] * 2, batch_size=128),
        seeds=5,
        test_examples=2**15,
    ),
}
