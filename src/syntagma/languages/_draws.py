"""Random whole numbers made from a generator's raw words alone.

NumPy promises that the words of a bit generator stay the same in all its versions, but not what `Generator.integers`,
`permutation` or `choice` make of them. Grammars and sentences must not change with NumPy, so their draws are here.
They are exactly uniform: Lemire's multiply-shift with rejection (arXiv 1805.10941), or plain bits for powers of two.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, UInt


def random_bits(rng: np.random.Generator, count: int, dtype: type[np.unsignedinteger]) -> UInt[np.ndarray, " count"]:
    """`count` unsigned integers, all values equally probable."""
    words = -(-count * np.dtype(dtype).itemsize // 8)
    return rng.bit_generator.random_raw(words).astype("<u8", copy=False).view(dtype)[:count]


def uniform_below(rng: np.random.Generator, bound: int, count: int) -> UInt[np.ndarray, " count"]:
    """`count` integers, uniform on 0 .. bound - 1, for bound <= 2**32; uint16 or uint32, quickest up to 2**12."""
    assert bound <= 2**32
    if bound & (bound - 1) == 0 and bound <= 2**16:
        return random_bits(rng, count, np.uint16) & np.uint16(bound - 1)
    narrow, wide, width = (np.uint16, np.uint32, 16) if bound <= 2**12 else (np.uint32, np.uint64, 32)
    product = np.multiply(random_bits(rng, count, narrow), wide(bound), dtype=wide)
    surplus = 2**width % bound
    rejected = np.flatnonzero(product.astype(narrow) < surplus)
    while rejected.size:
        product[rejected] = np.multiply(random_bits(rng, rejected.size, narrow), wide(bound), dtype=wide)
        rejected = rejected[product[rejected].astype(narrow) < surplus]
    product >>= wide(width)
    return product.astype(narrow)


def random_order(rng: np.random.Generator, count: int) -> Int[np.ndarray, " count"]:
    """A permutation of 0 .. count - 1, all equally probable (but for ties of 64-bit words, below count**2 / 2**65)."""
    return np.argsort(random_bits(rng, count, np.uint64), kind="stable")


def exponentials(rng: np.random.Generator, count: int) -> Float[np.ndarray, " count"]:
    """`count` independent exponentials of rate 1, from uniforms at the midpoints of 2**52 cells, so never 0."""
    cells = random_bits(rng, count, np.uint64) >> np.uint64(12)
    return -np.log((cells.astype(np.float64) + 0.5) * 2.0**-52)


def digits(numbers: Int[np.ndarray, " k"], base: int, count: int) -> Int[np.ndarray, "k count"]:
    """The last `count` digits of whole numbers in `base`, the most significant first."""
    return numbers[:, None] // base ** np.arange(count - 1, -1, -1) % base
