"""One run: a learner trained once on one language at one size, and all that determines its result.

The identity of a run is the hash of exactly these fields. `revision` counts changes of the engine that change
results, so that results of before are not taken for results of now.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from syntagma.checked_model import CheckedModel
from syntagma.errors import invalid
from syntagma.languages.settings import AnyLanguage, TextSettings
from syntagma.languages.splits import Split, stream_of
from syntagma.learners import AnyLearner, Engine, Fit, NetworkLearner, Trainer, Training, trainer_of
from syntagma.learners.trainer import check_test_name
from syntagma.sweep.identity import run_id
from syntagma.sweep.kept_training import KeptTraining
from syntagma.sweep.weights import Checkpoints
from syntagma.tasks import AnyTask, Examples

ENGINE_REVISION = 5
AS_STORED = "as stored"
"""The context of validation where a run is read from a store, in place of being asked for."""


class Run(CheckedModel):
    """A learner on a task of a language, with `num_examples` sentences; `seed` fixes sentences, weights and order.

    Train, validation and test sentences come from streams of their own; validation sentences choose the step whose
    network is reported, test sentences are read once.

    Attributes:
        validation_language: where the validation set comes from, if not from `language`; needed where the test set is
            another part of a text, since sentences of the trained part would choose what fits them best.
        test_language: where the test set comes from, if not from `language`: another part of a text, say.
        tests: further test sets by name, each from a language of its own: shifted ones, or symbols never seen.
        training: None for learners that are solved, not trained.
        checkpoints: how many networks are kept in the results directory: the one of the smallest validation loss, and
            others along the training, at evaluations whose number, and so the logarithm of their step, grows evenly.
        validation_examples: sentences of the validation set, as many as of the test set where nothing is said.
    """

    language: AnyLanguage
    validation_language: AnyLanguage | None = None
    test_language: AnyLanguage | None = None
    tests: Mapping[str, AnyLanguage] = Field(default_factory=dict)
    task: AnyTask
    learner: AnyLearner
    training: Training | None
    num_examples: int = Field(ge=1)
    test_examples: int = Field(ge=1)
    validation_examples: int = Field(default_factory=lambda given: given.get("test_examples", 1), ge=1)
    seed: int = Field(ge=0)
    checkpoints: int = Field(default=0, ge=0, exclude_if=lambda number: number == 0)
    revision: int = ENGINE_REVISION

    @field_validator("language", "validation_language", "test_language", "tests")
    @classmethod
    def _texts_are_their_content(cls, given: Any, info: ValidationInfo) -> Any:
        """A text is known by what it is; but a stored run is as it was, whatever lies there now."""
        if info.context == AS_STORED:
            return given
        if isinstance(given, Mapping):
            return {name: _with_content(one) for name, one in given.items()}
        return _with_content(given)

    @model_validator(mode="after")
    def _only_networks_are_kept(self) -> Run:
        if self.checkpoints and not isinstance(self.learner, NetworkLearner):
            reason = f"learner={self.learner.kind!r} is no network, so it has no weights along training"
            raise invalid("checkpoints", self.checkpoints, reason, "Leave it out")
        return self

    @model_validator(mode="after")
    def _tests_can_be_told_apart(self) -> Run:
        for name in self.tests:
            check_test_name(name, "tests")
        return self

    @model_validator(mode="after")
    def _no_trained_sentence_chooses(self) -> Run:
        if self.language.kind == "text" and self.test_language is not None and self.validation_language is None:
            reason = "the test set is another part of the text, and validation sentences must be neither's"
            raise invalid("validation_language", None, reason, "Give a third part of the text")
        return self

    def config(self) -> dict[str, Any]:
        """The run as JSON values: all that determines its result. Which study asks for it is no part of it."""
        return self.model_dump(mode="json")

    def id(self) -> str:
        """The run's identity in the store."""
        return run_id(self.config())

    def program_key(self) -> str:
        """The same text for runs of one compiled program: they differ in seeds, numbers of training examples, learning
        rates, weight decay, clip norm and when they stop.
        """
        said = self.model_dump(mode="json", exclude={"seed": True, "language": {"seed"}, "num_examples": True})
        if self.training is not None:
            said["training"] = self.training.program().model_dump(mode="json")
        return json.dumps(said, sort_keys=True)

    def batch_key(self) -> str:
        """The same text for runs that can be one batch: of one program and evaluated at the same steps; of what is not
        trained, different in their seeds only.
        """
        if self.training is None:
            return f"{self.num_examples} {self.program_key()}"
        steps = self.training.length(self.num_examples), self.training.evaluations_per_doubling
        return f"{steps} {self.program_key()}"


class Runner:
    """Executes runs, keeping compiled programs, validation and test sets between them.

    Args:
        results: the results directory, where trainings are kept in the middle, and runs that ask for checkpoints leave
            them; None to keep none.
        keep: how many networks to keep of runs that do not ask for it; which changes nothing of their results.
    """

    def __init__(self, results: str | Path | None = None, keep: int = 0) -> None:
        self._results, self._keep = results, keep
        self._trainers: dict[tuple[object, ...], Trainer] = {}
        self._held_out: dict[str, _HeldOut] = {}

    def execute(self, runs: list[Run]) -> list[dict[str, Any]]:
        """The results of runs of one `batch_key`: `Runner().execute([run])[0]["test_loss"]`.

        Raises:
            InputError: no runs, or runs of several batch keys; the learner cannot do the task, or the sizes cannot be.
        """
        if len({run.batch_key() for run in runs}) != 1:
            raise invalid("runs", f"{len(runs)} runs", "they must have one batch_key, and be one or more")
        first = runs[0]
        shape = first.task.shape(first.language.language())
        program = (first.learner, first.training, shape)
        if program not in self._trainers:
            self._trainers[program] = trainer_of(first.learner, shape, first.training)
        trainer = self._trainers[program]
        tests = [self._set(run, "test", run.test_language) for run in runs]
        sets = (
            [_examples(run, run.language, "train", run.num_examples) for run in runs],
            [self._set(run, "validation", run.validation_language).examples for run in runs],
            [test.examples for test in tests],
        )
        seeds = [run.seed for run in runs]
        extra = {name: [self._set(run, "test", run.tests[name]).examples for run in runs] for name in first.tests}
        if isinstance(trainer, Engine):
            trainings = [run.training for run in runs if run.training is not None]
            fit = functools.partial(trainer.fit, *sets, seeds, extra=extra, trainings=trainings)
            kept = first.checkpoints or self._keep
            fits = fit() if self._results is None else _fit_and_keep(fit, trainer.training, self._results, runs, kept)
        else:
            fits = trainer.fit(*sets, seeds, extra=extra)
        return [
            fit.metrics | test.compare(fit.example_losses) | {"history": fit.history}
            for fit, test in zip(fits, tests, strict=True)
        ]

    def _set(self, run: Run, purpose: Literal["validation", "test"], language: AnyLanguage | None) -> _HeldOut:
        """The validation or a test set, shared by all runs of one language and task."""
        chosen = language or run.language
        number = run.validation_examples if purpose == "validation" else run.test_examples
        fields = run.model_dump(mode="json", include={"task", "seed"}) | {"purpose": purpose, "number": number}
        name = json.dumps(fields | {"language": chosen.model_dump(mode="json")}, sort_keys=True)
        if name not in self._held_out:
            examples = _examples(run, chosen, purpose, number)
            self._held_out[name] = _HeldOut(examples, run.task, chosen)
        return self._held_out[name]


def _fit_and_keep(
    fit: Callable[..., list[Fit]], training: Training, results: str | Path, runs: list[Run], number: int
) -> list[Fit]:
    """`fit`, and what is kept meanwhile: the training, to go on with it, and `number` networks."""
    ids = [run.id() for run in runs]
    fit = functools.partial(fit, keep=lambda places: KeptTraining(results, [ids[place] for place in places]))
    if not number:
        return fit()
    checkpoints = Checkpoints(results, ids, number)
    fits = fit(watch=checkpoints.watch(training.evaluation_steps(training.length(runs[0].num_examples))))
    checkpoints.best(fits)
    return fits


def _with_content(language: Any) -> Any:
    return language.with_content() if isinstance(language, TextSettings) else language


@dataclass
class _HeldOut:
    """A validation or test set and where it comes from."""

    examples: Examples
    task: AnyTask
    language: AnyLanguage

    @functools.cached_property
    def oracle(self) -> np.ndarray | None:
        """The loss of the exact oracle on each example, where there is an oracle."""
        source = self.language.language()
        return self.task.oracle_losses(source, self.examples) if self.task.has_oracle(source) else None

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


def _examples(run: Run, chosen: AnyLanguage, purpose: Split, number: int) -> Examples:
    """Sentences of a language, each purpose's from a stream of its own."""
    if number > 2**31 - 1:
        raise invalid("num_examples", number, "indices are 32-bit", f"At most {2**31 - 1}")
    stream, language = stream_of(purpose, run.seed), chosen.language()
    sample = language.sample(stream, number, hidden=run.task.hidden)
    return run.task.examples(sample, language, stream)
