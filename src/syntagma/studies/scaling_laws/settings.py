"""The grid of the study and its presets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import AnyLearner, HierarchicalCNN, MultiLayerAttention, NetworkLearner, Training, Transformer
from syntagma.studies.study import Settings
from syntagma.sweep.runs import Run
from syntagma.tasks import LastToken
from syntagma.theory import hierarchy as theory

NAME = "scaling-laws"


class Contender(BaseModel):
    """A learner and how it is trained.

    Attributes:
        training: of networks; kernels are solved, not trained.
        max_examples: where this learner gives up, if before all others: a kernel's time grows like the cube of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    learner: AnyLearner
    training: Training | None = None
    max_examples: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _networks_are_trained(self) -> Contender:
        if isinstance(self.learner, NetworkLearner) and self.training is None:
            raise invalid("training", None, f"learner {self.learner.kind!r} is trained", "Give its training")
        return self


class ScalingLaws(Settings):
    """The grid: one language size, several numbers of rules m, several learners and seeds, P as far as it takes.

    Attributes:
        rules: the values of m.
        levels: the highest level whose threshold is asked for.
        seeds: how many; each has a grammar, sentences and initial weights of its own.
        start: the smallest P, as a fraction of the predicted first threshold.
        growth: ratio of consecutive P; they are rounded powers of it, the same for every m and learner.
        beyond: how many more sizes are measured after every seed has crossed the last threshold.
        max_examples: where to give up.
    """

    vocab: int = Field(ge=2)
    rules: tuple[int, ...] = Field(min_length=1)
    branching: int = Field(default=2, ge=2)
    depth: int = Field(ge=1)
    levels: int = Field(ge=1)
    rule_probabilities: float | None = None
    learners: Mapping[str, Contender] = Field(min_length=1)
    seeds: int = Field(default=3, ge=1)
    start: float = Field(default=0.25, gt=0)
    growth: float = Field(default=2.0, gt=1)
    beyond: int = Field(default=1, ge=0)
    max_examples: int = Field(ge=1)
    test_examples: int = Field(default=4096, ge=2)

    @field_validator("rules")
    @classmethod
    def _distinct_rules(cls, rules: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(rules)))

    @model_validator(mode="after")
    def _sizes_fit(self) -> ScalingLaws:
        if self.levels > self.depth:
            raise invalid("levels", self.levels, f"the grammar has depth {self.depth}", f"At most {self.depth}")
        for rules in self.rules:
            self.language(rules, 0).language()
        shape = LastToken().shape(self.language(self.rules[0], 0).language())
        for contender in self.learners.values():
            contender.learner.check(shape)
        return self

    def language(self, rules: int, seed: int) -> HierarchySettings:
        """The language of one m and one seed."""
        return HierarchySettings(
            vocab=self.vocab,
            rules=rules,
            branching=self.branching,
            depth=self.depth,
            rule_probabilities=self.rule_probabilities,
            seed=seed,
        )

    def sizes(self, rules: int) -> Iterator[int]:
        """The P of every curve at m = `rules`, smallest first, up to `max_examples`."""
        first = theory.thresholds(self.vocab, rules, self.branching, 1, True)[0]
        power = math.floor(math.log(max(self.start * min(first, self.max_examples), 4)) / math.log(self.growth))
        last = 0
        while (size := round(self.growth**power)) <= self.max_examples:
            if size > last:
                yield size
            last, power = size, power + 1

    def run(self, rules: int, contender: str, num_examples: int, seed: int) -> Run:
        """One run of the grid."""
        chosen = self.learners[contender]
        return Run(
            language=self.language(rules, seed),
            task=LastToken(),
            learner=chosen.learner,
            training=chosen.training,
            num_examples=num_examples,
            test_examples=self.test_examples,
            seed=seed,
        )


_LEARNING_RATES = {"cnn": 0.03, "attention": 0.01, "transformer": 0.01}
"""Of Adam, at every width; of those tried, the ones with the smallest test loss."""
_CLIP_NORMS = {"attention": 0.5}
"""Gradients of the attention-only network, which has no normalisation, have lengths near 0.3; once in ten thousand
steps a much longer one would throw it out of what it has learned."""


def _contenders(
    learners: Iterable[AnyLearner], batch_size: int, steps: Mapping[str, tuple[int, int]], max_epochs: int = 16
) -> dict[str, Contender]:
    """Networks by their kind, each trained for `max_epochs`, but between its least and its largest number of `steps`.

    The learning rate decays to nearly nothing at the end.
    """
    out = {}
    for learner in learners:
        least, most = steps[learner.kind]
        training = Training(
            optimizer="adam",
            learning_rate=_LEARNING_RATES[learner.kind],
            clip_norm=_CLIP_NORMS.get(learner.kind),
            batch_size=batch_size,
            warmup_steps=100,
            schedule="cosine",
            final_rate=0.02,
            max_epochs=max_epochs,
            min_steps=least,
            max_steps=most,
            patience=6,
            evaluations_per_doubling=2,
        )
        out[learner.kind] = Contender(learner=learner, training=training)
    return out


def _small_networks(transformer_width: int) -> tuple[AnyLearner, ...]:
    """What two cores train in minutes."""
    return (
        HierarchicalCNN(width=64),
        MultiLayerAttention(width=64, heads=4, layers=3),
        Transformer(width=transformer_width, heads=4, layers=3),
    )


PRESETS: Mapping[str, ScalingLaws] = {
    "quick": ScalingLaws(
        vocab=8,
        rules=(3,),
        depth=3,
        levels=3,
        seeds=2,
        start=0.5,
        beyond=0,
        learners=_contenders(
            _small_networks(transformer_width=32),
            64,
            {"cnn": (4000, 8000), "attention": (1000, 8000), "transformer": (1000, 8000)},
            max_epochs=48,
        ),
        max_examples=2**14,
        test_examples=2048,
    ),
    "laptop": ScalingLaws(
        vocab=8,
        rules=(2, 3, 4),
        depth=4,
        levels=3,
        seeds=3,
        start=0.5,
        beyond=0,
        learners=_contenders(
            _small_networks(transformer_width=64),
            64,
            {"cnn": (5000, 10_000), "attention": (1500, 2**15), "transformer": (1500, 2**14)},
        ),
        max_examples=2**18,
        test_examples=2048,
    ),
    "full": ScalingLaws(
        vocab=32,
        rules=(4, 5, 6, 7, 8),
        depth=4,
        levels=4,
        seeds=5,
        growth=2**0.5,
        learners=_contenders(
            (
                HierarchicalCNN(width=512),
                MultiLayerAttention(width=512, heads=16, layers=4),
                Transformer(width=512, heads=16, layers=4),
            ),
            128,
            dict.fromkeys(_LEARNING_RATES, (2**13, 2**20)),
        ),
        max_examples=2**23,
        test_examples=2**15,
    ),
}
