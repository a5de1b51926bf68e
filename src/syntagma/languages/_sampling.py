"""Sampling by table: several levels of a grammar at once, one look-up for s**k symbols.

The rules used in k consecutive levels below a symbol are one combined choice among C = m**(1 + s + .. + s**(k-1)), and
a table of n C rows holds the s**k symbols that each (symbol, choice) yields. A sentence is then drawn by few look-ups
in tables small enough for a core's second-level cache: at vocab 32, 8 rules, branching 2, one look-up in 64 kB gives 4
tokens. Symbols between stages are stored times the next stage's C, so adding a choice to one gives its row.

Equal rules: choices are exactly uniform. Unequal rules: Walker's alias method with probabilities rounded to multiples
of 2**-32 / C, so that each choice's law is within 2**-32 of the exact one in total variation; a rule of probability 0
is never used.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer

from syntagma.errors import invalid
from syntagma.languages._chunks import for_each_chunk, sentences_per_chunk
from syntagma.languages._draws import digits, random_bits, uniform_below
from syntagma.randomness import stream

_TABLE_BYTES = 2**19
_MOST_CHOICES = 2**13


@dataclass(frozen=True)
class _Stage:
    """k levels at once. `table[symbol * choices + choice]` is a row of s**k symbols.

    With unequal rules `thresholds` is given, and the table has two rows for each (symbol, choice): its own and that of
    its alias, which is taken where a 32-bit draw is not below the threshold.
    """

    choices: int
    table: np.ndarray
    thresholds: np.ndarray | None


class Sampler:
    """Draws token sequences of one grammar; holds only constant tables and may be used from several threads."""

    def __init__(
        self, productions: Sequence[Int[np.ndarray, "_ m s"]], weights: Sequence[np.ndarray], dtype: np.dtype
    ) -> None:
        self._num_classes = productions[-1].shape[0]
        self.sentence_length = productions[0].shape[2] ** len(productions)
        self.dtype = dtype
        self._stages = _compile(productions, weights, dtype)

    def draw(
        self, seed: int, num_sentences: int, threads: int | None, *, first_chunk: int = 0
    ) -> Integer[np.ndarray, "n T"]:
        """Independent sentences; chunk i of them comes from the stream ("sentences", i) of `seed`.

        Raises:
            InputError: more tokens than memory holds.
        """
        size = sentences_per_chunk(self.sentence_length)
        try:
            tokens = np.empty((num_sentences, self.sentence_length), dtype=self.dtype)
        except (MemoryError, ValueError):
            need = f"they need {num_sentences * self.sentence_length * self.dtype.itemsize} bytes, more than can be had"
            raise invalid("num_sentences", num_sentences, need, "Ask for fewer sentences") from None

        per_thread = threading.local()

        def one(chunk: int, start: int, stop: int) -> None:
            if not hasattr(per_thread, "scratch"):
                per_thread.scratch = self._scratch(size)
            rng = stream(seed, "sentences", first_chunk + chunk)
            if stop - start == size:
                self._fill(rng, tokens[start:stop], per_thread.scratch)
            else:  # a whole chunk is drawn, so that asking for more sentences later gives the same first ones
                whole = np.empty((size, self.sentence_length), dtype=self.dtype)
                self._fill(rng, whole, per_thread.scratch)
                tokens[start:stop] = whole[: stop - start]

        for_each_chunk(one, num_sentences, size, threads)
        return tokens

    def _scratch(self, num_sentences: int) -> list[np.ndarray]:
        """Room for what each stage but the last puts out: fresh memory for each chunk took a third of the time."""
        buffers = []
        for stage in self._stages[:-1]:
            num_symbols = buffers[-1].size if buffers else num_sentences
            buffers.append(np.empty((num_symbols, stage.table.shape[1]), dtype=np.int64))
        return buffers

    def _fill(self, rng: np.random.Generator, tokens: Integer[np.ndarray, "n T"], scratch: list[np.ndarray]) -> None:
        """Write independent sentences to `tokens`, a contiguous array of the sampler's dtype."""
        last = self._stages[-1]
        rows = uniform_below(rng, self._num_classes, len(tokens)).astype(np.int64) * self._stages[0].choices
        for stage, out in zip(self._stages, [*scratch, tokens.reshape(-1, last.table.shape[1])], strict=True):
            _expand(rng, stage, rows, out)
            rows = out.reshape(-1)


def _expand(rng: np.random.Generator, stage: _Stage, rows: np.ndarray, out: np.ndarray) -> None:
    """One draw for each symbol; `rows` holds symbol * choices and is overwritten."""
    rows += uniform_below(rng, stage.choices, rows.size)
    if stage.thresholds is not None:
        draws = random_bits(rng, rows.size, np.uint32)
        use_alias = draws >= stage.thresholds.take(rows, mode="wrap")
        rows *= 2
        rows += use_alias
    # Rows are in range by construction; mode="raise" would write to a copy of the output first.
    stage.table.take(rows, axis=0, out=out, mode="wrap")


def _compile(productions: Sequence[np.ndarray], weights: Sequence[np.ndarray], dtype: np.dtype) -> tuple[_Stage, ...]:
    """Stages from the root down; planned from the tokens up, where nearly all the work is."""
    stages: list[_Stage] = []
    bottom, scale = 0, 1
    while bottom < len(productions):
        cell = dtype if bottom == 0 else np.dtype(np.int64)
        top = bottom + _levels_at_once(productions, bottom, cell.itemsize)
        table, probabilities = _combine(productions[bottom:top], weights[bottom:top])
        stages.append(_make_stage((table * scale).astype(cell), probabilities))
        bottom, scale = top, stages[-1].choices
    return tuple(reversed(stages))


def _levels_at_once(productions: Sequence[np.ndarray], bottom: int, itemsize: int) -> int:
    _, rules, branching = productions[0].shape
    levels, choices = 1, rules
    while bottom + levels < len(productions):
        more = rules * choices**branching
        rows = productions[bottom + levels].shape[0] * more
        if more > _MOST_CHOICES or rows * branching ** (levels + 1) * itemsize > _TABLE_BYTES:
            break
        levels, choices = levels + 1, more
    return levels


def _combine(
    productions: Sequence[np.ndarray], weights: Sequence[np.ndarray]
) -> tuple[Int[np.ndarray, "n C w"], Float[np.ndarray, "n C"]]:
    """What each symbol yields under each combined choice of rules, and with which probability."""
    table, probabilities = productions[0], weights[0]
    branching = table.shape[2]
    for children, weight in zip(productions[1:], weights[1:], strict=True):
        below = probabilities.shape[1]
        choices_below = digits(np.arange(below**branching), below, branching)
        pick = (children[:, :, None, :], choices_below[None, None, :, :])
        width = branching * table.shape[2]
        probabilities = (weight[:, :, None] * probabilities[pick].prod(axis=3)).reshape(len(children), -1)
        table = table[pick].reshape(*probabilities.shape, width)
    return table, probabilities


def _make_stage(table: np.ndarray, probabilities: np.ndarray) -> _Stage:
    symbols, choices, width = table.shape
    if (probabilities == probabilities[0, 0]).all():
        return _Stage(choices, table.reshape(-1, width), None)
    thresholds, aliases = _alias_tables(probabilities)
    both = np.stack([table, table[np.arange(symbols)[:, None], aliases]], axis=2)
    return _Stage(choices, both.reshape(-1, width), thresholds.reshape(-1))


def _alias_tables(probabilities: Float[np.ndarray, "n C"]) -> tuple[np.ndarray, np.ndarray]:
    """Walker's alias tables, one a row: column j stands for itself below thresholds[j] / 2**32, else for aliases[j]."""
    distinct, which = np.unique(probabilities, axis=0, return_inverse=True)
    tables = [_alias_table(row) for row in distinct]
    thresholds = np.stack([t for t, _ in tables])
    aliases = np.stack([a for _, a in tables])
    which = which.reshape(-1)
    return thresholds[which], aliases[which]


def _alias_table(probabilities: Float[np.ndarray, " C"]) -> tuple[np.ndarray, np.ndarray]:
    """Vose's construction in whole numbers (C columns of 2**32 units), which leaves no rounding remainder."""
    count = len(probabilities)
    full = 2**32
    units = np.floor(probabilities * (count * full)).astype(np.int64)
    units[np.argmax(units)] += count * full - int(units.sum())
    left = units.tolist()
    thresholds, aliases = [0] * count, list(range(count))
    small = [j for j in range(count) if left[j] < full]
    large = [j for j in range(count) if left[j] >= full]
    while small:
        j, donor = small.pop(), large[-1]
        thresholds[j], aliases[j] = left[j], donor
        left[donor] -= full - left[j]
        if left[donor] < full:
            small.append(large.pop())
    return np.array(thresholds, dtype=np.uint32), np.array(aliases)
