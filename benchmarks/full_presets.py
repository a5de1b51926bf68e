"""Hours that `full` presets take on accelerators, predicted from operations and memory bandwidth; nothing is trained.

    python benchmarks/full_presets.py [STUDY ...]

A run's training takes at least

    max(operations / (share x peak rate of matrix products),  bytes / (share x bandwidth))

with the operations of `sweep.plan`, none stopping before its length, and as bytes the operands of products of width w,
4 / w a floating-point operation in float32, and 32 a weight and step for Adam (weights, gradient and two averages, read
and written). Peak rates are the makers' for dense products in TF32, JAX's default there, and float32 where there is no
TF32. The share is an assumption: a third is what well filled batches reach. The time between programs is left out, so
small networks that do not fill the accelerator take longer. Readers and kernels are left out: they run on processors.
Studies that look at a text need one and are left out. Planning computes exact statistics, some minutes in all.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from syntagma.learners import NetworkLearner
from syntagma.studies import load, machinery
from syntagma.sweep.plan import num_weights, operations, shape_of
from syntagma.sweep.runs import Run

SHARE = 1 / 3
STUDIES = (
    "scaling-laws", "weight-sharing", "level-by-level", "grammar-sizes", "one-pass", "zipf-rules", "all-positions",
    "masked-token",
)  # fmt: skip


@dataclass(frozen=True)
class Accelerator:
    """Peak operations and bytes a second, from the maker's data sheet."""

    name: str
    rate: float
    bandwidth: float


ACCELERATORS = (
    Accelerator("H200", 494e12, 4.8e12),
    Accelerator("H100 SXM", 494e12, 3.35e12),
    Accelerator("A100 80 GB", 156e12, 2.04e12),
    Accelerator("L4", 60e12, 0.3e12),
    Accelerator("V100", 15.7e12, 0.9e12),
)


def moved(run: Run) -> float:
    """Bytes that training moves at the least."""
    assert run.training is not None
    assert isinstance(run.learner, NetworkLearner)
    steps = run.training.length(run.num_examples)
    width = getattr(run.learner, "width", 64)
    return 4 / width * operations(run) + 32.0 * num_weights(run.learner, shape_of(run)) * steps


def hours(runs: list[tuple[float, float]], accelerator: Accelerator) -> float:
    """Of runs with so many operations and bytes, one after the other or in batches."""
    rate, bandwidth = SHARE * accelerator.rate, SHARE * accelerator.bandwidth
    return sum(max(work / rate, size / bandwidth) for work, size in runs) / 3600


def main() -> None:
    """Print the table, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", default=STUDIES, metavar="STUDY")
    given = parser.parse_args()
    columns = ("study", "trained runs", "operations", *(f"{one.name}, hours" for one in ACCELERATORS))
    print("| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns), flush=True)
    for name in given.studies:
        study = load(name)
        cells = machinery.plan(study, study.presets["full"])
        runs = [cell.run for cell in cells if cell.run.training and isinstance(cell.run.learner, NetworkLearner)]
        work = [(operations(run), moved(run)) for run in runs]
        times = [f"{hours(work, accelerator):.2g}" for accelerator in ACCELERATORS]
        total = f"{sum(one for one, _ in work):.1e}"
        print("| " + " | ".join([name, f"{len(runs):,}", total, *times]) + " |", flush=True)


if __name__ == "__main__":
    main()
