"""What this process may use of the machine: cores and memory, in a container those of the container."""

from __future__ import annotations

import os
from pathlib import Path

_CONTROL_GROUP = Path("/sys/fs/cgroup")


def usable_cores(control_group: Path = _CONTROL_GROUP) -> int:
    """Cores that this process may use: those it may run on, and no more than its container's share of time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _text(control_group / "cpu.max").partition(" ")
    if quota.isdecimal() and period.isdecimal() and int(period):
        cores = min(cores, max(1, round(int(quota) / int(period))))
    return cores


def usable_memory(control_group: Path = _CONTROL_GROUP) -> int:
    """Bytes of memory that this process may use: the machine's, and no more than its container's."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _text(control_group / "memory.max")
    return min(there, int(limit)) if limit.isdecimal() else there


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
