"""The examples outside the package: each one file, found by path and by entry point, run as a stranger would."""

from __future__ import annotations

import importlib
import importlib.metadata
import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from syntagma import oracle_of
from syntagma.errors import InputError
from syntagma.extensions import Kinds, module_of_file
from syntagma.languages.settings import LANGUAGES
from syntagma.learners import LEARNERS
from syntagma.studies import load, machinery
from syntagma.sweep.store import Store

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_example_study_is_at_most_150_lines() -> None:
    assert len((EXAMPLES / "copying_study.py").read_text().splitlines()) <= 150


def test_a_file_that_is_imported_by_name_too_is_still_known_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(EXAMPLES / "echo_language.py")
    assert LANGUAGES.kind_in(path) == "echo"
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.delitem(sys.modules, "echo_language", raising=False)
    importlib.import_module("echo_language")  # as the study beside it does: another module of the same file
    assert LANGUAGES.kind_in(path) == "echo"


def test_the_example_language_is_a_distribution_whose_oracle_is_exact() -> None:
    echo = LANGUAGES.named(str(EXAMPLES / "echo_language.py"))(vocab=3, sentence_length=4, error=0.2)
    every = np.array(list(itertools.product(range(3), repeat=4)))
    probabilities = np.exp(echo.log_prob(every))
    assert probabilities.sum() == pytest.approx(1)
    oracle = oracle_of(echo)
    seen = np.array([True, False, False, False])
    for token in range(3):
        rows = every[:, 0] == token
        by_hand = [probabilities[rows & (every[:, 2] == other)].sum() for other in range(3)]
        got = oracle.token_posterior(np.array([[token, 0, 0, 0]]), seen, 2)[0]
        assert got == pytest.approx(np.array(by_hand) / probabilities[rows].sum())
    sums = np.log(np.take_along_axis(oracle.next_token(every), every[..., None], 2)).sum((1, 2))
    assert sums == pytest.approx(echo.log_prob(every))
    tokens = echo.sample(0, 20_000).tokens
    assert (tokens[:, :2] != tokens[:, 2:]).mean() == pytest.approx(0.2, abs=4 * (0.16 / 40_000) ** 0.5)
    assert (echo.sample(0, 10).tokens == tokens[:10]).all()


@pytest.mark.slow
def test_a_stranger_runs_the_examples_from_another_directory(tmp_path: Path) -> None:
    """In a process of its own, in a directory without the project, with workers that must know the language."""
    for file in EXAMPLES.glob("*.py"):
        shutil.copy(file, tmp_path)

    def syntagma(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "syntagma", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)

    small = ["--set", "sizes=[32]", "--set", "seeds=2", "--set", "learners.perceptron.training.max_steps=4"]
    small += ["--set", "learners.perceptron.training.min_steps=1", "--set", "learners.transformer.training.max_steps=4"]
    small += ["--set", "learners.transformer.training.min_steps=1", "--set", "test_examples=16"]
    done = syntagma("run", "copying_study.py", "--out", "out", "--workers", "1", *small)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "page.html").stat().st_size > 100_000
    assert (tmp_path / "out" / "figures" / "learning-curves.png").exists()
    with Store.open(tmp_path / "out", read_only=True) as store:
        assert len(store.ids()) == 4
    again = syntagma("report", "out", "--study", "copying_study.py", "--to", "again")
    assert again.returncode == 0, again.stderr
    fitted = syntagma(
        "fit", "--language", "echo_language.py", "--learner", "gated_network.py", "--examples", "16", "--json",
        "--set", "training.max_steps=2", "--set", "training.min_steps=1", "--test-examples", "16",
    )  # fmt: skip
    assert fitted.returncode == 0, fitted.stderr
    assert json.loads(fitted.stdout)["run"]["learner"]["kind"] == "gated-perceptron"


def test_entry_points_of_installed_packages_are_known_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    points = {
        "syntagma.studies": [("copying", "copying_study:STUDY")],
        "syntagma.learners": [("gated-perceptron", "gated_network:GatedPerceptron")],
    }

    def declared(group: str, name: str | None = None) -> list[importlib.metadata.EntryPoint]:
        mine = [importlib.metadata.EntryPoint(n, value, group) for n, value in points.get(group, [])]
        return [point for point in mine if name in (None, point.name)]

    monkeypatch.setattr(importlib.metadata, "entry_points", declared)
    study = load("copying")
    assert study.name == "copying"
    assert len(machinery.plan(study, study.presets["quick"])) == 2 * 6 * 3
    monkeypatch.setattr(LEARNERS, "_classes", {k: v for k, v in LEARNERS.all().items() if k != "gated-perceptron"})
    assert LEARNERS.named("gated-perceptron").__name__ == "GatedPerceptron"
    assert "gated-perceptron" in LEARNERS.all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1", "has no STUDY"),
        ("STUDY = 3", "has no STUDY"),
        ("import nothing_of_that_name", "cannot be imported: ModuleNotFoundError"),
        ("def f(:", "cannot be imported: SyntaxError"),
    ],
)
def test_a_file_that_is_no_study_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        load(str(tmp_path / "mine.py"))
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="there is no such file"):
        load(str(tmp_path / "other.py"))


def test_kinds_are_refused_that_have_no_name_or_one_that_is_taken(tmp_path: Path) -> None:
    class Nameless:
        pass

    kinds = Kinds("thing", "nowhere", [])
    with pytest.raises(InputError, match="a thing has a field kind"):
        kinds.add(Nameless)
    module = module_of_file(EXAMPLES / "gated_network.py", "learner")
    taken = type("Other", (module.GatedPerceptron,), {"__module__": __name__})
    with pytest.raises(InputError, match="has it already"):
        LEARNERS.add(taken)
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(InputError, match="it adds no learner"):
        LEARNERS.kind_in(str(tmp_path / "empty.py"))
