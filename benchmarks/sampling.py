"""How fast sentences of random hierarchy languages are drawn and parsed, and the memory it takes.

    python benchmarks/sampling.py                    # 2**26 tokens of each language, some seconds
    python benchmarks/sampling.py --tokens 1e9 --threads 1 2

`wall` is tokens a second by the clock, `cpu` tokens per second of processor time (what one core does while it has the
machine to itself; wall = threads * cpu on idle cores). Memory is the peak of all NumPy arrays (tracemalloc), the result
included, in bytes per token returned. `level by level` is the plain way: one fancy-indexed draw a level, on one core.
"""

from __future__ import annotations

import argparse
import os
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from syntagma.languages import RandomHierarchy

LANGUAGES = {
    "v=32 m=8 s=2 L=8 (target: 300 Mtok/s on two cores)": RandomHierarchy(32, 8, 2, 8),
    "v=32 m=8 s=2 L=10": RandomHierarchy(32, 8, 2, 10),
    "v=32 m=16 s=2 L=8": RandomHierarchy(32, 16, 2, 8),
    "v=32 m=16 s=2 L=10": RandomHierarchy(32, 16, 2, 10),
    "v=32 m=6 s=2 L=8 (not a power of two)": RandomHierarchy(32, 6, 2, 8),
    "v=32 m=8 s=2 L=8 Zipf a=1": RandomHierarchy(32, 8, 2, 8, rule_probabilities=1.0),
    "v=16 m=4 s=2 L=4": RandomHierarchy(16, 4, 2, 4),
}


def level_by_level(language: RandomHierarchy, num_sentences: int) -> np.ndarray:
    """Independent sentences drawn the plain way (equal rules)."""
    rng = np.random.default_rng(0)
    symbols = rng.integers(0, language.num_classes, (num_sentences, 1))
    for production in reversed(language.productions):
        symbols = production[symbols, rng.integers(0, language.rules, symbols.shape)].reshape(num_sentences, -1)
    return symbols


def best(call: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Smallest wall-clock and processor seconds of `repeats` calls."""
    seconds = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(wall for wall, _ in seconds), min(cpu for _, cpu in seconds)


def peak_bytes(call: Callable[[], object]) -> int:
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def report(name: str, call: Callable[[], object], tokens: int, repeats: int) -> None:
    call()  # tables are made on first use
    wall, cpu = best(call, repeats)
    rates = f"wall {tokens / wall / 1e6:7.1f} Mtok/s   cpu {tokens / cpu / 1e6:7.1f} Mtok/s a core"
    print(f"  {name:<22} {rates}   peak {peak_bytes(call) / tokens:6.2f} bytes/token", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=float, default=2**26, help="tokens drawn of each language")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3, help="the quickest of so many counts")
    parser.add_argument("--languages", type=int, default=len(LANGUAGES), help="how many of the languages")
    options = parser.parse_args()
    print(f"NumPy {np.__version__}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name, language in list(LANGUAGES.items())[: options.languages]:
        n = max(1, int(options.tokens) // language.sentence_length)
        few = max(1, n // 8)
        print(f"{name}: {n} sentences of {language.sentence_length} tokens")
        for threads in options.threads:
            draw = lambda t=threads: language.sample(1, n, threads=t)  # noqa: B023, E731
            report(f"sample, {threads} thread(s)", draw, n * language.sentence_length, options.repeats)
        tokens = language.sample(1, few).tokens
        report("parse", lambda: language.parse(tokens), tokens.size, options.repeats)  # noqa: B023
        report("log_prob", lambda: language.log_prob(tokens), tokens.size, options.repeats)  # noqa: B023
        plain = n // 16 or 1
        report("level by level", lambda: level_by_level(language, plain), plain * language.sentence_length, 1)  # noqa: B023


if __name__ == "__main__":
    main()
