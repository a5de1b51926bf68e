"""Any run's network, kept without changing the run, loaded by its id, used and written for PyTorch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import syntagma
from syntagma import InputError, MultiLayerAttention, Perceptron, Store
from syntagma.cli import main
from syntagma.sweep.execution import execute
from syntagma.sweep.loaded_network import LoadedNetwork, load
from syntagma.sweep.runs import Run, Runner
from syntagma.sweep.worker_process import work_of
from test_execution import a_run, without_times

RUNS = {
    "perceptron": a_run(learner=Perceptron(width=4, layers=2)),
    "attention": a_run(learner=MultiLayerAttention(width=4, heads=2, layers=1)),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two runs that do not ask for networks to be kept, and whose networks are kept."""
    place = tmp_path_factory.mktemp("results")
    with Store.create(place) as store:
        for run in RUNS.values():
            store.record_run(run.config(), Runner(place, keep=1).execute([run])[0])
    return place


@pytest.fixture(params=RUNS)
def network(request: pytest.FixtureRequest, place: Path) -> LoadedNetwork:
    return load(place, RUNS[request.param].id())


@pytest.fixture
def tokens(network: LoadedNetwork) -> np.ndarray:
    return network.run.language.language().sample(7, 5).tokens


def test_a_run_whose_network_is_kept_is_the_same_run(place: Path) -> None:
    run = RUNS["perceptron"]
    with Store.open(place, read_only=True) as store:
        assert store.ids() == {run.id() for run in RUNS.values()}
        assert list(store.checkpoints(run.id())) == [store.results()[run.id()]["best_step"]]
        alone = Runner().execute([run])[0]
        assert without_times(store.results()[run.id()]) == without_times(
            {name: value for name, value in alone.items() if name != "history"}
        )


def test_its_loss_is_that_of_the_run(network: LoadedNetwork) -> None:
    run = network.run
    sample = run.language.language().sample(2 * run.seed + 1, run.test_examples)
    log_probabilities = network.log_probabilities(sample.tokens)
    assert np.exp(log_probabilities).sum(-1) == pytest.approx(1.0)
    losses = -np.take_along_axis(log_probabilities, sample.tokens[:, -1:].astype(int), axis=-1)
    assert losses.mean() == pytest.approx(network.metrics["test_loss"], rel=1e-5)


def test_hidden_tokens_are_not_seen(network: LoadedNetwork, tokens: np.ndarray) -> None:
    other = tokens.copy()
    other[:, -1] = (other[:, -1] + 1) % network.shape.vocab
    np.testing.assert_array_equal(network(tokens), network(other))
    assert network(np.tile(tokens, (300, 1))).shape == (1500, network.shape.outputs)  # more than fit together


def test_layers_have_names(network: LoadedNetwork, tokens: np.ndarray) -> None:
    layers = network.activations(tokens)
    assert all(len(values) == len(tokens) for values in layers.values())
    assert any(name.endswith(" attention weights") for name in layers) == (network.run.learner.kind == "attention")


def test_what_a_layer_says_may_be_replaced(network: LoadedNetwork, tokens: np.ndarray) -> None:
    others = (tokens + 1) % network.shape.vocab
    clean, wanted = network.activations(tokens), network(tokens)
    names = [name for name in clean if not name.endswith("weights")]
    for name in names:
        np.testing.assert_allclose(network(others, {name: clean[name]}), wanted, rtol=1e-5, atol=1e-6)
        seen: list[np.ndarray] = []
        np.testing.assert_allclose(network(tokens, {name: lambda x, seen=seen: seen.append(x) or x}), wanted, atol=1e-6)
        np.testing.assert_array_equal(seen[0], clean[name])
        assert not network.activations(tokens, {name: np.zeros_like(clean[name])})[name].any()
    assert not network(tokens, {names[-1]: lambda values: 0 * values}).any()  # the read-out is linear
    with pytest.raises(InputError, match=rf"hooks='layer 9' is unknown: there are .*{names[-1]}"):
        network(tokens, {"layer 9": clean[names[0]]})
    for wrong, says in ((np.zeros(3), r"float64 \[3\]"), (np.full(clean[names[0]].shape, "a"), "<U1")):
        with pytest.raises(InputError, match=says):
            network(tokens, {names[0]: wrong})


def test_onnx_needs_its_extra(
    network: LoadedNetwork, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("syntagma.sweep.onnx_file.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"which is not installed. Install it with `pip install .syntagma\[onnx"):
        network.export(tmp_path / "network.onnx")
    with pytest.raises(SystemExit) as leaving:
        main(["network", str(place), "kind=perceptron", "--onnx", str(tmp_path / "network.onnx")])
    assert leaving.value.code == 2
    assert "syntagma[onnx]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_read_by_others(network: LoadedNetwork, tokens: np.ndarray, tmp_path: Path) -> None:
    network.export(tmp_path / "network.safetensors")
    weights = safetensors.numpy.load_file(tmp_path / "network.safetensors")
    assert all(np.array_equal(weights[name], weight) for name, weight in network.state_dict().items())
    if network.run.learner.kind != "perceptron":
        return
    vocab = network.shape.vocab  # as torch.nn.Linear and torch.nn.ReLU in turn would compute it
    one_hot = np.vstack([np.eye(vocab), np.full(vocab, vocab**-0.5)])[network.inputs(tokens)]
    values = one_hot.reshape(len(tokens), -1)
    assert list(weights) == ["0.weight", "2.weight", "4.weight"]
    for name, weight in weights.items():
        values = values @ weight.T if name == "4.weight" else np.maximum(values @ weight.T, 0)
    np.testing.assert_allclose(values, network(tokens), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([[0, 1]], "tokens='an array [1, 2]' cannot be used: they must be [n, 4]"),
        (np.zeros((0, 4), int), "n at least 1"),
        ([[0.0, 1.0, 1.0, 1.0]], "tokens are whole numbers"),
        ([[0, 1, 99, 1]], "tokens=99 cannot be used"),
        ([[0, -1, 1, 1]], "tokens=-1 cannot be used"),
    ],
)
def test_what_it_cannot_be_called_with(place: Path, given: Any, says: str) -> None:
    network = load(place, "learner.kind=perceptron")
    length = network.shape.length
    with pytest.raises(InputError) as refused:
        network(given if length == 4 else np.resize(given, (np.shape(given)[0], length)))
    assert says.partition(" [1, 2]")[0] in str(refused.value) or length != 4


def test_runs_that_kept_no_network_are_said_to_have_kept_none(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.record_run({"seed": 0, "num_examples": 64}, {"test_loss": 1.0})
    for asked in ("num_examples=64", "seed=0", "3f"):
        with pytest.raises(InputError, match=r"no run here has kept its network\. Give --checkpoints 1"):
            load(tmp_path, asked)


def test_loading_by_the_start_of_an_id_and_by_name(place: Path) -> None:
    run = RUNS["perceptron"]
    assert syntagma.load(place, run.id()[:6]).run == run
    assert syntagma.load(place, "kind=attention").run == RUNS["attention"]
    for asked, says in ((["zz"], "no stored run of that name"), (["seed=0"], "2 runs are meant")):
        with pytest.raises(InputError, match=says):
            load(place, *asked)
    with pytest.raises(InputError, match="step=77 cannot be used: networks were kept after"):
        load(place, run.id(), step=77)


def test_the_command_shows_and_writes(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "network.safetensors"
    for more, says in (([], "readout"), (["--to", str(file)], str(file)), (["--json"], '"weights"')):
        with pytest.raises(SystemExit) as leaving:
            main(["network", str(place), "kind=perceptron", *more])
        assert leaving.value.code == 0
        assert says in capsys.readouterr().out
    assert file.is_file()
    with pytest.raises(SystemExit) as leaving:
        main(["network", str(place), "kind=perceptron", "--to", str(tmp_path / "x.pt")])
    assert leaving.value.code == 2
    assert "must end in .safetensors" in capsys.readouterr().err


def test_workers_are_told_what_to_keep(tmp_path: Path) -> None:
    run = RUNS["perceptron"]
    result = work_of("syntagma.sweep.worker_process:training:1", str(tmp_path))(json.loads(json.dumps(run.config())))
    assert list((tmp_path / "weights" / run.id()).iterdir()) == [
        tmp_path / "weights" / run.id() / f"{result['best_step']}.safetensors"
    ]


@pytest.mark.slow
def test_a_sweep_keeps_networks(tmp_path: Path) -> None:
    def missing(store: Store) -> Iterator[Run]:
        yield from (run for run in RUNS.values() if not store.has(run.id()))

    with Store.create(tmp_path) as store:
        execute(lambda: missing(store), store, 1, lambda run, result: None, keep=2)
        assert store.ids_with_networks() == {run.id() for run in RUNS.values()}
