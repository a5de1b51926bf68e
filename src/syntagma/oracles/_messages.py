"""Upward and downward messages on the tree of a batch of sentences.

    up(l, i)[a]   = P(observed tokens below node (l, i) | its symbol is a)
    down(l, i)[a] = P(its symbol is a, observed tokens not below it)
    P(symbol of (l, i) = a | observed tokens) is proportional to up(l, i)[a] * down(l, i)[a]

A message is the sum over a level's rules of their weight times the messages at the other slots (sum-product on a tree,
Pearl 1988). Three kinds of message: None where nothing is observed below (all ones); integers `[n]` where all is
observed, because parsing is unambiguous, so the symbol is known; else floats `[symbols, n]`, symbols first so that a
rule's gather copies whole rows. A width of 1 stands for a message that is the same in every sentence.

Precision: upward messages are divided by their maximum, its log is kept. Underflow can falsify only values below 1e-308
of the maximum; these matter if later factors cancel all the larger ones, which `trusted` rules out: no product of the
divisors along a path is below 1e-200. Sentences that are not trusted are done again with logarithms.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from syntagma.oracles._combine import Message, combine, combine_logs, log_sum_exp
from syntagma.oracles._tables import LevelTable

_LEAST_TOTAL = 1e-80  # of a posterior before normalisation: below it, the sentence is done again with logarithms


class Messages:
    """Messages of a batch of sentences, each computed when first asked for."""

    def __init__(self, tables: Sequence[LevelTable], tokens: np.ndarray, observed: np.ndarray, use_logs: bool = False):
        """`tokens` is `[n, T]`, in [0, v) where observed; `observed` is `[T]`, or `[n, T]` for a pattern a sentence."""
        self._tables, self._use_logs, self._observed = tables, use_logs, observed
        self._branching, self._vocab, self.depth = tables[0].branching, tables[0].sizes[1], len(tables)
        self.num_sentences = len(tokens)
        self._tokens = np.where(observed, tokens.astype(np.intp), self._vocab)
        self._counts = self._observed_below()
        self._symbols, self._rules = parse(tables, self._tokens) if observed.ndim == 1 else ([], [])
        self._ups: dict[tuple[int, int], Message] = {}
        self._downs: dict[tuple[int, int], np.ndarray] = {}
        self._log_scale = np.zeros(self.num_sentences)
        self._least_scale = np.ones(self.num_sentences)

    def up(self, level: int, position: int) -> Message:
        """Upward message of a node, up to a factor per sentence."""
        if self._counts is not None:
            count = self._counts[level][position]
            if count == 0:
                return None
            if count == self._branching**level:
                return self._symbols[level][:, position]
        node = (level, position)
        if node not in self._ups:
            self._ups[node] = self._leaf(position) if level == 0 else self._sum_up(level, position)
        return self._ups[node]

    def down(self, level: int, position: int) -> np.ndarray:
        """Downward message `[symbols, n or 1]` of a node, up to a factor per sentence."""
        if level == self.depth:
            prior = np.full((self._tables[-1].sizes[0], 1), 1.0 / self._tables[-1].sizes[0])
            return np.log(prior) if self._use_logs else prior
        node = (level, position)
        if node not in self._downs:
            parent, slot = position // self._branching, position % self._branching
            messages = [self.down(level + 1, parent), *self._children(level + 1, parent, but=slot)]
            self._downs[node] = self._combine(self._tables[level], 1 + slot, messages)
        return self._downs[node]

    def belief(self, level: int, position: int) -> np.ndarray:
        """P(symbol | all observed tokens) `[n, symbols]` up to a factor per sentence, 0 where they are impossible.

        With `use_logs`, its logarithm.
        """
        up = self.up(level, position)
        if up is not None and up.ndim == 1:
            symbols = np.arange(self._tables[0].sizes[1] if level < self.depth else self._tables[-1].sizes[0])
            certain = (up[:, None] == symbols) & self._possible[:, None]
            return np.where(certain, 0.0, -np.inf) if self._use_logs else certain.astype(float)
        down = self.down(level, position)
        if up is not None:
            down = down + up if self._use_logs else down * up
        return np.broadcast_to(down, (len(down), self.num_sentences)).T

    def log_evidence(self) -> np.ndarray:
        """Log P(observed tokens) `[n]`; `-inf` where impossible."""
        root, num_classes = self.up(self.depth, 0), self._tables[-1].sizes[0]
        log_known = np.zeros(self.num_sentences)
        for level, rules in enumerate(self._rules, start=1):
            log_known += self._tables[level - 1].log_weight(rules[:, self._complete(level)]).sum(axis=1)
        if root is None:
            return log_known
        if root.ndim == 1:
            return np.where(root < num_classes, log_known - np.log(num_classes), -np.inf)
        with np.errstate(divide="ignore"):
            log_root = log_sum_exp(root, axis=0) if self._use_logs else np.log(root.sum(axis=0))
        return log_known + self._log_scale + log_root - np.log(num_classes)

    def trusted(self) -> np.ndarray:
        """Where `[n]` no upward message so far can have lost a value to underflow that matters."""
        return self._least_scale >= 10.0 ** (-200.0 / self.depth)

    def refuted(self) -> np.ndarray:
        """Where `[n]` a fully observed subtree has no parse, so that the sentence is certainly impossible."""
        refuted = np.zeros(self.num_sentences, dtype=bool)
        for level, symbols in enumerate(self._symbols[1:], start=1):
            refuted |= (symbols[:, self._complete(level)] == self._tables[level - 1].sizes[0]).any(axis=1)
        return refuted

    def _complete(self, level: int) -> np.ndarray:
        """Where `[positions]` all tokens below are observed, in a pattern shared by the sentences."""
        assert self._counts is not None
        return self._counts[level] == self._branching**level

    @cached_property
    def _possible(self) -> np.ndarray:
        return self.log_evidence() > -np.inf

    def _observed_below(self) -> list[np.ndarray] | None:
        if self._observed.ndim == 2:
            return None
        counts = [self._observed.astype(np.intp)]
        for _ in range(self.depth):
            counts.append(counts[-1].reshape(-1, self._branching).sum(axis=1))
        return counts

    def _leaf(self, position: int) -> np.ndarray:
        """Message of a token that is observed in some sentences only."""
        token = self._tokens[:, position]
        message = ((np.arange(self._vocab)[:, None] == token) | (token == self._vocab)).astype(float)
        with np.errstate(divide="ignore"):
            return np.log(message) if self._use_logs else message

    def _children(self, level: int, position: int, but: int | None = None) -> list[Message]:
        first = position * self._branching
        return [None if slot == but else self.up(level - 1, first + slot) for slot in range(self._branching)]

    def _combine(self, table: LevelTable, target: int, messages: Sequence[Message]) -> np.ndarray:
        return combine_logs(table, target, messages) if self._use_logs else combine(table, target, messages)

    def _sum_up(self, level: int, position: int) -> np.ndarray:
        message = self._combine(self._tables[level - 1], 0, [None, *self._children(level, position)])
        if self._use_logs:
            return message
        scale = message.max(axis=0)
        np.minimum(self._least_scale, scale, out=self._least_scale)
        with np.errstate(divide="ignore"):
            self._log_scale += np.log(scale)
        return message / np.where(scale > 0.0, scale, 1.0)


def parse(tables: Sequence[LevelTable], tokens: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Symbols of levels 0..L and rule numbers of levels 1..L, bottom-up; one past the last symbol where none fits."""
    symbols, rules = [tokens], []
    for table in tables:
        parents, numbers = table.parse(symbols[-1])
        symbols.append(parents)
        rules.append(numbers)
    return symbols, rules


def next_token_beliefs(tables: Sequence[LevelTable], tokens: np.ndarray) -> np.ndarray:
    """P(x_i = b | x_<i) `[n, T, v]`, all zeros where x_<i is impossible. `tokens` is `[n, T]`, in [0, v].

    One downward pass: a node's message is P(its symbol | all tokens before it), from its parent's and from its left
    siblings, which are parsed; nothing comes from the right.
    """
    symbols, _ = parse(tables, tokens.astype(np.intp))
    num_classes = tables[-1].sizes[0]
    belief = np.full((num_classes, len(tokens)), 1.0 / num_classes)
    for table, children in zip(reversed(tables), reversed(symbols[:-1]), strict=True):
        siblings = children.reshape(-1, table.branching)
        known: list[Message] = [siblings[:, slot] for slot in range(table.branching)]
        nothing: list[Message] = [None] * table.branching
        parts = [combine(table, 1 + j, [belief, *known[:j], *nothing[j:]]) for j in range(table.branching)]
        belief = np.stack([part.T for part in parts], axis=1).reshape(-1, table.sizes[1])
        total = belief.sum(axis=1, keepdims=True)
        belief /= np.where(total > 0.0, total, 1.0)
        belief = belief.T
    return belief.T.reshape(*tokens.shape, -1)


def batch_log_evidence(tables: Sequence[LevelTable], tokens: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Log P(observed tokens) `[n]`; `-inf` where impossible. Arguments as for `Messages`."""
    messages = Messages(tables, tokens, observed)
    result = messages.log_evidence()
    again = _worth_another_pass(messages, messages.trusted())
    if len(again):
        pattern = observed if observed.ndim == 1 else observed[again]
        result[again] = Messages(tables, tokens[again], pattern, use_logs=True).log_evidence()
    return result


def batch_posteriors(
    tables: Sequence[LevelTable], tokens: np.ndarray, observed: np.ndarray, level: int, positions: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors `[n, positions, symbols]` and where `[n]` they exist: elsewhere the observed tokens are impossible."""
    messages = Messages(tables, tokens, observed)
    beliefs = np.stack([messages.belief(level, position) for position in positions], axis=1)
    total = beliefs.sum(axis=2, keepdims=True)
    sound = messages.trusted() & (total.min(axis=(1, 2)) > _LEAST_TOTAL)
    beliefs /= np.where(total > 0.0, total, 1.0)
    again = _worth_another_pass(messages, sound)
    if len(again):
        pattern = observed if observed.ndim == 1 else observed[again]
        messages = Messages(tables, tokens[again], pattern, use_logs=True)
        logs = np.stack([messages.belief(level, position) for position in positions], axis=1)
        log_total = log_sum_exp(logs, axis=2)
        possible = np.isfinite(log_total)
        beliefs[again] = np.exp(logs - np.where(possible, log_total, 0.0)[..., None])
        sound[again] = possible.all(axis=1)
    return beliefs, sound


def _worth_another_pass(messages: Messages, sound: np.ndarray) -> np.ndarray:
    """Numbers of the sentences that are not `sound` but may be possible."""
    return np.flatnonzero(~sound & ~messages.refuted()) if not sound.all() else np.zeros(0, dtype=np.intp)
