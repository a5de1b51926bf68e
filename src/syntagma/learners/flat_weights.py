"""A network's N weights as one vector, the form in which they are stepped.

The optimiser then is one pass over memory, and one small program for the compiler, in place of several for each of the
weights.
"""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class FlatWeights:
    """Joins the weights of networks of one form to a vector, and splits it again."""

    def __init__(self, weights: Any) -> None:
        leaves, self._tree = jax.tree.flatten(weights)
        self._shapes = [leaf.shape for leaf in leaves]
        self._ends = np.cumsum([math.prod(shape) for shape in self._shapes])

    def join(self, weights: Any) -> Float[Array, " N"]:
        """All weights one after the other."""
        return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(weights)])

    def split(self, vector: Float[Array, " N"]) -> Any:
        """The weights in their places."""
        parts = jnp.split(vector, self._ends[:-1])
        return self._tree.unflatten([x.reshape(shape) for x, shape in zip(parts, self._shapes, strict=True)])


def is_weight(leaf: Any) -> bool:
    """Whether a leaf of a network is trained: a float array, or the form of one."""
    return eqx.is_inexact_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)
