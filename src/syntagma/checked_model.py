"""Settings whose wrong values are refused in one line, as everything else that a person supplies is.

Pydantic's own error has a line for each complaint, and more. A `CheckedModel` that is made by its name, as in
`Training(max_steps=0)`, raises `InputError` with the first of them. Where it is made inside another, as a learner in a
run, pydantic collects the complaints of all, and the outermost says the first with the whole path to it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from syntagma.errors import InputError, invalid, unknown


class CheckedModel(BaseModel):
    """Immutable settings of finite numbers and known fields only: `Training(batch_size=16).batch_size`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    if not TYPE_CHECKING:  # type checkers are to see the fields as arguments

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise InputError(first_problem(error, settings)) from None

        # As pydantic's RootModel does: a model inside another is then made without the method above, whose InputError
        # would lose the path to the field.
        __init__.__pydantic_base_init__ = True


def first_problem(error: ValidationError, given: Any = None) -> str:
    """The first of pydantic's complaints as one line that names the field, and how many more there are.

    Args:
        error: what pydantic raised.
        given: the settings it refused, to tell fields from the kinds that pydantic puts between them.
    """
    problems = error.errors(include_url=False)
    first = problems[0]
    field = _field(first["loc"], given)
    reason = first["msg"].removeprefix("Value error, ")
    more = f" ({len(problems) - 1} more such errors.)" if len(problems) > 1 else ""
    context = first.get("ctx", {})
    if first["type"] == "union_tag_invalid":
        kind = f"{field}.{_quoted(context['discriminator'])[0]}"
        text = str(unknown(kind, context["tag"], _quoted(context["expected_tags"])))
    elif first["type"] == "literal_error" and isinstance(first["input"], str):
        text = str(unknown(field, first["input"], _quoted(context["expected"])))
    elif first["type"] == "value_error":
        text = f"{field}: {reason}" if first["loc"] else reason
    elif first["type"] == "missing":
        text = f"{field} is missing."
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
