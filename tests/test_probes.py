"""Probes on networks made by hand, of which it is known what they know, and against sums over all sentences."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.kernels import Architecture, Embedding
from syntagma.languages import RandomHierarchy
from syntagma.languages.interventions import resample_rule, resample_symbol
from syntagma.learners import (
    LSTM,
    Activations,
    Elman,
    EqualityPerceptron,
    HierarchicalCNN,
    KernelRegression,
    Layer,
    LocallyConnected,
    MultiLayerAttention,
    Network,
    Transformer,
    fit,
)
from syntagma.oracles import TreeOracle
from syntagma.probes import attention_by_level, distance_to_oracles, invariances, log_probabilities, observe, readouts
from syntagma.probes.attention import _meets_at
from syntagma.probes.observe import visible
from syntagma.randomness import stream
from syntagma.tasks import LastToken, MaskedToken, NextToken, RootClass, Shape
from test_activations import activations
from test_learners import drawn
from test_tree_oracle import Enumeration

LANGUAGE = RandomHierarchy(3, 2, 2, 2, rule_probabilities=0.5, seed=3)
DEEP = RandomHierarchy(4, 2, 2, 3, seed=2)


class ByTable(Network):
    """Answers and one layer, looked up for each input as a whole: `table[code]` and `hidden[code]`."""

    shape: Shape = eqx.field(static=True)
    table: Any
    hidden: Any
    sees: Any
    base: int = eqx.field(static=True)

    def _code(self, inputs):
        powers = self.base ** np.arange(inputs.shape[1])[::-1]
        return (jnp.asarray(inputs, jnp.int32) * powers).sum(1)

    def __call__(self, inputs):
        return self.table[self._code(inputs)]

    def activations(self, inputs):
        layer = Layer("hidden", self.hidden[self._code(inputs)], self.sees)
        return Activations((layer,), self(inputs))


def by_table(language: RandomHierarchy, answers: Any = None, hidden: Any = None) -> ByTable:
    """A network of functions of the inputs `[codes, T]`, all strings of tokens and mask symbols."""
    base, length = language.vocab + 1, language.sentence_length
    inputs = np.stack(np.meshgrid(*[np.arange(base)] * length, indexing="ij"), axis=-1).reshape(-1, length)
    table = np.zeros((len(inputs), 1)) if answers is None else answers(inputs)
    layer = np.zeros((len(inputs), 1, 1)) if hidden is None else hidden(inputs)
    sees = np.ones((layer.shape[1], length), bool)
    shape = NextToken().shape(language)
    return ByTable(shape, jnp.asarray(table, jnp.float32), jnp.asarray(layer, jnp.float32), sees, base)


# --- running a network ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 300])
def test_observing_in_batches_is_observing_each_sentence(count):
    network = drawn(HierarchicalCNN(width=4), Shape(4, 8, 4, branching=2))
    inputs = stream(0, "inputs").integers(4, size=(count, 8))
    shown, expected = observe(network, inputs), activations(network, inputs)
    assert [layer.name for layer in shown.layers] == ["layer 1", "layer 2", "layer 3"]
    for ours, theirs in zip(shown.layers, expected.layers, strict=True):
        np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(ours.sees, theirs.sees)
    np.testing.assert_allclose(log_probabilities(network, inputs), jax.nn.log_softmax(expected.logits), atol=1e-5)


def test_what_is_visible_of_a_sentence():
    sees = np.array([True, True, True, False])
    every, once = NextToken().shape(LANGUAGE), LastToken().shape(LANGUAGE)
    inputs = np.array([[0, 1, 2, 3], [0, 0, 1, 3]])
    np.testing.assert_array_equal(visible(every, inputs, sees), [True, True, False, False])
    np.testing.assert_array_equal(visible(once, inputs, sees), sees)
    inputs[0, 1] = 3
    np.testing.assert_array_equal(visible(once, inputs, sees), [[True, False, True, False], sees])


# --- invariance -------------------------------------------------------------------------------------------------------


def symbol_layer(language: RandomHierarchy, level: int, position: int) -> ByTable:
    """Its layer is the one-hot symbol at the node, found by parsing; the last token is hidden and not needed."""

    def hidden(inputs: np.ndarray) -> np.ndarray:
        symbols = language.parse(np.minimum(inputs, language.vocab - 1), strict=False).levels[level][:, position]
        return np.concatenate([np.eye(language.vocab), np.zeros((1, language.vocab))])[symbols][:, None]

    return by_table(language, hidden=hidden)


def test_a_layer_that_holds_the_symbol_ignores_synonyms_and_reacts_to_symbols_as_whitened_one_hot_vectors_do():
    """Whitened one-hot vectors of symbols with frequencies p have the inner products [a = b] / p_a - 1."""
    sample = LANGUAGE.sample(1, 2000, hidden=True)
    network = symbol_layer(LANGUAGE, 1, 0)
    rule, symbol = invariances(network, LastToken(), LANGUAGE, sample, [(1, 0)], seed=4)
    assert (rule.change, symbol.change, rule.level, symbol.position) == ("rule", "symbol", 1, 0)
    np.testing.assert_allclose([rule.cosine[0], rule.low[0], rule.high[0]], 1.0, atol=1e-4)
    after = resample_symbol(LANGUAGE, sample, 1, 0, 4, different=True)
    before, now = (s.levels[1][:, 0] for s in (sample, after.sample))
    p = np.bincount(before, minlength=3) / len(before)
    inner = np.diag(1 / p) - 1
    cosines = inner[before, now] / np.sqrt(inner[before, before] * inner[now, now])
    assert (cosines < 0).all()
    assert symbol.cosine[0] == pytest.approx(cosines.mean(), abs=1e-4)
    width = 2 * 1.96 * cosines.std() / np.sqrt(len(cosines))
    assert symbol.high[0] - symbol.low[0] == pytest.approx(width, rel=0.15)
    assert symbol.low[0] < symbol.cosine[0] < symbol.high[0]


def test_whitening_forgets_every_invertible_linear_map_of_a_layer():
    sample = DEEP.sample(1, 500, hidden=True)
    shape = LastToken().shape(DEEP)
    network = drawn(MultiLayerAttention(width=8, heads=2, layers=1), shape)
    mixing = jnp.asarray(stream(0, "mixing").normal(size=(8, 8)), jnp.float32)
    layer = network.layers[0]
    mixed = eqx.tree_at(lambda n: n.layers[0].projection, network, layer.projection @ mixing)
    ours, theirs = (invariances(n, LastToken(), DEEP, sample, [(1, 0), (2, 0)]) for n in (network, mixed))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.cosine, b.cosine, atol=2e-3)


def test_positions_that_do_not_see_the_change_have_no_invariance():
    sample = DEEP.sample(1, 300, hidden=True)
    network = drawn(Transformer(width=8, heads=2, layers=1), LastToken().shape(DEEP))
    found = invariances(network, LastToken(), DEEP, sample)
    assert [(x.layer, x.change, x.level, x.position) for x in found] == [
        (layer, change, level, position)
        for level, position in ((1, 2), (2, 0))
        for change in ("rule", "symbol")
        for layer in ("embedding", "layer 1 attention", "layer 1")
    ]
    for one in found:
        first, last = one.position * 2**one.level, (one.position + 1) * 2**one.level
        places = np.arange(8)
        sees = (places >= first) & ((places < last) if one.layer == "embedding" else True)
        np.testing.assert_array_equal(np.isfinite(one.cosine), sees)
        np.testing.assert_array_equal(np.isfinite(one.low), sees)


def test_only_sentences_in_which_the_change_could_be_made_count():
    weights = [np.array([[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]]), np.full((3, 2), 0.5)]
    language = RandomHierarchy.from_productions(LANGUAGE.productions, weights)
    sample = language.sample(0, 200, hidden=True)
    pairs = by_table(language, hidden=lambda inputs: np.eye(16)[inputs[:, 0] * 4 + inputs[:, 1]][:, None])
    rule = invariances(pairs, LastToken(), language, sample, [(1, 0)])[0]
    after = resample_rule(language, sample, 1, 0, 0, different=True)
    np.testing.assert_array_equal(after.applied, sample.levels[1][:, 0] != 1)
    assert rule.num_sentences == after.applied.sum() < 200
    before, now = (s.tokens[after.applied, 0] * 4 + s.tokens[after.applied, 1] for s in (sample, after.sample))
    odds = len(sample.tokens) / np.bincount(sample.tokens[:, 0] * 4 + sample.tokens[:, 1], minlength=16).clip(1) - 1
    assert rule.cosine[0] == pytest.approx(np.mean(-1 / np.sqrt(odds[before] * odds[now])), abs=1e-4)


# --- read-outs --------------------------------------------------------------------------------------------------------


def test_read_outs_find_what_is_there_and_no_more():
    sample = LANGUAGE.sample(2, 3000, hidden=True)
    low, top = readouts(symbol_layer(LANGUAGE, 1, 0), LastToken(), LANGUAGE, sample)
    assert (low.layer, low.level, top.level) == ("hidden", 1, 2)
    assert low.accuracy.shape == (1, 2)
    assert low.accuracy[0, 0] == 1.0
    # of the other symbols, the best guess from the one at (1, 0), by counting
    for readout, position in ((low, 1), (top, 0)):
        symbols = sample.levels[readout.level][:, position].astype(int)
        counts = np.zeros((3, 3))
        np.add.at(counts, (sample.levels[1][:, 0], symbols), 1)
        best = counts.max(axis=1).sum() / len(symbols)
        assert readout.accuracy[0, position] == pytest.approx(best, abs=3 * readout.standard_error[0, position])


def test_ceiling_and_chance_are_those_of_the_exact_posterior():
    everything = Enumeration(LANGUAGE)
    sample = LANGUAGE.sample(2, 200, hidden=True)
    network = drawn(HierarchicalCNN(width=4), LastToken().shape(LANGUAGE))
    for one in readouts(network, LastToken(), LANGUAGE, sample):
        for position in range(len(one.ceiling)):
            seen = np.array([True, True, True, False])
            if one.layer == "layer 1":
                seen &= np.arange(4) // 2 == position
            posteriors = everything.posteriors(sample.tokens, seen, one.level)
            np.testing.assert_allclose(one.ceiling[position], posteriors.max(axis=2).mean(axis=0), atol=1e-10)
        nothing = everything.posteriors(sample.tokens[:1], np.zeros(4, bool), one.level)[0]
        np.testing.assert_allclose(one.chance, nothing.max(axis=1), atol=1e-10)


def test_next_token_positions_see_the_tokens_before():
    everything = Enumeration(LANGUAGE)
    sample = LANGUAGE.sample(2, 100, hidden=True)
    network = drawn(Transformer(width=4, heads=1, layers=1), NextToken().shape(LANGUAGE))
    found = readouts(network, NextToken(), LANGUAGE, sample)
    for one in (x for x in found if x.layer == "layer 1"):
        for position in range(4):
            posteriors = everything.posteriors(sample.tokens, np.arange(4) < position, one.level)
            np.testing.assert_allclose(one.ceiling[position], posteriors.max(axis=2).mean(axis=0), atol=1e-10)


def test_cross_validation_is_not_fooled_by_a_layer_as_wide_as_the_sample():
    """Noise, one vector a string: fitted to all of them it would answer every sentence."""
    language = RandomHierarchy(4, 4, 2, 3, seed=0)  # f = 1: sentences hardly repeat
    noise = stream(0, "noise").normal(size=(5**8 // 64, 1, 120))

    class Noise(ByTable):
        def activations(self, inputs):
            layer = Layer("noise", self.hidden[self._code(inputs) * 7919 % len(self.hidden)], self.sees)
            return Activations((layer,), self(inputs))

    shape = RootClass().shape(language)
    network = Noise(shape, jnp.zeros((1, 4)), jnp.asarray(noise, jnp.float32), np.ones((1, 8), bool), 5)
    sample = language.sample(0, 200, hidden=True)
    accuracy = np.concatenate([x.accuracy[0] for x in readouts(network, RootClass(), language, sample)])
    assert abs(accuracy.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 200 / len(accuracy))


# --- distance to truncated oracles ------------------------------------------------------------------------------------


def knowing(language: RandomHierarchy, window: int) -> ByTable:
    """Predicts the last token as the observer of the `window` tokens before it; no opinion where they cannot be."""
    length = language.sentence_length
    observed = (np.arange(length) >= length - 1 - window) & (np.arange(length) < length - 1)
    oracle = TreeOracle(language)

    def answers(inputs: np.ndarray) -> np.ndarray:
        tokens = np.minimum(inputs, language.vocab - 1)
        logits = np.zeros((len(inputs), language.vocab))
        possible = np.isfinite(oracle.log_evidence(tokens, observed))
        logits[possible] = np.log(oracle.posterior(tokens[possible], observed) + 1e-30)
        return logits

    return by_table(language, answers)


@pytest.mark.parametrize("window", range(4))
def test_a_network_that_predicts_as_a_truncated_observer_is_found_out(window):
    sample = LANGUAGE.sample(3, 400)
    found = distance_to_oracles(knowing(LANGUAGE, window), LastToken(), LANGUAGE, sample)
    assert found.positions == (3,)
    assert found.distance[0, window] == pytest.approx(0.0, abs=1e-5)
    assert found.window_learned == (window,)
    level = {0: 0, 1: 1, 3: 2}
    if window in level:
        assert found.level_learned == (level[window],)
    np.testing.assert_array_equal(found.by_level, found.distance[:, [0, 1, 3]])
    everything = Enumeration(LANGUAGE)
    ours = [
        everything.posteriors(sample.tokens, (np.arange(4) >= 3 - k) & (np.arange(4) < 3), 0)[:, 3] for k in range(4)
    ]
    for k in range(window):  # longer windows have zeros where a shorter one has none, not conversely
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(ours[k] > 0, ours[k] * (np.log(ours[k]) - np.log(ours[window] + 1e-30)), 0.0)
        divergence = terms.sum(axis=1)
        assert found.distance[0, k] == pytest.approx(divergence.mean(), rel=1e-4)
        expected = divergence.std(ddof=1) / np.sqrt(len(divergence))
        assert found.standard_error[0, k] == pytest.approx(expected, rel=1e-4)


def test_distance_is_the_excess_loss_on_average_and_grows_with_the_window_for_one_that_knows_nothing():
    """For a network blind to its input, D_k = cross-entropy - H(token | k tokens): exact plateaus give differences."""
    sample = DEEP.sample(3, 4000)
    shape = LastToken().shape(DEEP)
    network = drawn(HierarchicalCNN(width=4), shape)
    blind = eqx.tree_at(lambda n: n.readout, network, network.readout * 0)
    found = distance_to_oracles(blind, LastToken(), DEEP, sample)
    entropies = np.array([float(e) for e in TreeOracle(DEEP).context_entropies()])
    assert (np.abs(found.distance[0] - (np.log(4) - entropies)) < 4 * found.standard_error[0] + 1e-5).all()


def test_next_token_distances_at_every_position():
    sample = LANGUAGE.sample(3, 300)
    oracle = TreeOracle(LANGUAGE)

    def answers(inputs: np.ndarray) -> np.ndarray:
        """At each position the exact posterior of the tokens before; inputs are shifted by one."""
        tokens = np.append(np.minimum(inputs[:, 1:], 2), np.zeros((len(inputs), 1), int), axis=1)
        logits = np.zeros((len(inputs), 4, 3))
        for position in range(4):
            seen = np.arange(4) < position
            possible = np.isfinite(oracle.log_evidence(tokens, seen))
            logits[possible, position] = np.log(oracle.posterior(tokens[possible], seen, 0, position) + 1e-30)
        return logits

    found = distance_to_oracles(by_table(LANGUAGE, answers), NextToken(), LANGUAGE, sample)
    assert found.positions == (0, 1, 2, 3)
    np.testing.assert_array_equal(np.isnan(found.distance), ~np.tri(4, dtype=bool))
    np.testing.assert_allclose(np.diag(found.distance), 0.0, atol=1e-5)
    assert found.window_learned[0] == 0
    assert found.window_learned[3] == 3
    assert found.level_learned[3] == 2


def test_tasks_without_windows_are_refused():
    with pytest.raises(InputError, match=r"task=MaskedToken\(.*\) has no windows of previous tokens: use LastToken"):
        distance_to_oracles(knowing(LANGUAGE, 0), MaskedToken(), LANGUAGE, LANGUAGE.sample(0, 3))


# --- attention --------------------------------------------------------------------------------------------------------


def test_where_tokens_meet():
    """Binary, 8 tokens: the level is the number of bits up to the highest that differs."""
    pairs = _meets_at(DEEP, np.arange(8), np.arange(8))
    levels = np.array([[int(i ^ j).bit_length() for j in range(8)] for i in range(8)])
    np.testing.assert_array_equal(pairs, np.eye(4)[levels])
    shifted = _meets_at(DEEP, np.arange(8), np.arange(8) - 1)
    np.testing.assert_array_equal(shifted[:, 1:], pairs[:, :-1])
    assert (shifted[:, 0] == 0).all()


@pytest.mark.parametrize("task", [LastToken(), NextToken()])
def test_attention_by_level_is_the_mean_of_the_maps(task):
    shape = task.shape(DEEP)
    network = drawn(Transformer(width=8, heads=2, layers=2), shape)
    sample = DEEP.sample(0, 300)
    found = attention_by_level(network, task, DEEP, sample)
    inputs = task.examples(sample, DEEP, 0).inputs
    layers = [x for x in activations(network, inputs).layers if x.attention is not None]
    assert (
        [one.layer for one in found] == [layer.name for layer in layers] == ["layer 1 attention", "layer 2 attention"]
    )
    every = shape.reads == "every"
    queries = range(8) if every else [7]
    for one, layer in zip(found, layers, strict=True):
        maps, uniform = np.asarray(layer.attention, np.float64), np.zeros(4)
        mass = np.zeros((len(maps), 2, 4))
        for query in queries:
            for key in range(query + 1):
                token = key - every
                if token >= 0:
                    level = int(query ^ token).bit_length()
                    mass[:, :, level] += maps[:, :, query, key] / len(queries)
                    uniform[level] += 1 / (query + 1) / len(queries)
        np.testing.assert_allclose(one.mass, mass.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(one.standard_error, mass.std(axis=0, ddof=1) / np.sqrt(300), atol=1e-5)
        np.testing.assert_allclose(one.uniform, uniform, atol=1e-5)
        if not every:
            np.testing.assert_allclose(one.mass.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("attention", ["full", "causal"])
def test_a_class_token_asks_for_the_last_token_and_holds_none(attention):
    learner = Transformer(width=8, heads=2, layers=1, attention=attention, read_out="class-token")
    network, sample = drawn(learner, LastToken().shape(DEEP)), DEEP.sample(0, 300)
    (found,) = attention_by_level(network, LastToken(), DEEP, sample)
    maps = activations(network, LastToken().examples(sample, DEEP, 0).inputs).layers[1].attention
    mass = np.asarray(maps, np.float64)[:, :, -1].mean(axis=0)
    expected = [mass[:, 7], mass[:, 6], mass[:, 4:6].sum(1), mass[:, :4].sum(1)]
    np.testing.assert_allclose(found.mass, np.stack(expected, axis=1), atol=1e-5)
    np.testing.assert_allclose(found.mass.sum(axis=1), 1.0 - mass[:, 8], atol=1e-5)
    np.testing.assert_allclose(found.uniform, np.array([1, 1, 2, 4]) / 8, atol=1e-6)


@pytest.mark.parametrize("task", [LastToken(), RootClass()])
def test_every_kind_of_network_is_probed(task):
    shape, sample = task.shape(DEEP), DEEP.sample(0, 60, hidden=True)
    learners = LSTM(width=4), Elman(width=4), EqualityPerceptron(width=4, layers=1), LocallyConnected(width=4)
    for learner in (*learners, Transformer(width=4, heads=2, layers=1, attention="full", read_out="class-token")):
        network = drawn(learner, shape)
        names = [layer.name for layer in observe(network, task.examples(sample, DEEP, 0).inputs).layers]
        assert [one.layer for one in invariances(network, task, DEEP, sample, [(1, 0)])] == names * 2
        assert [one.layer for one in readouts(network, task, DEEP, sample)][::3] == names


def test_what_is_no_network_is_refused():
    learner = KernelRegression(architecture=Architecture(embedding=Embedding(vocab=1)))
    sample, task = LANGUAGE.sample(0, 20, hidden=True), LastToken()
    examples = task.examples(sample, LANGUAGE, 0)
    solution: Any = fit(learner, task.shape(LANGUAGE), None, examples, examples, examples).predictor
    for probe in (invariances, readouts, distance_to_oracles, attention_by_level):
        with pytest.raises(InputError, match=r"network=Solution cannot be probed: it has no layers. Give a network"):
            probe(solution, task, LANGUAGE, sample)


def test_networks_without_attention_have_none_to_show():
    network = drawn(HierarchicalCNN(width=4), LastToken().shape(DEEP))
    assert attention_by_level(network, LastToken(), DEEP, DEEP.sample(0, 10)) == []


def test_bad_input_is_named():
    network, sample = symbol_layer(LANGUAGE, 1, 0), LANGUAGE.sample(0, 20, hidden=True)
    for ask, message in [
        (lambda: readouts(network, LastToken(), LANGUAGE, LANGUAGE.sample(0, 20)), "sample has no hidden levels"),
        (lambda: readouts(network, LastToken(), LANGUAGE, sample, folds=1), "folds=1 cannot be used"),
        (
            lambda: readouts(network, LastToken(), LANGUAGE, sample, folds=11),
            "folds=11 cannot be used: there are 20",
        ),
        (lambda: readouts(network, LastToken(), LANGUAGE, sample, ridge=0.0), "ridge=0.0 cannot be used"),
        (lambda: invariances(network, LastToken(), LANGUAGE, sample, [(3, 0)]), "level=3 cannot be used"),
        (lambda: attention_by_level(network, LastToken(), LANGUAGE, sample, queries=[4]), "queries=4 cannot be used"),
    ]:
        with pytest.raises(InputError, match=message):
            ask()
