"""The clusterer against a plain re-implementation, and against the grammars that it never sees."""

from __future__ import annotations

import itertools
import math
from collections import Counter as Tally
from collections import defaultdict

import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.languages import RandomHierarchy
from syntagma.learners import Clusterer, fit
from syntagma.learners.readers import levels as levels_module
from syntagma.learners.readers import synonyms as synonyms_module
from syntagma.learners.readers.clusterer import context, context_orders, context_places
from syntagma.learners.readers.counting import count_contexts
from syntagma.learners.readers.levels import Reading, learn_levels
from syntagma.learners.readers.smoothing import Smoothed
from syntagma.learners.readers.synonyms import synonyms
from syntagma.oracles import TreeOracle
from syntagma.tasks import Examples, LastToken, MaskedToken, NextToken, RootClass, Shape

STATISTICS = list(itertools.product(["target", "neighbour"], [True, False]))


def examples(language, task, seed, number) -> Examples:
    return task.examples(language.sample(seed, number, hidden=task.hidden), language, seed)


def plain_cost(a: Tally, b: Tally) -> float:
    """Log-likelihood of two rows under their own frequencies, less that under common ones."""

    def likely(row: Tally) -> float:
        total = sum(row.values())
        return sum(n * math.log(n / total) for n in row.values())

    return round(likely(a) + likely(b) - likely(a + b), 9)


def plain_synonyms(rows: list[Tally], symbols: int) -> list[int]:
    """Join the cheapest pair, the first where several are, until few enough groups are left."""
    groups = [([i], row) for i, row in enumerate(rows)]
    while len(groups) > symbols:
        pairs = itertools.combinations(range(len(groups)), 2)
        i, j = min(pairs, key=lambda pair: plain_cost(groups[pair[0]][1], groups[pair[1]][1]))
        groups[i] = (groups[i][0] + groups[j][0], groups[i][1] + groups[j][1])
        del groups[j]
    return [next(k for k, (members, _) in enumerate(groups) if i in members) for i in range(len(rows))]


def plain_levels(sentences, targets, reading: Reading) -> tuple[list[list[list[int]]], list[dict]]:
    """The symbols of every level of each sentence, and the tables (place or None, tuple) -> symbol that made them."""
    s, read, tables = reading.branching, [[list(sentence)] for sentence in sentences], []
    for level in range(reading.levels):
        hidden = None if reading.hidden is None else reading.hidden // s**level
        seen: dict = defaultdict(Tally)
        for sentence, target in zip(read, targets, strict=True):
            row = sentence[level]
            for j in range(len(row) // s):
                if hidden is not None and j == hidden // s:
                    continue
                key = (None if reading.sharing else j, tuple(row[j * s : j * s + s]))
                if reading.statistic == "target" or level + 2 > reading.depth:
                    seen[key][j, target] += 1
                    continue
                first = j // s * s  # the first tuple under the same grandparent
                for other, child in itertools.product(range(s), range(s)):
                    where = (first + other) * s + child
                    if first + other != j and where != hidden:
                        seen[key][j - first, other, child, row[where]] += 1
        table = {}
        for place in {place for place, _ in seen}:
            tuples = sorted(t for p, t in seen if p == place)
            number = reading.answers if level + 1 == reading.depth else reading.symbols
            labels = plain_synonyms([seen[place, t] for t in tuples], number)
            table |= {(place, t): label for t, label in zip(tuples, labels, strict=True)}
        tables.append(table)
        for sentence in read:
            sentence.append(plain_above(sentence[level], level, table, reading))
    return [list(sentence) for sentence in read], tables


def plain_above(row, level, table, reading) -> list[int]:
    s, hidden = reading.branching, reading.hidden
    unknown = reading.answers if level + 1 == reading.depth else reading.symbols
    above = []
    for j in range(len(row) // s):
        key = (None if reading.sharing else j, tuple(row[j * s : j * s + s]))
        is_hidden = hidden is not None and j == hidden // s ** (level + 1)
        above.append(unknown if is_hidden else table.get(key, unknown))
    return above


def plain_context(read, reading: Reading) -> list[tuple[int, ...]]:
    """Contexts of 0, 1, 2, ... levels."""
    s, p = reading.branching, reading.hidden
    contexts: list[tuple[int, ...]] = [()]
    if p is None:
        for level in range(reading.depth, -1, -1):
            contexts.append((*contexts[-1], *read[level]))
        return contexts
    for level in range(reading.depth):
        own = p // s**level
        tuple_of_own = range(own // s * s, own // s * s + s)
        contexts.append((*contexts[-1], *(read[level][q] for q in tuple_of_own if q != own)))
    return contexts


def plain_probabilities(contexts, targets, answers, asked) -> list[list[float]]:
    """Witten-Bell, for each number of levels."""
    p, out = [1 / answers] * answers, []
    for k, context_asked in enumerate(asked):
        here = Tally(t for c, t in zip(contexts, targets, strict=True) if c[k] == context_asked)
        total, kinds = sum(here.values()), len(here)
        if total:
            p = [(here[x] + kinds * p[x]) / (total + kinds) for x in range(answers)]
        out.append(p)
    return out


CASES = [
    (RandomHierarchy(4, 2, 2, 3, seed=0), LastToken(), 150),
    (RandomHierarchy(4, 3, 2, 3, seed=1), MaskedToken(position=2), 120),
    (RandomHierarchy(3, 2, 3, 2, seed=2), LastToken(), 100),
    (RandomHierarchy(3, 3, 3, 2, seed=2), MaskedToken(position=4), 80),
    (RandomHierarchy(4, 2, 2, 3, num_classes=3, seed=3), RootClass(), 60),
]


@pytest.mark.parametrize(("statistic", "sharing"), STATISTICS)
@pytest.mark.parametrize("case", range(len(CASES)))
def test_everything_is_as_in_a_plain_implementation(case, statistic, sharing) -> None:
    language, task, number = CASES[case]
    shape = task.shape(language)
    train, validation, test = (examples(language, task, seed, n) for seed, n in ((0, number), (1, 200), (2, 30)))
    found = fit(Clusterer(statistic=statistic, sharing=sharing), shape, None, train, validation, test)
    hidden = None if isinstance(task, RootClass) else int(np.argmax(train.inputs[0] == language.vocab))
    reading = Reading(
        language.branching, language.depth, language.vocab, language.vocab, hidden, shape.outputs, statistic, sharing
    )
    targets = train.targets.tolist()
    read, tables = plain_levels(train.inputs.tolist(), targets, reading)
    contexts = [plain_context(sentence, reading) for sentence in read]
    assert found.metrics["tuples"] == sum(map(len, tables))
    by_order = []
    for part in (validation, test):
        rows = []
        for sentence in part.inputs.tolist():
            sentence_read = [sentence]
            for level, table in enumerate(tables):
                sentence_read.append(plain_above(sentence_read[-1], level, table, reading))
            asked = plain_context(sentence_read, reading)
            rows.append(plain_probabilities(contexts, targets, shape.outputs, asked))
        by_order.append(np.array(rows))
    losses = [-np.log(by_order[0][range(200), k, validation.targets]).mean() for k in range(len(contexts[0]))]
    np.testing.assert_allclose(found.metrics["order_losses"], losses, rtol=1e-10)
    assert found.metrics["order"] == int(np.argmin(losses))
    expected = np.log(by_order[1][:, found.metrics["order"]])
    np.testing.assert_allclose(found.predictor(test.inputs), expected, atol=1e-10)
    assert found.metrics["test_loss"] == pytest.approx(-expected[range(30), test.targets].mean())


@pytest.mark.parametrize("seed", range(6))
def test_synonyms_are_joined_as_by_hand(seed) -> None:
    generator = np.random.Generator(np.random.PCG64(seed))
    counts = generator.poisson(generator.choice([0.5, 4, 40], size=(14, 1)) * generator.random((14, 7)) ** 2)
    counts[:, 3] = 0
    counts[:, 0] += 1
    rows = [Tally({x: int(n) for x, n in enumerate(row) if n}) for row in counts]
    for symbols in (1, 3, 13, 14, 20):
        assert synonyms(counts, symbols).tolist() == plain_synonyms(rows, symbols)


def test_rare_tuples_go_where_they_cost_least(monkeypatch) -> None:
    generator = np.random.Generator(np.random.PCG64(0))
    counts = generator.poisson(generator.choice([1, 60], size=(20, 1)) * generator.dirichlet(np.ones(5), size=20)) + 1
    monkeypatch.setattr(synonyms_module, "_MOST_JOINED", 8)
    found = synonyms(counts, 3)
    frequent = sorted(sorted(range(20), key=lambda i: (-counts[i].sum(), i))[:8])
    rows = [Tally({x: int(n) for x, n in enumerate(row)}) for row in counts]
    labels = plain_synonyms([rows[i] for i in frequent], 3)
    assert found[frequent].tolist() == labels
    sums = [sum((rows[i] for i, k in zip(frequent, labels, strict=True) if k == group), Tally()) for group in range(3)]
    for i in set(range(20)) - set(frequent):
        assert found[i] == min(range(3), key=lambda group: plain_cost(rows[i], sums[group]))


def test_tuples_are_found_alike_in_large_alphabets(monkeypatch) -> None:
    language, task = RandomHierarchy(4, 2, 2, 3, seed=0), LastToken()
    sets = [examples(language, task, seed, 150) for seed in range(3)]
    small = fit(Clusterer(), task.shape(language), None, *sets)
    monkeypatch.setattr(levels_module, "_DENSE_CODES", 1)
    large = fit(Clusterer(), task.shape(language), None, *sets)
    np.testing.assert_array_equal(small.predictor(sets[2].inputs), large.predictor(sets[2].inputs))


@pytest.mark.parametrize("statistic", ["target", "neighbour"])
def test_the_grammar_is_found(statistic) -> None:
    """With many sentences the tuples of one group are right-hand sides of one symbol, at every level, and all of them
    where as many symbols occur as groups are made."""
    language, task = RandomHierarchy(8, 2, 2, 4, seed=1), LastToken()
    train = examples(language, task, 0, 2**16)
    reading = Reading(2, 4, 8, 8, 15, 8, statistic, True)
    learned = learn_levels(reading, train.inputs, train.targets)
    test = examples(language, task, 1, 2000)
    truth = language.sample(1, 2000, hidden=True).levels
    for level, row in enumerate(learned.read(test.inputs)[1:], start=1):
        pairs = {(int(a), int(b)) for a, b in zip(row[:, :-1].flat, truth[level][:, :-1].flat, strict=True)}
        groups, symbols = {a for a, _ in pairs}, {b for _, b in pairs}
        assert len(pairs) == len(groups) == 8
        assert len(symbols) == (8 if level < 3 else 7)


@pytest.mark.parametrize(("statistic", "sharing"), STATISTICS)
@pytest.mark.parametrize("rules", [2, 3])
def test_plateaus_are_reached(statistic, sharing, rules) -> None:
    """Counts of l levels lose L_l, and the chosen one what the exact oracle loses."""
    language, task = RandomHierarchy(8, rules, 2, 3, seed=4), LastToken()
    sets = [examples(language, task, seed, n) for seed, n in ((0, 2**17), (1, 20000), (2, 20000))]
    found = fit(Clusterer(statistic=statistic, sharing=sharing), task.shape(language), None, *sets)
    error = 4 * found.metrics["validation_loss_error"]
    plateaus = [plateau.value for plateau in TreeOracle(language).plateaus()]
    np.testing.assert_allclose(found.metrics["order_losses"], plateaus, atol=2 * error)
    excess = found.example_losses - task.oracle_losses(language, sets[2])
    assert -4 * excess.std() / 20000**0.5 < excess.mean() < 3e-3


def test_sharing_and_neighbours_need_fewer_sentences() -> None:
    """At level 3: v m^5 without sharing, v m^4 with it, v m^3 by neighbours: excess loss at one size, in that order."""
    language, task = RandomHierarchy(16, 4, 2, 3, seed=0), LastToken()
    sets = [examples(language, task, seed, n) for seed, n in ((0, 8000), (1, 5000), (2, 5000))]
    without, shared, neighbours = (
        fit(Clusterer(statistic=statistic, sharing=sharing), task.shape(language), None, *sets).metrics["test_loss"]
        for statistic, sharing in (("target", False), ("target", True), ("neighbour", True))
    )
    lowest = task.oracle_losses(language, sets[2]).mean()
    assert neighbours - lowest < 0.6 * (shared - lowest)
    assert shared - lowest < 0.6 * (without - lowest)


@pytest.mark.parametrize("statistic", ["target", "neighbour"])
def test_without_sharing_every_place_has_a_language_of_its_own(statistic) -> None:
    """Other names of the tokens of one tuple change nothing without sharing, and much with it."""
    language, task = RandomHierarchy(6, 2, 2, 3, seed=0), LastToken()
    sets = [examples(language, task, seed, n) for seed, n in ((0, 20000), (1, 2000), (2, 2000))]
    names, renamed = np.array([3, 5, 4, 1, 0, 2]), []
    for part in sets:
        inputs = part.inputs.copy()
        inputs[:, 2:4] = names[inputs[:, 2:4]]
        renamed.append(Examples(inputs, part.targets))
    for sharing in (False, True):
        learner = Clusterer(statistic=statistic, sharing=sharing)
        one, other = (fit(learner, task.shape(language), None, *given).metrics for given in (sets, renamed))
        same = one["order_losses"] == pytest.approx(other["order_losses"], rel=1e-9)
        assert same == (not sharing)


def test_classes_are_learned_from_whole_sentences() -> None:
    language, task = RandomHierarchy(8, 2, 2, 3, seed=0), RootClass()
    sets = [examples(language, task, seed, n) for seed, n in ((0, 2000), (1, 500), (2, 500))]
    found = fit(Clusterer(), task.shape(language), None, *sets).metrics
    assert found["test_accuracy"] == 1.0
    assert found["test_loss"] < 0.01


def test_what_is_open_is_no_neighbour() -> None:
    """Of a tree of eight tokens, the last hidden: tuple 2 has one known neighbour, tuple 0 both of tuple 1."""
    reading, tuples = Reading(2, 3, 4, 4, 7, 4, "neighbour", True), np.arange(8).reshape(1, 4, 2)
    seen = {place: list(levels_module._seen_with(reading, tuples, np.zeros(1), 0, place)) for place in (0, 1, 2)}
    assert [(kind, values.tolist()) for kind, values, _ in seen[2]] == [((0, 1, 0), [6])]
    assert [(kind, values.tolist()) for kind, values, _ in seen[0]] == [((0, 1, 0), [2]), ((0, 1, 1), [3])]
    assert [(kind, values.tolist()) for kind, values, _ in seen[1]] == [((1, 0, 0), [0]), ((1, 0, 1), [1])]


def test_context_of_a_hidden_token_is_what_hangs_on_its_path() -> None:
    reading = Reading(3, 2, 4, 4, 4, 4, "target", True)
    assert context_places(reading) == [(0, 3), (0, 5), (1, 0), (1, 2)]
    assert context_orders(reading) == [0, 2, 4]
    of_class = Reading(2, 2, 4, 4, None, 3, "target", True)
    assert context_places(of_class) == [(2, 0), (1, 0), (1, 1), (0, 0), (0, 1), (0, 2), (0, 3)]
    assert context_orders(of_class) == [0, 1, 3, 7]
    assert context_places(Reading(2, 0, 4, 4, 0, 4, "target", True)) == []


def test_validation_chooses_and_unseen_tuples_are_no_trouble() -> None:
    language, task = RandomHierarchy(8, 4, 2, 3, seed=0), LastToken()
    shape = task.shape(language)
    train, validation, test = (examples(language, task, seed, n) for seed, n in ((0, 40), (1, 300), (2, 300)))
    found = fit(Clusterer(), shape, None, train, validation, test)
    assert math.isfinite(found.metrics["test_loss"])
    np.testing.assert_allclose(np.exp(found.predictor(test.inputs)).sum(axis=1), 1)
    reading = Reading(2, 3, 8, 8, 7, 8, "target", True)
    learned = learn_levels(reading, train.inputs, train.targets)
    assert (learned.read(test.inputs)[1][:, :-1] == 8).any()
    counts = count_contexts(context(learned, train.inputs), train.targets, 8, context_orders(reading))
    asked = context(learned, validation.inputs)
    losses = [
        -np.log(p[range(300), validation.targets]).mean() for p in Smoothed(counts, "witten-bell").distributions(asked)
    ]
    assert found.metrics["order"] == int(np.argmin(losses))
    other = fit(Clusterer(), shape, None, train, validation, validation)
    np.testing.assert_array_equal(found.predictor(test.inputs), other.predictor(test.inputs))


def test_the_order_of_sentences_says_nothing() -> None:
    language, task = RandomHierarchy(8, 3, 2, 3, seed=0), LastToken()
    sets = [examples(language, task, seed, 400) for seed in range(3)]
    turned = [Examples(part.inputs[::-1], part.targets[::-1]) for part in sets]
    one, other = (fit(Clusterer(), task.shape(language), None, *given).metrics for given in (sets, turned))
    assert one["order_losses"] == pytest.approx(other["order_losses"], rel=1e-12)


def test_what_it_cannot_do_is_refused_in_one_line() -> None:
    language = RandomHierarchy(4, 2, 2, 2)
    with pytest.raises(InputError, match="gives one answer of several to a sentence"):
        Clusterer().check(NextToken().shape(language))
    with pytest.raises(InputError, match="gives one answer of several to a sentence"):
        Clusterer().check(Shape(4, 4, 1, branching=2, loss="squared"))
    with pytest.raises(InputError, match=r"branching=None cannot be used: the language has no tree"):
        Clusterer().check(Shape(4, 4, 4))
    with pytest.raises(InputError, match=r"branching=3 cannot be used: sentences have 4 tokens"):
        Clusterer(branching=3).check(Shape(4, 4, 4))
    Clusterer(branching=2).check(Shape(4, 4, 4))
    sets = [examples(language, MaskedToken(), seed, 30) for seed in range(3)]
    with pytest.raises(InputError, match="the same token hidden in all sentences") as error:
        fit(Clusterer(), MaskedToken().shape(language), None, *sets)
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="branching"):
        Clusterer(branching=1)
