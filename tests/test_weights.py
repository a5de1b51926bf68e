"""Weights in files: what is loaded is what was saved, and what does not fit is refused."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest
import safetensors.numpy

from syntagma.errors import InputError
from syntagma.kernels import Architecture, Embedding
from syntagma.learners import HierarchicalCNN, KernelRegression, Transformer
from syntagma.sweep import weights
from test_activations import all_kinds
from test_learners import ONCE, answers, drawn, some_tokens


@all_kinds
def test_a_loaded_network_is_the_saved_one(tmp_path, learner, shape):
    network = drawn(learner, shape)
    file = weights.checkpoint_path(tmp_path, "abc", 128)
    weights.save(file, network)
    loaded = weights.load(file, learner, shape)
    assert jax.tree.structure(loaded) == jax.tree.structure(network)
    for ours, theirs in zip(jax.tree.leaves(loaded), jax.tree.leaves(network), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    assert weights.checkpoints(tmp_path, "abc") == {128: file}


def test_a_file_has_the_names_of_the_weights_and_is_there_whole(tmp_path):
    network = drawn(Transformer(width=8, heads=2, layers=1), ONCE)
    weights.save(tmp_path / "a.safetensors", network)
    found = safetensors.numpy.load_file(tmp_path / "a.safetensors")
    assert {"tokens", "blocks.0.mlp_in", "blocks.0.norm_mlp.gain", "readout"} < set(found)
    assert [f.name for f in tmp_path.iterdir()] == ["a.safetensors"]
    assert json.loads((tmp_path / "a.safetensors").read_bytes()[8:].split(b"}}")[0] + b"}}")


def test_loaded_weights_answer_as_the_saved(tmp_path):
    learner = HierarchicalCNN(width=6)
    network = drawn(learner, ONCE)
    weights.save(tmp_path / "a.safetensors", network)
    tokens = some_tokens(ONCE)
    loaded = weights.load(tmp_path / "a.safetensors", learner, ONCE)
    np.testing.assert_array_equal(answers(loaded, tokens), answers(network, tokens))


def test_checkpoints_are_listed_by_step(tmp_path):
    network = drawn(HierarchicalCNN(width=2), ONCE)
    for step in (1024, 0, 64):
        weights.save(weights.checkpoint_path(tmp_path, "run", step), network)
    (tmp_path / "weights" / "run" / "notes.safetensors").touch()
    assert list(weights.checkpoints(tmp_path, "run")) == [0, 64, 1024]
    assert weights.checkpoints(tmp_path, "another") == {}


def test_what_does_not_fit_is_refused(tmp_path):
    file, learner = tmp_path / "a.safetensors", HierarchicalCNN(width=6)
    with pytest.raises(InputError, match=r"a.safetensors cannot be read: no such file"):
        weights.load(file, learner, ONCE)
    weights.save(file, drawn(learner, ONCE))
    message = r"does not fit HierarchicalCNN\(.*\): first is float32\[1, 2, 5, 6\], not float32\[1, 2, 5, 7\]. Give the"
    with pytest.raises(InputError, match=message):
        weights.load(file, HierarchicalCNN(width=7), ONCE)
    with pytest.raises(InputError, match=r"does not fit Transformer\(.*\): blocks.0.attention.projection is missing"):
        weights.load(file, Transformer(width=8, heads=2, layers=1), ONCE)
    with pytest.raises(InputError, match=r"learner='kernel' has no weights that are kept: it is no network."):
        weights.load(file, KernelRegression(architecture=Architecture(embedding=Embedding(vocab=1))), ONCE)
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(InputError, match="cannot be read: it is no whole safetensors file"):
        weights.load(file, learner, ONCE)
    with pytest.raises(InputError, match="step=-1 cannot be used"):
        weights.checkpoint_path(tmp_path, "run", -1)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be written"):
        weights.save(tmp_path / "file" / "b.safetensors", drawn(learner, ONCE))
