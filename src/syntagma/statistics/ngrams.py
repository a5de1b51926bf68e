"""Losses of smoothed n-gram counts: how much each further token of context tells of the next one.

Interpolated Witten-Bell smoothing (Bell, Cleary & Witten, Text Compression, 1990, method C):

    p_n(w | c) = (count(c w) + distinct(c) p_(n-1)(w | c')) / (count(c) + distinct(c)),     p_(-1)(w) = 1 / v

c are the n tokens before w, c' the last n - 1 of them, distinct(c) the number of different tokens that follow c in the
training text. Interpolated, modified Kneser-Ney smoothing (Chen & Goodman, Computer Speech & Language 13, 1999):

    p_n(w | c) = (count(c w) - D(count(c w)) + [D_1 N_1(c) + D_2 N_2(c) + D_3 N_3+(c)] q_(n-1)(w | c')) / count(c)

with discounts D_1, D_2, D_3 (for three and more) from how many n-grams occur once, twice, three and four times, and
N_j(c) the number of tokens that follow c so often. q is the same with counts of continuations, the number of distinct
tokens before c' w, in place of how often it occurs; q_(-1) = 1 / v. Discounts stay between 0.05 and how often an n-gram
occurs; where one of the four numbers is 0, all are n_1 / (n_1 + 2 n_2).

Either loss on other text is an upper bound of the entropy of a token given n before it, close while the training text
holds most contexts often. Contexts do not reach across the beginnings of documents. Cost: one sorting of all tokens,
train and test, for each n; memory of some 60 bytes a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Integer

from syntagma.checked_call import checked
from syntagma.errors import invalid, unknown, whole_number
from syntagma.languages._tokens import checked_stream
from syntagma.statistics.pair_counts import checked_documents

Smoothing = Literal["witten-bell", "kneser-ney"]
_LEAST_DISCOUNT = 0.05


@checked
def ngram_losses(
    train: Integer[np.ndarray, " N"],
    test: Integer[np.ndarray, " M"],
    vocab: int,
    longest: int,
    *,
    smoothing: Smoothing = "witten-bell",
    train_documents: Integer[np.ndarray, " D"] | None = None,
    test_documents: Integer[np.ndarray, " E"] | None = None,
) -> Float[np.ndarray, "{longest}+1 m"]:
    """Nats that each test token costs given 0, ..., `longest` tokens before it: those m test tokens which have so many
    before them in their document. `ngram_losses(train, test, 50, 3).mean(axis=1)` bounds the entropies.

    Args:
        train: the text that is counted.
        test: the text that is predicted.
        vocab: v.
        longest: most tokens of context.
        smoothing: which of the two.
        train_documents: where documents begin in the training text, ascending from 0.
        test_documents: the same of the test text.

    Raises:
        InputError: tokens that are no whole numbers or outside the vocabulary; an empty training text; no test token
            with the longest context before it.
    """
    if not isinstance(smoothing, str) or smoothing not in get_args(Smoothing):
        raise unknown("smoothing", smoothing, get_args(Smoothing))
    predicted = ((test, test_documents, "test"),)
    return losses_of_all(train, predicted, vocab, longest, (smoothing,), train_documents)[smoothing][0]


@checked
def losses_of_all(
    train: Integer[np.ndarray, " N"],
    texts: Sequence[tuple[Integer[np.ndarray, " _M"], Integer[np.ndarray, " _E"] | None, str]],
    vocab: int,
    longest: int,
    smoothings: Sequence[Smoothing] = get_args(Smoothing),
    train_documents: Integer[np.ndarray, " D"] | None = None,
) -> dict[Smoothing, list[Float[np.ndarray, "{longest}+1 _m"]]]:
    """As `ngram_losses`, of several texts, each with where its documents begin and its name in messages, and by
    several smoothings: n-grams are numbered once for all.

    Raises:
        InputError: as `ngram_losses`.
    """
    longest = whole_number("longest", longest, minimum=0)
    train = checked_stream(train, vocab, field="train")
    if not len(texts):
        raise invalid("texts", list(texts), "there are none", "Give one or more")
    pieces, ages, scored = [train], [ages_in_documents(len(train), train_documents, "train_documents")], []
    begin = len(train)
    for text, documents, name in texts:
        pieces.append(checked_stream(text, vocab, field=name))
        ages.append(ages_in_documents(len(text), documents, f"{name}_documents"))
        scored.append(begin + np.flatnonzero(ages[-1] >= longest))
        begin += len(text)
        if not len(scored[-1]):
            has = f"the longest document of the {name} text has {int(ages[-1].max()) + 1} tokens"
            raise invalid("longest", longest, has, "Choose a shorter context")
    orders = _Orders(np.concatenate(pieces).astype(np.int64), np.concatenate(ages), len(train), vocab)
    every = np.concatenate(scored)
    smoothed = [_SMOOTHINGS[name](vocab, every) for name in smoothings]
    out = [np.empty((longest + 1, len(every))) for _ in smoothings]
    for n, order in zip(range(longest + 1), orders, strict=False):
        for losses, one in zip(out, smoothed, strict=True):
            losses[n] = -np.log(one.longer(order))
    ends = np.cumsum([len(places) for places in scored])[:-1]
    return {name: np.split(losses, ends, axis=1) for name, losses in zip(smoothings, out, strict=True)}


def ages_in_documents(length: int, documents: np.ndarray | None, field: str = "documents") -> Integer[np.ndarray, " N"]:
    """How many tokens of its own document are before each token."""
    starts = checked_documents(documents, length, field)
    if starts is None:
        return np.arange(length)
    return np.arange(length) - np.repeat(starts, np.diff(np.append(starts, length)))


@dataclass(frozen=True)
class _Order:
    """All n-grams of one length, n tokens of context and one more, numbered.

    Attributes:
        context: `[N]`, the number of each token's context; of no meaning where it has none so long.
        gram: `[N]`, the number of context and token together; likewise.
        counts: `[k]`, how often each occurs in the training text.
        contexts: `[k]`, the context of each.
        shorter: `[k]`, the number, one order below, of each without its first token; None for n = 0.
    """

    context: Integer[np.ndarray, " N"]
    gram: Integer[np.ndarray, " N"]
    counts: Integer[np.ndarray, " k"]
    contexts: Integer[np.ndarray, " k"]
    shorter: Integer[np.ndarray, " k"] | None


@dataclass(frozen=True)
class _Orders:
    """n-grams of growing length. No table of all v^n contexts is made: pairs (context, token) are sorted."""

    text: Integer[np.ndarray, " N"]
    age: Integer[np.ndarray, " N"]
    num_train: int
    vocab: int

    def __iter__(self) -> Iterator[_Order]:
        context, before = np.zeros_like(self.text), None
        n = 0
        while True:
            has_context = self.age >= n
            codes = np.where(has_context, context * self.vocab + self.text, -1)
            gram = np.unique(codes, return_inverse=True)[1]
            some = np.empty(int(gram.max()) + 1, np.int64)
            some[gram] = np.arange(len(gram))  # a place where each occurs, whichever
            counted = gram[: self.num_train][has_context[: self.num_train]]
            counts = np.bincount(counted, minlength=len(some))
            before = _Order(context, gram, counts, context[some], None if before is None else before.gram[some])
            yield before
            context = np.zeros_like(gram)
            context[1:] = gram[:-1]
            n += 1


class _WittenBell:
    """Probabilities of the scored tokens, given ever longer contexts."""

    def __init__(self, vocab: int, scored: Integer[np.ndarray, " m"]) -> None:
        self._scored = scored
        self._probability = np.full(len(scored), 1.0 / vocab)

    def longer(self, order: _Order) -> Float[np.ndarray, " m"]:
        """Given one more token of context than before."""
        size, own = int(order.context.max()) + 1, order.context[self._scored]
        total = np.bincount(order.contexts, weights=order.counts, minlength=size)[own]
        kinds = np.bincount(order.contexts, weights=order.counts > 0, minlength=size)[own]
        count = order.counts[order.gram[self._scored]]
        mixed = (count + kinds * self._probability) / np.maximum(total + kinds, 1)
        self._probability = np.where(total > 0, mixed, self._probability)
        return self._probability


class _KneserNey:
    """Probabilities of the scored tokens, given ever longer contexts."""

    def __init__(self, vocab: int, scored: Integer[np.ndarray, " m"]) -> None:
        self._scored = scored
        self._continued = np.full(len(scored), 1.0 / vocab)
        self._before: _Order | None = None

    def longer(self, order: _Order) -> Float[np.ndarray, " m"]:
        """Given one more token of context than before."""
        before, self._before = self._before, order
        if before is not None:
            assert order.shorter is not None
            continuations = np.bincount(order.shorter[order.counts > 0], minlength=len(before.counts))
            self._continued = _discounted(before, continuations, self._continued, self._scored)
        return _discounted(order, order.counts, self._continued, self._scored)


_SMOOTHINGS = {"witten-bell": _WittenBell, "kneser-ney": _KneserNey}


def _discounted(
    order: _Order, counts: Integer[np.ndarray, " k"], lower: Float[np.ndarray, " m"], scored: Integer[np.ndarray, " m"]
) -> Float[np.ndarray, " m"]:
    """Discounted `counts` and what they leave, spread as `lower` says; `lower` alone in contexts never seen."""
    discounts = _discounts(counts)
    size, own = int(order.context.max()) + 1, order.context[scored]
    total = np.bincount(order.contexts, weights=counts, minlength=size)[own]
    left = np.bincount(order.contexts, weights=discounts[np.minimum(counts, 3)], minlength=size)[own]
    count = counts[order.gram[scored]]
    mixed = (count - discounts[np.minimum(count, 3)] + left * lower) / np.maximum(total, 1)
    return np.where(total > 0, mixed, lower)


def _discounts(counts: Integer[np.ndarray, " k"]) -> Float[np.ndarray, " 4"]:
    """What to take from an n-gram that occurs 0, 1, 2, and 3 times or more."""
    one, two, three, four = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    if min(one, two, three, four) == 0:
        share = one / (one + 2 * two) if one else 0.5
        found = np.array([share, share, share])
    else:
        share = one / (one + 2 * two)
        found = np.array([1 - 2 * share * two / one, 2 - 3 * share * three / two, 3 - 4 * share * four / three])
    return np.append(0.0, np.clip(found, _LEAST_DISCOUNT, [1, 2, 3]))


@checked
def scored_tokens(
    length: int, longest: int, documents: Integer[np.ndarray, " E"] | None = None
) -> Bool[np.ndarray, " M"]:
    """Which tokens of a test text `ngram_losses` predicts: those with `longest` before them in their document."""
    return ages_in_documents(whole_number("length", length), documents) >= whole_number("longest", longest, minimum=0)
