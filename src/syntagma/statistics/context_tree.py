"""Context-tree weighting: the mixture over all trees of contexts of what each tree makes of a text.

A tree says which contexts matter: its leaves are strings of the last tokens, and what follows each leaf is independent
of all before it. With a leaf's probability P_e by Krichevsky and Trofimov, whose next token w is w with probability
(count(w) + 1/2) / (count + v/2), and an a priori weight 2^-(nodes less deep than D) of a tree of depth D at the most,
the sum over all trees, doubly exponential in number, is a recursion from the deepest contexts s upward:

    P_w(s) = P_e(s) at depth D,     P_w(s) = P_e(s) / 2 + prod_a P_w(a s) / 2 above

and the probability of the next token is a mixture along its own context, each node by its posterior weight
P_e(s) / (2 P_w(s)) of being a leaf. Exact, to rounding. Source: Willems, Shtarkov & Tjalkens, IEEE Trans. Inf. Theory
41, 653 (1995).

With many tokens 1/2 a token is far too much for what was never seen. So a token is coded as a series of *binary*
decisions, the path to it in Huffman's tree of the training text's counts, and each decision has a tree of its own with
tokens as contexts: a group of tokens that never followed a context costs as much as one. Source: Volf, "Weighting
techniques in data compression", 2002; Begleiter, El-Yaniv & Yona, J. Artif. Intell. Res. 22, 385 (2004), where it is
among the best predictors of text. Characters of tiny-shakespeare, 7 of context: 1.836 nats by tokens, 1.604 by
decisions, 1.608 by modified Kneser-Ney; unlike counts, the mixture hardly loses by more context.

Where a document begins is a symbol of contexts like any other, with nothing before it. Cost: one sorting of the
training text for each depth, times the decisions of a token; memory of some 200 bytes a token.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Integer

from syntagma.checked_call import checked
from syntagma.errors import invalid, unknown, whole_number
from syntagma.languages._tokens import checked_stream
from syntagma.statistics.ngrams import ages_in_documents

Decisions = Literal["tokens", "binary"]


@checked
def context_tree_losses(
    train: Integer[np.ndarray, " N"],
    texts: Sequence[tuple[Integer[np.ndarray, " _M"], Integer[np.ndarray, " _E"] | None, str]],
    vocab: int,
    longest: int,
    *,
    decisions: Decisions = "binary",
    train_documents: Integer[np.ndarray, " D"] | None = None,
) -> list[Float[np.ndarray, "{longest}+1 _m"]]:
    """Nats that each token of other texts costs, by trees of depth 0, ..., `longest` learned from `train` alone.

    `context_tree_losses(train, [(test, None, "test")], 50, 8)[0].mean(axis=1)`; rows, columns and texts as those of
    `ngrams.losses_of_all`, so that both are losses of the same tokens.

    Args:
        train: the text that is learned.
        texts: those that are predicted, each with where its documents begin and its name in messages.
        vocab: v.
        longest: the depth D of the deepest trees.
        decisions: whole tokens, or binary decisions on the way to a token.
        train_documents: where documents begin in the training text, ascending from 0.

    Raises:
        InputError: as `ngrams.losses_of_all`; decisions of an unknown name.
    """
    longest, chosen = whole_number("longest", longest, minimum=0), _checked(decisions)
    train = checked_stream(train, vocab, field="train")
    ways = _Ways.of(train, vocab, chosen)
    ages = ages_in_documents(len(train), train_documents, "train_documents")
    texts_read = []
    for text, documents, name in texts:
        text = checked_stream(text, vocab, field=name)
        age = ages_in_documents(len(text), documents, f"{name}_documents")
        if not (age >= longest).any():
            has = f"the longest document of the {name} text has {int(age.max()) + 1} tokens"
            raise invalid("longest", longest, has, "Choose a shorter context")
        texts_read.append((text, np.flatnonzero(age >= longest)))
    levels = _levels(train, ages, ways, longest)
    weighted = [_weighted(levels[: top + 1]) for top in range(longest + 1)]
    return [_losses(levels, weighted, ways, text, places) for text, places in texts_read]


_DEEPEST = 1000
"""Trees may be deeper than a text is long, which is pointless but well defined, up to this depth."""


@checked
def context_tree_log_probability(
    tokens: Integer[np.ndarray, " N"],
    vocab: int,
    depth: int,
    *,
    documents: Integer[np.ndarray, " D"] | None = None,
) -> float:
    """ln P_w of a text, nats: the logarithm of the weighted sum over all trees of at most that depth, by whole tokens.

    `-context_tree_log_probability(tokens, 2, 3) / len(tokens)` is its code length per token.
    """
    depth, tokens = whole_number("depth", depth, minimum=0), checked_stream(tokens, vocab, field="tokens")
    if depth > max(len(tokens), _DEEPEST):
        raise invalid(
            "depth", depth, f"the text has {len(tokens)} tokens, and no context is longer", "Lower it to that"
        )
    ages = ages_in_documents(len(tokens), documents)
    levels = _levels(tokens, ages, _Ways.of(tokens, vocab, "tokens"), depth)
    return float(_weighted(levels)[0].sum())


def _checked(decisions: object) -> Decisions:
    if not isinstance(decisions, str) or decisions not in get_args(Decisions):
        raise unknown("decisions", decisions, get_args(Decisions))
    return decisions  # pyright: ignore[reportReturnType]


@dataclass(frozen=True)
class _Ways:
    """The decisions that lead to each token, one after the other.

    Attributes:
        start: `[v + 1]`, where those of each token begin.
        decision: `[d]`, which decision,
        outcome: `[d]`, and how it falls out.
        vocab: v.
        number: how many decisions there are.
        outcomes: how many each has.
    """

    start: Integer[np.ndarray, " starts"]
    decision: Integer[np.ndarray, " d"]
    outcome: Integer[np.ndarray, " d"]
    vocab: int
    number: int
    outcomes: int

    @classmethod
    def of(cls, train: Integer[np.ndarray, " N"], vocab: int, decisions: Decisions) -> _Ways:
        if decisions == "tokens" or vocab == 1:
            return cls(np.arange(vocab + 1), np.zeros(vocab, np.int64), np.arange(vocab), vocab, 1, vocab)
        paths = _huffman((np.bincount(train, minlength=vocab) + 1).tolist())
        start = np.cumsum([0, *(len(path) for path in paths)])
        decision, outcome = np.array([step for path in paths for step in path]).T
        return cls(start, decision, outcome, vocab, vocab - 1, 2)

    def expand(self, tokens: Integer[np.ndarray, " n"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`[e]`, `[e]`, `[e]`: for each decision towards each token which token, the decision, and its outcome."""
        lengths = self.start[tokens + 1] - self.start[tokens]
        owner = np.repeat(np.arange(len(tokens)), lengths)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths - self.start[tokens], lengths)
        return owner, self.decision[place], self.outcome[place]


def _huffman(counts: Sequence[int]) -> list[list[tuple[int, int]]]:
    """For each token the decisions and outcomes on the way to it; two tokens or more."""
    vocab, children = len(counts), []
    heap = [(count, token) for token, count in enumerate(counts)]
    heapq.heapify(heap)
    while len(heap) > 1:
        (one, first), (two, second) = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (one + two, vocab + len(children)))
        children.append((first, second))
    paths: dict[int, list[tuple[int, int]]] = {vocab + len(children) - 1: []}
    for number in reversed(range(len(children))):
        for outcome, child in enumerate(children[number]):
            paths[child] = [*paths[vocab + number], (number, outcome)]
    return [paths[token] for token in range(vocab)]


@dataclass(frozen=True)
class _Level:
    """All nodes of one depth: pairs of a context of so many tokens and a decision, in ascending order.

    Attributes:
        contexts: `[c]`, codes of the contexts: the number of the one a token shorter, times v + 1, and the token.
        nodes: `[k]`, the number of the context times the number of decisions, and the decision.
        parents: `[k]`, the node above each; none at depth 0.
        edge: `[k]`, whether a document begins there, so that nothing is before.
        pairs: `[p]`, node times outcomes, and outcome, where it occurs,
        counts: `[p]`, and how often.
        totals: `[k]`, how often each node was passed.
        log_leaf: `[k]`, ln P_e.
    """

    contexts: Integer[np.ndarray, " c"]
    nodes: Integer[np.ndarray, " k"]
    parents: Integer[np.ndarray, " shorter"]
    edge: Bool[np.ndarray, " k"]
    pairs: Integer[np.ndarray, " p"]
    counts: Float[np.ndarray, " p"]
    totals: Float[np.ndarray, " k"]
    log_leaf: Float[np.ndarray, " k"]


def _levels(train: np.ndarray, ages: np.ndarray, ways: _Ways, longest: int) -> list[_Level]:
    """The nodes of each depth that the training text passes."""
    from scipy.special import gammaln

    tokens, edge_symbol = train.astype(np.int64), ways.vocab
    context, levels = np.zeros(len(tokens), np.int64), []
    for depth in range(longest + 1):
        here = np.flatnonzero(ages >= depth - 1)
        if depth:
            has = ages[here] >= depth
            further = np.where(has, tokens[here - depth * has], edge_symbol)
            contexts, number = np.unique(context[here] * (ways.vocab + 1) + further, return_inverse=True)
            context = np.zeros(len(tokens), np.int64)
            context[here] = number
        else:
            contexts = np.zeros(1, np.int64)
        grams, often = np.unique(context[here] * ways.vocab + tokens[here], return_counts=True)
        owner, decision, outcome = ways.expand(grams % ways.vocab)
        nodes, number = np.unique(grams[owner] // ways.vocab * ways.number + decision, return_inverse=True)
        pairs, which = np.unique(number * ways.outcomes + outcome, return_inverse=True)
        counts = np.bincount(which, weights=often[owner])
        of_pair = pairs // ways.outcomes
        totals = np.bincount(of_pair, weights=counts)
        seen = np.bincount(of_pair, weights=gammaln(counts + 0.5) - gammaln(0.5))
        log_leaf = seen - gammaln(totals + ways.outcomes / 2) + gammaln(ways.outcomes / 2)
        longer, of_node = contexts[nodes // ways.number], nodes % ways.number
        edge = np.zeros(len(nodes), bool) if not depth else longer % (ways.vocab + 1) == edge_symbol
        above = longer // (ways.vocab + 1) * ways.number + of_node
        parents = np.searchsorted(levels[-1].nodes, above) if depth else np.zeros(0, np.int64)
        levels.append(_Level(contexts, nodes, parents, edge, pairs, counts, totals, log_leaf))
    return levels


def _weighted(levels: Sequence[_Level]) -> list[Float[np.ndarray, " k"]]:
    """ln P_w of all nodes of each depth, in trees as deep as there are levels."""
    found = [levels[-1].log_leaf]
    for level, longer in zip(levels[-2::-1], levels[:0:-1], strict=True):
        below = np.bincount(longer.parents, weights=found[0], minlength=len(level.nodes))
        mixed = np.logaddexp(level.log_leaf, below) - math.log(2)
        found.insert(0, np.where(level.edge, level.log_leaf, mixed))
    return found


def _losses(
    levels: Sequence[_Level],
    weighted: Sequence[Sequence[np.ndarray]],
    ways: _Ways,
    text: np.ndarray,
    places: np.ndarray,
) -> Float[np.ndarray, "levels m"]:
    """What the tokens at `places` cost, by trees of each depth; nodes that were never passed are the last, added, ones.

    All places have as many tokens before them as the deepest tree asks for.
    """
    text = text.astype(np.int64)
    owner, decision, outcome = ways.expand(text[places])
    context, at, chances = np.zeros(len(places), np.int64), [], []
    for depth, level in enumerate(levels):
        if depth:
            longer = context * (ways.vocab + 1) + text[places - depth]
            context = np.where(context >= 0, _found(level.contexts, longer), -1)
        of_context = context[owner]
        node = np.where(of_context >= 0, _found(level.nodes, of_context * ways.number + decision), -1)
        pair = np.where(node >= 0, _found(level.pairs, node * ways.outcomes + outcome), -1)
        count, total = (np.append(known, 0.0)[which] for known, which in ((level.counts, pair), (level.totals, node)))
        at.append(node)
        chances.append((count + 0.5) / (total + ways.outcomes / 2))
    losses = np.empty((len(levels), len(places)))
    for top, log_weighted in enumerate(weighted):
        chance = chances[top]
        for depth in reversed(range(top)):
            leaf = np.exp(levels[depth].log_leaf - log_weighted[depth] - math.log(2))
            share = np.append(leaf, 0.5)[at[depth]]
            chance = share * chances[depth] + (1 - share) * chance
        losses[top] = np.bincount(owner, weights=-np.log(chance), minlength=len(places))
    return losses


def _found(ascending: Integer[np.ndarray, " k"], asked: Integer[np.ndarray, " m"]) -> Integer[np.ndarray, " m"]:
    """Where each is among the ascending ones, -1 where it is not."""
    if not len(ascending):
        return np.full(len(asked), -1)
    place = np.minimum(np.searchsorted(ascending, asked), len(ascending) - 1)
    return np.where(ascending[place] == asked, place, -1)
