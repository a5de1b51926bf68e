"""Settings whose wrong values are refused in one line, as everything else that a person supplies is.

Pydantic's own error has a line for each complaint, and more. A `CheckedModel` that is made by its name, as in
`Training(max_steps=0)`, raises `InputError` with the first of them. Where it is made inside another, as a learner in a
run, pydantic collects the complaints of all, and the outermost says the first with the whole path to it.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from syntagma.checked_call import flags_checked
from syntagma.errors import InputError, invalid, unknown


class CheckedModel(BaseModel):
    """Immutable settings of finite numbers and known fields only: `Training(batch_size=16).batch_size`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _kinds_are_kept(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Pydantic would take True for 1, "4" for 4, and "no" or 0 for False. Said together with its own complaints of
        other fields.
        """
        fields = cls.model_fields.items() if isinstance(given, Mapping) else ()
        wrong = [
            *(
                _no_number(name, given[name])
                for name, field in fields
                if isinstance(given.get(name), bool | str) and _holds_only(field.annotation, int, float)
            ),
            *(
                InitErrorDetails(type="bool_type", loc=(name,), input=given[name])
                for name, field in fields
                if isinstance(given.get(name), int | float | str) and not isinstance(given[name], bool)
                if _holds_only(field.annotation, bool)
            ),
        ]
        if not wrong:
            return validate(given)
        names = {one["loc"][0] for one in wrong if "loc" in one}
        try:
            validate(given)
        except ValidationError as error:
            others = [one for one in error.errors(include_url=False) if one["loc"][:1] not in {(n,) for n in names}]
            wrong += [_again(one) for one in others if one["loc"]]
        raise ValidationError.from_exception_data(cls.__name__, wrong)

    if not TYPE_CHECKING:  # type checkers are to see the fields as arguments

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise InputError(first_problem(error, settings)) from None

        @flags_checked
        def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
            """As pydantic's, but what is changed is looked at: `training.model_copy(update={"max_steps": 9})`."""
            copied = super().model_copy(deep=deep)
            if update is None:
                return copied
            if not isinstance(update, Mapping) or not all(isinstance(name, str) for name in update):
                raise invalid("update", update, "it must be a dictionary of settings by name", "Give {NAME: VALUE}")
            unchanged = {name: getattr(copied, name) for name in copied.model_fields_set if name not in update}
            return type(self)(**unchanged, **update)

        # As pydantic's RootModel does: a model inside another is then made without the method above, whose InputError
        # would lose the path to the field.
        __init__.__pydantic_base_init__ = True


def _no_number(name: str, value: Any) -> InitErrorDetails:
    quoted = isinstance(value, str) and re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", value)
    mend = "Give it without quotes" if quoted else "Give a number, as 1"
    text = str(invalid(name, value, "it must be a number", mend))
    problem = PydanticCustomError("value_error", "{text}", {"text": text})
    return {"type": problem, "loc": (name,), "input": value}


def _again(problem: ErrorDetails) -> InitErrorDetails:
    """A complaint that pydantic has made, to be made again."""
    kind: Any = problem["type"]  # pydantic's stub asks for a literal, and takes any text
    context = {name: value for name, value in problem.get("ctx", {}).items() if name != "error"}
    text: Any = problem["msg"].replace("{", "(").replace("}", ")")  # its braces would be taken for places to fill
    return {
        "type": PydanticCustomError(kind, text, context),
        "loc": problem["loc"],
        "input": problem["input"],
    }


def _holds_only(annotation: Any, *allowed: type) -> bool:
    """Whether a field's type is one of `allowed`, or some of them, or None besides."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return {*allowed, types.NoneType}.issuperset(kinds) and set(kinds) != {types.NoneType}


def first_problem(error: ValidationError, given: Any = None, option: str = "") -> str:
    """The first of pydantic's complaints as one line that names the field, and how many more there are.

    Args:
        error: what pydantic raised.
        given: the settings it refused, to tell fields from the kinds that pydantic puts between them.
        option: what stands before `field=value` where the settings were given, as "--set " on the command line.
    """
    problems = [one for one in error.errors(include_url=False) if one["type"] != "default_factory_not_called"]
    others = len(problems) - 1
    more = f" ({others} more such error{'s' if others > 1 else ''}.)" if others else ""
    return _said(problems[0], _field(problems[0]["loc"], given), option) + more


def _said(problem: Any, field: str, option: str) -> str:
    """One complaint in words."""
    reason = problem["msg"].removeprefix("Value error, ")
    context = problem.get("ctx", {})
    match problem["type"]:
        case "union_tag_invalid":
            kind = f"{field}.{_quoted(context['discriminator'])[0]}"
            return str(unknown(kind, context["tag"], _quoted(context["expected_tags"])))
        case "kind_unknown" if context["choices"]:
            return str(unknown(f"{field}.kind", context["kind"], context["choices"].split(", ")))
        case "kind_unknown":
            return f"{field}.kind: {context['text']}"
        case "kind_missing":
            choices = context["choices"]
            example = _example(f"{field}.kind", choices.split(", ")[0], option)
            return f"{field}.kind is missing: there are {choices}. Give one, as {example}."
        case "literal_error" if isinstance(problem["input"], str):
            return str(unknown(field, problem["input"], _quoted(context["expected"])))
        case "value_error":
            name = re.match(r"(\w+)=", reason)
            if problem["loc"] and name and isinstance(problem["input"], Mapping):  # said of one of its own fields
                return f"{field}.{reason}"
            if problem["loc"] and name and name[1] == problem["loc"][-1]:
                return field + reason.removeprefix(name[1])
            return f"{field}: {reason}" if problem["loc"] else reason
        case "extra_forbidden":
            return f"{field} is no setting here: leave it out."
        case "missing":
            return f"{field} is missing: give it."
        case "tuple_type" | "list_type" | "set_type" | "frozen_set_type":
            value = problem["input"]
            example = _example(field, f"[{value if _is_number(value) else '...'}]", option)
            return str(invalid(field, value, "it must be a list", f"Give a list, as {example}"))
        case "too_short":
            least = context["min_length"]
            return str(invalid(field, problem["input"], f"it must have at least {least}", "Give more"))
        case "int_type" | "int_parsing" | "int_from_float":
            example = _example(field, "3", option)
            allowed = "it must be a whole number"
            return str(invalid(field, problem["input"], allowed, f"Give an integer, as {example}"))
        case "float_type" | "float_parsing":
            example = _example(field, "0.5", option)
            return str(invalid(field, problem["input"], "it must be a number", f"Give one, as {example}"))
        case "bool_type" | "bool_parsing":
            example = _example(field, "true", option)
            return str(invalid(field, problem["input"], "it is true or false", f"Give one, as {example}"))
        case "model_type" | "dict_type" | "mapping_type" | "model_attributes_type":
            example = _example(f"{field}.NAME", "VALUE", option)
            reason = "it has settings of its own"
            return str(invalid(field, problem["input"], reason, f"Give them by name, as {example}"))
    return str(invalid(field, problem["input"], reason[:1].lower() + reason[1:]))


def _example(field: str, value: str, option: str) -> str:
    text = f"{field}={value}"
    if not option:
        return text
    return f"{option}'{text}'" if "[" in text else f"{option}{text}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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
