"""Isotypic projectors: the part of a function of sequences that lies in one representation.

    P_lambda f = f_lambda / T! sum over permutations pi of chi_lambda(pi) f o pi

for functions given by their values on all sequences, T up to 8. One- and two-body functions of any length are split at
once by `languages.representations.pair_parts`.

Source: J.-P. Serre, "Linear Representations of Finite Groups", theorem 8. Regime: exact, T up to 8.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.languages.representations import Partition, checked_partition
from syntagma.theory.symmetric_group.partitions import character, dimension

_MAX_LENGTH = 8


@checked
def project(values: Float[np.ndarray, "*T_axes"], partition: Sequence[int]) -> Float[np.ndarray, "*T_axes"]:
    """The part of a function in S^lambda; `values[x_1, .., x_T]` has one axis for each position.

    Cost: T! passes over the values.

    Raises:
        InputError: more than 8 positions, axes of different lengths, a partition that does not sum to T.
    """
    values = np.asarray(values, dtype=np.float64)
    length = values.ndim
    if not 1 <= length <= _MAX_LENGTH or len(set(values.shape)) != 1:
        allowed = f"it must have 1 to {_MAX_LENGTH} axes, one for each position, all as long as the vocabulary"
        raise invalid("values", f"an array of shape {values.shape}", allowed)
    rows = checked_partition(partition, length)
    total = np.zeros_like(values)
    for order in itertools.permutations(range(length)):
        weight = character(rows, _cycle_type(order))
        if weight:
            total += weight * values.transpose(order)
    return total * (dimension(rows) / math.factorial(length))


def _cycle_type(order: Sequence[int]) -> Partition:
    lengths, seen = [], set()
    for start in range(len(order)):
        at, length = start, 0
        while at not in seen:
            seen.add(at)
            at, length = order[at], length + 1
        if length:
            lengths.append(length)
    return tuple(sorted(lengths, reverse=True))
