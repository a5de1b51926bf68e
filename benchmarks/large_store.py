"""Seconds and memory to open, resume and read a store of many runs; it is made first, in one transaction.

    python benchmarks/large_store.py [--runs 100000] [--directory DIR]

Each run has the configuration and the metrics of a run of the scaling laws study and a history of 16 rows. The CPU time
says more than the time that passes on a shared machine. Memory is the most that the process ever had.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from syntagma.languages.settings import HierarchySettings
from syntagma.learners import HierarchicalCNN, Training
from syntagma.sweep.rows import StoredHistory
from syntagma.sweep.run_rows import StoredRun
from syntagma.sweep.runs import Run
from syntagma.sweep.store import Store
from syntagma.tasks import LastToken

METRICS = {
    **dict.fromkeys(("test_loss", "test_loss_error", "test_accuracy", "final_test_loss"), 0.123456789012345),
    **dict.fromkeys(("oracle_loss", "excess_loss", "excess_loss_error", "final_train_loss"), 1.098765432109876),
    "best_step": 4096,
    "steps": 8000,
    "stopped": "steps",
    "examples_seen": 512000,
    "flops": 12521635840.0,
    "seconds": 4.149,
    "seconds_evaluating": 1.432,
}
HISTORY = [{"step": 2**k, "train_loss": 1 / (k + 3), "test_loss": 2 / (k + 3)} for k in range(16)]


def fill(store: Store, number: int) -> None:
    """Store `number` runs that differ in seed and size."""
    run = Run(
        language=HierarchySettings(vocab=8, rules=3, branching=2, depth=3, seed=0), task=LastToken(),
        learner=HierarchicalCNN(width=64), training=Training(), num_examples=1, test_examples=2048, seed=0,
    )  # fmt: skip
    config = run.config()
    with store._transaction():
        environment = store._environment_of(None)
        for seed in range(number):
            config["seed"] = config["language"]["seed"] = seed
            config["num_examples"] = 16 * 2 ** (seed % 10)
            row = StoredRun.written(config, METRICS | {"test_loss": 1 / (seed + 3)}, "2026-01-01", environment)
            store._writer.insert("runs", row)
            store._writer.insert("histories", StoredHistory.written(row[0], HISTORY))


def timed(what: str, act: Callable[[], Any]) -> Any:
    """What `act` gives; prints how long it took."""
    start, cpu = time.perf_counter(), time.process_time()
    found = act()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:36} {seconds:6.2f} s  {cpu:6.2f} s of CPU  {memory:6.0f} MB", flush=True)
    return found


def main() -> None:
    """Make the store, then time what users wait for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--directory", type=Path, help="kept; by default a temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = given.directory or Path(temporary)
        with Store.create(place) as store:
            if not store.ids():
                timed(f"make {given.runs} runs", lambda: fill(store, given.runs))
        print(f"{store.path.stat().st_size / 2**20:.0f} MiB")
        with timed("open for writing", lambda: Store.open(place)) as store:
            timed("first page (50 rows)", lambda: store.runs(limit=50))
            ids = list(timed("resume: ids that are stored", store.ids))
            timed("metrics of 2000 runs", lambda: store.results(ids[:2000]))
            timed("table of 2000 runs", lambda: store.runs(ids[:2000]))
            timed("metrics of all runs", store.results)
            timed("table of all runs", store.runs)
            timed("look for damage in all of it", store.damage)


if __name__ == "__main__":
    main()
