"""Gram matrices in blocks: float64, each pair of sequences once, memory bounded by the block.

One program is compiled for a block of the architecture, and run on all; the sequences of the last block are padded.
Blocks have sizes that are powers of two, so that every entry goes through the same vector instructions and the block
size does not change a bit of the result (with softmax: no more than rounding of sums).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer

from syntagma.errors import invalid, whole_number
from syntagma.kernels.draws import REPLICATES, Draws, Request
from syntagma.kernels.embedding import Embedding
from syntagma.kernels.joint import Joint
from syntagma.kernels.layer import WideLayer, propagate
from syntagma.kernels.pairs import Layout, Pairs, Reads

Kind = Literal["nngp", "ntk"]
Progress = Callable[[str, float], None]
_BLOCK_ELEMENTS = 2**18
"""Numbers in each array of a block: 2 MB, which stay in the cache; 32 MB arrays take three times as long."""
_CHUNK_ELEMENTS = 2**21
"""Numbers in each array of a chunk of quasi-Monte-Carlo points, which are multiplied as matrices."""
_SMALLEST_BLOCK = 16


@dataclass(frozen=True)
class Gram:
    """A kernel matrix.

    Attributes:
        matrix: `[n, m]` float64; exactly symmetric where x and y are the same.
        standard_error: of each entry, `[n, m]`, from independent randomisations of the quasi-Monte-Carlo points; None
            where the kernel is a closed form.
        kind: "nngp" or "ntk".
    """

    matrix: Float[np.ndarray, "n m"]
    standard_error: Float[np.ndarray, "n m"] | None
    kind: Kind


@dataclass(frozen=True)
class Limit:
    """The infinite-width limit of an architecture on sequences of one length."""

    embedding: Embedding
    layers: tuple[WideLayer, ...]
    readout: Literal["last", "mean", "class"]
    kind: Kind
    layout: Layout

    def gram(
        self,
        x: Integer[np.ndarray, "n T"],
        y: Integer[np.ndarray, "m T"] | None,
        block_size: int | None,
        samples: int,
        seed: int,
        progress: Progress | None,
    ) -> Gram:
        """See `Architecture.gram`."""
        rows, columns = len(x), len(x if y is None else y)
        requests = _requests(self)
        check_memory(rows, columns, 16 if requests else 8)
        side = self._side(max(rows, columns), block_size, requests)
        replicates = _points(requests, samples, seed)
        total, squares = np.zeros((rows, columns)), np.zeros((rows, columns)) if requests else None
        blocks = [(i, j) for i in range(0, rows, side) for j in range(i if y is None else 0, columns, side)]
        with jax.enable_x64(True):
            for number, (i, j) in enumerate(blocks):
                a, b = x[i : i + side], (x if y is None else y)[j : j + side]
                estimates = [_block(self, _padded(a, side), _padded(b, side), points) for points in replicates]
                mean, spread = self._summary(estimates, len(a), len(b), diagonal=y is None and i == j)
                for matrix, values in ((total, mean), (squares, spread)):
                    if matrix is not None:
                        matrix[i : i + side, j : j + side] = values
                        if y is None and i != j:
                            matrix[j : j + side, i : i + side] = values.T
                if progress is not None:
                    progress("Gram matrix", (number + 1) / len(blocks))
        return Gram(total, squares, self.kind)

    def diagonal(self, x: Integer[np.ndarray, "n T"], samples: int, seed: int) -> Float[np.ndarray, " n"]:
        """See `Architecture.diagonal`."""
        requests = _requests(self)
        side = self._side(len(x), None, requests)
        replicates = _points(requests, samples, seed)
        parts = []
        with jax.enable_x64(True):
            for i in range(0, len(x), side):
                block = _padded(x[i : i + side], side)
                estimates = [np.asarray(_selves(self, block, points)) for points in replicates]
                self._check(estimates)
                parts.append(np.mean(estimates, axis=0))
        return np.concatenate(parts)[: len(x)]

    def _summary(self, estimates: list[Any], rows: int, columns: int, *, diagonal: bool) -> tuple[Any, Any]:
        """Mean and standard error of a block's replicates; symmetric where it is on the diagonal."""
        blocks = []
        for block, selves in estimates:
            values = np.asarray(block)[:rows, :columns]
            if diagonal:
                values = np.triu(values, 1)
                values = values + values.T + np.diag(np.asarray(selves)[:rows])
            blocks.append(values)
        self._check(blocks)
        if len(blocks) == 1:
            return blocks[0], None
        largest = np.abs(blocks).max() or 1.0  # whose square may not be a float64
        spread = np.std(np.divide(blocks, largest), axis=0, ddof=1) * largest
        return np.mean(blocks, axis=0), spread / len(blocks) ** 0.5

    def _check(self, blocks: list[np.ndarray]) -> None:
        """Refuse a kernel that is no float64: only an overflow makes it infinite, and then perhaps NaN."""
        if not all(np.isfinite(block).all() for block in blocks):
            allowed = "on these sequences their kernel is beyond 1.8e308, the largest float64"
            mend = "Lower the variances of the weights, the number of layers, or n of relu^n"
            raise invalid("layers", [layer.kind for layer in self.layers], allowed, mend)

    def _side(self, sequences: int, block_size: int | None, requests: tuple[Request, ...]) -> int:
        """Sequences on a side of a block: a power of two."""
        if block_size is None:
            per_sequence = max((r.elements[0] for r in requests), default=0)
            per_pair = max([self.layout.columns, *(r.elements[1] for r in requests)])
            budget = _CHUNK_ELEMENTS if requests else _BLOCK_ELEMENTS
            most = min(int((budget / per_pair) ** 0.5), _CHUNK_ELEMENTS // max(per_sequence, 1))
        else:
            most = whole_number("block_size", block_size)
        needed = 1 << (sequences - 1).bit_length()
        return max(_SMALLEST_BLOCK, min(needed, 1 << max(0, most.bit_length() - 1)))

    def joint(self, x: Integer[Array, "a T"], y: Integer[Array, "b T"] | None, draws: Draws) -> Joint:
        """Covariances of what is read, of each sequence with itself and across."""
        tokens = x if y is None else jnp.concatenate([x, y])
        across = None if y is None else self.embedding.pairs(self.layout, x.T[..., None], y.T[:, None, :])
        joint = Joint(self.embedding.pairs(self.layout, tokens.T, tokens.T), across, (self.embedding, tokens))
        reads: Reads = "all" if self.readout == "mean" else self.readout
        return propagate(self.layers, joint, reads, draws)

    def read(self, pairs: Pairs) -> Float[Array, "*n"]:
        """The kernel of the read-out."""
        values = pairs.nngp if self.kind == "nngp" else pairs.nngp + pairs.ntk
        length = pairs.layout.length
        if self.readout == "mean" and length > 1:
            return pairs.mixed(values, np.full((length, length), 1 / length), "last")[0]
        return values[0]


@functools.partial(jax.jit, static_argnums=0)
def _block(
    limit: Limit, x: Integer[Array, "a T"], y: Integer[Array, "b T"], points: list[Array]
) -> tuple[Float[Array, "a b"], Float[Array, " a"]]:
    """The kernel of x with y, and of each x with itself."""
    joint = limit.joint(x, y, Draws(limit.kind == "ntk", points))
    assert joint.across is not None
    return limit.read(joint.across), limit.read(joint.selves)[: len(x)]


@functools.partial(jax.jit, static_argnums=0)
def _selves(limit: Limit, x: Integer[Array, "a T"], points: list[Array]) -> Float[Array, " a"]:
    return limit.read(limit.joint(x, None, Draws(limit.kind == "ntk", points)).selves)


@functools.lru_cache(maxsize=64)
def _requests(limit: Limit) -> tuple[Request, ...]:
    """What the layers ask for to integrate numerically, from tracing the program without running it."""
    draws = Draws(limit.kind == "ntk")
    tokens = np.zeros((1, limit.layout.length), np.int32)
    with jax.enable_x64(True):
        jax.eval_shape(lambda x: limit.joint(x, x, draws).selves.nngp, tokens)
    return tuple(draws.requests)


def _points(requests: tuple[Request, ...], samples: int, seed: int) -> list[list[np.ndarray]]:
    """For each replicate, each layer's points; one empty replicate where every layer has a closed form."""
    samples, seed = whole_number("samples", samples), whole_number("seed", seed, minimum=0)
    return [
        [request.points(samples, seed, replicate, layer) for layer, request in enumerate(requests)]
        for replicate in range(REPLICATES if requests else 1)
    ]


def _padded(x: Integer[np.ndarray, "n T"], side: int) -> Integer[np.ndarray, "side T"]:
    return np.concatenate([x, np.repeat(x[:1], side - len(x), axis=0)])


def check_memory(rows: int, columns: int, bytes_per_pair: int, result: str = "Gram matrix") -> None:
    """Refuse a matrix that the machine cannot hold, before it is computed.

    Args:
        bytes_per_pair: what each pair of sequences takes while `result` is computed; of a Gram matrix 8, and 16 with
            standard errors.

    Raises:
        InputError: it takes more than the memory there is.
    """
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed = bytes_per_pair * rows * columns
    if needed > 0.9 * there:
        allowed = f"their {result} takes {needed / 1e9:,.1f} GB and this machine has {there / 1e9:,.1f} GB"
        fits = int((0.9 * there / bytes_per_pair) ** 0.5)
        raise invalid("x", f"{rows:,} by {columns:,} sequences", allowed, f"Take {fits:,} sequences or fewer")
