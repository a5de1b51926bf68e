"""The command line, on a small study made here: what it prints, writes and refuses."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest
from pydantic import Field, field_validator
from rich.console import Console

import quick_runs
import syntagma.studies
from quick_runs import QuickRun
from syntagma import RandomHierarchy, Store, __version__
from syntagma.checked_model import CheckedModel
from syntagma.cli import main, planned, progress
from syntagma.cli.settings import settings_for
from syntagma.cli.single import run_of
from syntagma.curves import Claim, certain
from syntagma.errors import InputError
from syntagma.kernels import ARCHITECTURES
from syntagma.languages.corpora import Corpus
from syntagma.languages.settings import LANGUAGES
from syntagma.learners import LEARNERS
from syntagma.plot import Axis, Figure, Line, Panel
from syntagma.studies import Cell, Facts, Results, Settings, Study, load, machinery
from syntagma.studies.schemas import Column, Schema, Table
from syntagma.sweep.execution import execute
from syntagma.sweep.failures import record_failure
from syntagma.sweep.forecast import Forecast
from syntagma.sweep.machine import usable_cores
from syntagma.sweep.shards import Shard
from tiers import slow_but


class Narrow(CheckedModel):
    kind: Literal["narrow"] = "narrow"
    width: int = Field(4, ge=1)


class Wide(CheckedModel):
    kind: Literal["wide"] = "wide"


class FakeSettings(Settings):
    runs: int = Field(3, ge=1)
    rate: float = 0.5
    sizes: tuple[int, ...] = (2, 4)
    learners: tuple[Annotated[Narrow | Wide, Field(discriminator="kind")], ...] = (Narrow(), Wide())
    mode: Literal["fast", "slow"] = "fast"
    note: str | None = None
    does: str = "square"
    seconds: float = 0.0

    @field_validator("sizes")
    @classmethod
    def _sizes_rise(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if list(sizes) != sorted(sizes):
            raise InputError("sizes must rise: sort them.")
        return sizes


THRESHOLDS = Schema(
    "thresholds", "Thresholds", "Made up.", (Column("level", "level", "whole"), Column("examples", "P", "count"))
)


class FakeRun(QuickRun):
    """What the machinery asks of a run, besides what `execute` does; it is known by its name in the folder of tests."""

    training = None
    num_examples = 8


def fake_cells(settings: FakeSettings, facts: Facts, results: Results) -> Iterator[Cell]:
    """Runs whose result is their number squared; number 1 does what `does` says."""
    for number in range(settings.runs):
        does = settings.does if number == 1 else "square"
        run: Any = FakeRun(number, does, settings.seconds if number else 0.0)
        yield Cell({"learner": "quick", "num_examples": 8, "seed": number}, run)


def fake_predictions(settings: FakeSettings, facts: Facts) -> Iterator[Table]:
    yield THRESHOLDS.table([{"level": 1, "examples": 32.0 * settings.rate}, {"level": 2, "examples": float("nan")}])


def fake_measure(settings: FakeSettings, facts: Facts, results: Results) -> pd.DataFrame:
    return results.table(fake_cells(settings, facts, results))


def fake_claims(runs: pd.DataFrame) -> Iterator[Claim]:
    shown = f"{runs['square'].sum()} from {len(runs)} runs"
    yield Claim(
        "squares [of runs] add up", "5", certain(float(runs["square"].sum())), "equals", 5, "arithmetic", shown=shown
    )


def fake_figures(runs: pd.DataFrame) -> Iterator[Figure]:
    line = Line(list(runs["seed"]), list(runs["square"]), label="square", key="cnn")
    yield Figure("squares", "Squares", (Panel("", Axis("number"), Axis("square"), (line,)),), "Numbers squared.")


FAKE: Study[FakeSettings, pd.DataFrame] = Study(
    name="fake-study",
    title="A study for the tests",
    paper="arXiv 0000.00000",
    settings=FakeSettings,
    presets={"quick": FakeSettings(), "full": FakeSettings(runs=5)},
    cells=fake_cells,
    measure=fake_measure,
    tables=lambda runs: (),
    claims=fake_claims,
    figures=fake_figures,
    predictions=fake_predictions,
)
"""Its runs are done by worker processes that load no JAX."""


def quick_execute(*arguments: Any, **how: Any) -> Any:
    """As `execute`, with what makes the quick runs' results."""
    how.pop("cost")
    return execute(*arguments, **how, work=quick_runs.WORK, attempts=quick_runs.Attempts(quick_runs.NO_WAIT))


_check_fits = planned.check_fits


def check_fits_of_real_runs(runs: Sequence[Any], *rest: Any) -> None:
    """As `planned.check_fits`; quick runs have no learner whose memory could be counted."""
    _check_fits([run for run in runs if not isinstance(run, quick_runs.QuickRun)], *rest)


@pytest.fixture(autouse=True)
def study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Study[FakeSettings, pd.DataFrame]:
    """The fake study is registered, its runs are quick, and the working directory is empty."""
    monkeypatch.setattr(syntagma.studies, "BUILT_IN", {**syntagma.studies.BUILT_IN, FAKE.name: __name__})
    monkeypatch.setattr(machinery, "execute", quick_execute)
    monkeypatch.setattr(planned, "check_fits", check_fits_of_real_runs)
    monkeypatch.chdir(tmp_path)
    return FAKE


STUDY = FAKE


def stored(directory: Path) -> list[int]:
    with Store.open(directory, read_only=True) as store:
        return sorted(store.runs()["number"])


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that should go well; its standard output."""

    def go(*arguments: str) -> str:
        with pytest.raises(SystemExit) as leaving:
            main(arguments)
        said = capsys.readouterr()
        assert leaving.value.code == 0, said.err
        return said.out

    return go


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., str]:
    """Run a command that should be refused; the one line it says. Nothing may be written."""

    def go(*arguments: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as leaving:
            main(arguments)
        said = capsys.readouterr()
        assert leaving.value.code == 2
        assert said.out == ""
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return said.err

    return go


# What is refused


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("sample --rules 9 --vocab 8", "Lower rules to 8"),
        ("sample --vocab 0", "vocab=0"),
        ("sample --depth -1", "depth=-1"),
        ("sample --rules 2.5", "rules=2.5 cannot be used: it must be a whole number"),
        ("sample --branching NaN", "branching=nan"),
        ("sample --vocab many", "vocab='many'"),
        ("sample --classes 0", "num_classes=0"),
        ("sample --zipf NaN", "rule_probabilities=nan"),
        ("sample --seed -1", "seed=-1"),
        ("sample --number 0", "num_sentences=0"),
        ("sample --distinct --number 33 --depth 1", "32 distinct sentences"),
        ("sample --grammar missing.json", "missing.json"),
        ("sample --grammar missing.json --vocab 3", "vocab=3 cannot be used: the grammar in missing.json fixes it"),
        ("sample --out missing/tokens.npy", "missing/tokens.npy cannot be written"),
        ("sample --out tokens.npy --hidden", "Give an .npz file"),
        ("run fake-studi", "Did you mean 'fake-study'?"),
        ("predict fake-studi", "Did you mean 'fake-study'?"),
        ("run fake-study --preset qiuck", "preset='qiuck' is unknown: there are full, quick. Did you mean 'quick'?"),
        ("run fake-study --set rnus=3", "key='rnus' is unknown: there are"),
        ("run fake-study --set rnus=3", "Did you mean 'runs'?"),
        ("run fake-study --set learners.0.widht=3", "Did you mean 'learners.0.width'?"),
        ("run fake-study --set learners.2.width=3", "learners has the places 0 to 1"),
        ("run fake-study --set learners.x=3", "learners has the places 0 to 1"),
        ("run fake-study --set rate.x=3", "rate is one value, with nothing inside"),
        ("run fake-study --set runs", "set='runs' cannot be used: it must be key=value"),
        ("run fake-study --set =3", "it must be key=value"),
        ("run fake-study --set runs=0", "runs=0 cannot be used"),
        ("run fake-study --set runs=2.5", "runs=2.5 cannot be used"),
        ("run fake-study --set runs=many", "runs='many' cannot be used"),
        ("run fake-study --set rate=NaN", "rate=nan cannot be used"),
        ("run fake-study --set sizes=[4,2]", "sizes: sizes must rise: sort them."),
        ("run fake-study --set runs=0 --set rate=x", "(1 more such error.)"),
        ("run fake-study --set learners.0.width=0", "learners.0.width=0 cannot be used"),
        (
            "run fake-study --set learners.0.kind=narow",
            "learners.0.kind='narow' is unknown: there are narrow, wide. Did",
        ),
        ("run fake-study --set mode=fats", "mode='fats' is unknown: there are fast, slow. Did you mean 'fast'?"),
        ("run fake-study --workers -1", "workers=-1"),
        ("report nowhere", "results.sqlite does not exist"),
        ("results nowhere", "results.sqlite does not exist"),
        ("results nowhere --csv runs.parquet", "must end in .csv"),
        ("results nowhere --parquet runs.csv", "must end in .parquet"),
        ("smple", "Did you mean 'sample'?"),
        ("sample --rule 3", "--rules"),
        ("predict", "STUDY"),
        ("predict fake-study another", "another"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(refused: Callable[..., str], arguments: str, says: str) -> None:
    assert says in refused(*arguments.split(" "))


def test_results_that_cannot_be_used_are_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    assert "cannot be made" in refused("run", "fake-study", "--out", "file/results")
    assert "file" in refused("run", "fake-study", "--out", "file")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "results.sqlite").write_text("a file of another program, long enough to have a header")
    for arguments in (["run", "fake-study", "--out", "foreign"], ["report", "foreign"], ["results", "foreign"]):
        assert "foreign/results.sqlite cannot be used" in refused(*arguments)


def test_truncated_grammar_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    RandomHierarchy(4, 2, 2, 2).save(tmp_path / "grammar.json")
    text = (tmp_path / "grammar.json").read_text()
    (tmp_path / "grammar.json").write_text(text[: len(text) // 2])
    assert "cut short" in refused("sample", "--grammar", "grammar.json")


def test_faults_of_the_program_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Mapping[str, Table]:
        raise ValueError("a fault")

    monkeypatch.setattr(machinery, "predict", broken)
    with pytest.raises(ValueError, match="a fault"):
        main(["predict", "fake-study"])


# Settings


def test_settings_follow_the_keys() -> None:
    changes = ["runs=7", "rate=1e-3", "sizes=[1, 3]", "learners.0.width=16", "note=three words = one note"]
    chosen = settings_for(FAKE, "quick", changes)
    expected = FakeSettings(
        runs=7, rate=1e-3, sizes=(1, 3), learners=(Narrow(width=16), Wide()), note="three words = one note"
    )
    assert chosen == expected
    assert settings_for(FAKE, "quick", ["note=x", "note=null"]) == FAKE.presets["quick"]
    assert settings_for(FAKE, "full", ["sizes.1=9"]).model_dump()["sizes"] == (2, 9)
    assert FAKE.presets["quick"] == FakeSettings()


# What is shown


def test_version_and_help(command: Callable[..., str]) -> None:
    assert command("--version") == f"syntagma {__version__}\n"
    for name in ("list", "predict", "sample", "run", "report", "results"):
        assert name in command()
        assert "Usage: syntagma" in command(name, "--help")


def test_list_names_everything(command: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    for kinds in (LEARNERS, LANGUAGES):  # without those that other tests add, some of which describe themselves alike
        own = {kind: one for kind, one in kinds.all().items() if one.__module__.startswith("syntagma.")}
        monkeypatch.setattr(kinds, "_classes", own)
    found = json.loads(command("list", "--json"))
    fake = {"name": "fake-study", "title": FAKE.title, "paper": FAKE.paper, "presets": ["quick", "full"]}
    assert fake in found["studies"]
    assert {"cnn", "attention", "transformer", "kernel"} <= {learner["name"] for learner in found["learners"]}
    assert {"random-hierarchy", "text"} <= {language["name"] for language in found["languages"]}
    assert [entry["name"] for entry in found["architectures"]] == list(ARCHITECTURES)
    described = [entry for section, entries in found.items() if section != "studies" for entry in entries]
    assert all(entry["description"] for entry in described)
    assert len({entry["description"] for entry in described}) == len(described)
    shown = command("list")
    assert all(entry["name"] in shown for entries in found.values() for entry in entries)
    assert all(f"\n{section}: syntagma " in f"\n{shown}" for section in found)


def test_what_list_names_can_be_typed(command: Callable[..., str], tmp_path: Path) -> None:
    found = json.loads(command("list", "--json"))
    (tmp_path / "book.txt").write_text("a text of a few words, again and again. " * 40)
    corpus = Corpus.read(tmp_path / "book.txt")
    corpus.save(tmp_path / "tokens")
    given = {
        "directory": "tokens", "digest": f'"{corpus.digest}"', "path": "book.txt",
        "strings": '["aa","ab"]', "labels": "[1,-1]", "vocab": 2, "sentence_length": 4,
        "models": '[{"start":[1.0],"transitions":[[1.0]],"emissions":[[0.5,0.5]]}]',
    }  # fmt: skip
    sizes = {"num_examples": 8, "test_examples": 8, "seed": 0}
    for entry in found["languages"]:
        changes = [f"language.{name}={given[name]}" for name in entry["needs"]]
        assert run_of(entry["name"], "last-token", "kernel", sizes, changes).language.kind == entry["name"]
    for entry in found["tasks"]:
        assert run_of("random-hierarchy", entry["name"], "kernel", sizes, []).task.kind == entry["name"]
    for entry in found["learners"]:
        assert run_of("random-hierarchy", "last-token", entry["name"], sizes, []).learner.kind == entry["name"]
    for entry in found["architectures"]:
        run_of("random-hierarchy", "last-token", "kernel", sizes, [f"learner.architecture={entry['name']}"])


def test_predict_prints_tables_and_strict_json(command: Callable[..., str]) -> None:
    assert json.loads(command("predict", "fake-study", "--set", "rate=0.25", "--json")) == {
        "thresholds": [{"level": 1, "examples": 8.0}, {"level": 2, "examples": None}],
        "planned": [{"learner": "quick", "P": [8], "seeds": 3}],
    }
    shown = command("predict", "fake-study")
    assert "thresholds" in shown
    assert "16" in shown


def test_what_takes_long_says_so_on_standard_error_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def slowly(settings: FakeSettings, facts: Facts) -> Iterator[Table]:
        time.sleep(0.3)
        yield THRESHOLDS.table([{"level": 1, "examples": 2.0}])

    monkeypatch.setattr(sys.modules[__name__], "STUDY", replace(FAKE, predictions=slowly))
    for silent, lines in ((0.05, range(1, 6)), (2.0, range(1))):
        monkeypatch.setattr(progress, "_SILENT", silent)
        with pytest.raises(SystemExit):
            main(["predict", "fake-study", "--json"])
        said = capsys.readouterr()
        assert json.loads(said.out)["thresholds"] == [{"level": 1, "examples": 2.0}]
        assert said.err.count("\n") in lines
        assert all(line.endswith(" s  predicting fake-study, quick") for line in said.err.splitlines())


def test_a_terminal_shows_the_seconds_and_standard_output_stays_pure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr(progress, "console", lambda *, stderr: screen)
    with progress.waiting("predicting [all]"):
        print("pure")
        time.sleep(0.3)
    assert capsys.readouterr().out == "pure\n"
    shown = screen.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert "predicting [all]" in shown
    assert "0:00:00" in shown


def test_waiting_ends_where_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SILENT", 60.0)
    with pytest.raises(ValueError, match="a fault"), progress.waiting("work"):
        raise ValueError("a fault")
    assert "waiting" not in {thread.name for thread in threading.enumerate()}


# Sentences


def test_sample_prints_the_language(command: Callable[..., str]) -> None:
    language = RandomHierarchy(5, 3, 2, 2, 4, 1.5, seed=7)
    drawn = language.sample(8, 6, hidden=True)
    words = "sample --vocab 5 --rules 3 --depth 2 --classes 4 --zipf 1.5 --grammar-seed 7 --seed 8 --number 6"
    printed = [[int(token) for token in line.split()] for line in command(*words.split()).splitlines()]
    assert printed == drawn.tokens.tolist()
    levels = [line.split(" | ") for line in command(*words.split(), "--hidden").splitlines()]
    assert drawn.levels is not None
    for level, column in zip(drawn.levels[::-1], zip(*levels, strict=True), strict=True):
        assert [[int(symbol) for symbol in text.split()] for text in column] == level.tolist()


def test_sample_writes_files_without_pickle(command: Callable[..., str], tmp_path: Path) -> None:
    drawn = RandomHierarchy(8, 4, 2, 3).sample(0, 20, hidden=True)
    assert command("sample", "--number", "20", "--out", "a.npy") == ""
    assert np.array_equal(np.load(tmp_path / "a.npy", allow_pickle=False), drawn.tokens)
    command("sample", "--number", "20", "--hidden", "--out", "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert drawn.levels is not None
        assert drawn.rules is not None
        for place in (1, 2, 3):
            assert np.array_equal(arrays[f"level_{place}"], drawn.levels[place])
            assert np.array_equal(arrays[f"rules_{place}"], drawn.rules[place - 1])
    command("sample", "--number", "20", "--out", "a.txt")
    assert np.array_equal(np.loadtxt(tmp_path / "a.txt", dtype=int), drawn.tokens)


def test_sample_saves_and_uses_grammars(command: Callable[..., str], tmp_path: Path) -> None:
    command("sample", "--vocab", "5", "--rules", "2", "--grammar-seed", "3", "--save-grammar", "grammar.json")
    printed = command("sample", "--grammar", "grammar.json", "--seed", "9", "--number", "4")
    tokens = RandomHierarchy(5, 2, 2, 3, seed=3).sample(9, 4).tokens
    assert printed == "".join(" ".join(map(str, row)) + "\n" for row in tokens.tolist())


# Running


def test_run_stores_reports_and_repeats_nothing(command: Callable[..., str], tmp_path: Path) -> None:
    said = command("run", "fake-study", "--out", "deep/results", "--workers", "2")
    assert "agrees    squares [of runs] add up: predicted 5, measured 5 from 3 runs [arithmetic]" in said
    for name in ("deep/results/page.html", "deep/results/figures/squares.png", "deep/results/figures/squares.pdf"):
        assert name in said
        assert (tmp_path / name).exists()
    assert "5 from 3 runs" in (tmp_path / "deep/results/page.html").read_text(encoding="utf-8")
    with Store.open(tmp_path / "deep" / "results", read_only=True) as store:
        before = store.runs().set_index("id")["finished_at"]
    command("run", "fake-study", "--preset", "full", "--out", "deep/results", "--workers", "1")
    assert stored(tmp_path / "deep/results") == [0, 1, 2, 3, 4]
    with Store.open(tmp_path / "deep" / "results", read_only=True) as store:
        commands = store.commands()
        after = store.runs().set_index("id")["finished_at"]
    assert after[before.index].tolist() == before.tolist()
    assert commands["preset"].tolist() == ["quick", "full"]
    assert commands["settings"].tolist()[1]["runs"] == 5
    assert commands["seconds"].notna().all()


def test_results_are_shown_a_page_at_a_time(
    command: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.create(tmp_path / "many") as store:
        for number in range(5):
            store.record_run({"number": number + 70}, {"square": number})
    said = command("results", "many", "--limit", "2")
    assert [f" {number} " in said for number in range(70, 75)] == [True, True, False, False, False]
    assert "2 of 5 runs" in said
    assert " 74 " in command("results", "many", "--limit", "0")


def test_results_have_a_place_by_default(command: Callable[..., str], tmp_path: Path) -> None:
    command("run", "fake-study", "--workers", "1")
    assert (tmp_path / "results" / "fake-study-quick" / "page.html").exists()


def test_an_interrupted_run_is_resumed(
    command: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupted(next_runs: Any, store: Store, workers: int, finished: Any, **how: Any) -> None:
        for run in list(next_runs())[:2]:
            result = quick_runs.result_of(run.number)
            store.record_run(run.config(), result)
            finished(run, result)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(machinery, "execute", interrupted)
        with pytest.raises(SystemExit) as leaving:
            main(["run", "fake-study", "--out", "results", "--tag", "mine"])
    assert leaving.value.code == 130
    assert "2 finished runs are kept in results; the same command resumes" in capsys.readouterr().err
    assert stored(tmp_path / "results") == [0, 1]
    with Store.open(tmp_path / "results", read_only=True) as store:
        assert store.tags() == dict.fromkeys(store.ids(), ("mine",))
    assert "5 from 3 runs" in command("run", "fake-study", "--out", "results", "--workers", "1")
    assert stored(tmp_path / "results") == [0, 1, 2]


def test_a_run_that_fails_is_said_and_costs_the_exit_code_and_nothing_else(
    command: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["run", "fake-study", "--out", "results", "--workers", "1", "--set", "does=err"]
    with pytest.raises(SystemExit) as leaving:
        main(words)
    said = capsys.readouterr()
    assert leaving.value.code == 3
    assert "1 run failed: " in said.err
    assert "a fault of the program" in said.err
    assert "measured 4 from 2 runs" in said.out
    assert stored(tmp_path / "results") == [0, 2]
    with pytest.raises(SystemExit) as leaving:
        main(words)
    said = capsys.readouterr()
    assert leaving.value.code == 3
    assert "1 run failed: " in said.err
    assert "--retry-failed tries them again" in said.err
    with pytest.raises(SystemExit) as leaving:
        main([*words, "--retry-failed"])
    assert "recorded as failed" in capsys.readouterr().err


def test_a_failed_run_is_left_out_until_it_is_asked_for_again(
    command: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with Store.create(tmp_path / "results") as store:
        record_failure(store, QuickRun(1).config(), "the machine was too small", 3)
    words = ["run", "fake-study", "--out", "results", "--workers", "1"]
    with pytest.raises(SystemExit) as leaving:
        main(words)
    assert leaving.value.code == 3
    assert "1 run failed: the machine was too small; --retry-failed" in capsys.readouterr().err
    assert stored(tmp_path / "results") == [0, 2]
    assert "5 from 3 runs" in command(*words, "--retry-failed")
    assert stored(tmp_path / "results") == [0, 1, 2]


def test_shards_are_disjoint_and_together_all(
    command: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def at_once(next_runs: Any, store: Store, workers: int, finished: Any, **how: Any) -> Any:
        while runs := list(next_runs()):
            for run in runs:
                result = quick_runs.result_of(run.number)
                store.record_run(run.config(), result)
                finished(run, result)
        return machinery.Summary(0, (), ())

    monkeypatch.setattr(machinery, "execute", at_once)
    number = 600  # more than the machinery offers at a time
    for part in ("1/2", "2/2"):
        command("run", "fake-study", "--set", f"runs={number}", "--shard", part, "--out", part[0])
    parts = [stored(tmp_path / place) for place in ("1", "2")]
    assert sorted(parts[0] + parts[1]) == list(range(number))
    shard = Shard(1, 2)
    assert parts[0] == [n for n in range(number) if shard.has(QuickRun(n).id())]


def test_shards_are_merged_and_reported(command: Callable[..., str], tmp_path: Path) -> None:
    for part in ("1", "2"):
        command("run", "fake-study", "--shard", f"{part}/2", "--out", part, "--workers", "1")
    said = command("merge", "1", "2", "--out", "all")
    assert said == "merged  3 runs, 0 facts and 0 networks into all\n"
    assert sorted(stored(tmp_path / "all")) == [0, 1, 2]
    assert "; 3 were there already" in command("merge", "1", "2", "--out", "all")
    command("report", "all")
    assert (tmp_path / "all" / "page.html").exists()


def test_merging_what_is_not_there_makes_nothing(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "nowhere" in refused("merge", "nowhere", "--out", "all")
    assert not (tmp_path / "all").exists()


def test_a_shard_without_runs_is_no_error(command: Callable[..., str], tmp_path: Path) -> None:
    empty = next(n for n in range(1, 100) if not any(Shard(n, 99).has(QuickRun(i).id()) for i in range(3)))
    assert command("run", "fake-study", "--shard", f"{empty}/99", "--out", "results", "--workers", "1") == ""
    assert not (tmp_path / "results" / "page.html").exists()


def test_a_dry_run_says_what_would_be_done_and_makes_nothing(
    command: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def forecast(runs: list[QuickRun], workers: int) -> Forecast:
        return Forecast(len(runs), workers, 1, 30.0, 600.0, 100.0, 0.125, 3 * 10**8, 1.0)

    monkeypatch.setattr("syntagma.sweep.forecast.forecast", forecast)
    said = command("run", "fake-study", "--dry-run")
    many = usable_cores()
    assert "quick" in said
    assert said.splitlines()[-3:] == [
        f"runs    3 in 1 program, {many} worker{'s' * (many != 1)}",
        "time    30 s to 10 min, give or take 12%; the longest run 2 min",
        "memory  0.3 GB a worker",
    ]
    assert list(tmp_path.iterdir()) == []
    command("run", "fake-study", "--out", "results", "--workers", "1")
    more = command("run", "fake-study", "--out", "results", "--dry-run", "--preset", "full", "--workers", "3")
    assert "\nruns    2 in 1 program, 3 workers, 3 more are stored\n" in more
    assert "nothing to run: all 3 runs are in results" in command("run", "fake-study", "--out", "results", "--dry-run")


def test_report_is_made_again_from_stored_results(
    command: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command("run", "fake-study", "--out", "results", "--workers", "1")
    monkeypatch.setattr(machinery, "execute", lambda *_, **__: pytest.fail("nothing is to be run"))
    page = tmp_path / "results" / "page.html"
    before = page.read_bytes()
    page.unlink()
    abandoned = tmp_path / "results" / "figures" / ".syntagma-squares-x.png"
    abandoned.write_text("of a process that was killed")
    command("report", "results")
    assert page.read_bytes() == before
    assert not abandoned.exists()
    said = command("report", "results/results.sqlite", "--to", "gallery/here", "--format", "svg,json", "--no-title")
    assert "gallery/here/page.html" in said
    assert {file.name for file in (tmp_path / "gallery" / "here" / "figures").iterdir()} == {
        "squares.svg",
        "squares.json",
    }


def test_several_results_are_compared(command: Callable[..., str], refused: Callable[..., str], tmp_path: Path) -> None:
    command("run", "fake-study", "--out", "first", "--workers", "1")
    command("run", "fake-study", "--preset", "full", "--out", "second", "--workers", "1")
    said = command("report", "first", "second", "--compare", "--format", "json")
    assert said == "page    first-and-second/page.html\nfigure  first-and-second/figures/squares.json\n"
    page = (tmp_path / "first-and-second" / "page.html").read_text(encoding="utf-8")
    assert "<strong>first</strong>" in page
    assert '<table data-name="settings">' in page
    drawn = json.loads((tmp_path / "first-and-second" / "figures" / "squares.json").read_text(encoding="utf-8"))
    panels = drawn["panels"]
    assert [panel["title"].split(" · ")[0] for panel in panels] == ["first", "second"]
    assert panels[0]["x"]["limits"] == panels[1]["x"]["limits"]
    assert "several directories need --compare" in refused("report", "first", "second")
    assert "nothing to compare it with" in refused("report", "first", "--compare")
    assert "is given twice" in refused("report", "first", "first", "--compare")


def test_settings_that_are_unset_are_set_and_new_learners_are_added() -> None:
    study: Any = load("scaling-laws")
    start = study.presets["quick"]
    changed: Any = settings_for(study, "quick", ["learners.cnn.training.clip_norm=1.0"])
    assert changed.learners["cnn"].training.clip_norm == 1.0
    assert changed.learners["attention"] == start.learners["attention"]
    keys = [
        "learners.gated.learner.kind=perceptron",
        "learners.gated.training.max_steps=9",
        "learners.gated.learner.width=8",
    ]
    added = settings_for(study, "quick", [keys[0], "learners.gated.training.min_steps=9", *keys[1:]]).learners["gated"]
    assert (added.learner.kind, added.learner.width, added.training.max_steps) == ("perceptron", 8, 9)
    assert added.training.learning_rate == start.learners["cnn"].training.learning_rate
    solved = settings_for(study, "quick", ["learners.solved.learner.kind=kernel"]).learners["solved"]
    assert (solved.learner.kind, solved.training) == ("kernel", None)
    assert "solved" not in start.learners


def test_report_says_which_studies_there_are(refused: Callable[..., str], tmp_path: Path) -> None:
    with Store.create(tmp_path / "results") as store:
        assert "holds no finished runs yet" in refused("report", "results")
        store.record_command("fake-study", None, {}, ["syntagma"])
        store.record_command("another", None, {}, ["syntagma"])
    assert "another, fake-study; choose one with --study" in refused("report", "results")
    assert "holds another, fake-study" in refused("report", "results", "--study", "third")


def test_results_are_shown_and_exported(command: Callable[..., str], tmp_path: Path) -> None:
    command("run", "fake-study", "--out", "results", "--workers", "1")
    assert [row["square"] for row in json.loads(command("results", "results", "--json"))] == [0, 1, 4]
    assert "square" in command("results", "results")
    assert command("results", "results", "--csv", "a.csv", "--parquet", "a.parquet") == "a.csv\na.parquet\n"
    for table in (pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "a.parquet")):
        assert table["square"].tolist() == [0, 1, 4]


# As a process of its own


def process(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = "from syntagma.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=cwd)


def test_exit_codes_of_the_process(tmp_path: Path) -> None:
    good = process("sample", "--number", "2", cwd=tmp_path)
    assert (good.returncode, good.stderr, good.stdout.count("\n")) == (0, "", 2)
    bad = process("sample", "--rules", "100", cwd=tmp_path)
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (2, "", 1)
    assert bad.stderr.startswith("error: rules=100")


SLOW_STUDY = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a process started in the background may ignore it
sys.path.insert(0, {tests!r})
import test_cli
from syntagma.studies import machinery
from syntagma.cli import main, planned
machinery.execute = test_cli.quick_execute
planned.check_fits = test_cli.check_fits_of_real_runs
main()
"""


@pytest.fixture
def slow_run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    tests = Path(__file__).parent
    code = SLOW_STUDY.format(tests=str(tests))
    words = ["run", str(tests / "test_cli.py"), "--out", "results", "--workers", "1", "--set", "seconds=60"]
    with subprocess.Popen([sys.executable, "-c", code, *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as run:
        yield run
        run.kill()


@pytest.mark.parametrize(
    ("number", "code"), slow_but([(signal.SIGINT, 130)], [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
)
def test_a_real_interrupt_keeps_what_is_finished(
    slow_run: subprocess.Popen[str], tmp_path: Path, number: int, code: int
) -> None:
    assert slow_run.stderr is not None
    assert ": quick" in slow_run.stderr.readline().replace("s  ", ": ")
    os.kill(slow_run.pid, number)
    said = slow_run.stderr.read()
    assert slow_run.wait(timeout=30) == code
    assert said.endswith("interrupted: 1 finished runs are kept in results; the same command resumes.\n")
    assert stored(tmp_path / "results") == [0]


def test_names_that_are_no_text_are_used_and_shown_with_their_bytes(
    command: Callable[..., str], tmp_path: Path
) -> None:
    """A directory named by the byte E9, which is no UTF-8: all commands work there, and what they print can be read."""
    name = os.fsdecode(b"caf\xe9")
    said = command("run", "fake-study", "--out", name)
    assert f"page    caf\\udce9{os.sep}page.html" in said
    assert b"caf\xe9" in os.listdir(os.fsencode(tmp_path))
    assert stored(tmp_path / name) == [0, 1, 2]
    with Store.open(tmp_path / name, read_only=True) as store:
        assert store.damage() == []
        assert "caf" in command("results", name)
        assert "done    3 of 3" in command("watch", name, "--once")
        assert "page.html" in command("report", name, "--to", name + "-again")
        command("results", name, "--csv", name + ".csv")
        command("merge", name, "--out", name + "-merged")
        argv = ["/usr/bin/syntagma", "run", "fake-study", "--out", name]
        with Store.open(tmp_path / name) as writing:
            writing.record_command("fake-study", "quick", {}, argv)
        assert store.commands()["argv"].iloc[-1] == ["syntagma", "run", "fake-study", "--out", "caf\\xe9"]
    assert stored(tmp_path / (name + "-merged")) == [0, 1, 2]
    assert "caf\\udce9" not in (tmp_path / name / "page.html").read_text(encoding="utf-8")
