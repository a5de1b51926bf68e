"""Which examples a step sees: one permutation of all after another, without end, cut into batches."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer

from syntagma.randomness import stream


class ExampleOrder:
    """Indices of examples; each epoch has its own permutation, drawn of the seed and its number."""

    def __init__(self, seed: int, size: int) -> None:
        self._seed, self._size, self._epoch = seed, size, 0
        self._left = np.zeros(0, np.int32)

    def take(self, count: int) -> Integer[np.ndarray, " count"]:
        """The next `count` indices."""
        parts, missing = [self._left], count - len(self._left)
        while missing > 0:
            generator = stream(self._seed, "order", self._epoch)
            parts.append(generator.permutation(self._size).astype(np.int32))
            self._epoch, missing = self._epoch + 1, missing - self._size
        joined = np.concatenate(parts)
        self._left = joined[count:]
        return joined[:count]
