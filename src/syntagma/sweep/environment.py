"""The machine and the versions that produced a result, without anything that names a person's computer."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

_PACKAGES = ("numpy", "scipy", "jax", "jaxlib", "equinox", "optax", "syntagma")


def environment() -> dict[str, dict[str, Any]]:
    """`{"machine": {...}, "versions": {...}}`; no host name, user name or path.

    `machine`: `processor` (model name), `cores` (those this process may use), `platform` (system and architecture).
    `versions`: Python and the libraries that numbers depend on, None where not installed. Nothing is imported for it.
    """
    return {
        "machine": {
            "processor": _processor(),
            "cores": _usable_cores(),
            "platform": f"{platform.system()} {platform.machine()}",
        },
        "versions": {"python": platform.python_version()} | {package: _version(package) for package in _PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _usable_cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _processor() -> str:
    """Linux says it in a file; elsewhere Python's own answer, which may be only the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
