"""The arrow of imports, read from the source, and what a bare import or `--help` may load."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import syntagma

SOURCE = Path(syntagma.__file__).parent
ORDER = (
    "languages", "oracles", "statistics", "tasks", "kernels", "learners", "probes",
    "theory", "curves", "plot", "sweep", "studies", "report", "cli", "__main__",
)  # fmt: skip
"""Each may import from itself and from what stands to its left."""
ANYWHERE = {"checked_model", "errors", "estimate", "extensions", "randomness", "regular_file"}
HEAVY = {"jax", "jaxlib", "equinox", "optax", "matplotlib", "pandas", "plotly", "pyarrow"}
SECONDS_ALLOWED = 1.0


def imported_parts(source: str) -> Iterator[str]:
    """The part of `syntagma` (its first name below the package) that each import names, type checking apart."""
    pending: list[ast.AST] = [ast.parse(source)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            pending.extend(node.orelse)
            continue
        pending.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"line {node.lineno}: relative imports hide the arrow")
        if isinstance(node, ast.ImportFrom) and node.module == "syntagma":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("syntagma."):
            yield (node.module or "").split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("syntagma."))


def part_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def forbidden(part: str, source: str) -> set[str]:
    """What a file of `part` imports although it stands to its right, or has no place in the order."""
    used = set(imported_parts(source)) - ANYWHERE - {"__version__"}
    allowed = set() if part in ANYWHERE else set(ORDER[: ORDER.index(part) + 1])
    return used - allowed


def source_files() -> list[Path]:
    return [path for path in sorted(SOURCE.rglob("*.py")) if path != SOURCE / "__init__.py"]


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(path)
    assert part in {*ORDER, *ANYWHERE}, f"{part} has no place in the order of parts"
    assert forbidden(part, path.read_text()) == set()


def test_the_arrow_is_checked_inside_functions_but_not_for_types() -> None:
    inside = "def f():\n    from syntagma.report.page import write_page"
    typing_only = "if TYPE_CHECKING:\n    from syntagma.report.page import write_page"
    assert forbidden("languages", inside) == {"report"}
    assert forbidden("languages", "import syntagma.report.page") == {"report"}
    assert forbidden("languages", "from syntagma import cli") == {"cli"}
    assert forbidden("languages", typing_only) == set()
    assert forbidden("cli", inside) == set()


def loaded_by(code: str) -> tuple[set[str], float]:
    """The modules a fresh process has after `code`, and the least CPU seconds of three such processes.

    CPU time, because these tests run beside others: on an idle core it is the time that passes.
    """
    report = "import json, sys, time; print(json.dumps([sorted(sys.modules), time.process_time()]))"
    seconds, modules = [], set()
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
        names, took = json.loads(done.stdout.splitlines()[-1])
        seconds.append(took)
        modules = {name.split(".")[0] for name in names}
    return modules, min(seconds)


HELP = """
import sys
from syntagma.cli import main
sys.argv = ["syntagma", "--help"]
try:
    main()
except SystemExit as leaving:
    assert not leaving.code
"""


@pytest.mark.parametrize("code", ["import syntagma", HELP], ids=["import", "help"])
def test_import_and_help_are_light_and_quick(code: str) -> None:
    modules, seconds = loaded_by(code)
    assert "syntagma" in modules
    assert modules & HEAVY == set()
    assert seconds < SECONDS_ALLOWED


def test_public_names_are_found_when_asked_for() -> None:
    for name in syntagma.__all__:
        assert getattr(syntagma, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Langage'"):
        _ = syntagma.Langage
