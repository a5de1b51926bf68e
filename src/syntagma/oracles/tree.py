"""The ideal observer of a random hierarchy language: exact inference on the tree of each sentence.

Belief propagation is exact on a tree. Subtrees that are observed whole are parsed by table look-up, since parsing is
unambiguous; subtrees of which nothing is observed send nothing; messages are summed at the other nodes only, for many
sentences at once. Cost of a posterior: O(T) look-ups and O(v) a level for one unobserved token; O(v m s) for each node
with some but not all tokens observed. Everything is float64 and safe from underflow (see `_messages.py`).

Source: arXiv 2505.07070, section 2 (the model); the sum-product algorithm: Pearl, "Probabilistic reasoning in
intelligent systems", 1988, chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer

from syntagma.errors import invalid, whole_number
from syntagma.estimate import Estimate
from syntagma.languages._chunks import for_each_chunk
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.oracles import _entropies
from syntagma.oracles._inputs import (
    check_language,
    checked_observations,
    checked_positions,
    refuse_impossible,
    sentences_by_pattern,
)
from syntagma.oracles._messages import batch_log_evidence, batch_posteriors, next_token_beliefs
from syntagma.oracles._tables import LevelTable, level_tables
from syntagma.oracles.oracle import LabelOracle, oracle_of

_CHUNK = 2**18  # table entries and rule values touched by one chunk of sentences: its arrays stay in a core's cache


@dataclass(frozen=True, eq=False)
class TreeOracle(LabelOracle):
    """Exact statistics of a `RandomHierarchy`. Immutable; cheap to build; safe to share between threads.

    Example: `TreeOracle(RandomHierarchy(vocab=8, rules=2, branching=2, depth=3)).plateaus()`.

    `tokens` is `[n, T]` integers. `observed` is boolean, `[T]` for the same pattern in all sentences or `[n, T]`; the
    values of tokens that are not observed are ignored. Level 0 is the tokens, level L the root; the level-l symbol at
    position i spans the tokens i s**l to (i + 1) s**l - 1; negative positions count from the end. Entropies are in
    nats.
    """

    language: RandomHierarchy
    _tables: tuple[LevelTable, ...] = field(init=False, repr=False)
    _exact_entropies: dict[int, float | None] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        check_language(self.language, RandomHierarchy)
        object.__setattr__(self, "_tables", level_tables(self.language))

    def log_prob(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, " n"]:
        """Log P(sentence); `-inf` where the grammar cannot make it."""
        return self.language.log_prob(tokens)

    def log_evidence(
        self, tokens: Integer[np.ndarray, "n T"], observed: Bool[np.ndarray, "*n T"]
    ) -> Float[np.ndarray, " n"]:
        """Log P(the observed tokens), summed over all values of the others; `-inf` where impossible.

        Raises:
            InputError: wrong shapes or types, or an observed token outside the vocabulary.
        """
        tokens, observed = checked_observations(tokens, observed, self.language)
        result = np.empty(len(tokens))

        def work(rows: np.ndarray | slice, pattern: np.ndarray) -> None:
            result[rows] = batch_log_evidence(self._tables, tokens[rows], pattern)

        self._in_batches(observed, len(tokens), work)
        return result

    def posterior(
        self,
        tokens: Integer[np.ndarray, "n T"],
        observed: Bool[np.ndarray, "*n T"],
        level: int = 0,
        position: int = -1,
    ) -> Float[np.ndarray, "n symbols"]:
        """P(symbol at (level, position) | the observed tokens); by default of the last token.

        Raises:
            InputError: as `log_evidence`; no such level or position; a sentence whose observed tokens the grammar
                cannot make (the message names the first).
        """
        level = self._level(level)
        return self._posteriors(tokens, observed, level, [self._position(level, position)])[:, 0]

    def token_posterior(
        self,
        tokens: Integer[np.ndarray, "n T"],
        observed: Bool[np.ndarray, "*n T"],
        position: int | Integer[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n v"]:
        """P(token at `position` | the observed tokens), a pass for each different position. Raises: as `posterior`."""
        tokens, observed = checked_observations(tokens, observed, self.language)
        where = checked_positions(position, tokens)
        result = np.empty((len(tokens), self.language.vocab))
        for one in np.unique(where):
            here = where == one
            result[here] = self.posterior(tokens[here], observed if observed.ndim == 1 else observed[here], 0, int(one))
        return result

    def label_posterior(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n classes"]:
        """P(root class | sentence). Raises: as `posterior`."""
        return self.posterior(tokens, np.ones(self.language.sentence_length, bool), self.language.depth, 0)

    def posteriors_all(
        self, tokens: Integer[np.ndarray, "n T"], observed: Bool[np.ndarray, "*n T"], level: int = 0
    ) -> Float[np.ndarray, "n positions symbols"]:
        """`posterior` at all positions of a level, in one upward and downward pass. Raises: as `posterior`."""
        level = self._level(level)
        return self._posteriors(tokens, observed, level, list(range(self._num_positions(level))))

    def marginal(self, level: int, position: int = -1) -> Float[np.ndarray, " symbols"]:
        """P(symbol at (level, position)) with nothing observed.

        Raises:
            InputError: no such level or position.
        """
        level = self._level(level)
        nothing = np.zeros(self.language.sentence_length, dtype=bool)
        position = self._position(level, position)
        return batch_posteriors(self._tables, np.zeros((1, len(nothing)), np.intp), nothing, level, [position])[0][0, 0]

    def next_token(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n T v"]:
        """P(x_i | x_<i) at every position; the log-probabilities of a sentence's own tokens sum to `log_prob`.

        Raises:
            InputError: wrong shape or type, tokens outside the vocabulary, or a sentence whose first T - 1 tokens the
                grammar cannot make.
        """
        everything = np.ones(self.language.sentence_length, dtype=bool)
        tokens, _ = checked_observations(tokens, everything, self.language)
        result = np.empty((*tokens.shape, self.language.vocab))

        def work(rows: np.ndarray | slice, _: np.ndarray) -> None:
            result[rows] = next_token_beliefs(self._tables, tokens[rows])

        self._in_batches(everything, len(tokens), work)
        refuse_impossible(tokens, result.sum(axis=2).min(axis=1) > 0.0, "the first T - 1 tokens")
        return result

    def plateaus(self, *, num_samples: int = 2**14, seed: int = 0) -> tuple[Estimate, ...]:
        """L_l = H(last token | the s**l - 1 tokens before it), l = 0..L: `conditional_entropy` at those lengths.

        These are the losses of an observer who knows the structure up to level l and nothing above it but the exact
        prior of the level-l symbol.
        """
        lengths = [self.language.branching**level - 1 for level in range(self.language.depth + 1)]
        return tuple(self.conditional_entropy(k, num_samples=num_samples, seed=seed) for k in lengths)

    def conditional_entropy(self, num_previous: int, *, num_samples: int = 2**14, seed: int = 0) -> Estimate:
        """H(last token | the `num_previous` tokens before it), num_previous = 0..T-1.

        Exact (standard error 0) where at most 2**23 combinations of what the context shows with the last token's value
        have to be summed; for the plateau of level l there are num_symbols m**l, elsewhere more, by up to m**(l - 1)
        (see `_entropies.py`). Else the last exact plateau before, plus the mean change in the entropy of the last
        token's exact posterior from that context to this one, over `num_samples` sentences drawn from a stream of
        `seed`, with the standard error of that mean.

        Raises:
            InputError: no such length; `num_samples` below 2.
        """
        length = self.language.sentence_length
        num_previous = whole_number("num_previous", num_previous, minimum=0)
        if num_previous >= length:
            raise invalid("num_previous", num_previous, f"only {length - 1} tokens come before the last")
        num_samples = whole_number("num_samples", num_samples, minimum=2)
        exact = self._exact_entropy(num_previous)
        if exact is not None:
            return Estimate(exact)
        anchor, exact = self._last_exact_plateau(num_previous)
        tokens = _entropies.sample_contexts(self.language, num_samples, seed)
        at_anchor, wanted = (self._sampled_entropies(tokens, k) for k in (anchor, num_previous))
        return _entropies.with_control(exact, at_anchor, wanted, self.language.vocab)

    def context_entropies(self, *, num_samples: int = 2**14, seed: int = 0) -> tuple[Estimate, ...]:
        """`conditional_entropy` for every number of previous tokens, 0..T-1; samples are shared between them."""
        lengths = range(self.language.sentence_length)
        return tuple(self.conditional_entropy(k, num_samples=num_samples, seed=seed) for k in lengths)

    def _exact_entropy(self, num_previous: int) -> float | None:
        if num_previous not in self._exact_entropies:
            try:
                exact = _entropies.exact_conditional_entropy(self._tables, num_previous, self.marginal)
            except _entropies.TooManyCases:
                exact = None
            self._exact_entropies[num_previous] = exact
        return self._exact_entropies[num_previous]

    def _last_exact_plateau(self, num_previous: int) -> tuple[int, float]:
        """The longest context s**l - 1 <= `num_previous` whose entropy is exact, and that entropy; at worst none."""
        for level in reversed(range(self.language.depth)):
            length = self.language.branching**level - 1
            exact = self._exact_entropy(length) if length <= num_previous else None
            if exact is not None:
                return length, exact
        raise AssertionError("the entropy without context is always exact")

    def _sampled_entropies(self, tokens: np.ndarray, num_previous: int) -> np.ndarray:
        observed = np.arange(tokens.shape[1]) >= tokens.shape[1] - 1 - num_previous
        observed[-1] = False
        return _entropies.entropies(self.posterior(tokens, observed))

    def _posteriors(self, tokens: Any, observed: Any, level: int, positions: list[int]) -> np.ndarray:
        tokens, observed = checked_observations(tokens, observed, self.language)
        result = np.empty((len(tokens), len(positions), self.language.symbols(level)))
        possible = np.ones(len(tokens), dtype=bool)

        def work(rows: np.ndarray | slice, pattern: np.ndarray) -> None:
            result[rows], possible[rows] = batch_posteriors(self._tables, tokens[rows], pattern, level, positions)

        self._in_batches(observed, len(tokens), work)
        refuse_impossible(tokens, possible, "its observed tokens")
        return result

    def _in_batches(
        self, observed: np.ndarray, num_sentences: int, work: Callable[[np.ndarray | slice, np.ndarray], None]
    ) -> None:
        """Call `work(rows, observed)` for pieces of the sentences that share a pattern, or have one each."""
        rules = max(len(table.by_slot[0].weights) for table in self._tables)
        size = max(16, _CHUNK // (self.language.sentence_length * self.language.vocab // 16 + rules))
        for rows, pattern in sentences_by_pattern(observed):

            def one(_: int, start: int, stop: int, rows=rows, pattern=pattern) -> None:
                part = slice(start, stop) if rows is None else rows[start:stop]
                work(part, pattern if pattern.ndim == 1 else pattern[part])

            for_each_chunk(one, num_sentences if rows is None else len(rows), size, None)

    def _num_positions(self, level: int) -> int:
        return self.language.branching ** (self.language.depth - level)

    def _level(self, level: int) -> int:
        level = whole_number("level", level, minimum=0)
        self.language.symbols(level)
        return level

    def _position(self, level: int, position: int) -> int:
        count = self._num_positions(level)
        position = whole_number("position", position, minimum=-count)
        if position >= count:
            raise invalid("position", position, f"level {level} has {count} positions", f"Give {-count} to {count - 1}")
        return position % count


oracle_of.register(RandomHierarchy, TreeOracle)
