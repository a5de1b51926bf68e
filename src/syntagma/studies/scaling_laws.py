"""Scaling laws on the random hierarchy model: which network learns which level of a grammar from how many sentences.

For each number of rules m and each learner, the last token is predicted after training on P sentences, P growing from
well below the first threshold until the curve has crossed the half-way line of the last level asked for.
Source: arXiv 2505.07070.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from syntagma.curves import LearningCurve, crossed
from syntagma.errors import invalid
from syntagma.learners import AnyLearner, HierarchicalCNN, MultiLayerAttention, Training, Transformer
from syntagma.oracles import TreeOracle
from syntagma.studies.scaling_laws_analysis import analyse
from syntagma.studies.study import Analysis, Progress, Settings, Study
from syntagma.sweep.execution import execute
from syntagma.sweep.runs import HierarchySettings, Run
from syntagma.tasks import LastToken
from syntagma.theory import hierarchy as theory

if TYPE_CHECKING:
    from syntagma.sweep.store import Store

NAME = "scaling-laws"


class Contender(BaseModel):
    """A learner and how it is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learner: AnyLearner
    training: Training


class ScalingLaws(Settings):
    """The grid: one language size, several numbers of rules m, several learners and seeds, P as far as it takes.

    Attributes:
        rules: the values of m.
        levels: the highest level whose threshold is asked for.
        seeds: how many; each has a grammar, sentences and initial weights of its own.
        start: the smallest P, as a fraction of the predicted first threshold.
        growth: ratio of consecutive P; they are rounded powers of it, the same for every m and learner.
        beyond: how many more sizes are measured after the last threshold is crossed.
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
            study=NAME,
            language=self.language(rules, seed),
            task=LastToken(),
            learner=chosen.learner,
            training=chosen.training,
            num_examples=num_examples,
            test_examples=self.test_examples,
            seed=seed,
        )


class _Curve:
    """One learner at one m: the losses so far, and which sizes come next."""

    def __init__(self, settings: ScalingLaws, rules: int, contender: str, plateaus: np.ndarray) -> None:
        self.settings, self.rules, self.contender, self.plateaus = settings, rules, contender, plateaus
        self.sizes = list(settings.sizes(rules))
        self.losses = np.full((settings.seeds, len(self.sizes)), np.nan)
        self.runs: dict[str, tuple[int, int]] = {}

    def wanted(self) -> list[Run]:
        """The runs missing at the first incomplete size, unless the curve has gone far enough."""
        for i in range(self.last() + 1):
            missing = np.flatnonzero(np.isnan(self.losses[:, i]))
            if len(missing):
                return [self.run(int(seed), i) for seed in missing]
        return []

    def run(self, seed: int, i: int) -> Run:
        run = self.settings.run(self.rules, self.contender, self.sizes[i], seed)
        self.runs[run.id()] = (seed, i)
        return run

    def last(self) -> int:
        """Index of the largest size wanted, as far as is known."""
        complete = int(np.argmax(np.isnan(self.losses).any(axis=0))) if np.isnan(self.losses).any() else len(self.sizes)
        for i in range(complete):
            if self._crossed(i + 1):
                return min(i + self.settings.beyond, len(self.sizes) - 1)
        return min(complete, len(self.sizes) - 1)

    def share_done(self) -> float:
        """Fraction of the way, in ln P, to the last threshold that theory gives for no weight sharing (an estimate)."""
        if not self.wanted():
            return 1.0
        s = self.settings
        goal = min(4 * theory.thresholds(s.vocab, self.rules, s.branching, s.levels, False)[-1], self.sizes[-1])
        at = self.sizes[int(np.argmax(np.isnan(self.losses).any(axis=0)))]
        return min(max(at / goal, 0.0), 0.95)

    def _crossed(self, count: int) -> bool:
        curve = LearningCurve(np.array(self.sizes[:count], float), self.losses[:, :count], self.plateaus)
        return crossed(curve, self.settings.levels)


class _ScalingLawsStudy(Study[ScalingLaws]):
    name = NAME
    title = "Scaling laws on the random hierarchy model"
    paper = "arXiv 2505.07070"

    @property
    def presets(self) -> Mapping[str, ScalingLaws]:
        """Sizes: quick, a few minutes; laptop, under an hour; full, for an accelerator."""
        return PRESETS

    def predict(self, settings: ScalingLaws) -> Mapping[str, pd.DataFrame]:
        """Thresholds, exact plateaus of each grammar and asymptotic exponents; nothing is trained."""
        return {
            "predictions": predictions_table(settings),
            "plateaus": pd.DataFrame(
                {"rules": m, "grammar seed": seed, "level": level, "loss_nats": e.value, "error": e.standard_error}
                for m in settings.rules
                for seed in range(settings.seeds)
                for level, e in enumerate(TreeOracle(settings.language(m, seed).language()).plateaus())
            ),
            "exponents": exponents_table(settings),
        }

    def run(self, settings: ScalingLaws, store: Store, workers: int, progress: Progress) -> None:
        """Extend every curve until it has crossed its last level, the costliest first."""
        plateaus = {m: _record_plateaus(settings, m, store) for m in settings.rules}
        order = sorted(settings.learners, key=lambda name: settings.learners[name].learner.weight_sharing is True)
        curves = [_Curve(settings, m, name, plateaus[m]) for m in reversed(settings.rules) for name in order]
        known = store.runs(NAME)
        stored = dict(zip(known["id"], known["test_loss"], strict=True)) if len(known) else {}

        def next_runs() -> list[Run]:
            out = []
            for curve in curves:
                while runs := curve.wanted():
                    old = [run for run in runs if run.id() in stored]
                    for run in old:
                        _take(curve, run, stored[run.id()])
                    if not old:
                        break
                out += runs
            return out

        def finished(run: Run, result: dict[str, Any]) -> None:
            stored[run.id()] = result["test_loss"]
            for curve in curves:
                if run.id() in curve.runs:
                    _take(curve, run, result["test_loss"])
            text = f"{run.learner.kind} m={run.language.rules} P={run.num_examples}: {result['test_loss']:.3f} nats"
            progress(text, float(np.mean([curve.share_done() for curve in curves])))

        execute(next_runs, store, workers, finished)

    def analyse(self, store: Store) -> Analysis:
        """Thresholds, growth with m and verdicts from what is stored, for the settings of the last command."""
        return analyse(self, store)

    def settings_of(self, values: Mapping[str, Any]) -> ScalingLaws:
        """Settings as they were stored with a command."""
        return ScalingLaws.model_validate(values)


def predictions_table(settings: ScalingLaws) -> pd.DataFrame:
    """P_l for each m, level and law."""
    return pd.DataFrame(
        {"rules": m, "level": level, "law": theory.law_name(shared), "num_examples": size, "source": theory.SOURCE}
        for m in settings.rules
        for shared in (True, False)
        for level, size in enumerate(
            theory.thresholds(settings.vocab, m, settings.branching, settings.depth, shared), start=1
        )
    )


def exponents_table(settings: ScalingLaws) -> pd.DataFrame:
    """alpha of loss ~ P^(-alpha) over many levels, for each m and law."""
    return pd.DataFrame(
        {
            "rules": m,
            "law": theory.law_name(shared),
            "exponent": theory.scaling_exponent(settings.vocab, m, settings.branching, shared),
            "source": theory.SOURCE,
        }
        for m in settings.rules
        for shared in (True, False)
    )


def _record_plateaus(settings: ScalingLaws, rules: int, store: Store) -> np.ndarray:
    """`[seeds, L + 1]`: exact plateaus of every grammar, stored as facts."""
    known = {HierarchySettings(**key["language"]): value["loss_nats"] for key, value in store.facts(NAME)}
    out = []
    for seed in range(settings.seeds):
        language = settings.language(rules, seed)
        if language not in known:
            found = TreeOracle(language.language()).plateaus()
            value = {"loss_nats": [e.value for e in found], "standard_error": [e.standard_error for e in found]}
            store.record_fact(NAME, {"language": language.model_dump(mode="json"), "of": "plateaus"}, value)
            known[language] = value["loss_nats"]
        out.append(known[language])
    return np.array(out)


def _take(curve: _Curve, run: Run, loss: float) -> None:
    seed, i = curve.runs[run.id()]
    curve.losses[seed, i] = loss


def _contenders(
    learners: Iterable[AnyLearner], batch_size: int, convolution_steps: tuple[int, int], other_steps: tuple[int, int]
) -> dict[str, Contender]:
    """Networks by their kind, trained for 16 epochs between a least and a largest number of steps.

    The learning rate decays to nearly nothing at the end; the convolutional network takes a larger one, and its steps
    cost so little that it is given more of them.
    """
    out = {}
    for learner in learners:
        convolution = isinstance(learner, HierarchicalCNN)
        least, most = convolution_steps if convolution else other_steps
        training = Training(
            optimizer="adam",
            learning_rate=0.03 if convolution else 0.01,
            batch_size=batch_size,
            warmup_steps=100,
            schedule="cosine",
            final_rate=0.02,
            max_epochs=16,
            min_steps=least,
            max_steps=most,
            patience=6,
            evaluations_per_doubling=2,
        )
        out[learner.kind] = Contender(learner=learner, training=training)
    return out


def _small_networks() -> tuple[AnyLearner, ...]:
    """What two cores train in minutes."""
    return (
        HierarchicalCNN(width=64),
        MultiLayerAttention(width=64, heads=4, layers=3),
        Transformer(width=32, heads=4, layers=3),
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
        learners=_contenders(_small_networks(), 64, (4000, 8000), (1000, 2000)),
        max_examples=2**13,
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
        learners=_contenders(_small_networks(), 64, (5000, 10_000), (1500, 10_000)),
        max_examples=2**16,
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
            (2**13, 2**20),
            (2**13, 2**20),
        ),
        max_examples=2**23,
        test_examples=2**15,
    ),
}

STUDY = _ScalingLawsStudy()
