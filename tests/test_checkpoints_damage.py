"""Files of weights altered by accident or by hand: the right weights or one line; older stores' networks are found."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import safetensors.numpy

from syntagma.errors import InputError
from syntagma.learners import HierarchicalCNN
from syntagma.sweep import weights
from syntagma.sweep.runs import Run
from syntagma.sweep.store import Store
from syntagma.sweep.stored_network import find_run, load_network
from test_execution import a_run
from test_learners import ONCE, drawn

LEARNER = HierarchicalCNN(width=3)


@pytest.fixture(scope="module")
def network() -> Any:
    return drawn(LEARNER, ONCE)


@pytest.fixture
def file(network: Any, tmp_path: Path) -> Path:
    weights.save(tmp_path / "a.safetensors", network)
    return tmp_path / "a.safetensors"


def is_the_network(loaded: Any, network: Any) -> bool:
    pairs = zip(jax.tree.leaves(loaded), jax.tree.leaves(network), strict=True)
    return all(np.array_equal(ours, theirs) for ours, theirs in pairs)


def test_bytes_that_were_changed_are_not_believed(file: Path, network: Any):
    raw = file.read_bytes()
    refused: list[str] = []
    header = int.from_bytes(raw[:8], "little") + 8
    for seed in range(200):
        chance = random.Random(seed)
        changed = bytearray(raw)
        limit = header if chance.random() < 0.6 else len(raw)  # the header is a small part, and the interesting one
        for _ in range(chance.choice((1, 1, 8))):
            changed[chance.randrange(limit)] = chance.choice(
                (chance.randrange(256), ord(chance.choice('0123456789"{}')))
            )
        if chance.random() < 0.1:
            del changed[chance.randrange(len(raw)) :]
        file.write_bytes(changed)
        try:
            assert is_the_network(weights.load(file, LEARNER, ONCE), network)
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 150
    assert all(line.isprintable() for line in refused)


def test_every_flipped_bit_of_the_numbers_is_noticed(file: Path):
    raw = file.read_bytes()
    start = int.from_bytes(raw[:8], "little") + 8
    chance = random.Random(0)
    for _ in range(40):
        changed = bytearray(raw)
        changed[chance.randrange(start, len(raw))] ^= 1 << chance.randrange(8)
        file.write_bytes(changed)
        with pytest.raises(InputError, match="is damaged: its weights are not those of its checksum"):
            weights.load(file, LEARNER, ONCE)


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3", "F8_E5M2", "F16", "I8", "F64"])
def test_other_types_are_refused_by_name(file: Path, kind: str):
    """Where NumPy knows no such type, the library's own reader raises KeyError."""
    raw = file.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    size = {"BF16": 2, "F16": 2, "F64": 8}.get(kind, 1)
    start = 0
    for name in header.keys() - {"__metadata__"}:
        number = int(np.prod(header[name]["shape"]))
        header[name] |= {"dtype": kind, "data_offsets": [start, start + size * number]}
        start += size * number
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(start))
    shown = {"BF16": "bfloat16", "F16": "float16", "I8": "int8", "F64": "float64"}.get(kind, kind)
    with pytest.raises(InputError, match=rf"does not fit HierarchicalCNN\(.*\): first is {shown}\[.*, not float32"):
        weights.load(file, LEARNER, ONCE)


def test_files_without_a_checksum_are_read(file: Path, network: Any):
    file.write_bytes(safetensors.numpy.save(safetensors.numpy.load(file.read_bytes())))
    assert is_the_network(weights.load(file, LEARNER, ONCE), network)


def large(file: Path) -> None:
    file.unlink()
    with file.open("wb") as stream:
        stream.truncate(10**13)  # takes no room, and more memory than there is


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("make", "says"), [(large, "larger than the weights"), (pipe, "it is no file"), (directory, "it is no file")]
)
def test_what_is_no_file_of_weights_is_not_read(file: Path, make: Callable[[Path], None], says: str):
    make(file)
    with pytest.raises(InputError, match=says):
        weights.load(file, LEARNER, ONCE)


def test_names_that_cannot_be_names_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read"):
        weights.load(tmp_path / "a\0b", LEARNER, ONCE)


# ---- found by what is stored


def network_of(run: Run) -> Any:
    return run.learner.network(jax.random.key(0), run.task.shape(run.language.language()))  # pyright: ignore


def test_metrics_of_a_run_are_plain_values(tmp_path: Path):
    run = Run.model_validate(a_run().config() | {"checkpoints": 2})
    with Store.create(tmp_path) as store:
        metrics = {"best_step": 8, "test_loss": 0.5, "stopped": "steps", "losses": [1.0, float("nan")]}
        identity = store.record_run(run.config(), metrics)
        weights.save(weights.checkpoint_path(tmp_path, identity, 8), network_of(run))
        found, values = find_run(store, [identity])
        assert found == run
        assert repr(values) == repr(metrics)
        assert is_the_network(load_network(store, run, 8), network_of(run))
        assert find_run(store, ["learner.kind=cnn"])[0] == run


def test_a_run_of_before_a_field_was_added_has_its_networks(tmp_path: Path):
    """Its id is that of a configuration without the field, which `Run` fills in."""
    config = a_run().config() | {"checkpoints": 2, "revision": 4}
    del config["validation_language"], config["validation_examples"]
    with Store.create(tmp_path) as store:
        identity = store.record_run(config, {"best_step": 8})
        run = find_run(store, [])[0] if store.ids_with_networks() else Run.model_validate(config)
        assert run.id() != identity
        weights.save(weights.checkpoint_path(tmp_path, identity, 8), network_of(run))
        run = find_run(store, [])[0]
        assert is_the_network(load_network(store, run, 8), network_of(run))


def test_a_run_that_this_version_does_not_know_is_refused(tmp_path: Path):
    config = a_run().config() | {"colour": "red"}
    with Store.create(tmp_path) as store:
        identity = store.record_run(config, {"best_step": 8})
        weights.save(weights.checkpoint_path(tmp_path, identity, 8), network_of(a_run()))
        with pytest.raises(InputError, match=f"run {identity} in .* has a colour that is not known here"):
            find_run(store, [])
