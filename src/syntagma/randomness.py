"""Named random streams: a seed and a name determine the numbers, whatever the process, machine or order of calls.

A stream's state is derived from SHA-256 of the seed and its name, so adding a draw in one place leaves every other
stream as it was, and nothing depends on the process's hash seed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import jax


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """NumPy generator of the stream `names` of `seed` (SFC64, the fastest of NumPy's generators)."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(_digest(seed, names))))


def key(seed: int, *names: str | int) -> jax.Array:
    """JAX key of the stream `names` of `seed`."""
    import jax

    return jax.random.key(_digest(seed, names) & 0x7FFF_FFFF)


def _digest(seed: int, names: tuple[str | int, ...]) -> int:
    text = "/".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
