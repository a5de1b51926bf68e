"""What is known of a sweep before it is done: work and memory of its runs, their order, shards, and a forecast."""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import jax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quick_runs import WORK, QuickRun, missing, stored_ids
from syntagma.errors import InputError
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import HierarchicalCNN, KernelRegression, Learner, Training
from syntagma.randomness import key
from syntagma.sweep.execution import execute
from syntagma.sweep.forecast import Forecast, forecast
from syntagma.sweep.machine import usable_cores, usable_memory
from syntagma.sweep.order import order, whole_time
from syntagma.sweep.plan import BASE_BYTES, Costs, check_fits, least_bytes, operations, shape_of
from syntagma.sweep.runs import Run, Runner
from syntagma.sweep.shards import Shard
from syntagma.sweep.store import Store
from syntagma.sweep.workers import Outcome, Workers
from syntagma.tasks import LastToken

TRAINING = Training(max_steps=100, batch_size=16, patience=2, least_steps=10, evaluations_per_doubling=1)


def a_run(learner: Learner | None = None, num_examples: int = 64, seed: int = 0, **changes: Any) -> Run:
    learner = learner or HierarchicalCNN(width=8)
    fields = {
        "language": HierarchySettings(vocab=4, rules=2, branching=2, depth=2, seed=seed),
        "task": LastToken(),
        "learner": learner,
        "training": None if isinstance(learner, KernelRegression) else TRAINING,
        "num_examples": num_examples,
        "test_examples": 32,
        "seed": seed,
    }
    return Run.model_validate(fields | changes)


# ---- order


def best_time(seconds: list[int], workers: int) -> int:
    """Of all ways to give the runs to the workers."""
    return min(
        max(sum(s for s, w in zip(seconds, ways, strict=True) if w == worker) for worker in range(workers))
        for ways in itertools.product(range(workers), repeat=len(seconds))
    )


@given(st.lists(st.integers(1, 30), max_size=30), st.integers(1, 5))
def test_order_leaves_nothing_out_and_is_near_the_best(seconds: list[int], workers: int) -> None:
    ordered = order(seconds, workers, float)
    assert Counter(ordered) == Counter(seconds)
    if workers == 1:
        assert ordered == sorted(seconds)
    total, longest = sum(seconds), max(seconds, default=0)
    bound = max(total / workers, longest)  # no order can be quicker
    assert whole_time(ordered, workers) <= (2 - 1 / workers) * bound + 1e-9


def test_order_is_near_the_best_of_all_ways() -> None:
    """The drawn sweeps are those that tell the rule from cheapest first, which is off by half."""
    chance = random.Random(0)
    ratios, cheapest_first = [], []
    for _ in range(300):
        workers = chance.randint(2, 3)
        seconds = [2 ** chance.randint(0, 5) for _ in range(chance.randint(1, 7))]
        best = best_time(seconds, workers)
        ratios.append(whole_time(order(seconds, workers, float), workers) / best)
        cheapest_first.append(whole_time(sorted(seconds), workers) / best)
    assert max(ratios) <= 4 / 3 < max(cheapest_first)
    assert sum(ratios) / len(ratios) < 1.03


def test_cheap_runs_go_first_as_long_as_there_are_many() -> None:
    seconds = [1.0] * 100 + [10.0]
    ordered = order(seconds, 4, float)
    assert ordered.index(10.0) == 70  # 30 runs of 1 are left then for the three other workers
    assert whole_time(ordered, 4) <= 28


def test_workers_take_runs_by_their_cost(tmp_path: Path) -> None:
    runs = [QuickRun(number) for number in (5, 3, 8, 1)]
    finished: list[int] = []
    with Store.create(tmp_path / "results") as store:
        execute(
            lambda: missing(store, runs),  # pyright: ignore
            store,
            1,
            lambda run, result: finished.append(run.number),  # pyright: ignore
            cost=lambda run: run.number,  # pyright: ignore
            work=WORK,
        )
    assert finished == [1, 3, 5, 8]


# ---- shards


@given(st.integers(1, 50), st.text(max_size=30))
def test_every_run_has_one_shard(count: int, name: str) -> None:
    having = [number for number in range(1, count + 1) if Shard(number, count).has(name)]
    assert having == [1 + int(hashlib.sha256(name.encode()).hexdigest(), 16) % count]


def test_shards_are_alike_in_size() -> None:
    sizes = [sum(Shard(number, 8).has(QuickRun(run).id()) for run in range(4000)) for number in range(1, 9)]
    assert sum(sizes) == 4000
    assert sum((size - 500) ** 2 / 500 for size in sizes) < 24.3  # chi squared of 7, one in a thousand


def test_shards_stay_what_they_are() -> None:
    """Machines of different ages share a sweep: these must never change."""
    assert [name for name in map(str, range(12)) if Shard.parse("2/3").has(name)] == ["5", "6", "8", "10"]
    assert Shard.parse(" 2 / 3 ") == Shard(2, 3)
    assert str(Shard(2, 3)) == "2/3"


@pytest.mark.parametrize(
    "text", ["", "1", "0/4", "5/4", "1/0", "0/0", "-1/4", "1/4/2", "a/b", "1.5/2", "¹/4", "1/9999999999"]
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^shard=") as caught:
        Shard.parse(text)
    assert "\n" not in str(caught.value)


def test_shards_together_do_every_run_once(tmp_path: Path) -> None:
    runs = [QuickRun(number) for number in range(12)]
    done: list[int] = []
    for number in (1, 2):
        with Store.create(tmp_path / str(number)) as store:
            summary = execute(
                lambda store=store: missing(store, runs),  # pyright: ignore
                store,
                1,
                lambda run, result: done.append(run.number),  # pyright: ignore
                shard=Shard(number, 2),
                work=WORK,
            )
            assert summary.finished == len(stored_ids(store)) > 0
    assert sorted(done) == list(range(12))


# ---- work and memory


def test_operations_of_a_network_are_those_of_its_training() -> None:
    run = a_run()
    forward = run.learner.forward_flops(shape_of(run))  # pyright: ignore
    evaluated = len(list(TRAINING.evaluation_steps(100)))
    assert operations(run) == forward * (3 * 100 * 16 + evaluated * 32 + 2 * 32)
    shifted = a_run(tests={"shifted": run.language}, validation_examples=48)
    assert operations(shifted) == forward * (3 * 100 * 16 + evaluated * 48 + 2 * 64)
    whole = a_run(training=TRAINING.model_copy(update={"patience": 100, "train_loss_threshold": 0}))
    result = Runner().execute([whole])[0]
    assert result["steps"] == 100
    assert operations(whole) == result["flops"] + forward * 32 * (
        result["best_step"] == 100
    )  # read once, if both are one
    costs = Costs()
    assert costs(run) == costs(run) == operations(run)


def test_operations_and_memory_of_a_kernel_grow_with_its_matrix() -> None:
    small, large = a_run(KernelRegression(), 1000), a_run(KernelRegression(), 2000)
    assert 7 < operations(large) / operations(small) < 8
    assert least_bytes(large) - least_bytes(small) == 16 * (2000**2 - 1000**2) + 4 * 1000 * (4 + 1)


def test_memory_counts_weights_and_what_training_keeps_of_them() -> None:
    run = a_run(HierarchicalCNN(width=64))
    network = run.learner.network(key(0), shape_of(run))  # pyright: ignore
    weights = sum(leaf.size for leaf in jax.tree.leaves(network))
    examples = 4 * (64 + 32 + 32) * (4 + 1)
    assert least_bytes(run) == BASE_BYTES + examples + 4 * 5 * weights
    plain = a_run(HierarchicalCNN(width=64), training=TRAINING.model_copy(update={"optimizer": "sgd"}))
    assert least_bytes(plain) == BASE_BYTES + examples + 4 * 3 * weights


def test_what_does_not_fit_is_refused_before_it_starts() -> None:
    large = a_run(KernelRegression(), 40_000)  # 25.6 GB
    with pytest.raises(
        InputError, match=r"\(kernel, num_examples=40000, seed=0\) cannot be done: it takes at least 25.9 GB"
    ) as caught:
        check_fits([a_run(), large], 1, memory=16 * 10**9)
    assert "\n" not in str(caught.value)
    check_fits([a_run(), large], 2, memory=32 * 10**9)
    with pytest.raises(InputError, match=r"^workers=3 cannot be used: .*Give 2 or fewer"):
        check_fits([large, large, large, a_run()], 3, memory=60 * 10**9)
    check_fits([large, a_run(), a_run()], 3, memory=32 * 10**9)
    check_fits([], 3, memory=1)
    check_fits([a_run()], 1)


def test_a_container_says_what_may_be_used(tmp_path: Path) -> None:
    cores, memory = usable_cores(tmp_path / "none"), usable_memory(tmp_path / "none")
    assert cores >= 1
    assert memory > 2**26
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert (usable_cores(tmp_path), usable_memory(tmp_path)) == (cores, memory)
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text("67108864\n")
    assert (usable_cores(tmp_path), usable_memory(tmp_path)) == (1, 2**26)


# ---- forecasts


class Told(Workers):
    """Timings that are told, not made: seconds a step and an evaluation, or of a solution."""

    def __init__(self, **timing: float) -> None:
        super().__init__()
        self.timing = {"compile": 0.0, "step": 0.0, "evaluation": 0.0, "bytes": 4e8, "solved": 0.0, "of": 1.0} | timing

    def full(self) -> bool:
        return len(self.under_way) > 1

    def start(self, run: Run, attempt: int, *, alone: bool = False) -> None:
        self.under_way[run.id()] = run

    def wait(self, seconds: float) -> None:
        pass

    def collect(self) -> list[Outcome]:
        outcomes = [Outcome(run, result=dict(self.timing)) for run in self.under_way.values()]
        self.under_way.clear()
        return outcomes

    def close(self) -> None:
        pass


def test_forecast_adds_up_steps_evaluations_and_compiling() -> None:
    runs = [a_run(seed=seed, num_examples=size) for seed in range(2) for size in (64, 128)]
    told = forecast(runs, 2, lambda: Told(step=0.01, evaluation=0.1, compile=3.0))
    assert (told.runs, told.workers, told.programs) == (4, 2, 1)
    evaluated = len(list(TRAINING.evaluation_steps(100)))
    assert told.longest_seconds == pytest.approx(100 * 0.01 + (evaluated + 2) * 0.1)
    assert told.most_seconds == pytest.approx(3.0 + 2 * told.longest_seconds)
    assert told.least_seconds == pytest.approx(
        3.0 + 2 * (20 * 0.01 + 0.1 * (2 + len(list(TRAINING.evaluation_steps(20)))))
    )
    assert told.relative_error == pytest.approx(0.1)
    assert told.worker_bytes == 400_000_000


def test_forecast_of_what_is_solved_has_two_ends() -> None:
    runs = [a_run(KernelRegression(), 2048), a_run(KernelRegression(), 512)]
    told = forecast(runs, 1, lambda: Told(solved=2.0, of=operations(a_run(KernelRegression(), 1024))))
    ratios = [operations(run) / operations(a_run(KernelRegression(), 1024)) for run in runs]
    assert told.most_seconds == pytest.approx(2.0 * ratios[0] + 2.0)
    assert told.least_seconds == pytest.approx(2.0 + 2.0 * ratios[1])


def test_programs_that_there_is_no_time_for_are_judged_by_the_nearest_of_their_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of networks of three widths the one with most work is timed; the others' steps are in the ratio of operations."""
    monkeypatch.setattr("syntagma.sweep.forecast._BUDGET_SECONDS", -1.0)
    runs = [a_run(HierarchicalCNN(width=width)) for width in (8, 64, 32)] + [a_run(KernelRegression())]
    told = forecast(runs, 1, lambda: Told(step=0.01, evaluation=0.1))
    assert (told.programs, told.timed) == (4, 2)
    evaluated = len(list(TRAINING.evaluation_steps(100))) + 2
    seconds = [operations(run) / operations(runs[1]) * (100 * 0.01 + evaluated * 0.1) for run in runs[:3]]
    assert told.most_seconds == pytest.approx(sum(seconds))
    guessed = (seconds[0] + seconds[2]) / sum(seconds)
    assert told.relative_error == pytest.approx(math.hypot(0.3, 0.5 * guessed))
    monkeypatch.undo()
    assert forecast(runs, 1, lambda: Told(step=0.01, evaluation=0.1)).timed == 4


def test_nothing_to_forecast_is_said() -> None:
    with pytest.raises(InputError, match="nothing to forecast"):
        forecast([], 2)


@pytest.mark.slow
def test_a_forecast_holds_what_the_sweep_takes(tmp_path: Path) -> None:
    """Within a factor of three either way: on a shared machine the seconds of a run vary nearly that much."""
    long = TRAINING.model_copy(update={"max_steps": 10_000, "least_steps": 10**6})
    runs = [a_run(HierarchicalCNN(width=64), seed=seed, training=long) for seed in range(4)]
    told: Forecast = forecast(runs, 2)
    taken: list[float] = []
    with Store.create(tmp_path) as store:
        execute(
            lambda: [run for run in runs if not store.has(run.id())],
            store,
            2,
            lambda run, result: taken.append(result["seconds"]),
            cost=Costs(),
        )
    assert told.programs == 1
    compiled = min(taken)  # the first run of each worker compiles
    assert told.longest_seconds / 3 < compiled < 3 * told.longest_seconds
    assert told.most_seconds > told.longest_seconds + 0.1
    assert 1e8 < told.worker_bytes < 4e9
