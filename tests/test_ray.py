"""Runs as tasks of a real Ray cluster on this machine: the same results, whatever is lost on the way.

They are skipped where Ray is not installed: `pip install --constraint constraints.txt --editable '.[ray]'`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quick_runs import NO_WAIT, WORK, QuickRun, missing, result_of, stored_ids
from syntagma.errors import InputError
from syntagma.learners import HierarchicalCNN, MultiLayerAttention, Training
from syntagma.sweep.attempts import Attempts
from syntagma.sweep.execution import Summary, execute
from syntagma.sweep.failures import failures
from syntagma.sweep.ray_cluster import RayTasks, Share
from syntagma.sweep.runs import Run
from syntagma.sweep.store import Store
from test_execution import a_run
from test_faults import Command

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'syntagma[ray]'"
)
quiet = pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    r"ignore:os\.fork\(\) was called:RuntimeWarning",
)
"""Of Ray's own files and sockets; it starts its programs by a fork, of which JAX warns where it was used before."""


def do(store: Store, runs: list[Any], tasks: int = 2, **how: Any) -> tuple[Summary, list[str]]:
    said: list[str] = []
    settings = {"ray": "local", "attempts": Attempts(NO_WAIT), "say": said.append, "finished": lambda *_: None, **how}
    wanted: Callable[[], list[Any]] = lambda: [run for run in runs if not store.has(run.id())]  # noqa: E731
    return execute(wanted, store, tasks, **settings), said


def busy(raylet: int | None = None) -> list[int]:
    """The processes of Ray that are at a task of ours, of all machines or of the one with that raylet."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            if place.name.isdigit() and (place / "cmdline").read_bytes().startswith(b"ray::do"):
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                found += [int(place.name)] if raylet in (None, parent) else []
        except OSError:
            continue
    return found


def once_busy(then: Callable[[int], None], raylet: int | None = None) -> threading.Thread:
    """A thread that waits until a process is at a task, and does `then` with its number."""

    def wait() -> None:
        while not (there := busy(raylet)):
            time.sleep(0.005)
        then(there[0])

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@needs_ray
@quiet
@pytest.mark.slow
def test_a_cluster_gives_the_same_bits_although_a_worker_is_killed_and_a_machine_joins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results, histories and the networks that are kept."""
    import ray
    from ray.cluster_utils import Cluster

    quick = os.environ.get("XLA_FLAGS", "") + " --xla_backend_optimization_level=0"
    monkeypatch.setenv("XLA_FLAGS", quick)
    training = Training(max_steps=64, batch_size=8, patience=100, train_loss_threshold=0)
    learners = HierarchicalCNN(width=8), MultiLayerAttention(width=8, heads=2)
    runs = [
        a_run(seed, learner=learner).model_copy(update={"training": training, "checkpoints": 2})
        for learner in learners
        for seed in range(5)  # four are given to a cluster of two cores at a time: enough are left when a third joins
    ]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    joined: list[threading.Thread] = []
    places: list[int] = []

    def join(*_: object) -> None:
        if not joined:
            raylet = cluster.add_node(num_cpus=1).all_processes["raylet"][0].process.pid
            joined.append(once_busy(places.append, raylet))

    try:
        with Store.create(tmp_path / "ray") as store:
            thread = once_busy(lambda number: os.kill(number, signal.SIGKILL))
            summary, said = do(store, runs, tasks=0, ray=cluster.address, finished=join)
            thread.join(timeout=10)
            assert not thread.is_alive()
            assert places  # of the machine that joined: it did a run
            assert (summary.finished, summary.failed) == (len(runs), ())
            assert len(said) == 1
            assert "its task was lost (WorkerCrashedError: " in said[0]
            assert "attempt 1 of 3" in said[0]
    finally:
        ray.shutdown()
        cluster.shutdown()
    with Store.create(tmp_path / "here") as store:
        execute(lambda: [run for run in runs if not store.has(run.id())], store, 1, lambda *_: None)
    assert results(tmp_path / "ray", runs) == results(tmp_path / "here", runs)
    weights = {place: files(tmp_path / place / "weights") for place in ("ray", "here")}
    assert weights["ray"] == weights["here"]
    assert len({path.parent for path in weights["here"]}) == len(runs)


def results(directory: Path, runs: list[Run]) -> dict[str, tuple[Any, Any]]:
    """What is stored of each run, but for how long it took and when."""
    with Store.open(directory, read_only=True) as store:
        table = store.runs().set_index("id")
        timed = [name for name in table.columns if name.startswith("seconds")]
        table = table.drop(columns=[*timed, "finished_at", "environment"])
        assert set(table.index) == {run.id() for run in runs}
        return {
            run.id(): (table.loc[run.id()].to_json(), store.history(run.id()).to_json(double_precision=15))
            for run in runs
        }


def files(directory: Path) -> dict[Path, bytes]:
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@needs_ray
@quiet
@pytest.mark.slow
def test_what_fails_on_a_cluster_is_recorded_and_all_others_go_on(tmp_path: Path) -> None:
    bad = [QuickRun(1, "leave"), QuickRun(2, "out of memory"), QuickRun(3, "err")]
    good = [QuickRun(number, "save", 0.01) for number in range(10, 20)]
    with Store.create(tmp_path / "results") as store:
        summary, said = do(store, [*bad, *good], work=WORK, share=Share(cpus=0.5, memory_bytes=10**7))
        assert stored_ids(store) == {run.id() for run in good}
        assert [failure.attempts for failure in sorted(summary.failed, key=lambda f: f.config["number"])] == [3, 3, 1]
        assert len(failures(store)) == 3
        assert len(said) == 7
        assert all("\n" not in line for line in said)
        for row in store.runs().to_dict("records"):
            assert row["square"] == result_of(row["number"])["square"]
    saved = files(tmp_path / "results" / "weights")
    assert {len(content) for content in saved.values()} == {10_000}
    assert len(saved) == len(good)


@needs_ray
@quiet
@pytest.mark.slow
def test_a_machine_that_is_lost_costs_its_runs_an_attempt(tmp_path: Path) -> None:
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        second = cluster.add_node(num_cpus=1)
        raylet = second.all_processes["raylet"][0].process.pid
        runs = [QuickRun(number, "square", 1.0) for number in range(8)]
        finished: list[int] = []
        with Store.create(tmp_path / "results") as store:
            thread = once_busy(lambda _: cluster.remove_node(second, allow_graceful=False), raylet)
            how = {"work": WORK, "ray": cluster.address, "finished": lambda run, result: finished.append(run.number)}
            summary, said = do(store, runs, **how)
            thread.join(timeout=10)
            assert not thread.is_alive()
            assert sorted(finished) == list(range(8))
            assert (summary.finished, summary.failed) == (8, ())
            assert said
            assert all("its task was lost (" in line for line in said)
    finally:
        ray.shutdown()
        cluster.shutdown()


@needs_ray
@pytest.mark.slow
def test_a_users_files_are_run_on_a_cluster_with_the_same_bits(tmp_path: Path) -> None:
    """A study with a language of its own, by the command, from another directory."""
    for file in (Path(__file__).parents[1] / "examples").glob("*.py"):
        shutil.copy(file, tmp_path)
    small = ["sizes=[32]", "seeds=2", "test_examples=16"]
    for name in ("perceptron", "transformer"):
        small += [f"learners.{name}.training.max_steps=4", f"learners.{name}.training.min_steps=1"]
    settings = [word for setting in small for word in ("--set", setting)]
    stored = []
    for place, how in (("ray", ["--ray", "local"]), ("here", ["--workers", "1"])):
        command = [sys.executable, "-m", "syntagma", "run", "copying_study.py", "--out", place, *how, *settings]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        with Store.open(tmp_path / place, read_only=True) as store:
            found = store.results()
        stored.append({name: {k: v for k, v in found[name].items() if "seconds" not in k} for name in found})
    assert len(stored[0]) == 4
    assert repr(sorted(stored[0].items())) == repr(sorted(stored[1].items()))


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signals_cancel_what_is_under_way(tmp_path: Path, name: str) -> None:
    command = Command(tmp_path / "results")
    process = command.start("--runs", 400, "--seconds", 0.1, "--ray", "local", "--signals", "usual")
    try:
        assert process.stdout is not None
        command.announced.add(process.stdout.readline().strip())
        os.kill(process.pid, signal.Signals[name])
        code, errors = command.end(process)
        assert code == 128 + signal.Signals[name], errors
        assert errors.splitlines()[-1] == "interrupted"
        assert command.processes_left(20.0) == []
        assert command.lost() == set()
        assert 0 < len(command.stored()) < 400
    finally:
        command.close()


@needs_ray
@quiet
@pytest.mark.slow
def test_another_version_somewhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from syntagma.sweep.environment import environment

    ours = environment()["versions"] | {"jax": "0.1"}
    monkeypatch.setattr("syntagma.sweep.ray_cluster.environment", lambda: {"versions": ours})
    with Store.create(tmp_path) as store:
        with pytest.raises(
            InputError, match=r"a machine of the cluster has jax [\d.]+, this one has jax 0\.1\."
        ) as caught:
            do(store, [QuickRun(1)], work=WORK)
        assert "\n" not in str(caught.value)
        assert missing(store, [QuickRun(1)])


@needs_ray
@quiet
@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store, pytest.raises(InputError, match=r"^ray='auto' cannot be used: no cluster"):
        do(store, [QuickRun(1)], work=WORK, ray="auto")


def test_without_ray_one_line_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with Store.create(tmp_path) as store:
        with pytest.raises(
            InputError, match=r"^ray='auto' cannot be used: Ray is not installed\. Install it with"
        ) as caught:
            do(store, [QuickRun(1)], ray="auto")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"cpus": 0}, {"cpus": float("nan")}, {"gpus": -1}, {"gpus": 1.5}, {"memory_bytes": -1}]
)
def test_shares_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"^{next(iter(wrong))}="):
        Share(**wrong)  # pyright: ignore


def test_files_outside_the_results_directory_are_not_written(tmp_path: Path) -> None:
    tasks = object.__new__(RayTasks)
    tasks._results = tmp_path / "results"
    for place in ("../a", "/a", "weights/../../a"):
        with pytest.raises(InputError, match="outside the results directory"):
            tasks._write(place, b"x")
    tasks._write("weights/1/0.bin", b"x")
    assert (tmp_path / "results" / "weights" / "1" / "0.bin").read_bytes() == b"x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results"]
