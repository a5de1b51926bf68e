"""What users add: files of their own, imported by path, once each and under a name that tells where they are from."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from syntagma.errors import InputError, invalid


def module_of_file(path: str | Path, field: str) -> ModuleType:
    """The module in the Python file `path`, imported once: `module_of_file("my_study.py", "study")`.

    Importing runs the file, as Python's own import does: a user's own code, never part of a store or results.

    Args:
        field: what the file is given as, for messages.

    Raises:
        InputError: there is no such file, or it cannot be imported; the first line of why.
    """
    file = Path(path)
    try:
        if not file.is_file():
            raise invalid(field, str(path), "there is no such file", "Check the path")
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        raise invalid(field, str(path), f"it cannot be read, {error}", "Check the path") from None
    name = f"{file.stem}_{hashlib.sha256(content).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise invalid(field, str(path), "it is no Python file", "Its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except InputError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        line = " ".join(str(error).split())
        raise InputError(f"{field}={str(path)!r} cannot be imported: {type(error).__name__}: {line}.") from error
    return module
