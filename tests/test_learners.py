"""Every network against slow formulas in float64: explicit one-hot inputs, every position computed, nothing folded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.learners import (
    LSTM,
    Elman,
    EqualityPerceptron,
    HierarchicalCNN,
    Learner,
    LocallyConnected,
    MultiLayerAttention,
    Perceptron,
    Transformer,
)
from syntagma.learners.layers.attention import attend, attend_from_last
from syntagma.learners.layers.embedding import rows, with_mask_row
from syntagma.learners.layers.product import product
from syntagma.randomness import key, stream
from syntagma.tasks import Shape

VOCAB, LENGTH = 5, 8
ONCE = Shape(vocab=VOCAB, length=LENGTH, outputs=VOCAB, reads="once", branching=2)
EVERY = Shape(vocab=VOCAB, length=LENGTH, outputs=VOCAB, reads="every", branching=2)
TERNARY = Shape(vocab=VOCAB, length=9, outputs=3, reads="once", branching=3)


def one_hot(tokens: np.ndarray) -> np.ndarray:
    """`[B, T, v]`; the mask symbol, v, has all entries v^(-1/2)."""
    masked = np.full((1, VOCAB), VOCAB**-0.5)
    return np.concatenate([np.eye(VOCAB), masked])[tokens]


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(
    x: np.ndarray, query_key_value: np.ndarray, heads: int, causal: bool, a: Any = None, b: Any = None
) -> Any:
    """Heads of x `[B, T, d]`, one sentence, head and position after another, side by side.

    With identities: a_h x_i x_j is added to the scores, and b_h sum_j weights_ij x_j summed over heads is returned too.
    """
    width, inner = x.shape[-1], query_key_value.shape[1] // 3
    size = inner // heads
    a, b = (np.zeros(heads) if z is None else z for z in (a, b))
    w_query, w_key, w_value = np.split(query_key_value * width**-0.5, 3, axis=1)
    out, copied = np.zeros((*x.shape[:2], inner)), np.zeros_like(x)
    for n, sentence in enumerate(x):
        for head in range(heads):
            columns = slice(head * size, (head + 1) * size)
            query, key_, value = (sentence @ w[:, columns] for w in (w_query, w_key, w_value))
            for i in range(len(sentence)):
                seen = slice(0, i + 1) if causal else slice(None)
                scores = query[i] @ key_[seen].T * size**-0.5 + a[head] * sentence[i] @ sentence[seen].T
                out[n, i, columns] = softmax(scores) @ value[seen]
                copied[n, i] += b[head] * softmax(scores) @ sentence[seen]
    return (out, copied) if b.any() else out


def hierarchical_reference(net: Any, tokens: np.ndarray) -> np.ndarray:
    h = one_hot(tokens)
    copies, size, vocab, width = net.first.shape
    for weights in [net.first.reshape(copies, size * vocab, width), *net.hidden]:
        w_in = h.shape[-1]
        nodes = []
        for i in range(h.shape[1] // size):
            filters = weights[i if len(weights) > 1 else 0].reshape(size, w_in, width)
            summed = sum(h[:, size * i + j] @ filters[j] for j in range(size))
            nodes.append(relu(summed * (size * w_in) ** -0.5))
        h = np.stack(nodes, axis=1)
    assert h.shape[1] == 1
    return h[:, 0] @ net.readout / width


def perceptron_reference(net: Any, tokens: np.ndarray) -> np.ndarray:
    x = one_hot(tokens).reshape(len(tokens), -1)
    length, vocab, width = net.first.shape
    weights = net.first.reshape(length * vocab, width)
    if net.equalities is not None:
        equal = (tokens[:, :, None] == tokens[:, None, :]).reshape(len(x), -1)
        x, weights = np.concatenate([x, equal], axis=1), np.concatenate([weights, net.equalities])
    h = relu(x @ weights * len(weights) ** -0.5)
    for weights in net.hidden:
        h = relu(h @ weights * width**-0.5)
    return h @ net.readout / width


def attention_reference(net: Any, tokens: np.ndarray) -> np.ndarray:
    width = net.positions.shape[1]
    x = one_hot(tokens) @ net.tokens * VOCAB**-0.5 + net.positions
    for layer in net.layers:
        x = attention(x, layer.query_key_value, net.heads, causal=False) @ layer.projection * width**-0.5
    return x[:, -1] @ net.readout * width**-0.5


def normalised(x: np.ndarray, norm: Any) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * norm.gain + norm.bias


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def transformer_reference(net: Any, tokens: np.ndarray) -> np.ndarray:
    """The mask symbol has an embedding of its own, and so has the class token after the sentence."""
    width, symbols = net.positions.shape[1], len(net.tokens)
    if net.class_token:
        tokens = np.concatenate([tokens, np.full((len(tokens), 1), symbols - 1)], axis=1)
    x = np.eye(symbols)[tokens] @ net.tokens + net.positions
    for block in net.blocks:
        layer, y = block.attention, normalised(x, block.norm_attention)
        pair = zip((layer.score_identity, layer.answer_identity), layer.multipliers, strict=True)
        a, b = (None if z is None else z * m for z, m in pair)
        heads = attention(y, layer.query_key_value, layer.heads, net.causal, a, b)
        heads, copied = (heads, 0.0) if b is None else heads
        x = x + heads @ layer.projection * len(layer.projection) ** -0.5 + copied
        phi = relu if block.activation == "relu" else gelu
        hidden = phi(normalised(x, block.norm_mlp) @ block.mlp_in * width**-0.5)
        x = x + hidden @ block.mlp_out * len(block.mlp_out) ** -0.5
    readout = net.tokens[:VOCAB].T if net.readout is None else net.readout
    logits = normalised(x, net.norm) @ readout * width**-0.5
    return logits[:, -1] if (net.shape.reads == "once") else logits


def recurrent_reference(net: Any, tokens: np.ndarray) -> np.ndarray:
    """One sentence and one position after the other."""
    width = len(net.readout)
    joined = np.concatenate([net.from_input, net.from_state]) * (2 * width) ** -0.5
    out = np.zeros((*tokens.shape, net.readout.shape[1]))
    for n, sentence in enumerate(tokens):
        h, c = np.zeros(width), np.zeros(width)
        for t, token in enumerate(sentence):
            z = np.concatenate([net.tokens[token], h]) @ joined
            if net.gated:
                enter, keep, new, leave = (z[i * width : (i + 1) * width] for i in range(4))
                c = c / (1 + np.exp(-keep)) + np.tanh(new) / (1 + np.exp(-enter))
                h = np.tanh(c) / (1 + np.exp(-leave))
            else:
                h = relu(z)
            out[n, t] = h @ net.readout * width**-0.5
    return out[:, -1] if (net.shape.reads == "once") else out


BOTH: dict[str, Any] = {"score_identity": 0.5, "answer_identity": 2.0}
VARIANTS: list[tuple[str, dict[str, Any], Shape]] = [
    ("paper", {"heads": 3, "head_size": 4, "layers": 2, "attention": "full", "read_out": "class-token"} | BOTH, ONCE),
    (
        "paper 1",
        {"heads": 2, "head_size": 9, "layers": 1, "activation": "gelu", "read_out": "class-token"} | BOTH,
        ONCE,
    ),
    ("wide causal", {"heads": 2, "head_size": 5, "layers": 3, "tied": True} | BOTH, EVERY),
    ("narrow full", {"heads": 4, "layers": 3, "attention": "full", "tied": True} | BOTH, ONCE),
    ("narrow scores", {"heads": 4, "layers": 2, "score_identity": 1.0}, EVERY),
    ("narrow answers", {"heads": 4, "layers": 2, "answer_identity": 1.0}, EVERY),
]
CASES: list[tuple[str, Learner, Shape, Callable[[Any, np.ndarray], np.ndarray]]] = [
    ("cnn", HierarchicalCNN(width=6), ONCE, hierarchical_reference),
    ("cnn ternary", HierarchicalCNN(width=6), TERNARY, hierarchical_reference),
    ("locally connected", LocallyConnected(width=6), ONCE, hierarchical_reference),
    ("perceptron 1", Perceptron(width=12, layers=1), ONCE, perceptron_reference),
    ("perceptron 3", Perceptron(width=12, layers=3), ONCE, perceptron_reference),
    *[
        (f"attention {layers}", MultiLayerAttention(width=8, heads=2, layers=layers), ONCE, attention_reference)
        for layers in (1, 2, 3)
    ],
    *[
        (
            f"transformer {layers} {shape.reads}",
            Transformer(width=8, heads=2, layers=layers, mlp_ratio=3),
            shape,
            transformer_reference,
        )
        for layers in (1, 2, 3)
        for shape in (ONCE, EVERY)
    ],
    *[
        (f"transformer {name}", Transformer(width=8, **sizes), shape, transformer_reference)
        for name, sizes, shape in VARIANTS
    ],
    ("equality perceptron", EqualityPerceptron(width=12, layers=2), ONCE, perceptron_reference),
    *[
        (f"{learner.kind} {shape.reads}", learner, shape, recurrent_reference)
        for learner in (Elman(width=6), LSTM(width=6))
        for shape in (ONCE, EVERY)
    ],
]


def networks(*but: str) -> pytest.MarkDecorator:
    """All networks `but` those that take the same path through the code as another."""
    chosen = [case for case in CASES if case[0] not in but]
    return pytest.mark.parametrize(
        ("learner", "shape", "reference"), [c[1:] for c in chosen], ids=[c[0] for c in chosen]
    )


def some_tokens(shape: Shape, number: int = 7, name: str = "tokens") -> np.ndarray:
    """Sentences in which a quarter of the symbols, and in the first sentence the last, are the mask symbol."""
    generator = stream(0, name)
    tokens = generator.integers(shape.vocab, size=(number, shape.length))
    tokens[generator.random(tokens.shape) < 0.25] = shape.vocab
    tokens[0, -1] = shape.vocab
    return tokens


def drawn(learner: Learner, shape: Shape, seed: int = 0) -> Any:
    """A network whose every weight is random: gains and biases too."""
    leaves, form = jax.tree.flatten(jax.eval_shape(lambda k: learner.network(k, shape), key(0)))
    generator = stream(seed, "weights")
    return jax.tree.unflatten(form, [jnp.asarray(generator.normal(size=x.shape), x.dtype) for x in leaves])


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled without the slow optimisations: what is computed is tested here, once each, not how fast."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


@compiled
def answers(network: Any, tokens: Any) -> Any:
    return network(tokens)


@compiled
def layers(network: Any, tokens: Any) -> Any:
    return network.layers(tokens)


@compiled
def gradient(network: Any, tokens: Any, output_weights: Any) -> Any:
    return jax.grad(lambda n: (n(tokens) * output_weights).sum())(network)


def exactly(network: Any) -> Any:
    return jax.tree.map(lambda x: np.asarray(x, np.float64), network)


@networks()
def test_network_equals_its_formula(learner, shape, reference):
    network, tokens = drawn(learner, shape), some_tokens(shape)
    expected = reference(exactly(network), tokens)
    logits = np.asarray(answers(network, tokens))
    places = () if shape.reads == "once" else (shape.length,)
    assert logits.shape == expected.shape == (len(tokens), *places, shape.outputs)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).std())


@networks(
    "cnn ternary",
    "perceptron 1",
    "attention 2",
    "transformer 1 every",
    "transformer 3 once",
    "transformer 3 every",
    "transformer narrow scores",
    "elman every",
    "lstm once",
)
def test_gradient_equals_differences_of_the_formula(learner, shape, reference):
    """Along random directions of all weights, central differences of the float64 formula give what autodiff gives."""
    network, tokens = drawn(learner, shape), some_tokens(shape)
    exact = exactly(network)
    leaves, form = jax.tree.flatten(exact)
    generator = stream(0, "direction")
    output_weights = generator.normal(size=reference(exact, tokens).shape)
    slopes = jax.tree.leaves(gradient(network, tokens, output_weights.astype(np.float32)))
    for _ in range(3):
        direction = [generator.normal(size=x.shape) for x in leaves]
        step = 1e-6

        def along(sign: int, direction=direction, step=step) -> float:
            moved = [x + sign * step * d for x, d in zip(leaves, direction, strict=True)]
            return float((reference(jax.tree.unflatten(form, moved), tokens) * output_weights).sum())

        expected = (along(1) - along(-1)) / (2 * step)
        parts = [float((np.asarray(g, np.float64) * d).sum()) for g, d in zip(slopes, direction, strict=True)]
        assert sum(parts) == pytest.approx(expected, rel=1e-3, abs=1e-4 * np.sqrt(np.square(parts).sum()))


@networks(
    "cnn ternary",
    "perceptron 1",
    "attention 1",
    "transformer 1 once",
    "transformer 1 every",
    "transformer 3 once",
    "transformer 3 every",
    "transformer narrow scores",
    "transformer narrow answers",
    "elman once",
    "lstm once",
)
def test_a_sentence_alone_gives_its_row_of_the_batch(learner, shape, reference):
    network, tokens = drawn(learner, shape), some_tokens(shape)
    batch = np.asarray(answers(network, tokens))
    for i in (0, len(tokens) - 1):
        alone = np.asarray(answers(network, tokens[i : i + 1]))
        np.testing.assert_allclose(alone[0], batch[i], rtol=1e-4, atol=1e-5 * np.abs(batch).max())


def test_gradient_of_rows():
    generator = stream(0, "rows")
    table = jnp.asarray(generator.normal(size=(3, VOCAB, 4)), jnp.float32)
    tokens = jnp.asarray(generator.integers(VOCAB, size=(10, 3)).astype(np.uint8))
    output_weights = jnp.asarray(generator.normal(size=(10, 3, 4)), jnp.float32)

    def plain(table):
        return jnp.einsum("npv,pvw->npw", jax.nn.one_hot(tokens, VOCAB), table, precision="highest")

    np.testing.assert_array_equal(rows(table, tokens), np.asarray(table)[np.arange(3), np.asarray(tokens)])
    np.testing.assert_allclose(rows(table, tokens), plain(table), rtol=1e-6)
    expected = compiled(jax.grad(lambda t: (plain(t) * output_weights).sum()))(table)
    got = compiled(jax.grad(lambda t: (rows(t, tokens) * output_weights).sum()))(table)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_mask_row_is_the_table_applied_to_a_constant_vector():
    table = stream(0, "table").normal(size=(2, VOCAB, 3)).astype(np.float32)
    extended = np.asarray(with_mask_row(jnp.asarray(table)))
    np.testing.assert_array_equal(extended[:, :VOCAB], table)
    np.testing.assert_allclose(extended[:, VOCAB], np.full(VOCAB, VOCAB**-0.5) @ table, rtol=1e-5)


@pytest.mark.parametrize("columns", [3, 5])
@pytest.mark.parametrize("shape", [(4,), (6, 4), (3, 2, 4)])
def test_gradient_of_product(shape, columns):
    generator = stream(0, "product")
    x = jnp.asarray(generator.normal(size=shape), jnp.float32)
    weights = jnp.asarray(generator.normal(size=(4, columns)), jnp.float32)
    output_weights = jnp.asarray(generator.normal(size=(*shape[:-1], columns)), jnp.float32)
    np.testing.assert_array_equal(product(x, weights), x @ weights)
    expected = compiled(jax.grad(lambda x, w: ((x @ w) * output_weights).sum(), (0, 1)))(x, weights)
    got = compiled(jax.grad(lambda x, w: (product(x, w) * output_weights).sum(), (0, 1)))(x, weights)
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("heads", [1, 4])
def test_gradient_of_attend(heads, causal):
    batch, length, width = 3, 5, 8
    generator = stream(0, "attend")
    projected = jnp.asarray(generator.normal(size=(batch, length, 3 * width)), jnp.float32)
    output_weights = jnp.asarray(generator.normal(size=(batch, length, width)), jnp.float32)

    def plain(projected):
        parts = jnp.split(projected, 3, axis=-1)
        query, key_, value = (x.reshape(batch, length, heads, width // heads) for x in parts)
        scores = jnp.einsum("bthe,bshe->bhts", query, key_) * (width // heads) ** -0.5
        if causal:
            scores = jnp.where(np.tri(length, dtype=bool), scores, -1e30)
        mixed = jnp.einsum("bhts,bshe->bthe", jax.nn.softmax(scores, axis=-1), value)
        return mixed.reshape(batch, length, width)

    def mine(projected) -> Any:
        return attend(projected, heads, causal)

    @compiled
    def both(projected):
        values = mine(projected), plain(projected)
        gradients = [jax.grad(lambda x, f=f: (f(x) * output_weights).sum())(projected) for f in (mine, plain)]
        return values, gradients

    for got, expected in both(projected):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_attention_from_the_last_position_is_the_last_row_of_attention():
    generator = stream(0, "last")
    inputs = generator.normal(size=(3, 5, 8))
    weights = generator.normal(size=(8, 24))
    expected = attention(inputs, weights, 4, causal=False)[:, -1]
    parts = [jnp.asarray(w, jnp.float32) for w in np.split(weights * 8**-0.5, 3, axis=1)]
    got = jax.jit(attend_from_last, static_argnums=4)(jnp.asarray(inputs, jnp.float32), *parts, 4)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layers", [1, 2])
def test_transformer_sees_no_later_input(layers):
    network = drawn(Transformer(width=8, heads=2, layers=layers), EVERY)
    tokens = some_tokens(EVERY)
    before = np.asarray(answers(network, tokens))
    for position in range(LENGTH):
        changed = tokens.copy()
        changed[:, position] = (tokens[:, position] + 1) % (VOCAB + 1)
        after = np.asarray(answers(network, changed))
        np.testing.assert_array_equal(after[:, :position], before[:, :position])
        moved = np.abs(after - before).max(-1)[:, position:]
        assert (moved > 1e-6).all()


def test_convolutional_network_is_the_locally_connected_one_with_copied_filters():
    shared = drawn(HierarchicalCNN(width=6), ONCE)
    apart = drawn(LocallyConnected(width=6), ONCE, seed=1)
    assert apart.first.shape[0] == 4
    assert [len(w) for w in apart.hidden] == [2, 1]
    hidden = tuple(jnp.repeat(w, len(own), 0) for w, own in zip(shared.hidden, apart.hidden, strict=True))
    where = lambda n: (n.first, n.hidden, n.readout)  # noqa: E731
    copied = eqx.tree_at(where, apart, (jnp.repeat(shared.first, 4, 0), hidden, shared.readout))
    tokens = some_tokens(ONCE)
    for a, b in zip(layers(shared, tokens), layers(copied, tokens), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answers(shared, tokens), answers(copied, tokens), rtol=1e-4, atol=1e-6)


def test_translating_the_input_by_patches_translates_shared_layers():
    network = drawn(HierarchicalCNN(width=6), ONCE)
    tokens = some_tokens(ONCE)
    rolled, plain = (layers(network, t)[:2] for t in (np.roll(tokens, 4, axis=1), tokens))
    for level, (moved, layer) in enumerate(zip(rolled, plain, strict=True), start=1):
        np.testing.assert_allclose(moved, np.roll(layer, 4 // 2**level, axis=1), rtol=1e-5, atol=1e-6)


def test_same_key_same_weights_and_weights_are_standard_normal():
    learner = MultiLayerAttention(width=64, heads=4, layers=2)
    draw = jax.jit(lambda k: learner.network(k, ONCE))
    a, b, c = (draw(key(seed, "network")) for seed in (0, 0, 1))
    flat = [np.concatenate([np.ravel(x) for x in jax.tree.leaves(n)]) for n in (a, b, c)]
    np.testing.assert_array_equal(flat[0], flat[1])
    assert not np.array_equal(flat[0], flat[2])
    n = len(flat[0])
    assert abs(flat[0].mean()) < 4 * n**-0.5
    assert abs(flat[0].var() - 1) < 4 * (2 / n) ** 0.5
    correlation = (flat[0] * flat[2]).mean()
    assert abs(correlation) < 4 * n**-0.5


@pytest.mark.parametrize("learner", [MultiLayerAttention(width=12, heads=5), Transformer(width=12, heads=5)])
def test_heads_must_divide_the_width(learner):
    with pytest.raises(InputError, match=r"heads=5 .*divide width=12.* Choose one of 1, 2, 3, 4, 6, 12"):
        learner.network(key(0), ONCE)


@pytest.mark.parametrize(
    "learner", [HierarchicalCNN(), LocallyConnected(), Perceptron(), EqualityPerceptron(), MultiLayerAttention()]
)
def test_learners_of_one_answer_refuse_to_read_every_position(learner):
    with pytest.raises(InputError, match=f"learner='{learner.kind}' cannot be used: it gives one answer"):
        learner.network(key(0), EVERY)


@pytest.mark.parametrize("learner", [HierarchicalCNN(), LocallyConnected()])
def test_hierarchical_networks_need_a_tree_of_the_right_length(learner):
    with pytest.raises(InputError, match=r"length=6 .*power of the branching 2"):
        learner.network(key(0), Shape(VOCAB, 6, VOCAB, branching=2))
    with pytest.raises(InputError, match=r"length=1 .*power of the branching 2"):
        learner.network(key(0), Shape(VOCAB, 1, VOCAB, branching=2))
    with pytest.raises(InputError, match="no tree of constant branching"):
        learner.network(key(0), Shape(VOCAB, 8, VOCAB, branching=1))


def test_counted_operations_are_those_of_the_matrix_products():
    assert HierarchicalCNN(width=6).forward_flops(ONCE) == 2 * (2 + 1) * 12 * 6 + 2 * 6 * VOCAB
    assert LocallyConnected(width=6).forward_flops(ONCE) == HierarchicalCNN(width=6).forward_flops(ONCE)
    assert Perceptron(width=12, layers=3).forward_flops(ONCE) == 2 * 2 * 12 * 12 + 2 * 12 * VOCAB
