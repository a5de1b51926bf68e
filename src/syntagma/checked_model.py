"""Settings whose wrong values are refused in one line, as everything else that a person supplies is.

Pydantic's own error has a line for each complaint, and more. A `CheckedModel` that is made by its name, as in
`Training(max_steps=0)`, raises `InputError` with the first of them. Where it is made inside another, as a learner in a
run, pydantic collects the complaints of all, and the outermost says the first with the whole path to it.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from syntagma.errors import InputError, invalid, unknown


class CheckedModel(BaseModel):
    """Immutable settings of finite numbers and known fields only: `Training(batch_size=16).batch_size`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _numbers_are_numbers(cls, given: Any) -> Any:
        """Pydantic would take True for 1, and "4" for 4."""
        for name, field in cls.model_fields.items():
            value = given.get(name) if isinstance(given, Mapping) else None
            if isinstance(value, bool | str) and _holds_numbers_only(field.annotation):
                raise invalid(name, value, "it must be a number", "Give it without quotes")
        return given

    if not TYPE_CHECKING:  # type checkers are to see the fields as arguments

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise InputError(first_problem(error, settings)) from None

        # As pydantic's RootModel does: a model inside another is then made without the method above, whose InputError
        # would lose the path to the field.
        __init__.__pydantic_base_init__ = True


def _holds_numbers_only(annotation: Any) -> bool:
    """Whether a field's type is int or float, or either or None."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return {int, float, types.NoneType}.issuperset(kinds) and set(kinds) != {types.NoneType}


def first_problem(error: ValidationError, given: Any = None) -> str:
    """The first of pydantic's complaints as one line that names the field, and how many more there are.

    Args:
        error: what pydantic raised.
        given: the settings it refused, to tell fields from the kinds that pydantic puts between them.
    """
    problems = [one for one in error.errors(include_url=False) if one["type"] != "default_factory_not_called"]
    first = problems[0]
    field = _field(first["loc"], given)
    reason = first["msg"].removeprefix("Value error, ")
    others = len(problems) - 1
    more = f" ({others} more such error{'s' if others > 1 else ''}.)" if others else ""
    context = first.get("ctx", {})
    if first["type"] == "union_tag_invalid":
        kind = f"{field}.{_quoted(context['discriminator'])[0]}"
        text = str(unknown(kind, context["tag"], _quoted(context["expected_tags"])))
    elif first["type"] == "literal_error" and isinstance(first["input"], str):
        text = str(unknown(field, first["input"], _quoted(context["expected"])))
    elif first["type"] == "value_error":
        text = f"{field}: {reason}" if first["loc"] else reason
    elif first["type"] == "extra_forbidden":
        text = f"{field} is no setting here: leave it out."
    elif first["type"] == "missing":
        text = f"{field} is missing: give it."
    else:
        text = str(invalid(field, first["input"], reason[:1].lower() + reason[1:]))
    return text + more


def _field(location: tuple[str | int, ...], given: Any) -> str:
    """The dotted name of a field; what stands between two fields and is none in `given` is left out."""
    names: list[str] = []
    here: Any = given
    for place, part in enumerate(location):
        children: Any = dict(enumerate(here)) if isinstance(here, list | tuple) else here
        inside = isinstance(children, dict) and part in children
        if inside or here is None or place == len(location) - 1:
            names.append(str(part))
            here = children[part] if inside else None
    return ".".join(names) or "settings"


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)
