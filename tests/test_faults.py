"""What may happen to a command: processes killed, signals, no memory or disk left, files removed, two at a time.

After each, the same is counted: finished runs lost, doubled or changed, processes and temporary files left. All are 0.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from quick_runs import NO_WAIT, WORK, QuickRun, missing, result_of, stored_ids, work
from syntagma.atomic_file import atomic_file, remove_abandoned, temporary_directory
from syntagma.errors import InputError
from syntagma.sweep.attempts import Attempts
from syntagma.sweep.endings import Ended, endings_raised, exit_code
from syntagma.sweep.execution import Summary, execute
from syntagma.sweep.failures import damaged_failures, failures, record_failure
from syntagma.sweep.store import Store
from syntagma.sweep.workers import Outcome, Workers

SCRIPT = Path(__file__).with_name("quick_runs.py")
MARK = "SYNTAGMA_TEST_OF_FAULTS"
linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked up in /proc")


class Command:
    """The command of `quick_runs.py` on one results directory, and what is counted after it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mark = uuid.uuid4().hex
        self.announced: set[str] = set()
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *options: object) -> subprocess.Popen[str]:
        environment = dict(os.environ, **{MARK: self.mark})
        command = [sys.executable, str(SCRIPT), str(self.directory), *map(str, options)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, env=environment, start_new_session=True, text=True, **pipes)
        self._started.append(process)
        return process

    def run(self, *options: object) -> tuple[int, str]:
        """Exit code and standard error of a command that is left alone."""
        return self.end(self.start(*options))

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        said, errors = process.communicate(timeout=60)
        self.announced |= {line for line in said.split("\n")[:-1] if line}  # the last may be cut
        return process.returncode, errors

    def close(self) -> None:
        """End what a failing test has left."""
        for process in self._started:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        for number in self.processes() if Path("/proc/self/environ").exists() else []:
            os.kill(number, signal.SIGKILL)

    def processes(self) -> list[int]:
        """Whatever still runs of this command, driver, workers and all."""
        mark = f"{MARK}={self.mark}".encode()
        there = []
        for place in Path("/proc").iterdir():
            try:
                if place.name.isdigit() and mark in (place / "environ").read_bytes():
                    there.append(int(place.name))
            except OSError:
                continue
        return there

    def processes_left(self, seconds: float = 10.0) -> list[int]:
        """Those that do not end by themselves within `seconds`."""
        deadline = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return left

    def temporary_files(self) -> list[Path]:
        return [path for path in self.directory.rglob(".*") if path.name not in (".", "..")]

    def stored(self) -> dict[str, dict[str, float]]:
        """What is stored of each run, by its id, checked to be what the run gives, each once."""
        with Store.open(self.directory, read_only=True) as store:
            table = store.runs()
            assert not table["id"].duplicated().any()
            for row in table.to_dict("records"):
                expected = result_of(row["number"])
                assert (row["square"], row["third"]) == (expected["square"], expected["third"])
            for identity in list(table["id"])[:3]:
                assert store.history(identity).to_dict("records") == result_of(0)["history"]
            return {row["id"]: row for row in table.to_dict("records")}

    def number_stored(self) -> int:
        try:
            with Store.open(self.directory, read_only=True) as store:
                return len(store.ids())
        except InputError:  # there is no store yet
            return 0

    def lost(self) -> set[str]:
        """Runs that were said to be finished and are not stored."""
        return self.announced - set(self.stored())


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    one = Command(tmp_path / "results")
    yield one
    one.close()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith("\n")


# ---- processes that are killed


def kill_drivers(command: Command, times: int, seed: int) -> None:
    """Kill the driver at `times` random moments of a sweep, resuming each time; then let it finish and count."""
    chance = random.Random(seed)
    options = ("--runs", 60, "--workers", 2, "--does", "save", "--seconds", 0.02)
    for _ in range(times):
        process = command.start(*options)
        time.sleep(chance.uniform(0.0, 0.9))
        process.kill()
        command.end(process)
        assert command.processes_left() == []
        if (command.directory / "results.sqlite").exists():
            assert command.lost() == set()
    assert command.run(*options) == (0, "")
    assert len(command.stored()) == 60
    assert command.lost() == set()
    assert command.temporary_files() == []
    assert {len(path.read_bytes()) for path in command.directory.glob("weights/*/0.bin")} == {10_000}
    assert command.processes_left() == []


@linux
def test_killed_drivers_leave_nothing_and_lose_nothing(command: Command) -> None:
    kill_drivers(command, times=2, seed=0)


@linux
@pytest.mark.slow
def test_fifty_killed_drivers_leave_nothing_and_lose_nothing(command: Command) -> None:
    kill_drivers(command, times=50, seed=1)


@linux
@pytest.mark.parametrize("variable", ["WITH_THE_KERNELS_HELP", "WITHOUT_THE_KERNELS_HELP"])
def test_workers_in_the_middle_of_a_long_run_end_with_their_driver(
    command: Command, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    process = command.start("--seconds", 600)
    until(lambda: len(list((command.directory / "busy").glob("*"))) == 2)
    assert len(command.processes()) >= 3
    process.kill()
    process.wait()
    assert command.processes_left(5.0) == []


def workers_of(command: Command) -> list[int]:
    return [number for number in command.processes() if b"spawn_main" in _command_line(number)]


def _command_line(number: int) -> bytes:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return b""


def kill_workers(command: Command, times: int, seed: int) -> None:
    chance = random.Random(seed)
    process = command.start("--runs", 20 * times, "--does", "save", "--seconds", 0.02)
    killed = finished = 0
    while killed < times and process.poll() is None:
        time.sleep(chance.uniform(0.05, 0.4))
        if (now := command.number_stored()) == finished:  # to kill all before one has begun to work is another fault
            continue
        finished = now
        if alive := workers_of(command):
            try:
                os.kill(chance.choice(alive), signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed += 1
    code, errors = command.end(process)
    assert code == 0, errors
    lines = errors.splitlines()
    assert len(lines) <= killed == times
    for line in lines:
        assert "its worker was killed by SIGKILL, as the system does when memory runs out; attempt" in line
    assert len(command.stored()) == 20 * times
    assert command.lost() == set()
    assert command.temporary_files() == []
    assert command.processes_left() == []


@linux
def test_killed_workers_cost_an_attempt_of_their_run_only(command: Command) -> None:
    kill_workers(command, times=3, seed=0)


@linux
@pytest.mark.slow
def test_fifty_killed_workers(command: Command) -> None:
    kill_workers(command, times=50, seed=1)


# ---- signals


@linux
@pytest.mark.parametrize(
    ("name", "group"),
    [
        *[pytest.param(name, False, id=f"{name}-driver") for name in ("SIGTERM", "SIGHUP")],
        pytest.param("SIGINT", True, id="SIGINT-group"),
        *[pytest.param(name, True, id=f"{name}-group", marks=pytest.mark.slow) for name in ("SIGTERM", "SIGHUP")],
        pytest.param("SIGINT", False, id="SIGINT-driver", marks=pytest.mark.slow),
    ],
)
def test_signals_end_a_command_cleanly(command: Command, name: str, group: bool) -> None:
    """The driver alone is asked to end, or all processes of its terminal are."""
    number = signal.Signals[name]
    process = command.start("--runs", 500, "--does", "save", "--seconds", 0.02, "--signals", "usual")
    assert process.stdout is not None
    command.announced.add(process.stdout.readline().strip())
    (os.killpg if group else os.kill)(process.pid, number)
    code, errors = command.end(process)
    assert (code, errors) == (128 + number, "interrupted\n")
    assert command.processes_left(0.0) == []
    assert command.temporary_files() == []
    assert command.lost() == set()
    assert command.stored()


@linux
def test_nohup_is_heeded(command: Command) -> None:
    process = command.start("--runs", 20, "--seconds", 0.02, "--signals", "nohup")
    assert process.stdout is not None
    command.announced.add(process.stdout.readline().strip())
    os.killpg(process.pid, signal.SIGHUP)
    assert command.end(process) == (0, "")
    assert len(command.stored()) == 20


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Ctrl-C is heeded, also where the tests are run in the background, by a shell that has it ignored there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_a_signal_waits_for_what_is_held_and_a_second_one_does_not() -> None:
    done = []
    before = signal.getsignal(signal.SIGTERM)

    def once() -> None:
        with endings_raised() as endings:
            with endings.held():
                with endings_raised() as inner, inner.held():
                    os.kill(os.getpid(), signal.SIGTERM)
                    done.append("inner")
                done.append("outer")
                assert endings.asked
            done.append("never")

    def twice() -> None:
        with endings_raised() as endings, endings.held():
            os.kill(os.getpid(), signal.SIGTERM)
            while not endings.asked:  # of two signals that wait the one with the smaller number is handled first
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
            done.append("never")

    with pytest.raises(Ended) as ended:
        once()
    assert done == ["inner", "outer"]
    assert exit_code(ended.value) == 143
    assert exit_code(KeyboardInterrupt()) == 130
    with pytest.raises(Ended) as ended:
        twice()
    assert exit_code(ended.value) == 130
    assert done == ["inner", "outer"]
    assert signal.getsignal(signal.SIGTERM) == before


class Interrupted(Workers):
    """The interrupt comes when one run has just been done and another has just failed."""

    def __init__(self, *runs: QuickRun) -> None:
        super().__init__()
        self.runs = runs

    def full(self) -> bool:
        return False

    def start(self, run: QuickRun, attempt: int, *, alone: bool = False) -> None:  # pyright: ignore
        self.under_way[run.id()] = run  # pyright: ignore

    def wait(self, seconds: float) -> None:
        raise KeyboardInterrupt

    def collect(self) -> list[Outcome]:
        done, failed = self.runs
        return [Outcome(failed, reason="killed"), Outcome(done, result_of(done.number))]  # pyright: ignore

    def close(self) -> None:
        pass


def test_what_had_finished_when_the_interrupt_came_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [QuickRun(3), QuickRun(4)]
    monkeypatch.setattr("syntagma.sweep.worker_processes.WorkerProcesses", lambda *_: Interrupted(*runs))
    said: list[str] = []
    with Store.create(tmp_path) as store:
        with pytest.raises(KeyboardInterrupt):
            execute(lambda: missing(store, runs), store, 1, lambda *_: None, say=said.append, attempts=Attempts(()))  # pyright: ignore
        assert stored_ids(store) == {runs[0].id()}
        assert failures(store) == []
    assert said == []


# ---- runs that fail


def do(store: Store, runs: list[QuickRun], workers: int = 2, **how: object) -> tuple[Summary, list[str]]:
    said: list[str] = []
    settings = {"work": WORK, "attempts": Attempts(NO_WAIT), "say": said.append, **how}
    summary = execute(lambda: missing(store, runs), store, workers, lambda *_: None, **settings)  # pyright: ignore
    return summary, said


FAILING = {
    "out of memory": ("memory ran out (MemoryError: no 0 bytes)", 3),
    "beyond the limit": ("memory ran out (MemoryError)", 3),
    "die": ("its worker was killed by SIGKILL, as the system does when memory runs out", 3),
    "leave": ("its worker ended with exit code 3", 3),
    "err": ("KeyError: 'a fault of the program' (quick_runs.py, line", 1),
}


def test_a_run_that_fails_is_tried_again_then_recorded_and_all_others_go_on(tmp_path: Path) -> None:
    bad = [QuickRun(place if does != "out of memory" else 0, does) for place, does in enumerate(FAILING)]
    good = [QuickRun(number) for number in range(10, 20)] + [QuickRun(20, "diverge")]
    with Store.create(tmp_path / "results") as store:
        summary, said = do(store, [*bad, *good])
        assert summary.finished == len(good)
        assert stored_ids(store) == {run.id() for run in good}
        by_id = {failure.id: failure for failure in failures(store)}
        assert by_id == {failure.id: failure for failure in summary.failed}
        for run, (reason, attempts) in zip(bad, FAILING.values(), strict=True):
            failure = by_id.pop(run.id())
            assert failure.reason.startswith(reason)
            assert (failure.attempts, failure.config) == (attempts, run.config())
            assert ("Traceback" in failure.details) == (run.does == "err")
            lines = [line for line in said if line.startswith(f"run {run.id()[:8]}: {reason}")]
            assert len(lines) == attempts
            assert "recorded as failed after" in lines[-1]
            assert all("attempt 1 of 3" in line for line in lines[:-1][:1])
            assert all(line.endswith("alone") for line in lines[:-1][1:])
        assert by_id == {}
        stored = store.runs().set_index("id")
        assert stored["square"].isna().sum() == 1  # a run that diverged has a result
    assert (tmp_path / "company").read_text().split()[-1] == "1"  # the last attempt of the run that died was made alone


def test_failed_runs_are_tried_again_when_asked_for(tmp_path: Path) -> None:
    runs = [QuickRun(1), QuickRun(2, "die once")]
    with Store.create(tmp_path / "results") as store:
        record_failure(store, runs[1].config(), "killed", attempts=3)
        failed_before = failures(store)
        summary, said = do(store, runs)
        assert (summary.finished, summary.failed, list(summary.left_out), said) == (1, (), failed_before, [])
        summary, said = do(store, runs, retry_failed=True)
        assert (summary.finished, summary.failed, summary.left_out, len(said)) == (1, (), (), 1)
        assert failures(store) == []
        assert len(stored_ids(store)) == 2
    with Store.open(tmp_path / "results", read_only=True) as store:
        assert failures(store) == []


def test_failures_are_read_where_there_is_no_table_of_them(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        assert failures(store) == []
    with Store.open(tmp_path, read_only=True) as store:
        assert failures(store) == []


def test_a_run_that_cannot_be_as_configured_ends_the_command(command: Command) -> None:
    code, errors = command.run("--runs", 6, "--workers", 1, "--does", "refuse", "--odd", 3)
    assert (code, errors) == (2, "error: number=3 cannot be used: it is refused. Choose another.\n")
    assert [row["number"] for row in command.stored().values()] == [0, 1, 2]
    with Store.open(command.directory) as store:
        assert failures(store) == []


def test_attempts_wait_longer_each_time_and_the_last_is_alone() -> None:
    now = [100.0]
    attempts = Attempts((1.0, 10.0), clock=lambda: now[0])
    assert (attempts.limit, attempts.number("a"), attempts.alone("a"), attempts.wait_seconds("a")) == (3, 1, False, 0)
    assert attempts.fail("a", again=True)
    assert (attempts.number("a"), attempts.alone("a"), attempts.wait_seconds("a")) == (2, False, 1.0)
    now[0] += 1.5
    assert attempts.wait_seconds("a") == 0
    assert attempts.fail("a", again=True)
    assert (attempts.number("a"), attempts.alone("a"), attempts.wait_seconds("a")) == (3, True, 10.0)
    assert not attempts.fail("a", again=True)
    assert attempts.given_up("a")
    assert not attempts.given_up("b")
    assert not attempts.fail("b", again=False)
    assert attempts.given_up("b")


def test_workers_that_cannot_start_end_the_command_in_one_line(tmp_path: Path) -> None:
    """A script that does its runs on import is imported by its own workers."""
    text = SCRIPT.read_text().replace('if __name__ == "__main__":\n    main()', "main()")
    script = tmp_path / "unguarded.py"
    script.write_text(text)
    done = subprocess.run([sys.executable, script, tmp_path / "results"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: workers=2 cannot be used: a worker ended with exit code")
    assert "if __name__ == '__main__':" in line


class Batches:
    """In place of `Runner`: does what runs of one batch do, all together or not at all."""

    sizes: ClassVar[list[int]] = []

    def __init__(self, results: Path, keep: int = 0) -> None:
        self.do = work(str(results))

    def execute(self, runs: list[QuickRun]) -> list[dict[str, Any]]:
        self.sizes.append(len(runs))
        return [self.do(run.config()) for run in runs]


def test_on_an_accelerator_a_batch_that_fails_is_taken_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syntagma.sweep.runs.Runner", Batches)
    monkeypatch.setattr("syntagma.sweep.execution._on_accelerator", lambda: True)
    Batches.sizes.clear()
    good = [QuickRun(number) for number in range(4)]
    bad = [QuickRun(number, "out of memory") for number in range(2)] + [QuickRun(2, "err")]
    with Store.create(tmp_path / "results") as store:
        summary, said = do(store, [*good, *bad], workers=0)
        assert stored_ids(store) == {run.id() for run in good}
        assert [(failure.config["does"], failure.attempts) for failure in summary.failed] == [
            ("err", 1),
            ("out of memory", 3),
            ("out of memory", 3),
        ]
        assert len(said) == 7
        with pytest.raises(InputError, match="number=7 cannot be used: it is refused"):
            do(store, [QuickRun(8, "refuse"), QuickRun(7, "refuse")][::-1], workers=0)
    assert sorted(Batches.sizes, reverse=True)[:3] == [4, 2, 2]
    assert set(Batches.sizes[3:]) == {1, 2}


# ---- disks


FILLING = ("--runs", 80, "--does", "save")


def check_full_disk(command: Command, code: int, errors: str) -> None:
    assert code == 2
    assert one_line(errors), errors
    assert errors.startswith("error: ")
    assert command.lost() == set()
    assert command.temporary_files() == []


@linux
def test_a_file_that_may_not_grow_ends_the_command_in_one_line(command: Command) -> None:
    code, errors = command.run("--runs", 80, "--largest-file", 150_000)
    check_full_disk(command, code, errors)
    assert "results.sqlite cannot be used: " in errors
    assert 0 < len(command.stored()) < 80
    assert command.run("--runs", 80) == (0, "")
    assert len(command.stored()) == 80


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = [shutil.which("mount") or "false", "-t", "tmpfs", "-o", "size=600k", "tmpfs", place]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


@linux
def test_a_full_disk_ends_the_command_in_one_line(small_disk: Path) -> None:
    command = Command(small_disk / "results")
    code, errors = command.run(*FILLING)
    check_full_disk(command, code, errors)
    finished = len(command.stored())
    assert 0 < finished < 80
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    assert command.run(*FILLING) == (0, "")
    assert len(command.stored()) == 80
    assert command.lost() == set()


@linux
def test_a_directory_that_cannot_be_written_is_refused_at_once(command: Command) -> None:
    command.directory.mkdir()
    command.directory.chmod(0o555)
    code, errors = command.run("--powerless")
    assert code == 2
    assert one_line(errors)
    assert "results cannot be written: permission denied" in errors
    assert list(command.directory.iterdir()) == []


@linux
def test_a_directory_that_turns_read_only_ends_the_command_in_one_line(command: Command) -> None:
    options = ("--runs", 100, "--does", "save", "--seconds", 0.01)
    process = command.start(*options, "--powerless")
    assert process.stdout is not None
    command.announced.add(process.stdout.readline().strip())
    (command.directory / "weights").chmod(0o555)
    code, errors = command.end(process)
    assert code == 2
    assert one_line(errors)
    assert errors.startswith("error: ")
    assert command.lost() == set()
    (command.directory / "weights").chmod(0o755)
    assert command.run(*options) == (0, "")
    assert len(command.stored()) == 100
    assert command.lost() == set()


@linux
@pytest.mark.parametrize("seconds", [0.02, 30.0], ids=["short runs", "a long run"])
def test_a_removed_directory_ends_the_command_in_one_line(
    command: Command, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while a run is under way that takes long."""
    process = command.start("--runs", 500, "--seconds", seconds)
    until(lambda: bool(list((command.directory / "busy").glob("*"))))
    shutil.rmtree(command.directory, ignore_errors=True)
    shutil.rmtree(command.directory, ignore_errors=True)  # a worker may have been quicker
    begun = time.monotonic()
    code, errors = command.end(process)
    assert code == 2
    assert one_line(errors)
    assert "results.sqlite is gone: it was removed or replaced while runs were under way" in errors
    assert time.monotonic() - begun < 15
    assert command.processes_left(0.0) == []


@linux
def test_two_commands_on_one_directory_do_every_run_once(command: Command) -> None:
    options = ("--runs", 40, "--does", "save", "--seconds", 0.01)
    first, second = command.start(*options), command.start(*options)
    assert [command.end(first), command.end(second)] == [(0, ""), (0, "")]
    assert len(command.stored()) == 40
    assert command.lost() == set()
    assert command.temporary_files() == []
    assert command.processes_left(0.0) == []


# ---- temporary files


ABANDON = """
import os, signal, sys
from pathlib import Path
from typing import Any, ClassVar
from syntagma.atomic_file import atomic_file, temporary_directory
with atomic_file(Path(sys.argv[1], "a.png")) as file, temporary_directory(Path(sys.argv[1])) as directory:
    file.write_text("half"); (directory / "b").write_text("half")
    if sys.argv[2] == "wait":
        print("ready", flush=True); sys.stdin.read()
    else:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_only_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    """What this process and another one are at is left, and what has other names is."""
    (tmp_path / ".notes").write_text("mine")
    start = [sys.executable, "-c", ABANDON, str(tmp_path)]
    assert subprocess.run([*start, "die"]).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 3
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([*start, "wait"], **pipes) as other:  # pyright: ignore
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        with atomic_file(tmp_path / "c.txt") as file, temporary_directory(tmp_path) as directory:
            file.write_text("whole")
            assert remove_abandoned(tmp_path) == 2
            assert directory.is_dir()
        assert (tmp_path / "c.txt").read_text() == "whole"
        other.communicate()
        assert other.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [".notes", "a.png", "c.txt"]
    assert remove_abandoned(tmp_path) == 0


def test_who_draws_a_figure_again_removes_what_a_killed_process_left_of_it(tmp_path: Path) -> None:
    """Drawing is no run, and may be into any directory: `syntagma report --to`."""
    assert subprocess.run([sys.executable, "-c", ABANDON, str(tmp_path), "die"]).returncode == -signal.SIGKILL
    left = next(tmp_path.glob(".*-a-*.png"))
    with atomic_file(tmp_path / "a.png") as file, atomic_file(tmp_path / "b.png") as other:
        file.write_text("whole")
        other.write_text("whole")
    assert not left.exists()
    assert sorted(path.name for path in tmp_path.glob("*.png") if path.name[0] != ".") == ["a.png", "b.png"]


def test_failures_that_a_stranger_wrote_are_left_out(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        good = record_failure(store, {"study": "s", "seed": 1}, "killed", attempts=3)
        with store._transaction() as connection:
            for number, (config, attempts) in enumerate([("not JSON", 1), ("[]", 1), ("{}", "many"), (b"\xff", 1)]):
                connection.execute(
                    "INSERT INTO failures VALUES (?, ?, '', '', ?, '', NULL)", (str(number), config, attempts)
                )
        assert failures(store) == [good]
        said = damaged_failures(store)
    assert len(said) == 4
    assert all(len(line.splitlines()) == 1 and "is tried again" in line for line in said)


@pytest.mark.parametrize("column", ["id", "config", "reason", "details", "attempts", "failed_at", "checksum"])
@pytest.mark.parametrize("value", ["", "{}", 7, None, b"\xff", "x\ny"])
def test_damaged_failures_are_said_and_not_believed(tmp_path: Path, column: str, value: object) -> None:
    with Store.create(tmp_path) as store:
        good = record_failure(store, {"study": "s", "seed": 1}, "killed", attempts=3)
        record_failure(store, {"study": "s", "seed": 2}, "killed", attempts=3)
        try:
            with store._transaction() as connection:
                edit = f"UPDATE failures SET {column} = ? WHERE rowid = 2 AND {column} IS NOT ?"
                if not connection.execute(edit, (value, value)).rowcount:
                    return
        except InputError:  # what the table itself refuses
            return
        found, said = failures(store), damaged_failures(store)
    if column == "checksum" and value is None:  # as of a row of before
        assert (len(found), said) == (2, [])
        return
    assert found == [good]
    assert len(said) == 1
    assert said[0].isprintable()


def test_a_table_of_failures_without_checksums_is_read_and_gets_them(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        first = record_failure(store, {"study": "s", "seed": 1}, "killed", attempts=3)
        with store._transaction() as connection:
            connection.execute("ALTER TABLE failures DROP COLUMN checksum")
        assert (failures(store), damaged_failures(store)) == ([first], [])
        second = record_failure(store, {"study": "s", "seed": 2}, "caf\udce9", attempts=3)
        assert (failures(store), damaged_failures(store)) == ([first, second], [])


def test_failures_hold_what_is_needed_to_name_the_run(tmp_path: Path) -> None:
    config = {"study": "s", "learner": {"kind": "cnn"}, "num_examples": 1024, "seed": 3}
    with Store.create(tmp_path) as store:
        failure = record_failure(store, config, "killed", attempts=3, details="Traceback")
        assert failures(store) == [failure]
        assert json.dumps(dict(failure.config)) == json.dumps(config)
        again = record_failure(store, config, "killed again", attempts=2)
        assert failures(store) == [again]
        store.record_run(config, {"test_loss": 1.0})
        assert failures(store) == []


def test_a_failed_start_of_the_study_is_not_hidden(tmp_path: Path) -> None:
    """An error of `next_runs` or `finished` is passed on as it is."""

    def broken() -> list[QuickRun]:
        raise ZeroDivisionError

    with Store.create(tmp_path) as store, pytest.raises(ZeroDivisionError):
        execute(broken, store, 1, lambda *_: None, work=WORK)  # pyright: ignore
    assert issubclass(InputError, ValueError)
