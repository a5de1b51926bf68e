"""One step of sum-product: the message to one slot of a level's rules from the messages at its other slots.

    message[b] = sum over the rules whose symbol in the target slot is b, of
                 weight(rule) * product over the other slots of their message at the rule's symbol there

Slot 0 is the parent, slots 1..s the children. A message is None (all ones), integers `[n]` (the symbol is known), or
floats `[symbols, n]`; a width of 1 stands for the same in every sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from syntagma.oracles._tables import KnownSiblings, LevelTable

Message = np.ndarray | None

_SERIAL_PRODUCT = 2**18  # multiplications; OpenBLAS uses one thread up to here


def combine(table: LevelTable, target: int, messages: Sequence[Message]) -> np.ndarray:
    """Message `[symbols, n or 1]` to slot `target` of a level's rules from the messages at all slots but it."""
    given = [(slot, message) for slot, message in enumerate(messages) if message is not None and slot != target]
    if len(given) == 1:
        return _from_one_slot(table, target, *given[0])
    unknown = [(slot, message) for slot, message in given if message.ndim == 2]
    if len(given) == table.branching and len(unknown) == 1 and 0 in (target, unknown[0][0]):
        slot, message = unknown[0]
        known = table.known_siblings[max(target, slot) - 1]
        if known is not None:
            group = known.index.find([sibling for _, sibling in given if sibling.ndim == 1])
            step = _child_from_known if target else _parent_from_known
            return step(known, group, message, table.sizes[target])
    return _over_all_rules(table, target, given)


def _from_one_slot(table: LevelTable, target: int, slot: int, message: np.ndarray) -> np.ndarray:
    """Between parent and child alone: a matrix product, or, where the child is known, a gather of its rows."""
    matrix = table.child_given_parent[max(target, slot) - 1]
    if matrix is not None and message.ndim == 1:
        return matrix.take(message, axis=0).T
    if matrix is None or matrix.size > _SERIAL_PRODUCT // 16:  # mostly zeros, and read again for each few sentences
        return _over_all_rules(table, target, [(slot, message)])
    return _product(matrix[:-1] if target else matrix[:-1].T, message)


def _product(matrix: np.ndarray, message: np.ndarray) -> np.ndarray:
    """Matrix product in pieces too small for a BLAS to start threads, which would compete with those of the caller."""
    columns, result = message.shape[1], np.empty((len(matrix), message.shape[1]))
    piece = max(1, _SERIAL_PRODUCT // matrix.size)
    for start in range(0, columns, piece):
        np.matmul(matrix, message[:, start : start + piece], out=result[:, start : start + piece])
    return result


def _child_from_known(known: KnownSiblings, group: np.ndarray, parent: np.ndarray, size: int) -> np.ndarray:
    """Each value of the child has at most one rule: a gather of the parent's message, one sentence after the other."""
    places = known.parents.take(group, axis=0)
    if parent.shape[1] > 1:
        places += np.arange(0, parent.size, len(parent))[:, None]
    message = np.ascontiguousarray(parent.T).reshape(-1).take(places)
    message *= known.weights.take(group, axis=0)
    return message.T


def _parent_from_known(known: KnownSiblings, group: np.ndarray, child: np.ndarray, size: int) -> np.ndarray:
    """The same the other way: each value of the child adds to the one parent it may have."""
    places = known.parents.take(group, axis=0)
    places += np.arange(0, size * len(group), size)[:, None]
    terms = known.weights.take(group, axis=0)
    terms *= child.T
    return np.bincount(places.reshape(-1), terms.reshape(-1), minlength=size * len(group)).reshape(-1, size).T


def _over_all_rules(table: LevelTable, target: int, given: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """The general case: all rules, and sums over those with the same symbol in the target slot."""
    rules = table.by_slot[target]
    product: np.ndarray | None = None
    for slot, message in given:
        if message.ndim == 1:
            message = np.equal.outer(np.arange(table.sizes[slot]), message).astype(float)
        factor = message.take(rules.sides[slot], axis=0)
        if product is None:
            product = factor
        elif product.shape[1] < factor.shape[1]:
            product = np.multiply(product, factor, out=factor)
        else:
            product *= factor
    assert product is not None
    if rules.common_weight is None:
        product *= rules.weights[:, None]
    sums = rules.reduce(np.add, product)
    if rules.common_weight is not None:
        sums *= rules.common_weight
    return rules.by_symbol(sums, 0.0)


def combine_logs(table: LevelTable, target: int, messages: Sequence[Message]) -> np.ndarray:
    """`combine` for logarithms of messages: slower, and safe whatever their range."""
    rules = table.by_slot[target]
    total = np.log(rules.weights)[:, None]
    for slot, message in enumerate(messages):
        if message is not None and slot != target:
            side = rules.sides[slot]
            same = message.ndim == 1
            total = total + (np.where(side[:, None] == message, 0.0, -np.inf) if same else message.take(side, axis=0))
    peak = rules.reduce(np.maximum, total.copy())
    peak = np.where(np.isfinite(peak), peak, 0.0)
    with np.errstate(divide="ignore"):
        sums = np.log(rules.reduce(np.add, np.exp(total - peak.take(rules.group, axis=0)))) + peak
    return rules.by_symbol(sums, -np.inf)


def log_sum_exp(values: np.ndarray, axis: int) -> np.ndarray:
    """Log of the sum of exponentials along an axis; `-inf` where all are `-inf`."""
    peak = values.max(axis=axis, keepdims=True)
    peak = np.where(np.isfinite(peak), peak, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(values - peak).sum(axis=axis)) + peak.squeeze(axis)
