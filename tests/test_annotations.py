"""What tests run under: `pytest --shapes` understands all annotations, and refuses what they do not allow."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
import warnings
from collections.abc import Iterator
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Float, Integer, TypeCheckError, jaxtyped

import syntagma
from run_time_types import PARTS, checked
from syntagma.languages._chains import log_sum

NOT_CHECKED = {
    ("syntagma.curves.curve", "pd.DataFrame"),  # pandas is imported late, for a quick start
    ("syntagma.probes.probe", "Mapping[str, pd.DataFrame]"),
    ("syntagma.randomness", "jax.Array"),  # so is JAX
    ("syntagma.randomness", "list[jax.Array]"),
    ("syntagma.kernels.patterns", "Architecture"),  # which imports it
    ("syntagma.languages.corpora._spool", "tuple[array[int], array[int]]"),  # has no subscript before Python 3.12
}
"""Annotations that name what is not there at run time; jaxtyping takes each for `Any`."""


def functions_of(holder: Any, module: str) -> Iterator[Any]:
    """The functions that a module's namespace, or a class's, defines, also inside its classes."""
    for thing in list(vars(holder).values()):
        if isinstance(thing, property):
            thing = thing.fget
        thing = inspect.unwrap(getattr(thing, "__func__", getattr(thing, "func", thing)))
        if getattr(thing, "__module__", None) != module:
            continue
        if inspect.isclass(thing):
            yield from functions_of(thing, module)
        elif inspect.isfunction(thing):
            yield thing


def understood(annotation: Any, names: dict[str, Any]) -> bool:
    """As jaxtyping's hook finds out."""

    def holder(value: Any) -> None: ...

    holder.__annotations__ = {"value": annotation}
    try:
        typing.get_type_hints(holder, names, include_extras=True)
    except Exception:
        return False
    return True


def test_every_annotation_is_understood() -> None:
    """One that is not would be checked by nobody, without a word: a name that is missing, a shape that is misspelt."""
    missed, seen = set(), 0
    for info in pkgutil.walk_packages(syntagma.__path__, "syntagma."):
        if info.name.split(".")[1] not in PARTS:
            continue
        for function in functions_of(importlib.import_module(info.name), info.name):
            for annotation in inspect.get_annotations(function).values():
                seen += 1
                if not understood(annotation, function.__globals__):
                    missed.add((info.name, annotation))
    assert seen > 3000
    assert missed <= NOT_CHECKED


def test_misspelt_annotations_are_found() -> None:
    assert understood('Float[np.ndarray, "n T"]', globals())
    assert not understood('Float[np.ndarray, "*n *T"]', globals())
    assert not understood('Float[np.ndaray, "n"]', globals())


def test_calls_are_checked_where_that_was_asked_for(request: pytest.FixtureRequest) -> None:
    whole_numbers = np.zeros((2, 3), int)
    if request.config.getoption("shapes"):
        with pytest.raises(TypeCheckError, match="log_sum"):
            log_sum(whole_numbers)
    else:
        np.testing.assert_allclose(log_sum(whole_numbers), np.log(3))


@jaxtyped(typechecker=checked)
def product(x: Float[np.ndarray, "n T"], scale: float, power: int = 1) -> Float[np.ndarray, " n"]:
    return (x**power).sum(1 if power < 5 else 0) * scale


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((np.zeros(3), 1.0), "parameter 'x'"),
        ((np.zeros((3, 2), int), 1.0), "parameter 'x'"),
        ((np.zeros((3, 2)), "1"), "parameter 'scale'"),
        ((np.zeros((3, 2)), 1.0, 1.5), "parameter 'power'"),
        ((np.zeros((3, 2)), 1.0, 5), "return value"),
    ],
)
def test_what_annotations_do_not_allow_is_refused(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(TypeCheckError, match=said):
        product(*arguments)


def test_numbers_may_be_numpy_s_and_floats_whole() -> None:
    assert product(np.ones((3, 2)), 2, np.int64(2)).tolist() == [4.0] * 3
    assert product(np.ones((3, 2)), np.float32(2)).tolist() == [4.0] * 3


def test_a_method_may_return_its_own_type() -> None:
    class Counter:
        @jaxtyped(typechecker=checked)
        def more(self, by: Integer[np.ndarray, ""]) -> Self:
            return self

    assert isinstance(Counter().more(np.array(1)), Counter)
    with pytest.raises(TypeCheckError, match="parameter 'by'"):
        Counter().more(np.array([1]))


def test_warnings_are_errors() -> None:
    with pytest.raises(UserWarning, match="of a library"):
        warnings.warn("of a library", stacklevel=1)


def test_dtypes_are_not_mixed_without_a_word() -> None:
    with pytest.raises(ValueError, match="no available implicit dtype promotion"):
        _ = jnp.zeros(2, jnp.float32) + jnp.zeros(2, jnp.int32)
