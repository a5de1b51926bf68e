"""Learners from outside: fitted, stored and compared as the package's own; the example in real PyTorch."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest

from syntagma import HierarchySettings, Label, LastToken, NextToken, SymmetryTarget, fit, score
from syntagma.cli import main
from syntagma.errors import InputError
from syntagma.extensions import Kinds
from syntagma.learners import LEARNERS, ForeignLearner, Learner
from syntagma.sweep.plan import operations
from syntagma.sweep.runs import Run, Runner

EXAMPLES = Path(__file__).parents[1] / "examples"
SETTINGS = HierarchySettings(vocab=4, rules=2, branching=2, depth=2, seed=3)
LANGUAGE = SETTINGS.language()

NUMPY_LEARNER = '''
"""Counts pairs of neighbours: a learner without any library."""
from typing import ClassVar, Literal
import numpy as np
from syntagma.learners import LEARNERS, ForeignLearner

@LEARNERS.add
class Pairs(ForeignLearner):
    label: ClassVar[str] = "pairs"
    kind: Literal["numpy-pairs"] = "numpy-pairs"
    added: float = 1.0

    def fit(self, inputs, targets, validation, seed):
        counts = np.full((validation.shape.vocab + 1, validation.shape.outputs), self.added)
        np.add.at(counts, (inputs[:, -2], targets), 1.0)
        logs = np.log(counts / counts.sum(1, keepdims=True))
        return lambda tokens: logs[tokens[:, -2]]
'''


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a learner."""
    file = tmp_path_factory.mktemp("learner") / "pairs.py"
    file.write_text(NUMPY_LEARNER)
    return file


class Recorder(ForeignLearner):
    """Keeps what it was given, and answers with what it is told to."""

    label: ClassVar[str] = "recorder"
    kind: Literal["recorder"] = "recorder"
    given: ClassVar[list] = []
    answer: ClassVar[object] = None

    def fit(self, inputs, targets, validation, seed):
        self.given.append((inputs, targets, validation, seed))
        answers = validation.shape.outputs
        if self.answer is not None:
            return lambda tokens: self.answer(tokens) if callable(self.answer) else self.answer
        every = (validation.shape.length,) if validation.shape.reads == "every" else ()
        return lambda tokens: np.full((len(tokens), *every, answers), -np.log(answers))


def sure(tokens):
    """It is always the first symbol."""
    return np.tile([0.0, -np.inf, -np.inf, -np.inf], (len(tokens), 1))


def sets(task):
    parts = LANGUAGE.splits(train=30, validation=20, test=40)
    return [task.examples(part, LANGUAGE, 0) for part in parts.values()]


@pytest.mark.parametrize("task", [LastToken(), NextToken()])
def test_it_gets_whole_numbers_to_write_on_and_is_measured_on_the_others(task):
    train, validation, test = sets(task)
    Recorder.given.clear()
    shape = task.shape(LANGUAGE)
    found = fit(Recorder(), shape, None, train, validation, test, seed=9)
    ((inputs, targets, held, seed),) = Recorder.given
    assert (inputs == train.inputs).all()
    assert (targets == train.targets).all()
    assert (held.inputs == validation.inputs).all()
    assert (held.shape, seed) == (shape, 9)
    assert {array.dtype for array in (inputs, targets, held.inputs, held.targets)} == {np.dtype(np.int64)}
    assert inputs.flags.writeable
    assert inputs.base is not train.inputs
    for name in ("train", "validation", "test"):
        key = "final_train_loss" if name == "train" else f"{name}_loss"
        assert found.metrics[key] == pytest.approx(np.log(4))
    assert found.example_losses.shape == (40,)
    assert found.metrics["stopped"] == "by itself"
    assert found.metrics["examples_seen"] == 30


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (np.zeros((3, 4)), "learner='recorder'.shape=(3, 4) cannot be used"),
        (np.zeros((20, 4)), "gives no log-probabilities but logits"),
        ("nothing", "of type str"),
        (sure, "learner='recorder' gives probability 0 to the answer of sentence"),
    ],
)
def test_predictions_that_are_none_name_the_learner(answer, says, monkeypatch):
    monkeypatch.setattr(Recorder, "answer", staticmethod(answer) if callable(answer) else answer)
    with pytest.raises(InputError) as caught:
        fit(Recorder(), LastToken().shape(LANGUAGE), None, *sets(LastToken()))
    assert says in str(caught.value)


def test_tasks_that_ask_for_numbers_get_numbers_and_squared_losses(monkeypatch):
    task = SymmetryTarget(partition=(3, 1))
    train, validation, test = sets(task)
    monkeypatch.setattr(Recorder, "answer", staticmethod(lambda tokens: np.full(len(tokens), 0.5)))
    Recorder.given.clear()
    found = fit(Recorder(), task.shape(LANGUAGE), None, train, validation, test)
    ((_, targets, held, _),) = Recorder.given
    assert (targets == train.targets).all()
    assert (targets.dtype, held.shape.loss) == (np.float64, "squared")
    assert found.metrics["test_loss"] == pytest.approx(((test.targets - 0.5) ** 2).mean())
    assert found.metrics["test_accuracy"] == pytest.approx((test.targets > 0).mean())
    assert found.predictor(test.inputs).tolist() == [0.5] * 40


def test_what_has_no_labels_is_refused_before_anything_is_learned():
    with pytest.raises(InputError, match="does not label"):
        Label().shape(LANGUAGE)


def test_a_run_of_it_is_known_by_its_settings_and_scored_as_by_score(pairs):
    kind = LEARNERS.kind_in(str(pairs))
    config = {"language": SETTINGS, "task": LastToken(), "training": None, "num_examples": 50, "test_examples": 60}
    runs = [Run.model_validate({**config, "learner": {"kind": kind, "added": x}, "seed": 1}) for x in (1.0, 0.5)]
    assert runs[0].id() != runs[1].id()
    assert Run.model_validate(json.loads(json.dumps(runs[1].config()))).id() == runs[1].id()
    assert operations(runs[0]) > 0
    metrics = Runner().execute([runs[0]])[0]
    assert metrics == {**Runner().execute([runs[0]])[0], **{k: metrics[k] for k in metrics if "seconds" in k}}
    train = LANGUAGE.splits(train=50, seed=1)["train"].tokens
    counts = np.ones((4, 4))
    for row in train:
        counts[row[-2], row[-1]] += 1
    logs = np.log(counts / counts.sum(1, keepdims=True))
    found = score(LANGUAGE, LastToken(), lambda tokens: logs[tokens[:, -2]], seed=1, sentences=60)
    for name in ("test_loss", "excess_loss", "excess_loss_error", "test_accuracy"):
        assert metrics[name] == pytest.approx(found.metrics()[name])


def test_the_command_fit_takes_its_file_and_settings(pairs, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(f"fit --learner {pairs} --examples 64 --test-examples 64 --set learner.added=0.5 --json".split())
    assert not leaving.value.code
    found = json.loads(capsys.readouterr().out)
    assert found["run"]["learner"] == {"kind": "numpy-pairs", "added": 0.5}
    assert found["metrics"]["excess_loss"] > 0


def test_a_learner_from_outside_is_a_learner_like_others():
    kinds: Kinds[Learner] = Kinds("learner", "nowhere", [Recorder])
    assert isinstance(kinds.parse({"kind": "recorder"}), Recorder)
    with pytest.raises(InputError, match="width is no setting here"):
        Recorder(width=3)  # pyright: ignore[reportCallIssue]


# --- real PyTorch, where it is installed ------------------------------------------------------------------------------


def test_the_example_learner_learns_and_repeats_itself():
    pytest.importorskip("torch")
    kind = LEARNERS.kind_in(str(EXAMPLES / "pytorch_learner.py"))
    learner = LEARNERS.named(kind).model_validate({"width": 16, "layers": 1, "steps": 60, "learning_rate": 0.01})
    parts = LANGUAGE.splits(train=200, validation=100, test=200)
    examples = [LastToken().examples(part, LANGUAGE, 0) for part in parts.values()]
    shape = LastToken().shape(LANGUAGE)
    first, again = (fit(learner, shape, None, *examples, seed=3) for _ in range(2))
    assert first.metrics["test_loss"] == again.metrics["test_loss"]
    assert first.metrics["test_loss"] < 0.9 * np.log(4)


def test_the_example_model_is_trained_scored_drawn_and_probed(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("pytorch_model", EXAMPLES / "pytorch_model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pytorch_model", module)
    spec.loader.exec_module(module)
    module.main(sizes=(32, 64), steps=10)
    said = capsys.readouterr().out
    assert said.count("above the oracle") == 2
    assert "ceiling" in said
    assert (tmp_path / "pytorch-model.png").stat().st_size > 10_000
