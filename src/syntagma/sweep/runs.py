"""One run: a learner trained once on one language at one size, and all that determines its result.

The identity of a run is the hash of exactly these fields. `revision` counts changes of the engine that change
results, so that results of before are not taken for results of now.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from syntagma.errors import invalid
from syntagma.languages.settings import AnyLanguage
from syntagma.learners import AnyLearner, Engine, Training
from syntagma.sweep.identity import run_id
from syntagma.tasks import AnyTask, Examples

ENGINE_REVISION = 1


class Run(BaseModel):
    """A learner on a task of a language, with `num_examples` sentences; `seed` fixes sentences, weights and order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    language: AnyLanguage
    task: AnyTask
    learner: AnyLearner
    training: Training
    num_examples: int = Field(ge=1)
    test_examples: int = Field(ge=1)
    seed: int = Field(ge=0)
    revision: int = ENGINE_REVISION

    def config(self) -> dict[str, Any]:
        """The run as JSON values: what its identity is the hash of."""
        return self.model_dump(mode="json")

    def id(self) -> str:
        """The run's identity in the store."""
        return run_id(self.config())

    def same_program(self) -> str:
        """What runs share that can be trained together, as one batch of seeds."""
        return json.dumps(self.model_dump(mode="json", exclude={"seed": True, "language": {"seed"}}), sort_keys=True)


class Bench:
    """Does runs, keeping compiled programs and test sets between them."""

    def __init__(self) -> None:
        self._engines: dict[tuple[object, ...], Engine] = {}
        self._tests: dict[str, tuple[Examples, np.ndarray]] = {}

    def do(self, runs: list[Run]) -> list[dict[str, Any]]:
        """The results of runs that differ in their seeds only.

        Raises:
            InputError: the learner cannot do the task, or the sizes cannot be.
        """
        first = runs[0]
        shape = first.task.shape(first.language.language())
        engine_key = (first.learner, first.training, shape)
        if engine_key not in self._engines:
            self._engines[engine_key] = Engine(first.learner, shape, first.training)
        tests = [self._test(run) for run in runs]
        train = [_examples(run, "train", run.num_examples) for run in runs]
        fits = self._engines[engine_key].fit(train, [test for test, _ in tests], [run.seed for run in runs])
        results = []
        for fit, (_, oracle) in zip(fits, tests, strict=True):
            excess = fit.example_losses - oracle
            measured = fit.metrics | {
                "oracle_loss": float(oracle.mean()),
                "excess_loss": float(excess.mean()),
                "excess_loss_error": float(excess.std(ddof=1) / np.sqrt(len(excess))) if len(excess) > 1 else 0.0,
            }
            results.append(measured | {"history": fit.history})
        return results

    def _test(self, run: Run) -> tuple[Examples, np.ndarray]:
        """Test examples and the exact oracle's loss on each, shared by all runs of one language and task."""
        fields = {"language", "task", "test_examples", "seed"}
        name = json.dumps(run.model_dump(mode="json", include=fields), sort_keys=True)
        if name not in self._tests:
            language = run.language.language()
            examples = _examples(run, "test", run.test_examples)
            self._tests[name] = examples, run.task.oracle_losses(language, examples)
        return self._tests[name]


def _examples(run: Run, purpose: Literal["train", "test"], number: int) -> Examples:
    """Sentences of the run's language; train and test sentences come from streams of their own."""
    if number > 2**31 - 1:
        raise invalid("num_examples", number, "indices are 32-bit", f"At most {2**31 - 1}")
    language = run.language.language()
    sample = language.sample(2 * run.seed + (purpose == "test"), number, hidden=run.task.hidden)
    return run.task.examples(sample, language, 2 * run.seed + (purpose == "test"))
