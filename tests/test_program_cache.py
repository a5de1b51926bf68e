"""Compiled programs kept on disk: where, for whom, and that a second process does not compile again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from syntagma.cli import program_cache

PROGRAM = """
import jax, jax.monitoring
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append(name.endswith("cache_hits")))
jax.jit(lambda x: (x @ x).sum())(jax.numpy.ones((3, 3)))
print(sum(hits))
"""


def hits(variables: dict[str, str]) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment | variables, check=True, capture_output=True, text=True
    )
    assert not done.stderr
    return int(done.stdout)


def test_a_second_process_loads_what_the_first_compiled(tmp_path: Path) -> None:
    variables = program_cache.settings({"XDG_CACHE_HOME": str(tmp_path)})
    assert Path(variables["JAX_COMPILATION_CACHE_DIR"]).is_relative_to(tmp_path)
    assert hits(variables) == 0
    assert hits(variables) > 0


def test_a_truncated_program_is_compiled_again(tmp_path: Path) -> None:
    variables = program_cache.settings({"XDG_CACHE_HOME": str(tmp_path)})
    hits(variables)
    for file in tmp_path.rglob("*-cache"):
        file.write_bytes(file.read_bytes()[:20])
    environment = os.environ | variables
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True, capture_output=True)


def test_a_directory_that_was_chosen_is_left_alone(tmp_path: Path) -> None:
    assert program_cache.settings({"JAX_COMPILATION_CACHE_DIR": str(tmp_path)}) == {}


def test_without_a_place_there_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert program_cache.settings({"XDG_CACHE_HOME": str(tmp_path / "file")}) == {}
    assert program_cache.settings({"HOME": "/nowhere", "XDG_CACHE_HOME": "/proc/none"}) == {}
