"""The counter against a plain re-implementation of its formulas, and on languages whose answers are known."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter as Tally
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.languages import RandomHierarchy
from syntagma.learners import Counter, fit
from syntagma.learners.readers import counting
from syntagma.learners.readers.counting import count_contexts
from syntagma.learners.readers.nearby import nearby, tree_order
from syntagma.learners.readers.smoothing import Smoothed, discounts
from syntagma.oracles import TreeOracle
from syntagma.statistics.ngrams import ngram_losses
from syntagma.sweep.runs import Run, Runner
from syntagma.tasks import Examples, LastToken, MaskedToken, NextToken, RootClass, Shape, SymmetryTarget


def plain_contexts(inputs: np.ndarray, shape: Shape, shared: bool) -> list[tuple]:
    """The place (0 where shared) and the tokens around each answer, the nearest first, sentence after sentence."""
    contexts, mask, length = [], shape.vocab, shape.length
    for sentence in inputs.tolist():
        if shape.reads == "every":
            for t in range(length):
                before = [sentence[t - j] if t >= j else mask for j in range(length)]
                contexts.append((0 if shared else t, *before))
            continue
        place = sentence.index(mask)
        if shared:
            around = [place + sign * distance for distance in range(1, length) for sign in (-1, 1)]
            contexts.append((0, *(sentence[i] if 0 <= i < length else mask for i in around)))
        else:
            others = sorted(set(range(length)) - {place}, key=lambda i: (ancestor(i, place, shape), abs(i - place), i))
            contexts.append((place, *(sentence[i] for i in others)))
    return contexts


def ancestor(i: int, j: int, shape: Shape) -> int:
    """Height of the lowest common ancestor."""
    if shape.branching == 1:
        return 0
    height = 0
    while i != j:
        i, j, height = i // shape.branching, j // shape.branching, height + 1
    return height


def plain_distribution(contexts, targets, answers, orders, smoothing, ended, asked) -> list[float]:
    """P(answer | asked context) with the last of `orders` as the longest, by the formulas of `smoothing.py`."""
    p = [1 / answers] * answers
    for k, order in enumerate(orders):
        longest = k == len(orders) - 1
        counts = defaultdict(Tally)
        for context, target in zip(contexts, targets, strict=True):
            counts[context[: order + 1]][target] += 1
        if smoothing == "kneser-ney" and not longest:
            longer = orders[k + 1]
            different = {(c[: longer + 1], x) for c, x in zip(contexts, targets, strict=True)}
            extensions = defaultdict(Tally)
            for context, x in different:
                extensions[context[: order + 1]][x] += 1
            counts = {c: counts[c] if order > 0 and c[-1] == ended else extensions[c] for c in counts}
        here = counts.get(asked[: order + 1])
        often = Tally(number for tally in counts.values() for number in tally.values())
        if here is None:
            continue
        total = sum(here.values())
        if smoothing == "witten-bell":
            p = [(here[x] + len(here) * p[x]) / (total + len(here)) for x in range(answers)]
            continue
        n1, n2, n3, n4 = (often[i] for i in range(1, 5))
        y = n1 / (n1 + 2 * n2) if n1 else 0
        formula = {
            1: 1 - 2 * y * n2 / n1 if n1 else 0,
            2: 2 - 3 * y * n3 / n2 if n1 and n2 else 0,
            3: 3 - 4 * y * n4 / n3 if n1 and n3 else 0,
        }
        d = {i: value if 0 < value < i else i / 2 for i, value in formula.items()} | {0: 0}
        taken = sum(d[min(number, 3)] for number in here.values())
        p = [(here[x] - d[min(here[x], 3)] + taken * p[x]) / total for x in range(answers)]
    return p


def drawn(seed: int, number: int, task: str, vocab: int, length: int, branching: int) -> tuple[Examples, Shape]:
    """Examples of sentences that repeat themselves, so that contexts of all lengths recur."""
    generator = np.random.Generator(np.random.PCG64(seed))
    kinds = generator.integers(vocab, size=(6, length))
    tokens = np.where(generator.random((number, length)) < 0.2, generator.integers(vocab, size=(number, length)), 0)
    tokens = np.where(tokens > 0, tokens, kinds[generator.integers(6, size=number)]).astype(np.uint8)
    inputs, rows = tokens.copy(), np.arange(number)
    if task == "next":
        inputs = np.concatenate([np.full((number, 1), vocab, np.uint8), tokens[:, :-1]], axis=1)
        return Examples(inputs, tokens), Shape(vocab, length, vocab, "every", branching)
    place = np.full(number, length - 1) if task == "last" else generator.integers(length, size=number)
    inputs[rows, place] = vocab
    return Examples(inputs, tokens[rows, place]), Shape(vocab, length, vocab, "once", branching)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31 - 1),
    number=st.integers(1, 60),
    task=st.sampled_from(["last", "masked", "next"]),
    smoothing=st.sampled_from(["witten-bell", "kneser-ney"]),
    shared=st.booleans(),
    branching=st.sampled_from([1, 2]),
    gaps=st.booleans(),
    bits=st.sampled_from([1, 9, 64]),
)
def test_probabilities_are_those_of_the_formulas(seed, number, task, smoothing, shared, branching, gaps, bits) -> None:
    vocab, length = 3, 4
    train, shape = drawn(seed, number, task, vocab, length, branching)
    test, _ = drawn(seed + 1, 5, task, vocab, length, branching)
    items, asked = (nearby(part.inputs, shape, shared) for part in (train, test))
    depth = items.tokens.shape[-1]
    orders = [n for n in range(depth + 1) if not gaps or n in (0, 1, 3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_CODE_BITS", bits)  # how many symbols are sorted at once must not matter
        counts = count_contexts(items, train.targets.reshape(-1), vocab, orders)
    found = list(Smoothed(counts, smoothing).distributions(asked))
    contexts, targets = plain_contexts(train.inputs, shape, shared), train.targets.reshape(-1).tolist()
    ended = vocab if task == "next" else None
    for place in range(len(orders)):
        for row, context in enumerate(plain_contexts(test.inputs, shape, shared)):
            expected = plain_distribution(contexts, targets, vocab, orders[: place + 1], smoothing, ended, context)
            if place < len(orders) - 1 and smoothing == "kneser-ney":
                counts_then = count_contexts(items, train.targets.reshape(-1), vocab, orders[: place + 1])
                again = list(Smoothed(counts_then, smoothing).distributions(asked))[-1]
                np.testing.assert_allclose(again[row], found[place][row], atol=1e-12)
            np.testing.assert_allclose(found[place][row], expected, atol=1e-12)
    only = next(Smoothed(counts, smoothing).distributions(asked, orders[-1]))
    np.testing.assert_array_equal(only, found[-1])


def test_discounts_are_chen_and_goodmans() -> None:
    """Y = 100 / (100 + 2 * 40) = 5/9; D(1) = 1 - 2 Y 40/100, D(2) = 2 - 3 Y 20/40, D(3) = 3 - 4 Y 10/20."""
    np.testing.assert_allclose(discounts(np.array([100, 40, 20, 10])), [0, 5 / 9, 7 / 6, 17 / 9])
    np.testing.assert_allclose(discounts(np.array([0, 0, 0, 0])), [0, 0.5, 1, 1.5])
    np.testing.assert_allclose(discounts(np.array([1, 0, 5, 9])), [0, 0.5, 1, 1.5])


def test_others_are_ordered_by_the_tree() -> None:
    assert tree_order(8, 2)[2].tolist() == [3, 1, 0, 4, 5, 6, 7]
    assert tree_order(8, 2)[7].tolist() == [6, 5, 4, 3, 2, 1, 0]
    assert tree_order(9, 3)[4].tolist() == [3, 5, 2, 6, 1, 7, 0, 8]
    assert tree_order(4, 1)[1].tolist() == [0, 2, 3]


def examples(language, task, seed, number) -> Examples:
    return task.examples(language.sample(seed, number, hidden=task.hidden), language, seed)


@pytest.mark.parametrize("smoothing", ["witten-bell", "kneser-ney"])
@pytest.mark.parametrize("branching", [2, 3])
def test_plateaus_are_reached(smoothing, branching) -> None:
    """With contexts of s^l - 1 tokens and many sentences the loss is L_l; with fewer tokens it is not below."""
    language, task = RandomHierarchy(4, 2, branching, 2, seed=1), LastToken()
    sets = [examples(language, task, seed, number) for seed, number in ((0, 2**18), (1, 4000), (2, 20000))]
    for level, plateau in enumerate(TreeOracle(language).plateaus()):
        found = fit(
            Counter(smoothing=smoothing, max_order=branching**level - 1), task.shape(language), None, *sets
        ).metrics
        assert found["order"] == branching**level - 1
        assert abs(found["test_loss"] - plateau.value) < 4 * found["test_loss_error"] + 2e-3


@pytest.mark.parametrize("task", [MaskedToken(), MaskedToken(position=1), NextToken()])
def test_other_tasks_come_near_their_oracles(task) -> None:
    language = RandomHierarchy(4, 2, 2, 2, seed=3)
    sets = [examples(language, task, seed, number) for seed, number in ((0, 2**17), (1, 2000), (2, 8000))]
    found = fit(Counter(), task.shape(language), None, *sets)
    excess = found.example_losses - task.oracle_losses(language, sets[2])
    assert -4 * excess.std() / 8000**0.5 < excess.mean() < 5e-3
    assert found.metrics["test_loss"] == pytest.approx(found.example_losses.mean())


def test_shared_counts_serve_all_positions_of_a_shuffled_alphabet() -> None:
    """Tokens that only depend on the one before: one table learns the chain from few sentences."""
    generator = np.random.Generator(np.random.PCG64(0))
    chain = generator.dirichlet(np.full(3, 0.4), size=3)
    tokens = np.zeros((700, 12), np.uint8)
    for t in range(1, 12):
        tokens[:, t] = [generator.choice(3, p=chain[x]) for x in tokens[:, t - 1]]
    inputs = np.concatenate([np.full((700, 1), 3, np.uint8), tokens[:, :-1]], axis=1)
    sets = [Examples(inputs[part], tokens[part]) for part in (slice(0, 100), slice(100, 400), slice(400, 700))]
    shape = Shape(3, 12, 3, "every")
    found = fit(Counter(), shape, None, *sets)
    assert (found.metrics["positions"], found.metrics["order"]) == ("shared", 1)
    own = fit(Counter(positions="own"), shape, None, *sets)
    assert found.metrics["test_loss"] < own.metrics["test_loss"]
    logs = found.predictor(sets[2].inputs)
    assert logs.shape == (300, 12, 3)
    after = np.exp(logs[:, 1:])[tokens[400:, :-1] == 1].mean(axis=0)
    np.testing.assert_allclose(after, chain[1], atol=0.05)


def test_validation_chooses_and_test_sentences_are_only_read() -> None:
    language, task = RandomHierarchy(4, 2, 2, 3, seed=0), LastToken()
    shape = task.shape(language)
    train, validation, test = (examples(language, task, seed, 500) for seed in range(3))
    found = fit(Counter(orders="all"), shape, None, train, validation, test)
    counts = count_contexts(nearby(train.inputs, shape, False), train.targets, 4, range(8))
    losses = [
        -np.log(p[np.arange(500), validation.targets]).mean()
        for p in Smoothed(counts, "witten-bell").distributions(nearby(validation.inputs, shape, False))
    ]
    assert found.metrics["order"] == int(np.argmin(losses))
    assert found.metrics["validation_loss"] == pytest.approx(min(losses))
    other = fit(Counter(orders="all"), shape, None, train, validation, examples(language, task, 9, 70))
    np.testing.assert_array_equal(found.predictor(test.inputs), other.predictor(test.inputs))
    logs = found.predictor(test.inputs)
    np.testing.assert_allclose(np.exp(logs).sum(1), 1)
    assert found.metrics["test_loss"] == pytest.approx(-logs[np.arange(500), test.targets].mean())
    assert found.metrics["test_accuracy"] == pytest.approx((logs.argmax(1) == test.targets).mean())


def test_renaming_tokens_changes_nothing() -> None:
    language, task = RandomHierarchy(5, 2, 2, 3, seed=0), LastToken()
    names = np.array([3, 0, 4, 1, 2, 5])
    sets = [examples(language, task, seed, 300) for seed in range(3)]
    renamed = [Examples(names[part.inputs], names[part.targets]) for part in sets]
    one, other = (fit(Counter(), task.shape(language), None, *given).metrics for given in (sets, renamed))
    assert one["order_losses"] == pytest.approx(other["order_losses"])
    assert one["test_loss"] == pytest.approx(other["test_loss"], rel=1e-12)


def test_memory_goes_by_distinct_contexts() -> None:
    """Sentences that say the same again and again need no more counts than one of them."""
    shape, sentences = Shape(4, 6, 4), np.array(list(itertools.product(range(4), repeat=2)))
    tokens = np.repeat(np.concatenate([sentences, sentences, sentences], axis=1), 500, axis=0)
    inputs = tokens.copy()
    inputs[:, -1] = 4
    counts = count_contexts(nearby(inputs, shape, False), tokens[:, -1], 4, [0, 1, 3, 5])
    assert counts.num_contexts() == 1 + 4 + 16 * 4
    assert [len(table.count) for table in counts.tables] == [4, 16, 16, 16]


@pytest.mark.parametrize("task", [RootClass(), SymmetryTarget(partition=(3, 1))])
def test_tasks_without_hidden_tokens_are_refused_in_one_line(task) -> None:
    language = RandomHierarchy(4, 2, 2, 2, num_classes=3)
    sets = [examples(language, task, seed, 20) for seed in range(3)]
    with pytest.raises(InputError, match="Choose the task last-token, masked-token or next-token") as error:
        fit(Counter(), task.shape(language), None, *sets)
    assert "\n" not in str(error.value)


def test_classes_that_are_as_many_as_tokens_are_refused_too() -> None:
    language, task = RandomHierarchy(4, 2, 2, 2), RootClass()
    sets = [examples(language, task, seed, 20) for seed in range(3)]
    with pytest.raises(InputError, match=r"inputs\[0\] has 0 hidden tokens"):
        fit(Counter(), task.shape(language), None, *sets)
    sets = [Examples(np.full((2, 4), 4), np.zeros(2, int))] * 3
    with pytest.raises(InputError, match=r"inputs\[0\] has 4 hidden tokens"):
        fit(Counter(), task.shape(language), None, *sets)


def test_losses_are_finite_where_nothing_was_seen() -> None:
    shape = Shape(300, 2, 300)
    one = Examples(np.array([[7, 300]]), np.array([9]))
    other = Examples(np.array([[8, 300]]), np.array([10]))
    found = fit(Counter(), shape, None, one, other, other).metrics
    assert found["test_loss"] == pytest.approx(math.log(600))


@pytest.mark.parametrize("task", [MaskedToken(), NextToken(), LastToken()])
def test_a_sentence_is_read_alike_alone_and_among_others(task) -> None:
    language = RandomHierarchy(4, 2, 2, 2, seed=3)
    sets = [examples(language, task, seed, 200) for seed in range(3)]
    for positions in ("own", "shared"):
        predictor = fit(Counter(positions=positions), task.shape(language), None, *sets).predictor
        together = predictor(sets[2].inputs)
        for row in range(40):
            np.testing.assert_array_equal(predictor(sets[2].inputs[row : row + 1])[0], together[row])


def test_a_text_costs_what_its_ngram_statistics_say() -> None:
    """One long sentence against `statistics.ngrams`, which is written for one long text."""
    generator = np.random.Generator(np.random.PCG64(0))
    train, test = (np.cumsum(generator.geometric(0.6, size=500)) % 7 for _ in range(2))
    shape = Shape(7, 500, 7, "every")
    texts = [np.concatenate([[7], text[:-1]])[None] for text in (train, test)]
    counts = count_contexts(nearby(texts[0], shape, True, 4), train, 7, range(5))
    expected = ngram_losses(train, test, 7, 4)
    for order, p in enumerate(Smoothed(counts, "witten-bell").distributions(nearby(texts[1], shape, True, 4))):
        np.testing.assert_allclose(-np.log(p[range(500), test])[4:], expected[order], rtol=1e-12)


@pytest.mark.parametrize("kind", ["counter", "clusterer"])
def test_readers_are_run_and_stored_as_other_learners_are(kind) -> None:
    run = Run(
        language={"kind": "random-hierarchy", "vocab": 4, "rules": 2, "branching": 2, "depth": 2},
        task={"kind": "last-token"},
        learner={"kind": kind},
        training=None,
        num_examples=300,
        test_examples=200,
        seed=1,
    )
    (result,) = Runner().execute([run])
    assert json.loads(json.dumps(result)) == result
    assert abs(result["excess_loss"]) < 0.3
    assert (result["stopped"], result["steps"], result["examples_seen"]) == ("solved", 0, 300)
    assert [row["step"] for row in result["history"]] == [0]
    assert {"validation_loss_error", "test_loss_error", "final_test_loss", "seconds", "flops"} <= result.keys()
