"""Sweeps of one's own: what a grid is, which point is the best, and the command that makes, keeps and resumes one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from syntagma import Store
from syntagma.cli import main, sweeps
from syntagma.errors import InputError

KINDS = ("random-hierarchy", "last-token", "cnn")
SIZES = {"num_examples": 16, "test_examples": 8, "seed": 3}
SMALL = ["language.vocab=4", "language.rules=2", "language.depth=2", "learner.width=4", "training.max_steps=4"]
SMALL += ["training.min_steps=1", "training.warmup_steps=0"]


def test_values_of_a_sweep() -> None:
    assert sweeps.swept(["a.b=1e-3,3e-3", "c=[64, 128]", "d=adam,sgd", "e=true"]) == {
        "a.b": [0.001, 0.003],
        "c": [64, 128],
        "d": ["adam", "sgd"],
        "e": [True],
    }
    rates = sweeps.swept(["x=1e-4..1e-1:7"])["x"]
    assert rates[0] == 1e-4
    assert rates[-1] == 0.1
    assert np.diff(np.log(rates)) == pytest.approx(np.full(6, math.log(1000) / 6), rel=1e-5)
    assert sweeps.swept(["n=16..256:5"]) == {"n": [16, 32, 64, 128, 256]}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["rate"], "it must be KEY=VALUES"),
        (["=1,2"], "it must be KEY=VALUES"),
        (["a="], "it has a value that is none"),
        (["a=1,,2"], "it has a value that is none"),
        (["a=[]"], "it has a value that is none"),
        (["a=[[1]]"], "it has a value that is none"),
        (["a=1", "a=2"], "a is swept twice"),
        (["a=1..2"], "a range is FIRST..LAST:NUMBER"),
        (["a=0..2:3"], "a range goes from one number above 0"),
        (["a=2..1:3"], "a range goes from one number above 0"),
        (["a=1..2:1"], "in 2 steps or more"),
        (["a=1.0..2.0:101", "b=1.0..2.0:101"], "it makes 10,201 points"),
    ],
)
def test_what_is_no_sweep(given: list[str], says: str) -> None:
    with pytest.raises(InputError) as refused:
        sweeps.swept(given)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_group_of_settings_may_be_set_where_what_is_swept_is_not_in_it() -> None:
    sweeps.refuse_fixed(
        ["learner.readout.width"], ['learner.readout={"kind": "mean"}', "learner.width=3"], ["examples"]
    )
    with pytest.raises(
        InputError, match=r"sweep='learner\.readout\.width' cannot be used: --set learner\.readout\.width"
    ):
        sweeps.refuse_fixed(["learner.readout.width"], ['learner.readout={"width": {"a": 1}}'])


def test_settings_are_named_as_runs_have_them() -> None:
    assert sweeps.settings_named(["examples=64,128", "a.b=1", "a.b=2"]) == ["num_examples", "a.b"]


def test_every_point_has_every_seed_and_nothing_else_differs() -> None:
    grid = sweeps.swept(["training.learning_rate=0.01,0.1", "examples=16,32"])
    found = sweeps.points(sweeps.Fitted(KINDS, SIZES, SMALL, 2), grid)
    assert [dict(point.values) for point in found] == [
        {"training.learning_rate": rate, "examples": size} for rate in (0.01, 0.1) for size in (16, 32)
    ]
    for point in found:
        assert [run.seed for run in point.runs] == [3, 4]
        assert len({run.model_copy(update={"seed": 0}).id() for run in point.runs}) == 1
        assert point.runs[0].num_examples == point.values["examples"]
        assert point.runs[0].training is not None
        assert point.runs[0].training.learning_rate == point.values["training.learning_rate"]
    assert len({run.id() for point in found for run in point.runs}) == 8
    with pytest.raises(InputError, match=r"Did you mean 'training.learning_rate'"):
        sweeps.points(sweeps.Fitted(KINDS, SIZES, SMALL, 1), {"training.lr": [0.1]})


def made_up(losses: dict[float, list[tuple[float, float]]], stopped: dict[float, str] | None = None) -> Any:
    """Points and results with the given validation and test loss of each seed."""
    found = sweeps.points(sweeps.Fitted(KINDS, SIZES, SMALL, 3), {"training.learning_rate": list(losses)})
    results = {}
    for point, (rate, pairs) in zip(found, losses.items(), strict=True):
        for run, (validation, test) in zip(point.runs, pairs, strict=False):
            stop = (stopped or {}).get(rate, "steps")
            results[run.id()] = {"validation_loss": validation, "test_loss": test, "stopped": stop}
    return found, results


def test_the_best_is_chosen_by_validation_and_told_with_its_interval() -> None:
    losses = {0.01: [(1.0, 0.5)] * 3, 0.02: [(0.9, 0.7), (0.8, 0.8), (1.0, 0.9)], 0.04: [(1.1, 0.1)] * 3}
    table = sweeps.compared(*made_up(losses))
    assert table["best"].tolist() == [False, True, False]  # not the smallest test loss
    low, high = stats.t.interval(0.95, 2, 0.8, 0.1 / math.sqrt(3))
    assert table["test"][1] == f"0.8 [{low:.3g}, {high:.3g}]"
    grid = {"training.learning_rate": [0.01, 0.02, 0.04]}
    assert sweeps.best_at_an_end(table, grid) == []
    other = sweeps.compared(*made_up({rate: losses[key] for rate, key in ((0.1, 0.02), (0.2, 0.01), (0.3, 0.04))}))
    assert sweeps.best_at_an_end(other, {"training.learning_rate": [0.1, 0.2, 0.3]}) == ["training.learning_rate"]


def test_what_diverged_or_is_not_whole_is_never_the_best() -> None:
    losses = {0.01: [(0.1, 0.1)] * 3, 0.02: [(0.2, 0.2)] * 2, 0.03: [(math.nan, 0.1)] * 3, 0.04: [(1.0, 1.0)] * 3}
    table = sweeps.compared(*made_up(losses, {0.01: "diverged"}))
    assert table["best"].tolist() == [False, False, False, True]
    assert table["diverged"].tolist() == [3, 0, 0, 0]
    assert table["runs"].tolist() == [3, 2, 3, 3]
    assert not sweeps.compared(*made_up({0.01: []}))["best"].any()


def line(*more: str) -> list[str]:
    swept = [words.partition("=")[0] for words in more]
    settings = [part for change in SMALL if change.partition("=")[0] not in swept for part in ("--set", change)]
    return ["fit", "--learner", "cnn", "--examples", "16", "--test-examples", "8", *settings, *more]


def done(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    said = capsys.readouterr()
    assert leaving.value.code == code, said.err
    return said.err if code else said.out


def test_the_command_without_a_store(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = line("--sweep", "training.learning_rate=0.01,0.1", "--seeds", "2")
    found = json.loads(done(capsys, *arguments, "--json"))
    assert [point["training.learning_rate"] for point in found["points"]] == [0.01, 0.1]
    losses = [point["validation_loss"] for point in found["points"]]
    assert [point["best"] for point in found["points"]] == [loss == min(losses) for loss in losses]
    said = done(capsys, *arguments)
    assert "mean loss over seeds, chosen by validation" in said
    assert "best" in said
    assert said.count("]") == 4  # an interval for each loss of each point
    single = done(capsys, *line("--sweep", "training.learning_rate=0.01,0.1"))
    assert " ".join(single.split()).count("one seed: no interval") == 1  # said of the table, not in every cell


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--sweep", "training.lr=1,2"], "Did you mean 'training.learning_rate'?"),
        (["--sweep", "training.learning_rate=-1,1"], "training.learning_rate=-1 cannot be used"),
        (["--sweep", "learner.width=4,x"], "learner.width='x' cannot be used"),
        (
            ["--sweep", "learner.width=4,8", "--set", "learner.width=2"],
            "sweep='learner.width' cannot be used: --set le",
        ),
        (
            ["--set", "training . batch_size=2", "--sweep", "training. batch_size=4,8"],
            "--set training.batch_size=... gi",
        ),
        (["--optuna", "3", "--sweep", "learner.width=4..8", "--set", "learner.width=2"], "Leave out one of the two."),
        (["--sweep", "examples=16,32"], "sweep='examples' cannot be used: --examples gives it one value"),
        (["--sweep", "test_examples=16,32"], "sweep='test_examples' cannot be used: --test-examples gives it one val"),
        (["--seeds", "0"], "seeds=0 cannot be used"),
        (["--seeds", "1000000000"], "it makes 1,000,000,000 runs"),
        (["--checkpoints", "1"], "checkpoints=1 cannot be used: there is no place for results"),
        (["--ray", "auto"], "Give one, as --out results/mine"),
        (["--out", "x.sqlite"], "results go into a directory"),
        (["--optuna", "3"], "there is nothing to search. Add --sweep KEY=FIRST..LAST"),
        (["--optuna", "0", "--sweep", "learner.width=4..8"], "optuna=0"),
        (["--optuna", "3", "--sweep", "learner.width=8..4"], "a range goes from one number above 0 to a larger one"),
        (["--optuna", "3", "--sweep", "learner.with=4..8"], "Did you mean 'learner.width'?"),
        (["--optuna", "3", "--sweep", "learner.width=4..8", "--sweep", "learner.width=4,8"], "is swept twice"),
        (["--optuna", "100000", "--sweep", "learner.width=4..8"], "it makes 100,000 runs"),
        (["--optuna", "3", "--sweep", "learner.width=4..8"], "Install it with `pip install 'syntagma[optuna]'`"),
    ],
)
def test_what_is_refused_makes_nothing(
    more: list[str], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("syntagma.cli.search.find_spec", lambda name: None)
    said = done(capsys, *line(*more), code=2)
    assert says in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_kept_sweep_does_what_is_missing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = str(tmp_path / "mine")
    some = ["--out", place, "--workers", "1", "--checkpoints", "1", "--seeds", "2"]
    first = json.loads(done(capsys, *line("--sweep", "training.learning_rate=0.01,0.1", *some, "--json")))
    with Store.open(place, read_only=True) as store:
        before = store.runs()
        assert store.ids_with_networks() == set(before["id"])
    more = json.loads(done(capsys, *line("--sweep", "training.learning_rate=0.01,0.1,1.0", *some, "--json")))
    assert more["points"][:2] == [
        {**point, "best": new["best"]} for point, new in zip(first["points"], more["points"], strict=False)
    ]
    with Store.open(place, read_only=True) as store:
        settings = store.commands()["settings"].tolist()
        assert settings[-1]["changed"] == [change.partition("=")[0] for change in SMALL] + ["training.learning_rate"]
        assert store.runs()["finished_at"].tolist()[:4] == before["finished_at"].tolist()
        assert len(store.runs()) == 6
