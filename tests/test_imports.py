"""The arrow of imports, read from the source, and what a bare import or `--help` may load."""

from __future__ import annotations

import ast
import graphlib
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
    "theory", "curves", "scoring", "plot", "sweep", "datasets", "studies", "report", "cli", "__main__",
)  # fmt: skip
"""Each may import from itself and from what stands to its left."""
ANYWHERE = {
    "atomic_file",
    "checked_call",
    "checked_model",
    "errors",
    "estimate",
    "extensions",
    "notebook",
    "randomness",
    "regular_file",
}
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


def modules_of(root: Path) -> dict[str, Path]:
    """Every module below `root`, the package's folder, by its full name."""
    names = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imports_between(modules: dict[str, Path]) -> dict[str, set[str]]:
    """The modules that each imports by name: at the top, inside functions, and for types alone.

    `from package import module` is an import of the module, `from package import name` one of the package.
    """
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                inside = (f"{node.module}.{alias.name}" for alias in node.names)
                named.update(name if name in modules else node.module for name in inside)
        graph[module] = named & modules.keys() - {module}
    return graph


def test_no_two_modules_import_each_other() -> None:
    """Not over other modules, nor for types alone: each can be read with what it imports, and without the rest."""
    graph = imports_between(modules_of(SOURCE))
    assert len(graph) > 100
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_a_circle_over_types_and_functions_is_found(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("from pack.a import x")
    (package / "a.py").write_text("if TYPE_CHECKING:\n    from pack import b")
    (package / "b.py").write_text("def f():\n    import pack.c")
    (package / "c.py").write_text("from pack.a import x")
    graph = imports_between(modules_of(package))
    assert graph == {"pack": {"pack.a"}, "pack.a": {"pack.b"}, "pack.b": {"pack.c"}, "pack.c": {"pack.a"}}
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(graph).prepare()


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
