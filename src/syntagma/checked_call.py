"""What a function is given, looked at against its own signature before it runs.

    @checked
    def forecast(gamma: float, beta: float) -> float: ...

    forecast("x", 1)    # InputError: gamma='x' cannot be used: it must be a number. Give a number, as 0.5.

One rule a kind of annotation, wherever it stands: whole numbers (of 64 bits) and numbers are no truth values and no
text; numbers and arrays of numbers are finite, but where the default is not or the function says so; arrays have the
number of axes and the type of their shape annotation, and the same letter means one length in one call; names are among
those of their `Literal`; everything else is an instance of its class. Lists of numbers become arrays where an array is
asked for, and what can be read once only becomes a tuple. What a value means (a token below `vocab`, a lag shorter than
the text) is for the function to say. Annotations that are only there for type checkers are not looked at.

Cost: some tens of microseconds a call, and one pass over real arrays.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import math
import numbers
import operator
import os
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, overload

import numpy as np
from numpy.typing import ArrayLike

from syntagma.errors import InputError, invalid, unknown, whole_number

T = TypeVar("T", bound=Callable[..., Any])
_LARGEST = 2**63 - 1
_ARRAY_LIKE = frozenset(get_args(ArrayLike))  # a union, which joins the one it stands in
_KINDS = {"Integer": "iu", "Int": "iu", "UInt": "iu", "Bool": "b", "Float": "iuf", "Num": "iuf", "Real": "iuf"}
"""Kinds of NumPy's types that pass for each of jaxtyping's."""
_LIMITS = {
    "ge": (operator.ge, "at least"),
    "gt": (operator.gt, "above"),
    "le": (operator.le, "at most"),
    "lt": (operator.lt, "below"),
}


@overload
def checked(function: T, /) -> T: ...
@overload
def checked(*, not_finite: Collection[str] = ()) -> Callable[[T], T]: ...
def checked(function: Any = None, /, *, not_finite: Collection[str] = ()) -> Any:
    """A function, method or class whose arguments are looked at first.

    Args:
        function: what is called; of a class, what makes its instances.
        not_finite: arguments that may be, or hold, NaN and infinity.
    """
    if function is None:
        return functools.partial(_checked, not_finite=frozenset(not_finite))
    return _checked(function, frozenset())


def flags_checked(function: T) -> T:
    """`checked`, of arguments that are True or False alone: for what has a gate of its own for all others."""
    return _checked(function, frozenset(), only=(bool, bool | None))


def _checked(function: Any, not_finite: frozenset[str], only: Collection[Any] | None = None) -> Any:
    if isinstance(function, type):
        setattr(function, "__init__", _checked(function.__init__, not_finite, only))  # noqa: B010
        return function
    signature = inspect.signature(function)

    @functools.cache
    def rules() -> Mapping[str, tuple[Any, bool]]:
        """Each argument's annotation, and whether it may be other than finite."""
        found = {}
        for name, parameter in signature.parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            hint = _hint_of(function, name)
            if hint is not Any and (only is None or hint in only):
                found[name] = hint, name in not_finite or _is_not_finite(parameter.default)
        return found

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        lengths: dict[str, tuple[int, str]] = {}
        for name, (hint, any_number) in rules().items():
            if name in bound.arguments:
                bound.arguments[name] = _Check(lengths, any_number).passed(name, bound.arguments[name], hint)
        return function(*bound.args, **bound.kwargs)

    return call


class _Check:
    """The rules, for one argument of one call.

    Attributes:
        lengths: of axes that arguments before had, by letter: the length, and whose it was.
        any_number: whether NaN and infinity may pass.
    """

    def __init__(self, lengths: dict[str, tuple[int, str]], any_number: bool) -> None:
        self.lengths = lengths
        self.any_number = any_number

    def passed(self, field: str, given: Any, hint: Any) -> Any:
        """`given`, as the function takes it.

        Raises:
            InputError: it is not what `hint` asks for.
        """
        origin, inside = get_origin(hint), get_args(hint)
        if hint is Any or hint is object or isinstance(hint, TypeVar):
            return given
        if origin is typing.Annotated:  # first: it has all attributes of what it annotates
            return self._within(field, given, inside[0], inside[1:])
        if hint is ArrayLike:
            return self.array(field, given, "iuf", None)
        if hasattr(hint, "dim_str"):
            return self._annotated_array(field, given, hint)
        if origin in (Union, types.UnionType):
            return self._one_of(field, given, inside)
        if origin is Literal:
            if not any(type(given) is type(choice) and given == choice for choice in inside):
                raise unknown(field, given, inside)
            return given
        if origin is collections.abc.Callable or hint is Callable:
            if not callable(given):
                raise invalid(field, given, "it must be something to call", "Give a function")
            return given
        if origin is type:
            if not isinstance(given, type):
                raise invalid(field, given, "it must be a class", "Give one")
            return given
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self._mapping(field, given, inside)
        if isinstance(origin, type) and issubclass(origin, Iterable):
            return self._several(field, given, origin, inside)
        return self._single(field, given, origin or hint)

    def _single(self, field: str, given: Any, kind: Any) -> Any:
        if kind is bool:
            if not isinstance(given, bool | np.bool_):
                raise invalid(field, given, "it is True or False", "Give one of them")
            return bool(given)
        if kind is int:
            number = whole_number(field, _plain(given), minimum=-_LARGEST - 1)
            if number > _LARGEST:
                raise invalid(field, given, "whole numbers have 64 bits at the most", "Lower it")
            return number
        if kind is float:
            return self._number(field, given)
        if kind is types.NoneType:
            if given is not None:
                raise invalid(field, given, "it must be None", f"Leave out {field}")
            return given
        if not isinstance(kind, type):
            return given
        try:
            fits = isinstance(given, kind)
        except TypeError:  # a protocol without a look at run time
            return given
        if not fits:
            if isinstance(given, type) and issubclass(given, kind):
                raise invalid(field, given.__name__, "it is a class", f"Make one, as {given.__name__}()")
            article = "an" if kind.__name__[0] in "AEIOU" else "a"
            name = {"str": "text", "PathLike": "a path"}.get(kind.__name__, f"{article} {kind.__name__}")
            raise invalid(field, given, f"it is {_kind(given)}, not {name}", f"Give {name}")
        return given

    def _within(self, field: str, given: Any, hint: Any, limits: Sequence[Any]) -> Any:
        """What has limits besides, as pydantic's PositiveInt has; a text names the axes of what is like an array."""
        axes = next((limit.split() for limit in limits if isinstance(limit, str)), None)
        value = self.array(field, given, "iuf", axes) if axes else self.passed(field, given, hint)
        for limit in limits:
            for name, (holds, word) in _LIMITS.items():
                end = getattr(limit, name, None)
                if end is not None and not np.all(holds(value, end)):
                    wrong = value[~holds(value, end)][0] if np.ndim(value) else value
                    raise invalid(field, wrong, f"it must be {word} {end}", f"Give a number {word} {end}")
        return value

    def _number(self, field: str, given: Any) -> float:
        given = _plain(given)
        if not isinstance(given, numbers.Real) or isinstance(given, bool):
            raise invalid(field, given, "it must be a number", "Give a number, as 0.5")
        try:
            number = float(given)
        except OverflowError:
            raise invalid(field, given, "it is larger than any number of 64 bits", "Lower it") from None
        if not self.any_number and not math.isfinite(number):
            raise invalid(field, given, "it must be a finite number", "Give a number, as 0.5")
        exact = isinstance(given, float) or (isinstance(given, int) and abs(int(given)) <= _LARGEST)
        return given if exact else number  # pyright: ignore[reportReturnType]  # a whole number stays one

    def _one_of(self, field: str, given: Any, hints: Sequence[Any]) -> Any:
        if given is None and types.NoneType in hints:
            return None
        rest = [hint for hint in hints if hint is not types.NoneType]
        if _ARRAY_LIKE.issubset(rest):
            rest = [ArrayLike, *(hint for hint in rest if hint not in _ARRAY_LIKE)]
        problems: list[InputError] = []
        for hint in rest:
            before = dict(self.lengths)
            try:
                return self.passed(field, given, hint)
            except InputError as error:
                self.lengths.clear()
                self.lengths.update(before)
                problems.append(error)
        scalar = given.ndim == 0 if isinstance(given, np.ndarray) else not _is_line(given)
        last = get_origin(rest[-1])
        if isinstance(last, type) and issubclass(last, Mapping):
            scalar = not isinstance(given, Mapping)  # who gives no names is told of what else there is
        raise problems[0 if scalar else -1]

    def _mapping(self, field: str, given: Any, inside: Sequence[Any]) -> Any:
        if not isinstance(given, Mapping):
            raise invalid(field, given, "it must be a dictionary", "Give a value for each name")
        if len(inside) == 2:
            for name, value in given.items():
                self.passed(f"a name of {field}", name, inside[0])
                self._inner(f"{field}[{name!r}]", value, inside[1])
        return given

    def _several(self, field: str, given: Any, origin: type, inside: Sequence[Any]) -> Any:
        ordered = origin not in (collections.abc.Iterable, collections.abc.Collection, collections.abc.Set)
        unordered = isinstance(given, Mapping | collections.abc.Set)
        if not _is_line(given) or (ordered and unordered) or (isinstance(given, np.ndarray) and given.ndim == 0):
            raise invalid(field, given, "it must be a list", "Give a list, as [...]")
        if not isinstance(given, collections.abc.Collection | np.ndarray):
            given = tuple(given)
        if origin is tuple and inside and inside[-1] is not Ellipsis:
            if len(given) != len(inside):
                raise invalid(field, given, f"it must be {len(inside)} values", f"Give {len(inside)}")
            kinds: Sequence[Any] = inside
        else:
            kinds = [inside[0] if inside else Any] * len(given)
        ones = [self._inner(f"{field}[{i}]", *pair) for i, pair in enumerate(zip(given, kinds, strict=True))]
        return tuple(ones) if origin is tuple and not hasattr(given, "_fields") else given

    def _inner(self, field: str, given: Any, hint: Any) -> Any:
        """One of several, whose axes are its own."""
        return _Check({}, self.any_number).passed(field, given, hint)

    def _annotated_array(self, field: str, given: Any, hint: Any) -> Any:
        name = hint.__name__.split("[")[0]
        if name == "Key":
            return _checked_key(field, given)
        kinds = _KINDS.get(name)
        if kinds is None or hint.array_type is not np.ndarray:
            return given
        return self.array(field, given, kinds, hint.dim_str.split())

    def array(self, field: str, given: Any, kinds: str, axes: Sequence[str] | None) -> np.ndarray:
        """`given` as an array of numbers of `kinds`, with the named `axes`; any number of them where that is None.

        Raises:
            InputError: it is none, or one of other axes, lengths, types, or not of finite numbers.
        """
        try:
            array = given if isinstance(given, np.ndarray) else np.asarray(given)
        except (ValueError, TypeError, OverflowError):
            raise invalid(field, given, "it must be an array of numbers", "Give rows of one length") from None
        if array.dtype.kind not in kinds:
            wanted = {"iu": "whole numbers", "b": "truth values"}.get(kinds, "numbers")
            if array.ndim == 0 and not isinstance(given, np.ndarray | np.generic):
                raise invalid(field, given, f"it must be an array of {wanted}", "Give one")
            raise invalid(f"{field}.dtype", str(array.dtype), f"it must be {wanted}", f"Give an array of {wanted}")
        if axes is not None:
            self._check_axes(field, array.shape, axes)
        if "f" in kinds and not self.any_number and array.dtype.kind == "f" and not np.isfinite(array).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            where = f"{field}[{', '.join(map(str, place))}]" if place else field
            raise invalid(where, float(array[place]), "it must be a finite number", "Leave out what is none")
        return array.astype(np.float64) if kinds == "iuf" and array.dtype.kind != "f" else array

    def _check_axes(self, field: str, shape: tuple[int, ...], axes: Sequence[str]) -> None:
        named = [axis for axis in axes if axis[:1] != "*" and axis != "..."]
        free = len(named) < len(axes)
        if len(shape) < len(named) or (len(shape) > len(named) and not free):
            allowed = f"it must have {len(named)} {'axis' if len(named) == 1 else 'axes'}{' or more' if free else ''}"
            raise invalid(f"{field}.shape", shape, allowed, f"Give [{', '.join(axes)}]")
        if free:
            return
        for axis, length in zip(axes, shape, strict=True):
            if axis.isdigit() and length != int(axis):
                raise invalid(f"{field}.shape", shape, f"it must be [{', '.join(axes)}]")
            letter, sign, more = axis.partition("+" if "+" in axis else "-")
            shift = int(sign + more) if more.isdigit() else 0
            if letter.isidentifier() and (shift or not sign):
                wanted, whose = self.lengths.setdefault(letter, (length - shift, field))
                if length != wanted + shift:
                    beside = f", so it must be {wanted + shift}" if shift else f" where it has {length}"
                    raise invalid(f"{field}.shape", shape, f"{whose} has {wanted}{beside}", "Give one for each")


def _checked_key(field: str, given: Any) -> Any:
    """One JAX key, new or old: a value of JAX's type of keys, or two numbers of 32 bits.

    Raises:
        InputError: it is none.
    """
    import jax

    shape, dtype = getattr(given, "shape", None), getattr(given, "dtype", None)
    new = isinstance(given, jax.Array) and jax.numpy.issubdtype(given.dtype, jax.dtypes.prng_key) and shape == ()
    if not new and not (isinstance(given, jax.Array | np.ndarray) and (shape, dtype) == ((2,), np.uint32)):
        what = f"an array of shape {shape}, {dtype}" if isinstance(given, jax.Array | np.ndarray) else _kind(given)
        raise invalid(field, given, f"it is {what}, not one JAX key", "Give one, as jax.random.key(0)")
    return given


def _hint_of(function: Any, name: str) -> Any:
    """The annotation of an argument; Any where there is none, or where it names what only type checkers import."""
    annotations = getattr(function, "__annotations__", {})
    if name not in annotations:
        return Any
    alone = types.SimpleNamespace(__annotations__={name: annotations[name]})
    try:
        return typing.get_type_hints(alone, function.__globals__, include_extras=True)[name]
    except NameError:
        return Any


def _plain(given: Any) -> Any:
    """A number from an array without axes; anything else as it is."""
    if not isinstance(given, np.generic | str | bytes) and hasattr(given, "dtype") and getattr(given, "ndim", 1) == 0:
        return np.asarray(given)[()]
    return given


def _is_not_finite(default: Any) -> bool:
    if isinstance(default, tuple):
        return any(map(_is_not_finite, default))
    return isinstance(default, float) and not math.isfinite(default)


def _is_line(given: Any) -> bool:
    return isinstance(given, Iterable) and not isinstance(given, str | bytes | os.PathLike)


def _kind(given: object) -> str:
    return "None" if given is None else f"of type {type(given).__name__}"
