"""Gaussian points for integrals without a closed form: scrambled Sobol points, a stream of their own for each layer.

Layers ask for points while the program is traced; a first, abstract pass records what they ask for, so that no list of
who needs what is kept twice. Independent scramblings ("replicates") of the points give independent unbiased estimates,
and their spread the standard error. Above 4,096 dimensions, points are plain pseudo-random ones.

Regime: integrals of smooth functions over independent N(0, 1), for which the error falls faster than one over the root
of the number of points. Source: A. Owen, "Randomly permuted (t, m, s)-nets", 1995.

    Request(dimensions=6, evaluations=1, elements=(0, 72)).points(1024, seed=0, replicate=0, layer=0)    # [2, 64, 6]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from syntagma.randomness import stream

REPLICATES = 8
"""Independent randomisations, of which the spread gives the standard error."""

_MOST_SOBOL_DIMENSIONS = 4096
_CHUNK = 64


@dataclass(frozen=True)
class Request:
    """What one layer asks for: `Request(dimensions=6, evaluations=1, elements=(0, 72))`.

    Attributes:
        dimensions: Gaussian numbers a point.
        evaluations: independent evaluations that a point serves.
        elements: `(a, b)`: numbers that a chunk's arrays take for each sequence, and for each pair of them.
    """

    dimensions: int
    evaluations: int
    elements: tuple[int, int]

    def points(self, samples: int, seed: int, replicate: int, layer: int) -> Float[np.ndarray, "chunks c dims"]:
        """Standard normal points, in chunks of a power of two, for `samples` evaluations over all replicates.

        `request.points(1024, seed=0, replicate=0, layer=0)`, float64.
        """
        needed = max(1, samples // (REPLICATES * self.evaluations))
        count = 1 << (needed - 1).bit_length()
        generator = stream(seed, "attention", layer, replicate)
        if self.dimensions <= _MOST_SOBOL_DIMENSIONS:
            from scipy.special import ndtri
            from scipy.stats import qmc

            uniform = qmc.Sobol(self.dimensions, rng=generator).random(count)
            normal = ndtri(np.clip(uniform, 2.0**-33, 1 - 2.0**-33))
        else:
            normal = generator.standard_normal((count, self.dimensions))
        return normal.reshape(-1, min(count, self.chunk), self.dimensions)

    @property
    def chunk(self) -> int:
        """Points that are worked on at a time: a power of two."""
        return 1 << max(0, (_CHUNK // self.evaluations).bit_length() - 1)


class Draws:
    """Hands out points, layer by layer, as `Draws(False, points)`; or, as `Draws(False)`, records what is asked for.

    Attributes:
        tangent: whether tangent kernels are wanted.
        requests: what has been asked for.
    """

    def __init__(self, tangent: bool, points: Sequence[Float[Array, "_chunks _c _dims"]] | None = None) -> None:
        self.tangent = tangent
        self.requests: list[Request] = []
        self._points: Iterator[Array] | None = None if points is None else iter(points)

    def take(
        self, dimensions: int, evaluations: int, *, per_sequence: int = 0, per_pair: int = 0
    ) -> Float[Array, "chunks c dims"]:
        """Points for the layer that asks: `draws.take(3 * length, evaluations=1)`.

        Args:
            per_sequence: numbers held for each sequence and evaluation.
            per_pair: numbers held for each pair of sequences and evaluation.
        """
        chunk = Request(dimensions, evaluations, (0, 0)).chunk * evaluations
        self.requests.append(Request(dimensions, evaluations, (per_sequence * chunk, per_pair * chunk)))
        return jnp.zeros((1, 1, dimensions)) if self._points is None else next(self._points)
