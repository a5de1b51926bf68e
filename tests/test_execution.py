"""Runs in worker processes: the same results as in one process, resumed where interrupted, refused in one line."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from syntagma.errors import InputError
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import HierarchicalCNN, KernelRegression, Learner, MultiLayerAttention, Training
from syntagma.sweep.execution import execute
from syntagma.sweep.runs import Run, Runner
from syntagma.sweep.store import Store
from syntagma.tasks import LastToken, NextToken, Task

TRAINING = Training(max_steps=8, batch_size=8, patience=100, train_loss_threshold=0)


def a_run(seed: int = 0, num_examples: int = 16, task: Task | None = None, learner: Learner | None = None) -> Run:
    return Run.model_validate(
        {
            "language": HierarchySettings(vocab=4, rules=2, branching=2, depth=2, seed=seed),
            "task": task or LastToken(),
            "learner": learner or HierarchicalCNN(width=4),
            "training": TRAINING,
            "num_examples": num_examples,
            "test_examples": 32,
            "seed": seed,
        }
    )


RUNS = [a_run(0), a_run(1), a_run(0, num_examples=32), a_run(1, num_examples=32)]

IN_ONE_PROCESS = """
import json, sys
from syntagma.sweep.runs import Runner, Run
runner = Runner()
print(json.dumps([runner.execute([Run.model_validate_json(line)])[0] for line in sys.stdin]))
"""


def without_times(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if not name.startswith("seconds")}


def missing(store: Store, runs: list[Run]) -> list[Run]:
    done = store.ids()
    return [run for run in runs if run.id() not in done]


class Interrupted(Exception):
    """Stands for whatever ends a command."""


def test_interrupted_and_repeated_gives_what_one_process_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Stopped after the first result, then again by two workers: only what is missing is done, every bit as by one."""
    quick = os.environ.get("XLA_FLAGS", "") + " --xla_backend_optimization_level=0"  # quick to compile
    monkeypatch.setenv("XLA_FLAGS", quick)
    finished: dict[str, dict[str, Any]] = {}

    def stop_at_once(run: Run, result: dict[str, Any]) -> None:
        finished[run.id()] = result
        raise Interrupted

    def collect(run: Run, result: dict[str, Any]) -> None:
        assert run.id() not in finished
        finished[run.id()] = result

    with Store.create(tmp_path) as store:
        with pytest.raises(Interrupted):
            execute(lambda: missing(store, RUNS), store, 1, stop_at_once)
        assert store.ids() == set(finished)
        assert len(finished) == 1
        execute(lambda: missing(store, RUNS), store, 2, collect)
        assert store.ids() == set(finished) == {run.id() for run in RUNS}

        def never(run: Run, result: dict[str, Any]) -> None:
            raise AssertionError("done twice")

        execute(lambda: missing(store, RUNS), store, 2, never)
        stored = store.runs().set_index("id")
        for run in RUNS:
            assert stored.loc[run.id(), "test_loss"] == finished[run.id()]["test_loss"]
            first, *rows = store.history(run.id()).to_dict("records")
            assert [first.pop("train_loss") != 0, first, *rows] == [True, *finished[run.id()]["history"]]

    environment = dict(os.environ, NPROC="1", JAX_PLATFORMS="cpu")
    environment["XLA_FLAGS"] = quick + " --xla_cpu_multi_thread_eigen=false"
    lines = "\n".join(json.dumps(run.config()) for run in RUNS)
    command = [sys.executable, "-c", IN_ONE_PROCESS]
    alone = subprocess.run(command, input=lines, env=environment, capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stderr
    for run, result in zip(RUNS, json.loads(alone.stdout), strict=True):
        assert without_times(finished[run.id()]) == without_times(result)


def test_an_impossible_run_is_refused_and_leaves_no_process(tmp_path: Path):
    impossible = a_run(learner=MultiLayerAttention(width=6, heads=4))
    before = set(multiprocessing.active_children())
    with Store.create(tmp_path) as store:
        with pytest.raises(InputError, match="heads=4 cannot be used: it must divide width=6") as caught:
            execute(lambda: missing(store, [impossible]), store, 1, lambda run, result: None)
        assert "\n" not in str(caught.value)
        assert not store.ids()
    deadline = time.monotonic() + 20
    while set(multiprocessing.active_children()) - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not set(multiprocessing.active_children()) - before


def test_results_say_what_is_left_to_the_oracle():
    run = a_run()
    result = Runner().execute([run])[0]
    assert result["excess_loss"] == pytest.approx(result["test_loss"] - result["oracle_loss"], abs=1e-6)
    assert 0 < result["oracle_loss"] < math.log(4)
    assert result["excess_loss_error"] > 0
    assert result["history"][0]["step"] == 0
    assert result["steps"] == 8
    json.dumps(result)


def test_identity_is_all_that_determines_the_result():
    run = a_run()
    assert Run.model_validate_json(json.dumps(run.config())) == run
    assert Run.model_validate_json(json.dumps(run.config())).id() == run.id()
    others = [
        a_run(seed=1),
        a_run(num_examples=17),
        a_run(task=NextToken()),
        a_run(learner=HierarchicalCNN(width=5)),
        run.model_copy(update={"training": TRAINING.model_copy(update={"learning_rate": 0.02})}),
        run.model_copy(update={"test_examples": 33}),
        run.model_copy(update={"validation_examples": 33}),
        run.model_copy(update={"validation_language": run.language.model_copy(update={"seed": 7})}),
        run.model_copy(update={"revision": 0}),
    ]
    assert len({run.id(), *(other.id() for other in others)}) == len(others) + 1
    together = others[0], others[1], others[4]  # seed, number of training examples, learning rate
    assert all((other.batch_key() == run.batch_key()) == (other in together) for other in others)
    epochs = [a_run(num_examples=n).model_copy(update={"training": Training(max_epochs=1)}) for n in (1000, 9000)]
    assert epochs[0].batch_key() != epochs[1].batch_key()  # one trains for longer
    assert epochs[0].program_key() == epochs[1].program_key()
    solved = [
        run.model_copy(update={"learner": KernelRegression(), "training": None, "num_examples": n}) for n in (8, 9)
    ]
    assert solved[0].batch_key() != solved[1].batch_key()
    assert solved[0].program_key() == solved[1].program_key()


def test_as_many_validation_as_test_sentences_where_nothing_is_said():
    given = a_run().config()
    del given["validation_examples"]
    assert Run.model_validate(given) == a_run()
    assert Run.model_validate(given | {"test_examples": 7}).validation_examples == 7
    assert Run.model_validate(given | {"validation_examples": 9}).validation_examples == 9


def test_sentences_of_the_trained_part_of_a_text_may_not_choose():
    text = {"kind": "text", "path": "a.txt", "sentence_length": 4}
    parts = {"language": {**text, "part": "train"}, "test_language": {**text, "part": "test"}}
    with pytest.raises(ValidationError, match=r"validation_language=None cannot be used: .* Give a third part"):
        Run.model_validate(a_run(task=NextToken()).config() | parts)
    Run.model_validate(a_run(task=NextToken()).config() | parts | {"validation_language": parts["test_language"]})


def test_configurations_with_unknown_fields_are_refused():
    with pytest.raises(ValidationError, match="extra"):
        Run.model_validate(a_run().config() | {"colour": "red"})


def test_on_an_accelerator_batches_are_of_one_program_and_halved_where_memory_runs_out(tmp_path, monkeypatch):
    """Learning rates and sizes stand in one batch; a batch that does not fit costs no attempt, and nothing is lost."""
    sizes: list[int] = []
    rates = [TRAINING.model_copy(update={"learning_rate": rate}) for rate in (0.01, 0.02)]
    runs = [
        a_run(seed, num_examples=number).model_copy(update={"training": training})
        for training in rates
        for number in (16, 17)
        for seed in range(2)
    ]
    other = a_run(learner=HierarchicalCNN(width=5))

    def execute_some(self: Runner, batch: list[Run]) -> list[dict[str, Any]]:
        sizes.append(len(batch))
        if len(batch) > 3:
            raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")
        return [{"test_loss": float(run.seed)} for run in batch]

    monkeypatch.setattr("syntagma.sweep.execution._on_accelerator", lambda: True)
    monkeypatch.setattr(Runner, "execute", execute_some)
    said: list[str] = []
    with Store.create(tmp_path) as store:
        wanted = lambda: [run for run in [*runs, other] if not store.has(run.id())]  # noqa: E731
        summary = execute(wanted, store, 0, lambda *_: None, say=said.append)
        assert (summary.finished, summary.failed, said) == (9, (), [])
    assert sorted(sizes) == [1, 2, 2, 2, 2, 4, 8]
