"""What the tab key completes, and that it needs neither JAX nor pandas for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from syntagma.cli import completion, main

_CODE = """
import atexit, sys
heavy = {"jax", "numpy", "pandas", "matplotlib", "syntagma.studies"}
atexit.register(lambda: print("IMPORTED", *heavy & set(sys.modules)))
from syntagma.cli import main
main()
"""


def completed(line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The completions of the last word of a command line."""
    monkeypatch.setenv("_SYNTAGMA_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
    with pytest.raises(SystemExit):
        main([])
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("syntagma pre", ["predict"]),
        ("syntagma run sca", ["scaling-laws"]),
        ("syntagma predict scaling-laws --preset l", ["laptop"]),
        ("syntagma run scaling-laws --set learners.cnn.training.clip", ["learners.cnn.training.clip_norm="]),
        ("syntagma run scaling-laws --set seeds=3 --set max_e", ["max_examples="]),
        ("syntagma settings zipf-rules --set token_si", ["token_sizes="]),
        ("syntagma fit --language random-hi", ["random-hierarchy", "random-hidden-markov"]),
        ("syntagma fit --task root", ["root-class"]),
        ("syntagma fit --learner cnn --set learner.", ["learner.width="]),
        ("syntagma fit --set training.weight", ["training.weight_decay="]),
        ("syntagma run no-such-study --set a", []),
        ("syntagma fore", ["forecast"]),
        ("syntagma forecast book.txt --tokens b", ["bpe:8192"]),
    ],
)
def test_what_is_completed(
    line: str, offers: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert completed(line, capsys, monkeypatch) == offers


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    words = {"COMP_WORDS": "syntagma run scaling-laws --set se", "COMP_CWORD": "4"}
    environment = {**os.environ, **words, "_SYNTAGMA_COMPLETE": "complete_bash"}
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.stdout.split() == ["seeds=", "IMPORTED"], done.stderr


def test_the_list_is_that_of_the_package() -> None:
    shipped = json.loads(completion.FILE.read_text(encoding="utf-8"))
    assert shipped == completion.collected(), "make it anew: python -m syntagma.cli.completion"
