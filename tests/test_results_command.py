"""Looking at stored runs: what is shown, chosen, sorted, exported and compared."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from syntagma import Store
from syntagma.cli import main
from syntagma.errors import InputError
from syntagma.sweep.comparison import compare
from syntagma.sweep.runs import Run
from syntagma.sweep.selection import (
    PARTS,
    changed_columns,
    named_columns,
    ordered,
    short_names,
    telling_columns,
    where,
)


def loss(width: int, size: int, seed: int) -> float:
    return 2.0 - 0.1 * np.log2(size) - 0.001 * width * (1 + 0.5 * seed)


def fill(directory: Path, width: int, seeds: int = 3, shift: float = 0.0) -> Path:
    """A store with runs of two learners, two sizes and some seeds; what they report is made up."""
    with Store.create(directory) as store:
        for kind in ("cnn", "attention"):
            learner = {"kind": kind, "width": width} | ({"heads": 2} if kind == "attention" else {})
            for size in (64, 256):
                for seed in range(seeds):
                    config = {
                        "language": {"kind": "random-hierarchy", "vocab": 8, "rules": 3, "seed": seed},
                        "task": {"kind": "last-token"},
                        "learner": learner,
                        "num_examples": size,
                        "seed": seed,
                    }
                    history = [{"step": 0, "test_loss": 2.0}, {"step": 8, "test_loss": loss(width, size, seed)}]
                    times = {"seconds": 1.0 + shift, "seconds_evaluating": 0.5 + shift}
                    result = {"test_loss": loss(width, size, seed) + shift, "history": history, **times}
                    store.record_run(config, result)
    return directory


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("narrow"), 16)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("wide"), 32, seeds=4)


@pytest.fixture
def runs(narrow: Path) -> pd.DataFrame:
    with Store.open(narrow, read_only=True) as store:
        return store.runs()


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def go(*arguments: object, code: int = 0) -> str:
        with pytest.raises(SystemExit) as leaving:
            main([str(one) for one in arguments])
        said = capsys.readouterr()
        assert leaving.value.code == code, said.err
        return said.err if code else said.out

    return go


def test_parts_are_those_of_a_run() -> None:
    assert set(PARTS) == set(Run.model_fields)


def test_what_tells_runs_apart_and_nothing_that_says_the_same(runs: pd.DataFrame) -> None:
    columns = telling_columns(runs)
    assert columns == ["learner.kind", "num_examples", "seed", "test_loss", "seconds"]  # no heads, no language.seed
    names = short_names([*columns, "language.kind"], list(runs.columns))
    assert names["learner.kind"] == "learner.kind"  # three columns end in kind
    assert short_names(["learner.heads"], list(runs.columns)) == {"learner.heads": "heads"}


def test_what_somebody_chose_is_told_even_where_another_setting_tells_the_runs_apart(
    command: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with Store.create(tmp_path / "searched") as store:
        for place, rate in enumerate((0.1, 0.3)):  # each point has its own width and its own rate, as of a search
            learner, training = {"kind": "cnn", "width": 8 + place}, {"learning_rate": rate, "patience": 4 + place}
            config = {"learner": learner, "training": training, "num_examples": 64, "seed": 0}
            store.record_run(config, {"test_loss": 1.0})
        before = command("results", tmp_path / "searched")
        assert "width" in before
        assert "learning_rate" not in before
        store.record_command("fit", None, {"changed": ["training.learning_rate", "seed", "no.such"]}, ["syntagma"])
        store.record_command("fit", None, {"changed": 3}, ["syntagma"])
    after = command("results", tmp_path / "searched")
    assert "learning_rate" in after
    assert "patience" not in after
    assert "seed" not in after  # it is the same in all
    with Store.open(tmp_path / "searched", read_only=True) as store:
        commands = store.commands()
        commands["settings"] = [{"changed": ["training"]}, {}]
        assert changed_columns(store.runs(), commands) == ["training.learning_rate", "training.patience"]


@pytest.mark.parametrize(
    ("conditions", "number"),
    [
        (["kind=cnn"], 6),
        (["learner.kind!=cnn", "num_examples>=256"], 3),
        (["seed<2", "num_examples = 64"], 4),
        (["heads=2"], 6),
        (["test_loss>100"], 0),
        (["learner.heads=null"], 6),
        (["learner.heads!=null"], 6),
        (["learner.heads!=2"], 6),
        (["seed=true"], 0),
    ],
)
def test_conditions_choose(runs: pd.DataFrame, conditions: list[str], number: int) -> None:
    assert len(where(runs, conditions)) == number


def test_sorting_puts_missing_values_last(runs: pd.DataFrame) -> None:
    losses = ordered(runs, "-test_loss")["test_loss"].tolist()
    assert losses == sorted(losses, reverse=True)
    assert [value != value or value is None for value in ordered(runs, "heads")["learner.heads"]] == [False] * 6 + [
        True
    ] * 6
    assert named_columns(runs, ["rules", "test_loss", "language.rules"]) == ["language.rules", "test_loss"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--where", "colour=red"], "where='colour=red' cannot be used: runs have no such column"),
        (["--where", "tets_loss=1"], "Did you mean 'test_loss'?"),
        (["--where", "kind>3"], "it could be language.kind or learner.kind or task.kind"),
        (["--where", "learner.kind>3"], "Give = or !="),
        (["--where", "cnn"], "it must be NAME=VALUE"),
        (["--where", "seed=77"], "it holds for none of 12 runs"),
        (["--columns", "sed"], "Did you mean 'seed'?"),
        (["--columns", ""], "column='' cannot be used"),
        (["--sort", "kind"], "column='kind' cannot be used: it could be"),
        (["--limit", "-1"], "limit=-1 cannot be used"),
        (["--histories", "x.txt"], "must end in .csv or .parquet"),
    ],
)
def test_what_is_refused(command: Callable[..., str], narrow: Path, arguments: list[str], says: str) -> None:
    before = sorted(narrow.iterdir())
    said = command("results", narrow, *arguments, code=2)
    assert says in said
    assert said.count("\n") == 1
    assert sorted(narrow.iterdir()) == before


@pytest.mark.parametrize("width", [40, 60, 100, 240])
def test_the_table_fits_the_terminal(
    command: Callable[..., str], narrow: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = command("results", narrow).splitlines()
    table = [line for line in lines if line and line[0] in "┏┃┡│└"]
    assert max(map(len, table)) <= width
    assert "…" not in "".join(table)
    assert len(table) == 12 + 4
    assert lines[-1].startswith("12 runs; ") or "12 runs; " in "".join(lines)


def test_a_few_runs_are_told_apart_as_all_are(command: Callable[..., str], narrow: Path) -> None:
    said = command("results", narrow, "--limit", "3")  # of one learner, at one size
    assert {"learner.kind", "num_examples", "seed"} <= set(said.replace("┃", " ").split())
    assert "3 of 12 runs (--limit)" in said
    assert said.count("│ cnn") == 3


def test_what_was_asked_for_is_shown_and_exported(command: Callable[..., str], narrow: Path, tmp_path: Path) -> None:
    some = ["--where", "kind=cnn", "--sort", "-test_loss", "--limit", "2", "--columns", "id,rules,seed,test_loss"]
    assert "2 of 6 runs" in command("results", narrow, *some)
    rows = json.loads(command("results", narrow, *some, "--json"))
    assert [set(row) for row in rows] == [{"id", "language.rules", "seed", "test_loss"}] * 2
    assert [row["test_loss"] for row in rows] == [loss(16, 64, 0), loss(16, 64, 1)]
    files = [tmp_path / "runs.csv", tmp_path / "runs.parquet", tmp_path / "course.parquet"]
    said = command("results", narrow, *some, "--csv", files[0], "--parquet", files[1], "--histories", files[2])
    assert said.split() == [str(file) for file in files]
    for table in (pd.read_csv(files[0]), pd.read_parquet(files[1])):
        assert table["test_loss"].tolist() == [row["test_loss"] for row in rows]
    course = pd.read_parquet(files[2])
    assert course["id"].tolist() == [row["id"] for row in rows for _ in range(2)]
    assert course["step"].tolist() == [0, 8, 0, 8]
    command("results", narrow, "--csv", files[0])
    assert "machine.processor" in pd.read_csv(files[0]).columns
    assert len(json.loads(command("results", narrow, "--json"))) == 12


def test_pairs_are_runs_that_differ_in_what_is_compared(narrow: Path, wide: Path) -> None:
    with Store.open(narrow, read_only=True) as first, Store.open(wide, read_only=True) as second:
        tables = compare(first, second)
    assert dict(zip(tables["runs"]["runs"], tables["runs"]["number"], strict=True)) == {
        "in the first": 12,
        "in the second": 16,
        "in both": 0,
        "in both, with other results": 0,
    }
    settings = tables["settings"].set_index("setting")
    assert settings.loc["learner.width"].tolist() == ["16", "32"]
    assert settings.loc["seed"].tolist() == ["0, 1, 2", "0, 1, 2, 3"]
    pairs = tables["pairs"]
    assert pairs["pairs"].tolist() == [3] * 4
    assert set(pairs["num_examples"]) == {64, 256}
    differences = np.array([loss(32, 64, seed) - loss(16, 64, seed) for seed in range(3)])
    low, high = stats.t.interval(0.95, 2, differences.mean(), stats.sem(differences))
    assert pairs["second - first"].tolist() == [f"{differences.mean():.3g} [{low:.3g}, {high:.3g}]"] * 4


def test_the_same_runs_with_other_results_are_named(command: Callable[..., str], narrow: Path, tmp_path: Path) -> None:
    fill(tmp_path / "again", 16, shift=0.5)
    found = json.loads(command("compare", narrow, tmp_path / "again", "--json"))
    assert found["runs"][2:] == [
        {"runs": "in both", "number": 12},
        {"runs": "in both, with other results", "number": 12},
    ]
    assert {row["metric"] for row in found["results"]} == {"test_loss"}  # seconds are the machine's
    assert "settings" not in found
    assert all(row["second - first"].startswith("0.5 [0.5, 0.5]") for row in found["pairs"])
    same = json.loads(command("compare", narrow, narrow, "--json"))
    assert same["runs"][3]["number"] == 0
    assert "results" not in same


def test_histories_of_no_run_are_an_empty_table(command: Callable[..., str], tmp_path: Path) -> None:
    Store.create(tmp_path / "empty").close()
    command("results", tmp_path / "empty", "--histories", tmp_path / "course.csv")
    assert (tmp_path / "course.csv").read_text() == "id,step\n"


def test_runs_that_are_damaged_are_said_to_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: Callable[..., str]
) -> None:
    place = fill(tmp_path / "damaged", 16)
    with sqlite3.connect(place / "results.sqlite") as file:
        file.execute("UPDATE runs SET result = replace(result, 'test_loss', 'best_loss') WHERE rowid = 1")
    file.close()
    for more in ([], ["--limit", "3"], ["--csv", str(tmp_path / "all.csv")], ["--sort", "seed"]):
        with pytest.raises(SystemExit):
            main(["results", str(place), *more])
        said = capsys.readouterr()
        assert "note    " in said.err, more
        assert ("(--limit)" in said.out) == (more[:1] == ["--limit"]), more


def test_runs_of_fit_have_no_page(command: Callable[..., str], tmp_path: Path) -> None:
    with Store.create(tmp_path / "fits") as store:
        store.finish_command(store.record_command("fit", None, {}, ["fit"]))
    for words in (["report"], ["watch", "--once"]):
        assert "runs of `syntagma fit`, of which there is no page" in command(
            words[0], tmp_path / "fits", *words[1:], code=2
        )


def test_what_cannot_be_compared(command: Callable[..., str], narrow: Path, tmp_path: Path) -> None:
    assert "its values are no numbers" in command("compare", narrow, narrow, "--metric", "finished_at", code=2)
    assert "does not exist" in command("compare", narrow, tmp_path / "nowhere", code=2)
    assert "Did you mean 'test_loss'?" in command("compare", narrow, narrow, "--metric", "tets_loss", code=2)
    with Store.create(tmp_path / "empty") as empty, pytest.raises(InputError, match="no finished runs yet"):
        compare(empty, empty)


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a run as it should be, one that diverged, and one whose training ended early elsewhere."""
    place = tmp_path_factory.mktemp("doubtful")
    with Store.create(place) as store:
        for seed, (stopped, cut, flags) in enumerate(
            [("patience", False, ""), ("diverged", False, ""), ("steps", True, "--xla_cpu_enable_fast_math=true")]
        ):
            machine = {"machine": {}, "versions": {}, "settings": {"xla_flags": flags}}
            store.record_run({"seed": seed}, {"test_loss": 1.0, "stopped": stopped, "cut_short": cut}, machine)
    return place


DIVERGED = "1 of 3 trainings diverged: their numbers are of the best step before"
SHORT = "1 of 3 trainings ended while still improving: raise training.max_steps"
MIXED = "environments that may give other bits: settings.xla_flags none and --xla_cpu_enable_fast_math=true"


@pytest.mark.parametrize("more", [[], ["--json"], ["--csv", "runs.csv"], ["--sort", "seed"]])
def test_results_say_how_training_went_and_that_environments_are_mixed(
    doubtful: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["results", str(doubtful), *more])
    said = capsys.readouterr().err
    assert all(line in said for line in (DIVERGED, SHORT, MIXED))
    with pytest.raises(SystemExit):
        main(["results", str(doubtful), "--where", "seed=0", *more])
    assert capsys.readouterr().err == ""


def test_a_comparison_and_a_merge_say_so_too(
    doubtful: Path, narrow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["compare", str(doubtful), str(doubtful)])
    said = capsys.readouterr().err
    assert said.count(f"results.sqlite: {DIVERGED}") == said.count(f"results.sqlite: {SHORT}") == 2
    assert said.count(MIXED) == 1
    with pytest.raises(SystemExit):
        main(["merge", str(doubtful), "--out", str(tmp_path / "new")])
    assert MIXED in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["compare", str(narrow), str(narrow)])
    assert capsys.readouterr().err == ""
