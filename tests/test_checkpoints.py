"""Networks kept along training: at which steps, the same as without, and found again by name; `syntagma probe`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from syntagma.cli import main
from syntagma.errors import InputError
from syntagma.kernels import Architecture, Embedding
from syntagma.learners import Engine, HierarchicalCNN, KernelRegression, Transformer
from syntagma.learners.loss import losses
from syntagma.probes.tables import probe_tables
from syntagma.randomness import key
from syntagma.sweep import selection
from syntagma.sweep.runs import Run, Runner
from syntagma.sweep.store import Store
from syntagma.sweep.stored_network import find_run, load_network, probe_run, step_of
from syntagma.sweep.weights import checkpoints
from syntagma.tasks import LastToken, NextToken
from test_execution import TRAINING, a_run, without_times


def keeping(number: int, **changes: Any) -> Run:
    return Run.model_validate(a_run(**changes).config() | {"checkpoints": number})


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with three finished runs, one without checkpoints."""
    place = tmp_path_factory.mktemp("results")
    runner = Runner(place)
    decoder = Transformer(width=4, heads=2, layers=1)
    with Store.create(place) as store:
        for run in (keeping(3), keeping(2, task=NextToken(), learner=decoder), a_run(seed=1)):
            store.record_run(run.config(), runner.execute([run])[0])
    return place


def test_the_first_some_between_and_the_best_are_kept_and_nothing_else_changes(tmp_path: Path):
    run = keeping(3)
    with_, without = Runner(tmp_path).execute([run])[0], Runner().execute([a_run()])[0]
    assert without_times(with_) == without_times(without)
    steps = [row["step"] for row in with_["history"]]
    assert steps == [0, 1, 2, 3, 4, 5, 6, 8]
    assert list(checkpoints(tmp_path, run.id())) == sorted({0, 8, with_["best_step"]})
    run = keeping(4)
    Runner(tmp_path).execute([run])
    assert set(checkpoints(tmp_path, run.id())) == {0, 4, 8, with_["best_step"]}
    run = keeping(1)
    Runner(tmp_path).execute([run])
    assert list(checkpoints(tmp_path, run.id())) == [with_["best_step"]]


def test_a_kept_network_has_the_loss_of_its_step(kept: Path):
    with Store.open(kept, read_only=True) as store:
        run, metrics = find_run(store, ["kind=cnn"])
        history = {row["step"]: row["validation_loss"] for row in store.history(run.id()).to_dict("records")}
        language = run.language.language()
        examples = LastToken().examples(language.sample(2**41 + run.seed, 32), language, 1)
        for step in checkpoints(kept, run.id()):
            answers = load_network(store, run, step)(examples.inputs)
            assert float(losses("cross-entropy", answers, examples.targets).mean()) == pytest.approx(
                history[step], rel=1e-5
            )
        assert step_of(metrics, None) == metrics["best_step"] == min(history, key=lambda step: history[step])


def test_seeds_trained_together_keep_each_its_own(tmp_path: Path):
    """As on an accelerator: the batched program hands out the network of each seed."""
    runs = [keeping(3, seed=0), keeping(3, seed=1)]
    learner = HierarchicalCNN(width=4)
    engine = Engine(learner, LastToken().shape(runs[0].language.language()), TRAINING)
    sets = []
    for run in runs:
        language = run.language.language()
        sets.append(
            [LastToken().examples(language.sample(2 * run.seed + i, n), language, 0) for i, n in ((0, 16), (1, 32))]
        )
    seen: dict[bool, dict[tuple[int, int], Any]] = {True: {}, False: {}}
    for together, networks in seen.items():
        engine.fit(
            [s[0] for s in sets],
            [s[1] for s in sets],
            [s[1] for s in sets],
            [0, 1],
            together=together,
            watch=lambda place, step, make_network, networks=networks: networks.update({(place, step): make_network()}),
        )
    assert (
        set(seen[True]) == set(seen[False]) == {(place, step) for place in (0, 1) for step in (0, 1, 2, 3, 4, 5, 6, 8)}
    )
    for where, network in seen[True].items():
        np.testing.assert_allclose(network.readout, seen[False][where].readout, rtol=1e-4, atol=1e-5)
    start = learner.network(key(1, "network"), engine.shape)
    np.testing.assert_array_equal(seen[True][1, 0].readout, start.readout)  # pyright: ignore


def test_checkpoints_are_part_of_a_run_only_where_it_has_them():
    assert "checkpoints" not in a_run().config()
    assert keeping(0).id() == a_run().id()
    assert keeping(2).id() != a_run().id()
    assert Run.model_validate(keeping(2).config()) == keeping(2)
    kernel = KernelRegression(architecture=Architecture(embedding=Embedding(vocab=1)))
    with pytest.raises(ValidationError, match="checkpoints=2 cannot be used: learner='kernel' is no network"):
        keeping(2, learner=kernel)


def test_runs_are_found_by_id_or_by_what_tells_them_apart(kept: Path):
    with Store.open(kept, read_only=True) as store:
        one = find_run(store, ["learner.kind=transformer", "num_examples=16"])[0]
        assert one.task == NextToken()
        assert find_run(store, [one.id()[:9]])[0] == find_run(store, ["kind=next-token"])[0] == one
        for asked, message in [
            (
                [""],
                r"run='nothing' cannot be used: 2 runs are meant: \w{8}, \w{8}. Give more of the id, or a name=value",
            ),
            (["seed=1"], "run='seed=1' cannot be used: no stored run of that name has kept its network"),
            (["num_examples=99"], "run='num_examples=99' cannot be used: no stored run of that name has kept its"),
            (["colour=red"], "run='colour=red' cannot be used: runs have no such column"),
        ]:
            with pytest.raises(InputError, match=message):
                find_run(store, asked)
        with pytest.raises(InputError, match="step=3 cannot be used: networks were kept after 0, "):
            load_network(store, one, 3)


def test_a_name_that_means_two_columns_is_refused():
    runs = pd.DataFrame({"seed": [0, 1], "language.seed": [5, 6], "a.kind": ["x", "y"], "b.kind": ["x", "z"]})
    assert selection.where(runs, ["seed=1"], "run").index.tolist() == [1]
    assert selection.where(runs, ["kind=z"], "run").index.tolist() == [1]
    with pytest.raises(InputError, match=r"run='kind=x' cannot be used: it could be a.kind or b.kind. Give the whole"):
        selection.where(runs, ["kind=x"], "run")


def test_tables_are_the_probes_in_short(kept: Path):
    with Store.open(kept, read_only=True) as store:
        run, metrics = find_run(store, ["kind=transformer"])
        found = probe_run(store, run, metrics["best_step"], 60)
        language = run.language.language()
        sample = language.sample(2**40, 60, hidden=True)
        again = probe_tables(load_network(store, run, metrics["best_step"]), run.task, language, sample)
    assert list(found) == ["invariance", "readouts", "distances", "attention"]
    for name, table in found.items():
        assert table.equals(again[name])
    names = ["embedding", "layer 1 attention", "layer 1"]
    assert found["invariance"]["layer"].tolist() == names * 2
    assert list(zip(found["readouts"]["layer"], found["readouts"]["level"], strict=True)) == [
        (name, level) for name in names for level in (1, 2)
    ]
    assert found["distances"][["position", "level"]].to_numpy().tolist() == [
        *([0, 0], [1, 0], [1, 1], [2, 0], [2, 1], [3, 0], [3, 1], [3, 2])
    ]
    heads = found["attention"].groupby("head")["share"].sum()
    assert len(heads) == 2
    assert ((heads > 0) & (heads < 1)).all()  # the first input holds no token


def run_cli(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(words)
    return int(left.value.code or 0)


def test_probe_prints_and_draws(kept: Path, capsys: pytest.CaptureFixture[str]):
    assert run_cli("probe", str(kept), "kind=transformer", "--sentences", "60") == 0
    out = capsys.readouterr().out
    assert "distances" in out
    png = next(kept.glob("probes/*.png"))
    assert str(png) in out
    assert png.read_bytes().startswith(b"\x89PNG")
    assert run_cli("probe", str(kept), "kind=cnn", "--sentences", "60", "--step", "0", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"invariance", "readouts", "distances"}
    assert found["distances"][0]["level"] == 0
    for words, message in [
        (["kind=cnn", "--step", "5"], "step=5 cannot be used: networks were kept after 0"),
        (["kind=cnn", "--sentences", "3"], "sentences=3 cannot be used"),
        (["seed=7"], "run='seed=7' cannot be used"),
    ]:
        assert run_cli("probe", str(kept), *words) == 2
        assert message in capsys.readouterr().err
