"""Sizes of the study: quick, laptop and full.

Learning rates: see docs/decisions.md. One for each kind of network, chosen by the loss on other strings of symbols that
training does show, never by what is measured here, answers on symbols unseen; the transformers with and without
identities share theirs. Training ends early only by its own loss; the network of the smallest loss on strings from the
training distribution is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syntagma.kernels.presets import perceptron, template_transformer
from syntagma.languages.templates import Templates, family
from syntagma.learners import (
    LSTM,
    Elman,
    EqualityPerceptron,
    KernelRegression,
    NetworkLearner,
    Perceptron,
    Training,
    Transformer,
)
from syntagma.studies.abstract_symbols.settings import (
    PLAIN,
    REPAIRED,
    AbstractSymbols,
    Contender,
    Copying,
    Diversity,
    LanguageModel,
)

_RATES = {"transformer": 0.01, "perceptron": 0.03, "equality-perceptron": 0.03, "elman": 0.03, "lstm": 0.03}
_RIDGE = 1e-3
_KERNEL = template_transformer(1, 4.0, 1.0)
"""K_trans with beta = 4, gamma = 1 and ReLU: of the settings tried, N is furthest from singular (docs/decisions.md)."""


def _families(names: Iterable[str], **settings: Any) -> dict[str, Templates]:
    return {name: family(name, **settings) for name in names}


def _transformer(width: int, heads: int, head_size: int, layers: int = 2) -> Transformer:
    """The public script's transformer: full attention, class token, GELU, MLPs of twice the width."""
    return Transformer(
        width=width, heads=heads, head_size=head_size, layers=layers, mlp_ratio=2, activation="gelu", attention="full",
        read_out="class-token",
    )  # fmt: skip


def _training(learning_rate: float, steps: int, batch_size: int = 64) -> Training:
    """Adam; the rate rises for 50 steps and falls to a fiftieth of itself along a cosine."""
    return Training(
        learning_rate=learning_rate, batch_size=batch_size, warmup_steps=50, schedule="cosine", final_rate=0.02,
        max_steps=steps, patience=1e6, train_loss_threshold=1e-4, evaluations_per_doubling=1,
    )  # fmt: skip


def _contenders(transformer: Transformer, others: Mapping[str, NetworkLearner], steps: int) -> dict[str, Contender]:
    """The transformer without and with identities, other networks, and kernel regression of two infinite networks."""
    repaired = transformer.model_copy(update={"score_identity": 1.0, "answer_identity": 1.0})
    networks = {"transformer": transformer, "transformer with a, b": repaired, **others}
    names = {"transformer": PLAIN, "transformer with a, b": REPAIRED}
    out = {}
    for label, learner in networks.items():
        training = _training(_RATES[learner.kind], steps)
        out[names.get(label, learner.kind)] = Contender(label=label, learner=learner, training=training)
    for name, label, architecture in (
        ("kernel", "transformer kernel", _KERNEL),
        ("perceptron-kernel", "perceptron kernel", perceptron(1, 2)),
    ):
        learner = KernelRegression(architecture=architecture, ridge=_RIDGE, samples=2**14, by_pattern=True)
        out[name] = Contender(label=label, learner=learner, training=None)
    return out


def _others(perceptron_width: int, recurrent_width: int) -> dict[str, NetworkLearner]:
    learners = (
        Perceptron(width=perceptron_width, layers=2),
        EqualityPerceptron(width=perceptron_width, layers=2),
        Elman(width=recurrent_width),
        LSTM(width=recurrent_width),
    )
    return {learner.label: learner for learner in learners}


PRESETS: Mapping[str, AbstractSymbols] = {
    "quick": AbstractSymbols(
        families=_families(("same-different", "aabb-abab")),
        learners=_contenders(_transformer(64, 4, 32), {"perceptron": Perceptron(width=256, layers=2)}, 600),
        sizes=(64, 256, 1024),
        seeds=3,
        kernel=_KERNEL,
        diversity=Diversity(learners=(PLAIN, REPAIRED, "kernel"), substitutions=(4, 32, 256), num_examples=1024),
        copying=Copying(
            language=family("copying"),
            widths=(32, 128, 512),
            num_examples=1024,
            learner=_transformer(32, 4, 32, layers=1),
            training=_training(0.01, 300),
        ),
        language_model=LanguageModel(
            length=32,
            num_examples=8192,
            test_examples=1024,
            learner=Transformer(width=64, heads=4, layers=2, mlp_ratio=2, activation="gelu"),
            training=_training(0.01, 400, 32),
        ),
    ),
}
