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

    def skip(self, count: int) -> None:
        """Go on as if the first `count` indices had been taken, of an order of which none has been."""
        self._epoch = count // self._size
        if begun := count % self._size:
            self._left = self._permutation()[begun:]

    def take(self, count: int) -> Integer[np.ndarray, " count"]:
        """The next `count` indices."""
        parts, missing = [self._left], count - len(self._left)
        while missing > 0:
            parts.append(self._permutation())
            missing -= self._size
        joined = np.concatenate(parts)
        self._left = joined[count:]
        return joined[:count]

    def _permutation(self) -> Integer[np.ndarray, " size"]:
        """The next epoch's."""
        generator = stream(self._seed, "order", self._epoch)
        self._epoch += 1
        return generator.permutation(self._size).astype(np.int32)
