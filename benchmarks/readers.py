"""How fast the readers learn: sentences drawn beforehand, everything else counted, validation and test included.

    python benchmarks/readers.py                     # both at full size, under a minute and 3 GB
    python benchmarks/readers.py --sentences 1e6 --clustered 1e5

The counter counts the contexts of all 16 lengths (goal: 10^7 sentences of 16 tokens in under 10 s on two cores), then
those of the levels only. The clusterer is asked with each statistic (goal: 2^20 sentences in under 20 s on two cores).
`wall` is seconds by the clock, `cpu` seconds of processor time, `excess` the loss in nats above the exact oracle's.
"""

from __future__ import annotations

import argparse
import os
import resource
import time

import numpy as np

from syntagma.languages import RandomHierarchy
from syntagma.learners import Clusterer, Counter, Learner, fit
from syntagma.tasks import Examples, LastToken

LANGUAGE = RandomHierarchy(32, 8, 2, 4)
TASK = LastToken()
HELD_OUT = 10_000


def examples(seed: int, number: int) -> Examples:
    return TASK.examples(LANGUAGE.sample(seed, number), LANGUAGE, seed)


def report(name: str, learner: Learner, train: Examples, validation: Examples, test: Examples) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    found = fit(learner, TASK.shape(LANGUAGE), None, train, validation, test)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    excess = (found.example_losses - TASK.oracle_losses(LANGUAGE, test)).mean()
    contexts, order = found.metrics["contexts"], found.metrics["order"]
    print(
        f"  {name:<34} wall {wall:6.2f} s   cpu {cpu:6.2f} s   {contexts:>9} contexts   order {order:>2}   "
        f"excess {excess:.3f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=float, default=1e7, help="that the counter reads")
    parser.add_argument("--clustered", type=float, default=2**20, help="that the clusterer reads")
    options = parser.parse_args()
    print(f"NumPy {np.__version__}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    validation, test = examples(1, HELD_OUT), examples(2, HELD_OUT)
    print(f"counter, v=32 m=8 s=2 L=4: {int(options.sentences)} sentences of {LANGUAGE.sentence_length} tokens")
    train = examples(0, int(options.sentences))
    for smoothing in ("witten-bell", "kneser-ney"):
        report(f"all orders, {smoothing}", Counter(orders="all", smoothing=smoothing), train, validation, test)
    report("levels only, witten-bell", Counter(), train, validation, test)
    few = int(options.clustered)
    train = Examples(train.inputs[:few], train.targets[:few]) if few <= options.sentences else examples(0, few)
    print(f"clusterer: {few} sentences")
    for statistic in ("target", "neighbour"):
        for sharing in (True, False):
            name = f"{statistic}, {'shared' if sharing else 'each place by itself'}"
            report(name, Clusterer(statistic=statistic, sharing=sharing), train, validation, test)
    print(f"largest memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")


if __name__ == "__main__":
    main()
