"""Sentences drawn one after the other without replacement: independent draws of which those seen before are skipped.

Small languages (at most 2**20 sentences, 2**23 tokens in all) are enumerated and put in the order of E_i / p_i, with
E_i independent exponentials and p_i the sentence's probability. Exponential clocks of rates p_i ring in the order of
successive draws without replacement (the next to ring is i with probability p_i over the sum of those left, by lack of
memory), so the law is that of skipping repeats, and the last improbable sentence costs no more than the first. For
larger ones repeats are skipped as they come. Which way is taken depends on the grammar alone, and both extend: the
first k sentences are the same whatever number is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Integer

from syntagma.errors import invalid
from syntagma.languages._chunks import sentences_per_chunk
from syntagma.languages._draws import exponentials
from syntagma.languages._sampling import Sampler
from syntagma.randomness import stream

_MOST_SENTENCES = 2**20
_MOST_TOKENS = 2**23
_LEAST_YIELD = 1e-3
_PATIENCE = 2**12
_COMPARED_AT_ONCE = 2**12


def draw_distinct(
    sampler: Sampler,
    productions: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    seed: int,
    num_sentences: int,
    threads: int | None,
) -> Integer[np.ndarray, "n T"]:
    """The first `num_sentences` distinct sentences of `seed`; the caller has checked that there are so many.

    Raises:
        InputError: rules are unequal and the sentences left are too improbable to be found.
    """
    classes, rules, branching = productions[-1].shape
    length = branching ** len(productions)
    parses = classes * rules ** ((length - 1) // (branching - 1))
    if parses <= _MOST_SENTENCES and parses * length <= _MOST_TOKENS:
        tokens, log_probabilities = _enumerate(productions, weights)
        clocks = np.log(exponentials(stream(seed, "distinct"), len(tokens))) - log_probabilities
        return tokens[np.argsort(clocks, kind="stable")[:num_sentences]].astype(sampler.dtype)
    equal = all((level == level[0, 0]).all() for level in weights)
    return _skip_repeats(sampler, seed, num_sentences, threads, _LEAST_YIELD * (not equal))


def _enumerate(
    productions: Sequence[np.ndarray], weights: Sequence[np.ndarray]
) -> tuple[Integer[np.ndarray, "N T"], Float[np.ndarray, " N"]]:
    """All possible sentences, with the logarithms of their probabilities.

    The digits of sentence number i in base m are its rules, the root's the last; what remains is its root symbol.
    """
    classes, rules, branching = productions[-1].shape
    nodes = (branching ** len(productions) - 1) // (branching - 1)
    symbols, code = np.divmod(np.arange(classes * rules**nodes), rules**nodes)
    symbols = symbols[:, None]
    with np.errstate(divide="ignore"):
        log_weights = [np.log(weight) for weight in weights]
    log_probabilities = np.full(len(symbols), -np.log(classes))
    for production, log_weight in zip(reversed(productions), reversed(log_weights), strict=True):
        rule = np.empty_like(symbols)
        for position in range(symbols.shape[1]):
            code, rule[:, position] = np.divmod(code, rules)
        log_probabilities += log_weight[symbols, rule].sum(axis=1)
        symbols = production[symbols, rule].reshape(len(symbols), -1)
    possible = log_probabilities > -np.inf
    return symbols[possible], log_probabilities[possible]


def _skip_repeats(
    sampler: Sampler, seed: int, num_sentences: int, threads: int | None, least_yield: float
) -> Integer[np.ndarray, "n T"]:
    size = sentences_per_chunk(sampler.sentence_length)
    kept = np.empty((0, sampler.sentence_length), dtype=sampler.dtype)
    chunks = checked_draws = checked_found = 0
    while len(kept) < num_sentences:
        more = -(-(num_sentences - len(kept) + len(kept) // 8) // size)
        drawn = sampler.draw(seed, more * size, threads, first_chunk=chunks)
        chunks += more
        pool = np.concatenate([kept, drawn]) if len(kept) else drawn
        fresh = _first_occurrences(pool)
        kept = pool if len(fresh) == len(pool) else pool[fresh]
        if chunks * size - checked_draws >= _PATIENCE:
            if len(kept) < min(num_sentences, checked_found + least_yield * (chunks * size - checked_draws)):
                found = f"{chunks * size} draws gave only {len(kept)} distinct sentences, the rest are too improbable"
                raise invalid("num_sentences", num_sentences, found, "Ask for fewer, or for distinct=False")
            checked_draws, checked_found = chunks * size, len(kept)
    return kept[:num_sentences]


def _first_occurrences(tokens: Integer[np.ndarray, "n T"]) -> Integer[np.ndarray, " d"]:
    """Indices, ascending, of the sentences that differ from all before them; sorts whole rows as bytes."""
    whole = tokens.view(np.dtype((np.void, tokens.dtype.itemsize * tokens.shape[1]))).reshape(-1)
    order = np.argsort(whole, kind="stable")  # stable: the first of equal sentences is the earliest
    is_new = np.ones(len(order), dtype=bool)
    for start in range(1, len(order), _COMPARED_AT_ONCE):
        here, before = order[start : start + _COMPARED_AT_ONCE], order[start - 1 : start - 1 + _COMPARED_AT_ONCE]
        before = before[: len(here)]
        is_new[start : start + len(here)] = (tokens[here] != tokens[before]).any(axis=1)
    return np.sort(order[is_new])
