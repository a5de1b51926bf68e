"""What README.md and the pages of docs name exists: links, make targets, commands and all they say; Python runs."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import math
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer import TyperException
from typer.main import get_command

from syntagma.cli import main, running
from syntagma.cli.commands import app
from syntagma.cli.search import first_values, space
from syntagma.cli.settings import read_value, settings_for
from syntagma.cli.sweeps import Fitted, points, swept
from syntagma.errors import InputError, whole_number
from syntagma.languages.templates import Templates
from syntagma.studies import BUILT_IN, load, machinery

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/gallery").glob("*/*.md")))
HEAVY = {("docs/watch-a-network-learn.md", 0), *(("docs/your-own-model.md", place) for place in (1, 2, 3))}
HEAVY |= {("docs/data-out.md", place) for place in range(4)}
HEAVY |= {("docs/sweeps-of-your-own.md", place) for place in range(2)}
"""Blocks of Python that need results of a run, or libraries that need not be there: their names are looked up, and they
are not run. Those of data-out.md are what test_datasets.py does with the real libraries.
"""


class Block(NamedTuple):
    """A fenced block: its page, its language (empty if none is said), its place among those of the page, its text."""

    page: str
    language: str
    place: int
    text: str


def blocks_of(page: Path) -> Iterator[Block]:
    places: dict[str, int] = {}
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        places[language] = places.get(language, -1) + 1
        yield Block(str(page.relative_to(ROOT)), language, places[language], text)


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
SHELL = [
    (block.page, line)
    for block in BLOCKS
    if block.language in ("sh", "bash", "")
    for line in block.text.replace("\\\n", " ").splitlines()
]
LINES = [
    (block, words)
    for block, line in SHELL
    if re.match(r"(nohup |exec )?(syntagma|make) ", line)
    if (words := shlex.split(re.sub("^(nohup|exec) ", "", line).partition(" > ")[0], comments=True))
]
COMMANDS = [(page, words[1:]) for page, words in LINES if words[0] == "syntagma"]


def python_of(page: str) -> list[str]:
    return [block.text for block in BLOCKS if block.page == page and block.language == "python"]


@pytest.fixture
def files_of_the_tutorials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory has the files that the tutorials speak of; that of templates is theirs."""
    (own,) = (block.text for block in BLOCKS if block.text.startswith("# mine.txt:"))
    (more,) = (block.text for block in BLOCKS if block.text.startswith("# templates.toml"))
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "mine.txt").write_text(own)
    (tmp_path / "templates.toml").write_text(more)
    (tmp_path / "mine.csv").write_text("string,label\n(aba),1\n(abb),-1\n(cdc),1\n(dcc),-1\n")
    for name in ("mybook.txt", "tiny-shakespeare.txt"):
        (tmp_path / name).write_text("a text of a few words, again and again. " * 400)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()) if not link.startswith("http")]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_tutorial_is_linked_and_has_commands() -> None:
    tutorials = re.findall(r"\]\((docs/[^)/]+\.md)\)", README.partition("Tutorials:")[2].partition("\n\n")[0])
    assert len(tutorials) >= 3
    assert set(tutorials) <= {page for page, _ in COMMANDS}
    others = {"README.md", "docs/clusters.md"}
    assert {page for page, _ in COMMANDS if not page.startswith("docs/gallery")} == {*others, *tutorials}


def test_make_targets_exist() -> None:
    targets = {words[1] for _, words in LINES if words[0] == "make"}
    assert {"demo", "test"} <= targets
    makefile = (ROOT / "Makefile").read_text()
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_programs_that_python_runs_exist() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    files = set(re.findall(r"\bpython ((?:benchmarks|examples)/\w+\.py)", text))
    modules = set(re.findall(r"\bpython -m ([\w.]+)", text))
    assert {"benchmarks/forecasts.py", "benchmarks/faults.py"} <= files
    assert "syntagma.curves.coverage" in modules
    assert [name for name in files if not (ROOT / name).is_file()] == []
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


def check(words: list[str]) -> None:
    """Options, study, preset, settings and stored run of a command exist; nothing is run."""
    with get_command(app).commands[words[0]].make_context(words[0], words[1:]) as context:  # pyright: ignore
        given = context.params
    if words[0] in ("run", "predict", "settings"):
        settings_for(load(given["study"]), given["preset"], given["set_"])
        if given.get("shard") is not None and "$" not in given["shard"]:
            running.checked_shard(load(given["study"]), given["shard"])
    elif words[0] == "fit":
        sizes = {"num_examples": given["examples"], "test_examples": given["test_examples"], "seed": given["seed"]}
        sizes = {name: read_value(text) for name, text in sizes.items()}
        kinds = (given["language"], given["task"], given["learner"])
        fitted = Fitted(kinds, sizes, given["set_"], whole_number("seeds", read_value(given["seeds"])))
        if given["optuna"] is None:
            points(fitted, swept(given["sweep"]))
        else:
            fitted.point(first_values(space(given["sweep"])))
    elif words[0] == "probe" and (place := re.fullmatch(r"results/(.+)-(\w+)", str(given["directory"]))):
        study = load(place[1])
        runs = [cell.run.config() for cell in machinery.plan(study, study.presets[place[2]], machinery.Facts())]
        assert sum(all(said(run, name) for name in given["run"]) for run in runs) == 1


@pytest.mark.parametrize("words", [pytest.param(words, id=f"{page}: {' '.join(words)}") for page, words in COMMANDS])
@pytest.mark.usefixtures("files_of_the_tutorials")
def test_commands_can_be_given(words: list[str]) -> None:
    if any("pytorch" in word for word in words):
        pytest.importorskip("torch")
    check(words)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("run zipf-rule", "Did you mean 'zipf-rules'"),
        ("run zipf-rules --preset quik", "Did you mean 'quick'"),
        ("run zipf-rules --presets quick", "No such option"),
        ("predict zipf-rules --set seed=2", "Did you mean 'seeds'"),
        ("fit --learner cnn --sweep training.lr=1,2", "Did you mean 'training.learning_rate'"),
        ("fit --learner kernal", "Did you mean 'kernel'"),
        ("fit --set learner.architecture=tranformer", "Did you mean 'transformer'"),
        ("probe results/level-by-level-quick kind=cnn", "assert"),
        ("run scaling-laws --shard 1/2", "which runs scaling-laws wants depends on results of others"),
    ],
)
def test_a_command_that_cannot_be_given_is_noticed(command: str, says: str) -> None:
    with pytest.raises((InputError, TyperException, AssertionError), match=says):
        check(command.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_shell_takes_a_setting_for_a_pattern(page: Path) -> None:
    """Zsh refuses brackets that are not quoted."""
    assert re.findall(r"(?:--set|--sweep) [^'\"\s]*[\[{][^\s]*", page.read_text()) == []


def test_the_commands_that_take_json_are_named() -> None:
    (sentence,) = re.findall(r"\n\n([^.]+) take `--json`\.", README)
    commands: Any = get_command(app).commands  # pyright: ignore
    takes = {name for name, one in commands.items() if any("--json" in option.opts for option in one.params)}
    assert set(re.findall(r"`(\w+)`", sentence)) == takes


def said(run: Any, asked: str) -> bool:
    """Whether a run has `name=value` somewhere."""
    name, _, text = asked.partition("=")
    if not isinstance(run, dict):
        return False
    return run.get(name) == read_value(text) or any(said(inner, asked) for inner in run.values())


def planned(name: str) -> int:
    """How many runs the quick preset of a study has."""
    study = load(name)
    return len(machinery.plan(study, study.presets["quick"]))


def test_as_many_networks_are_trained_as_tutorials_say() -> None:
    said = re.search(r"This trains (\d+) small networks", (ROOT / "docs/watch-a-network-learn.md").read_text())
    assert said is not None
    assert int(said[1]) == planned("level-by-level")
    page = (ROOT / "docs/what-moves-thresholds.md").read_text()
    said = re.search(r"The others train (\d+) to (\d+) small networks", page)
    studies = re.findall(r"^syntagma run (\S+) --preset quick$", page, re.MULTILINE)
    assert said is not None
    assert len(studies) == 5
    assert {int(said[1]), int(said[2])} == {find(map(planned, studies)) for find in (min, max)}


def test_sentences_of_the_readme_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    (words,) = (words for _, words in COMMANDS if words[0] == "sample")
    with pytest.raises(SystemExit) as leaving:
        main(words)
    assert leaving.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) == 10


@pytest.mark.parametrize("name", BUILT_IN)
def test_studies_and_their_presets_are_named(name: str) -> None:
    assert f"| `{name}` |" in README
    after = README.partition("| preset |")[2]
    assert re.findall(r"^\| `(\w+)` \|", after, re.MULTILINE) == list(load(name).presets)[:3]


def test_settings_in_files_are_templates() -> None:
    other = ("docs/extending.md", "docs/your-own-model.md")
    tables = [block.text for block in BLOCKS if block.language == "toml" and block.page not in other]
    assert len(tables) == 1
    assert Templates.model_validate(tomllib.loads(tables[0])).vocab >= 1024 + 256


@pytest.mark.usefixtures("files_of_the_tutorials")
def test_the_settings_with_a_learner_of_pytorch_are_taken() -> None:
    pytest.importorskip("torch")
    (text,) = (one.text for one in BLOCKS if one.language == "toml" and one.page == "docs/your-own-model.md")
    Path("with-torch.toml").write_text(text)
    settings: Any = settings_for(load("scaling-laws"), "quick", [], "with-torch.toml")
    assert list(settings.learners) == ["cnn", "counter", "torch"]
    assert settings.learners["torch"].learner.model_dump()["steps"] == 600


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "python"], ids=lambda b: b.page)
def test_what_python_imports_exists(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def test_no_block_of_python_is_forgotten() -> None:
    run_here = {("README.md", 0), ("README.md", 1), ("docs/abstract-symbols.md", 0), ("docs/forecast-a-text.md", 0)}
    run_here |= {("docs/your-own-model.md", 0)}
    assert {(block.page, block.place) for block in BLOCKS if block.language == "python"} == run_here | HEAVY


def test_python_runs_and_prints_a_loss_above_the_last_plateau() -> None:
    code, _ = python_of("README.md")
    loss, plateaus = printed_by(code).split(" nats; the exact plateaus are ")
    numbers = [float(word) for word in plateaus.strip("[]\n").split(",")]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] - 0.1 < float(loss) < numbers[0]


def test_the_kernel_of_the_second_block_learns_something() -> None:
    _, code = python_of("README.md")
    assert float(printed_by(code).removesuffix(" nats\n")) < 0.9 * math.log(8)


def test_the_certificates_of_the_tutorial_are_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = python_of("docs/abstract-symbols.md")
    exec(code, {})
    transformer, perceptron = capsys.readouterr().out.splitlines()
    name, outcome, strings = transformer.split()
    assert (name, outcome, perceptron) == ("transformer", "generalises", "perceptron does not inf")
    assert float(strings) == pytest.approx(110, rel=0.05)


def test_a_table_of_pairs_is_found_to_know_the_first_level(capsys: pytest.CaptureFixture[str]) -> None:
    exec(python_of("docs/your-own-model.md")[0], {})
    assert re.fullmatch(r"0\.\d{3} nats above the oracle; knows level 1\n", capsys.readouterr().out)


def test_random_tokens_have_no_correlation_above_the_floor() -> None:
    (code,) = python_of("docs/forecast-a-text.md")
    strength, floor = (float(word) for word in printed_by(code).split(" at distance 8; the floor is "))
    assert strength == pytest.approx(floor, rel=0.25)


def printed_by(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
