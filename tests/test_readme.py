"""What README.md names exists: links, make targets, commands with their options; its Python runs."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from syntagma.cli.commands import app
from syntagma.studies import STUDIES, load

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


@pytest.mark.parametrize("name", STUDIES)
def test_studies_and_their_presets_are_named(name: str) -> None:
    assert f"| `{name}` |" in README
    after = README.partition("| preset |")[2]
    assert re.findall(r"^\| `(\w+)` \|", after, re.MULTILINE) == list(load(name).presets)[:3]


def test_python_runs_and_prints_a_loss_above_the_last_plateau() -> None:
    code, _ = blocks("python")
    loss, plateaus = printed_by(code).split(" nats; the exact plateaus are ")
    numbers = [float(word) for word in plateaus.strip("[]\n").split(",")]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] - 0.1 < float(loss) < numbers[0]


def test_the_kernel_of_the_second_block_learns_something() -> None:
    _, code = blocks("python")
    assert float(printed_by(code).removesuffix(" nats\n")) < 0.9 * math.log(8)


def printed_by(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
