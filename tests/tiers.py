"""The two tiers of the tests: what `make test` runs, and what only `make slow` does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slow_but(quick: Iterable[Any], cases: Iterable[Any]) -> list[Any]:
    """All `cases` for `pytest.mark.parametrize`; those not among `quick` are of the slow tier."""
    kept, all_cases = list(quick), list(cases)
    assert all(case in all_cases for case in kept), "a case of the quick tier is no case"
    return [case if case in kept else _slow(case) for case in all_cases]


def _slow(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
