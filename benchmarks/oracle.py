"""Exact posteriors a second on random hierarchy languages, at the two sizes of the project's targets.

    python benchmarks/oracle.py [--sentences N] [--repeats R]

A last-token posterior is P(last token | all tokens before it). The best of R repeats is reported.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np

from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.oracles import TreeOracle

SIZES = (
    ({"vocab": 16, "rules": 4, "branching": 2, "depth": 4}, 400_000),
    ({"vocab": 32, "rules": 8, "branching": 2, "depth": 6}, 50_000),
)


def best_seconds(work: Callable[[], object], repeats: int) -> float:
    """The shortest of `repeats` runs, in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(sizes: dict[str, int], target: int, num_sentences: int, repeats: int) -> None:
    """Print one line for each question asked of the oracle of one grammar."""
    language = RandomHierarchy(**sizes, seed=0)
    seconds = best_seconds(lambda: TreeOracle(language), repeats)
    print(f"\n{', '.join(f'{name}={value}' for name, value in sizes.items())}: built in {seconds * 1e3:.1f} ms")
    oracle, length = TreeOracle(language), language.sentence_length
    tokens = language.sample(0, num_sentences).tokens
    few = tokens[: max(1, num_sentences // 16)]
    rng = np.random.default_rng(0)
    last = np.arange(length) < length - 1
    half, half_each = rng.random(length) < 0.5, rng.random(few.shape) < 0.5
    asked: list[tuple[str, int, Callable[[], object]]] = [
        ("last token, given all others", len(tokens), lambda: oracle.posterior(tokens, last)),
        ("root, given all tokens but the last", len(tokens), lambda: oracle.posterior(tokens, last, language.depth)),
        ("log-evidence of a random half of the tokens", len(few), lambda: oracle.log_evidence(few, half)),
        ("all tokens, given a random half", len(few), lambda: oracle.posteriors_all(few, half)),
        ("all tokens, given another half in each sentence", len(few), lambda: oracle.posteriors_all(few, half_each)),
        ("next token, at every position", len(few), lambda: oracle.next_token(few)),
    ]
    for number, (name, count, work) in enumerate(asked):
        rate = count / best_seconds(work, repeats)
        goal = f"   target {target:,}: {'met' if rate >= target else 'MISSED'}" if number == 0 else ""
        print(f"  {name:<50}{rate:>12,.0f} sentences/s{goal}")
    start = time.perf_counter()
    plateaus = TreeOracle(language).plateaus()
    print(f"  {'plateaus 0..L':<50}{time.perf_counter() - start:>12.3f} s")
    print(
        "   " + " ".join(f"{p.value:.4f}" + (f"±{p.standard_error:.4f}" if p.standard_error else "") for p in plateaus)
    )


def main() -> None:
    """Read the command line and measure both sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=2**16, help="sentences a call (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of which the best counts (default %(default)s)")
    arguments = parser.parse_args()
    print(f"NumPy {np.__version__}, {os.cpu_count()} cores, float64")
    for sizes, target in SIZES:
        measure(sizes, target, arguments.sentences, arguments.repeats)


if __name__ == "__main__":
    main()
