"""What every probe looks at first: that network, task, language and sample belong together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Integer

from syntagma.errors import InputError, invalid, whole_number
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Sample
from syntagma.learners.learner import Network
from syntagma.probes.foreign import ForeignNetwork
from syntagma.tasks import Task
from syntagma.tasks.gate import checked_sample


def checked_network(network: Any) -> Network | ForeignNetwork:
    """`network`, if it is one.

    Raises:
        InputError: a predictor that is no network, such as a kernel regression.
    """
    if not isinstance(network, Network | ForeignNetwork):
        raise InputError(
            f"network={type(network).__name__} cannot be probed: it has no layers. "
            "Give a network, what `fit` finds for a learner trained by gradient descent."
        )
    return network


def checked_nodes(nodes: Any) -> list[tuple[Any, Any]]:
    """`nodes` as pairs of a level and a position, which are still to be looked at.

    Raises:
        InputError: something else.
    """
    pairs = list(nodes) if isinstance(nodes, Iterable) and not isinstance(nodes, str) else [nodes]
    for pair in pairs:
        if not isinstance(pair, Sequence | np.ndarray) or isinstance(pair, str) or len(pair) != 2:
            raise invalid("nodes", nodes, "it must be pairs of a level and a position", "For example [(1, -2)]")
    return [(level, position) for level, position in pairs]


def checked_queries(queries: Any, length: int) -> Integer[np.ndarray, " q"]:
    """`queries` as positions from 0; negative ones count from the end.

    Raises:
        InputError: no list of whole numbers, or a position that is none.
    """
    if not isinstance(queries, Iterable) or isinstance(queries, str) or not (given := list(queries)):
        raise invalid("queries", queries, "it must be a list of positions, one at the least", "Give [-1] for the last")
    for query in given:
        if whole_number("queries", query, minimum=-length) >= length:
            raise invalid("queries", query, f"sentences have {length} tokens", f"Give {-length} to {length - 1}")
    return np.arange(length)[given]


def checked_probe(
    network: Any, task: Any, language: Any, sample: Any, seed: Any
) -> tuple[Sample, Integer[np.ndarray, "n T"]]:
    """The sample, and the inputs that `task` makes of it for `network`.

    Raises:
        InputError: no network, task, grammar or sample of it; or a network that was built for other sizes.
    """
    shape = checked_network(network).shape
    if not isinstance(task, Task):
        raise invalid("task", task, "it is no task", "Give the one that the network was trained on")
    if not isinstance(language, RandomHierarchy):
        raise invalid("language", language, "probes ask about trees", "Give a RandomHierarchy")
    asked = task.shape(language)
    if (asked.vocab, asked.length) != (shape.vocab, shape.length):
        allowed = f"the language has vocab={asked.vocab} and sentences of {asked.length} tokens"
        given = f"vocab={shape.vocab}, length={shape.length}"
        raise invalid("network.shape", given, allowed, "Give the language that the network was trained on")
    sample = checked_sample(sample, language)
    return sample, task.examples(sample, language, seed).inputs
