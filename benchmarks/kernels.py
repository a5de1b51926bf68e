"""Gram entries a second, and what of the first call is compilation, on the cases that the issue names.

    python benchmarks/kernels.py [--repeats 3] [--quick]

Sequences are uniform over 16 tokens. "entries" are those of the whole matrix, though each pair is computed once. The
CPU time is of all threads; on a shared machine it says more than the time that passes. The error of softmax attention
is the root mean square standard error over the root mean square entry.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from syntagma.kernels import Architecture, Attention, Dense, Embedding, perceptron, template_transformer, transformer

VOCAB, LENGTH = 16, 16
EMBEDDING = Embedding(vocab=VOCAB, position_variance=0.5)
LINEAR, SOFTMAX = Attention(scores="linear"), Attention()
MLP = (Dense(), Dense(activation="linear"))


@dataclass(frozen=True)
class Case:
    """One line: what, how many sequences, the goal in seconds once compiled, and further arguments of `gram`."""

    name: str
    architecture: Architecture
    sequences: int
    goal: float | None = None
    arguments: tuple[tuple[str, Any], ...] = ()


def of(*layers: Any, readout: Any = "mean") -> Architecture:
    """An architecture on the common embedding."""
    return Architecture(embedding=EMBEDDING, layers=layers, readout=readout)


SAMPLES = (("samples", 8192),)
CASES = (
    Case("linear attention, mean", of(LINEAR), 200, 0.06),
    Case("perceptron, 3 hidden ReLU layers", perceptron(VOCAB), 2000, 0.18),
    Case("perceptron, NTK", perceptron(VOCAB), 2000, None, (("kind", "ntk"),)),
    Case("linear attention + ReLU block, mean", of(LINEAR, *MLP), 4000, 60),
    Case("the same with residual branches, NTK", transformer(VOCAB, scores="linear", readout="mean"), 4000, None,
         (("kind", "ntk"),)),
    Case("softmax attention, last", of(SOFTMAX, readout="last"), 500, 300, SAMPLES),
    Case("softmax attention + ReLU block, mean", of(SOFTMAX, *MLP), 500, 300, SAMPLES),
    Case("softmax attention, last, NTK", of(SOFTMAX, readout="last"), 500, None, (*SAMPLES, ("kind", "ntk"))),
    Case("K_trans of arXiv 2310.09753, ReLU", template_transformer(VOCAB, 1.0, 0.5), 500, None, SAMPLES),
    Case("causal linear attention + ReLU block, mean", of(Attention(scores="linear", causal=True), *MLP), 4000, 60),
)  # fmt: skip


def measure(case: Case, repeats: int) -> None:
    """Print one line."""
    tokens = np.random.default_rng(0).integers(0, VOCAB, (case.sequences, LENGTH))
    passed, used, result = [], [], None
    for _ in range(repeats + 1):
        start, cpu = time.perf_counter(), time.process_time()
        result = case.architecture.gram(tokens, **dict(case.arguments))
        passed.append(time.perf_counter() - start)
        used.append(time.process_time() - cpu)
    assert result is not None
    best = min(passed[1:])
    share = max(0.0, 1 - best / passed[0])
    line = f"{case.name:<44}{case.sequences:>6}{best:>9.3f} s{min(used[1:]):>9.3f} s CPU"
    line += f"{case.sequences**2 / best:>14,.0f}/s"
    line += f"   first call {passed[0]:.2f} s, {share:.0%} of it compiling"
    if result.standard_error is not None:
        error = np.sqrt(np.mean(result.standard_error**2) / np.mean(result.matrix**2))
        line += f"   error {error:.1e}"
    if case.goal is not None:
        line += f"   goal {case.goal} s: {'met' if best <= case.goal else 'MISSED'}"
    print(line, flush=True)


def main() -> None:
    """Read the command line and measure all cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="runs once compiled, of which the best counts")
    parser.add_argument("--quick", action="store_true", help="leave out the last, longest case")
    arguments = parser.parse_args()
    print(f"JAX {jax.__version__}, {os.cpu_count()} cores, float64, T = {LENGTH}, {VOCAB} tokens")
    print(f"{'kernel':<44}{'n':>6}{'seconds':>11}{'':>15}{'entries':>14}")
    for case in CASES[: -1 if arguments.quick else None]:
        measure(case, arguments.repeats)


if __name__ == "__main__":
    main()
