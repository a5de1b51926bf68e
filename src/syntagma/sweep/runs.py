"""One run: a learner trained once on one language at one size, and all that determines its result.

The identity of a run is the hash of exactly these fields. `revision` counts changes of the engine that change
results, so that results of before are not taken for results of now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from syntagma.errors import invalid
from syntagma.languages.settings import AnyLanguage
from syntagma.learners import AnyLearner, Engine, NetworkLearner, Trainer, Training, trainer_of
from syntagma.sweep.identity import run_id
from syntagma.sweep.weights import Checkpoints
from syntagma.tasks import AnyTask, Examples

ENGINE_REVISION = 4


class Run(BaseModel):
    """A learner on a task of a language, with `num_examples` sentences; `seed` fixes sentences, weights and order.

    Attributes:
        test_language: where the test set comes from, if not from `language`: another part of a text, say.
        tests: further test sets by name, each from a language of its own: shifted ones, or symbols never seen.
        training: None for learners that are solved, not trained.
        checkpoints: how many networks are kept in the results directory: the one of the smallest test loss, and others
            along the training, at evaluations whose number, and so the logarithm of their step, grows evenly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: AnyLanguage
    test_language: AnyLanguage | None = None
    tests: Mapping[str, AnyLanguage] = Field(default_factory=dict)
    task: AnyTask
    learner: AnyLearner
    training: Training | None
    num_examples: int = Field(ge=1)
    test_examples: int = Field(ge=1)
    seed: int = Field(ge=0)
    checkpoints: int = Field(default=0, ge=0, exclude_if=lambda number: number == 0)
    revision: int = ENGINE_REVISION

    @model_validator(mode="after")
    def _only_networks_are_kept(self) -> Run:
        if self.checkpoints and not isinstance(self.learner, NetworkLearner):
            reason = f"learner={self.learner.kind!r} is no network, so it has no weights along training"
            raise invalid("checkpoints", self.checkpoints, reason, "Leave it out")
        return self

    def config(self) -> dict[str, Any]:
        """The run as JSON values: all that determines its result. Which study asks for it is no part of it."""
        return self.model_dump(mode="json")

    def id(self) -> str:
        """The run's identity in the store."""
        return run_id(self.config())

    def same_program(self) -> str:
        """What runs share that can be trained together, as one batch of seeds."""
        return json.dumps(self.model_dump(mode="json", exclude={"seed": True, "language": {"seed"}}), sort_keys=True)


class Bench:
    """Does runs, keeping compiled programs and test sets between them.

    Args:
        results: the results directory, where runs that ask for checkpoints leave them; None to keep none.
    """

    def __init__(self, results: str | Path | None = None) -> None:
        self._results = results
        self._trainers: dict[tuple[object, ...], Trainer] = {}
        self._tests: dict[str, _Test] = {}

    def do(self, runs: list[Run]) -> list[dict[str, Any]]:
        """The results of runs that differ in their seeds only.

        Raises:
            InputError: the learner cannot do the task, or the sizes cannot be.
        """
        first = runs[0]
        shape = first.task.shape(first.language.language())
        kept = (first.learner, first.training, shape)
        if kept not in self._trainers:
            self._trainers[kept] = trainer_of(first.learner, shape, first.training)
        tests = [self._test(run, run.test_language or run.language) for run in runs]
        extra = {name: [self._test(run, run.tests[name]).examples for run in runs] for name in first.tests}
        train = [_examples(run, run.language, "train", run.num_examples) for run in runs]
        seeds = [run.seed for run in runs]
        trainer, targets = self._trainers[kept], [test.examples for test in tests]
        if first.checkpoints and self._results is not None and isinstance(trainer, Engine):
            keeper = Checkpoints(self._results, [run.id() for run in runs], first.checkpoints)
            watch = keeper.watch(trainer.training.evaluation_steps(trainer.training.length(first.num_examples)))
            fits = trainer.fit(train, targets, seeds, extra=extra, watch=watch)
            keeper.best(fits)
        else:
            fits = trainer.fit(train, targets, seeds, extra=extra)
        return [
            fit.metrics | test.compare(fit.example_losses) | {"history": fit.history}
            for fit, test in zip(fits, tests, strict=True)
        ]

    def _test(self, run: Run, language: AnyLanguage) -> _Test:
        """Test examples, and the exact oracle's loss on each, shared by all runs of one language and task."""
        fields = run.model_dump(mode="json", include={"task", "test_examples", "seed"})
        name = json.dumps(fields | {"language": language.model_dump(mode="json")}, sort_keys=True)
        if name not in self._tests:
            source = language.language()
            examples = _examples(run, language, "test", run.test_examples)
            oracle = run.task.oracle_losses(source, examples) if run.task.has_oracle(source) else None
            self._tests[name] = _Test(examples, oracle)
        return self._tests[name]


@dataclass(frozen=True)
class _Test:
    """A test set, with the loss of the exact oracle on each example where there is an oracle."""

    examples: Examples
    oracle: np.ndarray | None

    def compare(self, losses: np.ndarray) -> dict[str, float]:
        """How far a learner's losses are above the oracle's, with the standard error of the mean difference."""
        if self.oracle is None:
            return {}
        excess = losses - self.oracle
        return {
            "oracle_loss": float(self.oracle.mean()),
            "excess_loss": float(excess.mean()),
            "excess_loss_error": float(excess.std(ddof=1) / np.sqrt(len(excess))) if len(excess) > 1 else 0.0,
        }


def _examples(run: Run, chosen: AnyLanguage, purpose: Literal["train", "test"], number: int) -> Examples:
    """Sentences of a language; train and test sentences come from streams of their own."""
    if number > 2**31 - 1:
        raise invalid("num_examples", number, "indices are 32-bit", f"At most {2**31 - 1}")
    language = chosen.language()
    sample = language.sample(2 * run.seed + (purpose == "test"), number, hidden=run.task.hidden)
    return run.task.examples(sample, language, 2 * run.seed + (purpose == "test"))
