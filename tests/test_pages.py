"""Pages of docs followed as a reader would: each command and block of Python in turn, in one folder.

A block of text on a page is what was put out before it: its lines are looked for there in order, word by word. Numbers
may differ by a fiftieth, since rounding differs from one kind of processor to another, and seconds by anything.
What needs a library that is not installed is left out; `make interop` has them all.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from syntagma.cli import main
from test_readme import ROOT, Block, blocks_of

TOLERANCE = 0.02
_BORDERS = re.compile(r"[─-╿]")


@dataclass(frozen=True)
class Page:
    """How a page is followed.

    Attributes:
        name: of the file in docs.
        shorter: what is written in a command, and what stands there in its place so that it takes seconds.
        left_out: beginnings of commands that are not run here, and of blocks of Python.
        files: what is in the folder at the start, by name.
        names: what a block of Python speaks of and does not make.
    """

    name: str
    shorter: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    names: str = ""


class Reader:
    """Does what blocks say, and keeps what was put out."""

    def __init__(self, page: Page, capsys: pytest.CaptureFixture[str]) -> None:
        self.page, self.capsys = page, capsys
        self.names: dict[str, Any] = {}
        exec(page.names, self.names)
        self.out = ""

    def follow(self, blocks: Sequence[Block]) -> list[str]:
        """The blocks that were done or compared, by their language."""
        done, before = [], False
        for block in blocks:
            now = self.do(block, before)
            done += [block.language] * now
            before = bool(now)
        return done

    def do(self, block: Block, before: bool) -> int:
        """Do what a block says, and return how much that was: lines of a shell, or one.

        Text is compared where the block before it was done.
        """
        if block.language == "sh":
            return sum(self.run(line) for line in commands(block.text))
        if block.language == "python" and not block.text.startswith(self.page.left_out) and there(block.text):
            exec(block.text, self.names)
            self.out += self.capsys.readouterr().out
            return 1
        if block.language == "text" and before:
            assert_printed(block.text, self.out)
            self.out = ""
            return 1
        return 0

    def run(self, line: str) -> bool:
        """Run one line of a shell, if it is to be run here."""
        if line.startswith(self.page.left_out):
            return False
        for written, instead in self.page.shorter.items():
            line = line.replace(written, instead)
        words, _, file = line.partition(" > ")
        with pytest.raises(SystemExit) as leaving:
            main(shlex.split(words, comments=True)[1:])
        said = self.capsys.readouterr()
        assert leaving.value.code == 0, f"{line}\n{said.err}"
        if file:
            Path(file.split()[0]).write_text(said.out)
        self.out += said.out
        return True


def commands(text: str) -> Iterator[str]:
    """The lines of a shell that call this program."""
    return (line for line in text.replace("\\\n", " ").splitlines() if line.startswith("syntagma "))


def there(code: str) -> bool:
    """Whether the libraries that a block imports are installed."""
    names = re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE)
    return all(importlib.util.find_spec(name) is not None for name in names)


def assert_printed(shown: str, out: str) -> None:
    """Each line of `shown` is a line of `out`, in this order."""
    lines = iter([words_of(line) for line in out.splitlines()])
    for line in shown.splitlines():
        wanted = words_of(line)
        if wanted:
            assert any(alike(wanted, words) for words in lines), f"nowhere in this order: {line}\n{out}"


def words_of(line: str) -> list[str]:
    return re.findall(r"[^\s\[\](),=]+", _BORDERS.sub(" ", line))


def alike(shown: list[str], words: list[str]) -> bool:
    if len(shown) != len(words):
        return False
    if shown[:1] == ["seconds"]:
        return words[:1] == shown[:1]
    return all(one == other or close(one, other) for one, other in zip(shown, words, strict=True))


def close(one: str, other: str) -> bool:
    try:
        a, b = float(one), float(other)
    except ValueError:
        return False
    return abs(a - b) <= TOLERANCE * abs(a)


@pytest.mark.parametrize(
    ("shown", "out", "same"),
    [
        ("│ loss │ 1.500 │", "┃loss┃ 1.51┃", True),
        ("loss 1.5", "loss 1.6", False),
        ("loss 1.5", "gain 1.5", False),
        ("seconds 21", "seconds 3", True),
        ("a\nb", "a\nx\nb", True),
        ("b\na", "a\nb", False),
    ],
)
def test_what_counts_as_printed(shown: str, out: str, same: bool) -> None:
    if same:
        assert_printed(shown, out)
        return
    with pytest.raises(AssertionError, match="nowhere in this order"):
        assert_printed(shown, out)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and a terminal of 101 characters."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "101")
    return tmp_path


def followed(page: Page, capsys: pytest.CaptureFixture[str]) -> list[str]:
    for name, text in page.files.items():
        Path(name).write_text(text)
    return Reader(page, capsys).follow(list(blocks_of(ROOT / "docs" / page.name)))


def without(library: str, *lines: str) -> tuple[str, ...]:
    """The lines, where the library that they need is not installed."""
    return lines if importlib.util.find_spec(library) is None else ()


@pytest.mark.usefixtures("folder")
def test_data_goes_out_and_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    done = followed(Page("data-out.md"), capsys)
    assert done.count("sh") == 5
    assert done.count("text") >= 2


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_sweep_is_run_looked_at_and_its_best_network_used(capsys: pytest.CaptureFixture[str]) -> None:
    search = "syntagma fit --learner cnn --set training.max_steps=400 --set training.min_steps=1 --sweep"
    left_out = without("optuna", search, "syntagma results searched", "syntagma compare swp searched")
    left_out += without("jax2onnx", "syntagma network swp 2e661b --onnx", "import onnxruntime")
    left_out += ("syntagma run scaling-laws --config mine.toml --dry-run",)  # times programs
    done = followed(Page("sweeps-of-your-own.md", left_out=left_out), capsys)
    assert done.count("text") >= 5
    assert done.count("python") >= 1


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_model_is_scored_and_drawn_beside_a_study(capsys: pytest.CaptureFixture[str]) -> None:
    page = Page(
        "your-own-model.md",
        shorter={"--out results/small": "--config few.toml --workers 1 --out results/small"},
        left_out=("syntagma fit --learner examples/pytorch", "syntagma run scaling-laws --config with-torch", *(
            "syntagma report results/with-torch", "syntagma results results/with-torch")),
        files={"few.toml": "[learners.counter]\n"},
        names=THREE_MODELS,
    )  # fmt: skip
    assert followed(page, capsys) == ["python", "python", "sh", "python", "text", "python"]


THREE_MODELS = """
import numpy as np
from syntagma import LearningCurve
predict_256 = predict_1024 = lambda tokens: np.full((len(tokens), 8), -np.log(8))
ours = LearningCurve([256, 1024], [[2.0, 1.0]], name="CNN")
"""


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_network_is_watched_as_it_learns(capsys: pytest.CaptureFixture[str]) -> None:
    few = "--config few.toml --set sizes=2048, --set seeds=1 --set probe_sentences=128"
    few += " --set test_examples=128 --workers 1"
    few += " --set learners.attention.training.max_steps=20 --set learners.attention.training.min_steps=20"
    few += " --out results/level-by-level-quick"
    page = Page(
        "watch-a-network-learn.md",
        shorter={
            "syntagma run level-by-level": f"syntagma run level-by-level {few}",
            "num_examples=2048 seed=0": "num_examples=2048 seed=0 --sentences 128",
        },
        files={"few.toml": "[learners.cnn]\n[learners.attention]\n[root_class]\nsizes = [16]\n"},
    )
    assert followed(page, capsys) == ["sh", "sh", "sh", "sh", "python"]
