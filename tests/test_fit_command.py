"""`syntagma fit`: any language, task and learner in one command, and what it refuses in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from syntagma.cli import main
from syntagma.cli.single import LANGUAGES, run_of
from syntagma.errors import InputError
from syntagma.kernels import ARCHITECTURES, named
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.learners import KernelRegression, fit
from syntagma.sweep.runs import Runner
from syntagma.tasks import LastToken

SIZES = {"num_examples": 32, "test_examples": 64, "seed": 3}


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main(["fit", *arguments])
    out = capsys.readouterr()
    return int(str(leaving.value.code)), out.out, out.err


def test_kernels_on_the_random_hierarchy_in_one_command(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--learner", "kernel", "--examples", "32", "--test-examples", "64", "--seed", "3", "--json"]
    arguments += ["--validation-examples", "48"]
    code, out, _ = said(capsys, *arguments, "--set", "learner.ridge=0.01")
    found = json.loads(out)
    assert code == 0
    language, task = RandomHierarchy(8, 4, 2, 3, seed=0), LastToken()
    train, test, validation = (
        task.examples(language.sample(seed, n), language, seed) for seed, n in ((6, 32), (7, 64), (2**41 + 3, 48))
    )
    by_hand = fit(KernelRegression(ridge=0.01), task.shape(language), None, train, validation, test)
    for name in ("test_loss", "validation_loss", "validation_loss_error"):
        assert found["metrics"][name] == pytest.approx(by_hand.metrics[name], rel=1e-12)
    assert found["metrics"]["oracle_loss"] == pytest.approx(float(task.oracle_losses(language, test).mean()))
    assert found["run"]["learner"]["architecture"] == "transformer"


def test_a_training_that_diverged_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = [
        "--learner",
        "cnn",
        "--examples",
        "16",
        "--test-examples",
        "16",
        "--set",
        "language.vocab=4",
        "--set",
        "language.depth=2",
    ]
    changes = ["--set", "language.rules=2", "--set", "learner.width=4", "--set", "training.max_steps=4"]
    code, out, err = said(capsys, *sizes, *changes, "--set", "training.learning_rate=1e30", "--json")
    assert (code, json.loads(out)["metrics"]["stopped"]) == (0, "diverged")
    assert "note    1 of 1 trainings diverged: their numbers are of the best step before" in err


def test_the_table_has_loss_oracle_and_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "--examples", "16", "--test-examples", "16")
    assert code == 0
    for text in ("kernel on random-hierarchy", "loss", "oracle's loss", "accuracy"):
        assert text in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--learner", "kernal"], "learner='kernal' is unknown: there are .* Did you mean 'kernel'?"),
        (["--language", "random-hierarky"], "language='random-hierarky' is unknown: .*'random-hierarchy'?"),
        (["--task", "lasttoken"], "task='lasttoken' is unknown: .* Did you mean 'last-token'?"),
        (["--set", "learner.rigde=1"], "key='learner.rigde' is unknown: .* Did you mean 'learner.ridge'?"),
        (["--set", "lerner.ridge=1"], "key='lerner' is unknown: .* Did you mean 'learner'?"),
        (["--set", "learner.architecture=tranformer"], "='tranformer' is unknown: .* Did you mean 'transformer'?"),
        (["--set", "training.batch_size=3"], "this learner is solved or sampled, not trained. Leave it out."),
        (["--examples", "0"], "examples=0 cannot be used: it must be at least 1."),
        (["--validation-examples", "0"], "validation-examples=0 cannot be used: it must be at least 1."),
        (["--examples", "many"], "examples='many' cannot be used: it must be a whole number."),
        (["--language", "text"], "language.path is missing: give it."),
        (["--language", "templates", "--task", "root-class"], "Templates has no root classes."),
        (["--language", "categorical-mixture", "--set", "learner.architecture=hierarchical-cnn"], "needs a tree"),
    ],
)  # fmt: skip
def test_what_is_refused(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    position = 0
    for part in says.split(".*"):
        position = err.find(part.strip(), position)
        assert position >= 0, err


def test_memory_that_runs_out_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(*_: object) -> None:
        raise MemoryError("no 0 bytes")

    monkeypatch.setattr(Runner, "execute", execute)
    code, out, err = said(capsys, "--examples", "16", "--test-examples", "16")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].endswith(
        "cannot be done: memory ran out. Make its learner or its number of examples smaller."
    )


def test_targets_by_representation_default_to_the_standard_one() -> None:
    run = run_of("categorical-mixture", "symmetry-target", "kernel", SIZES, ["language.sentence_length=5"])
    assert run.task.model_dump()["partition"] == (4, 1)
    assert run.training is None


def test_networks_are_trained_as_set() -> None:
    changes = ["learner.width=8", "training.max_steps=20", "training.min_steps=1"]
    run = run_of("random-hierarchy", "root-class", "cnn", SIZES, changes)
    assert run.training is not None
    assert run.training.max_steps == 20
    result = Runner().execute([run])[0]
    assert result["steps"] <= 20
    assert np.isfinite(result["test_loss"])


@pytest.mark.parametrize("kind", sorted(set(LANGUAGES) - {"text"}))
def test_every_language_has_defaults_that_work(kind: str) -> None:
    task = "label" if kind == "templates" else "last-token"
    run = run_of(kind, task, "kernel", SIZES, [])
    shape = run.task.shape(run.language.language())
    run.learner.check(shape)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_named_architectures_have_the_sizes_asked_for(name: str) -> None:
    architecture = named(name, vocab=5, length=4, branching=2)
    assert architecture.embedding.vocab == 5
    if name != "softmax-transformer":
        matrix = architecture.gram(np.array([[0, 1, 2, 3], [4, 4, 0, 1]]), samples=64).matrix
        assert (np.linalg.eigvalsh(matrix) > 0).all()


def test_a_name_that_is_no_architecture_is_refused_where_it_is_given() -> None:
    with pytest.raises(InputError, match="Did you mean 'perceptron'"):
        named("perceptrons", 3, 4)
    with pytest.raises(ValueError, match="Did you mean 'perceptron'"):
        KernelRegression(architecture="perceptrons")
