"""Milliseconds of learnability, and seconds of a kernel's spectrum by representation.

    python benchmarks/theory.py [--repeats R]

CPU time of this process, the least of R repeats; wall time beside it, which other work on the machine lengthens.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np

from syntagma.theory.learnability import sample_complexity, solve
from syntagma.theory.spectrum import Spectrum
from syntagma.theory.symmetric_group import decompose, gram_of_tables

LEARNABILITY_LIMIT_MS = 25.0


def linear_attention(table: np.ndarray) -> np.ndarray:
    """One block of linear attention with mean read-out, unit variances, as a function of tables."""
    length = table.sum(axis=(-1, -2))
    product = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1)
    overlap = np.trace(table, axis1=-2, axis2=-1)
    return (product + length) * (product + 2 * overlap + length) / length**4


def attention_relu(table: np.ndarray) -> np.ndarray:
    """A ReLU layer after it."""
    own = [linear_attention(table.sum(axis=axis)[..., None] * np.eye(table.shape[-1])) for axis in (-1, -2)]
    scale = np.sqrt(own[0] * own[1])
    cosine = np.clip(linear_attention(table) / scale, -1, 1)
    return scale * (np.sqrt(1 - cosine**2) + (np.pi - np.arccos(cosine)) * cosine) / np.pi


def least(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Seconds of CPU and of wall time, each the least of `repeats`."""
    cpu, wall = [], []
    for _ in range(repeats):
        start = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    return min(cpu), min(wall)


def learnability(repeats: int) -> None:
    """10,000 modes at 50 sample sizes, up to the number of modes."""
    modes = 10_000
    sizes, target = np.geomspace(10, modes - 1, 50), np.full(modes, 1 / modes)
    for decay in (1.2, 2.0, 4.0, 5.0):
        spectrum = Spectrum(np.arange(1.0, modes + 1) ** -decay)
        for ridge in (0.0, 1e-14, 1e-3):
            cpu, wall = least(lambda: solve(spectrum, sizes, ridge).errors(target, 0.1), repeats)  # noqa: B023
            met = "met" if 1e3 * wall < LEARNABILITY_LIMIT_MS else "MISSED"
            print(f"k^-{decay}, ridge {ridge:g}: {1e3 * cpu:6.1f} ms CPU {1e3 * wall:6.1f} ms wall, 25 ms: {met}")
    degenerate = Spectrum([1.0, 1e-4, 1e-8, 1e-12], [1, 1e4, 1e8, 1e12])
    cpu, wall = least(lambda: solve(degenerate, np.geomspace(1, 1e11, 50)), repeats)
    print(f"4 levels of up to 1e12 modes: {1e3 * cpu:6.2f} ms CPU {1e3 * wall:6.2f} ms wall")
    cpu, wall = least(lambda: sample_complexity(degenerate), repeats)
    print(f"their sample complexities:    {1e3 * cpu:6.2f} ms CPU {1e3 * wall:6.2f} ms wall")


def sectors(repeats: int) -> None:
    """Spectra by representation; what they find, with its errors."""
    cases = (
        ("linear attention", linear_attention, 4, 100, 2),
        ("linear attention", linear_attention, 4, 100, 3),
        ("attention and ReLU", attention_relu, 4, 100, 3),
        ("attention and ReLU", attention_relu, 3, 6, 6),
        ("attention and ReLU", attention_relu, 2, 100, 6),
    )
    for name, kernel, vocab, length, degree in cases:
        gram = gram_of_tables(kernel, vocab)
        cpu, wall = least(lambda: decompose(gram, vocab, length, degree=degree), repeats)  # noqa: B023
        found = decompose(gram, vocab, length, degree=degree)
        how = "all tables" if found.exact else "random pairs"
        print(f"\n{name}, v={vocab}, T={length}, D={degree}, {how}: {cpu:.2f} s CPU, {wall:.2f} s wall")
        for shape, sector in found.sectors.items():
            if length - shape[0] <= 2:
                value, error = sector.eigenvalues[0], sector.errors[0]
                bound = found.trace_bound(shape)
                print(f"  {shape!s:<14} {sector.dimension:>6} x {value:.4e} +- {error:.0e}, bound {bound:.2e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"NumPy {np.__version__}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    learnability(options.repeats)
    sectors(min(options.repeats, 2))


if __name__ == "__main__":
    main()
