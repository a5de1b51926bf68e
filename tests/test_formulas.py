"""Every formula of the theory and of the kernels says where it holds and where it is from."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import syntagma

_ROOT = Path(syntagma.__file__).parent
_MODULES = sorted(path for part in ("theory", "kernels") for path in (_ROOT / part).rglob("*.py"))


def formulas(doc: str) -> list[str]:
    """Indented lines with an equation that are no Python: they have no call whose arguments are keywords."""
    lines = [line for line in doc.splitlines() if line.startswith("    ") and re.search(r"[^=!<>]=[^=]| ~ ", line)]
    return [line for line in lines if not re.search(r"\w\(.*\w=\S|^\s*\w+(, \w+)* = \w+[.(]", line)]


@pytest.mark.parametrize("path", _MODULES, ids=lambda path: str(path.relative_to(_ROOT)))
def test_a_formula_has_its_regime_and_its_source(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    if formulas(doc):
        assert "Regime" in doc or "regime" in doc, formulas(doc)[0]
        assert re.search("Source|[Dd]erived here|derived there|Derivation", doc), formulas(doc)[0]


def test_formulas_are_told_from_calls() -> None:
    assert formulas("As:\n\n    K(x, y) = k(x) k(y)\n\n    gram(x, samples=4).matrix\n    a ~ b") == [
        "    K(x, y) = k(x) k(y)", "    a ~ b",
    ]  # fmt: skip
