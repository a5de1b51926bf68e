"""Context-tree weighting against the sum over all trees, and as a bound of entropies."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.randomness import stream
from syntagma.statistics.context_tree import context_tree_log_probability, context_tree_losses
from syntagma.statistics.entropies import entropy_bounds

EDGE = "edge"
corpora = st.integers(1, 3).flatmap(
    lambda vocab: st.lists(st.lists(st.integers(0, vocab - 1), min_size=1, max_size=12), min_size=1, max_size=3).map(
        lambda documents: (vocab, documents)
    )
)


def events(documents) -> list[tuple[tuple, int]]:
    """Each token with all that is before it, the nearest first, ended by the edge of its document."""
    return [((*reversed(one[:i]), EDGE), token) for one in documents for i, token in enumerate(one)]


def trees(vocab: int, depth: int, context: tuple = ()) -> list[tuple[frozenset, int]]:
    """Every tree below a context: its leaves, and how many of its nodes had a choice."""
    if depth == 0:
        return [(frozenset([context]), 0)]
    found = [(frozenset([context]), 1)]
    below = [trees(vocab, depth - 1, (*context, symbol)) for symbol in range(vocab)]
    for parts in itertools.product(*below):
        leaves = frozenset().union(*(leaves for leaves, _ in parts)) | {(*context, EDGE)}
        found.append((leaves, 1 + sum(choices for _, choices in parts)))
    return found


def krichevsky_trofimov(counts: Counter, vocab: int) -> float:
    """Token after token, as it is defined: the order makes no difference."""
    probability, seen = 1.0, Counter()
    for token, often in sorted(counts.items()):
        for _ in range(often):
            probability *= (seen[token] + 0.5) / (seen.total() + vocab / 2)
            seen[token] += 1
    return probability


def mixture(happened, vocab: int, depth: int, outcomes: int | None = None) -> float:
    """The weighted sum over all trees of the probability of all that happened."""
    total = weights = 0.0
    for leaves, choices in trees(vocab, depth):
        after: dict[tuple, Counter] = defaultdict(Counter)
        for before, token in happened:
            after[next(before[:n] for n in range(depth + 1) if before[:n] in leaves)][token] += 1
        each = (krichevsky_trofimov(counts, outcomes or vocab) for counts in after.values())
        total += 2.0**-choices * math.prod(each)
        weights += 2.0**-choices
    assert weights == pytest.approx(1)
    return total


@given(corpora, st.integers(0, 2))
@settings(deadline=None, max_examples=40)
def test_the_mixture_is_the_weighted_sum_over_all_trees(corpus, depth):
    vocab, documents = corpus
    starts = np.cumsum([0, *(len(one) for one in documents[:-1])])
    found = context_tree_log_probability(np.concatenate(documents), vocab, depth, documents=starts)
    assert found == pytest.approx(math.log(mixture(events(documents), vocab, depth)), abs=1e-10)


def test_the_mixture_of_binary_trees_of_depth_three_is_the_sum_of_all_twenty_six():
    assert len(trees(2, 3)) == 26
    tokens = (stream(0, "tokens").random(40) < 0.3).astype(int)
    expected = math.log(mixture(events([tokens.tolist()]), 2, 3))
    assert context_tree_log_probability(tokens, 2, 3) == pytest.approx(expected, abs=1e-10)


def decisions_of(happened, vocab: int) -> list[tuple[set[int], set[int]]]:
    """Huffman's, of up to three tokens: the two rarest against one another, their group against the third."""
    if vocab == 2:
        return [({0}, {1})]
    counts = Counter(token for _, token in happened)
    first, second, third = sorted(range(3), key=lambda token: (counts[token], token))
    return [({first, second}, {third}), ({first}, {second})]


@pytest.mark.parametrize("decisions", ["tokens", "binary"])
@given(corpora, st.integers(0, 2), st.integers(0, 2**31))
@settings(deadline=None, max_examples=25)
def test_losses_are_ratios_of_such_sums(decisions, corpus, longest, seed):
    """P(next | text) = P(text, next) / P(text); of decisions on the way to a token, each by trees of its own."""
    vocab, documents = corpus
    starts = np.cumsum([0, *(len(one) for one in documents[:-1])])
    test = stream(seed, "test").integers(vocab, size=longest + 3)
    (found,) = context_tree_losses(
        np.concatenate(documents), [(test, None, "test")], vocab, longest, decisions=decisions, train_documents=starts
    )
    assert found.shape == (longest + 1, 3)
    happened = events(documents)
    for column, i in enumerate(range(longest, len(test))):
        now = ((*reversed(test[:i].tolist()), EDGE), int(test[i]))
        for depth in range(longest + 1):
            if decisions == "tokens" or vocab == 1:
                ratio = mixture([*happened, now], vocab, depth) / mixture(happened, vocab, depth)
            else:
                ratio = 1.0
                for one, other in decisions_of(happened, vocab):
                    if now[1] in one | other:
                        falls = [(before, int(token in other)) for before, token in happened if token in one | other]
                        with_now = [*falls, (now[0], int(now[1] in other))]
                        ratio *= mixture(with_now, vocab, depth, 2) / mixture(falls, vocab, depth, 2)
            assert found[depth, column] == pytest.approx(-math.log(ratio), abs=1e-9)


@pytest.mark.parametrize("decisions", ["tokens", "binary"])
def test_probabilities_of_all_next_tokens_sum_to_one(decisions):
    train = stream(0, "train").zipf(1.4, size=3000) % 7
    for context in ([0, 1, 2], [6, 6, 6], [3, 0, 5]):
        texts = [(np.array([*context, token]), None, "test") for token in range(7)]
        each = np.array(context_tree_losses(train, texts, 7, 3, decisions=decisions))[:, :, 0]
        np.testing.assert_allclose(np.exp(-each).sum(axis=0), 1, atol=1e-12)


def renewal_text(seed: int, length: int) -> np.ndarray:
    """A mark after 3 or after 9 tokens, with equal chances: what counts is how long ago the last one was."""
    gaps = stream(seed, "gaps").choice([3, 9], size=length // 3)
    marks = np.cumsum(gaps)
    text = np.zeros(length, np.uint8)
    text[marks[marks < length]] = 1
    return text


def test_a_tree_source_is_learned_to_its_entropy_rate():
    """One bit of ln 2 every six tokens; a tree of depth 9 has it at 9 leaves, where counts would fill 2^9 contexts."""
    train, test = renewal_text(0, 20_000), renewal_text(1, 20_000)
    (losses,) = context_tree_losses(train, [(test, None, "test")], 2, 9)
    rate = math.log(2) / 6
    error = losses[9].std() / len(losses[9]) ** 0.5
    assert abs(losses[9].mean() - rate) < 4 * error + 0.002
    assert losses[2].mean() > rate + 0.1


def test_bounds_take_the_tree_where_it_is_lower():
    """A chain of one token's memory: longer contexts make counts worse, and a mixture over trees hardly."""
    flips = stream(0, "flips").random(9000) >= 0.9
    tokens = (np.cumsum(flips) % 2).astype(np.uint8)
    parts = tokens[:3000], tokens[3000:6000], tokens[6000:]
    with_trees = entropy_bounds(*parts, 2, 8, blocks=10)
    without = entropy_bounds(*parts, 2, 8, blocks=10, most_in_trees=0)
    chosen = np.array(with_trees.estimators) == "context tree"
    assert chosen[4:].all()
    assert "context tree" not in without.estimators
    assert (with_trees.values[4:] < without.values[4:]).all()
    np.testing.assert_array_equal(with_trees.values[~chosen], without.values[~chosen])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": np.array([0, 5])}, "train=5 cannot be used: tokens are 0 to 2"),
        ({"texts": [(np.zeros(2, int), None, "test")], "longest": 2}, "longest=2 .* document of the test text has 2"),
        ({"longest": -1}, "longest=-1"),
        ({"decisions": "bits"}, "decisions='bits' is unknown: there are binary, tokens"),
        ({"decisions": None}, "decisions=None is unknown"),
    ],
)
def test_wrong_calls_are_one_line(change, message):
    text = np.array([0, 1, 2, 0])
    given = {"train": text, "texts": [(text, None, "test")], "vocab": 3, "longest": 2, **change}
    with pytest.raises(InputError, match=message) as caught:
        context_tree_losses(**given)
    assert "\n" not in str(caught.value)
