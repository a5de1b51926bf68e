"""What learners of template tasks promise: identities that start at zero, invariances, regression, named test sets."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.learners import Engine, EqualityPerceptron, Fit, Learner, Perceptron, Training, Transformer, fit
from syntagma.learners.layers.product import between, combine
from syntagma.learners.loss import correct, losses
from syntagma.randomness import key, stream
from syntagma.tasks import Examples, Shape
from tiers import slow_but

SHAPE = Shape(vocab=12, length=4, outputs=1, loss="squared")
PAPER = Transformer(
    width=8, heads=4, head_size=4, layers=2, mlp_ratio=2, activation="gelu", attention="full", read_out="class-token"
)


def same_or_not(number: int, symbols: range, seed: int) -> Examples:
    """Strings abcd labelled +1 where a = b and -1 else, half of each, over some of the symbols."""
    generator = stream(seed, "same or not")
    inputs = generator.permuted(np.tile(np.array(symbols), (number, 1)), axis=1)[:, :4]
    targets = np.where(np.arange(number) % 2, 1.0, -1.0)
    inputs[:, 1] = np.where(targets > 0, inputs[:, 0], inputs[:, 1])
    return Examples(inputs.astype(np.uint8), targets)


def settings(**changes: object) -> Training:
    usual = {"learning_rate": 0.01, "batch_size": 16, "max_steps": 24, "train_loss_threshold": 0, "patience": 1e9}
    return Training.model_validate(usual | changes)


def drawn(learner: Learner, seed: int = 1) -> Any:
    return learner.network(key(seed), SHAPE)


def trained(*given: Any) -> tuple[Any, Fit]:
    """The network and what was measured on the way."""
    found = fit(*given)
    return found.predictor, found


@pytest.mark.parametrize(
    "sizes",
    slow_but([{"head_size": 2}], [{}, {"head_size": 2}, {"head_size": 2, "attention": "causal", "read_out": "last"}]),
)
@pytest.mark.parametrize("number", slow_but([16], [3, 16]))
def test_with_identities_at_zero_it_is_the_plain_network_bit_for_bit(sizes, number):
    """Wide heads and narrow ones, symbols fewer than positions and more.

    Bit for bit operation by operation; compiled, the two programs fuse differently and round so."""
    plain = Transformer.model_validate(PAPER.model_dump() | sizes)
    with_both = plain.model_copy(update={"score_identity": 2.0, "answer_identity": 0.5})
    inputs = stream(0, "inputs").integers(12, size=(number, 4))
    networks = [drawn(learner) for learner in (plain, with_both)]
    answers = [np.asarray(network(inputs)) for network in networks]
    np.testing.assert_array_equal(answers[0], answers[1])
    together = [np.asarray(jax.jit(lambda n: n(inputs))(network)) for network in networks]
    np.testing.assert_allclose(together[0], together[1], rtol=1e-5, atol=1e-6)
    assert len(jax.tree.leaves(networks[1])) == len(jax.tree.leaves(networks[0])) + 2 * plain.layers


@pytest.mark.slow
def test_symbols_of_no_training_string_stay_as_they_were_drawn():
    train = same_or_not(64, range(8), 0)
    test = same_or_not(32, range(8), 1)
    network, found = trained(PAPER, SHAPE, settings(), train, test, test)
    start: Any = PAPER.network(key(0, "network"), SHAPE)
    assert found.metrics["best_step"] > 0
    np.testing.assert_array_equal(network.tokens[8:13], start.tokens[8:13])  # 12 is the mask symbol
    assert (np.abs(network.tokens[:8] - start.tokens[:8]).max(axis=1) > 0).all()
    assert np.abs(network.tokens[13] - start.tokens[13]).max() > 0  # the class token


def test_perceptron_cannot_tell_symbols_never_seen_apart_but_with_equalities_it_can():
    """Trained on symbols 0 to 7, tested on 8 to 11. By symmetry of the untrained rows accuracy there is one half on
    average over draws; the second network reads the answer off its equalities."""
    unseen = same_or_not(400, range(8, 12), 2)
    accuracy = {}
    for learner in (Perceptron(width=64, layers=2), EqualityPerceptron(width=64, layers=2)):
        engine = Engine(learner, SHAPE, settings(max_steps=512))
        seeds = range(3)
        train, test = (
            [same_or_not(400, range(8), 3 + s) for s in seeds],
            [same_or_not(200, range(8), 9 + s) for s in seeds],
        )
        fits = engine.fit(train, test, test, list(seeds), extra={"unseen": [unseen] * 3})
        assert min(f.metrics["test_accuracy"] for f in fits) > 0.9
        accuracy[learner.kind] = np.array([f.metrics["unseen_accuracy"] for f in fits])
    assert (accuracy["equality-perceptron"] > 0.95).all()
    assert (accuracy["perceptron"] < 0.75).all()


def test_gradient_of_the_perceptron_leaves_the_weights_of_other_symbols_alone():
    """Why relabelling unseen symbols changes nothing that training found: the gradient is exactly 0 there."""
    network = drawn(Perceptron(width=6, layers=2))
    train = same_or_not(32, range(8), 0)
    slope = jax.grad(lambda n: losses("squared", n(train.inputs), jnp.asarray(train.targets, jnp.float32)).mean())(
        network
    )
    np.testing.assert_array_equal(slope.first[:, 8:], 0)
    assert np.abs(slope.first[:, :8]).max() > 0


def test_renaming_symbols_and_their_weights_together_changes_nothing():
    """Of the perceptron's first layer and the transformer's embedding."""
    renamed = stream(0, "renamed").permutation(12)
    inputs = same_or_not(16, range(12), 0).inputs
    perceptron = drawn(EqualityPerceptron(width=6, layers=2))
    moved = eqx.tree_at(lambda n: n.first, perceptron, perceptron.first.at[:, renamed].set(perceptron.first))
    np.testing.assert_allclose(moved(renamed[inputs]), perceptron(inputs), rtol=1e-5, atol=1e-6)
    transformer = drawn(PAPER)
    tokens = transformer.tokens.at[renamed].set(transformer.tokens[:12])
    moved = eqx.tree_at(lambda n: n.tokens, transformer, tokens)
    np.testing.assert_allclose(moved(renamed[inputs]), transformer(inputs), rtol=1e-4, atol=1e-5)


def test_squared_loss_and_its_gradient():
    outputs, targets = jnp.array([[0.5], [-2.0], [0.0], [3.0]]), jnp.array([1.0, 1.0, -1.0, 0.25])
    np.testing.assert_allclose(losses("squared", outputs, targets), [0.25, 9.0, 1.0, 7.5625])
    slope = jax.grad(lambda o: losses("squared", o, targets).mean())(outputs)
    np.testing.assert_allclose(slope[:, 0], 2 * (outputs[:, 0] - targets) / 4)
    np.testing.assert_array_equal(correct("squared", outputs, targets), [1.0, 0.0, 0.5, 1.0])  # 0 decides nothing


def test_regression_steps_equal_updates_by_hand():
    data = same_or_not(12, range(12), 0)
    learner = Perceptron(width=8, layers=2)
    plan = settings(optimizer="sgd", learning_rate=0.02, batch_size=12, max_steps=2)
    result, found = trained(learner, SHAPE, plan, data, data, data, 4)
    network: Any = learner.network(key(4, "network"), SHAPE)
    for _ in range(2):
        slope = jax.grad(lambda n: ((n(data.inputs)[:, 0] - data.targets) ** 2).mean())(network)
        network = jax.tree.map(lambda w, g: w - 0.02 * 8 * g, network, slope)
    assert found.metrics["best_step"] == 2
    for got, expected in zip(jax.tree.leaves(result), jax.tree.leaves(network), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    outputs = np.asarray(result(data.inputs))[:, 0]
    assert found.metrics["test_loss"] == pytest.approx(np.mean((outputs - data.targets) ** 2), rel=1e-5)
    assert found.metrics["test_accuracy"] == np.mean(np.sign(outputs) == data.targets)


@pytest.mark.slow
def test_named_test_sets_are_measured_and_change_no_bit_of_training():
    train, test = [same_or_not(64, range(8), s) for s in (0, 1)], [same_or_not(40, range(8), s) for s in (2, 3)]
    validation = [same_or_not(20, range(8), s) for s in (6, 7)]
    extra = {"unseen": [same_or_not(30, range(8, 12), s) for s in (4, 5)], "again": test}
    engine = Engine(Perceptron(width=8, layers=2), SHAPE, settings())
    for together in (False, True):
        alone = engine.fit(train, validation, test, [0, 1], together=together)
        beside = engine.fit(train, validation, test, [0, 1], extra=extra, together=together)
        for a, b, unseen in zip(alone, beside, extra["unseen"], strict=True):
            for x, y in zip(jax.tree.leaves(a.predictor), jax.tree.leaves(b.predictor), strict=True):
                np.testing.assert_array_equal(x, y)
            assert a.history == b.history
            for name in ("{}_loss", "{}_accuracy", "{}_loss_error", "final_{}_loss", "final_{}_accuracy"):
                assert (
                    b.metrics[name.format("again")] == b.metrics[name.format("test")] == a.metrics[name.format("test")]
                )
            outputs = np.asarray(b.predictor(jnp.asarray(unseen.inputs)))[:, 0]
            assert b.metrics["unseen_loss"] == pytest.approx(np.mean((outputs - unseen.targets) ** 2), rel=1e-5)
            assert b.metrics["unseen_accuracy"] == pytest.approx(np.mean(np.sign(outputs) == unseen.targets))
            forward = engine.learner.forward_flops(SHAPE)
            readings = 1 if b.metrics["best_step"] == b.metrics["steps"] else 2
            assert b.metrics["flops"] - a.metrics["flops"] == forward * readings * (30 + 40)


def test_refuses_bad_named_sets():
    data = [same_or_not(16, range(12), 0)]
    engine = Engine(Perceptron(width=4, layers=1), SHAPE, settings())
    with pytest.raises(InputError, match=r"extra='train' cannot be used: the names train, .* have a meaning"):
        engine.fit(data, data, data, [0], extra={"train": data})
    with pytest.raises(InputError, match=r"len\(unseen\)=2 cannot be used: each seed needs a set of its own, so 1"):
        engine.fit(data, data, data, [0], extra={"unseen": data * 2})


def test_refuses_what_a_transformer_cannot_read():
    every = Shape(12, 4, 12, "every")
    with pytest.raises(InputError, match=r"read_out='class-token' cannot be used: the task reads every position"):
        PAPER.network(key(0), every)
    with pytest.raises(InputError, match=r"attention='full' cannot be used: .* Choose attention='causal'"):
        Transformer(attention="full").network(key(0), every)
    with pytest.raises(InputError, match=r"tied=True cannot be used: the task has 1 outputs for 12 symbols"):
        Transformer(tied=True).network(key(0), SHAPE)


@pytest.mark.parametrize(("rows", "columns"), slow_but([(2, 5)], [(2, 5), (5, 2)]))
def test_gradients_of_products_of_rows(rows, columns):
    generator = stream(0, "rows")
    x, y, w = (
        jnp.asarray(generator.normal(size=s), jnp.float32) for s in ((3, rows, 4), (3, columns, 4), (3, rows, columns))
    )
    for mine, plain, pair in (
        (between, lambda x, y: x @ y.swapaxes(1, 2), (x, y)),
        (combine, lambda w, y: w @ y, (w, y)),
    ):
        weights = jnp.asarray(generator.normal(size=plain(*pair).shape), jnp.float32)
        got, expected = (jax.grad(lambda *p, f=f, w=weights: (f(*p) * w).sum(), (0, 1))(*pair) for f in (mine, plain))
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_trained_readout_moves_the_read_out_alone():
    examples = same_or_not(64, range(12), 0)
    alone = PAPER.model_copy(update={"trained": "readout", "layers": 1})
    after, found = trained(alone, SHAPE, settings(), examples, examples, examples)
    before = alone.network(key(0, "network"), SHAPE)
    moved = {
        jax.tree_util.keystr(path): not np.array_equal(old, new)
        for (path, old), new in zip(
            jax.tree_util.tree_flatten_with_path(before)[0], jax.tree.leaves(after), strict=True
        )
    }
    assert {name for name, one in moved.items() if one} <= {".readout"}
    assert found.metrics["best_step"] == 0 or moved[".readout"]
    assert found.metrics["final_train_loss"] < found.history[0]["validation_loss"]
    with pytest.raises(InputError, match="the read-out is the symbols' embedding, which would be trained with it"):
        Transformer(tied=True, trained="readout").network(key(0), Shape(12, 4, 12))


@pytest.mark.parametrize(("heads", "size"), [(2, 24), (3, 4)])
def test_mimetic_heads_start_near_the_identity_as_they_act(heads, size):
    """Heads of more and of fewer directions than the width; maps as `questions` and `answers` apply them."""
    width = 24
    learner = PAPER.model_copy(update={"width": width, "heads": heads, "head_size": size, "initial": "mimetic"})
    attention = drawn(learner).blocks[0].attention
    ones = jnp.eye(width)
    scores = np.asarray(attention.questions(ones)).swapaxes(0, 1) * size**0.5
    answers = np.asarray(attention.answers(ones)).sum(1)
    rank = min(size, width)
    assert [np.linalg.matrix_rank(one, tol=1e-4) for one in scores] == [rank] * heads
    assert np.linalg.matrix_rank(answers, tol=1e-4) == min(heads * size, width)
    if rank == width:
        diagonal = np.array([np.diag(one).mean() for one in scores])
        assert np.abs(diagonal - 0.7).max() < 4 * 0.7 / width
        off = scores[:, ~np.eye(width, dtype=bool)]
        assert off.std() == pytest.approx(0.7 * width**-0.5, rel=0.1)
    if heads * size >= width:
        assert np.diag(answers).mean() == pytest.approx(-0.4, abs=4 * 0.4 / width)
    assert not np.array_equal(scores[0], scores[1])


def test_new_options_leave_the_identity_of_stored_runs_alone():
    assert not {"trained", "initial"} & set(PAPER.model_dump())
    assert PAPER.model_copy(update={"initial": "mimetic"}).model_dump()["initial"] == "mimetic"
