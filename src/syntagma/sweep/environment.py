"""The machine, the versions and the settings that produced a result, without anything that names a person's computer.

The same run has the same bits only where these are the same. They are stored beside every result and are no part of a
run's identity, so results of several environments can stand in one table: `differences` says so.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from syntagma.errors import InputError
from syntagma.extensions import sources
from syntagma.regular_file import shown
from syntagma.sweep.identity import flatten
from syntagma.sweep.machine import usable_cores

_PACKAGES = ("numpy", "scipy", "jax", "jaxlib", "equinox", "optax", "syntagma")
_SETTINGS = {
    "enable_x64": "jax_enable_x64",
    "default_matmul_precision": "jax_default_matmul_precision",
    "default_prng_impl": "jax_default_prng_impl",
    "threefry_partitionable": "jax_threefry_partitionable",
    "disable_jit": "jax_disable_jit",
}
"""What changes bits, by JAX's names."""
_FLAGS_WITHOUT_EFFECT = ("--xla_cpu_multi_thread_eigen", "--xla_force_host_platform_device_count", "--xla_dump")
"""Our own threads, which a worker sets; the number of devices, which is recorded itself; what XLA writes down."""
_WITHOUT_EFFECT = ("machine.cores", "versions.python")


_NOT_COMPARED = ("commits.",)
"""A file is the same whatever else its repository holds."""


def environment() -> dict[str, dict[str, Any]]:
    """`{"machine": {...}, "versions": {...}, "settings": {...}}` of this process; no host name, user name or path.

    `machine`: `processor` (model name), `cores` (those this process may use), `platform` (system and architecture),
    `device` (kind of the first one that JAX uses) and `devices` (how many). `versions`: Python and the libraries that
    numbers depend on, None where not installed. `settings`: those of JAX that change bits, whether a variable or the
    program set them, and `xla_flags`. JAX is imported for it. Where the user imported files of their own, as of a study
    or network, there are also `code` (hash of each by its name, and of the modules beside them that they import) and
    `commits` (Git's, where they are kept with it).

    Raises:
        InputError: JAX finds no device of the kind that it was told to use.
    """
    import jax

    try:
        devices = jax.devices()
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"JAX finds no device: {reason.rstrip('.')}. Change or unset JAX_PLATFORMS.") from error
    return {
        "machine": {
            "processor": _processor(),
            "cores": usable_cores(),
            "platform": f"{platform.system()} {platform.machine()}",
            "device": devices[0].device_kind,
            "devices": len(devices),
        },
        "versions": {"python": platform.python_version()} | {package: _version(package) for package in _PACKAGES},
        "settings": {name: _plain(getattr(jax.config, long, None)) for name, long in _SETTINGS.items()}
        | {"xla_flags": xla_flags(os.environ.get("XLA_FLAGS", ""))},
    } | own_code(sources())


def own_code(paths: Iterable[str | Path]) -> dict[str, dict[str, Any]]:
    """What is known of a user's own files: `{"code": {"my_study.py": "5f..."}, "commits": {"my_study.py": "9b..."}}`.

    `code` is the first 16 digits of SHA-256 of what they hold now. A commit with " and changes" after it means that
    the file is not as that commit has it. Nothing where there are no files.
    """
    code, commits = {}, {}
    for path in map(Path, paths):
        try:
            code[shown(path.name)] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        except OSError:  # gone since it was imported
            continue
        if (commit := _commit(path)) is not None:
            commits[shown(path.name)] = commit
    return ({"code": code} if code else {}) | ({"commits": commits} if commits else {})


def _commit(path: Path) -> str | None:
    """The commit of the repository that `path` is kept in; None where it is kept in none, or Git is not there."""
    head = _git(path.parent, "rev-parse", "HEAD")
    if head is None or _git(path.parent, "ls-files", "--error-unmatch", "--", path.name) is None:
        return None
    changed = _git(path.parent, "status", "--porcelain", "--", path.name)
    return head if changed == "" else f"{head} and changes"


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def xla_flags(text: str) -> str:
    """The flags of the variable XLA_FLAGS that may change bits, sorted; of a repeated one the last, as XLA reads them.

    xla_flags("--xla_b=1 --xla_a=2 --xla_b=3")  # "--xla_a=2 --xla_b=3"
    """
    last = {flag.partition("=")[0]: flag for flag in text.split() if flag.startswith("--")}
    kept = [flag for flag in last.values() if "/" not in flag and not flag.startswith(_FLAGS_WITHOUT_EFFECT)]
    return " ".join(sorted(kept))


def differences(environments: Iterable[Mapping[str, Mapping[str, Any]]]) -> dict[str, list[Any]]:
    """What differs between `environments` and may change bits: the values of each by its dotted name.

    Older results have no settings; what was not recorded is not compared.
    """
    values: dict[str, list[Any]] = {}
    for description in environments:
        for name, value in flatten(description).items():
            known = values.setdefault(name, [])
            told = name not in _WITHOUT_EFFECT and not name.startswith(_NOT_COMPARED)
            if told and value not in known:
                known.append(value)
    return {name: known for name, known in values.items() if len(known) > 1}


def mixed(environments: Iterable[Mapping[str, Mapping[str, Any]]]) -> str:
    """A line that says in what environments of results differ that may change bits; empty where they do not."""
    different = differences(environments)
    said = [f"{name} {' and '.join(str(one) or 'none' for one in values)}" for name, values in different.items()]
    return f"the results come from environments that may give other bits: {'; '.join(said)}" if said else ""


def _plain(value: Any) -> str | bool | None:
    return value if value is None or isinstance(value, bool) else str(value)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """Linux says it in a file; elsewhere Python's own answer, which may be only the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
