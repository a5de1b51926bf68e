"""The tokens around the one asked for, the nearest first: what contexts are made of.

A context of order n is the n nearest tokens, so that each context is a part of the next longer one. What is nearest:

- the next token: the one just before it, and so on to the left;
- a hidden token, each place counted by itself: those under its lowest common ancestor first, as the language's tree has
  them, and among these the nearest, left before right (of the last token, all others from right to left); without a
  tree by distance alone;
- a hidden token, counts shared by all places: one to the left, one to the right, two to the left, two to the right.

Where a sentence ends, the mask symbol stands for what would be beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int, Integer

from syntagma.errors import InputError
from syntagma.tasks import Shape


@dataclass(frozen=True)
class Nearby:
    """What stands around each answer; `items` is `n`, or `n T` where every position is read.

    Attributes:
        tokens: the nearest first, a view where possible.
        place: position of the token asked for, where places are counted apart; else 0.
        alphabet: how many symbols `tokens` has.
        edge: the symbol, if there is one, that nothing but itself comes after.
    """

    tokens: Integer[np.ndarray, "*items depth"]
    place: Int[np.ndarray, "*items"]
    alphabet: int
    edge: int | None = None

    def __len__(self) -> int:
        return self.place.size

    def part(self, start: int, stop: int) -> Nearby:
        """The items of some sentences."""
        return replace(self, tokens=self.tokens[start:stop], place=self.place[start:stop])

    @property
    def places(self) -> int:
        """How many numbers places may have."""
        return int(self.place.max()) + 1

    def symbols(self, items: Int[np.ndarray, " some"] | None, number: int) -> Integer[np.ndarray, " some"]:
        """Symbol 0, the place, or symbol k, the k-th nearest token, of some items or all."""
        column = self.tokens[..., number - 1] if number else self.place
        if items is None:
            return column.reshape(-1)
        return column[np.unravel_index(items, column.shape)] if column.ndim > 1 else column[items]


def nearby(inputs: Integer[np.ndarray, "n T"], shape: Shape, shared: bool, max_order: int | None = None) -> Nearby:
    """The tokens around each answer: `nearby(examples.inputs, shape, shared=True).tokens[0, :3]`.

    Args:
        inputs: of the task.
        shape: of the task.
        shared: whether contexts are to be the same at all places.
        max_order: how many tokens at most.

    Raises:
        InputError: a sentence without a hidden token, or with several, where one answer a sentence is asked for.
    """
    if shape.reads == "every":
        return _all_places(inputs, shape.vocab, shared, max_order)
    place = hidden_place(inputs, shape.vocab)
    if shared:
        nowhere = np.broadcast_to(0, len(inputs))
        return Nearby(_by_distance(inputs, place, shape.vocab, max_order), nowhere, shape.vocab + 1)
    if (place == shape.length - 1).all():
        return Nearby(inputs[:, :-1][:, ::-1][:, :max_order], place, shape.vocab)
    order = tree_order(shape.length, shape.branching)[:, :max_order]
    return Nearby(np.take_along_axis(inputs, order[place], axis=1), place, shape.vocab)


def hidden_place(inputs: Integer[np.ndarray, "n T"], mask: int) -> Int[np.ndarray, " n"]:
    """Where each sentence's only mask symbol is.

    Raises:
        InputError: a sentence has none, or several.
    """
    number, length = inputs.shape
    hidden = inputs == mask
    if np.count_nonzero(hidden) == number and hidden[:, -1].all():
        return np.broadcast_to(length - 1, number)
    where = np.flatnonzero(hidden)
    if len(where) == number and (where // length == np.arange(number)).all():
        return where % length
    each = hidden.sum(axis=1)
    row = int(np.argmax(each != 1))
    raise InputError(
        f"inputs[{row}] has {each[row]} hidden tokens, and readers predict the one hidden token of each sentence. "
        "Choose the task last-token, masked-token or next-token."
    )


def tree_order(length: int, branching: int) -> Int[np.ndarray, "T others"]:
    """For each place, the other places: by the height of the lowest common ancestor, then distance, left before right.

    Without a tree, branching 1, all are at one height.
    """
    places = np.arange(length)
    height = np.zeros((length, length), int)
    block = branching
    while branching > 1 and block < length:
        height += places[:, None] // block != places // block
        block *= branching
    distance = np.abs(places[:, None] - places)
    right = places > places[:, None]
    order = np.lexsort((right, distance, height), axis=1)
    return order[:, 1:]


def _all_places(inputs: Integer[np.ndarray, "n T"], mask: int, shared: bool, max_order: int | None) -> Nearby:
    """Each position's contexts, of the inputs up to it, the first of which is the mask symbol."""
    number, length = inputs.shape
    depth = length if max_order is None else min(max_order, length)
    padded = np.full((number, length + depth), mask, inputs.dtype)
    padded[:, depth:] = inputs
    windows = np.lib.stride_tricks.sliding_window_view(padded, depth, axis=1)[:, 1:, ::-1]
    return Nearby(windows, np.broadcast_to(0 if shared else np.arange(length), (number, length)), mask + 1, mask)


def _by_distance(
    inputs: Integer[np.ndarray, "n T"], place: Int[np.ndarray, " n"], mask: int, max_order: int | None
) -> Integer[np.ndarray, "n depth"]:
    length = inputs.shape[1]
    distances = np.repeat(np.arange(1, length), 2)
    distances[::2] *= -1
    where = place[:, None] + distances[:max_order]
    inside = (where >= 0) & (where < length)
    near = np.take_along_axis(inputs, np.clip(where, 0, length - 1), axis=1)
    return np.where(inside, near, near.dtype.type(mask))
