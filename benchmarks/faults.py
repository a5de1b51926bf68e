"""Counts what faults cost a sweep: each is injected some times, the command is given again, and everything is counted.

    python benchmarks/faults.py [--quick]

The sweep is that of `tests/quick_runs.py`: the real driver, workers and store, with runs of milliseconds whose result
is known. Of all runs that the command said were finished it counts those that are lost, stored twice, or stored with
another result, and after the last command the processes and temporary files left. Linux only. Loss of a Ray node is
counted by `tests/test_ray.py`, which needs the extra `ray`.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from quick_runs import result_of  # noqa: E402  # pyright: ignore[reportMissingImports]
from syntagma.sweep.merge import merge  # noqa: E402
from syntagma.sweep.store import Store  # noqa: E402
from test_faults import Command, until, workers_of  # noqa: E402  # pyright: ignore[reportMissingImports]

RUNS = 60
SAVING = ("--runs", RUNS, "--workers", 2, "--does", "save", "--seconds", 0.02)
COLUMNS = ("fault", "times", "exit codes", "said finished", "lost", "doubled", "changed", "processes", "files")
Fault = Callable[[Command, random.Random], int]
"""Injects one fault into one command; its exit code."""


def killed_driver(command: Command, chance: random.Random) -> int:
    """At a random moment: of its start, or after its first result."""
    process = command.start(*SAVING)
    if chance.random() < 0.7:
        first_result(command, process)
    time.sleep(chance.uniform(0.0, 0.6))
    process.kill()
    return command.end(process)[0]


def first_result(command: Command, process: subprocess.Popen[str]) -> None:
    """Wait for it; where nothing is left to do there is none."""
    assert process.stdout is not None
    command.announced |= {process.stdout.readline().strip()} - {""}


def killed_worker(command: Command, chance: random.Random) -> int:
    """At a random moment; the command goes on."""
    process = command.start(*SAVING)
    time.sleep(chance.uniform(0.2, 0.8))
    if alive := workers_of(command):
        os.kill(chance.choice(alive), signal.SIGKILL)
    return command.end(process)[0]


def signalled(name: str) -> Fault:
    """The driver alone is asked to end."""

    def inject(command: Command, chance: random.Random) -> int:
        process = command.start(*SAVING, "--signals", "usual")
        first_result(command, process)
        time.sleep(chance.uniform(0.0, 0.3))
        process.send_signal(signal.Signals[name])
        return command.end(process)[0]

    return inject


def odd_run(does: str) -> Fault:
    """One run of all does this; the others square."""
    return lambda command, chance: command.run("--runs", RUNS, "--does", does, "--odd", chance.randrange(RUNS))[0]


def no_room(command: Command, chance: random.Random) -> int:
    """No file may grow beyond a size that the database needs."""
    return command.run(*SAVING, "--largest-file", chance.randrange(60_000, 200_000))[0]


def read_only(command: Command, chance: random.Random) -> int:
    """The directory of what runs save turns read-only in the middle."""
    process = command.start(*SAVING, "--powerless")
    until(lambda: (command.directory / "weights").exists() or process.poll() is not None)
    (command.directory / "weights").chmod(0o555)
    code = command.end(process)[0]
    (command.directory / "weights").chmod(0o755)
    return code


def removed(command: Command, chance: random.Random) -> int:
    """The directory is removed in the middle: what had been finished went with it."""
    process = command.start(*SAVING)
    until(lambda: (command.directory / "busy").exists() or process.poll() is not None)
    for _ in range(2):  # a worker may have been quicker
        shutil.rmtree(command.directory, ignore_errors=True)
    code = command.end(process)[0]
    command.announced.clear()
    return code


def two_drivers(command: Command, chance: random.Random) -> int:
    """Two commands on one directory at the same time."""
    first, second = command.start(*SAVING), command.start(*SAVING)
    return max(command.end(first)[0], command.end(second)[0])


def damaged_page(command: Command, chance: random.Random) -> int:
    """A page of the file is overwritten; what is left is saved by `merge`, and the rest done again."""
    command.run(*SAVING)
    file = command.directory / "results.sqlite"
    with file.open("r+b") as pages:
        pages.seek(4096 * chance.randrange(8, file.stat().st_size // 4096))
        pages.write(bytes(4096))
    code = command.run(*SAVING)[0]
    if code:
        saved = command.directory.with_name("saved")
        with Store.create(saved) as into, Store.open(command.directory, read_only=True) as source:
            merge(into, [source])
        shutil.rmtree(command.directory)
        saved.rename(command.directory)
    return code


FAULTS: dict[str, tuple[Fault, int]] = {
    "`kill -9` of the driver": (killed_driver, 50),
    "`kill -9` of a worker": (killed_worker, 20),
    **{f"{name} to the driver": (signalled(name), 5) for name in ("SIGINT", "SIGTERM", "SIGHUP")},
    "a run beyond its memory limit": (odd_run("beyond the limit"), 3),
    "a result that is NaN": (odd_run("diverge"), 3),
    "no room for the file": (no_room, 5),
    "a directory turns read-only": (read_only, 3),
    "the directory is removed": (removed, 3),
    "two commands at once": (two_drivers, 3),
    "a damaged page of the database": (damaged_page, 5),
}
ANEW = {
    "a run beyond its memory limit",
    "a result that is NaN",
    "two commands at once",
    "a damaged page of the database",
}
"""Each time in a new directory; with the others the command is given again in the same one until all is done."""


def counted(command: Command) -> list[int]:
    """Said to be finished, lost, doubled, changed, processes left, temporary files left."""
    with Store.open(command.directory, read_only=True) as store:
        rows = store.runs().to_dict("records")
        damaged = len(store.damage())
    ids = [row["id"] for row in rows]
    changed = sum(
        row["third"] != result_of(row["number"])["third"]
        or not (row["square"] == result_of(row["number"])["square"] or row["does"] == "diverge")
        for row in rows
    )
    lost, doubled = len(command.announced - set(ids)), len(ids) - len(set(ids))
    left = len(command.processes_left()), len(command.temporary_files())
    return [len(command.announced), lost, doubled, changed + damaged, *left]


def row_of(name: str, times: int, seed: int) -> list[object]:
    """The counts of one fault, injected so many times."""
    inject, chance = FAULTS[name][0], random.Random(seed)
    codes: set[int] = set()
    totals = [0] * (len(COLUMNS) - 3)
    for _ in range(times if name in ANEW else 1):
        with tempfile.TemporaryDirectory() as place, closing(Command(Path(place, "results"))) as command:
            for _ in range(1 if name in ANEW else times):
                codes.add(inject(command, chance))
                assert not command.processes_left(), f"{name}: processes are left"
                if "removed" not in name and len(command.announced) >= RUNS:  # all is done: begin anew
                    totals = [a + b for a, b in zip(totals, counted(command), strict=True)]
                    shutil.rmtree(command.directory)
                    command.announced.clear()
            if name not in ANEW or "page" in name:
                command.run(*SAVING)
            if command.directory.exists():
                totals = [a + b for a, b in zip(totals, counted(command), strict=True)]
    return [name, times, ", ".join(map(str, sorted(codes))), *totals]


def main() -> None:
    """Print the table, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every fault once")
    given = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS), flush=True)
    wrong = 0
    for seed, (name, (_, times)) in enumerate(FAULTS.items()):
        row = row_of(name, 1 if given.quick else times, seed)
        wrong += sum(int(str(number)) for number in row[4:])
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
