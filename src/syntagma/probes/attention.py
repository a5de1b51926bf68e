"""How far up the tree attention looks: its weights, summed by the level at which query and key meet.

    mass_l(head) = mean over sentences and queries of sum over keys k with lca(query, k) = l of A(query, k),

where lca is the level of the lowest common ancestor of the token the query stands for and the token the key holds: 0
for the same token, L where only the root joins them. In tasks that predict every token, a query stands for the token it
predicts and the key holds the one before its position; the first key holds none, and is left out. A class token, after
the sentence, asks for the last token and holds none. A uniform average of what the query may see is given for
comparison: most tokens are far apart in the tree.

Source: the tree distance is that of arXiv 2505.07070; the average is derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Sample
from syntagma.learners.learner import Network
from syntagma.probes.gate import checked_probe, checked_queries
from syntagma.probes.observe import Labelled, in_batches
from syntagma.tasks import Task


@dataclass(frozen=True)
class AttentionByLevel:
    """Where the heads of one layer look.

    Attributes:
        layer: its name.
        mass: share of attention on keys whose lowest common ancestor with the query is at level 0..L; each head's sums
            to 1, less what inputs that hold no token get: the first of a task that predicts every token, a class token.
        standard_error: of the mean over sentences.
        uniform: the same for equal weights on all inputs that the query may see.
    """

    layer: str
    mass: Float[np.ndarray, "heads levels"]
    standard_error: Float[np.ndarray, "heads levels"]
    uniform: Float[np.ndarray, " levels"]


def attention_by_level(
    network: Network,
    task: Task,
    language: RandomHierarchy,
    sample: Sample,
    *,
    queries: Sequence[int] | None = None,
    seed: int = 0,
) -> list[AttentionByLevel]:
    """The attention of every layer that has it, by level; none for networks without attention.

    Args:
        network: a trained one.
        task: makes its inputs from sentences.
        language: the grammar.
        sample: sentences.
        queries: positions; by default those that answer: all, or the last, the class token's where there is one.
        seed: of what the task draws.

    Raises:
        InputError: a query that is no position.
    """
    _, inputs = checked_probe(network, task, language, sample, seed)
    length, every = language.sentence_length, task.shape(language).reads == "every"
    answering = np.arange(length) if every else np.array([-1])
    chosen = answering if queries is None else checked_queries(queries, length)
    pairs = _meets_at(language, chosen % length, np.arange(length) - every)
    masses, labels = in_batches(_mass, network, inputs, chosen, pairs)
    found = []
    for mass, label in zip(masses, labels, strict=True):
        error = mass.std(axis=0, dtype=np.float64) / np.sqrt(max(len(mass) - 1, 1))
        found.append(AttentionByLevel(label.name, mass.mean(axis=0, dtype=np.float64), error, label.array))
    return found


def _meets_at(
    language: RandomHierarchy, queries: Int[np.ndarray, " q"], keys: Int[np.ndarray, " T"]
) -> Float[np.ndarray, "q T levels"]:
    """1 where the tokens' lowest common ancestor is at that level; a key of -1 holds no token and meets none."""
    spans = language.branching ** np.arange(language.depth + 1)
    together = queries[:, None, None] // spans == keys[:, None] // spans
    lowest = np.diff(together, axis=2, prepend=False) & together
    return (lowest & (keys[:, None] >= 0)).astype(np.float32)


@eqx.filter_jit
def _mass(
    network: Network, inputs: np.ndarray, queries: Int[np.ndarray, " q"], pairs: Float[np.ndarray, "q T levels"]
) -> tuple[list[Array], list[Labelled]]:
    masses, labels = [], []
    for layer in network.activations(jnp.asarray(inputs)).layers:
        if layer.attention is not None:
            weights = layer.attention[:, :, queries, : pairs.shape[1]]  # a class token's key holds none
            masses.append(jnp.einsum("bhqk,qkl->bhl", weights, pairs) / len(queries))
            sees = jnp.asarray(layer.sees, weights.dtype)[queries]
            shares = sees / sees.sum(axis=1, keepdims=True)
            labels.append(Labelled(layer.name, jnp.einsum("qk,qkl->l", shares, pairs) / len(queries)))
    return masses, labels
