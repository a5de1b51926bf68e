"""What every network shows of its layers: the logits it answers with, and what each position depends on."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from syntagma.learners import LEARNERS, NetworkLearner
from syntagma.randomness import stream
from test_learners import CASES, VOCAB, answers, compiled, drawn, some_tokens

CHOSEN = [
    *("cnn", "cnn ternary", "locally connected", "perceptron 3", "equality perceptron", "attention 3"),
    *("transformer 2 once", "transformer 2 every"),
    *("transformer paper", "transformer paper 1", "transformer wide causal", "transformer narrow full"),
    *("elman once", "elman every", "lstm once", "lstm every"),
]
KINDS = [case for case in CASES if case[0] in CHOSEN]
all_kinds = pytest.mark.parametrize(("learner", "shape"), [c[1:3] for c in KINDS], ids=[c[0] for c in KINDS])


@compiled
def activations(network: Any, tokens: Any) -> Any:
    return network.activations(tokens)


def test_every_learner_is_tested_here():
    kinds = {kind for kind in LEARNERS.all().values() if kind.__module__.startswith("syntagma.")}
    assert {type(case[1]) for case in KINDS} == {kind for kind in kinds if issubclass(kind, NetworkLearner)}


@all_kinds
def test_the_last_activations_give_the_logits_of_a_call(learner, shape):
    network, tokens = drawn(learner, shape), some_tokens(shape)
    shown = activations(network, tokens)
    expected = np.asarray(answers(network, tokens))
    assert shown.logits.shape == expected.shape
    np.testing.assert_allclose(shown.logits, expected, rtol=1e-4, atol=1e-4 * expected.std())
    for layer in shown.layers:
        assert layer.values.shape[:2] == (len(tokens), len(layer.sees))
        assert layer.sees.shape[1] == shape.length


@pytest.mark.parametrize(
    ("learner", "shape"),
    [c[1:3] for c in KINDS if c[0] in ("cnn", "perceptron 3", "attention 3", "transformer 2 every", "lstm once")],
)
def test_every_layer_is_offered_for_replacement_and_is_all_that_what_follows_sees(learner, shape):
    network, tokens = drawn(learner, shape), some_tokens(shape)
    others = (tokens + 1) % VOCAB
    shown = activations(network, tokens)
    values = {layer.name: layer.values for layer in shown.layers}
    for name in values:
        asked = []

        def replace(of, own, name=name, asked=asked):
            asked.append(of)
            return values[name] if of == name else own

        patched = network.activations(others, replace)
        assert asked == list(values)
        np.testing.assert_allclose(patched.logits, shown.logits, rtol=1e-4, atol=1e-4 * np.std(shown.logits))
        (layer,) = (one for one in patched.layers if one.name == name)
        np.testing.assert_array_equal(layer.values, values[name])


@all_kinds
def test_a_position_depends_on_the_inputs_it_is_said_to_see_and_on_no_other(learner, shape):
    network = drawn(learner, shape)
    tokens = stream(3, "tokens").integers(VOCAB, size=(7, shape.length))
    before = activations(network, tokens)
    for place in range(shape.length):
        changed = tokens.copy()
        changed[:, place] = (changed[:, place] + 1) % VOCAB
        after = activations(network, changed)
        for old, new in zip(before.layers, after.layers, strict=True):
            moved = (np.asarray(new.values) != np.asarray(old.values)).any(axis=(0, 2))
            np.testing.assert_array_equal(moved, old.sees[:, place], err_msg=f"{old.name}, input {place}")


@all_kinds
def test_attention_maps_are_distributions_over_what_may_be_seen(learner, shape):
    network, tokens = drawn(learner, shape), some_tokens(shape)
    shown = activations(network, tokens)
    with_maps = [layer for layer in shown.layers if layer.attention is not None]
    assert len(with_maps) == getattr(learner, "layers", 0) * hasattr(learner, "heads")
    for layer in with_maps:
        weights = np.asarray(layer.attention)
        np.testing.assert_allclose(weights.sum(-1), 1.0, rtol=1e-5)
        assert weights.shape[2] == weights.shape[3] == layer.values.shape[1] == len(layer.sees)
        assert (weights[..., : shape.length][..., ~np.asarray(layer.sees)] == 0).all()


def test_layers_of_the_transformer_are_its_residual_stream():
    """Without attention and MLP output weights nothing is added to the embedding."""
    learner, shape = next(c[1:3] for c in CASES if c[0] == "transformer 2 every")
    network = drawn(learner, shape)
    silent = jax.tree.map(lambda x: x, network)
    for block in silent.blocks:
        object.__setattr__(block.attention, "projection", block.attention.projection * 0)
        object.__setattr__(block, "mlp_out", block.mlp_out * 0)
    tokens = some_tokens(shape)
    shown = activations(silent, tokens)
    assert [layer.name for layer in shown.layers] == [
        "embedding",
        "layer 1 attention",
        "layer 1",
        "layer 2 attention",
        "layer 2",
    ]
    for layer in shown.layers:
        np.testing.assert_array_equal(layer.values, shown.layers[0].values)
