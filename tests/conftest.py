"""What all tests run under: strict promotion of dtypes, compiled programs kept on disk, and calls checked on demand.

`pytest --shapes` checks arguments and results of every call against their annotations, shapes of arrays included.
`make shapes` runs the files that way whose tests are quick: all of them take 16 % longer, and two seconds a process.
"""

from __future__ import annotations

import os
from typing import Any

import jaxtyping
import pytest

from run_time_types import PARTS
from syntagma.cli import program_cache
from syntagma.errors import InputError

os.environ.setdefault("JAX_NUMPY_DTYPE_PROMOTION", "strict")  # JAX reads it when it is imported; processes inherit it
os.environ |= program_cache.settings(os.environ)  # most of what the tests take is compiling: each program once


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "check arguments and results against their annotations, shapes of arrays included"
    parser.addoption("--shapes", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("shapes"):
        parts = [f"syntagma.{part}" for part in PARTS]
        jaxtyping.install_import_hook(parts, "run_time_types.checked")
        # beartype looks at one item of a list, chosen by `random`, also in Hypothesis's strategies.
        warned = "Do not use the `random` module inside strategies"
        config.addinivalue_line("filterwarnings", f"ignore:{warned}:hypothesis.errors.HypothesisDeprecationWarning")


class _Unchecked:
    """A context in which annotations are not checked, around another."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __enter__(self) -> Any:
        jaxtyping.config.update("jaxtyping_disable", True)
        return self._inner.__enter__()

    def __exit__(self, *raised: Any) -> Any:
        jaxtyping.config.update("jaxtyping_disable", False)
        return self._inner.__exit__(*raised)


def _of_wrong_arguments(expected: Any) -> bool:
    return isinstance(expected, type) and issubclass(InputError, expected)


@pytest.fixture(autouse=True)
def _refusals_are_the_library_s_own(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside `pytest.raises(InputError)` a wrong argument is to reach the library, whose one line is what is tested."""
    raises = pytest.raises

    def without_types(expected: Any, *given: Any, **options: Any) -> Any:
        context = raises(expected, *given, **options)
        return _Unchecked(context) if not given and _of_wrong_arguments(expected) else context

    if request.config.getoption("shapes"):
        monkeypatch.setattr(pytest, "raises", without_types)
