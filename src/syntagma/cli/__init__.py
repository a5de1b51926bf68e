"""The command line: `syntagma list | forecast | predict | sample | export | run | fit | score | report | results`, ...

Whatever a person got wrong ends in one line on standard error and exit code 2, before anything is written.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from syntagma.cli import program_cache
from syntagma.errors import InputError

__all__ = ["main"]

BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command in `arguments` (default: the process's own) and leave with its exit code."""
    from typer import TyperException

    from syntagma.cli.commands import app
    from syntagma.sweep.endings import endings_raised

    for shown in (sys.stdout, sys.stderr):
        if isinstance(shown, io.TextIOWrapper):
            shown.reconfigure(errors="backslashreplace")  # names of files need not be text
    os.environ.update(program_cache.settings(os.environ))
    try:
        with endings_raised():
            code = app(None if arguments is None else list(arguments), prog_name="syntagma", standalone_mode=False)
    except TyperException as error:
        _fail(error.format_message())
    except ValueError as error:
        _fail(_explained(error))
    else:
        sys.exit(code or 0)


def _explained(error: ValueError) -> str:
    """The line to show for bad input; any other error is a fault of the program and is raised again."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        from syntagma.checked_model import first_problem

        return first_problem(error)
    if not isinstance(error, InputError):
        raise error
    return str(error)


def _fail(message: str) -> None:
    line = " ".join(message.split()).encode("utf-8", "backslashreplace").decode()
    print("error:", line, file=sys.stderr)
    sys.exit(BAD_INPUT)
