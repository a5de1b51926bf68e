"""Named random streams: a seed and a name determine the numbers, whatever the process, machine or order of calls.

A stream's state is derived from SHA-256 of the seed and its name, so adding a draw in one place leaves every other
stream as it was, and nothing depends on the process's hash seed.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from syntagma.errors import whole_number

if TYPE_CHECKING:
    import jax


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """NumPy generator of the stream `names` of `seed` (SFC64, the fastest of NumPy's generators).

    Raises:
        InputError: a seed that is no whole number, or below 0; so does `key`.
    """
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(_digest(seed, names))))


def key(seed: int, *names: str | int) -> jax.Array:
    """JAX key of the stream `names` of `seed`."""
    import jax

    return jax.random.key(_digest(seed, names) & 0x7FFF_FFFF)


def normal(drawn_with: jax.Array, *shapes: tuple[int, ...]) -> list[jax.Array]:
    """Arrays of these shapes from N(0, 1), float32, of the JAX key `drawn_with`.

    All come from one draw: the generator is unrolled once in the compiled program, not once an array, which takes a
    quarter of the time to compile.
    """
    import jax

    sizes = [math.prod(shape) for shape in shapes]
    flat = jax.random.normal(drawn_with, (sum(sizes),))
    ends = list(itertools.accumulate(sizes))
    return [flat[end - size : end].reshape(shape) for shape, size, end in zip(shapes, sizes, ends, strict=True)]


def _digest(seed: int, names: tuple[str | int, ...]) -> int:
    text = "/".join([str(whole_number("seed", seed, minimum=0)), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
