"""Sizes of the study: quick, laptop and full.

Trainings are those of the scaling-laws study: Adam, 16 epochs between a least and a largest number of steps, the rate
falling along a cosine. One pass over fresh data has a constant rate, since its thresholds are read along the way, and
small batches, since its thresholds are reached in few steps: see docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from syntagma.learners import AnyLearner, HierarchicalCNN, MultiLayerAttention, Training, Transformer
from syntagma.studies.scaling_laws.settings import Contender
from syntagma.studies.variations.grids import (
    Grammar,
    Grower,
    GrowthGrid,
    MaskedGrid,
    OnlineGrid,
    OnlineLearner,
    PositionsGrid,
    ZipfGrid,
)
from syntagma.studies.variations.settings import Variations


def _rate(learner: AnyLearner) -> float:
    return 0.03 if isinstance(learner, HierarchicalCNN) else 0.01


def _training(learner: AnyLearner, steps: tuple[int, int], batch_size: int) -> Training:
    return Training(
        optimizer="adam",
        learning_rate=_rate(learner),
        batch_size=batch_size,
        warmup_steps=100,
        schedule="cosine",
        final_rate=0.02,
        max_epochs=16,
        min_steps=steps[0],
        max_steps=steps[1],
        patience=6,
        evaluations_per_doubling=2,
    )


def _contender(learner: AnyLearner, steps: tuple[int, int], batch_size: int = 64) -> Contender:
    return Contender(learner=learner, training=_training(learner, steps, batch_size))


def _grower(learner: AnyLearner, steps: tuple[int, int], batch_size: int = 64) -> Grower:
    return Grower(learner=learner, training=_training(learner, steps, batch_size))


def _online(
    learner: AnyLearner, batch_size: int, rate: float, steps: int, fixed: tuple[int, int], fixed_batch: int = 64
) -> OnlineLearner:
    """One pass at a constant rate that never stops early, and training on fixed sets as elsewhere."""
    training = Training(
        optimizer="adam",
        learning_rate=rate,
        batch_size=batch_size,
        warmup_steps=100,
        max_epochs=1,
        max_steps=steps,
        train_loss_threshold=0.0,
        patience=1e9,
        evaluations_per_doubling=4,
    )
    return OnlineLearner(learner=learner, training=training, steps=steps, fixed=_training(learner, fixed, fixed_batch))


def _powers(first: int, last: int) -> tuple[int, ...]:
    return tuple(2**power for power in range(first, last + 1))


def _decoder(width: int, layers: int, heads: int = 4) -> Transformer:
    return Transformer(width=width, heads=heads, layers=layers)


def _reader(width: int, layers: int, heads: int = 4) -> Transformer:
    """Full attention, read at a class token: for tokens hidden anywhere."""
    return Transformer(width=width, heads=heads, layers=layers, attention="full", read_out="class-token")


def _quick() -> Variations:
    cnn, attention = HierarchicalCNN(width=48), MultiLayerAttention(width=48, heads=3, layers=3)
    steps, slower = (4000, 8000), (1000, 2000)
    return Variations(
        base=Grammar(vocab=8, rules=3, depth=3),
        seeds=2,
        test_examples=2048,
        growth=GrowthGrid(
            vocab=(6, 12),
            rules=(2, 4),
            branching=(3,),
            depth=(4,),
            levels=2,
            learners={
                "cnn": _grower(cnn, steps),
                "attention": Grower(
                    learner=attention,
                    training=_training(attention, slower, 64),
                    max_examples=2**13,
                    parameters=("rules",),
                ),
            },
        ),
        online=OnlineGrid(
            levels=2,
            learners={
                "cnn": _online(cnn, 4, 0.03, 2**15, steps),
                "attention": _online(attention, 16, 0.01, 2**12, slower),
                "transformer": _online(_decoder(32, 3), 4, 0.01, 2**13, (1000, 1000)),
            },
            sizes=_powers(4, 12),
        ),
        zipf=ZipfGrid(
            exponents=(1.0,),
            grammar=Grammar(vocab=6, rules=24, branching=3, depth=2),
            classes=6,
            contender=_contender(cnn, (4000, 16_000)),
            sizes=_powers(7, 16),
            tokens=_contender(cnn, steps),
            token_sizes=_powers(4, 12),
            token_levels=2,
        ),
        positions=PositionsGrid(
            grammar=Grammar(vocab=6, rules=2, depth=3),
            levels=2,
            contender=_contender(_decoder(32, 3), (1000, 1000)),
            sizes=_powers(4, 10),
        ),
        masked=MaskedGrid(
            grammar=Grammar(vocab=6, rules=2, depth=3),
            learners={
                "cnn": _contender(cnn, steps),
                "transformer": _contender(_reader(32, 3), (1000, 2000)),
            },
            sizes=_powers(5, 13),
        ),
    )


def _laptop() -> Variations:
    cnn, attention = HierarchicalCNN(width=64), MultiLayerAttention(width=64, heads=4, layers=3)
    steps, slower = (5000, 10_000), (1500, 3000)
    return Variations(
        base=Grammar(vocab=8, rules=3, depth=4),
        seeds=3,
        growth=GrowthGrid(
            vocab=(6, 12, 16),
            rules=(2, 4, 5),
            branching=(3,),
            depth=(3, 5),
            levels=3,
            learners={
                "cnn": _grower(cnn, steps),
                "attention": Grower(
                    learner=attention,
                    training=_training(attention, slower, 64),
                    max_examples=2**14,
                    parameters=("rules",),
                ),
            },
        ),
        online=OnlineGrid(
            levels=3,
            learners={
                "cnn": _online(cnn, 4, 0.03, 2**17, steps),
                "attention": _online(attention, 16, 0.01, 2**14, slower),
                "transformer": _online(_decoder(32, 3), 4, 0.01, 2**15, slower),
            },
            sizes=_powers(4, 13),
        ),
        zipf=ZipfGrid(
            exponents=(0.5, 1.0, 2.0),
            grammar=Grammar(vocab=8, rules=32, branching=3, depth=2),
            classes=8,
            contender=_contender(cnn, (5000, 2**16)),
            sizes=_powers(8, 18),
            tokens=_contender(cnn, steps),
            token_sizes=_powers(4, 14),
            token_levels=3,
        ),
        positions=PositionsGrid(
            grammar=Grammar(vocab=8, rules=2, depth=4),
            levels=3,
            contender=_contender(_decoder(32, 3), (1500, 2000)),
            sizes=_powers(4, 12),
        ),
        masked=MaskedGrid(
            grammar=Grammar(vocab=8, rules=2, depth=3),
            learners={
                "cnn": _contender(cnn, steps),
                "transformer": _contender(_reader(32, 3), (1500, 3000)),
            },
            sizes=_powers(6, 14),
        ),
    )


def _full() -> Variations:
    cnn, attention = HierarchicalCNN(width=512), MultiLayerAttention(width=512, heads=16, layers=4)
    steps = 2**13, 2**19
    return Variations(
        base=Grammar(vocab=32, rules=4, depth=4),
        seeds=5,
        test_examples=2**15,
        growth=GrowthGrid(
            vocab=(16, 64),
            rules=(6, 8),
            branching=(3,),
            depth=(3, 5),
            levels=3,
            reach=32.0,
            learners={
                "cnn": _grower(cnn, steps, 128),
                "attention": _grower(attention, steps, 128),
            },
        ),
        online=OnlineGrid(
            levels=3,
            learners={
                "cnn": _online(cnn, 16, 0.03, 2**20, steps, 128),
                "attention": _online(attention, 16, 0.01, 2**20, steps, 128),
                "transformer": _online(_decoder(512, 4, 16), 16, 0.01, 2**20, steps, 128),
            },
            sizes=_powers(6, 20),
        ),
        zipf=ZipfGrid(
            exponents=(0.5, 1.0, 2.0),
            grammar=Grammar(vocab=16, rules=128, branching=3, depth=2),
            classes=16,
            contender=_contender(cnn, steps, 128),
            sizes=_powers(8, 22),
            tokens=_contender(cnn, steps, 128),
            token_sizes=_powers(6, 20),
            token_levels=3,
        ),
        positions=PositionsGrid(
            grammar=Grammar(vocab=32, rules=4, depth=4),
            levels=3,
            contender=_contender(_decoder(512, 4, 16), steps, 128),
            sizes=_powers(6, 20),
        ),
        masked=MaskedGrid(
            grammar=Grammar(vocab=32, rules=4, depth=4),
            learners={
                "cnn": _contender(cnn, steps, 128),
                "transformer": _contender(_reader(512, 4, 16), steps, 128),
            },
            sizes=_powers(8, 21),
        ),
    )


PRESETS: Mapping[str, Variations] = {"quick": _quick(), "laptop": _laptop(), "full": _full()}
