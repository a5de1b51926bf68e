"""Compiled programs kept on disk: a machine compiles each once, not once a process.

JAX's own cache, in the person's cache directory; the command's process and its workers find it in their environment. A
program is right for one processor, but JAX's key to it does not say which, and a home directory may serve a whole
cluster: so there is one directory for each kind of processor.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from pathlib import Path


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that turn the cache on; none where a person has chosen a directory or where it cannot be made."""
    if "JAX_COMPILATION_CACHE_DIR" in environment:
        return {}
    home = environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    directory = Path(home) / "syntagma" / "programs" / _processor_kind()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return {}
    if not os.access(directory, os.W_OK):
        return {}
    return {
        "JAX_COMPILATION_CACHE_DIR": str(directory),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def _processor_kind() -> str:
    """A name for processors that can run the same programs: a hash of the architecture, and on Linux what it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    known = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return hashlib.sha256("\n".join([platform.machine(), *known]).encode()).hexdigest()[:16]
