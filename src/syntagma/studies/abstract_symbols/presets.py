"""Sizes of the study: quick, laptop and full.

Learning rates: see docs/decisions.md. One for each kind of network and of labels, chosen by the loss on other strings
of symbols that training does show, never by what is measured here, answers on symbols unseen; the transformers with and
without identities share theirs. Training ends early only by its own loss; the network of the smallest loss on strings
from the training distribution is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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
from syntagma.studies.abstract_symbols.contenders import PLAIN, REPAIRED, Contender
from syntagma.studies.abstract_symbols.experiments import (
    Ablations,
    Copying,
    Diversity,
    Grid,
    Inside,
    LanguageModel,
    RandomSets,
    WordModel,
)
from syntagma.studies.abstract_symbols.settings import AbstractSymbols

_RATES = {"transformer": 0.03, "perceptron": 0.03, "equality-perceptron": 0.03, "elman": 0.3, "lstm": 0.1}
_RATES_FOR_SYMBOLS = {"transformer": 0.01, "perceptron": 0.1, "equality-perceptron": 0.1, "elman": 0.01, "lstm": 0.1}
_RIDGE = 1e-3
_NUMBERS = ("same-different", "aba-abb", "aabb-abab", "assignment", "relational-match", "random")
_SYMBOLS = ("print", "majority", "associative-recall", "distribution-of-three", "identity-rules")
_KERNEL = template_transformer(1, 4.0, 1.0)
"""K_trans with beta = 4, gamma = 1 and ReLU: of the settings tried, N is furthest from singular (docs/decisions.md)."""


def _families(names: Iterable[str], **settings: Any) -> dict[str, Templates]:
    return {name: family(name, **settings) for name in names}


def _transformer(width: int, heads: int, head_size: int, layers: int = 2) -> Transformer:
    """The public script's transformer: full attention, class token, GELU, MLPs of twice the width."""
    return Transformer(
        width=width,
        heads=heads,
        head_size=head_size,
        layers=layers,
        mlp_ratio=2,
        activation="gelu",
        attention="full",
        read_out="class-token",
    )


def _training(learning_rate: float, steps: int, batch_size: int = 64) -> Training:
    """Adam; the rate rises for 50 steps and falls to a fiftieth of itself along a cosine."""
    return Training(
        learning_rate=learning_rate,
        batch_size=batch_size,
        warmup_steps=50,
        schedule="cosine",
        final_rate=0.02,
        max_steps=steps,
        patience=1e6,
        train_loss_threshold=1e-4,
        evaluations_per_doubling=1,
    )


def _contenders(
    transformer: Transformer, others: Mapping[str, NetworkLearner], steps: int, batch_size: int = 64
) -> dict[str, Contender]:
    """The transformer without and with identities, other networks, and kernel regression of two infinite networks."""
    repaired = transformer.model_copy(update={"score_identity": 1.0, "answer_identity": 1.0})
    out = {}
    for name, learner in {PLAIN: transformer, REPAIRED: repaired, **others}.items():
        label = "transformer with a, b" if name == REPAIRED else learner.label
        kind = PLAIN if name == REPAIRED else name
        numbers, symbols = (_training(rates[kind], steps, batch_size) for rates in (_RATES, _RATES_FOR_SYMBOLS))
        out[name] = Contender(label=label, learner=learner, training=numbers, training_for_symbols=symbols)
    for name, label, architecture in (
        ("kernel", "transformer kernel", _KERNEL),
        ("perceptron-kernel", "perceptron kernel", perceptron(1, 2)),
    ):
        learner = KernelRegression(architecture=architecture, ridge=_RIDGE, samples=2**16, by_pattern=True)
        out[name] = Contender(label=label, learner=learner, training=None)
    return out


def _others(perceptron_width: int, recurrent_width: int) -> dict[str, NetworkLearner]:
    return {
        "perceptron": Perceptron(width=perceptron_width, layers=2),
        "equality-perceptron": EqualityPerceptron(width=perceptron_width, layers=2),
        "elman": Elman(width=recurrent_width),
        "lstm": LSTM(width=recurrent_width),
    }


def _language_model(width: int, heads: int, layers: int, length: int, examples: int, steps: int) -> LanguageModel:
    """A causal decoder on windows of a text."""
    learner = Transformer(width=width, heads=heads, layers=layers, activation="gelu")
    training = _training(0.01, steps, 32)
    return LanguageModel(length=length, num_examples=examples, test_examples=2048, learner=learner, training=training)


def _word_model(language_model: LanguageModel, vocab: int) -> WordModel:
    """The same decoder on words."""
    return WordModel(**language_model.model_dump(), vocab=vocab)


def _ablations(transformer: Transformer, steps: int, families: tuple[str, ...], batch_size: int = 64) -> Ablations:
    """The plain transformer's training, of the read-out alone and from mimetic weights."""
    learners = {
        "transformer-readout": ("transformer, read-out alone", {"trained": "readout"}),
        "transformer-mimetic": ("transformer, mimetic start", {"initial": "mimetic"}),
    }
    numbers, symbols = (_training(rates[PLAIN], steps, batch_size) for rates in (_RATES, _RATES_FOR_SYMBOLS))
    contenders = {
        name: Contender(
            label=label, learner=transformer.model_copy(update=how), training=numbers, training_for_symbols=symbols
        )
        for name, (label, how) in learners.items()
    }
    return Ablations(learners=contenders, families=families)


def _copying(widths: tuple[int, ...]) -> Copying:
    """What two cores do in minutes."""
    learner, training = _transformer(32, 4, 32, layers=1), _training(0.01, 300)
    return Copying(language=family("copying"), widths=widths, num_examples=1024, learner=learner, training=training)


def _quick() -> AbstractSymbols:
    """About three minutes on two cores (347 s of processor time)."""
    transformer, language_model = _transformer(64, 4, 32), _language_model(64, 4, 2, 32, 2**14, 400)
    return AbstractSymbols(
        families=_families(("same-different", "aabb-abab"), train_symbols=1024),
        learners=_contenders(transformer, {"perceptron": Perceptron(width=256, layers=2)}, 400),
        sizes=(64, 256, 1024),
        seeds=3,
        kernel=_KERNEL,
        samples=2**16,
        diversity=Diversity(learners=(PLAIN, REPAIRED, "kernel"), substitutions=(4, 32, 256), num_examples=1024),
        copying=_copying((16, 64, 256)),
        language_model=language_model,
        word_model=_word_model(language_model, 1024),
        ablations=_ablations(transformer, 400, ("same-different",)),
        inside=Inside(families=("same-different",), num_examples=1024),
    )


def _laptop() -> AbstractSymbols:
    """Under an hour on two cores."""
    transformer, language_model = _transformer(64, 4, 32), _language_model(128, 4, 2, 64, 2**16, 1000)
    return AbstractSymbols(
        families=_families(
            ("same-different", "aba-abb", "aabb-abab", "relational-match", "majority", "distribution-of-three"),
            train_symbols=1024,
        ),
        learners=_contenders(transformer, _others(256, 64), 1500),
        sizes=(64, 256, 1024, 4096, 16384),
        seeds=3,
        kernel=_KERNEL,
        samples=2**16,
        diversity=Diversity(
            learners=(PLAIN, REPAIRED, "kernel"), substitutions=(2, 8, 32, 128, 512, 2048), num_examples=4096
        ),
        copying=_copying((16, 32, 64, 128, 256, 512)),
        language_model=language_model,
        word_model=_word_model(language_model, 2048),
        ablations=_ablations(transformer, 1500, ("same-different", "aabb-abab", "majority")),
        random_sets=RandomSets(
            counts=(2, 4, 8, 16), length=5, learners=(PLAIN, REPAIRED, "kernel"), sizes=(64, 256, 1024, 4096)
        ),
        grid=Grid(
            family="aabb-abab",
            num_examples=1024,
            rates=(0.003, 0.01, 0.03),
            layers=(1, 2),
            heads=(1, 4),
            widths=(32, 64),
        ),
        inside=Inside(families=("same-different", "majority"), learners=(PLAIN, REPAIRED), num_examples=4096),
    )


def _full() -> AbstractSymbols:
    """For an accelerator."""
    transformer, language_model = _transformer(128, 16, 64), _language_model(512, 8, 6, 256, 2**18, 20_000)
    return AbstractSymbols(
        families=_families((*_NUMBERS, *_SYMBOLS), train_symbols=4096, test_symbols=1024),
        learners=_contenders(transformer, _others(512, 128), 10_000, 128),
        sizes=tuple(2**k for k in range(6, 20)),
        seeds=5,
        test_examples=4096,
        kernel=_KERNEL,
        samples=2**18,
        diversity=Diversity(
            learners=(PLAIN, REPAIRED, "kernel"), substitutions=tuple(2**k for k in range(1, 15)), num_examples=2**14
        ),
        copying=Copying(
            language=family("copying", train_symbols=1024, test_symbols=1024),
            widths=tuple(2**k for k in range(4, 12)),
            num_examples=4096,
            learner=_transformer(128, 16, 64, layers=1),
            training=_training(0.01, 2000, 128),
        ),
        language_model=language_model,
        word_model=_word_model(language_model, 16_384),
        ablations=_ablations(transformer, 10_000, ("same-different", "aabb-abab", "relational-match", "majority"), 128),
        random_sets=RandomSets(
            counts=(2, 4, 8, 16, 32),
            length=5,
            draws=5,
            learners=(PLAIN, REPAIRED, "kernel"),
            sizes=tuple(2**k for k in range(6, 17, 2)),
            train_symbols=4096,
        ),
        grid=Grid(
            family="aabb-abab",
            num_examples=4096,
            rates=(0.001, 0.003, 0.01, 0.03, 0.1),
            layers=(1, 2, 4),
            heads=(1, 4, 16),
            widths=(32, 128, 512),
            seeds=3,
        ),
        inside=Inside(families=("same-different", "majority"), learners=(PLAIN, REPAIRED), num_examples=2**14, seeds=5),
    )


class _Presets(Mapping[str, AbstractSymbols]):
    """Presets that are made when asked for: checking every learner of all of them takes seconds."""

    def __init__(self, made: Mapping[str, Callable[[], AbstractSymbols]]) -> None:
        self._made = made

    def __getitem__(self, name: str) -> AbstractSymbols:
        return self._made[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


PRESETS = _Presets({"quick": _quick, "laptop": _laptop, "full": _full})
