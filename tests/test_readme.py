"""What README.md names exists: links, make targets, commands with their options; its Python runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from syntagma.cli.commands import app
from syntagma.studies.scaling_laws import PRESETS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


def commands() -> list[list[str]]:
    lines = [line.partition("#")[0].split() for text in blocks("sh") for line in text.splitlines()]
    return [words for words in lines if words]


def test_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert len(links) >= 4
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_make_targets_exist() -> None:
    targets = {words[1] for words in commands() if words[0] == "make"}
    assert {"demo", "test"} <= targets
    makefile = (ROOT / "Makefile").read_text()
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("words", [words for words in commands() if words[0] == "syntagma"], ids=" ".join)
def test_commands_and_their_options_exist(words: list[str]) -> None:
    known = get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]
    options = {option for parameter in known[words[1]].params for option in parameter.opts}
    assert [word for word in words[2:] if word.startswith("--") and word not in options] == []


def test_presets_are_those_of_the_study() -> None:
    assert re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE) == list(PRESETS)


def test_python_runs_and_prints_a_loss_above_the_last_plateau() -> None:
    (code,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loss, plateaus = done.stdout.split(" nats; the exact plateaus are ")
    numbers = [float(word) for word in plateaus.strip("[]\n").split(",")]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] - 0.1 < float(loss) < numbers[0]
