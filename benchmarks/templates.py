"""How many strings of template tasks are drawn and matched a second.

    python benchmarks/templates.py                       # 10**7 strings of each task, some seconds
    python benchmarks/templates.py --strings 1e6 --threads 1

`wall` is strings a second by the clock, `cpu` strings per second of processor time. `one by one` is the plain way: for
each string, `random.sample` of its symbols and a dictionary from wildcards to them.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from syntagma.languages.templates import Templates, family

TASKS = {
    "aabb against abab, length 4 (target: 10**7 strings in 2 s on two cores)": family("aabb-abab"),
    "the same, 1,000 substitutions a template": family("aabb-abab", substitutions=1000),
    "the same, unequal probabilities": family("aabb-abab", probabilities=(0.3, 0.7)),
    "print, length 20, copied label": family("print"),
    "random: 100 templates of length 8, 4 wildcards": family("random", count=100, length=8, wildcards=4),
    "copying, 16 different symbols": family("copying", length=16),
}


def one_by_one(task: Templates, count: int) -> np.ndarray:
    """Strings drawn the plain way."""
    rng, patterns, first = random.Random(0), task.patterns.tolist(), task.num_regular
    tokens = np.zeros((count, task.sentence_length), np.int32)
    for row in tokens:
        pattern = rng.choice(patterns)
        wildcards = {token for token in pattern if token >= first}
        symbol = dict(zip(wildcards, rng.sample(task.symbols, len(wildcards)), strict=True))
        for place, token in enumerate(pattern):
            row[place] = symbol.get(token, token)
    return tokens


def report(name: str, call: Callable[[], object], strings: int, repeats: int) -> None:
    call()  # tables are made on first use
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    rates = (
        f"wall {strings / min(walls) / 1e6:7.2f} M strings/s   cpu {strings / min(cpus) / 1e6:7.2f} M strings/s a core"
    )
    print(f"  {name:<20} {rates}   {min(walls):.2f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=float, default=1e7, help="strings drawn of each task")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3, help="the quickest of so many counts")
    parser.add_argument("--tasks", type=int, default=len(TASKS), help="how many of the tasks")
    options = parser.parse_args()
    count = int(options.strings)
    print(f"NumPy {np.__version__}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {count} strings")
    for name, task in list(TASKS.items())[: options.tasks]:
        print(name)
        measure(task, count, options.threads, options.repeats)


def measure(task: Templates, count: int, all_threads: list[int], repeats: int) -> None:
    for threads in all_threads:
        draw = partial(task.sample, 1, count, threads=threads)
        report(f"sample, {threads} thread(s)", draw, count, repeats)
    tokens = task.sample(1, max(1, count // 10)).tokens
    report("log_prob", lambda: task.log_prob(tokens), len(tokens), repeats)
    few = max(1, count // 500)
    report("one by one", lambda: one_by_one(task, few), few, 1)


if __name__ == "__main__":
    main()
